//! The simulated world as a file writes it: models, tools, causes, the judge.
//!
//! Does not know: what the numbers cause; the mock models do.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::spanned::Spanned;
use crate::llm::wire::Provider;
use crate::quantity::{Price, Probability};
use crate::time::Duration;

/// What differs from the catalog's model of this id, or from the one that it is `like`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Model {
    /// A model to start from; a new id needs it. Default: none.
    pub like: Option<Spanned<String>>,
    /// Who serves it; a live run asks there.
    pub provider: Option<Provider>,
    /// An OpenAI-compatible provider that serves it, by its address, instead of `provider`. Models
    /// with the same `name` share its key, limits and line in reports. Default: none.
    pub compatible: Option<WrittenCompatible>,
    /// Price of input tokens.
    pub input_price: Option<Price>,
    /// Price of output tokens.
    pub output_price: Option<Price>,
    /// Price of input tokens that are read from the provider's prompt cache. Default: the catalog's;
    /// none where `input_price` is given.
    pub cache_read_price: Option<Price>,
    /// Price of input tokens that are written to it. Default: the catalog's; `input_price` where
    /// that is given.
    pub cache_write_price: Option<Price>,
    /// Fewest tokens of a prompt that is cached. Default: the catalog's, else 1,024.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_cached_tokens: Option<Spanned<i64>>,
    /// Other prices for long prompts. Default: the catalog's.
    pub long_prompts: Option<WrittenLongPrompts>,
    /// Factor on all prices of a call that is sent in a batch; see `batch` of a paired design. Default:
    /// the catalog's, 0.5 where the provider has batches.
    #[schemars(range(min = 0, max = 1))]
    pub batch: Option<Spanned<f64>>,
    /// Median of the tokens that it reasons with before each reply. They cost what output costs, take
    /// as long, and are not sent again. Default: the catalog's, 0. That reasoning improves an answer
    /// is not derived: state it by `quality`, or by an `effect` of a variation.
    #[schemars(range(min = 0, max = 100_000))]
    pub reasoning_tokens: Option<Spanned<f64>>,
    /// How much that number varies: standard deviation of its logarithm. Default: the catalog's.
    #[schemars(range(min = 0, max = 3))]
    pub reasoning_sigma: Option<Spanned<f64>>,
    /// Forgets the catalog's prices; see `prices_unknown`.
    pub no_price: bool,
    /// How fast it is. Default: the catalog's.
    pub latency: WrittenLatency,
    /// How often it fails. Default: the catalog's.
    pub failures: Failures,
    /// Median length of an answer to an intermediate question with full context, in tokens.
    #[schemars(range(min = 12, max = 100_000))]
    pub answer_tokens: Option<Spanned<f64>>,
    /// How much that length varies: standard deviation of its logarithm.
    #[schemars(range(min = 0, max = 3))]
    pub answer_sigma: Option<Spanned<f64>>,
    /// Tool calls that it makes for a question of average difficulty with full context.
    #[schemars(range(min = 0, max = 50))]
    pub tool_appetite: Option<Spanned<f64>>,
    /// Chance of a strong answer with full context.
    pub quality: Option<Probability>,
    /// Chance of a weak answer with full context; what is neither strong nor weak is fair.
    pub weakness: Option<Probability>,
    /// Chance that it notices an item of personal data, for each item.
    pub personal_data_recall: Option<Probability>,
    /// Chance that it takes clean text for text with personal data.
    pub false_alarm: Option<Probability>,
    /// Chance that it sees what a user wants, as a routing agent of the scenario's own graph.
    pub routing_accuracy: Option<Probability>,
    /// Most tokens that one completion may have.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_output_tokens: Option<Spanned<i64>>,
    /// Whether a live model may be sent a `temperature`.
    pub takes_temperature: Option<bool>,
}

/// A provider that speaks OpenAI's chat completions at another address, such as Groq, vLLM or Ollama.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Compatible")]
pub struct WrittenCompatible {
    /// Its name in reports and messages: lower-case letters, digits and dashes, such as "groq".
    pub name: Spanned<String>,
    /// Its base address with the path up to the version, such as `https://api.groq.com/openai/v1`. The
    /// environment variable with the name in capitals and `_BASE_URL` overrides it.
    pub base: Spanned<String>,
    /// The environment variable that holds the key of its API; a server without keys takes any value.
    /// Default: the name in capitals and `_API_KEY`.
    #[serde(default)]
    pub key: Option<Spanned<String>>,
}

