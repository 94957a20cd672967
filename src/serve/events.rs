//! What SDKs send: events and diagnostics.
//!
//! Promises: a payload is taken whole or not at all, and once; it is counted before it is acknowledged.
//!
//! Does not know: what an event means.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde_json::Value;

use crate::random::Owner;
use crate::scenario::Endpoint;
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::Visit;
use crate::serve::http::{BodyError, json, read_plain_body, refusal, text};
use crate::serve::ledger::Ask;
use crate::serve::state::Entry;
use crate::serve::stream::{sdk_key, unknown_key};
use crate::serve::world::World;

/// Most bytes of a payload, before and after decompression: 10,000 events of 3 kB.
const MOST_BYTES: usize = 32 << 20;

/// Takes a payload of events.
pub async fn bulk(State(world): State<Arc<World>>, headers: HeaderMap, body: Body) -> Response {
    let body = read_plain_body(&headers, body, MOST_BYTES).await;
    if !world.opens(sdk_key(&headers)) {
        return unknown_key();
    }
    let id = text(&headers, "x-launchdarkly-payload-id");
    let digest = Owner::of(id.map_or_else(|| body.as_deref().unwrap_or_default(), str::as_bytes));
    let events = match body.map(|bytes| serde_json::from_slice::<Vec<Value>>(&bytes)) {
        Ok(Ok(events)) => events,
        Ok(Err(error)) => return refusal(400, "invalid_request", &format!("the body is not a JSON array of events: {error}")),
        Err(error) => return refused(error),
    };
    let visit = Visit::begin(&world, &Ask { endpoint: Endpoint::Events, model: None, digest, fresh: false });
    let arrival = visit.arrival;
    let taken = async {
        // Held until it is counted, so that payloads are kept in the order in which they count.
        let mut ledger = world.ledger();
        let kept = world.keep(|| Entry::Payload { id: id.map(str::to_owned), events: events.clone() });
        if let Err(error) = kept {
            // The SDK sends it again.
            return refusal(503, "service_unavailable", &error);
        }
        ledger.take(arrival, id, events);
        json(202, &Value::Null)
    };
    visit.answer(Words::LaunchDarkly, taken).await
}

/// Takes a diagnostic message.
pub async fn diagnostic(State(world): State<Arc<World>>, headers: HeaderMap, body: Body) -> Response {
    let body = read_plain_body(&headers, body, MOST_BYTES).await;
    if !world.opens(sdk_key(&headers)) {
        return unknown_key();
    }
    match body.map(|bytes| serde_json::from_slice::<Value>(&bytes)) {
        Ok(Ok(Value::Object(_))) => {
            world.ledger().diagnostics += 1;
            json(202, &Value::Null)
        }
        Ok(_) => refusal(400, "invalid_request", "the body is not a JSON object"),
        Err(error) => refused(error),
    }
}

fn refused(error: BodyError) -> Response {
    match error {
        BodyError::TooLarge => refusal(413, "request_too_large", &format!("a payload may have {MOST_BYTES} bytes")),
        BodyError::TooSlow => refusal(408, "request_timeout", "the body did not arrive in time"),
        BodyError::Unreadable => refusal(400, "invalid_request", "the body could not be read or decompressed"),
    }
}
