//! The chat models that OpenAI serves: their limits, and the parameters that each refuses.
//!
//! Source: the model pages and the client's own table in November 2026 (openai 3.57, LiteLLM's
//! price map 1.110). Models that are retired stay in the table, since applications still name them.

use crate::llm::families::{Family, Retired, Sampling, Thinking};

const OLD: &[&str] = &["low", "medium", "high"];
const FIVE: &[&str] = &["minimal", "low", "medium", "high"];
const FIVE_POINT: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const HIGH: &[&str] = &["high"];
const SIX: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];
const SIX_ALWAYS: &[&str] = &["low", "medium", "high", "xhigh", "max"];
const NONE_BY_DEFAULT: Sampling = Sampling::WithoutReasoning { by_default: true };
const NONE_IF_ASKED: Sampling = Sampling::WithoutReasoning { by_default: false };

const fn gpt(
    name: &'static str,
    context: u32,
    output: u32,
    sampling: Sampling,
    efforts: &'static [&'static str],
) -> Family {
    let (thinking, forced_tools, prefill, chats) = (Thinking::Never, true, true, true);
    Family { name, context, output, sampling, efforts, thinking, forced_tools, prefill, chats }
}

/// Served at `/v1/responses` only.
const fn responses_only(family: Family) -> Family {
    Family { chats: false, ..family }
}

/// Every family.
pub(super) const FAMILIES: &[Family] = &[
    gpt("gpt-3.5-turbo", 16_385, 4_096, Sampling::Taken, &[]),
    gpt("gpt-4", 8_192, 8_192, Sampling::Taken, &[]),
    gpt("gpt-4-turbo", 128_000, 4_096, Sampling::Taken, &[]),
    gpt("gpt-4o", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("chatgpt-4o", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("gpt-4o-mini", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("gpt-4o-audio", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("gpt-audio", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("gpt-audio-mini", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("gpt-4.1", 1_047_576, 32_768, Sampling::Taken, &[]),
    gpt("gpt-4.1-mini", 1_047_576, 32_768, Sampling::Taken, &[]),
    gpt("gpt-4.1-nano", 1_047_576, 32_768, Sampling::Taken, &[]),
    gpt("o1", 200_000, 100_000, Sampling::OnlyDefault, OLD),
    responses_only(gpt("o1-pro", 200_000, 100_000, Sampling::OnlyDefault, OLD)),
    gpt("o3", 200_000, 100_000, Sampling::OnlyDefault, OLD),
    gpt("o3-mini", 200_000, 100_000, Sampling::OnlyDefault, OLD),
    responses_only(gpt("o3-pro", 200_000, 100_000, Sampling::OnlyDefault, OLD)),
    gpt("o4-mini", 200_000, 100_000, Sampling::OnlyDefault, OLD),
    gpt("gpt-5", 272_000, 128_000, Sampling::OnlyDefault, FIVE),
    gpt("gpt-5-mini", 272_000, 128_000, Sampling::OnlyDefault, FIVE),
    gpt("gpt-5-nano", 272_000, 128_000, Sampling::OnlyDefault, FIVE),
    gpt("gpt-5-chat", 128_000, 16_384, Sampling::Taken, &[]),
    responses_only(gpt("gpt-5-pro", 272_000, 128_000, Sampling::Refused, HIGH)),
    responses_only(gpt("gpt-5-codex", 272_000, 128_000, Sampling::Refused, OLD)),
    gpt("gpt-5.1", 272_000, 128_000, NONE_BY_DEFAULT, FIVE_POINT),
    gpt("gpt-5.1-chat", 128_000, 16_384, Sampling::Taken, &[]),
    responses_only(gpt("gpt-5.1-codex", 272_000, 128_000, Sampling::Refused, OLD)),
    gpt("gpt-5.2", 272_000, 128_000, NONE_BY_DEFAULT, FIVE_POINT),
    gpt("gpt-5.2-chat", 128_000, 16_384, Sampling::Taken, &[]),
    responses_only(gpt("gpt-5.2-pro", 272_000, 128_000, Sampling::Refused, HIGH)),
    gpt("gpt-5.4", 1_050_000, 128_000, NONE_BY_DEFAULT, FIVE_POINT),
    gpt("gpt-5.4-mini", 272_000, 128_000, NONE_BY_DEFAULT, FIVE_POINT),
    gpt("gpt-5.4-nano", 272_000, 128_000, NONE_BY_DEFAULT, FIVE_POINT),
    responses_only(gpt("gpt-5.4-pro", 1_050_000, 128_000, Sampling::Refused, HIGH)),
    gpt("gpt-5.5", 1_050_000, 128_000, NONE_IF_ASKED, FIVE_POINT),
    responses_only(gpt("gpt-5.5-pro", 1_050_000, 128_000, Sampling::Refused, HIGH)),
    gpt("gpt-5.6-sol", 922_000, 128_000, NONE_IF_ASKED, FIVE_POINT),
    gpt("gpt-5.6-terra", 922_000, 128_000, NONE_IF_ASKED, FIVE_POINT),
    gpt("gpt-5.6-luna", 922_000, 128_000, NONE_IF_ASKED, FIVE_POINT),
    gpt("gpt-6-sol", 922_000, 128_000, Sampling::Refused, SIX),
    gpt("gpt-6-luna", 922_000, 128_000, Sampling::Refused, SIX),
    gpt("gpt-6-astra", 922_000, 128_000, Sampling::Refused, SIX_ALWAYS),
    gpt("gpt-6.1-terra", 922_000, 128_000, Sampling::Refused, SIX),
    gpt("gpt-6.1-sol", 922_000, 128_000, Sampling::Refused, SIX_ALWAYS),
    gpt("gpt-6.2-astra", 922_000, 128_000, Sampling::Refused, SIX_ALWAYS),
    gpt("gpt-6.2-sol", 922_000, 128_000, Sampling::Refused, SIX_ALWAYS),
];

/// Models that are not served any more, as of November 2026. Source: reports of 404 answers.
pub(super) const RETIRED: &[Retired] =
    &[Retired { id: "chatgpt-4o-latest", on: "2026-02-17", instead: "gpt-4o" }];
