//! The building blocks of the page: tables, lists, badges and figures.
//!
//! Guarantees: what comes from the report goes through `plain` and the template's escaping.
//!
//! Does not know: in which order they stand.

use maud::{Markup, PreEscaped, html};

use super::drawing::arm;
use super::words::PageWords;
use super::{charts, flow};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, CheckRow, Checklist, Fact, Mark, Medium};
use crate::report::escape::plain;
use crate::report::table::{Cell, Row, Table, Tone};

/// The class of a meaning.
pub(super) fn class(tone: Tone) -> &'static str {
    match tone {
        Tone::Plain => "",
        Tone::Good => "good",
        Tone::Bad => "bad",
        Tone::Warn => "warn",
        Tone::Dim => "dim",
        Tone::Strong => "strong",
    }
}

/// A table that scrolls by itself where it is wider than the page.
pub(super) fn table(name: &str, table: &Table, words: &PageWords) -> Markup {
    let table = table.without_sketches();
    let grouped = table.rows.iter().any(|row| matches!(row, Row::Group(..)));
    let align = |at: usize| {
        if table.columns.get(at).is_some_and(|column| !column.words) { "number" } else { "" }
    };
    let inside = |at: usize, cell: &Cell| {
        html! { td class=(align(at)) { @if cell.tone == Tone::Plain { (words.text(&cell.text)) } @else { span class=(class(cell.tone)) { (words.text(&cell.text)) } } } }
    };
    html! {
        div.scroll role="region" tabindex="0" aria-label=(plain(name)) {
            table {
                thead { tr { @for (at, column) in table.columns.iter().enumerate() { th scope="col" class=(align(at)) { (words.heading(&column.heading)) } } } }
                tbody {
                    @for row in &table.rows {
                        @match row {
                            Row::Group(name, remark) => {
                                tr.group { th scope="rowgroup" colspan=(table.columns.len()) { (words.text(name)) " " span.dim { (plain(remark)) } } }
                            }
                            Row::Cells(cells) => {
                                tr class=(if grouped { "nested" } else { "" }) {
                                    @for (at, cell) in cells.iter().enumerate() {
                                        @if at == 0 { th scope="row" class=(class(cell.tone)) { (words.text(&cell.text)) } } @else { (inside(at, cell)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Labels and texts; an empty label goes on with the one before.
pub(super) fn facts(facts: &[Fact]) -> Markup {
    let shown = facts.iter().filter(|fact| !fact.not_in.contains(&Medium::Page));
    html! { dl { @for fact in shown { dt { (plain(&fact.label)) } dd { (plain(&fact.text)) } } } }
}

/// A mark and a word in the color of its meaning.
pub(super) fn badge(mark: Mark) -> Markup {
    html! { span class={ "badge " (class(mark.tone)) } { (mark.sign) " " (mark.word) } }
}

/// Checks with their marks; those that need attention take a whole line.
pub(super) fn checklist(list: &Checklist, words: &PageWords) -> Markup {
    let wide = |row: &CheckRow| {
        (list.brief || row.name.is_empty()) && matches!(row.mark.tone, Tone::Warn | Tone::Bad)
    };
    let margin =
        |row: &CheckRow| (row.depth > 0).then(|| format!("margin-left:{}rem", row.depth.min(8)));
    html! {
        ul class=(if list.brief { "checks many" } else { "checks" }) {
            @for row in &list.rows {
                li class=[wide(row).then_some("wide")] style=[margin(row)] {
                    (badge(row.mark))
                    @if row.name.is_empty() { div { (words.text(&row.detail)) } }
                    @else {
                        div {
                            strong { (words.check(&row.name)) }
                            @if !row.detail.is_empty() { div.dim.small { (words.text(&row.detail)) } }
                        }
                    }
                }
            }
        }
    }
}

/// Which color is which variation.
pub(super) fn legend(experiment: &ReportedExperiment) -> Markup {
    html! {
        ul.legend {
            @for (key, _) in &experiment.exposures.0 {
                li {
                    svg viewBox="0 0 26 12" aria-hidden="true" { line class={ "curve " (arm(experiment, key)) } x1="0" y1="6" x2="26" y2="6" {} }
                    span { (plain(experiment.name_of(key))) @if *key == experiment.control { span.dim { ", the control" } } }
                }
            }
        }
    }
}

/// A chart with its name and a remark.
pub(super) fn figure(name: &str, remark: &str, chart: Option<String>, words: &PageWords) -> Markup {
    html! {
        @if let Some(chart) = chart {
            figure {
                figcaption { strong { (words.text(name)) } @if !remark.is_empty() { span.dim { (plain(remark)) } } }
                // The drawing escaped its own texts.
                (PreEscaped(chart))
            }
        }
    }
}

/// The drawing of a chart; `None` where there is nothing to draw.
pub(super) fn drawn(experiment: &ReportedExperiment, chart: Chart<'_>, id: &str) -> Option<String> {
    match chart {
        Chart::Densities(metric) => charts::densities(experiment, metric, id),
        Chart::OverTime(metric, series, users) => {
            flow::over_time(experiment, metric, series, users, id)
        }
        Chart::Costs(variation) => flow::costs(experiment, variation, id),
        Chart::CostChanges(treatment) => flow::cost_changes(experiment, treatment, id),
        Chart::Waits(variation) => flow::waits(experiment, variation, id),
        Chart::Distribution(metric, own) => charts::distribution(experiment, metric, own, id),
        Chart::Failures => charts::failures(experiment, id),
    }
}
