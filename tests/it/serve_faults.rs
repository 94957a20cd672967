//! Faults that the server commits on request, seen from the client's side.

use std::io::{BufRead, BufReader, Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::serve::{ANTHROPIC, Answer, BEARER, Served, TOKEN, hello, hello_at};

/// Sends a request and reads all that comes; `None` when the connection ends without a byte.
fn raw(
    served: &Served,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &Value,
) -> Option<String> {
    let mut stream = served.connect();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let mut head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n",
        body.len()
    );
    headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    write!(stream, "{head}\r\n{body}").unwrap();
    let mut bytes = Vec::new();
    // A connection that is dropped may end with a reset.
    let _ = stream.read_to_end(&mut bytes);
    (!bytes.is_empty()).then(|| String::from_utf8(bytes).unwrap())
}

fn set(served: &Served, faults: &Value) {
    let answer = served.json("PUT", "/_simlab/faults", &[], &json!({ "faults": faults }));
    assert_eq!(answer.status, 200, "{answer:?}");
}

const ROADS: [(&str, &[(&str, &str)]); 3] = [
    ("/v1/messages", &ANTHROPIC),
    ("/v1/chat/completions", &[BEARER]),
    ("/mistral/v1/chat/completions", &[BEARER]),
];

#[test]
fn a_stream_tells_of_an_error_in_the_middle_in_its_providers_form() {
    let served = Served::start(&["security"]);
    for (path, headers) in ROADS.into_iter().chain([("/v1/responses", &[BEARER][..])]) {
        let body = |stream: bool| match path {
            "/v1/responses" => json!({ "model": "gpt-4o", "input": "Hello", "stream": stream }),
            _ => hello_at(path, stream),
        };
        set(&served, &json!([{ "fault": "stream_error", "next": 2, "after_events": 4 }]));
        let broken = served.json("POST", path, headers, &body(true));
        let text = String::from_utf8(broken.body).unwrap();
        let frames: Vec<&str> = text.split("\n\n").filter(|frame| !frame.is_empty()).collect();
        assert_eq!((broken.status, frames.len()), (200, 5), "{path}: {text}");
        let last = frames[4].rsplit_once("data: ").unwrap().1;
        let last: Value = serde_json::from_str(last).unwrap();
        let message =
            if path == "/v1/responses" { &last["message"] } else { &last["error"]["message"] };
        let message = if message.is_null() { &last["message"] } else { message };
        assert_eq!(message, "Internal server error", "{path}: {last}");
        if path == "/v1/responses" {
            assert_eq!(
                last,
                json!({ "type": "error", "code": "server_error", "message": "Internal server error", "param": null, "sequence_number": 4 })
            );
        }
        // A plain answer has no middle.
        assert_eq!(served.json("POST", path, headers, &body(false)).status, 500, "{path}");
        assert_eq!(served.json("POST", path, headers, &body(false)).status, 200, "{path}");
    }
    let wrong = json!({ "faults": [{ "fault": "stream_error", "on": ["embeddings"], "next": 1 }] });
    let refused = served.json("PUT", "/_simlab/faults", &[], &wrong);
    assert_eq!(refused.status, 400, "{refused:?}");
}

#[test]
fn each_provider_refuses_on_request_in_its_own_words_and_recovers() {
    let served = Served::start(&["security"]);
    set(
        &served,
        &json!([{ "fault": "rate_limited", "next": 3, "retry_after": "2s", "on": ["anthropic", "openai", "mistral"] }]),
    );
    let limited =
        ROADS.map(|(path, headers)| served.json("POST", path, headers, &hello_at(path, false)));
    assert!(
        limited
            .iter()
            .all(|answer| answer.status == 429 && answer.header("retry-after") == Some("2")),
        "{limited:?}"
    );
    let [anthropic, openai, mistral] = &limited;
    assert_eq!(anthropic.json()["error"]["type"], "rate_limit_error");
    assert_eq!(anthropic.header("anthropic-ratelimit-requests-remaining"), Some("0"));
    assert!(anthropic.header("request-id").is_some());
    assert_eq!(openai.json()["error"]["code"], "rate_limit_exceeded");
    assert_eq!(
        (
            openai.header("x-ratelimit-remaining-requests"),
            openai.header("x-ratelimit-reset-requests")
        ),
        (Some("0"), Some("2s"))
    );
    assert_eq!(mistral.header("x-ratelimit-remaining-req-minute"), Some("0"));
    set(&served, &json!([{ "fault": "overloaded", "next": 3 }]));
    let overloaded =
        ROADS.map(|(path, headers)| served.json("POST", path, headers, &hello_at(path, false)));
    assert_eq!(overloaded.each_ref().map(|answer| answer.status), [529, 503, 503]);
    assert_eq!(overloaded[0].json()["error"]["type"], "overloaded_error");
    set(
        &served,
        &json!([{ "fault": "server_error", "status": 502, "next": 1, "on": ["embeddings"] }]),
    );
    let ask = json!({ "model": "text-embedding-3-small", "input": "x" });
    assert_eq!(served.json("POST", "/v1/embeddings", &[BEARER], &ask).status, 502);
    assert_eq!(served.json("POST", "/v1/embeddings", &[BEARER], &ask).status, 200);
    assert!(
        ROADS.iter().all(|(path, headers)| served
            .json("POST", path, headers, &hello_at(path, false))
            .status
            == 200)
    );
}

