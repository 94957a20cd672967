//! Intervals of a treatment's difference from the control, absolute and relative to |control|.
//!
//! Relative differences have the published shape, symmetric by the delta method, as long as that is
//! sound: up to a relative error of the control of 30% (LaunchDarkly's published tables have up to
//! 28%), and only where it agrees with the probability to beat the control. Elsewhere the interval
//! has the shape of the ratio itself: its ends are the ratios r at which P(treatment <= r control)
//! is half of what the interval leaves out. For means that is Fieller's interval (E. C. Fieller
//! 1954, *JRSS B* 16, 175-185), for rates it is found by quadrature.
//!
//! Guarantees: an interval leaves out 0 exactly where the probability to beat the control lies
//! outside of the range that belongs to its mass (at 90%: above 95% or below 5%); no relative
//! difference where the control's own interval holds 0.

use super::compare::{Curve, rate_below};
use super::result::{Interval, Posterior};
use super::score::root;
use super::special::{interval_mass, two_sided_z};
use super::student::{joint_degrees, two_sided_reach};

/// Relative error of the control up to which the delta method's interval is shown.
const LARGEST_ERROR: f64 = 0.3;

/// The control's mean as something to be relative to: `None` when its interval, `reach` errors to
/// either side, holds 0.
pub(super) fn of_control(mean: f64, error: f64, reach: f64) -> Option<f64> {
    (mean.is_finite() && mean.abs() > reach * error).then_some(mean.abs())
}

/// Fieller's interval of (treatment - control) / |control|, `reach` errors wide, from (mean, error)
/// of both; `None` where it is not bounded, because the control's interval of that width holds 0.
pub(super) fn fieller(
    (mean, error): (f64, f64),
    (base, base_error): (f64, f64),
    reach: f64,
) -> Option<Interval> {
    let size = of_control(base, base_error, reach)?;
    let (ratio, own, relative) = (mean / base, error / size, base_error / size);
    let g = (reach * relative) * (reach * relative);
    let half = reach * ((1.0 - g) * own * own + ratio * ratio * relative * relative).sqrt();
    let (lower, upper) = ((ratio - half) / (1.0 - g) - 1.0, (ratio + half) / (1.0 - g) - 1.0);
    // Of a control below 0 a larger ratio is a lower treatment.
    let (lower, upper) = if base > 0.0 { (lower, upper) } else { (-upper, -lower) };
    (lower.is_finite() && upper.is_finite()).then_some(Interval { lower, upper })
}

/// Relative difference of posterior means and its interval of `mass`; `beats` is the probability to
/// beat the control, in either direction. `None` when the control's interval holds 0: a mean within
/// reach of 0, or a rate that nobody contributed to.
pub(super) fn difference(
    (treatment, curve): (&Posterior, &Curve),
    (control, base_curve): (&Posterior, &Curve),
    beats: f64,
    mass: f64,
) -> Option<(f64, Interval)> {
    let (mean, sd) = (treatment.mean(), treatment.sd());
    let (base, base_sd) = (control.mean(), control.sd());
    let size = match control {
        Posterior::Beta { a, .. } => (*a > 1.0).then_some(base)?,
        _ => of_control(base, base_sd, two_sided_reach(mass, control.degrees()))?,
    };
    let reach = two_sided_reach(
        mass,
        joint_degrees([(sd, treatment.degrees()), (base_sd, control.degrees())]),
    );
    let difference = (mean - base) / size;
    let half = reach * libm::hypot(sd / size, mean / base * (base_sd / size));
    let symmetric = Interval { lower: difference - half, upper: difference + half };
    let half_left = 0.5 * (1.0 - interval_mass(mass));
    let decided = beats < half_left || beats > 1.0 - half_left;
    let sound = base_sd <= LARGEST_ERROR * size
        && decided == (symmetric.lower > 0.0 || symmetric.upper < 0.0);
    let interval = if sound {
        symmetric
    } else {
        match (curve, base_curve) {
            (Curve::Logit(own), Curve::Logit(base)) => {
                // On the log scale the ratio is nearly normal, which brackets its ends.
                let log_sd = libm::hypot(sd / mean, base_sd / size);
                let end = |share: f64| {
                    let center = libm::log(mean / size);
                    let (from, to) = (center - 12.0 * log_sd - 1.0, center + 12.0 * log_sd + 1.0);
                    libm::exp(root(from, to, |ratio| {
                        share - rate_below(own, base, libm::exp(ratio), 0.0)
                    })) - 1.0
                };
                Interval { lower: end(half_left), upper: end(1.0 - half_left) }
            }
            _ => fieller((mean, sd), (base, base_sd), reach)?,
        }
    };
    (difference.is_finite() && interval.lower.is_finite() && interval.upper.is_finite())
        .then_some((difference, interval))
}

