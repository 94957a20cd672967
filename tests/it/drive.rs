//! `simlab drive`: a scenario's users ask an app, which talks to `simlab serve` through the official
//! LaunchDarkly SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use launchdarkly_server_sdk::{Client, Context, ContextBuilder};
use serde_json::{Value, json};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use super::output_schema::fits;
use super::program::{Ran, folder, simlab};
use super::serve::Served;
use super::serve_sdk::{client, runtime, variation};

/// An app with the tutorial's two addresses: it evaluates its configs, asks a model, and tracks what
/// users say.
struct App {
    /// Weak, so that the server ends with the test.
    served: Weak<Served>,
    flags: Client,
    arms: Mutex<BTreeMap<String, String>>,
}

fn context(body: &Value) -> Context {
    let mut builder = ContextBuilder::new(body["user_id"].as_str().unwrap());
    for (name, value) in body["user_context"].as_object().unwrap() {
        builder.set_value(name, value.as_str().unwrap().into());
    }
    builder.build().unwrap()
}

struct Chat(Arc<App>);

impl Respond for Chat {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().unwrap();
        let user = context(&body);
        let arm = variation(&self.0.flags, &user, "security-agent");
        let key = body["user_id"].as_str().unwrap().to_owned();
        assert_eq!(body["user_context"]["user"], key);
        self.0.arms.lock().unwrap().insert(key, arm.clone());
        let asked = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": body["message"] }] });
        let headers = [("authorization", "Bearer any")];
        let answer = self
            .0
            .served
            .upgrade()
            .unwrap()
            .json("POST", "/v1/chat/completions", &headers, &asked)
            .json();
        let text = &answer["choices"][0]["message"]["content"];
        self.0.flags.track_metric(user, "ai_cost_per_request", 0.01, Value::Null);
        ResponseTemplate::new(200).set_body_json(json!({
            "id": "m1", "response": text, "variation_key": arm, "model": "gpt-4o", "tool_calls": []
        }))
    }
}

struct Feedback(Arc<App>);

impl Respond for Feedback {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let body: Value = request.body_json().unwrap();
        assert_eq!((&body["message_id"], &body["model"]), (&json!("m1"), &json!("gpt-4o")));
        let word = body["feedback"].as_str().unwrap();
        let user = context(&body);
        self.0.flags.track_event(user, format!("$ld:ai:feedback:user:{word}"));
        self.0.flags.flush();
        ResponseTemplate::new(200).set_body_json(json!({ "success": true }))
    }
}

#[test]
fn an_app_is_asked_what_simulated_users_ask_and_its_own_events_are_reported() {
    const USERS: usize = 60;
    let served = Arc::new(Served::start(&["security"]));
    let address = format!("http://{}", served.address);
    let runtime = runtime();
    let _inside = runtime.enter();
    let flags = client(&served, false);
    assert_eq!(
        runtime.block_on(flags.wait_for_initialization(Duration::from_secs(10))),
        Some(true)
    );
    let app = Arc::new(App { served: Arc::downgrade(&served), flags, arms: Mutex::default() });
    let server = runtime.block_on(MockServer::start());
    let mock = |at: &str| Mock::given(method("POST")).and(path(at));
    runtime.block_on(mock("/chat").respond_with(Chat(Arc::clone(&app))).mount(&server));
    runtime.block_on(mock("/feedback").respond_with(Feedback(Arc::clone(&app))).mount(&server));
    let place = folder("drive");
    let lines = place.join("visits.jsonl");
    let users = USERS.to_string();
    let arguments = |extra: &[&str]| {
        let mut all = vec![
            "drive",
            &*server.uri(),
            "security",
            "--serve",
            &address,
            "--users",
            &users,
            "--quiet",
        ]
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>();
        all.extend(extra.iter().map(|word| (*word).to_owned()));
        all
    };
    let out = lines.to_str().unwrap();
    let driven = simlab(&arguments(&["--wait", "1s", "--format", "json", "--out", out])).json();
    fits("drive", &driven);
    let sums = &driven["drive"];
    assert_eq!((&sums["visits"], &sums["answered"]), (&json!(USERS), &json!(USERS)), "{sums}");
    let rated = sums["positive"].as_u64().unwrap() + sums["negative"].as_u64().unwrap();
    assert!(sums["positive"].as_u64().unwrap() >= 10, "{sums}");
    assert_eq!(rated + sums["unrated"].as_u64().unwrap(), USERS as u64, "{sums}");
    assert_eq!(sums["feedback_refused"], 0);

    // The users, their arms and their questions are those of a simulated run.
    let saved = place.join("run");
    let simulated = simlab(&[
        "run",
        "security",
        "--users",
        &users,
        "--quiet",
        "--format",
        "json",
        "--transcript",
        &users,
        "--out",
        saved.to_str().unwrap(),
    ])
    .json();
    let arms = |report: &Value| report["experiments"][0]["exposures"].as_object().unwrap().clone();
    assert_eq!(arms(&driven["report"]), arms(&simulated));
    let transcript = fs::read_to_string(saved.join("transcript.jsonl")).unwrap();
    let written: BTreeMap<String, String> = transcript
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|line| line["asked"] == json!([]))
        .filter_map(|line| {
            Some((line["key"].as_str()?.to_owned(), line["answered"].as_str()?.to_owned()))
        })
        .collect();
    let visits: Vec<Value> = fs::read_to_string(&lines)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(visits.len(), USERS);
    for visit in &visits {
        let key = visit["user"].as_str().unwrap();
        assert_eq!(visit["question"].as_str(), written.get(key).map(String::as_str), "{key}");
    }
    let keys: BTreeSet<String> = app.arms.lock().unwrap().keys().cloned().collect();
    assert_eq!(keys.len(), USERS);

    // What the report counts as positive feedback is what the judge said.
    let metric = &driven["report"]["experiments"][0]["metrics"][0];
    assert_eq!(metric["key"], "positive_feedback_rate", "{metric}");
    let conversions: u64 = metric["variations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variation| variation["conversions"].as_u64().unwrap())
        .sum();
    assert_eq!(conversions, sums["positive"].as_u64().unwrap());

    // As text, with the report below.
    let told = simlab(&arguments(&["--wait", "100ms"])).well();
    assert!(told.contains("60 questions of 60 users of `security`"), "{told}");
    assert!(told.contains("Experiment: Security Level"), "{told}");
    app.flags.close();
}

