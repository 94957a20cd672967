//! Student's t distribution, and the normal one as its limit: what means of few users need.
//!
//! Guarantees: `degrees` may be any number above 0, infinity being the normal distribution; bounded
//! iteration; over `libm`, so the same bits on every platform.
//!
//! Source: M. Abramowitz & I. Stegun 1964, *Handbook of Mathematical Functions*, 26.5.27 (the
//! distribution function as an incomplete Beta function) and 26.5.8 (its continued fraction).

use super::special::{interval_mass, normal_cdf, normal_density, two_sided_p, two_sided_z};

/// Degrees of freedom from which the normal distribution is taken: they differ by less than 1e-7.
const NORMAL_FROM: f64 = 1e7;
/// Terms of the continued fraction at most: it needs some ten for few and some hundred for millions
/// of degrees.
const TERMS: usize = 20_000;

/// Two-sided p-value of a statistic `t`.
pub(super) fn two_sided(t: f64, degrees: f64) -> f64 {
    if degrees >= NORMAL_FROM {
        return two_sided_p(t);
    }
    let square = t * t;
    if !square.is_finite() {
        return 0.0;
    }
    // I_x(degrees / 2, 1 / 2) with x = degrees / (degrees + t^2), from whichever side converges.
    let (x, complement) = (degrees / (degrees + square), square / (degrees + square));
    let (a, b) = (0.5 * degrees, 0.5);
    let front = libm::exp(
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) - a * libm::log1p(square / degrees)
            + b * libm::log(complement.max(f64::MIN_POSITIVE)),
    );
    if x < (a + 1.0) / (a + b + 2.0) {
        front * fraction(a, b, x) / a
    } else {
        1.0 - front * fraction(b, a, complement) / b
    }
}

/// The continued fraction of the incomplete Beta function, by Lentz's method.
fn fraction(a: f64, b: f64, x: f64) -> f64 {
    let away = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / away(1.0 - (a + b) * x / (a + 1.0));
    let mut product = d;
    for m in 1..TERMS {
        let m = m as f64;
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away(1.0 + even * d);
        c = away(1.0 + even / c);
        product *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away(1.0 + odd * d);
        c = away(1.0 + odd / c);
        let step = d * c;
        product *= step;
        if (step - 1.0).abs() < 1e-16 {
            break;
        }
    }
    product
}

/// Distribution function.
pub(super) fn cdf(t: f64, degrees: f64) -> f64 {
    if degrees >= NORMAL_FROM {
        return normal_cdf(t);
    }
    let tail = 0.5 * two_sided(t, degrees);
    if t > 0.0 { 1.0 - tail } else { tail }
}

/// Density.
pub(super) fn density(t: f64, degrees: f64) -> f64 {
    if degrees >= NORMAL_FROM {
        return normal_density(t);
    }
    let constant = libm::lgamma(0.5 * (degrees + 1.0))
        - libm::lgamma(0.5 * degrees)
        - 0.5 * libm::log(degrees * std::f64::consts::PI);
    libm::exp(constant - 0.5 * (degrees + 1.0) * libm::log1p(t * t / degrees))
}

/// The number of scales on either side of the center that hold `mass`; 0 for a mass of 0 or less.
pub(super) fn two_sided_reach(mass: f64, degrees: f64) -> f64 {
    let normal = two_sided_z(mass);
    if degrees >= NORMAL_FROM || normal == 0.0 {
        return normal;
    }
    let alpha = 1.0 - interval_mass(mass);
    // The tails of t are heavier, so the normal reach is below the one that is sought.
    let (mut low, mut high) = (normal, 2.0 * normal.max(1.0));
    while two_sided(high, degrees) > alpha && high < 1e150 {
        low = high;
        high *= 4.0;
    }
    let mut reach = 0.5 * (low + high);
    for _ in 0..200 {
        let excess = two_sided(reach, degrees) - alpha;
        if excess > 0.0 {
            low = reach;
        } else {
            high = reach;
        }
        let next = reach + excess / (2.0 * density(reach, degrees));
        // Asked before the interval is halved: a converged step may end on its edge, and its middle
        // may lie far away.
        if (next - reach).abs() < 1e-14 * reach || high - low < 1e-14 * high {
            break;
        }
        reach = if next > low && next < high { next } else { 0.5 * (low + high) };
    }
    reach
}

