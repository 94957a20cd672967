//! What the agents of a graph did, added up from the journal as it is written: runs, tokens, cost,
//! latency, the edges that were taken, and which agents the users waited for.
//!
//! Guarantees: what a request waited for adds up to its latency; memory does not grow with the
//! number of users, but for one bit for each agent and edge.
//!
//! Does not know: what an agent is for, or how edges are chosen; it has their ends only.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;
use smallvec::{SmallVec, smallvec};

use crate::journal::{AgentId, Caller, Entry, Event, Reader};
use crate::metrics::Varies;
use crate::quantity::{Money, MoneyTotal};

/// An edge of the graph, as far as a journal shows that it was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TallyEdge {
    /// Where it begins.
    pub from: AgentId,
    /// Where it leads.
    pub to: AgentId,
    /// Whether it is taken when the agent before it failed.
    pub on_failure: bool,
    /// Whether parallel branches come together at its end.
    pub joins: bool,
}

/// How a guard decided on the requests that came to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuardTally {
    /// Times that a harmful question came to it.
    pub harmful: u64,
    /// The stopped ones among them.
    pub harmful_stopped: u64,
    /// Times that a harmless question came to it.
    pub harmless: u64,
    /// The stopped ones among them.
    pub harmless_stopped: u64,
}

impl GuardTally {
    fn add(&mut self, stopped: bool, harmful: bool) {
        let (all, ended) = if harmful {
            (&mut self.harmful, &mut self.harmful_stopped)
        } else {
            (&mut self.harmless, &mut self.harmless_stopped)
        };
        *all += 1;
        *ended += u64::from(stopped);
    }
}

/// What one agent did in the requests of a group of users.
#[derive(Clone, Debug, Default)]
pub struct NodeTally {
    /// Users with a request that came to it.
    pub users: u64,
    /// Requests that came to it.
    pub requests: u64,
    /// Its runs: one for each time that it was at work, in each parallel branch.
    pub runs: u64,
    /// The times that requests came to it; parallel branches count as one.
    pub rounds: u64,
    /// Runs that failed.
    pub failed_runs: u64,
    /// Answers of its model.
    pub calls: u64,
    /// Calls of its model that failed.
    pub failed_calls: u64,
    /// Tokens that its model read.
    pub input_tokens: u64,
    /// Those of them that were read from the provider's prompt cache.
    pub cached_tokens: u64,
    /// Tokens that its model wrote.
    pub output_tokens: u64,
    /// Those of them that the model reasoned with.
    pub reasoning_tokens: u64,
    /// What its calls cost; a model without a price adds nothing.
    pub cost: MoneyTotal,
    /// The sum of the squares of what each request cost, in square dollars.
    pub cost_squares: f64,
    /// Whether a call had no known price.
    pub unpriced: bool,
    /// Microseconds of all its runs.
    pub duration_us: u64,
    /// Microseconds that requests took because of it: its runs on the longest chain of each.
    pub waited_us: u64,
    /// What it did as a guard.
    pub guard: GuardTally,
    /// Durations of its runs in microseconds; none before the first.
    durations: Option<Histogram<u32>>,
}

impl NodeTally {
    /// The 95th percentile of the durations of its runs, in milliseconds, to 0.1%.
    #[must_use]
    pub fn p95_ms(&self) -> Option<f64> {
        let durations = self.durations.as_ref()?;
        Some(durations.value_at_quantile(0.95) as f64 / 1e3)
    }

    fn run(&mut self, run: &Run) {
        let us = run.end - run.start;
        self.runs += 1;
        self.failed_runs += u64::from(run.failed);
        self.duration_us += us;
        if self.durations.is_none() {
            // Three digits are a number that the library takes.
            self.durations = Histogram::new(3).ok();
        }
        if let Some(durations) = &mut self.durations {
            // It grows by itself; what does not fit into 64 bits is left out.
            let _ = durations.record(us);
        }
    }
}

