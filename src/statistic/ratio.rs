//! The ratio of two sums over the units of an arm, such as cost per request: what all units add to
//! the one over what they add to the other. Not the mean of each unit's own ratio, which counts a
//! unit with one request as much as one with fifty.
//!
//! Guarantees: the standard error is that over units (delta method), whatever happens within one; a
//! unit without events adds nothing to both sums.
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
        let reason = if units == 1 { UnknownError::OneUnit } else { UnknownError::NotGiven };
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

/// The ratio of an arm, from what each of its exposed units adds to numerator and denominator:
/// `R = sum N / sum D` with the variance `(var N - 2 R cov(N, D) + R^2 var D) / n / (mean D)^2`, which
/// is that of `N - R D` (A. Deng, U. Knoblich & J. Lu 2018, "Applying the delta method in metric
/// analytics", KDD, section 3). `None` where the denominators sum to 0.
#[must_use]
pub fn of_pairs(pairs: &[(f64, f64)]) -> Option<Tally> {
    let (over, under) = sums(pairs);
    if under == 0.0 {
        return None;
    }
    let value = over / under;
    let n = pairs.len() as f64;
    // N - R D sums to 0 over the units.
    let squares: f64 = pairs.iter().map(|(own, per)| own - value * per).map(|x| x * x).sum();
    let standard_error = (pairs.len() > 1).then(|| (squares * n / (n - 1.0)).sqrt() / under.abs());
    Some(Tally::Value { units: pairs.len() as u64, value, standard_error })
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
        for (units, value, error) in arms {
            let pairs = units.map(|(own, per)| (own, f64::from(per)));
            let Some(Tally::Value { units: 8, value: found, standard_error: Some(of) }) =
                of_pairs(&pairs)
            else {
                panic!("{:?}", of_pairs(&pairs));
            };
            assert!((found - value).abs() < 1e-14 && (of - error).abs() < 1e-14, "{found} {of}");
            // The influences are the same error but for n - 1.
            let squares: f64 = influences(&pairs, found).iter().map(|own| own * own).sum();
            assert!((squares * 8.0 / 7.0 - error * error).abs() < 1e-14);
        }
    }

    #[test]
    fn a_ratio_of_one_for_each_unit_is_the_mean() {
        let values = [1.5, 0.0, 4.0, 2.25, 8.0];
        let pairs = values.map(|own| (own, 1.0));
        let Some(Tally::Value { value, standard_error, .. }) = of_pairs(&pairs) else { panic!() };
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
}
