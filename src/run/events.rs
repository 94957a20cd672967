//! The events that an AI SDK would send about a run, one JSON document a line, written as the run
//! goes.
//!
//! Guarantees: the shapes of the scenario's AI SDK (`flags::events`); the order of simulated time;
//! constant memory, but for judges' scores, for which each user's answer is remembered. Costs are
//! sent in full, not rounded to six decimals as the tutorial's code does, and durations in whole
//! milliseconds, as a run counts them too. Equal events of a user in the same millisecond (two
//! researchers side by side that cost the same) are written a millisecond apart, as an analysis
//! counts events on lines of their own that are equal to the millisecond once. So an analysis of the
//! file gives the statistics of the run.
//!
//! Does not know: where the bytes go.

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

use crate::agents::Edge;
use crate::context::{KEY_EPOCH, user_key};
use crate::event::{AppEvent, EventData, EventSender, SdkFamily, caused_by, outcome_value};
use crate::flags::events::{
    FeatureEvent, GraphTrack, IndexEvent, Recorded, SentMetric, Track, context, run_id, sdk_info,
};
use crate::flags::mock::GRAPH_VARIATION;
use crate::journal::{AgentId, Entry, Event, Reader, Served};
use crate::recorded::EventTables;
use crate::run::PreparedScenario;
use crate::scenario::Scenario;
use crate::time::Timestamp;

/// How the keys of judges' scores begin.
const JUDGE: &str = "$ld:ai:judge:";

/// What an app tells its SDK about a user.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// A config was evaluated, in an experiment.
    Exposure(Served),
    /// A metric event: its key, what it says about the agent or graph, and its value in the unit on
    /// the wire.
    Metric(AppEvent, Arc<Value>, f64),
    /// An event of the SDK's that no metric counts: its key, what it says, and its value.
    Note(&'static str, Arc<Value>, f64),
    /// An outcome of the scenario, by its index, what it says about the agent, and its value.
    Outcome(u8, Arc<Value>, f64),
}

/// One visit, as its events report it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VisitEvents {
    /// What each agent was served.
    served: Vec<Option<Served>>,
    /// The user's key, from which the ids of the agents' runs follow; after the first visit with its
    /// number.
    user: String,
    /// The id of the graph's run, from the first entry on; empty where the SDK walks no graph.
    graph_run: Option<Arc<str>>,
    /// Whether the graph was fetched.
    fetched: bool,
    /// The agents that have run, and when each run ended.
    runs: Vec<(AgentId, Timestamp)>,
    /// The steps without a model that have run: when each began, and when it ended.
    steps: Vec<(AgentId, u64, Timestamp)>,
    /// The tokens of their runs.
    tokens: u64,
    /// What a judge's score says about the answer, where an SDK tells it.
    judged: Arc<Value>,
}

impl VisitEvents {
    /// The visit of the user with this key, before anything is sent.
    #[must_use]
    pub fn of(user: &str) -> Self {
        Self { user: user.to_owned(), ..Self::default() }
    }

    fn served_to(&self, agent: AgentId) -> Option<Served> {
        self.served.get(agent.index()).copied().flatten()
    }

