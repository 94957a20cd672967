//! Amazon Bedrock as a provider: facts, and its Converse API as an [`Api`].
//!
//! Sources: the API reference of Amazon Bedrock, and what boto3 1.44.8 sends and reads, November
//! 2026.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::families::{EMBEDDER, FAMILIES, plain};
use super::{ConverseAssembly, answer, embeddings, error, models, request, stream};
use crate::llm::chat::{
    ChatError, ChatRequest, ChatResponse, EmbeddingRequest, EmbeddingResponse, ErrorKind, ModelCard,
};
use crate::llm::wire::framing::Framing;
use crate::llm::wire::headers::{Headers, WireResponse};
use crate::llm::wire::ids::base62;
use crate::llm::wire::limits::{LimitHeaders, ResetForm};
use crate::llm::wire::path_api::{Operation, PathApi, PathCall};
use crate::llm::wire::provider::{Api, Embedder, Provider, ProviderFacts, SchemaPlace};
use crate::llm::wire::sse::{Chunking, Frames, put};
use crate::llm::wire::stream::StreamAssembly;
use crate::time::Duration;

/// Amazon Bedrock.
pub const BEDROCK: Provider = Provider::of(&FACTS);

static FACTS: ProviderFacts = ProviderFacts {
    key: "bedrock",
    variant: "Bedrock",
    name: "Bedrock",
    key_variable: "AWS_BEARER_TOKEN_BEDROCK",
    base_variable: "AWS_ENDPOINT_URL_BEDROCK_RUNTIME",
    base: "https://bedrock-runtime.us-east-1.amazonaws.com",
    mount: "",
    families: FAMILIES,
    embedders: &[Embedder { model: EMBEDDER, dimensions: 1_024, most: Some(1_024) }],
    retired: &[],
    client_max_tokens: None,
    api: &Converse,
};

/// The service states no limits in headers.
static LIMITS: LimitHeaders = LimitHeaders { windows: &[], reset: ResetForm::Span };

/// What stands in a path as it is.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The Converse API.
struct Converse;

