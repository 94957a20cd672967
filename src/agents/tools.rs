//! The seam of tools: an agent's tool is used here, by a mock or by whoever drives the engine.
//!
//! Guarantees: a shared limit is kept by the mock alone, in the order in which tools are asked,
//! which is how waiting times grow with concurrency.
//!
//! Does not know: queues, or who waits.

use std::sync::Arc;

use crate::agents::Library;
use crate::agents::library::given_up;
use crate::llm::mock::MockModels;
use crate::llm::model::{CallWords, Called, Given, Said, ToolOutput};
use crate::llm::setup::{RemoteTool, ToolKind};
use crate::random::Owner;
use crate::time::{Duration, Timestamp};

/// A try to use a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolTry {
    /// The model's call.
    pub call: Called,
    /// Whose luck it is.
    pub owner: Owner,
    /// Which tool call of this owner, from 0; the place of an agent of a scenario's own graph is
    /// added to it.
    pub nth: u64,
    /// When.
    pub now: Timestamp,
    /// How often the tool has refused this call before.
    pub refusals: u16,
}

/// What came of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolTried {
    /// The output arrives after this time.
    Arrives(Given, Duration),
    /// It refused, and may be tried again after this time.
    Refused(Duration),
    /// It refused for the last time: this output says so, at once.
    GivenUp(Given),
    /// Whoever drives the engine uses it.
    Outside(Arc<CallWords>),
}

/// Who uses tools.
pub trait Tools {
    /// Tries to use a tool.
    fn use_tool(&mut self, tried: ToolTry) -> ToolTried;
}

/// Tools that whoever drives the engine uses.
#[derive(Clone, Copy, Debug)]
pub struct OutsideTools;

impl Tools for OutsideTools {
    fn use_tool(&mut self, ToolTry { call, .. }: ToolTry) -> ToolTried {
        match call {
            Said::Words(call) => ToolTried::Outside(call),
            Said::Recipe(call) => ToolTried::GivenUp(Said::Recipe(ToolOutput {
                call,
                tokens: 0,
                characters: 0,
                wording: 0,
                failed: true,
            })),
        }
    }
}

/// The mock of every tool of a scenario.
#[derive(Debug)]
pub struct MockTools<'a> {
    mock: &'a MockModels<'a>,
    library: &'a Library<'a>,
    /// When each tool may be asked again.
    free_at: Vec<Timestamp>,
}

impl<'a> MockTools<'a> {
    /// Tools with the luck of these models and the outputs of this library.
    #[must_use]
    pub fn new(mock: &'a MockModels<'a>, library: &'a Library<'a>) -> Self {
        Self { mock, library, free_at: vec![Timestamp::START; mock.tools.len()] }
    }

    /// The same tools, which may be asked again at these times; tools beyond them at once.
    #[must_use]
    pub fn resumed(mut self, mut free_at: Vec<Timestamp>) -> Self {
        free_at.resize(self.free_at.len(), Timestamp::START);
        self.free_at = free_at;
        self
    }

    /// When each tool may be asked again.
    #[must_use]
    pub fn into_free_at(self) -> Vec<Timestamp> {
        self.free_at
    }
}

impl Tools for MockTools<'_> {
    fn use_tool(&mut self, ToolTry { call, owner, nth, now, refusals }: ToolTry) -> ToolTried {
        let call = match call {
            Said::Recipe(call) => call,
            // The mock has nothing to say to words.
            Said::Words(call) => return ToolTried::GivenUp(given_up(&call)),
        };
        let spec = self.mock.tool(call.tool);
        let ToolKind::Remote(RemoteTool { one_request_per, retry_after, attempts, .. }) = spec.kind
        else {
            return ToolTried::Arrives(Said::Recipe(self.library.local(call)), spec.latency);
        };
        let given_up = || ToolTried::GivenUp(Said::Recipe(self.library.given_up(call)));
        if let Some((interval, free_at)) =
            one_request_per.zip(self.free_at.get_mut(usize::from(call.tool)))
        {
            if now < *free_at {
                let again = u32::from(refusals) + 1 < attempts;
                return if again { ToolTried::Refused(retry_after) } else { given_up() };
            }
            *free_at = now + interval;
        }
        match self.mock.remote(call.tool, owner, nth) {
            Some((latency, tokens, wording)) => ToolTried::Arrives(
                Said::Recipe(self.library.remote(call, tokens, wording)),
                latency,
            ),
            None => given_up(),
        }
    }
}
