//! Which models are served: those of the scenario, and those that the providers are known to have.
//!
//! Guarantees: a model that the list names is answered, and one that it does not name is refused in
//! its provider's words.
//!
//! Does not know: what a model says.

use crate::context::KEY_EPOCH;
use crate::llm::chat::{ChatError, ChatRequest, ModelCard};
use crate::llm::profile::ModelProfile;
use crate::llm::wire::Provider;

/// The models that a provider lists: the scenario's first.
pub fn listed(provider: Provider, models: &[ModelProfile]) -> Vec<ModelCard> {
    let mut ids: Vec<&str> = models
        .iter()
        .filter(|model| model.provider == provider)
        .map(|model| model.id.as_str())
        .collect();
    for family in provider.families {
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
    if own || provider.family(id).is_some() {
        Ok(ModelCard { id: id.to_owned(), created: u64::from(KEY_EPOCH) })
    } else {
        Err(provider.api.unknown_model(id))
    }
}

/// Whether a model may be asked this; `all_models`: also one that does not answer at the path for
/// chats.
///
/// # Errors
/// `NotFound` for a model that is not served, or not for chats; `BadRequest` where the input is
/// longer than the model's context.
pub fn admit(
    provider: Provider,
    models: &[ModelProfile],
    request: &ChatRequest,
    all_models: bool,
    input: impl FnOnce() -> u32,
) -> Result<(), ChatError> {
    let id = request.model.as_str();
    let Some(family) = provider.family(id) else {
        let own = models.iter().any(|model| model.provider == provider && model.id == id);
        return if own { Ok(()) } else { Err(provider.api.unknown_model(id)) };
    };
    if !family.chats && !all_models {
        return Err(provider.api.not_for_chats(id));
    }
    let input = input();
    if input > family.context { Err(provider.api.too_long(input, family.context)) } else { Ok(()) }
}

/// The usual length of a model's vectors.
///
/// # Errors
/// `NotFound` for a model that makes none.
pub fn dimensions(provider: Provider, id: &str) -> Result<u32, ChatError> {
    let known = provider.embedders.iter().find(|(name, _)| *name == id);
    known.map(|(_, usual)| *usual).ok_or_else(|| provider.api.unknown_model(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::ErrorKind;
    use crate::llm::wire::PROVIDERS;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::mistral::MISTRAL;
    use crate::llm::wire::openai::OPENAI;

    #[test]
    fn models_are_refused_by_name_and_by_length() {
        let ask = |provider: Provider, model: &str, input| {
            admit(provider, &[], &ChatRequest::new(model), false, || input)
                .map_err(|error| (error.kind, error.message))
        };
        for &provider in PROVIDERS {
            for card in listed(provider, &[]) {
                let expected = provider.family(&card.id).is_some_and(|family| family.chats);
                assert_eq!(ask(provider, &card.id, 5).is_ok(), expected, "{}", card.id);
                assert_eq!(super::card(provider, &[], &card.id), Ok(card));
            }
            assert_eq!(ask(provider, "gpt-99", 5).unwrap_err().0, ErrorKind::NotFound);
        }
        let long = |provider, model| ask(provider, model, 2_000_000).unwrap_err();
        assert_eq!(
            long(ANTHROPIC, "claude-haiku-4-5").1,
            "prompt is too long: 2000000 tokens > 200000 maximum"
        );
        assert_eq!(long(OPENAI, "gpt-4o").0, ErrorKind::BadRequest);
        assert_eq!(long(MISTRAL, "mistral-small-latest").0, ErrorKind::BadRequest);
    }
}
