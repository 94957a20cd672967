//! The scenario file as it is written: one structure for each block. What is left out takes the
//! tutorial's value, see `catalog`. The comments on the fields are the scenario reference, so they
//! speak to whoever writes a file.
//!
//! Guarantees: unknown fields are errors; a field that names something carries its place; a field
//! says what it means, its unit and, in `range`, what it may be. A default that does not come from
//! the code ends its comment: "Default: …".
//!
//! Does not know: whether a name exists or a sum comes out; `resolve` does.

mod configs;
mod graph;
mod metrics;
mod outcomes;
mod rollouts;
mod world;

use schemars::JsonSchema;
use serde::Deserialize;

pub use configs::{Depth, WrittenAtBudget, WrittenConfig, WrittenRedaction, WrittenVariation};
pub use graph::{
    WrittenEdge, WrittenGraph, WrittenGraphVariation, WrittenHandover, WrittenNode, WrittenRole,
    WrittenWhen,
};
pub use metrics::{Accuracy, WrittenDenominator, WrittenMetric};
pub use outcomes::{WrittenEffect, WrittenOutcome, WrittenScore, WrittenValue};
pub use rollouts::{Allocation, GuardedRollout, WrittenDesign};
#[cfg(test)]
pub use world::{ContextOf, Failures, WrittenLatency};
pub use world::{Judge, Model, WrittenCauses, WrittenCompatible, WrittenSees, WrittenTool};

use super::injected;
use super::lesson;
use super::spanned::{Entries, Spanned};
use crate::event::SdkFamily;
use crate::experiment::{Correction, Method};
use crate::quantity::{Probability, Share};
use crate::report::Expect;
use crate::time::Duration;
use crate::verdict::Rule;

/// The whole file: one block in parentheses. Only `experiments` has to be there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Scenario", extend("required" = ["experiments"]))]
#[serde(rename = "Scenario")]
pub struct WrittenScenario {
    /// What the scenario is about, in one line. Default: none.
    pub title: String,
    /// The seed of all random numbers: the same file and seed give the same bytes on every machine.
    /// `--seed` overrides it.
    pub seed: u64,
    /// What users ask about and the search tools search: a folder of Markdown files, beside the
    /// scenario file. Its headings are topics; one is enough. Default: the built-in base on
    /// reinforcement learning.
    pub knowledge: Option<Spanned<String>>,
    /// What users ask, word for word: a file of JSON lines next to the scenario file, such as
    /// `{"text": "Where is my invoice?"}`. A line may also say `intent` (a name of a routing agent's
    /// intents), `depth` (`basic`, `intermediate`, `advanced`), `personal_data` (an object from a
    /// kind, such as `name` or `email`, to the words in the text; without it, simlab looks for
    /// personal data in the text) and `expected` (the answer that the judge compares with). Each user
    /// asks one of them; all are equally likely. Default: a model writes the questions.
    pub questions: Option<Spanned<String>>,
    /// Who sends how many queries, and how. Default: the tutorial's.
    pub traffic: WrittenTraffic,
    /// How often users come back, and how alike their visits are. A user stays one unit in every
    /// analysis. A live run has no such users. Default: each user comes once.
    pub users: Option<Spanned<Users>>,
    /// How many questions users ask in one conversation. A user stays one unit in every analysis. A live
    /// run has no such users. Default: one question.
    pub conversation: Option<Spanned<WrittenConversation>>,
    /// Who the users are: groups whose shares sum to 100%. Default: everybody is in the US on the
    /// paid plan.
    pub audience: Option<Spanned<Vec<Group>>>,
    /// The models by their providers' ids: what differs from the catalog, or new ones. Default: the
    /// catalog's.
    pub models: Entries<Model>,
    /// Whether a model may be used although it has no price: its calls then send no cost event.
    /// Otherwise that is a fault.
    pub prices_unknown: bool,
    /// The tools by key: what differs from the catalog, or new ones. Default: the catalog's.
    pub tools: Entries<WrittenTool>,
    /// Segments of users by key; a user belongs who meets all clauses. The catalog's segments are
    /// there besides. Default: the catalog's.
    pub segments: Entries<Vec<WrittenClause>>,
    /// The agents of your own system and the ways between them. Default: the tutorial's, a
    /// supervisor, a security agent and a support agent.
    pub graph: Option<WrittenGraph>,
    /// The AI configs by key: `supervisor-agent`, `security-agent` and `support-agent`, or the nodes
    /// of your own graph; what differs from the catalog or from the node. Default: the catalog's.
    pub configs: Entries<WrittenConfig>,
    /// Events of your own that come of visits, by key, such as `"ticket_resolved"`. Default: none.
    pub outcomes: Entries<WrittenOutcome>,
    /// Which AI SDK the app tracks with, and so how its events look: in `events.jsonl` and in a live
    /// run. `Python1`, `Node2` and `AiServer` walk the scenario's graph and tell of it. Default: the
    /// Python SDK, which is asked for each agent's AI config by itself.
    pub events: Option<EventFamily>,
    /// How long after its last visit the experiment ends. An outcome that comes later is not
    /// counted. Default: it waits for all outcomes.
    pub ends_after: Option<Duration>,
    /// The metrics by key: what differs from the catalog, or new ones. Default: the catalog's.
    pub metrics: Entries<WrittenMetric>,
    /// How strongly the simulated world reacts: the causes behind effects. A live run does not need
    /// them. Default: the catalog's.
    pub causes: WrittenCauses,
    /// The model that plays users and rates the answers. Default: the catalog's.
    pub judge: Judge,
    /// The experiments; all run on the same users at the same time. At least one, unless metrics
    /// watch over a guarded rollout.
    pub experiments: Vec<WrittenExperiment>,
    /// Guarded rollouts that LaunchDarkly runs beside the experiments. Default: none.
    pub guarded_rollouts: Vec<GuardedRollout>,
    /// Faults that `simlab serve` commits; a run has those of its models alone. Default: none.
    pub faults: Vec<injected::WrittenFault>,
    /// What the scenario teaches, for `simlab learn`. Default: none.
    pub lesson: Option<lesson::WrittenLesson>,
}

