//! What client-side SDKs of LaunchDarkly ask, in browsers and on phones: their flags by poll and
//! stream, goals, and events.
//!
//! Guarantees: flags are evaluated here, so no rule and no flag leaves the server that is not marked
//! as available to the SDK.
//!
//! Does not know: how a flag is evaluated, or what an event means.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Request};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::flags::client_side::{ClientKind, client_changes, evaluated};
use crate::serve::events::{diagnostic_message, payload};
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::GatedRequest;
use crate::serve::http::{
    discard, json as json_answer, parameters, read_plain_body, refusal, text,
};
use crate::serve::stream::{StreamSignals, asks, message, open, polled};
use crate::serve::world::World;

/// Most bytes of a context.
const MAX_BYTES: usize = 256 << 10;

/// An SDK's request for its flags.
struct FlagsRequest {
    kind: ClientKind,
    key: String,
    context: Value,
    with_reasons: bool,
    headers: HeaderMap,
}

/// The key of an SDK: in the path in a browser, in a header on a phone.
fn key_of(kind: ClientKind, path: &BTreeMap<String, String>, headers: &HeaderMap) -> String {
    match kind {
        ClientKind::Web => path.get("environment").cloned().unwrap_or_default(),
        ClientKind::Mobile => {
            let key = text(headers, "authorization").unwrap_or_default();
            key.strip_prefix("api_key ").unwrap_or(key).to_owned()
        }
    }
}

/// What an SDK with an unknown key is told.
fn unknown_key(kind: ClientKind) -> Response {
    match kind {
        ClientKind::Web => refusal(
            404,
            "not_found",
            "no environment of this account has this client-side id; `/_simlab/status` shows them",
        ),
        ClientKind::Mobile => refusal(
            401,
            "unauthorized",
            "the `Authorization` header holds no mobile key of this account; `/_simlab/status` shows them",
        ),
    }
}

/// A context as it stands in a path: JSON in base64 of either alphabet.
fn in_path(encoded: &str) -> Result<Value, String> {
    let bare = encoded.trim_end_matches('=');
    let bytes = URL_SAFE_NO_PAD.decode(bare).or_else(|_| STANDARD_NO_PAD.decode(bare));
    let bytes = bytes.map_err(|_| "the context in the path is not in base64".to_owned())?;
    serde_json::from_slice(&bytes).map_err(|error| format!("the context is not JSON: {error}"))
}

/// Reads a request for flags: the context stands in the path of a GET, or in the body of a REPORT.
async fn read(
    world: &World,
    kind: ClientKind,
    path: &BTreeMap<String, String>,
    request: Request<Body>,
) -> Result<FlagsRequest, Response> {
    let (head, body) = request.into_parts();
    let key = key_of(kind, path, &head.headers);
    if !world.opens_to_client(kind, &key) {
        discard(body).await;
        return Err(unknown_key(kind));
    }
    let bad = |words: &str| refusal(400, "invalid_request", words);
    let context = match (head.method.as_str(), path.get("context")) {
        ("GET" | "HEAD", Some(encoded)) => {
            discard(body).await;
            in_path(encoded).map_err(|words| bad(&words))?
        }
        ("REPORT" | "POST", None) => {
            let read = read_plain_body(&head.headers, body, MAX_BYTES).await;
            let bytes = read.map_err(|_| bad("the context could not be read, or is too large"))?;
            serde_json::from_slice(&bytes)
                .map_err(|error| bad(&format!("the context is not JSON: {error}")))?
        }
        (method, _) => {
            discard(body).await;
            let words = format!(
                "flags are asked for by GET with the context in the path, or by REPORT with it in the body; found {method} {}",
                head.uri.path()
            );
            return Err(refusal(405, "method_not_allowed", &words));
        }
    };
    let query = head.uri.query().and_then(parameters).unwrap_or_default();
    let with_reasons = query.iter().any(|(name, value)| name == "withReasons" && value == "true");
    Ok(FlagsRequest { kind, key, context, with_reasons, headers: head.headers })
}

