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

/// Models that are not served any more, or not for long, as of 2026-11-30. Sources: LiteLLM's price map 1.110,
/// reports of 404 answers. What to use instead is a model of the same class.
pub(super) const RETIRED: &[Retired] = &[
    Retired { id: "chatgpt-4o-latest", on: "2026-02-17", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-5-chat", on: "2026-07-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-5-chat-latest", on: "2026-07-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-5-codex", on: "2026-07-23", instead: "gpt-6.1-sol" },
    Retired { id: "gpt-5.1-chat-latest", on: "2026-07-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-5.1-codex", on: "2026-07-23", instead: "gpt-6.1-sol" },
    Retired { id: "gpt-5.1-codex-max", on: "2026-07-23", instead: "gpt-6.1-sol" },
    Retired { id: "gpt-5.1-codex-mini", on: "2026-07-23", instead: "gpt-6-luna" },
    Retired { id: "gpt-5.2-codex", on: "2026-07-23", instead: "gpt-6.1-sol" },
    Retired { id: "gpt-5.2-chat-latest", on: "2026-08-10", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-5.3-chat-latest", on: "2026-08-10", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-3.5-turbo-1106", on: "2026-09-28", instead: "gpt-6-luna" },
    Retired { id: "gpt-3.5-turbo", on: "2026-10-23", instead: "gpt-6-luna" },
    Retired { id: "gpt-3.5-turbo-0125", on: "2026-10-23", instead: "gpt-6-luna" },
    Retired { id: "gpt-3.5-turbo-16k", on: "2026-10-23", instead: "gpt-6-luna" },
    Retired { id: "gpt-4", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4-0613", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4-1106-preview", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4-turbo", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4-turbo-2024-04-09", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4.1-nano", on: "2026-10-23", instead: "gpt-6-luna" },
    Retired { id: "gpt-4.1-nano-2025-04-14", on: "2026-10-23", instead: "gpt-6-luna" },
    Retired { id: "gpt-4o-2024-05-13", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "o1", on: "2026-10-23", instead: "gpt-6-sol" },
    Retired { id: "o1-2024-12-17", on: "2026-10-23", instead: "gpt-6-sol" },
    Retired { id: "o1-pro", on: "2026-10-23", instead: "gpt-6.1-sol" },
    Retired { id: "o1-pro-2025-03-19", on: "2026-10-23", instead: "gpt-6.1-sol" },
    Retired { id: "o3-mini", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "o3-mini-2025-01-31", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "o4-mini", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "o4-mini-2025-04-16", on: "2026-10-23", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-5", on: "2026-12-11", instead: "gpt-6-sol" },
    Retired { id: "gpt-5-2025-08-07", on: "2026-12-11", instead: "gpt-6-sol" },
    Retired { id: "gpt-5-mini", on: "2026-12-11", instead: "gpt-6-luna" },
    Retired { id: "gpt-5-mini-2025-08-07", on: "2026-12-11", instead: "gpt-6-luna" },
    Retired { id: "gpt-5-nano", on: "2026-12-11", instead: "gpt-6-luna" },
    Retired { id: "gpt-5-nano-2025-08-07", on: "2026-12-11", instead: "gpt-6-luna" },
    Retired { id: "gpt-5-pro", on: "2026-12-11", instead: "gpt-6.1-sol" },
    Retired { id: "gpt-5-pro-2025-10-06", on: "2026-12-11", instead: "gpt-6.1-sol" },
    Retired { id: "o3", on: "2026-12-11", instead: "gpt-6-sol" },
    Retired { id: "o3-2025-04-16", on: "2026-12-11", instead: "gpt-6-sol" },
    Retired { id: "o3-pro", on: "2026-12-11", instead: "gpt-6.1-sol" },
    Retired { id: "o3-pro-2025-06-10", on: "2026-12-11", instead: "gpt-6.1-sol" },
    Retired { id: "gpt-4.1", on: "2027-01-14", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4.1-2025-04-14", on: "2027-01-14", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4.1-mini", on: "2027-01-14", instead: "gpt-6-luna" },
    Retired { id: "gpt-4.1-mini-2025-04-14", on: "2027-01-14", instead: "gpt-6-luna" },
    Retired { id: "gpt-4o", on: "2027-01-14", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4o-2024-08-06", on: "2027-01-14", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4o-2024-11-20", on: "2027-01-14", instead: "gpt-6.1-terra" },
    Retired { id: "gpt-4o-mini", on: "2027-01-14", instead: "gpt-6-luna" },
    Retired { id: "gpt-4o-mini-2024-07-18", on: "2027-01-14", instead: "gpt-6-luna" },
    Retired { id: "gpt-5.1", on: "2027-04-01", instead: "gpt-6-sol" },
    Retired { id: "gpt-5.1-2025-11-13", on: "2027-04-01", instead: "gpt-6-sol" },
    Retired { id: "gpt-5.3-codex", on: "2027-04-01", instead: "gpt-6.1-sol" },
    Retired { id: "gpt-5.4-nano", on: "2027-04-01", instead: "gpt-6-luna" },
    Retired { id: "gpt-5.4-nano-2026-03-17", on: "2027-04-01", instead: "gpt-6-luna" },
];
