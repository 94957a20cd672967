//! The agents of a scenario's own graph at `simlab serve` answer as they do in a simulated run.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::program::{folder, simlab};
use super::serve::Served;

/// What was asked and answered in the first call of each agent for each user, by key and agent; and
/// who of the users went a wrong way is not known to later agents at `serve`, so `only` these.
fn said(transcript: &str, only: &[&str]) -> BTreeMap<(String, String), (Value, String)> {
    let lines = transcript.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let first = lines.filter(|line| {
        // Models fail in a run, and at `serve` only with `--failures`.
        line["call"] == 0
            && line["answered"].is_string()
            && only.contains(&line["caller"].as_str().unwrap_or_default())
    });
    first
        .map(|line| {
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            let words = planned(&text("answered"));
            // White space is where a plan is cut into its parts.
            let words: Vec<&str> = words.split_whitespace().collect();
            ((text("key"), text("caller")), (line["asked"].clone(), words.join(" ")))
        })
        .collect()
}

/// The words of a plan, which a live run gets as JSON; any other answer as it is.
fn planned(answered: &str) -> String {
    let plan = answered.find('{').and_then(|at| {
        let plan: Value = serde_json::from_str(&answered[at..]).ok()?;
        let parts = plan["subtasks"].as_array()?;
        Some(parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "))
    });
    plan.unwrap_or_else(|| answered.to_owned())
}

#[test]
fn the_same_user_and_question_get_the_same_route_plan_and_answer() {
    for (name, agents) in
        [("router", &["triage"][..]), ("rag", &["assistant"]), ("research", &["planner"])]
    {
        let place = folder(&format!("as-run-{name}"));
        let out = place.join("simulated");
        let users = ["--users", "24", "--quiet", "--format", "json"];
        let run = [&["run", name, "--out", out.to_str().unwrap()], &users[..]].concat();
        simlab(&run).well();
        let served = Served::start(&[name, "--time-scale", "0"]);
        let _ = served.sdk_key();
        let (simulated, live) = (
            fs::read_to_string(out.join("transcript.jsonl")).unwrap(),
            live(&served, name, &place),
        );
        let (simulated, live) = (said(&simulated, agents), said(&live, agents));
        assert!(simulated.len() >= 20, "{name}: {}", simulated.len());
        for (whose, (asked, answered)) in &simulated {
            let Some((live_asked, live_answered)) = live.get(whose) else {
                panic!("{name}: {whose:?} is not in the live run");
            };
            assert_eq!(live_asked, asked, "{name}: {whose:?}");
            assert_eq!(live_answered, answered, "{name}: {whose:?}");
        }
    }
}

/// The transcript of a live run against a server.
fn live(served: &Served, name: &str, place: &std::path::Path) -> String {
    let out = place.join("live");
    let address = format!("http://{}", served.address);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_simlab"))
        .args(["run", name, "--live", "--yes", "--quiet", "--users", "24", "--max-cost", "50"])
        .args(["--format", "json", "--out", out.to_str().unwrap()])
        .envs([
            ("ANTHROPIC_API_KEY", "any"),
            ("OPENAI_API_KEY", "any"),
            ("MISTRAL_API_KEY", "any"),
            ("GEMINI_API_KEY", "any"),
            ("LD_API_KEY", "any"),
        ])
        .env("LD_SDK_KEY", served.sdk_key())
        .env("ANTHROPIC_BASE_URL", &address)
        .env("OPENAI_BASE_URL", format!("{address}/v1"))
        .env("MISTRAL_BASE_URL", format!("{address}/mistral/v1"))
        .env("GOOGLE_GEMINI_BASE_URL", &address)
        .env("LD_BASE_URL", &address)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    fs::read_to_string(out.join("transcript.jsonl")).unwrap()
}
