//! Parts of a report that a run alone can tell: segments, and what a bandit made of the split.
//!
//! Does not know: how they are shown.

use crate::analysis::{Analysis, HealthCheck, HealthStatus, Reallocation, regret};
use crate::experiment::Metric;
use crate::figure;
use crate::metrics::Observations;
use crate::report::{Arm, Bandit, Number, SegmentResult, Shares};
use crate::run::tally::TrafficTally;
use crate::run::truth::ExperimentTruth;
use crate::scenario::{Slice, Study};

/// The audience group of a user who never came.
pub(super) const NO_GROUP: u16 = u16::MAX;

/// Share of failed requests from which results are in doubt, and from which they are worth nothing.
const MANY_FAIL: f64 = 0.25;
const NEARLY_ALL_FAIL: f64 = 0.8;

/// A health check of the requests, where many of them failed.
pub(super) fn failing(traffic: &TrafficTally) -> Option<HealthCheck> {
    let failed: u64 = traffic.failures.values().sum();
    let share = failed as f64 / traffic.queries.max(1) as f64;
    if share < MANY_FAIL {
        return None;
    }
    let (kind, count) = traffic.failures.iter().max_by_key(|(_, count)| **count)?;
    let (status, means) = if share < NEARLY_ALL_FAIL {
        (HealthStatus::Warning, "metrics that leave such users out compare the others alone")
    } else {
        (HealthStatus::Error, "what is left says nothing about an app that works")
    };
    let message = format!(
        "{} of {} requests failed ({}), most of them because of: {} ({}); {means}",
        figure::count(failed),
        figure::count(traffic.queries),
        figure::percent(share),
        kind.name(),
        figure::count(*count)
    );
    Some(HealthCheck { check: "failed_requests", status, message })
}

/// The users of each slice by themselves; `groups` has each unit's audience group.
pub(super) fn segments(
    study: &Study,
    groups: &[u16],
    observations: &Observations,
    metrics: &[Metric],
) -> Vec<SegmentResult> {
    let experiment = &study.experiment;
    let one = |slice: &Slice| {
        // Nobody's group is outside of every segment.
        let inside = |group: u16| slice.groups.get(usize::from(group)).copied().unwrap_or(false);
        let units =
            groups.iter().enumerate().filter(|(_, group)| inside(**group)).map(|(unit, _)| unit);
        let analysis = study.analyze(observations, metrics, units);
        SegmentResult::of(slice.segment.clone(), experiment, &analysis)
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
    truth: Option<&ExperimentTruth>,
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
    let regret =
        |users: &[u64]| regret(&primary.metric, true_values.as_ref()?, users).and_then(Number::new);
    Some(Bandit {
        metric: primary.metric.key.clone(),
        every: bandit.every,
        floor: bandit.floor,
        reallocations: reallocations.iter().map(|one| Shares::of(experiment, one)).collect(),
        arms: arms.collect(),
        regret: regret(&own.exposures),
        fixed_regret: regret(&fixed.exposures),
    })
}
