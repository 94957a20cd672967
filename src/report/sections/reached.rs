//! The exposed users whose requests never came to the experiment's agent, and the effect on the
//! others.

use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::{ReportedExperiment, ReportedMetric};
use crate::report::document::{Element, Level, Section};
use crate::report::graph::{PlainDifference, TriggeredUsers};
use crate::report::number::Number;
use crate::report::table::{Cell, Column, Row, Table, Tone};

/// Fewer than this share of the users change no comparison.
const WORTH_A_TABLE: f64 = 0.01;

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(users) = &experiment.triggered else { return Vec::new() };
    let exposed: u64 = experiment.exposures.0.iter().map(|(_, users)| users).sum();
    let share = users.never_reached_share.map_or(0.0, Number::get);
    let trap = format!(
        "{} of {} exposed users ({}) never reached {}: fetching the graph exposes a user to the experiments on all of its agents.",
        figure::count(users.never_reached),
        figure::count(exposed),
        figure::probability(share),
        users.agent
    );
    let section = Section::new(format!("Users who reached {}", users.agent), Level::Section);
    let section = section.folded();
    if let Some(reason) = &users.refused {
        let refused = format!("Those who did reach it cannot be compared by themselves: {reason}.");
        let notes = [(trap, Tone::Plain), (refused, Tone::Warn)];
        return vec![section.with(notes.map(|(text, tone)| Element::Note(text, tone)))];
    }
    if share < WORTH_A_TABLE || users.metrics.is_empty() {
        return vec![section.with([Element::Note(trap, Tone::Plain)])];
    }
    let dilutes = format!(
        "{trap} They dilute the effect, and who they are does not depend on the variation."
    );
    let how = "Differences as measured, without a prior. \"sample needed\" is the share of the users with which the comparison of \
               those who reached the agent has the power of the comparison of all.";
    vec![section.with([
        Element::Note(dilutes, Tone::Plain),
        Element::Table(table(experiment, users)),
        Element::Note(how.to_owned(), Tone::Dim),
    ])]
}

fn table(experiment: &ReportedExperiment, users: &TriggeredUsers) -> Table {
    let mut columns = vec![
        Column::words("metric, users"),
        Column::number("difference"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("p-value"),
        Column::number("sample\nneeded"),
    ];
    let known = users.metrics.iter().any(|own| own.true_difference.is_some());
    if known {
        columns.push(Column::number("true\ndifference"));
    }
    let several = experiment.treatments().count() > 1;
    let mut rows = Vec::new();
    for own in &users.metrics {
        let Some(metric) = experiment.metrics.iter().find(|metric| metric.key == own.metric) else {
            continue;
        };
        let remark =
            if several { experiment.name_of(&own.variation).to_owned() } else { String::new() };
        rows.push(Row::Group(own.metric.clone(), remark));
        let needed = |needed| shown(needed, |x: f64| figure::percent(x));
        let points = |x: f64| metric.measure().change(x).replace(" points", " pts");
        let truth = |x| known.then(|| shown(x, points));
        let all = true_difference(metric, &own.variation, &experiment.control);
        rows.push(row(
            "all exposed",
            own.exposed.as_ref(),
            metric,
            (Cell::new("100%"), truth(all)),
        ));
        let needed = needed(own.sample_needed);
        let own = (own.reached.as_ref(), truth(own.true_difference));
        rows.push(row("reached", own.0, metric, (needed, own.1)));
    }
    Table { columns, rows }
}

fn row(
    name: &str,
    test: Option<&PlainDifference>,
    metric: &ReportedMetric,
    (needed, truth): (Cell, Option<Cell>),
) -> Row {
    let points = |x: f64| metric.measure().change(x).replace(" points", " pts");
    let cells = vec![
        Cell::new(name),
        shown(test.and_then(|test| test.difference), points),
        interval(test.and_then(|test| test.interval), points),
        shown(test.and_then(|test| test.p_value), figure::p_value),
        needed,
    ];
    Row::Cells(cells.into_iter().chain(truth).collect())
}

/// The true difference over all exposed users.
fn true_difference(metric: &ReportedMetric, variation: &str, control: &str) -> Option<Number> {
    let mean = |key: &str| {
        let own = metric.variations.iter().find(|own| own.key == key)?;
        Some(own.truth?.mean?.get())
    };
    Number::new(mean(variation)? - mean(control)?)
}
