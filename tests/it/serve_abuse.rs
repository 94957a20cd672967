//! A server under clients that do everything wrong.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::serve::{ANTHROPIC, Answer, BEARER, Served, TOKEN, hello, hello_at};

/// All that comes until the connection ends; nothing should it break.
fn rest(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}

/// The most memory that the server ever held, in bytes.
#[cfg(target_os = "linux")]
fn peak(served: &Served) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() << 10
}

#[test]
fn a_head_or_a_body_that_never_ends_is_given_up_and_others_are_served_meanwhile() {
    let served = Served::start(&["security", "--patience", "700ms"]);
    let key = served.sdk_key();
    let began = Instant::now();
    let mut head = served.connect();
    write!(head, "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-a").unwrap();
    let bodies = [
        ("/v1/messages", "x-api-key: k\r\nanthropic-version: 2023-06-01"),
        ("/bulk", &format!("authorization: {key}")),
        ("/api/v2/projects", "authorization: t"),
    ]
    .map(|(path, auth)| {
        let mut stream = served.connect();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{auth}\r\ncontent-length: 1000\r\n\r\n{{"
        )
        .unwrap();
        stream
    });
    // Single bytes now and then do not help.
    let mut dripping = served.connect();
    write!(dripping, "POST /bulk HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\ncontent-length: 1000\r\n\r\n").unwrap();
    let mut drops = dripping.try_clone().unwrap();
    let drip = std::thread::spawn(move || {
        for _ in 0..30 {
            std::thread::sleep(Duration::from_millis(100));
            if drops.write_all(b"[").is_err() {
                return;
            }
        }
    });
    assert_eq!(served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)).status, 200);
    let answers = bodies.map(|stream| Answer::read(&rest(stream)));
    assert!(
        matches!(answers[0].status, 408 | 504) && answers[0].json()["type"] == "error",
        "{answers:?}"
    );
    for answer in &answers[1..] {
        assert_eq!((answer.status, &answer.json()["code"]), (408, &json!("request_timeout")));
    }
    assert_eq!(Answer::read(&rest(dripping)).status, 408);
    rest(head);
    let took = began.elapsed();
    assert!((700..3500).contains(&took.as_millis()), "{took:?}");
    drip.join().unwrap();
}

#[test]
fn two_thousand_idle_connections_are_kept_while_service_goes_on() {
    let served = Served::start(&["security"]);
    let mut idle = Vec::new();
    for nth in 0..2000 {
        let mut stream = served.connect();
        // Half of them have been of use before.
        if nth % 2 == 0 {
            write!(stream, "GET /_simlab/status HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
            assert!(stream.read(&mut [0; 4096]).unwrap() > 100);
        }
        idle.push(stream);
    }
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        let asked = Instant::now();
        // The mock models fail now and then, so what is not drawn is asked for.
        assert_eq!(served.json("GET", "/v1/models", &ANTHROPIC, &Value::Null).status, 200);
        assert!(asked.elapsed() < Duration::from_secs(1));
        std::thread::sleep(Duration::from_millis(50));
    }
    for stream in &mut idle {
        write!(
            stream,
            "GET /_simlab/nothing HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
        )
        .unwrap();
    }
    let kept = idle
        .into_iter()
        .map(rest)
        .filter(|bytes| String::from_utf8_lossy(bytes).contains("404 Not Found"))
        .count();
    assert_eq!(kept, 2000);
}

