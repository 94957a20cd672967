//! Bedrock's errors, in both directions: the name of the exception in a header, its message in the
//! body.
//!
//! Source: the exceptions of Converse in botocore 1.44, and messages of the service as users report
//! them.

use serde::{Deserialize, Serialize};

use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::body::{BodyProblem, Problem};
use crate::llm::wire::headers::{Headers, WireResponse, excerpt, kind_of};
use crate::llm::wire::sse::put;
use crate::time::Duration;

/// The header with the name of the exception.
const TYPE: &str = "x-amzn-errortype";
/// The header with the milliseconds that the service asks to wait, as botocore 1.44 reads it.
const WAIT: &str = "x-amz-retry-after";
/// The message about a model that is not served.
pub(super) const UNKNOWN_MODEL: &str = "The provided model identifier is invalid.";

/// Statuses and names of the exceptions; the first of a kind is the one that is sent.
const EXCEPTIONS: [(ErrorKind, u16, &str); 16] = [
    (ErrorKind::BadRequest, 400, "ValidationException"),
    (ErrorKind::Authentication, 403, "UnrecognizedClientException"),
    (ErrorKind::Permission, 403, "AccessDeniedException"),
    (ErrorKind::OutOfCredit, 400, "ServiceQuotaExceededException"),
    (ErrorKind::NotFound, 404, "ResourceNotFoundException"),
    (ErrorKind::Conflict, 400, "ConflictException"),
    (ErrorKind::TooLarge, 413, "RequestEntityTooLargeException"),
    (ErrorKind::RateLimited, 429, "ThrottlingException"),
    (ErrorKind::Server, 500, "InternalServerException"),
    (ErrorKind::Overloaded, 503, "ServiceUnavailableException"),
    (ErrorKind::Timeout, 408, "ModelTimeoutException"),
    (ErrorKind::Server, 424, "ModelErrorException"),
    (ErrorKind::Server, 424, "ModelStreamErrorException"),
    (ErrorKind::RateLimited, 429, "ModelNotReadyException"),
    (ErrorKind::Authentication, 403, "MissingAuthenticationTokenException"),
    (ErrorKind::NotFound, 404, "UnknownOperationException"),
];

/// The key of a request: that of a signature, or a bearer token.
///
/// # Errors
/// 403 without either, as the service answers.
pub(super) fn authenticate<'a>(headers: &Headers<'a>) -> Result<&'a str, ChatError> {
    if let Some(token) = headers.bearer() {
        return Ok(token);
    }
    let fail = |name: &str, words: &str| ChatError {
        code: Some(name.to_owned()),
        ..ChatError::new(ErrorKind::Authentication, words)
    };
    let Some(given) = headers.get("authorization").filter(|given| !given.is_empty()) else {
        let words = "Missing Authentication Token";
        return Err(fail("MissingAuthenticationTokenException", words));
    };
    // Whose signature it is stands in front of the first `/`; the signature itself is not checked.
    let credential = given
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .and_then(|rest| rest.split(',').find_map(|part| part.trim().strip_prefix("Credential=")))
        .and_then(|credential| credential.split('/').next());
    credential.filter(|key| !key.is_empty()).ok_or_else(|| {
        let words = "Authorization header requires 'Credential' parameter.";
        fail("IncompleteSignatureException", words)
    })
}

/// Words a fault as the service does.
pub(super) fn reject(fault: BodyProblem) -> ChatError {
    let BodyProblem { path, problem } = fault;
    let held = |value: &str, rule: &str| {
        let value = if value.is_empty() { String::new() } else { format!("'{value}' ") };
        format!(
            "1 validation error detected: Value {value}at '{path}' failed to satisfy constraint: Member must {rule}"
        )
    };
    let mut code = None;
    let message = match problem {
        Problem::NotJson(said) => {
            code = Some("SerializationException".to_owned());
            said
        }
        Problem::Type { expected, found } => {
            code = Some("SerializationException".to_owned());
            let at = if path.is_empty() { String::new() } else { format!(" at '{path}'") };
            format!("Expected {}{at}, found {}", expected.words(), found.words())
        }
        Problem::Missing => held("", "not be null"),
        Problem::Below { least, found, .. } => {
            held(&found, &format!("have value greater than or equal to {least}"))
        }
        Problem::Above { most, found, .. } => {
            held(&found, &format!("have value less than or equal to {most}"))
        }
        Problem::Empty => held("", "have length greater than or equal to 1"),
        Problem::NotOneOf { found, allowed } => {
            held(&found, &format!("satisfy enum value set: [{}]", allowed.join(", ")))
        }
        Problem::Forbidden => held("", "be null"),
        Problem::Said { message, .. } => message,
    };
    let field = (!path.is_empty()).then_some(path);
    ChatError { field, code, ..ChatError::new(ErrorKind::BadRequest, message) }
}

#[derive(Serialize)]
struct ErrorOut<'a> {
    message: &'a str,
}

/// Status and name of an error. Kinds that only a client knows become an internal one.
fn exception(error: &ChatError) -> (u16, &str) {
    let named = error.code.as_deref().filter(|code| code.ends_with("Exception"));
    let known = EXCEPTIONS.into_iter().find(|(kind, _, name)| match named {
        Some(named) => *name == named,
        None => *kind == error.kind,
    });
    match (known, named) {
        (Some((_, status, name)), _) => (status, name),
        (None, Some(name)) if error.kind == ErrorKind::Authentication => (403, name),
        (None, Some(name)) => (400, name),
        (None, None) => (500, "InternalServerException"),
    }
}