    /// Tells what this entry of the user's journal makes the app send, in order; whether the visit
    /// goes on after it.
    pub fn entry(
        &mut self,
        scenario: &Scenario,
        entry: &Entry,
        mut tell: impl FnMut(Sent),
    ) -> bool {
        let (event, mut over) = (&entry.event, false);
        let (user, walks) = (&self.user, walks(scenario));
        let graph_run = Arc::clone(self.graph_run.get_or_insert_with(|| match walks {
            true => run_id(&format!("{user} {}", scenario.graph.key)).into(),
            false => "".into(),
        }));
        let graph = graph_track(scenario, &graph_run);
        let served = match *event {
            Event::Evaluated { served, in_experiment } => {
                let agent = usize::from(served.config);
                if self.served.len() <= agent {
                    self.served.resize(agent + 1, None);
                }
                if let Some(slot) = self.served.get_mut(agent) {
                    *slot = Some(served);
                }
                self.evaluated(scenario, served, graph, &mut tell);
                if in_experiment {
                    tell(Sent::Exposure(served));
                }
                None
            }
            Event::Followed { outcome, value, .. } => {
                let data = judge_data(scenario, outcome, &self.judged);
                tell(Sent::Outcome(outcome, data, outcome_value(value)));
                None
            }
            Event::AgentFinished { served, .. } => Some(served),
            Event::ToolUsed { agent, .. } => self.served_to(agent),
            Event::Judged { agent, .. } => {
                over = true;
                self.served_to(agent)
            }
            Event::Finished { outcome, .. } => {
                over = outcome != crate::journal::VisitEnd::Answered;
                own(scenario, event, graph, &mut tell);
                self.finished(scenario, graph, &mut tell);
                None
            }
            Event::StepFinished { agent, duration, .. } => {
                let end = entry.at;
                self.steps.push((agent, end.us().saturating_sub(duration.us()), end));
                let node = scenario.graph.nodes.get(agent.index());
                let data = Arc::new(json!({ "step": node.map_or("", |node| &node.name) }));
                caused_by(event, |event, value| {
                    tell(Sent::Metric(event, Arc::clone(&data), value as f64 * event.scale()));
                });
                None
            }
            Event::Disclosed { .. } | Event::Guarded { .. } | Event::HarmAnswered => {
                own(scenario, event, graph, &mut tell);
                None
            }
            _ => None,
        };
        let Some(served) = served else { return !over };
        let run = self.run(scenario, served, event);
        if let Event::AgentFinished { .. } = event {
            self.entered(scenario, served, graph, &mut tell);
        }
        if let Some(track) = track(scenario, served, &run) {
            let tool = match *event {
                Event::ToolUsed { tool, .. } => {
                    scenario.tools.get(usize::from(tool)).map(|tool| tool.key.as_str())
                }
                _ => None,
            };
            if let (true, Event::Judged { .. }) = (scenario.events != SdkFamily::Configs, event) {
                self.judged = Arc::new(track.data());
            }
            // Several events of a run say the same.
            let plain = LazyCell::new(|| Arc::new(track.data()));
            caused_by(event, |event, value| {
                // What the AI SDK does not send, the application does.
                if event.sender() != EventSender::Sdk {
                    return;
                }
                let data = match (event.data(), tool) {
                    (EventData::RunCost, _) => Arc::new(track.cost_data()),
                    (EventData::RunTool, Some(tool)) => Arc::new(track.tool_data(tool)),
                    _ => Arc::clone(&plain),
                };
                tell(Sent::Metric(event, data, value as f64 * event.scale()));
            });
        }
        if let Event::AgentFinished { input_tokens, output_tokens, duration, failed, .. } = *event {
            let (agent, end) = (AgentId(served.config), entry.at);
            let started = end.us().saturating_sub(duration.us());
            self.handed_over(scenario, (agent, started), failed.is_some(), graph, &mut tell);
            self.runs.push((agent, end));
            self.tokens += u64::from(input_tokens) + u64::from(output_tokens);
        }
        !over
    }

    /// An agent's config was evaluated: whoever walks a graph has fetched it with all its agents.
    fn evaluated(
        &mut self,
        scenario: &Scenario,
        served: Served,
        graph: Option<GraphTrack<'_>>,
        tell: &mut impl FnMut(Sent),
    ) {
        let first = !std::mem::replace(&mut self.fetched, true);
        match (graph, scenario.events) {
            (Some(graph), SdkFamily::Node2) if first => {
                let data = Arc::new(graph.graph.into());
                tell(Sent::Note("$ld:ai:usage:agent-graph", data, 1.0));
            }
            (Some(_), _) | (None, SdkFamily::AiServer) => {}
            (None, _) => {
                if let Some(key) = config_key(scenario, served) {
                    tell(Sent::Metric(AppEvent::AgentUsed, Arc::new(key.into()), 1.0));
                }
            }
        }
    }

