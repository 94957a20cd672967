//! What only simulation tells: how long the placeholder instructions have to be, how readily models
//! call tools, and how much of their ways users keep, so that the simulated inputs, calls and
//! correlations within users are the measured ones.
//!
//! Guarantees: the written scenario is read back and simulated, and how near it comes is reported.
//!
//! Does not know: traces.

use std::collections::{BTreeMap, BTreeSet};

use super::draft::TraceDraft;
use super::scenario_text::scenario_text;
use super::span::digest;
use super::visitors::{UsersTrace, VisitorSample};
use crate::diagnostic::Diagnostic;
use crate::journal::{Caller, Entry, Event, Reader};
use crate::llm::model::{CallFailure, Completion, Prompt};
use crate::random::Seed;
use crate::run::PreparedScenario;
use crate::scenario::{Scenario, parse_kept};

/// Users of a simulation.
const USERS: u32 = 1_500;
/// Users of the last two simulations where there are as many traces, so that what is matched differs
/// from the traces by less than they differ from other traces.
const MOST_USERS: u32 = 4_500;
/// Simulations that a matching takes.
pub const TRACE_SIMULATIONS: u64 = 6;
/// Most tokens of a tool's reply.
const MOST_TOOL_TOKENS: f64 = 20_000.0;
/// The logarithm of mean by median of a tool's replies, whose logarithms have the standard deviation 0.5.
const LOG_NORMAL_EXCESS: f64 = 0.125;
/// Fewest tokens of instructions.
const LEAST_PADDING: f64 = 3.0;

/// What a simulated agent did.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct SimulatedAgent {
    pub visits: f64,
    pub calls: f64,
    pub first_input: f64,
    pub input: f64,
    pub output: f64,
    pub seconds: f64,
    /// Rounds of tool calls before its calls, summed.
    pub rounds: f64,
}

impl SimulatedAgent {
    /// How many tokens a round of tool calls adds too many to the input, if the first call has the
    /// input `first` and all calls `input`, on average.
    fn growth_over(&self, first: f64, input: f64) -> Option<f64> {
        let over = self.input / self.calls - input - (self.first_input / self.visits - first);
        (self.visits > 0.0 && self.rounds > 0.0).then(|| over * self.calls / self.rounds)
    }
}

/// The output tokens of each request of the users, as traces have them.
#[derive(Debug, Default)]
struct SimulatedUsers {
    /// The requests that go on, with the agents that worked, by their places in the graph, and their
    /// output tokens.
    open: BTreeMap<u32, (BTreeSet<usize>, f64)>,
    requests: u64,
    visitors: VisitorSample,
}

impl Reader for SimulatedUsers {
    fn entry(&mut self, entry: &Entry) {
        match entry.event {
            Event::Completed { caller: Caller::Agent(agent), output_tokens, .. } => {
                let (agents, output) = self.open.entry(entry.user).or_default();
                agents.insert(agent.index());
                *output += f64::from(output_tokens);
            }
            Event::Finished { .. } => {
                if let Some((agents, output)) = self.open.remove(&entry.user) {
                    self.requests += 1;
                    let agents = digest(&format!("{agents:?}"));
                    let (id, at) = (self.requests, entry.at.us());
                    let own = UsersTrace { id, agents, start_us: at, end_us: at, output };
                    self.visitors.add((Some(u64::from(entry.user)), None), own);
                }
            }
            _ => {}
        }
    }
}

/// What a simulation shows.
struct SimulatedApp {
    agents: BTreeMap<String, SimulatedAgent>,
    /// The correlation of the logarithms of the output tokens of a user's requests to the same agents.
    alike: Option<f64>,
}

