//! The graph behind the visits: which agents there are, and which edges between them with which shares.
//!
//! Does not know: models, or how a scenario is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::estimates::TraceEstimate;
use super::sums::TraceSums;
use crate::agents::MAX_BRANCHES;
use crate::live::calibrate::wilson;

/// Most agents of a drafted graph.
const MOST_AGENTS: usize = 40;
/// A way that fewer take is left out.
const RARE: f64 = 0.005;

/// How an edge is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum DraftWhen {
    Always,
    Share(f64),
    Parallel,
    Subtask,
}

/// An edge between agents, by their names in the traces.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct DraftEdge {
    pub from: Arc<str>,
    pub to: Arc<str>,
    pub when: DraftWhen,
    pub at_most: Option<u32>,
    pub join: bool,
    /// Its measured share of the visits of `from`, and how many those are.
    pub share: TraceEstimate,
    pub of: u64,
}

/// A graph as the traces show it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct DraftGraph {
    /// The agents, the first one of most traces first.
    pub agents: Vec<Arc<str>>,
    pub edges: Vec<DraftEdge>,
    /// Agents that split the work: the fewest and the most parts.
    pub plans: BTreeMap<Arc<str>, (u32, u32)>,
    /// Agents after which a visit may end.
    pub ends: BTreeSet<Arc<str>>,
    /// What could not be drawn.
    pub left_out: Vec<String>,
}

/// Draws the graph; without `branches` agents that worked at the same time come one after the other.
pub(super) fn draft_graph(sums: &TraceSums, branches: bool) -> DraftGraph {
    let mut graph = DraftGraph::default();
    let Some(root) = sums.starts.iter().max_by_key(|(name, n)| (**n, std::cmp::Reverse(*name)))
    else {
        return graph;
    };
    let order = order(sums, root.0);
    let rank: BTreeMap<&Arc<str>, usize> =
        order.iter().enumerate().map(|(at, name)| (name, at)).collect();
    let mut joined: BTreeSet<Arc<str>> = BTreeSet::new();
    for from in &order {
        if joined.contains(from) {
            continue;
        }
        let Some(agent) = sums.agents.get(from) else { continue };
        let visits: u64 = agent.next.values().sum();
        let split = agent.next.iter().filter(|(next, _)| next.len() > 1);
        let all_split: u64 = split.clone().map(|(_, n)| n).sum();
        let going: u64 =
            agent.next.iter().filter(|(next, _)| !next.is_empty()).map(|(_, n)| n).sum();
        let usual = split.max_by_key(|(_, n)| **n).map(|(next, _)| next.clone());
        if let Some(usual) = usual.filter(|_| branches && all_split * 2 >= going)
            && let Some((edges, inside, plan)) = branch(sums, from, &usual, &rank)
        {
            if all_split < visits {
                let (share, _) = wilson(visits - all_split, visits);
                graph.left_out.push(format!(
                    "`{from}`: {:.1}% of its visits do not branch; the scenario lets all of them branch",
                    share * 100.0
                ));
            }
            graph.plans.extend(plan.map(|plan| (from.clone(), plan)));
            graph.edges.extend(edges);
            joined.extend(inside);
            continue;
        }
        let (mut counts, mut end) = (BTreeMap::<Arc<str>, f64>::new(), 0_u64);
        for (next, n) in &agent.next {
            match next.as_slice() {
                [] => end += n,
                several => {
                    for one in several {
                        *counts.entry(one.clone()).or_default() += *n as f64 / several.len() as f64;
                    }
                }
            }
        }
        if all_split > 0 {
            graph.left_out.push(format!(
                "`{from}`: {all_split} of {visits} visits were followed by several agents at once; the scenario takes one of them"
            ));
        }
        draw(&mut graph, from, (counts, end, visits), agent, &rank);
    }
    // An agent that no edge reaches is no part of the graph.
    let mut reached = BTreeSet::from([root.0.clone()]);
    loop {
        let before = reached.len();
        for edge in graph
            .edges
            .iter()
            .filter(|edge| reached.contains(&edge.from))
            .cloned()
            .collect::<Vec<_>>()
        {
            reached.insert(edge.to);
        }
        if reached.len() == before {
            break;
        }
    }
    graph.edges.retain(|edge| reached.contains(&edge.from));
    for name in sums.agents.keys().filter(|name| !reached.contains(*name)) {
        let traces = sums.agents.get(name).map_or(0, |agent| agent.traces);
        graph.left_out.push(format!(
            "`{name}`, in {traces} traces, which no agent of the graph leads to often enough: calibrate from its traces alone for a scenario of its own"
        ));
    }
    graph.agents = order.into_iter().filter(|name| reached.contains(name)).collect();
    for agent in &graph.agents {
        let leads = |edge: &&DraftEdge| edge.from == *agent;
        let certain = graph
            .edges
            .iter()
            .filter(leads)
            .any(|edge| edge.at_most.is_none() && !matches!(edge.when, DraftWhen::Share(_)));
        if !certain {
            graph.ends.insert(agent.clone());
        }
    }
    graph
}

