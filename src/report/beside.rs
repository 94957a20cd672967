//! Tables of second readings beside the results: without the judge's errors, without what a
//! pre-period explains, of parts of the users, of what changed while they arrived, and of two
//! experiments together.
//!
//! Does not know: how they were computed.

use super::data::{Experiment, Report};
use super::number::Number;
use super::table::{Cell, Column, Row, Table, Tone};
use super::{adaptive, rollout};
use crate::figure::{self, MISSING, Unit};

/// A table with its title, and a sentence below it.
pub(super) struct Part {
    pub(super) title: &'static str,
    pub(super) table: Table,
    pub(super) note: Option<String>,
    /// What the sentence means.
    pub(super) tone: Tone,
}

fn plain(title: &'static str, table: Option<Table>) -> Option<Part> {
    table.map(|table| Part { title, table, note: None, tone: Tone::Dim })
}

/// What stands beside the results of an experiment, in order.
pub(super) fn of_experiment(experiment: &Experiment) -> Vec<Part> {
    let corrected = plain("Without the judge's errors (Rogan & Gladen)", corrected(experiment));
    let adjusted = plain("Adjusted for the users' pre-period (CUPED)", adjusted(experiment));
    let segments = adaptive::segments(experiment);
    let truth = super::truth::part(experiment);
    [truth, corrected, adjusted, segments]
        .into_iter()
        .flatten()
        .chain(adaptive::bandit(experiment))
        .collect()
}

/// What stands beside the experiments of a report, in order.
pub(super) fn of_report(report: &Report) -> Vec<Part> {
    let interactions = plain("Do the experiments influence each other?", interactions(report));
    rollout::rollouts(report).into_iter().chain(interactions).collect()
}

pub(super) fn shown(number: Option<Number>, text: impl Fn(f64) -> String) -> Cell {
    number.map_or_else(|| Cell::toned(MISSING, Tone::Dim), |number| Cell::new(text(number.get())))
}

pub(super) fn interval(ends: Option<[Number; 2]>, text: impl Fn(f64) -> String) -> Cell {
    let both = |[lower, upper]: [Number; 2]| {
        Cell::new(figure::interval(&text(lower.get()), &text(upper.get())))
    };
    ends.map_or_else(|| Cell::toned(MISSING, Tone::Dim), both)
}

/// Judged rates without the judge's errors, beside the raw ones; `None` where no metric tells of
/// its judge.
fn corrected(experiment: &Experiment) -> Option<Table> {
    let columns = vec![
        Column::words("metric, variation"),
        Column::number("users judged"),
        Column::number("judged good"),
        Column::number("corrected"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("difference"),
        Column::number(format!("{} interval", experiment.mass())),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        let mut own = Vec::new();
        for variation in &metric.variations {
            let Some(corrected) = &variation.corrected else { continue };
            let told = corrected.reason.as_ref();
            let told = told.map(|reason| {
                Row::Cells(vec![Cell::new(format!(
                    "{}: {reason}",
                    experiment.name_of(&variation.key)
                ))])
            });
            if corrected.rate.is_none() {
                own.extend(told);
                continue;
            }
            let points = |x: f64| Unit::Rate.change(x).replace(" points", " pts");
            own.push(Row::Cells(vec![
                Cell::new(experiment.name_of(&variation.key)),
                Cell::new(corrected.judged.map(figure::count).unwrap_or_default()),
                shown(corrected.judged_rate, figure::percent),
                shown(corrected.rate, figure::percent),
                interval(corrected.interval, figure::percent),
                if variation.key == experiment.control {
                    Cell::default()
                } else {
                    shown(corrected.difference, points)
                },
                if variation.key == experiment.control {
                    Cell::default()
                } else {
                    interval(corrected.difference_interval, points)
                },
            ]));
            own.extend(told);
        }
        if !own.is_empty() {
            rows.push(Row::Group(metric.key.clone(), String::new()));
            rows.append(&mut own);
        }
    }
    (!rows.is_empty()).then_some(Table { columns, rows })
}

/// Results adjusted for the users' pre-period; `None` where they have none.
fn adjusted(experiment: &Experiment) -> Option<Table> {
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

/// Whether experiments on the same users influence each other; `None` where there is one only.
fn interactions(report: &Report) -> Option<Table> {
    if report.interactions.is_empty() {
        return None;
    }
    let threshold = |key: &str| {
        report.experiments.iter().find(|own| own.key == key).map_or(0.9, |own| own.threshold)
    };
    let mass = report
        .interactions
        .first()
        .map_or_else(String::new, |own| figure::written_percent(threshold(&own.first)));
    let columns = vec![
        Column::words("experiments, metric"),
        Column::number("first\neffect"),
        Column::number("second\neffect"),
        Column::number("inter-\naction"),
        Column::number(format!("{mass} interval")),
        Column::number("p-value"),
    ];
    let mut rows = Vec::new();
    let mut pair = None;
    for own in &report.interactions {
        if pair != Some((&own.first, &own.second)) {
            pair = Some((&own.first, &own.second));
            rows.push(Row::Group(
                format!("{} and {}", own.first, own.second),
                format!("{} users in both", figure::count(own.users)),
            ));
        }
        if let Some(reason) = &own.reason {
            rows.push(Row::Cells(vec![Cell::new(format!("{}: {reason}", own.metric))]));
            continue;
        }
        let unit = Unit::new(own.kind, &own.unit).bare();
        let change = |x: f64| unit.change(x).replace(" points", " pts");
        let tone = if own.p_value.is_some_and(|p| p.get() <= 1.0 - threshold(&own.first)) {
            Tone::Warn
        } else {
            Tone::Plain
        };
        rows.push(Row::Cells(vec![
            Cell::new(&own.metric),
            shown(own.first_effect, change),
            shown(own.second_effect, change),
            shown(own.interaction, change),
            interval(own.interval, change),
            Cell { tone, ..shown(own.p_value, figure::p_value) },
        ]));
    }
    Some(Table { columns, rows })
}
