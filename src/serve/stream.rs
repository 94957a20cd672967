//! How flags reach SDKs: the stream (`/all`) and the poll (`/sdk/latest-all`).
//!
//! Guarantees: a stream opens with everything; a change of the account follows at once, only what
//! changed, segments first; a comment line goes out while nothing happens; a stream ends when the
//! server stops or its key is gone.
//!
//! Does not know: how flags are changed.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use crate::flags::ruleset::Change;
use crate::random::Owner;
use crate::scenario::Endpoint;
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::GatedRequest;
use crate::serve::http::{bytes_of, refusal, set, text};
use crate::serve::ledger::Ask;
use crate::serve::world::World;
use crate::time::unix_ms;

/// Time between two comment lines: well below the five minutes after which a silent stream is given
/// up.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Messages that wait for a slow reader before its stream waits, too.
const WAITING: usize = 16;

/// The SDK key of a request.
pub fn sdk_key(headers: &HeaderMap) -> &str {
    text(headers, "authorization").unwrap_or_default()
}

/// What an SDK with an unknown key is told.
pub fn unknown_key() -> Response {
    refusal(
        401,
        "unauthorized",
        "the `Authorization` header holds no SDK key of this account; `/_simlab/status` shows it",
    )
}

/// An event of a stream.
pub fn message(event: &str, data: &Value) -> Bytes {
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

fn change(change: Change) -> Bytes {
    match change {
        Change::Patch { path, data } => message("patch", &json!({ "path": path, "data": data })),
        Change::Delete { path, version } => {
            message("delete", &json!({ "path": path, "version": version }))
        }
    }
}

/// Opens a stream.
pub async fn all(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let key = sdk_key(&headers).to_owned();
    // Subscribed before the first look, so that no change falls between.
    let signals = StreamSignals::of(&world);
    let Some(mut known) = world.ruleset(&key) else { return unknown_key() };
    let visit = GatedRequest::begin(&world, &asks("/all", &key));
    let number = visit.arrival.number;
    let first = message("put", &json!({ "path": "/", "data": known.to_json() }));
    let changed = move |world: &World| {
        let now = world.ruleset(&key)?;
        let told = now.changes_since(&known).into_iter().map(change).collect();
        known = now;
        Some(told)
    };
    let opened = async { open(world, first, changed, signals, number) };
    visit.answer(Words::LaunchDarkly, opened).await
}

/// What an SDK asks for.
pub fn asks(path: &str, key: &str) -> Ask<'static> {
    Ask {
        endpoint: Endpoint::LaunchDarklySdk,
        model: None,
        digest: Owner::of(format!("{path}\0{key}").as_bytes()),
        fresh: false,
    }
}

/// What a stream waits for.
pub struct StreamSignals {
    changes: watch::Receiver<u64>,
    stops: watch::Receiver<bool>,
}

impl StreamSignals {
    /// Changes of the account from now on, and the end of the server.
    #[must_use]
    pub fn of(world: &World) -> Self {
        Self { changes: world.changes(), stops: world.stops() }
    }
}

/// A stream that is open until nobody listens or the server stops: `first`, and after each change of
/// the account what `changed` says, until it says none.
pub fn open(
    world: Arc<World>,
    first: Bytes,
    changed: impl FnMut(&World) -> Option<Vec<Bytes>> + Send + 'static,
    signals: StreamSignals,
    number: u64,
) -> Response {
    let (sender, receiver) = mpsc::channel(WAITING);
    world.ledger().grade.stream_opened();
    tokio::spawn(async move {
        let stops = signals.stops.clone();
        follow(&world, first, changed, signals, sender).await;
        let left = !*stops.borrow();
        world.ledger().grade.stream_ended(unix_ms(), number, left);
    });
    let body =
        Body::from_stream(ReceiverStream::new(receiver).map(Ok::<_, std::convert::Infallible>));
    let mut response = Response::new(body);
    set(&mut response, "content-type", "text/event-stream");
    set(&mut response, "cache-control", "no-cache");
    response
}

async fn follow(
    world: &World,
    first: Bytes,
    mut changed: impl FnMut(&World) -> Option<Vec<Bytes>>,
    StreamSignals { mut changes, mut stops }: StreamSignals,
    sender: mpsc::Sender<Bytes>,
) {
    let mut open = sender.send(first).await.is_ok();
    while open {
        tokio::select! {
            () = async { let _ = stops.wait_for(|stops| *stops).await; } => return,
            () = sender.closed() => return,
            () = tokio::time::sleep(HEARTBEAT) => open = sender.send(Bytes::from_static(b":\n\n")).await.is_ok(),
            change = changes.changed() => {
                let Some(all) = change.ok().and_then(|()| changed(world)) else { return };
                for told in all {
                    open = open && sender.send(told).await.is_ok();
                }
            }
        }
    }
}

/// Answers a poll.
pub async fn latest_all(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let key = sdk_key(&headers);
    let Some(ruleset) = world.ruleset(key) else { return unknown_key() };
    let visit = GatedRequest::begin(&world, &asks("/sdk/latest-all", key));
    visit.answer(Words::LaunchDarkly, async { polled(&headers, &ruleset.to_json()) }).await
}

/// Answers with one flag or segment, or with all of that `kind`: the way of SDKs that keep nothing
/// between requests, such as that for PHP.
pub async fn one(
    kind: &'static str,
    world: Arc<World>,
    name: Option<String>,
    headers: HeaderMap,
) -> Response {
    let key = sdk_key(&headers);
    let Some(ruleset) = world.ruleset(key) else { return unknown_key() };
    let path = format!("/sdk/{kind}/{}", name.as_deref().unwrap_or_default());
    let visit = GatedRequest::begin(&world, &asks(&path, key));
    let answered = async {
        let all = ruleset.to_json();
        let own =
            all.get(kind).and_then(|own| name.as_ref().map_or(Some(own), |name| own.get(name)));
        own.map_or_else(
            || refusal(404, "not_found", &format!("nothing is served at `{path}`")),
            |own| polled(&headers, own),
        )
    };
    visit.answer(Words::LaunchDarkly, answered).await
}

/// The flags, unless they are known already.
pub fn polled(headers: &HeaderMap, flags: &Value) -> Response {
    let body = flags.to_string().into_bytes();
    let tag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(&body));
    let same = text(headers, "if-none-match").is_some_and(|tags| {
        tags.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
    });
    let mut response = if same {
        bytes_of(304, "application/json", Vec::new())
    } else {
        bytes_of(200, "application/json", body)
    };
    set(&mut response, "etag", &tag);
    response
}
