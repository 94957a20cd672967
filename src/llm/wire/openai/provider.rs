//! OpenAI as a provider: facts, and its chat completions as an [`Api`].
//!
//! Sources: the API reference and the pages on errors, models and rate limits
//! <https://platform.openai.com/docs>, November 2026.

use super::dialect::COMPATIBLE;
use super::families::{FAMILIES, RETIRED};
use super::responses::RESPONSES;
use super::{chat, models};
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind, ModelCard};
use crate::llm::wire::batches::{BatchForm, BatchesApi};
use crate::llm::wire::completions;
use crate::llm::wire::embeddings::EmbeddingsApi;
use crate::llm::wire::headers::{Headers, WireResponse};
use crate::llm::wire::ids::base62;
use crate::llm::wire::limits::{LimitHeaders, ResetForm, WindowHeaders};
use crate::llm::wire::moderations::{Hazard, ModerationsApi};
use crate::llm::wire::provider::{Api, Embedder, Provider, ProviderFacts, SchemaPlace};
use crate::llm::wire::responses::ResponsesApi;
use crate::llm::wire::sse::{Chunking, Frames};
use crate::llm::wire::stream::StreamAssembly;
use crate::time::Duration;

/// OpenAI.
pub const OPENAI: Provider = Provider::of(&FACTS);

static FACTS: ProviderFacts = ProviderFacts {
    key: "openai",
    variant: "OpenAi",
    name: "OpenAI",
    key_variable: "OPENAI_API_KEY",
    base_variable: "OPENAI_BASE_URL",
    base: "https://api.openai.com/v1",
    mount: "",
    families: FAMILIES,
    embedders: &[
        Embedder { model: "text-embedding-3-small", dimensions: 1536, most: Some(1536) },
        Embedder { model: "text-embedding-3-large", dimensions: 3072, most: Some(3072) },
        Embedder { model: "text-embedding-ada-002", dimensions: 1536, most: None },
    ],
    retired: RETIRED,
    client_max_tokens: None,
    api: &Completions { of_openai: true },
};

static LIMITS: LimitHeaders = LimitHeaders {
    windows: &[
        WindowHeaders {
            limit: "x-ratelimit-limit-requests",
            remaining: "x-ratelimit-remaining-requests",
            reset: Some("x-ratelimit-reset-requests"),
        },
        WindowHeaders {
            limit: "x-ratelimit-limit-tokens",
            remaining: "x-ratelimit-remaining-tokens",
            reset: Some("x-ratelimit-reset-tokens"),
        },
    ],
    reset: ResetForm::Span,
};

static EMBEDDINGS: EmbeddingsApi = EmbeddingsApi {
    path: "/embeddings",
    reject: chat::reject,
    output_dimension: false,
    takes_user: true,
    has_id: false,
};

static MODERATIONS: ModerationsApi = ModerationsApi {
    path: "/moderations",
    models: &[
        "omni-moderation-latest",
        "omni-moderation-2024-09-26",
        "text-moderation-latest",
        "text-moderation-stable",
    ],
    model_is_optional: true,
    categories: &[
        ("harassment", Hazard::Harassment),
        ("harassment/threatening", Hazard::Other),
        ("sexual", Hazard::Sexual),
        ("hate", Hazard::Hate),
        ("hate/threatening", Hazard::Other),
        ("illicit", Hazard::Crime),
        ("illicit/violent", Hazard::Other),
        ("self-harm/intent", Hazard::SelfHarm),
        ("self-harm/instructions", Hazard::Other),
        ("self-harm", Hazard::SelfHarm),
        ("sexual/minors", Hazard::Other),
        ("violence", Hazard::Violence),
        ("violence/graphic", Hazard::Other),
    ],
    flags: true,
    id_prefix: "modr-",
    reject: chat::reject,
};

/// The Chat Completions API.
pub(super) struct Completions {
    /// Whether OpenAI answers. Other servers know the older words alone: `max_tokens`, and not the
    /// newer `max_completion_tokens`, which some ignore; and only chats and the list of models.
    of_openai: bool,
}

