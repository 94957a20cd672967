//! Anthropic as a provider: facts, and its Messages API as an [`Api`].
//!
//! Sources: the API reference and the pages on errors, models and rate limits
//! <https://docs.claude.com>, November 2026.

use super::families::{FAMILIES, RETIRED};
use super::{AnthropicAssembly, answer, error, models, reasoning, request, stream};
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind, ModelCard};
use crate::llm::wire::batches::{BatchForm, BatchesApi};
use crate::llm::wire::counting::CountingApi;
use crate::llm::wire::headers::{Headers, WireResponse};
use crate::llm::wire::ids::base62;
use crate::llm::wire::limits::{LimitHeaders, ResetForm, WindowHeaders};
use crate::llm::wire::provider::{Api, Provider, ProviderFacts, SchemaPlace};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::llm::wire::stream::StreamAssembly;
use crate::time::Duration;

static COUNTING: CountingApi = CountingApi {
    path: "/v1/messages/count_tokens",
    read: request::decode_count_request,
    write: answer::encode_count,
};

/// Anthropic.
pub const ANTHROPIC: Provider = Provider::of(&FACTS);

static FACTS: ProviderFacts = ProviderFacts {
    key: "anthropic",
    variant: "Anthropic",
    name: "Anthropic",
    key_variable: "ANTHROPIC_API_KEY",
    base_variable: "ANTHROPIC_BASE_URL",
    base: "https://api.anthropic.com",
    mount: "",
    families: FAMILIES,
    embedders: &[],
    retired: RETIRED,
    // langchain-anthropic, as the tutorial pins it.
    client_max_tokens: Some(request::DEFAULT_MAX_TOKENS),
    api: &Messages,
};

static LIMITS: LimitHeaders = LimitHeaders {
    windows: &[
        WindowHeaders {
            limit: "anthropic-ratelimit-requests-limit",
            remaining: "anthropic-ratelimit-requests-remaining",
            reset: Some("anthropic-ratelimit-requests-reset"),
        },
        WindowHeaders {
            limit: "anthropic-ratelimit-tokens-limit",
            remaining: "anthropic-ratelimit-tokens-remaining",
            reset: Some("anthropic-ratelimit-tokens-reset"),
        },
        WindowHeaders {
            limit: "anthropic-ratelimit-input-tokens-limit",
            remaining: "anthropic-ratelimit-input-tokens-remaining",
            reset: Some("anthropic-ratelimit-input-tokens-reset"),
        },
        WindowHeaders {
            limit: "anthropic-ratelimit-output-tokens-limit",
            remaining: "anthropic-ratelimit-output-tokens-remaining",
            reset: Some("anthropic-ratelimit-output-tokens-reset"),
        },
    ],
    reset: ResetForm::Moment,
};

/// Batches, whose requests come at once.
static BATCHES: BatchesApi =
    BatchesApi { path: "/v1/messages/batches", form: BatchForm::Inline, prefix: "msgbatch_01" };

/// The Messages API.
struct Messages;

impl Api for Messages {
    fn chat_path(&self) -> &'static str {
        "/v1/messages"
    }

    fn models_path(&self) -> &'static str {
        "/v1/models"
    }

    fn continues_answers(&self) -> bool {
        true
    }

    fn request_id_header(&self) -> &'static str {
        "request-id"
    }

    fn request_headers(&self, key: &str) -> Vec<(&'static str, String)> {
        vec![("x-api-key", key.to_owned()), ("anthropic-version", "2023-06-01".to_owned())]
    }

    fn recognizes(&self, headers: &Headers<'_>) -> bool {
        headers.get("anthropic-version").is_some() || headers.get("x-api-key").is_some()
    }

    fn authenticate<'a>(&self, headers: &Headers<'a>) -> Result<&'a str, ChatError> {
        error::authenticate(headers)
    }

    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        request::decode_request(body)
    }

    fn encode_request(&self, request: &ChatRequest, out: &mut Vec<u8>) {
        request::encode_request(request, out);
    }

    fn read_response(&self, body: &[u8]) -> Result<ChatResponse, ChatError> {
        answer::decode_response(body)
    }

    fn reasoning(&self, body: &[u8]) -> Option<String> {
        reasoning::of_answer(body)
    }

    fn with_reasoning(&self, body: Vec<u8>, of: &dyn Fn(&str) -> Option<String>) -> Vec<u8> {
        reasoning::put_back(body, of)
    }

    fn encode_response(&self, response: &ChatResponse, out: &mut Vec<u8>) {
        answer::encode_response(response, out);
    }

    fn encode_stream(
        &self,
        response: &ChatResponse,
        chunking: Chunking,
        _include_usage: bool,
    ) -> Frames {
        stream::encode_stream(response, chunking)
    }

    fn encode_stream_error(&self, error: &ChatError, request_id: &str) -> Vec<u8> {
        stream::encode_stream_error(error, request_id)
    }

    fn stream_assembly(&self, _include_usage: bool) -> Box<dyn StreamAssembly> {
        Box::new(AnthropicAssembly::default())
    }

    fn encode_error(&self, error: &ChatError, request_id: &str) -> WireResponse {
        error::encode_error(error, request_id)
    }

    fn read_error(&self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
        error::decode_error(status, headers, body)
    }

    fn batches(&self) -> Option<&'static BatchesApi> {
        Some(&BATCHES)
    }

    fn counting(&self) -> Option<&'static CountingApi> {
        Some(&COUNTING)
    }

    fn unknown_model(&self, model: &str) -> ChatError {
        ChatError::new(ErrorKind::NotFound, format!("model: {model}"))
    }

    fn too_long(&self, input: u32, most: u32) -> ChatError {
        let words = format!("prompt is too long: {input} tokens > {most} maximum");
        ChatError::new(ErrorKind::BadRequest, words)
    }

    fn unmet_schema(&self, place: SchemaPlace<'_>, why: &str) -> ChatError {
        let field = match place {
            SchemaPlace::Tool { index, .. } => format!("tools.{index}.custom.input_schema"),
            SchemaPlace::Output { .. } => "output_config.format.schema".to_owned(),
        };
        let message = format!("{field}: Invalid schema: {why}.");
        ChatError { field: Some(field), ..ChatError::new(ErrorKind::BadRequest, message) }
    }

    fn answer_id(&self, bits: u128) -> String {
        format!("msg_01{}", base62(bits, 22))
    }

    fn tool_call_id(&self, bits: u128) -> String {
        format!("toolu_01{}", base62(bits, 22))
    }

    fn request_id(&self, bits: u128) -> String {
        format!("req_01{}", base62(bits, 22))
    }

    fn encode_models(&self, cards: &[ModelCard], out: &mut Vec<u8>) {
        models::encode_models(cards, out);
    }

    fn encode_model(&self, card: &ModelCard, out: &mut Vec<u8>) {
        models::encode_model(card, out);
    }

    fn limit_headers(&self) -> &'static LimitHeaders {
        &LIMITS
    }

    fn tool_prompt_tokens(&self) -> u32 {
        // The documentation, about the Claude 3 models.
        340
    }

    fn longest_asked(&self) -> Duration {
        // anthropic 2.14 obeys a wait of any length; a day is any.
        Duration::from_us(86_400_000_000)
    }

    fn unbilled(&self) -> &'static [u16] {
        // "overloaded": there was no capacity to work on the request
        // (https://docs.claude.com/en/api/errors).
        &[529]
    }
}
