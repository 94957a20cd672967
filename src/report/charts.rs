//! What charts show beyond the tables: the shapes of posteriors, results as users arrive, and how
//! values are spread.
//!
//! Promises: bounded size, whatever the number of users; the last point of a series is the result
//! of the report.
//!
//! Does not know: how a chart is drawn.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::number::Number;
use crate::analysis::{Posterior, analyze, summarize};
use crate::experiment::{Experiment, Metric, MetricKind, Treatment};
use crate::metrics::Observations;

/// Points of a series over time, at most.
const POINTS: usize = 30;
/// Bins of a distribution.
const BINS: usize = 32;
/// The spread of values from which on bins grow in proportion.
const WIDE: f64 = 20.0;

/// A posterior as its family and parameters, enough to draw it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Beta(a, b).
    Beta(Number, Number),
    /// Normal(mean, standard deviation), in the metric's unit.
    Normal(Number, Number),
    /// Student's t: center and scale, in the metric's unit, and degrees of freedom.
    Student(Number, Number, Number),
}

impl Shape {
    /// The shape of `posterior`; `None` where a parameter is not finite.
    #[must_use]
    pub fn of(posterior: &Posterior) -> Option<Self> {
        Some(match *posterior {
            Posterior::Beta { a, b } => Self::Beta(Number::new(a)?, Number::new(b)?),
            Posterior::Normal { mean, sd } => Self::Normal(Number::new(mean)?, Number::new(sd)?),
            Posterior::Student { mean, sd, degrees } => {
                Self::Student(Number::new(mean)?, Number::new(sd)?, Number::new(degrees)?)
            }
        })
    }

    /// The posterior of this shape; `None` for parameters that no posterior has.
    #[must_use]
    pub fn posterior(self) -> Option<Posterior> {
        match self {
            Self::Beta(a, b) if a.get() > 0.0 && b.get() > 0.0 => {
                Some(Posterior::Beta { a: a.get(), b: b.get() })
            }
            Self::Normal(mean, sd) if sd.get() >= 0.0 => {
                Some(Posterior::Normal { mean: mean.get(), sd: sd.get() })
            }
            Self::Student(mean, sd, degrees) if sd.get() >= 0.0 && degrees.get() > 0.0 => {
                Some(Posterior::Student { mean: mean.get(), sd: sd.get(), degrees: degrees.get() })
            }
            _ => None,
        }
    }
}

/// The range over which a posterior is drawn: four standard deviations to either side.
pub(super) fn drawn(posterior: &Posterior) -> (f64, f64) {
    let (mean, reach) = (posterior.mean(), 4.0 * posterior.sd());
    match posterior {
        Posterior::Beta { .. } => ((mean - reach).max(0.0), (mean + reach).min(1.0)),
        Posterior::Normal { .. } | Posterior::Student { .. } => (mean - reach, mean + reach),
    }
}

/// The results that an analysis would have found on the way, had it looked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OverTime {
    /// How many users had arrived at each point, rising.
    pub users: Vec<u64>,
    /// The metrics, in the experiment's order.
    pub metrics: Vec<MetricOverTime>,
}

/// One metric at every point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricOverTime {
    /// The metric's key.
    pub key: String,
    /// One entry for each variation, in the experiment's order.
    pub variations: Vec<VariationOverTime>,
}

/// One variation under one metric at every point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct VariationOverTime {
    /// The variation's key.
    pub key: String,
    /// Raw rate, mean or percentile.
    pub data_mean: Vec<Option<Number>>,
    /// Probability to beat the control; empty for the control.
    pub probability_to_beat_control: Vec<Option<Number>>,
}

/// How the users' values of one metric are spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Distribution {
    /// The metric's key.
    pub metric: String,
    /// Edges of the bins, rising, one more than bins; in the metric's unit.
    pub edges: Vec<Number>,
    /// One entry for each variation, in the experiment's order.
    pub variations: Vec<Spread>,
}

/// The values of one variation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// The variation's key.
    pub key: String,
    /// Users in each bin.
    pub counts: Vec<u64>,
    /// The sample's 50th, 90th, 95th and 99th percentile (nearest rank); `None` without values.
    pub percentiles: Option<[Number; 4]>,
}

