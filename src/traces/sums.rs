//! What is kept of all traces: sums by agent, by model and by tool.
//!
//! Guarantees: memory is bounded by the number of names, and those are bounded; what is left out for
//! want of room is counted.
//!
//! Does not know: how a file is read, or what becomes of the figures.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::estimates::{ClusteredMean, KeptSample, LogSpread, PlainSpread};
use super::span::{SpanCost, SpanFailure, SpanTokens, TraceScore, TraceSpan, digest};
use super::visitors::{UsersTrace, VisitorSample};
use super::walk::{AgentVisit, WalkedTrace};

/// Most names of each kind: agents, models, tools, scores.
const MOST_NAMES: usize = 200;
/// Most calls whose latency is kept, of each model: what latency is fitted to.
const MOST_CALLS: usize = 4_000;
/// Most ways on from an agent that are told apart.
const MOST_WAYS: usize = 200;
/// Most scores whose ids are remembered, to count a repeated one once.
const MOST_SCORE_IDS: usize = 500_000;

/// Sums of an agent.
#[derive(Clone, Debug)]
pub(super) struct AgentSums {
    pub visits: u64,
    /// Traces in which it takes part.
    pub traces: u64,
    /// Visits by the model of their last call.
    pub models: BTreeMap<Arc<str>, u64>,
    pub calls: ClusteredMean,
    pub input: ClusteredMean,
    /// Input of the first call of a visit.
    pub first_input: ClusteredMean,
    pub output: ClusteredMean,
    pub cached: ClusteredMean,
    /// Share of the first call's input that came from a cache.
    pub first_cached: ClusteredMean,
    pub reasoning: ClusteredMean,
    /// Output of the last call, without reasoning.
    pub answer: LogSpread,
    pub reasoned: LogSpread,
    /// Calls before the last one.
    pub rounds: PlainSpread,
    pub most_rounds: u32,
    pub tools: BTreeMap<Arc<str>, u64>,
    pub tool_calls: ClusteredMean,
    /// Growth of the input from call to call, less what the model wrote: what tools gave.
    pub growth: ClusteredMean,
    pub latency: KeptSample<f64>,
    /// How often each list of agents came next; an empty one is the end.
    pub next: BTreeMap<Vec<Arc<str>>, u64>,
    /// How often an agent came next at most in one trace.
    pub most_next: BTreeMap<Arc<str>, u32>,
}

/// Sums of a model.
#[derive(Clone, Debug)]
pub(super) struct ModelSums {
    pub provider: Option<Arc<str>>,
    pub calls: u64,
    pub limited: u64,
    pub errors: u64,
    pub refusals: u64,
    pub cut: u64,
    /// Output tokens and seconds.
    pub times: KeptSample<(f64, f64)>,
    pub costs: CostSums,
    pub reasoned: LogSpread,
}

/// Costs against tokens.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CostSums {
    pub calls: f64,
    pub total: f64,
    /// Of calls whose cost is in two parts: dollars and tokens of input and output, and cached input.
    pub parts: [f64; 5],
    pub parted: f64,
    /// Normal equations of total cost on input that is not cached, and output.
    pub normal: [f64; 5],
    /// Tokens of the calls with a cost.
    pub tokens: SpanTokens,
}

/// Sums of a tool.
#[derive(Clone, Debug, Default)]
pub(super) struct ToolSums {
    pub calls: u64,
    pub failed: u64,
    pub seconds: LogSpread,
}

/// Sums of a score.
#[derive(Clone, Debug, Default)]
pub(super) struct ScoreSums {
    pub source: Arc<str>,
    pub zeros: u64,
    pub ones: u64,
    pub inside: u64,
    pub outside: u64,
    pub values: PlainSpread,
}

/// Everything that is kept.
#[derive(Clone, Debug, Default)]
pub(super) struct TraceSums {
    pub traces: u64,
    /// Traces without a model call.
    pub empty: u64,
    pub calls: u64,
    pub agents: BTreeMap<Arc<str>, AgentSums>,
    pub models: BTreeMap<Arc<str>, ModelSums>,
    pub tools: BTreeMap<Arc<str>, ToolSums>,
    pub scores: BTreeMap<Arc<str>, ScoreSums>,
    /// Traces by the agent that begins.
    pub starts: BTreeMap<Arc<str>, u64>,
    pub visitors: VisitorSample,
    pub outer: u64,
    pub judged: u64,
    pub retried: u64,
    pub replayed: u64,
    pub timeless: u64,
    pub uncounted: u64,
    /// Calls, visits and scores whose name did not fit.
    pub nameless: u64,
    pub repeated_scores: u64,
    score_ids: BTreeSet<u64>,
}

