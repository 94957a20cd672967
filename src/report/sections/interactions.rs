//! Whether experiments on the same users influence each other.

use crate::figure::{self, Unit};
use crate::report::cells::{interval, shown};
use crate::report::data::Report;
use crate::report::document::{Element, Level, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(report: &Report) -> Vec<Section<'_>> {
    let Some(table) = interactions(report) else { return Vec::new() };
    let section = Section::new("Interactions between experiments", Level::Chapter);
    vec![section.with([Element::Table(table)])]
}

/// Whether experiments on the same users influence each other; `None` where there is one only.
fn interactions(report: &Report) -> Option<Table> {
    if report.interactions.is_empty() {
        return None;
    }
    let threshold = |key: &str| {
        report.experiments.iter().find(|own| own.key == key).map_or(0.9, |own| own.threshold)
    };
    let mass = report
        .interactions
        .first()
        .map_or_else(String::new, |own| figure::written_percent(threshold(&own.first)));
    let columns = vec![
        Column::words("experiments, metric"),
        Column::number("first\neffect"),
        Column::number("second\neffect"),
        Column::number("inter-\naction"),
        Column::number(format!("{mass} interval")),
        Column::number("p-value"),
    ];
    let mut rows = Vec::new();
    let mut pair = None;
    for own in &report.interactions {
        if pair != Some((&own.first, &own.second)) {
            pair = Some((&own.first, &own.second));
            rows.push(Row::Group(
                format!("{} and {}", own.first, own.second),
                format!("{} users in both", figure::count(own.users)),
            ));
        }
        if let Some(reason) = &own.reason {
            rows.push(Row::Cells(vec![Cell::new(format!("{}: {reason}", own.metric))]));
            continue;
        }
        let unit = Unit::new(own.kind, &own.unit).bare();
        let change = |x: f64| unit.change(x).replace(" points", " pts");
        let tone = if own.p_value.is_some_and(|p| p.get() <= 1.0 - threshold(&own.first)) {
            Tone::Warn
        } else {
            Tone::Plain
        };
        rows.push(Row::Cells(vec![
            Cell::new(&own.metric),
            shown(own.first_effect, change),
            shown(own.second_effect, change),
            shown(own.interaction, change),
            interval(own.interval, change),
            Cell { tone, ..shown(own.p_value, figure::p_value) },
        ]));
    }
    Some(Table { columns, rows })
}
