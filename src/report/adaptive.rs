//! What a bandit made of the split, and what parts of the users say by themselves: data of the
//! report, and their tables.
//!
//! Does not know: how shares are chosen; `analysis` does.

use serde::{Deserialize, Serialize};

use super::beside::{Part, interval, shown};
use super::data::Experiment;
use super::number::{Number, Ordered};
use super::table::{Cell, Column, Row, Table, Tone};
use crate::figure;

/// Most reallocations or looks that a table shows; of more, every second, third, … is shown, and
/// the last.
const MAX_ROWS: usize = 12;

/// A bandit: how its shares went, and what it came to beside a fixed split of the same users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bandit {
    /// Key of the metric that it follows.
    pub metric: String,
    /// Exposed users between reallocations.
    pub every: u32,
    /// The least share of a variation.
    pub floor: f64,
    /// The reallocations, in order.
    pub reallocations: Vec<Shares>,
    /// Each variation under the bandit and under a fixed split.
    pub arms: Vec<Arm>,
    /// Regret: how much the users lost, in the metric's unit, because not all of them got the truly
    /// best variation; `None` where the truth is not known.
    pub regret: Option<Number>,
    /// The same under the fixed split.
    pub fixed_regret: Option<Number>,
}

/// Shares from a moment on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shares {
    /// Exposed users by then.
    pub users: u32,
    /// The share of each variation.
    pub shares: Ordered<f64>,
}

/// A variation under a bandit and under a fixed split of the same users.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// The variation's key.
    pub variation: String,
    /// Its users under the bandit.
    pub users: u64,
    /// The posterior mean of the metric.
    pub mean: Option<Number>,
    /// Its interval at the experiment's threshold.
    pub interval: Option<[Number; 2]>,
    /// Its users under the fixed split.
    pub fixed_users: u64,
    /// The posterior mean there.
    pub fixed_mean: Option<Number>,
    /// Its interval there.
    pub fixed_interval: Option<[Number; 2]>,
}

/// The users of one segment in an experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Key of the segment.
    pub segment: String,
    /// Exposed users by variation.
    pub users: Ordered<u64>,
    /// Each metric of each treatment against the control.
    pub changes: Vec<SegmentChange>,
}

/// A metric of a treatment against the control, in one segment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SegmentChange {
    /// Key of the metric.
    pub metric: String,
    /// The treatment.
    pub variation: String,
    /// Relative difference to the control.
    pub relative_difference: Option<Number>,
    /// Its interval at the experiment's threshold.
    pub relative_interval: Option<[Number; 2]>,
    /// Probability to beat the control.
    pub probability_to_beat_control: Option<Number>,
}

/// Every so many of the rows, and the last.
pub(super) fn thinned<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let step = all.len().div_ceil(MAX_ROWS).max(1);
    let last = all.len().saturating_sub(1);
    all.iter().enumerate().filter(move |(at, _)| at % step == 0 || *at == last).map(|(_, one)| one)
}

/// The bandit's shares and what they came to; empty without one.
pub(super) fn bandit(experiment: &Experiment) -> Vec<Part> {
    let Some(bandit) = &experiment.bandit else { return Vec::new() };
    let mut columns = vec![Column::number("users")];
    columns.extend(
        experiment.exposures.0.iter().map(|(key, _)| Column::number(experiment.name_of(key))),
    );
    let row = |shares: &Shares| {
        let cells = shares.shares.0.iter().map(|(_, share)| Cell::new(figure::percent(*share)));
        Row::Cells(
            std::iter::once(Cell::new(figure::count(shares.users.into()))).chain(cells).collect(),
        )
    };
    let rows: Vec<Row> = thinned(&bandit.reallocations).map(row).collect();
    let note = if rows.is_empty() {
        Some("There were too few results to change a share.".to_owned())
    } else {
        None
    };
    let shares = Part {
        title: "The bandit's shares as users arrived",
        table: Table { columns, rows },
        note,
        tone: Tone::Dim,
    };

    let metric = experiment.metrics.iter().find(|metric| metric.key == bandit.metric);
    let value =
        |x: f64| metric.map_or_else(|| figure::percent(x), |metric| metric.measure().value(x));
    let columns = vec![
        Column::words("variation, split"),
        Column::number("users"),
        Column::number(bandit.metric.clone()),
        Column::number(format!("{} interval", experiment.mass())),
    ];
    let row = |split: &str, users: u64, mean: Option<Number>, ends: Option<[Number; 2]>| {
        Row::Cells(vec![
            Cell::new(split),
            Cell::new(figure::count(users)),
            shown(mean, value),
            interval(ends, value),
        ])
    };
    let rows = bandit.arms.iter().flat_map(|arm| {
        [
            Row::Group(experiment.name_of(&arm.variation).to_owned(), String::new()),
            row("bandit", arm.users, arm.mean, arm.interval),
            row("fixed", arm.fixed_users, arm.fixed_mean, arm.fixed_interval),
        ]
    });
    let note = bandit.regret.zip(bandit.fixed_regret).map(|(own, fixed)| {
        let amount = |x: f64| match metric.map(|metric| metric.unit.as_str()) {
            Some("") | None => format!("{} conversions", figure::count(libm::round(x).max(0.0) as u64)),
            Some(_) => value(x),
        };
        format!(
            "Regret, what the users lost because not all of them got the truly best variation: {} with the bandit, {} with the fixed split. \
             Shares that follow the data make its own intervals somewhat too optimistic: they are those of a fixed split.",
            amount(own.get()),
            amount(fixed.get())
        )
    });
    let beside = Part {
        title: "The bandit beside a fixed split of the same users",
        table: Table { columns, rows: rows.collect() },
        note,
        tone: Tone::Dim,
    };
    vec![shares, beside]
}

/// The users of each segment by themselves; `None` where no segment is asked for.
pub(super) fn segments(experiment: &Experiment) -> Option<Part> {
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
        "{comparisons} comparisons at {}: were nothing different anywhere, about {} of them would look decided all the same. The \
         decision rule reads all users together.",
        experiment.mass(),
        figure::count(libm::round(by_luck).max(0.0) as u64),
    );
    (!rows.is_empty()).then_some(Part {
        title: "By segment",
        table: Table { columns, rows },
        note: Some(note),
        tone: Tone::Dim,
    })
}