#[test]
fn launchdarkly_refuses_on_request_and_a_refused_change_has_left_no_trace() {
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let auth = ("authorization", key.as_str());
    set(&served, &json!([{ "fault": "rate_limited", "next": 1, "on": ["launchdarkly-rest"] }]));
    let project = json!({ "key": "other", "name": "Other" });
    let limited = served.json("POST", "/api/v2/projects", &[TOKEN], &project);
    assert_eq!((limited.status, &limited.json()["code"]), (429, &json!("rate_limited")));
    assert_eq!(limited.header("x-ratelimit-global-remaining"), Some("0"));
    assert_eq!(served.json("POST", "/api/v2/projects", &[TOKEN], &project).status, 201);
    set(&served, &json!([{ "fault": "server_error", "status": 503, "next": 1, "on": ["events"] }]));
    let events =
        json!([{ "kind": "index", "creationDate": 1, "context": { "kind": "user", "key": "u" } }]);
    let payload = [auth, ("x-launchdarkly-payload-id", "p")];
    assert_eq!(served.json("POST", "/bulk", &payload, &events).status, 503);
    assert_eq!(served.status()["events"], 0);
    assert_eq!(served.json("POST", "/bulk", &payload, &events).status, 202);
    // The answer is lost, the payload is not: it comes again and counts once.
    set(&served, &json!([{ "fault": "cut", "next": 1, "on": ["events"] }]));
    let payload = [auth, ("x-launchdarkly-payload-id", "q")];
    assert_eq!(raw(&served, "POST", "/bulk", &payload, &events), None);
    assert_eq!(served.json("POST", "/bulk", &payload, &events).status, 202);
    let status = served.status();
    assert_eq!(
        (&status["events"], &status["payloads"], &status["repeated_payloads"]),
        (&json!(2), &json!(2), &json!(1))
    );
    set(&served, &json!([{ "fault": "server_error", "next": 2, "on": ["launchdarkly-sdk"] }]));
    assert_eq!(
        [("/all"), ("/sdk/latest-all")].map(|path| served.send("GET", path, &[auth], b"").status),
        [500, 500]
    );
}

#[test]
fn a_cut_stream_ends_in_the_middle_and_never_says_how_it_would_have_ended() {
    let served = Served::start(&["security"]);
    for (path, headers) in ROADS {
        for after in [0, 2, 1_000_000] {
            set(&served, &json!([{ "fault": "cut", "after_events": after, "next": 1 }]));
            // A question of its own: the mock models fail now and then, too.
            let mut ask = hello_at(path, true);
            ask["messages"][0]["content"] =
                json!(format!("Can you explain Q-Learning in {after} words?"));
            let cut = raw(&served, "POST", path, headers, &ask).unwrap();
            assert!(cut.starts_with("HTTP/1.1 200") && cut.contains("text/event-stream"), "{cut}");
            assert!(
                !cut.ends_with("0\r\n\r\n")
                    && !cut.contains("[DONE]")
                    && !cut.contains("message_stop"),
                "{path}: {cut}"
            );
            assert!(
                !cut.contains("\"stop_reason\":\"") && !cut.contains("\"finish_reason\":\""),
                "{path}: {cut}"
            );
            let events = cut.matches("data: ").count();
            assert!(events == after || (after == 1_000_000 && events > 5), "{path} {after}: {cut}");
        }
        set(&served, &json!([{ "fault": "cut", "next": 1 }]));
        let cut = raw(&served, "POST", path, headers, &hello_at(path, false)).unwrap();
        let (head, body) = cut.split_once("\r\n\r\n").unwrap();
        let length: usize = head
            .lines()
            .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
            .unwrap();
        assert_eq!(body.len(), length / 2);
    }
    // The stream of flags breaks off after its first event, and opens again.
    let key = served.sdk_key();
    set(
        &served,
        &json!([{ "fault": "cut", "after_events": 1, "next": 1, "on": ["launchdarkly-sdk"] }]),
    );
    let cut = raw(&served, "GET", "/all", &[("authorization", &key)], &Value::Null).unwrap();
    assert!(cut.contains("event: put") && cut.matches("event: ").count() == 1);
    let mut stream = served.connect();
    write!(stream, "GET /all HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\n\r\n").unwrap();
    assert!(BufReader::new(stream).lines().map(Result::unwrap).any(|line| line == "event: put"));
}

