//! CUPED: what a user did before the experiment explains part of what they do in it, and is taken
//! out.
//!
//! ANCOVA fitted separately in each variation ("ANCOVA 3" of LaunchDarkly's docs, "Covariate
//! adjustment and CUPED"; W. Lin 2013, *Annals of Applied Statistics* 7, 295-318; Deng, Xu, Kohavi
//! & Walker 2013, WSDM, who named it CUPED).
//!
//! Guarantees: from sufficient statistics; a variation that cannot be adjusted stays as it is.
//!
//! Does not know: where the observations come from. Percentiles cannot be adjusted this way.

use super::analyze;
use super::result::{MetricAnalysis, MetricInput, Summary, Tally};
use crate::experiment::{Experiment, Metric, MetricKind};
use crate::metrics::Observations;

/// Sufficient statistics of one variation: its values in the experiment and the same users' values
/// before it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CupedArm {
    /// Users with both values.
    pub units: u64,
    /// Mean in the experiment.
    pub mean: f64,
    /// Sample variance in the experiment.
    pub variance: f64,
    /// How much it counts in the common mean before the experiment: its users, or of a ratio the sum
    /// of what it is divided by.
    pub pre_weight: f64,
    /// Mean before it.
    pub pre_mean: f64,
    /// Sample variance before it.
    pub pre_variance: f64,
    /// Sample covariance of the two.
    pub covariance: f64,
}

impl CupedArm {
    /// The statistics of (before, in the experiment) pairs; `None` for fewer than two. Two passes,
    /// so nothing cancels.
    #[must_use]
    pub fn of(pairs: &[(f64, f64)]) -> Option<Self> {
        if pairs.len() < 2 {
            return None;
        }
        let n = pairs.len() as f64;
        let (pre_mean, mean) = (
            pairs.iter().map(|p| p.0).sum::<f64>() / n,
            pairs.iter().map(|p| p.1).sum::<f64>() / n,
        );
        let moment = |f: fn(f64, f64) -> f64| {
            pairs.iter().map(|p| f(p.0 - pre_mean, p.1 - mean)).sum::<f64>() / (n - 1.0)
        };
        Some(Self {
            units: pairs.len() as u64,
            pre_weight: n,
            mean,
            variance: moment(|_, y| y * y),
            pre_mean,
            pre_variance: moment(|x, _| x * x),
            covariance: moment(|x, y| x * y),
        })
    }
}

/// One variation after the adjustment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CupedEstimate {
    /// Users.
    pub units: u64,
    /// Adjusted mean.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Share of the variance that the pre-period explains: the squared correlation, from 0 to 1.
    pub explained: f64,
}

impl CupedEstimate {
    /// As a tally of this metric for the analysis.
    #[must_use]
    pub fn tally(&self, metric: &Metric) -> Tally {
        let Self { units, mean, standard_error, .. } = *self;
        let standard_error = Some(standard_error);
        match metric.per {
            None => Tally::Mean { units, total: mean * units as f64, standard_error },
            Some(_) => Tally::Value { units, value: mean, standard_error },
        }
    }
}

/// Adjusts every variation to the pre-period mean of all users: `mean - b (pre_mean - pre_mean of
/// all)`, b being the variation's own regression slope; its error variance shrinks by 1 - r^2.
/// `None` for a variation of fewer than two users. The common pre-period mean counts as known, as
/// in LaunchDarkly's method: where slopes differ between variations, Lin's variance for a wider
/// population is larger by the squared difference of slopes times the variance of that mean.
#[must_use]
pub fn cuped(arms: &[CupedArm]) -> Vec<Option<CupedEstimate>> {
    let counted = || arms.iter().filter(|arm| arm.units > 0);
    let weight: f64 = counted().map(|arm| arm.pre_weight).sum();
    let pre_total: f64 = counted().map(|arm| arm.pre_weight * arm.pre_mean).sum();
    let pre_mean = if weight == 0.0 { 0.0 } else { pre_total / weight };
    let adjust = |arm: &CupedArm| {
        let usable = arm.units > 1 && arm.variance >= 0.0;
        usable.then(|| {
            let explains = arm.pre_variance > 0.0 && arm.variance > 0.0;
            let slope = if explains { arm.covariance / arm.pre_variance } else { 0.0 };
            let explained = if explains {
                (slope * arm.covariance / arm.variance).clamp(0.0, 1.0)
            } else {
                0.0
            };
            CupedEstimate {
                units: arm.units,
                mean: arm.mean - slope * (arm.pre_mean - pre_mean),
                standard_error: (arm.variance * (1.0 - explained) / arm.units as f64).sqrt(),
                explained,
            }
        })
    };
    arms.iter().map(adjust).collect()
}

