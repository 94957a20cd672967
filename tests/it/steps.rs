//! Steps without a model: their time, cost and failures, and what LaunchDarkly is told of a graph that
//! has them.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use simlab::journal::{AgentId, Caller, Entry, Event, FailureKind, VisitEnd};
use simlab::random::Seed;
use simlab::scenario::Scenario;

use super::lab::{self, Lab};
use super::program::{folder, simlab};

/// A retrieval before the agent that answers, and a log after it. The step stands first in the file.
const RAG: &str = r#"(
    seed: 9, traffic: (queries: 400, pii_percentage: 0), events: Python1,
    models: {
        "gpt-6.1-terra": (failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)),
        "gpt-6-luna": (failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)),
    },
    graph: (key: "rag-flow", root: "retrieve", nodes: {
        "retrieve": (role: Step(latency: "400ms", latency_sigma: 0.5, cost: "$0.002", fails: 0, tokens: 800)),
        "answer": (model: "gpt-6.1-terra"),
    }, edges: [(from: "retrieve", to: "answer")]),
    configs: { "answer": (variations: { "small": (model: "gpt-6-luna") }) },
    experiments: [(
        key: "x", config: "answer", control: "default",
        split: { "default": "50%", "small": "50%" }, metrics: ["ai_cost_per_request", "positive_feedback_rate"],
    )],
)"#;

const USERS: u32 = 400;
/// Agents come first: the number of the step is 1.
const STEP: AgentId = AgentId(1);

fn rag(changes: &[(&str, &str)]) -> Scenario {
    Lab::text(RAG).changes(changes).scenario()
}

fn journal(scenario: &Scenario) -> Vec<Entry> {
    lab::journal(scenario, Seed(9), USERS)
}

#[test]
fn a_step_takes_its_time_and_costs_what_it_says() {
    let entries = journal(&rag(&[]));
    let mut seconds = Vec::new();
    let mut begun: BTreeMap<u32, u64> = BTreeMap::new();
    for Entry { at, user, event } in &entries {
        match event {
            Event::StepFinished { agent, duration, cost, failed } => {
                assert_eq!((*agent, *failed, cost.nano_dollars()), (STEP, false, 2_000_000));
                seconds.push(duration.seconds());
                begun.insert(*user, at.us());
            }
            // The agent after it begins when it ends.
            Event::AgentFinished { duration, .. } => {
                assert_eq!(begun[user], at.us() - duration.us());
            }
            _ => {}
        }
    }
    assert_eq!(seconds.len(), USERS as usize);
    // A log-normal time: the median is 0.4 s, the logarithm has a standard deviation of 0.5.
    let logs: Vec<f64> = seconds.iter().map(|s| (s / 0.4).ln() / 0.5).collect();
    let mean = logs.iter().sum::<f64>() / 400.0;
    let variance = logs.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / 399.0;
    assert!(mean.abs() < 4.0 / 20.0, "{mean}");
    assert!((variance - 1.0).abs() < 4.0 * (2.0_f64 / 399.0).sqrt(), "{variance}");
}

#[test]
fn what_a_step_finds_is_read_by_the_next_agent() {
    let read = |scenario: &Scenario| -> Vec<u32> {
        let tokens = |entry: &Entry| match entry.event {
            Event::Completed { caller: Caller::Agent(AgentId(0)), input_tokens, .. } => {
                Some(input_tokens)
            }
            _ => None,
        };
        journal(scenario).iter().filter_map(tokens).collect()
    };
    let (with, without) = (read(&rag(&[])), read(&rag(&[(", tokens: 800", "")])));
    assert_eq!(with.len(), without.len());
    // 800 tokens, and 4 for one more message.
    assert!(with.iter().zip(&without).all(|(with, without)| *with == without + 804));
}

