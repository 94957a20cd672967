//! What units did before the experiment, beside what they did in it, as sums for CUPED.
//!
//! Does not know: rows, or what an adjusted value means.

use crate::analysis::{UnitNumbers, UnitSums};
use crate::experiment::{Aggregation, Metric, MetricKind};
use crate::metrics::Observations;

/// What is known of the units before the experiment.
pub(super) enum Before<'a> {
    /// One number of each unit.
    Column(&'a [f64]),
    /// The same events of the same units, from before their exposure.
    Period(&'a Observations),
}

/// The sums of each of `arms` arms under each metric, of the units that count under it; none for a
/// percentile.
pub(super) fn covariate_sums(
    observations: &Observations,
    metrics: &[Metric],
    arms: usize,
    before: &Before<'_>,
    counts: impl Fn(usize, usize) -> bool,
) -> Vec<Vec<UnitSums>> {
    let of = |(at, metric): (usize, &Metric)| {
        if metric.kind() == MetricKind::Percentile {
            return Vec::new();
        }
        let usual = usual(observations, before, at, metric);
        let mut units: Vec<Vec<UnitNumbers>> = vec![Vec::new(); arms];
        for unit in (0..observations.units()).filter(|&unit| counts(at, unit)) {
            let treatment = observations.treatment(0, unit);
            let Some(arm) = treatment.and_then(|treatment| units.get_mut(treatment)) else {
                continue;
            };
            let own = match observations.pair(at, unit) {
                Some((over, under)) => Some((over, under)),
                None => {
                    let value = observations.value(at, metric.aggregation, unit);
                    metric.declared().entering(value).map(|value| (value, 1.0))
                }
            };
            let pre = match before {
                Before::Column(values) => (values.get(unit).copied().unwrap_or(usual), 1.0),
                Before::Period(before) => before.pair(at, unit).unwrap_or_else(|| {
                    (before.value(at, metric.aggregation, unit).unwrap_or(usual), 1.0)
                }),
            };
            arm.extend(own.map(|(value, per)| [value, per, pre.0, pre.1]));
        }
        units.iter().map(|units| UnitSums::of(units)).collect()
    };
    metrics.iter().enumerate().map(of).collect()
}

/// What counts of a unit that did nothing before: nothing, but where averages are compared, which it
/// has none of, the mean of the others.
fn usual(observations: &Observations, before: &Before<'_>, at: usize, metric: &Metric) -> f64 {
    let Before::Period(before) = before else { return 0.0 };
    if metric.aggregation != Aggregation::Average {
        return 0.0;
    }
    let known = (0..observations.units())
        .filter(|&unit| observations.treatment(0, unit).is_some())
        .filter_map(|unit| before.value(at, metric.aggregation, unit));
    let (sum, count) = known.fold((0.0, 0_u64), |(sum, count), own| (sum + own, count + 1));
    if count == 0 { 0.0 } else { sum / count as f64 }
}
