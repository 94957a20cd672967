//! Rules held against the tutorial's published results.

use crate::analysis::Analysis;
use crate::experiment::Experiment;

use super::published::{self, premium, security};
use super::{Decision, Verdict, decide};

/// The tutorial's rule for the security experiment, its cost criterion read as the tutorial reads
/// it.
pub(crate) const SECURITY: &str = r#"(
    ship: "strict-security",
    when: All([
        AtMost(name: "latency increase at most 3 s", metric: "p95_total_user_latency", effect: Absolute, bound: 3000.0),
        AtMost(name: "cost increase at most 15%", metric: "ai_cost_per_request", effect: Relative, bound: 0.15),
        Confident(name: "confidence in the cost at least 75%", metric: "ai_cost_per_request", that: ControlBetter, probability: 0.75),
        NonInferior(name: "positive feedback stable or improving", metric: "positive_feedback_rate", margin: 0.1, probability: 0.75),
        Declared(name: "enhanced privacy protection", holds: true),
    ]),
)"#;

/// The same rule, its cost criterion read literally.
const LITERAL: &str = r#"(
    ship: "strict-security",
    when: All([
        AtMost(name: "latency increase at most 3 s", metric: "p95_total_user_latency", effect: Absolute, bound: 3000.0),
        AtMost(name: "cost increase at most 15% with 75% confidence", metric: "ai_cost_per_request", effect: Relative, bound: 0.15,
               probability: 0.75),
        NonInferior(name: "positive feedback stable or improving", metric: "positive_feedback_rate", margin: 0.1, probability: 0.75),
        Declared(name: "enhanced privacy protection", holds: true),
    ]),
)"#;

const PREMIUM: &str = r#"(
    ship: "claude-opus-treatment",
    when: All([
        AtLeast(name: "positive feedback up by at least 15%", metric: "positive_feedback_rate", effect: Relative, bound: 0.15),
        Beats(name: "sure of the feedback", metric: "positive_feedback_rate", probability: 0.9),
        Beats(name: "sure of the cost", metric: "ai_cost_per_request", probability: 0.9),
        Ratio(name: "cost-value ratio", value: ("positive_feedback_rate", Relative), cost: ("ai_cost_per_request", Relative),
              at_least: 0.25),
    ]),
    otherwise: Keep,
)"#;

fn decided(rule: &str, (experiment, analysis): &(Experiment, Analysis)) -> Verdict {
    decide(&published::rule(rule, experiment, analysis), experiment, analysis)
}

fn lines(verdict: &Verdict) -> String {
    let mut text = format!("{:?}: {}\n", verdict.decision, verdict.headline);
    for line in &verdict.because {
        let mark = match line.held {
            Some(true) => "held",
            Some(false) => "not held",
            None => "unknown",
        };
        let indent = "  ".repeat(line.depth);
        let declared = if line.declared { " (declared)" } else { "" };
        text += &format!(
            "{indent}{} | {} | {} | {mark}{declared}\n",
            line.criterion, line.found, line.required
        );
    }
    text
}

#[test]
fn the_tutorials_reading_ships_strict_security() {
    insta::assert_snapshot!(lines(&decided(SECURITY, &security())), @r#"
    Ship: Ship Strict Security: all 5 criteria are met (one of them declared, not measured).
    latency increase at most 3 s | -13.7 s | at most +3 s | held
    cost increase at most 15% | +14.6% | at most +15% | held
    confidence in the cost at least 75% | 79.1% sure | at least 75% sure that the control is better | held
    positive feedback stable or improving | 98.6% sure (estimate +1.14%) | at least 75% sure that it is at most 10% worse | held
    enhanced privacy protection | declared to hold | declared to hold | held (declared)
    "#);
}

#[test]
fn the_literal_reading_does_not() {
    insta::assert_snapshot!(lines(&decided(LITERAL, &security())), @r#"
    NeedMoreData: Do not ship Strict Security yet: it meets 3 of 4 criteria and fails “cost increase at most 15% with 75% confidence”.
    latency increase at most 3 s | -13.7 s | at most +3 s | held
    cost increase at most 15% with 75% confidence | 50.9% sure (estimate +14.6%) | at least 75% sure that it is at most +15% | not held
    positive feedback stable or improving | 98.6% sure (estimate +1.14%) | at least 75% sure that it is at most 10% worse | held
    enhanced privacy protection | declared to hold | declared to hold | held (declared)
    "#);
}

#[test]
fn the_premium_model_is_not_worth_it() {
    let verdict = decided(PREMIUM, &premium());
    assert_eq!(verdict.variation.as_deref(), Some("other-paid"));
    insta::assert_snapshot!(lines(&verdict), @r#"
    Keep: Keep Other Paid (GPT-4o): Claude Opus 4 Treatment meets none of its 4 criteria.
    positive feedback up by at least 15% | -64.0% | at least +15% | not held
    sure of the feedback | 0.5% sure | at least 90% sure that the treatment is better | not held
    sure of the cost | 24.0% sure | at least 90% sure that the treatment is better | not held
    cost-value ratio | -1.94 (positive_feedback_rate -64.0%, ai_cost_per_request +33.0%) | at least 0.25 | not held
    "#);
}

#[test]
fn what_is_unknown_never_ships_and_never_keeps() {
    let (experiment, mut analysis) = security();
    analysis.metrics.retain(|metric| metric.metric.key != "ai_cost_per_request");
    let data = (experiment, analysis);
    for otherwise in ["Keep", "NeedMoreData"] {
        let rule = format!(
            r#"(ship: "strict-security", otherwise: {otherwise}, when: All([
                AtMost(metric: "ai_cost_per_request", effect: Relative, bound: 0.15),
                Declared(name: "privacy", holds: true),
            ]))"#
        );
        let verdict = decided(&rule, &data);
        assert_eq!(verdict.decision, Decision::NeedMoreData);
        assert_eq!(verdict.variation, None);
        assert_eq!(verdict.because[0].held, None);
        assert_eq!(verdict.because[0].found, "the metric is not measured in this experiment");
    }
}

