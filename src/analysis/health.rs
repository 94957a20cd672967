//! Health checks on an experiment's data: may the numbers be believed at all?
//!
//! Guarantees: five checks in a fixed order (`exposures`, `sample_ratio_mismatch`, `metrics`,
//! `prior_data_conflict`, `silent_arm`), each with one entry and a message that a product manager
//! understands.
//!
//! Does not know: configs and targeting; their checks come from elsewhere as further values.

use crate::experiment::Experiment;
use crate::figure;

use super::result::{HealthCheck, HealthStatus, MetricAnalysis, MetricInput, Summary, Tally};
use super::{conflict, silence};

/// Concentration of the alternative's Dirichlet prior around the planned shares: as many
/// pseudo-users. The test is valid for any; 100 finds a mismatch of four standard errors from some
/// hundred users to some hundred thousand.
const CONCENTRATION: f64 = 100.0;
/// Posterior odds of a mismatch at which the alarm goes: 99% against 1%, both hypotheses being
/// equally likely before.
const ALARM: f64 = 99.0;

/// The health checks that can end in an error; `sampling` is that of recorded events. The others
/// only warn.
pub const MAY_FAIL: [&str; 5] =
    ["sample_ratio_mismatch", "metrics", "silent_arm", "failed_requests", "sampling"];

/// All checks, in their fixed order. `metrics` is the analysis of the same summary.
#[must_use]
pub fn health(
    experiment: &Experiment,
    summary: &Summary,
    metrics: &[MetricAnalysis],
) -> Vec<HealthCheck> {
    let names: Vec<String> = (0..summary.exposures.len()).map(|i| name(experiment, i)).collect();
    let exposed: u64 = summary.exposures.iter().sum();
    if exposed == 0 {
        let waiting = |check| HealthCheck {
            check,
            status: HealthStatus::Waiting,
            message: "no user was exposed yet".into(),
        };
        return [
            "exposures",
            "sample_ratio_mismatch",
            "metrics",
            "prior_data_conflict",
            "silent_arm",
        ]
        .map(waiting)
        .into();
    }
    vec![
        exposures(&names, &summary.exposures),
        sample_ratio(&names, summary),
        events(&names, summary),
        conflict::check(&names, metrics),
        silence::check(&names, experiment.control, summary),
    ]
}

/// The name of a treatment for people.
pub(super) fn name(experiment: &Experiment, index: usize) -> String {
    match experiment.treatments.get(index) {
        Some(treatment) if !treatment.name.is_empty() => treatment.name.clone(),
        Some(treatment) => treatment.variation.clone(),
        None => format!("treatment {}", index + 1),
    }
}

/// `1,350 Basic, 1,377 Strict`.
fn listing(names: &[String], counts: &[u64]) -> String {
    let each =
        names.iter().zip(counts).map(|(name, &count)| format!("{} {name}", figure::count(count)));
    each.collect::<Vec<_>>().join(", ")
}

fn exposures(names: &[String], exposures: &[u64]) -> HealthCheck {
    let empty: Vec<&str> = names
        .iter()
        .zip(exposures)
        .filter(|&(_, &n)| n == 0)
        .map(|(name, _)| name.as_str())
        .collect();
    let counts = listing(names, exposures);
    let (status, message) = if empty.is_empty() {
        (HealthStatus::Healthy, format!("users exposed: {counts}"))
    } else {
        (
            HealthStatus::Warning,
            format!("no user was exposed to {} yet: {counts}", empty.join(", ")),
        )
    };
    HealthCheck { check: "exposures", status, message }
}