/// An app that answers everything like this.
fn answering(answer: ResponseTemplate) -> (tokio::runtime::Runtime, MockServer) {
    let runtime = runtime();
    let server = runtime.block_on(MockServer::start());
    runtime.block_on(Mock::given(method("POST")).respond_with(answer).mount(&server));
    (runtime, server)
}

fn drive(address: &str, extra: &[&str]) -> Ran {
    simlab(&[&["drive", address, "security", "--users", "5", "--quiet"], extra].concat())
}

#[test]
fn what_would_fail_every_question_is_told_after_the_first() {
    let asked = |(runtime, server): &(tokio::runtime::Runtime, MockServer)| {
        runtime.block_on(server.received_requests()).unwrap().len()
    };
    for (answer, told) in [
        (ResponseTemplate::new(404).set_body_string("no such\npage"), "status 404: no such page"),
        (ResponseTemplate::new(200).set_body_string("hello"), "is not JSON: hello"),
        (
            ResponseTemplate::new(200).set_body_json(json!({ "reply": "x" })),
            "nothing at `/response`; it has `reply`",
        ),
        (ResponseTemplate::new(200).set_body_json(json!({ "response": 1 })), "is not a text"),
    ] {
        let app = answering(answer);
        let ran = drive(&app.1.uri(), &[]);
        assert!(
            ran.code == 4 && ran.err.contains(told) && ran.err.contains("--app"),
            "{}",
            ran.err
        );
        assert_eq!(asked(&app), 1, "{told}");
    }
    let nobody = drive("http://127.0.0.1:1", &[]);
    assert!(nobody.code == 4 && nobody.err.contains("the first question"), "{}", nobody.err);
}

#[test]
fn failures_that_may_pass_are_counted_and_can_end_with_an_exit_code() {
    let app = answering(ResponseTemplate::new(503));
    let ran = drive(&app.1.uri(), &[]);
    assert!(ran.code == 1 && ran.out.contains("5 of them: status 503"), "{}{}", ran.out, ran.err);
    let failing = json!({ "variation_key": "error", "response": "I encountered an error" });
    let app = answering(ResponseTemplate::new(200).set_body_json(failing));
    let ran = drive(&app.1.uri(), &[]);
    assert!(ran.out.contains("the app failed: `/variation_key` is \"error\""), "{}", ran.out);
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(20));
    let app = answering(slow);
    let ran = drive(&app.1.uri(), &["--timeout", "100ms", "--max-failed", "0"]);
    assert!(ran.code == 1 && ran.out.contains("no answer within 0.1s"), "{}{}", ran.out, ran.err);
}

#[test]
fn an_app_that_sends_no_events_is_warned_of() {
    let served = Served::start(&["security"]);
    let address = format!("http://{}", served.address);
    let app = answering(ResponseTemplate::new(200).set_body_json(json!({ "response": "Yes." })));
    let ran = drive(&app.1.uri(), &["--serve", &address, "--wait", "100ms"]);
    assert!(ran.code == 0 && ran.err.contains("no event has arrived"), "{}{}", ran.out, ran.err);
}

#[test]
fn wrong_input_is_told_before_anything_is_sent() {
    let place = folder("drive-wrong");
    let form = place.join("app.ron");
    fs::write(&form, "(body: {\"text\": \"{qestion}\"}, answer: \"/reply\")").unwrap();
    let form = form.to_str().unwrap();
    for (extra, code, told) in [
        (vec!["--app", form], 3, "did you mean `{question}`?"),
        (vec!["--app", "tutoral"], 3, "did you mean `tutorial`?"),
        (vec!["--serve", "http://example.com"], 2, "of this machine"),
        (vec!["--max-failed", "2"], 2, "share from 0 to 1"),
        (vec!["--concurrency", "0"], 2, "from 1 to 1,000"),
        (vec!["--serve", "http://127.0.0.1:1"], 4, "does not answer"),
        (vec!["--out", form], 3, "cannot be written"),
    ] {
        let ran = drive("http://127.0.0.1:1", &extra);
        assert!(ran.code == code && ran.err.contains(told), "{extra:?} {}: {}", ran.code, ran.err);
    }
    let secret = place.join("secret.ron");
    let text = r#"(body: "{question}", answer: "", headers: {"authorization": "Bearer {env:SIMLAB_NO_SUCH_KEY}"})"#;
    fs::write(&secret, text).unwrap();
    let ran = drive("http://127.0.0.1:1", &["--app", secret.to_str().unwrap()]);
    assert!(ran.code == 2 && ran.err.contains("SIMLAB_NO_SUCH_KEY is not set"), "{}", ran.err);
    let bad = simlab(&["drive", "localhost:8000"]);
    assert!(bad.code == 2 && bad.err.contains("expected an address"), "{}", bad.err);
}
