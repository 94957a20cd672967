//! An experiment and its metrics that were made over REST, with the official LaunchDarkly SDK,
//! unmodified: analyzed like the scenario's own, from the start of its iteration to its end, over a
//! restart.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::program::folder;
use super::serve::{Served, TOKEN};
use super::serve_sdk::{client, runtime, until, user, variation};

const PROJECT: &str = "/api/v2/projects/multi-agent-chatbot";
const EXPERIMENTS: &str =
    "/api/v2/projects/multi-agent-chatbot/environments/production/experiments";
const ARMS: [&str; 2] = ["other-free", "international-standard"];

fn done(served: &Served, method: &str, path: &str, body: &Value) -> Value {
    let patch =
        [TOKEN, ("content-type", "application/json; domain-model=launchdarkly.semanticpatch")];
    let answer = match method {
        "PATCH" => served.send(method, path, &patch, body.to_string().as_bytes()),
        _ => served.json(method, path, &[TOKEN], body),
    };
    assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
    answer.json()
}

fn instruct(served: &Served, instruction: &Value) {
    let patch = json!({ "instructions": [instruction] });
    done(served, "PATCH", &format!("{EXPERIMENTS}/my-experiment"), &patch);
}

/// Makes two metrics and an experiment on the rule of free users outside the EU, and starts it.
/// Returns the ids of its arms.
fn make(served: &Served) -> Vec<String> {
    let metric = |body: Value| done(served, "POST", "/api/v2/metrics/multi-agent-chatbot", &body);
    metric(
        json!({ "key": "resolved", "kind": "custom", "eventKey": "ticket-resolved", "successCriteria": "HigherThanBaseline" }),
    );
    metric(
        json!({ "key": "minutes", "kind": "custom", "isNumeric": true, "eventKey": "minutes-spent", "unit": "min",
        "successCriteria": "LowerThanBaseline", "unitAggregationType": "sum", "eventDefault": { "disabled": true, "value": 0 } }),
    );
    // A group stands for its metrics, each once.
    let group = json!({ "key": "tickets", "name": "Tickets", "kind": "standard", "metrics": [{ "key": "minutes" }, { "key": "resolved" }] });
    done(served, "POST", &format!("{PROJECT}/metric-groups"), &group);
    let targeting =
        done(served, "GET", &format!("{PROJECT}/ai-configs/support-agent/targeting"), &Value::Null);
    let rule = &targeting["environments"]["production"]["rules"][2]["_id"];
    let id = |key: &str| {
        let variations = targeting["variations"].as_array().unwrap();
        let own = variations
            .iter()
            .find(|variation| variation["value"]["_ldMeta"]["variationKey"] == key)
            .unwrap();
        own["_id"].as_str().unwrap().to_owned()
    };
    let ids: Vec<String> = ARMS.iter().map(|key| id(key)).collect();
    let treatment = |name: &str, baseline: bool, percent: &str, id: &str| {
        json!({ "name": name, "baseline": baseline, "allocationPercent": percent,
            "parameters": [{ "flagKey": "support-agent", "variationId": id }] })
    };
    let mut treatments: Vec<Value> =
        ids.iter().enumerate().map(|(nth, id)| treatment(ARMS[nth], nth == 0, "50", id)).collect();
    // Whoever makes an experiment by hand lists the variations without traffic, too.
    treatments.push(treatment("eu-paid", false, "0", &id("eu-paid")));
    let iteration = json!({ "hypothesis": "it resolves more", "metrics": [{ "key": "minutes" }, { "key": "tickets", "isGroup": true }],
        "primarySingleMetricKey": "resolved", "treatments": treatments,
        "flags": { "support-agent": { "ruleId": rule, "flagConfigVersion": 1 } } });
    let body = json!({ "key": "my-experiment", "name": "My experiment", "iteration": iteration,
        "analysisConfig": { "bayesianThreshold": "80" } });
    done(served, "POST", EXPERIMENTS, &body);
    instruct(served, &json!({ "kind": "startIteration" }));
    ids
}

