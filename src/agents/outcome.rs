//! What comes of a visit for the business: events of the app's own, such as a ticket that is
//! resolved, and effects that a scenario states instead of having them arise from causes.
//!
//! Guarantees: whether an outcome comes is monotone in one uniform number, and its value in one
//! normal number, both keyed by the user and the outcome. So a user has the same numbers in every
//! variation, an effect of 0 changes nothing, and another outcome moves no number of this one.
//!
//! Does not know: how a visit goes, or who counts the events.

use crate::knowledge::Grade;
use crate::quantity::{Lift, Lifts};
use crate::random::{Luck, Owner, Purpose, normal_quantile};
use crate::time::Duration;

/// How good a visit was for its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VisitQuality {
    /// The answer was right and complete.
    Strong,
    /// It was right in outline.
    Fair,
    /// It was beside the point.
    Weak,
    /// There was no answer.
    Failed,
}

impl VisitQuality {
    /// All, in the order in which [`BusinessOutcome`] has its numbers.
    pub const ALL: [Self; 4] = [Self::Strong, Self::Fair, Self::Weak, Self::Failed];
}

impl From<Grade> for VisitQuality {
    fn from(grade: Grade) -> Self {
        match grade {
            Grade::Strong => Self::Strong,
            Grade::Fair => Self::Fair,
            Grade::Weak => Self::Weak,
        }
    }
}

/// An event of the app's own that may follow a visit.
#[derive(Clone, Debug, PartialEq)]
pub struct BusinessOutcome {
    /// Key of the event.
    pub key: String,
    /// Chance of it, from 0 to 1, after a visit of each [`VisitQuality`].
    pub chances: [f64; 4],
    /// What it is worth; `None`: its value is 1.
    pub value: Option<OutcomeValue>,
    /// How long after the visit it comes.
    pub after: Duration,
}

/// What an outcome is worth, after a visit of each [`VisitQuality`].
#[derive(Clone, Debug, PartialEq)]
pub enum OutcomeValue {
    /// A log-normal number.
    LogNormal {
        /// Its median, in the unit of the value; more than 0.
        medians: [f64; 4],
        /// Standard deviation of its logarithm, at least 0.
        sigma: f64,
    },
    /// A score from 0 to 1: a normal number, cut at both ends.
    Score {
        /// The mean before the cut.
        means: [f64; 4],
        /// The standard deviation before the cut.
        sd: f64,
    },
}

impl OutcomeValue {
    /// The log-normal value with this mean and standard deviation after a visit whose factor is 1:
    /// `sigma` is `sqrt(ln(1 + (sd / mean)^2))`, the median `mean / sqrt(1 + (sd / mean)^2)` (moments
    /// of the log-normal distribution).
    #[must_use]
    pub fn log_normal(mean: f64, sd: f64, factors: [f64; 4]) -> Self {
        let spread = 1.0 + (sd / mean) * (sd / mean);
        let median = mean / libm::sqrt(spread);
        Self::LogNormal {
            medians: factors.map(|factor| factor * median),
            sigma: libm::sqrt(libm::log(spread)),
        }
    }
}

/// What of a metric a stated effect changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EffectTarget {
    /// The chance of the outcome with this index.
    OutcomeChance(u8),
    /// The value of the outcome with this index.
    OutcomeValue(u8),
    /// The chance that the user rates the answer positively.
    PositiveFeedback,
    /// The chance that the user rates it negatively.
    NegativeFeedback,
}

impl EffectTarget {
    /// Whether it is a chance, not a value.
    #[must_use]
    pub fn is_chance(self) -> bool {
        !matches!(self, Self::OutcomeValue(_))
    }
}

/// An effect of a variation that its scenario states.
#[derive(Clone, Debug, PartialEq)]
pub struct StatedEffect {
    /// Key of the metric.
    pub metric: String,
    /// What it changes.
    pub on: EffectTarget,
    /// By how much: points or relative for a chance, relative for a value.
    pub lift: Lift,
}

impl BusinessOutcome {
    /// Whether its value is a judge's score.
    #[must_use]
    pub fn scores(&self) -> bool {
        matches!(self.value, Some(OutcomeValue::Score { .. }))
    }

