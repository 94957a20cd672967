//! The schema against the code that resolves a file: its ranges are those that hold, and nothing in
//! it is left unsaid.

use super::*;
use crate::diagnostic::{SourceText as Text, render};
use crate::scenario::{Documents, parse};

/// Every block with fields, by name; the forms of a choice count as blocks.
fn blocks() -> Vec<(String, Value)> {
    let schema = schema();
    let mut blocks = vec![("Scenario".to_owned(), schema.clone())];
    for (name, def) in schema["$defs"].as_object().unwrap() {
        blocks.push((name.clone(), def.clone()));
        for choice in def["oneOf"].as_array().into_iter().flatten() {
            blocks.extend(properties(choice).0);
        }
    }
    blocks.retain(|(_, block)| block["properties"].is_object());
    blocks
}

#[test]
fn every_field_says_what_it_means_and_what_it_is_when_it_is_left_out() {
    let page = crate::scenario::reference();
    for (name, block) in blocks() {
        let (fields, _) = properties(&block);
        for (field, property) in fields {
            // A quantity's own words say nothing about the field.
            let says = property["description"].as_str().unwrap_or_default();
            assert!(says.ends_with('.') && !says.contains("`Some"), "{name}.{field}: `{says}`");
        }
    }
    for line in
        page.lines().filter(|line| line.starts_with("| `") && line.matches(" | ").count() == 3)
    {
        assert!(!line.contains(" |  | "), "{line}");
    }
}

/// What is wrong with a file whose field has this value; `None` where this test does not know how
/// to write it.
fn faults(block: &str, field: &str, value: &str) -> Option<String> {
    let entry = format!("{field}: {value}");
    let (mut top, mut decision, mut threshold) = (String::new(), String::new(), String::new());
    match block {
        "Traffic" if field == "harmful_percentage" => {
            top = format!(
                "traffic: ({entry}), graph: (root: \"guard\", nodes: {{\"guard\": (role: Guard(), model: \"gpt-4o\"), \"security-agent\": (role: Screen), \"last\": (model: \"gpt-4o\")}}, edges: [(from: \"guard\", to: \"security-agent\"), (from: \"security-agent\", to: \"last\")])"
            );
        }
        "Traffic" => top = format!("traffic: ({entry})"),
        "Conversation" => top = format!("conversation: (turns: Fixed(2), {entry})"),
        "Step" => {
            top = format!(
                "graph: (root: \"security-agent\", nodes: {{\"security-agent\": (role: Screen), \"step\": (role: Step(latency: \"1s\", {entry})), \"last\": (model: \"gpt-4o\")}}, edges: [(from: \"security-agent\", to: \"step\"), (from: \"step\", to: \"last\")])"
            );
        }
        "Users" => top = format!("users: (visits: Fixed(3), gap: \"1d\", {entry})"),
        "Concurrent" => top = format!("traffic: (mode: Concurrent({entry}))"),
        "Model" => top = format!("models: {{\"gpt-4o\": ({entry})}}"),
        "LongPrompts" => {
            let rest = ["above: 5", "input: 1", "output: 1"];
            let rest = rest.into_iter().filter(|other| !other.starts_with(field));
            let all = rest.chain([entry.as_str()]).collect::<Vec<_>>().join(", ");
            top = format!("models: {{\"gpt-4o\": (long_prompts: ({all}))}}");
        }
        "Latency" => top = format!("models: {{\"gpt-4o\": (latency: ({entry}))}}"),
        "Tool" => {
            let tool = if field == "threshold" { "search_v2" } else { "arxiv_search" };
            top = format!("tools: {{\"{tool}\": ({entry})}}");
        }
        "Variation" => {
            top = format!(
                "configs: {{\"support-agent\": (variations: {{\"other-paid\": ({entry})}})}}"
            )
        }
        "Node" => {
            top = format!(
                "graph: (root: \"security-agent\", nodes: {{\"security-agent\": (role: Screen), \"last\": (model: \"gpt-4o\", {entry})}}, edges: [(from: \"security-agent\", to: \"last\")])"
            );
        }
        "Edge" => {
            top = format!(
                "graph: (root: \"security-agent\", nodes: {{\"security-agent\": (role: Screen), \"last\": (model: \"gpt-4o\")}}, edges: [(from: \"security-agent\", to: \"last\", {entry}), (from: \"security-agent\", to: \"last\")])"
            );
        }
        "OutcomeValue" => {
            let other = if field == "mean" { "sd: 1" } else { "mean: 1" };
            top = format!("outcomes: {{\"sold\": (value: (unit: \"$\", {other}, {entry}))}}");
        }
        "Metric" => top = format!("metrics: {{\"ai_cost_per_request\": ({entry})}}"),
        "Causes" => top = format!("causes: ({entry})"),
        "ContextOf" => top = format!("causes: (context_of: ({entry}))"),
        "Judge" => top = format!("judge: ({entry})"),
        "Fault" => {
            let kind = if field == "status" { "server_error" } else { "cut" };
            let once = if field == "next" { "" } else { "next: 1, " };
            top = format!("faults: [(fault: \"{kind}\", {once}{entry})]");
        }
        "Experiment" => threshold = format!("{entry},"),
        "Paired" => {
            let usual = [("repeats", "repeats: 1"), ("judgings", "judgings: 1")];
            let others = usual.iter().filter(|(own, _)| *own != field).map(|(_, text)| *text);
            let all: Vec<&str> = others.chain([entry.as_str()]).collect();
            threshold = format!("design: Paired({}),", all.join(", "));
        }
        "Thompson" => threshold = format!("allocation: Thompson({entry}),"),
        "ColdStart" => {
            top = format!(
                "configs: {{\"support-agent\": (variations: {{\"other-paid\": (cold_start: ({entry}, delay: \"1s\"))}})}}"
            );
        }
        "GuardedRollout" => {
            let ends = "from: \"other-paid\", to: \"claude-opus-treatment\", share: \"10%\", watch: [\"ai_cost_per_request\"]";
            top = format!(
                "guarded_rollouts: [(config: \"support-agent\", segment: \"other-paid\", {ends}, {entry})]"
            );
        }
        "NonInferior" => {
            let criterion = format!(
                "NonInferior(metric: \"positive_feedback_rate\", {entry}, probability: 0.5)"
            );
            decision = format!("decision: (ship: \"strict-security\", when: {criterion}),");
        }
        _ => return None,
    }
    let text = format!(
        "(knowledge: \"k\", {top}{} experiments: [(
            key: \"security-level\", config: \"security-agent\", segment: \"other-paid\", control: \"basic-security\", {threshold} {decision}
            split: {{ \"basic-security\": \"50%\", \"strict-security\": \"50%\" }}, metrics: [\"positive_feedback_rate\"],
        )])",
        if top.is_empty() { "" } else { "," },
    );
    let documents = |_: &str| -> Documents {
        Ok((0..20)
            .map(|n| {
                (format!("{n}.md"), format!("# Topic number {n}\n\nSome words about topic {n}.\n"))
            })
            .collect())
    };
    Some(
        parse("my", Text::new("my.ron", text), &documents)
            .err()
            .map_or_else(String::new, |faults| render(&faults, false)),
    )
}

