//! What an experiment is about: its hypothesis and its users. A comment on a pull request leaves it out.

use crate::figure;
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Fact, Medium, Section, Slot};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let mut facts = Vec::new();
    if !experiment.hypothesis.is_empty() {
        facts.push(Fact::new("hypothesis", &experiment.hypothesis));
    }
    for (at, (key, users)) in experiment.exposures.0.iter().enumerate() {
        let control = if *key == experiment.control { ", the control" } else { "" };
        let name = experiment.name_of(key);
        let alias = if name == key { String::new() } else { format!(" ({key})") };
        let unit = if experiment.paired.is_some() { "questions" } else { "users" };
        let label = if at == 0 { unit } else { "" };
        facts.push(Fact::new(label, format!("{} {name}{alias}{control}", figure::count(*users))));
    }
    for (at, own) in experiment.graph_changes.iter().enumerate() {
        let label = if at == 0 { "graph" } else { "" };
        let name = experiment.name_of(&own.variation);
        facts.push(Fact::new(label, format!("{name}: {}", own.change)));
    }
    vec![
        Section::untitled()
            .slot(Slot::Subject)
            .not_in(&[Medium::Comment])
            .with([Element::Facts(facts)]),
    ]
}
