//! Outcomes of one's own and effects that a scenario states: what they change, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;
use simlab::diagnostic::{SourceText, render};
use simlab::journal::{Entry, Event};
use simlab::random::Seed;
use simlab::run::{ExperimentTruth, PreparedScenario, RunOptions, Size, run, truth};
use simlab::scenario::{Documents, Scenario, parse};

use crate::program::{folder, simlab};

/// One agent, two variations that differ in nothing but what is stated.
const HELPER: &str = r#"(
    graph: ( root: "helper", nodes: { "helper": (role: Answer, model: "gpt-6.1-terra") } ),
    configs: { "helper": (variations: { "warm": (like: "default") }) },
    outcomes: {
        "ticket_resolved": (baseline: 0.62, strong: "+15pt", weak: "-25pt", after: "2h"),
        "order": (baseline: 0.3, value: (mean: 40, sd: 30, unit: "$", weak: "-20%")),
    },
    experiments: [(
        key: "warmth", config: "helper", control: "default",
        split: { "default": "50%", "warm": "50%" },
        metrics: ["ticket_resolved", "order", "positive_feedback_rate", "negative_feedback_rate"],
    )],
)"#;

fn scenario(text: &str) -> Scenario {
    let none = |_: &str| -> Documents { Err("there is no folder".to_owned()) };
    parse("own", SourceText::new("own.ron", text), &none)
        .unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
        .scenario
}

/// The scenario with parts of it written in another way.
fn changed(changes: &[(&str, &str)]) -> Scenario {
    let text = changes.iter().fold(HELPER.to_owned(), |text, (before, after)| {
        assert!(text.contains(before), "{before}");
        text.replace(before, after)
    });
    scenario(&text)
}

/// The scenario whose treatment states these effects.
fn with(effects: &str) -> Scenario {
    changed(&[("(like: \"default\")", &format!("(like: \"default\", effect: {effects})"))])
}

fn journal(scenario: &Scenario, users: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, Seed(7)).unwrap();
    stage.population(Seed(7), users).visit(Vec::new())
}

fn came(entries: &[Entry], of: u8) -> BTreeMap<u32, u64> {
    let one = |entry: &Entry| match entry.event {
        Event::Followed { outcome, value, .. } if outcome == of => Some((entry.user, value)),
        _ => None,
    };
    entries.iter().filter_map(one).collect()
}

fn found(scenario: &Scenario, users: u32) -> ExperimentTruth {
    let stage = PreparedScenario::new(scenario, Seed(3)).unwrap();
    truth(&stage, Seed(3), Size::Users(users), |_, _| ()).unwrap().remove(0)
}

#[test]
fn an_effect_of_zero_changes_no_entry_of_the_journal() {
    let none = journal(&scenario(HELPER), 500);
    for effects in [
        r#"(metric: "ticket_resolved", lift: "+0pt")"#,
        r#"[(metric: "order", lift: "0%"), (metric: "positive_feedback_rate", lift: "-0%"), (metric: "negative_feedback_rate", lift: "0pt")]"#,
    ] {
        assert_eq!(none, journal(&with(effects), 500), "{effects}");
    }
}

#[test]
fn an_effect_adds_users_and_touches_nobody_else() {
    let none = journal(&scenario(HELPER), 2000);
    let [some, more] = ["+5pt", "+10pt"].map(|lift| {
        journal(&with(&format!("(metric: \"ticket_resolved\", lift: \"{lift}\")")), 2000)
    });
    let [without, with, most] = [&none, &some, &more].map(|entries| came(entries, 0));
    let users = |came: &BTreeMap<u32, u64>| came.keys().copied().collect::<BTreeSet<u32>>();
    assert!(users(&without).is_subset(&users(&with)) && users(&with).is_subset(&users(&most)));
    // 5 points of the half that gets the variation.
    let gained = users(&with).len() - users(&without).len();
    assert!((20..90).contains(&gained), "{gained}");
    // All else is as it was.
    let rest = |entries: &[Entry]| {
        let own = |entry: &&Entry| !matches!(entry.event, Event::Followed { outcome: 0, .. });
        entries.iter().filter(own).copied().collect::<Vec<_>>()
    };
    assert_eq!(rest(&none), rest(&some));
}

