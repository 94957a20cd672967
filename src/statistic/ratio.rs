//! The ratio of two sums over the units of an arm, such as cost per request: what all units add to
//! the one over what they add to the other. Not the mean of each unit's own ratio, which counts a
//! unit with one request as much as one with fifty.
//!
//! Guarantees: the standard error is that over units (delta method), whatever happens within one; a
//! unit without events adds nothing to both sums. Where the denominator is weak, the error is that of
//! Fieller's interval, and there is none where the denominator may as well be 0.
//!
//! Does not know: which events are summed.

use super::{
    Explanation, LaunchDarklyAnalysis, MetricKind, PriorKind, StatisticDefinition, Tally,
    UnknownError,
};

/// What a ratio declares. Its units enter with two numbers, see [`of_pairs`].
pub(super) static DEFINITION: StatisticDefinition = StatisticDefinition {
    name: "Ratio",
    parameter: None,
    kind: MetricKind::Numeric,
    prior: PriorKind::Mean,
    linear: false,
    in_launchdarkly: LaunchDarklyAnalysis::Mean,
    entering: |value, _| value,
    tally: |_, _, _, _| None,
    unknown: |units, error, _| {
        let reason = if units == 1 { UnknownError::OneUnit } else { UnknownError::WeakDenominator };
        error.is_none().then_some(reason)
    },
    influence: |_, _, _| None,
    words: Some(|_| "ratio of sums over users".to_owned()),
    explanation: Some(Explanation {
        name: "ratio metric",
        aliases: &["ratio", "ratio of sums", "cost per request", "delta method", "per request"],
        says: [
            "A ratio metric divides a sum over all users by another: all costs by all requests.",
            "Its standard error is that over users, because the requests of one user are alike.",
            "The mean of each user's own ratio is another number: it counts a user with one request as much as one with fifty.",
        ],
        formula: "R = sum N / sum D; standard error = sqrt((var N - 2 R cov(N, D) + R^2 var D) / n) / mean D",
        source: "Deng, Knoblich & Lu 2018, Applying the delta method in metric analytics, KDD, section 3",
        see: &["measured", "posterior"],
    }),
};

/// The ratio of an arm, from what each of its exposed units adds to numerator and denominator: `R =
/// sum N / sum D` with the variance `(var N - 2 R cov(N, D) + R^2 var D) / n / (mean D)^2`, which
/// is that of `N - R D` (A. Deng, U. Knoblich & J. Lu 2018, "Applying the delta method in metric
/// analytics", KDD, section 3). `None` where the denominators sum to 0.
#[must_use]
pub fn of_pairs(pairs: &[(f64, f64)]) -> Option<Tally> {
    sums_of(pairs).map(|sums| sums.tally())
}

fn sums_of(pairs: &[(f64, f64)]) -> Option<RatioSums> {
    let (over, under) = sums(pairs);
    if under == 0.0 {
        return None;
    }
    let value = over / under;
    let n = pairs.len() as f64;
    // N - R D sums to 0 over the units.
    let squares: f64 = pairs.iter().map(|(own, per)| own - value * per).map(|x| x * x).sum();
    let (mean_over, mean_under) = (over / n, under / n);
    let (mut both, mut per) = (0.0, 0.0);
    for (own, unit) in pairs {
        both += (own - mean_over) * (unit - mean_under);
        per += (unit - mean_under) * (unit - mean_under);
    }
    Some(RatioSums { units: pairs.len() as u64, value, under, squares, both, per })
}

/// What the error of a ratio follows from.
struct RatioSums {
    units: u64,
    value: f64,
    /// Sum of the denominators.
    under: f64,
    /// Sum of the squares of `N - R D`.
    squares: f64,
    /// Sum of the products of the distances of numerator and denominator from their means.
    both: f64,
    /// The same of the denominator with itself.
    per: f64,
}

/// Normal quantile of the 90% interval that Fieller's error is read off.
const REACH: f64 = 1.644_853_626_951_472_2;
/// Fieller's g above which the delta method's symmetric error is too small: the usual limit (D. J.
/// Finney 1978, "Statistical method in biological assay", 3rd edition, chapter 4).
const WEAK: f64 = 0.05;

impl RatioSums {
    fn tally(&self) -> Tally {
        let Self { units, value, .. } = *self;
        let standard_error = if units > 1 { self.error() } else { None };
        Tally::Value { units, value, standard_error }
    }

