//! Questions from a file: what agents see, what counts, and what does not change.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use simlab::agents::Graph;
use simlab::diagnostic::{SourceText, render};
use simlab::journal::{AgentId, Caller, Entry, Event};
use simlab::knowledge::tokens::count;
use simlab::llm::tasks::Task;
use simlab::run::{PreparedScenario, RunOptions, Simulation};
use simlab::scenario::{Loaded, Scenario, load, parse};

use crate::program::{folder, simlab_in};

const ROUTER: &str = include_str!("../../scenarios/router.ron");

/// A scenario whose users ask the questions of these lines.
fn loaded(text: &str, lines: &str) -> Loaded {
    let text = text
        .replacen("graph: (", "questions: \"q.jsonl\", graph: (", 1)
        .replace(", pii_percentage: 0", "");
    let documents = |named: &str| Ok(vec![(named.to_owned(), lines.to_owned())]);
    parse("own", SourceText::new("own.ron", text), &documents)
        .unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
}

fn scenario(text: &str, lines: &str) -> Scenario {
    loaded(text, lines).scenario
}

fn journal(scenario: &Scenario, users: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    stage.population(scenario.seed, users).visit(Vec::new())
}

#[test]
fn agents_see_the_words_of_the_file_and_nobody_writes_questions() {
    let texts = ["Where is my invoice?", "My app \"crashes\"\nat start.", "Change my e-mail."];
    let lines: String = texts.iter().fold(String::new(), |mut lines, text| {
        writeln!(lines, "{}", serde_json::json!({ "text": text })).unwrap();
        lines
    });
    let scenario = scenario(ROUTER, &lines);
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let words = stage.texts();
    let mut asked: BTreeMap<String, u32> = BTreeMap::new();
    let mut heard = |prompt: &simlab::llm::model::Prompt<'_>, _: &_| {
        let Caller::Agent(_) = prompt.caller else { return };
        let question = words.parts(prompt.question.unwrap()).concat();
        if prompt.task == Task::Route {
            let tokens = count(&question) + simlab::llm::model::TOKENS_PER_MESSAGE;
            assert_eq!(prompt.input_tokens, prompt.setup.fixed_tokens + tokens);
        }
        *asked.entry(question).or_default() += 1;
    };
    let options = RunOptions { users: Some(600), ..RunOptions::default() };
    let report = Simulation::new(&stage, options).on_call(&mut heard).run().unwrap().report;
    assert_eq!(asked.keys().map(String::as_str).collect::<BTreeSet<_>>(), texts.into());
    assert!(report.traffic.unwrap().succeeded > 550);
    let writers = journal(&scenario, 50).into_iter().filter(|entry| {
        matches!(entry.event, Event::Completed { caller: Caller::Writer | Caller::Topics, .. })
    });
    assert_eq!(writers.count(), 0);
}

#[test]
fn a_perfect_router_goes_by_the_intents_of_the_file() {
    let text = ROUTER.replace("\"account\": \"20%\" }", "\"account\": \"20%\" }, accuracy: 1");
    let ways = |lines: &str| {
        let mut to: BTreeMap<Option<AgentId>, u32> = BTreeMap::new();
        for entry in journal(&scenario(&text, lines), 900) {
            if let Event::Routed { to: way, fallback: false } = entry.event {
                *to.entry(way).or_default() += 1;
            }
        }
        to
    };
    let billing = ways("{\"text\": \"Pay?\", \"intent\": \"billing\"}\n");
    assert_eq!(billing.keys().copied().collect::<Vec<_>>(), [Some(AgentId(1))]);
    // Without an intent, the shares of the graph decide; four standard errors of 45% among 900 are
    // 6.6 points.
    let drawn = ways("{\"text\": \"Pay?\"}\n");
    let all: u32 = drawn.values().sum();
    let technical = f64::from(drawn[&Some(AgentId(2))]) / f64::from(all);
    assert!((technical - 0.45).abs() < 0.066, "{technical}");
}

