//! Every criterion against every sign of the control's mean: what is worse never passes for better.

use crate::analysis::{Analysis, MetricInput, Summary, Tally, analyze};
use crate::experiment::{Aggregation, Better, Experiment, Method};

use super::decide;
use super::published::{experiment, metric, rule};

/// Means of control and treatment with a standard error of 0.2, as an experiment on `m`, beside a
/// cost that rises by 10%.
fn data(better: Better, control: f64, treatment: f64, method: Method) -> (Experiment, Analysis) {
    let experiment =
        Experiment { method, ..experiment("signs", "Signs", "", [("a", "A"), ("b", "B")], 2) };
    let margin = metric("m", Aggregation::Sum, false, better, "$");
    let cost = metric("cost", Aggregation::Sum, false, Better::Lower, "$");
    let tally = |mean: f64, error: f64| {
        Some(Tally::Mean { units: 1000, total: 1000.0 * mean, standard_error: Some(error) })
    };
    let input =
        |metric, tallies| MetricInput { metric, tallies, responders: None, skewness: Vec::new() };
    let metrics = vec![
        input(margin, vec![tally(control, 0.2), tally(treatment, 0.2)]),
        input(cost, vec![tally(1.0, 0.005), tally(1.1, 0.005)]),
    ];
    let analysis =
        analyze(&experiment, &Summary { exposures: vec![1000; 2], shares: None, metrics });
    (experiment, analysis)
}

fn held(criterion: &str, (experiment, analysis): &(Experiment, Analysis)) -> Option<bool> {
    let rule = rule(&format!(r#"(ship: "b", when: {criterion})"#), experiment, analysis);
    decide(&rule, experiment, analysis).because[0].held
}

/// Criteria that ask for a treatment that is better by at least 10% of the control, or not worse;
/// `up` says which way is better.
fn relative_criteria(up: bool) -> Vec<String> {
    let (kind, bound) = if up { ("AtLeast", 0.1) } else { ("AtMost", -0.1) };
    vec![
        format!(r#"{kind}(metric: "m", effect: Relative, bound: {bound})"#),
        format!(r#"{kind}(metric: "m", effect: Relative, bound: {bound}, probability: 0.9)"#),
        r#"NonInferior(metric: "m", margin: 0.1, probability: 0.9)"#.to_owned(),
        r#"Ratio(value: ("m", Relative), cost: ("cost", Relative), at_least: 1.0)"#.to_owned(),
    ]
}

/// The same of the difference itself.
fn absolute_criteria(up: bool) -> Vec<String> {
    let (kind, bound) = if up { ("AtLeast", 1.0) } else { ("AtMost", -1.0) };
    vec![
        format!(r#"{kind}(metric: "m", effect: Absolute, bound: {bound})"#),
        format!(r#"{kind}(metric: "m", effect: Absolute, bound: {bound}, probability: 0.9)"#),
        r#"Ratio(value: ("m", Absolute), cost: ("cost", Absolute), at_least: 1.0)"#.to_owned(),
        r#"Beats(metric: "m", probability: 0.9)"#.to_owned(),
        r#"Confident(metric: "m", that: TreatmentBetter, probability: 0.9)"#.to_owned(),
        r#"Not(Confident(metric: "m", that: ControlBetter, probability: 0.9))"#.to_owned(),
        r#"Significant(metric: "m", alpha: 0.05)"#.to_owned(),
    ]
}

#[test]
fn every_criterion_holds_for_the_better_and_fails_for_the_worse_treatment_whatever_the_sign_of_the_control()
 {
    for method in [Method::Bayesian, Method::Frequentist, Method::Sequential] {
        for control in [10.0, -10.0] {
            for better in [Better::Higher, Better::Lower] {
                for gain in [5.0, -5.0] {
                    let found = data(better, control, control + gain * better.sign(), method);
                    for criterion in relative_criteria(better == Better::Higher)
                        .iter()
                        .chain(&absolute_criteria(better == Better::Higher))
                    {
                        let expected = Some(gain > 0.0);
                        assert_eq!(
                            held(criterion, &found),
                            expected,
                            "{method:?}, {better:?} is better, {control} by {gain}: {criterion}"
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn where_the_controls_interval_holds_zero_relative_criteria_are_undecided_with_the_reason_and_absolute_ones_are_decided()
 {
    for control in [0.0, 0.1, -0.1] {
        for better in [Better::Higher, Better::Lower] {
            for gain in [5.0, -5.0] {
                let found =
                    data(better, control, control + gain * better.sign(), Method::Frequentist);
                for criterion in relative_criteria(better == Better::Higher) {
                    assert_eq!(held(&criterion, &found), None, "{control} by {gain}: {criterion}");
                    let text = format!(r#"(ship: "b", when: {criterion}, otherwise: Keep)"#);
                    let rule = rule(&text, &found.0, &found.1);
                    let verdict = decide(&rule, &found.0, &found.1);
                    let reason = &verdict.because[0].found;
                    assert!(reason.contains("no relative difference"), "{criterion}: {reason}");
                    assert_eq!(verdict.decision, super::Decision::NeedMoreData);
                }
                for criterion in absolute_criteria(better == Better::Higher) {
                    assert_eq!(
                        held(&criterion, &found),
                        Some(gain > 0.0),
                        "{control} by {gain}: {criterion}"
                    );
                }
                let warned = found.1.health.iter().any(|check| {
                    check.check == "control_near_zero"
                        && check.message.contains("no relative difference")
                });
                assert!(warned, "{:?}", found.1.health);
            }
        }
    }
}
