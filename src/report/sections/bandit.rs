//! What a bandit made of the split, next to a fixed split of the same users.

use crate::figure;
use crate::report::adaptive::{Bandit, Shares};
use crate::report::cells::{interval, shown};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Level, Section};
use crate::report::number::Number;
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::time::utc;

/// Most reallocations or looks that a table shows; of more, every second, third, … is shown, and the last.
const MAX_ROWS: usize = 12;

/// Every so many of the rows, and the last.
pub(super) fn thinned<T>(all: &[T]) -> impl Iterator<Item = &T> {
    let step = all.len().div_ceil(MAX_ROWS).max(1);
    let last = all.len().saturating_sub(1);
    all.iter().enumerate().filter(move |(at, _)| at % step == 0 || *at == last).map(|(_, one)| one)
}

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(bandit) = &experiment.bandit else { return Vec::new() };
    // Recorded events have one split only.
    if bandit.arms.is_empty() {
        return vec![judged(experiment, bandit)];
    }
    vec![shares(experiment, bandit), fixed(experiment, bandit)]
}

/// The shares as they went.
fn shares<'r>(experiment: &ReportedExperiment, bandit: &Bandit) -> Section<'r> {
    let section = Section::new("The bandit's shares as users arrived", Level::Detail).folded();
    if bandit.reallocations.is_empty() {
        let note = "There were too few results to change a share.".to_owned();
        return section.with([Element::Note(note, Tone::Dim)]);
    }
    section.with([Element::Table(table(experiment, bandit))])
}

/// The shares that its rule gives for recorded events.
fn judged<'r>(experiment: &ReportedExperiment, bandit: &Bandit) -> Section<'r> {
    let section = Section::new("The shares that the bandit's rule gives", Level::Detail).folded();
    if bandit.reallocations.is_empty() {
        let note = "There were too few results to change a share.".to_owned();
        return section.with([Element::Note(note, Tone::Dim)]);
    }
    let note = format!(
        "The rule gives these shares for what had been recorded by then: every {} exposed users each variation gets its probability \
         to be best on {}, and at least {}. Who got which variation is as recorded.",
        figure::count(bandit.every.into()),
        bandit.metric,
        figure::written_percent(bandit.floor),
    );
    section.with([Element::Table(table(experiment, bandit)), Element::Note(note, Tone::Dim)])
}

/// The reallocations, with their times where these are known.
fn table(experiment: &ReportedExperiment, bandit: &Bandit) -> Table {
    let timed = bandit.reallocations.iter().any(|shares| shares.at_ms.is_some());
    let mut columns = vec![Column::number("users")];
    columns.extend(timed.then(|| Column::words("time")));
    columns.extend(
        experiment.exposures.0.iter().map(|(key, _)| Column::number(experiment.name_of(key))),
    );
    let row = |shares: &Shares| {
        let users = Cell::new(figure::count(shares.users.into()));
        let time = timed.then(|| Cell::new(shares.at_ms.map(utc).unwrap_or_default()));
        let cells = shares.shares.0.iter().map(|(_, share)| Cell::new(figure::percent(*share)));
        Row::Cells(std::iter::once(users).chain(time).chain(cells).collect())
    };
    Table { columns, rows: thinned(&bandit.reallocations).map(row).collect() }
}

/// Each variation under the bandit and under a fixed split.
fn fixed<'r>(experiment: &ReportedExperiment, bandit: &Bandit) -> Section<'r> {
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
            "Regret (what users lost because not all of them got the best variation): {} with the bandit, {} with the fixed split. \
             The shares of the bandit follow the data, but its intervals assume a fixed split, so they are somewhat too narrow.",
            amount(own.get()),
            amount(fixed.get())
        )
    });
    let table = Element::Table(Table { columns, rows: rows.collect() });
    Section::new("The bandit and a fixed split of the same users", Level::Detail)
        .folded()
        .with([table])
        .with(note.map(|note| Element::Note(note, Tone::Dim)))
}
