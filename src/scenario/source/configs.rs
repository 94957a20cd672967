//! AI configs as a file writes them: variations and targeting rules.
//!
//! Does not know: which variations the catalog has.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::spanned::{Entries, OneOrMore, Spanned};
use super::outcomes::WrittenEffect;
use crate::llm::chat::Caching;
use crate::quantity::{Money, Probability};
use crate::time::Duration;

/// What differs from the catalog's AI config of this key.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Config")]
pub struct WrittenConfig {
    /// The variations by key: what differs from the catalog, or new ones (none can be called
    /// `disabled`).
    pub variations: Entries<WrittenVariation>,
    /// The targeting rules in order, the first that fits a user deciding; a list replaces the
    /// catalog's.
    pub rules: Option<Vec<WrittenRollout>>,
    /// The variation for users whom no rule fits.
    pub default: Option<Spanned<String>>,
}

/// A targeting rule: users of a segment get a variation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Rollout")]
pub struct WrittenRollout {
    /// The segment.
    pub segment: Spanned<String>,
    /// The variation that its users get.
    pub serve: Spanned<String>,
}

/// What differs from the catalog's variation of this key, or from the one that it is `like`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Variation")]
pub struct WrittenVariation {
    /// A variation of the same config to start from; a new key of the tutorial's agents needs it.
    /// Default: none; at an agent of your own graph what stands at its node.
    pub like: Option<Spanned<String>>,
    /// Its name for people. Default: the key as words.
    pub name: Option<String>,
    /// The model that it asks.
    pub model: Option<Spanned<String>>,
    /// What the model is told. The mock models go by it: "job title" among what is redacted makes a
    /// security agent strict; "source" or "cite", "concise" or "brief", and "step by step" change a
    /// support agent's answers, see `causes`.
    pub instructions: Option<String>,
    /// How much the security agent redacts; it gives the instructions, or has to agree with those
    /// that are written. Default: as the instructions say.
    pub redaction: Option<Spanned<WrittenRedaction>>,
    /// Keys of the tools that it may call; a list replaces the catalog's.
    pub tools: Option<Vec<Spanned<String>>>,
    /// Most tokens of one answer. Default: the model's own limit; 1,024 for an Anthropic model of the
    /// tutorial's agents, as its client library sets it.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_tokens: Option<Spanned<i64>>,
    /// Sampling temperature; above 0.2 it spreads the lengths of mock answers.
    #[schemars(range(min = 0, max = 2))]
    pub temperature: Option<Spanned<f64>>,
    /// Median of the tokens that the model reasons with before each reply, the effect of a reasoning
    /// effort or a thinking budget; at most what `max_tokens` leaves. Default: the model's.
    #[schemars(range(min = 0, max = 100_000))]
    pub reasoning_tokens: Option<Spanned<f64>>,
    /// Most tool calls for one question; then the agent has to answer.
    #[schemars(range(min = 0, max = 100))]
    pub max_tool_calls: Option<Spanned<i64>>,
    /// What one request may cost before `at_budget` acts. Default: no limit.
    pub session_budget: Option<Money>,
    /// What happens at the session budget. Default: `StopTools`.
    pub at_budget: Option<Spanned<WrittenAtBudget>>,
    /// What goes through the provider's prompt cache. Default: `Off`.
    pub prompt_caching: Option<Spanned<PromptCaching>>,
    /// How a guard errs with it. Default: as its node says.
    pub guard: Option<Spanned<WrittenGuard>>,
    /// A variation of the same config that takes over when the support agent's model fails.
    /// Default: none, the request fails.
    pub fallback: Option<Spanned<String>>,
    /// How the app crashes on it, before it sends anything. Default: it does not.
    pub crash: Option<WrittenCrash>,
    /// How cold the app's caches are while it is new. Default: not at all.
    pub cold_start: Option<Spanned<WrittenColdStart>>,
    /// Effects that you state, one or a list of them: `(metric: "ticket_resolved", lift: "+3pt")`.
    /// Default: none, effects arise from what the models do.
    pub effect: Option<OneOrMore<WrittenEffect>>,
}

/// How a guard errs with a variation. Assumed.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Guard")]
pub struct WrittenGuard {
    /// Chance that it lets a harmful question through. Default: as its node says.
    pub misses: Option<Probability>,
    /// Chance that it stops a harmless question. Default: as its node says.
    pub false_stops: Option<Probability>,
}

/// An app that crashes on some users before anything is sent: nobody learns that they were there.
/// Simulated alone.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Crash")]
pub struct WrittenCrash {
    /// Chance for each user whom it concerns.
    pub chance: Probability,
    /// Only on questions of this depth. Default: on all.
    #[serde(default)]
    pub only: Option<Depth>,
}

/// An app whose caches are cold at first. Simulated alone.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename = "ColdStart")]
pub struct WrittenColdStart {
    /// The first so many users of the run, as far as they get the variation.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub users: i64,
    /// How much longer they wait for the agent's first answer.
    pub delay: Duration,
}

/// How deep a question goes.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum Depth {
    /// Less work than the usual.
    Basic,
    /// The usual.
    Intermediate,
    /// More work than the usual.
    Advanced,
}

/// What happens when a request has cost its session budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename = "AtBudget")]
pub enum WrittenAtBudget {
    /// The tools are withdrawn: the agent answers with what it has.
    StopTools,
    /// The request is denied.
    Deny,
    /// The variation's fallback takes over with its own model, tools and budget.
    Degrade,
}

/// What of a prompt goes through the provider's prompt cache, at the model's prices for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum PromptCaching {
    /// Nothing.
    Off,
    /// What an agent sends again while it works on one question: after a tool's result, all that it
    /// sent before. A mock model finds it there for five minutes.
    Conversation,
    /// The same, and the instructions and tools across users. A mock model finds these always,
    /// which is assumed: live, it holds while calls come every few minutes.
    Shared,
}

impl PromptCaching {
    /// What it means.
    #[must_use]
    pub fn meaning(self) -> Caching {
        match self {
            Self::Off => Caching::Off,
            Self::Conversation => Caching::Conversation,
            Self::Shared => Caching::Shared,
        }
    }
}

/// How much a security agent is told to redact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename = "Redaction")]
pub enum WrittenRedaction {
    /// What identifies directly: name, e-mail, phone, address.
    Basic,
    /// The company and the job title too.
    Strict,
}
