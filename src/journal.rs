//! What happened, as integer entries: microseconds, tokens, nano-dollars. Floats begin at analysis.
//!
//! Guarantees: an entry is small, `Copy` and free of text, so a run may keep all of them, none of
//! them, or fold them as they come. Entries arrive in the order of simulated time; those of one
//! moment in the order of their cause. The fingerprint is a digest of the entries alone.
//!
//! Does not know: what is measured, or which variation is good.

use xxhash_rust::xxh3::Xxh3;

use crate::quantity::Money;
use crate::time::{Duration, Timestamp};

/// Which agent of the scenario's graph: the index of its node, and of the AI config that sets it up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentId(pub u8);

impl AgentId {
    /// Its index in a list that has one element for each agent.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// Who called a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caller {
    /// The traffic generator, for topics.
    Topics,
    /// The traffic generator, for a question.
    Writer,
    /// An agent.
    Agent(AgentId),
    /// The judge.
    Judge,
}

impl Caller {
    /// The number that stands for it in a fingerprint: 2, 3 and 4 are the first three agents, 5 is
    /// the judge, further agents follow.
    #[must_use]
    pub fn code(self) -> u16 {
        match self {
            Self::Topics => 0,
            Self::Writer => 1,
            Self::Agent(AgentId(agent)) if agent < 3 => 2 + u16::from(agent),
            Self::Judge => 5,
            Self::Agent(AgentId(agent)) => 3 + u16::from(agent),
        }
    }
}

/// Why something failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum FailureKind {
    /// The client gave up waiting.
    Timeout = 0,
    /// The provider's rate limit refused the call.
    RateLimited = 1,
    /// The provider answered with an error.
    ProviderError = 2,
    /// The model refused.
    Refusal = 3,
    /// Structured output could not be parsed.
    Malformed = 4,
    /// The session's budget denied the request.
    OverBudget = 5,
    /// The request was never understood (live only).
    BadRequest = 6,
    /// The agent's AI config is disabled for this user.
    Disabled = 7,
    /// The app crashed before it sent anything.
    Crashed = 8,
    /// A step without a model failed.
    StepFailed = 9,
}

impl FailureKind {
    /// All kinds.
    pub const ALL: [Self; 10] = [
        Self::Timeout,
        Self::RateLimited,
        Self::ProviderError,
        Self::Refusal,
        Self::Malformed,
        Self::OverBudget,
        Self::BadRequest,
        Self::Disabled,
        Self::Crashed,
        Self::StepFailed,
    ];

    /// Name in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::RateLimited => "rate_limited",
            Self::ProviderError => "provider_error",
            Self::Refusal => "refusal",
            Self::Malformed => "malformed",
            Self::OverBudget => "over_budget",
            Self::BadRequest => "bad_request",
            Self::Disabled => "disabled",
            Self::Crashed => "crashed",
            Self::StepFailed => "step_failed",
        }
    }
}

/// What the judge made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Label {
    /// No feedback.
    None = 0,
    /// Thumbs up.
    Positive = 1,
    /// Thumbs down.
    Negative = 2,
}

/// How a visit ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VisitEnd {
    /// With an answer.
    Answered,
    /// Without one.
    Failed(FailureKind),
}

