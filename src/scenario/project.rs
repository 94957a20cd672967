//! What LaunchDarkly has to hold for a scenario: its parts in LaunchDarkly's words.
//!
//! Does not know: whether it is created in a mock or in the real one.

use super::catalog::{DraftConfig, DraftVariation};
use super::source::GuardedRollout;
use crate::agents::{BusinessOutcome, Edge, Graph, NodeRole, When};
use crate::experiment::Metric;
use crate::flags::spec as flags;
use crate::journal::AgentId;
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;

/// The graph that a scenario wrote, as LaunchDarkly has it: one edge for each pair of agents.
fn graph(graph: &Graph, title: &str) -> Option<flags::GraphSpec> {
    if !graph.is_written() {
        return None;
    }
    let name =
        |agent: AgentId| graph.nodes.get(agent.index()).map_or("", |node| node.name.as_str());
    let mut edges: Vec<flags::GraphEdgeSpec> = Vec::new();
    // Steps without a model are no AI configs: LaunchDarkly's edges lead around them.
    let agents = graph.agents().map(|agent| (agent, graph.node(agent)));
    for (from, node) in agents.filter(|(_, node)| node.role.step().is_none()) {
        let ends =
            |edge: &Edge| graph.agents_from(edge.to).into_iter().map(name).collect::<Vec<_>>();
        for (edge, to) in
            node.edges.iter().flat_map(|edge| ends(edge).into_iter().map(move |to| (edge, to)))
        {
            let from = name(from);
            let known = edges.iter().position(|known| known.from == from && known.to == to);
            let at = known.unwrap_or(edges.len());
            if known.is_none() {
                // Agents `a-b`, `c` and `a`, `b-c` would give two edges one key.
                let mut key = format!("edge-{from}-{to}");
                while edges.iter().any(|known| known.key == key) {
                    key.push_str("-more");
                }
                edges.push(flags::GraphEdgeSpec {
                    key,
                    from: from.to_owned(),
                    to: to.to_owned(),
                    handoff: serde_json::Map::new(),
                });
            }
            if let Some(known) = edges.get_mut(at) {
                hand_over(&mut known.handoff, &node.role, edge, to);
            }
        }
    }
    let root = name(*graph.agents_from(graph.root).first()?).to_owned();
    let name = if title.is_empty() { &graph.key } else { title };
    Some(flags::GraphSpec { key: graph.key.clone(), name: name.to_owned(), root, edges })
}

/// Adds to a handoff when this edge is taken. Runners show `description` to the model that chooses.
fn hand_over(
    handoff: &mut serde_json::Map<String, serde_json::Value>,
    role: &NodeRole,
    edge: &Edge,
    to: &str,
) {
    let when = match (edge.when, role) {
        (When::Route(at), role) => {
            let route = match role {
                NodeRole::Route { routes, .. } => {
                    routes.get(usize::from(at)).map_or("", |route| route.name.as_str())
                }
                _ if at == 0 => "screen",
                _ => "pass",
            };
            handoff.insert("route".to_owned(), route.into());
            handoff.insert("description".to_owned(), format!("Hand over to {to}: {route}.").into());
            "intent"
        }
        (When::Always, _) => "always",
        (When::Share(_), _) => "share",
        (When::Parallel, _) => "parallel",
        (When::Subtask, _) => "subtask",
        (When::Revise, _) => "revise",
        (When::Failed, _) => "failed",
    };
    let list = handoff.entry("when").or_insert_with(|| serde_json::json!([]));
    if let Some(list) = list.as_array_mut() {
        list.push(when.into());
    }
    handoff.entry("description").or_insert_with(|| format!("Hand over to {to}.").into());
    if edge.at_most > 0 {
        handoff.insert("at_most".to_owned(), edge.at_most.into());
    }
}

/// What LaunchDarkly has to hold for it.
pub fn project(
    drafts: &[DraftConfig],
    (models, tools): (&[ModelProfile], &[ToolSpec]),
    (metrics, outcomes): (&[Metric], &[BusinessOutcome]),
    (own_graph, title): (&Graph, &str),
    segments: Vec<flags::SegmentSpec>,
    experiments: Vec<flags::ExperimentSpec>,
    guarded_rollouts: &[GuardedRollout],
) -> flags::ProjectSpec {
    let model_key = |id: &str| {
        let provider =
            models.iter().find(|model| model.id == id).map_or("", |model| model.provider.name);
        // LaunchDarkly's keys have no other signs than these; ids such as `amazon.nova-lite-v1:0` do.
        let sign = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        format!("{provider}.{id}").chars().map(sign).collect::<String>()
    };
    let number = |value: f64| {
        serde_json::Number::from_f64(value).map(serde_json::Value::Number).unwrap_or_default()
    };
    let variation = |draft: &DraftVariation| {
        let mut parameters = serde_json::Map::new();
        if let Some(temperature) = draft.temperature {
            parameters.insert("temperature".to_owned(), number(temperature));
        }
        if let Some(most) = draft.max_tokens {
            parameters.insert("max_tokens".to_owned(), most.into());
        }
        let mut custom = serde_json::Map::new();
        if draft.max_tool_calls > 0 {
            custom.insert("max_tool_calls".to_owned(), draft.max_tool_calls.into());
        }
        flags::VariationSpec {
            key: draft.key.clone(),
            name: draft.name.clone(),
            model_config: model_key(&draft.model),
            parameters,
            custom,
            instructions: draft.instructions.clone(),
            tools: draft.tools.clone(),
        }
    };
    let serve = |config: &DraftConfig, segment: &str, variation: &str| {
        let guarded = guarded_rollouts
            .iter()
            .find(|g| g.config.value == config.key && g.segment.value == segment);
        match guarded {
            Some(g) => flags::ServeSpec::Guarded {
                from: g.from.value.clone(),
                to: g.to.value.clone(),
                share: g.share.value,
            },
            None => flags::ServeSpec::Variation(variation.to_owned()),
        }
    };
    let configs = drafts.iter().map(|config| flags::ConfigSpec {
        key: config.key.clone(),
        name: config.key.clone(),
        variations: config.variations.iter().map(variation).collect(),
        rules: config
            .rules
            .iter()
            .map(|(segment, served)| flags::RuleSpec {
                when: flags::Condition::Segment(segment.clone()),
                serve: serve(config, segment, served),
            })
            .collect(),
        fallthrough: flags::ServeSpec::Variation(config.default.clone()),
        off: None,
    });
    let used = |id: &str| {
        drafts.iter().flat_map(|config| &config.variations).any(|variation| variation.model == id)
    };
    flags::ProjectSpec {
        key: "multi-agent-chatbot".to_owned(),
        name: "Multi-Agent Chatbot".to_owned(),
        environment: "production".to_owned(),
        segments,
        tools: tools
            .iter()
            .map(|tool| flags::ProjectTool {
                key: tool.key.clone(),
                description: tool.description.clone(),
                schema: serde_json::from_str(&tool.schema).unwrap_or_default(),
            })
            .collect(),
        model_configs: models
            .iter()
            .filter(|model| used(&model.id))
            .map(|model| flags::ModelConfigSpec {
                key: model_key(&model.id),
                provider: model.provider.name.to_owned(),
                model: model.id.clone(),
            })
            .collect(),
        configs: configs.collect(),
        // A graph with variations is a config of its own, which has the graph's key.
        graph: graph(own_graph, title)
            .filter(|own| drafts.iter().all(|config| config.key != own.key)),
        own_events: outcomes.iter().map(|outcome| outcome.key.clone()).collect(),
        metrics: metrics.to_vec(),
        experiments,
    }
}
