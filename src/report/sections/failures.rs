//! Requests that got no answer, by kind and variation.

use crate::figure;
use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};
use crate::report::table::{Cell, Column, Row, Table};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(table) = table(experiment) else { return Vec::new() };
    let picture = Picture {
        name: "Failed requests".to_owned(),
        remark: "share of the exposed users, with counts".to_owned(),
        id: "failure0".to_owned(),
        chart: Chart::Failures,
    };
    let lead = "Requests that got no answer count against the variation that the user was in.";
    let gallery = Gallery { lead: lead.to_owned(), experiment, pictures: vec![picture] };
    let section = Section::new("Failures", Level::Section).folded();
    vec![section.with([Element::Gallery(gallery), Element::Table(table)])]
}

/// Failures by kind, a column for each variation.
fn table(experiment: &ReportedExperiment) -> Option<Table> {
    let mut kinds: Vec<&str> = Vec::new();
    for failure in &experiment.failures {
        if !kinds.contains(&failure.kind.as_str()) {
            kinds.push(&failure.kind);
        }
    }
    if kinds.is_empty() {
        return None;
    }
    let variations: Vec<&str> =
        experiment.exposures.0.iter().map(|(key, _)| key.as_str()).collect();
    let mut columns = vec![Column::words("failure")];
    columns.extend(variations.iter().map(|key| Column::number(experiment.name_of(key))));
    let rows = kinds.iter().map(|kind| {
        let mut cells = vec![Cell::new(*kind)];
        cells.extend(variations.iter().map(|variation| {
            let own = experiment
                .failures
                .iter()
                .filter(|failure| failure.kind == *kind && failure.variation == *variation);
            Cell::new(figure::count(own.map(|failure| failure.count).sum()))
        }));
        Row::Cells(cells)
    });
    Some(Table { columns, rows: rows.collect() })
}
