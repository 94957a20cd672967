//! A whole trace as visits of agents: which model calls and tools belong to which agent, and who comes
//! after whom.
//!
//! Guarantees: only leaves count: a span whose child is a model call is none itself, whatever usage it
//! repeats; calls that were tried again count once.
//!
//! Does not know: what is summed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::span::{SpanFailure, SpanKind, TraceSpan};

/// Clocks of services and the order of exported times differ by this, in microseconds.
const SLACK_US: u64 = 2_000;

/// The span of the agent, and its name.
type VisitKey = (u64, Arc<str>);

/// A trace.
#[derive(Debug, Default)]
pub(super) struct WalkedTrace {
    pub visits: Vec<AgentVisit>,
    pub start_us: u64,
    pub end_us: u64,
    pub user: Option<u64>,
    pub session: Option<u64>,
    /// Spans with usage that their children repeat.
    pub outer: u64,
    /// Model calls of judges.
    pub judged: u64,
    /// Calls that failed and were tried again.
    pub retried: u64,
    /// Calls that an answer cache replied to.
    pub replayed: u64,
    /// Calls that end before they start, or have no times.
    pub timeless: u64,
    /// Calls without usage.
    pub uncounted: u64,
}

/// An agent at work, from its first call to its last.
#[derive(Debug)]
pub(super) struct AgentVisit {
    pub node: Arc<str>,
    pub start_us: u64,
    pub end_us: u64,
    /// Its model calls, in their order.
    pub calls: Vec<TraceSpan>,
    pub tools: Vec<TraceSpan>,
    /// The visits right after it.
    pub next: Vec<usize>,
    /// The visit inside of which it happened.
    within: Option<usize>,
}

/// Walks the spans of a trace.
pub(super) fn walked(spans: &[TraceSpan]) -> WalkedTrace {
    let mut found = WalkedTrace::default();
    let by_id: BTreeMap<u64, &TraceSpan> = spans.iter().map(|span| (span.id, span)).collect();
    let parent =
        |span: &TraceSpan| by_id.get(&span.parent).copied().filter(|parent| parent.id != span.id);
    // Ancestors, nearest first; a circle ends.
    let above = |span: &TraceSpan| {
        let mut seen = BTreeSet::from([span.id]);
        let mut line = Vec::new();
        let mut at = parent(span);
        while let Some(own) = at.filter(|own| seen.insert(own.id)) {
            line.push(own);
            at = parent(own);
        }
        line
    };
    let mut repeats: BTreeSet<u64> = BTreeSet::new();
    let mut judges: BTreeSet<u64> = BTreeSet::new();
    for span in spans {
        let line = above(span);
        if span.kind == SpanKind::Scorer || line.iter().any(|own| own.kind == SpanKind::Scorer) {
            judges.insert(span.id);
        } else if span.may_call() {
            repeats.extend(line.iter().filter(|own| own.may_call()).map(|own| own.id));
        }
        found.user = found.user.or(span.user);
        found.session = found.session.or(span.session);
    }
    let mut visits: BTreeMap<VisitKey, AgentVisit> = BTreeMap::new();
    let mut flat: Vec<(Arc<str>, TraceSpan)> = Vec::new();
    for span in spans {
        let call = span.may_call() && !repeats.contains(&span.id);
        if span.may_call() && repeats.contains(&span.id) && span.tokens.is_some() {
            found.outer += 1;
        }
        if judges.contains(&span.id) {
            found.judged += u64::from(call);
            continue;
        }
        if !call && span.kind != SpanKind::Tool {
            continue;
        }
        if call {
            found.uncounted += u64::from(span.tokens.is_none() && span.failure.is_none());
            found.timeless += u64::from(span.end_us <= span.start_us);
            if span.replayed {
                found.replayed += 1;
                continue;
            }
        }
        let line = above(span);
        // A tool inside of a tool is a part of it.
        if !call && line.iter().any(|own| own.kind == SpanKind::Tool) {
            continue;
        }
        let agent = |own: &&&TraceSpan| own.kind == SpanKind::Agent || own.node.is_some();
        let owner = line.iter().find(agent).copied();
        match (&span.node, owner) {
            (Some(node), None) => flat.push((node.clone(), span.clone())),
            (node, Some(owner)) => {
                let node =
                    node.clone().or_else(|| owner.node.clone()).unwrap_or_else(|| "agent".into());
                let key = (owner.id, node.clone());
                let visit = visits.entry(key).or_insert_with(|| AgentVisit {
                    node,
                    start_us: owner.start_us,
                    end_us: owner.end_us,
                    calls: Vec::new(),
                    tools: Vec::new(),
                    next: Vec::new(),
                    within: None,
                });
                if call { &mut visit.calls } else { &mut visit.tools }.push(span.clone());
            }
            (None, None) => {
                let group =
                    line.iter().find(|own| own.kind == SpanKind::Group && !own.name.is_empty());
                let name = group.map(|own| own.name.clone());
                let name =
                    name.or_else(|| span.service.clone()).unwrap_or_else(|| "assistant".into());
                flat.push((name, span.clone()));
            }
        }
    }
    // The visit inside of which another one is: that of an agent above its own.
    let keys: Vec<VisitKey> = visits.keys().cloned().collect();
    let outer: Vec<Option<VisitKey>> = keys
        .iter()
        .map(|(owner, _)| {
            let line = by_id.get(owner).map(|own| above(own)).unwrap_or_default();
            line.iter().find_map(|own| keys.iter().find(|(id, _)| *id == own.id).cloned())
        })
        .collect();
    let mut all: Vec<(AgentVisit, Option<VisitKey>, Option<VisitKey>)> = visits
        .into_values()
        .zip(keys)
        .zip(outer)
        .map(|((visit, key), outer)| (visit, Some(key), outer))
        .collect();
    all.extend(segments(flat).into_iter().map(|visit| (visit, None, None)));
    for (visit, ..) in &mut all {
        visit.tidy(&mut found.retried);
    }
    all.retain(|(visit, ..)| !visit.calls.is_empty());
    all.sort_by_key(|(visit, ..)| (visit.start_us, std::cmp::Reverse(visit.end_us)));
    let places: Vec<Option<usize>> = all
        .iter()
        .map(|(_, _, outer)| {
            let outer = outer.as_ref()?;
            all.iter().position(|(_, key, _)| key.as_ref() == Some(outer))
        })
        .collect();
    found.visits = all.into_iter().map(|(visit, ..)| visit).collect();
    for (visit, within) in found.visits.iter_mut().zip(places) {
        visit.within = within;
    }
    found.start_us = spans.iter().map(|span| span.start_us).filter(|at| *at > 0).min().unwrap_or(0);
    found.end_us = spans.iter().map(|span| span.end_us).max().unwrap_or(0);
    merge(&mut found.visits);
    follow(&mut found.visits);
    found
}