#[test]
fn malformed_answers_are_no_json_and_the_next_one_is() {
    let served = Served::start(&["security"]);
    for (path, headers) in ROADS {
        set(&served, &json!([{ "fault": "malformed", "after_events": 2, "next": 2 }]));
        let broken = served.json("POST", path, headers, &hello_at(path, false));
        assert_eq!((broken.status, broken.header("content-type")), (200, Some("application/json")));
        assert!(!broken.body.is_empty() && serde_json::from_slice::<Value>(&broken.body).is_err());
        let stream =
            String::from_utf8(served.json("POST", path, headers, &hello_at(path, true)).body)
                .unwrap();
        let events: Vec<&str> =
            stream.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        let bad = |text: &&str| *text != "[DONE]" && serde_json::from_str::<Value>(text).is_err();
        assert!(
            bad(&events[2]) && events.iter().filter(|text| bad(text)).count() == 1,
            "{path}: {stream}"
        );
        let fine = served.json("POST", path, headers, &hello_at(path, false));
        assert!(fine.status == 200 && fine.json().is_object());
    }
}

#[test]
fn a_slow_answer_is_late_and_whole_and_a_timeout_ends_without_a_byte() {
    let served = Served::start(&["security"]);
    set(
        &served,
        &json!([{ "fault": "slow", "delay": "300ms", "next": 1 }, { "fault": "timeout", "delay": "400ms", "next": 1 }]),
    );
    let began = Instant::now();
    let slow = served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false));
    assert!(slow.status == 200 && began.elapsed() >= Duration::from_millis(300));
    let began = Instant::now();
    assert_eq!(raw(&served, "POST", "/v1/messages", &ANTHROPIC, &hello(false)), None);
    assert!((400..5000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());
    assert_eq!(served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)).status, 200);
}

/// Which of forty questions are hit by a fault of this rate.
fn hit(served: &Served, order: impl Iterator<Item = u32>) -> Vec<u32> {
    let mut hit: Vec<u32> = order
        .filter(|nth| {
            let mut ask = hello(false);
            ask["messages"][0]["content"] = json!(format!("Question {nth}: what is a policy?"));
            served.json("POST", "/v1/messages", &ANTHROPIC, &ask).status == 529
        })
        .collect();
    hit.sort_unstable();
    hit
}

