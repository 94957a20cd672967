//! What a model is like: price, speed, length, appetite for tools, quality, failures.
//!
//! Promises: a profile holds causes only, never an outcome of an experiment. Every number says
//! where it comes from: *tutorial* (read off the published page), *price list* (October 2025), or
//! *assumed* (chosen, or fitted so that the published figures come out; see the catalog).
//!
//! Does not know: who asks, or what is measured.

use crate::llm::wire::Provider;
use crate::quantity::{Money, Price, Probability};
use crate::time::Duration;

/// How long a completion takes: `base` plus `per_token` for each output token, times a log-normal
/// factor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Time to the first token (median).
    pub base: Duration,
    /// Time for each output token (median).
    pub per_token: Duration,
    /// Standard deviation of the logarithm of the factor; 0 makes every call equally fast.
    pub sigma: f64,
    /// Chance that the provider is overloaded and the call is delayed.
    pub stall_chance: Probability,
    /// Median of that delay.
    pub stall: Duration,
    /// Standard deviation of the delay's logarithm.
    pub stall_sigma: f64,
}

/// Chances that a call fails, by kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FailureRates {
    /// The provider answers with an error (5xx, overloaded) after all retries.
    pub error: Probability,
    /// The provider's rate limit refuses the call.
    pub rate_limit: Probability,
    /// The model refuses to answer.
    pub refusal: Probability,
    /// Structured output that cannot be parsed.
    pub malformed: Probability,
}

impl FailureRates {
    /// No call fails.
    pub const NONE: Self = Self {
        error: Probability::ZERO,
        rate_limit: Probability::ZERO,
        refusal: Probability::ZERO,
        malformed: Probability::ZERO,
    };
}

/// One model.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelProfile {
    /// The provider's model id.
    pub id: String,
    /// Who serves it.
    pub provider: Provider,
    /// Price of input tokens; `None`: unknown, no cost event is ever sent.
    pub input_price: Option<Price>,
    /// Price of output tokens.
    pub output_price: Option<Price>,
    /// What the provider charges for input and output tokens, also where no cost event is sent
    /// (`no_price`); `None`: unknown.
    pub charged: [Option<Price>; 2],
    /// Speed.
    pub latency: Latency,
    /// Failures.
    pub failures: FailureRates,
    /// Median length of a support answer to an intermediate question with full context, in tokens.
    pub answer_tokens: f64,
    /// Standard deviation of the logarithm of that length.
    pub answer_sigma: f64,
    /// Tool calls that it makes for a question of average difficulty with full context.
    pub tool_appetite: f64,
    /// Chance of a strong answer with full context.
    pub quality: Probability,
    /// Chance of a weak answer with full context.
    pub weakness: Probability,
    /// Chance that one item of personal data is recognized, for each item.
    pub personal_data_recall: Probability,
    /// Chance that clean text is taken for text with personal data.
    pub false_alarm: Probability,
    /// Most tokens that one completion may have; a variation's `max_tokens` may lower it.
    pub max_output_tokens: u32,
    /// Whether the live model takes a `temperature`.
    pub takes_temperature: bool,
    /// Chance that it sees what a user wants, as a routing agent.
    pub routing_accuracy: Probability,
    /// When the prices of the catalog were read; `None`: they are the scenario's own.
    pub prices_of: Option<&'static str>,
}

impl ModelProfile {
    /// What a call of so many tokens costs: `(input × input price + output × output price) / 1M`;
    /// `None` without a price.
    #[must_use]
    pub fn cost(&self, input_tokens: u32, output_tokens: u32) -> Option<Money> {
        Some(
            self.input_price?.of(u64::from(input_tokens))
                + self.output_price?.of(u64::from(output_tokens)),
        )
    }
}
