//! Users who come back: how often, with what, and what that does to an analysis.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use simlab::diagnostic::{SourceText, render};
use simlab::journal::{AgentId, Caller, Entry, Event, Label, Served};
use simlab::knowledge::tokens::count;
use simlab::llm::model::TOKENS_PER_MESSAGE;
use simlab::random::Seed;
use simlab::report::to_json;
use simlab::run::{PreparedScenario, RunOptions, Simulation, run};
use simlab::scenario::{Documents, Scenario, parse};

use crate::program::{folder, simlab_in};

const CHAT: &str = include_str!("../../scenarios/chat.ron");
const ROUTER: &str = include_str!("../../scenarios/router.ron");

fn no_documents(_: &str) -> Documents {
    Err("there is no folder".to_owned())
}

fn scenario(text: &str, users: &str) -> Scenario {
    let text = text.replacen("graph: (", &format!("{users} graph: ("), 1);
    parse("own", SourceText::new("own.ron", text), &no_documents)
        .unwrap_or_else(|faults| panic!("{}", render(&faults, false)))
        .scenario
}

fn journal(scenario: &Scenario, users: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, scenario.seed).unwrap();
    stage.population(scenario.seed, users).visit(Vec::new())
}

/// Each user's visits: the entries of each, in order.
fn visits(entries: &[Entry]) -> BTreeMap<u32, Vec<Vec<Entry>>> {
    let mut all: BTreeMap<u32, Vec<Vec<Entry>>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.user > 0) {
        let own = all.entry(entry.user).or_default();
        // The writer's call comes before the user arrives.
        let begins = matches!(entry.event, Event::Completed { caller: Caller::Writer, .. })
            || matches!(entry.event, Event::CallFailed { caller: Caller::Writer, .. });
        if begins || own.is_empty() {
            own.push(Vec::new());
        }
        own.last_mut().unwrap().push(*entry);
    }
    all
}

/// The cost of a visit, in dollars; `None` where an agent failed.
fn cost(visit: &[Entry]) -> Option<f64> {
    let cost = |entry: &Entry| match entry.event {
        Event::AgentFinished { cost, .. } => cost.map(|cost| cost.nano_dollars() as f64 / 1e9),
        _ => None,
    };
    let costs: Vec<f64> = visit.iter().filter_map(cost).collect();
    (!costs.is_empty()).then(|| costs.iter().sum())
}

#[test]
fn users_come_as_often_as_the_file_says_one_visit_after_the_other() {
    let scenario = scenario(CHAT, "users: (visits: Geometric(2.3), gap: \"1d\"),");
    let users = 4000;
    let all = visits(&journal(&scenario, users));
    assert_eq!(all.len(), users as usize);
    let n = f64::from(users);
    let mean = all.values().map(Vec::len).sum::<usize>() as f64 / n;
    assert!((mean - 2.3).abs() < 4.0 * (2.3 * 1.3 / n).sqrt(), "{mean}");
    let (mut gaps, mut varied) = (Vec::new(), 0);
    for own in all.values() {
        for (nth, visit) in own.iter().enumerate() {
            let numbers = visit.iter().filter_map(|entry| match entry.event {
                Event::Arrived { visit, .. } => Some(visit),
                _ => None,
            });
            assert_eq!(numbers.collect::<Vec<_>>(), [nth as u32]);
        }
        for pair in own.windows(2) {
            let [before, after] = pair else { continue };
            let (end, start) = (before.last().unwrap().at.us(), after[0].at.us());
            assert!(start >= end, "{end} {start}");
            gaps.push((start - end) as f64 / 86_400e6);
        }
        let served: BTreeSet<Served> = own
            .iter()
            .flatten()
            .filter_map(|entry| match entry.event {
                Event::Evaluated { served, .. } => Some(served),
                _ => None,
            })
            .collect();
        assert_eq!(served.len(), 1, "a user keeps the variation");
        let tokens: BTreeSet<Option<u64>> =
            own.iter().map(|visit| cost(visit).map(f64::to_bits)).collect();
        varied += usize::from(tokens.len() > 1);
    }
    // A day on average; ten workers for 4,000 users make nobody wait long.
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    assert!((mean - 1.0).abs() < 4.0 / (gaps.len() as f64).sqrt() + 0.01, "{mean}");
    assert!(varied > 1500, "visits of a user differ: {varied}");
}

#[test]
fn first_visits_are_those_of_users_who_come_once() {
    let once = visits(&journal(&scenario(ROUTER, ""), 300));
    let often = scenario(ROUTER, "users: (visits: Fixed(3), gap: \"2h\"),");
    let often = visits(&journal(&often, 300));
    let events = |visit: &[Entry]| visit.iter().map(|entry| entry.event).collect::<Vec<_>>();
    for (user, visits) in once {
        assert_eq!(events(&visits[0]), events(&often[&user][0]), "user {user}");
        assert_eq!(often[&user].len(), 3);
    }
}

