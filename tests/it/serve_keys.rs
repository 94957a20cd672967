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

#[test]
fn what_an_ai_config_used_is_told_by_variation_and_cost() {
    let served = Served::start(&["security"]);
    let project = "/api/v2/projects/multi-agent-chatbot";
    let model = json!({ "key": "OpenAI.mine", "name": "mine", "id": "mine", "provider": "OpenAI",
        "costPerInputToken": 0.002, "costPerOutputToken": 0.01 });
    let models = format!("{project}/ai-configs/model-configs");
    assert_eq!(served.json("POST", &models, &[TOKEN], &model).status, 200);
    let configs = format!("{project}/ai-configs");
    let config = json!({ "key": "helper", "name": "Helper", "mode": "completion" });
    assert_eq!(served.json("POST", &configs, &[TOKEN], &config).status, 201);
    for key in ["plain", "priced"] {
        let mut variation = json!({ "key": key, "name": key, "messages": [{ "role": "system", "content": "Help." }] });
        if key == "priced" {
            variation["modelConfigKey"] = json!("OpenAI.mine");
        }
        let path = format!("{configs}/helper/variations");
        assert_eq!(served.json("POST", &path, &[TOKEN], &variation).status, 201);
    }
    let event = |at: u64, variation: &str, key: &str, value: f64| {
        json!({ "kind": "custom", "creationDate": at, "key": key, "metricValue": value,
            "data": { "configKey": "helper", "variationKey": variation },
            "context": { "kind": "user", "key": "u" } })
    };
    let (day, later) = (1_760_000_000_000, 1_760_000_000_000 + 86_400_000);
    let mut events = vec![];
    for (key, value) in [
        ("$ld:ai:tokens:input", 100.0),
        ("$ld:ai:tokens:output", 20.0),
        ("$ld:ai:tokens:total", 120.0),
        ("$ld:ai:generation:success", 1.0),
        ("$ld:ai:duration:total", 900.0),
        ("$ld:ai:judge:accuracy", 0.5),
    ] {
        events.push(event(day, "priced", key, value));
        events.push(event(later, "priced", key, value));
    }
    events.push(event(day, "plain", "$ld:ai:generation:error", 1.0));
    for rating in ["positive", "positive", "negative"] {
        events.push(event(day, "plain", &format!("$ld:ai:feedback:user:{rating}"), 1.0));
    }
    let key = served.sdk_key();
    let sent = served.json("POST", "/bulk", &[("authorization", &key)], &json!(events));
    assert_eq!(sent.status, 202);

    let ask = |what: &str, query: &str| {
        let answer =
            served.send("GET", &format!("{configs}/{what}?env=production&{query}"), &[TOKEN], b"");
        (answer.status, answer.json())
    };
    let both = format!("from={}&to={}", day - 60_000, later + 60_000);
    let (status, all) = ask("helper/metrics", &both);
    assert_eq!(
        (status, all),
        (
            200,
            json!({ "inputTokens": 200, "outputTokens": 40, "totalTokens": 240, "generationCount": 3,
                "generationSuccessCount": 2, "generationErrorCount": 1, "thumbsUp": 2, "thumbsDown": 1,
                "durationMs": 1800, "satisfactionRating": 2.0 / 3.0, "inputCost": 0.4, "outputCost": 0.4,
                "judgeAccuracy": 0.5 })
        )
    );
    let first = format!("from={}&to={}", day - 60_000, day + 60_000);
    let (_, parts) = ask("helper/metrics-by-variation", &first);
    assert_eq!(parts[0]["variationKey"], "plain");
    assert_eq!(parts[0]["metrics"]["generationErrorCount"], 1);
    assert_eq!(parts[0]["metrics"].get("inputCost"), None, "its price is not known");
    assert_eq!(parts[1]["metrics"]["inputTokens"], 100);
    assert_eq!(parts[1]["metrics"]["outputCost"], 0.2);
    // Another time, and what cannot be told.
    assert_eq!(ask("helper/metrics", "from=1&to=2").1["totalTokens"], 0);
    assert_eq!(ask("none/metrics", &both).0, 404);
    let (status, error) = ask("helper/metrics", "from=1&to=soon");
    assert_eq!(
        (status, &error["message"]),
        (400, &json!("`to` is required: Unix time in milliseconds, not `soon`"))
    );
    assert_eq!(ask("helper/metrics", "from=1&to=8640000002").0, 400);
}

#[test]
fn the_account_has_one_member_and_says_whose_key_it_is() {
    let served = Served::start(&["security"]);
    let get = |path: &str| served.send("GET", &format!("/api/v2/{path}"), &[TOKEN], b"");
    let identity = get("caller-identity").json();
    let me = get("members/me").json();
    assert_eq!((&identity["memberId"], &identity["tokenKind"]), (&me["_id"], &json!("auth")));
    assert_eq!(get("members").json()["items"], json!([me]));
    assert_eq!(get("teams").json()["totalCount"], 0);
    assert_eq!((get("members/nobody").status, get("teams/none").status), (404, 404));
    let added = served.json("POST", "/api/v2/members", &[TOKEN], &json!([{ "email": "a@b.c" }]));
    assert_eq!(added.status, 405);
}
