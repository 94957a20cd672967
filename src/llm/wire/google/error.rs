//! Google's errors and keys.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::body::{BodyProblem, JsonKind, Problem};
use crate::llm::wire::headers::{Headers, WireResponse, excerpt, kind_of, with_retry_headers};
use crate::llm::wire::sse::put;
use crate::time::Duration;

/// Statuses of HTTP and of Google's own, as `google.rpc.Code` pairs them.
const STATUSES: [(ErrorKind, u16, &str); 11] = [
    (ErrorKind::BadRequest, 400, "INVALID_ARGUMENT"),
    (ErrorKind::Authentication, 401, "UNAUTHENTICATED"),
    (ErrorKind::Permission, 403, "PERMISSION_DENIED"),
    (ErrorKind::OutOfCredit, 403, "PERMISSION_DENIED"),
    (ErrorKind::NotFound, 404, "NOT_FOUND"),
    (ErrorKind::Conflict, 409, "ABORTED"),
    (ErrorKind::TooLarge, 413, "INVALID_ARGUMENT"),
    (ErrorKind::RateLimited, 429, "RESOURCE_EXHAUSTED"),
    (ErrorKind::Server, 500, "INTERNAL"),
    (ErrorKind::Overloaded, 503, "UNAVAILABLE"),
    (ErrorKind::Timeout, 504, "DEADLINE_EXCEEDED"),
];
/// The reason of an account without billing, in `google.rpc.ErrorInfo`.
const UNPAID: &str = "BILLING_DISABLED";
const UNREGISTERED: &str = "Method doesn't allow unregistered callers (callers without established identity). \
    Please use API Key or other form of API consumer identity to call this API.";

/// The key of a request, from `x-goog-api-key` or a bearer token.
///
/// # Errors
/// 403 without a key, as the service answers.
pub(super) fn authenticate<'a>(headers: &Headers<'a>) -> Result<&'a str, ChatError> {
    let key = headers.get("x-goog-api-key").filter(|key| !key.is_empty());
    key.or_else(|| headers.bearer())
        .ok_or_else(|| ChatError::new(ErrorKind::Permission, UNREGISTERED))
}

/// A path as Google writes it: `generationConfig.stopSequences.1` as
/// `generation_config.stop_sequences[1]`.
fn written(path: &str) -> String {
    let mut all = String::new();
    for segment in path.split('.') {
        if !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit()) {
            all += &format!("[{segment}]");
            continue;
        }
        if !all.is_empty() {
            all.push('.');
        }
        for letter in segment.chars() {
            if letter.is_ascii_uppercase() {
                all.push('_');
            }
            all.push(letter.to_ascii_lowercase());
        }
    }
    all
}

/// Words a fault as the service does.
pub(super) fn reject(fault: BodyProblem) -> ChatError {
    let BodyProblem { path, problem } = fault;
    let path = written(&path);
    let named = format!("* GenerateContentRequest.{path}: ");
    let message = match problem {
        Problem::NotJson(said) => format!("Invalid JSON payload received. {said}"),
        Problem::Missing => format!("{named}{path} is not specified"),
        Problem::Type { expected, found } => {
            let kind = match expected {
                JsonKind::Text | JsonKind::TextOrObject | JsonKind::TextOrList => "TYPE_STRING",
                JsonKind::Integer => "TYPE_INT32",
                JsonKind::Number => "TYPE_FLOAT",
                JsonKind::Boolean => "TYPE_BOOL",
                JsonKind::List => "a list",
                JsonKind::Object | JsonKind::Null | JsonKind::Other => "an object",
            };
            if path.is_empty() {
                format!("Invalid JSON payload received. Expected {kind}, found {}", found.words())
            } else {
                format!("Invalid value at '{path}' ({kind}), found {}", found.words())
            }
        }
        Problem::Below { least, found, .. } => {
            format!("{named}{path} must be at least {least}, found {found}")
        }
        Problem::Above { most, found, .. } => {
            format!("{named}{path} must be at most {most}, found {found}")
        }
        Problem::Empty => format!("{named}{path} must not be empty"),
        Problem::NotOneOf { found, allowed } => {
            format!(
                "Invalid value at '{path}', \"{found}\": expected one of {}",
                allowed.join(", ")
            )
        }
        Problem::Forbidden => {
            format!("Invalid JSON payload received. Unknown name \"{path}\": Cannot find field.")
        }
        Problem::Said { message, .. } => message,
    };
    let field = (!path.is_empty()).then_some(path);
    ChatError { field, ..ChatError::new(ErrorKind::BadRequest, message) }
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    error: StatusOut<'a>,
}