#[test]
fn the_same_requests_are_hit_in_any_order_and_a_file_sets_the_faults_from_the_start() {
    let folder = std::env::temp_dir().join(format!("simlab-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("faults.ron");
    std::fs::write(&file, "[\n  // a third of all\n  (fault: \"overloaded\", models: [\"claude-*\"], rate: 0.3),\n]\n").unwrap();
    let arguments = ["security", "--faults", file.to_str().unwrap()];
    let served = Served::start(&arguments);
    let forward = hit(&served, 0..40);
    let backward = hit(&Served::start(&arguments), (0..40).rev());
    assert!(forward == backward && (3..25).contains(&forward.len()), "{forward:?} {backward:?}");
    let mut other = Served::start(&[&arguments[..], &["--seed", "99"]].concat());
    assert_ne!(forward, hit(&other, 0..40));
    // Starting over brings the file's faults back.
    assert_eq!(other.send("DELETE", "/_simlab/faults", &[], b"").status, 204);
    assert_eq!(other.status()["faults"], json!([]));
    assert_eq!(other.json("POST", "/_simlab/reset", &[], &Value::Null).status, 204);
    assert_eq!(other.status()["faults"][0]["fault"], "overloaded");
    other.child.kill().unwrap();
    std::fs::write(&file, "[\n  (fault: \"overloded\", rate: 0.3),\n]\n").unwrap();
    let failed = std::process::Command::new(env!("CARGO_BIN_EXE_simlab"))
        .arg("serve")
        .args(arguments)
        .output()
        .unwrap();
    let shown = String::from_utf8(failed.stderr).unwrap();
    assert!(failed.status.code() == Some(3) && failed.stdout.is_empty(), "{shown}");
    assert!(
        shown.contains("faults.ron:2:11") && shown.contains("did you mean `overloaded`?"),
        "{shown}"
    );
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn faults_are_listed_added_and_taken_away_and_a_wrong_field_is_told_what_was_expected() {
    let served = Served::start(&["security"]);
    let call = |method: &str, body: &Value| -> Answer {
        served.json(method, "/_simlab/faults", &[], body)
    };
    assert_eq!(call("GET", &Value::Null).json(), json!({ "faults": [] }));
    let first = json!({ "fault": "cut", "on": ["openai"], "models": ["gpt-4o"], "next": 5 });
    assert_eq!(call("POST", &first).status, 200);
    let listed = call("POST", &json!([{ "fault": "slow", "delay": "2s", "rate": 0.5 }])).json();
    assert_eq!(listed["faults"].as_array().unwrap().len(), 2);
    assert_eq!(
        listed["faults"][0],
        json!({ "fault": "cut", "after_events": 3, "on": ["openai"], "models": ["gpt-4o"], "rate": 1.0, "next": 5, "burst": 1, "hits": 0, "left": 5 })
    );
    for (body, told) in [
        (
            json!({ "fault": "cut", "next": 1, "modls": [] }),
            "unknown field `modls`, expected one of",
        ),
        (json!([{ "fault": "cut", "next": "1" }]), "[0].next"),
        (json!({ "fault": "kut", "next": 1 }), "did you mean `cut`?"),
        (json!({ "fault": "cut" }), "give `rate`"),
        (json!("cut"), "expected {\"faults\""),
    ] {
        let refused = call("PUT", &body);
        let error = refused.json();
        assert!(
            refused.status == 400 && error["message"].as_str().unwrap().contains(told),
            "{body}: {error}"
        );
    }
    // What was refused has changed nothing.
    assert_eq!(call("GET", &Value::Null).json(), listed);
    assert_eq!(call("DELETE", &Value::Null).status, 204);
    assert_eq!(call("GET", &Value::Null).json(), json!({ "faults": [] }));
}

#[test]
fn a_scenario_brings_its_own_faults_and_shows_their_mistakes_beside_its_others() {
    let folder = std::env::temp_dir().join(format!("simlab-own-faults-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (file, simlab) =
        (folder.join("own.ron"), || std::process::Command::new(env!("CARGO_BIN_EXE_simlab")));
    let text =
        String::from_utf8(simlab().args(["new", "security"]).output().unwrap().stdout).unwrap();
    let with =
        |faults: &str| text.trim_end().strip_suffix(')').unwrap().to_owned() + faults + ")\n";
    std::fs::write(
        &file,
        with("    faults: [(fault: \"overloaded\", on: [\"anthropic\"], next: 1)],\n"),
    )
    .unwrap();
    let served = Served::start(&[file.to_str().unwrap()]);
    assert_eq!(served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)).status, 529);
    assert_eq!(served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)).status, 200);
    std::fs::write(
        &file,
        with("    faults: [(fault: \"overloaded\", on: [\"anthropics\"], rate: 7)],\n"),
    )
    .unwrap();
    let checked = simlab().arg("check").arg(&file).output().unwrap();
    let shown = String::from_utf8(checked.stderr).unwrap();
    assert!(
        checked.status.code() == Some(3) && shown.contains("did you mean `anthropic`?"),
        "{shown}"
    );
    assert!(shown.contains("expected more than 0 and at most 1, found 7"), "{shown}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_nth_time_of_a_request_is_hit_alike_after_a_restart_and_whatever_comes_between() {
    let hits = |between: bool| -> Vec<u16> {
        let served = Served::start(&["security"]);
        set(
            &served,
            &json!([{ "fault": "overloaded", "rate": 0.4, "burst": 2, "on": ["anthropic"] }]),
        );
        (0..30)
            .map(|nth| {
                if between {
                    let mut other = hello(false);
                    other["max_tokens"] = json!(nth + 1);
                    served.json("POST", "/v1/messages", &ANTHROPIC, &other);
                }
                served.json("POST", "/v1/messages", &ANTHROPIC, &hello(false)).status
            })
            .collect()
    };
    let alone = hits(false);
    assert_eq!(alone, hits(true));
    assert!(alone.contains(&529) && alone.contains(&200), "{alone:?}");
}