#[test]
fn a_step_fails_as_often_as_it_says_and_its_way_for_it_is_taken() {
    let failing = rag(&[("fails: 0", "fails: 0.3")]);
    let entries = journal(&failing);
    let failed = entries.iter().filter(|entry| match entry.event {
        Event::StepFinished { failed, cost, .. } => {
            assert!(!failed || cost.nano_dollars() == 0, "a failed run costs nothing");
            failed
        }
        _ => false,
    });
    let failed = failed.count();
    // Four standard errors of 400 runs.
    assert!((failed as f64 - 120.0).abs() < 4.0 * (400.0 * 0.3_f64 * 0.7).sqrt(), "{failed}");
    let ended = |kind: VisitEnd| {
        let ends = entries.iter().filter(|entry| match entry.event {
            Event::Finished { outcome, .. } => outcome == kind,
            _ => false,
        });
        ends.count()
    };
    assert_eq!(ended(VisitEnd::Failed(FailureKind::StepFailed)), failed);
    let way = (
        "to: \"answer\")]",
        "to: \"answer\"), (from: \"retrieve\", to: \"answer\", when: Failed)]",
    );
    let saved = journal(&rag(&[("fails: 0", "fails: 0.3"), way]));
    let answered =
        |entry: &&Entry| matches!(entry.event, Event::Finished { outcome: VisitEnd::Answered, .. });
    assert_eq!(saved.iter().filter(answered).count(), USERS as usize);
}