#[test]
fn logic_has_three_values() {
    let data = security();
    // H holds, F fails, U is unknown.
    let leaf = |letter: char| match letter {
        'H' => r#"Declared(name: "h", holds: true)"#,
        'F' => r#"Declared(name: "f", holds: false)"#,
        _ => r#"Beats(metric: "nowhere", probability: 0.5)"#,
    };
    let held = |when: &str| {
        let verdict = decided(
            &format!(r#"(ship: "strict-security", when: Any([{when}, {when}]), otherwise: Keep)"#),
            &data,
        );
        match verdict.decision {
            Decision::Ship => 'H',
            Decision::Keep => 'F',
            Decision::NeedMoreData => 'U',
        }
    };
    for (members, all, any) in [
        ("HH", 'H', 'H'),
        ("HF", 'F', 'H'),
        ("HU", 'U', 'H'),
        ("FF", 'F', 'F'),
        ("FU", 'F', 'U'),
        ("UU", 'U', 'U'),
        ("HFU", 'F', 'H'),
    ] {
        let list: Vec<&str> = members.chars().map(leaf).collect();
        let list = list.join(", ");
        assert_eq!(held(&format!("All([{list}])")), all, "all of {members}");
        assert_eq!(held(&format!("Any([{list}])")), any, "any of {members}");
        let contrary = |letter| match letter {
            'H' => 'F',
            'F' => 'H',
            other => other,
        };
        assert_eq!(held(&format!("Not(All([{list}]))")), contrary(all), "not all of {members}");
        assert_eq!(held(&format!("Not(Not(Any([{list}])))")), any, "not none of {members}");
    }
}

#[test]
fn a_saving_never_buys_a_loss() {
    // Value and cost as effects on the rate (higher is better) and on the cost (lower is better).
    let ratio = |value: f64, cost: f64| {
        let (experiment, mut analysis) = security();
        for (at, effect) in [(0, value), (3, cost)] {
            let control = analysis.metrics[at].variations[0].posterior_mean.unwrap();
            let mean = control * (1.0 + effect);
            let sd = control / 10.0;
            analysis.metrics[at].variations[1].posterior =
                Some(crate::analysis::Posterior::Normal { mean, sd });
            analysis.metrics[at].variations[1].posterior_mean = Some(mean);
            if let Some(comparison) = &mut analysis.metrics[at].variations[1].comparison {
                comparison.relative_difference = Some(effect);
                comparison.absolute_difference = mean - control;
            }
        }
        let rule = r#"(ship: "strict-security", when: Ratio(value: ("positive_feedback_rate", Relative),
            cost: ("ai_cost_per_request", Relative), at_least: 0.25))"#;
        decided(rule, &(experiment, analysis)).because[0].held
    };
    assert_eq!(ratio(0.10, 0.33), Some(true), "0.30 per unit");
    assert_eq!(ratio(0.05, 0.33), Some(false), "0.15 per unit");
    assert_eq!(ratio(-0.64, 0.33), Some(false), "the tutorial's -1.9");
    assert_eq!(
        ratio(0.05, -0.20),
        Some(true),
        "better and cheaper, although the quotient is negative"
    );
    assert_eq!(ratio(-0.10, -0.20), Some(false), "worse and cheaper, although the quotient is 0.5");
}

