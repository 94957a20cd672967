//! The gate before the mocks where traffic is recorded or played back.
//!
//! Guarantees: only requests to a provider are taken; all others reach the mocks.
//!
//! Does not know: how exchanges are kept or found.

use std::sync::{Arc, PoisonError};

use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

use crate::live::net::Post;
use crate::llm::chat::ErrorKind;
use crate::llm::wire::Provider;
use crate::serve::recorder::{KEPT, Recorder, answered, kept, passed_on, provider_of, refused};
use crate::serve::world::World;

/// Most bytes of a request.
const MAX_BYTES: usize = 32 << 20;

/// Lets a request through to the mocks, unless it is recorded or played back.
pub async fn through(
    State((world, door)): State<(Arc<World>, Option<Provider>)>,
    request: Request,
    next: Next,
) -> Response {
    let Some(recorder) = &world.recorder else { return next.run(request).await };
    let found =
        provider_of(request.uri().path(), door).filter(|_| request.method() == Method::POST);
    let Some((provider, path)) = found else { return next.run(request).await };
    let (head, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_BYTES).await else {
        return refused(
            provider,
            ErrorKind::TooLarge,
            "the request is too large, or did not arrive whole",
        );
    };
    let asked: Value = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    match recorder {
        Recorder::Replays(replay) => {
            let found = replay.lock().unwrap_or_else(PoisonError::into_inner).answer(
                provider.key,
                &path,
                &asked,
            );
            match found {
                Ok(exchange) => {
                    let headers = exchange.headers.iter();
                    let headers =
                        headers.map(|(name, value)| (name.clone(), value.clone())).collect();
                    answered(exchange.status, headers, exchange.body.clone().into_bytes())
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
            let answer = match http.send(post).await {
                Ok(answer) => answer,
                Err(broken) => {
                    let words = format!(
                        "the provider was not reached, and nothing is recorded: {}",
                        broken.words
                    );
                    return refused(provider, ErrorKind::Connection, &words);
                }
            };
            let exchange = kept(provider, &path, &asked, &head.headers, head.uri.query(), &answer);
            let written = file.lock().unwrap_or_else(PoisonError::into_inner).add(&exchange);
            if let Err(error) = written {
                let words = format!("the answer cannot be recorded: {error}");
                return refused(provider, ErrorKind::Server, &words);
            }
            let headers =
                answer.headers.into_iter().filter(|(name, _)| KEPT.contains(&name.as_str()));
            answered(answer.status, headers.collect(), answer.body)
        }
    }
}
