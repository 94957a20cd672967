//! Google as a provider: facts, and its Gemini API as an [`Api`].
//!
//! Sources: the API reference <https://ai.google.dev/api>, and what google-genai 3.6.1 sends and
//! reads, November 2026.

use super::families::{EMBEDDER, FAMILIES, RETIRED};
use super::{GoogleAssembly, answer, embeddings, error, models, request, stream};
use crate::llm::chat::{
    ChatError, ChatRequest, ChatResponse, EmbeddingRequest, EmbeddingResponse, ErrorKind, ModelCard,
};
use crate::llm::wire::headers::{Headers, WireResponse};
use crate::llm::wire::ids::base62;
use crate::llm::wire::limits::{LimitHeaders, ResetForm};
use crate::llm::wire::path_api::{Operation, PathApi, PathCall};
use crate::llm::wire::provider::{Api, Embedder, Provider, ProviderFacts, SchemaPlace};
use crate::llm::wire::sse::{Chunking, Frames, put};
use crate::llm::wire::stream::StreamAssembly;

/// Google.
pub const GOOGLE: Provider = Provider::of(&FACTS);

static FACTS: ProviderFacts = ProviderFacts {
    key: "google",
    variant: "Google",
    name: "Gemini",
    key_variable: "GEMINI_API_KEY",
    base_variable: "GOOGLE_GEMINI_BASE_URL",
    base: "https://generativelanguage.googleapis.com",
    mount: "",
    families: FAMILIES,
    embedders: &[Embedder { model: EMBEDDER, dimensions: 3_072, most: Some(3_072) }],
    retired: RETIRED,
    client_max_tokens: None,
    api: &GenerateContent,
};

/// The service states no limits in headers.
static LIMITS: LimitHeaders = LimitHeaders { windows: &[], reset: ResetForm::Span };

/// The Gemini API.
struct GenerateContent;

impl Api for GenerateContent {
    fn chat_path(&self) -> &'static str {
        "/v1beta/models/{id}"
    }

    fn models_path(&self) -> &'static str {
        "/v1beta/models"
    }

    fn path_api(&self) -> Option<&'static dyn PathApi> {
        Some(&GenerateContent)
    }

    fn request_id_header(&self) -> &'static str {
        // It sends none; the answer has an id of its own.
        ""
    }

    fn request_headers(&self, key: &str) -> Vec<(&'static str, String)> {
        vec![("x-goog-api-key", key.to_owned())]
    }

    fn recognizes(&self, headers: &Headers<'_>) -> bool {
        headers.get("x-goog-api-key").is_some()
    }

    fn authenticate<'a>(&self, headers: &Headers<'a>) -> Result<&'a str, ChatError> {
        error::authenticate(headers)
    }

    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        request::decode_request(None, body)
    }

    fn encode_request(&self, request: &ChatRequest, out: &mut Vec<u8>) {
        request::encode_request(request, out);
    }

    fn read_response(&self, body: &[u8]) -> Result<ChatResponse, ChatError> {
        answer::decode_response(body)
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

    fn encode_stream_error(&self, error: &ChatError, _request_id: &str) -> Vec<u8> {
        stream::encode_stream_error(error)
    }

    fn ending_frames(&self) -> usize {
        1
    }

    fn stream_assembly(&self, _include_usage: bool) -> Box<dyn StreamAssembly> {
        Box::new(GoogleAssembly::default())
    }

    fn encode_error(&self, error: &ChatError, _request_id: &str) -> WireResponse {
        error::encode_error(error)
    }

    fn read_error(&self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
        error::decode_error(status, headers, body)
    }

    fn unknown_model(&self, model: &str) -> ChatError {
        let words = format!(
            "models/{model} is not found for API version v1beta, or is not supported for generateContent. Call ListModels to see the list of available models and their supported methods."
        );
        ChatError::new(ErrorKind::NotFound, words)
    }

    fn not_for_chats(&self, model: &str) -> ChatError {
        self.unknown_model(model)
    }

    fn too_long(&self, input: u32, most: u32) -> ChatError {
        let words = format!(
            "The input token count ({input}) exceeds the maximum number of tokens allowed ({most})."
        );
        ChatError::new(ErrorKind::BadRequest, words)
    }

    fn unmet_schema(&self, place: SchemaPlace<'_>, why: &str) -> ChatError {
        let field = match place {
            SchemaPlace::Tool { index, .. } => {
                format!("tools[0].function_declarations[{index}].parameters")
            }
            SchemaPlace::Output { .. } => "generation_config.response_schema".to_owned(),
        };
        let message = format!("* GenerateContentRequest.{field}: {why}");
        ChatError { field: Some(field), ..ChatError::new(ErrorKind::BadRequest, message) }
    }

    fn answer_id(&self, bits: u128) -> String {
        base62(bits, 22)
    }

    fn tool_call_id(&self, bits: u128) -> String {
        base62(bits, 8)
    }

    fn request_id(&self, bits: u128) -> String {
        base62(bits, 22)
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
}

/// What stands behind the model in a path, and what it asks: the operation, whether the answer comes
/// in pieces, and whether the request is for a list.
const METHODS: [(&str, Operation, bool, bool); 5] = [
    ("generateContent", Operation::Chat, false, false),
    ("streamGenerateContent", Operation::Chat, true, false),
    ("countTokens", Operation::CountTokens, false, false),
    ("embedContent", Operation::Embed, false, false),
    ("batchEmbedContents", Operation::Embed, false, true),
];

/// The value of a parameter of a query, as it is written there.
fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value).filter(|value| !value.is_empty())
}

