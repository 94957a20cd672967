//! The journal of a live run, which is also its recording: one JSON document a line, written before
//! what it tells of is acted on.
//!
//! Guarantees: whatever was paid for is in it once. Completions are keyed by user, caller, call and
//! attempt, so identical prompts keep their own answers. No key of any kind has a place in it.
//!
//! Does not know: files and sockets, or what is done with it.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::journal::{Caller, FailureKind};
use crate::llm::chat::Cached;

/// The version of this format.
pub const SCHEMA: &str = "simlab.recording/2";
/// Earlier versions that can be read: the first had no agents but the tutorial's three, by name.
const EARLIER: [&str; 1] = ["simlab.recording/1"];

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[serde(rename = "Line")]
pub enum RecordedLine {
    /// What was run; the first line.
    Run(Run),
    /// A user came.
    Began {
        /// The user, counted from 1.
        user: u32,
        /// How long after the start of the run, in microseconds.
        at_us: u64,
    },
    /// A model is going to be asked.
    Asked {
        /// Which call.
        call: Call,
        /// What it may cost at most, in nano-dollars.
        worst_nano_usd: u64,
    },
    /// A model answered.
    Answered(Answered),
    /// A model call came to nothing.
    Failed(Failed),
    /// A call was given up before anything came of it.
    Withdrawn {
        /// Which call.
        call: Call,
        /// What it may have cost, in nano-dollars.
        nano_usd: u64,
    },
    /// Texts are going to be embedded for a search.
    Embedding {
        /// Which request for vectors of this run, from 0.
        nth: u32,
        /// What it may cost at most, in nano-dollars.
        worst_nano_usd: u64,
    },
    /// Texts were embedded for a search, or were not.
    Embedded {
        /// How many.
        texts: u32,
        /// What it cost, in nano-dollars.
        nano_usd: u64,
        /// Which request; `None` in journals that did not announce it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        nth: Option<u32>,
    },
    /// The flags were evaluated for a user.
    Assigned {
        /// The user.
        user: u32,
        /// For each agent's config.
        configs: Vec<Assigned>,
    },
    /// A tool that needs the network answered.
    Tool(ToolDone),
    /// A user's visit is over.
    Over {
        /// The user.
        user: u32,
    },
    /// A user's events for LaunchDarkly, before they are sent.
    Payload(Payload),
    /// These users' events were given to the SDK: journals of earlier versions, which cannot tell
    /// whether they were sent.
    Sending {
        /// The users.
        users: Vec<u32>,
    },
    /// LaunchDarkly has taken these users' events.
    Sent {
        /// The users.
        users: Vec<u32>,
    },
    /// The run was taken up again.
    Resumed,
    /// A damaged journal was repaired here: some lines are lost.
    Repaired {
        /// How many lines, at most.
        lines: u64,
        /// What the calls in them may have cost at most, in nano-dollars.
        nano_usd: u64,
    },
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// The scenario's text.
    pub scenario: String,
    /// The documents of its knowledge base, by name; none where that is the built-in one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<(String, String)>,
    /// The scenario's name.
    pub name: String,
    /// The seed of the traffic.
    pub seed: u64,
    /// How many users.
    pub users: u32,
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// The second that users' keys carry.
    pub key_epoch: u32,
}

/// Which call of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Call {
    /// The user, counted from 1; 0 for the experiment itself.
    pub user: u32,
    /// Who asks.
    #[serde(with = "super::names::caller")]
    pub caller: Caller,
    /// Which call of this caller for this user, from 0.
    pub nth: u16,
    /// Which attempt: 0, and 1 for the repair of a malformed answer.
    pub attempt: u8,
}

impl Call {
    /// Whether it only proves that the model answers, before the first user (see `live::proof`).
    #[must_use]
    pub fn is_proof(self) -> bool {
        self.user == 0 && self.caller == Caller::Writer
    }

    /// The text that stands for this call, whatever its fields are called: retries and idempotency
    /// keys follow from it.
    #[must_use]
    pub fn canonical(self) -> String {
        format!("user {} {} {} {}", self.user, self.caller.code(), self.nth, self.attempt)
    }
}