fn sample_ratio(names: &[String], summary: &Summary) -> HealthCheck {
    let done = |status, message| HealthCheck { check: "sample_ratio_mismatch", status, message };
    let total: f64 = summary.shares.iter().flatten().sum();
    let Some(shares) =
        summary.shares.as_ref().filter(|s| s.len() == summary.exposures.len() && total > 0.0)
    else {
        let counts = listing(names, &summary.exposures);
        return done(
            HealthStatus::Warning,
            format!("unknown split: give the planned one (`split`) to compare it with {counts}"),
        );
    };
    let shares: Vec<f64> = shares.iter().map(|share| share / total).collect();
    let odds = libm::exp(ln_mismatch_odds(&summary.exposures, &shares));
    let counts = listing(names, &summary.exposures);
    let planned =
        shares.iter().map(|&share| figure::percent(share)).collect::<Vec<_>>().join(" to ");
    if odds > ALARM {
        let exposed: u64 = summary.exposures.iter().sum();
        let found: Vec<String> =
            summary.exposures.iter().map(|&n| figure::percent(n as f64 / exposed as f64)).collect();
        let message = format!(
            "users do not split as planned: {counts}, that is {} where {planned} was planned; more than 99% certain to be no \
             accident, so users get lost in one arm or are assigned wrongly: find out where before reading any result",
            found.join(" to ")
        );
        return done(HealthStatus::Error, message);
    }
    let exposed = summary.exposures.iter().sum();
    let seen = match smallest_mismatch(exposed, &shares).zip(names.first()) {
        Some((share, name)) => format!(
            "{} users show one from {} {name} on",
            figure::count(exposed),
            figure::percent(share)
        ),
        None => format!("{} users are too few to show one", figure::count(exposed)),
    };
    done(HealthStatus::Healthy, format!("no mismatch found: {counts}, planned {planned}; {seen}"))
}

