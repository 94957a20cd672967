//! Which models are served: those of the scenario, and those that the providers are known to have.
//!
//! Guarantees: a model that the list names is answered, and one that it does not name is refused in
//! its provider's words.
//!
//! Does not know: what a model says.

use crate::context::KEY_EPOCH;
use crate::llm::chat::{ChatError, ChatRequest, ErrorKind, ModelCard};
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

/// The length of a model's vectors: the usual one, or the one that is `wanted`.
///
/// # Errors
/// `NotFound` for a model that makes none, `BadRequest` for a length that it does not have.
pub fn dimensions(provider: Provider, id: &str, wanted: Option<u32>) -> Result<u32, ChatError> {
    let known = provider.embedders.iter().find(|own| own.model == id);
    let known = known.ok_or_else(|| provider.api.unknown_model(id))?;
    let bad = |words: String| ChatError {
        field: Some("dimensions".to_owned()),
        ..ChatError::new(ErrorKind::BadRequest, words)
    };
    match (wanted, known.most) {
        (None, _) => Ok(known.dimensions),
        (Some(_), None) => Err(bad("This model does not support specifying dimensions.".into())),
        (Some(0), _) => Err(bad("'dimensions' must be at least 1.".into())),
        (Some(wanted), Some(most)) if wanted > most => Err(bad(format!(
            "Invalid value for 'dimensions' = {wanted}. Must be less than or equal to {most}."
        ))),
        (Some(wanted), Some(_)) => Ok(wanted),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::PROVIDERS;
    use crate::llm::wire::anthropic::ANTHROPIC;
    use crate::llm::wire::mistral::MISTRAL;
    use crate::llm::wire::openai::OPENAI;

    #[test]
    fn vectors_have_the_length_of_their_model_or_one_that_it_has() {
        let of = |provider, model, wanted| {
            dimensions(provider, model, wanted).map_err(|error| (error.kind, error.message))
        };
        assert_eq!(of(OPENAI, "text-embedding-3-large", None), Ok(3072));
        assert_eq!(of(OPENAI, "text-embedding-3-large", Some(256)), Ok(256));
        let bad = |result: Result<u32, (ErrorKind, String)>, part: &str| {
            let (kind, words) = result.unwrap_err();
            assert!(kind == ErrorKind::BadRequest && words.contains(part), "{words}");
        };
        bad(of(OPENAI, "text-embedding-3-large", Some(3073)), "less than or equal to 3072");
        bad(of(OPENAI, "text-embedding-3-small", Some(0)), "at least 1");
        bad(of(OPENAI, "text-embedding-ada-002", Some(1536)), "does not support");
        bad(of(MISTRAL, "mistral-embed", Some(512)), "does not support");
        assert_eq!(of(MISTRAL, "codestral-embed", Some(3072)), Ok(3072));
        assert_eq!(of(OPENAI, "gpt-4o", None).unwrap_err().0, ErrorKind::NotFound);
    }

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
