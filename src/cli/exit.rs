//! How a command ends: the exit codes that scripts rely on.

use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It ran, whatever the verdict.
    Ran = 0,
    /// The scenario's `expect` was not met.
    ExpectationFailed = 1,
    /// Bad usage.
    Usage = 2,
    /// Bad scenario or data file.
    BadFile = 3,
    /// A backend failed.
    BackendFailed = 4,
    /// Stopped at the budget.
    OverBudget = 5,
    /// Interrupted; what was done is saved.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
