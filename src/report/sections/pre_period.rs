//! Results adjusted for the users' pre-period.

use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Level, Section};
use crate::report::table::{Cell, Column, Row, Table};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(table) = adjusted(experiment) else { return Vec::new() };
    let section = Section::new("Adjusted for the users' pre-period (CUPED)", Level::Detail);
    vec![section.folded().with([Element::Table(table)])]
}

/// Results adjusted for the users' pre-period; `None` where they have none.
fn adjusted(experiment: &ReportedExperiment) -> Option<Table> {
    let columns = vec![
        Column::words("metric, variation"),
        Column::number("adjusted"),
        Column::number("variance\nexplained"),
        Column::number("change"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("beats\ncontrol"),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        let mut own =
            experiment.adjusted.iter().filter(|adjusted| adjusted.metric == metric.key).peekable();
        if own.peek().is_some() {
            rows.push(Row::Group(metric.key.clone(), String::new()));
        }
        rows.extend(own.map(|adjusted| {
            let treated = |cell: Cell| {
                if adjusted.variation == experiment.control { Cell::default() } else { cell }
            };
            Row::Cells(vec![
                Cell::new(experiment.name_of(&adjusted.variation)),
                shown(adjusted.data_mean, |x| metric.measure().value(x)),
                shown(adjusted.explained, figure::percent),
                treated(shown(adjusted.relative_difference, figure::change)),
                treated(interval(adjusted.relative_interval, figure::change)),
                treated(shown(adjusted.probability_to_beat_control, figure::probability)),
            ])
        }));
    }
    (!rows.is_empty()).then_some(Table { columns, rows })
}
