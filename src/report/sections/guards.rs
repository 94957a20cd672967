//! Requests that guards ended, and those that they should have ended.

use crate::figure;
use crate::report::cells::shown;
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Level, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};

/// How to read the table.
const HOW: &str = "A stopped request ends with a refusal: no failure. \"missed\" is the share of the harmful requests that the guard let \
                   through, \"false stops\" that of the harmless ones that it stopped. How often either happens is assumed.";

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    if experiment.guards.is_empty() {
        return Vec::new();
    }
    let note = Element::Note(HOW.to_owned(), Tone::Dim);
    let section = Section::new("Stopped requests", Level::Section).folded();
    vec![section.with([Element::Table(table(experiment)), note])]
}

fn table(experiment: &ReportedExperiment) -> Table {
    let columns = vec![
        Column::words("variation, guard"),
        Column::number("requests"),
        Column::number("stopped"),
        Column::number("share"),
        Column::number("missed"),
        Column::number("false\nstops"),
    ];
    let mut rows = Vec::new();
    for (variation, _) in &experiment.exposures.0 {
        let own = || experiment.guards.iter().filter(|own| own.variation == *variation);
        let Some(all) = own().next() else { continue };
        let remark = format!(
            "{} of {} requests stopped, {} harmful ones answered",
            figure::count(all.all_stopped),
            figure::count(all.all_requests),
            figure::count(all.harmful_answered)
        );
        rows.push(Row::Group(experiment.name_of(variation).to_owned(), remark));
        rows.extend(own().map(|own| {
            Row::Cells(vec![
                Cell::new(&own.agent),
                Cell::new(figure::count(own.requests)),
                Cell::new(figure::count(own.stopped)),
                shown(own.stopped_share, figure::probability),
                shown(own.missed_share, figure::probability),
                shown(own.false_stop_share, figure::probability),
            ])
        }));
    }
    Table { columns, rows }
}
