//! What each agent of the scenario's own graph did: how many users came to it, what it used, and
//! how much of the wait passed because of it.

use crate::figure;
use crate::report::cells::shown;
use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};
use crate::report::graph::NodeUse;
use crate::report::number::Number;
use crate::report::table::{Cell, Column, Row, Table, Tone};

/// How to read the share of the wait.
const WAIT: &str = "\"of the wait\" is the share of a request's latency that passed because of the agent: of branches side by \
                    side, only the slowest counts. Tokens and cost are per exposed user, mean and p95 per run.";

/// What the counts of special tokens are.
const SPECIAL: &str = "Tokens per exposed user. Those read from the prompt cache have a lower price; those that a model reasoned \
                       with are charged as output and are not shown to the user.";

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    if experiment.agents.is_empty() {
        return Vec::new();
    }
    let picture = |(at, key)| Picture {
        name: experiment.name_of(key).to_owned(),
        remark: "mean latency of a request".to_owned(),
        id: format!("wait{at}"),
        chart: Chart::Waits(key),
    };
    let keys = experiment.exposures.0.iter().map(|(key, _)| key.as_str());
    let pictures = keys.enumerate().map(picture).collect();
    let lead = "What a user waits for: the longest chain of runs of each request.".to_owned();
    let gallery = Element::Gallery(Gallery { lead, experiment, pictures });
    let section = Section::new("Work by agent", Level::Section).folded();
    let note = Element::Note(WAIT.to_owned(), Tone::Dim);
    let work = section.with([gallery, Element::Table(table(experiment)), note]);
    let special = special_tokens(experiment).map(|table| {
        Section::new("Cached and reasoning tokens by agent", Level::Section)
            .folded()
            .with([Element::Table(table), Element::Note(SPECIAL.to_owned(), Tone::Dim)])
    });
    [Some(work), special].into_iter().flatten().collect()
}

/// The tokens from the cache and those of reasoning; `None` where there are none.
fn special_tokens(experiment: &ReportedExperiment) -> Option<Table> {
    let get = |number: Option<Number>| number.map_or(0.0, Number::get);
    let cached = |own: &NodeUse| get(own.cached_tokens_per_user);
    let reasoned = |own: &NodeUse| get(own.reasoning_tokens_per_user);
    if experiment.agents.iter().all(|own| cached(own) + reasoned(own) == 0.0) {
        return None;
    }
    let columns = vec![
        Column::words("variation, agent"),
        Column::number("read from\nthe cache"),
        Column::number("of tokens\nin"),
        Column::number("reasoned\nwith"),
        Column::number("of tokens\nout"),
    ];
    let mut rows = Vec::new();
    for (variation, _) in &experiment.exposures.0 {
        rows.push(Row::Group(experiment.name_of(variation).to_owned(), String::new()));
        let own = experiment.agents.iter().filter(|own| own.variation == *variation);
        rows.extend(own.map(|own| {
            let part = |part: f64, whole: Option<Number>| {
                shown(Number::new(part / get(whole)), figure::probability)
            };
            Row::Cells(vec![
                Cell::new(&own.agent),
                shown(own.cached_tokens_per_user, whole),
                part(cached(own), own.input_tokens_per_user),
                shown(own.reasoning_tokens_per_user, whole),
                part(reasoned(own), own.output_tokens_per_user),
            ])
        }));
    }
    Some(Table { columns, rows })
}

fn table(experiment: &ReportedExperiment) -> Table {
    let columns = vec![
        Column::words("variation, agent"),
        Column::number("reached"),
        Column::number("times").optional(2),
        Column::number("calls").optional(3),
        Column::number("tokens\nin"),
        Column::number("tokens\nout"),
        Column::number("cost\nper user").optional(4),
        Column::number("mean"),
        Column::number("p95"),
        Column::number("of the\nwait"),
        Column::number("failed\nruns"),
    ];
    let mut rows = Vec::new();
    for (variation, users) in &experiment.exposures.0 {
        let control = if *variation == experiment.control { ", control" } else { "" };
        let remark = format!("{} users{control}", figure::count(*users));
        rows.push(Row::Group(experiment.name_of(variation).to_owned(), remark));
        let own = experiment.agents.iter().filter(|own| own.variation == *variation);
        rows.extend(own.map(|own| {
            let failed = Cell::new(figure::count(own.failed_runs));
            Row::Cells(vec![
                Cell::new(&own.agent),
                shown(own.reached, figure::probability),
                shown(own.iterations, |x| format!("{x:.2}")),
                Cell::new(figure::count(own.calls)),
                shown(own.input_tokens_per_user, whole),
                shown(own.output_tokens_per_user, whole),
                shown(own.cost_per_user_usd, figure::money),
                shown(own.mean_ms, |x| figure::seconds(x / 1e3)),
                shown(own.p95_ms, |x| figure::seconds(x / 1e3)),
                shown(own.critical_share, figure::probability),
                failed,
            ])
        }));
    }
    Table { columns, rows }
}

/// A number of tokens.
fn whole(x: f64) -> String {
    figure::count(libm::round(x.max(0.0)) as u64)
}