#[test]
fn metric_groups_and_prompt_snippets_are_made_changed_and_deleted() {
    let served = Served::start(&["security"]);
    let groups = format!("{PROJECT}/metric-groups");
    let send = |method: &str, path: &str, body: &Value| served.json(method, path, &[TOKEN], body);
    let keys = ["positive_feedback_rate", "p95_total_user_latency"];
    let metrics: Vec<Value> =
        keys.iter().map(|key| json!({ "key": key, "nameInGroup": "n" })).collect();
    let group =
        json!({ "key": "g", "name": "Group", "kind": "funnel", "metrics": metrics, "tags": ["t"] });
    let made = done(&served, "POST", &groups, &group);
    assert_eq!(
        (&made["kind"], &made["version"], &made["tags"]),
        (&json!("funnel"), &json!(1), &json!(["t"]))
    );
    let shown = made["metrics"].as_array().unwrap();
    assert_eq!(shown.iter().map(|metric| &metric["key"]).collect::<Vec<_>>(), keys);
    assert!(
        shown.iter().all(|metric| metric["nameInGroup"] == "n" && metric["eventKey"].is_string())
    );
    let patch = json!([{ "op": "test", "path": "/name", "value": "Group" }, { "op": "replace", "path": "/name", "value": "New" }]);
    let changed = send("PATCH", &format!("{groups}/g"), &patch).json();
    assert_eq!((&changed["name"], &changed["version"]), (&json!("New"), &json!(2)));
    assert_eq!(done(&served, "GET", &groups, &Value::Null)["totalCount"], 1);
    let one =
        |metrics: Value| json!({ "key": "h", "name": "H", "kind": "funnel", "metrics": metrics });
    for (body, status) in [
        (group.clone(), 409),
        (one(json!([{ "key": keys[0] }])), 400),
        (one(json!([{ "key": keys[0] }, { "key": keys[0] }])), 400),
        (one(json!([{ "key": keys[0] }, { "key": "unknown" }])), 400),
        (json!({ "key": "h", "name": "H", "kind": "other", "metrics": [{ "key": keys[0] }] }), 400),
        (json!({ "key": "h" }), 400),
    ] {
        assert_eq!(send("POST", &groups, &body).status, status, "{body}");
    }
    let snippets = format!("{PROJECT}/ai-configs/prompt-snippets");
    let snippet = json!({ "key": "tone", "name": "Tone", "text": "Be kind." });
    assert_eq!(done(&served, "POST", &snippets, &snippet)["text"], "Be kind.");
    assert_eq!(send("POST", &snippets, &snippet).status, 409);
    let changed =
        send("PATCH", &format!("{snippets}/tone"), &json!({ "text": "Be brief." })).json();
    assert_eq!(
        (&changed["text"], &changed["version"], &changed["name"]),
        (&json!("Be brief."), &json!(2), &json!("Tone"))
    );
    assert_eq!(
        done(&served, "GET", &format!("{snippets}/tone/references"), &Value::Null)["items"],
        json!([])
    );
    for path in [format!("{groups}/g"), format!("{snippets}/tone")] {
        assert_eq!(send("DELETE", &path, &Value::Null).status, 204);
        for method in ["GET", "DELETE"] {
            assert_eq!(send(method, &path, &Value::Null).status, 404, "{method} {path}");
        }
    }
    assert_eq!(send("PUT", &groups, &Value::Null).status, 405);
}

fn report(served: &Served) -> Value {
    served.send("GET", "/_simlab/report", &[], b"").json()
}

fn own(report: &Value) -> Option<&Value> {
    report["experiments"]
        .as_array()
        .unwrap()
        .iter()
        .find(|experiment| experiment["key"] == "my-experiment")
}

#[derive(Default)]
struct Noted {
    users: u64,
    resolved: u64,
    minutes: Vec<f64>,
}

