//! Supervisor, security and support: the workflow of one question.

mod library;
mod spec;
pub mod visit;

pub use library::Library;
pub use spec::{Agent, AgentSetup, AtBudget, ConfigSetup};
