//! Intervals for two rates by the score method: the difference and the ratio that the data do not
//! contradict.
//!
//! O. Miettinen & M. Nurminen 1985, "Comparative analysis of two rates", *Statistics in Medicine*
//! 4, 213-226: the interval is the set of differences (ratios) whose score statistic, with the
//! rates fitted under that difference (ratio), stays below the critical value. At no difference
//! both statistics are the same, so both intervals leave it out together.
//!
//! Guarantees: defined for arms with no conversions and with nothing else; bounded iteration.

/// Steps of a root search at most.
const STEPS: usize = 120;

/// Two arms: conversions and users.
#[derive(Clone, Copy, Debug)]
pub(super) struct ArmRates {
    pub own: f64,
    pub users: f64,
    pub base: f64,
    pub control: f64,
}

impl ArmRates {
    /// The treatment's rate less the control's.
    pub(super) fn difference(self) -> f64 {
        self.own / self.users - self.base / self.control
    }

    /// Signed statistic of "there is no difference": the pooled z, times sqrt((N - 1) / N).
    pub(super) fn statistic(self) -> f64 {
        self.at_difference(0.0)
    }

    fn scaled(self, distance: f64, variance: f64) -> f64 {
        let all = self.users + self.control;
        let sd = (variance * all / (all - 1.0)).sqrt();
        // Without a variance only the observed difference itself is possible.
        if sd > 0.0 {
            distance / sd
        } else if distance == 0.0 {
            0.0
        } else {
            distance.signum() * f64::INFINITY
        }
    }

    /// Statistic of "the difference is `d`".
    fn at_difference(self, d: f64) -> f64 {
        let base = self.fitted_base(d);
        let own = (base + d).clamp(0.0, 1.0);
        let variance = own * (1.0 - own) / self.users + base * (1.0 - base) / self.control;
        self.scaled(self.difference() - d, variance)
    }

    /// The control's rate of the greatest likelihood when the treatment's is `d` higher: the root
    /// of a cubic (their appendix), polished by Newton's method on the score, which has one root
    /// between the ends.
    fn fitted_base(self, d: f64) -> f64 {
        let (all, conversions) = (self.users + self.control, self.own + self.base);
        let (from, to) = ((-d).max(0.0), (1.0 - d).min(1.0));
        if d == 0.0 {
            return conversions / all;
        }
        let l2 = (self.users + 2.0 * self.control) * d - all - conversions;
        let l1 = (self.control * d - all - 2.0 * self.base) * d + conversions;
        let l0 = self.base * d * (1.0 - d);
        let third = l2 / (3.0 * all);
        let q = third * third * third - l1 * l2 / (6.0 * all * all) + l0 / (2.0 * all);
        let p =
            (third * third - l1 / (3.0 * all)).max(0.0).sqrt() * if q < 0.0 { -1.0 } else { 1.0 };
        let cubed = p * p * p;
        let angle = if cubed == 0.0 { 0.0 } else { (q / cubed).clamp(-1.0, 1.0) };
        let mut rate = (2.0 * p * libm::cos((std::f64::consts::PI + libm::acos(angle)) / 3.0)
            - third)
            .clamp(from, to);
        for _ in 0..3 {
            let own = rate + d;
            if !(rate > from && rate < to && own > 0.0 && own < 1.0) {
                break;
            }
            let (missed, left) = (self.users - self.own, self.control - self.base);
            let score =
                self.own / own - missed / (1.0 - own) + self.base / rate - left / (1.0 - rate);
            let slope = self.own / (own * own)
                + missed / ((1.0 - own) * (1.0 - own))
                + self.base / (rate * rate)
                + left / ((1.0 - rate) * (1.0 - rate));
            let next = rate + score / slope;
            if !(next > from && next < to) {
                break;
            }
            rate = next;
        }
        rate
    }

    /// Statistic of "the ratio is `ratio`".
    fn at_ratio(self, ratio: f64) -> f64 {
        let all = self.users + self.control;
        let a = all * ratio;
        let b = self.users * ratio + self.own + self.control + self.base * ratio;
        let c = self.own + self.base;
        // The smaller root of a p^2 - b p + c, in the form that does not cancel.
        let base = (2.0 * c / (b + (b * b - 4.0 * a * c).max(0.0).sqrt())).min(1.0);
        let own = (ratio * base).min(1.0);
        let variance =
            own * (1.0 - own) / self.users + ratio * ratio * base * (1.0 - base) / self.control;
        self.scaled(self.own / self.users - ratio * self.base / self.control, variance)
    }

