//! The sums of one arm that a value, its error and its adjustment follow from: of each unit its
//! value, what the value is divided by, what it was before, and what that is divided by.
//!
//! Guarantees: products are of distances from the arm's means, so nothing cancels.
//!
//! Does not know: where the numbers come from: a table of units, or one query in a warehouse.

use super::cuped::{AdjustedMetric, CupedArm, CupedEstimate, cuped};
use super::result::{MetricInput, Summary, Tally};
use super::{analyze, result::MetricAnalysis};
use crate::experiment::{Aggregation, Experiment, Metric, MetricKind, PriorKind};
use crate::statistic::ratio_of_sums;

/// What a unit enters with: its value, its divisor, its covariate and the covariate's divisor; a
/// divisor is 1 where there is none.
pub type UnitNumbers = [f64; 4];

/// Pairs of the four numbers in the order of [`UnitSums::products`].
const PAIRS: [(usize, usize); 10] =
    [(0, 0), (0, 1), (0, 2), (0, 3), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3), (3, 3)];

/// The sums of one arm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct UnitSums {
    /// Units that count.
    pub units: u64,
    /// Sums of the four numbers.
    pub totals: UnitNumbers,
    /// Sums of the products of two numbers' distances from their means, of value and value first,
    /// then in the order value, divisor, covariate, its divisor.
    pub products: [f64; 10],
    /// Sum of the cubed distances of the value.
    pub cubes: f64,
}

impl UnitSums {
    /// The sums of units; two passes.
    #[must_use]
    pub fn of(units: &[UnitNumbers]) -> Self {
        let mut found = Self { units: units.len() as u64, ..Self::default() };
        for unit in units {
            for (total, own) in found.totals.iter_mut().zip(unit) {
                *total += own;
            }
        }
        let means = found.means();
        for unit in units {
            let mut apart = *unit;
            for (own, mean) in apart.iter_mut().zip(means) {
                *own -= mean;
            }
            for (sum, (one, other)) in found.products.iter_mut().zip(PAIRS) {
                *sum += at(&apart, one) * at(&apart, other);
            }
            let value = at(&apart, 0);
            found.cubes += value * value * value;
        }
        found
    }

    fn means(&self) -> UnitNumbers {
        self.totals.map(|total| if self.units > 0 { total / self.units as f64 } else { 0.0 })
    }

    fn product(&self, one: usize, other: usize) -> f64 {
        let wanted = (one.min(other), one.max(other));
        let found = PAIRS.iter().zip(self.products).find(|(pair, _)| **pair == wanted);
        found.map_or(0.0, |(_, sum)| sum)
    }

    /// As the tally of a metric that is no percentile; `None` where nothing counts.
    #[must_use]
    pub fn tally(&self, metric: &Metric) -> Option<Tally> {
        let n = self.units as f64;
        let [total, per, ..] = self.totals;
        if metric.per.is_some() {
            let products = [self.product(0, 0), self.product(0, 1), self.product(1, 1)];
            return ratio_of_sums(self.units, [total, per], products);
        }
        if self.units == 0 {
            return None;
        }
        if metric.kind() == MetricKind::Conversion {
            let conversions = total.round() as u64;
            return Some(Tally::Conversion { units: Some(self.units), judged: None, conversions });
        }
        let squares = self.product(0, 0);
        let standard_error = (self.units > 1).then(|| (squares / (n - 1.0) / n).sqrt());
        Some(Tally::Mean { units: self.units, total, standard_error })
    }

    /// The skewness of the values of a mean; `None` for other metrics and for values without spread.
    #[must_use]
    pub fn skewness(&self, metric: &Metric) -> Option<f64> {
        let mean = metric.kind() == MetricKind::Numeric && metric.per.is_none();
        if !mean || self.units < 3 {
            return None;
        }
        let n = self.units as f64;
        let deviation = (self.product(0, 0) / n).sqrt();
        let skewness = self.cubes / n / (deviation * deviation * deviation);
        (deviation > 0.0 && skewness.is_finite()).then_some(skewness)
    }

    /// What CUPED needs. A ratio enters with its influences, `(N - R D) / mean D`, before and in the
    /// experiment (A. Deng, Y. Xu, R. Kohavi & T. Walker 2013, WSDM, appendix B). With divisors of 1
    /// these are the values' distances from their mean. `None` for fewer than two units, or where a
    /// divisor sums to 0.
    #[must_use]
    pub fn adjustable(&self) -> Option<CupedArm> {
        let [total, per, before, before_per] = self.totals;
        if self.units < 2 || per == 0.0 || before_per == 0.0 {
            return None;
        }
        let n = self.units as f64;
        let (ratio, pre_ratio) = (total / per, before / before_per);
        let (over, pre_over) = (per / n, before_per / n);
        let of = |(one, over_one): ([f64; 4], f64), (other, over_other): ([f64; 4], f64)| {
            let mut sum = 0.0;
            for (i, a) in one.iter().enumerate() {
                for (j, b) in other.iter().enumerate() {
                    sum += a * b * self.product(i, j);
                }
            }
            sum / (n - 1.0) / over_one / over_other
        };
        let own = ([1.0, -ratio, 0.0, 0.0], over);
        let pre = ([0.0, 0.0, 1.0, -pre_ratio], pre_over);
        Some(CupedArm {
            units: self.units,
            mean: ratio,
            variance: of(own, own).max(0.0),
            pre_weight: before_per,
            pre_mean: pre_ratio,
            pre_variance: of(pre, pre).max(0.0),
            covariance: of(own, pre),
        })
    }
}

fn at(numbers: &UnitNumbers, place: usize) -> f64 {
    numbers.get(place).copied().unwrap_or_default()
}

/// The metrics of an experiment with what their covariates explain taken out; `sums` has the arms
/// of each metric in the experiment's order, and nothing for a metric that has no covariate. Rates
/// are analyzed as means of zeros and ones then. Left out are percentiles, and metrics that have an
/// arm of fewer than two units.
#[must_use]
pub fn adjusted_by_sums(
    experiment: &Experiment,
    metrics: &[Metric],
    sums: &[Vec<UnitSums>],
) -> Vec<AdjustedMetric> {
    let each = experiment.metrics_in(metrics).zip(sums);
    let adjust = |((_, metric), arms): ((usize, &Metric), &Vec<UnitSums>)| {
        if metric.kind() == MetricKind::Percentile || arms.is_empty() {
            return None;
        }
        let arms: Vec<CupedArm> = arms.iter().map(UnitSums::adjustable).collect::<Option<_>>()?;
        let arms: Vec<CupedEstimate> = cuped(&arms).into_iter().collect::<Option<_>>()?;
        let metric = as_adjusted(metric);
        let input = MetricInput {
            tallies: arms.iter().map(|estimate| Some(estimate.tally(&metric))).collect(),
            metric,
            responders: None,
            skewness: Vec::new(),
        };
        let exposures = arms.iter().map(|estimate| estimate.units).collect();
        let summary = Summary { exposures, shares: None, metrics: vec![input] };
        let analysis: MetricAnalysis = analyze(experiment, &summary).metrics.into_iter().next()?;
        Some(AdjustedMetric { arms, analysis })
    };
    each.filter_map(adjust).collect()
}

/// The metric whose mean an adjusted value is: an adjusted rate is no count of units any more.
fn as_adjusted(metric: &Metric) -> Metric {
    let mut own = metric.clone();
    if own.kind() == MetricKind::Conversion {
        own.aggregation = Aggregation::Sum;
        own.prior = own.prior.or(Some(PriorKind::Rate));
    }
    own
}
