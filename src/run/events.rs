//! The events that an AI SDK would send about a run, one JSON document a line, written as the run goes.
//!
//! Promises: the shapes of the tutorial's SDK pair (`flags::events`); the order of simulated time; constant memory. Costs
//! are sent in full, not rounded to six decimals as the tutorial's code does, so an analysis of the file gives the very
//! statistics of the run.
//!
//! Does not know: where the bytes go.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};

use crate::context::{KEY_EPOCH, user_key};
use crate::event::{AppEvent, caused_by};
use crate::flags::events::{EventKey, FeatureEvent, Track, context, custom, feature, index};
use crate::journal::{Caller, Entry, Event, Reader, Served};
use crate::llm::profile::Provider;
use crate::run::Stage;

/// A user in flight.
struct Flight {
    context: Value,
    group: u16,
    /// What supervisor, security and support agent were served.
    served: [Option<Served>; 3],
}

/// Writes a run's events.
pub struct EventWriter<'s, W> {
    stage: &'s Stage<'s>,
    out: W,
    flights: BTreeMap<u32, Flight>,
    /// The first error of the writer; nothing is written after it.
    failed: Option<io::Error>,
}

impl<'s, W: Write> EventWriter<'s, W> {
    /// A writer of this stage's events.
    pub fn new(stage: &'s Stage<'s>, out: W) -> Self {
        Self { stage, out, flights: BTreeMap::new(), failed: None }
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

    /// The track data of what was served.
    fn track(&self, served: Served) -> Option<Track<'s>> {
        let scenario = self.stage.scenario;
        let config = scenario.configs.get(usize::from(served.config))?;
        let variation = config.variations.get(usize::from(served.variation))?;
        let model = scenario.models.get(usize::from(variation.setup.model))?;
        let provider = match model.provider {
            Provider::Anthropic => "Anthropic",
            Provider::OpenAi => "OpenAI",
            Provider::Mistral => "Mistral",
        };
        Some(Track { variation: &variation.variation, config: &config.key, version: 1, model: &model.id, provider })
    }

    fn exposure(&self, at_ms: u64, served: Served, flight: &Flight, key: &str) -> Option<Value> {
        let compiled = &self.stage.compiled;
        let config = usize::from(served.config);
        let evaluation = compiled.evaluate(config, usize::from(flight.group), key);
        let rule_id = match evaluation.reason {
            crate::flags::compiled::Reason::RuleMatch { rule } => compiled.rule_id(config, rule),
            _ => None,
        };
        let event = FeatureEvent {
            config: &self.stage.scenario.configs[config].key,
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
        let at_ms = u64::from(KEY_EPOCH) * 1000 + entry.at.us() / 1000;
        let key = user_key(entry.user);
        if let Event::Arrived { group, .. } = entry.event {
            let attributes = &self.stage.scenario.traffic.audience[usize::from(group)].attributes;
            let context = context(key.as_str(), attributes);
            self.write(&index(at_ms, &context));
            self.flights.insert(entry.user, Flight { context, group, served: [None; 3] });
            return;
        }
        let Some(mut flight) = self.flights.remove(&entry.user) else { return };
        let mut over = false;
        let served = match entry.event {
            Event::Evaluated { served, in_experiment } => {
                if let Some(slot) = flight.served.get_mut(usize::from(served.config)) {
                    *slot = Some(served);
                }
                let config = self.stage.scenario.configs[usize::from(served.config)].key.as_str();
                self.write(&custom(at_ms, EventKey::AgentUsed, &flight.context, config.into(), 1.0));
                if in_experiment && let Some(event) = self.exposure(at_ms, served, &flight, key.as_str()) {
                    self.write(&event);
                }
                None
            }
            Event::AgentFinished { served, caller, .. } => Some((served, caller)),
            Event::ToolUsed { .. } => flight.served[2].map(|served| (served, Caller::Support)),
            Event::Judged { .. } => {
                over = true;
                flight.served[2].map(|served| (served, Caller::Judge))
            }
            Event::Finished { outcome, .. } => {
                over = outcome != crate::journal::Outcome::Answered;
                None
            }
            _ => None,
        };
        if let Some(track) = served.and_then(|(served, _)| self.track(served)) {
            let tool = match entry.event {
                Event::ToolUsed { tool, .. } => self.stage.scenario.tools.get(usize::from(tool)).map(|tool| tool.key.as_str()),
                _ => None,
            };
            let mut events = Vec::new();
            caused_by(&entry.event, |event, value| {
                // The simulator's own events have no place in an SDK's stream.
                let Some(key) = EventKey::ALL.into_iter().find(|key| key.key() == event.key()) else { return };
                let data = match (event, tool) {
                    (AppEvent::Cost, _) => track.cost_data(),
                    (AppEvent::ToolCall, Some(tool)) => track.tool_data(tool),
                    _ => track.data(),
                };
                events.push(custom(at_ms, key, &flight.context, data, value as f64 * event.scale()));
            });
            events.iter().for_each(|event| self.write(event));
        }
        if !over {
            self.flights.insert(entry.user, flight);
        }
    }
}
