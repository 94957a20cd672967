//! Guarded rollouts: how each ended, and what its looks said.

use super::bandit::thinned;
use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::Report;
use crate::report::document::{DecisionBox, Element, Level, Section, Slot};
use crate::report::rollout::{ReportedRollout, RolloutOutcome};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::time::utc;

pub(super) fn sections(report: &Report) -> Vec<Section<'_>> {
    report.rollouts.iter().map(section).collect()
}

fn section(rollout: &ReportedRollout) -> Section<'_> {
    let ending =
        Section::untitled().slot(Slot::Decision).with([Element::Decision(ending(rollout))]);
    Section::new("Guarded rollout", Level::Chapter)
        .with([Element::Table(looks(rollout)), ending.into()])
}

/// How it ended, as a decision.
fn ending(rollout: &ReportedRollout) -> DecisionBox {
    let (sign, word, tone) = match rollout.outcome {
        RolloutOutcome::RolledBack => ("🔴", "ROLLED BACK", Tone::Bad),
        RolloutOutcome::Released => ("🟢", "RELEASED", Tone::Good),
        RolloutOutcome::Watching => ("🟡", "STILL WATCHED", Tone::Warn),
    };
    let (name, headline) = (rollout.to.clone(), rollout.message.clone());
    DecisionBox {
        sign: Some(sign),
        word,
        tone,
        name,
        label: "Rollout of ",
        headline,
        lines: Vec::new(),
    }
}

fn looks(rollout: &ReportedRollout) -> Table {
    // A look at recorded events has its time, and so a line of its own.
    let recorded = rollout.looks.iter().any(|look| look.at_ms.is_some());
    let mut columns = Vec::new();
    columns.extend((!recorded).then(|| Column::words("users")));
    columns.extend([
        Column::words(if recorded { "users, metric" } else { "metric" }),
        Column::number("change"),
        Column::number("always-valid interval"),
    ]);
    let mut rows = Vec::new();
    for look in thinned(&rollout.looks) {
        let users = figure::count(look.users.into());
        if recorded {
            let time = look.at_ms.map(utc).unwrap_or_default();
            rows.push(Row::Group(format!("{users} users"), time));
        }
        for (nth, reading) in look.metrics.iter().enumerate() {
            let tone = if reading.regressed { Tone::Bad } else { Tone::Plain };
            let first = if nth == 0 { Cell::new(users.clone()) } else { Cell::default() };
            let mut cells = Vec::new();
            cells.extend((!recorded).then_some(first));
            cells.extend([
                Cell::toned(&reading.metric, tone),
                Cell { tone, ..shown(reading.change, figure::change) },
                Cell { tone, ..interval(reading.interval, figure::change) },
            ]);
            rows.push(Row::Cells(cells));
        }
    }
    Table { columns, rows }
}
