//! The fixed-horizon test of a difference, beside the Bayesian analysis: no prior anywhere.
//!
//! Guarantees: an estimate with intervals and p-values, or the reason why there is none; the
//! p-value is at most alpha exactly where the intervals at 1 - alpha leave out "no difference". The
//! test decides on the *difference*; the relative difference is shown beside it, with an interval
//! that leaves 0 out together with that of the difference.
//!
//! Why not the z test of the relative difference (`y / x - 1` with the delta-method variance
//! `Var(y) / x^2 + Var(x) y^2 / x^4`, LaunchDarkly docs, "Statistical methodology for frequentist
//! experiments"): the error of a ratio grows with the ratio, so with few events it errs in up to a
//! quarter of A/A experiments on one side and never on the other.
//!
//! Does not know: how often the data were looked at. Looking more than once needs the `sequential`
//! method.

use super::exact;
use super::posterior::Estimate;
use super::relative::{fieller, of_control};
use super::result::{FrequentistResult, Interval, TestMethod};
use super::score::ArmRates;
use super::special::two_sided_z;
use super::student::{cdf, joint_degrees, two_sided, two_sided_reach};

/// Why a difference cannot be tested.
pub(super) const NO_SPREAD: &str =
    "the data show no spread in either variation, so there is nothing to test a difference against";

/// Treatment against control, two rates or two means or percentiles; intervals hold `mass`. `sign`
/// is +1 when higher is better.
///
/// Rates: mid-p of Fisher's exact test ([`exact`]), and Miettinen and Nurminen's score intervals,
/// widened by as much as the exact test is stricter than the score test. Means: Welch's t test, and
/// Fieller's interval of the ratio (E. C. Fieller 1954, *JRSS B* 16, 175-185). Percentiles: the
/// same with the normal distribution.
pub(super) fn compare(
    own: &Estimate,
    base: &Estimate,
    sign: f64,
    mass: f64,
) -> Result<FrequentistResult, String> {
    match (own.conversions, base.conversions) {
        (Some(conversions), Some(control)) => {
            rates((conversions, own.units), (control, base.units), sign, mass)
        }
        _ => means(own, base, sign, mass),
    }
}

fn rates(
    own: (u64, u64),
    base: (u64, u64),
    sign: f64,
    mass: f64,
) -> Result<FrequentistResult, String> {
    let arms = ArmRates {
        own: own.0 as f64,
        users: own.1 as f64,
        base: base.0 as f64,
        control: base.1 as f64,
    };
    let conversions = arms.own + arms.base;
    if conversions == 0.0 || conversions == arms.users + arms.control {
        return Err(NO_SPREAD.into());
    }
    let tails = exact::tails(own, base);
    let p_value = tails.two_sided();
    // How much stricter the exact test is than the score test, in standard deviations: the
    // intervals are widened by that, so that they leave out "no difference" exactly where the test
    // does. Far out both reject at any level.
    let exact = if p_value > 1e-200 {
        -crate::random::normal_quantile(0.5 * p_value)
    } else {
        arms.statistic().abs()
    };
    let critical = (two_sided_z(mass) + arms.statistic().abs() - exact.max(0.0)).max(0.0);
    let (lower, upper) = arms.difference_interval(critical);
    let ratio = (base.0 > 0).then(|| arms.ratio_interval(critical)).flatten();
    let relative = ratio.map(|(lower, upper)| {
        let change = arms.difference() / (arms.base / arms.control);
        (change, Interval { lower: lower - 1.0, upper: upper - 1.0 })
    });
    Ok(FrequentistResult {
        relative_difference: relative.map(|(change, _)| change),
        interval: relative.map(|(_, interval)| interval),
        difference: arms.difference(),
        difference_interval: Interval { lower, upper },
        p_value,
        one_sided_p_value: if sign > 0.0 { tails.above } else { tails.below },
        method: TestMethod::ExactMidP,
        correction: None,
    })
}

