//! Guarded rollouts: how each ended, and what its looks said.

use super::bandit::thinned;
use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::Report;
use crate::report::document::{DecisionBox, Element, Level, Section, Slot};
use crate::report::rollout::{Rollout, RolloutOutcome};
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(report: &Report) -> Vec<Section<'_>> {
    report.rollouts.iter().map(section).collect()
}

fn section(rollout: &Rollout) -> Section<'_> {
    let ending =
        Section::untitled().slot(Slot::Decision).with([Element::Decision(ending(rollout))]);
    Section::new("Guarded rollout", Level::Chapter)
        .with([Element::Table(looks(rollout)), ending.into()])
}

/// How it ended, as a decision.
fn ending(rollout: &Rollout) -> DecisionBox {
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

fn looks(rollout: &Rollout) -> Table {
    let columns = vec![
        Column::words("users"),
        Column::words("metric"),
        Column::number("change"),
        Column::number("always-valid interval"),
    ];
    let mut rows = Vec::new();
    for look in thinned(&rollout.looks) {
        for (nth, reading) in look.metrics.iter().enumerate() {
            let tone = if reading.regressed { Tone::Bad } else { Tone::Plain };
            rows.push(Row::Cells(vec![
                if nth == 0 {
                    Cell::new(figure::count(look.users.into()))
                } else {
                    Cell::default()
                },
                Cell::toned(&reading.metric, tone),
                Cell { tone, ..shown(reading.change, figure::change) },
                Cell { tone, ..interval(reading.interval, figure::change) },
            ]));
        }
    }
    Table { columns, rows }
}
