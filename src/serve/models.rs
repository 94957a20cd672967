//! Which models are served: those of the scenario, and those that the providers are known to have.
//!
//! Guarantees: a model that the list names is answered, and one that it does not name is refused in
//! its provider's words.
//!
//! Does not know: what a model says.

use crate::context::KEY_EPOCH;
use crate::llm::chat::{ChatError, ChatRequest, ErrorKind, ModelCard, Provider};
use crate::llm::families::{FAMILIES, Family, family};
use crate::llm::profile::ModelProfile;

/// The models that a provider lists: the scenario's first.
pub fn listed(provider: Provider, models: &[ModelProfile]) -> Vec<ModelCard> {
    let mut ids: Vec<&str> = models
        .iter()
        .filter(|model| model.provider == provider)
        .map(|model| model.id.as_str())
        .collect();
    for family in FAMILIES.iter().filter(|family| family.provider == provider) {
        if !ids.contains(&family.name) {
            ids.push(family.name);
        }
    }
    ids.into_iter()
        .map(|id| ModelCard { id: id.to_owned(), created: u64::from(KEY_EPOCH) })
        .collect()
}

/// The card of one model.
///
/// # Errors
/// `NotFound` where the provider serves no such model.
pub fn card(provider: Provider, models: &[ModelProfile], id: &str) -> Result<ModelCard, ChatError> {
    let own = models.iter().any(|model| model.provider == provider && model.id == id);
    if own || family(provider, id).is_some() {
        Ok(ModelCard { id: id.to_owned(), created: u64::from(KEY_EPOCH) })
    } else {
        Err(unknown(provider, id))
    }
}

/// Whether a model may be asked this.
///
/// # Errors
/// `NotFound` for a model that is not served, or not for chats; `BadRequest` where the input is
/// longer than the model's context.
pub fn admit(
    provider: Provider,
    models: &[ModelProfile],
    request: &ChatRequest,
    input: impl FnOnce() -> u32,
) -> Result<(), ChatError> {
    let id = request.model.as_str();
    let Some(family) = family(provider, id) else {
        let own = models.iter().any(|model| model.provider == provider && model.id == id);
        return if own { Ok(()) } else { Err(unknown(provider, id)) };
    };
    if !family.chats {
        let words = "This model is only supported in v1/responses and not in v1/chat/completions.";
        return Err(ChatError {
            field: Some("model".to_owned()),
            ..ChatError::new(ErrorKind::NotFound, words)
        });
    }
    let input = input();
    if input > family.context { Err(too_long(family, input)) } else { Ok(()) }
}

/// Models for vectors, and the length of the vectors that each makes unless asked for another.
const EMBEDDERS: [(Provider, &str, u32); 5] = [
    (Provider::OpenAi, "text-embedding-3-small", 1536),
    (Provider::OpenAi, "text-embedding-3-large", 3072),
    (Provider::OpenAi, "text-embedding-ada-002", 1536),
    (Provider::Mistral, "mistral-embed", 1024),
    (Provider::Mistral, "codestral-embed", 1536),
];

/// The usual length of a model's vectors.
///
/// # Errors
/// `NotFound` for a model that makes none.
pub fn dimensions(provider: Provider, id: &str) -> Result<u32, ChatError> {
    let known = EMBEDDERS.iter().find(|(of, name, _)| *of == provider && *name == id);
    known.map(|(.., usual)| *usual).ok_or_else(|| unknown(provider, id))
}

fn unknown(provider: Provider, id: &str) -> ChatError {
    let words = match provider {
        Provider::Anthropic => format!("model: {id}"),
        Provider::OpenAi => {
            format!("The model `{id}` does not exist or you do not have access to it.")
        }
        Provider::Mistral => format!("Invalid model: {id}"),
    };
    ChatError::new(ErrorKind::NotFound, words)
}

fn too_long(family: &Family, input: u32) -> ChatError {
    let most = family.context;
    let (words, code) = match family.provider {
        Provider::Anthropic => {
            (format!("prompt is too long: {input} tokens > {most} maximum"), None)
        }
        Provider::OpenAi => {
            let words = format!(
                "This model's maximum context length is {most} tokens. However, your messages resulted in {input} tokens. Please reduce the \
                 length of the messages."
            );
            (words, Some("context_length_exceeded"))
        }
        Provider::Mistral => (
            format!(
                "Prompt contains {input} tokens, too large for model with {most} maximum context length"
            ),
            Some("3051"),
        ),
    };
    let field = (family.provider == Provider::OpenAi).then(|| "messages".to_owned());
    ChatError {
        field,
        code: code.map(str::to_owned),
        ..ChatError::new(ErrorKind::BadRequest, words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_refused_by_name_and_by_length() {
        let ask = |provider, model: &str, input| {
            admit(provider, &[], &ChatRequest::new(model), || input)
                .map_err(|error| (error.kind, error.message))
        };
        let providers = [Provider::Anthropic, Provider::OpenAi, Provider::Mistral];
        for provider in providers {
            for card in listed(provider, &[]) {
                let expected = family(provider, &card.id).is_some_and(|family| family.chats);
                assert_eq!(ask(provider, &card.id, 5).is_ok(), expected, "{}", card.id);
                assert_eq!(super::card(provider, &[], &card.id), Ok(card));
            }
            assert_eq!(ask(provider, "gpt-99", 5).unwrap_err().0, ErrorKind::NotFound);
        }
        let long = |provider, model| ask(provider, model, 2_000_000).unwrap_err();
        assert_eq!(
            long(Provider::Anthropic, "claude-haiku-4-5").1,
            "prompt is too long: 2000000 tokens > 200000 maximum"
        );
        assert_eq!(long(Provider::OpenAi, "gpt-4o").0, ErrorKind::BadRequest);
        assert_eq!(long(Provider::Mistral, "mistral-small-latest").0, ErrorKind::BadRequest);
    }
}
