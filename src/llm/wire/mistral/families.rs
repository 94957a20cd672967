//! The chat models that Mistral serves: their limits, and the parameters that each refuses.
//!
//! Source: the model pages and the client's own table in November 2026 (mistralai 3.7, LiteLLM's
//! price map 1.110). Models that are retired stay in the table, since applications still name them.

use crate::llm::families::{Family, Retired, Sampling, Thinking};

const TWO: &[&str] = &["none", "high"];

const fn mistral(name: &'static str, context: u32, efforts: &'static [&'static str]) -> Family {
    let (output, sampling, thinking) = (context, Sampling::Taken, Thinking::Never);
    let (forced_tools, prefill, chats) = (true, true, true);
    Family { name, context, output, sampling, efforts, thinking, forced_tools, prefill, chats }
}

/// Every family.
pub(super) const FAMILIES: &[Family] = &[
    mistral("mistral-tiny", 32_000, &[]),
    mistral("mistral-small", 128_000, &[]),
    mistral("mistral-medium", 128_000, &[]),
    mistral("mistral-medium-3-5", 262_000, TWO),
    mistral("mistral-large", 131_000, &[]),
    mistral("mistral-large-4-0", 1_000_000, TWO),
    mistral("ministral-3b", 131_000, &[]),
    mistral("ministral-8b", 131_000, &[]),
    mistral("ministral-14b", 262_000, &[]),
    mistral("open-mistral-nemo", 131_000, &[]),
    mistral("codestral", 128_000, &[]),
    mistral("devstral-small", 131_000, &[]),
    mistral("devstral-medium", 131_000, &[]),
    mistral("magistral-small", 40_000, &[]),
    mistral("magistral-medium", 40_000, &[]),
    mistral("voxtral-mini", 32_000, &[]),
    mistral("voxtral-small", 32_000, &[]),
    mistral("pixtral-12b", 131_000, &[]),
    mistral("pixtral-large", 131_000, &[]),
];

/// Models that are not served for long any more, as of 2026-11-30. Source: LiteLLM's price map 1.110.
pub(super) const RETIRED: &[Retired] = &[
    Retired { id: "mistral-large-2512", on: "2027-04-30", instead: "mistral-large-4-0" },
    Retired { id: "mistral-medium-3-5", on: "2027-04-30", instead: "mistral-large-4-0" },
];
