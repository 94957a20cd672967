//! What a report says of the scenario's own graph: its drawing, and what each agent did.
//!
//! Guarantees: names and plain numbers only, as the report knows nothing of agents.
//!
//! Does not know: how they are shown.

use crate::agents::{Edge, Graph, Handover, NodeRole, When};
use crate::analysis::{Analysis, triggered};
use crate::experiment::Experiment;
use crate::journal::AgentId;
use crate::metrics::{GraphTally, GroupTally, NodeTally, Observations, TallyEdge};
use crate::report::{
    DrawnEdge, DrawnGraph, DrawnNode, GraphChange, GuardUse, NodeUse, Number, Ordered,
    PlainDifference, TriggeredMetric, TriggeredUsers,
};
use crate::run::truth::ExperimentTruth;
use crate::scenario::{Scenario, Study};

/// Edges that are drawn as one: those between the same two agents, but for those of failures.
struct Drawn<'g> {
    from: AgentId,
    edges: Vec<&'g Edge>,
}

impl Drawn<'_> {
    fn on_failure(&self) -> bool {
        self.edges.iter().all(|edge| edge.when == When::Failed)
    }

    fn joins(&self) -> bool {
        self.edges.iter().any(|edge| edge.joins)
    }

    fn tally(&self) -> Option<TallyEdge> {
        let to = self.edges.first()?.to;
        let (on_failure, joins) = (self.on_failure(), self.joins());
        Some(TallyEdge { from: self.from, to, on_failure, joins })
    }
}

/// The edges of a graph as they are drawn.
fn drawn(scenario: &Scenario) -> Vec<Drawn<'_>> {
    let mut all: Vec<Drawn<'_>> = Vec::new();
    let graph = &scenario.graph;
    for from in graph.agents() {
        // Edges of other forms of the graph are drawn, too.
        let mut edges: Vec<&Edge> = graph.node(from).edges.iter().collect();
        for other in &scenario.graph_variations {
            let more = other.node(from).edges.iter();
            let more: Vec<&Edge> = more.filter(|edge| !edges.contains(edge)).collect();
            edges.extend(more);
        }
        for edge in edges {
            let fails = edge.when == When::Failed;
            let same = |own: &&mut Drawn<'_>| {
                own.from == from
                    && own.edges.iter().all(|other| other.to == edge.to)
                    && own.on_failure() == fails
            };
            match all.iter_mut().find(same) {
                Some(own) => own.edges.push(edge),
                None => all.push(Drawn { from, edges: vec![edge] }),
            }
        }
    }
    all
}

/// The variations of the graph in which a drawn edge can be taken; none where that is all of them.
fn forms_with(scenario: &Scenario, drawn: &Drawn<'_>) -> Vec<String> {
    let own = scenario.configs.get(scenario.graph.configs());
    let Some(config) = own.filter(|_| !scenario.graph_variations.is_empty()) else {
        return Vec::new();
    };
    let names = config.variations.iter().map(|own| own.variation.as_str());
    let forms: Vec<(&str, &Graph)> = names
        .enumerate()
        .filter_map(|(form, name)| Some((name, scenario.graph_form(form)?)))
        .collect();
    let has = |graph: &Graph| {
        let like = |edge: &Edge| {
            drawn.edges.first().is_some_and(|own| own.to == edge.to)
                && (edge.when == When::Failed) == drawn.on_failure()
        };
        graph.reached().contains(&drawn.from) && graph.node(drawn.from).edges.iter().any(like)
    };
    let with: Vec<String> =
        forms.iter().filter(|(_, graph)| has(graph)).map(|(name, _)| (*name).to_owned()).collect();
    if with.len() == forms.len() { Vec::new() } else { with }
}

/// A tally of the scenario's own graph over so many users; `None` for the tutorial's.
#[must_use]
pub fn graph_tally(scenario: &Scenario, users: u32) -> Option<GraphTally> {
    let graph = &scenario.graph;
    let edges = || drawn(scenario).iter().filter_map(Drawn::tally).collect();
    graph.is_written().then(|| {
        GraphTally::new(graph.nodes.len(), graph.root, edges(), scenario.varies(), users as usize)
            .with_configs(graph.configs())
    })
}

/// What an agent does, in words.
fn role(role: &NodeRole) -> String {
    match role {
        NodeRole::Prescreen => "prescreen".to_owned(),
        NodeRole::Screen => "screen".to_owned(),
        NodeRole::Guard(_) => "guard".to_owned(),
        NodeRole::Step(_) => "step without a model".to_owned(),
        NodeRole::Route { .. } => "route".to_owned(),
        NodeRole::Plan(least, most) if least == most => format!("plan of {least} subtasks"),
        NodeRole::Plan(least, most) => format!("plan of {least} to {most} subtasks"),
        NodeRole::Research => "research".to_owned(),
        NodeRole::Answer => "answer".to_owned(),
        NodeRole::Critique { .. } => "critique".to_owned(),
    }
}

