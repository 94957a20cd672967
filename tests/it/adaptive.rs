//! What changes while users arrive, and what only some users meet: bandits, guarded rollouts,
//! crashes, segments, the app's own events.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use simlab::course::Course;
use simlab::journal::{Entry, Event, FailureKind, Served, VisitEnd};
use simlab::random::Seed;
use simlab::report::RolloutOutcome;
use simlab::run::{RunOptions, Size, run};
use simlab::scenario::Scenario;

use super::lab;
use super::program::{folder, simlab};

/// The scenario of a lesson, before or after its knob is turned.
fn lesson(name: &str, turned: bool) -> Scenario {
    let [before, after] = lab::lesson(name);
    if turned { after } else { before }
}

fn journal(scenario: &Scenario, seed: u64, users: u32) -> Vec<Entry> {
    lab::journal(scenario, Seed(seed), users)
}

#[test]
fn a_bandits_shares_sum_to_the_whole_keep_their_floor_and_lose_less_than_a_fixed_split() {
    let scenario = lesson("bandit", false);
    let (mut own, mut fixed) = (0.0, 0.0);
    for seed in 0..12 {
        let options = RunOptions {
            seed: Some(seed),
            truth: true,
            truth_size: Size::Users(4000),
            ..RunOptions::default()
        };
        let report = run(&scenario, options).unwrap().report;
        let experiment = &report.experiments[0];
        let bandit = experiment.bandit.as_ref().unwrap();
        assert!(bandit.reallocations.len() > 10);
        for one in &bandit.reallocations {
            let shares: Vec<f64> = one.shares.0.iter().map(|(_, share)| *share).collect();
            assert!(
                (shares.iter().sum::<f64>() - 1.0).abs() < 1e-9
                    && shares.iter().all(|&share| share >= 0.05 - 1e-5),
                "{shares:?}"
            );
        }
        let users: Vec<u64> = bandit.arms.iter().map(|arm| arm.users).collect();
        assert_eq!(
            users,
            experiment.exposures.0.iter().map(|(_, users)| *users).collect::<Vec<_>>()
        );
        assert_eq!(
            users.iter().sum::<u64>(),
            bandit.arms.iter().map(|arm| arm.fixed_users).sum::<u64>()
        );
        own += bandit.regret.unwrap().get();
        fixed += bandit.fixed_regret.unwrap().get();
    }
    assert!(own < 0.6 * fixed, "{own} of {fixed}");
}

#[test]
fn a_bandit_is_a_function_of_scenario_seed_and_users() {
    let scenario = lesson("bandit", false);
    let first = journal(&scenario, 5, 1_500);
    assert_eq!(first, journal(&scenario, 5, 1_500));
    assert!(first.iter().any(|entry| matches!(entry.event, Event::Reallocated { .. })));
    assert!(
        !journal(&lesson("bandit", true), 5, 1_500)
            .iter()
            .any(|entry| matches!(entry.event, Event::Reallocated { .. }))
    );
}

/// The last reallocation of each of the guarded rollout's two variations: where in the journal, and
/// what is left of the new one.
fn settled(journal: &[Entry]) -> (usize, Served, bool) {
    let told = journal.iter().enumerate().rev().find_map(|(at, entry)| match entry.event {
        Event::Reallocated { served, weight } => Some((at, served, weight > 0)),
        _ => None,
    });
    told.unwrap()
}