#[test]
fn another_number_of_users_or_workers_changes_nobodys_visits() {
    let users = "users: (visits: Geometric(3), gap: \"10s\", persistence: 0.5),";
    let few = visits(&journal(&scenario(ROUTER, users), 40));
    let mode = "traffic: (mode: Concurrent(workers: 3), ";
    let slow = ROUTER.replacen("traffic: (", mode, 1);
    let many = visits(&journal(&scenario(&slow, users), 120));
    let events = |visits: &[Vec<Entry>]| {
        visits.iter().flatten().map(|entry| entry.event).collect::<Vec<_>>()
    };
    for (user, own) in few {
        assert_eq!(events(&own), events(&many[&user]), "user {user}");
    }
}

/// A scenario whose two variations are the same.
fn equal_arms(text: &str, users: &str) -> Scenario {
    let mut own = scenario(text, users);
    let varies = usize::from(own.studies[0].varies.config);
    let first = own.configs[varies].variations[0].clone();
    for variation in &mut own.configs[varies].variations {
        variation.setup = first.setup.clone();
    }
    own
}

/// Correlation of numbers in pairs.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (x, y) = (
        pairs.iter().map(|pair| pair.0).sum::<f64>() / n,
        pairs.iter().map(|pair| pair.1).sum::<f64>() / n,
    );
    let sum = |of: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(of).sum::<f64>();
    sum(&|pair| (pair.0 - x) * (pair.1 - y))
        / (sum(&|pair| (pair.0 - x).powi(2)) * sum(&|pair| (pair.1 - y).powi(2))).sqrt()
}

#[test]
fn what_is_the_users_own_persists_as_much_as_the_file_says() {
    let pairs = |persistence: f64| {
        let users = format!("users: (visits: Fixed(2), gap: \"1d\", persistence: {persistence}),");
        // One depth: the lengths of answers are then log-normal with the user's own luck.
        let chat = CHAT.replacen(
            "traffic: (",
            "traffic: (complexity: (basic: \"100%\", intermediate: \"0%\", advanced: \"0%\"), ",
            1,
        );
        let all = visits(&journal(&equal_arms(&chat, &users), 6000));
        let words = |visit: &[Entry]| {
            visit.iter().find_map(|entry| match entry.event {
                Event::AgentFinished { output_tokens, failed: None, .. } => {
                    Some(f64::from(output_tokens).ln())
                }
                _ => None,
            })
        };
        let good = |visit: &[Entry]| {
            let good =
                |entry: &Entry| matches!(entry.event, Event::Judged { label: Label::Positive, .. });
            f64::from(u8::from(visit.iter().any(good)))
        };
        // Arms with other lengths would add to the correlation.
        let control = |own: &&Vec<Vec<Entry>>| {
            own[0].iter().any(|entry| {
                matches!(entry.event, Event::Evaluated { served, .. } if served.variation == 0)
            })
        };
        let lengths: Vec<(f64, f64)> = all
            .values()
            .filter(control)
            .filter_map(|own| Some((words(&own[0])?, words(&own[1])?)))
            .collect();
        let rated: Vec<(f64, f64)> =
            all.values().map(|own| (good(&own[0]), good(&own[1]))).collect();
        let share = rated.iter().map(|pair| pair.0).sum::<f64>() / rated.len() as f64;
        let second = rated.iter().map(|pair| pair.1).sum::<f64>() / rated.len() as f64;
        (correlation(&lengths), correlation(&rated), share, second)
    };
    // The standard error of a correlation of 0 among 3,000 is 0.018.
    let (length, rated, share, second) = pairs(0.0);
    assert!(length.abs() < 0.072 && rated.abs() < 0.052, "{length} {rated}");
    assert!((share - second).abs() < 0.036, "{share} {second}");
    let (length, rated, persistent, second) = pairs(0.8);
    assert!(length > 0.7 && rated > 0.25, "{length} {rated}");
    // The marginal chances stay; four standard errors of a difference of shares.
    assert!((persistent - share).abs() < 0.036 && (second - share).abs() < 0.036);
}