/// Other prices for a call whose prompt is long: for all of its tokens, not for those above alone.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "LongPrompts")]
pub struct WrittenLongPrompts {
    /// Most input tokens at the usual prices, cached ones included.
    #[schemars(range(min = 1, max = 100_000_000))]
    pub above: Spanned<i64>,
    /// Factor on the prices of input, cached too.
    #[schemars(range(min = 0, max = 100))]
    pub input: Spanned<f64>,
    /// Factor on the price of output.
    #[schemars(range(min = 0, max = 100))]
    pub output: Spanned<f64>,
}

/// What differs in a model's speed. A call takes `base` and `per_token` for each output token,
/// times a log-normal factor, and now and then a stall.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Latency")]
pub struct WrittenLatency {
    /// Median time to the first token.
    pub base: Option<Duration>,
    /// Median time for each output token.
    pub per_token: Option<Duration>,
    /// How much calls differ: standard deviation of the factor's logarithm; 0 makes all equally
    /// fast.
    #[schemars(range(min = 0, max = 3))]
    pub sigma: Option<Spanned<f64>>,
    /// Chance that a call meets an overloaded provider and is delayed.
    pub stall_chance: Option<Probability>,
    /// Median of that delay.
    pub stall: Option<Duration>,
    /// How much the delay varies: standard deviation of its logarithm.
    #[schemars(range(min = 0, max = 3))]
    pub stall_sigma: Option<Spanned<f64>>,
}

/// What differs in a model's failures: chances for each call, which sum to at most 1.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Failures {
    /// The provider answers with an error, after all retries.
    pub error: Option<Probability>,
    /// The provider's rate limit refuses the call.
    pub rate_limit: Option<Probability>,
    /// The model refuses to answer.
    pub refusal: Option<Probability>,
    /// Structured output (supervisor, security) that cannot be read.
    pub malformed: Option<Probability>,
}

/// What differs from the catalog's tool of this key, or from the one that it is `like`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Tool")]
pub struct WrittenTool {
    /// A tool to start from; a new key needs it, and does what that tool does. Default: none.
    pub like: Option<Spanned<String>>,
    /// What a model is told about it.
    pub description: Option<String>,
    /// Results asked for at average difficulty; a difficult question asks for more, up to 20.
    #[schemars(range(min = 1, max = 20))]
    pub top_k: Option<Spanned<i64>>,
    /// Lowest similarity that counts; of the search by meaning alone.
    #[schemars(range(min = 0, max = 1))]
    pub threshold: Option<Spanned<f64>>,
    /// Time of a call; of a remote tool the median.
    pub latency: Option<Duration>,
    /// How readily a model reaches for it, relative to the variation's other tools.
    #[schemars(range(min = 0, max = 1000))]
    pub appeal: Option<Spanned<f64>>,
    /// Median size of an answer, in tokens; of remote tools alone. With 120 or more, each answer has at least
    /// 120: one paper.
    #[schemars(range(min = 1, max = 20_000))]
    pub tokens: Option<Spanned<f64>>,
    /// A limit that all users share: one request in this time; of remote tools alone.
    pub one_request_per: Option<Duration>,
    /// Takes that limit away.
    pub unlimited: bool,
    /// How long a request that the limit refused waits before the next try.
    pub retry_after: Option<Duration>,
    /// How often a request is tried before the tool answers with an error.
    #[schemars(range(min = 1, max = 1000))]
    pub attempts: Option<Spanned<i64>>,
}