/// The smallest share of the first arm, above its planned one, at which so many users raise the
/// alarm, the others sharing the rest as planned; `None` where even all users in the first arm
/// would not.
fn smallest_mismatch(exposed: u64, shares: &[f64]) -> Option<f64> {
    let (&first, others) = shares.split_first()?;
    if first >= 1.0 {
        return None;
    }
    let alarms = |count: u64| {
        let rest = exposed - count;
        let mut split = vec![count];
        // Rounding moves what is left over to the last arm.
        for share in others {
            let own = (rest as f64 * share / (1.0 - first)).floor() as u64;
            split.push(own.min(rest));
        }
        let over = exposed - split.iter().sum::<u64>();
        if let Some(last) = split.last_mut() {
            *last += over;
        }
        ln_mismatch_odds(&split, shares) > libm::log(ALARM)
    };
    let (mut low, mut high) = ((exposed as f64 * first).floor() as u64, exposed);
    if !alarms(high) {
        return None;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if alarms(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high as f64 / exposed as f64)
}

/// ln of the odds that exposures do not follow their shares (which sum to 1), both being equally
/// likely before. The alternative puts a Dirichlet prior around the shares; under the null
/// hypothesis the odds are a martingale that starts at 1, so by Ville's inequality they *ever*
/// exceed 99 in at most 1 of 99 experiments: valid at every look. M. Lindon & A. Malek,
/// "Anytime-valid inference for multinomial count data", arXiv 2011.03567, section 3.
#[must_use]
pub fn ln_mismatch_odds(exposures: &[u64], shares: &[f64]) -> f64 {
    let total = exposures.iter().sum::<u64>() as f64;
    let start = libm::lgamma(CONCENTRATION) - libm::lgamma(CONCENTRATION + total);
    let each = exposures.iter().zip(shares).filter(|&(&n, _)| n > 0).map(|(&n, &share)| {
        if share <= 0.0 {
            return f64::INFINITY;
        }
        let (n, alpha) = (n as f64, CONCENTRATION * share);
        libm::lgamma(alpha + n) - libm::lgamma(alpha) - n * libm::log(share)
    });
    start + each.sum::<f64>()
}

fn events(names: &[String], summary: &Summary) -> HealthCheck {
    let done = |status, message| HealthCheck { check: "metrics", status, message };
    for input in &summary.metrics {
        let units = input.tallies.iter().map(|tally| match tally {
            Some(Tally::Mean { units, .. } | Tally::Value { units, .. }) => *units,
            Some(Tally::Conversion { units, conversions, .. }) => {
                units.unwrap_or(0).max(*conversions)
            }
            None => 0,
        });
        let over =
            units.zip(&summary.exposures).zip(names).find(|((units, exposed), _)| units > exposed);
        if let Some(((units, exposed), name)) = over {
            let message = format!(
                "{}: {} users of {name} have a value but only {} were exposed; the events may come from another kind of unit",
                input.metric.title(),
                figure::count(units),
                figure::count(*exposed)
            );
            return done(HealthStatus::Error, message);
        }
    }
    let silent: Vec<&str> = summary
        .metrics
        .iter()
        .filter(|input| !has_events(input))
        .map(|input| input.metric.title())
        .collect();
    if silent.is_empty() {
        let all = match summary.metrics.len() {
            1 => "its one metric received events".to_owned(),
            n => format!("all {n} metrics received events"),
        };
        return done(HealthStatus::Healthy, all);
    }
    let primary = summary.metrics.first().is_some_and(|input| !has_events(input));
    let status = if primary { HealthStatus::Error } else { HealthStatus::Warning };
    done(
        status,
        format!(
            "no user sent an event for {}; check that the events are sent and that their keys match",
            silent.join(", ")
        ),
    )
}

/// Whether any unit had an event: as recorded, else as far as the tallies tell.
fn has_events(input: &MetricInput) -> bool {
    if let Some(responders) = &input.responders {
        return responders.iter().any(|&n| n > 0);
    }
    input.tallies.iter().flatten().any(|tally| match *tally {
        Tally::Conversion { conversions, .. } => conversions > 0,
        Tally::Mean { units, total, standard_error } => {
            units > 0 && (total != 0.0 || standard_error.is_some_and(|e| e > 0.0))
        }
        Tally::Value { units, .. } => units > 0,
    })
}

#[cfg(test)]
mod tests {
    use super::super::analyze;
    use super::super::published::{experiment, rate};
    use super::*;
    use crate::experiment::Better;
    use crate::random::{Owner, Purpose, Seed};

    fn summary(exposures: [u64; 2], conversions: [u64; 2]) -> Summary {
        let metrics = vec![rate("positive", Better::Higher, &conversions)];
        Summary { exposures: exposures.into(), shares: Some(vec![0.5, 0.5]), metrics }
    }

    fn status(summary: &Summary, check: &str) -> HealthStatus {
        let analysis = analyze(&experiment(&["A", "B"]), summary);
        analysis.health.iter().find(|h| h.check == check).map(|h| h.status).unwrap()
    }

    #[test]
    fn mismatch_odds_equal_the_authors_own_implementation() {
        // ssrm-test 0.1.5 (Lindon, Optimizely), `sequential_posteriors` with
        // `dirichlet_concentration=100`.
        let known: [(&[u64], &[f64], f64); 4] = [
            (&[1350, 1377], &[0.5, 0.5], -1.544_329_262_553),
            (&[600, 400], &[0.5, 0.5], 17.098_940_416_45),
            (&[510, 400, 90], &[0.5, 0.4, 0.1], -1.810_055_725_45),
            (&[1000, 1100], &[0.5, 0.5], 0.726_637_431_39),
        ];
        for (exposures, shares, expected) in known {
            let found = ln_mismatch_odds(exposures, shares);
            assert!((found - expected).abs() < 1e-9, "{exposures:?}: {found} is not {expected}");
        }
    }

    #[test]
    fn a_healthy_split_says_how_large_a_mismatch_would_be_seen() {
        let message = |exposures| {
            let analysis = analyze(&experiment(&["A", "B"]), &summary(exposures, [1, 1]));
            analysis
                .health
                .iter()
                .find(|h| h.check == "sample_ratio_mismatch")
                .unwrap()
                .message
                .clone()
        };
        // 30 to 2 is not "split as planned": 32 users are too few for the test of Lindon and Malek.
        assert!(
            message([30, 2])
                .starts_with("no mismatch found: 30 A, 2 B, planned 50.0% to 50.0%; 32 users"),
            "{}",
            message([30, 2])
        );
        // What is said is where the alarm begins.
        for exposed in [100, 1000, 10_000, 100_000] {
            let share = smallest_mismatch(exposed, &[0.5, 0.5]).unwrap();
            let count = (share * exposed as f64).round() as u64;
            assert!(ln_mismatch_odds(&[count, exposed - count], &[0.5, 0.5]) > libm::log(ALARM));
            assert!(
                ln_mismatch_odds(&[count - 1, exposed - count + 1], &[0.5, 0.5])
                    <= libm::log(ALARM)
            );
        }
        let thirds = smallest_mismatch(3000, &[1.0 / 3.0; 3]).unwrap();
        assert!(thirds > 0.34 && thirds < 0.42, "{thirds}");
    }

    #[test]
    fn a_broken_split_is_an_error_and_a_fair_one_is_healthy() {
        assert_eq!(
            status(&summary([1350, 1377], [400, 410]), "sample_ratio_mismatch"),
            HealthStatus::Healthy
        );
        assert_eq!(
            status(&summary([600, 400], [200, 150]), "sample_ratio_mismatch"),
            HealthStatus::Error
        );
        let mut unplanned = summary([600, 400], [200, 150]);
        unplanned.shares = None;
        assert_eq!(status(&unplanned, "sample_ratio_mismatch"), HealthStatus::Warning);
    }

    #[test]
    fn the_ratio_test_keeps_its_error_over_every_look() {
        // Ville: at most 1 in 99 experiments ever alarms, here looked at after every user.
        let mut luck = Seed(11).stage(Purpose::Replication, Owner::NOBODY, 1);
        let alarms = (0..2_000).filter(|_| {
            let (mut counts, mut alarm) = ([0_u64; 2], false);
            for _ in 0..300 {
                counts[usize::from(luck.chance(0.5))] += 1;
                // |z| under 2.5 cannot alarm; skipping it spares the logarithms.
                let gap = counts[0].abs_diff(counts[1]) as f64;
                let total = (counts[0] + counts[1]) as f64;
                alarm |= gap * gap > 6.25 * total
                    && ln_mismatch_odds(&counts, &[0.5, 0.5]) > libm::log(ALARM);
            }
            alarm
        });
        let alarms = alarms.count();
        assert!(
            alarms <= 20 + 14,
            "{alarms} of 2,000 alarmed, the bound is 20 with a standard error of 4.5"
        );
    }

    #[test]
    fn a_user_who_belongs_to_no_arm_is_an_error() {
        let mut wrong = summary([100, 100], [10, 12]);
        wrong.shares = Some(vec![1.0, 0.0]);
        assert_eq!(status(&wrong, "sample_ratio_mismatch"), HealthStatus::Error);
    }

    #[test]
    fn nothing_yet_is_waiting_and_an_empty_arm_is_a_warning() {
        for check in
            ["exposures", "sample_ratio_mismatch", "metrics", "prior_data_conflict", "silent_arm"]
        {
            assert_eq!(status(&summary([0, 0], [0, 0]), check), HealthStatus::Waiting);
        }
        assert_eq!(status(&summary([20, 0], [3, 0]), "exposures"), HealthStatus::Warning);
    }

    #[test]
    fn a_metric_without_events_is_named() {
        let quiet = summary([200, 210], [0, 0]);
        let analysis = analyze(&experiment(&["A", "B"]), &quiet);
        let check = analysis.health.iter().find(|h| h.check == "metrics").unwrap();
        assert_eq!(check.status, HealthStatus::Error);
        assert!(check.message.contains("positive"), "{}", check.message);
        let mut other = summary([200, 210], [20, 18]);
        other.metrics.push(rate("negative", Better::Lower, &[0, 0]));
        assert_eq!(status(&other, "metrics"), HealthStatus::Warning);
        assert_eq!(status(&summary([10, 10], [11, 3]), "metrics"), HealthStatus::Error);
    }
}