/// A family of LaunchDarkly's AI SDKs.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum EventFamily {
    /// `launchdarkly-server-sdk-ai` for Python, 1.2.0.
    Python1,
    /// `@launchdarkly/server-sdk-ai` for Node, 2.0.1.
    Node2,
    /// `launchdarkly-ai-server` for Python, 0.4.0: the second family.
    AiServer,
}

impl EventFamily {
    /// What it means.
    #[must_use]
    pub fn meaning(self) -> SdkFamily {
        match self {
            Self::Python1 => SdkFamily::Python1,
            Self::Node2 => SdkFamily::Node2,
            Self::AiServer => SdkFamily::AiServer,
        }
    }
}

/// Who sends how many queries, and how.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Traffic")]
pub struct WrittenTraffic {
    /// How many users come, each with one query, or with several where `users` says so. `--users`
    /// overrides it.
    #[schemars(range(min = 1, max = 10_000_000))]
    pub queries: Option<Spanned<i64>>,
    /// How they are sent.
    pub mode: Option<Spanned<WrittenMode>>,
    /// When the client gives up on a request; more than zero.
    pub timeout: Option<Spanned<Duration>>,
    /// How many queries in a hundred carry personal data, and so meet the security agent.
    #[schemars(range(min = 0, max = 100))]
    pub pii_percentage: Option<Spanned<f64>>,
    /// How many queries in a hundred are ones that a guard should stop, such as attacks on the
    /// instructions. Only agents with the role `Guard` look for them. Assumed.
    #[schemars(range(min = 0, max = 100))]
    pub harmful_percentage: Option<Spanned<f64>>,
    /// How deep the questions go: shares that sum to 100%. Default: a third each.
    pub complexity: Option<Spanned<ComplexityShares>>,
    /// How many topics the writer is asked to find in the knowledge base.
    #[schemars(range(min = 1, max = 256))]
    pub topics: Option<Spanned<i64>>,
    /// The model that finds topics and writes the questions. With a graph of your own: `claude-haiku-5-5`.
    pub writer: Option<Spanned<String>>,
    /// What the writer is told.
    pub instructions: Option<String>,
    /// Gives every user a visit before the experiment, which CUPED needs: the share of users whose
    /// visit went as it does in the experiment under the control; the others only asked the same
    /// kind of question. Default: nobody came before.
    #[schemars(range(min = 0, max = 1))]
    pub pre_period: Option<Spanned<f64>>,
}