/// When an edge is taken, in words. `before` is the share of the edges before it.
fn condition(edge: &Edge, role: &NodeRole, before: f64, only: bool) -> String {
    match (edge.when, role) {
        (When::Always, _) if only => "always".to_owned(),
        (When::Always, _) => "otherwise".to_owned(),
        (When::Route(route), NodeRole::Route { routes, .. }) => {
            let name = routes.get(usize::from(route)).map_or("unknown", |own| own.name.as_str());
            format!("intent {name}")
        }
        (When::Route(0), _) => "personal data".to_owned(),
        (When::Route(_), _) => "no personal data".to_owned(),
        (When::Share(up_to), _) => {
            format!("share of {}", crate::figure::written_percent(up_to - before))
        }
        (When::Parallel, _) => "in parallel".to_owned(),
        (When::Subtask, _) => "each subtask, in parallel".to_owned(),
        (When::Revise, _) => "to revise".to_owned(),
        (When::Failed, _) => "on failure".to_owned(),
    }
}

/// The scenario's graph with the users who took each edge.
#[must_use]
pub(super) fn drawing(scenario: &Scenario, tally: &GraphTally) -> DrawnGraph {
    let graph = &scenario.graph;
    let name = |agent: AgentId| graph.node(agent).name.clone();
    let empty = GroupTally::default();
    let all = tally.all().unwrap_or(&empty);
    let nodes = graph.agents().map(|agent| {
        let node = graph.node(agent);
        let served = tally.served(agent.index()).iter();
        let models = served.filter_map(|&variation| {
            let variation =
                scenario.configs.get(agent.index())?.variations.get(usize::from(variation))?;
            let model = scenario.model(variation.setup.model).id.clone();
            Some((variation.variation.clone(), model))
        });
        let is_step = node.role.step().is_some();
        let own = scenario.studies.iter();
        let own = own.filter(|study| !is_step && study.varies.config == agent.0);
        DrawnNode {
            key: node.name.clone(),
            role: role(&node.role),
            models: Ordered(models.collect()),
            experiments: own.map(|study| study.experiment.key.clone()).collect(),
            users: all.nodes.get(agent.index()).map_or(0, |node| node.users),
            stopped: matches!(node.role, NodeRole::Guard(_)).then(|| {
                all.nodes
                    .get(agent.index())
                    .map_or(0, |node| node.guard.harmful_stopped + node.guard.harmless_stopped)
            }),
        }
    });
    let edges = drawn(scenario).into_iter().enumerate().filter_map(|(nth, own)| {
        let node = graph.node(own.from);
        let usual = node.edges.iter().filter(|edge| !matches!(edge.when, When::Failed));
        let only = usual.count() == 1;
        let before = |edge: &Edge| {
            let earlier = node.edges.iter().take_while(|other| !std::ptr::eq(*other, edge));
            let share =
                |other: &Edge| if let When::Share(up_to) = other.when { up_to } else { 0.0 };
            earlier.map(share).fold(0.0, f64::max)
        };
        let words = own.edges.iter().map(|edge| condition(edge, &node.role, before(edge), only));
        let bounds = own.edges.iter().map(|edge| edge.at_most);
        let bound = bounds.max().filter(|_| own.edges.iter().all(|edge| edge.at_most > 0));
        Some(DrawnEdge {
            from: name(own.from),
            to: name(own.edges.first()?.to),
            condition: words.collect::<Vec<_>>().join(" or "),
            at_most: bound,
            joins: own.joins(),
            users: all.edges.get(nth).copied().unwrap_or(0),
            variations: forms_with(scenario, &own),
        })
    });
    DrawnGraph {
        key: graph.key.clone(),
        root: name(graph.root),
        users: all.users,
        nodes: nodes.collect(),
        edges: edges.collect(),
    }
}

