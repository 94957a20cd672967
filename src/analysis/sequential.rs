//! An always-valid comparison: look as often as you like.
//!
//! The asymptotic confidence sequence of I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy & A.
//! Ramdas, "Time-uniform central limit theory and asymptotic confidence sequences", arXiv
//! 2103.06476 (version 7: interval theorem 2.2, its p-value equation 155, tuning equation 161). It
//! is a central limit theorem that holds at all times at once, so it needs some tens of users
//! before the first look, as any z test does.
//!
//! Guarantees: the error rate holds over all looks together; an estimate, or the reason why there
//! is none.
//!
//! Does not know: earlier looks. Each look is valid by itself and together with all others.

use super::frequentist::NO_SPREAD;
use super::posterior::Estimate;
use super::relative::of_control;
use super::result::{Interval, Sequential};
use super::special::interval_mass;
use super::student::two_sided_reach;

/// Number of users, over both arms, at which the interval is tightest.
const TIGHTEST_AT: f64 = 2_000.0;

/// Treatment against control at this look; `mass` is the coverage over all looks, and the interval
/// holds `level` of them, which is more than `mass` where many comparisons are corrected for.
///
/// The variance of two rates is the larger of theirs apart and pooled: apart, an arm without
/// conversions would have none.
pub(super) fn compare(
    own: &Estimate,
    base: &Estimate,
    mass: f64,
    level: f64,
) -> Result<Sequential, String> {
    let (Some(error), Some(base_error)) = (own.standard_error, base.standard_error) else {
        return Err(
            "without a standard error in both variations there is nothing to compare against"
                .into(),
        );
    };
    let apart = libm::hypot(error, base_error);
    let sd = match (own.conversions, base.conversions) {
        (Some(converted), Some(control)) => {
            let (n, m) = (own.units as f64, base.units as f64);
            let rate = (converted + control) as f64 / (n + m);
            apart.max((rate * (1.0 - rate) * (1.0 / n + 1.0 / m)).sqrt())
        }
        _ => apart,
    };
    if !(sd > 0.0 && sd.is_finite()) {
        return Err(NO_SPREAD.into());
    }
    let users = (own.units + base.units) as f64;
    let difference = own.mean - base.mean;
    // Below a coverage of one half the tuning has no meaning.
    let alpha = |mass: f64| (1.0 - interval_mass(mass)).min(0.5);
    let (reach, p_value) =
        always_valid(difference / sd, users, (alpha(mass), alpha(level)), TIGHTEST_AT);
    let relative = match base.conversions {
        Some(conversions) => (conversions > 0).then_some(base.mean),
        None => of_control(base.mean, base_error, two_sided_reach(mass, base.degrees)),
    };
    Ok(Sequential {
        relative_difference: relative.map(|size| difference / size),
        difference,
        interval: Interval { lower: difference - reach * sd, upper: difference + reach * sd },
        p_value,
        correction: None,
    })
}

/// Half width of the confidence sequence in standard deviations, and p-value, of a difference of
/// `z` of them after this many users. `alphas`: the error over all looks that it is tuned for, and
/// the one that the width keeps. It is tightest at `tightest_at` users.
fn always_valid(z: f64, users: f64, (tuned, kept): (f64, f64), tightest_at: f64) -> (f64, f64) {
    let doubled = -2.0 * libm::log(tuned);
    let rho_squared = (doubled + libm::log(doubled + 1.0)) / tightest_at;
    let scaled = users * rho_squared;
    let boundary =
        2.0 * (scaled + 1.0) / scaled * (0.5 * libm::log(scaled + 1.0) - libm::log(kept));
    let evidence = z * z * scaled / (2.0 * (scaled + 1.0)) - 0.5 * libm::log(scaled + 1.0);
    (boundary.sqrt(), libm::exp(-evidence).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interval_and_p_value_equal_those_of_gbstats() {
        // gbstats 0.8.0 `SequentialTwoSidedTTest`, absolute, alpha 0.1, tuning parameter 5,000:
        // (500, 10, 5) against (480, 11.5, 6).
        let sd = (25.0_f64 / 500.0 + 36.0 / 480.0).sqrt();
        let (reach, p) = always_valid(1.5 / sd, 980.0, (0.1, 0.1), 5_000.0);
        assert!((1.5 - reach * sd - 0.394_635_877_078_341_36).abs() < 1e-12, "{reach}");
        assert!((p - 0.010_258_776_858_268_231).abs() < 1e-12, "{p}");
        // 458 of 1,350 against 473 of 1,377.
        let sd = 0.018_167_439_280_018_773;
        let (reach, p) = always_valid(0.004_241_103_848_946_992 / sd, 2727.0, (0.1, 0.1), 5_000.0);
        assert!((0.004_241_103_848_946_992 + reach * sd - 0.055_191_753_784_934_18).abs() < 1e-12);
        assert_eq!(p, 1.0);
    }

    #[test]
    fn the_p_value_passes_alpha_exactly_where_the_interval_leaves_zero() {
        for kept in [0.1, 0.1 / 7.0] {
            let (reach, _) = always_valid(0.0, 300.0, (0.1, kept), 2_000.0);
            let (_, p) = always_valid(reach, 300.0, (0.1, kept), 2_000.0);
            assert!((p - kept).abs() < 1e-12, "{p}");
        }
    }
}
