//! From tallies to posteriors: beta-binomial for conversions, normal-normal for means and percentiles.
//!
//! The control has a flat prior. A treatment's prior has the mean of the control's *posterior* and the variance
//! `mean^2 * g2 + control's posterior variance`, g2 being the platform-wide variance of relative differences
//! (LaunchDarkly docs, "Statistical methodology for Bayesian experiments"; conjugate updates as in Gelman et al.,
//! *Bayesian Data Analysis*, 3rd ed., sections 2.4 and 2.5).
//!
//! Promises: a posterior or the reason why there is none; never NaN.
//!
//! Does not know: comparisons between treatments.

use crate::experiment::{Metric, MetricKind};
use crate::figure::Unit;

use super::beta::LogitBeta;
use super::result::{Interval, Posterior, Tally};
use super::special::{interval_mass, two_sided_z};

/// The smallest shape that a treatment's prior may have: that of Jeffreys' prior.
const SMALLEST_SHAPE: f64 = 0.5;

impl Posterior {
    /// Mean, in the metric's unit.
    #[must_use]
    pub fn mean(&self) -> f64 {
        match *self {
            Self::Beta { a, b } => a / (a + b),
            Self::Normal { mean, .. } => mean,
        }
    }

    /// Variance, in the square of the metric's unit.
    #[must_use]
    pub fn variance(&self) -> f64 {
        match *self {
            Self::Beta { a, b } => {
                let total = a + b;
                (a / total) * (b / total) / (total + 1.0)
            }
            Self::Normal { sd, .. } => sd * sd,
        }
    }

    /// The highest-density interval that holds `mass`, from 0 to 1: the shortest one.
    #[must_use]
    pub fn highest_density_interval(&self, mass: f64) -> Interval {
        match *self {
            Self::Beta { a, b } => LogitBeta::new(a, b).highest_density_interval(interval_mass(mass)),
            Self::Normal { mean, sd } => {
                let reach = two_sided_z(mass) * sd;
                Interval { lower: mean - reach, upper: mean + reach }
            }
        }
    }

    /// Density at `x`, for drawing a curve; 0 where there is none, and for a normal without spread.
    #[must_use]
    pub fn density(&self, x: f64) -> f64 {
        match *self {
            Self::Beta { a, b } if x > 0.0 && x < 1.0 => {
                let table = LogitBeta::new(a, b);
                table.density(table.at_log_odds(libm::log(x / (1.0 - x)))) / (x * (1.0 - x))
            }
            Self::Beta { .. } => 0.0,
            Self::Normal { sd, .. } if sd <= 0.0 => 0.0,
            Self::Normal { mean, sd } => super::special::normal_density((x - mean) / sd) / sd,
        }
    }
}

/// A tally as a raw estimate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Estimate {
    /// Units with a value.
    pub units: u64,
    /// Units that converted.
    pub conversions: Option<u64>,
    /// Sum of the values as a results page shows it.
    pub total: Option<f64>,
    /// Raw rate, mean or percentile.
    pub mean: f64,
    /// Standard error of `mean`, if known. For a rate from the sample variance of its zeros and ones.
    pub standard_error: Option<f64>,
}

/// Reads a tally, or says why it cannot be used.
pub(super) fn estimate(tally: Option<Tally>, exposures: u64) -> Result<Estimate, String> {
    let Some(tally) = tally else {
        return Err(if exposures == 0 { "no user was exposed yet".into() } else { "no user has a value yet".into() });
    };
    let finite = |value: f64, what: &str| if value.is_finite() { Ok(value) } else { Err(format!("the {what} is not a finite number")) };
    let checked = |error: Option<f64>| match error {
        Some(e) if !(e.is_finite() && e >= 0.0) => Err("the standard error is not a finite number of at least 0".to_owned()),
        other => Ok(other),
    };
    match tally {
        Tally::Conversion { .. } if exposures == 0 => Err("no user was exposed yet".into()),
        Tally::Conversion { conversions } if conversions > exposures => {
            Err(format!("more conversions ({conversions}) than exposed users ({exposures})"))
        }
        Tally::Conversion { conversions } => {
            let units = exposures as f64;
            let rate = conversions as f64 / units;
            let standard_error = (exposures > 1).then(|| (rate * (1.0 - rate) / (units - 1.0)).sqrt());
            Ok(Estimate { units: exposures, conversions: Some(conversions), total: None, mean: rate, standard_error })
        }
        Tally::Mean { units: 0, .. } | Tally::Percentile { units: 0, .. } => Err("no user has a value yet".into()),
        Tally::Mean { units, total, standard_error } => Ok(Estimate {
            units,
            conversions: None,
            total: Some(finite(total, "total")?),
            mean: total / units as f64,
            standard_error: checked(standard_error)?,
        }),
        Tally::Percentile { units, value, standard_error } => Ok(Estimate {
            units,
            conversions: None,
            total: Some(finite(value, "percentile")? * exposures as f64),
            mean: value,
            standard_error: checked(standard_error)?,
        }),
    }
}

