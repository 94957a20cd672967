//! The effect on users and the measurement's limit: two quantities, and one meaning of "true" and
//! "right" everywhere.

use serde_json::Value;
use simlab::power::{Design, PoolChoice, PowerRequest};
use simlab::random::Seed;
use simlab::run::{ExperimentTruth, PreparedScenario, RunOptions, Size, run, truth};
use simlab::scenario::Scenario;

use super::lab::{Lab, lesson};
use super::program::simlab;

fn found(scenario: &Scenario, seed: u64, users: u32) -> ExperimentTruth {
    let stage = PreparedScenario::new(scenario, Seed(seed)).unwrap();
    truth(&stage, Seed(seed), Size::Users(users), |_, _| ()).unwrap().remove(0)
}

/// The relative change of the treatment on the metric at this place: the effect on users, and the
/// measurement's limit.
fn changes(truth: &ExperimentTruth, metric: usize) -> (f64, f64) {
    let pair = truth.pairs[metric][1];
    (pair.relative.unwrap().value, pair.limit_relative.unwrap().value)
}

#[test]
fn an_app_that_crashes_in_one_arm_saves_nothing() {
    let [crashing, mended] = lesson("broken-rollout");
    let (broken, whole) = (found(&crashing, 3, 4000), found(&mended, 3, 4000));
    let (effect, limit) = changes(&broken, 0);
    // Both arms have the same model, prompt and tools, so no user pays or gets anything else; the
    // measurement loses the dear questions.
    assert_eq!(effect, 0.0);
    assert_eq!(broken.pairs[0][1].relative.unwrap().error, Some(0.0));
    assert!(limit < -0.03, "{limit}");
    // Every user is counted, crashed or not.
    assert_eq!(broken.effect.exposures[0], broken.effect.exposures[1]);
    assert!(broken.limit.exposures[1] < broken.limit.exposures[0]);
    // With the app mended there is no gap.
    assert_eq!(changes(&whole, 0), (0.0, 0.0));
}

#[test]
fn a_crashed_request_counts_as_failed() {
    let metric = "metrics: { \"request_failed\": ( event: \"request_failed\", aggregation: Occurrence, statistic: Mean, missing: Zero, better: Lower ) }";
    let scenario = Lab::of("broken-rollout")
        .block(metric)
        .change("metrics: [\"ai_cost", "metrics: [\"request_failed\", \"ai_cost")
        .scenario();
    let truth = found(&scenario, 3, 4000);
    let crashed = 1.0 - truth.limit.exposures[1] as f64 / truth.limit.exposures[0] as f64;
    let rate = |arm: usize| truth.pairs[0][arm].effect.unwrap().value;
    assert!(
        (rate(1) - rate(0) - crashed).abs() < 0.01,
        "{} and {}, {crashed} crashed",
        rate(0),
        rate(1)
    );
}

#[test]
fn a_missing_price_is_paid_all_the_same() {
    let [unpriced, priced] = lesson("missing-cost");
    let (without, with) = (found(&unpriced, 1, 3000), found(&priced, 1, 3000));
    // What users cost does not depend on whether the events tell it.
    assert_eq!(without.pairs[1][0].effect, with.pairs[1][0].effect);
    assert_eq!(without.pairs[1][1].relative, with.pairs[1][1].relative);
    let (_, limit) = changes(&without, 1);
    assert!(limit < -0.5, "{limit}");
    assert!(changes(&with, 1).1 > -0.1);
}

#[test]
fn what_the_judge_is_shown_does_not_change_the_answers() {
    for (name, seed) in
        [("silent-arm", 2), ("wordy-judge", 13), ("order-judge", 14), ("lenient-judge", 12)]
    {
        let [one, other] = lesson(name);
        let (one, other) = (found(&one, seed, 2000), found(&other, seed, 2000));
        assert_eq!(one.pairs[0][0].effect, other.pairs[0][0].effect, "{name}");
        assert_eq!(one.pairs[0][1].effect, other.pairs[0][1].effect, "{name}");
        assert_ne!(one.pairs[0][1].limit, other.pairs[0][1].limit, "{name}");
    }
}

