//! Mistral as a provider: facts, and its chat completions as an [`Api`].
//!
//! Sources: the API reference <https://docs.mistral.ai/api>, and the forms that its errors have
//! been seen in, November 2026.

use super::families::{FAMILIES, RETIRED};
use super::{chat, models};
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind, ModelCard};
use crate::llm::wire::completions;
use crate::llm::wire::embeddings::EmbeddingsApi;
use crate::llm::wire::headers::{Headers, WireResponse};
use crate::llm::wire::ids::base62;
use crate::llm::wire::limits::{LimitHeaders, ResetForm, WindowHeaders};
use crate::llm::wire::moderations::{Hazard, ModerationsApi};
use crate::llm::wire::provider::{Api, Embedder, Provider, ProviderFacts, SchemaPlace};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::llm::wire::stream::StreamAssembly;

/// Mistral.
pub const MISTRAL: Provider = Provider::of(&FACTS);

static FACTS: ProviderFacts = ProviderFacts {
    key: "mistral",
    variant: "Mistral",
    name: "Mistral",
    key_variable: "MISTRAL_API_KEY",
    base_variable: "MISTRAL_BASE_URL",
    base: "https://api.mistral.ai/v1",
    // Its paths are OpenAI's.
    mount: "/mistral",
    families: FAMILIES,
    embedders: &[
        Embedder { model: "mistral-embed", dimensions: 1024, most: None },
        Embedder { model: "codestral-embed", dimensions: 1536, most: Some(3072) },
    ],
    retired: RETIRED,
    client_max_tokens: None,
    api: &Completions,
};

static LIMITS: LimitHeaders = LimitHeaders {
    windows: &[
        WindowHeaders {
            limit: "x-ratelimit-limit-req-minute",
            remaining: "x-ratelimit-remaining-req-minute",
            reset: None,
        },
        WindowHeaders {
            limit: "x-ratelimit-limit-tokens-minute",
            remaining: "x-ratelimit-remaining-tokens-minute",
            reset: None,
        },
    ],
    reset: ResetForm::Span,
};

static MODERATIONS: ModerationsApi = ModerationsApi {
    path: "/moderations",
    models: &["mistral-moderation-latest", "mistral-moderation-2411"],
    model_is_optional: false,
    categories: &[
        ("sexual", Hazard::Sexual),
        ("hate_and_discrimination", Hazard::Hate),
        ("violence_and_threats", Hazard::Violence),
        ("dangerous_and_criminal_content", Hazard::Crime),
        ("selfharm", Hazard::SelfHarm),
        ("health", Hazard::Health),
        ("financial", Hazard::Finance),
        ("law", Hazard::Law),
        ("pii", Hazard::PersonalData),
    ],
    flags: false,
    id_prefix: "mod-",
    reject: chat::reject,
};

static EMBEDDINGS: EmbeddingsApi = EmbeddingsApi {
    path: "/embeddings",
    reject: chat::reject,
    output_dimension: true,
    takes_user: false,
    has_id: true,
};

/// The Chat Completions API.
struct Completions;

impl Api for Completions {
    fn chat_path(&self) -> &'static str {
        "/chat/completions"
    }

    fn models_path(&self) -> &'static str {
        "/models"
    }

    fn request_id_header(&self) -> &'static str {
        "mistral-correlation-id"
    }

    fn request_headers(&self, key: &str) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {key}"))]
    }

    fn authenticate<'a>(&self, headers: &Headers<'a>) -> Result<&'a str, ChatError> {
        chat::authenticate(headers)
    }

    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        chat::decode_request(body)
    }

    fn encode_request(&self, request: &ChatRequest, out: &mut Vec<u8>) {
        chat::encode_request(request, out);
    }

    fn read_response(&self, body: &[u8]) -> Result<ChatResponse, ChatError> {
        chat::decode_response(body)
    }

    fn encode_response(&self, response: &ChatResponse, out: &mut Vec<u8>) {
        chat::encode_response(response, out);
    }

    fn encode_stream(
        &self,
        response: &ChatResponse,
        chunking: Chunking,
        _include_usage: bool,
    ) -> Frames {
        chat::encode_stream(response, chunking)
    }

    fn encode_stream_error(&self, error: &ChatError, _request_id: &str) -> Vec<u8> {
        chat::encode_stream_error(error)
    }

    fn stream_assembly(&self, _include_usage: bool) -> Box<dyn StreamAssembly> {
        Box::new(completions::CompletionsAssembly::new(chat::stream_error, true))
    }

    fn encode_error(&self, error: &ChatError, request_id: &str) -> WireResponse {
        chat::encode_error(error, request_id)
    }

    fn encode_unknown_path(&self, error: &ChatError, _: &str) -> WireResponse {
        chat::encode_unknown_path(error)
    }

    fn read_error(&self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
        chat::decode_error(status, headers, body)
    }

    fn unknown_model(&self, model: &str) -> ChatError {
        ChatError::new(ErrorKind::NotFound, format!("Invalid model: {model}"))
    }

    fn too_long(&self, input: u32, most: u32) -> ChatError {
        let words = format!(
            "Prompt contains {input} tokens, too large for model with {most} maximum context length"
        );
        ChatError { code: Some("3051".to_owned()), ..ChatError::new(ErrorKind::BadRequest, words) }
    }

    fn unmet_schema(&self, place: SchemaPlace<'_>, why: &str) -> ChatError {
        completions::unmet_schema(place, why)
    }

    fn answer_id(&self, bits: u128) -> String {
        format!("{bits:032x}")
    }

    fn tool_call_id(&self, bits: u128) -> String {
        base62(bits, 9)
    }

    fn request_id(&self, bits: u128) -> String {
        let hex = format!("{bits:032x}");
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn encode_models(&self, cards: &[ModelCard], out: &mut Vec<u8>) {
        models::encode_models(cards, out);
    }

    fn encode_model(&self, card: &ModelCard, out: &mut Vec<u8>) {
        models::encode_model(card, out);
    }

    fn moderations(&self) -> Option<&'static ModerationsApi> {
        Some(&MODERATIONS)
    }

    fn embeddings(&self) -> Option<&'static EmbeddingsApi> {
        Some(&EMBEDDINGS)
    }

    fn limit_headers(&self) -> &'static LimitHeaders {
        &LIMITS
    }
}