/// A completion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answered {
    /// Which call.
    pub call: Call,
    /// The model that was asked.
    pub model: String,
    /// Digest of the request, as hex digits.
    pub request: String,
    /// The start of what was said last in the request, to tell it from others.
    #[serde(default)]
    pub asked: String,
    /// The words of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The tool calls of the answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<ToolWish>,
    /// Why it ended: `end_turn`, `max_tokens`, `stop_sequence`, `tool_use`, `refusal` or
    /// `content_filter`.
    pub stop: String,
    /// Tokens as the provider counted them.
    pub input_tokens: u32,
    /// Tokens as the provider counted them.
    pub output_tokens: u32,
    /// Of the input tokens, those that were read from the provider's prompt cache.
    #[serde(default, skip_serializing_if = "crate::quantity::is_zero")]
    pub cache_read_tokens: u32,
    /// Of the input tokens, those that were written to it.
    #[serde(default, skip_serializing_if = "crate::quantity::is_zero")]
    pub cache_write_tokens: u32,
    /// From the first try to the whole answer, waits between tries included.
    pub latency_us: u64,
    /// How long the try that was answered took.
    pub answer_us: u64,
    /// What it cost, in nano-dollars.
    pub nano_usd: u64,
    /// Why earlier tries failed: words of [`Failed::why`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<String>,
    /// The reasoning that has to come back with the tool calls, as only the provider reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<String>,
}

impl Answered {
    /// The input tokens that went through the provider's prompt cache.
    #[must_use]
    pub fn cached(&self) -> Cached {
        Cached { read: self.cache_read_tokens, written: self.cache_write_tokens }
    }
}

/// A tool call that a model made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolWish {
    /// The provider's id of it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them.
    pub input: String,
}

/// A call that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// Which call.
    pub call: Call,
    /// The model that was asked.
    pub model: String,
    /// Digest of the request, as hex digits.
    pub request: String,
    /// The start of what was said last in the request, to tell it from others.
    #[serde(default)]
    pub asked: String,
    /// What it counts as in the report.
    #[serde(with = "super::names::failure")]
    pub kind: FailureKind,
    /// What happened, more closely: `rate_limited`, `server`, `overloaded`, `timeout`,
    /// `connection`, `cut`, `malformed`, …
    pub why: String,
    /// The provider's words.
    pub message: String,
    /// From the first try to the last failure.
    pub latency_us: u64,
    /// What it may have cost, in nano-dollars: nothing where the provider refused, the worst where
    /// it is not known.
    pub nano_usd: u64,
    /// Why earlier tries failed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub retried: Vec<String>,
}

/// What one config served a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assigned {
    /// Index of the variation in the scenario; `None`: the config is disabled for this user.
    pub variation: Option<u8>,
    /// Whether that is an exposure.
    pub in_experiment: bool,
}

/// What a tool that needs the network gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolDone {
    /// The user.
    pub user: u32,
    /// Which of the user's tool calls, from 0.
    pub nth: u32,
    /// The tool's name.
    pub name: String,
    /// What was asked.
    pub query: String,
    /// What came.
    pub output: String,
    /// From the first try to the end.
    pub latency_us: u64,
    /// How often it refused.
    pub refusals: u16,
    /// Whether it gave up.
    pub failed: bool,
}

/// A user's events for LaunchDarkly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The user.
    pub user: u32,
    /// The payload's id: LaunchDarkly counts what comes twice under it once.
    pub id: String,
    /// How many events there are.
    pub events: u32,
    /// The events, a JSON array, compressed by gzip, in base64.
    pub packed: String,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CallOutcome {
    /// A completion.
    Answered(Answered),
    /// Nothing.
    Failed(Failed),
}

/// A journal, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// What was run.
    pub run: Option<Run>,
    /// When users came, in microseconds after the start.
    pub began: BTreeMap<u32, u64>,
    /// What came of each call.
    pub calls: BTreeMap<Call, CallOutcome>,
    /// What was assigned.
    pub assigned: BTreeMap<u32, Vec<Assigned>>,
    /// What tools gave that need the network, by user and number.
    pub tools: BTreeMap<(u32, u32), ToolDone>,
    /// Users whose visit is over.
    pub over: BTreeSet<u32>,
    /// Users whose events are written down, or (earlier versions) began to be sent.
    pub sending: BTreeSet<u32>,
    /// Users whose events LaunchDarkly has taken.
    pub sent: BTreeSet<u32>,
    /// Events that are written down and were not taken yet, by user.
    pub pending: BTreeMap<u32, Payload>,
    /// Calls that were begun and never ended, with the most that they can have cost, in
    /// nano-dollars.
    pub open: BTreeMap<Call, u64>,
    /// Requests for vectors that were begun and never ended, with the most that they can have cost,
    /// in nano-dollars.
    pub embedding: BTreeMap<u32, u64>,
    /// How many requests for vectors were begun.
    pub embeddings: u32,
    /// What was spent beside calls with an outcome, at most.
    pub lost_nano_usd: u64,
    /// How often it was taken up again.
    pub resumed: u32,
    /// Lines that a repair found damaged or missing.
    pub missing_lines: u64,
    /// The reasoning that has to come back, by user and by the id of the first tool call.
    pub reasoning: BTreeMap<(u32, String), String>,
}