/// One metric of an experiment with what the users' pre-period explains taken out.
#[derive(Clone, Debug, PartialEq)]
pub struct AdjustedMetric {
    /// The adjusted mean of each treatment.
    pub arms: Vec<CupedEstimate>,
    /// Their analysis: posteriors and comparisons.
    pub analysis: MetricAnalysis,
}

/// The means of experiment number `nth` with what the users' pre-period explains taken out;
/// `before` has the same users. Rates and percentiles are left out, and metrics that have a
/// treatment of fewer than two users.
#[must_use]
pub fn adjusted(
    observations: &Observations,
    before: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
) -> Vec<AdjustedMetric> {
    let mean = |metric: &Metric| {
        metric.kind() == MetricKind::Numeric && metric.declared().definition().linear
    };
    let means = experiment.metrics_in(metrics).filter(|(_, metric)| mean(metric));
    let adjust = |(at, metric): (usize, &Metric)| {
        let arms =
            pre_period(observations, before, nth, experiment.treatments.len(), (at, metric))?;
        let arms: Vec<CupedEstimate> = cuped(&arms).into_iter().collect::<Option<_>>()?;
        let input = MetricInput {
            metric: metric.clone(),
            tallies: arms.iter().map(|estimate| Some(estimate.tally(metric))).collect(),
            responders: None,
            skewness: Vec::new(),
        };
        let exposures = arms.iter().map(|estimate| estimate.units).collect();
        let found = analyze(experiment, &Summary { exposures, shares: None, metrics: vec![input] });
        Some(AdjustedMetric { arms, analysis: found.metrics.into_iter().next()? })
    };
    means.filter_map(adjust).collect()
}

/// For each treatment of experiment number `nth` the units' values of metric number `at` together
/// with what `before` has for the same units; `None` for a treatment of fewer than two. Units
/// without events count as the metric says, before and after.
fn pre_period(
    observations: &Observations,
    before: &Observations,
    nth: usize,
    arms: usize,
    (at, metric): (usize, &Metric),
) -> Option<Vec<CupedArm>> {
    let mut pairs: Vec<Vec<(f64, f64)>> = vec![Vec::new(); arms];
    let declared = metric.declared();
    let value = |table: &Observations, unit: usize| {
        declared.entering(table.value(at, metric.aggregation, unit))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_perfect_covariate_leaves_no_error_and_removes_the_imbalance() {
        // y = 2 x + 1 in one arm and 2 x + 4 in the other: the effect is 3, whoever came.
        let arm = |xs: &[f64], shift: f64| {
            CupedArm::of(&xs.iter().map(|&x| (x, 2.0 * x + shift)).collect::<Vec<_>>()).unwrap()
        };
        let found = cuped(&[arm(&[1.0, 2.0, 3.0], 1.0), arm(&[5.0, 6.0, 9.0, 2.0], 4.0)]);
        let (base, own) = (found[0].unwrap(), found[1].unwrap());
        assert!((own.mean - base.mean - 3.0).abs() < 1e-12 && own.standard_error < 1e-6);
        assert!((own.explained - 1.0).abs() < 1e-12);
    }

    #[test]
    fn the_adjusted_means_equal_those_of_a_fitted_ancova() {
        // numpy 1.26.4 `polyfit(x, y, 1)` in each arm, evaluated at the mean of all x = 3.625;
        // `corrcoef` squared.
        let base = CupedArm::of(&[(1.0, 2.0), (2.0, 4.0), (4.0, 5.0), (5.0, 8.0)]).unwrap();
        let own = CupedArm::of(&[(2.0, 5.0), (3.0, 6.0), (5.0, 9.0), (7.0, 10.0)]).unwrap();
        let found = cuped(&[base, own]);
        assert!((found[0].unwrap().mean - 5.5625).abs() < 1e-9, "{found:?}");
        assert!((found[1].unwrap().mean - 6.843_220_338_983_05).abs() < 1e-9, "{found:?}");
        assert!((found[0].unwrap().explained - 0.901_333_333_333_333_4).abs() < 1e-9, "{found:?}");
    }

    #[test]
    fn a_pre_period_without_spread_changes_nothing() {
        let arm = CupedArm::of(&[(1.0, 2.0), (1.0, 4.0)]).unwrap();
        let found = cuped(&[arm]);
        assert_eq!(found[0].unwrap().mean, 3.0);
        assert_eq!(found[0].unwrap().standard_error, 1.0);
        assert_eq!(CupedArm::of(&[(1.0, 2.0)]), None);
        assert_eq!(cuped(&[CupedArm { units: 0, ..arm }]), [None]);
    }
}