/// What differs from the catalog's causes. Redaction takes context away, and the support agent
/// works harder without it.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Causes")]
pub struct WrittenCauses {
    /// How much context each redacted item takes away. Default: the catalog's.
    pub context_of: ContextOf,
    /// How strongly lost context makes the support agent call more tools; 0 turns the effect off.
    #[schemars(range(min = 0, max = 100))]
    pub loss_to_tools: Option<Spanned<f64>>,
    /// Chance that the support agent searches in circles until its limit, for each unit of lost
    /// context; 0 turns it off.
    #[schemars(range(min = 0, max = 10))]
    pub loss_to_loops: Option<Spanned<f64>>,
    /// How strongly lost context makes the support agent write more; 0 turns the effect off.
    #[schemars(range(min = 0, max = 100))]
    pub loss_to_words: Option<Spanned<f64>>,
    /// How strongly lost context worsens answers; 0 turns the effect off.
    #[schemars(range(min = 0, max = 100))]
    pub loss_to_quality: Option<Spanned<f64>>,
    /// How much questions differ in difficulty: standard deviation of its logarithm.
    #[schemars(range(min = 0, max = 5))]
    pub difficulty_sigma: Option<Spanned<f64>>,
    /// Factor on the chance of a weak answer where the instructions ask for sources.
    #[schemars(range(min = 0, max = 100))]
    pub cites_to_weakness: Option<Spanned<f64>>,
    /// Factor on the length of answers where the instructions ask to be short.
    #[schemars(range(min = 0, max = 100))]
    pub concise_to_words: Option<Spanned<f64>>,
    /// Factor on the chance of a weak answer where the instructions ask for steps.
    #[schemars(range(min = 0, max = 100))]
    pub stepwise_to_weakness: Option<Spanned<f64>>,
    /// How much a temperature spreads the lengths of answers: added to `answer_sigma` for each unit
    /// above 0.2.
    #[schemars(range(min = 0, max = 10))]
    pub temperature_to_spread: Option<Spanned<f64>>,
    /// How strongly the share of passages off the topic, among those that searches by meaning
    /// found, worsens answers; without any passage that share is 1.
    #[schemars(range(min = 0, max = 1))]
    pub grounding_to_quality: Option<Spanned<f64>>,
    /// How much each wrong way that a routing agent of the scenario's own graph chose lowers the log
    /// odds of a strong answer, and raises those of a weak one; 0 turns the effect off.
    #[schemars(range(min = 0, max = 10))]
    pub wrong_route_to_quality: Option<Spanned<f64>>,
    /// The same for missing results of branches that run side by side, if all were missing; 0 turns
    /// the effect off.
    #[schemars(range(min = 0, max = 10))]
    pub missing_to_quality: Option<Spanned<f64>>,
    /// Carry-over: how much each strong answer that an agent remembers (`remembers`, of `users` or of
    /// a paired design) raises the log odds of a strong answer, and lowers those of a weak one; a
    /// remembered weak answer does the opposite. 0 turns the effect off.
    #[schemars(range(min = 0, max = 10))]
    pub memory_to_quality: Option<Spanned<f64>>,
}

/// How much context one redacted item takes away; what is lost is summed.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ContextOf {
    /// Of a name.
    #[schemars(range(min = 0, max = 10))]
    pub name: Option<Spanned<f64>>,
    /// Of an e-mail address.
    #[schemars(range(min = 0, max = 10))]
    pub email: Option<Spanned<f64>>,
    /// Of a phone number.
    #[schemars(range(min = 0, max = 10))]
    pub phone: Option<Spanned<f64>>,
    /// Of a postal address.
    #[schemars(range(min = 0, max = 10))]
    pub address: Option<Spanned<f64>>,
    /// Of a company; redacted by strict redaction alone.
    #[schemars(range(min = 0, max = 10))]
    pub company: Option<Spanned<f64>>,
    /// Of a job title; redacted by strict redaction alone.
    #[schemars(range(min = 0, max = 10))]
    pub title: Option<Spanned<f64>>,
}

/// What differs from the catalog's judge.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Judge {
    /// The model that judges. With a graph of your own: `claude-haiku-5-5`.
    pub model: Option<Spanned<String>>,
    /// What it is told.
    pub instructions: Option<String>,
    /// What it is shown of an answer. With a graph of your own: `AnswerOnly`.
    pub sees: Option<WrittenSees>,
    /// Characters of the question that it is shown.
    #[schemars(range(min = 0, max = 100_000))]
    pub question_characters: Option<Spanned<i64>>,
    /// Characters of the answer, tool output before it included, that it is shown.
    #[schemars(range(min = 0, max = 100_000))]
    pub answer_characters: Option<Spanned<i64>>,
    /// Chance that a user whose question carries personal data rates at all.
    pub rates_personal: Option<Probability>,
    /// Chance that any other user rates.
    pub rates_impersonal: Option<Probability>,
    /// Chance that a rated strong answer is called positive.
    pub sensitivity: Option<Probability>,
    /// Chance that a rated weak answer is called negative.
    pub specificity: Option<Probability>,
    /// Chance that a rated fair answer is called positive; the others go unrated.
    pub leniency: Option<Probability>,
    /// What each 100 tokens of answer above 100 add to the log odds of "positive"; 0 is no bias.
    #[schemars(range(min = -10, max = 10))]
    pub length_bias: Option<Spanned<f64>>,
    /// What tool output before the answer adds to the log odds of "positive"; 0 is no bias.
    #[schemars(range(min = -10, max = 10))]
    pub position_bias: Option<Spanned<f64>>,
    /// Chance that tool output alone, with no word of the model visible, is called positive.
    pub positive_on_tool_output: Option<Probability>,
}

/// What the judge is shown of an answer.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename = "Sees")]
pub enum WrittenSees {
    /// Tool output first, then the answer, cut: what the tutorial's code does.
    ToolOutputFirst,
    /// The answer alone, cut.
    AnswerOnly,
}
