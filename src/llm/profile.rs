//! What a model is like: price, speed, length, appetite for tools, quality, failures.
//!
//! Guarantees: a profile holds causes only, never an outcome of an experiment. Every number says
//! where it comes from: *tutorial* (read off the published page), *price list* (October 2025), or
//! *assumed* (chosen, or fitted so that the published figures come out; see the catalog).
//!
//! Does not know: who asks, or what is measured.

use crate::llm::chat::{Cached, Usage};
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

/// Prices of input that goes through a provider's prompt cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePrices {
    /// Of a token that is read from it.
    pub read: Price,
    /// Of a token that is written to it.
    pub write: Price,
    /// Fewest tokens of a prompt that is cached.
    pub least: u32,
}

/// Prices of prompts above a length. They hold for the whole call, not for the tokens above alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongPrompts {
    /// Most input tokens, cached ones included, at the usual prices.
    pub above: u32,
    /// Prices of longer prompts in percent of the usual: input (cached too), and output.
    pub input_percent: u32,
    /// See `input_percent`.
    pub output_percent: u32,
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
    /// Prices of cached input; `None`: unknown.
    pub cache: Option<CachePrices>,
    /// Other prices for long prompts; `None`: all prompts have the same.
    pub long_prompts: Option<LongPrompts>,
    /// All prices of a call that is sent in a batch, in percent of the usual; `None`: the provider
    /// has no batches, or their price is unknown.
    pub batch_percent: Option<u32>,
    /// Median of the tokens that it reasons with before each reply; 0: it does not.
    pub reasoning_tokens: f64,
    /// Standard deviation of the logarithm of that number.
    pub reasoning_sigma: f64,
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
    /// What a call costs: the sum of tokens times price over input that is not cached, input read
    /// from the cache, input written to it, and output; at other prices where the prompt is long.
    /// Cached input of a model without prices for it costs what other input does. `None` without a
    /// price.
    #[must_use]
    pub fn cost(&self, usage: Usage) -> Option<Money> {
        let (input_price, output_price) = (self.input_price?, self.output_price?);
        let read = usage.cached.read.min(usage.input);
        let written = usage.cached.written.min(usage.input - read);
        let cache =
            self.cache.map_or((input_price, input_price), |cache| (cache.read, cache.write));
        let (input_percent, output_percent) = match self.long_prompts {
            Some(long) if usage.input > long.above => (long.input_percent, long.output_percent),
            _ => (100, 100),
        };
        // Nearly every prompt is short, and a user makes several calls.
        let part = |tokens: u32, price: Price, percent: u32| {
            let price = if percent == 100 { price } else { price.percent(percent) };
            price.of(tokens.into())
        };
        let plain = part(usage.input - read - written, input_price, input_percent);
        let output = part(usage.output, output_price, output_percent);
        if usage.cached == Cached::NONE {
            return Some(plain + output);
        }
        let cached = part(read, cache.0, input_percent) + part(written, cache.1, input_percent);
        Some(plain + cached + output)
    }

    /// The same model at the prices of calls that are sent in a batch; `None` without batches.
    #[must_use]
    pub fn in_batch(&self) -> Option<Self> {
        let percent = self.batch_percent?;
        let price = |price: Option<Price>| price.map(|price| price.percent(percent));
        Some(Self {
            input_price: price(self.input_price),
            output_price: price(self.output_price),
            charged: self.charged.map(price),
            cache: self.cache.map(|cache| CachePrices {
                read: cache.read.percent(percent),
                write: cache.write.percent(percent),
                ..cache
            }),
            ..self.clone()
        })
    }

    /// The most that a call of at most so many tokens may cost, whatever its provider caches.
    #[must_use]
    pub fn most(&self, input: u32, output: u32) -> Option<Money> {
        let usage = Usage::uncached(input, output);
        let written = Usage { cached: Cached { read: 0, written: input }, ..usage };
        self.cost(usage).max(self.cost(written))
    }
}