    /// Whether it comes after this visit, and its value in millionths of its unit; of a score that of
    /// judging number `judging`, from 0.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "there is a number for each of the four qualities")]
    pub fn after_visit(
        &self,
        quality: VisitQuality,
        (chance, value): (Lifts, Lifts),
        (luck, owner, nth): (Luck, Owner, u32),
        judging: u16,
    ) -> Option<u64> {
        let at = quality as usize;
        let place = Owner::of(self.key.as_bytes());
        let (purpose, of_outcome) = (Purpose::Outcome, owner.and(place));
        let mut stage = luck.of(owner).stage(purpose, of_outcome, judging.into());
        let own = [stage.uniform(), stage.uniform()];
        let [comes, worth] = luck.persist(purpose, (of_outcome, nth), 0, own);
        if comes >= chance.of(self.chances[at]) {
            return None;
        }
        let worth = match &self.value {
            None => 1.0,
            Some(OutcomeValue::LogNormal { medians, sigma }) => {
                value.of(medians[at] * libm::exp(sigma * normal_quantile(worth)))
            }
            Some(OutcomeValue::Score { means, sd }) => {
                (means[at] + sd * normal_quantile(worth)).clamp(0.0, 1.0)
            }
        };
        // Nothing is worth more than 18 trillion.
        Some(libm::round(worth * 1e6) as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;

    fn outcome(value: Option<OutcomeValue>) -> BusinessOutcome {
        BusinessOutcome {
            key: "bought".to_owned(),
            chances: [0.7, 0.5, 0.2, 0.0],
            value,
            after: Duration::ZERO,
        }
    }

    fn all(
        outcome: &BusinessOutcome,
        quality: VisitQuality,
        change: [Lift; 2],
    ) -> Vec<Option<u64>> {
        let [chance, value] = change.map(|lift| Lifts::NONE.and(lift));
        let of = |user: u32| {
            let owner = Owner::of(&user.to_le_bytes());
            outcome.after_visit(quality, (chance, value), (Seed(5).into(), owner, 0), 0)
        };
        (0..20_000).map(of).collect()
    }

    #[test]
    fn an_outcome_comes_as_often_as_it_says() {
        let none = [Lift::Points(0.0); 2];
        for (quality, chance) in VisitQuality::ALL.into_iter().zip([0.7, 0.5, 0.2, 0.0]) {
            let came = all(&outcome(None), quality, none);
            assert!(came.iter().flatten().all(|&value| value == 1_000_000));
            let share = came.iter().flatten().count() as f64 / came.len() as f64;
            // Four standard errors of a share of 20,000.
            assert!((share - chance).abs() < 4.0 * 0.5 / 20_000_f64.sqrt(), "{quality:?}: {share}");
        }
    }

    #[test]
    fn an_effect_only_adds_and_one_of_zero_changes_nothing() {
        let value = Some(OutcomeValue::log_normal(40.0, 30.0, [1.0; 4]));
        let fair = |change| all(&outcome(value.clone()), VisitQuality::Fair, change);
        let base = fair([Lift::Points(0.0); 2]);
        assert_eq!(base, fair([Lift::Relative(0.0); 2]));
        let more = fair([Lift::Points(0.03), Lift::Points(0.0)]);
        // Who has it without the effect has the very same with it.
        assert!(base.iter().zip(&more).all(|(base, more)| base.is_none() || base == more));
        let [without, with] = [&base, &more].map(|all| all.iter().flatten().count() as f64);
        // The difference of paired shares has a standard error of sqrt(0.03 / 20,000).
        assert!(((with - without) / 20_000.0 - 0.03).abs() < 4.0 * (0.03_f64 / 20_000.0).sqrt());
        let dearer = fair([Lift::Points(0.0), Lift::Relative(0.1)]);
        for (base, dearer) in base.iter().flatten().zip(dearer.iter().flatten()) {
            assert!((*dearer as f64 - 1.1 * *base as f64).abs() <= 1.2, "{base} {dearer}");
        }
    }

    #[test]
    fn a_value_has_the_mean_and_the_spread_that_are_written() {
        let sure = BusinessOutcome {
            chances: [1.0; 4],
            value: Some(OutcomeValue::log_normal(40.0, 30.0, [1.5, 1.0, 0.5, 0.5])),
            ..outcome(None)
        };
        let values: Vec<f64> = all(&sure, VisitQuality::Fair, [Lift::Points(0.0); 2])
            .into_iter()
            .map(|value| value.unwrap() as f64 / 1e6)
            .collect();
        let mean = values.iter().sum::<f64>() / 20_000.0;
        let sd = (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 20_000.0).sqrt();
        assert!((mean - 40.0).abs() < 4.0 * 30.0 / 20_000_f64.sqrt(), "{mean}");
        assert!((sd - 30.0).abs() < 1.5, "{sd}");
        let strong = all(&sure, VisitQuality::Strong, [Lift::Points(0.0); 2]);
        assert!((strong[0].unwrap() as f64 / 1e6 - 1.5 * values[0]).abs() < 1e-5);
    }
}