#[derive(Serialize)]
struct StatusOut<'a> {
    code: u16,
    message: &'a str,
    status: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<DetailOut<'a>>,
}

#[derive(Serialize)]
#[serde(tag = "@type")]
enum DetailOut<'a> {
    #[serde(rename = "type.googleapis.com/google.rpc.BadRequest", rename_all = "camelCase")]
    BadRequest { field_violations: [ViolationOut<'a>; 1] },
    #[serde(rename = "type.googleapis.com/google.rpc.ErrorInfo")]
    Info { reason: &'a str, domain: &'static str },
    #[serde(rename = "type.googleapis.com/google.rpc.RetryInfo", rename_all = "camelCase")]
    Retry { retry_delay: String },
}

#[derive(Serialize)]
struct ViolationOut<'a> {
    field: &'a str,
    description: &'a str,
}

/// The error's body alone, for the end of a stream.
pub(super) fn body(error: &ChatError) -> (u16, Vec<u8>) {
    let server = (ErrorKind::Server, 500, "INTERNAL");
    let (kind, code, status) =
        STATUSES.into_iter().find(|(kind, ..)| *kind == error.kind).unwrap_or(server);
    let mut details = Vec::new();
    if let Some(field) = error.field.as_deref().filter(|_| kind == ErrorKind::BadRequest) {
        details.push(DetailOut::BadRequest {
            field_violations: [ViolationOut { field, description: &error.message }],
        });
    }
    if kind == ErrorKind::OutOfCredit {
        details.push(DetailOut::Info { reason: UNPAID, domain: "googleapis.com" });
    }
    if let Some(wait) = error.retry_after {
        // Whole seconds, never sooner than asked.
        let retry_delay = format!("{}s", wait.us().div_ceil(1_000_000));
        details.push(DetailOut::Retry { retry_delay });
    }
    let mut body = Vec::new();
    put(
        &mut body,
        &ErrorOut { error: StatusOut { code, message: &error.message, status, details } },
    );
    (code, body)
}