    /// The id of the run that this entry of an agent is about. SDKs that walk graphs have one for
    /// each time that a visit comes to an agent; a tool call counts for the run that ends next.
    fn run(&self, scenario: &Scenario, served: Served, event: &Event) -> String {
        let key = config_key(scenario, served).unwrap_or_default();
        let before = self.runs.iter().filter(|(agent, _)| agent.0 == served.config).count();
        let nth = match event {
            _ if scenario.events == SdkFamily::Configs => 0,
            Event::Judged { .. } => before.saturating_sub(1),
            _ => before,
        };
        match nth {
            0 => run_id(&format!("{} {key}", self.user)),
            nth => run_id(&format!("{} {key} {nth}", self.user)),
        }
    }

    /// An agent of the graph was entered. Written when its run ends, before what the run says.
    fn entered(
        &self,
        scenario: &Scenario,
        served: Served,
        graph: Option<GraphTrack<'_>>,
        tell: &mut impl FnMut(Sent),
    ) {
        let Some(graph) = graph.filter(|graph| graph.family == SdkFamily::AiServer) else { return };
        let Some(key) = config_key(scenario, served) else { return };
        let node = [("nodeKey", key.into()), ("index", self.runs.len().into())];
        tell(Sent::Note("$ld:ai:graph:node", Arc::new(graph.with(node)), 1.0));
    }

    /// A run of an agent has ended that began at this microsecond. The second family of SDKs reports
    /// the handoff to it: when it ends, and before that when an agent with several edges chose it.
    fn handed_over(
        &self,
        scenario: &Scenario,
        (to, started): (AgentId, u64),
        failed: bool,
        graph: Option<GraphTrack<'_>>,
        tell: &mut impl FnMut(Sent),
    ) {
        let Some(graph) = graph.filter(|graph| graph.family == SdkFamily::AiServer) else { return };
        let leads = |from: AgentId| {
            let node = scenario.graph.nodes.get(from.index());
            let after = |edge: &Edge| scenario.graph.agents_from(edge.to).contains(&to);
            node.is_some_and(|node| node.edges.iter().any(after))
        };
        // Steps without a model in between belong to the handoff.
        let mut moments = vec![started];
        for &(_, began, end) in self.steps.iter().rev() {
            if moments.contains(&end.us()) {
                moments.push(began);
            }
        }
        let mut before = self.runs.iter().rev();
        let before = before.find(|(from, end)| moments.contains(&end.us()) && leads(*from));
        let Some(source) = before.and_then(|(from, _)| scenario.graph.nodes.get(from.index()))
        else {
            return;
        };
        let target = scenario.graph.nodes.get(to.index()).map_or("", |node| &node.name);
        let several = source.edges.iter().any(|edge| scenario.graph.agents_from(edge.to) != [to]);
        let ends = [("sourceKey", source.name.as_str().into()), ("targetKey", target.into())];
        let data = Arc::new(graph.with(ends));
        if several {
            tell(Sent::Note("$ld:ai:graph:handoff_success", Arc::clone(&data), 1.0));
        }
        let ended =
            if failed { "$ld:ai:graph:handoff_failure" } else { "$ld:ai:graph:handoff_success" };
        tell(Sent::Note(ended, data, 1.0));
    }

    /// The run of the whole graph is over: the agents that it passed, and its tokens.
    fn finished(
        &self,
        scenario: &Scenario,
        graph: Option<GraphTrack<'_>>,
        tell: &mut impl FnMut(Sent),
    ) {
        if let Some(graph) = graph.filter(|graph| graph.family != SdkFamily::AiServer) {
            let name = |(agent, _): &(AgentId, Timestamp)| {
                scenario.graph.nodes.get(agent.index()).map(|node| node.name.clone())
            };
            let path: Vec<String> = self.runs.iter().filter_map(name).collect();
            let data = Arc::new(graph.with([("path", path.into())]));
            tell(Sent::Note("$ld:ai:graph:path", data, 1.0));
        }
        let event = AppEvent::GraphTokens;
        if self.tokens > 0 && (graph.is_some() || counted(scenario, event)) {
            let data = graph.map_or(Value::Null, |graph| graph.data());
            tell(Sent::Metric(event, Arc::new(data), self.tokens as f64));
        }
    }
}

/// Whether a metric of the scenario counts an event.
fn counted(scenario: &Scenario, event: AppEvent) -> bool {
    scenario.metrics.iter().any(|metric| metric.counts(event.key()))
}

