//! State and doors under stress: a kill in the middle of what many clients send, and the lines that
//! point clients at each door.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use crate::program::folder;
use crate::serve::{BEARER, Served, exchange};

/// Payloads of two events each.
const PAYLOADS: usize = 120;

fn payload(nth: usize) -> Vec<u8> {
    let event = |key: &str| {
        json!({ "kind": "custom", "key": key, "creationDate": 1_760_000_000_000_u64 + nth as u64, "metricValue": nth,
            "context": { "kind": "user", "key": format!("u{nth}") } })
    };
    json!([event("one"), event("two")]).to_string().into_bytes()
}

/// Sends a payload; `None` when the server is gone before it answers.
fn send(address: &str, key: &str, nth: usize) -> Option<u16> {
    let id = format!("payload-{nth}");
    let headers = [
        ("authorization", key),
        ("content-type", "application/json"),
        ("x-launchdarkly-payload-id", id.as_str()),
    ];
    std::panic::catch_unwind(|| exchange(address, "POST", "/bulk", &headers, &payload(nth)).status)
        .ok()
}

#[test]
fn a_kill_in_the_middle_loses_nothing_acknowledged_and_counts_nothing_twice() {
    let folder = folder("serve-kill");
    let file = folder.join("state.redb");
    let arguments = ["security", "--state", file.to_str().unwrap()];
    let mut served = Served::start(&arguments);
    let (key, address) = (served.sdk_key(), served.address.clone());
    let acknowledged = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for client in 0..4 {
            let (key, address, acknowledged) = (&key, &address, &acknowledged);
            scope.spawn(move || {
                for nth in (client..PAYLOADS).step_by(4) {
                    match send(address, key, nth) {
                        Some(202) => acknowledged.lock().unwrap().push(nth),
                        _ => return,
                    }
                }
            });
        }
        while acknowledged.lock().unwrap().len() < PAYLOADS / 3 {
            std::thread::sleep(Duration::from_millis(1));
        }
        // SIGKILL, while the clients go on sending.
        served.child.kill().unwrap();
        served.child.wait().unwrap();
    });
    drop(served);
    let acknowledged = acknowledged.into_inner().unwrap();
    assert!(acknowledged.len() < PAYLOADS, "the kill came too late to show anything");

    let served = Served::start(&arguments);
    let found = served.status()["payloads"].as_u64().unwrap() as usize;
    // What was kept but not yet acknowledged may be there as well: at most one payload of each
    // client.
    assert!(
        (acknowledged.len()..=acknowledged.len() + 4).contains(&found),
        "{found} of {}",
        acknowledged.len()
    );
    assert_eq!(served.status()["events"], 2 * found);
    for nth in 0..PAYLOADS {
        assert_eq!(send(&served.address, &key, nth), Some(202));
    }
    let status = served.status();
    assert_eq!((&status["payloads"], &status["events"]), (&json!(PAYLOADS), &json!(2 * PAYLOADS)));
    let report = |served: &Served| {
        served.send("GET", "/_simlab/report", &[], b"").json()["fingerprint"].clone()
    };
    let before = report(&served);
    drop(served);
    assert_eq!(report(&Served::start(&arguments)), before, "the same events in the same order");
}

#[test]
fn the_lines_for_a_shell_point_each_client_at_its_own_door() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["serve", "security", "--split"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let doors: Value = serde_json::from_str(&lines.next().unwrap()).unwrap();
    let mut variable = |name: &str| {
        let line = lines.next().unwrap();
        line.strip_prefix(&format!("export {name}=")).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    let names =
        ["LD_BASE_URL", "LD_SDK_KEY", "ANTHROPIC_BASE_URL", "OPENAI_BASE_URL", "MISTRAL_BASE_URL"];
    let [launchdarkly, key, anthropic, openai, mistral] = names.map(&mut variable);
    assert_eq!(
        (doors["launchdarkly"].as_str(), doors["anthropic"].as_str()),
        (Some(launchdarkly.as_str()), Some(anthropic.as_str()))
    );
    let get = |url: &str, path: &str, headers: &[(&str, &str)]| {
        let (address, base) = url
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap_or((&url["http://".len()..], ""));
        let path = if base.is_empty() { path.to_owned() } else { format!("/{base}{path}") };
        exchange(address, "GET", &path, headers, b"").status
    };
    assert_eq!(get(&launchdarkly, "/sdk/latest-all", &[("authorization", &key)]), 200);
    assert_eq!(
        get(&anthropic, "/v1/models", &[("x-api-key", "key"), ("anthropic-version", "2023-06-01")]),
        200
    );
    assert_eq!(
        (get(&openai, "/models", &[BEARER]), get(&mistral, "/models", &[BEARER])),
        (200, 200)
    );
    assert_eq!(get(&openai, "/no-such-path", &[BEARER]), 404);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn resets_beside_other_writes_leave_a_file_that_opens_as_it_was() {
    let folder = folder("serve-resets");
    let file = folder.join("state.redb");
    let arguments = ["security", "--state", file.to_str().unwrap()];
    let served = Served::start(&arguments);
    let key = served.sdk_key();
    std::thread::scope(|scope| {
        let served = &served;
        scope.spawn(|| {
            (0..60).for_each(|nth| assert_eq!(send(&served.address, &key, nth), Some(202)))
        });
        scope.spawn(move || {
            for nth in 0..60 {
                let made = json!({ "key": format!("p{nth}"), "name": "P" });
                assert_eq!(
                    served.json("POST", "/api/v2/projects", &[crate::serve::TOKEN], &made).status,
                    201
                );
            }
        });
        for _ in 0..15 {
            assert_eq!(served.json("POST", "/_simlab/reset", &[], &Value::Null).status, 204);
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    let seen = |served: &Served| {
        let projects = served.send("GET", "/api/v2/projects", &[crate::serve::TOKEN], b"").json();
        let keys: Vec<String> = projects["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["key"].to_string())
            .collect();
        (served.status()["events"].clone(), served.status()["payloads"].clone(), keys)
    };
    let before = seen(&served);
    drop(served);
    assert_eq!(seen(&Served::start(&arguments)), before);
}
