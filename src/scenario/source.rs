//! The scenario file as it is written: one structure for each block. What is left out takes the tutorial's value, see
//! `catalog`.
//!
//! Promises: unknown fields are errors; a field that names something carries its place.
//!
//! Does not know: whether a name exists or a sum comes out; `resolve` does.

use serde::Deserialize;

use super::injected;
use super::lesson;
use super::spanned::{Entries, Spanned};
use crate::experiment::{Aggregation, Better, Correction, Method, Missing, Statistic};
use crate::llm::profile::Provider;
use crate::quantity::{Money, Price, Probability, Share};
use crate::report::{Expect, RolloutOutcome};
use crate::time::Duration;
use crate::verdict::Rule;

/// A whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Source {
    pub title: String,
    pub seed: u64,
    pub knowledge: Option<Spanned<String>>,
    pub traffic: Traffic,
    pub audience: Option<Spanned<Vec<Group>>>,
    pub models: Entries<Model>,
    pub prices_unknown: bool,
    pub tools: Entries<Tool>,
    pub segments: Entries<Vec<Clause>>,
    pub configs: Entries<Config>,
    pub metrics: Entries<Metric>,
    pub causes: Causes,
    pub judge: Judge,
    pub experiments: Vec<Experiment>,
    pub guarded_rollouts: Vec<GuardedRollout>,
    pub faults: Vec<injected::Written>,
    pub lesson: Option<lesson::Written>,
}

/// Who sends how many queries, and how.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Traffic {
    pub queries: Option<Spanned<i64>>,
    pub mode: Option<Spanned<Mode>>,
    pub timeout: Option<Spanned<Duration>>,
    pub pii_percentage: Option<Spanned<f64>>,
    pub complexity: Option<Spanned<Complexity>>,
    pub topics: Option<Spanned<i64>>,
    pub writer: Option<Spanned<String>>,
    pub instructions: Option<String>,
    pub pre_period: Option<Spanned<f64>>,
}

/// How requests are sent.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Mode {
    /// So many workers.
    Concurrent { workers: i64 },
    /// One at a time.
    Sequential { delay: Duration },
}

/// Shares of questions by depth.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complexity {
    pub basic: Share,
    pub intermediate: Share,
    pub advanced: Share,
}

/// Users with the same attributes; a list of values is spread evenly.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    pub share: Share,
    pub attributes: Entries<Vec<String>>,
}

/// What differs from the catalog's model of this id, or from the one that it is like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    pub like: Option<Spanned<String>>,
    pub provider: Option<Provider>,
    pub input_price: Option<Price>,
    pub output_price: Option<Price>,
    pub no_price: bool,
    pub latency: Latency,
    pub failures: Failures,
    pub answer_tokens: Option<Spanned<f64>>,
    pub answer_sigma: Option<Spanned<f64>>,
    pub tool_appetite: Option<Spanned<f64>>,
    pub quality: Option<Probability>,
    pub weakness: Option<Probability>,
    pub personal_data_recall: Option<Probability>,
    pub false_alarm: Option<Probability>,
    pub max_output_tokens: Option<Spanned<i64>>,
    pub takes_temperature: Option<bool>,
}

/// What differs in a model's speed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Latency {
    pub base: Option<Duration>,
    pub per_token: Option<Duration>,
    pub sigma: Option<Spanned<f64>>,
    pub stall_chance: Option<Probability>,
    pub stall: Option<Duration>,
    pub stall_sigma: Option<Spanned<f64>>,
}

/// What differs in a model's failures.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Failures {
    pub error: Option<Probability>,
    pub rate_limit: Option<Probability>,
    pub refusal: Option<Probability>,
    pub malformed: Option<Probability>,
}

/// What differs from the catalog's tool of this key, or from the one that it is like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tool {
    pub like: Option<Spanned<String>>,
    pub description: Option<String>,
    pub top_k: Option<Spanned<i64>>,
    pub threshold: Option<Spanned<f64>>,
    pub latency: Option<Duration>,
    pub appeal: Option<Spanned<f64>>,
    pub tokens: Option<Spanned<f64>>,
    pub one_request_per: Option<Duration>,
    pub unlimited: bool,
    pub retry_after: Option<Duration>,
    pub attempts: Option<Spanned<i64>>,
}