#[test]
fn the_error_that_is_shown_is_how_far_the_truth_moves_with_other_users() {
    let scenario = simlab::scenario::load("security").unwrap().scenario;
    let all: Vec<ExperimentTruth> = (1..=40).map(|seed| found(&scenario, seed, 600)).collect();
    for metric in 0..all[0].pairs.len() {
        let values: Vec<f64> =
            all.iter().map(|truth| truth.pairs[metric][1].relative.unwrap().value).collect();
        let errors: Vec<f64> = all
            .iter()
            .map(|truth| truth.pairs[metric][1].relative.unwrap().error.unwrap())
            .collect();
        let mean = values.iter().sum::<f64>() / 40.0;
        let spread =
            (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / 39.0).sqrt();
        let shown = (errors.iter().map(|error| error * error).sum::<f64>() / 40.0).sqrt();
        // The spread of 40 values is known to about a ninth; heavy tails make it rougher.
        assert!(
            (0.6..=1.6).contains(&(shown / spread)),
            "metric {metric}: shown {shown}, spread {spread}"
        );
    }
}

#[test]
fn more_users_come_until_the_error_is_as_small_as_asked_for() {
    let [_, same] = lesson("broken-rollout");
    let stage = PreparedScenario::new(&same, Seed(3)).unwrap();
    let sized = |error, visits| {
        truth(&stage, Seed(3), Size::UntilError { error, visits }, |_, _| ()).unwrap().remove(0)
    };
    assert_eq!(
        sized(0.0025, 400_000).users,
        12_500,
        "equal arms differ by exactly nothing from the first users on"
    );
    let security = simlab::scenario::load("security").unwrap().scenario;
    let stage = PreparedScenario::new(&security, Seed(1)).unwrap();
    let rough = truth(&stage, Seed(1), Size::UntilError { error: 1.0, visits: 160_000 }, |_, _| ())
        .unwrap()
        .remove(0);
    assert_eq!(rough.users, 10_000);
    let close = truth(&stage, Seed(1), Size::UntilError { error: 0.0, visits: 80_000 }, |_, _| ())
        .unwrap()
        .remove(0);
    assert_eq!(close.users, 20_000, "the budget ends it");
    let error = |truth: &ExperimentTruth| truth.pairs[2][1].relative.unwrap().error.unwrap();
    assert!(error(&close) < error(&rough), "{} and {}", error(&close), error(&rough));
}

#[test]
fn run_and_power_mean_the_same_by_true_and_by_right() {
    for name in ["broken-rollout", "missing-cost", "premium"] {
        let scenario = simlab::scenario::load(name).unwrap().scenario;
        let seed = scenario.seed.0;
        let options =
            RunOptions { truth: true, truth_size: Size::Users(2000), ..RunOptions::default() };
        let report = run(&scenario, options).unwrap().report;
        let experiment = &report.experiments[0];
        let asked = PowerRequest {
            replications: 1,
            sizes: vec![scenario.traffic.queries],
            looks: 1,
            seed,
            aa: false,
            truth_users: Some(2000),
            pool: PoolChoice::Full,
        };
        let header = Design::new(&scenario, asked, |_, _| ()).unwrap().header(None);
        let study = &header.studies[0];
        for (metric, own) in experiment.metrics.iter().zip(&study.truth) {
            let variation =
                metric.variations.iter().find(|own| own.key == study.treatment).unwrap();
            assert_eq!(
                variation.truth.unwrap().relative_difference,
                own.relative_difference,
                "{name}, {}",
                own.key
            );
            assert_eq!(
                variation.measured_limit.unwrap().relative_difference,
                own.measured_limit,
                "{name}, {}",
                own.key
            );
        }
        let hindsight = experiment.verdict.as_ref().unwrap().hindsight.as_ref().unwrap();
        assert_eq!(hindsight.decision, study.decision_at_truth, "{name}");
    }
}