#[test]
fn a_rule_may_say_when_to_keep() {
    let rule = |metric: &str| {
        format!(
            r#"(ship: "strict-security", when: Beats(metric: "positive_feedback_rate", probability: 0.9),
                keep_when: Confident(metric: "{metric}", that: ControlBetter, probability: 0.75))"#
        )
    };
    insta::assert_snapshot!(lines(&decided(&rule("ai_cost_per_request"), &security())), @r#"
    Keep: Keep Basic Security: the condition for keeping it is met, and Strict Security is not good enough to ship.
    positive_feedback_rate: the treatment is better | 58.4% sure | at least 90% sure that the treatment is better | not held
    keep the control when | 1 of 1 | this holds | held
      ai_cost_per_request: the control is better | 79.1% sure | at least 75% sure that the control is better | held
    "#);
    insta::assert_snapshot!(lines(&decided(&rule("p95_total_user_latency"), &security())), @r#"
    NeedMoreData: Do not ship Strict Security yet: it fails “positive_feedback_rate: the treatment is better”.
    positive_feedback_rate: the treatment is better | 58.4% sure | at least 90% sure that the treatment is better | not held
    keep the control when | 0 of 1 | this holds | not held
      p95_total_user_latency: the control is better | 12.6% sure | at least 75% sure that the control is better | not held
    "#);
}

#[test]
fn groups_are_reported_with_their_members() {
    let rule = r#"(ship: "strict-security", when: Any([
        Not(All([Beats(metric: "p95_total_user_latency", probability: 0.9), Declared(name: "private", holds: true)])),
        Beats(metric: "positive_feedback_rate", probability: 0.9),
    ]))"#;
    insta::assert_snapshot!(lines(&decided(rule, &security())), @r#"
    Ship: Ship Strict Security: its rule is met (one of them declared, not measured).
    at least one of these | 1 of 2 | one of them | held
      at least one of these | 1 of 2 | one of them | held
        not: p95_total_user_latency: the treatment is better | 87.4% sure | not: at least 90% sure that the treatment is better | held
        not: private | declared to hold | not: declared to hold | not held (declared)
      positive_feedback_rate: the treatment is better | 58.4% sure | at least 90% sure that the treatment is better | not held
    "#);
}

#[test]
fn a_rule_about_the_control_decides_nothing() {
    let rule = r#"(ship: "basic-security", when: Beats(metric: "positive_feedback_rate", probability: 0.5), otherwise: Keep)"#;
    let verdict = decided(rule, &security());
    assert_eq!(
        (verdict.decision, verdict.because[0].found.as_str()),
        (Decision::NeedMoreData, "basic-security is the control")
    );
}

#[test]
fn the_labels_of_a_rule_are_the_lines_of_its_verdicts() {
    let data = security();
    let metrics: Vec<_> = data.1.metrics.iter().map(|own| &own.metric).collect();
    let nested = r#"(ship: "strict-security", otherwise: Keep, when: All([
        Not(Any([
            AtMost(metric: "p95_total_user_latency", effect: Absolute, bound: 3000.0),
            Not(NonInferior(metric: "positive_feedback_rate", margin: 0.1, probability: 0.75)),
        ])),
        Any([Significant(metric: "ai_cost_per_request", alpha: 0.05), Declared(name: "d", holds: true)]),
        Ratio(value: ("positive_feedback_rate", Relative), cost: ("ai_cost_per_request", Relative), at_least: 0.25),
    ]), keep_when: Not(Confident(metric: "ai_cost_per_request", that: ControlBetter, probability: 0.9)))"#;
    for text in [SECURITY, LITERAL, nested] {
        let rule = published::rule(text, &data.0, &data.1);
        let verdict = decided(text, &data);
        let lines: Vec<&str> = verdict.because.iter().map(|line| line.criterion.as_str()).collect();
        // A rule that ships does not ask when to keep.
        assert_ne!((verdict.decision, rule.keep_when.is_some()), (Decision::Ship, true));
        assert_eq!(rule.labels(&metrics), lines, "{text}");
    }
    let labels = published::rule(nested, &data.0, &data.1).labels(&metrics);
    assert_eq!(
        labels[..3],
        [
            "all of these",
            "not: p95_total_user_latency: change at most +3 s",
            "positive_feedback_rate: stable or improving"
        ]
    );
}
