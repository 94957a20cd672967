//! From a table of observations to sufficient statistics.
//!
//! Guarantees: sums in the order of units, so the same table gives the same bits.
//!
//! Does not know: which sums a statistic needs (`statistic`), or posteriors.

use crate::analysis::{MetricInput, Summary};
use crate::experiment::{Experiment, Metric, MetricKind, Missing};
use crate::metrics::Observations;
use crate::statistic::ratio_of_pairs;

/// The summary of experiment number `nth` over the units in `units`: those that came first, or
/// those of a segment, for a look at part of the data.
#[must_use]
pub fn summarize(
    observations: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
    units: impl IntoIterator<Item = usize>,
) -> Summary {
    let arms = experiment.treatments.len();
    let mut members: Vec<Vec<u32>> = vec![Vec::new(); arms];
    for unit in units.into_iter().filter(|&unit| unit < observations.units()) {
        if let Some(treatment) = observations.treatment(nth, unit)
            && let Some(arm) = members.get_mut(treatment)
        {
            arm.push(unit as u32);
        }
    }
    let mut values = Vec::new();
    let inputs = experiment.metrics_in(metrics).map(|(at, metric)| {
        let declared = metric.declared();
        let mut responders = vec![0; arms];
        let mut skewness = Vec::with_capacity(arms);
        let tallies = members.iter().zip(&mut responders).map(|(members, responders)| {
            if metric.per.is_some() {
                let pairs: Vec<(f64, f64)> = members
                    .iter()
                    .filter_map(|&unit| observations.pair(at, unit as usize))
                    .collect();
                *responders = pairs.iter().filter(|(_, under)| *under != 0.0).count() as u64;
                skewness.push(None);
                return ratio_of_pairs(&pairs);
            }
            values.clear();
            values.extend(
                members
                    .iter()
                    .filter_map(|&unit| observations.value(at, metric.aggregation, unit as usize)),
            );
            *responders = values.len() as u64;
            skewness.push(skew(metric, &values, members.len()));
            let judged = metric.judge.as_ref().and_then(|_| observations.judged(at, members));
            declared.tally(&mut values, members.len()).map(|tally| tally.judged_of(judged))
        });
        let tallies = tallies.collect();
        MetricInput { metric: metric.clone(), tallies, responders: Some(responders), skewness }
    });
    let metrics = inputs.collect();
    let whole: f64 = experiment.treatments.iter().map(|treatment| treatment.share.fraction()).sum();
    let shares = (whole > 0.0).then(|| {
        experiment.treatments.iter().map(|treatment| treatment.share.fraction() / whole).collect()
    });
    Summary {
        exposures: members.iter().map(|members| members.len() as u64).collect(),
        shares,
        metrics,
    }
}

/// The skewness of the values behind a mean, third central moment over the cube of the standard
/// deviation; `None` for other metrics, for fewer than three units and for values without spread.
fn skew(metric: &Metric, values: &[f64], exposed: usize) -> Option<f64> {
    let units = if metric.missing == Missing::Zero { exposed } else { values.len() };
    let mean = metric.kind() == MetricKind::Numeric && metric.declared().definition().linear;
    if !mean || units < 3 {
        return None;
    }
    let n = units as f64;
    let mean = values.iter().sum::<f64>() / n;
    let zeros = (units - values.len()) as f64;
    let (mut squares, mut cubes) = (zeros * mean * mean, -zeros * mean * mean * mean);
    for value in values {
        let distance = value - mean;
        squares += distance * distance;
        cubes += distance * distance * distance;
    }
    let deviation = (squares / n).sqrt();
    let skewness = cubes / n / (deviation * deviation * deviation);
    (deviation > 0.0 && skewness.is_finite()).then_some(skewness)
}