#[test]
fn a_ship_of_a_broken_measurement_is_wrong_and_not_to_be_trusted() {
    let report = simlab(&[
        "run",
        "broken-rollout",
        "--truth",
        "--truth-users",
        "3000",
        "--format",
        "json",
        "--quiet",
    ])
    .json();
    let verdict = &report["experiments"][0]["verdict"];
    assert_eq!((&verdict["decision"], &verdict["trusted"]), (&"ship".into(), &false.into()));
    assert_eq!(verdict["hindsight"]["right"], false, "{verdict}");
    let cost = &report["experiments"][0]["metrics"][0];
    assert_eq!(cost["variations"][1]["truth"]["relative_difference"], 0.0);
    assert!(
        cost["variations"][1]["measured_limit"]["relative_difference"].as_f64().unwrap() < -0.03
    );
    assert!(cost["bias_causes"][0].as_str().unwrap().contains("crashes"), "{cost}");
    assert_eq!(
        cost["variations"][0]["truth"]["relative_difference"],
        Value::Null,
        "the control differs from nothing"
    );
    let text =
        simlab(&["run", "broken-rollout", "--truth", "--truth-users", "3000", "--quiet"]).well();
    assert!(text.contains("The measurement of ai_cost_per_request is biased"), "{text}");
    assert!(!text.contains("The verdict is right"), "{text}");
}

/// The security scenario with a smallest effect that matters on the metric of cost.
fn with_smallest(name: &str, smallest: &str) -> String {
    let metric =
        format!("metrics: {{ \"positive_feedback_rate\": ( smallest_effect: {smallest} ) }}");
    Lab::of("security").block(&metric).file(name)
}

#[test]
fn a_difference_below_the_smallest_effect_that_matters_is_a_tie() {
    let asked = [
        "--truth-users",
        "20000",
        "--users",
        "60",
        "--looks",
        "1",
        "--replications",
        "4",
        "--quiet",
        "--format",
        "json",
    ];
    let study = |smallest: &str| {
        let file = with_smallest(&format!("smallest-{smallest}"), smallest);
        simlab(&[&["power", file.as_str()], asked.as_slice()].concat()).json()["experiments"][0]
            .clone()
    };
    let (none, large) = (study("0"), study("0.5"));
    assert_eq!(none["truth"], large["truth"], "what is true does not depend on what matters");
    assert!(none["truth"][0]["relative_difference"].as_f64().unwrap().abs() < 0.5);
    assert_eq!(large["truly_better"], Value::Null);
    assert!(
        large["tie"].as_str().unwrap().contains("below the smallest effect that matters (50%)"),
        "{}",
        large["tie"]
    );
    assert_eq!(large["sizes"][0]["regret"]["value"], 0.0);
    let file = with_smallest("smallest-needed", "0.5");
    let report = simlab(&["run", &file, "--users", "300", "--format", "json", "--quiet"]).json();
    let reason = report["experiments"][0]["users_needed_reason"].as_str().unwrap().to_owned();
    assert!(
        report["experiments"][0]["users_needed"].is_null()
            && reason.contains("smallest effect that matters"),
        "{reason}"
    );
}

#[test]
fn power_says_loudly_when_intervals_are_not_what_they_claim_and_why() {
    let asked = [
        "--truth-users",
        "10000",
        "--users",
        "215",
        "--looks",
        "1",
        "--replications",
        "40",
        "--quiet",
        "--format",
        "json",
    ];
    let warnings = |scenario: &str| {
        let found = simlab(&[&["power", scenario], asked.as_slice()].concat()).json();
        let all: Vec<String> = found["warnings"]
            .as_array()
            .unwrap()
            .iter()
            .map(|warning| warning.as_str().unwrap().to_owned())
            .collect();
        all.into_iter().filter(|warning| warning.contains("INTERVALS")).collect::<Vec<String>>()
    };
    // The cost of Claude Opus 4 is far from what the prior expects; the measurement of feedback is
    // biased.
    let premium = warnings("premium");
    let about = |metric: &str| {
        premium
            .iter()
            .find(|warning| warning.contains(metric))
            .unwrap_or_else(|| panic!("{metric}: {premium:#?}"))
    };
    assert!(about("ai_cost_per_request").contains("prior and data conflict"), "{premium:#?}");
    assert!(about("positive_feedback_rate").contains("The measurement is biased"), "{premium:#?}");
    // Two equal arms with a sound measurement: nothing to shout about.
    assert_eq!(warnings("a-a-test"), Vec::<String>::new());
}
