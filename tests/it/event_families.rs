//! Events as each family of AI SDKs sends them: what they say, and that the analysis of the written
//! events is the run's to the last digits, whichever family wrote them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use simlab::random::Seed;
use simlab::run::{EventWriter, PreparedScenario, RunOptions, run};
use simlab::scenario::Scenario;

use crate::lab::{self, Lab};

const FAMILIES: [&str; 3] = ["Python1", "Node2", "AiServer"];

/// The events of a run, as they are written.
fn written(scenario: &Scenario, seed: u64, users: u32) -> String {
    let stage = PreparedScenario::new(scenario, Seed(seed)).unwrap();
    let mut bytes = Vec::new();
    let writer = EventWriter::new(&stage, &mut bytes);
    stage.population(Seed(seed), users).visit(writer).finish().unwrap();
    String::from_utf8(bytes).unwrap()
}

fn events(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The names of the fields of the data of each custom event, by the event's key; `a text` where the
/// data is one.
fn fields(events: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut known: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in events.iter().filter(|event| event["kind"] == "custom") {
        let names: BTreeSet<String> = match &event["data"] {
            Value::Object(data) => data.keys().cloned().collect(),
            other => [if other.is_string() { "a text" } else { "nothing" }.to_owned()].into(),
        };
        let key = event["key"].as_str().unwrap();
        let first = known.entry(key.to_owned()).or_insert_with(|| names.clone());
        assert_eq!(*first, names, "{key}");
    }
    known
}

fn of(names: &str) -> BTreeSet<String> {
    names.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn each_family_says_of_agents_and_graphs_what_its_sdk_says() {
    // What the SDKs sent to `simlab serve router` when they walked its graph (.ci/clients/graph.py):
    // ldai 1.2.0, @launchdarkly/server-sdk-ai 2.0.1, launchdarkly-ai-server 0.4.0.
    let info = "aiSdkName aiSdkVersion aiSdkLanguage";
    let agents = [
        "$ld:ai:tokens:total",
        "$ld:ai:tokens:input",
        "$ld:ai:tokens:output",
        "$ld:ai:duration:total",
        "$ld:ai:generation:success",
        "$ld:ai:feedback:user:positive",
    ];
    let graphs = [
        "$ld:ai:graph:duration:total",
        "$ld:ai:graph:invocation_success",
        "$ld:ai:graph:total_tokens",
    ];
    let agent = "runId configKey variationKey version modelName providerName graphKey";
    for (family, agent, graph, others) in [
        (
            "Python1",
            agent.to_owned(),
            "variationKey graphKey version",
            vec![
                ("$ld:ai:sdk:info", info.to_owned()),
                ("$ld:ai:graph:path", "variationKey graphKey version path".to_owned()),
            ],
        ),
        (
            "Node2",
            format!("{agent} modelVersion"),
            "runId graphKey version variationKey",
            vec![
                ("$ld:ai:sdk:info", info.to_owned()),
                ("$ld:ai:usage:agent-graph", "a text".to_owned()),
                ("$ld:ai:graph:path", "runId graphKey version variationKey path".to_owned()),
            ],
        ),
        (
            "AiServer",
            agent.to_owned(),
            agent,
            vec![
                ("$ld:ai:sdk:info", info.to_owned()),
                (
                    "$ld:ai:sdk:usage",
                    format!("{info} helper helperPackageName helperPackageVersion"),
                ),
                ("$ld:ai:graph:node", format!("{agent} nodeKey index")),
                ("$ld:ai:graph:handoff_success", format!("{agent} sourceKey targetKey")),
            ],
        ),
    ] {
        let scenario = Lab::of("router").block(&format!("events: {family}")).scenario();
        let events = events(&written(&scenario, 3, 300));
        let found = fields(&events);
        for key in agents {
            assert_eq!(found[key], of(&agent), "{family} {key}");
        }
        for key in graphs {
            assert_eq!(found[key], of(graph), "{family} {key}");
        }
        for (key, names) in &others {
            let names = if names == "a text" { [names.clone()].into() } else { of(names) };
            assert_eq!(found[*key], names, "{family} {key}");
        }
        let known: BTreeSet<&str> = agents
            .iter()
            .chain(&graphs)
            .copied()
            .chain(others.iter().map(|(key, _)| *key))
            .collect();
        let app = [
            "ai_cost_per_request",
            "$ld:ai:tool_call",
            "$ld:ai:generation:error",
            "$ld:ai:feedback:user:negative",
            "$ld:ai:graph:invocation_failure",
            "$ld:ai:graph:handoff_failure",
        ];
        let unknown: Vec<&String> = found
            .keys()
            .filter(|key| !known.contains(key.as_str()) && !app.contains(&key.as_str()))
            .collect();
        assert_eq!(unknown, Vec::<&String>::new(), "{family}");
    }
}

#[test]
fn the_second_family_numbers_the_agents_and_tells_of_choices_twice() {
    let scenario = Lab::of("router").block("events: AiServer").scenario();
    let events = events(&written(&scenario, 3, 200));
    let of =
        |key: &str| -> Vec<&Value> { events.iter().filter(|event| event["key"] == key).collect() };
    let mut nodes: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
    for event in of("$ld:ai:graph:node") {
        let data = &event["data"];
        let own = nodes.entry(data["runId"].as_str().unwrap()).or_default();
        own.push((data["index"].as_u64().unwrap(), data["nodeKey"].as_str().unwrap()));
    }
    assert_eq!(nodes.len(), 200);
    let mut handoffs: BTreeMap<(&str, &str, &str), u32> = BTreeMap::new();
    for event in of("$ld:ai:graph:handoff_success") {
        let [run, source, target] =
            ["runId", "sourceKey", "targetKey"].map(|name| event["data"][name].as_str().unwrap());
        *handoffs.entry((run, source, target)).or_default() += 1;
    }
    assert!(handoffs.len() > 190 && handoffs.values().filter(|times| **times == 2).count() > 180);
    for (run, nodes) in &nodes {
        assert!(nodes.iter().enumerate().all(|(at, (index, _))| at as u64 == *index), "{nodes:?}");
        assert_eq!(nodes[0].1, "triage");
        if let [_, (_, second)] = nodes.as_slice() {
            assert!(handoffs.contains_key(&(*run, "triage", second)), "{nodes:?}");
        }
    }
}

#[test]
fn tokens_of_the_graph_are_the_sum_of_its_agents() {
    let metric =
        "metrics: { \"graph_tokens\": (event: \"$ld:ai:graph:total_tokens\", unit: \"tokens\") }";
    let lab = Lab::of("router")
        .block(metric)
        .change("metrics: [\"positive", "metrics: [\"graph_tokens\", \"positive");
    for family in FAMILIES.into_iter().map(Some).chain([None]) {
        let lab = lab.clone();
        let lab = match family {
            Some(family) => lab.block(&format!("events: {family}")),
            None => lab,
        };
        let events = events(&written(&lab.scenario(), 3, 200));
        let mut sums: BTreeMap<&str, [f64; 2]> = BTreeMap::new();
        for event in &events {
            let at = match event["key"].as_str() {
                Some("$ld:ai:tokens:total") => 0,
                Some("$ld:ai:graph:total_tokens") => 1,
                _ => continue,
            };
            sums.entry(event["context"]["key"].as_str().unwrap()).or_default()[at] +=
                event["metricValue"].as_f64().unwrap();
        }
        assert!(sums.len() > 190);
        assert!(
            sums.values().all(|[agents, graph]| agents == graph && *agents > 0.0),
            "{family:?}"
        );
    }
}

#[test]
fn judges_scores_are_told_on_the_answer_that_they_are_about() {
    let score = "outcomes: { \"$ld:ai:judge:relevance\": (baseline: 0.9, score: (strong: 0.9, fair: 0.7, weak: 0.3, sd: 0.1)) }";
    for family in FAMILIES {
        let lab = Lab::of("router").block(score).block(&format!("events: {family}"));
        let events = events(&written(&lab.scenario(), 3, 100));
        let runs: BTreeSet<&str> = events
            .iter()
            .filter(|event| event["key"] == "$ld:ai:generation:success")
            .map(|event| event["data"]["runId"].as_str().unwrap())
            .collect();
        let scores: Vec<&Value> =
            events.iter().filter(|event| event["key"] == "$ld:ai:judge:relevance").collect();
        assert!(scores.len() > 70, "{}", scores.len());
        for score in scores {
            assert_eq!(score["data"]["judgeConfigKey"], "relevance");
            assert!(runs.contains(score["data"]["runId"].as_str().unwrap()), "{score}");
            assert_ne!(score["data"]["configKey"], "triage");
        }
    }
}

#[test]
fn without_a_graph_each_family_tracks_the_agents_only() {
    for (family, usage) in [("Python1", true), ("Node2", true), ("AiServer", false)] {
        let scenario = Lab::of("security").block(&format!("events: {family}")).scenario();
        let found = fields(&events(&written(&scenario, 1, 100)));
        assert!(!found.keys().any(|key| key.contains(":graph:")), "{found:?}");
        assert!(!found["$ld:ai:duration:total"].contains("graphKey"));
        let used = found.contains_key("$ld:ai:usage:agent-config");
        assert_eq!(used, usage, "{family}");
    }
}

/// The experiments of a report, without what says where the data come from.
fn experiments(report: &simlab::Report) -> Vec<Value> {
    let json = serde_json::to_value(report).unwrap();
    let list = json["experiments"].as_array().unwrap();
    let kept = ["key", "exposures", "metrics", "verdict"];
    list.iter()
        .map(|one| {
            let mut one = one.clone();
            one.as_object_mut().unwrap().retain(|name, _| kept.contains(&name.as_str()));
            // What only a simulation knows.
            for metric in one["metrics"].as_array_mut().unwrap() {
                for variation in metric["variations"].as_array_mut().unwrap() {
                    let own = variation.as_object_mut().unwrap();
                    own.retain(|name, _| !["truth", "measured_limit"].contains(&name.as_str()));
                }
            }
            one
        })
        .collect()
}

/// Where two documents differ by more than the rounding of sums: the path, and both values.
fn differences(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    match (one, other) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (nth, (a, b)) in a.iter().zip(b).enumerate() {
                differences(&format!("{path}[{nth}]"), a, b, found);
            }
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for ((name, a), b) in a.iter().zip(b.values()) {
                differences(&format!("{path}.{name}"), a, b, found);
            }
        }
        (Value::Number(a), Value::Number(b)) => {
            let (a, b) = (a.as_f64().unwrap(), b.as_f64().unwrap());
            if (a - b).abs() > 1e-9 * (1.0 + a.abs()) {
                found.push(format!("{path}: {a} of the events, {b} of the run"));
            }
        }
        _ if one != other => found.push(format!("{path}: {one} of the events, {other} of the run")),
        _ => {}
    }
}

