//! The models that Google serves under the Gemini API: their limits, and the parameters that each
//! refuses.
//!
//! Source: LiteLLM's price map 1.110 and the page on thinking of the API's documentation, November
//! 2026. The levels of thinking of Gemini 4 are assumed to be those of Gemini 3.8. The price map
//! says that the Flash models from 3.5 on take no sampling parameters; whether the service refuses
//! or ignores them is not documented, so they are taken here, and live runs do not send them.

use crate::llm::families::{Family, Retired, Sampling, Thinking};

const LEVELS: &[&str] = &["low", "medium", "high"];
const LEVELS_OF_LITE: &[&str] = &["minimal", "low", "medium", "high"];
/// The context of every chat model, in tokens.
const CONTEXT: u32 = 1_048_576;

/// Gemini 3 and newer: thinking is a level; a budget is still taken.
const fn gemini(name: &'static str, output: u32, efforts: &'static [&'static str]) -> Family {
    Family {
        name,
        context: CONTEXT,
        output,
        sampling: Sampling::Taken,
        efforts,
        thinking: Thinking::Either,
        forced_tools: true,
        prefill: true,
        chats: true,
    }
}

/// Gemini 2.5: thinking is a budget.
const fn gemini_2(name: &'static str) -> Family {
    Family { thinking: Thinking::Budget, ..gemini(name, 65_536, &[]) }
}

/// Every family.
pub(super) const FAMILIES: &[Family] = &[
    gemini("gemini-4-argon", CONTEXT, LEVELS),
    gemini("gemini-4-hydrogen", CONTEXT, LEVELS),
    gemini("gemini-3.8-flash", 65_536, LEVELS),
    gemini("gemini-3.5-flash", 65_536, LEVELS),
    gemini("gemini-3.5-flash-lite", 65_536, LEVELS),
    gemini("gemini-3.1-pro", 65_536, LEVELS),
    gemini("gemini-3.1-flash-lite", 65_536, LEVELS_OF_LITE),
    gemini_2("gemini-2.5-pro"),
    gemini_2("gemini-2.5-flash"),
    gemini_2("gemini-2.5-flash-lite"),
    Family {
        thinking: Thinking::Never,
        context: 2_048,
        output: 1,
        chats: false,
        ..gemini(EMBEDDER, 1, &[])
    },
];

/// The model for embeddings.
pub(super) const EMBEDDER: &str = "gemini-embedding-001";

/// The least and the most of a model's thinking budget in tokens; none where it has no bounds here.
/// Source: the documentation's page on thinking.
pub(super) fn budgets(family: &Family) -> Option<(i64, i64)> {
    match family.name {
        "gemini-2.5-pro" => Some((128, 32_768)),
        "gemini-2.5-flash" | "gemini-2.5-flash-lite" => Some((0, 24_576)),
        _ => None,
    }
}

/// Models that are not served any more, or not for long, as of 2026-11-30. Source: LiteLLM's price
/// map 1.110.
pub(super) const RETIRED: &[Retired] = &[
    Retired {
        id: "gemini-3.1-flash-lite-preview",
        on: "2026-05-25",
        instead: "gemini-3.5-flash-lite",
    },
    Retired { id: "gemini-2.5-flash", on: "2026-12-01", instead: "gemini-3.5-flash" },
    Retired { id: "gemini-2.5-pro", on: "2026-12-01", instead: "gemini-3.1-pro-preview" },
    Retired { id: "gemini-3.1-flash-lite", on: "2027-05-07", instead: "gemini-3.5-flash-lite" },
];