fn means(
    own: &Estimate,
    base: &Estimate,
    sign: f64,
    mass: f64,
) -> Result<FrequentistResult, String> {
    let (Some(error), Some(base_error)) = (own.standard_error, base.standard_error) else {
        return Err(
            "without a standard error in both variations there is nothing to test against".into()
        );
    };
    let sd = libm::hypot(error, base_error);
    let difference = own.mean - base.mean;
    if !(sd > 0.0 && sd.is_finite() && difference.is_finite()) {
        return Err(NO_SPREAD.into());
    }
    let degrees = joint_degrees([(error, own.degrees), (base_error, base.degrees)]);
    let t = difference / sd;
    let reach = two_sided_reach(mass, degrees);
    let relative = of_control(base.mean, base_error, two_sided_reach(mass, base.degrees))
        .and_then(|_| fieller((own.mean, error), (base.mean, base_error), reach))
        .map(|interval| (difference / base.mean.abs(), interval));
    Ok(FrequentistResult {
        relative_difference: relative.map(|(change, _)| change),
        interval: relative.map(|(_, interval)| interval),
        difference,
        difference_interval: Interval {
            lower: difference - reach * sd,
            upper: difference + reach * sd,
        },
        p_value: two_sided(t, degrees),
        one_sided_p_value: cdf(-t * sign, degrees),
        method: if degrees.is_finite() { TestMethod::WelchT } else { TestMethod::Normal },
        correction: None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn estimate(units: u64, mean: f64, sd: f64) -> Estimate {
        let standard_error = Some(sd / (units as f64).sqrt());
        Estimate {
            units,
            conversions: None,
            total: None,
            mean,
            standard_error,
            degrees: units as f64 - 1.0,
            unknown: None,
        }
    }

    fn rate(conversions: u64, units: u64) -> Estimate {
        Estimate {
            conversions: Some(conversions),
            ..estimate(units, conversions as f64 / units as f64, 0.0)
        }
    }

    #[test]
    fn means_are_tested_as_scipy_tests_them() {
        // scipy 1.17.1: ttest_ind_from_stats(11.5, 6, 480, 10, 5, 500, equal_var=False); the
        // relative interval is Fieller's.
        let found =
            compare(&estimate(480, 11.5, 6.0), &estimate(500, 10.0, 5.0), 1.0, 0.9).unwrap();
        assert!((found.p_value / 2.429_495_443_536_821_7e-5 - 1.0).abs() < 1e-6, "{found:?}");
        assert!((found.relative_difference.unwrap() - 0.15).abs() < 1e-12);
        assert!((found.difference_interval.lower - 0.917_878_21).abs() < 1e-6, "{found:?}");
        let relative = found.interval.unwrap();
        assert!(
            (relative.lower - 0.089_646_25).abs() < 1e-6
                && (relative.upper - 0.213_475_55).abs() < 1e-6,
            "{relative:?}"
        );
        assert_eq!(found.method, TestMethod::WelchT);
    }

    #[test]
    fn few_users_are_tested_with_t() {
        // scipy 1.17.1: ttest_ind_from_stats(3, 1, 3, 1, 1, 4, equal_var=False).
        let found = compare(&estimate(3, 3.0, 1.0), &estimate(4, 1.0, 1.0), 1.0, 0.95).unwrap();
        assert!((found.p_value - 0.052_856_59).abs() < 1e-6, "{found:?}");
        assert!(found.difference_interval.lower < 0.0);
    }

    #[test]
    fn ten_failures_against_three_are_between_the_z_test_and_fishers() {
        let found = compare(&rate(3, 10_000), &rate(10, 10_000), -1.0, 0.95).unwrap();
        assert!(found.p_value > 0.052 && found.p_value < 0.092, "{found:?}");
        assert!(
            found.difference_interval.upper > 0.0 && found.interval.unwrap().upper > 0.0,
            "{found:?}"
        );
    }

    #[test]
    fn an_arm_without_conversions_has_a_p_value_and_intervals() {
        let none = compare(&rate(0, 1000), &rate(40, 1000), -1.0, 0.95).unwrap();
        assert!(
            none.p_value < 1e-10
                && none.difference_interval.upper < 0.0
                && none.interval.unwrap().lower == -1.0,
            "{none:?}"
        );
        let all = compare(&rate(1000, 1000), &rate(975, 1000), 1.0, 0.95).unwrap();
        assert!(
            all.p_value < 1e-6
                && all.difference_interval.lower > 0.0
                && all.one_sided_p_value < 1e-6,
            "{all:?}"
        );
        let control = compare(&rate(25, 1000), &rate(0, 1000), 1.0, 0.95).unwrap();
        assert!(
            control.p_value < 1e-7
                && control.relative_difference.is_none()
                && control.difference_interval.lower > 0.0,
            "{control:?}"
        );
        let paid = compare(
            &estimate(1000, 0.0, 0.0),
            &estimate(1000, 0.02, 0.001 * 1000_f64.sqrt()),
            -1.0,
            0.95,
        )
        .unwrap();
        assert!(paid.p_value < 1e-70 && paid.relative_difference == Some(-1.0), "{paid:?}");
    }

    #[test]
    fn a_negative_control_keeps_the_sign_of_the_difference() {
        let found =
            compare(&estimate(1000, -15.0, 6.0), &estimate(1000, -10.0, 6.0), 1.0, 0.95).unwrap();
        let interval = found.interval.unwrap();
        assert_eq!(found.relative_difference, Some(-0.5));
        assert!(
            interval.lower < -0.5
                && interval.upper > -0.5
                && interval.upper < 0.0
                && found.one_sided_p_value > 0.999,
            "{found:?}"
        );
    }

    #[test]
    fn one_sided_p_values_follow_the_good_direction() {
        for (more, less) in
            [(estimate(100, 12.0, 5.0), estimate(100, 10.0, 5.0)), (rate(30, 100), rate(20, 100))]
        {
            let higher = compare(&more, &less, 1.0, 0.9).unwrap();
            let lower = compare(&more, &less, -1.0, 0.9).unwrap();
            assert!((higher.one_sided_p_value - 0.5 * higher.p_value).abs() < 1e-12);
            assert!((higher.one_sided_p_value + lower.one_sided_p_value - 1.0).abs() < 1e-12);
        }
    }

    #[test]
    fn what_cannot_be_tested_has_a_reason() {
        let some = estimate(10, 1.0, 1.0);
        assert!(
            compare(&estimate(10, 2.0, 0.0), &estimate(10, 1.0, 0.0), 1.0, 0.9)
                .unwrap_err()
                .contains("no spread in either")
        );
        assert!(
            compare(&rate(0, 10), &rate(0, 12), 1.0, 0.9)
                .unwrap_err()
                .contains("no spread in either")
        );
        assert!(
            compare(&Estimate { standard_error: None, ..some }, &some, 1.0, 0.9)
                .unwrap_err()
                .contains("standard error")
        );
        let near = compare(&some, &estimate(10, 0.1, 1.0), 1.0, 0.9).unwrap();
        assert!(
            near.relative_difference.is_none() && near.interval.is_none() && near.difference == 0.9
        );
    }

    proptest! {
        #[test]
        fn a_p_value_is_at_most_alpha_exactly_where_the_intervals_leave_out_no_difference(
            users in proptest::array::uniform2(2_u64..3000),
            shares in proptest::array::uniform2(0.0..=1.0_f64),
            means in proptest::array::uniform2(-5.0..5.0_f64),
            errors in proptest::array::uniform2(0.0..2.0_f64),
            mass in 0.5..0.999_f64,
        ) {
            let counts = [0, 1].map(|i| rate((users[i] as f64 * shares[i] * shares[1]).round() as u64, users[i]));
            let values = [0, 1].map(|i| estimate(users[i], means[i], errors[i] * (users[i] as f64).sqrt()));
            for [own, base] in [counts, values] {
                let Ok(found) = compare(&own, &base, 1.0, mass) else { continue };
                // On the very edge rounding decides.
                if (found.p_value - (1.0 - mass)).abs() < 1e-6 {
                    continue;
                }
                let significant = found.p_value <= 1.0 - mass;
                let outside = |i: Interval| i.lower > 0.0 || i.upper < 0.0;
                prop_assert_eq!(outside(found.difference_interval), significant, "{:?}", found);
                if let Some(interval) = found.interval {
                    prop_assert_eq!(outside(interval), significant, "{:?}", found);
                }
            }
        }
    }
}