/// Which AI config and which of its variations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Served {
    /// Index of the config among the scenario's.
    pub config: u8,
    /// Index of the variation in the config.
    pub variation: u8,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A request was sent, by a user of this audience group.
    Arrived {
        /// The audience group.
        group: u16,
        /// Whether the question carries personal data.
        personal: bool,
        /// Which of the user's visits, from 0.
        visit: u32,
    },
    /// A config was evaluated.
    Evaluated {
        /// What was served.
        served: Served,
        /// Whether that counts as an exposure.
        in_experiment: bool,
    },
    /// A model answered.
    Completed {
        /// Who asked.
        caller: Caller,
        /// For an agent, what configured it.
        served: Option<Served>,
        /// Index of the model.
        model: u16,
        /// Input tokens.
        input_tokens: u32,
        /// Output tokens.
        output_tokens: u32,
        /// Input tokens that were read from the provider's prompt cache, at its lower price.
        cached_tokens: u32,
        /// Output tokens that the model reasoned with.
        reasoning_tokens: u32,
        /// How long it took.
        latency: Duration,
        /// What it costs; `None` where the model has no price.
        cost: Option<Money>,
    },
    /// A model call failed.
    CallFailed {
        /// Who asked.
        caller: Caller,
        /// For an agent, what configured it.
        served: Option<Served>,
        /// Index of the model.
        model: u16,
        /// Why.
        kind: FailureKind,
        /// How long it took to fail.
        latency: Duration,
    },
    /// A routing agent decided.
    Routed {
        /// Who goes on; `None`: nobody does, the visit ends.
        to: Option<AgentId>,
        /// Whether it was decided by a fallback, not by a reply.
        fallback: bool,
    },
    /// A screening agent finished.
    Screened {
        /// Items of personal data that were redacted.
        redacted: u8,
        /// Items that went on all the same.
        leaked: u8,
        /// Whether the raw text went on because the agent failed.
        fail_open: bool,
    },
    /// A tool answered.
    ToolUsed {
        /// Whom.
        agent: AgentId,
        /// Index of the tool.
        tool: u16,
        /// Size of its answer.
        tokens: u32,
        /// How long it took, waiting for a rate limit included.
        latency: Duration,
        /// How often a rate limit refused it.
        refusals: u16,
        /// Whether it gave up.
        failed: bool,
    },
    /// An agent's run ended; its duration is what the AI SDK tracks.
    AgentFinished {
        /// What configured it.
        served: Served,
        /// Which agent.
        caller: Caller,
        /// Tokens of all its calls: input.
        input_tokens: u32,
        /// Tokens of all its calls: output.
        output_tokens: u32,
        /// From its start to its end.
        duration: Duration,
        /// What its calls cost.
        cost: Option<Money>,
        /// Whether it failed.
        failed: Option<FailureKind>,
    },
    /// A step without a model ended.
    StepFinished {
        /// Which one.
        agent: AgentId,
        /// From its start to its end.
        duration: Duration,
        /// What it cost.
        cost: Money,
        /// Whether it failed.
        failed: bool,
    },
    /// The request was answered, or not.
    Finished {
        /// How.
        outcome: VisitEnd,
        /// From arrival to end.
        latency: Duration,
    },
    /// The answer was judged.
    Judged {
        /// Whose answer it was.
        agent: AgentId,
        /// What the judge said; `None` on failure counts as no feedback, see `failed`.
        label: Label,
        /// Whether the judge itself failed.
        failed: bool,
    },
    /// Personal data that identifies the user directly reached an agent that answers.
    Disclosed {
        /// How many items.
        items: u8,
    },
    /// A guard let the visit go on, or ended it.
    Guarded {
        /// Which agent.
        agent: AgentId,
        /// Whether it ended the visit.
        stopped: bool,
        /// Whether the question should be stopped.
        harmful: bool,
        /// Whether the visit went on because the agent failed.
        fail_open: bool,
    },
    /// A question that should have been stopped was answered.
    HarmAnswered,
    /// An event of the app's own came of a visit, some time after it.
    Followed {
        /// Index of the outcome among the scenario's.
        outcome: u8,
        /// The user's audience group.
        group: u16,
        /// Its value in millionths of its unit.
        value: u64,
    },
    /// The rollout of a config was changed while users arrived (user 0).
    Reallocated {
        /// What gets another share.
        served: Served,
        /// Its share from now on, in thousandths of a percent.
        weight: u32,
    },
}

/// One entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Whose visit, counted from 1; 0 for the experiment itself.
    pub user: u32,
    /// What.
    pub event: Event,
}

/// Whoever reads a journal as it is written.
pub trait Reader {
    /// The next entry.
    fn entry(&mut self, entry: &Entry);
}

impl Reader for Vec<Entry> {
    fn entry(&mut self, entry: &Entry) {
        self.push(*entry);
    }
}

impl<A: Reader, B: Reader> Reader for (A, B) {
    fn entry(&mut self, entry: &Entry) {
        self.0.entry(entry);
        self.1.entry(entry);
    }
}

impl<T: Reader + ?Sized> Reader for &mut T {
    fn entry(&mut self, entry: &Entry) {
        (**self).entry(entry);
    }
}

impl<T: Reader> Reader for Option<T> {
    fn entry(&mut self, entry: &Entry) {
        if let Some(reader) = self {
            reader.entry(entry);
        }
    }
}

/// The digest of a journal: XXH3, 128 bits, over a fixed byte layout of the entries.
#[derive(Default)]
pub struct Fingerprint(Xxh3);

