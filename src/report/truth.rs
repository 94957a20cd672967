//! The effect on users beside the estimates, and how far the measurement is from it: data of the
//! report, and their table.
//!
//! Guarantees: "true" is the effect on users, everywhere; what the measurement would converge to is
//! called its limit, and the gap between the two its bias.
//!
//! Does not know: how either is simulated; `run` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::{ReportedExperiment, ReportedMetric, ReportedVariation};
use super::number::Number;
use crate::figure;

/// Biases below this, as a fraction, are not worth a word.
const SLIGHT: f64 = 0.005;

/// A value that simulated users have, every one of them in every variation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Truth {
    /// Mean, rate or percentile.
    pub mean: Option<Number>,
    /// Relative difference to the control; `None` for the control.
    pub relative_difference: Option<Number>,
    /// Standard error of `mean`; `None` where it is unknown.
    #[serde(default)]
    pub mean_error: Option<Number>,
    /// Standard error of `relative_difference`.
    #[serde(default)]
    pub relative_error: Option<Number>,
}

/// By how much the measurement misses the effect on users, however many users come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bias {
    /// The limit's relative difference less that of the effect on users.
    pub relative_difference: Option<Number>,
    /// Its standard error.
    pub error: Option<Number>,
}

impl Bias {
    /// Whether it is larger than its own error, and than half a percent.
    #[must_use]
    pub fn notable(&self) -> bool {
        let error = self.error.map_or(0.0, Number::get);
        self.relative_difference
            .is_some_and(|bias| bias.get().abs() > SLIGHT && bias.get().abs() > 2.0 * error)
    }
}

/// What is known of one variation under one metric beyond its data.
#[derive(Clone, Copy, Debug, Default)]
pub struct TrueVariation {
    /// The effect on users.
    pub truth: Option<Truth>,
    /// What the measurement converges to.
    pub measured_limit: Option<Truth>,
    /// The gap between the two; `None` for the control.
    pub bias: Option<Bias>,
}

/// What is known of one metric beyond its data.
#[derive(Clone, Debug, Default)]
pub struct TrueMetric {
    /// One entry for each variation.
    pub variations: Vec<TrueVariation>,
    /// What in the scenario can set the measurement apart from the effect on users.
    pub causes: Vec<String>,
}

/// What is known of an experiment beyond its data.
#[derive(Clone, Debug, Default)]
pub struct Truths {
    /// Users that went through every variation.
    pub users: u32,
    /// One entry for each metric.
    pub metrics: Vec<TrueMetric>,
}

/// `+3.31% ±0.42`: the standard error in the same unit, percent.
#[must_use]
pub fn with_error(change: f64, error: Option<f64>) -> String {
    let change = figure::change(change);
    match error {
        // Two digits of an error say all that it knows.
        Some(error) if error >= 0.0995 => format!("{change} ±{:.0}", 100.0 * error),
        Some(error) if error >= 0.00995 => format!("{change} ±{:.1}", 100.0 * error),
        Some(error) if error > 0.0 => format!("{change} ±{:.2}", 100.0 * error),
        Some(_) => change,
        None => format!("{change} ±?"),
    }
}

impl ReportedExperiment {
    /// Metrics whose measurement is biased by a notable amount, each with the variations that it
    /// concerns.
    fn biased(&self) -> impl Iterator<Item = (&ReportedMetric, Vec<&ReportedVariation>)> {
        self.metrics.iter().filter_map(|metric| {
            let of: Vec<&ReportedVariation> = metric
                .variations
                .iter()
                .filter(|variation| variation.bias.is_some_and(|bias| bias.notable()))
                .collect();
            (!of.is_empty()).then_some((metric, of))
        })
    }

    /// Why the measurement of each biased metric misses the effect on users, a sentence each.
    #[must_use]
    pub fn biases(&self) -> Vec<String> {
        let one = |(metric, variations): (&ReportedMetric, Vec<&ReportedVariation>)| {
            let gaps: Vec<String> = variations
                .iter()
                .filter_map(|variation| {
                    let (limit, truth) = (
                        variation.measured_limit?.relative_difference?,
                        variation.truth?.relative_difference?,
                    );
                    let of = if self.treatments().count() > 1 {
                        format!("{}: ", self.name_of(&variation.key))
                    } else {
                        String::new()
                    };
                    Some(format!(
                        "{of}{} with unlimited users, true change {}",
                        figure::change(limit.get()),
                        figure::change(truth.get())
                    ))
                })
                .collect();
            let why = if metric.bias_causes.is_empty() {
                String::new()
            } else {
                format!(", because {}", metric.bias_causes.join("; "))
            };
            format!("The measurement of {} is biased ({}){why}.", metric.key, gaps.join("; "))
        };
        self.biased().map(one).collect()
    }
}