/// Moves the draft's free numbers until simulated and measured inputs and calls agree; returns the
/// scenario's text and what its agents do.
///
/// # Errors
/// The faults of the written scenario.
pub(super) fn matched(
    draft: &mut TraceDraft,
    sources: &str,
    progress: &mut dyn FnMut(u64),
) -> Result<(String, BTreeMap<String, SimulatedAgent>), Vec<Diagnostic>> {
    let wanted: BTreeMap<String, f64> =
        draft.models.iter().filter_map(|model| Some((model.id.clone(), model.appetite?))).collect();
    let sigma = draft.difficulty.unwrap_or(0.9);
    for model in &mut draft.models {
        model.appetite = model.appetite.map(|mean| mean / libm::exp(sigma * sigma / 2.0));
    }
    let mut round = 0;
    loop {
        let text = scenario_text(draft, sources);
        let loaded = parse_kept("calibrated", &text, &[])?;
        let users = match u32::try_from(draft.traces) {
            _ if round + 2 < TRACE_SIMULATIONS => USERS,
            Ok(traces) => traces.clamp(USERS, MOST_USERS),
            Err(_) => MOST_USERS,
        };
        let app =
            simulated(&loaded.scenario, users).map_err(|reason| vec![Diagnostic::new(reason)])?;
        let found = app.agents;
        round += 1;
        progress(round);
        if round == TRACE_SIMULATIONS {
            return Ok((text, found));
        }
        // The draws of models and tools are new at every visit, so tokens correlate by less than what
        // the users keep.
        if let (Some(wanted), Some(own), Some(kept)) =
            (draft.visitors.alike, app.alike, &mut draft.persistence)
        {
            let ratio = wanted / own.max(1e-3);
            *kept = (*kept * ratio.clamp(0.5, 2.0)).min(1.0);
        }
        for agent in &mut draft.agents {
            let Some(own) = found.get(&agent.key).filter(|own| own.visits > 0.0) else { continue };
            if let Some(first) = agent.first_input {
                let over = own.first_input / own.visits - first;
                // Even without instructions it is more: the agents before it hand over the question.
                if agent.padding <= LEAST_PADDING && over > 0.05 * first && !agent.text_only {
                    (agent.text_only, agent.padding) = (true, first);
                } else {
                    agent.padding = (agent.padding - over).max(LEAST_PADDING);
                }
            }
        }
        for tool in &mut draft.tools {
            let own = draft.agents.iter().filter(|agent| agent.tools.contains(&tool.key));
            let over: Vec<f64> = own
                .filter_map(|own| found.get(&own.key)?.growth_over(own.first_input?, own.input?))
                .collect();
            if let Some((tokens, ..)) = &mut tool.tokens
                && !over.is_empty()
            {
                let over = over.iter().sum::<f64>() / over.len() as f64;
                let median = tokens.0 - over / libm::exp(LOG_NORMAL_EXCESS);
                let median = median.clamp(1.0, MOST_TOOL_TOKENS);
                *tokens = (median, [median; 2]);
            }
        }
        for model in &mut draft.models {
            let own = draft
                .agents
                .iter()
                .filter(|agent| agent.model == model.id && !agent.tools.is_empty());
            let own: Vec<&SimulatedAgent> = own.filter_map(|agent| found.get(&agent.key)).collect();
            let visits: f64 = own.iter().map(|own| own.visits).sum();
            let rounds: f64 = own.iter().map(|own| own.calls - own.visits).sum();
            if let (Some(appetite), Some(want)) = (&mut model.appetite, wanted.get(&model.id))
                && rounds > 0.0
            {
                let ratio = want / (rounds / visits);
                *appetite = (*appetite * ratio.clamp(0.5, 2.0)).min(50.0);
            }
        }
    }
}

/// Simulates a scenario, and sums up what its agents do.
fn simulated(scenario: &Scenario, many: u32) -> Result<SimulatedApp, String> {
    let seed = Seed(1);
    let stage = PreparedScenario::new(scenario, seed).map_err(|error| error.to_string())?;
    let mut found: BTreeMap<String, SimulatedAgent> = BTreeMap::new();
    let mut on_call = |prompt: &Prompt<'_>, result: &Result<Completion, CallFailure>| {
        let (Caller::Agent(agent), Ok(done)) = (prompt.caller, result) else { return };
        let own = found.entry(scenario.graph.node(agent).name.clone()).or_default();
        own.calls += 1.0;
        own.input += f64::from(done.input_tokens);
        own.output += f64::from(done.output_tokens);
        own.seconds += done.latency.seconds();
        own.rounds += f64::from(prompt.subject.rounds);
        if prompt.subject.rounds == 0 {
            own.visits += 1.0;
            own.first_input += f64::from(done.input_tokens);
        }
    };
    let users = SimulatedUsers::default();
    let (users, _) = stage.population(seed, many).visit_observed(users, &mut on_call, |_, _| ());
    Ok(SimulatedApp { agents: found, alike: users.visitors.figures().alike })
}