/// A condition on an attribute: it is one of these, or none of them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Clause {
    /// The attribute has one of these values.
    In(String, Vec<String>),
    /// The attribute is there and has none of these values.
    NotIn(String, Vec<String>),
}

/// What differs from the catalog's AI config of this key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    pub variations: Entries<Variation>,
    pub rules: Option<Vec<Rollout>>,
    pub default: Option<Spanned<String>>,
}

/// A targeting rule: users of this segment get this variation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollout {
    pub segment: Spanned<String>,
    pub serve: Spanned<String>,
}

/// What differs from the catalog's variation of this key, or from the one that it is like.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Variation {
    pub like: Option<Spanned<String>>,
    pub name: Option<String>,
    pub model: Option<Spanned<String>>,
    pub instructions: Option<String>,
    pub redaction: Option<Spanned<Redaction>>,
    pub tools: Option<Vec<Spanned<String>>>,
    pub max_tokens: Option<Spanned<i64>>,
    pub temperature: Option<Spanned<f64>>,
    pub max_tool_calls: Option<Spanned<i64>>,
    pub session_budget: Option<Money>,
    pub deny_at_budget: bool,
    pub fallback: Option<Spanned<String>>,
    /// How the app crashes on it, before it sends anything; default: it does not.
    pub crash: Option<Crash>,
    /// How cold the app's caches are while it is new; default: not at all.
    pub cold_start: Option<Spanned<ColdStart>>,
}

/// How much a security agent is told to redact.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Redaction {
    /// What identifies directly: name, e-mail, phone, address.
    Basic,
    /// The company and the job title too.
    Strict,
}

/// What differs from the catalog's metric of this key.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Metric {
    pub name: Option<String>,
    pub event: Option<Spanned<String>>,
    pub aggregation: Option<Aggregation>,
    pub statistic: Option<Spanned<Statistic>>,
    pub missing: Option<Missing>,
    pub better: Option<Better>,
    pub unit: Option<String>,
    pub prior_variance: Option<Spanned<f64>>,
    pub judge: Option<Spanned<Accuracy>>,
}

/// How often the judge behind a rate is right.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    pub sensitivity: f64,
    #[serde(default)]
    pub sensitivity_labels: Option<u64>,
    pub specificity: f64,
    #[serde(default)]
    pub specificity_labels: Option<u64>,
}

/// What differs from the catalog's causes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Causes {
    pub context_of: ContextOf,
    pub loss_to_tools: Option<Spanned<f64>>,
    pub loss_to_loops: Option<Spanned<f64>>,
    pub loss_to_words: Option<Spanned<f64>>,
    pub loss_to_quality: Option<Spanned<f64>>,
    pub difficulty_sigma: Option<Spanned<f64>>,
    pub cites_to_weakness: Option<Spanned<f64>>,
    pub concise_to_words: Option<Spanned<f64>>,
    pub stepwise_to_weakness: Option<Spanned<f64>>,
    pub temperature_to_spread: Option<Spanned<f64>>,
    /// How strongly passages off the topic worsen answers; 0 to 1, default: 0.
    pub grounding_to_quality: Option<Spanned<f64>>,
}

/// Context that one redacted item takes away.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ContextOf {
    pub name: Option<Spanned<f64>>,
    pub email: Option<Spanned<f64>>,
    pub phone: Option<Spanned<f64>>,
    pub address: Option<Spanned<f64>>,
    pub company: Option<Spanned<f64>>,
    pub title: Option<Spanned<f64>>,
}

/// What differs from the catalog's judge.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    pub model: Option<Spanned<String>>,
    pub instructions: Option<String>,
    pub sees: Option<Sees>,
    pub question_characters: Option<Spanned<i64>>,
    pub answer_characters: Option<Spanned<i64>>,
    pub rates_personal: Option<Probability>,
    pub rates_impersonal: Option<Probability>,
    pub sensitivity: Option<Probability>,
    pub specificity: Option<Probability>,
    pub leniency: Option<Probability>,
    pub length_bias: Option<Spanned<f64>>,
    pub position_bias: Option<Spanned<f64>>,
    pub positive_on_tool_output: Option<Probability>,
}

