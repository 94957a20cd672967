//! How often intervals contain the effect on users, and a warning where that is far less often than
//! they claim.
//!
//! Guarantees: a warning names its cause as far as the replications tell it: the measurement is
//! biased, prior and data conflict, or the intervals are too narrow for so few users.

use super::aggregate::share;
use super::data::{Coverage, MonteCarloEstimate, SizePower, StudyPower, TrueEffect};
use super::replicate::AtSize;
use crate::figure;
use crate::report::{Number, with_error};

/// Share of runs in which prior and data conflict, from which that counts as a cause.
const OFTEN: f64 = 0.25;

/// How often the intervals of metric number `at` hold what they should.
pub(super) fn coverage(metric: &str, at: usize, outcomes: &[&AtSize]) -> Coverage {
    let of = |interval: usize| {
        let mut counts = (0, 0);
        for letter in
            outcomes.iter().filter_map(|outcome| outcome.covered.as_bytes().get(3 * at + interval))
        {
            counts.0 += usize::from(*letter == b'y');
            counts.1 += usize::from(*letter != b'-');
        }
        (counts.1 > 0).then(|| share(counts.0, counts.1))
    };
    let of_limit = || {
        let letters = outcomes.iter().filter_map(|outcome| outcome.limit.as_bytes().get(at));
        let (held, all) = letters.fold((0, 0), |(held, all), letter| {
            (held + usize::from(*letter == b'y'), all + usize::from(*letter != b'-'))
        });
        (all > 0).then(|| share(held, all))
    };
    Coverage {
        metric: metric.to_owned(),
        relative_difference: of(0),
        treatment: of(1),
        control: of(2),
        measured_limit: of_limit(),
    }
}

/// Whether an interval misses more than twice as often as it claims, by more than three Monte Carlo
/// errors.
pub(super) fn far_below(covered: MonteCarloEstimate, mass: f64) -> bool {
    let error = covered.standard_error.map_or(0.0, Number::get);
    1.0 - covered.value.get() - 3.0 * error > 2.0 * (1.0 - mass)
}

/// A warning for each metric whose intervals of the change hold the true change far too seldom, at
/// the largest such size.
pub(super) fn warnings(study: &StudyPower) -> Vec<String> {
    let mass = study.threshold;
    let of_metric = |(at, metric): (usize, &TrueEffect)| {
        let found = |size: &SizePower| {
            size.coverage
                .get(at)
                .and_then(|own| own.relative_difference)
                .filter(|own| far_below(*own, mass))
        };
        let (size, covered) =
            study.sizes.iter().rev().find_map(|size| Some((size, found(size)?)))?;
        let written = figure::written_percent(mass);
        let truth = metric
            .relative_difference
            .map(|change| with_error(change.get(), metric.relative_error.map(Number::get)));
        Some(format!(
            "THE {written} INTERVALS OF {} ARE NOT {written} INTERVALS: they contain the true change ({}) in {} of the runs with {} users. {}",
            metric.key,
            truth.unwrap_or_default(),
            covered.percent(),
            figure::count(size.users.into()),
            why(metric, size, size.coverage.get(at).and_then(|own| own.measured_limit), mass)
        ))
    };
    study.truth.iter().enumerate().filter_map(of_metric).collect()
}

/// Why the intervals miss.
fn why(
    metric: &TrueEffect,
    size: &SizePower,
    of_limit: Option<MonteCarloEstimate>,
    mass: f64,
) -> String {
    let mut reasons = Vec::new();
    let biased = metric.bias.is_some_and(|bias| bias.notable());
    if let (true, Some(limit)) = (biased, metric.measured_limit) {
        let causes = if metric.bias_causes.is_empty() {
            String::new()
        } else {
            format!(", because {}", metric.bias_causes.join("; "))
        };
        reasons.push(format!(
            "The measurement is biased: with unlimited users it shows {}{causes}. More users do not help.",
            figure::change(limit.get())
        ));
    }
    // What the measurement itself converges to is missed as well.
    if of_limit.is_some_and(|of_limit| far_below(of_limit, mass)) || !biased {
        let conflict = size.prior_conflict.filter(|share| share.value.get() >= OFTEN);
        reasons.push(match conflict {
            Some(share) => format!(
                "In {} of these runs prior and data conflict: the estimate is mostly the prior, which expects small changes. Set a larger \
                 `prior_variance` for the metric, or simulate more users.",
                share.percent()
            ),
            None => "The intervals are too narrow for so few users: the values are skewed or tied, or the prior pulls estimates to no change."
                .to_owned(),
        });
    }
    reasons.join(" ")
}
