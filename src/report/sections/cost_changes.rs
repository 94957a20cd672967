//! What each agent of the scenario's own graph adds to the difference in cost.

use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Level, Section};
use crate::report::graph::CostChange;
use crate::report::number::Number;
use crate::report::table::{Cell, Column, Row, Table, Tone};

/// How to read the parts.
const PARTS: &str = "Dollars per 1,000 exposed users. The agents' differences add up to the whole, and each is the sum of two parts: more \
                     or fewer runs, and what a run costs (its model, tokens and tool calls).";

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let known = |own: &CostChange| own.difference_usd.is_some();
    // One agent has nothing to add up.
    let mut agents = experiment.agents.iter().map(|own| &own.agent);
    let first = agents.next();
    let several = agents.any(|own| Some(own) != first);
    if !several || !experiment.cost_changes.iter().all(known) || experiment.cost_changes.is_empty()
    {
        return Vec::new();
    }
    let section = Section::new("Where the difference in cost comes from", Level::Section).folded();
    let table = Element::Table(table(experiment));
    vec![section.with([table, Element::Note(PARTS.to_owned(), Tone::Dim)])]
}

fn table(experiment: &ReportedExperiment) -> Table {
    let columns = vec![
        Column::words("variation, agent"),
        Column::number("difference"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("from runs"),
        Column::number("from cost\nper run"),
    ];
    let mut rows = Vec::new();
    for treatment in experiment.treatments() {
        let own = || experiment.cost_changes.iter().filter(|own| own.variation == treatment);
        let control = experiment.name_of(&experiment.control);
        rows.push(Row::Group(
            experiment.name_of(treatment).to_owned(),
            format!("against {control}"),
        ));
        rows.extend(own().map(|own| {
            Row::Cells(vec![
                Cell::new(&own.agent),
                shown(own.difference_usd, dollars),
                interval(own.interval_usd, dollars),
                shown(own.from_runs_usd, dollars),
                shown(own.from_cost_per_run_usd, dollars),
            ])
        }));
        let sum = |get: fn(&CostChange) -> Option<Number>| {
            let sum: Option<f64> = own().map(|own| get(own).map(Number::get)).sum();
            let mut cell = shown(sum.and_then(Number::new), dollars);
            cell.tone = Tone::Strong;
            cell
        };
        rows.push(Row::Cells(vec![
            Cell::toned("total", Tone::Strong),
            sum(|own| own.difference_usd),
            Cell::default(),
            sum(|own| own.from_runs_usd),
            sum(|own| own.from_cost_per_run_usd),
        ]));
    }
    Table { columns, rows }
}

/// An amount per user, with its sign, as one per 1,000 users.
fn dollars(x: f64) -> String {
    figure::Unit::Dollars.change(1e3 * x)
}
