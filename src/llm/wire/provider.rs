//! The wire of whichever provider it is: one function for each thing that all three can say.
//!
//! Promises: nothing but a choice among [`anthropic`], [`openai`] and [`mistral`].
//!
//! Does not know: addresses, keys, or which of its callers is a client and which a server.

use super::head::{Headers, Reply};
use super::sse::{Chunking, Frames};
use super::{anthropic, mistral, openai};
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, Provider};

/// The path of a chat under the provider's base address, which ends in `/v1` for OpenAI and Mistral
/// alone.
#[must_use]
pub fn chat_path(provider: Provider) -> &'static str {
    match provider {
        Provider::Anthropic => "/v1/messages",
        Provider::OpenAi | Provider::Mistral => "/chat/completions",
    }
}

/// The headers that a request needs besides `content-type`: the key, and Anthropic's version.
#[must_use]
pub fn request_headers(provider: Provider, key: &str) -> Vec<(&'static str, String)> {
    match provider {
        Provider::Anthropic => {
            vec![("x-api-key", key.to_owned()), ("anthropic-version", "2023-06-01".to_owned())]
        }
        Provider::OpenAi | Provider::Mistral => vec![("authorization", format!("Bearer {key}"))],
    }
}

/// The name of the header under which the provider tells its id of a request.
#[must_use]
pub fn request_id_header(provider: Provider) -> &'static str {
    match provider {
        Provider::Anthropic => "request-id",
        Provider::OpenAi => "x-request-id",
        Provider::Mistral => "mistral-correlation-id",
    }
}

/// The key of a request.
///
/// # Errors
/// In the provider's words, when there is none.
pub fn authenticate<'a>(provider: Provider, headers: &Headers<'a>) -> Result<&'a str, ChatError> {
    match provider {
        Provider::Anthropic => anthropic::authenticate(headers),
        Provider::OpenAi => openai::authenticate(headers),
        Provider::Mistral => mistral::authenticate(headers),
    }
}

/// Reads the body of a chat request.
///
/// # Errors
/// `BadRequest` in the provider's words, naming the field.
pub fn decode_request(provider: Provider, body: &[u8]) -> Result<ChatRequest, ChatError> {
    let decoded = match provider {
        Provider::Anthropic => anthropic::decode_request(body),
        Provider::OpenAi => openai::decode_request(body),
        Provider::Mistral => mistral::decode_request(body),
    };
    decoded.map_err(ChatError::bounded)
}

/// Writes the body of a chat request; what the provider has no word for is left out.
pub fn encode_request(provider: Provider, request: &ChatRequest, out: &mut Vec<u8>) {
    match provider {
        Provider::Anthropic => anthropic::encode_request(request, out),
        Provider::OpenAi => openai::encode_request(request, out),
        Provider::Mistral => mistral::encode_request(request, out),
    }
}

/// Writes the body of a 200.
pub fn encode_response(provider: Provider, response: &ChatResponse, out: &mut Vec<u8>) {
    match provider {
        Provider::Anthropic => anthropic::encode_response(response, out),
        Provider::OpenAi => openai::encode_response(response, out),
        Provider::Mistral => mistral::encode_response(response, out),
    }
}

/// Reads the body of a 200.
///
/// # Errors
/// `Malformed`, naming the field.
pub fn decode_response(provider: Provider, body: &[u8]) -> Result<ChatResponse, ChatError> {
    let decoded = match provider {
        Provider::Anthropic => anthropic::decode_response(body),
        Provider::OpenAi => openai::decode_response(body),
        Provider::Mistral => mistral::decode_response(body),
    };
    decoded.map_err(ChatError::bounded)
}

/// The answer as the provider streams it; `include_usage` as the request asked (it matters to
/// OpenAI alone).
#[must_use]
pub fn encode_stream(
    provider: Provider,
    response: &ChatResponse,
    chunking: Chunking,
    include_usage: bool,
) -> Frames {
    match provider {
        Provider::Anthropic => anthropic::encode_stream(response, chunking),
        Provider::OpenAi => openai::encode_stream(response, chunking, include_usage),
        Provider::Mistral => mistral::encode_stream(response, chunking),
    }
}

/// The frame that tells of an error after the 200 has gone out.
#[must_use]
pub fn encode_stream_error(provider: Provider, error: &ChatError, request_id: &str) -> Vec<u8> {
    match provider {
        Provider::Anthropic => anthropic::encode_stream_error(error, request_id),
        Provider::OpenAi => openai::encode_stream_error(error),
        Provider::Mistral => mistral::encode_stream_error(error),
    }
}

/// The error as the provider sends it: status, headers and body.
#[must_use]
pub fn encode_error(provider: Provider, error: &ChatError, request_id: &str) -> Reply {
    match provider {
        Provider::Anthropic => anthropic::encode_error(error, request_id),
        Provider::OpenAi => openai::encode_error(error, request_id),
        Provider::Mistral => mistral::encode_error(error, request_id),
    }
}

/// What an answer other than 2xx says. Any body is taken; one without words gets some.
#[must_use]
pub fn decode_error(
    provider: Provider,
    status: u16,
    headers: &Headers<'_>,
    body: &[u8],
) -> ChatError {
    let mut error = match provider {
        Provider::Anthropic => anthropic::decode_error(status, headers, body),
        Provider::OpenAi => openai::decode_error(status, headers, body),
        Provider::Mistral => mistral::decode_error(status, headers, body),
    };
    if error.message.trim().is_empty() {
        error.message = format!("status {status} without a message");
    }
    error.bounded()
}