/// Platform-wide variance of relative differences for a metric: the metric's own, or the default of its kind. The
/// defaults reproduce LaunchDarkly's published result pages; its docs give about 0.04 for rates and 0.13 to 0.19 for
/// numeric metrics by type.
#[must_use]
pub fn prior_variance(metric: &Metric) -> f64 {
    let default = match metric.kind() {
        MetricKind::Conversion => 0.041,
        MetricKind::Percentile => 0.166,
        MetricKind::Numeric if Unit::of(metric) == Unit::Dollars => 0.155,
        MetricKind::Numeric => 0.18,
    };
    metric.prior_variance.filter(|v| v.is_finite() && *v >= 0.0).unwrap_or(default)
}

/// The control's posterior: flat prior (Beta(1, 1) for a rate).
pub(super) fn control_posterior(kind: MetricKind, data: &Estimate) -> Result<Posterior, String> {
    match (kind, data.conversions) {
        (MetricKind::Conversion, Some(conversions)) => {
            Ok(Posterior::Beta { a: 1.0 + conversions as f64, b: 1.0 + (data.units - conversions) as f64 })
        }
        _ => Ok(Posterior::Normal { mean: data.mean, sd: spread(data)? }),
    }
}

/// A treatment's prior, from the control's posterior. `None` where it would have no width at all: a normal control whose
/// values are all 0; then a flat one stands in.
///
/// Near a rate of 1 no Beta has the variance asked for. So neither shape goes below that of Jeffreys' prior, which keeps
/// the mean and takes the widest prior that is still proper at both ends.
#[must_use]
pub fn treatment_prior(control: &Posterior, g2: f64) -> Option<Posterior> {
    let mean = control.mean();
    let variance = mean * mean * g2 + control.variance();
    match control {
        Posterior::Beta { a, b } => {
            let complement = b / (a + b);
            let pseudo_units = mean * complement / variance - 1.0;
            let pseudo_units = pseudo_units.max(SMALLEST_SHAPE / mean.min(complement));
            Some(Posterior::Beta { a: mean * pseudo_units, b: complement * pseudo_units })
        }
        Posterior::Normal { .. } => (variance > 0.0).then(|| Posterior::Normal { mean, sd: variance.sqrt() }),
    }
}

/// A treatment's posterior.
pub(super) fn treatment_posterior(prior: Option<Posterior>, data: &Estimate) -> Result<Posterior, String> {
    match (prior, data.conversions) {
        (Some(Posterior::Beta { a, b }), Some(conversions)) => {
            Ok(Posterior::Beta { a: a + conversions as f64, b: b + (data.units - conversions) as f64 })
        }
        (Some(Posterior::Normal { mean, sd }), _) => {
            let error = spread(data)?;
            let (prior_variance, data_variance) = (sd * sd, error * error);
            // Precision weighting, in the form that needs no division by a variance of 0.
            let total = prior_variance + data_variance;
            let weight = prior_variance / total;
            Ok(Posterior::Normal { mean: mean + weight * (data.mean - mean), sd: (weight * data_variance).sqrt() })
        }
        _ => Ok(Posterior::Normal { mean: data.mean, sd: spread(data)? }),
    }
}

/// Weight of the data in a treatment's posterior mean, from 0 to 1: what remains is prior. For reports on shrinkage.
#[must_use]
pub fn data_weight(prior: &Posterior, posterior: &Posterior) -> f64 {
    match (prior, posterior) {
        (Posterior::Beta { a, b }, Posterior::Beta { a: c, b: d }) => 1.0 - (a + b) / (c + d),
        _ if prior.variance() > 0.0 => (1.0 - posterior.variance() / prior.variance()).clamp(0.0, 1.0),
        _ => 0.0,
    }
}

fn spread(data: &Estimate) -> Result<f64, String> {
    data.standard_error.ok_or_else(|| match data.units {
        1 => "one user is too few to know the spread".to_owned(),
        _ => "the standard error is not known".to_owned(),
    })
}
