//! Each treatment against the control: the answer at a glance.

use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};
use crate::report::format::{diamonds, reading};
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let control = experiment.name_of(&experiment.control);
    let mut sections = vec![differences(experiment)];
    sections.extend(experiment.treatments().map(|treatment| {
        let title = format!("{} against {control}", experiment.name_of(treatment));
        let table = Element::Table(changes(experiment, treatment));
        Section::new(title, Level::Detail).with([table])
    }));
    let needed = users_needed(experiment);
    sections.extend(needed.map(|text| Section::untitled().with([Element::Note(text, Tone::Dim)])));
    sections
}

/// Relative differences as a chart.
fn differences(experiment: &ReportedExperiment) -> Section<'_> {
    let picture = Picture {
        name: format!("Change against {}", experiment.name_of(&experiment.control)),
        remark: format!(
            "square: estimate; bar: {} interval; left of the zero line is less, right is more; arrows point at what lies further out.{}",
            experiment.mass(),
            diamonds(experiment)
        ),
        id: "change0".to_owned(),
        chart: Chart::Differences,
    };
    let lead = "What switching from the control changes, in percent of the control.".to_owned();
    let gallery = Gallery { lead, experiment, pictures: vec![picture] };
    Section::new("Differences", Level::Section).with([Element::Gallery(gallery)])
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
        // Without a relative difference the absolute one stands in its place.
        let absolute =
            variation.relative_difference.is_none() && variation.absolute_difference.is_some();
        let points = |x: f64| metric.measure().change(x).replace(" points", " pts");
        let (change, ends) = if absolute {
            (
                shown(variation.absolute_difference, points),
                interval(variation.absolute_interval, points),
            )
        } else {
            (
                shown(variation.relative_difference, figure::change),
                interval(variation.relative_interval, figure::change),
            )
        };
        Some(Row::Cells(vec![
            Cell::new(&metric.key),
            change,
            ends,
            beats,
            Cell::toned(reading, tone),
            shown(variation.expected_loss, |x| {
                metric.measure().difference(x).replace(" points", " pts")
            }),
        ]))
    });
    Table { columns, rows: rows.collect() }
}

/// How many more users are needed, or why no number can be given; `None` when the treatment has
/// reached the threshold.
fn users_needed(experiment: &ReportedExperiment) -> Option<String> {
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
