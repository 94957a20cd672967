//! The chat models that each provider serves: their limits, and the parameters that each refuses.
//!
//! Guarantees: a model is found by its whole family name, alone or with the date of a snapshot or
//! `latest` after it, never by a shared beginning.
//!
//! Source: the providers' model pages and the clients' own tables in November 2026 (anthropic 2.14,
//! openai 3.57, LiteLLM's price map 1.110). Models that a provider has retired stay in the table,
//! since applications still name them.
//!
//! Does not know: prices, or how a provider words a refusal.

use super::profile::Provider;

/// Whether a model takes `temperature` and `top_p`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampling {
    /// Both.
    Taken,
    /// One of the two.
    OneOfTwo,
    /// Only the default value, 1.
    OnlyDefault,
    /// Only with reasoning effort `none`, which is the default where the flag is set.
    WithoutReasoning {
        /// Whether the effort is `none` unless the request says otherwise.
        by_default: bool,
    },
    /// Neither.
    Refused,
}

/// What a model says about `thinking` (Anthropic).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Thinking {
    /// It does not think.
    Never,
    /// With a budget in tokens.
    Budget,
    /// With a budget or adaptively.
    Either,
    /// Adaptively or not at all.
    Adaptive,
    /// Always, adaptively: it cannot be disabled.
    Always,
    /// Always, and the parameter itself is refused.
    Fixed,
}

/// A family of models with the same limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    /// Who serves it.
    pub provider: Provider,
    /// The model id without a date.
    pub name: &'static str,
    /// Most input tokens.
    pub context: u32,
    /// Most output tokens.
    pub output: u32,
    /// Whether it takes `temperature` and `top_p`.
    pub sampling: Sampling,
    /// The words that it takes for its reasoning effort; none: the parameter is refused.
    pub efforts: &'static [&'static str],
    /// What it says about `thinking`.
    pub thinking: Thinking,
    /// Whether a tool call can be forced.
    pub forced_tools: bool,
    /// Whether the last message may be the assistant's.
    pub prefill: bool,
    /// Whether it answers at the endpoint for chats.
    pub chats: bool,
}

impl Family {
    /// Whether it reasons before it answers (OpenAI): such a model has `max_completion_tokens`
    /// only.
    #[must_use]
    pub fn reasons(&self) -> bool {
        self.provider == Provider::OpenAi && !self.efforts.is_empty()
    }
}

const ALL: &[&str] = &["none", "low", "medium", "high", "xhigh", "max"];
const CLAUDE: &[&str] = &["low", "medium", "high", "xhigh", "max"];

const fn claude(
    name: &'static str,
    context: u32,
    output: u32,
    sampling: Sampling,
    thinking: Thinking,
) -> Family {
    let (forced_tools, prefill) = (true, true);
    Family {
        provider: Provider::Anthropic,
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
        efforts: CLAUDE,
        prefill: false,
        ..claude(name, 1_000_000, 128_000, sampling, thinking)
    }
}

const fn unforced(family: Family) -> Family {
    Family { forced_tools: false, ..family }
}

const fn gpt(
    name: &'static str,
    context: u32,
    output: u32,
    sampling: Sampling,
    efforts: &'static [&'static str],
) -> Family {
    Family {
        provider: Provider::OpenAi,
        efforts,
        prefill: true,
        ..claude(name, context, output, sampling, Thinking::Never)
    }
}

/// Served at `/v1/responses` only.
const fn responses_only(family: Family) -> Family {
    Family { chats: false, ..family }
}