/// Batches, whose requests come in files.
static BATCHES: BatchesApi =
    BatchesApi { path: "/batches", form: BatchForm::Files { files: "/files" }, prefix: "batch_" };

/// The Chat Completions API of other servers.
pub(super) static COMPATIBLE_API: Completions = Completions { of_openai: false };

impl Api for Completions {
    fn chat_path(&self) -> &'static str {
        "/chat/completions"
    }

    fn models_path(&self) -> &'static str {
        "/models"
    }

    fn request_id_header(&self) -> &'static str {
        "x-request-id"
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
        if self.of_openai {
            chat::encode_request(request, out);
        } else {
            completions::encode_request(&COMPATIBLE, request, out);
        }
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
        include_usage: bool,
    ) -> Frames {
        chat::encode_stream(response, chunking, include_usage)
    }

    fn encode_stream_error(&self, error: &ChatError, _request_id: &str) -> Vec<u8> {
        chat::encode_stream_error(error)
    }

    fn stream_assembly(&self, include_usage: bool) -> Box<dyn StreamAssembly> {
        // The usage comes only where it was asked for: without it, an answer counts 0 tokens.
        Box::new(completions::CompletionsAssembly::new(chat::stream_error, include_usage))
    }

    fn encode_error(&self, error: &ChatError, request_id: &str) -> WireResponse {
        chat::encode_error(error, request_id)
    }

    fn read_error(&self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
        chat::decode_error(status, headers, body)
    }

    fn unknown_model(&self, model: &str) -> ChatError {
        if !self.of_openai {
            let words = format!("The model `{model}` does not exist");
            return ChatError::new(ErrorKind::NotFound, words);
        }
        let words = format!("The model `{model}` does not exist or you do not have access to it.");
        let code = Some("model_not_found".to_owned());
        ChatError { code, ..ChatError::new(ErrorKind::NotFound, words) }
    }

    fn not_for_chats(&self, _model: &str) -> ChatError {
        let words = "This model is only supported in v1/responses and not in v1/chat/completions.";
        let (field, code) = (Some("model".to_owned()), Some("model_not_found".to_owned()));
        ChatError { field, code, ..ChatError::new(ErrorKind::NotFound, words) }
    }

    fn too_long(&self, input: u32, most: u32) -> ChatError {
        let words = format!(
            "This model's maximum context length is {most} tokens. However, your messages resulted in {input} tokens. \
             Please reduce the length of the messages."
        );
        let (field, code) =
            (Some("messages".to_owned()), Some("context_length_exceeded".to_owned()));
        ChatError { field, code, ..ChatError::new(ErrorKind::BadRequest, words) }
    }

    fn unmet_schema(&self, place: SchemaPlace<'_>, why: &str) -> ChatError {
        completions::unmet_schema(place, why)
    }

    fn answer_id(&self, bits: u128) -> String {
        format!("chatcmpl-{}", base62(bits, 22))
    }

    fn tool_call_id(&self, bits: u128) -> String {
        format!("call_{}", base62(bits, 22))
    }

    fn request_id(&self, bits: u128) -> String {
        format!("req_{bits:032x}")
    }

    fn encode_models(&self, cards: &[ModelCard], out: &mut Vec<u8>) {
        models::encode_models(cards, out);
    }

    fn encode_model(&self, card: &ModelCard, out: &mut Vec<u8>) {
        models::encode_model(card, out);
    }

    fn embeddings(&self) -> Option<&'static EmbeddingsApi> {
        self.of_openai.then_some(&EMBEDDINGS)
    }

    fn batches(&self) -> Option<&'static BatchesApi> {
        self.of_openai.then_some(&BATCHES)
    }

    fn moderations(&self) -> Option<&'static ModerationsApi> {
        self.of_openai.then_some(&MODERATIONS)
    }

    fn responses(&self) -> Option<&'static ResponsesApi> {
        self.of_openai.then_some(&RESPONSES)
    }

    fn longest_asked(&self) -> Duration {
        // openai 3.57 obeys a wait of up to two minutes.
        Duration::from_us(120_000_000)
    }

    fn limit_headers(&self) -> &'static LimitHeaders {
        &LIMITS
    }
}
