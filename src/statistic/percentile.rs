//! A sample percentile and its standard error, without sorting all of the sample.
//!
//! Guarantees: one pass of selection plus a sort of the few values around the percentile; `None`
//! where values are missing.
//!
//! Does not know: where the values come from.

use super::{
    Explanation, LaunchDarklyAnalysis, MetricKind, PriorKind, StatisticDefinition, Tally,
    UnitInfluence, UnknownError,
};
use crate::quantity::Probability;

/// What a percentile declares.
pub(super) static DEFINITION: StatisticDefinition = StatisticDefinition {
    name: "Percentile",
    parameter: Some(("percentile", 0.95)),
    kind: MetricKind::Percentile,
    prior: PriorKind::Percentile,
    linear: false,
    in_launchdarkly: LaunchDarklyAnalysis::Percentile,
    entering: |value, _| value,
    tally: |values, _, _, p| {
        let units = values.len() as u64;
        let sample = percentile(values, Probability::clamped(p))?;
        Some(Tally::Value { units, value: sample.value, standard_error: sample.standard_error })
    },
    unknown,
    influence,
    words: None,
    explanation: Some(Explanation {
        name: "p95",
        aliases: &["percentile", "p99", "p90", "p50", "median", "95th percentile", "tail latency"],
        says: [
            "The p95 is the value that 95 of 100 users stay below: it describes the slowest users.",
            "Its uncertainty comes from the order statistics around it, not from the spread of all values.",
            "It needs many more users than a mean, since only one user in twenty lies beyond it.",
        ],
        formula: "interpolated order statistic (definition 7); standard error = distance of the order statistics 1.645 binomial standard deviations to either side / (2 x 1.645)",
        source: "Hyndman & Fan 1996, The American Statistician 50, 361-365; Deng, Knoblich & Lu 2018, section 4",
        see: &["measured", "posterior"],
    }),
};

/// The fewest values of which at least one is expected beyond the percentile on either side: 20 for
/// the 95th, 100 for the 99th.
fn least_values(percentile: f64) -> u64 {
    let beyond = percentile.min(1.0 - percentile);
    if beyond > 0.0 { (1.0 / beyond - 1e-9).ceil() as u64 } else { u64::MAX }
}

fn unknown(units: u64, standard_error: Option<f64>, p: f64) -> Option<UnknownError> {
    let least = least_values(p);
    match standard_error {
        _ if units < least => Some(UnknownError::TooFew { percentile: p, units, least }),
        // Equal values around the percentile say that it is there, not how far the next sample's
        // would be.
        Some(0.0) => Some(UnknownError::Ties),
        None => Some(UnknownError::NotGiven),
        Some(_) => None,
    }
}

fn influence(tally: Tally, value: f64, p: f64) -> Option<UnitInfluence> {
    let Tally::Value { units, standard_error, .. } = tally else { return None };
    // The density at the percentile is what its standard error says it is.
    let density = (p * (1.0 - p) / units as f64).sqrt() / standard_error?;
    if density.is_nan() || density.is_infinite() {
        return None;
    }
    Some(Box::new(move |own| (p - f64::from(u8::from(own <= value))) / density))
}

/// Half width of the order-statistic interval in standard deviations of a rank: that of 90%.
const REACH: f64 = 1.644_853_626_951_472_2;
/// Continuity correction of a rank: between none (the simulated interval covers 88%) and the usual
/// half (93% at 100 users).
const CONTINUITY: f64 = 0.25;

/// A percentile with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentileEstimate {
    /// The sample percentile, in the unit of the values.
    pub value: f64,
    /// Its standard error; `None` when fewer than one value is expected beyond the percentile on
    /// either side (20 values for the 95th), 0 when all values are equal.
    pub standard_error: Option<f64>,
}

