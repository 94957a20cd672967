//! Guarded rollouts, as they went.
//!
//! Does not know: when a rollout is taken back; `analysis` does.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::expect::ExpectationResult;
use super::number::Number;
use crate::analysis::{Ending, Watched};
use crate::experiment::{Guard, Metric};
use crate::figure;
use crate::time::utc;

/// How a guarded rollout ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename_all(serialize = "snake_case", deserialize = "PascalCase"))]
pub enum RolloutOutcome {
    /// A metric regressed: everybody is back with what was.
    #[serde(alias = "RolledBack")]
    RolledBack,
    /// Nothing regressed for long enough: everybody gets the new variation.
    #[serde(alias = "Released")]
    Released,
    /// The users ended before.
    #[serde(alias = "Watching")]
    Watching,
}

/// A guarded rollout, as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Rollout")]
pub struct ReportedRollout {
    /// Key of the AI config.
    pub config: String,
    /// The variation as it was.
    pub from: String,
    /// The new variation.
    pub to: String,
    /// How it ended.
    pub outcome: RolloutOutcome,
    /// The same in words, with its reason.
    pub message: String,
    /// How much worse a metric may be, relative.
    pub worse_by: f64,
    /// How sure a regression has to be, over all looks together.
    pub confidence: f64,
    /// The looks, in order.
    pub looks: Vec<RolloutLook>,
}

/// One look at a guarded rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutLook {
    /// Watched users by then.
    pub users: u32,
    /// What each metric said.
    pub metrics: Vec<RolloutReading>,
    /// Of recorded events, when: Unix time in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<u64>,
}

/// What a metric said at a look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutReading {
    /// Key of the metric.
    pub metric: String,
    /// Relative change against what was.
    pub change: Option<Number>,
    /// Its always-valid interval.
    pub interval: Option<[Number; 2]>,
    /// Whether it is worse beyond the margin for sure.
    pub regressed: bool,
}

impl ReportedRollout {
    /// How a guarded rollout went; `metrics` are those that the numbers of its experiment mean.
    #[must_use]
    pub fn of(guard: &Guard, watched: &Watched, metrics: &[Metric]) -> Self {
        let [from, to] = [0, 1].map(|at| {
            guard.study.treatments.get(at).map(|own| own.variation.clone()).unwrap_or_default()
        });
        let key =
            |metric: usize| metrics.get(metric).map(|own| own.key.clone()).unwrap_or_default();
        let last = watched.looks.len().saturating_sub(1);
        let looks = watched.looks.iter().enumerate().map(|(look, one)| RolloutLook {
            users: one.users,
            metrics: one
                .readings
                .iter()
                .zip(&guard.study.metrics)
                .map(|(reading, &metric)| RolloutReading {
                    metric: key(metric),
                    change: reading.and_then(|(change, _)| Number::new(change)),
                    interval: reading.and_then(|(_, interval)| Number::ends(interval)),
                    regressed: look == last && watched.ending == Ending::RolledBack(metric),
                })
                .collect(),
            at_ms: None,
        });
        let users = figure::count(watched.looks.last().map_or(0, |look| look.users).into());
        let because = reason(guard, watched.ending, metrics);
        let (outcome, message) = match watched.ending {
            Ending::RolledBack(_) => (
                RolloutOutcome::RolledBack,
                format!("{to} was rolled back after {users} watched users: {because}."),
            ),
            Ending::Released => (
                RolloutOutcome::Released,
                format!(
                    "{to} was released to everybody after {users} watched users: {because}. {NO_PROOF}"
                ),
            ),
            Ending::Watching => (
                RolloutOutcome::Watching,
                format!(
                    "{to} is still watched: the users ended after {users} of {}.",
                    figure::count(guard.users.into())
                ),
            ),
        };
        let (worse_by, confidence) = (guard.worse_by, guard.study.threshold.get());
        Self {
            config: guard.study.config.clone(),
            from,
            to,
            outcome,
            message,
            worse_by,
            confidence,
            looks: looks.collect(),
        }
    }

    /// How the rule of a guarded rollout judges recorded events: `moments` are the Unix times in
    /// milliseconds of the looks, `users` is how many watched users were recorded.
    #[must_use]
    pub fn judged(
        guard: &Guard,
        watched: &Watched,
        moments: &[u64],
        users: u64,
        metrics: &[Metric],
    ) -> Self {
        let mut own = Self::of(guard, watched, metrics);
        for (look, &at_ms) in own.looks.iter_mut().zip(moments) {
            look.at_ms = Some(at_ms);
        }
        let (to, because) = (&own.to, reason(guard, watched.ending, metrics));
        let looked = figure::count(watched.looks.last().map_or(0, |look| look.users).into());
        let moment = moments.last().copied().map(utc).unwrap_or_default();
        own.message = match watched.ending {
            Ending::RolledBack(_) => {
                format!(
                    "By its rule, {to} is rolled back at {moment}, after {looked} watched users: {because}."
                )
            }
            Ending::Released => format!(
                "By its rule, {to} is released to everybody at {moment}, after {looked} watched users: {because}. {NO_PROOF}"
            ),
            Ending::Watching => format!(
                "By its rule, {to} is still watched: the data end after {} of {} watched users.",
                figure::count(users),
                figure::count(guard.users.into())
            ),
        };
        own
    }
}

/// What a release does not show.
const NO_PROOF: &str = "That nothing was found does not show that nothing is there.";

/// Why a guarded rollout ended, as a clause.
fn reason(guard: &Guard, ending: Ending, metrics: &[Metric]) -> String {
    let sure = figure::written_percent(guard.study.threshold.get());
    let margin = match guard.worse_by {
        0.0 => String::new(),
        worse => format!(" by more than {}", figure::written_percent(worse)),
    };
    let worse = match ending {
        Ending::RolledBack(metric) => {
            metrics.get(metric).map_or("a metric", |own| own.key.as_str())
        }
        Ending::Released | Ending::Watching => "no metric",
    };
    format!("{worse} is worse{margin}, {sure} sure over all looks")
}

/// Whether guarded rollouts ended as expected.
#[must_use]
pub fn rollouts_as_expected(
    rollouts: &[ReportedRollout],
    expected: &[Option<RolloutOutcome>],
) -> Vec<ExpectationResult> {
    let word = |outcome: RolloutOutcome| match outcome {
        RolloutOutcome::RolledBack => "rolled back",
        RolloutOutcome::Released => "released",
        RolloutOutcome::Watching => "still watched",
    };
    let one = |(rollout, expected): (&ReportedRollout, &Option<RolloutOutcome>)| {
        let expected = (*expected)?;
        let passed = rollout.outcome == expected;
        let message =
            if passed { String::new() } else { format!("it was {}", word(rollout.outcome)) };
        Some(ExpectationResult {
            name: format!("rollout of {}: {}", rollout.to, word(expected)),
            passed,
            message,
        })
    };
    rollouts.iter().zip(expected).filter_map(one).collect()
}
