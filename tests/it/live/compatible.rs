//! Live runs that ask a provider at an address of the scenario.

use std::fs;

use serde_json::Value;
use wiremock::matchers::{any, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

use super::super::program::folder;
use super::super::serve::Served;
use super::program::{Site, ran};

const KEY: &str = "gsk-planted-4717";

/// A graph of one agent, asked of Groq at this address.
fn scenario(base: &str, prices: &str) -> String {
    format!(
        r#"(
    title: "A model at another address", seed: 3, traffic: (queries: 100, pii_percentage: 0),
    models: {{ "llama-4-70b": (like: "gpt-6-luna", compatible: (name: "groq", base: "{base}"){prices}, takes_temperature: true) }},
    graph: (key: "chat", root: "assistant", nodes: {{ "assistant": (role: Answer, model: "gpt-6.1-terra", instructions: "Answer.") }}),
    configs: {{ "assistant": (variations: {{ "llama": (like: "default", model: "llama-4-70b") }}) }},
    experiments: [(
        key: "llama", config: "assistant", control: "default", split: {{ "default": "50%", "llama": "50%" }}, metrics: ["ai_cost_per_request"],
    )],
)"#
    )
}

const PRICES: &str = r#", input_price: "$0.60", output_price: "$0.80""#;

fn site(name: &str, scenario: &str) -> Site {
    let folder = folder(name);
    fs::write(folder.join("my.ron"), scenario).unwrap();
    let file = folder.join("my.ron").display().to_string();
    let served = Served::start(&[file.as_str()]);
    let sdk_key = served.sdk_key();
    Site { served, folder, sdk_key }
}

const LIVE: [&str; 11] = [
    "run",
    "my.ron",
    "--live",
    "--yes",
    "--quiet",
    "--users",
    "12",
    "--record",
    "traffic.jsonl",
    "--format",
    "json",
];

#[test]
fn a_live_run_sends_a_model_to_its_address_with_its_own_key_and_charges_its_prices() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let groq = runtime.block_on(MockServer::start());
    let answer = serde_json::json!({ "id": "c", "object": "chat.completion", "created": 1, "model": "llama-4-70b",
        "choices": [{ "index": 0, "message": { "role": "assistant", "content": "A policy maps states to actions." }, "finish_reason": "stop" }],
        "usage": { "prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500 } });
    runtime.block_on(async {
        // Refused once, to see that it is asked again.
        let busy = serde_json::json!({ "error": { "message": "slow down", "type": "requests" } });
        Mock::given(method("POST"))
            .respond_with(ResponseTemplate::new(429).set_body_json(busy))
            .up_to_n_times(1)
            .mount(&groq)
            .await;
        Mock::given(method("POST"))
            .and(path("/openai/v1/chat/completions"))
            .and(header("authorization", format!("Bearer {KEY}").as_str()))
            .respond_with(ResponseTemplate::new(200).set_body_json(answer))
            .mount(&groq)
            .await;
    });
    let site = site("live-compatible", &scenario(&format!("{}/openai/v1", groq.uri()), PRICES));
    let missing = site.simlab(&LIVE);
    assert_eq!(missing.code, 2, "{}", missing.err);
    assert!(missing.err.contains("GROQ_API_KEY is not set"), "{}", missing.err);
    let run = ran(site.command(&LIVE).env("GROQ_API_KEY", KEY));
    assert_eq!(run.code, 0, "{}", run.err);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["traffic"]["succeeded"], 12);
    let rows = report["experiments"][0]["costs"].as_array().unwrap();
    let row = rows.iter().find(|row| row["model"] == "llama-4-70b").unwrap();
    // By hand: 1,000 tokens at $0.60 and 500 at $0.80 a million are $0.001 a call.
    assert!((row["cost_per_user_usd"].as_f64().unwrap() - 0.001).abs() < 1e-9, "{row}");
    let mut sent = runtime.block_on(groq.received_requests()).unwrap();
    // An address of this machine is also asked whether it is the mock.
    sent.retain(|request| request.method.as_str() == "POST");
    // One call proves the key and the model.
    assert_eq!(sent.len() as u64, row["calls"].as_u64().unwrap() + 2);
    for request in &sent {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!(body["model"], "llama-4-70b");
        assert!(body["max_tokens"].is_u64() && body.get("max_completion_tokens").is_none());
    }
    let recorded = fs::read_to_string(site.path("traffic.jsonl")).unwrap();
    assert!(recorded.contains("llama-4-70b") && !recorded.contains(KEY));
    assert!(!run.out.contains(KEY) && !run.err.contains(KEY));
    let again = site.simlab(&["replay", "traffic.jsonl", "--format", "json"]);
    assert_eq!(again.code, 0, "{}", again.err);
    let again: Value = serde_json::from_str(&again.out).unwrap();
    assert_eq!(report["fingerprint"], again["fingerprint"]);
    // A key that the provider does not take is reported with its name and that of its variable.
    runtime.block_on(async {
        groq.reset().await;
        let wrong = serde_json::json!({ "error": { "message": format!("bad key {KEY}"), "code": "invalid_api_key" } });
        Mock::given(any())
            .respond_with(ResponseTemplate::new(401).set_body_json(wrong))
            .mount(&groq)
            .await;
    });
    fs::remove_file(site.path("traffic.jsonl")).unwrap();
    let elsewhere = [&LIVE[..], &["--out", "refused"]].concat();
    let refused = ran(site.command(&elsewhere).env("GROQ_API_KEY", KEY));
    assert_eq!(refused.code, 4, "{}", refused.err);
    assert!(
        refused.err.contains("groq does not accept GROQ_API_KEY") && !refused.err.contains(KEY),
        "{}",
        refused.err
    );
}

#[test]
fn serve_plays_a_provider_of_the_scenario_and_a_live_run_needs_its_own_prices() {
    let base = "https://api.groq.com/openai/v1";
    let site = site("live-compatible-serve", &scenario(base, ""));
    let at_serve = format!("http://{}/compatible/groq/openai/v1", site.served.address);
    let run = || {
        let mut command = site.command(&LIVE);
        ran(command.env("GROQ_API_KEY", KEY).env("GROQ_BASE_URL", &at_serve))
    };
    let unpriced = run();
    assert_eq!(unpriced.code, 3, "{}", unpriced.err);
    let words =
        "model `llama-4-70b` is served by groq, and has a price of the model that it is like";
    let told = unpriced.err.replace("\n  │", "");
    assert!(told.contains(words), "{told}");
    fs::write(site.path("my.ron"), scenario(base, PRICES)).unwrap();
    let priced = run();
    assert_eq!(priced.code, 0, "{}", priced.err);
    let report: Value = serde_json::from_str(&priced.out).unwrap();
    assert_eq!(report["traffic"]["succeeded"], 12);
}
