//! What a server keeps: state across a kill, a port for each door, what was said; and an experiment
//! driven from outside.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::program::{folder, simlab};
use crate::serve::{Served, TOKEN};

/// The events of a run, in payloads of `size`, the last one first.
fn payloads(folder: &std::path::Path, users: &str, size: usize) -> Vec<String> {
    let out = folder.to_str().unwrap();
    simlab(&["run", "security", "--users", users, "--out", out, "--quiet", "--format", "json"])
        .well();
    let text = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    lines.chunks(size).rev().map(|chunk| format!("[{}]", chunk.join(","))).collect()
}

fn send(served: &Served, key: &str, id: &str, payload: &str) -> u16 {
    let headers = [
        ("authorization", key),
        ("content-type", "application/json"),
        ("x-launchdarkly-payload-id", id),
    ];
    served.send("POST", "/bulk", &headers, payload.as_bytes()).status
}

#[test]
fn an_experiment_driven_from_outside_ends_in_the_statistics_of_analyze() {
    let folder = folder("serve-outside");
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    // Payloads arrive in the wrong order: exposures after what followed them.
    for (nth, payload) in payloads(&folder, "500", 700).iter().enumerate() {
        assert_eq!(send(&served, &key, &format!("p{nth}"), payload), 202);
        assert_eq!(
            send(&served, &key, &format!("p{nth}"), payload),
            202,
            "sent twice, counted once"
        );
    }
    let report = served.send("GET", "/_simlab/report", &[], b"").json();
    let analyzed = simlab(&[
        "analyze",
        folder.join("events.jsonl").to_str().unwrap(),
        "--scenario",
        "security",
        "--format",
        "json",
    ])
    .json();
    for part in ["exposures", "metrics", "verdict", "health", "users_needed"] {
        assert_eq!(report["experiments"][0][part], analyzed["experiments"][0][part], "{part}");
    }
    let page = served.send("GET", "/_simlab/report", &[("accept", "text/html,*/*")], b"");
    assert_eq!(
        (page.header("content-type"), page.header("refresh")),
        (Some("text/html; charset=utf-8"), Some("5"))
    );
    let page = String::from_utf8(page.body).unwrap();
    assert!(
        page.starts_with("<!DOCTYPE html>")
            && page.contains(" users so far (")
            && page.contains(" UTC: 0 chat requests, ")
    );
    assert_eq!(served.status()["repeated_payloads"].as_u64(), served.status()["payloads"].as_u64());
}

/// The report so far, without what is held against the client: grades are not kept.
fn found(served: &Served) -> Value {
    let mut report = served.send("GET", "/_simlab/report", &[], b"").json();
    report["client"] = Value::Null;
    report
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    let folder = folder("serve-state");
    let file = folder.join("state.redb");
    let arguments = ["security", "--state", file.to_str().unwrap()];
    let payloads = payloads(&folder, "60", 200);
    let (before, segment) = {
        // Dropping it kills it without a word.
        let served = Served::start(&arguments);
        let key = served.sdk_key();
        for (nth, payload) in payloads.iter().enumerate() {
            assert_eq!(send(&served, &key, &format!("p{nth}"), payload), 202);
        }
        let project = served.status()["launchdarkly"].clone();
        let path = format!(
            "/api/v2/segments/{}/{}",
            project["project"].as_str().unwrap(),
            project["environment"].as_str().unwrap()
        );
        let made = served.json("POST", &path, &[TOKEN], &json!({ "key": "kept", "name": "Kept" }));
        assert_eq!(made.status, 201, "{made:?}");
        (found(&served), format!("{path}/kept"))
    };
    let served = Served::start(&arguments);
    assert_eq!(found(&served), before);
    assert_eq!(served.send("GET", &segment, &[TOKEN], b"").json()["name"], "Kept");
    assert_eq!(send(&served, &served.sdk_key(), "p0", &payloads[0]), 202);
    assert_eq!(found(&served), before, "a payload from before the kill counts once");
    assert_eq!(served.json("POST", "/_simlab/reset", &[], &Value::Null).status, 204);
    drop(served);
    let served = Served::start(&arguments);
    assert_eq!(served.status()["events"], 0, "what was started over stays so");
    assert_eq!(served.send("GET", &segment, &[TOKEN], b"").status, 404);
    drop(served);

    let other = simlab(&["serve", "security", "--seed", "5", "--state", file.to_str().unwrap()]);
    assert_eq!((other.code, other.out.as_str()), (3, ""));
    assert!(other.err.contains("another scenario or seed"), "{}", other.err);
}

const CHAT: &str =
    r#"{"model":"gpt-4o","messages":[{"role":"user","content":"What is a policy gradient?"}]}"#;

#[test]
fn each_door_has_a_port_of_its_own_when_asked() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["serve", "security", "--split"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let doors: Value = serde_json::from_str(&line).unwrap();
    let at = |door: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str| {
        let address = doors[door].as_str().unwrap().strip_prefix("http://").unwrap();
        crate::serve::exchange(address, method, path, headers, body.as_bytes()).status
    };
    let bearer = ("authorization", "Bearer key");
    assert_eq!(at("openai", "POST", "/v1/chat/completions", &[bearer], CHAT), 200);
    let mistral = CHAT.replace("gpt-4o", "mistral-small-latest");
    assert_eq!(at("mistral", "POST", "/v1/chat/completions", &[bearer], &mistral), 200);
    let anthropic = r#"{"model":"claude-3-5-haiku-20241022","max_tokens":50,"messages":[{"role":"user","content":"hello"}]}"#;
    let version = [("x-api-key", "key"), ("anthropic-version", "2023-06-01")];
    assert_eq!(at("anthropic", "POST", "/v1/messages", &version, anthropic), 200);
    assert_eq!(
        at("anthropic", "POST", "/v1/chat/completions", &[bearer], CHAT),
        404,
        "not behind this door"
    );
    assert_eq!(at("launchdarkly", "GET", "/api/v2/projects", &[TOKEN], ""), 200);
    assert_eq!(
        at("listening", "POST", "/v1/chat/completions", &[bearer], CHAT),
        200,
        "the one for all stays"
    );
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn what_was_said_can_be_read_when_it_was_asked_for() {
    let bearer = ("authorization", "Bearer key");
    let quiet = Served::start(&["security"]);
    assert_eq!(quiet.send("GET", "/_simlab/transcript", &[], b"").status, 404);
    let served = Served::start(&["security", "--transcript", "2"]);
    let answers: Vec<Value> = (0..3)
        .map(|_| served.send("POST", "/v1/chat/completions", &[bearer], CHAT.as_bytes()).json())
        .collect();
    let text = String::from_utf8(served.send("GET", "/_simlab/transcript", &[], b"").body).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "the last two");
    assert_eq!(lines[1]["answer_body"], answers[2]);
    assert_eq!(lines[1]["answered"], answers[2]["choices"][0]["message"]["content"]);
    assert_eq!(lines[1]["request_body"], serde_json::from_str::<Value>(CHAT).unwrap());
    assert_eq!(lines[1]["asked"][0]["text"], "What is a policy gradient?");
}
