//! What charts show beyond the tables: the shapes of posteriors, results as users arrive, and how
//! values are spread.
//!
//! Guarantees: bounded size, whatever the number of users; the last point of a series is the result
//! of the report.
//!
//! Does not know: how a chart is drawn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use crate::analysis::{
    MetricAnalysis, MetricDistribution, Posterior, PrefixAnalysis, VariationAnalysis,
};
use crate::experiment::Experiment;

/// A posterior as its family and parameters, enough to draw it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OverTime {
    /// How many users had arrived at each point, rising.
    pub users: Vec<u64>,
    /// The day of each point, such as `2026-11-01`; empty where the points are numbers of users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<String>,
    /// The metrics, in the experiment's order.
    pub metrics: Vec<MetricOverTime>,
}

/// One metric at every point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MetricOverTime {
    /// The metric's key.
    pub key: String,
    /// One entry for each variation, in the experiment's order.
    pub variations: Vec<VariationOverTime>,
}

/// One variation under one metric at every point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VariationOverTime {
    /// The variation's key.
    pub key: String,
    /// Raw rate, mean or percentile.
    pub data_mean: Vec<Option<Number>>,
    /// Probability to beat the control; empty for the control.
    pub probability_to_beat_control: Vec<Option<Number>>,
}

/// How the users' values of one metric are spread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Distribution {
    /// The metric's key.
    pub metric: String,
    /// Edges of the bins, rising, one more than bins; in the metric's unit.
    pub edges: Vec<Number>,
    /// One entry for each variation, in the experiment's order.
    pub variations: Vec<Spread>,
}

/// The values of one variation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// The variation's key.
    pub key: String,
    /// Users in each bin.
    pub counts: Vec<u64>,
    /// The sample's 50th, 90th, 95th and 99th percentile (nearest rank); `None` without values.
    pub percentiles: Option<[Number; 4]>,
}

impl OverTime {
    /// The results of these looks; `None` without any.
    #[must_use]
    pub fn of(experiment: &Experiment, looks: &[PrefixAnalysis]) -> Option<Self> {
        let of_metric = |(at, metric): (usize, &MetricAnalysis)| {
            let found = |arm: usize| {
                looks.iter().map(move |look| look.analysis.metrics.get(at)?.variations.get(arm))
            };
            let variations = experiment.treatments.iter().enumerate().map(|(arm, treatment)| {
                let beats = |found: &VariationAnalysis| {
                    found
                        .comparison
                        .as_ref()
                        .and_then(|compared| Number::new(compared.probability_to_beat))
                };
                VariationOverTime {
                    key: treatment.variation.clone(),
                    data_mean: found(arm)
                        .map(|found| found?.data_mean.and_then(Number::new))
                        .collect(),
                    probability_to_beat_control: if arm == experiment.control {
                        Vec::new()
                    } else {
                        found(arm).map(|found| found.and_then(beats)).collect()
                    },
                }
            });
            MetricOverTime { key: metric.metric.key.clone(), variations: variations.collect() }
        };
        let metrics = looks.first()?.analysis.metrics.iter().enumerate().map(of_metric).collect();
        let users = looks.iter().map(|look| look.units).collect();
        Some(Self { users, days: Vec::new(), metrics })
    }
}

impl Distribution {
    /// How the values of one metric of `experiment` are spread; `None` where a number is not
    /// finite.
    #[must_use]
    pub fn of(experiment: &Experiment, found: &MetricDistribution) -> Option<Self> {
        let numbers = |found: &[f64; 4]| {
            let [half, ninety, ninety_five, ninety_nine] = found.map(Number::new);
            Some([half?, ninety?, ninety_five?, ninety_nine?])
        };
        let variations =
            found.arms.iter().zip(&experiment.treatments).map(|(own, treatment)| Spread {
                key: treatment.variation.clone(),
                counts: own.counts.clone(),
                percentiles: own.percentiles.as_ref().and_then(numbers),
            });
        let edges: Option<Vec<Number>> = found.edges.iter().copied().map(Number::new).collect();
        Some(Self { metric: found.metric.clone(), edges: edges?, variations: variations.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
