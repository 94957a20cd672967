//! The users of each segment.

use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Level, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    if experiment.segments.is_empty() {
        return Vec::new();
    }
    let columns = vec![
        Column::words("segment, metric"),
        Column::number("change"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("beats\ncontrol"),
    ];
    let several = experiment.treatments().count() > 1;
    let mut rows = Vec::new();
    for segment in &experiment.segments {
        let users: Vec<String> = segment
            .users
            .0
            .iter()
            .map(|(key, users)| format!("{} {}", figure::count(*users), experiment.name_of(key)))
            .collect();
        rows.push(Row::Group(segment.segment.clone(), users.join(", ")));
        rows.extend(segment.changes.iter().map(|change| {
            let name = if several {
                format!("{}, {}", change.metric, experiment.name_of(&change.variation))
            } else {
                change.metric.clone()
            };
            Row::Cells(vec![
                Cell::new(name),
                shown(change.relative_difference, figure::change),
                interval(change.relative_interval, figure::change),
                shown(change.probability_to_beat_control, figure::probability),
            ])
        }));
    }
    let comparisons: usize = experiment.segments.iter().map(|segment| segment.changes.len()).sum();
    let by_luck = (1.0 - experiment.threshold) * 2.0 * comparisons as f64;
    let note = format!(
        "{comparisons} comparisons at {}: if nothing differed anywhere, about {} of them would still look decided by chance. The \
         decision rule uses all users together.",
        experiment.mass(),
        figure::count(libm::round(by_luck).max(0.0) as u64),
    );
    let section = Section::new("By segment", Level::Detail).folded();
    let table = Element::Table(Table { columns, rows });
    vec![section.with([table, Element::Note(note, Tone::Dim)])]
}
