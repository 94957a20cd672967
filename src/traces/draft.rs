//! Sums to figures: what a scenario needs, each with its interval and its observations.
//!
//! Guarantees: what too few observations say is left to the catalog, and reported so.
//!
//! Does not know: RON.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::estimates::{LogSpread, TraceEstimate, quantile};
use super::names::GivenKeys;
use super::prices::{LogPrices, catalogued, log_prices, nearest_model};
use super::sums::{AgentSums, ModelSums, ScoreSums, TraceSums};
use super::visitors::VisitorFigures;
use super::ways::{DraftEdge, DraftGraph, DraftWhen, draft_graph};
use crate::live::calibrate::{LEAST, fit_latency, wilson};
use crate::llm::profile::ModelProfile;
use crate::scenario::{catalog_models, default_metrics};

/// Fewest observations behind a length or a time; shares and fits need [`LEAST`].
const FEWEST: f64 = 5.0;
/// Most tools of one agent.
const MOST_TOOLS: usize = 10;

/// A measured figure.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TraceFigure {
    /// What it is about, such as the agent `writer`.
    pub about: String,
    /// What was measured, such as `output tokens of an answer, median`.
    pub what: &'static str,
    pub value: f64,
    pub interval: [f64; 2],
    pub unit: FigureUnit,
    pub n: u64,
    /// What was observed, such as `calls`.
    pub of: &'static str,
}

/// How a figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FigureUnit {
    Share,
    Seconds,
    Tokens,
    Plain,
}

