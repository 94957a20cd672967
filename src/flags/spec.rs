//! What a LaunchDarkly project shall hold: plain data, from a scenario to the bootstrap.
//!
//! Guarantees: nothing but data. Resources refer to one another by the keys that they have in
//! LaunchDarkly, because a segment, tool or model config may exist there already without being
//! listed here.
//!
//! Does not know: whether the references hold; `bootstrap::verify` says so before anything is
//! created.

use serde_json::{Map, Value};

use crate::experiment::{Correction, Method, Metric};
use crate::quantity::{Probability, Share};

/// A project with one environment and all that an experiment needs in it.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct ProjectSpec {
    /// Key of the project.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Key of the environment.
    pub environment: String,
    /// Segments, in the order in which they are created.
    pub segments: Vec<SegmentSpec>,
    /// Tools that variations may name.
    pub tools: Vec<ProjectTool>,
    /// Models that variations may name.
    pub model_configs: Vec<ModelConfigSpec>,
    /// AI configs.
    pub configs: Vec<ConfigSpec>,
    /// The graph that joins them, where there is one.
    pub graph: Option<GraphSpec>,
    /// Keys of the events that the app sends besides those of the AI SDK and the tutorial's app.
    pub own_events: Vec<String>,
    /// Metrics.
    pub metrics: Vec<Metric>,
    /// Experiments; all of them are started.
    pub experiments: Vec<ExperimentSpec>,
}

/// A segment: the users that satisfy all of its clauses.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct SegmentSpec {
    /// Unique key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// All must hold.
    pub clauses: Vec<ClauseSpec>,
}

/// One condition on an attribute. A user without the attribute does not satisfy it, negated or not.
#[derive(Clone, Debug, PartialEq)]
pub struct ClauseSpec {
    /// The attribute of the user.
    pub attribute: String,
    /// How it is compared.
    pub operator: Operator,
    /// One of these must compare true.
    pub values: Vec<Value>,
    /// Whether the answer is turned round.
    pub negate: bool,
}

/// A comparison of LaunchDarkly, under its own name on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operator {
    /// Equal, in type as well.
    In,
    /// The text starts so.
    StartsWith,
    /// The text ends so.
    EndsWith,
    /// The text contains it.
    Contains,
    /// The text matches the regular expression.
    Matches,
    /// The number is less.
    LessThan,
    /// The number is less or equal.
    LessThanOrEqual,
    /// The number is greater.
    GreaterThan,
    /// The number is greater or equal.
    GreaterThanOrEqual,
    /// The date is earlier.
    Before,
    /// The date is later.
    After,
    /// The semantic version is equal.
    SemVerEqual,
    /// The semantic version is lower.
    SemVerLessThan,
    /// The semantic version is higher.
    SemVerGreaterThan,
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct ProjectTool {
    /// Unique key, which is the function's name.
    pub key: String,
    /// What it does, as the model reads it.
    pub description: String,
    /// JSON Schema of its arguments.
    pub schema: Value,
}

/// A model as variations name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfigSpec {
    /// Unique key, by custom `Provider.model-id`, such as `OpenAI.gpt-4o`.
    pub key: String,
    /// Provider, capitalized, such as `OpenAI`.
    pub provider: String,
    /// The provider's own name of the model.
    pub model: String,
}

/// An AI config in agent mode. Its automatic variation `disabled` is not listed.
#[derive(Clone, Debug, PartialEq)]
pub struct ConfigSpec {
    /// Unique key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Variations, in the order in which they are created.
    pub variations: Vec<VariationSpec>,
    /// Targeting rules; the first that matches decides.
    pub rules: Vec<RuleSpec>,
    /// What users get whom no rule matches.
    pub fallthrough: ServeSpec,
    /// Key of the variation that is served when targeting is off; `None` is the automatic
    /// `disabled`.
    pub off: Option<String>,
}

/// A variation of an AI config.
#[derive(Clone, Debug, PartialEq)]
pub struct VariationSpec {
    /// Unique key within its config.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Key of its model.
    pub model_config: String,
    /// The model's parameters (`temperature`, `max_tokens`, …).
    pub parameters: Map<String, Value>,
    /// Parameters of the application (`max_tool_calls`, …); delivered in `model.custom`.
    pub custom: Map<String, Value>,
    /// What the agent is told.
    pub instructions: String,
    /// Keys of its tools.
    pub tools: Vec<String>,
}

/// A graph of agents, each an AI config of the project.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphSpec {
    /// Unique key, which no AI config has.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Key of the AI config that a visit comes to first.
    pub root: String,
    /// The ways between them.
    pub edges: Vec<GraphEdgeSpec>,
}

/// A way of a graph.
#[derive(Clone, Debug, PartialEq)]
pub struct GraphEdgeSpec {
    /// Unique key within its graph.
    pub key: String,
    /// Key of the AI config that it begins at.
    pub from: String,
    /// Key of the AI config that it leads to.
    pub to: String,
    /// What the app reads of it; SDKs hand it on as it is.
    pub handoff: Map<String, Value>,
}

/// A targeting rule.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Whom it matches.
    pub when: Condition,
    /// What they get.
    pub serve: ServeSpec,
}

/// Whom a rule matches.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    /// Users in the segment with this key.
    Segment(String),
    /// Users that satisfy all of these clauses.
    Clauses(Vec<ClauseSpec>),
}

/// What a rule serves. Variations are named by key.
#[derive(Clone, Debug, PartialEq)]
pub enum ServeSpec {
    /// One variation.
    Variation(String),
    /// A percentage rollout; shares sum to the whole.
    Weights(Vec<(String, Share)>),
    /// A guarded rollout: `share` of the users get `to`, the others stay with `from`, and metrics
    /// watch over it.
    Guarded {
        /// The variation as it was.
        from: String,
        /// The new variation.
        to: String,
        /// How many users get the new one.
        share: Share,
    },
}

/// An experiment on one rule of one AI config.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentSpec {
    /// Unique key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What it is to show.
    pub hypothesis: String,
    /// Key of the AI config.
    pub config: String,
    /// The rule whose users take part.
    pub rule: RuleChoice,
    /// Key of the control variation; must be one of the treatments.
    pub control: String,
    /// Key of the variation that users outside the sample get.
    pub outside: String,
    /// How many of the rule's users take part.
    pub sample: Share,
    /// The variations that take part and their shares of the sample, which sum to the whole; a
    /// share of zero takes no part.
    pub treatments: Vec<(String, Share)>,
    /// Keys of its metrics.
    pub metrics: Vec<String>,
    /// Key of the primary metric; one of the metrics.
    pub primary: String,
    /// Probability at which a difference counts.
    pub threshold: Probability,
    /// How the evidence is weighed.
    pub method: Method,
    /// Correction for many comparisons.
    pub correction: Correction,
    /// Seed of the assignment; `None` lets the mock draw one. The real service always draws its
    /// own.
    pub seed: Option<i64>,
}

/// Which rule an experiment runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleChoice {
    /// The first rule whose condition is this segment.
    Segment(String),
    /// The rule at this index.
    Index(usize),
    /// The default rule.
    Fallthrough,
}
