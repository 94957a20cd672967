//! What a report says: one file for each section, and the lists that put them in order.
//!
//! A new section is a file here and a row in one of the two lists.
//!
//! Does not know: formats.

use super::data::{Report, ReportedExperiment};
use super::document::{Element, Level, Section};

mod agents;
mod bandit;
mod changes;
mod cost_changes;
mod costs;
mod distributions;
mod estimates;
mod expectations;
mod failures;
mod graph;
mod guards;
mod health;
mod interactions;
mod judge;
mod origin;
mod over_time;
mod paired;
mod pre_period;
mod reached;
mod rollouts;
mod rule;
mod scorecard;
mod segments;
mod significance;
mod subject;
mod truth;
mod variations;
mod verdict;

/// A section of one experiment: empty where the experiment has nothing of the kind.
type OfExperiment = for<'r> fn(&'r ReportedExperiment) -> Vec<Section<'r>>;
/// A section of the whole report: empty where the report has nothing of the kind.
type OfReport = for<'r> fn(&'r Report) -> Vec<Section<'r>>;

/// The sections of an experiment, in order. A medium may show decisions and reasons elsewhere: see `Slot`.
const OF_EXPERIMENT: &[OfExperiment] = &[
    verdict::sections,
    scorecard::sections,
    subject::sections,
    rule::sections,
    health::sections,
    changes::sections,
    significance::sections,
    estimates::sections,
    truth::sections,
    judge::sections,
    paired::sections,
    pre_period::sections,
    reached::sections,
    segments::sections,
    bandit::sections,
    variations::sections,
    over_time::sections,
    costs::sections,
    cost_changes::sections,
    agents::sections,
    guards::sections,
    distributions::sections,
    failures::sections,
];

/// The sections of a report next to its experiments, in order.
const OF_REPORT: &[OfReport] = &[
    graph::sections,
    rollouts::sections,
    interactions::sections,
    expectations::sections,
    origin::sections,
];

/// The report as a document.
#[must_use]
pub(crate) fn document(report: &Report) -> Vec<Element<'_>> {
    let mut elements = vec![Element::Title(origin::title(report))];
    for (nth, experiment) in report.experiments.iter().enumerate() {
        let of = |sections: &OfExperiment| sections(experiment).into_iter().map(Element::from);
        let section = Section::new(&experiment.name, Level::Experiment)
            .anchor(format!("experiment-{}", nth + 1));
        elements.push(section.with(OF_EXPERIMENT.iter().flat_map(of)).into());
    }
    elements.extend(OF_REPORT.iter().flat_map(|sections| sections(report)).map(Element::from));
    elements
}
