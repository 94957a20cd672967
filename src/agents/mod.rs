//! Supervisor, security and support: the workflow of one question.

mod app;
mod library;
mod need;
mod spec;
mod text;
mod tools;
pub mod visit;

pub use app::{App, Assignment, Brief};
pub use library::{Library, given_up};
pub use spec::{Agent, AgentSetup, AtBudget, ColdStart, ConfigSetup, Crash};
pub use text::Texts;
pub use tools::{MockTools, OutsideTools, ToolTried, ToolTry, Tools};