impl FlagsRequest {
    /// The flags; none where the environment is gone.
    fn flags(&self, world: &World) -> Option<Result<BTreeMap<String, Value>, String>> {
        let ruleset = world.client_ruleset(self.kind, &self.key)?;
        Some(evaluated(&ruleset, &self.context, self.kind, self.with_reasons))
    }

    /// The flags, or the refusal of the request.
    #[expect(clippy::result_large_err, reason = "a refusal is an answer like the other")]
    fn first(&self, world: &World) -> Result<BTreeMap<String, Value>, Response> {
        let flags = self.flags(world).ok_or_else(|| unknown_key(self.kind))?;
        flags.map_err(|words| refusal(400, "invalid_request", &words))
    }
}

/// Answers a poll.
pub async fn poll(
    kind: ClientKind,
    world: Arc<World>,
    path: BTreeMap<String, String>,
    request: Request<Body>,
) -> Response {
    let asked = match read(&world, kind, &path, request).await {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    let flags = match asked.first(&world) {
        Ok(flags) => flags,
        Err(refused) => return refused,
    };
    let visit = GatedRequest::begin(&world, &asks("/sdk/evalx", &asked.key));
    let answer = async { polled(&asked.headers, &json!(flags)) };
    visit.answer(Words::LaunchDarkly, answer).await
}

/// Opens a stream of flags.
pub async fn stream(
    kind: ClientKind,
    world: Arc<World>,
    path: BTreeMap<String, String>,
    request: Request<Body>,
) -> Response {
    let asked = match read(&world, kind, &path, request).await {
        Ok(asked) => asked,
        Err(refused) => return refused,
    };
    // Subscribed before the first look, so that no change falls between.
    let signals = StreamSignals::of(&world);
    let mut known = match asked.first(&world) {
        Ok(flags) => flags,
        Err(refused) => return refused,
    };
    let visit = GatedRequest::begin(&world, &asks("/eval", &asked.key));
    let number = visit.arrival.number;
    let first = message("put", &json!(known));
    let changed = move |world: &World| {
        let now = asked.flags(world)?.ok()?;
        let told = client_changes(&known, &now);
        known = now;
        Some(told.iter().map(|(event, data)| message(event, data)).collect())
    };
    let opened = async { open(world, first, changed, signals, number) };
    visit.answer(Words::LaunchDarkly, opened).await
}

/// Opens a stream that only says when flags have changed.
pub async fn ping(
    kind: ClientKind,
    world: Arc<World>,
    path: BTreeMap<String, String>,
    headers: HeaderMap,
) -> Response {
    let key = key_of(kind, &path, &headers);
    let signals = StreamSignals::of(&world);
    if !world.opens_to_client(kind, &key) {
        return unknown_key(kind);
    }
    let visit = GatedRequest::begin(&world, &asks("/ping", &key));
    let number = visit.arrival.number;
    let told = || Bytes::from_static(b"event: ping\ndata:  \n\n");
    let changed = move |world: &World| world.opens_to_client(kind, &key).then(|| vec![told()]);
    let opened = async { open(world, told(), changed, signals, number) };
    visit.answer(Words::LaunchDarkly, opened).await
}

/// The goals of an environment: simlab has no clicks and page views that count by themselves.
pub async fn goals(State(world): State<Arc<World>>, Path(environment): Path<String>) -> Response {
    if !world.opens_to_client(ClientKind::Web, &environment) {
        return unknown_key(ClientKind::Web);
    }
    json_answer(200, &json!([]))
}

/// Takes a payload of events; `diagnostic`: a diagnostic message.
pub async fn events(
    (kind, diagnostic): (ClientKind, bool),
    world: Arc<World>,
    path: BTreeMap<String, String>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        discard(body).await;
        return refusal(405, "method_not_allowed", "events are sent by POST");
    }
    if !world.opens_to_client(kind, &key_of(kind, &path, &head.headers)) {
        discard(body).await;
        return unknown_key(kind);
    }
    if diagnostic {
        diagnostic_message(world, head.headers, body).await
    } else {
        payload(world, head.headers, body).await
    }
}