/// The application's own events, as far as a metric counts them, and those of an SDK that walks the
/// graph.
fn own(
    scenario: &Scenario,
    event: &Event,
    graph: Option<GraphTrack<'_>>,
    tell: &mut impl FnMut(Sent),
) {
    caused_by(event, |event, value| {
        if event.sender() != EventSender::App {
            return;
        }
        let graph = graph.filter(|_| event.key().starts_with("$ld:ai:graph:"));
        if graph.is_some() || counted(scenario, event) {
            let data = graph.map_or(Value::Null, |graph| graph.data());
            tell(Sent::Metric(event, Arc::new(data), value as f64 * event.scale()));
        }
    });
}

/// What an outcome says: a judge's score carries the data of the run that it is about.
fn judge_data(scenario: &Scenario, outcome: u8, judged: &Value) -> Arc<Value> {
    let key = scenario.outcomes.get(usize::from(outcome)).map_or("", |outcome| &outcome.key);
    match (key.strip_prefix(JUDGE), judged) {
        (Some(judge), Value::Object(data)) => {
            let mut data = data.clone();
            data.insert("judgeConfigKey".to_owned(), judge.into());
            Arc::new(data.into())
        }
        _ => Arc::default(),
    }
}

/// Whether the app's SDK walks the scenario's graph.
fn walks(scenario: &Scenario) -> bool {
    scenario.events != SdkFamily::Configs && scenario.graph.is_written()
}

/// The key of the config that was served.
fn config_key(scenario: &Scenario, served: Served) -> Option<&str> {
    scenario.configs.get(usize::from(served.config)).map(|config| config.key.as_str())
}

/// The track data of the scenario's graph, where its SDK walks it.
fn graph_track<'a>(scenario: &'a Scenario, run: &'a str) -> Option<GraphTrack<'a>> {
    walks(scenario).then(|| GraphTrack {
        run,
        graph: &scenario.graph.key,
        variation: GRAPH_VARIATION,
        version: 1,
        family: scenario.events,
    })
}

/// The track data of what was served.
fn track<'a>(scenario: &'a Scenario, served: Served, run: &'a str) -> Option<Track<'a>> {
    let config = scenario.configs.get(usize::from(served.config))?;
    let variation = config.variations.get(usize::from(served.variation))?;
    let model = scenario.models.get(usize::from(variation.setup.model))?;
    let provider = model.provider.name;
    Some(Track {
        run,
        variation: &variation.variation,
        config: &config.key,
        version: 1,
        model: &model.id,
        provider,
        family: scenario.events,
        graph: walks(scenario).then_some(scenario.graph.key.as_str()),
    })
}

/// A user in flight.
struct Flight {
    /// As JSON.
    context: Box<RawValue>,
    group: u16,
    visit: VisitEvents,
    /// Whether anything of the user was sent: an app that crashes before its first evaluation sends
    /// nothing.
    known: bool,
}

/// What makes an event.
#[derive(Clone, Copy)]
struct Maker<'a> {
    at_ms: u64,
    /// Key of the user, and its context as JSON.
    unit: &'a str,
    context: &'a RawValue,
}

/// Writes a run's events.
pub struct EventWriter<'s, W: Write + Send> {
    stage: &'s PreparedScenario<'s>,
    out: W,
    /// The same events as tables, where they are wanted.
    tables: Option<EventTables<W>>,
    flights: BTreeMap<u32, Flight>,
    /// What judges' scores say about the last answer to each user, where the scenario has such
    /// scores.
    judged: BTreeMap<u32, Arc<Value>>,
    scores: bool,
    /// When the run began, in milliseconds since 1970, and the second that users' keys carry.
    began_ms: u64,
    key_epoch: u32,
    /// The metric events of this millisecond and later, as digests of what was written.
    written: BTreeSet<(u64, u128)>,
    /// The data of the event before, as JSON.
    data: (Arc<Value>, Box<RawValue>),
    /// The values that were served, as JSON.
    values: BTreeMap<Served, Box<RawValue>>,
    default: Box<RawValue>,
    /// The line that is made.
    line: Vec<u8>,
    /// Whether the AI SDK has told of itself, which it does before anything else.
    introduced: bool,
    /// The first error of a writer; nothing is written after it.
    failed: Option<io::Error>,
}

