//! One replication: a whole run with its own seed, or users drawn from a pool, analyzed at every
//! look.
//!
//! Guarantees: a replication depends on the design and its number alone. A look takes the users who
//! came first, each with all of their events.
//!
//! Does not know: other replications.

use serde::{Deserialize, Serialize};

use super::design::{Design, Studied};
use super::pool::{PILOT, Pilot, Sensitivity, UserPool};
use crate::analysis::{Analysis, ArrivedValues, HealthStatus, Interval, MetricAnalysis, analyze};
use crate::experiment::Experiment;
use crate::journal::{Entry, Event, Reader};
use crate::metrics::PairedObserver;
use crate::quantity::Money;
use crate::random::Seed;
use crate::report::Number;
use crate::run::{Known, Pair, SetupError};
use crate::scenario::Study;
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

    /// Replication number `nth`: a run of its own, or users out of the pool.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it.
    pub fn replicate(&self, nth: u64) -> Result<Replication, SetupError> {
        match &self.pool {
            Some(pool) => Ok(self.draw(pool, nth, self.seed_of(nth))),
            None => self.run(nth, self.seed_of(nth)),
        }
    }

    /// The decision of every experiment at `size` in the run of this seed, which is simulated; `None`
    /// when `size` was not asked for.
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

    /// A run of its own, with this seed.
    pub(super) fn run(&self, nth: u64, seed: Seed) -> Result<Replication, SetupError> {
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
        let studies = scenario.studies.iter().zip(&self.studies).map(|(study, studied)| {
            if let Some(table) = &paired {
                let at = |users: u32| {
                    study.conclude_paired(table, &scenario.metrics, 0..users as usize).1
                };
                return self.look(studied, &study.experiment, at);
            }
            let (units, metrics) = (0..users as usize, &scenario.metrics);
            let experiment = &study.experiment;
            let values = ArrivedValues::of(&observations, study.place, experiment, metrics, units);
            self.look(studied, experiment, |users| analyze(experiment, &values.first(users)))
        });
        let studies = studies.collect();
        Ok(Replication { nth, cost: so_far(spent.cost), studies })
    }

    /// Users out of the pool, drawn with this seed.
    fn draw(&self, pool: &UserPool<'_>, nth: u64, seed: Seed) -> Replication {
        let scenario = self.stage.scenario;
        let mut cost = Vec::new();
        let studies = scenario.studies.iter().zip(&self.studies).map(|(study, studied)| {
            let mut drawn = pool.draw(seed, study, &self.asked.sizes);
            cost = so_far(std::mem::take(&mut drawn.costs));
            let values = pool.values(drawn, study, scenario);
            let experiment = &study.experiment;
            self.look(studied, experiment, |users| analyze(experiment, &values.first(users)))
        });
        let studies = studies.collect();
        Replication { nth, cost, studies }
    }

    /// How the shares of the verdicts follow the estimates of the metrics that the rule asks about,
    /// at each size.
    pub(super) fn sensitivities(
        &self,
        pool: &UserPool<'_>,
        (study, studied): (&Study, &Studied),
        deciding: &[usize],
    ) -> Vec<Sensitivity> {
        let mut pilots: Vec<Vec<Pilot>> = vec![Vec::new(); self.asked.sizes.len()];
        let experiment = &study.experiment;
        for nth in 0..PILOT {
            let drawn = pool.draw(self.seed_of(nth), study, &self.asked.sizes);
            let values = pool.values(drawn, study, self.stage.scenario);
            for (&users, pilots) in self.asked.sizes.iter().zip(&mut pilots) {
                let analysis = analyze(experiment, &values.first(users));
                let estimate = |&metric: &usize| {
                    let own = analysis.metrics.get(metric)?.variations.get(studied.treatment)?;
                    own.comparison.as_ref()?.relative_difference
                };
                let estimates = deciding.iter().map(estimate).collect();
                pilots.push((decide(&studied.rule, experiment, &analysis).decision, estimates));
            }
        }
        let sizes = self.asked.sizes.iter().zip(&pilots);
        sizes.map(|(&users, pilots)| Sensitivity::of(users, pilots)).collect()
    }

    /// What is found of an experiment at each size, from the analysis at each number of users at
    /// which is looked.
    fn look(
        &self,
        studied: &Studied,
        experiment: &Experiment,
        analysis: impl Fn(u32) -> Analysis,
    ) -> Vec<AtSize> {
        let look = |users: u32| {
            let analysis = analysis(users);
            let decision = decide(&studied.rule, experiment, &analysis).decision;
            Look { users, analysis, decision }
        };
        let all: Vec<Look> = self.points().into_iter().map(look).collect();
        self.looks.iter().map(|looks| at_size(experiment, studied, looks, &all)).collect()
    }
}

/// The sums up to each size, in nano-dollars, of what came between one size and the next.
fn so_far(costs: Vec<Money>) -> Vec<u64> {
    let mut total = Money::ZERO;
    let sums = costs.into_iter().map(|cost| {
        total += cost;
        total.nano_dollars()
    });
    sums.collect()
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