#[test]
fn steps_side_by_side_take_as_long_as_the_slowest() {
    let text = Lab::text(RAG).changes(&[
        ("\"answer\": (model", "\"log\": (role: Step(latency: \"900ms\")), \"plan\": (role: Research, model: \"gpt-6.1-terra\"), \"answer\": (model"),
        ("root: \"retrieve\"", "root: \"plan\""),
        (
            "[(from: \"retrieve\", to: \"answer\")]",
            "[
                (from: \"plan\", to: \"retrieve\", when: Parallel), (from: \"plan\", to: \"log\", when: Parallel),
                (from: \"retrieve\", to: \"answer\", join: true), (from: \"log\", to: \"answer\", join: true),
            ]",
        ),
    ]);
    let scenario = text.scenario();
    let mut steps: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    let mut checked = 0;
    for Entry { at, user, event } in journal(&scenario) {
        match event {
            Event::StepFinished { .. } => steps.entry(user).or_default().push(at.us()),
            Event::AgentFinished { caller, duration, .. } if steps.contains_key(&user) => {
                assert_eq!(caller, Caller::Agent(AgentId(1)), "who answers");
                let ends = &steps[&user];
                assert_eq!((ends.len(), ends[1].max(ends[0])), (2, at.us() - duration.us()));
                checked += 1;
            }
            Event::Finished { outcome, .. } => assert_eq!(outcome, VisitEnd::Answered),
            _ => {}
        }
    }
    assert_eq!(checked, USERS);
}

#[test]
fn reports_estimates_and_events_have_the_step() {
    let folder = folder("steps");
    let (file, out) = (folder.join("own.ron"), folder.join("out"));
    fs::write(&file, RAG).unwrap();
    let (file, out) = (file.to_str().unwrap(), out.to_str().unwrap());
    let text = simlab(&["run", file, "--out", out]).out;
    for part in ["retrieve: step without a model", "no model"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let report: Value =
        serde_json::from_str(&fs::read_to_string(folder.join("out/report.json")).unwrap()).unwrap();
    let own = &report["experiments"][0];
    for variation in ["default", "small"] {
        let rows = own["costs"].as_array().unwrap();
        let row = |agent: &str| {
            rows.iter().find(|row| row["variation"] == variation && row["agent"] == agent).unwrap()
        };
        // Every user has one run of $0.002.
        assert_eq!(row("retrieve")["cost_per_user_usd"], 0.002);
        assert_eq!(row("retrieve")["calls"], own["exposures"][variation]);
        let agents = own["agents"].as_array().unwrap();
        let agent = agents
            .iter()
            .find(|row| row["variation"] == variation && row["agent"] == "retrieve")
            .unwrap();
        assert_eq!((&agent["runs"], &agent["calls"]), (&own["exposures"][variation], &0.into()));
        assert_eq!(agent["cost_per_user_usd"], 0.002);
        assert!(agent["critical_share"].as_f64().unwrap() > 0.01, "it is on the longest chain");
        // The metric counts the step's cost, as an app that sends it would.
        let metric = &own["metrics"][0]["variations"].as_array().unwrap();
        let total = metric.iter().find(|row| row["key"] == variation).unwrap()["total_value"]
            .as_f64()
            .unwrap();
        let users = own["exposures"][variation].as_f64().unwrap();
        let answers = row("answer")["cost_per_user_usd"].as_f64().unwrap();
        assert!(
            (total / users - 0.002 - answers).abs() < 1e-9 * users,
            "{total} {users} {answers}"
        );
    }
    // The estimate has it, though a live run refuses it.
    let estimate = simlab(&["estimate", file, "--format", "json"]).json();
    let models = estimate["models"].as_array().unwrap();
    let step = models.iter().find(|row| row["agent"] == "retrieve").unwrap();
    let cost = step["cost_usd"].as_f64().unwrap();
    assert!((cost - 0.8).abs() < 1e-9, "400 runs of $0.002: {cost}");
    let notes = estimate["notes"].to_string();
    assert!(notes.contains("`retrieve` is a step without a model"), "{notes}");
    // The SDK knows of agents only; the app sends what the step costs.
    let events = fs::read_to_string(folder.join("out/events.jsonl")).unwrap();
    let mut costs = 0;
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["key"] == "$ld:ai:graph:path" {
            assert_eq!(event["data"]["path"], serde_json::json!(["answer"]));
        }
        if event["key"] == "ai_cost_per_request" && event["data"]["step"] == "retrieve" {
            assert_eq!(event["metricValue"], 0.002);
            costs += 1;
        }
    }
    assert_eq!(costs, 400);
}

#[test]
fn launchdarklys_graph_leads_around_steps() {
    let own = Lab::text(RAG).changes(&[
        ("\"answer\": (model", "\"rule\": (role: Step(latency: \"1ms\")), \"triage\": (role: Route(intents: { \"a\": \"50%\", \"b\": \"50%\" }), model: \"gpt-6-luna\"), \"other\": (model: \"gpt-6-luna\"), \"answer\": (model"),
        (
            "[(from: \"retrieve\", to: \"answer\")]",
            "[
                (from: \"retrieve\", to: \"triage\"), (from: \"triage\", to: \"rule\", when: Intent(\"a\")),
                (from: \"triage\", to: \"other\", when: Intent(\"b\")), (from: \"triage\", to: \"other\", when: Failed),
                (from: \"rule\", to: \"answer\"),
            ]",
        ),
    ]);
    let scenario = own.scenario();
    let graph = scenario.project.graph.as_ref().unwrap();
    assert_eq!(graph.root, "triage");
    let edges: Vec<(&str, &str)> =
        graph.edges.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
    assert_eq!(edges, [("triage", "answer"), ("triage", "other")]);
    let keys: Vec<&str> = scenario.configs.iter().map(|config| config.key.as_str()).collect();
    assert_eq!(keys, ["triage", "other", "answer"]);
}

#[test]
fn mistakes_with_steps_are_shown_where_they_stand() {
    for (before, after, message) in [
        ("fails: 0,", "fails: 1.2,", "between 0 and 1"),
        ("latency_sigma: 0.5", "latency_sigma: 9", "latency_sigma is out of range"),
        ("latency: \"400ms\", ", "", "latency"),
        ("tokens: 800)", "tokens: 800), model: \"gpt-6-luna\"", "a step has no `model`"),
        (
            "configs: {",
            "configs: { \"retrieve\": (variations: {}),",
            "the step `retrieve` has no variations",
        ),
        ("config: \"answer\"", "config: \"retrieve\"", "retrieve"),
        (
            "[(from: \"retrieve\", to: \"answer\")]",
            "[(from: \"retrieve\", to: \"answer\", when: Share(\"50%\")), (from: \"retrieve\", to: \"other\")]",
            "the step `retrieve` leads to several agents",
        ),
    ] {
        let lab = Lab::text(RAG).change(before, after);
        let lab = if message.contains("several") {
            lab.change(
                "\"answer\": (model",
                "\"other\": (model: \"gpt-6-luna\"), \"answer\": (model",
            )
        } else {
            lab
        };
        let shown = lab.mistakes();
        assert!(
            shown.contains(message) && shown.contains("own.ron:"),
            "{before} -> {after}: {shown}"
        );
    }
}