const fn mistral(name: &'static str, context: u32, efforts: &'static [&'static str]) -> Family {
    Family {
        provider: Provider::Mistral,
        efforts,
        ..claude(name, context, context, Sampling::Taken, Thinking::Never)
    }
}

const OLD: &[&str] = &["low", "medium", "high"];
const FIVE: &[&str] = &["minimal", "low", "medium", "high"];
const FIVE_POINT: &[&str] = &["none", "low", "medium", "high", "xhigh"];
const HIGH: &[&str] = &["high"];
const SIX: &[&str] = ALL;
const SIX_ALWAYS: &[&str] = CLAUDE;
const TWO: &[&str] = &["none", "high"];
const NONE_BY_DEFAULT: Sampling = Sampling::WithoutReasoning { by_default: true };
const NONE_IF_ASKED: Sampling = Sampling::WithoutReasoning { by_default: false };

/// Every family.
pub const FAMILIES: &[Family] = &[
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
        efforts: CLAUDE,
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
    gpt("gpt-3.5-turbo", 16_385, 4_096, Sampling::Taken, &[]),
    gpt("gpt-4", 8_192, 8_192, Sampling::Taken, &[]),
    gpt("gpt-4-turbo", 128_000, 4_096, Sampling::Taken, &[]),
    gpt("gpt-4o", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("chatgpt-4o", 128_000, 16_384, Sampling::Taken, &[]),
    gpt("gpt-4o-mini", 128_000, 16_384, Sampling::Taken, &[]),
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
    mistral("pixtral-12b", 131_000, &[]),
    mistral("pixtral-large", 131_000, &[]),
];

/// The family of a model; none if the provider serves no such model. A fine-tuned model (`ft:…`) is
/// of its base's family.
#[must_use]
pub fn family(provider: Provider, model: &str) -> Option<&'static Family> {
    let model =
        model.strip_prefix("ft:").map_or(model, |rest| rest.split(':').next().unwrap_or_default());
    let of = |family: &&Family| {
        family.provider == provider && model.strip_prefix(family.name).is_some_and(is_snapshot)
    };
    FAMILIES.iter().find(of)
}

/// Whether this is nothing, `-latest`, or a date in one of the forms that providers write.
fn is_snapshot(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('-') else { return rest.is_empty() };
    let digits = rest.bytes().filter(u8::is_ascii_digit).count();
    let dashes = rest.bytes().filter(|b| *b == b'-').count();
    let date = match (digits, dashes) {
        (4 | 8, 0) => true,
        (8, 2) => rest.as_bytes().get(4) == Some(&b'-') && rest.as_bytes().get(7) == Some(&b'-'),
        _ => false,
    };
    let preview = matches!(rest, "latest" | "preview");
    preview || (date && digits + dashes == rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_is_found_by_its_whole_name() {
        let name = |provider, model| family(provider, model).map(|family| family.name);
        let openai = |model| name(Provider::OpenAi, model);
        assert_eq!(openai("gpt-4o"), Some("gpt-4o"));
        assert_eq!(openai("gpt-4o-2024-08-06"), Some("gpt-4o"));
        assert_eq!(openai("gpt-4o-mini-2024-07-18"), Some("gpt-4o-mini"));
        assert_eq!(openai("chatgpt-4o-latest"), Some("chatgpt-4o"));
        assert_eq!(openai("gpt-3.5-turbo-0125"), Some("gpt-3.5-turbo"));
        assert_eq!(openai("ft:gpt-4o-mini-2024-07-18:acme::abc"), Some("gpt-4o-mini"));
        for model in [
            "gpt-4o-20245",
            "gpt-4o-huge",
            "gpt-7",
            "",
            "gpt-4o-2024-08-0x",
            "gpt-4o-",
            "claude-opus-5",
            "ft:",
            "gpt-4o-20-24-0806",
        ] {
            assert_eq!(openai(model), None, "{model}");
        }
        let anthropic = |model| name(Provider::Anthropic, model);
        for model in [
            "claude-3-7-sonnet-latest",
            "claude-3-5-haiku-20241022",
            "claude-opus-4-20250514",
            "claude-3-haiku-20240307",
            "claude-fable-5-2",
        ] {
            assert!(anthropic(model).is_some(), "{model}");
        }
        assert_eq!(anthropic("claude-sonnet-4-5-20250929"), Some("claude-sonnet-4-5"));
        assert_eq!(name(Provider::Mistral, "mistral-large-2512"), Some("mistral-large"));
        assert_eq!(name(Provider::Mistral, "mistral-large-4-0"), Some("mistral-large-4-0"));
    }

    #[test]
    fn names_come_once() {
        for (at, family) in FAMILIES.iter().enumerate() {
            assert!(
                FAMILIES[..at].iter().all(|other| other.name != family.name),
                "{}",
                family.name
            );
        }
    }
}