/// The percentile `p` of `values` and its standard error; reorders the values. `None` when there
/// are none, or when one is not a finite number.
///
/// The percentile interpolates between order statistics (definition 7 of R. J. Hyndman & Y. Fan
/// 1996, *The American Statistician* 50, 361-365; NumPy's default). Its standard error is the
/// distance of the order statistics whose ranks lie 1.645 binomial standard deviations below and
/// above, over twice 1.645: the order-statistic interval that A. Deng, U. Knoblich & J. Lu 2018
/// ("Applying the Delta Method in Metric Analytics", section 4) propose for percentile metrics.
/// Where the sample ends before that rank, the distance that there is counts for as many standard
/// deviations as it spans.
///
/// Where both order statistics are equal (a timeout, a cap, whole seconds), their distance says
/// that there are ties, not that the percentile is known. Then the next lower and the next higher
/// value are taken instead: the closest places at which the next sample's percentile could be. It
/// errs on the wide side.
pub fn percentile(values: &mut [f64], p: Probability) -> Option<PercentileEstimate> {
    let ranks = PercentileRanks::of(p, values.len() as u64)?;
    if values.iter().any(|v| !v.is_finite()) {
        return None;
    }
    let last = values.len().checked_sub(1)?;
    // Everything that is read lies between these two ranks.
    let (first, end) = (ranks.low as usize, (ranks.high.ceil() as usize).min(last));
    let (_, _, above) = values.select_nth_unstable_by(first, f64::total_cmp);
    if end > first {
        let (between, ..) = above.select_nth_unstable_by(end - first - 1, f64::total_cmp);
        between.sort_unstable_by(f64::total_cmp);
    }
    #[expect(
        clippy::indexing_slicing,
        reason = "a rank is at most the last index, and below it where it has a fraction"
    )]
    let at = |rank: f64| {
        let below = rank as usize;
        let fraction = rank - below as f64;
        let value = values[below];
        if fraction > 0.0 { value + fraction * (values[below + 1] - value) } else { value }
    };
    let value = at(ranks.at);
    let (lower, upper) = (at(ranks.low), at(ranks.high));
    let (mut below, mut above) = (None, None);
    if ranks.enough && upper <= lower {
        let all = || values.iter().copied();
        below = all().filter(|v| *v < value).reduce(f64::max);
        above = all().filter(|v| *v > value).reduce(f64::min);
    }
    Some(ranks.estimate(&RankValues { value, lower, upper, below, above }))
}

/// The ranks, from 0, that a percentile and its error are read at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PercentileRanks {
    /// The rank of the percentile, between two values where it has a fraction.
    pub at: f64,
    /// The lower rank of its interval.
    pub low: f64,
    /// The upper one.
    pub high: f64,
    /// How many standard deviations of a normal distribution the two are apart.
    spanned: f64,
    /// Whether one value or more is expected beyond it on either side.
    enough: bool,
}

/// The values at these ranks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RankValues {
    /// The percentile.
    pub value: f64,
    /// The value at the lower rank.
    pub lower: f64,
    /// The value at the upper rank.
    pub upper: f64,
    /// The largest value below the percentile; needed where the two ranks have equal values.
    pub below: Option<f64>,
    /// The smallest one above it; the same.
    pub above: Option<f64>,
}

impl PercentileRanks {
    /// Half the distance of the two ranks is this many binomial standard deviations.
    pub const REACH: f64 = REACH;
    /// And this much of a rank.
    pub const CONTINUITY: f64 = CONTINUITY;

    /// The ranks of percentile `p` of so many values; `None` of none.
    #[must_use]
    pub fn of(p: Probability, values: u64) -> Option<Self> {
        let last = values.checked_sub(1)? as f64;
        let (p, n) = (p.get(), values as f64);
        let at = p * last;
        let rank_sd = (n * p * (1.0 - p)).sqrt();
        let reach = REACH * rank_sd + CONTINUITY;
        let (low, high) = ((at - reach).max(0.0), (at + reach).min(last));
        let enough = values >= least_values(p) && rank_sd > 0.0;
        Some(Self { at, low, high, spanned: (high - low) * REACH / reach, enough })
    }

    /// The percentile with its error, from the values at the ranks.
    #[must_use]
    pub fn estimate(&self, values: &RankValues) -> PercentileEstimate {
        let RankValues { value, mut lower, mut upper, below, above } = *values;
        if self.enough && upper <= lower {
            // On a side without another value there is only the tie itself.
            (lower, upper) = (below.unwrap_or(value), above.unwrap_or(value));
        }
        let standard_error =
            (self.enough && self.spanned > 0.0).then(|| (upper - lower) / self.spanned);
        PercentileEstimate { value, standard_error }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Owner, Purpose, Seed, normal_quantile};

    fn p(value: f64) -> Probability {
        Probability::clamped(value)
    }