impl Api for Converse {
    fn chat_path(&self) -> &'static str {
        "/model/{*id}"
    }

    fn continues_answers(&self) -> bool {
        true
    }

    fn models_path(&self) -> &'static str {
        "/foundation-models"
    }

    fn path_api(&self) -> Option<&'static dyn PathApi> {
        Some(&Converse)
    }

    fn request_id_header(&self) -> &'static str {
        "x-amzn-requestid"
    }

    fn request_headers(&self, key: &str) -> Vec<(&'static str, String)> {
        vec![("authorization", format!("Bearer {key}"))]
    }

    fn recognizes(&self, headers: &Headers<'_>) -> bool {
        headers.get("authorization").is_some_and(|given| given.starts_with("AWS4-HMAC-SHA256"))
    }

    fn authenticate<'a>(&self, headers: &Headers<'a>) -> Result<&'a str, ChatError> {
        error::authenticate(headers)
    }

    fn read_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        request::decode_request("", body)
    }

    fn encode_request(&self, request: &ChatRequest, out: &mut Vec<u8>) {
        request::encode_request(request, out);
    }

    fn read_response(&self, body: &[u8]) -> Result<ChatResponse, ChatError> {
        answer::decode_response(body)
    }

    fn encode_response(&self, response: &ChatResponse, out: &mut Vec<u8>) {
        answer::encode_response(response, Duration::ZERO, out);
    }

    fn encode_timed(&self, response: &ChatResponse, took: Duration, out: &mut Vec<u8>) {
        answer::encode_response(response, took, out);
    }

    fn encode_stream(&self, response: &ChatResponse, chunking: Chunking, _: bool) -> Frames {
        stream::encode_stream(response, Duration::ZERO, chunking)
    }

    fn encode_timed_stream(
        &self,
        response: &ChatResponse,
        took: Duration,
        chunking: Chunking,
    ) -> Frames {
        stream::encode_stream(response, took, chunking)
    }

    fn encode_stream_error(&self, error: &ChatError, _request_id: &str) -> Vec<u8> {
        stream::encode_stream_error(error)
    }

    fn framing(&self) -> Framing {
        Framing::Messages
    }

    fn ending_frames(&self) -> usize {
        // messageStop and metadata.
        2
    }

    fn stream_assembly(&self, _include_usage: bool) -> Box<dyn StreamAssembly> {
        Box::new(ConverseAssembly::default())
    }

    fn encode_error(&self, error: &ChatError, _request_id: &str) -> WireResponse {
        error::encode_error(error)
    }

    fn read_error(&self, status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
        error::decode_error(status, headers, body)
    }

    fn plain_model<'a>(&self, model: &'a str) -> &'a str {
        plain(model)
    }

    fn unknown_model(&self, _model: &str) -> ChatError {
        ChatError {
            code: Some("ValidationException".to_owned()),
            ..ChatError::new(ErrorKind::NotFound, error::UNKNOWN_MODEL)
        }
    }

    fn not_for_chats(&self, _model: &str) -> ChatError {
        let words = "This action doesn't support the model that you provided. Try again with a supported text or chat model.";
        ChatError::new(ErrorKind::BadRequest, words)
    }

    fn too_long(&self, input: u32, most: u32) -> ChatError {
        let words = format!(
            "The model returned the following errors: prompt is too long: {input} tokens > {most} maximum"
        );
        ChatError::new(ErrorKind::BadRequest, words)
    }

    fn unmet_schema(&self, place: SchemaPlace<'_>, why: &str) -> ChatError {
        let field = match place {
            SchemaPlace::Tool { index, .. } => {
                format!("toolConfig.tools.{index}.toolSpec.inputSchema.json")
            }
            SchemaPlace::Output { .. } => "outputConfig.textFormat.structure.jsonSchema".to_owned(),
        };
        let message = format!("The value at {field} is invalid: {why}");
        ChatError { field: Some(field), ..ChatError::new(ErrorKind::BadRequest, message) }
    }

    fn answer_id(&self, bits: u128) -> String {
        self.request_id(bits)
    }

    fn tool_call_id(&self, bits: u128) -> String {
        format!("tooluse_{}", base62(bits, 22))
    }

    fn request_id(&self, bits: u128) -> String {
        let hex = format!("{bits:032x}");
        let part = |from, to| hex.get(from..to).unwrap_or_default();
        [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
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

/// What stands behind the model in a path, and what it asks: the operation, and whether the answer
/// comes in pieces.
const OPERATIONS: [(&str, Operation, bool); 4] = [
    ("converse", Operation::Chat, false),
    ("converse-stream", Operation::Chat, true),
    ("count-tokens", Operation::CountTokens, false),
    ("invoke", Operation::Embed, false),
];

impl PathApi for Converse {
    fn target(&self, request: &ChatRequest) -> String {
        let asked = if request.stream { "converse-stream" } else { "converse" };
        // Braces stay as they are in the pattern of the documentation.
        let model = utf8_percent_encode(&request.model, IN_PATH).to_string();
        format!("/model/{}/{asked}", model.replace("%7B", "{").replace("%7D", "}"))
    }

    fn call(&self, name: &str, _query: &str) -> Result<PathCall, ChatError> {
        let (model, asked) = name.rsplit_once('/').unwrap_or(("", name));
        let known = OPERATIONS.into_iter().find(|(known, ..)| *known == asked);
        let Some((_, operation, stream)) = known.filter(|_| !model.is_empty()) else {
            let known = OPERATIONS.map(|(name, ..)| name).join(", ");
            let words = format!(
                "Unknown operation `{asked}`. Known operations: /model/MODEL/ and one of {known}."
            );
            return Err(ChatError {
                code: Some("UnknownOperationException".to_owned()),
                ..ChatError::new(ErrorKind::NotFound, words)
            });
        };
        Ok(PathCall { model: model.to_owned(), operation, stream, list: false })
    }

    fn read_chat(&self, call: &PathCall, body: &[u8]) -> Result<ChatRequest, ChatError> {
        let request = request::decode_request(&call.model, body)?;
        Ok(ChatRequest { stream: call.stream, ..request })
    }

    fn read_count(&self, call: &PathCall, body: &[u8]) -> Result<ChatRequest, ChatError> {
        request::decode_count(&call.model, body)
    }

    fn encode_count(&self, tokens: u32, out: &mut Vec<u8>) {
        put(out, &serde_json::json!({ "inputTokens": tokens }));
    }

    fn embeds_at(&self) -> &'static str {
        "the same path, `/invoke`"
    }

    fn read_texts(&self, call: &PathCall, body: &[u8]) -> Result<EmbeddingRequest, ChatError> {
        embeddings::decode_request(call, body)
    }

    fn encode_vectors(&self, _: &PathCall, response: &EmbeddingResponse, out: &mut Vec<u8>) {
        embeddings::encode_response(response, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_says_the_model_and_what_is_asked() {
        let call = |name: &str| Converse.call(name, "");
        let chat = call("anthropic.claude-opus-5/converse-stream").unwrap();
        assert_eq!((chat.model.as_str(), chat.stream), ("anthropic.claude-opus-5", true));
        let arn = call("arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0/converse");
        assert_eq!(
            arn.unwrap().model,
            "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"
        );
        for name in ["converse", "/converse", "m/predict", "", "m/"] {
            assert_eq!(call(name).unwrap_err().kind, ErrorKind::NotFound, "{name}");
        }
        let request = ChatRequest::new("amazon.nova-pro-v1:0");
        // As botocore 1.44 writes it.
        assert_eq!(Converse.target(&request), "/model/amazon.nova-pro-v1%3A0/converse");
    }
}
