//! Parts of a report that a run alone can tell: segments, what a bandit made of the split, how
//! guarded rollouts went.
//!
//! Does not know: how they are shown.

use crate::analysis::Analysis;
use crate::experiment::{Better, Experiment, Guard, Metric};
use crate::figure;
use crate::metrics::Observations;
use crate::report::{
    Arm, Bandit, ExpectationResult, Number, Ordered, Rollout, RolloutLook, RolloutOutcome,
    RolloutReading, Segment, SegmentChange, Shares,
};
use crate::run::adaptive::{Ending, Reallocation, Watched};
use crate::run::truth::Truth;
use crate::scenario::{Scenario, Slice, Study};

/// The audience group of a user who never came.
pub(super) const NO_GROUP: u16 = u16::MAX;

fn keyed<T>(experiment: &Experiment, values: impl IntoIterator<Item = T>) -> Ordered<T> {
    Ordered(
        experiment
            .treatments
            .iter()
            .map(|treatment| treatment.variation.clone())
            .zip(values)
            .collect(),
    )
}

/// The users of each slice by themselves; `groups` has each unit's audience group.
pub(super) fn segments(
    study: &Study,
    groups: &[u16],
    observations: &Observations,
    metrics: &[Metric],
) -> Vec<Segment> {
    let experiment = &study.experiment;
    let one = |slice: &Slice| {
        // Nobody's group is outside of every segment.
        let inside = |group: u16| slice.groups.get(usize::from(group)).copied().unwrap_or(false);
        let units =
            groups.iter().enumerate().filter(|(_, group)| inside(**group)).map(|(unit, _)| unit);
        let analysis = study.analyze(observations, metrics, units);
        let mut changes = Vec::new();
        for metric in &analysis.metrics {
            let arms = experiment.treatments.iter().zip(&metric.variations).enumerate();
            for (_, (treatment, variation)) in arms.filter(|(at, _)| *at != experiment.control) {
                let compared = variation.comparison;
                changes.push(SegmentChange {
                    metric: metric.metric.key.clone(),
                    variation: treatment.variation.clone(),
                    relative_difference: compared
                        .and_then(|compared| compared.relative_difference)
                        .and_then(Number::new),
                    relative_interval: compared
                        .and_then(|compared| compared.relative_interval)
                        .and_then(Number::ends),
                    probability_to_beat_control: compared
                        .and_then(|compared| Number::new(compared.probability_to_beat)),
                });
            }
        }
        Segment {
            segment: slice.segment.clone(),
            users: keyed(experiment, analysis.exposures),
            changes,
        }
    };
    study.segments.iter().map(one).collect()
}

/// What a bandit made of the split: `own` is its analysis, `fixed` that of a fixed split of the
/// same users.
pub(super) fn bandit(
    study: &Study,
    reallocations: &[Reallocation],
    own: &Analysis,
    fixed: &Analysis,
    truth: Option<&Truth>,
) -> Option<Bandit> {
    let bandit = study.allocation?;
    let experiment = &study.experiment;
    let (primary, beside) = (own.metrics.first()?, fixed.metrics.first()?);
    let found = primary.variations.iter().zip(&own.exposures);
    let other = beside.variations.iter().zip(&fixed.exposures);
    let arms = experiment.treatments.iter().zip(found.zip(other)).map(
        |(treatment, ((found, &users), (other, &fixed_users)))| Arm {
            variation: treatment.variation.clone(),
            users,
            mean: found.posterior_mean.and_then(Number::new),
            interval: found.credible_interval.and_then(Number::ends),
            fixed_users,
            fixed_mean: other.posterior_mean.and_then(Number::new),
            fixed_interval: other.credible_interval.and_then(Number::ends),
        },
    );
    let true_values: Option<Vec<f64>> =
        truth.and_then(|truth| truth.values().first()?.iter().copied().collect());
    let regret = |users: &[u64]| {
        let values = true_values.as_ref()?;
        let best = values.iter().copied().reduce(if primary.metric.better == Better::Higher {
            f64::max
        } else {
            f64::min
        })?;
        // A variation that is as good as the best, but for less than what matters, loses nothing.
        let lost =
            |value: f64| if primary.metric.tie(value, best) { 0.0 } else { (best - value).abs() };
        Number::new(
            values.iter().zip(users).map(|(&value, &users)| lost(value) * users as f64).sum(),
        )
    };
    let shares = |one: &Reallocation| Shares {
        users: one.users,
        shares: keyed(experiment, one.shares.iter().copied()),
    };
    Some(Bandit {
        metric: primary.metric.key.clone(),
        every: bandit.every,
        floor: bandit.floor,
        reallocations: reallocations.iter().map(shares).collect(),
        arms: arms.collect(),
        regret: regret(&own.exposures),
        fixed_regret: regret(&fixed.exposures),
    })
}

/// Says why the check of the split has nothing to hold the exposures against.
pub(super) fn no_planned_split(analysis: &mut Analysis) {
    if let Some(check) =
        analysis.health.iter_mut().find(|check| check.check == "sample_ratio_mismatch")
    {
        "the bandit's split follows the results, so there is no planned one to hold it against"
            .clone_into(&mut check.message);
    }
}

/// How a guarded rollout went.
pub(super) fn rollout(scenario: &Scenario, guard: &Guard, watched: &Watched) -> Rollout {
    let [from, to] = [0, 1].map(|at| {
        guard.study.treatments.get(at).map(|own| own.variation.clone()).unwrap_or_default()
    });
    let key = |metric: usize| scenario.metric(metric).key.clone();
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
    });
    let users = figure::count(watched.looks.last().map_or(0, |look| look.users).into());
    let sure = figure::written_percent(guard.study.threshold.get());
    let margin = match guard.worse_by {
        0.0 => String::new(),
        worse => format!(" by more than {}", figure::written_percent(worse)),
    };
    let (outcome, message) = match watched.ending {
        Ending::RolledBack(metric) => (
            RolloutOutcome::RolledBack,
            format!(
                "{to} was rolled back after {users} watched users: {} is worse{margin}, {sure} sure over all looks.",
                key(metric)
            ),
        ),
        Ending::Released => (
            RolloutOutcome::Released,
            format!(
                "{to} was released to everybody after {users} watched users: no metric is worse{margin}, {sure} sure over all looks. That nothing was found does not show that nothing is there."
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
    Rollout {
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

/// Whether guarded rollouts ended as expected.
pub fn rollouts_as_expected(
    rollouts: &[Rollout],
    expected: &[Option<RolloutOutcome>],
) -> Vec<ExpectationResult> {
    let word = |outcome: RolloutOutcome| match outcome {
        RolloutOutcome::RolledBack => "rolled back",
        RolloutOutcome::Released => "released",
        RolloutOutcome::Watching => "still watched",
    };
    let one = |(rollout, expected): (&Rollout, &Option<RolloutOutcome>)| {
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