impl Recording {
    /// Takes one more line.
    ///
    /// # Errors
    /// When the line cannot stand here.
    pub fn take(&mut self, line: RecordedLine) -> Result<(), String> {
        match line {
            RecordedLine::Run(run) if self.run.is_some() => {
                return Err(format!("a second run begins, of seed {}", run.seed));
            }
            RecordedLine::Run(run)
                if run.schema != SCHEMA && !EARLIER.contains(&run.schema.as_str()) =>
            {
                return Err(format!(
                    "expected a recording of schema {SCHEMA}, found {}",
                    run.schema
                ));
            }
            RecordedLine::Run(run) => self.run = Some(run),
            _ if self.run.is_none() => {
                return Err("the first line has to say what was run".to_owned());
            }
            RecordedLine::Began { user, at_us } => {
                self.began.entry(user).or_insert(at_us);
            }
            RecordedLine::Asked { call, worst_nano_usd } => {
                self.open.insert(call, worst_nano_usd);
            }
            RecordedLine::Answered(answered) => {
                self.open.remove(&answered.call);
                if let (Some(reasoning), Some(tool)) = (&answered.reasoning, answered.tools.first())
                {
                    let key = (answered.call.user, tool.id.clone());
                    self.reasoning.insert(key, reasoning.clone());
                }
                self.calls.insert(answered.call, CallOutcome::Answered(answered));
            }
            RecordedLine::Failed(failed) => {
                self.open.remove(&failed.call);
                self.calls.insert(failed.call, CallOutcome::Failed(failed));
            }
            RecordedLine::Withdrawn { call, nano_usd } => {
                self.open.remove(&call);
                self.lost_nano_usd = self.lost_nano_usd.saturating_add(nano_usd);
            }
            RecordedLine::Embedding { nth, worst_nano_usd } => {
                self.embeddings = self.embeddings.max(nth.saturating_add(1));
                self.embedding.insert(nth, worst_nano_usd);
            }
            RecordedLine::Embedded { nano_usd, nth, .. } => {
                nth.map(|nth| self.embedding.remove(&nth));
                self.lost_nano_usd = self.lost_nano_usd.saturating_add(nano_usd);
            }
            RecordedLine::Assigned { user, configs } => {
                self.assigned.insert(user, configs);
            }
            RecordedLine::Tool(tool) => {
                self.tools.insert((tool.user, tool.nth), tool);
            }
            RecordedLine::Over { user } => {
                self.over.insert(user);
            }
            RecordedLine::Sending { users } => self.sending.extend(users),
            RecordedLine::Payload(payload) => {
                self.sending.insert(payload.user);
                if !self.sent.contains(&payload.user) {
                    self.pending.insert(payload.user, payload);
                }
            }
            RecordedLine::Sent { users } => {
                users.iter().for_each(|user| drop(self.pending.remove(user)));
                self.sent.extend(users);
            }
            RecordedLine::Resumed => {
                // Whoever takes it up asks again; what was out then may have been charged all the
                // same.
                let open = self.open.values().chain(self.embedding.values());
                self.lost_nano_usd =
                    open.fold(self.lost_nano_usd, |sum, worst| sum.saturating_add(*worst));
                self.open.clear();
                self.embedding.clear();
                self.resumed += 1;
            }
            RecordedLine::Repaired { lines, nano_usd } => {
                self.missing_lines = self.missing_lines.saturating_add(lines);
                self.lost_nano_usd = self.lost_nano_usd.saturating_add(nano_usd);
            }
        }
        Ok(())
    }

    /// How many users' visits are over whose events LaunchDarkly has not taken, as far as is known.
    #[must_use]
    pub fn undelivered(&self) -> u64 {
        self.over.difference(&self.sent).count() as u64
    }

    /// What it has cost at most, in nano-dollars: every completion, and calls that never ended at
    /// their worst.
    #[must_use]
    pub fn spent_nano_usd(&self) -> u64 {
        let of_call = |outcome: &CallOutcome| match outcome {
            CallOutcome::Answered(answered) => answered.nano_usd,
            CallOutcome::Failed(failed) => failed.nano_usd,
        };
        let calls = self.calls.values().map(of_call);
        calls
            .chain(self.open.values().chain(self.embedding.values()).copied())
            .fold(self.lost_nano_usd, u64::saturating_add)
    }
}

impl CallOutcome {
    /// The start of what was said last in the request.
    #[must_use]
    pub fn asked(&self) -> &str {
        match self {
            Self::Answered(answered) => &answered.asked,
            Self::Failed(failed) => &failed.asked,
        }
    }

    /// Digest of the request.
    #[must_use]
    pub fn request(&self) -> &str {
        match self {
            Self::Answered(answered) => &answered.request,
            Self::Failed(failed) => &failed.request,
        }
    }
}

/// A call, for tests.
#[cfg(test)]
pub(super) fn sample_call(user: u32, nth: u16) -> Call {
    Call { user, caller: Caller::Agent(crate::journal::AgentId(2)), nth, attempt: 0 }
}