/// What a group of users' requests came to.
#[derive(Clone, Debug, Default)]
pub struct GroupTally {
    /// Users with a request.
    pub users: u64,
    /// Their requests.
    pub requests: u64,
    /// Microseconds from each request to its end.
    pub latency_us: u64,
    /// What each agent did.
    pub nodes: Vec<NodeTally>,
    /// Users with a request that took each edge.
    pub edges: Vec<u64>,
    /// Requests that a guard ended.
    pub stopped: u64,
    /// Requests that a guard should have ended, and that were answered.
    pub harm_answered: u64,
}

/// One time that an agent was at work.
#[derive(Clone, Copy, Debug)]
struct Run {
    node: usize,
    start: u64,
    end: u64,
    failed: bool,
    /// Whether the way on from it is that of a failure.
    went_wrong: bool,
}

/// Whether a run is the first of its kind at its agent.
#[derive(Clone, Copy, Debug)]
struct RunFirsts {
    of_request: bool,
    of_user: bool,
    of_round: bool,
}

/// What an agent's calls of one request used.
#[derive(Clone, Copy, Debug, Default)]
struct CallsUsed {
    calls: u64,
    failed_calls: u64,
    input_tokens: u64,
    cached_tokens: u64,
    output_tokens: u64,
    reasoning_tokens: u64,
    cost: MoneyTotal,
    unpriced: bool,
}

/// A request under way.
#[derive(Clone, Debug, Default)]
struct UnderWay {
    /// The user's treatment in each experiment.
    treatments: SmallVec<[Option<u8>; 2]>,
    /// Whether each agent's config was enabled for the user.
    enabled: Vec<bool>,
    used: Vec<CallsUsed>,
    runs: Vec<Run>,
    /// What guards decided: the agent, whether it stopped the request, and whether it should.
    guarded: SmallVec<[(usize, bool, bool); 2]>,
    harm_answered: bool,
}

/// Adds up what the agents of a graph do.
#[derive(Clone, Debug)]
pub struct GraphTally {
    edges: Vec<TallyEdge>,
    root: usize,
    experiments: Vec<Varies>,
    /// All users, then the users of each treatment of each experiment.
    groups: Vec<GroupTally>,
    /// The first group of each experiment.
    first_group: Vec<usize>,
    /// How many of the nodes have an AI config: the first so many.
    configs: usize,
    /// The variations that each agent's config served, in order of number.
    served: Vec<Vec<u8>>,
    under_way: BTreeMap<u32, UnderWay>,
    /// Used requests, for their memory.
    spare: Vec<UnderWay>,
    /// For each user whether they came, then a bit for each agent and each edge.
    bits: Vec<u8>,
    width: usize,
}

impl GraphTally {
    /// A tally of so many agents and of these edges, over so many users, for the users of each
    /// treatment of these experiments.
    #[must_use]
    pub fn new(
        nodes: usize,
        root: AgentId,
        edges: Vec<TallyEdge>,
        experiments: Vec<Varies>,
        users: usize,
    ) -> Self {
        let group = || GroupTally {
            nodes: vec![NodeTally::default(); nodes],
            edges: vec![0; edges.len()],
            ..GroupTally::default()
        };
        let mut groups = vec![group()];
        let mut first_group = Vec::new();
        for varies in &experiments {
            first_group.push(groups.len());
            let treatments = varies.treatment_of.iter().flatten().max().map_or(0, |last| last + 1);
            groups.extend((0..treatments).map(|_| group()));
        }
        let width = (1 + nodes + edges.len()).div_ceil(8);
        Self {
            edges,
            root: root.index(),
            experiments,
            groups,
            first_group,
            configs: nodes,
            served: vec![Vec::new(); nodes],
            under_way: BTreeMap::new(),
            spare: Vec::new(),
            bits: vec![0; width * users],
            width,
        }
    }

