//! OpenAI's chat completions: `POST /v1/chat/completions`, plain and streaming.
//!
//! What is refused: fields of the wrong type or out of range, messages that make no conversation,
//! the deprecated function calling, content other than text, and other
//! providers' words (`top_k`, `system`, `stop_sequences` and the like), which the real service
//! refuses too. What is tolerated: any other field it does not know. The real service refuses those
//! as well, but an application should not fail here for being newer than this table.

use serde::Serialize;
use serde_json::Value;

use super::dialect::DIALECT;
use super::families::FAMILIES;
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind};
use crate::llm::wire::body::{BodyProblem, Problem};
use crate::llm::wire::completions;
use crate::llm::wire::headers::{
    Headers, WireResponse, excerpt, kind_of, push_retry_headers, with_retry_headers,
};
use crate::llm::wire::sse::{Chunking, Frames, put};

/// Reads the body of `POST /v1/chat/completions`.
///
/// # Errors
/// `BadRequest` in the service's words, naming the field.
pub fn decode_request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    completions::decode_request(&DIALECT, FAMILIES, body).map_err(reject)
}

/// Writes the body of `POST /v1/chat/completions`. Whether a tool result is an error is left out:
/// there is no word for it.
pub fn encode_request(request: &ChatRequest, out: &mut Vec<u8>) {
    completions::encode_request(&DIALECT, request, out);
}

/// Writes the body of a 200.
pub fn encode_response(response: &ChatResponse, out: &mut Vec<u8>) {
    completions::encode_response(&DIALECT, response, out);
}

/// Reads the body of a 200.
///
/// # Errors
/// `Malformed`, naming the field.
pub fn decode_response(body: &[u8]) -> Result<ChatResponse, ChatError> {
    completions::decode_response(body, reject)
}

/// The answer as the service streams it; `include_usage` as the request asked.
#[must_use]
pub fn encode_stream(response: &ChatResponse, chunking: Chunking, include_usage: bool) -> Frames {
    completions::encode_stream(&DIALECT, response, chunking, include_usage)
}

/// The frame that tells of an error after the 200 has gone out.
#[must_use]
pub fn encode_stream_error(error: &ChatError) -> Vec<u8> {
    [b"data: ", &body(error).1[..], b"\n\n"].concat()
}

/// Reads an error that came inside a 200.
pub(super) fn stream_error(data: &[u8]) -> ChatError {
    decode_error(500, &Headers { pairs: &[], received_us: 0 }, data).bounded()
}

/// The key of a request.
///
/// # Errors
/// 401 without one. (For a wrong one the service gives the code `invalid_api_key`.)
pub fn authenticate<'a>(headers: &Headers<'a>) -> Result<&'a str, ChatError> {
    headers.bearer().ok_or_else(|| {
        let words = "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. \
                     Authorization: Bearer YOUR_KEY).";
        ChatError::new(ErrorKind::Authentication, words)
    })
}

/// A dotted path as the service writes it: `messages[0].content`.
fn param(path: &str) -> String {
    let mut all = String::with_capacity(path.len() + 4);
    for segment in path.split('.') {
        if segment.bytes().all(|b| b.is_ascii_digit()) {
            all += &format!("[{segment}]");
        } else {
            all += if all.is_empty() { "" } else { "." };
            all += segment;
        }
    }
    all
}

/// Words a fault as the service does.
pub(super) fn reject(fault: BodyProblem) -> ChatError {
    let BodyProblem { path, problem } = fault;
    let name = param(&path);
    let (message, code) = match problem {
        Problem::NotJson(said) => {
            let words = "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library \
                         correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)";
            (format!("{words} {said}"), None)
        }
        Problem::Missing => {
            (format!("Missing required parameter: '{name}'."), Some("missing_required_parameter"))
        }
        Problem::Type { expected, found } => {
            let of = if path.ends_with("content") { " of objects" } else { "" };
            let words = format!(
                "Invalid type for '{name}': expected {}{of}, but got {} instead.",
                expected.words(),
                found.words()
            );
            (words, Some("invalid_type"))
        }
        Problem::Below { least, found, whole } => {
            let (kind, code) = if whole {
                ("integer", "integer_below_min_value")
            } else {
                ("decimal", "decimal_below_min_value")
            };
            (
                format!(
                    "Invalid '{name}': {kind} below minimum value. Expected a value >= {least}, but got {found} instead."
                ),
                Some(code),
            )
        }
        Problem::Above { most, found, whole } => {
            let (kind, code) = if whole {
                ("integer", "integer_above_max_value")
            } else {
                ("decimal", "decimal_above_max_value")
            };
            (
                format!(
                    "Invalid '{name}': {kind} above maximum value. Expected a value <= {most}, but got {found} instead."
                ),
                Some(code),
            )
        }
        Problem::Empty => {
            let words = "Expected an array with minimum length 1, but got an empty array instead.";
            (format!("Invalid '{name}': empty array. {words}"), Some("empty_array"))
        }
        Problem::NotOneOf { found, allowed } => {
            let quoted: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            let list = match quoted.split_last() {
                Some((last, rest)) if !rest.is_empty() => {
                    format!("{}, and {last}", rest.join(", "))
                }
                _ => quoted.concat(),
            };
            (
                format!("Invalid value: '{found}'. Supported values are: {list}."),
                Some("invalid_value"),
            )
        }
        Problem::Forbidden => (format!("Unrecognized request argument supplied: {name}"), None),
        Problem::Said { message, code } => (message, code),
    };
    let error = ChatError::new(ErrorKind::BadRequest, message);
    ChatError { field: (!path.is_empty()).then_some(path), code: code.map(str::to_owned), ..error }
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    error: DetailOut<'a>,
}