impl Fingerprint {
    /// The digest so far, as 32 hex digits.
    #[must_use]
    pub fn hex(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

impl Reader for Fingerprint {
    fn entry(&mut self, entry: &Entry) {
        self.0.update(encode(entry).written());
    }
}

/// Appends integers in little-endian order to a fixed buffer.
struct Bytes {
    bytes: [u8; 64],
    len: usize,
}

#[expect(
    clippy::indexing_slicing,
    reason = "the longest entry, a completed call, has 42 bytes, and there is room for 64"
)]
impl Bytes {
    /// What was appended.
    fn written(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
    fn put<const N: usize>(&mut self, value: [u8; N]) -> &mut Self {
        self.bytes[self.len..self.len + N].copy_from_slice(&value);
        self.len += N;
        self
    }
    fn u8(&mut self, value: u8) -> &mut Self {
        self.put([value])
    }
    fn u16(&mut self, value: u16) -> &mut Self {
        self.put(value.to_le_bytes())
    }
    fn u32(&mut self, value: u32) -> &mut Self {
        self.put(value.to_le_bytes())
    }
    fn u64(&mut self, value: u64) -> &mut Self {
        self.put(value.to_le_bytes())
    }
    fn served(&mut self, served: Option<Served>) -> &mut Self {
        match served {
            None => self.u16(u16::MAX),
            Some(s) => self.u8(s.config).u8(s.variation),
        }
    }
    fn caller(&mut self, caller: Caller) -> &mut Self {
        self.u8(caller.code() as u8)
    }
    /// An agent that uses tools or has the last word: in version 0.1 only the third did.
    fn answering(&mut self, agent: AgentId) -> &mut Self {
        if agent == AgentId(2) { self } else { self.u8(agent.0) }
    }
    fn cost(&mut self, cost: Option<Money>) -> &mut Self {
        self.u64(cost.map_or(u64::MAX, Money::nano_dollars))
    }
}

/// The canonical bytes of an entry.
fn encode(entry: &Entry) -> Bytes {
    let mut b = Bytes { bytes: [0; 64], len: 0 };
    b.u64(entry.at.us()).u32(entry.user);
    match entry.event {
        Event::Arrived { group, personal, visit } => {
            // Version 0.1 knew first visits only.
            let b = b.u8(1).u16(group).u8(personal.into());
            if visit == 0 { b } else { b.u32(visit) }
        }
        Event::Evaluated { served, in_experiment } => {
            b.u8(2).served(Some(served)).u8(in_experiment.into())
        }
        // The tokens of the cache and of reasoning came after version 0.1; the cost tells them apart.
        Event::Completed {
            caller,
            served,
            model,
            input_tokens,
            output_tokens,
            latency,
            cost,
            cached_tokens: _,
            reasoning_tokens: _,
        } => b
            .u8(3)
            .caller(caller)
            .served(served)
            .u16(model)
            .u32(input_tokens)
            .u32(output_tokens)
            .u64(latency.us())
            .cost(cost),
        Event::CallFailed { caller, served, model, kind, latency } => {
            b.u8(4).caller(caller).served(served).u16(model).u8(kind as u8).u64(latency.us())
        }
        Event::Routed { to, fallback } => {
            // Version 0.1 knew two ways: 1 was the second agent and 0 the third.
            let to = match to {
                Some(AgentId(1)) => 1,
                Some(AgentId(2)) => 0,
                Some(AgentId(0)) => 2,
                Some(AgentId(agent)) => agent,
                None => u8::MAX,
            };
            b.u8(5).u8(to).u8(fallback.into())
        }
        Event::Screened { redacted, leaked, fail_open } => {
            b.u8(6).u8(redacted).u8(leaked).u8(fail_open.into())
        }
        Event::ToolUsed { agent, tool, tokens, latency, refusals, failed } => b
            .u8(7)
            .u16(tool)
            .u32(tokens)
            .u64(latency.us())
            .u16(refusals)
            .u8(failed.into())
            .answering(agent),
        Event::AgentFinished {
            served,
            caller,
            input_tokens,
            output_tokens,
            duration,
            cost,
            failed,
        } => b
            .u8(8)
            .served(Some(served))
            .caller(caller)
            .u32(input_tokens)
            .u32(output_tokens)
            .u64(duration.us())
            .cost(cost)
            .u8(failed.map_or(u8::MAX, |k| k as u8)),
        Event::Finished { outcome, latency } => {
            let kind = match outcome {
                VisitEnd::Answered => u8::MAX,
                VisitEnd::Failed(kind) => kind as u8,
            };
            b.u8(9).u8(kind).u64(latency.us())
        }
        Event::Judged { agent, label, failed } => {
            b.u8(10).u8(label as u8).u8(failed.into()).answering(agent)
        }
        Event::Disclosed { items } => b.u8(11).u8(items),
        Event::Guarded { agent, stopped, harmful, fail_open } => {
            b.u8(14).u8(agent.0).u8(stopped.into()).u8(harmful.into()).u8(fail_open.into())
        }
        Event::HarmAnswered => b.u8(15),
        Event::StepFinished { agent, duration, cost, failed } => {
            b.u8(16).u8(agent.0).u64(duration.us()).u64(cost.nano_dollars()).u8(failed.into())
        }
        Event::Followed { outcome, group, value } => b.u8(13).u8(outcome).u16(group).u64(value),
        Event::Reallocated { served, weight } => b.u8(12).served(Some(served)).u32(weight),
    };
    b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_tells_entries_apart() {
        let hex = |user| {
            let mut print = Fingerprint::default();
            print.entry(&Entry {
                at: Timestamp::START,
                user,
                event: Event::Judged { agent: AgentId(2), label: Label::Positive, failed: false },
            });
            print.hex()
        };
        assert_eq!(hex(1), hex(1));
        assert_ne!(hex(1), hex(2));
    }
}
