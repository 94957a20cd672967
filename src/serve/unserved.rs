//! What nobody serves: a path that there is not, or a method that a path does not take.
//!
//! Guarantees: whoever asks at a provider's address gets the error in the provider's own form, which
//! its client understands.
//!
//! Does not know: what is served.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use axum::response::Response;

use crate::llm::chat::{ChatError, ErrorKind};
use crate::llm::wire::Provider;
use crate::random::Owner;
use crate::serve::chat::{means, refused_early, unknown_path};
use crate::serve::door::base;
use crate::serve::http::{discard, refusal, set};
use crate::serve::world::World;

/// The first segment of a path.
fn first(path: &str) -> &str {
    let end = path.char_indices().skip(1).find(|(_, c)| *c == '/').map(|(at, _)| at);
    path.get(..end.unwrap_or(path.len())).unwrap_or_default()
}

/// The provider at whose address a request comes, which may be the only one of its port.
fn spoken_to(
    door: Option<Provider>,
    world: &World,
    headers: &HeaderMap,
    uri: &Uri,
) -> Option<Provider> {
    if door.is_some() {
        return door;
    }
    // Where a provider has no path before its own ones, the first segment of these is its address.
    let place = |provider: Provider| {
        let base = base(provider, true);
        if base.is_empty() { first(provider.api.chat_path()).to_owned() } else { base }
    };
    let holds = |provider: &Provider| {
        let rest = uri.path().strip_prefix(&place(*provider));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    let mut found: Vec<Provider> = world.providers().iter().copied().filter(holds).collect();
    let longest = found.iter().map(|provider| place(*provider).len()).max()?;
    found.retain(|provider| place(*provider).len() == longest);
    let meant = found.iter().find(|provider| means(**provider, headers, uri));
    let named = || {
        let own = |provider: &&Provider| uri.path().starts_with(provider.api.chat_path());
        found.iter().find(own)
    };
    meant.or_else(named).or(found.last()).copied()
}

/// Answers at a path that nobody serves.
pub async fn unknown(
    door: Option<Provider>,
    world: Arc<World>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    discard(body).await;
    let path = head.uri.path();
    let is = |paths: &[&str]| {
        paths.iter().any(|known| path == *known || path.starts_with(&format!("{known}/")))
    };
    if is(&["/sdk/eval", "/msdk/eval", "/a"]) {
        return refusal(
            404,
            "not_found",
            "simlab serves client-side SDKs at the paths of their versions from 2018 on: `/sdk/evalx` and `/msdk/evalx`",
        );
    }
    if is(&["/sdk/stream", "/sdk/poll"]) {
        let mut response = refusal(
            404,
            "not_found",
            "simlab speaks the first version of the flag delivery protocol: `/all` and `/sdk/latest-all`",
        );
        set(&mut response, "x-ld-fd-fallback", "true");
        return response;
    }
    let Some(provider) = spoken_to(door, &world, &head.headers, &head.uri) else {
        let words = format!("nothing is served at `{path}`; see `/_simlab/status`");
        return refusal(404, "not_found", &words);
    };
    let words = format!("Invalid URL ({} {path})", head.method);
    unknown_path(provider, &world, path, &ChatError::new(ErrorKind::NotFound, words))
}

/// Answers at a path in another way than it takes.
pub async fn wrong_method(
    door: Option<Provider>,
    world: Arc<World>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    discard(body).await;
    let path = head.uri.path();
    let words = format!("`{path}` does not take the method {}", head.method);
    let Some(provider) = spoken_to(door, &world, &head.headers, &head.uri) else {
        return refusal(405, "method_not_allowed", &words);
    };
    let error = ChatError::new(ErrorKind::BadRequest, words);
    let mut response = refused_early(provider, &world, Owner::of(path.as_bytes()), &error);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_segment_of_a_path_is_an_address() {
        for (path, expected) in
            [("/v1/messages", "/v1"), ("/model/{*id}", "/model"), ("/v1", "/v1")]
        {
            assert_eq!(first(path), expected);
        }
    }
}