/// What experiment number `nth` would have shown at evenly spaced numbers of arrived users, the
/// last with all of `units`.
///
/// Observation numbers follow arrival, so each point is the analysis of a prefix. `None` where
/// nobody came.
#[must_use]
pub fn over_time(
    observations: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
    units: usize,
) -> Option<OverTime> {
    let points = POINTS.min(units);
    if points == 0 {
        return None;
    }
    let of_treatment = |treatment: &Treatment| VariationOverTime {
        key: treatment.variation.clone(),
        data_mean: Vec::new(),
        probability_to_beat_control: Vec::new(),
    };
    let mut series: Vec<MetricOverTime> = experiment
        .metrics_in(metrics)
        .map(|(_, metric)| MetricOverTime {
            key: metric.key.clone(),
            variations: experiment.treatments.iter().map(of_treatment).collect(),
        })
        .collect();
    let mut users = Vec::with_capacity(points);
    for point in 1..=points {
        let arrived = units * point / points;
        users.push(arrived as u64);
        let analysis =
            analyze(experiment, &summarize(observations, nth, experiment, metrics, 0..arrived));
        for (metric, found) in series.iter_mut().zip(&analysis.metrics) {
            for (at, (variation, found)) in
                metric.variations.iter_mut().zip(&found.variations).enumerate()
            {
                variation.data_mean.push(found.data_mean.and_then(Number::new));
                if at != experiment.control {
                    let beats = found
                        .comparison
                        .as_ref()
                        .and_then(|comparison| Number::new(comparison.probability_to_beat));
                    variation.probability_to_beat_control.push(beats);
                }
            }
        }
    }
    Some(OverTime { users, metrics: series })
}

/// How the values of the users in `units` are spread, for every metric of the experiment that is
/// not a rate.
#[must_use]
pub fn distributions(
    observations: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
    units: Range<usize>,
) -> Vec<Distribution> {
    let of_metric = |(at, metric): (usize, &Metric)| {
        if metric.kind() == MetricKind::Conversion {
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
        let variations = values.iter().zip(&experiment.treatments).map(|(own, treatment)| Spread {
            key: treatment.variation.clone(),
            counts: counts(own, &edges),
            percentiles: percentiles(own),
        });
        Some(Distribution { metric: metric.key.clone(), variations: variations.collect(), edges })
    };
    experiment.metrics_in(metrics).filter_map(of_metric).collect()
}

/// Whether values from `least` to `most` are so far apart that bins grow in proportion.
pub(super) fn in_proportion(least: f64, most: f64) -> bool {
    least > 0.0 && most / least > WIDE
}

/// The edges of bins from `least` to `most`: in equal steps, or in equal proportions where values
/// are far apart.
fn edges(least: f64, most: f64) -> Option<Vec<Number>> {
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
    (0..=BINS).map(|at| Number::new(edge(at))).collect()
}

/// How many of the sorted values lie in each bin; the outermost bins take what rounding left
/// outside.
fn counts(sorted: &[f64], edges: &[Number]) -> Vec<u64> {
    let [_, inner @ .., _] = edges else { return Vec::new() };
    let mut rest = sorted;
    let below = inner.iter().map(|edge| {
        let (below, above) = rest.split_at(rest.partition_point(|value| *value < edge.get()));
        rest = above;
        below.len() as u64
    });
    let mut counts: Vec<u64> = below.collect();
    counts.push(rest.len() as u64);
    counts
}

fn percentiles(sorted: &[f64]) -> Option<[Number; 4]> {
    let rank = |p: usize| {
        sorted.get((sorted.len() * p).div_ceil(100).max(1) - 1).copied().and_then(Number::new)
    };
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
        assert!((edges[BINS / 2].get() - 1000.0_f64.sqrt()).abs() < 1e-6);
        let counted = counts(&values, &edges);
        assert_eq!(counted.iter().sum::<u64>(), 1000);
        let by_hand =
            values.iter().filter(|&&v| v >= edges[20].get() && v < edges[21].get()).count();
        assert_eq!(counted[20], by_hand as u64);
        assert_eq!(percentiles(&values).unwrap().map(Number::get), [500.0, 900.0, 950.0, 990.0]);
    }

    #[test]
    fn one_value_and_none_have_no_bad_bins() {
        let edges = edges(0.0, 0.0).unwrap();
        assert!(edges.windows(2).all(|pair| pair[0] < pair[1]));
        assert_eq!(counts(&[0.0], &edges)[0], 1);
        assert_eq!(counts(&[], &edges).iter().sum::<u64>(), 0);
        assert!(percentiles(&[]).is_none());
        assert_eq!(percentiles(&[7.0]).unwrap()[3].get(), 7.0);
    }

    #[test]
    fn a_shape_is_the_posterior_again() {
        for posterior in
            [Posterior::Beta { a: 3.0, b: 9.5 }, Posterior::Normal { mean: -2.0, sd: 0.0 }]
        {
            assert_eq!(Shape::of(&posterior).unwrap().posterior(), Some(posterior));
        }
        let number = |x| Number::new(x).unwrap();
        assert!(Shape::Beta(number(0.0), number(1.0)).posterior().is_none());
        assert!(Shape::Normal(number(0.0), number(-1.0)).posterior().is_none());
    }
}
