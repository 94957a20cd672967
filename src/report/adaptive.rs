//! What a bandit made of the split, and what parts of the users say by themselves.
//!
//! Does not know: how shares are chosen; `analysis` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{Number, Ordered};
use crate::analysis::{Analysis, Reallocation};
use crate::experiment::{self, Experiment, Metric, Thompson};

/// A bandit: how its shares went, and what it came to next to a fixed split of the same users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bandit {
    /// Key of the metric that it follows.
    pub metric: String,
    /// Exposed users between reallocations.
    pub every: u32,
    /// The least share of a variation.
    pub floor: f64,
    /// The reallocations, in order.
    pub reallocations: Vec<Shares>,
    /// Each variation under the bandit and under a fixed split; empty for recorded events, which have
    /// one split only.
    pub arms: Vec<Arm>,
    /// Regret: how much the users lost, in the metric's unit, because not all of them got the truly
    /// best variation; `None` where the truth is not known.
    pub regret: Option<Number>,
    /// The same under the fixed split.
    pub fixed_regret: Option<Number>,
}

/// Shares from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shares {
    /// Exposed users by then.
    pub users: u32,
    /// The share of each variation.
    pub shares: Ordered<f64>,
    /// Of recorded events, when: Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}

impl Bandit {
    /// The shares that a bandit's rule would have set from recorded events, each with its Unix time
    /// in milliseconds.
    #[must_use]
    pub fn judged(
        experiment: &experiment::Experiment,
        primary: &Metric,
        settings: Thompson,
        reallocations: &[(u64, Reallocation)],
    ) -> Self {
        let shares = |(at_ms, one): &(u64, Reallocation)| Shares {
            at_ms: Some(*at_ms),
            ..Shares::of(experiment, one)
        };
        Self {
            metric: primary.key.clone(),
            every: settings.every,
            floor: settings.floor,
            reallocations: reallocations.iter().map(shares).collect(),
            arms: Vec::new(),
            regret: None,
            fixed_regret: None,
        }
    }
}

impl Shares {
    /// The shares of the variations of `experiment`.
    #[must_use]
    pub fn of(experiment: &experiment::Experiment, one: &Reallocation) -> Self {
        let keys = experiment.treatments.iter().map(|treatment| treatment.variation.clone());
        let shares = Ordered(keys.zip(one.shares.iter().copied()).collect());
        Self { users: one.users, shares, at_ms: None }
    }
}

/// A variation under a bandit and under a fixed split of the same users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// The variation's key.
    pub variation: String,
    /// Its users under the bandit.
    pub users: u64,
    /// The posterior mean of the metric.
    pub mean: Option<Number>,
    /// Its interval at the experiment's threshold.
    pub interval: Option<[Number; 2]>,
    /// Its users under the fixed split.
    pub fixed_users: u64,
    /// The posterior mean there.
    pub fixed_mean: Option<Number>,
    /// Its interval there.
    pub fixed_interval: Option<[Number; 2]>,
}

/// The users of one segment in an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Segment")]
pub struct SegmentResult {
    /// Key of the segment.
    pub segment: String,
    /// Exposed users by variation.
    pub users: Ordered<u64>,
    /// Each metric of each treatment against the control.
    pub changes: Vec<SegmentChange>,
}

impl SegmentResult {
    /// What the users of a segment show.
    #[must_use]
    pub fn of(segment: String, experiment: &Experiment, analysis: &Analysis) -> Self {
        let mut changes = Vec::new();
        for metric in &analysis.metrics {
            let arms = experiment.treatments.iter().zip(&metric.variations).enumerate();
            for (_, (treatment, variation)) in arms.filter(|(at, _)| *at != experiment.control) {
                let compared = variation.comparison;
                changes.push(SegmentChange {
                    metric: metric.metric.key.clone(),
                    variation: treatment.variation.clone(),
                    relative_difference: compared
                        .and_then(|compared| compared.relative_difference)
                        .and_then(Number::new),
                    relative_interval: compared
                        .and_then(|compared| compared.relative_interval)
                        .and_then(Number::ends),
                    probability_to_beat_control: compared
                        .and_then(|compared| Number::new(compared.probability_to_beat)),
                });
            }
        }
        let keys = experiment.treatments.iter().map(|own| own.variation.clone());
        let users = Ordered(keys.zip(analysis.exposures.iter().copied()).collect());
        Self { segment, users, changes }
    }
}

/// A metric of a treatment against the control, in one segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SegmentChange {
    /// Key of the metric.
    pub metric: String,
    /// The treatment.
    pub variation: String,
    /// Relative difference to the control.
    pub relative_difference: Option<Number>,
    /// Its interval at the experiment's threshold.
    pub relative_interval: Option<[Number; 2]>,
    /// Probability to beat the control.
    pub probability_to_beat_control: Option<Number>,
}