#[test]
fn the_true_effect_is_the_one_that_is_stated() {
    let effects = r#"[
        (metric: "ticket_resolved", lift: "+3pt"), (metric: "order", lift: "+10%"),
        (metric: "positive_feedback_rate", lift: "+20%"), (metric: "negative_feedback_rate", lift: "-50%"),
    ]"#;
    let truth = found(&with(effects), 60_000);
    let near = |known: simlab::run::Known, stated: f64| {
        let error = known.error.unwrap();
        assert!((known.value - stated).abs() <= 4.0 * error + 1e-9, "{known:?} {stated}");
        assert!(error < 0.03, "the effect is known well enough: {known:?}");
    };
    let pair = |metric: usize| truth.pairs[metric][1];
    near(pair(0).difference.unwrap(), 0.03);
    // Every value is 1.1 times as large, to the millionth.
    assert!((pair(1).relative.unwrap().value - 0.1).abs() < 1e-6, "{:?}", pair(1));
    near(pair(2).relative.unwrap(), 0.2);
    near(pair(3).relative.unwrap(), -0.5);
    // So is what the measurement converges to, though the judge errs.
    near(pair(2).limit_relative.unwrap(), 0.2);
    // An outcome that nobody states an effect on does not change.
    let alone = found(&with(r#"(metric: "order", lift: "+10%")"#), 2000);
    assert_eq!(alone.pairs[0][1].difference.unwrap().value, 0.0);
}

#[test]
fn estimates_of_many_runs_agree_with_the_stated_effect() {
    let scenario = with(r#"(metric: "ticket_resolved", lift: "+6pt")"#);
    let differences: Vec<f64> = (0..60)
        .map(|seed| {
            let options =
                RunOptions { seed: Some(seed), users: Some(800), ..RunOptions::default() };
            let outcome = run(&scenario, options).unwrap();
            let [control, warm] = [0, 1].map(|arm| {
                let users = outcome.summaries[0].exposures[arm];
                outcome.summaries[0].metrics[0].tallies[arm].unwrap().value(users).unwrap()
            });
            warm - control
        })
        .collect();
    let n = differences.len() as f64;
    let mean = differences.iter().sum::<f64>() / n;
    let variance = differences.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let error = (variance / n).sqrt();
    // A rate of about 0.65 in two arms of 400 users: sqrt(2 * 0.65 * 0.35 / 400) = 0.034.
    assert!((0.02..0.05).contains(&variance.sqrt()), "{variance}");
    assert!((mean - 0.06).abs() < 4.0 * error, "{mean} ±{error}");
}

#[test]
fn the_chance_follows_the_quality_of_the_answer() {
    let rate = |model: &str, failures: &str| {
        let models = format!("models: {{\"gpt-6.1-terra\": ({model}{failures})}},\n    graph:");
        let entries = journal(&changed(&[("graph:", &models)]), 4000);
        came(&entries, 0).len() as f64 / 4000.0
    };
    // Four standard errors are at most 0.032.
    for (model, failures, chance) in [
        (
            "quality: 1, weakness: 0",
            ", failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)",
            0.77,
        ),
        (
            "quality: 0, weakness: 0",
            ", failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)",
            0.62,
        ),
        (
            "quality: 0, weakness: 1",
            ", failures: (error: 0, rate_limit: 0, refusal: 0, malformed: 0)",
            0.37,
        ),
        // Without an answer it is as after a weak one, where nothing else is said.
        (
            "quality: 1, weakness: 0",
            ", failures: (error: 1, rate_limit: 0, refusal: 0, malformed: 0)",
            0.37,
        ),
    ] {
        let found = rate(model, failures);
        assert!((found - chance).abs() < 0.032, "{model}{failures}: {found} {chance}");
    }
}

#[test]
fn an_outcome_comes_after_its_delay_and_not_after_the_end() {
    let scenario = changed(&[("after: \"2h\"", "after: \"30min\"")]);
    let entries = journal(&scenario, 400);
    let half_an_hour = 30 * 60 * 1_000_000;
    let mut over = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.user > 0) {
        match entry.event {
            Event::Followed { outcome: 0, .. } => {
                assert_eq!(entry.at.us(), over[&entry.user] + half_an_hour);
            }
            Event::Followed { .. } => assert_eq!(entry.at.us(), over[&entry.user]),
            _ => {
                over.insert(entry.user, entry.at.us());
            }
        }
    }
    // The journal is in the order of time.
    assert!(entries.is_sorted_by_key(|entry| entry.at));
    let all = came(&entries, 0);
    let last = over.values().max().copied().unwrap();
    let wait = 28 * 60 * 1_000_000;
    let in_time = |user: &u32| over[user] + half_an_hour <= last + wait;
    let expected: Vec<u32> = all.keys().copied().filter(in_time).collect();
    assert!(!expected.is_empty() && expected.len() < all.len(), "{} {}", expected.len(), all.len());
    let ending = changed(&[
        ("after: \"2h\"", "after: \"30min\""),
        ("graph:", "ends_after: \"28min\",\n    graph:"),
    ]);
    let kept: Vec<u32> = came(&journal(&ending, 400), 0).into_keys().collect();
    assert_eq!(kept, expected);
}

#[test]
fn an_effect_reaches_the_users_whose_visit_comes_to_the_agent() {
    let router = include_str!("../../scenarios/router.ron");
    let scenario = scenario(
        &router
            .replacen(
                "experiments:",
                "outcomes: { \"solved\": (baseline: 0.5) },\n    experiments:",
                1,
            )
            .replacen("metrics: [", "metrics: [\"solved\", ", 1),
    );
    // Nobody but the triage has variations; give the effect to what it serves in both arms and to
    // nobody: here, half of the experiment's users.
    let config = scenario.studies[0].varies.config;
    let mut stated = scenario.clone();
    let own = &scenario.studies[0].experiment;
    let treatment = own
        .treatments
        .iter()
        .position(|arm| arm.variation != own.control_treatment().variation)
        .unwrap();
    let variation = scenario.studies[0].varies.variation_of(treatment).unwrap();
    stated.configs[usize::from(config)].variations[usize::from(variation)].effects =
        vec![simlab::agents::StatedEffect {
            metric: "solved".to_owned(),
            on: simlab::agents::EffectTarget::OutcomeChance(0),
            lift: "+10pt".parse().unwrap(),
        }];
    // Everybody comes to the root.
    let pair = found(&stated, 4000).pairs[0][treatment];
    let of_root = pair.difference.unwrap();
    assert!((of_root.value - 0.1).abs() < 4.0 * of_root.error.unwrap(), "{of_root:?}");
    // A specialist sees a share of them: the effect is diluted by it.
    let mut diluted = scenario.clone();
    let specialist = diluted.configs.iter().position(|config| config.key != own.config).unwrap();
    let before = journal(&diluted, 3000);
    diluted.configs[specialist].variations[0].effects =
        stated.configs[usize::from(config)].variations[usize::from(variation)].effects.clone();
    let after = journal(&diluted, 3000);
    let reached: BTreeSet<u32> = before
        .iter()
        .filter(|entry| matches!(entry.event, Event::AgentFinished { served, .. } if usize::from(served.config) == specialist))
        .map(|entry| entry.user)
        .collect();
    assert!(!reached.is_empty() && reached.len() < 3000, "{}", reached.len());
    let (without, with) = (came(&before, 0), came(&after, 0));
    let gained: Vec<u32> =
        with.keys().copied().filter(|user| !without.contains_key(user)).collect();
    assert!(!gained.is_empty() && gained.iter().all(|user| reached.contains(user)));
}

#[test]
fn recorded_events_give_the_statistics_of_the_run_and_every_report_says_what_is_stated() {
    let folder = folder("outcomes");
    let (file, out) = (folder.join("own.ron"), folder.join("results"));
    let text = HELPER.replace(
        "(like: \"default\")",
        "(like: \"default\", effect: (metric: \"ticket_resolved\", lift: \"+3pt\"))",
    );
    fs::write(&file, text).unwrap();
    let events = out.join("events.jsonl");
    let [file, out, events] = [&file, &out, &events].map(|path| path.to_str().unwrap());
    let ran = simlab(&["run", file, "--users", "300", "--format", "json", "--out", out]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let ran = ran.json();
    let analyzed = simlab(&["analyze", events, "--scenario", file, "--format", "json"]).json();
    assert_eq!(ran["experiments"][0]["metrics"], analyzed["experiments"][0]["metrics"]);
    let conversions = &ran["experiments"][0]["metrics"][0]["variations"][0]["conversions"];
    assert!(conversions.as_u64().unwrap() > 50, "{conversions}");

    let says = |report: &Value| {
        let stated = report["assumptions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|own| own["source"] == "stated in the scenario");
        stated.map(|own| own["what"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let stated = [
        "ticket_resolved: 77% after a strong answer, 62% after a fair one, 37% after a weak one, 37% without an answer; 2h after the visit",
        "order: 30%, worth 40, 40, 32 and 32 on average",
        "effect of `warm` on ticket_resolved: +3pt, for users whose visit comes to helper",
    ];
    assert_eq!(says(&ran), stated);
    let options = ["power", file, "--users", "100", "--replications", "2", "--format", "json"];
    assert_eq!(says(&simlab(&options).json()), stated);
    let planned = simlab(&["plan", file, "--format", "json"]).json();
    let inputs = planned["inputs"].to_string();
    assert!(stated.iter().all(|own| inputs.contains(own)), "{inputs}");
    for shown in [simlab(&["run", file, "--users", "300"]), simlab(&options[..6])] {
        let text = shown.out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("(stated in the scenario)"), "{text}");
    }
}

/// The helper with a ratio: dollars of orders per answered request, and cost per token.
fn with_ratios() -> Scenario {
    let metrics = "metrics: {
        \"order_per_visit\": (event: \"order\", per: Events(\"request_duration\"), better: Higher, unit: \"$\"),
        \"cost_per_token\": (event: \"ai_cost_per_request\", per: Values(\"$ld:ai:tokens:total\"), unit: \"$\"),
    },\n    experiments:";
    changed(&[
        (
            "(like: \"default\")",
            "(like: \"default\", effect: (metric: \"order_per_visit\", lift: \"+10%\"))",
        ),
        ("experiments:", metrics),
        ("metrics: [", "metrics: [\"order_per_visit\", \"cost_per_token\", "),
    ])
}

#[test]
fn a_ratio_is_the_sum_of_all_over_the_sum_of_all() {
    let scenario = with_ratios();
    let entries = journal(&scenario, 600);
    let options = RunOptions { seed: Some(7), users: Some(600), ..RunOptions::default() };
    let found = run(&scenario, options).unwrap();
    let arm = |entry: &Entry| match entry.event {
        Event::Evaluated { served, in_experiment: true } => {
            Some((entry.user, usize::from(served.variation)))
        }
        _ => None,
    };
    let arms: BTreeMap<u32, usize> = entries.iter().filter_map(arm).collect();
    for own in 0..2 {
        let (mut orders, mut requests, mut nano, mut tokens) = (0, 0, 0, 0);
        for entry in entries.iter().filter(|entry| arms.get(&entry.user) == Some(&own)) {
            match entry.event {
                Event::Followed { outcome: 1, value, .. } => orders += value,
                Event::Finished { .. } => requests += 1,
                Event::AgentFinished { input_tokens, output_tokens, cost, .. } => {
                    tokens += input_tokens + output_tokens;
                    nano += cost.map_or(0, |cost| cost.nano_dollars());
                }
                _ => {}
            }
        }
        let value = |metric: usize| {
            let summary = &found.summaries[0];
            summary.metrics[metric].tallies[own].unwrap().value(summary.exposures[own]).unwrap()
        };
        let per_visit = orders as f64 / 1e6 / f64::from(requests);
        let per_token = nano as f64 / 1e9 / f64::from(tokens);
        assert!((value(0) / per_visit - 1.0).abs() < 1e-12, "{} {per_visit}", value(0));
        assert!((value(1) / per_token - 1.0).abs() < 1e-12, "{} {per_token}", value(1));
    }
    // The same number in the report, which says what it is.
    let report = &found.report.experiments[0].metrics[0];
    assert_eq!(report.statistic.as_deref(), Some("ratio of sums over users"));
    // The stated effect is the true one: no other sum differs.
    let pair = found_truth(&scenario);
    assert!((pair.relative.unwrap().value - 0.1).abs() < 1e-6, "{pair:?}");
}

fn found_truth(scenario: &Scenario) -> simlab::run::Pair {
    found(scenario, 2000).pairs[0][1]
}

#[test]
fn intervals_of_a_ratio_hold_the_truth_as_often_as_they_say() {
    // No effect, so the truth is that of both arms together; 90% intervals around a difference of 0.
    let scenario = changed(&[
        (
            "experiments:",
            "metrics: { \"cost_per_token\": (event: \"ai_cost_per_request\", per: Values(\"$ld:ai:tokens:total\"), unit: \"$\") },\n    experiments:",
        ),
        ("metrics: [", "metrics: [\"cost_per_token\", "),
    ]);
    let covered = (0..80)
        .filter(|&seed| {
            let options =
                RunOptions { seed: Some(seed), users: Some(400), ..RunOptions::default() };
            let outcome = run(&scenario, options).unwrap();
            let summary = &outcome.summaries[0];
            let of = |arm: usize| match summary.metrics[0].tallies[arm].unwrap() {
                simlab::analysis::Tally::Value { value, standard_error, .. } => {
                    (value, standard_error.unwrap())
                }
                other => panic!("{other:?}"),
            };
            let ((one, its), (other, theirs)) = (of(0), of(1));
            (one - other).abs() < 1.645 * (its * its + theirs * theirs).sqrt()
        })
        .count();
    // 72 of 80 are expected; 3.5 standard deviations are 9.4.
    assert!((63..=80).contains(&covered), "{covered} of 80");
}

#[test]
fn judges_score_some_answers_and_graphs_have_metrics_of_their_own() {
    let metrics = "metrics: {
        \"graph_ms\": (event: \"$ld:ai:graph:duration:total\", unit: \"ms\"),
        \"graph_failed\": (event: \"$ld:ai:graph:invocation_failure\", aggregation: Occurrence),
    },\n    experiments:";
    let scenario = changed(&[
        (
            "outcomes: {",
            "outcomes: { \"$ld:ai:judge:relevance\": (baseline: 0.5, score: (strong: 0.9, fair: 0.7, weak: 0.3, sd: 0.1)),",
        ),
        (
            "graph:",
            "models: {\"gpt-6.1-terra\": (quality: 0, weakness: 0, failures: (error: 0.2))},\n    graph:",
        ),
        ("experiments:", metrics),
        (
            "metrics: [\"ticket_resolved\"",
            "metrics: [\"relevance_score\", \"graph_ms\", \"graph_failed\", \"ticket_resolved\"",
        ),
    ]);
    let options = RunOptions { seed: Some(7), users: Some(2000), ..RunOptions::default() };
    let found = run(&scenario, options).unwrap();
    let entries = journal(&scenario, 2000);
    let (mut latency, mut failed, mut answered) = (0, 0, BTreeSet::new());
    for entry in &entries {
        if let Event::Finished { outcome, latency: own } = entry.event {
            latency += own.us() / 1000;
            if outcome == simlab::journal::VisitEnd::Answered {
                answered.insert(entry.user);
            } else {
                failed += 1;
            }
        }
    }
    let metrics = &found.report.experiments[0].metrics;
    let sum = |metric: usize, of: fn(&simlab::report::ReportedVariation) -> f64| {
        metrics[metric].variations.iter().map(of).sum::<f64>()
    };
    let total = |own: &simlab::report::ReportedVariation| match own.total {
        simlab::report::Total::Conversions(n) => n.unwrap() as f64,
        simlab::report::Total::TotalValue(x) => x.unwrap().get(),
    };
    assert!((sum(1, total) - latency as f64).abs() < 1e-3, "{latency}");
    assert_eq!(sum(2, total), f64::from(failed));
    assert!(failed > 200, "{failed}");
    // Half of the answers are scored, and no request without one.
    let scores = came(&entries, 0);
    assert!(scores.keys().all(|user| answered.contains(user)));
    let share = scores.len() as f64 / answered.len() as f64;
    assert!((share - 0.5).abs() < 4.0 * 0.5 / (answered.len() as f64).sqrt(), "{share}");
    // Every answer is fair here: 0.7, which the cut at 0 and 1 moves by less than 0.0001.
    let mean = scores.values().sum::<u64>() as f64 / 1e6 / scores.len() as f64;
    assert!((mean - 0.7).abs() < 4.0 * 0.1 / (scores.len() as f64).sqrt(), "{mean}");
    assert!(scores.values().all(|score| *score <= 1_000_000));
    // Who was not scored is left out, not taken as 0.
    let measured = metrics[0].variations.iter().map(|own| own.data_mean.unwrap().get());
    assert!(measured.into_iter().all(|own| (own - 0.7).abs() < 0.05), "{:?}", metrics[0]);
}