    /// The differences whose statistic stays within `critical`.
    pub(super) fn difference_interval(self, critical: f64) -> (f64, f64) {
        let found = self.difference();
        let lower = root(-1.0, found, |d| self.at_difference(d) - critical);
        let upper = root(found, 1.0, |d| self.at_difference(d) + critical);
        (lower, upper)
    }

    /// The ratios whose statistic stays within `critical`; the control has conversions. `None`
    /// where no ratio is too high.
    pub(super) fn ratio_interval(self, critical: f64) -> Option<(f64, f64)> {
        let found = (self.own / self.users) / (self.base / self.control);
        let lower = if self.own == 0.0 {
            0.0
        } else {
            root(0.0, found, |ratio| self.at_ratio(ratio) - critical)
        };
        let mut most = 2.0 * found.max(1.0 / self.users);
        while self.at_ratio(most) > -critical {
            most *= 4.0;
            if most > 1e18 {
                return None;
            }
        }
        Some((lower, root(found, most, |ratio| self.at_ratio(ratio) + critical)))
    }
}

/// Where a falling function passes 0 between `from` and `to`: the Illinois variant of false
/// position inside a bracket. The end where it does not pass: `from` where it is negative already,
/// `to` where it is positive still.
pub(super) fn root(from: f64, to: f64, f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (from, to);
    let (mut at_low, mut at_high) = (f(low), f(high));
    if at_low <= 0.0 {
        return low;
    }
    if at_high >= 0.0 {
        return high;
    }
    let mut side = 0;
    for step in 0..STEPS {
        let secant = (low * at_high - high * at_low) / (at_high - at_low);
        // Infinite values at an end, and every fourth step, halve the bracket.
        let middle = if secant > low && secant < high && step % 4 != 3 {
            secant
        } else {
            0.5 * (low + high)
        };
        if high - low <= 1e-15 * (low.abs() + high.abs()) || middle <= low || middle >= high {
            break;
        }
        let value = f(middle);
        if value > 0.0 {
            low = middle;
            at_low = value;
            if side == 1 {
                at_high *= 0.5;
            }
            side = 1;
        } else if value < 0.0 {
            high = middle;
            at_high = value;
            if side == -1 {
                at_low *= 0.5;
            }
            side = -1;
        } else {
            return middle;
        }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    const Z: f64 = 1.959_963_984_540_054;

    fn rates(own: f64, users: f64, base: f64, control: f64) -> ArmRates {
        ArmRates { own, users, base, control }
    }

    #[test]
    fn intervals_of_differences_equal_published_ones() {
        // R. G. Newcombe 1998, *Statistics in Medicine* 17, 873-890, table II, method 6 (Miettinen
        // & Nurminen), four digits.
        for (arms, lower, upper) in [
            (rates(56.0, 70.0, 48.0, 80.0), 0.0528, 0.3382),
            (rates(9.0, 10.0, 3.0, 10.0), 0.1700, 0.8406),
        ] {
            let found = arms.difference_interval(Z);
            assert!(
                (found.0 - lower).abs() < 5.1e-5 && (found.1 - upper).abs() < 5.1e-5,
                "{arms:?}: {found:?}"
            );
        }
    }

    #[test]
    fn intervals_equal_those_of_a_likelihood_that_scipy_maximizes() {
        // scipy 1.17.1: `minimize_scalar` for the fitted rates, `brentq` for the ends.
        let known = [
            (
                rates(3.0, 1e4, 10.0, 1e4),
                -0.001_573_764_651_601_5,
                7.577_858_833_2e-6,
                Some((0.089_096_593_584_6, 1.009_978_297_902_7)),
            ),
            (
                rates(473.0, 1377.0, 458.0, 1350.0),
                -0.031_359_449_067_6,
                0.039_814_762_313_9,
                Some((0.912_267_394_565_6, 1.123_839_754_074_3)),
            ),
            (
                rates(0.0, 100.0, 5.0, 100.0),
                -0.111_954_893_087_4,
                -0.011_903_842_317_2,
                Some((0.0, 0.755_486_240_171_3)),
            ),
            (rates(10.0, 10.0, 0.0, 20.0), 0.715_618_660_465_6, 1.0, None),
        ];
        for (arms, lower, upper, ratio) in known {
            let found = arms.difference_interval(Z);
            assert!(
                (found.0 - lower).abs() < 1e-8 && (found.1 - upper).abs() < 1e-8,
                "{arms:?}: {found:?}"
            );
            let Some((low, high)) = ratio else { continue };
            let found = arms.ratio_interval(Z).unwrap();
            assert!(
                (found.0 - low).abs() < 1e-6 && (found.1 - high).abs() < 1e-6,
                "{arms:?}: {found:?}"
            );
        }
    }
}
