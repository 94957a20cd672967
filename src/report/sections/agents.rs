//! What each agent of the scenario's own graph did: how many users came to it, what it used, and
//! how much of the wait passed because of it.

use crate::figure;
use crate::report::cells::shown;
use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};

/// How to read the share of the wait.
const WAIT: &str = "\"of the wait\" is the share of a request's latency that passed because of the agent: of branches side by \
                    side, only the slowest counts. Tokens and cost are per exposed user, mean and p95 per run.";

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
    vec![section.with([gallery, Element::Table(table(experiment)), note])]
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