/// How the treatments of an experiment on the graph itself differ from its control: agents that are
/// left out or added, and edges between agents that both have.
#[must_use]
pub(super) fn graph_changes(scenario: &Scenario, experiment: &Experiment) -> Vec<GraphChange> {
    if !scenario.varies_graph(experiment) {
        return Vec::new();
    }
    let form = |variation: &str| scenario.graph_form(scenario.form_of_graph(variation)?);
    let Some(base) = form(&experiment.control_treatment().variation) else { return Vec::new() };
    let mut changes = Vec::new();
    for treatment in &experiment.treatments {
        let Some(own) = form(&treatment.variation).filter(|own| *own != base) else { continue };
        let (reached, before) = (own.reached(), base.reached());
        let mut say = |change: String| {
            changes.push(GraphChange { variation: treatment.variation.clone(), change });
        };
        let name = |agent: AgentId| own.node(agent).name.as_str();
        for agent in own.agents() {
            match (reached.contains(&agent), before.contains(&agent)) {
                (false, true) => say(format!("without {}", name(agent))),
                (true, false) => say(format!("with {}", name(agent))),
                _ => {}
            }
        }
        if own.root != base.root {
            say(format!("begins with {}", name(own.root)));
        }
        let both = |agent: AgentId| reached.contains(&agent) && before.contains(&agent);
        for from in own.agents().filter(|&agent| both(agent)) {
            for to in own.agents().filter(|&agent| both(agent)) {
                let leads = |graph: &Graph| -> Vec<(When, u8, Handover)> {
                    let edges = graph.node(from).edges.iter().filter(|edge| edge.to == to);
                    edges.map(|edge| (edge.when, edge.at_most, edge.hands_over)).collect()
                };
                let (now, then) = (leads(own), leads(base));
                let (from, to) = (name(from), name(to));
                match (then.is_empty(), now.is_empty()) {
                    (false, true) => say(format!("without the edge from {from} to {to}")),
                    (true, false) => say(format!("with an edge from {from} to {to}")),
                    _ if now != then => {
                        say(format!("with other conditions on the edge from {from} to {to}"));
                    }
                    _ => {}
                }
            }
        }
    }
    changes
}

/// What each agent did for the users of each treatment of experiment number `nth`, of whom there
/// are `exposures`.
#[must_use]
pub(super) fn node_uses(
    scenario: &Scenario,
    experiment: &Experiment,
    nth: usize,
    exposures: &[u64],
    tally: &GraphTally,
) -> Vec<NodeUse> {
    let arms = experiment.treatments.iter().zip(exposures).enumerate();
    let rows = arms.flat_map(|(arm, (treatment, &users))| {
        let group = tally.group(nth, arm);
        let nodes = scenario.graph.agents().zip(group.iter().flat_map(|group| &group.nodes));
        let rows = nodes.map(|(agent, node)| {
            let name = scenario.graph.node(agent).name.clone();
            node_use(&treatment.variation, name, node, group, users)
        });
        rows.collect::<Vec<_>>()
    });
    rows.collect()
}

/// How the guards of the graph decided for the users of each treatment of experiment number `nth`.
#[must_use]
pub(super) fn guard_uses(
    scenario: &Scenario,
    experiment: &Experiment,
    nth: usize,
    tally: &GraphTally,
) -> Vec<GuardUse> {
    let guards = || {
        let guards = scenario.graph.agents().map(|agent| (agent, scenario.graph.node(agent)));
        guards.filter(|(_, node)| matches!(node.role, NodeRole::Guard(_)))
    };
    let arms = experiment.treatments.iter().enumerate();
    let rows = arms.flat_map(|(arm, treatment)| {
        let group = tally.group(nth, arm);
        let rows = guards().filter_map(move |(agent, node)| {
            let group = group?;
            let own = group.nodes.get(agent.index())?.guard;
            Some(GuardUse {
                variation: treatment.variation.clone(),
                agent: node.name.clone(),
                requests: own.harmful + own.harmless,
                stopped: own.harmful_stopped + own.harmless_stopped,
                harmful: own.harmful,
                harmful_stopped: own.harmful_stopped,
                harmless_stopped: own.harmless_stopped,
                stopped_share: share(
                    own.harmful_stopped + own.harmless_stopped,
                    own.harmful + own.harmless,
                ),
                missed_share: share(own.harmful - own.harmful_stopped, own.harmful),
                false_stop_share: share(own.harmless_stopped, own.harmless),
                all_requests: group.requests,
                all_stopped: group.stopped,
                harmful_answered: group.harm_answered,
            })
        });
        rows.collect::<Vec<_>>()
    });
    rows.collect()
}

/// A count as a share of another; `None` of nothing.
fn share(part: u64, whole: u64) -> Option<Number> {
    if whole == 0 { None } else { Number::new(part as f64 / whole as f64) }
}

