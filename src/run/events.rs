//! The events that an AI SDK would send about a run, one JSON document a line, written as the run
//! goes.
//!
//! Promises: the shapes of the newest Python SDK pair (`flags::events`); the order of simulated
//! time; constant memory. Costs are sent in full, not rounded to six decimals as the tutorial's
//! code does, and durations in whole milliseconds, as a run counts them too; so an analysis of the
//! file gives the very statistics of the run.
//!
//! Does not know: where the bytes go.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::context::{KEY_EPOCH, user_key};
use crate::event::{AppEvent, EventData, EventSender, caused_by, outcome_value};
use crate::flags::events::{
    FeatureEvent, Track, context, custom, custom_by_key, feature, index, run_id, sdk_info,
};
use crate::journal::{AgentId, Entry, Event, Reader, Served};
use crate::run::Stage;
use crate::scenario::Scenario;

/// What an app tells its SDK about a user.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    /// A config was evaluated, in an experiment.
    Exposure(Served),
    /// A metric event: its key, what it says about the agent, and its value in the unit on the
    /// wire.
    Metric(AppEvent, Value, f64),
    /// An outcome of the scenario, by its index, and its value.
    Outcome(u8, f64),
}

/// One user's visit, as far as events need to know it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// What each agent was served.
    served: Vec<Option<Served>>,
    /// The user's key, from which the ids of the agents' runs follow; after the first visit with its
    /// number.
    user: String,
}

impl Visit {
    /// The visit of the user with this key, before anything is sent.
    #[must_use]
    pub fn of(user: &str) -> Self {
        Self { served: Vec::new(), user: user.to_owned() }
    }

    fn served_to(&self, agent: AgentId) -> Option<Served> {
        self.served.get(agent.index()).copied().flatten()
    }

    /// Tells what this entry of the user's journal makes the app send, in order; whether the visit
    /// goes on after it.
    pub fn entry(
        &mut self,
        scenario: &Scenario,
        event: &Event,
        mut tell: impl FnMut(Sent),
    ) -> bool {
        let mut over = false;
        let served = match *event {
            Event::Evaluated { served, in_experiment } => {
                let agent = usize::from(served.config);
                if self.served.len() <= agent {
                    self.served.resize(agent + 1, None);
                }
                if let Some(slot) = self.served.get_mut(agent) {
                    *slot = Some(served);
                }
                if let Some(config) = scenario.configs.get(usize::from(served.config)) {
                    tell(Sent::Metric(AppEvent::AgentUsed, config.key.as_str().into(), 1.0));
                }
                if in_experiment {
                    tell(Sent::Exposure(served));
                }
                None
            }
            Event::Followed { outcome, value, .. } => {
                tell(Sent::Outcome(outcome, outcome_value(value)));
                None
            }
            Event::AgentFinished { served, .. } => Some(served),
            Event::ToolUsed { agent, .. } => self.served_to(agent),
            Event::Judged { agent, .. } => {
                over = true;
                self.served_to(agent)
            }
            Event::Finished { outcome, .. } => {
                over = outcome != crate::journal::Outcome::Answered;
                own(scenario, event, &mut tell);
                None
            }
            Event::Disclosed { .. } => {
                own(scenario, event, &mut tell);
                None
            }
            _ => None,
        };
        let run = served.and_then(|served| scenario.configs.get(usize::from(served.config)));
        let run =
            run.map(|config| run_id(&format!("{} {}", self.user, config.key))).unwrap_or_default();
        if let Some(track) = served.and_then(|served| track(scenario, served, &run)) {
            let tool = match *event {
                Event::ToolUsed { tool, .. } => {
                    scenario.tools.get(usize::from(tool)).map(|tool| tool.key.as_str())
                }
                _ => None,
            };
            caused_by(event, |event, value| {
                // What the AI SDK does not send, the application does.
                if event.sender() != EventSender::Sdk {
                    return;
                }
                let data = match (event.data(), tool) {
                    (EventData::RunCost, _) => track.cost_data(),
                    (EventData::RunTool, Some(tool)) => track.tool_data(tool),
                    _ => track.data(),
                };
                tell(Sent::Metric(event, data, value as f64 * event.scale()));
            });
        }
        !over
    }
}

/// The application's own events, as far as a metric counts them.
fn own(scenario: &Scenario, event: &Event, tell: &mut impl FnMut(Sent)) {
    caused_by(event, |event, value| {
        let counted = scenario.metrics.iter().any(|metric| metric.counts(event.key()));
        if event.sender() == EventSender::App && counted {
            tell(Sent::Metric(event, Value::Null, value as f64 * event.scale()));
        }
    });
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
    })
}

/// A user in flight.
struct Flight {
    context: Value,
    group: u16,
    visit: Visit,
    /// Whether anything of the user was sent: an app that crashes before its first evaluation sends
    /// nothing.
    known: bool,
}

