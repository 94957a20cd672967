//! SDK keys of `simlab serve`: told before and after the project is there, as lines for a shell, and
//! given by whoever starts it.

use serde_json::{Value, json};

use super::serve::{Served, TOKEN};

/// What a poll for flags with this key gets.
fn polled(served: &Served, key: &str) -> u16 {
    served.send("GET", "/sdk/latest-all", &[("authorization", key)], b"").status
}

fn variables(served: &Served) -> String {
    String::from_utf8(served.send("GET", "/_simlab/env", &[], b"").body).unwrap()
}

#[test]
fn the_key_is_told_before_the_project_is_there_and_in_lines_for_a_shell() {
    let served = Served::start(&["--seed", "18"]);
    let told = served.sdk_key();
    assert_eq!(polled(&served, &told), 401, "there is no project yet");
    let project = json!({ "key": "multi-agent-chatbot", "name": "Chatbot" });
    served.json("POST", "/api/v2/projects", &[TOKEN], &project);
    let other = json!({ "key": "other", "name": "Other" });
    served.json("POST", "/api/v2/projects", &[TOKEN], &other);
    assert_eq!((served.sdk_key(), polled(&served, &told)), (told.clone(), 200));
    let keys = served.status()["launchdarkly"]["keys"].as_array().unwrap().clone();
    assert_eq!(keys.len(), 4);
    for one in &keys {
        assert_eq!(polled(&served, one["sdk_key"].as_str().unwrap()), 200);
    }
    let lines = variables(&served);
    let address = format!("http://{}", served.address);
    for line in [
        format!("export LD_SDK_KEY={told}"),
        format!("export LD_BASE_URL={address}"),
        format!("export OPENAI_BASE_URL={address}/v1"),
        format!("export MISTRAL_BASE_URL={address}/mistral/v1"),
        "export ANTHROPIC_API_KEY=any".to_owned(),
        "# other production".to_owned(),
    ] {
        assert!(lines.lines().any(|own| own == line), "{line}\n{lines}");
    }
}

#[test]
fn a_given_key_opens_the_scenarios_environment_and_any_opens_it_with_all() {
    let own = Served::start(&["security"]);
    assert_eq!((polled(&own, "sdk-mine"), polled(&own, "")), (401, 401));
    let given = Served::start(&["security", "--sdk-key", "sdk-mine"]);
    let key = own.sdk_key();
    assert_eq!(given.sdk_key(), "sdk-mine");
    assert_eq!(
        (polled(&given, "sdk-mine"), polled(&given, &key), polled(&given, "sdk-other")),
        (200, 200, 401)
    );
    let any = Served::start(&["security", "--sdk-key", "any"]);
    assert_eq!((polled(&any, "sdk-other"), polled(&any, "")), (200, 401));
    let event = json!([{ "kind": "custom", "creationDate": 1, "key": "x", "context": { "kind": "user", "key": "u" } }]);
    let sent = any.json("POST", "/bulk", &[("authorization", "whatever")], &event);
    assert_eq!(sent.status, 202);
    let status: Value = any.status();
    assert_eq!(status["events_by_kind"]["custom"], 1);
}

#[test]
fn a_flag_made_over_rest_reaches_sdks_and_its_status_follows_their_summaries() {
    let served = Served::start(&["security"]);
    let flags = "/api/v2/flags/multi-agent-chatbot";
    let made = served.json("POST", flags, &[TOKEN], &json!({ "key": "dark", "name": "Dark" }));
    assert_eq!(made.status, 201);
    let key = served.sdk_key();
    let polled = served.send("GET", "/sdk/latest-all", &[("authorization", &key)], b"").json();
    assert_eq!(polled["flags"]["dark"]["variations"], json!([true, false]));
    let path = "/api/v2/flag-status/multi-agent-chatbot/dark";
    let status =
        || served.send("GET", path, &[TOKEN], b"").json()["environments"]["production"].clone();
    assert_eq!(status()["name"], "new");
    let counters = json!([{ "value": false, "count": 3, "variation": 1, "version": 1 }]);
    let summary = json!([{ "kind": "summary", "startDate": 1, "endDate": 1_760_000_000_000_u64,
        "features": { "dark": { "default": false, "counters": counters, "contextKinds": ["user"] } } }]);
    assert_eq!(served.json("POST", "/bulk", &[("authorization", &key)], &summary).status, 202);
    assert_eq!(status(), json!({ "name": "active", "lastRequested": "2025-10-09T08:53:20Z" }));
}
