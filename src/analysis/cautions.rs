//! Cautions about means: a control so near to 0 that nothing can be said relative to it, and values
//! so skewed that the intervals of few users miss the mean more often than they say.
//!
//! Guarantees: a check only where there is something to say; the criterion is in the message.
//!
//! Does not know: rates and percentiles. A rate cannot change its sign, and a percentile is not a
//! mean.

use crate::experiment::MetricKind;
use crate::figure::{self, Unit};

use super::result::{HealthCheck, HealthStatus, MetricAnalysis, Posterior, Summary};
use super::special::{interval_mass, normal_density, two_sided_z};

/// Standard errors from 0 within which a relative difference has little meaning.
const NEAR: f64 = 3.0;
/// How much less than it says an interval may hold, before that is said.
const SHORTFALL: f64 = 0.02;

/// The checks that have something to say: `control_near_zero`, `skewed_values`.
pub(super) fn checks(
    names: &[String],
    summary: &Summary,
    metrics: &[MetricAnalysis],
    mass: f64,
) -> Vec<HealthCheck> {
    let warn = |check, findings: Vec<String>, advice: &str| {
        let message = format!("{}; {advice}", findings.join("; "));
        (!findings.is_empty()).then_some(HealthCheck {
            check,
            status: HealthStatus::Warning,
            message,
        })
    };
    let near: Vec<String> = metrics.iter().filter_map(|metric| near_zero(names, metric)).collect();
    let skewed: Vec<String> = metrics
        .iter()
        .zip(&summary.metrics)
        .filter_map(|(metric, input)| skewed(names, metric, &input.skewness, mass))
        .collect();
    let advice = "decide on the absolute difference";
    let more = "collect more users, or compare a percentile or a capped value";
    [warn("control_near_zero", near, advice), warn("skewed_values", skewed, more)]
        .into_iter()
        .flatten()
        .collect()
}

fn near_zero(names: &[String], metric: &MetricAnalysis) -> Option<String> {
    let control = metric.variations.get(metric.control)?;
    let posterior =
        control.posterior.filter(|posterior| !matches!(posterior, Posterior::Beta { .. }))?;
    let (mean, sd) = (posterior.mean(), posterior.sd());
    // Exactly 0 without any spread is a fact, not a lack of data.
    if sd == 0.0 || mean.abs() >= NEAR * sd {
        return None;
    }
    let unit = Unit::of(&metric.metric);
    let compared = metric.variations.iter().filter_map(|variation| variation.comparison);
    let told = if compared.clone().count() > 0
        && compared.clone().all(|own| own.relative_difference.is_none())
    {
        "so there is no relative difference"
    } else {
        "so its relative difference has little meaning"
    };
    Some(format!(
        "{}: the mean of {} is {} with a standard error of {}, less than {NEAR} standard errors from 0, {told}",
        metric.metric.title(),
        names.get(metric.control)?,
        unit.value(mean),
        unit.value(sd),
    ))
}

/// How much less than `mass` a t interval of a mean holds, to the order of 1 / n, because the
/// values have this skewness: the skewness term of the Edgeworth expansion of Student's statistic
/// (P. Hall 1992, *The Bootstrap and Edgeworth Expansion*, section 2.6; D. D. Boos & J. M.
/// Hughes-Oliver 2000, *The American Statistician* 54, 121-128, "How large does n have to be for Z
/// and t intervals?").
fn shortfall(skewness: f64, units: u64, mass: f64) -> f64 {
    let z = two_sided_z(interval_mass(mass));
    let square = z * z;
    2.0 * z * normal_density(z) * (square * square + 2.0 * square - 3.0) / 18.0
        * skewness
        * skewness
        / units as f64
}

fn skewed(
    names: &[String],
    metric: &MetricAnalysis,
    skewness: &[Option<f64>],
    mass: f64,
) -> Option<String> {
    if metric.metric.kind() != MetricKind::Numeric {
        return None;
    }
    let found = metric.variations.iter().zip(skewness).enumerate().filter_map(
        |(at, (variation, skewness))| {
            let skewness = (*skewness)?;
            (shortfall(skewness, variation.units, mass) > SHORTFALL).then_some((
                at,
                skewness,
                variation.units,
            ))
        },
    );
    let found: Vec<(usize, f64, u64)> = found.collect();
    let (at, skewness, units) = found
        .iter()
        .copied()
        .max_by(|x, y| (x.1 * x.1 / x.2 as f64).total_cmp(&(y.1 * y.1 / y.2 as f64)))?;
    let needed = units as f64 * shortfall(skewness, units, mass) / SHORTFALL;
    Some(format!(
        "{}: the values of {} {} users in {} are skewed (skewness {}), so the {} intervals of the mean contain it less often than stated; \
         about {} users are enough at that skewness",
        metric.metric.title(),
        if units < 1_000 { "only" } else { "the" },
        figure::count(units),
        names.get(at)?,
        figure::number(skewness),
        figure::written_percent(mass),
        figure::count(rounded_up(needed)),
    ))
}

/// Two digits say enough of a number of users.
fn rounded_up(users: f64) -> u64 {
    let step = libm::pow(10.0, (libm::log10(users.max(1.0)).floor() - 1.0).max(0.0));
    ((users / step).ceil() * step) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortfall_follows_the_published_expansion() {
        // By hand at 90%: z = 1.6449, 2 z phi(z) = 0.33929, (z^4 + 2 z^2 - 3) / 18 = 0.54069:
        // 0.18345 skewness^2 / n.
        assert!(
            (shortfall(2.0, 50, 0.9) - 0.183_45 * 4.0 / 50.0).abs() < 1e-5,
            "{}",
            shortfall(2.0, 50, 0.9)
        );
        assert_eq!(shortfall(0.0, 5, 0.95), 0.0);
        assert_eq!((rounded_up(36.7), rounded_up(1234.0), rounded_up(0.2)), (37, 1300, 1));
    }
}