#[test]
fn what_is_rolled_back_is_met_no_more_and_what_is_released_by_everybody() {
    for (turned, all) in [(false, false), (true, true)] {
        let journal = journal(&lesson("guarded-rollout", turned), 34, 10_000);
        let (at, new, released) = settled(&journal);
        assert_eq!(released, all);
        let after = journal[at..].iter().filter_map(|entry| match entry.event {
            Event::Evaluated { served, in_experiment } if served.config == new.config => {
                Some((served == new, in_experiment))
            }
            _ => None,
        });
        let after: Vec<(bool, bool)> = after.collect();
        assert!(
            after.len() > 1_000 && after.iter().all(|&(is_new, exposed)| is_new == all && !exposed)
        );
        assert!(journal[..at].iter().any(|entry| matches!(entry.event, Event::Evaluated { served, in_experiment: true } if served == new)));
    }
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn a_guard_seldom_takes_back_what_is_no_worse() {
    let mut scenario = lesson("guarded-rollout", true);
    for guard in scenario.rollouts.iter_mut().map(|rollout| &mut rollout.guard) {
        guard.worse_by = 0.0;
    }
    // Two metrics at 95% each: at most about 10 of 100 by chance.
    let back = (0..100).filter(|&seed| {
        let options = RunOptions { seed: Some(seed), ..RunOptions::default() };
        let report = run(&scenario, options).unwrap().report;
        report.rollouts[0].outcome == RolloutOutcome::RolledBack
    });
    let back = back.count();
    assert!(back <= 12, "{back} of 100");
}

#[test]
fn crashed_users_are_in_neither_arm_and_send_nothing() {
    let folder = folder("crashed");
    let report = simlab(&[
        "run",
        "broken-rollout",
        "--users",
        "600",
        "--quiet",
        "--format",
        "json",
        "--out",
        folder.to_str().unwrap(),
    ]);
    let report: Value = serde_json::from_str(&report.out).unwrap();
    let crashed = report["traffic"]["failures"]["crashed"].as_u64().unwrap();
    let exposed: u64 = report["experiments"][0]["exposures"]
        .as_object()
        .unwrap()
        .values()
        .map(|users| users.as_u64().unwrap())
        .sum();
    assert!(crashed > 50, "{crashed}");
    assert_eq!(crashed + exposed, 600);
    let events = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    let event = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    // The first context is the AI SDK's own.
    let contexts = events
        .lines()
        .map(|line| event(line)["context"].clone())
        .filter(|context| context["kind"] == "user");
    let known: BTreeSet<String> =
        contexts.map(|context| context["key"].as_str().unwrap().to_owned()).collect();
    assert_eq!(known.len() as u64, exposed);

    let scenario = lesson("broken-rollout", false);
    let journal = journal(&scenario, 3, 600);
    let crashed: BTreeSet<u32> = journal
        .iter()
        .filter(|entry| {
            matches!(
                entry.event,
                Event::Finished { outcome: VisitEnd::Failed(FailureKind::Crashed), .. }
            )
        })
        .map(|entry| entry.user)
        .collect();
    assert!(
        journal.iter().all(|entry| !crashed.contains(&entry.user)
            || !matches!(entry.event, Event::Evaluated { .. }))
    );
}

#[test]
fn the_apps_own_events_give_the_statistics_of_the_run_back() {
    for name in ["fails-open", "fallback", "sensitivity"] {
        let folder = folder(&format!("own-{name}"));
        let run = simlab(&[
            "run",
            name,
            "--users",
            "800",
            "--quiet",
            "--format",
            "json",
            "--out",
            folder.to_str().unwrap(),
        ]);
        let run: Value = serde_json::from_str(&run.out).unwrap();
        let events = folder.join("events.jsonl");
        let analyzed = simlab(&["analyze", events.to_str().unwrap(), "--format", "json"]);
        let analyzed: Value = serde_json::from_str(&analyzed.out).unwrap();
        let figures = |report: &Value| -> Vec<(String, String)> {
            let metrics = report["experiments"][0]["metrics"].as_array().unwrap().iter();
            let of = |metric: &Value| {
                let each = metric["variations"].as_array().unwrap().iter();
                (
                    metric["key"].to_string(),
                    each.map(|own| own["data_mean"].to_string()).collect::<Vec<_>>().join(" "),
                )
            };
            metrics.map(of).collect()
        };
        assert_eq!(figures(&run), figures(&analyzed), "{name}");
        assert!(
            !fs::read_to_string(events).unwrap().contains("request_duration")
                || name == "sensitivity"
        );
    }
}

#[test]
fn segments_that_share_all_users_out_have_all_of_them() {
    let scenario = lesson("segments", false);
    let report =
        run(&scenario, RunOptions { users: Some(500), ..RunOptions::default() }).unwrap().report;
    let experiment = &report.experiments[0];
    for (at, (key, users)) in experiment.exposures.0.iter().enumerate() {
        let of_segment = experiment.segments.iter().map(|segment| segment.users.0[at].clone());
        let sum: u64 = of_segment.map(|(own, users)| if own == *key { users } else { 0 }).sum();
        assert_eq!(sum, *users);
    }
    assert_eq!(experiment.segments.len(), 2);
}

#[test]
fn a_live_run_refuses_what_is_simulated_alone() {
    for (name, what) in [
        ("bandit", "has the allocation of a bandit"),
        ("guarded-rollout", "is watched by simlab"),
        ("broken-rollout", "has a `crash`"),
        ("novelty", "has a `cold_start`"),
    ] {
        let ran = simlab(&["run", name, "--live", "--yes"]);
        assert!(ran.code != 0 && ran.err.contains(what), "{name}: {}", ran.err);
    }
}

#[test]
fn a_scenario_that_watches_a_rollout_needs_no_experiment() {
    for command in [
        vec!["check"],
        vec!["run", "--users", "300", "--quiet"],
        vec!["estimate", "--users", "60"],
        vec!["bootstrap"],
    ] {
        let arguments: Vec<&str> = [&command[..1], &["guarded-rollout"], &command[1..]].concat();
        let ran = simlab(&arguments);
        // Too few users for the end that the lesson expects.
        assert!(
            ran.code == 0 || (command[0] == "run" && ran.code == 1),
            "{arguments:?}: {}",
            ran.err
        );
    }
    let power = simlab(&["power", "guarded-rollout"]);
    assert_eq!(power.code, 3);
    assert!(power.err.contains("has no experiment"), "{}", power.err);
}

#[test]
fn a_session_budget_degrades_to_the_fallback_for_the_dear_questions_alone() {
    let lesson = Course::lesson("session-budget").unwrap();
    let text = &lesson.before.source.text;
    // Without the lesson itself, whose knob is another one.
    let (head, rest) = text.split_once("    lesson: (").unwrap();
    let (_, body) = rest.split_once("\n    ),\n").unwrap();
    let degrade =
        "session_budget: \"$0.02\", at_budget: Degrade, fallback: \"international-standard\" )";
    let text = format!("{head}{body}").replacen("session_budget: \"$0.02\" )", degrade, 1);
    let path = folder("degrade").join("degrade.ron");
    fs::write(&path, text).unwrap();
    let ran = simlab(&["run", path.to_str().unwrap(), "--quiet", "--format", "json"]);
    let report: Value = serde_json::from_str(&ran.out).unwrap_or_else(|_| panic!("{}", ran.err));
    let costs = report["experiments"][0]["costs"].as_array().unwrap();
    let calls = |variation: &str, model: &str| -> u64 {
        let own = costs.iter().filter(|row| {
            row["variation"] == variation && row["agent"] == "support" && row["model"] == model
        });
        own.map(|row| row["calls"].as_u64().unwrap()).sum()
    };
    let cheap = "claude-3-5-haiku-20241022";
    assert_eq!(calls("other-paid", cheap), 0);
    let (taken_over, own) = (calls("new", cheap), calls("new", "gpt-4o"));
    assert!(taken_over > 20 && taken_over < own / 3, "{taken_over} of {own}");
    let spent = |at: usize| {
        report["experiments"][0]["cost_totals"][at]["cost_per_user_usd"].as_f64().unwrap()
    };
    assert!(spent(1) < 0.8 * spent(0), "{} against {}", spent(1), spent(0));
}
