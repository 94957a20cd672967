//! For tests: the tutorial's two published experiments as analysis values, typed in from its result
//! screens.
//!
//! Standard deviations that the screens do not print are solved from the intervals that they do
//! print.

use crate::analysis::{
    Analysis, Comparison, HealthCheck, HealthStatus, Interval, MetricAnalysis, MetricInput,
    Posterior, SizePlan, Summary, Tally, VariationAnalysis, analyze,
};
use crate::experiment::{
    Aggregation, Better, Correction, Experiment, Method, Metric, Missing, Statistic, Treatment,
};
use crate::quantity::{Probability, Share};
use crate::verdict::Rule;

/// The 95th percentile of the standard normal: half of a 90% interval in standard deviations.
const Z: f64 = 1.644_853_626_951_472_2;

pub(crate) fn metric(
    key: &str,
    aggregation: Aggregation,
    p95: bool,
    better: Better,
    unit: &str,
) -> Metric {
    Metric {
        key: key.to_owned(),
        name: key.to_owned(),
        event: key.to_owned(),
        aggregation,
        statistic: if p95 {
            Statistic::Percentile(Probability::clamped(0.95))
        } else {
            Statistic::Mean
        },
        missing: if aggregation == Aggregation::Occurrence {
            Missing::Zero
        } else {
            Missing::Exclude
        },
        better,
        unit: unit.to_owned(),
        prior_variance: None,
        prior: None,
        judge: None,
        smallest_effect: 0.0,
        per: None,
    }
}

pub(crate) fn experiment(
    key: &str,
    name: &str,
    hypothesis: &str,
    arms: [(&str, &str); 2],
    metrics: usize,
) -> Experiment {
    let treatment = |(variation, name): (&str, &str)| Treatment {
        variation: variation.to_owned(),
        name: name.to_owned(),
        share: Share::new(50_000).unwrap(),
    };
    Experiment {
        key: key.to_owned(),
        name: name.to_owned(),
        hypothesis: hypothesis.to_owned(),
        config: "config".to_owned(),
        treatments: arms.map(treatment).to_vec(),
        control: 0,
        metrics: (0..metrics).collect(),
        threshold: Probability::clamped(0.9),
        method: Method::Bayesian,
        correction: Correction::None,
        tolerate: Vec::new(),
    }
}

/// A rule about these treatments and metrics; a metric that is none of them stays unknown.
pub(crate) fn resolved(rule: &Rule<String, String>, treatments: &[&str], metrics: &[&str]) -> Rule {
    let place = |keys: &[&str], key: &String| keys.iter().position(|own| own == key);
    let mut metric = |key: &String| place(metrics, key).or(Some(usize::MAX));
    rule.resolve(place(treatments, &rule.ship), &mut metric).unwrap()
}

/// A rule as a file has it, about an analyzed experiment.
pub(crate) fn rule(text: &str, experiment: &Experiment, analysis: &Analysis) -> Rule {
    let treatments = experiment.treatments.iter().map(|own| own.variation.as_str());
    let metrics = analysis.metrics.iter().map(|own| own.metric.key.as_str());
    let (treatments, metrics): (Vec<&str>, Vec<&str>) = (treatments.collect(), metrics.collect());
    resolved(&ron::from_str(text).unwrap(), &treatments, &metrics)
}

/// An arm: exposures, conversions or total, posterior mean, posterior sd, interval, probability to
/// be best.
type Arm = (u64, f64, f64, f64, Option<[f64; 2]>, f64);

fn arms(metric: Metric, arms: [Arm; 2], relative: [f64; 3], loss: f64) -> MetricAnalysis {
    let conversion = metric.aggregation == Aggregation::Occurrence;
    let variations = arms
        .iter()
        .enumerate()
        .map(|(at, &(exposures, total, mean, sd, interval, best))| VariationAnalysis {
            exposures,
            units: exposures,
            conversions: conversion.then_some(total as u64),
            total_value: (!conversion).then_some(total),
            data_mean: Some(total / exposures as f64),
            posterior: Some(Posterior::Normal { mean, sd }),
            posterior_mean: Some(mean),
            credible_interval: Some(match interval {
                Some([lower, upper]) => Interval { lower, upper },
                None => Interval { lower: mean - Z * sd, upper: mean + Z * sd },
            }),
            probability_to_be_best: Some(best),
            comparison: (at == 1).then(|| Comparison {
                probability_to_beat: best,
                relative_difference: Some(relative[0]),
                relative_interval: Some(Interval { lower: relative[1], upper: relative[2] }),
                absolute_difference: mean - arms[0].2,
                expected_loss: loss,
            }),
            frequentist: None,
            sequential: None,
            corrected: None,
            paired: None,
            reason: None,
        })
        .collect();
    MetricAnalysis { metric, variations, control: 0 }
}