impl AgentVisit {
    /// Brings calls into their order, and leaves out those that were tried again.
    fn tidy(&mut self, retried: &mut u64) {
        self.calls.sort_by_key(|call| (call.start_us, call.end_us));
        self.tools.sort_by_key(|tool| tool.start_us);
        let first = self.calls.iter().map(|call| call.start_us).filter(|at| *at > 0).min();
        let last = self.calls.iter().map(|call| call.end_us).max().unwrap_or(0);
        if self.start_us == 0 || first.is_some_and(|first| first < self.start_us) {
            self.start_us = first.unwrap_or(0);
        }
        self.end_us = self.end_us.max(last);
        let transport = |call: &TraceSpan| {
            matches!(call.failure, Some(SpanFailure::Error | SpanFailure::RateLimit))
        };
        let answered = self.calls.iter().rposition(|call| call.failure.is_none());
        let before = self.calls.len();
        let mut at = 0;
        self.calls.retain(|call| {
            at += 1;
            !(transport(call) && answered.is_some_and(|last| at <= last))
        });
        *retried += (before - self.calls.len()) as u64;
    }
}

/// Calls without an agent above them: one visit for each run of calls of the same name.
fn segments(mut flat: Vec<(Arc<str>, TraceSpan)>) -> Vec<AgentVisit> {
    flat.sort_by_key(|(_, span)| (span.start_us, span.end_us));
    let mut found: Vec<AgentVisit> = Vec::new();
    for (node, span) in flat {
        let call = span.kind != SpanKind::Tool;
        // A tool belongs to whoever was at work.
        let same = found.last_mut().filter(|last| last.node == node || !call);
        let visit = match same {
            Some(visit) => visit,
            None => {
                found.push(AgentVisit {
                    node,
                    start_us: span.start_us,
                    end_us: span.end_us,
                    calls: Vec::new(),
                    tools: Vec::new(),
                    next: Vec::new(),
                    within: None,
                });
                let Some(visit) = found.last_mut() else { continue };
                visit
            }
        };
        visit.end_us = visit.end_us.max(span.end_us);
        if call { &mut visit.calls } else { &mut visit.tools }.push(span);
    }
    found
}

/// Visits of the same agent right after each other are one.
fn merge(visits: &mut Vec<AgentVisit>) {
    let mut at = 1;
    while at < visits.len() {
        let alike = match (visits.get(at - 1), visits.get(at)) {
            (Some(last), Some(next)) => {
                last.node == next.node
                    && last.within == next.within
                    && last.end_us <= next.start_us + SLACK_US
                    && !after_inner(visits, at - 1)
            }
            _ => return,
        };
        if !alike {
            at += 1;
            continue;
        }
        let merged = visits.remove(at);
        if let Some(last) = visits.get_mut(at - 1) {
            last.end_us = last.end_us.max(merged.end_us);
            last.calls.extend(merged.calls);
            last.tools.extend(merged.tools);
        }
        for visit in visits.iter_mut() {
            visit.within = visit.within.map(|own| match own.cmp(&at) {
                std::cmp::Ordering::Less => own,
                std::cmp::Ordering::Equal => at - 1,
                std::cmp::Ordering::Greater => own - 1,
            });
        }
    }
}

