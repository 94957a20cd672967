//! A graph of agents as a file writes it: your own system.
//!
//! Does not know: whether its names exist and its edges make sense; `graph` does.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::spanned::{Entries, Spanned};
use super::configs::PromptCaching;
use crate::quantity::{Money, Probability, Share};
use crate::time::Duration;

/// Agents and the edges between them. Each agent is an AI config of the same key.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Graph")]
pub struct WrittenGraph {
    /// Its key in LaunchDarkly. Default: `agent-graph`.
    #[serde(default)]
    pub key: Option<Spanned<String>>,
    /// The agent that every question comes to first.
    pub root: Spanned<String>,
    /// The agents by the keys of their AI configs.
    pub nodes: Entries<WrittenNode>,
    /// The edges between them. Where several could be taken from an agent, the first one that fits
    /// is; where none fits, the visit ends with the last answer. Default: none.
    #[serde(default)]
    pub edges: Vec<WrittenEdge>,
    /// Other forms of the graph by name, for an experiment on the graph itself: its `config` is the
    /// graph's `key`, and the graph as it stands is the variation `default`. A live run has no such
    /// experiment. Default: none.
    #[serde(default)]
    pub variations: Entries<WrittenGraphVariation>,
}

impl WrittenGraph {
    /// Its key, or that of a graph that gives none.
    pub fn name(&self) -> &str {
        self.key.as_ref().map_or("agent-graph", |key| key.value.as_str())
    }
}

/// Another form of the graph: some of its agents, or other edges between them.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "GraphVariation")]
pub struct WrittenGraphVariation {
    /// Agents that it leaves out, with all edges from and to them. Default: none.
    pub without: Vec<Spanned<String>>,
    /// The agent that every question comes to first. Default: the graph's.
    pub root: Option<Spanned<String>>,
    /// All of its edges, in place of the graph's; an agent that they do not lead to takes no part.
    /// Default: the graph's edges.
    pub edges: Option<Vec<WrittenEdge>>,
}

/// An agent. It may give its AI config right here, as one variation called `default`; `configs` can
/// change that one and add others.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Node")]
pub struct WrittenNode {
    /// What it does. Default: `Answer`.
    pub role: Option<Spanned<WrittenRole>>,
    /// The model that it asks. Default: none; then `configs` has to give it.
    pub model: Option<Spanned<String>>,
    /// What the model is told. Default: one sentence that fits the role.
    pub instructions: Option<String>,
    /// Keys of the tools that it may call. Default: none.
    pub tools: Option<Vec<Spanned<String>>>,
    /// Most tool calls for one question. Default: 5.
    #[schemars(range(min = 0, max = 100))]
    pub max_tool_calls: Option<Spanned<i64>>,
    /// Median length of what the mock writes here, in tokens, in place of the
    /// model's own. Default: the model's.
    #[schemars(range(min = 12, max = 100_000))]
    pub answer_tokens: Option<Spanned<f64>>,
    /// Median of the tokens that the model reasons with before each reply. Default: the model's.
    #[schemars(range(min = 0, max = 100_000))]
    pub reasoning_tokens: Option<Spanned<f64>>,
    /// What goes through the provider's prompt cache. Default: `Off`.
    pub prompt_caching: Option<Spanned<PromptCaching>>,
}

