//! The gate before the mocks where traffic is recorded or played back.
//!
//! Guarantees: only requests to a provider are taken, whatever their method; all others reach the
//! mocks.
//!
//! Does not know: how exchanges are kept or found.

use std::sync::{Arc, PoisonError};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::live::net::Post;
use crate::llm::chat::ErrorKind;
use crate::llm::wire::Provider;
use crate::serve::chat::means;
use crate::serve::http::text;
use crate::serve::recorder::{
    KEPT, RecordedRequest, Recorder, answered, kept, passed_on, provider_of, refused,
};
use crate::serve::request_keys::RequestKeys;
use crate::serve::world::World;

/// Most bytes of a request.
const MAX_BYTES: usize = 32 << 20;

/// A body as it is compared: JSON, or a text where it is none. The mark between the parts of a form,
/// which clients choose anew each time, is always the same.
fn read(headers: &HeaderMap, body: &[u8], keys: &RequestKeys) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    let mut words = match std::str::from_utf8(body) {
        Ok(words) => keys.hidden(words),
        Err(_) => {
            let kind = text(headers, "content-type").unwrap_or_default();
            let mark = kind.split_once("boundary=").map(|(_, mark)| mark.trim_matches('"'));
            let parts = mark.map(|mark| replaced(body, mark.as_bytes()));
            return Value::String(STANDARD.encode(parts.as_deref().unwrap_or(body)));
        }
    };
    if let Ok(value) = serde_json::from_str(&words) {
        return value;
    }
    let kind = text(headers, "content-type").unwrap_or_default();
    if let Some((_, mark)) = kind.split_once("boundary=") {
        words = words.replace(mark.trim_matches('"'), "boundary");
    }
    Value::String(words)
}

/// Bytes in which this mark is always the same.
fn replaced(bytes: &[u8], mark: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(first) = rest.first() {
        match rest.strip_prefix(mark).filter(|_| !mark.is_empty()) {
            Some(behind) => {
                all.extend_from_slice(b"boundary");
                rest = behind;
            }
            None => {
                all.push(*first);
                rest = rest.get(1..).unwrap_or_default();
            }
        }
    }
    all
}

/// Lets a request through to the mocks, unless it is recorded or played back.
pub async fn through(
    State((world, door)): State<(Arc<World>, Option<Provider>)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(recorder) = &world.recorder else { return next.run(request).await };
    let (headers, uri) = (request.headers(), request.uri());
    let found =
        provider_of(uri.path(), door, world.providers(), |provider| means(provider, headers, uri));
    // A browser's question whether it may ask is no request to a provider.
    let found = found.filter(|_| *request.method() != Method::OPTIONS);
    let Some((provider, path)) = found else { return next.run(request).await };
    let (head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BYTES).await else {
        return refused(
            provider,
            ErrorKind::TooLarge,
            "the request is too large, or did not arrive whole",
        );
    };
    let keys = RequestKeys::of(&head.headers, head.uri.query());
    let query = head.uri.query().map(|query| keys.rest_of_query(query)).unwrap_or_default();
    let mark = if query.is_empty() { "" } else { "?" };
    let asked = RecordedRequest {
        provider,
        method: head.method.as_str().to_owned(),
        path: [&path, mark, &query].concat(),
        body: read(&head.headers, &bytes, &keys),
    };
    match recorder {
        Recorder::Replays(replay) => {
            let found = replay.lock().unwrap_or_else(PoisonError::into_inner).answer(&asked);
            match found {
                Ok(exchange) => {
                    let headers = exchange.headers.iter();
                    let headers =
                        headers.map(|(name, value)| (name.clone(), value.clone())).collect();
                    answered(exchange.status, headers, exchange.bytes().unwrap_or_default())
                }
                Err(why) => refused(provider, ErrorKind::NotFound, &why),
            }
        }
        Recorder::Records { file, http, upstream } => {
            let base = upstream.get(&provider).map_or(provider.base, String::as_str);
            let query = head.uri.query().map(|query| format!("?{query}")).unwrap_or_default();
            let post = Post {
                address: format!("{}{path}{query}", base.trim_end_matches('/')),
                headers: passed_on(&head.headers),
                body: bytes.to_vec(),
            };
            let answer = match http.send_as(head.method, post).await {
                Ok(answer) => answer,
                Err(broken) => {
                    let words = format!(
                        "the provider was not reached, and nothing is recorded: {}",
                        broken.words
                    );
                    return refused(provider, ErrorKind::Connection, &words);
                }
            };
            let written = kept(&asked, &keys, &answer).and_then(|exchange| {
                let added = file.lock().unwrap_or_else(PoisonError::into_inner).add(&exchange);
                added.map_err(|error| error.to_string())
            });
            if let Err(why) = written {
                let words = format!("the answer cannot be recorded: {why}");
                return refused(provider, ErrorKind::Server, &words);
            }
            let headers =
                answer.headers.into_iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
            answered(answer.status, headers.collect(), answer.body)
        }
    }
}
