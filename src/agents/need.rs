//! What a visit needs next, and where it stands.
//!
//! Does not know: how it gets there.

use crate::agents::spec::Agent;
use crate::llm::model::Called;

/// What a visit needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// A model has to answer [`prompt`](super::visit::Visit::prompt).
    Model,
    /// This tool has to answer.
    Tool(Called),
    /// It is written: the configs have to be evaluated, then [`send`](super::visit::Visit::send).
    Sending,
    /// Nothing more: the visit is over.
    Nothing,
}

/// Where a visit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Writing,
    Written,
    Supervisor,
    Security,
    Support,
    Tool,
    Judge,
    Over,
}

impl Phase {
    /// The agent that is at work: while its tool answers, too.
    pub(super) fn agent(self) -> Option<Agent> {
        match self {
            Self::Supervisor => Some(Agent::Supervisor),
            Self::Security => Some(Agent::Security),
            Self::Support | Self::Tool => Some(Agent::Support),
            Self::Writing | Self::Written | Self::Judge | Self::Over => None,
        }
    }
}
