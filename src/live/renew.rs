//! A scenario with models of today: each retired one is replaced by what its provider recommends.
//!
//! Guarantees: nothing else in the text changes; models that no user of a run can meet stay.
//!
//! Does not know: whether a model's successor does as well.

use super::models::{all_retired, retired};
use super::preflight::reachable;
use crate::agents::{AgentSetup, ConfigSetup};
use crate::llm::families::Retired;
use crate::scenario::{PathStep, Scenario, with_value};

/// The text of a scenario called `name` with each retired model replaced, and what was replaced.
/// A text that is no scenario, or whose knowledge base is not built in, loses the models alone that
/// are written in it.
#[must_use]
pub fn renewed(name: &str, text: &str) -> (String, Vec<Retired>) {
    let mut text = text.to_owned();
    let mut replaced = Vec::new();
    for retired in &all_retired() {
        let quoted = format!("{:?}", retired.id);
        if text.contains(&quoted) {
            text = text.replace(&quoted, &format!("{:?}", retired.instead));
            replaced.push(*retired);
        }
    }
    // Variations that the text leaves as the tutorial has them.
    let Ok(scenario) = Scenario::parse(name, &text) else { return (text, replaced) };
    let of_variation = |config: &ConfigSetup, variation: &AgentSetup| {
        vec![
            PathStep::field("configs"),
            PathStep::key(&config.key),
            PathStep::field("variations"),
            PathStep::key(&variation.variation),
        ]
    };
    let agents = reachable(&scenario).into_iter();
    let agents = agents.map(|(config, own)| (of_variation(config, own), "model", own.setup.model));
    let others = [
        (vec![PathStep::field("judge")], "model", scenario.judge_setup.model),
        (vec![PathStep::field("traffic")], "writer", scenario.writer_setup.model),
    ];
    for (mut path, field, model) in agents.chain(others) {
        let Some(retired) = retired(&scenario.model(model).id) else { continue };
        path.push(PathStep::field(field));
        if let Some(changed) = with_value(&text, &path, &format!("{:?}", retired.instead)) {
            text = changed;
            replaced.push(retired);
        }
    }
    replaced.sort_by_key(|retired| retired.id);
    replaced.dedup();
    (text, replaced)
}
