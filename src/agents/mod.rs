//! Agents at work on one question: their graph, their tools, and the visit that walks it.

mod app;
mod graph;
mod library;
mod need;
mod outcome;
mod spec;
mod text;
mod tools;
pub mod visit;

pub use app::{App, Assignment, Assignments, Brief, CallTimes, Exchange};
pub use graph::{
    AgentNode, Edge, Graph, GuardSpec, Handover, MAX_AGENTS, MAX_BRANCHES, NodeRole, StepSpec, When,
};
pub use library::{Library, given_up};
pub use outcome::{BusinessOutcome, EffectTarget, OutcomeValue, StatedEffect, VisitQuality};
pub use spec::{AgentSetup, AtBudget, ColdStart, ConfigSetup, Crash};
pub use text::Texts;
pub use tools::{MockTools, OutsideTools, ToolTried, ToolTry, Tools};
