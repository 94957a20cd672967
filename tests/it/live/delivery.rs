//! Events that LaunchDarkly did not take: the run says so, and they can be sent later.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use serde_json::Value;

use super::program::{Site, ran};

/// Copies bytes from one connection to the other until one ends.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 16_384];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Both);
    let _ = from.shutdown(std::net::Shutdown::Both);
}

/// A way to a server on which events are refused after so many payloads, while `down`. Its address,
/// and how many payloads it let through.
fn gateway(to: &str, after: u32, down: Arc<AtomicBool>) -> (String, Arc<AtomicU32>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (to, came) = (to.to_owned(), Arc::new(AtomicU32::new(0)));
    let count = Arc::clone(&came);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, to) = (stream.unwrap(), TcpStream::connect(&to).unwrap());
            let (count, down) = (Arc::clone(&count), Arc::clone(&down));
            std::thread::spawn(move || {
                let mut start = [0; 10];
                if stream.peek(&mut start).is_ok() && &start == b"POST /bulk" {
                    // One payload a connection, so that each is seen here.
                    let (head, body) = request(&mut stream);
                    if down.load(Ordering::SeqCst) && count.load(Ordering::SeqCst) >= after {
                        let _ = stream.write_all(b"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                        return;
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                    let mut to = to;
                    to.write_all(head.replacen("\r\n", "\r\nconnection: close\r\n", 1).as_bytes())
                        .unwrap();
                    to.write_all(&body).unwrap();
                    copy(to, stream);
                    return;
                }
                let (back, forth) = (to.try_clone().unwrap(), stream.try_clone().unwrap());
                std::thread::spawn(move || copy(back, forth));
                copy(stream, to);
            });
        }
    });
    (address, came)
}

/// The head and the body of a request.
fn request(stream: &mut TcpStream) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 16_384];
    loop {
        let length = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..length]);
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..at + 4].to_vec()).unwrap();
            let lower = head.to_ascii_lowercase();
            let body: usize = lower
                .split("content-length: ")
                .nth(1)
                .unwrap()
                .split("\r\n")
                .next()
                .unwrap()
                .parse()
                .unwrap();
            while bytes.len() < at + 4 + body {
                let length = stream.read(&mut buffer).unwrap();
                assert!(length > 0, "the request broke off");
                bytes.extend_from_slice(&buffer[..length]);
            }
            return (head, bytes[at + 4..].to_vec());
        }
        assert!(length > 0, "the request broke off");
    }
}

#[test]
fn an_outage_ends_with_exit_code_4_and_what_is_missing_is_sent_later_once() {
    let site = Site::new("live-outage", &[]);
    let down = Arc::new(AtomicBool::new(true));
    let (address, came) = gateway(&site.served.address, 5, Arc::clone(&down));
    let through = |arguments: &[&str]| {
        ran(site.command(arguments).env("LD_BASE_URL", format!("http://{address}")))
    };
    let run = [
        "run",
        "my.ron",
        "--live",
        "--yes",
        "--quiet",
        "--users",
        "16",
        "--max-cost",
        "50",
        "--format",
        "json",
        "--out",
        "out",
    ];
    let out = through(&run);
    assert_eq!(out.code, 4, "{}", out.err);
    let missing = 16 - came.load(Ordering::SeqCst);
    assert!(
        missing > 0
            && out
                .err
                .contains(&format!("LaunchDarkly has not taken the events of {missing} users")),
        "{missing}: {}",
        out.err
    );
    assert!(
        out.err.contains("status 401")
            && out.err.contains("simlab journal deliver out/journal.jsonl"),
        "{}",
        out.err
    );
    // The report has all of them.
    assert_eq!(serde_json::from_str::<Value>(&out.out).unwrap()["live"]["users"], 16);
    let kinds = || site.served.status()["events_by_kind"].clone();
    let before = kinds()["custom"].as_u64();

    let checked = through(&["journal", "check", "out/journal.jsonl"]).well();
    assert!(checked.contains(&format!("has not taken the events of {missing} users")), "{checked}");
    let still = through(&["journal", "deliver", "out/journal.jsonl"]);
    assert!(still.code == 4 && still.err.contains("status 401"), "{}", still.err);
    assert_eq!(kinds()["custom"].as_u64(), before);
    down.store(false, Ordering::SeqCst);
    let sent = through(&["journal", "deliver", "out/journal.jsonl"]).well();
    assert_eq!(
        sent,
        format!("LaunchDarkly has taken the events of {missing} of {missing} users.\n")
    );
    assert_eq!(came.load(Ordering::SeqCst), 16, "one payload for each user");
    assert_eq!(
        through(&["journal", "deliver", "out/journal.jsonl"]).well(),
        "LaunchDarkly has taken the events of 0 of 0 users.\n"
    );

    // What is there now is what an undisturbed run leaves: the events of its own file.
    let text = fs::read_to_string(site.path("out/events.jsonl")).unwrap();
    // But for what the Python AI SDK says of itself, which the Rust one does not.
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let events: Vec<Value> = events.filter(|event| event["context"]["kind"] != "ld_ai").collect();
    let of = |kind: &str| events.iter().filter(|event| event["kind"] == kind).count() as u64;
    assert_eq!(
        (kinds()["custom"].as_u64(), kinds()["feature"].as_u64()),
        (Some(of("custom")), Some(of("feature")))
    );
}

#[cfg(unix)]
#[test]
fn a_run_that_is_told_to_stop_by_a_signal_goes_on_later() {
    let site = Site::new("live-signals", &["--time-scale", "15"]);
    let common = [
        "run",
        "my.ron",
        "--live",
        "--yes",
        "--quiet",
        "--users",
        "12",
        "--max-cost",
        "50",
        "--format",
        "json",
    ];
    // A batch system, and a terminal that is closed.
    for signal in ["-TERM", "-HUP"] {
        let name = format!("out{signal}");
        let mut command = site.command(&[&common[..], &["--out", &name]].concat());
        let mut child = command
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let journal = site.path(&name).join("journal.jsonl");
        while !fs::read_to_string(&journal).is_ok_and(|text| text.contains("\"asked\"")) {
            assert!(child.try_wait().unwrap().is_none(), "it ended before a call was made");
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        assert!(
            std::process::Command::new("kill")
                .args([signal, &child.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal}");
        assert!(site.path(&name).join("report.json").exists());
        let gone_on = site.simlab(&[&common[..], &["--resume", &name]].concat());
        assert_eq!(gone_on.code, 0, "{}", gone_on.err);
        assert_eq!(serde_json::from_str::<Value>(&gone_on.out).unwrap()["live"]["users"], 12);
        site.served.json("POST", "/_simlab/reset", &[], &Value::Null);
    }
}