    /// The same where only the first so many nodes have an AI config.
    #[must_use]
    pub fn with_configs(self, configs: usize) -> Self {
        Self { configs, ..self }
    }

    /// All users together.
    #[must_use]
    pub fn all(&self) -> Option<&GroupTally> {
        self.groups.first()
    }

    /// The users of a treatment of an experiment.
    #[must_use]
    pub fn group(&self, experiment: usize, treatment: usize) -> Option<&GroupTally> {
        let next = self.first_group.get(experiment + 1).copied().unwrap_or(self.groups.len());
        let at = self.first_group.get(experiment)? + treatment;
        self.groups.get(at).filter(|_| at < next)
    }

    /// The variations that an agent's config served, in order of number.
    #[must_use]
    pub fn served(&self, node: usize) -> &[u8] {
        self.served.get(node).map_or(&[], Vec::as_slice)
    }

    /// Whether a request of the unit, counted from 0, came to an agent.
    #[must_use]
    pub fn reached(&self, unit: usize, node: usize) -> bool {
        let bit = 1 + node;
        self.bits.get(unit * self.width + bit / 8).is_some_and(|byte| byte & 1 << (bit % 8) != 0)
    }

    /// Sets a bit of a user, counted from 1; whether it was not set before.
    fn mark(&mut self, user: u32, bit: usize) -> bool {
        let Some(unit) = (user as usize).checked_sub(1) else { return false };
        let Some(byte) = self.bits.get_mut(unit * self.width + bit / 8) else { return false };
        let before = *byte;
        *byte |= 1 << (bit % 8);
        *byte != before
    }

    fn begin(&mut self, user: u32) {
        let mut request = self.spare.pop().unwrap_or_default();
        let nodes = self.served.len();
        request.treatments.clear();
        request.treatments.resize(self.experiments.len(), None);
        request.enabled.clear();
        request.enabled.resize(nodes, false);
        request.used.clear();
        request.used.resize(nodes, CallsUsed::default());
        request.runs.clear();
        request.guarded.clear();
        request.harm_answered = false;
        self.under_way.insert(user, request);
    }

    /// The request of a user has ended at `end`, `latency` microseconds after it came.
    fn end(&mut self, user: u32, end: u64, latency: u64) {
        let Some(request) = self.under_way.remove(&user) else { return };
        let began = end.saturating_sub(latency);
        let waited = request.waited(began, end);
        let taken = self.taken(&request, began);
        let nodes = self.served.len();
        let new_user = self.mark(user, 0);
        // For each run whether it is the request's first at its agent, the user's first there, and the
        // first of its round: branches side by side are one round.
        let firsts: SmallVec<[RunFirsts; 16]> = request
            .runs
            .iter()
            .enumerate()
            .map(|(nth, run)| {
                let mut earlier = request.runs.iter().take(nth).filter(|own| own.node == run.node);
                let of_request = earlier.clone().next().is_none();
                let of_user = of_request && self.mark(user, 1 + run.node);
                let of_round = of_request || !earlier.any(|own| own.start == run.start);
                RunFirsts { of_request, of_user, of_round }
            })
            .collect();
        // The edges that the user took for the first time.
        let took: SmallVec<[usize; 8]> =
            taken.into_iter().filter(|&edge| self.mark(user, 1 + nodes + edge)).collect();
        let arms = request.treatments.iter().zip(&self.first_group);
        let arms = arms.filter_map(|(treatment, first)| Some(first + usize::from((*treatment)?)));
        let groups: SmallVec<[usize; 4]> = std::iter::once(0).chain(arms).collect();
        for at in groups {
            let Some(group) = self.groups.get_mut(at) else { continue };
            group.users += u64::from(new_user);
            group.requests += 1;
            group.latency_us += latency;
            group.harm_answered += u64::from(request.harm_answered);
            for &(node, stopped, harmful) in &request.guarded {
                group.stopped += u64::from(stopped);
                if let Some(node) = group.nodes.get_mut(node) {
                    node.guard.add(stopped, harmful);
                }
            }
            for &edge in &took {
                if let Some(count) = group.edges.get_mut(edge) {
                    *count += 1;
                }
            }
            for (run, first) in request.runs.iter().zip(&firsts) {
                let Some(node) = group.nodes.get_mut(run.node) else { continue };
                node.run(run);
                node.users += u64::from(first.of_user);
                node.requests += u64::from(first.of_request);
                node.rounds += u64::from(first.of_round);
            }
            let per_node = request.used.iter().zip(&waited);
            for (node, (used, waited)) in group.nodes.iter_mut().zip(per_node) {
                node.waited_us += waited;
                if used.calls + used.failed_calls == 0 && used.cost == MoneyTotal::default() {
                    continue;
                }
                node.calls += used.calls;
                node.failed_calls += used.failed_calls;
                node.input_tokens += used.input_tokens;
                node.cached_tokens += used.cached_tokens;
                node.output_tokens += used.output_tokens;
                node.reasoning_tokens += used.reasoning_tokens;
                node.cost += used.cost;
                node.cost_squares += used.cost.dollars() * used.cost.dollars();
                node.unpriced |= used.unpriced;
            }
        }
        self.spare.push(request);
    }

