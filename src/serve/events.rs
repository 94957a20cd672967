//! What SDKs send: events and diagnostics.
//!
//! Guarantees: a payload is taken whole or not at all, and once; it is counted before it is
//! acknowledged.
//!
//! Does not know: what an event means.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::de::{Error as _, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::random::Owner;
use crate::scenario::Endpoint;
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::GatedRequest;
use crate::serve::http::{BodyError, discard, json, read_plain_body, refusal, text};
use crate::serve::ledger::{Arrival, Ask};
use crate::serve::state::StateEntry;
use crate::serve::stream::{sdk_key, unknown_key};
use crate::serve::world::World;

/// Most bytes of a payload, before and after decompression: 10,000 events of 3 kB.
const MAX_BYTES: usize = 32 << 20;
/// Most events of a payload. SDKs hold 10,000 at most by default.
const MAX_EVENTS: usize = 50_000;
/// Most bytes of one event.
const MAX_EVENT_BYTES: usize = 256 << 10;
/// Most bytes of a diagnostic message, which has about a thousand.
const MAX_DIAGNOSTIC_BYTES: usize = 64 << 10;
/// Bytes from which on a payload is parsed and counted on a thread of its own.
const LARGE_BYTES: usize = 256 << 10;
/// Events that are counted while others wait.
const AT_ONCE: usize = 200;

/// Takes a payload of events of a server-side SDK.
pub async fn bulk(State(world): State<Arc<World>>, headers: HeaderMap, body: Body) -> Response {
    if !world.opens(sdk_key(&headers)) {
        discard(body).await;
        return unknown_key();
    }
    payload(world, headers, body).await
}

/// Takes a payload of events from somebody whose key is known.
pub async fn payload(world: Arc<World>, headers: HeaderMap, body: Body) -> Response {
    let body = read_plain_body(&headers, body, MAX_BYTES).await;
    let id = text(&headers, "x-launchdarkly-payload-id").map(str::to_owned);
    let digest =
        Owner::of(id.as_deref().map_or_else(|| body.as_deref().unwrap_or_default(), str::as_bytes));
    let bytes = match body {
        Ok(bytes) => bytes,
        Err(error) => return refused(error),
    };
    // Neither parsing a large body nor a slow disk may keep this thread from others.
    let aside = world.is_kept() || bytes.len() > LARGE_BYTES;
    let events = match parse(bytes, aside).await {
        Ok(events) => events,
        Err(refusal) => return refusal,
    };
    let visit = GatedRequest::begin(
        &world,
        &Ask { endpoint: Endpoint::Events, model: None, digest, fresh: false },
    );
    let arrival = visit.arrival;
    let taken = async {
        // Held until all of it is counted, so that payloads are kept in the order in which they
        // count.
        let order = world.in_order().await;
        let world = Arc::clone(&world);
        let take = move || {
            let taken = take(&world, arrival, id.as_deref(), events);
            drop(order);
            taken
        };
        let taken = if aside { tokio::task::spawn_blocking(take).await } else { Ok(take()) };
        match taken {
            Ok(Ok(())) => json(202, &Value::Null),
            // The SDK sends it again.
            Ok(Err(error)) => refusal(503, "service_unavailable", &error),
            Err(_) => refusal(500, "internal_service_error", "the payload could not be counted"),
        }
    };
    visit.answer(Words::LaunchDarkly, taken).await
}

/// Keeps and counts a payload, some events at a time, so that others are answered meanwhile.
fn take(
    world: &World,
    arrival: Arrival,
    id: Option<&str>,
    events: Vec<Value>,
) -> Result<(), String> {
    world.keep(|| StateEntry::Payload { id: id.map(str::to_owned), events: events.clone() })?;
    if world.ledger().comes_again(arrival, id) {
        return Ok(());
    }
    let mut events = events.into_iter().peekable();
    while events.peek().is_some() {
        world.ledger().take(arrival, events.by_ref().take(AT_ONCE));
    }
    Ok(())
}

