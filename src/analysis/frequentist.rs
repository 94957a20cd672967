//! The fixed-horizon z test on the relative difference, beside the Bayesian analysis: no prior anywhere.
//!
//! Promises: an estimate with interval and p-values, or the reason why there is none.
//!
//! Does not know: how often the data were looked at. Looking more than once needs the `sequential` method.

use super::posterior::Estimate;
use super::result::{Frequentist, Interval};
use super::special::{normal_cdf, two_sided_p, two_sided_z};

/// Treatment against control: relative difference `y / x - 1` with the delta-method variance
/// `Var(y) / x^2 + Var(x) y^2 / x^4` (Deng, Knoblich & Lu 2018, "Applying the Delta Method in Metric Analytics", section 2;
/// LaunchDarkly docs, "Statistical methodology for frequentist experiments"). `sign` is +1 when higher is better.
///
/// The error of a ratio grows with the ratio: two-sided p-values hold their level, one-sided ones lean (at a relative error of
/// 7%, a nominal 10% is 8.6% on one side and 11.5% on the other).
pub(super) fn compare(own: &Estimate, base: &Estimate, sign: f64, mass: f64) -> Result<Frequentist, String> {
    if base.mean == 0.0 {
        return Err("the control's mean is 0, so there is no relative difference to test".into());
    }
    let (Some(error), Some(base_error)) = (own.standard_error, base.standard_error) else {
        return Err("without a standard error in both arms there is nothing to test against".into());
    };
    let ratio = own.mean / base.mean;
    let relative_difference = ratio - 1.0;
    let variance = (error * error + ratio * ratio * base_error * base_error) / (base.mean * base.mean);
    if !(variance > 0.0 && variance.is_finite() && relative_difference.is_finite()) {
        return Err("the data show no spread to test a difference against".into());
    }
    let sd = variance.sqrt();
    let z = relative_difference / sd;
    let reach = two_sided_z(mass) * sd;
    Ok(Frequentist {
        relative_difference,
        interval: Interval { lower: relative_difference - reach, upper: relative_difference + reach },
        p_value: two_sided_p(z),
        // A relative increase on a negative control is a decrease.
        one_sided_p_value: normal_cdf(-z * sign * base.mean.signum()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn estimate(units: u64, mean: f64, sd: f64) -> Estimate {
        Estimate { units, conversions: None, total: None, mean, standard_error: Some(sd / (units as f64).sqrt()) }
    }

    #[test]
    fn the_relative_difference_equals_that_of_gbstats() {
        // gbstats 0.8.0 `TwoSidedTTest`, `SampleMeanStatistic`, relative; it takes p from Student's t, here it is normal.
        let found = compare(&estimate(480, 11.5, 6.0), &estimate(500, 10.0, 5.0), 1.0, 0.9).unwrap();
        assert!((found.relative_difference - 0.15).abs() < 1e-12);
        let sd = (found.interval.upper - found.interval.lower) / (2.0 * 1.644_853_626_951_472_2);
        assert!((sd - 0.037_566_607_512_523_67).abs() < 1e-12, "{sd}");
        assert!((found.p_value - 7.039_828_508_181_856e-5).abs() < 1e-5);
        assert!((found.interval.lower - 0.088_146_991_826_407_45).abs() < 1e-3);
        // 458 of 1,350 and 473 of 1,377.
        let rate = |x: f64, n: f64| (x / n, (x / n * (1.0 - x / n) * n / (n - 1.0)).sqrt());
        let ((base, base_sd), (own, own_sd)) = (rate(458.0, 1350.0), rate(473.0, 1377.0));
        let found = compare(&estimate(1377, own, own_sd), &estimate(1350, base, base_sd), 1.0, 0.9).unwrap();
        assert!((found.relative_difference - 0.012_501_070_297_114_496).abs() < 1e-12);
        assert!((found.p_value - 0.816_570_355_379_124_4).abs() < 1e-4, "{found:?}");
    }

    #[test]
    fn one_sided_p_values_follow_the_good_direction() {
        let (more, less) = (estimate(100, 12.0, 5.0), estimate(100, 10.0, 5.0));
        let higher = compare(&more, &less, 1.0, 0.9).unwrap();
        let lower = compare(&more, &less, -1.0, 0.9).unwrap();
        assert!((higher.one_sided_p_value - 0.5 * higher.p_value).abs() < 1e-15);
        assert!((higher.one_sided_p_value + lower.one_sided_p_value - 1.0).abs() < 1e-15);
    }

    #[test]
    fn what_cannot_be_tested_has_a_reason() {
        let some = estimate(10, 1.0, 1.0);
        assert!(compare(&some, &estimate(10, 0.0, 1.0), 1.0, 0.9).unwrap_err().contains("control's mean is 0"));
        assert!(compare(&estimate(10, 2.0, 0.0), &estimate(10, 1.0, 0.0), 1.0, 0.9).unwrap_err().contains("no spread"));
        assert!(compare(&Estimate { standard_error: None, ..some }, &some, 1.0, 0.9).unwrap_err().contains("standard error"));
    }
}