/// The entry of this name; `None`, counted, where there are too many names.
fn named<'m, V>(
    all: &'m mut BTreeMap<Arc<str>, V>,
    name: &Arc<str>,
    left_out: &mut u64,
    new: impl FnOnce() -> V,
) -> Option<&'m mut V> {
    if !all.contains_key(name) && all.len() >= MOST_NAMES {
        *left_out += 1;
        return None;
    }
    Some(all.entry(name.clone()).or_insert_with(new))
}

impl TraceSums {
    /// Adds a trace.
    pub(super) fn add(&mut self, id: u64, trace: &WalkedTrace) {
        self.outer += trace.outer;
        self.judged += trace.judged;
        self.retried += trace.retried;
        self.replayed += trace.replayed;
        self.timeless += trace.timeless;
        self.uncounted += trace.uncounted;
        let Some(first) = trace.visits.first() else {
            self.empty += 1;
            return;
        };
        self.traces += 1;
        if let Some(starts) = named(&mut self.starts, &first.node, &mut self.nameless, || 0) {
            *starts += 1;
        }
        let calls = || trace.visits.iter().flat_map(|visit| &visit.calls);
        let output: f64 = calls().filter_map(|call| call.tokens).map(|own| own.output).sum();
        let agents: BTreeSet<&str> = trace.visits.iter().map(|visit| &*visit.node).collect();
        let agents = digest(&agents.into_iter().collect::<Vec<_>>().join("\n"));
        let (start_us, end_us) = (trace.start_us, trace.end_us);
        let own = UsersTrace { id, agents, start_us, end_us, output };
        self.visitors.add((trace.user, trace.session), own);
        for call in calls() {
            self.calls += 1;
            self.call(call);
        }
        for tool in trace.visits.iter().flat_map(|visit| &visit.tools) {
            let new = ToolSums::default;
            let Some(sums) = named(&mut self.tools, &tool.name, &mut self.nameless, new) else {
                continue;
            };
            sums.calls += 1;
            sums.failed += u64::from(tool.failure.is_some());
            sums.seconds.add(seconds(tool));
        }
        let mut by_agent: BTreeMap<&Arc<str>, Vec<&AgentVisit>> = BTreeMap::new();
        for visit in &trace.visits {
            by_agent.entry(&visit.node).or_default().push(visit);
        }
        for (node, visits) in by_agent {
            let new = AgentSums::new;
            let Some(sums) = named(&mut self.agents, node, &mut self.nameless, new) else {
                continue;
            };
            sums.add(&visits, &trace.visits);
        }
    }

    fn call(&mut self, call: &TraceSpan) {
        let name = call.model.clone().unwrap_or_else(|| "unknown".into());
        let Some(sums) = named(&mut self.models, &name, &mut self.nameless, ModelSums::new) else {
            return;
        };
        sums.provider = sums.provider.take().or_else(|| call.provider.clone());
        sums.calls += 1;
        sums.cut += u64::from(call.cut);
        match call.failure {
            Some(SpanFailure::RateLimit) => return sums.limited += 1,
            Some(SpanFailure::Error) => return sums.errors += 1,
            Some(SpanFailure::Refusal) => sums.refusals += 1,
            None => {}
        }
        let Some(tokens) = call.tokens else { return };
        sums.reasoned.add(tokens.reasoning);
        if call.end_us > call.start_us {
            let key = call.id ^ call.trace.rotate_left(17);
            sums.times.offer(key, (tokens.output, seconds(call)));
        }
        if let Some(cost) = call.cost {
            sums.costs.add(cost, tokens);
        }
    }

    /// Adds a score, unless it came before.
    pub(super) fn score(&mut self, score: &TraceScore) {
        if self.score_ids.len() < MOST_SCORE_IDS && !self.score_ids.insert(score.id) {
            self.repeated_scores += 1;
            return;
        }
        let new = || ScoreSums { source: score.source.clone(), ..ScoreSums::default() };
        let Some(sums) = named(&mut self.scores, &score.name, &mut self.nameless, new) else {
            return;
        };
        match score.value {
            0.0 => sums.zeros += 1,
            1.0 => sums.ones += 1,
            value if value < 1.0 => sums.inside += 1,
            _ => sums.outside += 1,
        }
        sums.values.add(score.value);
    }
}

fn seconds(span: &TraceSpan) -> f64 {
    span.end_us.saturating_sub(span.start_us) as f64 / 1e6
}