impl PathApi for GenerateContent {
    fn other_versions(&self) -> &'static [&'static str] {
        &["/v1/models"]
    }

    fn target(&self, request: &ChatRequest) -> String {
        let asked =
            if request.stream { "streamGenerateContent?alt=sse" } else { "generateContent" };
        format!("/v1beta/models/{}:{asked}", request.model)
    }

    fn call(&self, name: &str, query: &str) -> Result<PathCall, ChatError> {
        let (model, method) = name.rsplit_once(':').unwrap_or((name, ""));
        let known = METHODS.into_iter().find(|(known, ..)| *known == method);
        let Some((_, operation, stream, list)) = known else {
            let known = METHODS.map(|(name, ..)| name).join(", ");
            let words = format!(
                "The method `{method}` of models/{model} was not found. Known methods: {known}."
            );
            return Err(ChatError::new(ErrorKind::NotFound, words));
        };
        let events = parameter(query, "alt") == Some("sse");
        let list = list || (stream && !events);
        Ok(PathCall { model: model.to_owned(), operation, stream, list })
    }

    fn key_in<'a>(&self, query: &'a str) -> Option<&'a str> {
        parameter(query, "key")
    }

    fn read_chat(&self, call: &PathCall, body: &[u8]) -> Result<ChatRequest, ChatError> {
        let request = request::decode_request(Some(&call.model), body)?;
        Ok(ChatRequest { stream: call.stream, ..request })
    }

    fn read_count(&self, call: &PathCall, body: &[u8]) -> Result<ChatRequest, ChatError> {
        request::decode_count(&call.model, body)
    }

    fn encode_count(&self, tokens: u32, out: &mut Vec<u8>) {
        let details = serde_json::json!([{ "modality": "TEXT", "tokenCount": tokens }]);
        put(out, &serde_json::json!({ "totalTokens": tokens, "promptTokensDetails": details }));
    }

    fn embeds_at(&self) -> &'static str {
        "the same path, `:embedContent`"
    }

    fn read_texts(&self, call: &PathCall, body: &[u8]) -> Result<EmbeddingRequest, ChatError> {
        embeddings::decode_request(call, body)
    }

    fn encode_vectors(&self, call: &PathCall, response: &EmbeddingResponse, out: &mut Vec<u8>) {
        embeddings::encode_response(call, response, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_the_model_and_what_is_asked() {
        let call = |name: &str, query: &str| GenerateContent.call(name, query);
        let chat = call("gemini-2.5-pro:streamGenerateContent", "key=k&alt=sse").unwrap();
        assert_eq!((chat.model.as_str(), chat.stream, chat.list), ("gemini-2.5-pro", true, false));
        assert!(call("m:streamGenerateContent", "").unwrap().list);
        assert_eq!(call("m:countTokens", "").unwrap().operation, Operation::CountTokens);
        for name in ["m", "m:", ":", "m:predict", ""] {
            assert_eq!(call(name, "").unwrap_err().kind, ErrorKind::NotFound, "{name}");
        }
        assert_eq!(GenerateContent.key_in("alt=sse&key=abc"), Some("abc"));
        assert_eq!(GenerateContent.key_in("monkey=abc&key="), None);
    }
}