/// A value as JSON. Every value is JSON, so this cannot fail; null stands for what could not be.
fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned())
}

impl<'s, W: Write + Send> EventWriter<'s, W> {
    /// A writer of this stage's events.
    pub fn new(stage: &'s PreparedScenario<'s>, out: W) -> Self {
        let mut keys = stage.scenario.outcomes.iter().map(|outcome| &outcome.key);
        let scores = keys.any(|key| key.starts_with(JUDGE));
        Self {
            stage,
            out,
            tables: None,
            judged: BTreeMap::new(),
            scores,
            flights: BTreeMap::new(),
            began_ms: u64::from(KEY_EPOCH) * 1000,
            key_epoch: KEY_EPOCH,
            written: BTreeSet::new(),
            data: (Arc::default(), RawValue::NULL.to_owned()),
            values: BTreeMap::new(),
            default: raw(&json!({ "_ldMeta": { "enabled": false } })),
            line: Vec::new(),
            introduced: false,
            failed: None,
        }
    }

    /// The same for a run that began at this time and whose users' keys carry this second.
    #[must_use]
    pub fn begun(self, began_ms: u64, key_epoch: u32) -> Self {
        Self { began_ms, key_epoch, ..self }
    }

    /// The same, which writes the events into tables as well.
    #[must_use]
    pub fn with_tables(self, tables: EventTables<W>) -> Self {
        Self { tables: Some(tables), ..self }
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// The first error of a writer.
    pub fn finish(mut self) -> io::Result<()> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.out.flush()?;
        self.tables.map_or(Ok(()), EventTables::finish)
    }

    /// Notes whether something could be done.
    fn check(&mut self, done: io::Result<()>) {
        if let Err(error) = done {
            self.failed.get_or_insert(error);
        }
    }

    /// Makes the line of an event.
    fn make(&mut self, event: &impl Serialize) {
        self.line.clear();
        let made = serde_json::to_writer(&mut self.line, event).map_err(io::Error::from);
        self.check(made);
        self.line.push(b'\n');
    }

    /// Writes the line that was made.
    fn write(&mut self) {
        if self.failed.is_none() {
            let written = self.out.write_all(&self.line);
            self.check(written);
        }
    }

    /// Tells the tables of an event.
    fn tell(&mut self, event: &Recorded<'_>) {
        if let (Some(tables), None) = (&mut self.tables, &self.failed) {
            let told = tables.event(event);
            self.check(told);
        }
    }

    /// Writes a metric event: its line is no other's.
    fn metric(&mut self, maker: Maker<'_>, key: &str, data: Arc<Value>, value: f64) {
        if !Arc::ptr_eq(&self.data.0, &data) {
            let json = raw(&data);
            self.data = (data, json);
        }
        let Maker { mut at_ms, unit, context } = maker;
        let json = std::mem::replace(&mut self.data.1, RawValue::NULL.to_owned());
        let mut event = SentMetric::new(at_ms, key, context, &*json, value);
        self.make(&event);
        while !self.written.insert((at_ms, xxhash_rust::xxh3::xxh3_128(&self.line))) {
            at_ms += 1;
            event = event.at(at_ms);
            self.make(&event);
        }
        self.write();
        self.data.1 = json;
        let data = &Value::Null;
        self.tell(&Recorded::Metric { at_ms, unit, event: key, value: Some(value), data });
    }

