//! Anthropic's errors, headers and keys.

use serde::{Deserialize, Serialize};

use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::body::{BodyProblem, JsonKind, Problem};
use crate::llm::wire::headers::{
    Headers, WireResponse, excerpt, kind_of, push_retry_headers, with_retry_headers,
};
use crate::llm::wire::sse::put;

/// Names and statuses, as the documentation pairs them.
const TYPES: [(ErrorKind, u16, &str); 11] = [
    (ErrorKind::BadRequest, 400, "invalid_request_error"),
    (ErrorKind::Authentication, 401, "authentication_error"),
    (ErrorKind::OutOfCredit, 402, "billing_error"),
    (ErrorKind::Permission, 403, "permission_error"),
    (ErrorKind::NotFound, 404, "not_found_error"),
    (ErrorKind::Conflict, 409, "conflict_error"),
    (ErrorKind::TooLarge, 413, "request_too_large"),
    (ErrorKind::RateLimited, 429, "rate_limit_error"),
    (ErrorKind::Server, 500, "api_error"),
    (ErrorKind::Timeout, 504, "timeout_error"),
    (ErrorKind::Overloaded, 529, "overloaded_error"),
];

/// The key of a request, from `x-api-key` or a bearer token.
///
/// # Errors
/// 401 without a key; 400 without an `anthropic-version`.
pub fn authenticate<'a>(headers: &Headers<'a>) -> Result<&'a str, ChatError> {
    let Some(key) =
        headers.get("x-api-key").filter(|key| !key.is_empty()).or_else(|| headers.bearer())
    else {
        return Err(ChatError::new(ErrorKind::Authentication, "x-api-key header is required"));
    };
    match headers.get("anthropic-version") {
        Some(version) if !version.is_empty() => Ok(key),
        _ => Err(ChatError::new(ErrorKind::BadRequest, "anthropic-version: header is required")),
    }
}

/// Words a fault as the service does.
pub(super) fn reject(fault: BodyProblem) -> ChatError {
    let BodyProblem { path, problem } = fault;
    let mut told = None;
    let detail = match problem {
        Problem::NotJson(said) => format!("The request body is not valid JSON: {said}"),
        Problem::Missing => "Field required".to_owned(),
        Problem::Type { expected, .. } => match expected {
            JsonKind::Text | JsonKind::TextOrObject => "Input should be a valid string",
            JsonKind::Integer => "Input should be a valid integer",
            JsonKind::Number => "Input should be a valid number",
            JsonKind::Boolean => "Input should be a valid boolean",
            JsonKind::List => "Input should be a valid list",
            JsonKind::TextOrList => "Input should be a valid string or list",
            JsonKind::Object | JsonKind::Null | JsonKind::Other => "Input should be an object",
        }
        .to_owned(),
        Problem::Below { least, .. } => format!("Input should be greater than or equal to {least}"),
        Problem::Above { most, .. } => format!("Input should be less than or equal to {most}"),
        Problem::Empty => "Input should not be empty".to_owned(),
        Problem::NotOneOf { allowed, .. } => {
            let quoted: Vec<String> = allowed.iter().map(|word| format!("'{word}'")).collect();
            match quoted.split_last() {
                Some((last, rest)) if !rest.is_empty() => {
                    format!("Input should be {} or {last}", rest.join(", "))
                }
                _ => format!("Input should be {}", quoted.concat()),
            }
        }
        Problem::Forbidden => "Extra inputs are not permitted".to_owned(),
        Problem::Said { message, code } => {
            told = code;
            message
        }
    };
    let message = if path.is_empty() { detail } else { format!("{path}: {detail}") };
    let field = (!path.is_empty()).then_some(path);
    ChatError {
        field,
        code: told.map(str::to_owned),
        ..ChatError::new(ErrorKind::BadRequest, message)
    }
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    r#type: &'a str,
    error: DetailOut<'a>,
    request_id: &'a str,
}

#[derive(Serialize)]
struct DetailOut<'a> {
    r#type: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<MoreOut<'a>>,
}

#[derive(Serialize)]
struct MoreOut<'a> {
    error_code: &'a str,
}

