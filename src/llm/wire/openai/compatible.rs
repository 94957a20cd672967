//! A provider that speaks OpenAI's chat completions at another address, as a scenario names it.
//!
//! Guarantees: the same name, address and variable give the same provider, so a program that reads
//! many scenarios does not grow with them.
//!
//! Does not know: which models it has, or what they refuse.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use super::OPENAI;
use super::dialect::COMPATIBLE;
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind, ModelCard};
use crate::llm::wire::completions;
use crate::llm::wire::headers::{Headers, WireResponse};
use crate::llm::wire::limits::LimitHeaders;
use crate::llm::wire::provider::{Api, Provider, ProviderFacts, SchemaPlace};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::llm::wire::stream::StreamAssembly;

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
            api: &CompatibleApi,
        }))
    });
    Provider::of(facts)
}

/// OpenAI's chat completions, with the words that other servers know: `max_tokens`, and not the
/// newer `max_completion_tokens`, which some ignore.
struct CompatibleApi;

/// The rest is as OpenAI has it.
fn rest() -> &'static dyn Api {
    OPENAI.api
}

impl Api for CompatibleApi {
    fn chat_path(&self) -> &'static str {
        rest().chat_path()
    }

    fn models_path(&self) -> &'static str {
        rest().models_path()
    }

    fn request_id_header(&self) -> &'static str {
        rest().request_id_header()
    }

    fn request_headers(&self, key: &str) -> Vec<(&'static str, String)> {
        rest().request_headers(key)
    }

    fn authenticate<'a>(&self, headers: &Headers<'a>) -> Result<&'a str, ChatError> {
        rest().authenticate(headers)
    }

    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        rest().read_request(body)
    }

    fn encode_request(&self, request: &ChatRequest, out: &mut Vec<u8>) {
        completions::encode_request(&COMPATIBLE, request, out);
    }

    fn read_response(&self, body: &[u8]) -> Result<ChatResponse, ChatError> {
        rest().read_response(body)
    }

    fn encode_response(&self, response: &ChatResponse, out: &mut Vec<u8>) {
        rest().encode_response(response, out);
    }

    fn encode_stream(
        &self,
        response: &ChatResponse,
        chunking: Chunking,
        include_usage: bool,
    ) -> Frames {
        rest().encode_stream(response, chunking, include_usage)
    }

    fn encode_stream_error(&self, error: &ChatError, request_id: &str) -> Vec<u8> {
        rest().encode_stream_error(error, request_id)
    }

    fn stream_assembly(&self, include_usage: bool) -> Box<dyn StreamAssembly> {
        rest().stream_assembly(include_usage)
    }

    fn encode_error(&self, error: &ChatError, request_id: &str) -> WireResponse {
        rest().encode_error(error, request_id)
    }

    fn read_error(&self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
        rest().read_error(status, headers, body)
    }

    fn unknown_model(&self, model: &str) -> ChatError {
        let words = format!("The model `{model}` does not exist");
        ChatError::new(ErrorKind::NotFound, words)
    }

    fn too_long(&self, input: u32, most: u32) -> ChatError {
        rest().too_long(input, most)
    }

    fn unmet_schema(&self, place: SchemaPlace<'_>, why: &str) -> ChatError {
        rest().unmet_schema(place, why)
    }

    fn answer_id(&self, bits: u128) -> String {
        rest().answer_id(bits)
    }

    fn tool_call_id(&self, bits: u128) -> String {
        rest().tool_call_id(bits)
    }

    fn request_id(&self, bits: u128) -> String {
        rest().request_id(bits)
    }

    fn encode_models(&self, cards: &[ModelCard], out: &mut Vec<u8>) {
        rest().encode_models(cards, out);
    }

    fn encode_model(&self, card: &ModelCard, out: &mut Vec<u8>) {
        rest().encode_model(card, out);
    }

    fn limit_headers(&self) -> &'static LimitHeaders {
        rest().limit_headers()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::{ContentPart, Message, Role};

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
    }
}
