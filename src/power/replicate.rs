//! One replication: a whole run with its own seed, analyzed at every look.
//!
//! Guarantees: a replication depends on the design and its number alone. A look takes the users who
//! came first, each with all of their events.
//!
//! Does not know: other replications.

use serde::{Deserialize, Serialize};

use super::design::{Design, Studied};
use crate::analysis::{Analysis, HealthStatus, Interval, MetricAnalysis};
use crate::experiment::Experiment;
use crate::journal::{Entry, Event, Reader};
use crate::metrics::PairedObserver;
use crate::quantity::Money;
use crate::random::Seed;
use crate::report::Number;
use crate::run::{Known, Pair, SetupError};
use crate::verdict::{Decision, decide};

/// What came of one replication: integers, letters and rounded numbers, so that a saved one is
/// equal to a fresh one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replication {
    /// Its number, from 0.
    pub nth: u64,
    /// For each size what a run of it would cost, in nano-dollars.
    pub cost: Vec<u64>,
    /// For each experiment and size what was found.
    pub studies: Vec<Vec<AtSize>>,
}

/// What was found at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AtSize {
    /// The decision at each look, the last at the size itself: `s` ship, `k` keep, `n` need more
    /// data.
    pub looks: String,
    /// Estimated relative difference of the primary metric.
    pub estimate: Option<Number>,
    /// For each metric whether the intervals of relative difference, treatment and control hold the
    /// effect on users: `y`, `n`, or `-` where there is none.
    pub covered: String,
    /// For each metric whether the interval of the relative difference holds what the measurement
    /// converges to.
    #[serde(default)]
    pub limit: String,
    /// Whether a health check failed that the experiment does not tolerate.
    #[serde(default)]
    pub untrusted: bool,
    /// Whether prior and data conflict.
    #[serde(default)]
    pub conflict: bool,
    /// The first look, from 0, at which the always-valid test finds a difference on the primary
    /// metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<u32>,
}

/// What users up to each size cost.
struct Spent<'d> {
    sizes: &'d [u32],
    cost: Vec<Money>,
}

impl Reader for Spent<'_> {
    fn entry(&mut self, entry: &Entry) {
        if let Event::Completed { cost: Some(cost), .. } = entry.event
            && let Some(sum) =
                self.cost.get_mut(self.sizes.partition_point(|&size| size < entry.user))
        {
            *sum += cost;
        }
    }
}

impl Design<'_> {
    /// The seed of a replication.
    #[must_use]
    pub fn seed_of(&self, nth: u64) -> Seed {
        Seed(self.asked.seed).replication(nth)
    }

    /// Runs replication number `nth`.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it.
    pub fn replicate(&self, nth: u64) -> Result<Replication, SetupError> {
        self.run(nth, self.seed_of(nth))
    }

    /// The decision of every experiment at `size` in the run of this seed; `None` when `size` was
    /// not asked for.
    ///
    /// # Errors
    /// As [`Self::replicate`].
    pub fn decisions(&self, seed: Seed, size: u32) -> Result<Option<Vec<Decision>>, SetupError> {
        let Some(at) = self.asked.sizes.iter().position(|&own| own == size) else {
            return Ok(None);
        };
        let ran = self.run(0, seed)?;
        Ok(ran.studies.iter().map(|sizes| sizes.get(at).and_then(AtSize::decision)).collect())
    }

    fn run(&self, nth: u64, seed: Seed) -> Result<Replication, SetupError> {
        let scenario = self.stage.scenario;
        let sizes = self.asked.sizes.as_slice();
        let users = sizes.last().copied().unwrap_or_default();
        let flags = self.stage.flags(seed)?;
        let observer =
            (self.stage.observer(users as usize), self.stage.paired_observer(users as usize));
        let spent = Spent { sizes, cost: vec![Money::ZERO; sizes.len()] };
        let (observer, spent) =
            self.stage.population(seed, users).designed().on(&flags).visit((observer, spent));
        let (observer, paired) = observer;
        let observations = observer.finish();
        let paired = paired.map(PairedObserver::finish);
        let mut total = Money::ZERO;
        let cost = spent.cost.into_iter().map(|cost| {
            total += cost;
            total.nano_dollars()
        });
        let cost = cost.collect();
        let studies = scenario.studies.iter().zip(&self.studies).map(|(study, studied)| {
            let experiment = &study.experiment;
            let look = |users: u32| {
                let (metrics, units) = (&scenario.metrics, 0..users as usize);
                let analysis = match &paired {
                    Some(table) => study.conclude_paired(table, metrics, units).1,
                    None => study.analyze(&observations, metrics, units),
                };
                Look {
                    users,
                    decision: decide(&studied.rule, experiment, &analysis).decision,
                    analysis,
                }
            };
            let all: Vec<Look> = self.points().into_iter().map(look).collect();
            self.looks.iter().map(|looks| at_size(experiment, studied, looks, &all)).collect()
        });
        Ok(Replication { nth, cost, studies: studies.collect() })
    }
}

