//! The scenario's own graph of agents.

use crate::figure;
use crate::report::data::Report;
use crate::report::document::{Element, Level, Section, Slot};
use crate::report::table::Tone;

pub(super) fn sections(report: &Report) -> Vec<Section<'_>> {
    let Some(graph) = &report.graph else { return Vec::new() };
    let note = format!(
        "Shares are of the {} users whose request came, whatever variation they got.",
        figure::count(graph.users)
    );
    let section = Section::new(format!("Agent graph {}", graph.key), Level::Chapter);
    let section = section.slot(Slot::Subject).anchor("graph");
    vec![section.with([Element::Graph(graph), Element::Note(note, Tone::Dim)])]
}
