//! The results at a glance, for a page: what the rule requires, a row for each metric, and health.
//!
//! Guarantees: its numbers are those of the tables that text and Markdown have in its place.

use super::changes::{compared, loss, users_needed};
use super::{health, rule};
use crate::analysis::HealthStatus;
use crate::figure;
use crate::report::cells::shown;
use crate::report::data::{ReportedExperiment, ReportedMetric, ReportedVariation, Total};
use crate::report::document::{
    Element, Medium, Scorecard, ScoredMetric, ScoredTreatment, Section, Slot,
};
use crate::report::format::reading;
use crate::report::number::Number;
use crate::report::table::{Cell, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let fine = |status: HealthStatus| status == HealthStatus::Healthy;
    let card = Scorecard {
        experiment,
        criteria: rule::criteria(experiment),
        treatments: experiment.treatments().map(|key| treatment(experiment, key)).collect(),
        doubts: health::checks(experiment, |status| !fine(status)),
        passed: health::checks(experiment, fine),
        remarks: users_needed(experiment).into_iter().collect(),
    };
    let section = Section::untitled().slot(Slot::Decision);
    vec![section.not_in(&[Medium::Terminal, Medium::Comment]).with([Element::Scorecard(card)])]
}

fn treatment<'r>(experiment: &'r ReportedExperiment, key: &str) -> ScoredTreatment<'r> {
    let unit = if experiment.paired.is_some() { "questions" } else { "users" };
    let users = [experiment.control.as_str(), key].map(|key| {
        let users = experiment.exposures.get(key).copied().unwrap_or_default();
        format!("{} {unit}", figure::count(users))
    });
    let rows = experiment.metrics.iter().filter_map(|metric| row(experiment, metric, key));
    ScoredTreatment { name: experiment.name_of(key).to_owned(), users, rows: rows.collect() }
}

fn row<'r>(
    experiment: &ReportedExperiment,
    metric: &'r ReportedMetric,
    key: &str,
) -> Option<ScoredMetric<'r>> {
    let (control, own) = (metric.variation(&experiment.control)?, metric.variation(key)?);
    let (change, interval) = compared(metric, own);
    let (word, tone) = reading(own.probability_to_beat_control, experiment.threshold);
    let ends = own.relative_difference.zip(own.relative_interval);
    Some(ScoredMetric {
        metric,
        values: [control, own].map(|own| value(metric, own)),
        change,
        truth: own.truth.and_then(|truth| truth.relative_difference).map(Number::get),
        interval,
        drawn: ends.map(|(change, [lower, upper])| [lower, change, upper].map(Number::get)),
        beats: shown(own.probability_to_beat_control, figure::probability),
        reading: Cell::toned(word, if tone == Tone::Plain { Tone::Dim } else { tone }),
        loss: loss(metric, own),
    })
}

/// The estimate, and how many users it comes from where it is a share.
fn value(metric: &ReportedMetric, own: &ReportedVariation) -> (Cell, String) {
    let estimate = shown(own.posterior_mean.or(own.data_mean), |x| metric.measure().value(x));
    let from = match own.total {
        Total::Conversions(Some(converted)) => {
            let of = own.users_with_value.unwrap_or(own.exposures);
            format!("{} of {}", figure::count(converted), figure::count(of))
        }
        _ => String::new(),
    };
    (estimate, from)
}
