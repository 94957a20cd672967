//! The seam of tools: an agent's tool is used here, by a mock or by whoever drives the engine.
//!
//! Guarantees: a shared limit is kept by the mock alone, in the order in which tools are asked, which is how waiting times grow with
//! concurrency.
//!
//! Does not know: queues, or who waits.

use crate::agents::Library;
use crate::llm::mock::MockModels;
use crate::llm::model::{ToolCall, ToolOutput};
use crate::llm::setup::{RemoteTool, ToolKind};
use crate::random::Owner;
use crate::time::{Duration, Timestamp};

/// A try to use a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolTry {
    /// The model's call.
    pub call: ToolCall,
    /// Whose luck it is.
    pub owner: Owner,
    /// Which tool call of this owner, from 0.
    pub nth: u16,
    /// When.
    pub now: Timestamp,
    /// How often the tool has refused this call before.
    pub refusals: u16,
}

/// What came of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolTried {
    /// The output arrives after this time.
    Arrives(ToolOutput, Duration),
    /// It refused, and may be tried again after this time.
    Refused(Duration),
    /// It refused for the last time: this output says so, at once.
    GivenUp(ToolOutput),
    /// Whoever drives the engine uses it.
    Outside,
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
    fn use_tool(&mut self, _: ToolTry) -> ToolTried {
        ToolTried::Outside
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
}

impl Tools for MockTools<'_> {
    fn use_tool(&mut self, ToolTry { call, owner, nth, now, refusals }: ToolTry) -> ToolTried {
        let spec = self.mock.tool(call.tool);
        let ToolKind::Remote(RemoteTool { one_request_per, retry_after, attempts, .. }) = spec.kind else {
            return ToolTried::Arrives(self.library.local(call), spec.latency);
        };
        if let Some((interval, free_at)) = one_request_per.zip(self.free_at.get_mut(usize::from(call.tool))) {
            if now < *free_at {
                let again = u32::from(refusals) + 1 < attempts;
                return if again { ToolTried::Refused(retry_after) } else { ToolTried::GivenUp(self.library.given_up(call)) };
            }
            *free_at = now + interval;
        }
        match self.mock.remote(call.tool, owner, nth) {
            Some((latency, tokens, wording)) => ToolTried::Arrives(self.library.remote(call, tokens, wording), latency),
            None => ToolTried::GivenUp(self.library.given_up(call)),
        }
    }
}
