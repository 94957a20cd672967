//! Steps without a model in a graph: what a file writes of them, and what it may not.
//!
//! Guarantees: steps come last among the nodes, so the nodes before them have the numbers of their AI
//! configs.
//!
//! Does not know: how a graph is checked (`graph`), or how a step runs.

use super::faults::Faults;
use super::source::{WrittenGraph, WrittenNode, WrittenRole};
use crate::agents::{Graph, StepSpec};
use crate::journal::AgentId;

/// How much the times of a step's runs differ, where nothing is said. Assumed.
const LATENCY_SIGMA: f64 = 0.4;

fn is_step(node: &WrittenNode) -> bool {
    node.role.as_ref().is_some_and(|role| matches!(role.value, WrittenRole::Step { .. }))
}

/// Puts the steps behind the agents; each keeps its order.
pub fn put_last(graph: &mut WrittenGraph) {
    graph.nodes.0.sort_by_key(|(_, node)| is_step(node));
}

/// What a step is; `None` for an agent.
pub fn step(node: &WrittenNode, faults: &mut Faults<'_>) -> Option<StepSpec> {
    let Some(WrittenRole::Step { latency, latency_sigma, cost, fails, tokens }) =
        node.role.as_ref().map(|role| &role.value)
    else {
        return None;
    };
    let settings = [
        ("model", node.model.as_ref().map(|own| &own.span)),
        ("tools", node.tools.iter().flatten().next().map(|own| &own.span)),
        ("max_tool_calls", node.max_tool_calls.as_ref().map(|own| &own.span)),
        ("answer_tokens", node.answer_tokens.as_ref().map(|own| &own.span)),
        ("prompt_caching", node.prompt_caching.as_ref().map(|own| &own.span)),
    ];
    for (what, span) in settings {
        if let Some(span) = span {
            let help = format!("remove `{what}`, or give the node another role");
            let label = "nobody asks a model here";
            faults.add(format!("a step has no `{what}`"), span, label, Some(help));
        }
    }
    Some(StepSpec {
        latency: *latency,
        latency_sigma: latency_sigma
            .as_ref()
            .map_or(LATENCY_SIGMA, |sigma| faults.range("latency_sigma", sigma, 0.0, 3.0)),
        cost: cost.unwrap_or_default(),
        fails: fails.map_or(0.0, |fails| fails.get()),
        tokens: tokens.as_ref().map_or(0, |tokens| faults.whole("tokens", tokens, 12..=100_000)),
    })
}

/// LaunchDarkly's graph begins at one AI config: a step at the root leads to one agent.
pub fn check_root(written: &WrittenGraph, graph: &Graph, faults: &mut Faults<'_>) {
    let first = graph.agents_from(graph.root);
    if let [one, other, ..] = first.as_slice() {
        let name = |agent: AgentId| {
            graph.nodes.get(agent.index()).map_or("", |node| node.name.as_str()).to_owned()
        };
        faults.add(
            format!("the step `{}` leads to several agents", written.root.value),
            &written.root.span,
            format!(
                "LaunchDarkly's graph could begin at `{}` or at `{}`",
                name(*one),
                name(*other)
            ),
            Some("begin with an agent that chooses, or let the step lead to one agent".to_owned()),
        );
    }
}