/// The events of a body, or the refusal of it.
async fn parse(bytes: Vec<u8>, aside: bool) -> Result<Vec<Value>, Response> {
    let parsed = if aside {
        let parsed = tokio::task::spawn_blocking(move || parsed(&bytes)).await;
        parsed.unwrap_or_else(|_| Err("the body could not be read".to_owned()))
    } else {
        parsed(&bytes)
    };
    parsed.map_err(|reason| refusal(400, "invalid_request", &reason))
}

/// A list of events that was counted before anything of it was built.
fn parsed(bytes: &[u8]) -> Result<Vec<Value>, String> {
    let not_events =
        |error: &dyn std::fmt::Display| format!("the body is not a JSON array of events: {error}");
    let Pieces(pieces) = serde_json::from_slice(bytes).map_err(|error| not_events(&error))?;
    if let Some(long) =
        pieces.iter().map(|piece| piece.get().len()).find(|&bytes| bytes > MAX_EVENT_BYTES)
    {
        return Err(format!("an event has {long} bytes; at most {MAX_EVENT_BYTES} are taken"));
    }
    let values: Result<Vec<Value>, _> =
        pieces.iter().map(|piece| serde_json::from_str(piece.get())).collect();
    values.map_err(|error| not_events(&error))
}

/// At most [`MAX_EVENTS`] pieces of a list, each still text.
struct Pieces<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Pieces<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;
        impl<'de> Visitor<'de> for List {
            type Value = Pieces<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an array")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Pieces<'de>, A::Error> {
                let mut pieces = Vec::new();
                while let Some(piece) = list.next_element()? {
                    if pieces.len() == MAX_EVENTS {
                        return Err(A::Error::custom(format!(
                            "it has more than {MAX_EVENTS} events"
                        )));
                    }
                    pieces.push(piece);
                }
                Ok(Pieces(pieces))
            }
        }
        deserializer.deserialize_seq(List)
    }
}

/// Takes a diagnostic message of a server-side SDK.
pub async fn diagnostic(
    State(world): State<Arc<World>>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    if !world.opens(sdk_key(&headers)) {
        discard(body).await;
        return unknown_key();
    }
    diagnostic_message(world, headers, body).await
}

/// Takes a diagnostic message from somebody whose key is known.
pub async fn diagnostic_message(world: Arc<World>, headers: HeaderMap, body: Body) -> Response {
    let body = read_plain_body(&headers, body, MAX_DIAGNOSTIC_BYTES).await;
    match body.map(|bytes| serde_json::from_slice::<Value>(&bytes)) {
        Ok(Ok(Value::Object(_))) => {
            world.ledger().diagnostics += 1;
            json(202, &Value::Null)
        }
        Ok(_) => refusal(400, "invalid_request", "the body is not a JSON object"),
        Err(BodyError::TooLarge) => too_large(MAX_DIAGNOSTIC_BYTES),
        Err(error) => refused(error),
    }
}

fn too_large(most: usize) -> Response {
    refusal(413, "request_too_large", &format!("a payload may have {most} bytes"))
}

fn refused(error: BodyError) -> Response {
    match error {
        BodyError::TooLarge => too_large(MAX_BYTES),
        BodyError::TooSlow => refusal(408, "request_timeout", "the body did not arrive in time"),
        BodyError::Unreadable => {
            refusal(400, "invalid_request", "the body could not be read or decompressed")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_counted_before_it_is_built() {
        assert_eq!(parsed(b"[{}, 1]").unwrap().len(), 2);
        let many = |n: usize| format!("[{}]", vec!["{}"; n].join(","));
        assert_eq!(parsed(many(MAX_EVENTS).as_bytes()).unwrap().len(), MAX_EVENTS);
        assert!(
            parsed(many(MAX_EVENTS + 1).as_bytes()).unwrap_err().contains("more than 50000 events")
        );
        let long = format!("[[{}0]]", "0,".repeat(MAX_EVENT_BYTES / 2));
        assert!(parsed(long.as_bytes()).unwrap_err().contains("at most 262144"));
        for bad in ["{}", "[1", "[1e999]", "", "[[[}]"] {
            assert!(
                parsed(bad.as_bytes()).unwrap_err().contains("not a JSON array of events"),
                "{bad}"
            );
        }
    }
}
