//! LaunchDarkly's REST interface: from HTTP to the mock account and back.
//!
//! Guarantees: every answer carries the rate-limit headers; a refusal is `{"code", "message"}` with
//! the documented status.
//!
//! Does not know: what any resource is.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, Request as HttpRequest};
use axum::response::Response;
use serde_json::Value;

use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};
use crate::random::{CanonicalBytes, Owner};
use crate::scenario::Endpoint;
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::GatedRequest;
use crate::serve::http::{BodyError, decoded, json, parameters, read_plain_body, set, text};
use crate::serve::ledger::Ask;
use crate::serve::world::World;
use crate::time::unix_ms;

/// Most bytes of a request's body.
const MAX_BYTES: usize = 8 << 20;
/// Requests that are left in a window of ten seconds: simlab never runs out.
const REMAINING: &str = "1000";

/// Answers whatever is asked under `/api/v2/`.
pub async fn answer(State(world): State<Arc<World>>, request: HttpRequest<Body>) -> Response {
    let request = match read(request).await {
        Ok(request) => request,
        Err(error) => return told(Err(error)),
    };
    let digest = identity(&request);
    let visit = GatedRequest::begin(
        &world,
        &Ask { endpoint: Endpoint::LaunchDarklyRest, model: None, digest, fresh: false },
    );
    let changes = world.is_kept() && request.method != HttpMethod::Get;
    let answered = async {
        if !changes {
            return told(world.handle(&request));
        }
        // A disk may be slow: nobody else waits for it on this thread.
        let (order, world) = (world.in_order().await, Arc::clone(&world));
        let handled = tokio::task::spawn_blocking(move || {
            let reply = world.handle(&request);
            drop(order);
            reply
        });
        told(handled.await.unwrap_or_else(|_| {
            Err(ApiError::new(500, "internal_service_error", "the request could not be handled"))
        }))
    };
    visit.answer(Words::LaunchDarkly, answered).await
}

/// What makes a request this request and no other.
fn identity(request: &Request) -> Owner {
    CanonicalBytes::default()
        .text(request.method.name())
        .text(&request.path)
        .list(&request.query, |bytes, (name, value)| bytes.text(name).text(value))
        .number(request.semantic_patch.into())
        .text(&request.body.to_string())
        .owner()
}

fn told(reply: Result<ApiReply, ApiError>) -> Response {
    let mut response = match reply {
        Ok(reply) => json(reply.status, &reply.body),
        Err(error) => json(error.status, &error.to_json()),
    };
    set(&mut response, "x-ratelimit-global-remaining", REMAINING);
    set(&mut response, "x-ratelimit-route-remaining", REMAINING);
    set(&mut response, "x-ratelimit-reset", &(unix_ms() / 10_000 * 10_000 + 10_000).to_string());
    response
}

async fn read(request: HttpRequest<Body>) -> Result<Request, ApiError> {
    let (head, body) = request.into_parts();
    authorize(&head.headers)?;
    let invalid = |message: &str| ApiError::new(400, "invalid_request", message);
    // The body is read even when it is not needed, so that the connection can go on.
    let bytes =
        read_plain_body(&head.headers, body, MAX_BYTES).await.map_err(|error| match error {
            BodyError::TooLarge => ApiError::new(
                413,
                "request_too_large",
                format!("a body may have {MAX_BYTES} bytes"),
            ),
            BodyError::TooSlow => {
                ApiError::new(408, "request_timeout", "the body did not arrive in time")
            }
            BodyError::Unreadable => invalid("the body could not be read"),
        })?;
    let method = method(&head.method, &head.headers)?;
    let path = head.uri.path().strip_prefix("/api/v2/").unwrap_or_default();
    let parts: Option<Vec<String>> =
        path.trim_end_matches('/').split('/').map(|part| decoded(part, false)).collect();
    let parts = parts.ok_or_else(|| invalid("the path is not percent-encoded UTF-8"))?;
    let beta = matches!(parts.as_slice(), [first, _, third, ..] if first == "projects" && third == "agent-graphs");
    if beta && text(&head.headers, "ld-api-version") != Some("beta") {
        return Err(ApiError::new(
            403,
            "forbidden",
            "agent graphs are in beta: send the header `LD-API-Version: beta`",
        ));
    }
    let query = parameters(head.uri.query().unwrap_or_default())
        .ok_or_else(|| invalid("the query is not percent-encoded UTF-8"))?;
    let body = if bytes.iter().all(u8::is_ascii_whitespace) {
        Value::Null
    } else {
        serde_json::from_slice(&bytes)
            .map_err(|error| invalid(&format!("the body is not JSON: {error}")))?
    };
    let kind = text(&head.headers, "content-type").unwrap_or_default().to_ascii_lowercase();
    let semantic_patch = kind.contains("domain-model=launchdarkly.semanticpatch");
    Ok(Request { method, path: parts.join("/"), query, semantic_patch, body })
}

/// Any access token is taken; a key of an SDK is none.
fn authorize(headers: &HeaderMap) -> Result<(), ApiError> {
    let unauthorized = |message: &str| Err(ApiError::new(401, "unauthorized", message));
    match text(headers, "authorization").unwrap_or_default() {
        "" => unauthorized("an access token is needed in the `Authorization` header"),
        key if key.starts_with("sdk-") || key.starts_with("mob-") => {
            unauthorized("a key of an SDK is no access token")
        }
        _ => Ok(()),
    }
}

/// The method, or the one that stands in `X-HTTP-Method-Override` of a POST.
fn method(method: &axum::http::Method, headers: &HeaderMap) -> Result<HttpMethod, ApiError> {
    let name = if *method == axum::http::Method::POST {
        text(headers, "x-http-method-override").unwrap_or("POST").to_ascii_uppercase()
    } else {
        method.as_str().to_owned()
    };
    match name.as_str() {
        "GET" | "HEAD" => Ok(HttpMethod::Get),
        "POST" => Ok(HttpMethod::Post),
        "PATCH" => Ok(HttpMethod::Patch),
        "DELETE" => Ok(HttpMethod::Delete),
        _ => Err(ApiError::new(
            405,
            "method_not_allowed",
            format!("no resource takes the method {name}"),
        )),
    }
}
