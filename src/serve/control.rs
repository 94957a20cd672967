//! simlab's own pages under `/_simlab`: what is served, what has arrived, and starting over.
//!
//! Promises: reading changes nothing.
//!
//! Does not know: who may see them; whoever reaches the port may.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::{Value, json};

use crate::report::to_json;
use crate::serve::faults_control;
use crate::serve::http::{bytes_of, json, refusal};
use crate::serve::world::World;
use crate::time::unix_ms;

/// What is served, and how much has arrived.
pub async fn status(State(world): State<Arc<World>>) -> Response {
    let (project, sdk_key) = (&world.scenario.project, world.sdk_key());
    let ledger = world.ledger();
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"), "scenario": world.scenario.name, "seed": world.settings.seed.0,
        "time_scale": world.settings.time_scale,
        "launchdarkly": { "project": project.key, "environment": project.environment, "sdk_key": sdk_key },
        "chats": ledger.chats, "payloads": ledger.payloads, "repeated_payloads": ledger.repeated_payloads, "diagnostics": ledger.diagnostics,
        "events": ledger.total(), "events_by_kind": ledger.kinds, "malformed_events": ledger.malformed,
        "last_fault": ledger.last_fault,
        "requests": ledger.requests, "forgotten_requests": ledger.forgotten_requests(),
        "faults": faults_control::shown(&ledger.faults), "client": ledger.grade.findings(unix_ms(), false),
    });
    json(200, &status)
}

/// The last events that arrived, one on each line.
pub async fn events(State(world): State<Arc<World>>) -> Response {
    let mut lines = Vec::new();
    for event in &world.ledger().events {
        lines.extend_from_slice(event.to_string().as_bytes());
        lines.push(b'\n');
    }
    bytes_of(200, "application/x-ndjson", lines)
}

/// The statistics of what has arrived so far, in the JSON of any report.
pub async fn report(State(world): State<Arc<World>>) -> Response {
    let report = world.ledger().report();
    match to_json(&report) {
        Ok(text) => bytes_of(200, "application/json", text.into_bytes()),
        Err(error) => refusal(500, "internal_service_error", &error),
    }
}

/// Counters in the text format of Prometheus.
pub async fn metrics(State(world): State<Arc<World>>) -> Response {
    let ledger = world.ledger();
    let mut text = String::new();
    for (name, what, value) in [
        ("simlab_chats_total", "chat requests answered", ledger.chats),
        ("simlab_payloads_total", "payloads of events taken", ledger.payloads),
        ("simlab_repeated_payloads_total", "payloads that came again", ledger.repeated_payloads),
        ("simlab_events_total", "events read", ledger.total()),
        ("simlab_malformed_events_total", "events that could not be read", ledger.malformed),
        ("simlab_diagnostics_total", "diagnostic messages", ledger.diagnostics),
    ] {
        text.push_str(&format!("# HELP {name} {what}\n# TYPE {name} counter\n{name} {value}\n"));
    }
    bytes_of(200, "text/plain; version=0.0.4", text.into_bytes())
}

/// Starts over.
pub async fn reset(State(world): State<Arc<World>>) -> Response {
    match world.reset().await {
        Ok(()) => json(204, &Value::Null),
        Err(error) => refusal(500, "internal_service_error", &error.to_string()),
    }
}
