//! A provider that speaks OpenAI's chat completions at another address, as a scenario names it.
//!
//! Guarantees: the same name, address and variable give the same provider, so a program that reads
//! many scenarios does not grow with them.
//!
//! Does not know: which models it has, or what they refuse.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::provider::COMPATIBLE_API;
use crate::llm::wire::provider::{Provider, ProviderFacts};

/// Name, address and variable of every provider that was asked for.
static KNOWN: Mutex<BTreeMap<[String; 3], &'static ProviderFacts>> = Mutex::new(BTreeMap::new());

/// The environment variable of a provider of this name that ends so: `my-host` and `API_KEY` give
/// `MY_HOST_API_KEY`.
#[must_use]
pub fn variable(name: &str, end: &str) -> String {
    format!("{}_{end}", name.to_ascii_uppercase().replace('-', "_"))
}

/// The provider of this name at this base address, whose key is in this environment variable. All
/// three are checked by the caller.
#[must_use]
pub fn compatible(name: &str, base: &str, key_variable: &str) -> Provider {
    let key = [name, base, key_variable].map(str::to_owned);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let facts = known.entry(key).or_insert_with(|| {
        let kept = |text: String| -> &'static str { Box::leak(text.into_boxed_str()) };
        let name = kept(name.to_owned());
        Box::leak(Box::new(ProviderFacts {
            key: name,
            variant: name,
            name,
            key_variable: kept(key_variable.to_owned()),
            base_variable: kept(variable(name, "BASE_URL")),
            base: kept(base.to_owned()),
            mount: kept(format!("/compatible/{name}")),
            families: &[],
            embedders: &[],
            retired: &[],
            client_max_tokens: None,
            api: &COMPATIBLE_API,
        }))
    });
    Provider::of(facts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::{ChatRequest, ContentPart, Message, Role};

    #[test]
    fn the_same_provider_is_made_once_and_caps_with_the_older_word() {
        let made = || compatible("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY");
        assert!(std::ptr::eq(&raw const *made(), &raw const *made()));
        let other = compatible("groq", "https://other.example/v1", "GROQ_API_KEY");
        assert!(!std::ptr::eq(&raw const *made(), &raw const *other));
        assert_eq!((made().base_variable, made().base_path()), ("GROQ_BASE_URL", "/openai/v1"));
        assert_eq!(variable("my-host", "API_KEY"), "MY_HOST_API_KEY");
        let mut request = ChatRequest::new("llama");
        request.max_tokens = Some(5);
        let content = vec![ContentPart::Text("hi".into())];
        request.messages.push(Message { role: Role::User, content });
        let mut body = Vec::new();
        made().api.encode_request(&request, &mut body);
        let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&body["max_tokens"], body.get("max_completion_tokens")), (&5.into(), None));
        let api = made().api;
        assert!(api.embeddings().is_none() && api.responses().is_none());
        assert_eq!(api.unknown_model("m").message, "The model `m` does not exist");
    }
}