#[test]
fn an_idle_connection_is_kept_for_as_long_as_it_is_allowed_and_two_minutes_by_default() {
    let served = Served::start(&["security", "--patience", "1s"]);
    let began = Instant::now();
    let mut stream = served.connect();
    write!(stream, "GET /_simlab/nothing HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    rest(stream);
    assert!((900..4000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    let help = std::process::Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["serve", "--help"])
        .output()
        .unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    assert!(help.contains("--patience <TIME>") && help.contains("[default: 2min]"), "{help}");
}

#[cfg(target_os = "linux")]
#[test]
fn huge_bodies_are_refused_in_bounded_memory_and_not_read_when_that_is_known_before() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let before = peak(&served);
    let huge = vec![b'['; 100 << 20];
    let sdk = [("authorization", key.as_str())];
    std::thread::scope(|scope| {
        for (path, headers) in [
            ("/v1/messages", &ANTHROPIC[..]),
            ("/v1/embeddings", &[BEARER]),
            ("/bulk", &sdk),
            ("/api/v2/projects", &[TOKEN]),
            ("/_simlab/faults", &[("content-type", "application/json")]),
        ] {
            let (served, huge) = (&served, &huge);
            scope.spawn(move || {
                let answer = served.send("POST", path, headers, huge);
                assert_eq!(
                    answer.status,
                    if path == "/_simlab/faults" { 400 } else { 413 },
                    "{path}: {answer:?}"
                );
            });
        }
    });
    // Each may hold as much as its limit, which for chats and events is 32 MiB, and the growing of
    // it; not the whole.
    let grown = peak(&served) - before;
    assert!(grown < 300 << 20, "{} MiB", grown >> 20);
    // A client that asks first, or tells of more than anybody would read, is answered before it has
    // sent anything.
    for (length, expect) in [(100_u64 << 20, "expect: 100-continue\r\n"), (1 << 40, "")] {
        let mut stream = served.connect();
        write!(stream, "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\n{expect}content-length: {length}\r\n\r\n").unwrap();
        let answer = Answer::read(&rest(stream));
        assert_eq!(
            (answer.status, &answer.json()["error"]["type"]),
            (413, &json!("request_too_large"))
        );
    }
}

#[test]
fn noise_of_all_kinds_gets_an_error_and_never_ends_the_server() {
    let mut served = Served::start(&["security"]);
    let key = served.sdk_key();
    let long = "a".repeat(200_000);
    let noise: Vec<Vec<u8>> = vec![
        b"\0\x01\x02\xff\xfe\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(),
        format!("GET /{long} HTTP/1.1\r\nhost: localhost\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\nx-long: {long}\r\n\r\n").into_bytes(),
        format!("GET / HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(5000)).into_bytes(),
        b"POST /bulk HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n".to_vec(),
        b"POST /bulk HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        b"POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\n".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
    ];
    for bytes in noise {
        let mut stream = served.connect();
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let answer = rest(stream);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"),
            "{:?}",
            String::from_utf8_lossy(&answer)
        );
    }
    // Wrong types in every field that the formats have, and keys that are none.
    let values = [
        json!(null),
        json!(1e308),
        json!(-1),
        json!(""),
        json!([]),
        json!({}),
        json!([null]),
        json!({ "role": 1 }),
        json!(true),
    ];
    for (path, headers) in [
        ("/v1/messages", &ANTHROPIC[..]),
        ("/v1/chat/completions", &[BEARER]),
        ("/mistral/v1/chat/completions", &[BEARER]),
    ] {
        for field in [
            "model",
            "messages",
            "max_tokens",
            "temperature",
            "tools",
            "tool_choice",
            "stream",
            "system",
            "stop",
            "response_format",
        ] {
            for value in &values {
                let mut ask = hello_at(path, false);
                ask[field] = value.clone();
                let answer = served.json("POST", path, headers, &ask);
                assert!(
                    answer.status == 200
                        || (400..=422).contains(&answer.status)
                        || answer.status == 500,
                    "{path} {ask}: {answer:?}"
                );
                assert!(
                    answer.header("content-type") == Some("text/event-stream")
                        || answer.json().is_object(),
                    "{answer:?}"
                );
            }
        }
        let wrong = served.json(
            "POST",
            path,
            &[("authorization", "Basic x"), ("x-api-key", "")],
            &hello(false),
        );
        assert_eq!(wrong.status, 401, "{wrong:?}");
    }
    for value in &values {
        let events = json!([value, { "kind": value }, { "kind": "custom", "key": value, "creationDate": value, "context": value }]);
        assert_eq!(served.json("POST", "/bulk", &[("authorization", &key)], &events).status, 202);
        let answer = served.json(
            "POST",
            "/api/v2/projects",
            &[TOKEN],
            &json!({ "key": value, "name": value }),
        );
        assert!((200..500).contains(&answer.status), "{value}: {answer:?}");
        let answer =
            served.json("PUT", "/_simlab/faults", &[], &json!([{ "fault": "cut", "next": value }]));
        assert!(matches!(answer.status, 200 | 400), "{value}: {answer:?}");
        served.send("DELETE", "/_simlab/faults", &[], b"");
    }
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/messages/x",
        "/api/v2/",
        "/_simlab/none",
        "/%00",
        "/..%2f..",
        "//",
        "/v1/models/%ff",
    ] {
        let answer = served.send("GET", path, &[TOKEN], b"");
        assert!((400..500).contains(&answer.status), "{path}: {answer:?}");
    }
    let status = served.status();
    assert!(status["malformed_events"].as_u64().unwrap() > 20, "{status}");
    assert_eq!(served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)).status, 200);
    assert!(served.child.try_wait().unwrap().is_none());
}

