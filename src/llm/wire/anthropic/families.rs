//! The chat models that Anthropic serves: their limits, and the parameters that each refuses.
//!
//! Source: the model pages and the client's own table in November 2026 (anthropic 2.14, LiteLLM's
//! price map 1.110). Models that are retired stay in the table, since applications still name them.

use crate::llm::families::{Family, Retired, Sampling, Thinking};

const EFFORTS: &[&str] = &["low", "medium", "high", "xhigh", "max"];

const fn claude(
    name: &'static str,
    context: u32,
    output: u32,
    sampling: Sampling,
    thinking: Thinking,
) -> Family {
    let (forced_tools, prefill) = (true, true);
    Family {
        name,
        context,
        output,
        sampling,
        efforts: &[],
        thinking,
        forced_tools,
        prefill,
        chats: true,
    }
}

/// From Claude 4.6 on: no assistant's words to go on from, and an effort.
const fn newer_claude(name: &'static str, sampling: Sampling, thinking: Thinking) -> Family {
    Family {
        efforts: EFFORTS,
        prefill: false,
        ..claude(name, 1_000_000, 128_000, sampling, thinking)
    }
}

const fn unforced(family: Family) -> Family {
    Family { forced_tools: false, ..family }
}

/// Every family.
pub(super) const FAMILIES: &[Family] = &[
    claude("claude-3-haiku", 200_000, 4_096, Sampling::Taken, Thinking::Never),
    claude("claude-3-sonnet", 200_000, 4_096, Sampling::Taken, Thinking::Never),
    claude("claude-3-opus", 200_000, 4_096, Sampling::Taken, Thinking::Never),
    claude("claude-3-5-haiku", 200_000, 8_192, Sampling::Taken, Thinking::Never),
    claude("claude-3-5-sonnet", 200_000, 8_192, Sampling::Taken, Thinking::Never),
    claude("claude-3-7-sonnet", 200_000, 64_000, Sampling::Taken, Thinking::Budget),
    claude("claude-sonnet-4", 200_000, 64_000, Sampling::Taken, Thinking::Budget),
    claude("claude-sonnet-4-0", 200_000, 64_000, Sampling::Taken, Thinking::Budget),
    claude("claude-opus-4", 200_000, 32_000, Sampling::Taken, Thinking::Budget),
    claude("claude-opus-4-0", 200_000, 32_000, Sampling::Taken, Thinking::Budget),
    claude("claude-opus-4-1", 200_000, 32_000, Sampling::OneOfTwo, Thinking::Budget),
    claude("claude-haiku-4-5", 200_000, 64_000, Sampling::OneOfTwo, Thinking::Budget),
    claude("claude-sonnet-4-5", 200_000, 64_000, Sampling::OneOfTwo, Thinking::Budget),
    Family {
        efforts: EFFORTS,
        ..claude("claude-opus-4-5", 200_000, 64_000, Sampling::OneOfTwo, Thinking::Budget)
    },
    newer_claude("claude-sonnet-4-6", Sampling::OneOfTwo, Thinking::Either),
    newer_claude("claude-opus-4-6", Sampling::OneOfTwo, Thinking::Either),
    newer_claude("claude-opus-4-7", Sampling::Refused, Thinking::Adaptive),
    newer_claude("claude-opus-4-8", Sampling::Refused, Thinking::Adaptive),
    newer_claude("claude-sonnet-5", Sampling::Refused, Thinking::Adaptive),
    newer_claude("claude-opus-5", Sampling::Refused, Thinking::Adaptive),
    newer_claude("claude-haiku-5-5", Sampling::Refused, Thinking::Adaptive),
    unforced(newer_claude("claude-sonnet-5-5", Sampling::Refused, Thinking::Always)),
    unforced(newer_claude("claude-opus-5-5", Sampling::Refused, Thinking::Always)),
    unforced(newer_claude("claude-fable-5", Sampling::Refused, Thinking::Fixed)),
    unforced(newer_claude("claude-fable-5-1", Sampling::Refused, Thinking::Fixed)),
    unforced(newer_claude("claude-fable-5-2", Sampling::Refused, Thinking::Fixed)),
    unforced(newer_claude("claude-mythos-5-1", Sampling::Refused, Thinking::Fixed)),
    unforced(newer_claude("claude-mythos-5-2", Sampling::Refused, Thinking::Fixed)),
];

/// Models that are not served any more, or not for long, as of 2026-11-30. Sources: Anthropic's page of deprecations,
/// reports of 404 answers, the client's own list (anthropic 2.14), and LiteLLM's price map 1.110. What to use instead
/// is what Anthropic says, or else a model of the same class.
pub(super) const RETIRED: &[Retired] = &[
    Retired { id: "claude-2.0", on: "2025-07-21", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-2.1", on: "2025-07-21", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-3-sonnet-20240229", on: "2025-07-21", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-3-5-sonnet-20240620", on: "2025-10-28", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-3-5-sonnet-20241022", on: "2025-10-28", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-3-5-sonnet-latest", on: "2025-10-28", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-3-opus-20240229", on: "2026-01-05", instead: "claude-opus-4-7" },
    Retired { id: "claude-3-opus-latest", on: "2026-01-05", instead: "claude-opus-4-7" },
    Retired {
        id: "claude-3-5-haiku-20241022",
        on: "2026-02-19",
        instead: "claude-haiku-4-5-20251001",
    },
    Retired {
        id: "claude-3-5-haiku-latest",
        on: "2026-02-19",
        instead: "claude-haiku-4-5-20251001",
    },
    Retired { id: "claude-3-7-sonnet-20250219", on: "2026-02-19", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-3-7-sonnet-latest", on: "2026-02-19", instead: "claude-sonnet-4-6" },
    Retired {
        id: "claude-3-haiku-20240307",
        on: "2026-04-19",
        instead: "claude-haiku-4-5-20251001",
    },
    Retired { id: "claude-mythos-preview", on: "2026-06-09", instead: "claude-opus-5-5" },
    Retired { id: "claude-opus-4-20250514", on: "2026-06-15", instead: "claude-opus-4-7" },
    Retired { id: "claude-sonnet-4-5", on: "2026-11-30", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-sonnet-4-5-20250929", on: "2026-11-30", instead: "claude-sonnet-4-6" },
    Retired { id: "claude-opus-4-5", on: "2027-01-22", instead: "claude-opus-4-7" },
    Retired { id: "claude-opus-4-5-20251101", on: "2027-01-22", instead: "claude-opus-4-7" },
];