#[test]
fn a_user_is_one_unit_so_an_a_a_test_holds_its_error_and_visits_as_units_would_not() {
    const REPLICATIONS: u64 = 400;
    const USERS: u32 = 160;
    let scenario = equal_arms(CHAT, "users: (visits: Fixed(6), gap: \"1d\", persistence: 0.8),");
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let study = &scenario.studies[0];
    let metric = study
        .experiment
        .metrics_in(&scenario.metrics)
        .position(|(_, metric)| metric.key == "ai_cost_per_request")
        .unwrap();
    let (mut by_user, mut by_visit, mut tests) = (0, 0, 0);
    for nth in 0..REPLICATIONS {
        let seed = Seed(31).replication(nth);
        let flags = stage.flags(seed).unwrap();
        let readers = (stage.observer(USERS as usize), Vec::<Entry>::new());
        let (observer, journal) = stage.population(seed, USERS).on(&flags).visit(readers);
        let analysis = study.analyze(&observer.finish(), &scenario.metrics, 0..USERS as usize);
        let treatment = 1 - study.experiment.control;
        let p =
            analysis.metrics[metric].variations[treatment].frequentist.as_ref().unwrap().p_value;
        by_user += u32::from(p < 0.05);
        // The same test as if each visit were a user: Welch's, whose normal limit is near enough
        // with 480 visits an arm.
        let mut arms: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
        for own in visits(&journal).values() {
            let arm = own[0].iter().find_map(|entry| match entry.event {
                Event::Evaluated { served, .. } => {
                    study.varies.treatment_of[usize::from(served.variation)]
                }
                _ => None,
            });
            let costs = own.iter().filter_map(|visit| cost(visit));
            arms[usize::from(arm.unwrap())].extend(costs);
        }
        let [one, other] = arms.map(|costs| {
            let n = costs.len() as f64;
            let mean = costs.iter().sum::<f64>() / n;
            let variance = costs.iter().map(|cost| (cost - mean).powi(2)).sum::<f64>() / (n - 1.0);
            (mean, variance / n)
        });
        by_visit += u32::from(((one.0 - other.0) / (one.1 + other.1).sqrt()).abs() > 1.96);
        tests += 1;
    }
    let share = |found: u32| f64::from(found) / f64::from(tests);
    // Four standard errors of 5% among 400 are 4.4 points.
    assert!((share(by_user) - 0.05).abs() < 0.044, "by user: {}", share(by_user));
    // Six visits that correlate by about 0.7 have the variance of 6 / (1 + 5 * 0.7) = 1.3 visits, so
    // the naive test errs in about a third of the replications.
    assert!(share(by_visit) > 0.2, "by visit: {}", share(by_visit));
}