/// What the judge is shown.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum Sees {
    /// Tool output first, then the answer, cut.
    ToolOutputFirst,
    /// The answer alone, cut.
    AnswerOnly,
}

/// An experiment, in the words of the tutorial's form.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Experiment {
    pub key: Spanned<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub hypothesis: String,
    pub config: Spanned<String>,
    #[serde(default)]
    pub segment: Option<Spanned<String>>,
    pub control: Spanned<String>,
    #[serde(default)]
    pub outside: Option<Spanned<String>>,
    #[serde(default)]
    pub sample: Option<Spanned<Share>>,
    pub split: Spanned<Entries<Share>>,
    pub metrics: Vec<Spanned<String>>,
    #[serde(default)]
    pub threshold: Option<Spanned<f64>>,
    #[serde(default)]
    pub method: Method,
    #[serde(default)]
    pub correction: Correction,
    /// Whether the split stays as it is; default: `Fixed`.
    #[serde(default)]
    pub allocation: Option<Spanned<Allocation>>,
    /// Segments whose users are also looked at by themselves; default: none.
    #[serde(default)]
    pub by: Vec<Spanned<String>>,
    #[serde(default)]
    pub decision: Option<Spanned<Rule>>,
    #[serde(default)]
    pub expect: Option<Spanned<Expect>>,
}

/// A guarded rollout: a release watched by metrics. Not together with an experiment on the same config.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GuardedRollout {
    pub config: Spanned<String>,
    pub segment: Spanned<String>,
    pub from: Spanned<String>,
    pub to: Spanned<String>,
    pub share: Spanned<Share>,
    /// Metrics that watch over it; default: none, and then it neither goes on nor back.
    #[serde(default)]
    pub watch: Vec<Spanned<String>>,
    /// How much worse a metric may be than with `from`, relative; 0 to 10, default: 0.
    #[serde(default)]
    pub worse_by: Option<Spanned<f64>>,
    /// How sure a regression has to be, over all looks together; more than 0.5 and less than 1, default: 0.95.
    #[serde(default)]
    pub confidence: Option<Spanned<f64>>,
    /// Watched users between looks; 10 to 1,000,000, default: 100.
    #[serde(default)]
    pub every: Option<Spanned<i64>>,
    /// Watched users after which everybody gets `to`, if nothing regressed; 10 to 10,000,000, default: 2,000.
    #[serde(default)]
    pub users: Option<Spanned<i64>>,
    /// How it is to end; a run that ends otherwise has the exit code 1.
    #[serde(default)]
    pub expect: Option<RolloutOutcome>,
}

/// Whether the split of an experiment stays as it is.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Allocation {
    /// It does.
    Fixed,
    /// A bandit: shares follow the probabilities to be best on the primary metric.
    Thompson {
        /// Exposed users between reallocations; 10 to 1,000,000.
        every: i64,
        /// The least share that a variation keeps; default: "5%".
        #[serde(default = "five_percent")]
        floor: Share,
    },
}

fn five_percent() -> Share {
    Share::new(5_000).unwrap_or(Share::WHOLE)
}

/// How the app crashes on a variation.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crash {
    /// Chance for each user whom it concerns, 0 to 1.
    pub chance: Probability,
    /// Only on questions of this depth; default: on all.
    #[serde(default)]
    pub only: Option<Depth>,
}

/// How cold the app's caches are while a variation is new.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColdStart {
    /// The first so many users of the run, as far as they get the variation; 1 to 10,000,000.
    pub users: i64,
    /// How much longer they wait for the agent's first answer.
    pub delay: Duration,
}

/// How deep a question goes.
#[derive(Clone, Copy, Debug, Deserialize)]
pub enum Depth {
    /// A definition.
    Basic,
    /// A comparison or an application.
    Intermediate,
    /// A problem.
    Advanced,
}
