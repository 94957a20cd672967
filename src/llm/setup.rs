//! What a model is told besides the conversation: instructions, parameters, tools. And the causes
//! that the mock world knows. Plain data.
//!
//! Guarantees: whatever changes a mock model's behavior can be read off the text that a real model
//! would get, so a client over HTTP meets the same behavior as the simulator.
//!
//! Does not know: who evaluated the config that these came from.

use crate::llm::chat::Caching;
use crate::quantity::Probability;
use crate::time::Duration;

/// What kind of tool it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ToolKind {
    /// Keyword search over the knowledge base.
    KeywordSearch,
    /// Semantic search over the knowledge base.
    SemanticSearch {
        /// Lowest similarity that counts.
        threshold: f64,
    },
    /// BM25 reranking of what was found.
    Rerank,
    /// A remote paper search.
    Remote(RemoteTool),
}

impl ToolKind {
    /// Whether its passages name the documents that they come from.
    #[must_use]
    pub fn names_documents(self) -> bool {
        matches!(self, Self::SemanticSearch { .. } | Self::Rerank)
    }
}

/// A remote paper search (arXiv, Semantic Scholar) as the mock plays it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RemoteTool {
    /// Median time of one answer.
    pub latency: Duration,
    /// Standard deviation of its logarithm.
    pub latency_sigma: f64,
    /// Median size of one answer in tokens.
    pub tokens: f64,
    /// Standard deviation of its logarithm.
    pub tokens_sigma: f64,
    /// Shared limit: one request at most in this time; `None`: unlimited.
    pub one_request_per: Option<Duration>,
    /// How long a refused request (429) waits before it tries again.
    pub retry_after: Duration,
    /// How often a request is tried before the tool answers with an error.
    pub attempts: u32,
}

/// One tool.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Its key (`search_v1`, …).
    pub key: String,
    /// What a model is told about it.
    pub description: String,
    /// JSON schema of its arguments, as text.
    pub schema: String,
    /// What it does.
    pub kind: ToolKind,
    /// Results asked for at average difficulty; a difficult question asks for more, up to 20.
    pub top_k: u32,
    /// Time of a local call.
    pub latency: Duration,
    /// How readily a model reaches for it, relative to the variation's other tools. Assumed.
    pub appeal: f64,
}

/// What the mock models read out of instructions. Keywords, so that editing the text changes
/// behavior.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct InstructionTraits {
    /// Redact company and job title too ("job title").
    pub strict: bool,
    /// Attribute sources ("source", "cite").
    pub cites: bool,
    /// Be short ("concise", "brief").
    pub concise: bool,
    /// Think in steps ("step by step").
    pub stepwise: bool,
}

impl InstructionTraits {
    /// Reads instructions.
    #[must_use]
    pub fn of(instructions: &str) -> Self {
        let text = instructions.to_lowercase();
        let any = |words: &[&str]| words.iter().any(|word| text.contains(word));
        Self {
            // The basic instructions of the tutorial name job titles too, as what must *not* be
            // flagged.
            strict: any(&["job title"])
                && !any(&["do not flag", "do not redact", "leave job title", "not job title"]),
            cites: any(&["source", "cite"]),
            concise: any(&["concise", "brief"]),
            stepwise: any(&["step by step", "step-by-step"]),
        }
    }
}

/// What one variation tells its model.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// Index of the model among the scenario's models.
    pub model: u16,
    /// System prompt.
    pub instructions: String,
    /// What the mock reads out of it.
    pub reading: InstructionTraits,
    /// Output cap, if the variation or the client library sets one.
    pub max_tokens: Option<u32>,
    /// Sampling temperature, if set.
    pub temperature: Option<f64>,
    /// Median tokens of the mock's answers, where the model's own median does not count.
    pub answer_tokens: Option<f64>,
    /// Median tokens that the mock reasons with before each reply, where the model's own median does
    /// not count.
    pub reasoning_tokens: Option<f64>,
    /// Indices of its tools among the scenario's tools, in the order given.
    pub tools: Vec<u16>,
    /// What goes through the provider's prompt cache.
    pub caching: Caching,
    /// Tokens that are sent with every call: the instructions, the tools' descriptions or the
    /// structured output's schema, and what the provider adds to a call with tools.
    pub fixed_tokens: u32,
}

/// How the world reacts: the causes behind the experiments' effects. All assumed; see the catalog.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Causes {
    /// Context that one redacted item takes away: name, e-mail, phone, address, company, title.
    pub context_of_item: [f64; 6],
    /// How strongly lost context makes the support agent call more tools; 0 turns the effect off.
    pub loss_to_tools: f64,
    /// Chance that the support agent, for want of the context, searches in circles until its limit,
    /// for each unit of lost context; 0 turns the effect off.
    pub loss_to_loops: f64,
    /// How strongly lost context makes the support agent write more; 0 turns the effect off.
    pub loss_to_words: f64,
    /// How strongly lost context worsens answers; 0 turns the effect off.
    pub loss_to_quality: f64,
    /// Standard deviation of the logarithm of a question's difficulty.
    pub difficulty_sigma: f64,
    /// Factor on the chance of a weak answer when the instructions ask for sources.
    pub cites_to_weakness: f64,
    /// Factor on answer length when the instructions ask to be short.
    pub concise_to_words: f64,
    /// Factor on the chance of a weak answer when the instructions ask for steps.
    pub stepwise_to_weakness: f64,
    /// Standard deviation of the logarithm of answer length added per unit of temperature above
    /// 0.2.
    pub temperature_to_spread: f64,
    /// How strongly the share of passages that are off the topic, among those that were found,
    /// worsens answers; 0 turns the effect off. Without any passage the share counts as 1.
    pub grounding_to_quality: f64,
    /// How much a wrong way through the graph lowers the log odds of a strong answer, and raises
    /// those of a weak one; 0 turns the effect off.
    pub wrong_route_to_quality: f64,
    /// The same for missing results of parallel branches, if all were missing.
    pub missing_to_quality: f64,
    /// How much each strong answer that an agent remembers raises the log odds of a strong answer,
    /// and lowers those of a weak one; a weak answer does the opposite. 0 turns the effect off.
    pub memory_to_quality: f64,
}

/// The errors and habits of a model that judges. All assumed, fitted to the published feedback
/// rates; see the catalog.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeTraits {
    /// Chance that the simulated user who told of themselves rates at all.
    pub rates_personal: Probability,
    /// Chance that any other user rates.
    pub rates_impersonal: Probability,
    /// Chance that a rated strong answer is called positive.
    pub sensitivity: Probability,
    /// Chance that a rated weak answer is called negative.
    pub specificity: Probability,
    /// Chance that a rated fair answer is called positive; the rest of them go unrated.
    pub leniency: Probability,
    /// Change of the log odds of "positive" for each 100 tokens of answer above 100. 0: no length
    /// bias.
    pub length_bias: f64,
    /// Change of the log odds of "positive" when something else (tool output) stands first. 0: no
    /// position bias.
    pub position_bias: f64,
    /// Chance that tool output alone, with no word of the model visible, is called positive.
    pub positive_on_tool_output: Probability,
}
