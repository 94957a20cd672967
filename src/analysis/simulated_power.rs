//! How often the analysis itself finds a planned effect, by simulation: for comparison with the
//! closed form of [`super::PlannedTest`].
//!
//! Each simulated experiment draws the sufficient statistics of both variations and decides by the
//! same posteriors, or the same test, as the analysis of a run. Conversions are binomial; a mean is
//! normal and its sample variance is chi-squared (Wilson and Hilferty 1931, *PNAS* 17, 684-688), as
//! for normal values.
//!
//! Guarantees: the result depends on the test, the users, the seed and the number of replications
//! alone.
//!
//! Does not know: users, values or events.

use super::compare::{Curve, duel};
use super::frequentist;
use super::planned::{PlannedArm, PlannedDecision, PlannedSpread, PlannedTest};
use super::posterior::{
    Estimate, control_posterior, estimate, treatment_posterior, treatment_prior,
};
use crate::experiment::MetricKind;
use crate::random::{Owner, Purpose, Seed, Stage};
use crate::statistic::{Aggregation, Declared, Missing, Statistic, Tally};

/// Standard deviations on either side of the mean between which a number of conversions is drawn.
const REACH: f64 = 9.0;

/// In how many of `replications` simulated experiments with this many users in all variations
/// together the test finds the effect in its direction.
#[must_use]
pub fn simulated_power(test: &PlannedTest, users: u64, seed: Seed, replications: u64) -> u64 {
    let [control, treatment] = [&test.control, &test.treatment].map(|arm| Sample::new(arm, users));
    let sign = 1_f64.copysign(test.difference());
    let found = |nth: &u64| {
        let mut luck = seed.stage(Purpose::Planned, Owner::NOBODY, *nth);
        let (base, own) = (control.draw(&mut luck), treatment.draw(&mut luck));
        finds(test, &base?, &own?, control.kind(), sign)
    };
    (0..replications).filter(|nth| found(nth).unwrap_or(false)).count() as u64
}

/// Whether the analysis of these estimates finds the effect; `None` where they are too few for it.
fn finds(
    test: &PlannedTest,
    base: &Estimate,
    own: &Estimate,
    kind: MetricKind,
    sign: f64,
) -> Option<bool> {
    match test.decision {
        PlannedDecision::ProbabilityToBeat { threshold, prior_variance } => {
            let control = control_posterior(kind, base).ok()?;
            let prior = treatment_prior(&control, prior_variance);
            let treatment = treatment_posterior(prior, &control, own).ok()?;
            let above = duel(&Curve::new(&treatment), &Curve::new(&control)).probability_above;
            Some(if sign > 0.0 { above } else { 1.0 - above } >= threshold)
        }
        PlannedDecision::TwoSided { alpha } => {
            let tested = frequentist::compare(own, base, sign, 1.0 - alpha).ok()?;
            Some(tested.p_value <= alpha && tested.difference * sign > 0.0)
        }
    }
}

/// What one variation's sufficient statistics are drawn from.
enum Sample {
    Conversions { units: u64, counts: Binomial },
    Mean { units: u64, mean: f64, variance: f64 },
}

impl Sample {
    fn new(arm: &PlannedArm, users: u64) -> Self {
        let exposed = users as f64 * arm.share;
        match arm.spread {
            PlannedSpread::Rate { counted } => {
                let units = ((exposed * counted).round() as u64).max(1);
                Self::Conversions { units, counts: Binomial::new(units, arm.mean) }
            }
            PlannedSpread::Variance(variance) => {
                Self::Mean { units: (exposed.round() as u64).max(2), mean: arm.mean, variance }
            }
        }
    }

    fn kind(&self) -> MetricKind {
        match self {
            Self::Conversions { .. } => MetricKind::Conversion,
            Self::Mean { .. } => MetricKind::Numeric,
        }
    }

    fn draw(&self, luck: &mut Stage) -> Option<Estimate> {
        let kind = match self {
            Self::Conversions { .. } => Aggregation::Occurrence,
            Self::Mean { .. } => Aggregation::Average,
        };
        let declared = Declared::new(kind, Statistic::Mean, Missing::Exclude);
        let (units, tally) = match *self {
            Self::Conversions { units, ref counts } => {
                (units, Tally::rate(counts.at(luck.uniform())))
            }
            Self::Mean { units, mean, variance } => {
                let n = units as f64;
                let total = n * (mean + (variance / n).sqrt() * luck.normal());
                let share = 2.0 / (9.0 * (n - 1.0));
                let root = (1.0 - share + share.sqrt() * luck.normal()).max(0.0);
                let standard_error = Some((variance * root.powi(3) / n).sqrt());
                (units, Tally::Mean { units, total, standard_error })
            }
        };
        estimate(declared, Some(tally), units).ok()
    }
}

/// The distribution function of a number of conversions, from the first number that can occur.
struct Binomial {
    first: u64,
    cumulative: Vec<f64>,
}

impl Binomial {
    fn new(units: u64, rate: f64) -> Self {
        let n = units as f64;
        let reach = REACH * (n * rate * (1.0 - rate)).sqrt() + 10.0;
        let first = (n * rate - reach).max(0.0).floor();
        let last = (n * rate + reach).min(n).floor();
        let ln_choose =
            |k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
        let odds = libm::log(rate) - libm::log1p(-rate);
        // Relative to the most likely number, so that the digits of large logarithms cancel.
        let mode = (n * rate).floor();
        let at_mode = ln_choose(mode) + mode * odds;
        let mut sum = 0.0;
        let mut cumulative: Vec<f64> = (0..=(last - first) as u64)
            .map(|step| {
                let k = first + step as f64;
                sum += libm::exp(ln_choose(k) + k * odds - at_mode);
                sum
            })
            .collect();
        cumulative.iter_mut().for_each(|own| *own /= sum);
        Self { first: first as u64, cumulative }
    }

    /// The number at this value of the distribution function, from 0 to 1.
    fn at(&self, share: f64) -> u64 {
        let last = self.cumulative.len().saturating_sub(1);
        self.first + self.cumulative.partition_point(|&own| own < share).min(last) as u64
    }
}