#[cfg(unix)]
#[test]
fn what_was_accepted_before_the_end_is_in_the_last_report() {
    let file = std::env::temp_dir().join(format!("simlab-drained-{}.json", std::process::id()));
    let mut served = Served::start(&["security", "--report", file.to_str().unwrap()]);
    let key = served.sdk_key();
    let value = json!({ "_ldMeta": { "enabled": true, "variationKey": "basic-security" } });
    let event = |nth: usize| {
        json!({ "kind": "feature", "creationDate": 1, "key": "security-agent", "version": 1, "variation": 1, "value": value,
            "reason": { "kind": "RULE_MATCH", "inExperiment": true }, "context": { "kind": "user", "key": format!("u{nth}") } })
    };
    let bodies: Vec<String> =
        (0..8).map(|nth| json!([event(2 * nth), event(2 * nth + 1)]).to_string()).collect();
    // Eight payloads of which a half has arrived when the server is told to stop.
    let mut streams: Vec<TcpStream> = bodies
        .iter()
        .map(|body| {
            let mut stream = served.connect();
            let head = format!("POST /bulk HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\ncontent-length: {}\r\n", body.len());
            write!(stream, "{head}\r\n{}", &body[..body.len() / 2]).unwrap();
            stream
        })
        .collect();
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        std::process::Command::new("kill")
            .arg(served.child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        TcpStream::connect(&served.address).is_err(),
        "a stopping server takes no new connection"
    );
    for (stream, body) in streams.iter_mut().zip(&bodies) {
        stream.write_all(&body.as_bytes()[body.len() / 2..]).unwrap();
    }
    let accepted = streams
        .into_iter()
        .map(|stream| Answer::read(&rest(stream)).status)
        .filter(|status| *status == 202)
        .count();
    assert!(served.child.wait().unwrap().success());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let exposed =
        report["experiments"][0]["metrics"][0]["variations"][0]["exposures"].as_u64().unwrap();
    assert_eq!((accepted, exposed), (8, 16), "{report}");
    std::fs::remove_file(file).unwrap();
}

/// Bytes compressed as SDKs do.
fn zipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_small_payload_that_grows_a_thousandfold_stalls_nobody_and_takes_little_memory() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let before = peak(&served);
    // 32 MB of empty events, of numbers, and of one deep event.
    let bombs = [
        format!("[{}{{}}]", "{},".repeat(10 << 20)),
        format!("[{}0]", "0,".repeat(15 << 20)),
        format!("[[{}0]]", "0,".repeat(15 << 20)),
    ];
    let bombs = bombs.map(|text| zipped(text.as_bytes()));
    assert!(bombs.iter().all(|bomb| bomb.len() < 50_000));
    std::thread::scope(|scope| {
        for bomb in &bombs {
            let (served, key) = (&served, &key);
            scope.spawn(move || {
                let headers = [("authorization", key.as_str()), ("content-encoding", "gzip")];
                assert_eq!(served.send("POST", "/bulk", &headers, bomb).status, 400);
            });
        }
        for _ in 0..20 {
            let asked = Instant::now();
            assert_eq!(served.json("GET", "/v1/models", &ANTHROPIC, &Value::Null).status, 200);
            assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
        }
    });
    let grown = peak(&served) - before;
    assert!(grown < 250 << 20, "{} MiB", grown >> 20);
    let unknown = served.send(
        "POST",
        "/bulk",
        &[("authorization", "sdk-none"), ("content-encoding", "gzip")],
        &bombs[0],
    );
    assert_eq!(unknown.status, 401);
}

#[test]
fn a_web_page_of_another_host_gets_nothing() {
    let served = Served::start(&["security", "--allow-host", "mock.test"]);
    let status = |host: &str, more: &str| {
        let mut stream = served.connect();
        write!(
            stream,
            "GET /_simlab/status HTTP/1.1\r\nhost: {host}\r\n{more}connection: close\r\n\r\n"
        )
        .unwrap();
        let answer = Answer::read(&rest(stream));
        assert!(answer.status == 200 || !String::from_utf8_lossy(&answer.body).contains("sdk_key"));
        answer.status
    };
    assert_eq!(
        (status("localhost", ""), status("mock.test:80", ""), status("evil.example", "")),
        (200, 200, 403)
    );
    assert_eq!(status("localhost", "origin: https://evil.example\r\n"), 403);
    let form = [("content-type", "text/plain")];
    assert_eq!(served.send("POST", "/_simlab/reset", &form, b"").status, 415);
}
