//! What the server finds out about its client.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::Duration;

use serde_json::{Value, json};

use simlab::llm::wire::PROVIDERS;

use super::program::providers_at;
use super::serve::{ANTHROPIC, Served, hello};

/// What was found, by code: how often, and the requests that show it.
fn findings(report: &Value) -> Vec<(&str, u64, Vec<u64>)> {
    let one = |finding: &Value| -> (u64, Vec<u64>) {
        assert!(finding["message"].as_str().unwrap().len() > 20, "{finding}");
        let requests = finding["requests"]
            .as_array()
            .unwrap()
            .iter()
            .map(|number| number.as_u64().unwrap())
            .collect();
        (finding["count"].as_u64().unwrap(), requests)
    };
    let all = report["client"].as_array().unwrap();
    all.iter()
        .map(|finding| (finding["code"].as_str().unwrap(), one(finding).0, one(finding).1))
        .collect()
}

fn set(served: &Served, faults: &Value) {
    assert_eq!(served.json("PUT", "/_simlab/faults", &[], faults).status, 200);
}

fn number(answer: &super::serve::Answer) -> u64 {
    answer.header("x-simlab-request").unwrap().parse().unwrap()
}

#[test]
fn a_client_without_patience_is_told_so_and_a_patient_one_is_not() {
    let served = Served::start(&["security"]);
    let ask = || served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false));
    set(&served, &json!({ "fault": "overloaded", "next": 3 }));
    let storm: Vec<u64> = (0..4).map(|_| number(&ask())).collect();
    set(&served, &json!({ "fault": "rate_limited", "retry_after": "5s", "next": 1 }));
    ask();
    std::thread::sleep(Duration::from_millis(150));
    let early = number(&ask());
    let status = served.status();
    let found = findings(&status);
    assert_eq!(
        found,
        [("retry_too_soon", 3, storm[1..].to_vec()), ("retry_after_ignored", 1, vec![early])]
    );
    let report = served.send("GET", "/_simlab/report", &[], b"").json();
    assert_eq!((&report["schema"], findings(&report)), (&json!("simlab.report/1"), found));
    let metrics = String::from_utf8(served.send("GET", "/_simlab/metrics", &[], b"").body).unwrap();
    assert!(
        metrics.contains("simlab_client_findings_total{code=\"retry_too_soon\"} 3\n"),
        "{metrics}"
    );
    // A patient client, on a clean sheet.
    assert_eq!(served.json("POST", "/_simlab/reset", &[], &Value::Null).status, 204);
    set(
        &served,
        &json!([{ "fault": "server_error", "next": 1 }, { "fault": "rate_limited", "retry_after": "1s", "next": 1 }]),
    );
    assert_eq!(ask().status, 500);
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(ask().status, 429);
    std::thread::sleep(Duration::from_millis(1000));
    assert_eq!((ask().status, findings(&served.status())), (200, vec![]));
}

#[test]
fn a_payload_sent_again_is_graded_unless_its_answer_was_lost() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let now =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis()
            as u64;
    let event = |nth: u64, at_ms: u64| json!({ "kind": "custom", "key": "k", "creationDate": at_ms - nth, "metricValue": nth, "context": { "kind": "user", "key": "u" } });
    let post = |id: Option<&str>, events: &Value| {
        let mut headers = vec![("authorization", key.as_str())];
        headers.extend(id.map(|id| ("x-launchdarkly-payload-id", id)));
        served.json("POST", "/bulk", &headers, events)
    };
    set(&served, &json!({ "fault": "server_error", "next": 1, "on": ["events"] }));
    assert_eq!(post(Some("a"), &json!([event(1, now)])).status, 500);
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(post(Some("a"), &json!([event(1, now)])).status, 202);
    assert_eq!(findings(&served.status()), []);
    let twice = number(&post(Some("a"), &json!([event(1, now)])));
    assert_eq!(findings(&served.status()), [("payload_sent_twice", 1, vec![twice])]);
    // Without an id nobody can tell that it is the same payload, but its events are known.
    assert_eq!(post(None, &json!([event(2, now), event(3, now)])).status, 202);
    let again = number(&post(None, &json!([event(2, now), event(3, now)])));
    let late = number(&post(None, &json!([event(4, now - 120_000)])));
    let status = served.status();
    assert_eq!(
        findings(&status),
        [
            ("payload_sent_twice", 1, vec![twice]),
            ("event_sent_twice", 2, vec![again]),
            ("event_late", 1, vec![late])
        ]
    );
    assert_eq!(status["events"], 6);
}

#[cfg(unix)]
#[test]
fn a_cut_stream_taken_as_whole_and_a_missing_flush_stand_in_the_last_report() {
    let file = std::env::temp_dir().join(format!("simlab-last-{}.json", std::process::id()));
    let mut served = Served::start(&["security", "--report", file.to_str().unwrap()]);
    let key = served.sdk_key();
    let mut stream = served.connect();
    write!(stream, "GET /all HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\n\r\n").unwrap();
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap() == "event: put"));
    set(&served, &json!({ "fault": "cut", "next": 1, "on": ["anthropic"] }));
    let mut chat = served.connect();
    let body = hello(true).to_string();
    let head = format!(
        "POST /v1/messages HTTP/1.1\r\nhost: localhost\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\ncontent-length: {}\r\n",
        body.len()
    );
    write!(chat, "{head}\r\n{body}").unwrap();
    let mut text = String::new();
    let _ = chat.read_to_string(&mut text);
    assert!(text.contains("message_start") && !text.contains("message_stop"), "{text}");
    // The client goes away, and never asks again nor reports what it did.
    drop((stream, lines));
    std::thread::sleep(Duration::from_millis(200));
    assert!(
        std::process::Command::new("kill")
            .arg(served.child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    assert!(served.child.wait().unwrap().success());
    let report: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    assert_eq!(
        findings(&report),
        [("cut_taken_as_whole", 1, vec![2]), ("missing_flush", 1, vec![2, 1])]
    );
    std::fs::remove_file(file).unwrap();
}

#[test]
fn our_own_live_client_does_nothing_wrong() {
    let served = Served::start(&["security"]);
    let base = format!("http://{}", served.address);
    let folder = std::env::temp_dir().join(format!("simlab-graded-{}", std::process::id()));
    // So many users that several payloads are under way at once.
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args([
            "run",
            "security",
            "--live",
            "--users",
            "300",
            "--yes",
            "--max-cost",
            "500",
            "--quiet",
            "--out",
            folder.to_str().unwrap(),
        ])
        .env_clear()
        .envs(PROVIDERS.iter().map(|provider| (provider.key_variable, "k")))
        .envs(providers_at(&served.address))
        .env("LD_API_KEY", "api-token")
        .env("LD_SDK_KEY", served.sdk_key())
        .env("LD_BASE_URL", base)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::thread::sleep(Duration::from_millis(2_100));
    let status = served.status();
    assert!(
        status["payloads"].as_u64().unwrap() > 5 && status["events"].as_u64().unwrap() > 5_000,
        "{status}"
    );
    assert_eq!(findings(&status), []);
    std::fs::remove_dir_all(folder).unwrap();
}