/// Writes a run's events.
pub struct EventWriter<'s, W> {
    stage: &'s Stage<'s>,
    out: W,
    flights: BTreeMap<u32, Flight>,
    /// When the run began, in milliseconds since 1970, and the second that users' keys carry.
    began_ms: u64,
    key_epoch: u32,
    /// Whether the AI SDK has told of itself, which it does before anything else.
    introduced: bool,
    /// The first error of the writer; nothing is written after it.
    failed: Option<io::Error>,
}

impl<'s, W: Write> EventWriter<'s, W> {
    /// A writer of this stage's events.
    pub fn new(stage: &'s Stage<'s>, out: W) -> Self {
        Self {
            stage,
            out,
            flights: BTreeMap::new(),
            began_ms: u64::from(KEY_EPOCH) * 1000,
            key_epoch: KEY_EPOCH,
            introduced: false,
            failed: None,
        }
    }

    /// The same for a run that began at this time and whose users' keys carry this second.
    #[must_use]
    pub fn begun(self, began_ms: u64, key_epoch: u32) -> Self {
        Self { began_ms, key_epoch, ..self }
    }

    /// Ends the writing.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn finish(mut self) -> io::Result<()> {
        match self.failed {
            Some(error) => Err(error),
            None => self.out.flush(),
        }
    }

    fn write(&mut self, event: &Value) {
        if self.failed.is_none() {
            let written = serde_json::to_writer(&mut self.out, event).map_err(io::Error::from);
            self.failed = written.and_then(|()| self.out.write_all(b"\n")).err();
        }
    }

    fn exposure(&self, at_ms: u64, served: Served, flight: &Flight, key: &str) -> Option<Value> {
        let compiled = &self.stage.compiled;
        let config = usize::from(served.config);
        // The reason is the flags' own; what was served is what the journal says, whoever evaluated
        // it.
        let mut evaluation = compiled.evaluate(config, usize::from(flight.group), key);
        (evaluation.variation, evaluation.in_experiment) =
            (Some(usize::from(served.variation)), true);
        let rule_id = match evaluation.reason {
            crate::flags::compiled::Reason::RuleMatch { rule } => compiled.rule_id(config, rule),
            _ => None,
        };
        let event = FeatureEvent {
            config: &self.stage.scenario.config(served.config).key,
            version: compiled.version(config)?,
            evaluation,
            rule_id,
            value: compiled.value(config, usize::from(served.variation))?,
            default: &json!({ "_ldMeta": { "enabled": false } }),
        };
        Some(feature(at_ms, &event, &flight.context))
    }
}

impl<W: Write> Reader for EventWriter<'_, W> {
    fn entry(&mut self, entry: &Entry) {
        if !self.introduced {
            self.introduced = true;
            for event in sdk_info(self.began_ms) {
                self.write(&event);
            }
        }
        let at_ms = self.began_ms + entry.at.us() / 1000;
        let key = match self.key_epoch {
            KEY_EPOCH => user_key(entry.user).as_str().to_owned(),
            epoch => format!("user_{epoch}_{}", entry.user),
        };
        if let Event::Arrived { group, visit, .. } = entry.event {
            let named = if visit == 0 { key.clone() } else { format!("{key} {visit}") };
            let context = context(&key, &self.stage.scenario.group(group).attributes);
            self.flights.insert(
                entry.user,
                Flight { context, group, visit: Visit::of(&named), known: false },
            );
            return;
        }
        // The visit that it came of is over, and may be long ago.
        if let Event::Followed { outcome, group, value } = entry.event {
            let scenario = self.stage.scenario;
            let context = context(&key, &scenario.group(group).attributes);
            if let Some(outcome) = scenario.outcomes.get(usize::from(outcome)) {
                let value = outcome_value(value);
                self.write(&custom_by_key(at_ms, &outcome.key, &context, Value::Null, value));
            }
            return;
        }
        let Some(mut flight) = self.flights.remove(&entry.user) else { return };
        if !flight.known {
            if !matches!(entry.event, Event::Evaluated { .. }) {
                return;
            }
            self.write(&index(at_ms, &flight.context));
            flight.known = true;
        }
        let mut sent = Vec::new();
        let goes_on = flight.visit.entry(self.stage.scenario, &entry.event, |one| sent.push(one));
        for one in sent {
            let event = match one {
                Sent::Exposure(served) => self.exposure(at_ms, served, &flight, &key),
                Sent::Metric(event, data, value) => {
                    Some(custom(at_ms, event, &flight.context, data, value))
                }
                Sent::Outcome(..) => None,
            };
            event.iter().for_each(|event| self.write(event));
        }
        if goes_on {
            self.flights.insert(entry.user, flight);
        }
    }
}