/// The agents in the order in which a visit usually comes to them.
fn order(sums: &TraceSums, root: &Arc<str>) -> Vec<Arc<str>> {
    let mut order = vec![root.clone()];
    let mut at = 0;
    while let Some(from) = order.get(at).cloned() {
        at += 1;
        let mut next: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
        let ways = sums.agents.get(&from).map(|agent| &agent.next);
        for (several, n) in ways.into_iter().flatten() {
            for one in several {
                *next.entry(one).or_default() += n;
            }
        }
        let mut next: Vec<(&Arc<str>, u64)> = next.into_iter().collect();
        next.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), (*name).clone()));
        for (name, _) in next {
            if !order.contains(name) && order.len() < MOST_AGENTS {
                order.push(name.clone());
            }
        }
    }
    order
}

/// Draws the ways on from an agent that takes one at a time.
fn draw(
    graph: &mut DraftGraph,
    from: &Arc<str>,
    (counts, end, visits): (BTreeMap<Arc<str>, f64>, u64, u64),
    agent: &super::sums::AgentSums,
    rank: &BTreeMap<&Arc<str>, usize>,
) {
    let of = visits as f64;
    let mut ways: Vec<(Arc<str>, f64)> = counts.into_iter().collect();
    ways.sort_by(|one, other| other.1.total_cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    let kept: Vec<(Arc<str>, f64)> =
        ways.iter().filter(|(to, n)| n / of >= RARE && rank.contains_key(to)).cloned().collect();
    for (to, n) in ways.iter().filter(|way| !kept.contains(way)) {
        graph.left_out.push(format!("`{from}` to `{to}`, which {n:.0} of {visits} visits took"));
    }
    let going: f64 = kept.iter().map(|(_, n)| n).sum();
    let ends = end as f64 / of >= RARE;
    let all = if ends { going + end as f64 } else { going };
    let place = |name: &Arc<str>| rank.get(name).copied().unwrap_or(usize::MAX);
    let mut edges: Vec<DraftEdge> = kept
        .iter()
        .map(|(to, n)| {
            let back = place(to) <= place(from);
            let most = agent.most_next.get(to).copied().unwrap_or(1);
            let at_most = back.then(|| most.clamp(1, u32::from(MAX_BRANCHES) - 1));
            let (share, interval) = wilson(n.round() as u64, visits);
            DraftEdge {
                from: from.clone(),
                to: to.clone(),
                when: DraftWhen::Share(n / all),
                at_most,
                join: false,
                share: (share, interval),
                of: visits,
            }
        })
        .collect();
    // What is left goes along the last edge; that one leads on, if any does.
    edges.sort_by_key(|edge| edge.at_most.is_none());
    if let Some(last) = edges.last_mut().filter(|_| !ends) {
        last.when = DraftWhen::Always;
    }
    graph.edges.extend(edges);
}

type Branches = (Vec<DraftEdge>, Vec<Arc<str>>, Option<(u32, u32)>);

/// The edges of branches that start together and meet; `None` where they do not fit together.
fn branch(
    sums: &TraceSums,
    from: &Arc<str>,
    usual: &[Arc<str>],
    rank: &BTreeMap<&Arc<str>, usize>,
) -> Option<Branches> {
    let agent = sums.agents.get(from)?;
    let visits: u64 = agent.next.values().sum();
    let parts: BTreeSet<&Arc<str>> = usual.iter().collect();
    let place = |name: &Arc<str>| rank.get(name).copied();
    if parts.iter().any(|part| place(part).is_none_or(|own| Some(own) <= place(from))) {
        return None;
    }
    // The agent after them: where most of their visits go.
    let mut after: BTreeMap<&Arc<str>, u64> = BTreeMap::new();
    for part in &parts {
        for (next, n) in &sums.agents.get(*part)?.next {
            if let [one] = next.as_slice() {
                *after.entry(one).or_default() += n;
            }
        }
    }
    let (meets, _) = after.into_iter().max_by_key(|(_, n)| *n)?;
    if parts.contains(meets) || place(meets) <= place(from) {
        return None;
    }
    let of = |test: &dyn Fn(&[Arc<str>]) -> bool| {
        agent.next.iter().filter(|(next, _)| test(next)).map(|(_, n)| n).sum::<u64>()
    };
    let same = parts.len() == 1;
    let plan = same.then(|| {
        let mixed = |next: &&Vec<Arc<str>>| next.iter().any(|own| parts.contains(own));
        let sizes = agent.next.keys().filter(mixed).map(Vec::len);
        let most = u32::from(MAX_BRANCHES);
        let (low, high) =
            sizes.fold((most, 1), |(low, high), n| (low.min(n as u32), high.max(n as u32)));
        (low.clamp(1, most), high.clamp(1, most))
    });
    let mut edges = Vec::new();
    for part in &parts {
        let part: &Arc<str> = part;
        edges.push(DraftEdge {
            from: from.clone(),
            to: part.clone(),
            when: if same { DraftWhen::Subtask } else { DraftWhen::Parallel },
            at_most: None,
            join: false,
            share: wilson(of(&|next| next.contains(part)), visits),
            of: visits,
        });
        let own = sums.agents.get(part)?;
        let all: u64 = own.next.values().sum();
        let here: u64 =
            own.next.iter().filter(|(next, _)| next.contains(meets)).map(|(_, n)| n).sum();
        edges.push(DraftEdge {
            from: part.clone(),
            to: meets.clone(),
            when: DraftWhen::Always,
            at_most: None,
            join: true,
            share: wilson(here, all),
            of: all,
        });
    }
    Some((edges, parts.into_iter().cloned().collect(), plan))
}