/// How many more users the primary metric needs, from its published counts.
fn plan(
    experiment: &Experiment,
    primary: &Metric,
    exposures: [u64; 2],
    conversions: [u64; 2],
) -> SizePlan {
    let tallies = conversions.map(|conversions| Some(Tally::rate(conversions))).to_vec();
    let metrics = vec![MetricInput {
        metric: primary.clone(),
        tallies,
        responders: None,
        skewness: Vec::new(),
    }];
    analyze(experiment, &Summary { exposures: exposures.to_vec(), shares: None, metrics }).plan
}

/// "Security Level": basic against strict security, 2,727 users.
pub(crate) fn security() -> (Experiment, Analysis) {
    let experiment = experiment(
        "security-level",
        "Security Level",
        "Enhanced security improves safety compliance without significantly harming positive feedback rates",
        [("basic-security", "Basic Security"), ("strict-security", "Strict Security")],
        4,
    );
    let metrics = vec![
        arms(
            metric("positive_feedback_rate", Aggregation::Occurrence, false, Better::Higher, ""),
            [
                (1350, 458.0, 0.3395, 0.0129, Some([0.3185, 0.3608]), 0.4164),
                (1377, 473.0, 0.3434, 0.0126, Some([0.3228, 0.3642]), 0.5836),
            ],
            [0.0114, -0.0763, 0.0992],
            0.0054,
        ),
        arms(
            metric("negative_feedback_rate", Aggregation::Occurrence, false, Better::Lower, ""),
            [
                (1350, 18.0, 0.0141, 0.0032, Some([0.0087, 0.0190]), 0.7003),
                (1377, 24.0, 0.0162, 0.0027, Some([0.0118, 0.0207]), 0.2997),
            ],
            [0.1552, -0.3832, 0.6935],
            0.003,
        ),
        arms(
            metric("p95_total_user_latency", Aggregation::Sum, true, Better::Lower, "ms"),
            [
                (1350, 51_446_809.0, 38_109.0, 0.28109 * 38_109.0, None, 0.1261),
                (1377, 32_020_667.0, 24_428.0, 0.2167 * 24_428.0, None, 0.8739),
            ],
            [-0.3590, -0.7332, 0.0152],
            713.871,
        ),
        arms(
            metric("ai_cost_per_request", Aggregation::Average, false, Better::Lower, "$"),
            [
                (1350, 33.1435, 0.024_551, 0.11785 * 0.024_551, None, 0.7912),
                (1377, 39.3298, 0.028_131, 0.11859 * 0.028_131, None, 0.2088),
            ],
            [0.1458, -0.1693, 0.4609],
            0.004,
        ),
    ];
    let check = |check, message: &str| HealthCheck {
        check,
        status: HealthStatus::Healthy,
        message: message.to_owned(),
    };
    let health = vec![
        check("exposures", "2,727 users were exposed"),
        check("sample_ratio_mismatch", "1,350 and 1,377 users fit a 50/50 split"),
        check("metrics", "every metric has events"),
    ];
    let plan = plan(&experiment, &metrics[0].metric, [1350, 1377], [458, 473]);
    (experiment, Analysis { exposures: vec![1350, 1377], metrics, health, plan, winner: None })
}

/// "Premium Model Value Analysis": GPT-4o against Claude Opus 4, 215 users; feedback, cost and
/// latency as published.
pub(crate) fn premium() -> (Experiment, Analysis) {
    let experiment = experiment(
        "premium-model",
        "Premium Model Value Analysis",
        "Claude Opus 4 justifies premium cost with superior positive feedback rate",
        [
            ("other-paid", "Other Paid (GPT-4o)"),
            ("claude-opus-treatment", "Claude Opus 4 Treatment"),
        ],
        2,
    );
    let metrics = vec![
        arms(
            metric("positive_feedback_rate", Aggregation::Occurrence, false, Better::Higher, ""),
            [(108, 15.0, 0.1455, 0.0335, None, 0.995), (107, 0.0, 0.0524, 0.0180, None, 0.005)],
            [-0.64, -0.87, -0.41],
            0.093,
        ),
        arms(
            metric("ai_cost_per_request", Aggregation::Average, false, Better::Lower, "$"),
            [
                (108, 1.2872, 0.0119, 0.0011, None, 0.76),
                (107, 37.293, 0.015_83, 0.0054, None, 0.24),
            ],
            [0.33, -0.45, 1.11],
            0.0045,
        ),
    ];
    let health = vec![HealthCheck {
        check: "silent_arm",
        status: HealthStatus::Warning,
        message: "none of the 107 users of claude-opus-treatment gave any feedback, 15 of 108 in the control did: check that its \
                  feedback is recorded and that its answers arrive before you believe the difference"
            .to_owned(),
    }];
    let plan = plan(&experiment, &metrics[0].metric, [108, 107], [15, 0]);
    (experiment, Analysis { exposures: vec![108, 107], metrics, health, plan, winner: Some(0) })
}