#[test]
fn the_analysis_of_the_events_is_the_runs_for_every_family() {
    for (seed, name, users) in [
        (1, "router", 150),
        (2, "research", 90),
        (3, "chatbot-flow", 150),
        (413_681, "research", 60),
    ] {
        let metric = "\"graph_tokens\": (event: \"$ld:ai:graph:total_tokens\", unit: \"tokens\"),
            \"graph_ms\": (event: \"$ld:ai:graph:duration:total\", unit: \"ms\")";
        let lab = Lab::of(name);
        let lab = match name {
            "chatbot-flow" => lab.change("metrics: {", &format!("metrics: {{ {metric},")),
            _ => lab.block(&format!("metrics: {{ {metric} }}")),
        };
        let own = "metrics: [\"graph_tokens\", \"graph_ms\", \"positive";
        let lab = lab.change("metrics: [\"positive", own);
        let options = RunOptions { seed: Some(seed), users: Some(users), ..RunOptions::default() };
        let scenario = lab.scenario();
        let own = experiments(&run(&scenario, options).unwrap().report);
        for family in FAMILIES.into_iter().map(Some).chain([None]) {
            let lab = lab.clone();
            let other = match family {
                Some(family) => lab.block(&format!("events: {family}")).scenario(),
                None => lab.scenario(),
            };
            let family = family.unwrap_or("the first family");
            let text = written(&other, seed, users);
            let report = simlab::analyze("events", &text, Some(&other)).unwrap();
            let data = report.data.as_ref().unwrap();
            assert_eq!((data.duplicates, data.malformed), (0, 0), "{name} {seed} {family}");
            let mut found = Vec::new();
            differences("", &json!(experiments(&report)), &json!(own), &mut found);
            assert!(found.is_empty(), "{name} {seed} {family}:\n{}", found.join("\n"));
        }
        assert!(own[0]["verdict"]["decision"] != json!(null));
    }
}

#[test]
fn a_family_changes_what_is_written_and_nothing_that_happens() {
    for name in lab::own_graphs() {
        let journals: Vec<_> = ["", "events: Node2"]
            .iter()
            .map(|block| {
                let lab = Lab::of(name);
                let lab = if block.is_empty() { lab } else { lab.block(block) };
                lab::journal(&lab.scenario(), Seed(5), 40)
            })
            .collect();
        assert!(journals[0] == journals[1], "{name}");
    }
}