/// How requests are sent.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Mode")]
pub enum WrittenMode {
    /// So many workers, each sending its next request as soon as the last is answered.
    Concurrent {
        /// Requests in flight at once.
        #[schemars(range(min = 1, max = 10_000))]
        workers: i64,
    },
    /// One request at a time.
    Sequential {
        /// The pause after each.
        delay: Duration,
    },
}

/// How users come back.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Users {
    /// How many visits each user makes.
    pub visits: Visits,
    /// Mean time from the end of a visit to the start of the next one, in simulated time; the times
    /// are exponentially distributed.
    pub gap: Duration,
    /// How alike the visits of one user are: the correlation of what is the user's own (difficulty
    /// and length of the answers, how good they turn out, wishes, depth, personal data, feedback)
    /// between visits, on the normal scale. Models, tools and failures have their own draws at every
    /// visit. Assumed. Default: 0, so that visits are as independent as users.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub persistence: Option<Spanned<f64>>,
    /// How many of the user's last visits the agents that answer can read: the question and the
    /// answer of each stand before the new question, and their tokens count. It changes nothing
    /// else. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 20))]
    pub remembers: Option<Spanned<i64>>,
}

/// How many visits each user makes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Visits {
    /// The same number for everybody, from 1 to 1,000.
    Fixed(Spanned<i64>),
    /// After every visit, one more with the same chance: the mean number of visits, from 1 to 100.
    Geometric(Spanned<f64>),
}

/// Conversations of several turns. With every turn the agents that answer read the whole conversation
/// again: questions and answers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Conversation")]
pub struct WrittenConversation {
    /// How many questions a user is prepared to ask. A request that fails or is stopped ends the
    /// conversation, too.
    pub turns: WrittenTurns,
    /// Mean time from an answer to the next question, in simulated time; the times are exponentially
    /// distributed. Default: 30 s.
    #[serde(default)]
    pub pause: Option<Duration>,
    /// Share of the later questions that are about what was asked before: the same topic and depth.
    /// The others are about anything. Assumed. Default: 1.
    #[serde(default)]
    #[schemars(range(min = 0, max = 1))]
    pub follow_ups: Option<Spanned<f64>>,
    /// Chance that the user stops after an answer, by its quality. Assumed. Default: what its fields
    /// say.
    #[serde(default)]
    pub stops: WrittenStops,
    /// When answers are rated and outcomes follow. Default: `EachTurn`.
    #[serde(default)]
    pub rated: Option<WrittenRated>,
}

/// How many questions a user is prepared to ask.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Turns")]
pub enum WrittenTurns {
    /// The same number for everybody, from 1 to 20.
    Fixed(Spanned<i64>),
    /// From the first to the second number, each equally likely; from 1 to 20.
    Between(Spanned<i64>, Spanned<i64>),
    /// After every question one more with the same chance: the mean number, from 1 to 20; at most 20.
    Geometric(Spanned<f64>),
}

/// Chances that the user stops.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Stops")]
pub struct WrittenStops {
    /// After a strong answer. Default: 1.
    pub strong: Option<Probability>,
    /// After a fair one. Default: 0.5.
    pub fair: Option<Probability>,
    /// After a weak one. Default: 0.
    pub weak: Option<Probability>,
}

/// When answers are rated.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Rated")]
pub enum WrittenRated {
    /// After every answer.
    EachTurn,
    /// After the last answer alone, by that answer.
    AtTheEnd,
}

/// How deep questions go. The shares sum to 100%.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Complexity")]
pub struct ComplexityShares {
    /// Share of basic questions: less work for the support agent (a factor of 0.7 on tool calls and
    /// words).
    pub basic: Share,
    /// Share of intermediate questions.
    pub intermediate: Share,
    /// Share of advanced questions: more work (a factor of 1.3).
    pub advanced: Share,
}