#[test]
fn a_report_counts_users_and_queries_and_events_and_transcripts_tell_visits_apart() {
    let folder = folder("users-who-come-back");
    let text = CHAT.replacen("graph: (", "users: (visits: Fixed(2), gap: \"1h\"), graph: (", 1);
    fs::write(folder.join("my.ron"), text).unwrap();
    let out = ["run", "my.ron", "--users", "50", "--out", "out", "--quiet", "--format", "json"];
    let ran = simlab_in(&folder, &out);
    let report: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (&report["traffic"]["queries"], &report["traffic"]["users"]),
        (&100.into(), &50.into())
    );
    let exposed: u64 = report["experiments"][0]["exposures"]
        .as_object()
        .unwrap()
        .values()
        .map(|count| count.as_u64().unwrap())
        .sum();
    assert_eq!(exposed, 50);
    let read = |name: &str| {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect::<Vec<serde_json::Value>>()
    };
    let said = read("out/transcript.jsonl");
    let of_first = |visit: Option<u64>| {
        said.iter()
            .filter(|line| line["user"] == 1 && line["caller"] == "assistant")
            .filter(|line| line["visit"].as_u64() == visit)
            .count()
    };
    assert!(of_first(None) > 0 && of_first(Some(1)) > 0);
    let events = fs::read_to_string(folder.join("out/events.jsonl")).unwrap();
    let ids = |line: &&str| line.contains("\"$ld:ai:duration:total\"");
    let runs: BTreeSet<String> = events
        .lines()
        .filter(ids)
        .map(|line| {
            let event: serde_json::Value = serde_json::from_str(line).unwrap();
            event["data"]["runId"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(runs.len(), 100, "each visit has a run of its own");
    let again = simlab_in(&folder, &["analyze", "out/events.jsonl", "--format", "json"]);
    let again: serde_json::Value = serde_json::from_str(&again.out).unwrap();
    let of = |report: &serde_json::Value| report["experiments"][0]["metrics"].clone();
    assert_eq!(of(&report)[0]["variations"], of(&again)[0]["variations"]);
}

#[test]
fn the_last_visits_are_told_and_their_tokens_count() {
    let scenario =
        scenario(CHAT, "users: (visits: Fixed(4), gap: \"1h\", persistence: 0.3, remembers: 2),");
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let words = stage.texts();
    let mut told: BTreeMap<u32, BTreeSet<usize>> = BTreeMap::new();
    let mut checked = 0;
    let mut heard = |prompt: &simlab::llm::model::Prompt<'_>, _: &_| {
        if prompt.caller != Caller::Agent(AgentId(0)) {
            return;
        }
        let rendered = |body| words.parts(body).iter().map(|part| count(part)).sum::<u32>();
        let thread = prompt.thread.iter().map(|own| rendered(&own.body) + TOKENS_PER_MESSAGE);
        assert_eq!(prompt.input_tokens, prompt.setup.fixed_tokens + thread.sum::<u32>());
        told.entry(prompt.visit).or_default().insert(prompt.thread.len());
        checked += 1;
    };
    let options = RunOptions { users: Some(300), ..RunOptions::default() };
    Simulation::new(&stage, options).on_call(&mut heard).run().unwrap();
    assert!(checked > 1000);
    let most: Vec<usize> = told.values().map(|lengths| *lengths.last().unwrap()).collect();
    assert_eq!(most, [1, 3, 5, 5], "a question and an answer for each of the last two visits");
    // It costs input, and changes nothing else.
    let forgets = Scenario {
        traffic: simlab::traffic::TrafficSpec {
            returns: scenario
                .traffic
                .returns
                .map(|returns| simlab::traffic::ReturnSpec { remembers: 0, ..returns }),
            ..scenario.traffic.clone()
        },
        ..scenario.clone()
    };
    let agents = |scenario: &Scenario| {
        let tokens = |entry: &Entry| match entry.event {
            Event::AgentFinished { input_tokens, output_tokens, .. } => {
                Some((entry.user, (input_tokens, output_tokens)))
            }
            _ => None,
        };
        let mut all = journal(scenario, 200).iter().filter_map(tokens).collect::<Vec<_>>();
        // Each user's visits stay in their order.
        all.sort_by_key(|(user, _)| *user);
        all
    };
    let (with, without) = (agents(&scenario), agents(&forgets));
    assert_eq!(with.len(), without.len());
    let outputs = |all: &[(u32, (u32, u32))]| {
        all.iter().map(|(user, (_, output))| (*user, *output)).collect::<Vec<_>>()
    };
    assert_eq!(outputs(&with), outputs(&without));
    let inputs = |all: &[(u32, (u32, u32))]| {
        all.iter().map(|(_, (input, _))| u64::from(*input)).sum::<u64>()
    };
    assert!(inputs(&with) > 2 * inputs(&without), "{} {}", inputs(&with), inputs(&without));
}

#[test]
fn what_users_did_before_tells_of_them_as_far_as_their_own_luck_persists() {
    let explained = |persistence: &str| {
        let traffic = CHAT.replacen("traffic: (", "traffic: (pre_period: 0, ", 1);
        let users = format!("users: (visits: Fixed(4), gap: \"1d\"{persistence}),");
        let options = RunOptions { users: Some(2000), ..RunOptions::default() };
        let report = run(&scenario(&traffic, &users), options).unwrap().report;
        let json: serde_json::Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
        let rows = json["experiments"][0]["adjusted"].as_array().unwrap().clone();
        let cost = rows.iter().find(|row| row["metric"] == "ai_cost_per_request").unwrap();
        cost["explained"].as_f64().unwrap()
    };
    let (without, with) = (explained(""), explained(", persistence: 0.8"));
    assert!(with > 0.5 && without < 0.1, "{with} {without}");
}

#[test]
fn the_true_effect_is_that_of_a_long_run_of_each_arm() {
    let scenario =
        scenario(CHAT, "users: (visits: Geometric(2.5), gap: \"1d\", persistence: 0.5),");
    let options = RunOptions { users: Some(500), truth: true, ..RunOptions::default() };
    let stage = PreparedScenario::new(&scenario, scenario.seed).unwrap();
    let report = Simulation::new(&stage, options).run().unwrap().report;
    let json: serde_json::Value = serde_json::from_str(&to_json(&report).unwrap()).unwrap();
    let metrics = json["experiments"][0]["metrics"].as_array().unwrap();
    let at = metrics.iter().position(|metric| metric["key"] == "ai_cost_per_request").unwrap();
    let truth = metrics[at]["variations"][0]["truth"]["mean"].as_f64().unwrap();
    // By hand: everybody gets the first variation; what its calls cost, per user.
    let served = Served { config: 0, variation: 0 };
    let all = stage.population(Seed(77), 8000).forced(served).visit(Vec::<Entry>::new());
    let dollars: f64 = all
        .iter()
        .filter_map(|entry| match entry.event {
            Event::Completed { caller: Caller::Agent(AgentId(0)), cost: Some(cost), .. } => {
                Some(cost.nano_dollars() as f64 / 1e9)
            }
            _ => None,
        })
        .sum();
    assert!((dollars / 8000.0 / truth - 1.0).abs() < 0.06, "{} {truth}", dollars / 8000.0);
}