/// E[max(center + scale T, 0)] of a Student variable T: the unit linear loss integral (Raiffa &
/// Schlaifer 1961, section 11.6). Below two degrees it grows without bound, so two are taken there.
pub(super) fn positive_part(center: f64, scale: f64, degrees: f64) -> f64 {
    let z = center / scale;
    if degrees >= NORMAL_FROM {
        return (center * normal_cdf(z) + scale * normal_density(z)).max(0.0);
    }
    let degrees = degrees.max(2.0);
    (center * cdf(z, degrees) + scale * (degrees + z * z) / (degrees - 1.0) * density(z, degrees))
        .max(0.0)
}

/// The degrees of freedom of a sum of independent estimates with these standard errors and degrees
/// (F. E. Satterthwaite 1946, *Biometrics Bulletin* 2, 110-114; B. L. Welch 1947, *Biometrika* 34,
/// 28-35).
pub(super) fn joint_degrees(parts: [(f64, f64); 2]) -> f64 {
    let whole = libm::hypot(parts[0].0, parts[1].0);
    let inverse = parts.iter().map(|&(error, degrees)| {
        let share = if whole > 0.0 { error / whole } else { 0.0 };
        share * share * share * share / degrees
    });
    1.0 / inverse.sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distribution_equals_that_of_scipy() {
        // scipy 1.17.1: 2 * stats.t.sf(t, degrees).
        let known = [
            (1.0, 1.0, 0.5),
            (2.5, 3.0, 0.087_706_647_008_065_56),
            (0.3, 7.5, 0.772_322_658_568_778_1),
            (1.96, 49.0, 0.055_695_607_846_260_04),
            (6.0, 200.0, 9.115_120_348_810_346e-9),
            (1.7, 1_000_000.0, 0.089_131_236_490_348_83),
            (40.0, 2.0, 6.244_146_721_847_406e-4),
        ];
        for (t, degrees, expected) in known {
            let found = two_sided(t, degrees);
            assert!(
                (found / expected - 1.0).abs() < 1e-8,
                "{t} of {degrees}: {found} is not {expected}"
            );
        }
    }

    #[test]
    fn reaches_equal_printed_tables_and_undo_the_distribution() {
        // Abramowitz & Stegun (1964), table 26.10: two-sided 90% and 95%.
        for (mass, degrees, printed) in [
            (0.9, 1.0, 6.314),
            (0.9, 4.0, 2.132),
            (0.9, 9.0, 1.833),
            (0.95, 1.0, 12.706),
            (0.95, 30.0, 2.042),
            (0.9, f64::INFINITY, 1.645),
        ] {
            let found = two_sided_reach(mass, degrees);
            assert!(
                (found - printed).abs() < 0.0006,
                "{degrees} degrees: {found} is not {printed}"
            );
            assert!((two_sided(found, degrees) - (1.0 - mass)).abs() < 1e-12);
        }
        assert_eq!(two_sided_reach(0.0, 3.0), 0.0);
    }

    #[test]
    fn a_reach_undoes_the_distribution_for_any_mass_and_degrees() {
        for nth in 0..4_000 {
            let mass = 0.5 + 0.499 * f64::from(nth % 997) / 997.0;
            let degrees = libm::exp(f64::from(nth % 401) / 401.0 * 14.0);
            let found = two_sided(two_sided_reach(mass, degrees), degrees);
            assert!((found - (1.0 - mass)).abs() < 1e-9, "{mass} of {degrees}: {found}");
        }
        // scipy 1.17.1: stats.t.ppf(1 - (1 - mass) / 2, degrees).
        let found = two_sided_reach(0.968_904_011_842_144_5, 68.515_252_426_832_94);
        assert!((found - 2.201_168_719_208_468_3).abs() < 1e-9, "{found}");
    }

    #[test]
    fn the_degrees_of_a_difference_equal_those_of_scipy() {
        // scipy 1.17.1: ttest_ind_from_stats(11.5, 6, 12, 10, 5, 20, equal_var=False).df.
        let found = joint_degrees([(6.0 / 12.0_f64.sqrt(), 11.0), (5.0 / 20.0_f64.sqrt(), 19.0)]);
        assert!((found - 20.060_112_919_295_914).abs() < 1e-9, "{found}");
        assert_eq!(joint_degrees([(1.0, f64::INFINITY), (2.0, f64::INFINITY)]), f64::INFINITY);
    }

    #[test]
    fn the_loss_integral_equals_quadrature() {
        // scipy 1.17.1: integrate.quad(lambda x: (0.3 + 1.2 x) stats.t.pdf(x, 5), -0.25, inf).
        assert!((positive_part(0.3, 1.2, 5.0) - 0.733_557_195_172_095_3).abs() < 1e-9);
        assert!((positive_part(0.3, 1.2, 1e9) - positive_part(0.3, 1.2, 9e6)).abs() < 1e-6);
    }
}
