//! An always-valid comparison: look as often as you like.
//!
//! The asymptotic confidence sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy & A. Ramdas, "Time-uniform
//! central limit theory and asymptotic confidence sequences", arXiv 2103.06476 (version 7: interval theorem 2.2, its p-value
//! equation 155, tuning equation 161). It is a central limit theorem that holds at all times at once, so it needs some tens
//! of users before the first look, as any z test does.
//!
//! Promises: the error rate holds over all looks together; an estimate, or the reason why there is none.
//!
//! Does not know: earlier looks. Each look is valid by itself and together with all others.

use super::posterior::Estimate;
use super::result::{Interval, Sequential};
use super::special::interval_mass;

/// Number of users, over both arms, at which the interval is tightest.
const TIGHTEST_AT: f64 = 2_000.0;

/// Treatment against control at this look; `mass` is the coverage over all looks.
pub(super) fn compare(own: &Estimate, base: &Estimate, mass: f64) -> Result<Sequential, String> {
    if base.mean == 0.0 {
        return Err("the control's mean is 0, so there is no relative difference".into());
    }
    let (Some(error), Some(base_error)) = (own.standard_error, base.standard_error) else {
        return Err("without a standard error in both arms there is nothing to compare against".into());
    };
    let variance = error * error + base_error * base_error;
    if !(variance > 0.0 && variance.is_finite()) {
        return Err("the data show no spread to compare a difference against".into());
    }
    let users = (own.units + base.units) as f64;
    let difference = own.mean - base.mean;
    // Below a coverage of one half the tuning has no meaning.
    let alpha = (1.0 - interval_mass(mass)).min(0.5);
    let (reach, p_value) = always_valid(difference, variance, users, alpha, TIGHTEST_AT);
    Ok(Sequential {
        relative_difference: own.mean / base.mean - 1.0,
        interval: Interval { lower: difference - reach, upper: difference + reach },
        p_value,
    })
}

/// Half width of the confidence sequence and p-value of a difference with this variance after so many users, tuned to be
/// tightest at `tightest_at` users.
fn always_valid(difference: f64, variance: f64, users: f64, alpha: f64, tightest_at: f64) -> (f64, f64) {
    let doubled = -2.0 * libm::log(alpha);
    let rho_squared = (doubled + libm::log(doubled + 1.0)) / tightest_at;
    let scaled = users * rho_squared;
    let boundary = 2.0 * (scaled + 1.0) / scaled * (0.5 * libm::log(scaled + 1.0) - libm::log(alpha));
    let evidence = difference * difference / variance * scaled / (2.0 * (scaled + 1.0)) - 0.5 * libm::log(scaled + 1.0);
    ((variance * boundary).sqrt(), libm::exp(-evidence).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_and_p_value_equal_those_of_gbstats() {
        // gbstats 0.8.0 `SequentialTwoSidedTTest`, absolute, alpha 0.1, tuning parameter 5,000: (500, 10, 5) against (480, 11.5, 6).
        let variance = 25.0 / 500.0 + 36.0 / 480.0;
        let (reach, p) = always_valid(1.5, variance, 980.0, 0.1, 5_000.0);
        assert!((1.5 - reach - 0.394_635_877_078_341_36).abs() < 1e-12, "{reach}");
        assert!((p - 0.010_258_776_858_268_231).abs() < 1e-12, "{p}");
        // 458 of 1,350 against 473 of 1,377.
        let (reach, p) = always_valid(0.004_241_103_848_946_992, 0.018_167_439_280_018_773_f64.powi(2), 2727.0, 0.1, 5_000.0);
        assert!((0.004_241_103_848_946_992 + reach - 0.055_191_753_784_934_18).abs() < 1e-12);
        assert_eq!(p, 1.0);
    }

    #[test]
    fn the_p_value_passes_alpha_exactly_where_the_interval_leaves_zero() {
        let (reach, _) = always_valid(0.0, 0.04, 300.0, 0.1, 2_000.0);
        let (_, p) = always_valid(reach, 0.04, 300.0, 0.1, 2_000.0);
        assert!((p - 0.1).abs() < 1e-12, "{p}");
    }
}