    /// The error of the delta method.
    fn delta(&self) -> f64 {
        let n = self.units as f64;
        (self.squares * n / (n - 1.0)).sqrt() / self.under.abs()
    }

    /// The error: of the delta method, or where the denominator is weak the longer half of Fieller's
    /// 90% interval as a number of standard errors (E. C. Fieller 1954, "Some problems in interval
    /// estimation", JRSS B 16, 175-185). `None` where the interval has no end.
    fn error(&self) -> Option<f64> {
        let n = self.units as f64;
        let delta = self.delta();
        let scale = n / (n - 1.0) / (self.under * self.under);
        let (variance, both, per) = (delta * delta, self.both * scale, self.per * scale);
        // How far the denominator is from 0, in its own errors: g is 1 where it may be 0.
        let g = REACH * REACH * per;
        if g < WEAK {
            return Some(delta);
        }
        if g >= 1.0 {
            return None;
        }
        // All variances are over the squared mean of the denominator. With b for a bound, the roots of
        // (N - b D)^2 = z^2 var(N - b D), around the ratio.
        let shift = REACH * REACH * (self.value * per - both) / (1.0 - g);
        let under_root = variance
            - REACH
                * REACH
                * (variance * per - (both - self.value * per) * (both - self.value * per));
        let half = REACH * under_root.max(0.0).sqrt() / (1.0 - g);
        Some(((shift.abs() + half) / REACH).max(delta))
    }
}

/// The same from the sums of numerator and denominator, and those of the products of their distances
/// from their means: of the numerator with itself, of both, of the denominator with itself.
#[must_use]
pub fn of_sums(units: u64, [over, under]: [f64; 2], products: [f64; 3]) -> Option<Tally> {
    if units == 0 || under == 0.0 {
        return None;
    }
    let value = over / under;
    let [own, both, per] = products;
    let squares = (own - 2.0 * value * both + value * value * per).max(0.0);
    Some(RatioSums { units, value, under, squares, both, per }.tally())
}

/// What each unit adds to the error of the ratio `value`.
#[must_use]
pub fn influences(pairs: &[(f64, f64)], value: f64) -> Vec<f64> {
    let (_, under) = sums(pairs);
    pairs.iter().map(|(own, per)| (own - value * per) / under).collect()
}

