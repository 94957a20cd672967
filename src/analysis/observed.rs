//! From a table of observations to sufficient statistics.
//!
//! Promises: sums in the order of units, so the same table gives the same bits; two passes, so a
//! variance does not cancel. What units without events count as follows the metric's definition; a
//! percentile always leaves them out.
//!
//! Does not know: posteriors.

use std::ops::Range;

use crate::analysis::CupedArm;
use crate::analysis::percentile;
use crate::analysis::{MetricInput, Summary, Tally};
use crate::experiment::{Experiment, Metric, MetricKind, Missing, Statistic};
use crate::metrics::Observations;

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
        let mut responders = vec![0; arms];
        let mut skewness = Vec::with_capacity(arms);
        let tallies = members.iter().zip(&mut responders).map(|(members, responders)| {
            values.clear();
            values.extend(
                members
                    .iter()
                    .filter_map(|&unit| observations.value(at, metric.aggregation, unit as usize)),
            );
            *responders = values.len() as u64;
            skewness.push(skew(metric, &values, members.len()));
            let judged = metric.judge.as_ref().and_then(|_| observations.judged(at, members));
            tally(metric, &mut values, members.len()).map(|tally| tally.judged_of(judged))
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

/// The four cells of two experiments on the same units, for metric number `at`: exposures and tally
/// of units in arm i of the first and arm j of the second, 0 being the control and 1 the treatment.
/// `nth` are the experiments' numbers, `arms` the indices of control and treatment in each.
#[must_use]
pub fn cells(
    observations: &Observations,
    nth: [usize; 2],
    arms: [[usize; 2]; 2],
    (at, metric): (usize, &Metric),
    units: Range<usize>,
) -> [[(u64, Option<Tally>); 2]; 2] {
    let mut members: [[(usize, Vec<f64>); 2]; 2] = Default::default();
    let ([first, second], [first_arms, second_arms]) = (nth, arms);
    for unit in units.start..units.end.min(observations.units()) {
        let arm = |experiment: usize, [control, treatment]: [usize; 2]| match observations
            .treatment(experiment, unit)?
        {
            own if own == control => Some(false),
            own if own == treatment => Some(true),
            _ => None,
        };
        let (Some(i), Some(j)) = (arm(first, first_arms), arm(second, second_arms)) else {
            continue;
        };
        let (exposed, values) = of_arm(of_arm(&mut members, i), j);
        *exposed += 1;
        values.extend(observations.value(at, metric.aggregation, unit));
    }
    members.map(|row| {
        row.map(|(exposed, mut values)| (exposed as u64, tally(metric, &mut values, exposed)))
    })
}

/// The control's part of a pair, or the treatment's.
fn of_arm<T>([control, treatment]: &mut [T; 2], treated: bool) -> &mut T {
    if treated { treatment } else { control }
}

/// For each treatment of experiment number `nth` the units' values of metric number `at` together
/// with what `before` has for the same units; `None` for a treatment of fewer than two. Units
/// without events count as the metric says, before and after.
#[must_use]
pub fn pre_period(
    observations: &Observations,
    before: &Observations,
    nth: usize,
    arms: usize,
    (at, metric): (usize, &Metric),
) -> Option<Vec<CupedArm>> {
    let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); arms];
    let value = |table: &Observations, unit: usize| {
        let found = table.value(at, metric.aggregation, unit);
        if metric.missing == Missing::Zero { Some(found.unwrap_or(0.0)) } else { found }
    };
    for unit in 0..observations.units().min(before.units()) {
        let Some(arm) =
            observations.treatment(nth, unit).and_then(|treatment| pairs.get_mut(treatment))
        else {
            continue;
        };
        arm.extend(value(before, unit).zip(value(observations, unit)));
    }
    pairs.iter().map(|pairs| CupedArm::of(pairs)).collect()
}

/// The skewness of the values behind a mean, third central moment over the cube of the standard
/// deviation; `None` for other metrics, for fewer than three units and for values without spread.
fn skew(metric: &Metric, values: &[f64], exposed: usize) -> Option<f64> {
    let units = if metric.missing == Missing::Zero { exposed } else { values.len() };
    if metric.kind() != MetricKind::Numeric || units < 3 {
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

/// The tally of the values of one arm of `exposed` units; `None` where nobody was exposed or
/// nothing has a value.
fn tally(metric: &Metric, values: &mut [f64], exposed: usize) -> Option<Tally> {
    if exposed == 0 {
        return None;
    }
    match (metric.kind(), metric.statistic) {
        (MetricKind::Conversion, _) => Some(Tally::rate(values.len() as u64)),
        (_, Statistic::Percentile(p)) => {
            let units = values.len() as u64;
            let sample = percentile(values, p)?;
            Some(Tally::Percentile {
                units,
                value: sample.value,
                standard_error: sample.standard_error,
            })
        }
        (_, Statistic::Mean) => {
            // Zeros add to the count and to the squared deviations, not to the sum.
            let units = if metric.missing == Missing::Zero { exposed } else { values.len() };
            if units == 0 {
                return None;
            }
            let (n, total) = (units as f64, values.iter().sum::<f64>());
            let mean = total / n;
            let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
            let zeros = (units - values.len()) as f64 * mean * mean;
            let standard_error = (units > 1).then(|| ((squares + zeros) / (n - 1.0) / n).sqrt());
            Some(Tally::Mean { units: units as u64, total, standard_error })
        }
    }
}
