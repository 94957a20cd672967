//! Each treatment against the control: the answer at a glance.

use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::{ReportedExperiment, ReportedMetric, ReportedVariation};
use crate::report::document::{Element, Level, Medium, Section};
use crate::report::format::reading;
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let control = experiment.name_of(&experiment.control);
    // A page has them in its scorecard.
    let elsewhere = &[Medium::Page];
    let each = experiment.treatments().map(|treatment| {
        let title = format!("{} against {control}", experiment.name_of(treatment));
        let table = Element::Table(changes(experiment, treatment));
        Section::new(title, Level::Detail).not_in(elsewhere).with([table])
    });
    let mut sections: Vec<Section<'_>> = each.collect();
    let needed = users_needed(experiment).map(|text| Element::Note(text, Tone::Dim));
    sections.extend(needed.map(|note| Section::untitled().not_in(elsewhere).with([note])));
    sections
}

/// The treatment against the control, one row for each metric: the answer at a glance.
fn changes(experiment: &ReportedExperiment, treatment: &str) -> Table {
    let columns = vec![
        Column::words("metric"),
        Column::number("change"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("beats\ncontrol"),
        Column::words("reads"),
        Column::number("expected\nloss"),
    ];
    let rows = experiment.metrics.iter().filter_map(|metric| {
        let variation = metric.variation(treatment)?;
        let (reading, tone) = reading(variation.probability_to_beat_control, experiment.threshold);
        let mut beats = shown(variation.probability_to_beat_control, figure::probability);
        beats.tone = if variation.probability_to_beat_control.is_some() { tone } else { Tone::Dim };
        let (change, ends) = compared(metric, variation);
        Some(Row::Cells(vec![
            Cell::new(&metric.key),
            change,
            ends,
            beats,
            Cell::toned(reading, tone),
            loss(metric, variation),
        ]))
    });
    Table { columns, rows: rows.collect() }
}

/// The change and its interval: in percent, or in the metric's unit where there is no percentage.
pub(super) fn compared(metric: &ReportedMetric, variation: &ReportedVariation) -> (Cell, Cell) {
    let points = |x: f64| metric.measure().change(x).replace(" points", " pts");
    if variation.relative_difference.is_none() && variation.absolute_difference.is_some() {
        (
            shown(variation.absolute_difference, points),
            interval(variation.absolute_interval, points),
        )
    } else {
        (
            shown(variation.relative_difference, figure::change),
            interval(variation.relative_interval, figure::change),
        )
    }
}

/// What shipping it is expected to lose.
pub(super) fn loss(metric: &ReportedMetric, variation: &ReportedVariation) -> Cell {
    shown(variation.expected_loss, |x| metric.measure().difference(x).replace(" points", " pts"))
}

/// How many more users are needed, or why no number can be given; `None` when the treatment has
/// reached the threshold.
pub(super) fn users_needed(experiment: &ReportedExperiment) -> Option<String> {
    let primary = experiment.metrics.first()?;
    let (mass, reason) = (experiment.mass(), experiment.users_needed_reason.as_deref());
    match (experiment.users_needed, reason) {
        (Some(0), None) => None,
        (Some(_), Some(reason)) => Some(format!("On {}, {reason}.", primary.key)),
        (Some(users), None) => {
            let so_far: u64 = experiment.exposures.0.iter().map(|(_, users)| users).sum();
            let times = (users + so_far) as f64 / so_far.max(1) as f64;
            let times = if times >= 2.0 {
                format!(" (in total {} times as many as now)", figure::number(times))
            } else {
                String::new()
            };
            let formula = experiment.users_needed_by_formula.filter(|&other| other != users);
            let formula = formula
                .map(|other| format!(" LaunchDarkly's formula gives {}.", figure::count(other)));
            Some(format!(
                "If the difference stays as observed, about {} more users{times} are needed before {} reaches {mass}. Because it may \
                 change, the chance to reach {mass} by then is about 50%.{}",
                figure::count(users),
                primary.key,
                formula.unwrap_or_default()
            ))
        }
        (None, reason) => {
            let reason = reason.unwrap_or("this file does not say why");
            Some(format!("How many more users {} needs is unknown: {reason}.", primary.key))
        }
    }
}