/// The error's body alone, for the end of a stream.
pub(super) fn body(error: &ChatError, request_id: &str) -> (u16, Vec<u8>) {
    let server = (ErrorKind::Server, 500, "api_error");
    let (_, status, name) =
        TYPES.into_iter().find(|(kind, ..)| *kind == error.kind).unwrap_or(server);
    let mut body = Vec::new();
    // A client keeps the error's type where there is no code; that is no detail.
    let details =
        error.code.as_deref().filter(|code| *code != name).map(|error_code| MoreOut { error_code });
    put(
        &mut body,
        &ErrorOut {
            r#type: "error",
            error: DetailOut { r#type: name, message: &error.message, details },
            request_id,
        },
    );
    (status, body)
}

/// The error as the service sends it. Kinds that only a client knows (connection, cut, malformed)
/// become `api_error`.
#[must_use]
pub fn encode_error(error: &ChatError, request_id: &str) -> WireResponse {
    let (status, body) = body(error, request_id);
    let mut headers = vec![
        ("content-type", "application/json".to_owned()),
        ("request-id", request_id.to_owned()),
    ];
    push_retry_headers(error, &mut headers);
    WireResponse { status, headers, body }
}

#[derive(Deserialize)]
struct ErrorIn {
    error: DetailIn,
}

#[derive(Deserialize)]
struct DetailIn {
    r#type: Option<String>,
    message: Option<String>,
    details: Option<MoreIn>,
}

#[derive(Deserialize)]
struct MoreIn {
    error_code: Option<String>,
}

/// What an answer other than 2xx says. Any body is taken.
#[must_use]
pub fn decode_error(status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
    let error = match serde_json::from_slice::<ErrorIn>(body) {
        Ok(ErrorIn { error }) => {
            let named = TYPES
                .into_iter()
                .find(|(.., name)| error.r#type.as_deref() == Some(name))
                .map(|(kind, ..)| kind);
            let code = error.details.and_then(|details| details.error_code);
            let message = error
                .message
                .filter(|message| !message.is_empty())
                .unwrap_or_else(|| excerpt(status, body));
            // Both have been seen without a billing_error of their own.
            let broke = code.as_deref() == Some("enforced_spend_limit_reached")
                || message.contains("credit balance is too low");
            let kind = if broke {
                ErrorKind::OutOfCredit
            } else {
                named.unwrap_or_else(|| kind_of(status))
            };
            ChatError { code: code.or(error.r#type), ..ChatError::new(kind, message) }
        }
        Err(_) => ChatError::new(kind_of(status), excerpt(status, body)),
    };
    with_retry_headers(error, headers)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;

    #[test]
    fn a_rate_limit_is_sent_and_read_as_documented() {
        let mut error = ChatError::new(
            ErrorKind::RateLimited,
            "This request would exceed your organization's rate limit",
        );
        error.retry_after = Some(Duration::from_us(6_200_000));
        let reply = encode_error(&error, "req_1");
        assert_eq!(reply.status, 429);
        assert_eq!(
            std::str::from_utf8(&reply.body).unwrap(),
            r#"{"type":"error","error":{"type":"rate_limit_error","message":"This request would exceed your organization's rate limit"},"request_id":"req_1"}"#
        );
        assert!(
            reply.headers.contains(&("retry-after", "7".to_owned()))
                && reply.headers.contains(&("request-id", "req_1".to_owned()))
        );
        let pairs: Vec<(&str, &str)> =
            reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let read = decode_error(429, &Headers { pairs: &pairs, received_us: 0 }, &reply.body);
        assert_eq!(
            (read.kind, read.retry_after),
            (ErrorKind::RateLimited, Some(Duration::from_us(7_000_000)))
        );
    }

    #[test]
    fn every_type_of_the_documentation_is_known() {
        let none = Headers { pairs: &[], received_us: 0 };
        for (kind, status, name) in TYPES {
            let body = format!(
                r#"{{"type":"error","error":{{"type":"{name}","message":"m"}},"request_id":"r"}}"#
            );
            assert_eq!(decode_error(status, &none, body.as_bytes()).kind, kind);
            assert_eq!(kind_of(status), kind, "{status}");
        }
        let spent = r#"{"type":"error","error":{"type":"rate_limit_error","message":"m","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
        assert_eq!(decode_error(429, &none, spent.as_bytes()).kind, ErrorKind::OutOfCredit);
        assert_eq!(
            decode_error(502, &none, b"<html>bad gateway</html>").message,
            "HTTP status 502: <html>bad gateway</html>"
        );
    }

    #[test]
    fn a_request_needs_its_key_and_version() {
        let check = |pairs: &[(&str, &str)]| {
            authenticate(&Headers { pairs, received_us: 0 }).map(str::to_owned).map_err(|e| e.kind)
        };
        assert_eq!(
            check(&[("X-Api-Key", "k"), ("anthropic-version", "2023-06-01")]),
            Ok("k".to_owned())
        );
        assert_eq!(
            check(&[("authorization", "Bearer t"), ("anthropic-version", "2023-06-01")]),
            Ok("t".to_owned())
        );
        assert_eq!(check(&[("anthropic-version", "2023-06-01")]), Err(ErrorKind::Authentication));
        assert_eq!(check(&[("x-api-key", "k")]), Err(ErrorKind::BadRequest));
    }
}
