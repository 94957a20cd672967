//! Supervisor, security and support: the workflow of one question.

mod spec;

pub use spec::{Agent, AgentSetup, AtBudget, ConfigSetup};
