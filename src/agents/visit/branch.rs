//! A branch of a visit: one agent at work. The tutorial's visits have one.
//!
//! Does not know: which branches there are besides it.

use crate::journal::{AgentId, Event, FailureKind, Served};
use crate::llm::chat::{Cached, Caching};
use crate::llm::model::{Called, Passages, PromptMessage, TOKENS_PER_MESSAGE};
use crate::quantity::Money;
use crate::time::{Duration, Timestamp};

/// How long a provider's prompt cache keeps what it was sent: Anthropic's five minutes, the shortest
/// of the providers' (documentation).
const CACHE_LIFETIME: Duration = Duration::from_us(300_000_000);

/// One agent at work.
#[derive(Debug)]
pub(super) struct Branch {
    /// Who is at work.
    pub agent: AgentId,
    /// What its config served.
    pub served: Served,
    /// The variation that acts: what was served, or its fallback.
    pub acting: Served,
    /// Whether it is a step without a model.
    pub is_step: bool,
    /// Whether it still has something to do.
    pub works: bool,
    /// Whether it was told the question as the user wrote it.
    pub unredacted: bool,
    /// The tool call that is out.
    pub called: Option<Called>,
    /// The conversation with its model.
    pub thread: Vec<PromptMessage>,
    /// The conversation's tokens.
    pub thread_tokens: u32,
    /// Calls of its model so far.
    pub calls: u16,
    /// Input tokens of its last call, which the next call sends again, and the time since.
    pub sent: u32,
    pub idle: Duration,
    /// Tools that it used.
    pub rounds: u16,
    /// Passages that they found.
    pub passages: Passages,
    /// Characters of tool output, and the tokens of what a judge is shown of it.
    pub tool_characters: u32,
    pub tools_shown: u32,
    started: Timestamp,
    input_tokens: u32,
    output_tokens: u32,
    cost: Option<Money>,
}

impl Branch {
    /// A branch in which nobody works yet.
    pub fn idle(thread: Vec<PromptMessage>) -> Self {
        let nothing = Served { config: 0, variation: 0 };
        Self {
            agent: AgentId(0),
            served: nothing,
            acting: nothing,
            is_step: false,
            works: false,
            unredacted: false,
            called: None,
            thread,
            thread_tokens: 0,
            calls: 0,
            sent: 0,
            idle: Duration::ZERO,
            rounds: 0,
            passages: Passages::default(),
            tool_characters: 0,
            tools_shown: 0,
            started: Timestamp::START,
            input_tokens: 0,
            output_tokens: 0,
            cost: None,
        }
    }

    /// Nobody works in it again.
    pub fn clear(&mut self) {
        let nothing = Served { config: 0, variation: 0 };
        self.begin(AgentId(0), nothing, Timestamp::START);
        self.works = false;
    }

    /// An agent begins.
    pub fn begin(&mut self, agent: AgentId, served: Served, now: Timestamp) {
        self.thread.clear();
        (self.agent, self.served, self.acting) = (agent, served, served);
        (self.works, self.unredacted, self.is_step) = (true, false, false);
        (self.called, self.thread_tokens) = (None, 0);
        (self.calls, self.sent, self.idle) = (0, 0, Duration::ZERO);
        (self.rounds, self.passages) = (0, Passages::default());
        (self.tool_characters, self.tools_shown, self.started) = (0, 0, now);
        (self.input_tokens, self.output_tokens, self.cost) = (0, 0, None);
    }

    /// A call was charged.
    pub fn charge(&mut self, (input, output): (u32, u32), cost: Option<Money>) {
        // A provider can state any number.
        self.sent = input;
        self.input_tokens = self.input_tokens.saturating_add(input);
        self.output_tokens = self.output_tokens.saturating_add(output);
        if let Some(cost) = cost {
            self.cost = Some(self.cost.unwrap_or(Money::ZERO) + cost);
        }
    }

    /// What of a prompt of `input` tokens, `fixed` of them instructions and tools, is read from the
    /// provider's cache and written to it. Nothing below `least` tokens is cached.
    pub fn cached(&self, caching: Caching, least: u32, fixed: u32, input: u32) -> Cached {
        let again = if self.idle <= CACHE_LIFETIME { self.sent } else { 0 };
        let known = again.max(if caching == Caching::Shared { fixed } else { 0 }).min(input);
        let read = if known < least { 0 } else { known };
        Cached { read, written: if input < least { 0 } else { input - read } }
    }

    /// Whether any input was charged.
    pub fn charged(&self) -> bool {
        self.input_tokens > 0
    }

    /// What its end is in the journal. A failed run tracks neither tokens nor cost, as the original
    /// does; what was really spent stands in its calls.
    pub fn finished(&self, now: Timestamp, failed: Option<FailureKind>) -> Event {
        let (input_tokens, output_tokens, cost) = if failed.is_some() {
            (0, 0, None)
        } else {
            (self.input_tokens, self.output_tokens, self.cost)
        };
        Event::AgentFinished {
            served: self.served,
            caller: crate::journal::Caller::Agent(self.agent),
            input_tokens,
            output_tokens,
            duration: now.since(self.started),
            cost,
            failed,
        }
    }

    /// What the end of a step is in the journal; it costs something unless it failed.
    pub fn step_finished(&self, now: Timestamp, cost: Option<Money>) -> Event {
        Event::StepFinished {
            agent: self.agent,
            duration: now.since(self.started),
            cost: cost.unwrap_or(Money::ZERO),
            failed: cost.is_none(),
        }
    }

    /// A message of this many tokens joins the conversation.
    pub fn grow(&mut self, tokens: u32) {
        self.thread_tokens =
            self.thread_tokens.saturating_add(tokens).saturating_add(TOKENS_PER_MESSAGE);
    }

    /// A message joins the conversation.
    pub fn push(&mut self, message: PromptMessage) {
        self.grow(message.tokens);
        self.thread.push(message);
    }
}
