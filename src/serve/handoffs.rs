//! Which of a request's handoffs the scenario's graph takes.
//!
//! Guarantees: a handoff is followed only where the graph has an edge for each one that is offered.
//!
//! Does not know: what a user wants; a routing agent's model sees it, or does not.

use crate::agents::{Edge, Graph, NodeRole, When};
use crate::journal::AgentId;
use crate::llm::chat::ChatRequest;
use crate::llm::model::RouteChoice;
use crate::serve::sense::handed_to;

/// A way through the graph.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Way<'a> {
    /// To the agent of the request's tool at this place.
    To(usize),
    /// A routing agent's model chooses.
    Drawn {
        /// The agent.
        agent: AgentId,
        /// Its routes.
        routes: &'a [RouteChoice],
        /// How often its model sees what the user wants, if not as often as models do.
        accuracy: Option<f64>,
    },
}

/// The letters and digits of a name, without a word that every agent may have in it.
fn plain(name: &str) -> String {
    let letters: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    letters.strip_suffix("agent").map_or(letters.clone(), str::to_owned)
}

/// The place of the request's handoff to an agent or route of this name.
fn offered(request: &ChatRequest, name: &str) -> Option<usize> {
    let to = plain(name);
    request
        .tools
        .iter()
        .position(|tool| handed_to(&tool.name).is_some_and(|name| plain(name) == to))
}

/// The way that the graph has among the request's handoffs; `personal`: the question holds personal
/// data.
pub fn way<'a>(graph: &'a Graph, request: &ChatRequest, personal: bool) -> Option<Way<'a>> {
    let handoffs = request.tools.iter().filter(|tool| handed_to(&tool.name).is_some()).count();
    if handoffs == 0 {
        return None;
    }
    graph.agents().find_map(|agent| {
        let node = graph.node(agent);
        // An app hands over to the agent after a step.
        let to = |edge: &Edge| {
            let agents = graph.agents_from(edge.to).into_iter();
            { agents }.find_map(|agent| offered(request, &graph.node(agent).name))
        };
        let ends = node.edges.iter().filter_map(to);
        let named: Vec<usize> = match &node.role {
            NodeRole::Route { routes, .. } => ends
                .chain(routes.iter().filter_map(|route| offered(request, &route.name)))
                .collect(),
            _ => ends.collect(),
        };
        let known = (0..request.tools.len())
            .filter(|tool| {
                request.tools.get(*tool).is_some_and(|tool| handed_to(&tool.name).is_some())
            })
            .all(|tool| named.contains(&tool));
        if !known {
            return None;
        }
        match &node.role {
            NodeRole::Route { routes, accuracy } => {
                Some(Way::Drawn { agent, routes, accuracy: *accuracy })
            }
            role => {
                let screens = matches!(role, NodeRole::Prescreen);
                let taken = node.edges.iter().find(|edge| match edge.when {
                    When::Route(0) => screens && personal,
                    When::Route(_) => screens && !personal,
                    When::Always | When::Parallel => true,
                    _ => false,
                })?;
                to(taken).map(Way::To)
            }
        }
    })
}

/// The request's handoff for a route of a routing agent.
pub fn of_route(graph: &Graph, agent: AgentId, route: u16, request: &ChatRequest) -> Option<usize> {
    let node = graph.node(agent);
    let NodeRole::Route { routes, .. } = &node.role else { return None };
    let named = routes.get(usize::from(route)).and_then(|route| offered(request, &route.name));
    named.or_else(|| {
        let edge = node.edges.iter().find(|edge| edge.when == When::Route(route))?;
        let agents = graph.agents_from(edge.to).into_iter();
        { agents }.find_map(|agent| offered(request, &graph.node(agent).name))
    })
}
