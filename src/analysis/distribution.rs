//! How the users' values of a metric are spread: bins that all variations share, and percentiles.
//!
//! Guarantees: every finite value is in one bin; the number of bins does not depend on the number
//! of users.
//!
//! Does not know: how a histogram is drawn.

use std::ops::Range;

use crate::experiment::{Experiment, Metric, MetricKind};
use crate::figure;
use crate::metrics::Observations;

/// Number of bins.
const BINS: usize = 32;
/// The ratio of the largest to the smallest value from which on bins grow in proportion.
const WIDE: f64 = 20.0;

/// The values of one metric, for each treatment.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricDistribution {
    /// Key of the metric.
    pub metric: String,
    /// Edges of the bins, rising, one more than bins; in the metric's unit.
    pub edges: Vec<f64>,
    /// One entry for each treatment, in the experiment's order.
    pub arms: Vec<ArmDistribution>,
}

/// The values of one treatment.
#[derive(Clone, Debug, PartialEq)]
pub struct ArmDistribution {
    /// Users in each bin.
    pub counts: Vec<u64>,
    /// The sample's 50th, 90th, 95th and 99th percentile (nearest rank), in the metric's unit;
    /// `None` without values.
    pub percentiles: Option<[f64; 4]>,
}

/// How the values of the users in `units` are spread, for every metric of the experiment that is
/// not a rate. A metric without values is left out.
#[must_use]
pub fn distributions(
    observations: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
    units: Range<usize>,
) -> Vec<MetricDistribution> {
    let of_metric = |(at, metric): (usize, &Metric)| {
        // A ratio is not a number of each user.
        if metric.kind() == MetricKind::Conversion || metric.per.is_some() {
            return None;
        }
        let mut values: Vec<Vec<f64>> = vec![Vec::new(); experiment.treatments.len()];
        for unit in units.start..units.end.min(observations.units()) {
            let value =
                observations.value(at, metric.aggregation, unit).filter(|value| value.is_finite());
            if let (Some(arm), Some(value)) =
                (observations.treatment(nth, unit).and_then(|arm| values.get_mut(arm)), value)
            {
                arm.push(value);
            }
        }
        values.iter_mut().for_each(|own| own.sort_by(f64::total_cmp));
        let least = values.iter().filter_map(|own| own.first().copied()).reduce(f64::min)?;
        let most = values.iter().filter_map(|own| own.last().copied()).reduce(f64::max)?;
        let edges = edges(least, most)?;
        let arms = values.iter().map(|own| ArmDistribution {
            counts: counts(own, &edges),
            percentiles: percentiles(own),
        });
        Some(MetricDistribution { metric: metric.key.clone(), arms: arms.collect(), edges })
    };
    experiment.metrics_in(metrics).filter_map(of_metric).collect()
}

/// Whether values from `least` to `most` are so far apart that bins, and the axis of a chart, grow
/// in proportion.
#[must_use]
pub fn in_proportion(least: f64, most: f64) -> bool {
    least > 0.0 && most / least > WIDE
}

/// The edges of bins from `least` to `most`: in equal steps, or in equal proportions where values
/// are far apart. They are rounded as reports write them, so that the counts are those of the edges
/// that a reader sees. `None` where one is not finite.
fn edges(least: f64, most: f64) -> Option<Vec<f64>> {
    let most = if most > least { most } else { least + least.abs().max(1.0) * 0.01 };
    let wide = in_proportion(least, most);
    let edge = |at: usize| {
        let part = at as f64 / BINS as f64;
        match at {
            0 => least,
            BINS => most,
            _ if wide => libm::exp(libm::log(least) + part * (libm::log(most) - libm::log(least))),
            _ => least + part * (most - least),
        }
    };
    (0..=BINS).map(|at| figure::rounded(edge(at))).collect()
}

/// How many of the sorted values lie in each bin; the outermost bins take what rounding left
/// outside.
fn counts(sorted: &[f64], edges: &[f64]) -> Vec<u64> {
    let [_, inner @ .., _] = edges else { return Vec::new() };
    let mut rest = sorted;
    let below = inner.iter().map(|edge| {
        let (below, above) = rest.split_at(rest.partition_point(|value| value < edge));
        rest = above;
        below.len() as u64
    });
    let mut counts: Vec<u64> = below.collect();
    counts.push(rest.len() as u64);
    counts
}

fn percentiles(sorted: &[f64]) -> Option<[f64; 4]> {
    let rank = |p: usize| sorted.get((sorted.len() * p).div_ceil(100).max(1) - 1).copied();
    Some([rank(50)?, rank(90)?, rank(95)?, rank(99)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bin() {
        let values: Vec<f64> = (1..=1000).map(f64::from).collect();
        let edges = edges(1.0, 1000.0).unwrap();
        assert_eq!(edges.len(), BINS + 1);
        assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
        // In proportion: the middle edge is the geometric mean.
        assert!((edges[BINS / 2] - 1000.0_f64.sqrt()).abs() < 1e-6);
        let counted = counts(&values, &edges);
        assert_eq!(counted.iter().sum::<u64>(), 1000);
        let by_hand = values.iter().filter(|&&v| v >= edges[20] && v < edges[21]).count();
        assert_eq!(counted[20], by_hand as u64);
        assert_eq!(percentiles(&values).unwrap(), [500.0, 900.0, 950.0, 990.0]);
    }

    #[test]
    fn one_value_and_none_have_no_bad_bins() {
        let edges = edges(0.0, 0.0).unwrap();
        assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(counts(&[0.0], &edges)[0], 1);
        assert_eq!(counts(&[], &edges).iter().sum::<u64>(), 0);
        assert!(percentiles(&[]).is_none());
        assert_eq!(percentiles(&[7.0]).unwrap()[3], 7.0);
    }
}