/// A number of a scenario with where it comes from; `None` leaves it to the catalog.
pub(super) type Drafted = Option<(TraceEstimate, u64, &'static str)>;

#[derive(Clone, Debug)]
pub(super) struct DraftAgent {
    pub name: Arc<str>,
    pub key: String,
    pub visits: u64,
    pub plan: Option<(u32, u32)>,
    pub answers: bool,
    pub model: String,
    pub tools: Vec<String>,
    pub max_tool_calls: u32,
    pub answer_tokens: Drafted,
    pub reasoning_tokens: Drafted,
    pub caching: Option<&'static str>,
    /// Whether it gets the question alone, because its input has no room for what others found.
    pub text_only: bool,
    /// Tokens of the placeholder instructions; matched by simulation.
    pub padding: f64,
    /// What simulation is matched to: input of the first call, and calls in a visit.
    pub first_input: Option<f64>,
    pub calls: Option<f64>,
    /// And input of all calls.
    pub input: Option<f64>,
}

#[derive(Clone, Debug)]
pub(super) struct DraftModel {
    pub id: String,
    pub like: Option<String>,
    pub prices: Option<[f64; 2]>,
    pub no_price: bool,
    pub fields: Vec<(&'static str, TraceEstimate, u64, &'static str)>,
    /// Calls before the last one; see `matching`.
    pub appetite: Option<f64>,
    pub appetite_of: u64,
}

#[derive(Clone, Debug)]
pub(super) struct DraftTool {
    pub key: String,
    pub latency: Drafted,
    pub tokens: Drafted,
    pub appeal: f64,
}

#[derive(Clone, Debug)]
pub(super) struct DraftOutcome {
    pub key: String,
    /// The chance, or the mean and the standard deviation of a score.
    pub chance: Option<TraceEstimate>,
    pub score: Option<(f64, f64)>,
    pub n: u64,
}

/// Everything that the scenario is written from.
#[derive(Clone, Debug, Default)]
pub(super) struct TraceDraft {
    pub traces: u64,
    pub agents: Vec<DraftAgent>,
    pub edges: Vec<(DraftEdge, String, String)>,
    pub models: Vec<DraftModel>,
    pub tools: Vec<DraftTool>,
    pub outcomes: Vec<DraftOutcome>,
    pub visitors: VisitorFigures,
    pub has_users: bool,
    pub has_sessions: bool,
    pub difficulty: Option<f64>,
    /// How much of their ways users keep from visit to visit; matched by simulation.
    pub persistence: Option<f64>,
    pub costs_known: bool,
    pub figures: Vec<TraceFigure>,
    /// What the traces do not tell.
    pub assumed: Vec<String>,
    /// What they tell and the scenario does not have.
    pub left_out: Vec<String>,
    /// How prices compare.
    pub prices: Vec<String>,
}

/// Drafts a scenario; `branches` as in [`draft_graph`].
pub(super) fn drafted(sums: &TraceSums, branches: bool) -> TraceDraft {
    let graph = draft_graph(sums, branches);
    let mut keys = GivenKeys::default();
    let mut draft = TraceDraft {
        traces: sums.traces,
        visitors: sums.visitors.figures(),
        has_users: sums.visitors.with_user * 2 > sums.visitors.traces,
        has_sessions: sums.visitors.with_session * 2 > sums.visitors.traces,
        ..TraceDraft::default()
    };
    draft.left_out.extend(graph.left_out.iter().cloned());
    draft.persistence = draft.visitors.alike;
    let catalog = catalog_models();
    let mut tools: BTreeMap<Arc<str>, String> = BTreeMap::new();
    for name in &graph.agents {
        if let Some(agent) = sums.agents.get(name) {
            agent_of(&mut draft, &mut keys, &mut tools, (name, agent), &graph, sums);
        }
    }
    for edge in &graph.edges {
        let (from, to) = (keys.key(&edge.from, "agent"), keys.key(&edge.to, "agent"));
        let what = match edge.when {
            DraftWhen::Always | DraftWhen::Share(_) => "share that goes on here",
            DraftWhen::Parallel | DraftWhen::Subtask => "share that branches here",
        };
        draft.figures.push(TraceFigure {
            about: format!("{from} → {to}"),
            what,
            value: edge.share.0,
            interval: edge.share.1,
            unit: FigureUnit::Share,
            n: edge.of,
            of: "visits",
        });
        draft.edges.push((edge.clone(), from, to));
    }
    let used: Vec<String> = draft.agents.iter().map(|agent| agent.model.clone()).collect();
    for (id, model) in sums.models.iter().filter(|(id, _)| used.contains(&id.to_string())) {
        model_of(&mut draft, (id, model), &catalog, sums);
    }
    spreads(&mut draft, sums);
    for (name, key) in &tools {
        tool_of(&mut draft, sums, name, key);
    }
    for (name, score) in &sums.scores {
        outcome_of(&mut draft, &mut keys, name, score, sums.traces);
    }
    visitors_of(&mut draft);
    draft.costs_known = draft.models.iter().all(|model| !model.no_price);
    if keys.hidden > 0 {
        draft.left_out.push(format!(
            "{} names with personal data in them, which have other names in the scenario",
            keys.hidden
        ));
    }
    assumptions(&mut draft, sums);
    draft
}

impl TraceDraft {
    fn figure(
        &mut self,
        about: &str,
        what: &'static str,
        unit: FigureUnit,
        (estimate, n, of): (Option<TraceEstimate>, u64, &'static str),
    ) {
        if let Some((value, interval)) = estimate.filter(|_| n > 0) {
            let about = about.to_owned();
            self.figures.push(TraceFigure { about, what, value, interval, unit, n, of });
        }
    }
}

/// A median that enough observations stand behind.
fn median(of: &LogSpread, what: &'static str) -> Drafted {
    of.median().filter(|_| of.n >= FEWEST).map(|estimate| (estimate, of.n as u64, what))
}

fn agent_of(
    draft: &mut TraceDraft,
    keys: &mut GivenKeys,
    tools: &mut BTreeMap<Arc<str>, String>,
    (name, agent): (&Arc<str>, &AgentSums),
    graph: &DraftGraph,
    sums: &TraceSums,
) {
    let key = keys.key(name, "agent");
    let about = format!("agent {key}");
    let share = wilson(agent.traces, sums.traces);
    draft.figure(
        &about,
        "share of traces with it",
        FigureUnit::Share,
        (Some(share), sums.traces, "traces"),
    );
    let calls = agent.input.n as u64;
    let mean =
        |draft: &mut TraceDraft, what, of: &super::estimates::ClusteredMean, unit, counted| {
            draft.figure(&about, what, unit, (of.estimate(), of.n as u64, counted));
        };
    mean(draft, "model calls in a visit", &agent.calls, FigureUnit::Plain, "visits");
    mean(draft, "input tokens of a call", &agent.input, FigureUnit::Tokens, "calls");
    mean(draft, "input tokens of the first call", &agent.first_input, FigureUnit::Tokens, "visits");
    mean(draft, "output tokens of a call", &agent.output, FigureUnit::Tokens, "calls");
    if agent.cached.sum > 0.0 {
        let estimate = agent.cached.estimate();
        draft.figure(
            &about,
            "share of input from a cache",
            FigureUnit::Share,
            (estimate, calls, "calls"),
        );
    }
    if agent.reasoning.sum > 0.0 {
        mean(draft, "reasoning tokens of a call", &agent.reasoning, FigureUnit::Tokens, "calls");
    }
    let answer = median(&agent.answer, "answers");
    draft.figure(
        &about,
        "answer tokens, median",
        FigureUnit::Tokens,
        (agent.answer.median(), agent.answer.n as u64, "visits"),
    );
    let spread = (agent.answer.sigma(), agent.answer.n as u64, "visits");
    draft.figure(&about, "answer tokens, sd of the logarithm", FigureUnit::Plain, spread);
    if agent.tool_calls.sum > 0.0 {
        mean(draft, "tool calls in a visit", &agent.tool_calls, FigureUnit::Plain, "visits");
    }
    let mut seconds: Vec<f64> = agent.latency.values().copied().collect();
    seconds.sort_by(f64::total_cmp);
    let spread = binomial_quantiles(&seconds, [0.5, 0.95]);
    for (what, estimate) in
        ["latency of a call, median", "latency of a call, P95"].into_iter().zip(spread)
    {
        draft.figure(&about, what, FigureUnit::Seconds, (estimate, seconds.len() as u64, "calls"));
    }
    let model =
        agent.models.iter().max_by_key(|(name, n)| (**n, std::cmp::Reverse((*name).clone())));
    let (model, of) = model.map_or(("unknown".into(), 0), |(model, n)| (model.clone(), *n));
    if agent.models.len() > 1 {
        let others: Vec<String> = agent
            .models
            .iter()
            .filter(|(name, _)| **name != model)
            .map(|(name, n)| format!("{name} ({n})"))
            .take(5)
            .collect();
        draft.left_out.push(format!(
            "`{key}` asks {model} in {of} of {} visits, and also {}; the scenario has the first one",
            agent.visits,
            others.join(", ")
        ));
    }
    let rounds = agent.rounds.estimate().map_or(0.0, |(mean, _)| mean);
    let mut own: Vec<(&Arc<str>, u64)> = agent.tools.iter().map(|(name, n)| (name, *n)).collect();
    own.sort_by_key(|(name, n)| (std::cmp::Reverse(*n), (*name).clone()));
    let mut own_tools = Vec::new();
    if rounds >= 0.02 {
        for (tool, n) in own.iter().skip(MOST_TOOLS) {
            draft.left_out.push(format!("the tool `{tool}` of `{key}`, with {n} calls"));
        }
        for (tool, _) in own.iter().take(MOST_TOOLS) {
            let tool_key = keys.key(tool, "tool");
            tools.insert((*tool).clone(), tool_key.clone());
            own_tools.push(tool_key);
        }
        if own.is_empty() {
            let tool: Arc<str> = format!("{key}-tools").into();
            let tool_key = keys.key(&tool, "tool");
            tools.insert(tool, tool_key.clone());
            own_tools.push(tool_key);
            draft.assumed.push(format!(
                "`{key}` calls its model several times in a visit, and no span shows a tool: one tool stands for what comes between, with a time of 0.2 s"
            ));
        }
    } else if !own.is_empty() {
        draft.left_out.push(format!(
            "tools of `{key}` that run before its model is asked, such as a retrieval: their time and failures (their text is in its input)"
        ));
    }
    if answer.is_none() {
        draft.assumed.push(format!(
            "`{key}`: the length of its answers, for want of observations ({})",
            agent.answer.n
        ));
    }
    let reasoned = agent.reasoned.n >= LEAST as f64 && agent.reasoned.n * 2.0 >= agent.input.n;
    let cached = agent.cached.mean().unwrap_or(0.0);
    let first_cached = agent.first_cached.mean().unwrap_or(0.0);
    draft.agents.push(DraftAgent {
        name: name.clone(),
        key,
        visits: agent.visits,
        plan: graph.plans.get(name).copied(),
        answers: graph.ends.contains(name) || graph.edges.iter().all(|edge| edge.from != *name),
        model: model.to_string(),
        tools: own_tools,
        max_tool_calls: agent.most_rounds.clamp(1, 100),
        answer_tokens: answer,
        reasoning_tokens: if reasoned { median(&agent.reasoned, "calls") } else { None },
        caching: (cached >= 0.05).then_some(if first_cached >= 0.05 {
            "Shared"
        } else {
            "Conversation"
        }),
        text_only: false,
        padding: agent.first_input.mean().unwrap_or(100.0),
        first_input: agent.first_input.mean().filter(|_| agent.first_input.n >= FEWEST),
        calls: agent.calls.mean(),
        input: agent.input.mean().filter(|_| agent.growth.n >= FEWEST),
    });
}

/// Quantiles with the order statistics that hold the true one with 90% (Conover, 3.2).
fn binomial_quantiles<const N: usize>(sorted: &[f64], at: [f64; N]) -> [Option<TraceEstimate>; N] {
    let n = sorted.len() as f64;
    at.map(|at| {
        let half = crate::live::calibrate::Z90 * (at * (1.0 - at) / n.max(1.0)).sqrt();
        let low = quantile(sorted, (at - half).max(0.0))?;
        let high = quantile(sorted, (at + half).min(1.0))?;
        Some((quantile(sorted, at)?, [low, high]))
    })
}

fn model_of(
    draft: &mut TraceDraft,
    (id, model): (&Arc<str>, &ModelSums),
    catalog: &[ModelProfile],
    sums: &TraceSums,
) {
    let about = format!("model {id}");
    let known = catalogued(id, catalog);
    let base = known.or_else(|| nearest_model(id, model.provider.as_deref(), catalog));
    let like = base.filter(|base| base.id != **id).map(|base| base.id.clone());
    let mut fields = Vec::new();
    let times: Vec<(f64, f64)> = model.times.values().copied().collect();
    let given = base.map_or(0.01, |base| base.latency.per_token.seconds());
    let fit = fit_latency(&times, given).filter(|_| times.len() >= LEAST);
    match &fit {
        None => draft
            .assumed
            .push(format!("{id}: its latency, for want of calls with times ({})", times.len())),
        Some(fit) => {
            let n = fit.used as u64;
            fields.push(("latency.base", fit.base, n, "calls"));
            match fit.per_token {
                Some(each) => fields.push(("latency.per_token", each, n, "calls")),
                None => fields.push((
                    "latency.per_token",
                    (fit.given, [fit.given; 2]),
                    0,
                    "calls, whose lengths are too much alike to tell it from the base",
                )),
            }
            fields.push(("latency.sigma", fit.sigma, n, "calls"));
            let (stall, interval) = wilson(fit.stalls as u64, times.len() as u64);
            fields.push(("latency.stall_chance", (stall, interval), times.len() as u64, "calls"));
            if let Some(late) = fit.stall {
                fields.push(("latency.stall", (late, [late; 2]), fit.stalls as u64, "calls"));
            }
        }
    }
    let shares = [
        ("failures.error", model.errors),
        ("failures.rate_limit", model.limited),
        ("failures.refusal", model.refusals),
    ];
    for (field, n) in shares {
        if model.calls >= LEAST as u64 {
            fields.push((field, wilson(n, model.calls), model.calls, "calls"));
        }
    }
    if model.cut > 0 {
        let share = wilson(model.cut, model.calls);
        draft.figure(
            &about,
            "share cut at the token limit",
            FigureUnit::Share,
            (Some(share), model.calls, "calls"),
        );
    }
    // The agents that it works for most decide how much its answers vary and how often it calls tools.
    let own = || draft.agents.iter().filter(|agent| agent.model == **id);
    let sums_of = |agent: &DraftAgent| sums.agents.get(&agent.name);
    let main = own().filter_map(sums_of).max_by_key(|agent| agent.visits);
    if let Some(main) = main.filter(|main| main.answer.n >= FEWEST) {
        if let Some(median) = main.answer.median() {
            fields.push(("answer_tokens", median, main.answer.n as u64, "answers"));
        }
        if let Some(sigma) = main.answer.sigma() {
            fields.push(("answer_sigma", sigma, main.answer.n as u64, "answers"));
        }
    }
    if model.reasoned.n >= LEAST as f64
        && let Some(sigma) = model.reasoned.sigma()
    {
        fields.push(("reasoning_sigma", sigma, model.reasoned.n as u64, "calls"));
    }
    let users: Vec<&AgentSums> =
        own().filter(|agent| !agent.tools.is_empty()).filter_map(sums_of).collect();
    let visits: f64 = users.iter().map(|agent| agent.rounds.n).sum();
    let rounds =
        |agent: &&AgentSums| agent.rounds.estimate().map_or(0.0, |(mean, _)| mean) * agent.rounds.n;
    let appetite = (visits > 0.0).then(|| users.iter().map(rounds).sum::<f64>() / visits);
    if users.len() > 1 {
        draft.left_out.push(format!(
            "{id}: {} agents with tools have one `tool_appetite`, the mean over them",
            users.len()
        ));
    }
    if let (Some(mean), [only]) = (appetite, users.as_slice()) {
        // A log-normal number of rounds that is rounded at random has a sixth more variance.
        let ratio = (only.rounds.variance() - 1.0 / 6.0).max(0.0) / (mean * mean).max(1e-9);
        let sigma = libm::log(1.0 + ratio).max(0.0).sqrt().min(1.5);
        draft.difficulty.get_or_insert(sigma);
    }
    let LogPrices { prices, no_price, told } = log_prices(id, &model.costs, known);
    draft.prices.push(told);
    draft.models.push(DraftModel {
        id: id.to_string(),
        like,
        prices,
        no_price,
        fields,
        appetite,
        appetite_of: visits as u64,
    });
}

/// The lengths of answers differ by `answer_sigma` and by half of `difficulty_sigma`, which also decides
/// how much tool calls differ: what is measured of lengths is both together.
fn spreads(draft: &mut TraceDraft, sums: &TraceSums) {
    let measured = draft.agents.iter().filter_map(|agent| {
        let answer = &sums.agents.get(&agent.name)?.answer;
        answer.sigma().filter(|_| answer.n >= FEWEST).map(|(sigma, _)| sigma)
    });
    let most = measured.fold(f64::INFINITY, f64::min) * 2.0;
    let wanted = draft.difficulty.unwrap_or(0.0);
    if wanted > most {
        draft.left_out.push(format!(
            "a part of how much the number of tool calls differs: a `difficulty_sigma` of {wanted:.2} would make lengths of answers differ more than they do"
        ));
    }
    let difficulty = wanted.min(most);
    draft.difficulty = Some(difficulty);
    let own = |total: f64| (total * total - difficulty * difficulty / 4.0).max(0.0).sqrt();
    for model in &mut draft.models {
        for (field, (value, interval), ..) in &mut model.fields {
            if *field == "answer_sigma" {
                (*value, *interval) = (own(*value), interval.map(own));
            }
        }
    }
}

fn tool_of(draft: &mut TraceDraft, sums: &TraceSums, name: &Arc<str>, key: &str) {
    let about = format!("tool {key}");
    let tool = sums.tools.get(name);
    if let Some(tool) = tool {
        let failed = wilson(tool.failed, tool.calls);
        draft.figure(
            &about,
            "share that failed",
            FigureUnit::Share,
            (Some(failed), tool.calls, "calls"),
        );
        draft.figure(
            &about,
            "latency, median",
            FigureUnit::Seconds,
            (tool.seconds.median(), tool.calls, "calls"),
        );
    }
    // What it gives shows in how the input grows.
    let users =
        sums.agents.values().filter(|agent| agent.tools.contains_key(name) || tool.is_none());
    let (mut n, mut grown) = (0.0, 0.0);
    for agent in users {
        n += agent.growth.n;
        grown += agent.growth.sum;
    }
    let tokens = (n >= FEWEST).then(|| {
        // A remote tool's sizes are log-normal with 0.5; the mean is exp(0.125) times the median.
        let median = (grown / n / libm::exp(0.125)).clamp(1.0, 20_000.0);
        ((median, [median; 2]), n as u64, "rounds")
    });
    draft.tools.push(DraftTool {
        key: key.to_owned(),
        latency: tool.and_then(|tool| median(&tool.seconds, "calls")),
        tokens,
        appeal: tool.map_or(1.0, |tool| tool.calls as f64),
    });
}

fn outcome_of(
    draft: &mut TraceDraft,
    keys: &mut GivenKeys,
    name: &Arc<str>,
    score: &ScoreSums,
    traces: u64,
) {
    let n = score.values.n as u64;
    let about = format!("score {}", keys.key(name, "score"));
    let source =
        if score.source.is_empty() { String::new() } else { format!(", by {}", score.source) };
    let binary = score.inside + score.outside == 0;
    let estimate = if binary { Some(wilson(score.ones, n)) } else { score.values.estimate() };
    draft.figure(
        &about,
        if binary { "share of 1" } else { "mean" },
        if binary { FigureUnit::Share } else { FigureUnit::Plain },
        (estimate, n, "scores"),
    );
    if n < LEAST as u64 || (!binary && score.outside > 0) {
        draft.left_out.push(format!(
            "the score `{name}`{source}: {n} values, {}",
            if score.outside > 0 { "beyond 0 to 1" } else { "too few" }
        ));
        return;
    }
    draft.assumed.push(format!(
        "`{name}`{source} was given for {n} of {traces} traces; the scenario gives it to all, and no model changes it until you say how (`strong`, `weak`)"
    ));
    let mut key = keys.key(name, "score");
    if default_metrics().iter().any(|metric| metric.key == key) {
        key.push_str("-score");
    }
    let spread =
        (score.values.estimate().map_or(0.0, |(mean, _)| mean), score.values.variance().sqrt());
    draft.outcomes.push(DraftOutcome {
        key,
        chance: binary.then(|| wilson(score.ones, n)),
        score: (!binary).then_some(spread),
        n,
    });
}

fn visitors_of(draft: &mut TraceDraft) {
    let own = draft.visitors.clone();
    let about = "users";
    if draft.has_users {
        draft.figure(
            about,
            "visits of a user",
            FigureUnit::Plain,
            (own.visits_per_user, own.users as u64, "users"),
        );
        draft.figure(
            about,
            "time between visits",
            FigureUnit::Seconds,
            (own.gap_seconds, own.gaps as u64, "gaps"),
        );
    } else {
        draft.assumed.push(
            "each user comes once: fewer than half of the traces have a user's id".to_owned(),
        );
    }
    if draft.has_sessions {
        draft.figure(
            about,
            "questions in a session",
            FigureUnit::Plain,
            (own.turns_per_session, own.users as u64, "users"),
        );
        draft.figure(
            about,
            "pause between questions",
            FigureUnit::Seconds,
            (own.pause_seconds, own.pauses as u64, "pauses"),
        );
    }
    if own.one_of > 1 {
        draft.left_out.push(format!(
            "users: figures are from one of {} users, chosen by a digest of their ids",
            own.one_of
        ));
    }
    if let Some(alike) = own.alike {
        draft.figure(
            about,
            "correlation of a user's output tokens",
            FigureUnit::Plain,
            (Some((alike, [alike; 2])), own.returning as u64, "users who come back"),
        );
    }
}

/// What no trace tells.
fn assumptions(draft: &mut TraceDraft, _: &TraceSums) {
    let all = [
        "quality and weakness of each model's answers, and everything in `causes`: no trace shows how good an answer is",
        "instructions: placeholders of the measured length; the text decides nothing else",
        "which questions users ask: they are about the built-in knowledge base",
        "why an edge is taken: its share is measured, its reason is not",
        "how long a message with a tool call is, how much a tool's answers vary, that they are as long in visits with few calls as in others, and that a model calls one tool at a time",
        "how malformed structured answers come about",
        "the experiment: its variation `candidate` is the same as `default`, until you change it",
    ];
    draft.assumed.extend(all.map(str::to_owned));
}
