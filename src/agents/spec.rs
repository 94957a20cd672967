//! The specification of the agents: what each variation of an AI config tells its agent, and how
//! the app around them behaves. Plain data.
//!
//! Does not know: how a config is evaluated, or what a model answers.

use crate::agents::outcome::StatedEffect;
use crate::knowledge::Complexity;
use crate::llm::model::GuardErrors;
use crate::llm::setup::Setup;
use crate::quantity::{Money, Probability};
use crate::time::Duration;

/// What happens when a session's spending reaches its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum AtBudget {
    /// Tools are withdrawn: the agent answers with what it has.
    #[default]
    StopTools,
    /// The request is denied.
    Deny,
    /// The fallback variation takes over: a cheaper model, say.
    Degrade,
}

/// An app that crashes on some of the users who get a variation, before anything is sent: nobody
/// learns that they were there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Crash {
    /// Chance for each user whom it concerns.
    pub chance: Probability,
    /// Only questions of this depth; `None`: all.
    pub only: Option<Complexity>,
    /// Whether the user is lost to the measurement, as in every run. The effect on users counts
    /// them instead: the request goes through and costs what it costs, and ends as a failed one
    /// without feedback.
    pub lost: bool,
}

/// An app whose caches are cold when a variation is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColdStart {
    /// The first so many users of the run, as far as they get the variation.
    pub users: u32,
    /// How much longer they wait for the agent's first answer.
    pub delay: Duration,
}

/// One variation of an AI config.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentSetup {
    /// The variation's key.
    pub variation: String,
    /// The variation's name for people.
    pub name: String,
    /// What its model is told.
    pub setup: Setup,
    /// Most tool calls for one question; afterwards the agent has to answer.
    pub max_tool_calls: u32,
    /// Spending per request at which `at_budget` acts; `None`: no limit.
    pub session_budget: Option<Money>,
    /// What happens at the session budget.
    pub at_budget: AtBudget,
    /// Variation of the same config that takes over when the model fails; an index into its
    /// variations.
    pub fallback: Option<usize>,
    /// How the app crashes on it, if it does.
    pub crash: Option<Crash>,
    /// How cold the app's caches are at the start.
    pub cold_start: Option<ColdStart>,
    /// How a guard errs, as far as the variation says.
    pub guard: GuardErrors,
    /// Effects that the scenario states, on users whose visit comes to the agent.
    pub effects: Vec<StatedEffect>,
}

/// One AI config and what its variations say: that of the agent with the same number.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigSetup {
    /// The config's key.
    pub key: String,
    /// Its variations, in the order of the flag's (without the automatic `disabled`).
    pub variations: Vec<AgentSetup>,
}