#[test]
fn personal_data_and_depth_are_those_of_the_line() {
    let arrived = |lines: &str| {
        let personal = |entry: &Entry| match entry.event {
            Event::Arrived { personal, .. } => Some(personal),
            _ => None,
        };
        let all = journal(&scenario(ROUTER, lines), 40);
        all.iter().filter_map(personal).collect::<BTreeSet<_>>()
    };
    assert_eq!(arrived("{\"text\": \"I'm Ada Stone.\"}"), [true].into());
    assert_eq!(arrived("{\"text\": \"I'm Ada Stone.\", \"personal_data\": {}}"), [false].into());
    let given = "{\"text\": \"order 7\", \"personal_data\": {\"name\": \"order 7\"}}";
    assert_eq!(arrived(given), [true].into());
    // A deeper question takes longer answers: the factors are 0.7 and 1.3.
    let written = |depth: &str| {
        let line = format!("{{\"text\": \"Pay?\", \"depth\": \"{depth}\"}}");
        let tokens = |entry: &Entry| match entry.event {
            Event::AgentFinished { caller: Caller::Agent(AgentId(1)), output_tokens, .. } => {
                Some(f64::from(output_tokens))
            }
            _ => None,
        };
        let all = journal(&scenario(ROUTER, &line), 600);
        let tokens: Vec<f64> = all.iter().filter_map(tokens).collect();
        tokens.iter().sum::<f64>() / tokens.len() as f64
    };
    let ratio = written("advanced") / written("basic");
    assert!((ratio - 1.3 / 0.7).abs() < 0.05, "{ratio}");
}

#[test]
fn the_judge_is_shown_the_expected_answer_and_its_tokens_count() {
    let judged = |lines: &str| {
        let tokens = |entry: &Entry| match entry.event {
            Event::Completed { caller: Caller::Judge, input_tokens, .. } => {
                Some((entry.user, input_tokens))
            }
            _ => None,
        };
        let all = journal(&scenario(ROUTER, lines), 60);
        all.iter().filter_map(tokens).collect::<BTreeMap<_, _>>()
    };
    let plain = judged("{\"text\": \"Pay?\"}");
    let expected = judged("{\"text\": \"Pay?\", \"expected\": \"By card, within five days.\"}");
    let more = count("The expected answer: By card, within five days.");
    assert!(plain.len() > 50);
    assert!(plain.iter().all(|(user, tokens)| expected[user] == tokens + more));
}

#[test]
fn the_questions_are_part_of_the_scenarios_identity_and_travel_with_it() {
    let (one, other) = ("{\"text\": \"Pay?\"}", "{\"text\": \"Paid?\"}");
    let own = loaded(ROUTER, one);
    assert_ne!(own.scenario.digest, scenario(ROUTER, other).digest);
    assert_eq!(own.documents, [("q.jsonl".to_owned(), one.to_owned())]);
    let kept = simlab::scenario::parse_kept("own", &own.source.text, &own.documents).unwrap();
    assert_eq!(kept.scenario.digest, own.scenario.digest);
    assert!(journal(&kept.scenario, 80) == journal(&own.scenario, 80));
    // Without files of its own, it is a digest of the text.
    let router = load("router").unwrap();
    let digest = xxhash_rust::xxh3::xxh3_128(router.source.text.as_bytes());
    assert_eq!(router.scenario.digest, format!("{digest:032x}"));
    assert!(router.scenario.graph != Graph::tutorial());
}

#[test]
fn a_knowledge_base_of_one_topic_is_enough() {
    let folder = folder("one-topic");
    fs::create_dir_all(folder.join("docs")).unwrap();
    fs::write(folder.join("docs/refunds.md"), "# Refunds\n\nMoney comes back in a week.\n")
        .unwrap();
    fs::write(folder.join("ask.jsonl"), "{\"text\": \"When does my money come back?\"}\n").unwrap();
    let chat = include_str!("../../scenarios/rag.ron").replace(", pii_percentage: 0", "");
    for (name, block) in [
        ("base.ron", "(knowledge: \"docs\","),
        ("both.ron", "(knowledge: \"docs\", questions: \"ask.jsonl\","),
    ] {
        fs::write(folder.join(name), chat.replacen('(', block, 1)).unwrap();
        let ran = simlab_in(&folder, &["run", name, "--users", "300", "--format", "json"]);
        let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
        assert!(report["traffic"]["succeeded"].as_u64().unwrap() > 280, "{}", ran.err);
    }
    // A saved run has the files that its scenario names, so it runs again elsewhere.
    let run = |from: &std::path::Path, arguments: &[&str]| {
        let common = ["--users", "60", "--quiet", "--format", "json"];
        simlab_in(from, &[arguments, &common].concat()).out
    };
    let saved = run(&folder, &["run", "both.ron", "--out", "out"]);
    let again = run(&folder.join("out"), &["run", "scenario.ron"]);
    let print = |report: &str| {
        serde_json::from_str::<serde_json::Value>(report).unwrap()["fingerprint"].clone()
    };
    assert!(print(&saved).is_string());
    assert_eq!(print(&saved), print(&again));
}