    #[test]
    fn percentiles_equal_those_of_numpy() {
        // numpy 1.26.4: np.percentile([15, 20, 35, 40, 50], [5, 30, 40, 50, 95, 100]).
        let known =
            [(0.05, 16.0), (0.3, 23.0), (0.4, 29.0), (0.5, 35.0), (0.95, 48.0), (1.0, 50.0)];
        for (rank, expected) in known {
            let found = percentile(&mut [50.0, 15.0, 40.0, 20.0, 35.0], p(rank)).unwrap().value;
            assert!((found - expected).abs() < 1e-12, "{rank}: {found}");
        }
    }

    #[test]
    fn selection_finds_what_sorting_finds() {
        let mut luck = Seed(3).stage(Purpose::Effort, Owner::NOBODY, 0);
        for n in [1, 2, 19, 20, 60, 501] {
            let values: Vec<f64> = (0..n).map(|_| luck.log_normal(1.0, 1.0)).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            for rank in [0.0, 0.5, 0.75, 0.95, 0.99, 1.0] {
                assert_eq!(
                    percentile(&mut values.clone(), p(rank)),
                    percentile(&mut sorted, p(rank))
                );
            }
        }
    }

    #[test]
    fn too_few_or_broken_values_have_no_standard_error_or_no_percentile() {
        assert_eq!(percentile(&mut [], p(0.95)), None);
        assert_eq!(percentile(&mut [1.0, f64::NAN], p(0.95)), None);
        assert_eq!(
            percentile(&mut [7.0], p(0.95)),
            Some(PercentileEstimate { value: 7.0, standard_error: None })
        );
        assert_eq!(percentile(&mut [1.0; 19], p(0.95)).unwrap().standard_error, None);
        assert_eq!(percentile(&mut [1.0; 40], p(0.95)).unwrap().standard_error, Some(0.0));
        assert_eq!(
            percentile(&mut [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0], p(0.9))
                .unwrap()
                .standard_error,
            None
        );
        assert!(
            percentile(&mut [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], p(0.9))
                .unwrap()
                .standard_error
                .is_some()
        );
    }

    #[test]
    fn on_ties_the_error_reaches_to_the_next_values() {
        // 300 of 1,000 at a timeout of 30 s, the next value at 12 s; whole seconds; a cap below a
        // few outliers.
        let mut timeout: Vec<f64> =
            (0..1000).map(|i| if i < 300 { 30.0 } else { 12.0 * f64::from(i) / 999.0 }).collect();
        let found = percentile(&mut timeout, p(0.95)).unwrap();
        assert!(found.value == 30.0 && found.standard_error.unwrap() > 5.0, "{found:?}");
        let mut seconds: Vec<f64> = (0..1000).map(|i| f64::from(i / 100)).collect();
        let found = percentile(&mut seconds, p(0.95)).unwrap();
        let error = found.standard_error.unwrap();
        assert!(
            found.value == 9.0 && error > 0.25 && error < 0.35,
            "a second of distance, on one side: {found:?}"
        );
        let mut cap: Vec<f64> = (0..1000)
            .map(|i| {
                if i < 900 {
                    5.0
                } else if i < 995 {
                    10.0
                } else {
                    16.0
                }
            })
            .collect();
        assert!(percentile(&mut cap, p(0.95)).unwrap().standard_error.unwrap() > 3.0);
    }

    #[test]
    fn the_90_percent_interval_of_a_percentile_covers_90_percent() {
        let mut luck = Seed(5).stage(Purpose::Effort, Owner::NOBODY, 1);
        for (n, rank) in [
            (60, 0.95),
            (107, 0.95),
            (400, 0.95),
            (1350, 0.95),
            (107, 0.5),
            (400, 0.75),
            (1350, 0.99),
        ] {
            let truth = libm::exp(normal_quantile(rank));
            let covered = (0..2_000).filter(|_| {
                // Only ranks near the percentile are read: uniforms decide how many values lie
                // beyond a low threshold, but drawing them all is quick enough.
                let mut values: Vec<f64> = (0..n).map(|_| luck.uniform()).collect();
                let to_log_normal = |u: f64| libm::exp(normal_quantile(u));
                for value in &mut values {
                    *value = if *value > 0.3 { to_log_normal(*value) } else { *value };
                }
                let found = percentile(&mut values, p(rank)).unwrap();
                (found.value - truth).abs() <= REACH * found.standard_error.unwrap()
            });
            let share = covered.count() as f64 / 2_000.0;
            assert!((0.88..=0.925).contains(&share), "n = {n}, p = {rank}: {share}");
        }
    }
}
