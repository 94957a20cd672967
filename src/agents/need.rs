//! What a visit needs next, and where it stands.
//!
//! Does not know: how it gets there.

use crate::llm::model::Called;

/// What a branch of a visit needs next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// A model has to answer [`prompt`](super::visit::Visit::prompt).
    Model,
    /// Its step without a model has to run: [`step`](super::visit::Visit::step) says how it goes.
    Step,
    /// This tool has to answer.
    Tool(Called),
    /// The question is written: the configs have to be evaluated, then
    /// [`send`](super::visit::Visit::send).
    Sending,
    /// Nothing more: the branch waits for others.
    Others,
    /// Nothing more: the visit is over.
    Nothing,
}

/// Where a visit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// The question is being written.
    Writing,
    /// It is written.
    Written,
    /// Agents are at work.
    Working,
    /// The judge is.
    Judging,
    /// It is over.
    Over,
}