fn node_use(
    variation: &str,
    agent: String,
    node: &NodeTally,
    group: Option<&GroupTally>,
    users: u64,
) -> NodeUse {
    let ratio = |sum: f64, count: u64| {
        if count == 0 { None } else { Number::new(sum / count as f64) }
    };
    let (cost, n) = (node.cost.dollars(), users as f64);
    let spread = (node.cost_squares - cost * cost / n.max(1.0)).max(0.0);
    // Users who come more than once are not independent requests.
    let once = users > 1 && group.is_some_and(|group| group.requests == users);
    let error = libm::sqrt(spread / (n - 1.0).max(1.0) / n.max(1.0));
    let (requests, latency_us) = group.map_or((0, 0), |group| (group.requests, group.latency_us));
    NodeUse {
        variation: variation.to_owned(),
        agent,
        users: node.users,
        reached: ratio(node.users as f64, users),
        requests: node.requests,
        runs: node.runs,
        iterations: ratio(node.rounds as f64, node.requests),
        failed_runs: node.failed_runs,
        calls: node.calls,
        failed_calls: node.failed_calls,
        input_tokens_per_user: ratio(node.input_tokens as f64, users),
        output_tokens_per_user: ratio(node.output_tokens as f64, users),
        cached_tokens_per_user: ratio(node.cached_tokens as f64, users),
        reasoning_tokens_per_user: ratio(node.reasoning_tokens as f64, users),
        cost_per_user_usd: ratio(cost, users).filter(|_| !node.unpriced),
        cost_error_usd: Number::new(error).filter(|_| once && !node.unpriced),
        mean_ms: ratio(node.duration_us as f64 / 1e3, node.runs),
        p95_ms: node.p95_ms().and_then(Number::new),
        critical_ms: ratio(node.waited_us as f64 / 1e3, requests),
        critical_share: ratio(node.waited_us as f64, latency_us),
    }
}

/// The users whose requests came to the experiment's agent; `None` where every exposed user's did.
///
/// Whether a request comes to an agent for the first time is decided before anything that the
/// agent's variation says, also in a loop; what acts earlier makes a comparison impossible.
#[must_use]
pub(super) fn triggered_users(
    scenario: &Scenario,
    study: &Study,
    observations: &Observations,
    analysis: &Analysis,
    tally: &GraphTally,
    truth: Option<&ExperimentTruth>,
) -> Option<TriggeredUsers> {
    let (experiment, node) = (&study.experiment, usize::from(study.varies.config));
    // The graph itself is no agent: every user's request walks one form of it.
    if scenario.varies_graph(experiment) {
        return None;
    }
    let planned = study.allocation.is_none();
    let found = triggered(
        analysis,
        (observations, study.place, planned),
        experiment,
        &scenario.metrics,
        0..observations.units(),
        |unit| tally.reached(unit, node),
    );
    if found.never_reached == 0 {
        return None;
    }
    let comparisons = match acts_before(scenario, study) {
        Some(reason) => Err(reason),
        None => found.comparisons,
    };
    let (refused, comparisons) = match comparisons {
        Ok(comparisons) => (None, comparisons),
        Err(reason) => (Some(reason), Vec::new()),
    };
    let variation = |at: usize| {
        experiment.treatments.get(at).map(|own| own.variation.clone()).unwrap_or_default()
    };
    let metrics = comparisons.iter().filter_map(|own| {
        let metric = analysis.metrics.get(own.metric)?;
        Some(TriggeredMetric {
            metric: metric.metric.key.clone(),
            variation: variation(own.treatment),
            exposed: own.all.as_ref().map(PlainDifference::of),
            reached: own.reached.as_ref().map(PlainDifference::of),
            sample_needed: own.sample_needed.and_then(Number::new),
            true_difference: truth
                .and_then(|truth| *truth.among_reached.get(own.metric)?.get(own.treatment)?)
                .and_then(Number::new),
        })
    });
    let exposed: u64 = analysis.exposures.iter().sum();
    let reached = found.reached.iter().enumerate().map(|(at, &users)| (variation(at), users));
    Some(TriggeredUsers {
        agent: scenario.graph.nodes.get(node)?.name.clone(),
        reached: Ordered(reached.collect()),
        never_reached: found.never_reached,
        never_reached_share: Number::new(found.never_reached as f64 / exposed.max(1) as f64),
        refused,
        metrics: metrics.collect(),
    })
}

/// What of an experiment acts on users before their request comes to its agent; `None` where
/// nothing does.
fn acts_before(scenario: &Scenario, study: &Study) -> Option<String> {
    let config = scenario.configs.get(usize::from(study.varies.config))?;
    let mut treatments = study.experiment.treatments.iter().enumerate();
    if study.allocation.is_some() {
        return Some(
            "a bandit changed the split while users arrived, so early and late users are mixed in different shares"
                .to_owned(),
        );
    }
    treatments.find_map(|(at, treatment)| {
        let variation = config.variations.get(usize::from(study.varies.variation_of(at)?))?;
        let lost = variation.crash.is_some_and(|crash| crash.lost);
        lost.then(|| {
            format!(
                "with {} the app crashes before requests come to an agent, so the experiment changes who is reached",
                treatment.variation
            )
        })
    })
}
