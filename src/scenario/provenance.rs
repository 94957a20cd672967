//! Where the numbers of the mock world come from, as data: for each field of a block that has
//! defaults.
//!
//! Guarantees: every field of these blocks is listed, once (tested); the figures themselves stand
//! in `catalog`.
//!
//! Does not know: what a scenario changes; a number that a file writes is its author's.

use std::fmt;

/// Where a default comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Read off the published tutorial or its code.
    Tutorial,
    /// The providers' prices of October 2025, as far as the tutorial has them too; of the newer
    /// models their own.
    PriceList,
    /// The providers' documentation.
    Documentation,
    /// Chosen, by nothing but plausibility.
    Assumed,
    /// Chosen so that a published figure comes out.
    Fitted,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tutorial => "tutorial",
            Self::PriceList => "price list",
            Self::Documentation => "documentation",
            Self::Assumed => "assumed",
            Self::Fitted => "assumed, fitted",
        })
    }
}

/// Where the default of one field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// The block: `models`, `models.latency`, `tools`, `causes`, `judge`, ….
    pub block: &'static str,
    /// The field.
    pub field: &'static str,
    /// Where it comes from.
    pub origin: Origin,
    /// To what it was fitted, or what else there is to know; empty if nothing.
    pub note: &'static str,
}

const fn of(
    block: &'static str,
    field: &'static str,
    origin: Origin,
    note: &'static str,
) -> Provenance {
    Provenance { block, field, origin, note }
}

use Origin::{Assumed, Documentation, Fitted, PriceList, Tutorial};

/// Which prices are the tutorial's own and differ from what the provider lists.
const PRICES: &str = "tutorial for Mistral ($0) and for Claude 3.5 Haiku ($0.25 and $1.25; Anthropic listed $0.80 and $4)";

/// Every field with a default, block by block.
pub const ORIGINS: &[Provenance] = &[
    of("traffic", "queries", Tutorial, "200"),
    of("traffic", "mode", Tutorial, "10 workers"),
    of("traffic", "timeout", Tutorial, "2,000 s"),
    of("traffic", "pii_percentage", Tutorial, "15"),
    of("traffic", "harmful_percentage", Assumed, "0"),
    of("traffic", "complexity", Tutorial, "three depths, equally often"),
    of("traffic", "topics", Tutorial, "\"20+\"; its example prints 23"),
    of("traffic", "writer", Tutorial, ""),
    of("traffic", "instructions", Assumed, "the tutorial's meaning in other words"),
    of("traffic", "pre_period", Assumed, "nobody came before"),
    of("models", "provider", Documentation, ""),
    of("models", "input_price", PriceList, PRICES),
    of("models", "output_price", PriceList, PRICES),
    of("models", "cache_read_price", PriceList, ""),
    of("models", "cache_write_price", PriceList, ""),
    of("models", "min_cached_tokens", Documentation, ""),
    of("models", "long_prompts", PriceList, ""),
    of("models", "batch", PriceList, ""),
    of("models", "reasoning_tokens", Assumed, "it depends on the effort that is asked for"),
    of("models", "reasoning_sigma", Assumed, ""),
    of("models", "answer_tokens", Fitted, "published tokens and cost per user"),
    of("models", "answer_sigma", Fitted, "published spread of cost per user"),
    of("models", "tool_appetite", Fitted, "published tokens and cost per user"),
    of("models", "quality", Fitted, "published feedback rates"),
    of("models", "weakness", Fitted, "published feedback rates"),
    of("models", "personal_data_recall", Assumed, ""),
    of("models", "false_alarm", Assumed, ""),
    of("models", "routing_accuracy", Assumed, ""),
    of("models", "max_output_tokens", Documentation, ""),
    of("models", "takes_temperature", Documentation, ""),
    of("models.latency", "base", Assumed, "the providers' usual order"),
    of("models.latency", "per_token", Assumed, "the providers' usual order"),
    of("models.latency", "sigma", Assumed, ""),
    of("models.latency", "stall_chance", Fitted, "published P95 latencies"),
    of("models.latency", "stall", Fitted, "published P95 latencies"),
    of("models.latency", "stall_sigma", Assumed, ""),
    of("models.failures", "error", Assumed, "together below the tutorial's 5% of failed requests"),
    of("models.failures", "rate_limit", Assumed, ""),
    of("models.failures", "refusal", Assumed, ""),
    of("models.failures", "malformed", Assumed, ""),
    of("tools", "description", Assumed, "the tutorial's meaning in other words"),
    of("tools", "top_k", Tutorial, "of the searches; assumed for the others"),
    of("tools", "threshold", Tutorial, "0.20"),
    of("tools", "latency", Assumed, ""),
    of("tools", "appeal", Fitted, "published tokens and latencies"),
    of("tools", "tokens", Assumed, ""),
    of(
        "tools",
        "one_request_per",
        Assumed,
        "so that slow queries take the published 5 to 20 minutes",
    ),
    of("tools", "retry_after", Tutorial, "30 s"),
    of("tools", "attempts", Assumed, ""),
    of("causes", "loss_to_tools", Fitted, "published price of strict redaction"),
    of("causes", "loss_to_loops", Fitted, "published spread of cost per user"),
    of("causes", "loss_to_words", Fitted, "published price of strict redaction"),
    of("causes", "loss_to_quality", Fitted, "published feedback rates"),
    of("causes", "difficulty_sigma", Fitted, "published spread of cost per user"),
    of("causes", "cites_to_weakness", Assumed, ""),
    of("causes", "concise_to_words", Assumed, ""),
    of("causes", "stepwise_to_weakness", Assumed, ""),
    of("causes", "temperature_to_spread", Assumed, ""),
    of("causes", "grounding_to_quality", Assumed, "none"),
    of("causes", "wrong_route_to_quality", Assumed, "about as much as losing most of the context"),
    of(
        "causes",
        "memory_to_quality",
        Assumed,
        "off: what a memory does to answers depends on the app",
    ),
    of("causes", "missing_to_quality", Assumed, "little is left without any of the research"),
    of("causes.context_of", "name", Assumed, ""),
    of("causes.context_of", "email", Assumed, ""),
    of("causes.context_of", "phone", Assumed, ""),
    of("causes.context_of", "address", Assumed, ""),
    of("causes.context_of", "company", Assumed, ""),
    of("causes.context_of", "title", Assumed, ""),
    of("judge", "model", Tutorial, ""),
    of("judge", "instructions", Assumed, "the tutorial's meaning in other words"),
    of("judge", "sees", Tutorial, "what its code does"),
    of("judge", "question_characters", Tutorial, "200"),
    of("judge", "answer_characters", Tutorial, "500"),
    of("judge", "rates_personal", Fitted, "published feedback rates"),
    of("judge", "rates_impersonal", Fitted, "published feedback rates"),
    of("judge", "sensitivity", Assumed, ""),
    of("judge", "specificity", Assumed, ""),
    of("judge", "leniency", Fitted, "published feedback rates"),
    of("judge", "length_bias", Assumed, "none"),
    of("judge", "position_bias", Assumed, "none"),
    of(
        "judge",
        "positive_on_tool_output",
        Fitted,
        "the silent arm of the published premium experiment",
    ),
];