/// Whether a visit happened inside of this one.
fn after_inner(visits: &[AgentVisit], at: usize) -> bool {
    visits.iter().any(|visit| visit.within == Some(at))
}

/// Finds who comes after whom: a visit follows all visits that are done and that nobody follows yet;
/// where there are none, it follows the visit inside of which it is, at the same time as others there.
fn follow(visits: &mut [AgentVisit]) {
    let mut ends: Vec<usize> = Vec::new();
    let mut came_from: Vec<Option<usize>> = Vec::new();
    for at in 0..visits.len() {
        let Some(own) = visits.get(at) else { return };
        let (start, within) = (own.start_us, own.within);
        let done: Vec<usize> = ends
            .iter()
            .copied()
            .filter(|&end| {
                visits.get(end).is_some_and(|end| end.end_us <= start + SLACK_US)
                    && within != Some(end)
            })
            .collect();
        let from = if done.is_empty() {
            // Beside the one that is still at work.
            let beside = ends.last().and_then(|&end| came_from.get(end).copied().flatten());
            within.or(beside).or(ends.last().copied()).map_or_else(Vec::new, |one| vec![one])
        } else {
            done
        };
        for &one in &from {
            if let Some(visit) = visits.get_mut(one) {
                visit.next.push(at);
            }
        }
        ends.retain(|end| !from.contains(end));
        came_from.push(from.last().copied());
        ends.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::super::span::SpanTokens;
    use super::*;

    fn span(id: u64, parent: u64, kind: SpanKind, name: &str, at: (u64, u64)) -> TraceSpan {
        let mut span = TraceSpan::new(1, id, parent, kind);
        (span.start_us, span.end_us) = (at.0 * 1_000_000, at.1 * 1_000_000);
        span.name = name.into();
        if kind == SpanKind::Agent {
            span.node = Some(name.into());
        }
        if kind == SpanKind::Model {
            span.model = Some("m".into());
            span.tokens = Some(SpanTokens { input: 10.0, output: 5.0, ..SpanTokens::default() });
        }
        span
    }

    fn ways(trace: &WalkedTrace) -> Vec<(String, Vec<String>)> {
        let name = |at: &usize| trace.visits[*at].node.to_string();
        trace
            .visits
            .iter()
            .map(|visit| (visit.node.to_string(), visit.next.iter().map(name).collect()))
            .collect()
    }

    fn way(from: &str, to: &[&str]) -> (String, Vec<String>) {
        (from.to_owned(), to.iter().map(|to| (*to).to_owned()).collect())
    }

    #[test]
    fn nested_and_sequential_agents_are_visits_in_turn_and_parents_count_nothing() {
        use SpanKind::{Agent, Model};
        let mut spans = vec![
            span(1, 0, Agent, "router", (0, 9)),
            span(2, 1, Model, "", (0, 1)),
            span(3, 1, Agent, "billing", (1, 4)),
            span(4, 3, Model, "", (2, 3)),
            span(5, 1, Agent, "writer", (5, 8)),
            span(6, 5, Model, "", (6, 7)),
        ];
        // The agents repeat their children's usage.
        for at in [0, 2, 4] {
            spans[at].tokens = Some(SpanTokens::default());
            spans[at].model = Some("m".into());
        }
        let trace = walked(&spans);
        assert_eq!(
            ways(&trace),
            [way("router", &["billing"]), way("billing", &["writer"]), way("writer", &[])]
        );
        assert_eq!(trace.outer, 3);
        assert!(trace.visits.iter().all(|visit| visit.calls.len() == 1));
    }

    #[test]
    fn branches_start_together_and_meet() {
        use SpanKind::{Agent, Group, Model};
        let spans = [
            span(1, 0, Group, "flow", (0, 20)),
            span(2, 1, Agent, "planner", (0, 2)),
            span(3, 2, Model, "", (0, 1)),
            span(4, 1, Agent, "a", (3, 8)),
            span(5, 4, Model, "", (3, 7)),
            span(6, 1, Agent, "b", (4, 9)),
            span(7, 6, Model, "", (4, 8)),
            span(8, 1, Agent, "writer", (10, 12)),
            span(9, 8, Model, "", (10, 12)),
        ];
        assert_eq!(
            ways(&walked(&spans)),
            [
                way("planner", &["a", "b"]),
                way("a", &["writer"]),
                way("b", &["writer"]),
                way("writer", &[])
            ]
        );
    }

    #[test]
    fn a_call_that_was_tried_again_counts_once_and_a_judge_not_at_all() {
        use SpanKind::{Agent, Model, Scorer};
        let mut spans = vec![
            span(1, 0, Agent, "desk", (0, 9)),
            span(2, 1, Model, "", (0, 1)),
            span(3, 1, Model, "", (2, 3)),
            span(4, 1, Scorer, "judge", (4, 5)),
            span(5, 4, Model, "", (4, 5)),
        ];
        spans[1].failure = Some(SpanFailure::RateLimit);
        let trace = walked(&spans);
        assert_eq!((trace.retried, trace.judged, trace.visits[0].calls.len()), (1, 1, 1));
    }
}