    /// Writes an exposure.
    fn exposure(&mut self, maker: Maker<'_>, served: Served, group: u16) {
        let stage = self.stage;
        let compiled = &stage.compiled;
        let config = usize::from(served.config);
        // The reason is the flags' own; what was served is what the journal says, whoever evaluated
        // it.
        let mut evaluation = compiled.evaluate(config, usize::from(group), maker.unit);
        (evaluation.variation, evaluation.in_experiment) =
            (Some(usize::from(served.variation)), true);
        let rule_id = match evaluation.reason {
            crate::flags::compiled::Reason::RuleMatch { rule } => compiled.rule_id(config, rule),
            _ => None,
        };
        let found = compiled.version(config).zip(compiled.value(config, served.variation.into()));
        let Some((version, value)) = found else { return };
        let json = self.values.entry(served).or_insert_with(|| raw(value));
        let event = FeatureEvent {
            config: &stage.scenario.config(served.config).key,
            version,
            evaluation,
            rule_id,
            value: &**json,
            default: &self.default,
        };
        let variation = event.variation();
        self.line.clear();
        let made = serde_json::to_writer(&mut self.line, &event.sent(maker.at_ms, maker.context));
        self.line.push(b'\n');
        self.check(made.map_err(io::Error::from));
        self.write();
        if let Some(variation) = variation {
            let variation_key = value.pointer("/_ldMeta/variationKey").and_then(Value::as_str);
            let config = &stage.scenario.config(served.config).key;
            let (at_ms, unit) = (maker.at_ms, maker.unit);
            self.tell(&Recorded::Exposure { at_ms, unit, config, variation, variation_key, value });
        }
    }

    /// The user's context as JSON.
    fn context(&self, key: &str, group: u16) -> Box<RawValue> {
        raw(&context(key, &self.stage.scenario.group(group).attributes))
    }

    /// What the AI SDK says of itself.
    fn introduce(&mut self) {
        if std::mem::replace(&mut self.introduced, true) {
            return;
        }
        let scenario = self.stage.scenario;
        let graphs = scenario.graph.is_written();
        for event in sdk_info(self.began_ms, scenario.events, graphs) {
            self.make(&event);
            if event.get("kind").is_some_and(|kind| kind == "custom") {
                // They are the first, and differ.
                self.written.insert((self.began_ms, xxhash_rust::xxh3::xxh3_128(&self.line)));
            }
            self.write();
        }
    }
}

impl<W: Write + Send> Reader for EventWriter<'_, W> {
    fn entry(&mut self, entry: &Entry) {
        self.introduce();
        let scenario = self.stage.scenario;
        let at_ms = self.began_ms + entry.at.us() / 1000;
        // Time goes on only: nothing earlier comes again.
        if self.written.first().is_some_and(|(first, _)| *first < at_ms) {
            self.written = self.written.split_off(&(at_ms, 0));
        }
        let key = match self.key_epoch {
            KEY_EPOCH => user_key(entry.user).as_str().to_owned(),
            epoch => format!("user_{epoch}_{}", entry.user),
        };
        if let Event::Arrived { group, visit, .. } = entry.event {
            let named = if visit == 0 { key.clone() } else { format!("{key} {visit}") };
            let context = self.context(&key, group);
            self.flights.insert(
                entry.user,
                Flight { context, group, visit: VisitEvents::of(&named), known: false },
            );
            return;
        }
        // The visit that it came of is over, and may be long ago.
        if let Event::Followed { outcome, group, value } = entry.event {
            let context = self.context(&key, group);
            let judged = self.judged.get(&entry.user).map_or(&Value::Null, |judged| judged);
            let data = judge_data(scenario, outcome, judged);
            if let Some(outcome) = scenario.outcomes.get(usize::from(outcome)) {
                let maker = Maker { at_ms, unit: &key, context: &context };
                self.metric(maker, &outcome.key, data, outcome_value(value));
            }
            return;
        }
        let Some(mut flight) = self.flights.remove(&entry.user) else { return };
        if !flight.known {
            if !matches!(entry.event, Event::Evaluated { .. }) {
                return;
            }
            self.make(&IndexEvent::new(at_ms, &*flight.context));
            self.write();
            flight.known = true;
        }
        let maker = Maker { at_ms, unit: &key, context: &flight.context };
        let goes_on = flight.visit.entry(scenario, entry, |one| match one {
            Sent::Exposure(served) => self.exposure(maker, served, flight.group),
            Sent::Metric(event, data, value) => self.metric(maker, event.key(), data, value),
            Sent::Note(key, data, value) => self.metric(maker, key, data, value),
            Sent::Outcome(..) => {}
        });
        if goes_on {
            self.flights.insert(entry.user, flight);
        } else if self.scores && !flight.visit.judged.is_null() {
            self.judged.insert(entry.user, flight.visit.judged);
        }
    }
}