/// The lines of a journal that broke off while a call was out, for tests.
#[cfg(test)]
pub(super) fn sample() -> Vec<RecordedLine> {
    let run = Run {
        schema: SCHEMA.to_owned(),
        version: "0".to_owned(),
        scenario: "(\n)".to_owned(),
        documents: vec![("a.md".to_owned(), "# A".to_owned())],
        name: "x.ron".to_owned(),
        seed: 1,
        users: 2,
        began_ms: 5,
        key_epoch: 7,
    };
    let answered = Answered {
        call: sample_call(1, 0),
        model: "m".to_owned(),
        request: "00".to_owned(),
        asked: "what?".to_owned(),
        text: "é\n".to_owned(),
        tools: vec![ToolWish { id: "a".to_owned(), name: "b".to_owned(), input: "{}".to_owned() }],
        stop: "tool_use".to_owned(),
        input_tokens: 3,
        output_tokens: 4,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        latency_us: 5,
        answer_us: 5,
        nano_usd: 60,
        retried: vec!["overloaded".to_owned()],
        reasoning: Some("[]".to_owned()),
    };
    let configs = vec![Assigned { variation: Some(1), in_experiment: true }; 3];
    vec![
        RecordedLine::Run(run),
        RecordedLine::Began { user: 1, at_us: 9 },
        RecordedLine::Asked { call: sample_call(1, 0), worst_nano_usd: 100 },
        RecordedLine::Answered(answered),
        RecordedLine::Assigned { user: 1, configs },
        RecordedLine::Asked { call: sample_call(1, 1), worst_nano_usd: 1000 },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_journal_of_schema_1_is_read_with_its_agents_by_name() {
        // As version 0.1 wrote them.
        let lines = [
            r#"{"run":{"schema":"simlab.recording/1","version":"0.1.0","scenario":"()","name":"my","seed":1,"users":1,"began_ms":0,"key_epoch":0}}"#,
            r#"{"asked":{"call":{"user":1,"caller":"supervisor","nth":0,"attempt":0},"worst_nano_usd":5}}"#,
            r#"{"asked":{"call":{"user":1,"caller":"security","nth":0,"attempt":0},"worst_nano_usd":5}}"#,
            r#"{"asked":{"call":{"user":1,"caller":"support","nth":2,"attempt":0},"worst_nano_usd":5}}"#,
            r#"{"assigned":{"user":1,"configs":[{"variation":0,"in_experiment":false},{"variation":null,"in_experiment":false},{"variation":3,"in_experiment":true}]}}"#,
        ];
        let mut recording = Recording::default();
        for line in lines {
            recording.take(serde_json::from_str(line).unwrap()).unwrap();
        }
        let callers: Vec<Caller> = recording.open.keys().map(|call| call.caller).collect();
        let agent = |number| Caller::Agent(crate::journal::AgentId(number));
        assert_eq!(callers, [agent(0), agent(1), agent(2)]);
        assert_eq!(recording.assigned[&1].len(), 3);
        let later = lines[0].replace("recording/1", "recording/3");
        let refused = Recording::default().take(serde_json::from_str(&later).unwrap());
        assert!(refused.unwrap_err().contains("expected a recording of schema simlab.recording/2"));
    }

    #[test]
    fn a_call_that_was_out_when_it_broke_off_counts_at_its_worst_for_ever() {
        let mut recording = Recording::default();
        sample().into_iter().for_each(|line| recording.take(line).unwrap());
        recording.take(RecordedLine::Resumed).unwrap();
        recording
            .take(RecordedLine::Asked { call: sample_call(1, 1), worst_nano_usd: 1000 })
            .unwrap();
        assert_eq!(recording.spent_nano_usd(), 2060);
    }

    #[test]
    fn vectors_that_were_requested_when_it_broke_off_count_at_their_worst() {
        let mut recording = Recording::default();
        recording.take(sample()[0].clone()).unwrap();
        recording.take(RecordedLine::Embedding { nth: 0, worst_nano_usd: 500 }).unwrap();
        assert_eq!(recording.spent_nano_usd(), 500);
        recording.take(RecordedLine::Embedded { texts: 1, nano_usd: 20, nth: Some(0) }).unwrap();
        recording.take(RecordedLine::Embedding { nth: 1, worst_nano_usd: 500 }).unwrap();
        recording.take(RecordedLine::Resumed).unwrap();
        assert_eq!((recording.spent_nano_usd(), recording.embeddings), (520, 2));
        // A journal of an earlier version names no request.
        let old: RecordedLine =
            serde_json::from_str(r#"{"embedded":{"texts":3,"nano_usd":7}}"#).unwrap();
        recording.take(old).unwrap();
        assert_eq!(recording.spent_nano_usd(), 527);
    }
}
