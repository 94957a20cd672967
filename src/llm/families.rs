//! What is known of a family of chat models: its limits, and the parameters that it refuses. The
//! tables are in the folders of the providers.
//!
//! Guarantees: a model is found by its whole family name, alone or with the date of a snapshot or
//! `latest` after it, never by a shared beginning.
//!
//! Does not know: prices, or how a provider words a refusal.

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
    /// Whether it reasons before it answers.
    #[must_use]
    pub fn reasons(&self) -> bool {
        !self.efforts.is_empty()
    }
}

/// A model that is not served any more, or whose provider has said when it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retired {
    /// Its id.
    pub id: &'static str,
    /// The day it was retired, or is going to be.
    pub on: &'static str,
    /// What to use instead.
    pub instead: &'static str,
}

/// The family of a model among these; none if the model is of none of them. A fine-tuned model
/// (`ft:…`) is of its base's family.
#[must_use]
pub fn find(families: &'static [Family], model: &str) -> Option<&'static Family> {
    let base = model.strip_prefix("ft:");
    let model = base.map_or(model, |rest| rest.split(':').next().unwrap_or_default());
    families.iter().find(|family| model.strip_prefix(family.name).is_some_and(is_snapshot))
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
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::mistral::MISTRAL;
    use crate::llm::wire::openai::OPENAI;
    use crate::llm::wire::{PROVIDERS, Provider};

    #[test]
    fn a_model_is_found_by_its_whole_name() {
        let name = |provider: Provider, model| provider.family(model).map(|family| family.name);
        let openai = |model| name(OPENAI, model);
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
        let anthropic = |model| name(ANTHROPIC, model);
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
        assert_eq!(name(MISTRAL, "mistral-large-2512"), Some("mistral-large"));
        assert_eq!(name(MISTRAL, "mistral-large-4-0"), Some("mistral-large-4-0"));
    }

    #[test]
    fn names_come_once() {
        let all = PROVIDERS.iter().flat_map(|provider| provider.families);
        let mut names: Vec<&str> = all.map(|family| family.name).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert!(names.len() == count && count > 80, "{count}");
    }
}