#[derive(Serialize)]
struct DetailOut<'a> {
    message: &'a str,
    r#type: &'a str,
    param: Option<String>,
    code: Option<&'a str>,
}

/// Status and body of an error.
fn body(error: &ChatError) -> (u16, Vec<u8>) {
    let (status, kind, usual) = match error.kind {
        ErrorKind::BadRequest => (400, "invalid_request_error", None),
        ErrorKind::Authentication => (401, "invalid_request_error", None),
        ErrorKind::Permission => (403, "invalid_request_error", None),
        ErrorKind::NotFound => (404, "invalid_request_error", None),
        ErrorKind::Conflict => (409, "invalid_request_error", None),
        ErrorKind::TooLarge => (413, "invalid_request_error", None),
        ErrorKind::RateLimited => (429, "requests", Some("rate_limit_exceeded")),
        ErrorKind::OutOfCredit => (429, "insufficient_quota", Some("insufficient_quota")),
        ErrorKind::Overloaded => (503, "server_error", Some("overloaded")),
        ErrorKind::Timeout => (504, "server_error", Some("timeout")),
        ErrorKind::Server | ErrorKind::Connection | ErrorKind::Cut | ErrorKind::Malformed => {
            (500, "server_error", None)
        }
    };
    let code = error.code.as_deref().or(usual);
    let mut out = Vec::new();
    put(
        &mut out,
        &ErrorOut {
            error: DetailOut {
                message: &error.message,
                r#type: kind,
                param: error.field.as_deref().map(param),
                code,
            },
        },
    );
    (status, out)
}

/// The error as the service sends it. Kinds that only a client knows (connection, cut, malformed)
/// become `server_error`.
#[must_use]
pub fn encode_error(error: &ChatError, request_id: &str) -> WireResponse {
    let (status, body) = body(error);
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("x-request-id", request_id.to_owned()),
    ];
    push_retry_headers(error, &mut headers);
    headers.extend(
        error.retry_after.map(|wait| ("retry-after-ms", wait.us().div_ceil(1000).to_string())),
    );
    WireResponse { status, headers, body }
}

/// What an answer other than 2xx says. Any body is taken.
#[must_use]
pub fn decode_error(status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let detail = value.get("error").unwrap_or(&Value::Null);
    let message = detail["message"]
        .as_str()
        .or_else(|| detail.as_str())
        .or_else(|| value.get("message")?.as_str());
    let message = message
        .filter(|text| !text.is_empty())
        .map_or_else(|| excerpt(status, body), str::to_owned);
    let code = match &detail["code"] {
        Value::String(code) => Some(code.clone()),
        Value::Number(code) => Some(code.to_string()),
        _ => None,
    };
    let kind = match (detail["type"].as_str(), code.as_deref()) {
        (Some("insufficient_quota"), _)
        | (_, Some("insufficient_quota" | "billing_hard_limit_reached")) => ErrorKind::OutOfCredit,
        (_, Some("rate_limit_exceeded")) => ErrorKind::RateLimited,
        (_, Some("overloaded" | "server_is_overloaded")) => ErrorKind::Overloaded,
        _ => kind_of(status),
    };
    let field = detail["param"]
        .as_str()
        .map(|name| name.replace(".[", ".").replace('[', ".").replace(']', ""));
    with_retry_headers(ChatError { code, field, ..ChatError::new(kind, message) }, headers)
}

#[cfg(test)]
mod tests;