/// The interval of treatment - control that holds `mass`, with equal chances beyond either end.
pub(super) fn absolute(treatment: &Posterior, control: &Posterior, mass: f64) -> Option<Interval> {
    let (mean, base) = (treatment.mean(), control.mean());
    let interval = match (Curve::new(treatment), Curve::new(control)) {
        (Curve::Logit(own), Curve::Logit(base)) => {
            let half_left = 0.5 * (1.0 - interval_mass(mass));
            let end = |share: f64| root(-1.0, 1.0, |d| share - rate_below(&own, &base, 1.0, d));
            if two_sided_z(mass) > 0.0 {
                Interval { lower: end(half_left), upper: end(1.0 - half_left) }
            } else {
                return None;
            }
        }
        (
            Curve::Located { sd, degrees, .. },
            Curve::Located { sd: base_sd, degrees: base_degrees, .. },
        ) => {
            let reach =
                two_sided_reach(mass, joint_degrees([(sd, degrees), (base_sd, base_degrees)]))
                    * libm::hypot(sd, base_sd);
            Interval { lower: mean - base - reach, upper: mean - base + reach }
        }
        _ => return None,
    };
    (interval.lower.is_finite() && interval.upper.is_finite()).then_some(interval)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::compare::comparison;
    use super::*;

    fn compared(
        treatment: Posterior,
        control: Posterior,
        mass: f64,
    ) -> (f64, Option<Interval>, Option<Interval>) {
        let (own, base) = (Curve::new(&treatment), Curve::new(&control));
        let found = comparison((&treatment, &own), (&control, &base), 1.0, mass);
        (found.probability_to_beat, found.relative_interval, absolute(&treatment, &control, mass))
    }

    #[test]
    fn the_interval_of_a_ratio_equals_fiellers_own_formula() {
        // scipy 1.17.1, `brentq` on (m - r b)^2 = z^2 (s^2 + r^2 t^2): 12 +- 3 against 10 +- 4 at
        // 90%, relative.
        let found = fieller((12.0, 3.0), (10.0, 4.0), 1.644_853_626_951_472_2).unwrap();
        assert!(
            (found.lower + 0.422_708_105_330_814_8).abs() < 1e-9
                && (found.upper - 2.654_668_578_180_065).abs() < 1e-9,
            "{found:?}"
        );
        assert_eq!(
            fieller((12.0, 3.0), (10.0, 4.0), 2.6),
            None,
            "2.6 errors of the control hold 0"
        );
    }

    #[test]
    fn of_a_negative_control_the_sign_is_that_of_the_difference() {
        let normal = |mean| Posterior::Normal { mean, sd: 0.2 };
        let (_, worse, _) = compared(normal(-15.0), normal(-10.0), 0.9);
        let (_, better, _) = compared(normal(-5.0), normal(-10.0), 0.9);
        let (worse, better) = (worse.unwrap(), better.unwrap());
        assert!(worse.lower < -0.5 && worse.upper > -0.5 && worse.upper < 0.0, "{worse:?}");
        assert!(better.lower > 0.0 && better.lower < 0.5 && better.upper > 0.5, "{better:?}");
    }

    #[test]
    fn a_wide_percentile_that_never_beats_the_control_has_an_interval_above_zero() {
        // The shape that contradicted itself: -62% to +721% beside "less than 0.1% beats the
        // control" (lower is better).
        let control = Posterior::Normal { mean: 1000.0, sd: 350.0 };
        let treatment = Posterior::Normal { mean: 4300.0, sd: 900.0 };
        let (above, interval, absolute) = compared(treatment, control, 0.9);
        assert!(
            above > 0.999 && interval.unwrap().lower > 0.0 && absolute.unwrap().lower > 0.0,
            "{above} {interval:?}"
        );
    }

    #[test]
    fn a_control_within_reach_of_zero_has_no_relative_difference() {
        let control = Posterior::Normal { mean: 0.5, sd: 0.4 };
        let (_, none, some) = compared(Posterior::Normal { mean: 3.0, sd: 0.1 }, control, 0.9);
        assert!(none.is_none() && some.is_some());
        let nobody = Posterior::Beta { a: 1.0, b: 1001.0 };
        assert!(compared(Posterior::Beta { a: 26.0, b: 1001.0 }, nobody, 0.9).1.is_none());
    }

    fn posterior() -> impl Strategy<Value = [Posterior; 2]> {
        let normal =
            (-20.0..20.0_f64, 0.01..8.0_f64).prop_map(|(mean, sd)| Posterior::Normal { mean, sd });
        let student = (-20.0..20.0_f64, 0.01..8.0_f64, 1.0..99.0_f64);
        let student =
            student.prop_map(|(mean, sd, degrees)| Posterior::Student { mean, sd, degrees });
        let located = prop_oneof![normal, student];
        let beta = (0.5..80.0_f64, 0.5..900.0_f64).prop_map(|(a, b)| Posterior::Beta { a, b });
        prop_oneof![proptest::array::uniform2(located), proptest::array::uniform2(beta)]
    }

    proptest! {
        #[test]
        fn an_interval_leaves_out_zero_exactly_where_the_probability_is_out_of_range(pair in posterior(), mass in 0.5..0.99_f64) {
            let [treatment, control] = pair;
            let (beats, relative, absolute) = compared(treatment, control, mass);
            let left = 0.5 * (1.0 - mass);
            // On the very edge rounding decides.
            if (beats - left).abs().min((beats - 1.0 + left).abs()) > 1e-7 {
                let decided = beats < left || beats > 1.0 - left;
                let absolute = absolute.unwrap();
                prop_assert_eq!(absolute.lower > 0.0 || absolute.upper < 0.0, decided, "{:?} {:?}", beats, absolute);
                if let Some(relative) = relative {
                    prop_assert_eq!(relative.lower > 0.0 || relative.upper < 0.0, decided, "{:?} {:?}", beats, relative);
                }
            }
        }
    }
}
