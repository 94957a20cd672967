//! Second readings of observations: adjusted for a pre-period, and of two experiments together.
//!
//! Does not know: what is decided; the decision rule reads the plain analysis.

use super::data::{Adjusted, Interaction};
use super::number::Number;
use crate::analysis::{self, MetricInput, Summary, analyze, cells, cuped, interaction, pre_period};
use crate::experiment::{Experiment, Metric, MetricKind};
use crate::metrics::Observations;

/// The means of an experiment with what the users' pre-period explains taken out; `before` has the
/// same users. Rates and means only: percentiles cannot be adjusted.
#[must_use]
pub fn adjusted(
    observations: &Observations,
    before: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
) -> Vec<Adjusted> {
    let mut rows = Vec::new();
    for (at, metric) in experiment.metrics_in(metrics) {
        if metric.kind() != MetricKind::Numeric {
            continue;
        }
        let arms = pre_period(observations, before, nth, experiment.treatments.len(), (at, metric));
        let Some(estimates) =
            arms.and_then(|arms| cuped(&arms).into_iter().collect::<Option<Vec<_>>>())
        else {
            continue;
        };
        let input = MetricInput {
            metric: metric.clone(),
            tallies: estimates.iter().map(|estimate| Some(estimate.tally())).collect(),
            responders: None,
            skewness: Vec::new(),
        };
        let exposures = estimates.iter().map(|estimate| estimate.units).collect();
        let found = analyze(experiment, &Summary { exposures, shares: None, metrics: vec![input] });
        let Some(found) = found.metrics.into_iter().next() else { continue };
        for ((treatment, estimate), variation) in
            experiment.treatments.iter().zip(&estimates).zip(&found.variations)
        {
            let compared = variation.comparison;
            rows.push(Adjusted {
                metric: metric.key.clone(),
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
            });
        }
    }
    rows
}

/// Whether experiments on the same users influence each other: each pair of two, on each mean or
/// rate that both measure.
#[must_use]
pub fn interactions(
    observations: &Observations,
    experiments: &[&Experiment],
    metrics: &[Metric],
) -> Vec<Interaction> {
    let pairs =
        (0..experiments.len()).flat_map(|i| (i + 1..experiments.len()).map(move |j| [i, j]));
    pairs.flat_map(|pair| interactions_between(observations, pair, experiments, metrics)).collect()
}

/// The interactions of two experiments, by their numbers, on each metric that both have.
#[must_use]
pub fn interactions_between(
    observations: &Observations,
    pair: [usize; 2],
    experiments: &[&Experiment],
    metrics: &[Metric],
) -> Vec<Interaction> {
    #[expect(clippy::indexing_slicing, reason = "the numbers are those of two of `experiments`")]
    let [first, second] = pair.map(|nth| experiments[nth]);
    if first.config == second.config {
        return Vec::new();
    }
    let arms = [first, second].map(|own| [own.control, usize::from(own.control == 0)]);
    let shared = first.metrics_in(metrics).filter(|(at, _)| second.metrics.contains(at));
    let counted = shared.filter(|(_, metric)| metric.kind() != MetricKind::Percentile);
    let found = counted.map(|(at, metric)| {
        let cells = cells(observations, pair, arms, (at, metric), 0..observations.units());
        one(first, second, metric, &cells)
    });
    found.collect()
}

fn one(
    first: &Experiment,
    second: &Experiment,
    metric: &Metric,
    cells: &[[(u64, Option<analysis::Tally>); 2]; 2],
) -> Interaction {
    let result = interaction(cells, first.threshold.get());
    let known = result.as_ref().ok();
    Interaction {
        first: first.key.clone(),
        second: second.key.clone(),
        metric: metric.key.clone(),
        kind: metric.kind(),
        unit: metric.unit.clone(),
        users: cells.iter().flatten().map(|(exposed, _)| exposed).sum(),
        first_effect: known.and_then(|found| Number::new(found.first_effect)),
        second_effect: known.and_then(|found| Number::new(found.second_effect)),
        interaction: known.and_then(|found| Number::new(found.interaction)),
        interval: known.and_then(|found| Number::ends(found.interval)),
        p_value: known.and_then(|found| Number::new(found.p_value)),
        reason: result.err(),
    }
}
