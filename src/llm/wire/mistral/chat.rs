//! Mistral's chat completions: `POST /v1/chat/completions`, plain and streaming.
//!
//! What is refused: fields of the wrong type or out of range, messages in an order that Mistral
//! does not take (a user after a tool, an assistant at the end), ids of tool calls other than nine
//! letters or digits, and those of OpenAI's words that the service is known to refuse
//! (`max_completion_tokens`, `store`, `user`, `seed` and the like). What is tolerated: any other
//! field it does not know, at the top and in messages. The real service refuses those as well, but
//! an application should not fail here for being newer than this table.

use serde::Serialize;
use serde_json::Value;

use super::dialect::DIALECT;
use super::families::FAMILIES;
use crate::llm::chat::{ChatError, ChatRequest, ChatResponse, ErrorKind};
use crate::llm::wire::body::{BodyProblem, JsonKind, Problem};
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

/// Writes the body of `POST /v1/chat/completions`. The user's id goes into `metadata`, there being
/// no other place; whether a tool result is an error is left out.
pub fn encode_request(request: &ChatRequest, out: &mut Vec<u8>) {
    completions::encode_request(&DIALECT, request, out);
}

/// Writes the body of a 200. There is no word for a refusal: it goes out as an answer.
pub fn encode_response(response: &ChatResponse, out: &mut Vec<u8>) {
    completions::encode_response(&DIALECT, response, out);
}

/// Reads the body of a 200.
///
/// # Errors
/// `Malformed`, naming the field; `Server` when the answer says that it broke off.
pub fn decode_response(body: &[u8]) -> Result<ChatResponse, ChatError> {
    completions::decode_response(body, reject)
}

/// The answer as the service streams it; the last chunk tells the usage.
#[must_use]
pub fn encode_stream(response: &ChatResponse, chunking: Chunking) -> Frames {
    completions::encode_stream(&DIALECT, response, chunking, true)
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
/// 401 without one.
pub fn authenticate<'a>(headers: &Headers<'a>) -> Result<&'a str, ChatError> {
    headers.bearer().ok_or_else(|| ChatError::new(ErrorKind::Authentication, "Unauthorized"))
}

/// Words a fault as the service does; where it validates fields, `code` is the name of the rule.
pub(super) fn reject(fault: BodyProblem) -> ChatError {
    let BodyProblem { path, problem } = fault;
    let (message, code) = match problem {
        Problem::NotJson(said) => (format!("JSON decode error: {said}"), Some("json_invalid")),
        Problem::Missing => ("Field required".to_owned(), Some("missing")),
        Problem::Type { expected, .. } => {
            let (words, code) = match expected {
                JsonKind::Text | JsonKind::TextOrObject => ("string", "string_type"),
                JsonKind::TextOrList => ("string or list", "string_type"),
                JsonKind::Integer => ("integer", "int_type"),
                JsonKind::Number => ("number", "float_type"),
                JsonKind::Boolean => ("boolean", "bool_type"),
                JsonKind::List => ("list", "list_type"),
                JsonKind::Object | JsonKind::Null | JsonKind::Other => ("dictionary", "dict_type"),
            };
            (format!("Input should be a valid {words}"), Some(code))
        }
        Problem::Below { least, .. } => (
            format!("Input should be greater than or equal to {least}"),
            Some("greater_than_equal"),
        ),
        Problem::Above { most, .. } => {
            (format!("Input should be less than or equal to {most}"), Some("less_than_equal"))
        }
        Problem::Empty => (
            "List should have at least 1 item after validation, not 0".to_owned(),
            Some("too_short"),
        ),
        Problem::NotOneOf { allowed, .. } => {
            let quoted: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            let list = match quoted.split_last() {
                Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
                _ => quoted.concat(),
            };
            (format!("Input should be {list}"), Some("literal_error"))
        }
        Problem::Forbidden => {
            ("Extra inputs are not permitted".to_owned(), Some("extra_forbidden"))
        }
        Problem::Said { message, code } => (message, code.or(Some("value_error"))),
    };
    let error = ChatError::new(ErrorKind::BadRequest, message);
    ChatError { field: (!path.is_empty()).then_some(path), code: code.map(str::to_owned), ..error }
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    object: &'static str,
    message: &'a str,
    r#type: &'static str,
    param: Option<&'a str>,
    code: Option<&'a str>,
    raw_status_code: u16,
}

#[derive(Serialize)]
struct InvalidOut<'a> {
    detail: [RuleOut<'a>; 1],
}

#[derive(Serialize)]
struct RuleOut<'a> {
    r#type: &'a str,
    loc: Vec<LocOut<'a>>,
    msg: &'a str,
}

#[derive(Serialize)]
#[serde(untagged)]
enum LocOut<'a> {
    Index(u64),
    Name(&'a str),
}

#[derive(Serialize)]
struct MessageOut<'a> {
    message: &'a str,
}

#[derive(Serialize)]
struct BareOut<'a> {
    detail: &'a str,
}