impl CostSums {
    fn add(&mut self, cost: SpanCost, tokens: SpanTokens) {
        self.calls += 1.0;
        self.total += cost.total;
        let (x, y) = ((tokens.input - tokens.cached).max(0.0), tokens.output);
        for (sum, more) in
            self.normal.iter_mut().zip([x * x, x * y, y * y, x * cost.total, y * cost.total])
        {
            *sum += more;
        }
        self.tokens.input += tokens.input;
        self.tokens.output += tokens.output;
        self.tokens.cached += tokens.cached;
        self.tokens.written += tokens.written;
        if let Some((input, output)) = cost.parts {
            self.parted += 1.0;
            let more = [input, tokens.input, output, tokens.output, tokens.cached];
            self.parts.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }
}

impl ModelSums {
    fn new() -> Self {
        Self {
            provider: None,
            calls: 0,
            limited: 0,
            errors: 0,
            refusals: 0,
            cut: 0,
            times: KeptSample::new(MOST_CALLS),
            costs: CostSums::default(),
            reasoned: LogSpread::default(),
        }
    }
}

impl AgentSums {
    fn new() -> Self {
        Self {
            visits: 0,
            traces: 0,
            models: BTreeMap::new(),
            calls: ClusteredMean::default(),
            input: ClusteredMean::default(),
            first_input: ClusteredMean::default(),
            output: ClusteredMean::default(),
            cached: ClusteredMean::default(),
            first_cached: ClusteredMean::default(),
            reasoning: ClusteredMean::default(),
            answer: LogSpread::default(),
            reasoned: LogSpread::default(),
            rounds: PlainSpread::default(),
            most_rounds: 0,
            tools: BTreeMap::new(),
            tool_calls: ClusteredMean::default(),
            growth: ClusteredMean::default(),
            latency: KeptSample::new(MOST_CALLS),
            next: BTreeMap::new(),
            most_next: BTreeMap::new(),
        }
    }

    /// Adds the visits of one trace.
    fn add(&mut self, visits: &[&AgentVisit], all: &[AgentVisit]) {
        self.traces += 1;
        self.visits += visits.len() as u64;
        let calls = || visits.iter().flat_map(|visit| &visit.calls);
        let counted = || calls().filter_map(|call| call.tokens);
        let n = counted().count() as f64;
        let sum = |part: fn(&SpanTokens) -> f64| counted().map(|own| part(&own)).sum::<f64>();
        self.calls.add(visits.len() as f64, calls().count() as f64);
        self.input.add(n, sum(|own| own.input));
        self.output.add(n, sum(|own| own.output));
        self.cached.add(sum(|own| own.input), sum(|own| own.cached));
        self.reasoning.add(n, sum(|own| own.reasoning));
        let firsts = || visits.iter().filter_map(|visit| visit.calls.first()?.tokens);
        self.first_input.add(firsts().count() as f64, firsts().map(|own| own.input).sum());
        let first_input = firsts().map(|own| own.input).sum();
        self.first_cached.add(first_input, firsts().map(|own| own.cached).sum());
        let tools: usize = visits.iter().map(|visit| visit.tools.len()).sum();
        self.tool_calls.add(visits.len() as f64, tools as f64);
        for call in calls() {
            if call.end_us > call.start_us && call.failure.is_none() {
                self.latency.offer(call.id ^ call.trace.rotate_left(17), seconds(call));
            }
            if let Some(own) = call.tokens {
                self.reasoned.add(own.reasoning);
            }
        }
        let mut ways: BTreeMap<Arc<str>, u32> = BTreeMap::new();
        for visit in visits {
            self.visit(visit);
            let mut next: Vec<Arc<str>> = visit
                .next
                .iter()
                .filter_map(|&at| all.get(at))
                .map(|own| own.node.clone())
                .collect();
            next.sort();
            for one in &next {
                *ways.entry(one.clone()).or_default() += 1;
            }
            if self.next.contains_key(&next) || self.next.len() < MOST_WAYS {
                *self.next.entry(next).or_default() += 1;
            }
        }
        for (way, times) in ways {
            let most = self.most_next.entry(way).or_default();
            *most = (*most).max(times);
        }
    }

    fn visit(&mut self, visit: &AgentVisit) {
        let rounds = visit.calls.len().saturating_sub(1) as u32;
        self.rounds.add(f64::from(rounds));
        self.most_rounds = self.most_rounds.max(rounds);
        for tool in &visit.tools {
            if self.tools.contains_key(&tool.name) || self.tools.len() < MOST_NAMES {
                *self.tools.entry(tool.name.clone()).or_default() += 1;
            }
        }
        let mut grown = (0.0, 0.0);
        for pair in visit.calls.windows(2) {
            if let [one, other] = pair
                && let (Some(one), Some(other)) = (one.tokens, other.tokens)
            {
                let wrote = one.output - one.reasoning;
                grown = (grown.0 + 1.0, grown.1 + (other.input - one.input - wrote).max(0.0));
            }
        }
        self.growth.add(grown.0, grown.1);
        let Some(last) = visit.calls.last() else { return };
        let model = last.model.clone().unwrap_or_else(|| "unknown".into());
        if self.models.contains_key(&model) || self.models.len() < MOST_NAMES {
            *self.models.entry(model).or_default() += 1;
        }
        if let Some(own) = last.tokens.filter(|_| last.failure.is_none()) {
            self.answer.add(own.output - own.reasoning);
        }
    }
}
