//! The published figures, and what a scenario yields for them over many seeds: shared by the
//! calibration test and by `cargo bench --bench calibration`.

use std::collections::BTreeMap;

use simlab::analysis::{Tally, analyze, summarize};
use simlab::journal::Caller;
use simlab::random::Seed;
use simlab::run::{ArmTally, PreparedScenario};
use simlab::scenario::Scenario;
use simlab::verdict::decide;

/// Published raw figures: experiment, treatment, figure, value. From the tutorial's result screens
/// and its cost table.
pub const PUBLISHED: [(&str, usize, &str, f64); 26] = [
    ("security-level", 0, "positive_feedback_rate", 458.0 / 1350.0),
    ("security-level", 1, "positive_feedback_rate", 473.0 / 1377.0),
    ("security-level", 0, "negative_feedback_rate", 18.0 / 1350.0),
    ("security-level", 1, "negative_feedback_rate", 24.0 / 1377.0),
    ("security-level", 0, "ai_cost_per_request", 33.1435 / 1350.0),
    ("security-level", 1, "ai_cost_per_request", 39.3298 / 1377.0),
    ("security-level", 0, "ai_cost_per_request rel. s.e.", 0.11785),
    ("security-level", 1, "ai_cost_per_request rel. s.e.", 0.12364),
    ("security-level", 0, "p95_total_user_latency", 38_109.0),
    ("security-level", 1, "p95_total_user_latency", 32_020_667.0 / 1377.0),
    ("security-level", 0, "supervisor cost", 0.0001),
    ("security-level", 0, "security cost", 0.0003),
    ("security-level", 0, "support cost", 0.0242),
    ("security-level", 1, "supervisor cost", 0.0001),
    ("security-level", 1, "security cost", 0.0),
    ("security-level", 1, "support cost", 0.0280),
    ("premium-model-value-analysis", 0, "positive_feedback_rate", 15.0 / 108.0),
    ("premium-model-value-analysis", 1, "positive_feedback_rate", 0.0),
    ("premium-model-value-analysis", 0, "negative_feedback_rate", 0.0),
    ("premium-model-value-analysis", 1, "negative_feedback_rate", 0.0),
    ("premium-model-value-analysis", 0, "p95_total_user_latency", 123_229.0),
    ("premium-model-value-analysis", 1, "p95_total_user_latency", 286_347.0),
    ("premium-model-value-analysis", 0, "average_total_user_tokens", 211_083.0 / 108.0),
    ("premium-model-value-analysis", 1, "average_total_user_tokens", 2_292_168.0 / 107.0),
    ("premium-model-value-analysis", 0, "ai_cost_per_request", 1.2872 / 108.0),
    ("premium-model-value-analysis", 1, "ai_cost_per_request", 37.293 / 107.0),
];

/// What a scenario yields over seeds.
pub struct Yield {
    /// The values of each figure, by treatment and name, sorted.
    pub figures: BTreeMap<(usize, String), Vec<f64>>,
    /// The seeds of each verdict.
    pub verdicts: BTreeMap<String, Vec<u64>>,
}

/// The value at a quantile of sorted values.
pub fn at(values: &[f64], q: f64) -> f64 {
    values[((values.len() - 1) as f64 * q).round() as usize]
}

/// The published value of a figure, and whether it lies inside the central 95%. The cost table
/// prints four places.
pub fn inside(experiment: &str, arm: usize, name: &str, values: &[f64]) -> Option<(f64, bool)> {
    let (.., value) = PUBLISHED
        .iter()
        .find(|(key, a, figure, _)| *key == experiment && *a == arm && *figure == name)?;
    let slack = if name.ends_with(" cost") { 5e-5 } else { 0.0 };
    Some((*value, at(values, 0.025) - slack <= *value && *value <= at(values, 0.975) + slack))
}

/// Runs the first experiment of a scenario with seeds 1 to `seeds`.
pub fn over_seeds(scenario: &Scenario, seeds: u64) -> Yield {
    let mut figures: BTreeMap<(usize, String), Vec<f64>> = BTreeMap::new();
    let mut verdicts: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for seed in 1..=seeds {
        let stage = PreparedScenario::new(scenario, Seed(seed)).unwrap();
        let users = scenario.traffic.queries;
        let observer = stage.observer(users as usize);
        let tally = ArmTally::new(
            scenario.studies[0].varies.config,
            scenario.studies[0].varies.treatment_of.clone(),
        );
        let (observer, tally) = stage.population(Seed(seed), users).visit((observer, tally));
        let experiment = &scenario.studies[0].experiment;
        let summary =
            summarize(&observer.finish(), 0, experiment, &scenario.metrics, 0..users as usize);
        let mut put = |arm: usize, name: String, value: f64| {
            figures.entry((arm, name)).or_default().push(value)
        };
        for arm in 0..experiment.treatments.len() {
            let exposed = summary.exposures[arm] as f64;
            for input in &summary.metrics {
                let key = &input.metric.key;
                match input.tallies[arm] {
                    Some(Tally::Conversion { conversions, .. }) => {
                        put(arm, key.clone(), conversions as f64 / exposed)
                    }
                    Some(Tally::Mean { units, total, standard_error }) => {
                        let mean = total / units as f64;
                        put(arm, key.clone(), mean);
                        put(
                            arm,
                            format!("{key} rel. s.e."),
                            standard_error.unwrap_or(f64::NAN) / mean,
                        );
                    }
                    Some(Tally::Value { value, standard_error, .. }) => {
                        put(arm, key.clone(), value);
                        put(
                            arm,
                            format!("{key} rel. s.e."),
                            standard_error.unwrap_or(f64::NAN) / value,
                        );
                    }
                    None => {}
                }
            }
            for agent in scenario.graph.agents().map(Caller::Agent) {
                let of_agent = tally
                    .spending
                    .iter()
                    .filter(|((a, caller, _), _)| usize::from(*a) == arm && *caller == agent);
                put(
                    arm,
                    format!("{} cost", scenario.graph.name(agent)),
                    of_agent.map(|(_, s)| s.cost.dollars()).sum::<f64>() / exposed,
                );
            }
        }
        if let Some(rule) = &scenario.studies[0].rule {
            let verdict = decide(rule, experiment, &analyze(experiment, &summary));
            verdicts.entry(format!("{:?}", verdict.decision)).or_default().push(seed);
        }
    }
    figures.values_mut().for_each(|values| values.sort_by(f64::total_cmp));
    Yield { figures, verdicts }
}