#[test]
fn the_ranges_are_those_of_the_code() {
    let mut tried = 0;
    for (name, block) in blocks() {
        for (field, property) in properties(&block).0 {
            let bound = |key: &str| property[key].as_f64();
            let whole = property["type"] == "integer";
            let written =
                |value: f64| if whole { format!("{value:.0}") } else { format!("{value:?}") };
            let step = |value: f64| if whole { 1.0 } else { (value.abs() * 1e-3).max(1e-12) };
            // Counts of labels, replications and the like have no end.
            let (Some(low), Some(high)) = (
                bound("minimum").or(bound("exclusiveMinimum")),
                bound("maximum").or(bound("exclusiveMaximum")),
            ) else {
                continue;
            };
            // Sensitivity and specificity have to suit each other; the probabilities of a rule are
            // of a type that cannot be wrong.
            if name == "Accuracy" {
                continue;
            }
            let inside = [
                bound("minimum").unwrap_or(low + step(low)),
                bound("maximum").unwrap_or(high - step(high)),
            ];
            let below = if bound("minimum").is_some() { low - step(low) } else { low };
            let above = if bound("maximum").is_some() { high + step(high) } else { high };
            for value in inside {
                let found = faults(&name, &field, &written(value))
                    .unwrap_or_else(|| panic!("nobody knows how to write {name}.{field}"));
                assert_eq!(found, "", "{name}.{field}: {value}");
            }
            for value in [below, above] {
                let found = faults(&name, &field, &written(value)).unwrap();
                assert!(
                    found.contains("out of range") || found.contains("a margin is"),
                    "{name}.{field}: {value}: {found}"
                );
            }
            tried += 1;
        }
    }
    assert!(tried > 40, "{tried}");
}

#[test]
fn what_the_schema_says_is_left_out_is_what_a_scenario_has() {
    let schema = schema();
    let default =
        |block: &str, field: &str| schema["$defs"][block]["properties"][field]["default"].clone();
    assert_eq!(default("Fault", "burst"), json!(1));
    assert_eq!(default("Experiment", "method"), json!("Bayesian"));
    assert_eq!(default("Judge", "sees"), json!("ToolOutputFirst"));
    // Written out, the defaults change nothing.
    let ron = |block: &str, field: &str| {
        crate::scenario::reference::ron(&default(block, field), matches!(field, "sees"))
    };
    let written = |block: &str| {
        let fields = properties(&schema["$defs"][block]).0;
        let known = fields.iter().filter(|(_, property)| property.get("default").is_some());
        known
            .map(|(field, _)| format!("{field}: {}", ron(block, field)))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let text = |blocks: &str| {
        format!(
            "({blocks} experiments: [( key: \"security-level\", config: \"security-agent\", segment: \"other-paid\", control: \"basic-security\",
            split: {{ \"basic-security\": \"50%\", \"strict-security\": \"50%\" }}, metrics: [\"positive_feedback_rate\"] )])"
        )
    };
    let none = |_: &str| -> Documents { Err("none".to_owned()) };
    let bare = parse("my", Text::new("my.ron", text("")), &none).unwrap().scenario;
    let blocks = format!(
        "traffic: ({}), causes: (context_of: ({}), {}), judge: ({}),",
        written("Traffic"),
        written("ContextOf"),
        written("Causes"),
        written("Judge")
    );
    let full = parse("my", Text::new("my.ron", text(&blocks)), &none)
        .unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
        .scenario;
    assert_eq!(
        (&bare.traffic, &bare.causes, &bare.judge),
        (&full.traffic, &full.causes, &full.judge)
    );
    assert_eq!((&bare.judge_setup, &bare.writer_setup), (&full.judge_setup, &full.writer_setup));
}