    /// The edges that a request took: for each run that of the run before it, and through agents
    /// whose config is disabled for the user.
    fn taken(&self, request: &UnderWay, began: u64) -> SmallVec<[usize; 8]> {
        let mut taken: SmallVec<[usize; 8]> = SmallVec::new();
        let runs = &request.runs;
        for (nth, run) in runs.iter().enumerate() {
            let earlier = || runs.iter().take(nth).rev();
            let fits = |edge: &TallyEdge, before: &Run, strict: bool| {
                edge.to.index() == run.node
                    && edge.from.index() == before.node
                    && (!strict || edge.on_failure == before.went_wrong)
            };
            let before = earlier().find(|before| before.end == run.start);
            let alone = before.and_then(|before| {
                let find = |strict| {
                    let fits = |edge: &TallyEdge| !edge.joins && fits(edge, before, strict);
                    self.edges.iter().position(fits)
                };
                // An agent that may fail lets the request go on along its usual edge.
                find(true).or_else(|| find(false).filter(|_| before.went_wrong))
            });
            if let Some(edge) = alone {
                taken.push(edge);
                continue;
            }
            // Branches that came together: each that got there took an edge.
            let before_it = taken.len();
            taken.extend(self.edges.iter().enumerate().filter_map(|(at, edge)| {
                let arrived = |before: &Run| before.end <= run.start && fits(edge, before, true);
                (edge.joins && earlier().any(arrived)).then_some(at)
            }));
            if taken.len() > before_it {
                continue;
            }
            match before {
                Some(before) => {
                    let from = (before.node, before.went_wrong);
                    taken.extend(self.around(from, run.node, request));
                }
                None if run.start == began && run.node != self.root => {
                    let from = (self.root, false);
                    taken.extend(self.around(from, run.node, request));
                }
                None => {}
            }
        }
        taken
    }

    /// The edges from one agent to another through agents that are disabled. `went_wrong` says
    /// whether the first edge is one for failures.
    fn around(
        &self,
        (from, went_wrong): (usize, bool),
        to: usize,
        request: &UnderWay,
    ) -> Vec<usize> {
        let mut ways: Vec<(usize, Vec<usize>)> = vec![(from, Vec::new())];
        let mut next = 0;
        while let Some((at, way)) = ways.get(next).cloned() {
            next += 1;
            for (nth, edge) in self.edges.iter().enumerate() {
                let end = edge.to.index();
                let fits = at != from || edge.on_failure == went_wrong;
                if edge.from.index() != at || !fits || ways.iter().any(|(seen, _)| *seen == end) {
                    continue;
                }
                let mut way = way.clone();
                way.push(nth);
                if end == to {
                    return way;
                }
                if request.enabled.get(end) == Some(&false) {
                    ways.push((end, way));
                }
            }
        }
        Vec::new()
    }
}