fn sums(pairs: &[(f64, f64)]) -> (f64, f64) {
    pairs.iter().fold((0.0, 0.0), |(over, under), (own, per)| (over + own, under + per))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn value_and_error_equal_those_of_the_formula_by_other_means() {
        // By Python's `statistics` and the covariances of the formula, with n - 1: value, error.
        let arms = [
            (
                [(3.0, 1), (5.5, 2), (0.0, 0), (2.5, 1), (9.0, 4), (4.0, 2), (1.0, 1), (7.5, 3)],
                2.321_428_571_428_571_6,
                0.147_971_749_742_851_35,
            ),
            (
                [(4.0, 1), (6.0, 2), (1.0, 1), (0.0, 0), (12.0, 4), (5.0, 1), (2.0, 2), (8.0, 3)],
                2.714_285_714_285_714_4,
                0.367_994_246_658_650_8,
            ),
        ];
        let (mut difference, mut variance) = (0.0, 0.0);
        for (units, value, error) in arms {
            let pairs = units.map(|(own, per)| (own, f64::from(per)));
            let sums = sums_of(&pairs).unwrap();
            let (found, of) = (sums.value, sums.delta());
            assert!((found - value).abs() < 1e-14 && (of - error).abs() < 1e-14, "{found} {of}");
            // The influences are the same error but for n - 1.
            let squares: f64 = influences(&pairs, found).iter().map(|own| own * own).sum();
            assert!((squares * 8.0 / 7.0 - error * error).abs() < 1e-14);
            (difference, variance) = (found - difference, variance + of * of);
        }
        // tea-tasting 1.14.0, `RatioOfMeans("n", "d", use_t=False, equal_var=False)`: its
        // statistic.
        assert!((difference / variance.sqrt() - 0.990_487_566_944_842_7).abs() < 1e-13);
    }

    #[test]
    fn a_ratio_of_one_for_each_unit_is_the_mean() {
        let values = [1.5, 0.0, 4.0, 2.25, 8.0];
        let pairs = values.map(|own| (own, 1.0));
        let Some(Tally::Value { value, standard_error, .. }) = of_pairs(&pairs) else { panic!() };
        let products = [37.7, 0.0, 0.0];
        let Some(Tally::Value { standard_error: Some(by_sums), .. }) =
            of_sums(5, [15.75, 5.0], products)
        else {
            panic!()
        };
        assert!((by_sums - standard_error.unwrap()).abs() < 1e-14);
        let mean = super::super::mean::DEFINITION.tally;
        let Some(Tally::Mean { units, total, standard_error: of_mean }) =
            mean(&mut values.clone(), 5, super::super::Missing::Zero, 0.0)
        else {
            panic!()
        };
        assert_eq!(value, total / units as f64);
        assert!((standard_error.unwrap() - of_mean.unwrap()).abs() < 1e-15);
        assert_eq!(of_pairs(&[(0.0, 0.0), (1.0, 0.0)]), None);
    }

    #[test]
    fn a_weak_denominator_has_the_error_of_fiellers_interval_or_none() {
        // Few units, most of which have no denominator: the bound has to be a root of (mean N - b mean
        // D)^2 = z^2 var(N - b D) / n, which is computed here from the definition.
        let pairs: Vec<(f64, f64)> = (0..24)
            .map(|i| {
                if i % 3 == 0 { (f64::from(i % 7) + 2.0, f64::from(1 + i % 2)) } else { (0.0, 0.0) }
            })
            .collect();
        let sums = sums_of(&pairs).unwrap();
        let error = sums.error().unwrap();
        assert!(error > sums.delta() * 1.02, "{error} {}", sums.delta());
        let n = pairs.len() as f64;
        let distance = |bound: f64| {
            let own: Vec<f64> = pairs.iter().map(|(over, under)| over - bound * under).collect();
            let mean = own.iter().sum::<f64>() / n;
            let variance = own.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0) / n;
            mean.abs() / variance.sqrt()
        };
        let ends = [sums.value - error * REACH, sums.value + error * REACH].map(distance);
        let farther = ends[0].max(ends[1]);
        let exact = ends.iter().any(|own| (own - REACH).abs() < 1e-9);
        assert!(exact && farther >= REACH - 1e-9, "{ends:?}");
        // One unit in forty has a denominator: it may as well be 0.
        let mut rare = vec![(0.0, 0.0); 40];
        rare[0] = (3.0, 1.0);
        let Some(Tally::Value { units: 40, standard_error: None, .. }) = of_pairs(&rare) else {
            panic!("{:?}", of_pairs(&rare));
        };
    }

    #[test]
    fn the_90_percent_interval_of_a_weak_ratio_covers_90_percent() {
        use crate::random::{Owner, Purpose, Seed};
        // A truth outside of the model: a third of the units order, with log-normal amounts for each
        // of 1 or 2 orders; the ratio is the mean amount, exp(0.125).
        let mut luck = Seed(11).stage(Purpose::Effort, Owner::NOBODY, 3);
        let truth = libm::exp(0.125);
        for n in [20, 40] {
            let (mut by_delta, mut by_fieller, mut without) = (0, 0, 0);
            for _ in 0..4_000 {
                let pairs: Vec<(f64, f64)> = (0..n)
                    .map(|_| match luck.uniform() {
                        own if own > 0.36 => (0.0, 0.0),
                        own if own > 0.12 => (luck.log_normal(1.0, 0.5), 1.0),
                        _ => (luck.log_normal(1.0, 0.5) + luck.log_normal(1.0, 0.5), 2.0),
                    })
                    .collect();
                let Some(sums) = sums_of(&pairs) else { continue };
                let apart = (sums.value - truth).abs() / REACH;
                by_delta += usize::from(apart <= sums.delta());
                match sums.error() {
                    Some(error) => by_fieller += usize::from(apart <= error),
                    None => without += 1,
                }
            }
            let share = |covered: usize, of: usize| covered as f64 / of as f64;
            let (delta, fieller) = (share(by_delta, 4_000), share(by_fieller, 4_000 - without));
            println!("n = {n}: delta {delta}, Fieller {fieller}, {without} without");
            assert!(
                delta < 0.89 && fieller > delta && (0.86..0.96).contains(&fieller),
                "{n}: {delta} {fieller}"
            );
        }
    }
}