/// Users with the same attributes.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Share of all users that belong to the group.
    pub share: Share,
    /// Attributes by name, each with its possible values, which are spread evenly: `{ "country":
    /// ["DE", "FR"], "plan": ["paid"] }`. LaunchDarkly keeps the names `key`, `kind`, `anonymous`
    /// and `_meta` for itself.
    pub attributes: Entries<Vec<String>>,
}

/// A condition on a user's attribute.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Clause")]
pub enum WrittenClause {
    /// The attribute has one of these values: `In("plan", ["paid"])`.
    In(String, Vec<String>),
    /// The attribute is there and has none of these values.
    NotIn(String, Vec<String>),
}

/// A decision rule whose names know where they stand.
pub type WrittenRule = Rule<Spanned<String>, Spanned<String>>;

/// An expectation whose names know where they stand.
pub type WrittenExpect = Expect<Spanned<String>>;

/// An experiment, in the words of the tutorial's form.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Experiment")]
pub struct WrittenExperiment {
    /// Its key in LaunchDarkly.
    pub key: Spanned<String>,
    /// Its name for people. Default: the key as words.
    #[serde(default)]
    pub name: Option<String>,
    /// What it is to show. Default: that a treatment does better than the control on the primary
    /// metric.
    #[serde(default)]
    pub hypothesis: String,
    /// The AI config that it varies.
    pub config: Spanned<String>,
    /// The segment whose targeting rule it runs on. Default: it runs on the default rule.
    #[serde(default)]
    pub segment: Option<Spanned<String>>,
    /// The variation that the others are compared with; it needs a share in `split`.
    pub control: Spanned<String>,
    /// The variation that users outside the sample get. Default: the control.
    #[serde(default)]
    pub outside: Option<Spanned<String>>,
    /// Share of the rule's users that take part; more than 0%.
    #[serde(default)]
    pub sample: Option<Spanned<Share>>,
    /// The variations and their shares of the sample, which sum to 100%; a variation with 0% takes
    /// no part.
    pub split: Spanned<Entries<Share>>,
    /// Keys of its metrics, at least one; the first is the primary one.
    pub metrics: Vec<Spanned<String>>,
    /// How sure a result has to be to count, and how much of the posterior an interval holds.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0.5, "exclusiveMaximum" = 1))]
    pub threshold: Option<Spanned<f64>>,
    /// How the evidence is weighed. The decision is always Bayesian; the other methods stand beside
    /// it.
    #[serde(default)]
    pub method: Method,
    /// Which correction is made for many comparisons.
    #[serde(default)]
    pub correction: Correction,
    /// Health checks whose failure does not make the verdict untrusted, by name:
    /// `["sample_ratio_mismatch"]`. Checks that can fail: `sample_ratio_mismatch`, `metrics`,
    /// `silent_arm`, `failed_requests` and, of recorded events, `sampling`. Default: none, so a failed check turns the
    /// headline into "do not trust this result".
    #[serde(default)]
    pub tolerate: Vec<Spanned<String>>,
    /// Whether the split stays as it is, or is a bandit's: `Thompson(every: 100)`. A live run has
    /// no bandit. Default: `Fixed`.
    #[serde(default)]
    pub allocation: Option<Spanned<Allocation>>,
    /// Whether users are split between the variations, or the same questions go through all of them:
    /// `Paired(repeats: 3, judgings: 2)`. Default: `Split`.
    #[serde(default)]
    pub design: Option<Spanned<WrittenDesign>>,
    /// Segments whose users are also looked at by themselves. Default: none.
    #[serde(default)]
    pub by: Vec<Spanned<String>>,
    /// The rule that decides. Default: results without a verdict.
    #[serde(default)]
    pub decision: Option<Spanned<WrittenRule>>,
    /// What is expected of the outcome; a run that misses it ends with exit code 1. Default:
    /// nothing.
    #[serde(default)]
    pub expect: Option<Spanned<WrittenExpect>>,
}
