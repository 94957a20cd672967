//! Two rates against each other, given their sum: the mid-p version of Fisher's exact test.
//!
//! Under equal rates the treatment's conversions, given those of both arms, are hypergeometric,
//! whatever the rate. Half of the observed table's own probability counts (H. O. Lancaster 1961,
//! *JASA* 56, 223-234), because counting all of it makes the test err far less often than it says
//! (M. W. Fagerland, S. Lydersen & P. Laake 2013, *BMC Medical Research Methodology* 13, 91,
//! recommend it for two rates). Unlike a z test it holds its level for rare events and for uneven
//! splits.
//!
//! Guarantees: the sum of both tails is 1; no factorial overflows; at most some hundred thousand
//! terms for a billion users.

/// The tails of the treatment's count: how likely so many or fewer, and so many or more, half of
/// the count itself each.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tails {
    /// Mid-p of "so many or fewer".
    pub below: f64,
    /// Mid-p of "so many or more".
    pub above: f64,
}

impl Tails {
    /// Two-sided p-value: twice the smaller tail.
    pub(super) fn two_sided(self) -> f64 {
        (2.0 * self.below.min(self.above)).min(1.0)
    }
}

/// Tails of `own` conversions of `users`, against those of the control, when both rates are equal.
pub(super) fn tails((own, users): (u64, u64), (base, control): (u64, u64)) -> Tails {
    let (x, n, m) = (own as f64, users as f64, control as f64);
    let total = x + base as f64;
    let ln_choose =
        |n: f64, k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let point =
        libm::exp(ln_choose(n, x) + ln_choose(m, total - x) - ln_choose(n + m, total)).min(1.0);
    // Outward from the observed count, away from the mean: the terms only fall.
    let upward = x * (n + m) >= total * n;
    let (mut term, mut beyond, mut k) = (point, 0.0, x);
    loop {
        let ratio = if upward {
            (n - k) * (total - k) / ((k + 1.0) * (m - total + k + 1.0))
        } else {
            k * (m - total + k) / ((n - k + 1.0) * (total - k + 1.0))
        };
        term *= ratio;
        beyond += term;
        k += if upward { 1.0 } else { -1.0 };
        // Also ends where the count can go no further: its ratio is 0.
        if term.is_nan() || term <= 1e-17 * (beyond + point) {
            break;
        }
    }
    let tail = (beyond + 0.5 * point).min(1.0);
    if upward {
        Tails { below: 1.0 - tail, above: tail }
    } else {
        Tails { below: tail, above: 1.0 - tail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_equal_those_of_scipy() {
        // scipy 1.17.1: 2 * (stats.hypergeom.cdf(k, N, K, n) - 0.5 * pmf), or sf for the upper
        // tail.
        let known = [
            ((3, 10_000), (10, 10_000), 0.057_299_736_951_121_37),
            ((25, 1000), (0, 1000), 2.560_332_312_534_107_8e-8),
            ((0, 1000), (40, 1000), 6.109_435_658_608_568e-13),
            ((565, 5000), (500, 5000), 0.035_163_008_300_089_11),
        ];
        for (own, base, expected) in known {
            let found = tails(own, base).two_sided();
            assert!(
                (found / expected - 1.0).abs() < 1e-6,
                "{own:?} against {base:?}: {found} is not {expected}"
            );
        }
    }

    #[test]
    fn tails_are_mirrored_and_ends_are_reached() {
        let (one, other) = (tails((7, 90), (12, 300)), tails((12, 300), (7, 90)));
        assert!(
            (one.above - other.below).abs() < 1e-12 && (one.above + one.below - 1.0).abs() < 1e-15
        );
        for none in [tails((0, 50), (0, 70)), tails((50, 50), (70, 70))] {
            assert_eq!(none.two_sided(), 1.0);
        }
        assert!(
            tails((500_100_000, 1_000_000_000), (500_000_000, 1_000_000_000)).two_sided() < 1e-4
        );
    }
}