/// Status and body of an error. Seen in reports: 400, 401, 422 and 429; the others follow the
/// documented form.
fn body(error: &ChatError) -> (u16, Vec<u8>) {
    let mut out = Vec::new();
    let code = error.code.as_deref();
    let (status, kind, usual) = match error.kind {
        ErrorKind::BadRequest => match code {
            Some("3230") => (400, "invalid_request_message_order", None),
            Some("3240") => (400, "invalid_assistant_message", None),
            Some("3280") => (400, "invalid_function_call", None),
            Some(code) if code.bytes().all(|b| b.is_ascii_digit()) => {
                (400, "invalid_request_error", None)
            }
            rule => {
                let names = error.field.iter().flat_map(|field| field.split('.'));
                let names =
                    names.map(|name| name.parse().map_or(LocOut::Name(name), LocOut::Index));
                let loc = std::iter::once(LocOut::Name("body")).chain(names).collect();
                put(
                    &mut out,
                    &InvalidOut {
                        detail: [RuleOut {
                            r#type: rule.unwrap_or("value_error"),
                            loc,
                            msg: &error.message,
                        }],
                    },
                );
                return (422, out);
            }
        },
        ErrorKind::Authentication => {
            put(&mut out, &BareOut { detail: "Unauthorized" });
            return (401, out);
        }
        ErrorKind::OutOfCredit => (402, "payment_required", None),
        ErrorKind::Permission => (403, "forbidden", None),
        // An unknown model is no 404 here.
        ErrorKind::NotFound => (400, "invalid_model", Some("1500")),
        ErrorKind::Conflict => (409, "conflict", None),
        ErrorKind::TooLarge => (413, "request_too_large", None),
        ErrorKind::RateLimited => (429, "rate_limited", Some("1300")),
        ErrorKind::Overloaded => (503, "service_unavailable", None),
        ErrorKind::Timeout => (504, "timeout", None),
        ErrorKind::Server | ErrorKind::Connection | ErrorKind::Cut | ErrorKind::Malformed => {
            (500, "internal_server_error", None)
        }
    };
    let (message, code) = (&error.message, code.or(usual));
    put(
        &mut out,
        &ErrorOut {
            object: "error",
            message,
            r#type: kind,
            param: None,
            code,
            raw_status_code: status,
        },
    );
    (status, out)
}

/// What is said at a path that is not there, by the gateway before the service.
#[must_use]
pub fn encode_unknown_path(error: &ChatError) -> WireResponse {
    let mut body = Vec::new();
    put(&mut body, &MessageOut { message: &error.message });
    WireResponse {
        status: 404,
        headers: vec![("content-type", "application/json".to_owned())],
        body,
    }
}

/// The error as the service sends it. Kinds that only a client knows (connection, cut, malformed)
/// become a 500.
#[must_use]
pub fn encode_error(error: &ChatError, request_id: &str) -> WireResponse {
    let (status, body) = body(error);
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("mistral-correlation-id", request_id.to_owned()),
    ];
    push_retry_headers(error, &mut headers);
    WireResponse { status, headers, body }
}

/// One broken rule of a 422: its path without the leading `body`, and its words.
fn rule(detail: &Value) -> Option<(Option<String>, String, Option<String>)> {
    let words = detail["msg"].as_str()?;
    let path: Vec<String> = detail["loc"]
        .as_array()?
        .iter()
        .skip_while(|segment| *segment == "body")
        .map(|segment| segment.as_str().map_or_else(|| segment.to_string(), str::to_owned))
        .collect();
    Some((
        (!path.is_empty()).then(|| path.join(".")),
        words.to_owned(),
        detail["type"].as_str().map(str::to_owned),
    ))
}

/// What an answer other than 2xx says, in any of the forms that the service has been seen to use.
/// Any body is taken.
#[must_use]
pub fn decode_error(status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    // A proxy of theirs puts the whole detail under "message".
    let detail =
        value.get("detail").or_else(|| value.pointer("/message/detail")).unwrap_or(&Value::Null);
    let code = match value.get("code") {
        Some(Value::String(code)) => Some(code.clone()),
        Some(Value::Number(code)) => Some(code.to_string()),
        _ => None,
    };
    let kind = match (value.get("type").and_then(Value::as_str), code.as_deref()) {
        (Some("invalid_model"), _) | (_, Some("1500")) => ErrorKind::NotFound,
        (Some("rate_limited"), _) | (_, Some("1300")) => ErrorKind::RateLimited,
        _ => kind_of(status),
    };
    let (field, message, code) = match detail.get(0).and_then(rule) {
        Some((field, words, name)) => (field, words, name.or(code)),
        None => {
            let words = value
                .get("message")
                .and_then(Value::as_str)
                .or_else(|| detail.as_str())
                .filter(|text| !text.is_empty());
            (None, words.map_or_else(|| excerpt(status, body), str::to_owned), code)
        }
    };
    with_retry_headers(ChatError { field, code, ..ChatError::new(kind, message) }, headers)
}

#[cfg(test)]
mod tests;