/// The body of an error.
fn body(error: &ChatError) -> Vec<u8> {
    let mut body = Vec::new();
    put(&mut body, &ErrorOut { message: &error.message });
    body
}

/// The error as the service sends it.
pub(super) fn encode_error(error: &ChatError) -> WireResponse {
    let (status, name) = exception(error);
    let mut headers =
        vec![("content-type", "application/json".to_owned()), (TYPE, name.to_owned())];
    headers.extend(error.retry_after.map(|wait| (WAIT, wait.us().div_ceil(1_000).to_string())));
    headers.extend(error.should_retry.map(|should| ("x-should-retry", should.to_string())));
    WireResponse { status, headers, body: body(error) }
}

/// The name of an error inside of a stream, and its payload.
pub(super) fn in_stream(error: &ChatError) -> (&'static str, Vec<u8>) {
    let name = match error.kind {
        ErrorKind::RateLimited => "throttlingException",
        ErrorKind::BadRequest => "validationException",
        ErrorKind::Overloaded => "serviceUnavailableException",
        _ => "internalServerException",
    };
    (name, body(error))
}

/// The kind of an exception with this name; its first letter may be small, as in streams.
pub(super) fn kind_named(name: &str) -> Option<ErrorKind> {
    // A name may have its place behind it: `ValidationException:http://internal.amazon.com/…`.
    let name = name.split(':').next().unwrap_or_default();
    let known = EXCEPTIONS.into_iter().find(|(.., known)| known.eq_ignore_ascii_case(name));
    known.map(|(kind, ..)| kind)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorIn {
    #[serde(alias = "Message")]
    message: Option<String>,
    #[serde(rename = "__type")]
    kind: Option<String>,
}

/// What an answer other than 2xx says. Any body is taken.
pub(super) fn decode_error(status: u16, headers: &Headers<'_>, body: &[u8]) -> ChatError {
    let read = serde_json::from_slice::<ErrorIn>(body).unwrap_or_default();
    let in_body = read.kind.as_deref().and_then(|kind| kind.rsplit('#').next());
    let name = headers.get(TYPE).or(in_body);
    let message =
        read.message.filter(|text| !text.is_empty()).unwrap_or_else(|| excerpt(status, body));
    let named = name.and_then(kind_named);
    let kind = match named.unwrap_or_else(|| kind_of(status)) {
        ErrorKind::BadRequest if message == UNKNOWN_MODEL => ErrorKind::NotFound,
        kind => kind,
    };
    let wait = headers.get(WAIT).and_then(|text| text.parse::<u64>().ok());
    let wait = wait.map(|ms| Duration::from_us(ms.saturating_mul(1_000)));
    let code = name.map(|name| name.split(':').next().unwrap_or_default().to_owned());
    ChatError {
        code,
        retry_after: wait.or_else(|| headers.retry_after()),
        should_retry: headers.should_retry(),
        ..ChatError::new(kind, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::body::JsonKind;

    fn key(authorization: &str) -> Result<String, String> {
        let pairs = [("Authorization", authorization)];
        authenticate(&Headers { pairs: &pairs, received_us: 0 })
            .map(str::to_owned)
            .map_err(|error| error.code.unwrap())
    }

    #[test]
    fn a_signature_or_a_token_is_a_key() {
        // As botocore 1.44 signs.
        let signed = "AWS4-HMAC-SHA256 Credential=AKID/20261130/us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature=ab12";
        assert_eq!(key(signed).unwrap(), "AKID");
        assert_eq!(key("Bearer abc").unwrap(), "abc");
        assert_eq!(key("").unwrap_err(), "MissingAuthenticationTokenException");
        for part in ["AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256", "Basic abc"] {
            assert_eq!(key(part).unwrap_err(), "IncompleteSignatureException", "{part}");
        }
    }

    #[test]
    fn an_error_has_its_name_in_a_header() {
        let limited = ChatError {
            retry_after: Some(Duration::from_us(1_500_000)),
            ..ChatError::new(
                ErrorKind::RateLimited,
                "Too many tokens, please wait before trying again.",
            )
        };
        let sent = encode_error(&limited);
        assert_eq!(
            (sent.status, &sent.headers[1..]),
            (429, &[(TYPE, "ThrottlingException".to_owned()), (WAIT, "1500".to_owned())][..])
        );
        assert_eq!(
            sent.body,
            br#"{"message":"Too many tokens, please wait before trying again."}"#
        );
        let value = BodyProblem::new(
            "inferenceConfig.temperature",
            Problem::Above { most: "1".into(), found: "2".into(), whole: false },
        );
        assert_eq!(
            reject(value).message,
            "1 validation error detected: Value '2' at 'inferenceConfig.temperature' failed to satisfy constraint: Member must have value less than or equal to 1"
        );
        let kind = Problem::Type { expected: JsonKind::Text, found: JsonKind::Integer };
        let error = reject(BodyProblem::new("messages.0.role", kind));
        assert_eq!(exception(&error), (400, "SerializationException"));
        // As services without the header say it.
        let body = br#"{"__type":"com.amazon.coral.service#ThrottlingException","Message":"slow"}"#;
        let read = decode_error(400, &Headers { pairs: &[], received_us: 0 }, body);
        assert_eq!((read.kind, read.message.as_str()), (ErrorKind::RateLimited, "slow"));
        let pairs = [(TYPE, "ValidationException:http://internal.amazon.com/coral/")];
        let read = decode_error(400, &Headers { pairs: &pairs, received_us: 0 }, b"{}");
        assert_eq!(read.code.as_deref(), Some("ValidationException"));
    }
}