/// What an agent does.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Role")]
pub enum WrittenRole {
    /// Answers the user, with tools where it has any. The last answer of a visit is the one that
    /// users judge.
    Answer,
    /// Finds something out for the agents after it, with tools where it has any.
    Research,
    /// Chooses an edge by what the user wants.
    Route {
        /// What users want, by name, and the shares of users who want it; they sum to 100%.
        intents: Spanned<Entries<Share>>,
        /// Chance that the model sees it. Default: the model's `routing_accuracy`.
        #[serde(default)]
        accuracy: Option<Probability>,
    },
    /// Redacts personal data; the question goes on redacted. If it fails, it goes on as it was.
    Screen,
    /// Decides whether the visit goes on. One that it stops ends there: the user gets the refusal, and
    /// no agent after it is called. If it fails, the visit goes on. Which questions should be stopped
    /// says `harmful_percentage` of `traffic`. A variation's `guard` overrides the chances, which are
    /// assumed.
    Guard {
        /// Chance that it lets a harmful question through. Default: 1 less the `routing_accuracy` of its
        /// model.
        #[serde(default)]
        misses: Option<Probability>,
        /// Chance that it stops a harmless question. Default: 0.02.
        #[serde(default)]
        false_stops: Option<Probability>,
        /// What the user is told instead of an answer. Default: one sentence.
        #[serde(default)]
        refusal: Option<Spanned<String>>,
    },
    /// Looks for personal data and sends a question that has any along the edge `Intent("screen")`.
    Prescreen,
    /// Works without a model: a retrieval, a rule, a call of a service. It is no AI config, so it has no
    /// `model` and no variations, and LaunchDarkly's graph has the edges without it. In simulation only.
    Step {
        /// Median time of a run.
        latency: Duration,
        /// How much runs differ: standard deviation of the logarithm of that time. Default: 0.4.
        #[serde(default)]
        #[schemars(range(min = 0, max = 3))]
        latency_sigma: Option<Spanned<f64>>,
        /// What a run costs; one that fails costs nothing. Default: $0.
        #[serde(default)]
        cost: Option<Money>,
        /// Chance that a run fails; then the visit takes the edge `Failed`, or the request fails.
        /// Default: 0.
        #[serde(default)]
        fails: Option<Probability>,
        /// Tokens of what it hands on to the next agent with `Results`, such as passages. Default: none.
        #[serde(default)]
        #[schemars(range(min = 12, max = 100_000))]
        tokens: Option<Spanned<i64>>,
    },
    /// Splits the question into subtasks, at least and at most so many.
    Plan {
        /// The fewest and the most, from 1 to 15.
        subtasks: Spanned<(u8, u8)>,
    },
    /// Looks the answer over and may send it back, along an edge `Revise`. The chances are assumed.
    Critique {
        /// Chance that it sends a weak answer back. Default: the `quality` of its model.
        #[serde(default)]
        catches: Option<Probability>,
        /// Chance that it sends any other answer back. Default: the `weakness` of its model.
        #[serde(default)]
        nags: Option<Probability>,
        /// Chance that a second answer is a grade better: weak, fair, strong. Default: 0.35.
        #[serde(default = "usual_mends")]
        mends: Probability,
        /// Chance that it is a grade worse. Default: 0.03.
        #[serde(default = "usual_breaks")]
        breaks: Probability,
    },
}

fn usual_mends() -> Probability {
    Probability::clamped(0.35)
}
fn usual_breaks() -> Probability {
    Probability::clamped(0.03)
}

/// An edge from one agent to another.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Edge")]
pub struct WrittenEdge {
    /// Where it begins.
    pub from: Spanned<String>,
    /// Where it leads.
    pub to: Spanned<String>,
    /// When it is taken. Default: `Always`.
    #[serde(default)]
    pub when: Option<Spanned<WrittenWhen>>,
    /// How often one visit takes it at most. An edge back needs it. Default: any number
    /// of times.
    #[serde(default)]
    #[schemars(range(min = 1, max = 14))]
    pub at_most: Option<Spanned<i64>>,
    /// Whether branches that run side by side come together at its end. Default: no.
    #[serde(default)]
    pub join: bool,
    /// What the next agent is told. Default: `Text` after an agent that routes or screens, else
    /// `Results`.
    #[serde(default)]
    pub hands_over: Option<WrittenHandover>,
}

/// When an edge is taken.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "When")]
pub enum WrittenWhen {
    /// Whenever no edge before it fits.
    Always,
    /// The routing agent chose this intent.
    Intent(Spanned<String>),
    /// For this share of the visits that come here.
    Share(Share),
    /// At once with all other edges like it from this agent, each in a branch of its own. They come
    /// together along edges with `join`.
    Parallel,
    /// At once for each subtask of a planning agent, each in a branch of its own.
    Subtask,
    /// The critic sends the answer back.
    Revise,
    /// The agent failed.
    Failed,
}

/// What the next agent is told.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Handover")]
pub enum WrittenHandover {
    /// The question as it stands: redacted where it was.
    Text,
    /// The question as the user wrote it, even where personal data was redacted in it.
    Original,
    /// The question, and what was found out or answered last.
    Results,
    /// The whole conversation of the agent before.
    Thread,
    /// The question, why it came this way, what was redacted, and the question again: the
    /// tutorial's way.
    Report,
}