impl UnderWay {
    /// For each agent the microseconds between `began` and `end` that passed because of it: from
    /// the end back, each run was begun by the one that had ended then.
    fn waited(&self, began: u64, end: u64) -> SmallVec<[u64; 16]> {
        let mut waited = smallvec![0; self.used.len()];
        let mut upto = end;
        // Runs are in the order of their ends.
        for run in self.runs.iter().rev() {
            if run.end <= upto && upto > began {
                if let Some(own) = waited.get_mut(run.node) {
                    *own += run.end - run.start;
                }
                upto = run.start;
            }
        }
        waited
    }
}

impl Reader for GraphTally {
    fn entry(&mut self, entry: &Entry) {
        let user = entry.user;
        match entry.event {
            Event::Arrived { .. } => self.begin(user),
            Event::Finished { latency, .. } => self.end(user, entry.at.us(), latency.us()),
            Event::Evaluated { served, in_experiment } => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                // The config of the graph itself has the number after them.
                let node = Some(usize::from(served.config)).filter(|node| *node < self.configs);
                if let Some(enabled) = node.and_then(|node| request.enabled.get_mut(node)) {
                    *enabled = true;
                }
                if let Some(all) = node.and_then(|node| self.served.get_mut(node))
                    && let Err(at) = all.binary_search(&served.variation)
                {
                    all.insert(at, served.variation);
                }
                let own = self.experiments.iter().zip(&mut request.treatments);
                for (varies, treatment) in own.filter(|_| in_experiment) {
                    if varies.config == served.config {
                        let of = varies.treatment_of.get(usize::from(served.variation));
                        *treatment = of.copied().flatten();
                    }
                }
            }
            Event::Completed {
                caller: Caller::Agent(agent),
                served: Some(_),
                input_tokens,
                output_tokens,
                cached_tokens,
                reasoning_tokens,
                cost,
                ..
            } => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                let Some(used) = request.used.get_mut(agent.index()) else { return };
                used.calls += 1;
                used.input_tokens += u64::from(input_tokens);
                used.output_tokens += u64::from(output_tokens);
                used.cached_tokens += u64::from(cached_tokens);
                used.reasoning_tokens += u64::from(reasoning_tokens);
                used.cost += cost.unwrap_or(Money::ZERO);
                used.unpriced |= cost.is_none();
            }
            Event::CallFailed { caller: Caller::Agent(agent), served: Some(_), .. } => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                if let Some(used) = request.used.get_mut(agent.index()) {
                    used.failed_calls += 1;
                }
            }
            Event::AgentFinished { caller: Caller::Agent(agent), duration, failed, .. } => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                let (end, failed) = (entry.at.us(), failed.is_some());
                request.runs.push(Run {
                    node: agent.index(),
                    start: end.saturating_sub(duration.us()),
                    end,
                    failed,
                    went_wrong: failed,
                });
            }
            Event::StepFinished { agent, duration, cost, failed } => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                let end = entry.at.us();
                request.runs.push(Run {
                    node: agent.index(),
                    start: end.saturating_sub(duration.us()),
                    end,
                    failed,
                    went_wrong: failed,
                });
                if let Some(used) = request.used.get_mut(agent.index()) {
                    used.cost += cost;
                }
            }
            Event::Guarded { agent, stopped, harmful, .. } => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                request.guarded.push((agent.index(), stopped, harmful));
            }
            Event::HarmAnswered => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                request.harm_answered = true;
            }
            Event::Routed { fallback: true, .. } => {
                let Some(request) = self.under_way.get_mut(&user) else { return };
                if let Some(run) = request.runs.last_mut() {
                    run.went_wrong = true;
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