impl AtSize {
    /// The decision at the end.
    #[must_use]
    pub fn decision(&self) -> Option<Decision> {
        self.looks.chars().last().and_then(decision_of)
    }
}

/// The decision that a letter stands for.
pub(super) fn decision_of(letter: char) -> Option<Decision> {
    match letter {
        's' => Some(Decision::Ship),
        'k' => Some(Decision::Keep),
        'n' => Some(Decision::NeedMoreData),
        _ => None,
    }
}

fn letter(decision: Decision) -> char {
    match decision {
        Decision::Ship => 's',
        Decision::Keep => 'k',
        Decision::NeedMoreData => 'n',
    }
}

/// What is found at one look.
struct Look {
    /// The users who have come by then.
    users: u32,
    analysis: Analysis,
    decision: Decision,
}

/// What was found at a size, whose looks are at `users`, out of the looks of all sizes; both
/// ascend.
fn at_size(experiment: &Experiment, studied: &Studied, users: &[u32], all: &[Look]) -> AtSize {
    let looks: Vec<&Look> =
        all.iter().filter(|look| users.binary_search(&look.users).is_ok()).collect();
    let found = looks.last().map(|look| &look.analysis);
    let of_primary = |analysis: &Analysis| {
        analysis
            .metrics
            .first()
            .and_then(|metric| metric.variations.get(studied.treatment))
            .cloned()
    };
    let alpha = 1.0 - experiment.threshold.get();
    let differs = |look: &&Look| {
        let primary = of_primary(&look.analysis);
        primary.and_then(|variation| variation.sequential).is_some_and(|test| test.p_value <= alpha)
    };
    AtSize {
        looks: looks.iter().map(|look| letter(look.decision)).collect(),
        estimate: found
            .and_then(of_primary)
            .and_then(|variation| variation.comparison?.relative_difference)
            .and_then(Number::new),
        covered: found.map(|analysis| covered(experiment, studied, analysis)).unwrap_or_default(),
        limit: found.map(|analysis| limit(experiment, studied, analysis)).unwrap_or_default(),
        untrusted: found.is_some_and(|analysis| {
            analysis.health.iter().any(|check| {
                check.status == HealthStatus::Error
                    && !experiment.tolerate.iter().any(|own| own == check.check)
            })
        }),
        conflict: found.is_some_and(|analysis| {
            analysis.health.iter().any(|check| {
                check.check == "prior_data_conflict" && check.status == HealthStatus::Warning
            })
        }),
        valid: looks.iter().position(differs).map(|look| look as u32),
    }
}

/// Whether an interval holds a value: `y`, `n`, or `-` where one of them is missing.
fn holds(interval: Option<Interval>, value: Option<Known>) -> char {
    match interval.zip(value) {
        Some((interval, value)) if (interval.lower..=interval.upper).contains(&value.value) => 'y',
        Some(_) => 'n',
        None => '-',
    }
}

fn covered(experiment: &Experiment, studied: &Studied, analysis: &Analysis) -> String {
    let of_metric = |(metric, [true_own, true_control]): (&MetricAnalysis, [Pair; 2])| {
        let (own, control) =
            (metric.variations.get(studied.treatment), metric.variations.get(experiment.control));
        [
            holds(own.and_then(|own| own.comparison?.relative_interval), true_own.relative),
            holds(own.and_then(|own| own.credible_interval), true_own.effect),
            holds(control.and_then(|control| control.credible_interval), true_control.effect),
        ]
    };
    analysis.metrics.iter().zip(studied.pairs(experiment)).flat_map(of_metric).collect()
}

fn limit(experiment: &Experiment, studied: &Studied, analysis: &Analysis) -> String {
    let of_metric = |(metric, [truth, _]): (&MetricAnalysis, [Pair; 2])| {
        let own = metric.variations.get(studied.treatment);
        holds(own.and_then(|own| own.comparison?.relative_interval), truth.limit_relative)
    };
    analysis.metrics.iter().zip(studied.pairs(experiment)).map(of_metric).collect()
}