#[test]
fn an_experiment_made_over_rest_is_analyzed_like_the_scenarios_own() {
    let folder = folder("serve-made");
    let file = folder.join("state.redb");
    let arguments = ["security", "--state", file.to_str().unwrap()];
    let served = Served::start(&arguments);
    let runtime = runtime();
    let _inside = runtime.enter();
    let ids = make(&served);
    let waiting = report(&served);
    assert_eq!(own(&waiting).unwrap()["exposures"].as_object().unwrap().len(), 2, "{waiting}");
    assert_eq!(waiting["experiments"].as_array().unwrap().len(), 2);

    let client = client(&served, false);
    assert_eq!(
        runtime.block_on(client.wait_for_initialization(Duration::from_secs(10))),
        Some(true)
    );
    let mut noted: BTreeMap<String, Noted> = BTreeMap::new();
    for nth in 0..200_u32 {
        let user = user(&format!("user_{nth}"), "US", "free");
        let arm = variation(&client, &user, "support-agent");
        let one = noted.entry(arm).or_default();
        one.users += 1;
        if nth % 3 == 0 {
            client.track_event(user.clone(), "ticket-resolved");
            one.resolved += 1;
        }
        if nth % 2 == 0 {
            let minutes = f64::from(nth % 17) + 0.5;
            client.track_metric(user.clone(), "minutes-spent", minutes, Value::Null);
            client.track_metric(user, "minutes-spent", 1.0, Value::Null);
            one.minutes.push(minutes + 1.0);
        }
    }
    client.flush();
    until("the events did not arrive", || served.status()["events_by_kind"]["custom"] == 67 + 200);
    until("the exposures did not arrive", || served.status()["events_by_kind"]["feature"] == 200);
    assert_eq!(noted.len(), 2, "both arms of the experiment are served");

    let found = report(&served);
    let experiment = own(&found).unwrap();
    assert_eq!(experiment["threshold"], 0.8);
    assert_eq!(experiment["control"], ARMS[0]);
    // The primary metric comes first.
    assert_eq!(
        (&experiment["metrics"][0]["key"], &experiment["metrics"][1]["key"]),
        (&json!("resolved"), &json!("minutes"))
    );
    for (nth, arm) in ARMS.iter().enumerate() {
        let noted = &noted[*arm];
        let [resolved, minutes] =
            [0, 1].map(|metric| &experiment["metrics"][metric]["variations"][nth]);
        assert_eq!(
            (&resolved["exposures"], &resolved["conversions"]),
            (&json!(noted.users), &json!(noted.resolved)),
            "{arm}"
        );
        // Users without a value are exposed, and left out of the mean.
        assert_eq!(minutes["exposures"], noted.users, "{arm}");
        let mean = noted.minutes.iter().sum::<f64>() / noted.minutes.len() as f64;
        assert!((minutes["data_mean"].as_f64().unwrap() - mean).abs() < 1e-9, "{arm}: {minutes}");
    }
    // LaunchDarkly's own results of it say the same.
    let results = done(
        &served,
        "GET",
        &format!("{EXPERIMENTS}/my-experiment/metrics/resolved/results"),
        &Value::Null,
    );
    let told = results["results"][0]["treatmentResults"].as_array().unwrap();
    let idle = told.last().unwrap();
    assert_eq!((told.len(), &idle["treatmentName"]), (3, &json!("eu-paid")));
    assert_eq!(
        (&idle["units"], &idle["traffic"], &idle["mean"]),
        (&json!(0), &json!(0), &json!(null))
    );
    for (nth, treatment) in told.iter().take(2).enumerate() {
        assert_eq!(treatment["treatmentId"], ids[nth]);
        let of_report =
            experiment["metrics"][0]["variations"][nth]["posterior_mean"].as_f64().unwrap();
        // The report rounds to ten digits.
        assert!((treatment["mean"].as_f64().unwrap() - of_report).abs() < 1e-9);
    }
    // The scenario's own experiment is on paying users.
    assert_eq!(found["experiments"][0]["metrics"][0]["variations"][0]["exposures"], 0);

    // After its end nothing counts for it.
    instruct(
        &served,
        &json!({ "kind": "stopIteration", "winningTreatmentId": ids[0], "winningReason": "enough" }),
    );
    std::thread::sleep(Duration::from_millis(5));
    client.track_event(user("user_1", "US", "free"), "ticket-resolved");
    client.flush();
    until("the event did not arrive", || served.status()["events_by_kind"]["custom"] == 67 + 201);
    let stopped = report(&served);
    assert_eq!(own(&stopped), Some(experiment));
    client.close();
    drop(served);

    let again = report(&Served::start(&arguments));
    assert_eq!(own(&again), Some(experiment), "the same after a restart");
}

#[test]
fn an_account_that_begins_empty_has_no_experiment_of_the_scenario() {
    let served = Served::start(&[]);
    assert_eq!(report(&served)["experiments"], json!([]));
    // The scenario's own project, set up later, has its experiments.
    let base = format!("http://{}", served.address);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["bootstrap", "security", "--live", "--yes"])
        .env_clear()
        .envs([("LD_API_KEY", "api-token"), ("LD_BASE_URL", &base)])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let found = report(&served);
    let keys: Vec<&Value> =
        found["experiments"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
    assert_eq!(keys, ["security-level"]);
    served.send("POST", "/_simlab/reset", &[("x-simlab", "1")], b"");
    assert_eq!(report(&served)["experiments"], json!([]), "empty again");
}

#[test]
fn a_changed_iteration_of_the_scenarios_experiment_gets_tables_of_its_own() {
    let served = Served::start(&["security"]);
    let before = report(&served);
    let key = before["experiments"][0]["key"].as_str().unwrap();
    let path = format!("{EXPERIMENTS}/{key}");
    let current = done(&served, "GET", &path, &Value::Null)["currentIteration"].clone();
    // The same design again is still the scenario's own.
    let config = "security-agent";
    let flag = &current["flags"][config];
    let design = |metrics: Value| {
        json!({ "hypothesis": "again", "metrics": metrics, "primarySingleMetricKey": metrics[0]["key"], "treatments": current["treatments"],
            "flags": { config: { "ruleId": flag["targetingRule"], "flagConfigVersion": 1 } } })
    };
    let start = |justification: &str| {
        let patch = json!({ "instructions": [{ "kind": "startIteration", "changeJustification": justification }] });
        done(&served, "PATCH", &path, &patch);
    };
    done(&served, "POST", &format!("{path}/iterations"), &design(current["metrics"].clone()));
    start("once more");
    assert_eq!(report(&served)["experiments"].as_array().unwrap().len(), 1);
    let metric = json!({ "key": "opened", "kind": "custom", "eventKey": "ticket-opened", "successCriteria": "LowerThanBaseline" });
    done(&served, "POST", "/api/v2/metrics/multi-agent-chatbot", &metric);
    done(&served, "POST", &format!("{path}/iterations"), &design(json!([{ "key": "opened" }])));
    start("another metric");
    let after = report(&served);
    assert_eq!(after["experiments"][0], before["experiments"][0]);
    assert_eq!(after["experiments"][1]["key"], format!("{key} (iteration 3)"));
    assert_eq!(after["experiments"][1]["metrics"][0]["key"], "opened");
}
