//! What a run of a lesson found: a few lines and one table for each experiment, estimates next to
//! the effect on users.
//!
//! Does not know: what the lesson claims.

use super::lesson::LessonSide;
use super::show::rates;
use crate::analysis::HealthStatus;
use crate::figure;
use crate::report::document::{CheckRow, Checklist, Element, Fact, Level, List, Mark, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::{Number, ReportedExperiment};
use crate::scenario::Lesson;

/// Columns for the longest mark, `warning`, and a gap.
const WORDS: usize = 9;

/// What was found on one side of the knob.
pub(super) fn found<'r>(side: &'r LessonSide, lesson: &Lesson) -> Vec<Element<'r>> {
    let report = &side.report;
    let several = report.experiments.len() > 1;
    let mut elements = Vec::new();
    for experiment in &report.experiments {
        let title = if several { experiment.name.as_str() } else { "" };
        let section = Section::new(title, Level::Section);
        elements.push(section.with(of_experiment(experiment)).into());
    }
    elements.extend(
        report.rollouts.iter().map(|rollout| Element::Note(rollout.message.clone(), Tone::Plain)),
    );
    let rates = side.ships.and_then(|ships| rates(lesson, ships));
    elements.extend(rates.map(|text| Element::Note(text, Tone::Plain)));
    elements
}

fn of_experiment(experiment: &ReportedExperiment) -> Vec<Element<'_>> {
    let users = experiment.exposures.0.iter();
    let users: Vec<String> =
        users.map(|(key, users)| format!("{} {key}", figure::count(*users))).collect();
    let mut elements = vec![
        Element::Facts(vec![Fact::new("users", users.join(", "))]),
        Element::Table(changes(experiment)),
    ];
    let reasons = missing(experiment);
    if !reasons.is_empty() {
        elements.push(Element::List(List { items: reasons, tone: Tone::Warn, numbered: false }));
    }
    let bandit = bandit(experiment);
    if !bandit.is_empty() {
        elements.push(Element::Facts(bandit));
    }
    let checks: Vec<CheckRow> = experiment.health.iter().filter_map(check).collect();
    if !checks.is_empty() {
        elements.push(Element::Checklist(Checklist { rows: checks, words: WORDS, brief: true }));
    }
    if let Some(verdict) = &experiment.verdict {
        let mut facts = vec![Fact::new("verdict", &verdict.headline)];
        facts.extend(verdict.would_have_been().map(|said| Fact::new("", said)));
        elements.push(Element::Facts(facts));
    }
    elements
}

/// A health check that failed or warns; `None` for the others.
fn check(health: &crate::report::Health) -> Option<CheckRow> {
    let mark = match health.status {
        HealthStatus::Error => {
            Mark { sign: "✗", word: "error", tone: Tone::Bad, comment: "**error**" }
        }
        HealthStatus::Warning => {
            Mark { sign: "!", word: "warning", tone: Tone::Warn, comment: "**warning**" }
        }
        HealthStatus::Healthy | HealthStatus::Waiting => return None,
    };
    let (name, detail) = (health.check.clone(), health.message.clone());
    Some(CheckRow { mark, name, detail, compared: None, depth: 0 })
}

fn signed(share: f64) -> String {
    format!("{}{}", if share >= 0.0 { "+" } else { "" }, figure::percent(share))
}

/// The cells of a change with its interval.
fn change(change: Option<Number>, ends: Option<[Number; 2]>) -> [Cell; 2] {
    let ends = ends.map(|ends| ends.map(|end| signed(end.get())));
    [
        change.map_or_else(Cell::default, |change| Cell::new(signed(change.get()))),
        ends.map_or_else(Cell::default, |[low, high]| Cell::new(figure::interval(&low, &high))),
    ]
}

/// Each treatment against the control, for all users and in the segments.
fn changes(experiment: &ReportedExperiment) -> Table {
    let columns = vec![
        Column::words("metric"),
        Column::number("change"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("true\nchange"),
        Column::number("beats\ncontrol"),
    ];
    let several = experiment.treatments().count() > 1;
    let named = |metric: &str, key: &str| {
        Cell::new(if several { format!("{metric}, {key}") } else { metric.to_owned() })
    };
    let chance = |beats: Option<Number>| {
        beats.map_or_else(Cell::default, |beats| Cell::new(figure::probability(beats.get())))
    };
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        let treatments = metric.variations.iter().filter(|own| own.key != experiment.control);
        rows.extend(treatments.map(|own| {
            let [change, interval] = change(own.relative_difference, own.relative_interval);
            let truth = own.truth.as_ref().and_then(|truth| truth.relative_difference);
            let truth = truth.map_or_else(Cell::default, |truth| Cell::new(signed(truth.get())));
            let chance = chance(own.probability_to_beat_control);
            Row::Cells(vec![named(&metric.key, &own.key), change, interval, truth, chance])
        }));
    }
    for segment in &experiment.segments {
        rows.push(Row::Group(segment.segment.clone(), String::new()));
        rows.extend(segment.changes.iter().map(|own| {
            let [change, interval] = change(own.relative_difference, own.relative_interval);
            let chance = chance(own.probability_to_beat_control);
            let name = named(&own.metric, &own.variation);
            Row::Cells(vec![name, change, interval, Cell::default(), chance])
        }));
    }
    Table { columns, rows }
}

/// Why a treatment has no estimate.
fn missing(experiment: &ReportedExperiment) -> Vec<(String, String)> {
    let of = experiment.metrics.iter().flat_map(|metric| {
        let treatments = metric.variations.iter().filter(|own| own.key != experiment.control);
        treatments.filter(|own| own.relative_difference.is_none()).map(move |own| {
            let reason = own.reason.as_deref().unwrap_or("no estimate");
            (format!("{}, {}: {reason}", metric.key, own.key), String::new())
        })
    });
    of.collect()
}

/// What a bandit made of the split.
fn bandit(experiment: &ReportedExperiment) -> Vec<Fact> {
    let Some(bandit) = &experiment.bandit else { return Vec::new() };
    let Some(last) = bandit.reallocations.last() else { return Vec::new() };
    let shares = last.shares.0.iter();
    let shares: Vec<String> =
        shares.map(|(key, share)| format!("{} {key}", figure::percent(*share))).collect();
    let mut facts = vec![Fact::new("bandit", format!("shares at the end: {}", shares.join(", ")))];
    if let (Some(own), Some(fixed)) = (bandit.regret, bandit.fixed_regret) {
        let of = figure::percent(own.get() / fixed.get().max(f64::MIN_POSITIVE));
        facts.push(Fact::new("", format!("its regret is {of} of the fixed split's")));
    }
    facts
}
