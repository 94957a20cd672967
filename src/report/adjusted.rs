//! Rows of figures adjusted for a pre-period, and of the interaction of two experiments.
//!
//! Does not know: how they are computed (`analysis`), or what is decided.

use super::data::{Adjusted, Interaction};
use super::number::Number;
use crate::analysis::{AdjustedMetric, MetricInteraction};
use crate::experiment::{self, Metric};

impl Adjusted {
    /// One row for each metric and treatment of `experiment`.
    #[must_use]
    pub fn rows(experiment: &experiment::Experiment, found: &[AdjustedMetric]) -> Vec<Self> {
        let mut rows = Vec::new();
        for AdjustedMetric { arms, analysis } in found {
            let arms = experiment.treatments.iter().zip(arms).zip(&analysis.variations);
            rows.extend(arms.map(|((treatment, estimate), variation)| {
                let compared = variation.comparison;
                Self {
                    metric: analysis.metric.key.clone(),
                    variation: treatment.variation.clone(),
                    data_mean: Number::new(estimate.mean),
                    explained: Number::new(estimate.explained),
                    relative_difference: compared
                        .and_then(|compared| compared.relative_difference)
                        .and_then(Number::new),
                    relative_interval: compared
                        .and_then(|compared| compared.relative_interval)
                        .and_then(Number::ends),
                    probability_to_beat_control: compared
                        .and_then(|compared| Number::new(compared.probability_to_beat)),
                }
            }));
        }
        rows
    }
}

impl Interaction {
    /// One row for each pair of experiments and metric; `experiments` and `metrics` are those that
    /// the numbers mean.
    #[must_use]
    pub fn rows(
        experiments: &[&experiment::Experiment],
        metrics: &[Metric],
        found: Vec<MetricInteraction>,
    ) -> Vec<Self> {
        let row = |found: MetricInteraction| {
            let [first, second] = found.pair.map(|nth| {
                experiments.get(nth).map(|experiment| experiment.key.clone()).unwrap_or_default()
            });
            let metric = metrics.get(found.metric)?;
            let known = found.result.as_ref().ok();
            Some(Self {
                first,
                second,
                metric: metric.key.clone(),
                kind: metric.kind(),
                unit: metric.unit.clone(),
                users: found.users,
                first_effect: known.and_then(|found| Number::new(found.first_effect)),
                second_effect: known.and_then(|found| Number::new(found.second_effect)),
                interaction: known.and_then(|found| Number::new(found.interaction)),
                interval: known.and_then(|found| Number::ends(found.interval)),
                p_value: known.and_then(|found| Number::new(found.p_value)),
                reason: found.result.err(),
            })
        };
        found.into_iter().filter_map(row).collect()
    }
}