/// The error as the service sends it: the time to wait is in the body, not in a header. Kinds that
/// only a client knows (connection, cut, malformed) become `INTERNAL`.
pub(super) fn encode_error(error: &ChatError) -> WireResponse {
    let (status, body) = body(error);
    let mut headers = vec![("content-type", "application/json; charset=UTF-8".to_owned())];
    headers.extend(error.should_retry.map(|should| ("x-should-retry", should.to_string())));
    WireResponse { status, headers, body }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorIn {
    One {
        error: StatusIn,
    },
    /// In a stream that is a list, errors are in one, too.
    List(Vec<OneIn>),
}

#[derive(Deserialize)]
struct OneIn {
    error: StatusIn,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StatusIn {
    code: Option<u16>,
    message: Option<String>,
    status: Option<String>,
    details: Option<Vec<Value>>,
}

/// A duration of protocol buffers, such as `34.5s`.
fn span(text: &str) -> Option<Duration> {
    let seconds = text.strip_suffix('s')?.parse::<f64>().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then(|| Duration::from_seconds(seconds))
}

/// What an answer other than 2xx says. Any body is taken.
pub(super) fn decode_error(status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
    let read = match serde_json::from_slice::<ErrorIn>(body) {
        Ok(ErrorIn::One { error }) => Some(error),
        Ok(ErrorIn::List(all)) => all.into_iter().next().map(|one| one.error),
        Err(_) => None,
    };
    let Some(read) = read else {
        let error = ChatError::new(kind_of(status), excerpt(status, body));
        return with_retry_headers(error, headers);
    };
    let details = read.details.unwrap_or_default();
    let detail = |name: &str| details.iter().find_map(|detail| detail.get(name));
    let reason = detail("reason").and_then(Value::as_str);
    let status = read.code.filter(|code| (400..600).contains(code)).unwrap_or(status);
    let word = read.status.as_deref();
    let kind = match (reason, word) {
        (Some(UNPAID), _) => ErrorKind::OutOfCredit,
        (Some("API_KEY_INVALID" | "API_KEY_EXPIRED"), _) => ErrorKind::Authentication,
        // The same word stands for a request that is too large and for any other bad one.
        _ if status == 413 => ErrorKind::TooLarge,
        (_, Some(word)) => STATUSES
            .into_iter()
            .find(|(.., name)| *name == word)
            .map_or_else(|| kind_of(status), |(kind, ..)| kind),
        _ => kind_of(status),
    };
    let message =
        read.message.filter(|message| !message.is_empty()).unwrap_or_else(|| excerpt(status, body));
    let violation = detail("fieldViolations").and_then(|all| all.get(0)?.get("field")?.as_str());
    let asked = detail("retryDelay").and_then(|text| span(text.as_str()?));
    let error = ChatError {
        code: reason.or(word).map(str::to_owned),
        field: violation.map(str::to_owned),
        ..ChatError::new(kind, message)
    };
    let error = with_retry_headers(error, headers);
    ChatError { retry_after: asked.or(error.retry_after), ..error }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Headers<'_> = Headers { pairs: &[], received_us: 0 };

    #[test]
    fn a_rate_limit_is_sent_and_read_as_documented() {
        let mut error = ChatError::new(ErrorKind::RateLimited, "You exceeded your current quota");
        error.retry_after = Some(Duration::from_us(33_200_000));
        let reply = encode_error(&error);
        assert_eq!(reply.status, 429);
        assert_eq!(
            std::str::from_utf8(&reply.body).unwrap(),
            r#"{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}"#
        );
        let read = decode_error(429, &NONE, &reply.body);
        assert_eq!(
            (read.kind, read.retry_after, read.code.as_deref()),
            (
                ErrorKind::RateLimited,
                Some(Duration::from_us(34_000_000)),
                Some("RESOURCE_EXHAUSTED")
            )
        );
    }

    #[test]
    fn errors_of_the_service_are_read_in_every_form() {
        let read = |status, body: &str| decode_error(status, &NONE, body.as_bytes());
        // A wrong key is a 400; a stream without alt=sse sends a list.
        let wrong = r#"[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT",
            "details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}},
            {"@type":"type.googleapis.com/google.rpc.LocalizedMessage","locale":"en-US","message":"API key not valid."}]}}]"#;
        assert_eq!(read(400, wrong).kind, ErrorKind::Authentication);
        let delay = r#"{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x","violations":[]},{"@type":"y","retryDelay":"3.5s"}]}}"#;
        assert_eq!(read(429, delay).retry_after, Some(Duration::from_us(3_500_000)));
        assert_eq!(read(502, "<html>bad</html>").message, "HTTP status 502: <html>bad</html>");
        assert_eq!(read(500, "[]").kind, ErrorKind::Server);
    }

    #[test]
    fn a_field_at_fault_is_written_as_the_service_writes_it() {
        assert_eq!(
            written("generationConfig.stopSequences.1"),
            "generation_config.stop_sequences[1]"
        );
        let error = reject(BodyProblem::new(
            "contents.0.parts.2.text",
            Problem::Type { expected: JsonKind::Text, found: JsonKind::Integer },
        ));
        assert_eq!(
            error.message,
            "Invalid value at 'contents[0].parts[2].text' (TYPE_STRING), found an integer"
        );
        let body = String::from_utf8(encode_error(&error).body).unwrap();
        assert!(body.contains(r#"[{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents[0].parts[2].text","#), "{body}");
    }
}
