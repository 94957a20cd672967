//! Variations of a graph: what they leave out or lead elsewhere, for an experiment on the graph itself.
//!
//! Guarantees: all variations have the same agents with the same numbers, so an agent has the same
//! draws in each; every variation is as sound as a graph of its own.
//!
//! Does not know: how a graph is checked (`graph`), or who gets which variation.

use std::collections::BTreeSet;

use super::catalog::DraftConfig;
use super::faults::Faults;
use super::graph::{OWN_VARIATION, blank, graph};
use super::source::{self, WrittenGraphVariation};
use super::spanned::Spanned;
use crate::agents::{Graph, NodeRole};
use crate::diagnostic::Diagnostic;

/// The graph of these configs, and its variations in order.
pub fn graphs(
    written: &source::WrittenGraph,
    drafts: &[DraftConfig],
    faults: &mut Faults<'_>,
) -> (Graph, Vec<Graph>) {
    let elsewhere = taking_part(written);
    let before = faults.count();
    let own = graph(written, drafts, &elsewhere, faults);
    // What is wrong with the graph itself would be said again of each variation.
    let variations = if faults.count() > before {
        Vec::new()
    } else {
        variations(written, drafts, &own, faults)
    };
    (own, variations)
}

/// Agents that a variation with edges of its own leads to: the graph itself need not reach them.
fn taking_part(written: &source::WrittenGraph) -> BTreeSet<String> {
    let variations = || written.variations.0.iter().map(|(_, variation)| variation);
    let edges = variations().filter_map(|own| own.edges.as_ref()).flatten();
    let roots = variations().filter_map(|own| own.root.as_ref());
    edges.map(|edge| &edge.to).chain(roots).map(|agent| agent.value.clone()).collect()
}

/// The config whose variations are those of the graph; `None` for a graph that has none.
pub fn draft(
    written: &source::WrittenGraph,
    drafts: &[DraftConfig],
    faults: &mut Faults<'_>,
) -> Option<DraftConfig> {
    written.variations.0.first()?;
    faults.keys("variation", "", &written.variations);
    let key = written.name();
    for (name, _) in &written.variations.0 {
        if [OWN_VARIATION, "disabled"].contains(&name.value.as_str()) {
            let label = "this name is taken: the graph as it stands is `default`";
            let message = format!("a variation of the graph cannot be called `{}`", name.value);
            faults.add(message, &name.span, label, None);
        }
    }
    // LaunchDarkly needs a model for every variation; nobody calls this one.
    let root = drafts.iter().find(|draft| draft.key == written.root.value);
    let model = root.and_then(|draft| draft.variations.first()).map(|own| own.model.clone());
    let one = |name: &str| {
        let mut own = blank(name, &NodeRole::Answer);
        own.instructions = format!("The agent graph `{key}` in its variation `{name}`.");
        own.model = model.clone().unwrap_or_default();
        own.max_tool_calls = 0;
        own
    };
    let names = written.variations.0.iter().map(|(name, _)| name.value.as_str());
    Some(DraftConfig {
        key: key.to_owned(),
        variations: std::iter::once(OWN_VARIATION).chain(names).map(one).collect(),
        role: NodeRole::Answer,
        own: true,
        rules: Vec::new(),
        default: OWN_VARIATION.to_owned(),
    })
}

/// The variations of a graph that is sound itself.
fn variations(
    written: &source::WrittenGraph,
    drafts: &[DraftConfig],
    own: &Graph,
    faults: &mut Faults<'_>,
) -> Vec<Graph> {
    let mut of = |(name, variation): &(Spanned<String>, WrittenGraphVariation)| {
        let before = faults.count();
        let keys = || drafts.iter().map(|draft| draft.key.as_str());
        for left_out in &variation.without {
            faults.look_up("agent", left_out, keys());
        }
        let whole = applied(written, variation);
        let gone = |key: &str| variation.without.iter().find(|own| own.value == key);
        if let Some(root) = gone(&whole.root.value) {
            let help = "write the agent that comes first as `root`, or leave out another one";
            let message =
                format!("variation `{}` leaves out the agent that it begins with", name.value);
            faults.add(
                message,
                &root.span,
                "every question comes here first",
                Some(help.to_owned()),
            );
        }
        if faults.count() > before {
            return own.clone();
        }
        // With edges of its own, whom they do not lead to takes no part.
        let outside: BTreeSet<String> = match variation.edges {
            Some(_) => keys().map(str::to_owned).collect(),
            None => variation.without.iter().map(|own| own.value.clone()).collect(),
        };
        let mut found = faults.of_same_file();
        let graph = graph(&whole, drafts, &outside, &mut found);
        for fault in found.finish() {
            let message = format!("variation `{}` of the graph: {}", name.value, fault.message);
            let help = match (&variation.edges, fault.help) {
                (None, Some(help)) => {
                    Some(format!("{help}; or give the variation `edges` of its own"))
                }
                (_, help) => help,
            };
            faults.add_other(Diagnostic { message, help, ..fault });
        }
        if graph == *own {
            let label = "it has the same agents and edges";
            let message = format!("variation `{}` is the graph as it stands", name.value);
            let help = "leave agents out with `without`, or give it `edges`".to_owned();
            faults.add(message, &name.span, label, Some(help));
        }
        graph
    };
    written.variations.0.iter().map(&mut of).collect()
}

/// The graph with what a variation changes.
fn applied(
    written: &source::WrittenGraph,
    variation: &WrittenGraphVariation,
) -> source::WrittenGraph {
    let gone = |key: &str| variation.without.iter().any(|own| own.value == key);
    let edges = variation.edges.as_ref().unwrap_or(&written.edges);
    let left = edges.iter().filter(|edge| !gone(&edge.from.value) && !gone(&edge.to.value));
    source::WrittenGraph {
        root: variation.root.as_ref().unwrap_or(&written.root).clone(),
        edges: left.cloned().collect(),
        ..written.clone()
    }
}
