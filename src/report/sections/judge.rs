//! Judged rates without the judge's errors.

use crate::figure::{self, Unit};
use crate::report::cells::{interval, shown};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Level, Section};
use crate::report::table::{Cell, Column, Row, Table};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(table) = corrected(experiment) else { return Vec::new() };
    let section = Section::new("Without the judge's errors (Rogan & Gladen)", Level::Detail);
    vec![section.folded().with([Element::Table(table)])]
}

/// Judged rates without the judge's errors, beside the raw ones; `None` where no metric tells of
/// its judge.
fn corrected(experiment: &ReportedExperiment) -> Option<Table> {
    let columns = vec![
        Column::words("metric, variation"),
        Column::number("users judged"),
        Column::number("judged good"),
        Column::number("corrected"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("difference"),
        Column::number(format!("{} interval", experiment.mass())),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        let mut own = Vec::new();
        for variation in &metric.variations {
            let Some(corrected) = &variation.corrected else { continue };
            let told = corrected.reason.as_ref();
            let told = told.map(|reason| {
                Row::Cells(vec![Cell::new(format!(
                    "{}: {reason}",
                    experiment.name_of(&variation.key)
                ))])
            });
            if corrected.rate.is_none() {
                own.extend(told);
                continue;
            }
            let points = |x: f64| Unit::Rate.change(x).replace(" points", " pts");
            own.push(Row::Cells(vec![
                Cell::new(experiment.name_of(&variation.key)),
                Cell::new(corrected.judged.map(figure::count).unwrap_or_default()),
                shown(corrected.judged_rate, figure::percent),
                shown(corrected.rate, figure::percent),
                interval(corrected.interval, figure::percent),
                if variation.key == experiment.control {
                    Cell::default()
                } else {
                    shown(corrected.difference, points)
                },
                if variation.key == experiment.control {
                    Cell::default()
                } else {
                    interval(corrected.difference_interval, points)
                },
            ]));
            own.extend(told);
        }
        if !own.is_empty() {
            rows.push(Row::Group(metric.key.clone(), String::new()));
            rows.append(&mut own);
        }
    }
    (!rows.is_empty()).then_some(Table { columns, rows })
}
