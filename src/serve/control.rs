//! simlab's own pages under `/_simlab`: what is served, what has arrived, and starting over.
//!
//! Guarantees: reading changes nothing.
//!
//! Does not know: who may see them; whoever reaches the port may.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

use crate::flags::mock::EnvironmentKeys;
use crate::report::{Palette, Report, to_text};
use crate::serve::door::Door;
use crate::serve::faults_control;
use crate::serve::grade::Finding;
use crate::serve::http::{bytes_of, json, refusal, set, text};
use crate::serve::mcp::service_name;
use crate::serve::page::{REFRESH, ServeProgress, page};
use crate::serve::recorder::Recorder;
use crate::serve::world::World;
use crate::time::unix_ms;

/// Columns of the report as text.
const TEXT_WIDTH: usize = 80;

/// What is served, and how much has arrived.
pub async fn status(State(world): State<Arc<World>>) -> Response {
    let (project, sdk_key) = (&world.scenario.project, world.sdk_key());
    let keys: Vec<Value> = world
        .keys()
        .iter()
        .map(|own| {
            json!({ "project": own.project, "environment": own.environment, "sdk_key": own.sdk_key,
                "mobile_key": own.mobile_key, "client_side_id": own.client_side_id })
        })
        .collect();
    let tools: Vec<String> =
        world.scenario.tools.iter().map(|tool| format!("/mcp/{}", service_name(tool))).collect();
    let ledger = world.ledger();
    let used = ledger.batched;
    let batched = json!({
        "chats": used.chats, "input_tokens": used.tokens[0], "output_tokens": used.tokens[1],
        "cost_nano_usd": used.cost.nano_dollars(), "chats_without_price": used.without_price,
    });
    let status = json!({
        "version": env!("CARGO_PKG_VERSION"), "scenario": world.scenario.name, "seed": world.settings.seed.0,
        "time_scale": world.settings.time_scale, "passes_on": world.recorder.as_ref().is_some_and(Recorder::passes_on),
        "launchdarkly": { "project": project.key, "environment": project.environment, "sdk_key": sdk_key, "keys": keys },
        "mcp": tools,
        "chats": ledger.chats, "payloads": ledger.payloads, "repeated_payloads": ledger.repeated_payloads, "diagnostics": ledger.diagnostics,
        "events": ledger.total(), "events_by_kind": ledger.kinds, "malformed_events": ledger.malformed,
        "last_fault": ledger.last_fault,
        "batches": batched, "requests": ledger.requests, "forgotten_requests": ledger.forgotten_requests(),
        "faults": faults_control::shown(&ledger.faults), "client": ledger.grade.findings(unix_ms(), false),
    });
    json(200, &status)
}

/// The variables that clients read, as lines for a shell: those of the port that all share, and the
/// keys of the scenario's environment; those of other environments are comments.
pub async fn variables(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    let url = format!("http://{}", text(&headers, "host").unwrap_or("127.0.0.1"));
    let mut lines = String::new();
    for door in Door::all(world.providers()) {
        let (name, value) = door.variable(&url, true);
        lines += &format!("export {name}={value}\n");
    }
    for provider in world.providers() {
        lines += &format!("export {}=any\n", provider.key_variable);
    }
    lines += "export LD_API_KEY=any\n";
    if let Some(key) = world.sdk_key() {
        lines += &format!("export LD_SDK_KEY={key}\n");
    }
    let project = &world.scenario.project;
    for own in world.keys() {
        let home = own.project == project.key && own.environment == project.environment;
        let EnvironmentKeys { sdk_key, mobile_key, client_side_id, .. } = own;
        if home {
            lines += &format!("export LD_MOBILE_KEY={mobile_key}\n");
            lines += &format!("export LD_CLIENT_SIDE_ID={client_side_id}\n");
        } else {
            lines += &format!("# {} {}\n", own.project, own.environment);
            lines += &format!("# export LD_SDK_KEY={sdk_key}\n");
        }
    }
    bytes_of(200, "text/plain; charset=utf-8", lines.into_bytes())
}

/// The last events that arrived, one on each line.
pub async fn events(State(world): State<Arc<World>>) -> Response {
    let mut lines = Vec::new();
    for event in &world.ledger().events {
        lines.extend_from_slice(event.as_bytes());
        lines.push(b'\n');
    }
    bytes_of(200, "application/x-ndjson", lines)
}

/// The last chats, one on each line.
pub async fn transcript(State(world): State<Arc<World>>) -> Response {
    let text = {
        let chats = world.recent_chats();
        chats.listens().then(|| chats.text())
    };
    match text {
        Some(text) => bytes_of(200, "application/x-ndjson", text),
        None => refusal(
            404,
            "not_found",
            "no chats are kept; start `simlab serve` with `--transcript N`",
        ),
    }
}

/// The statistics of what has arrived so far: in the JSON of any report, as a page for whoever
/// would rather have HTML, or as text. The page asks again by itself, as events arrive.
pub async fn report(State(world): State<Arc<World>>, headers: HeaderMap) -> Response {
    if text(&headers, "accept").is_some_and(|accepted| accepted.contains("text/html")) {
        let host = text(&headers, "host").unwrap_or("127.0.0.1");
        let (address, sdk_key, at_ms) = (format!("http://{host}"), world.sdk_key(), unix_ms());
        let (report, progress) = {
            let ledger = world.ledger();
            let findings = ledger.grade.findings(at_ms, false);
            let (events, chats, last_ms) =
                (ledger.total(), ledger.chats, ledger.grade.last_payload_ms());
            (
                ledger.report(),
                ServeProgress { at_ms, events, chats, last_ms, findings, address, sdk_key },
            )
        };
        let mut response =
            bytes_of(200, "text/html; charset=utf-8", page(&report, &progress).into_bytes());
        set(&mut response, "refresh", &REFRESH.to_string());
        return response;
    }
    if text(&headers, "accept").is_some_and(|accepted| accepted.starts_with("text/plain")) {
        let ledger = world.ledger();
        let mut text = to_text(&ledger.report(), TEXT_WIDTH, &Palette::plain());
        let findings = ledger.grade.findings(unix_ms(), false);
        if !findings.is_empty() {
            text += "\nWhat the client does wrong\n";
        }
        for finding in findings {
            text +=
                &format!("  {} ({}): {}\n", finding.code.name(), finding.count, finding.message);
        }
        return bytes_of(200, "text/plain; charset=utf-8", text.into_bytes());
    }
    match report_text(&world, false) {
        Ok(text) => bytes_of(200, "application/json", text.into_bytes()),
        Err(error) => refusal(500, "internal_service_error", &error),
    }
}

/// A report, and what the client did wrong beside it.
#[derive(Serialize)]
struct Live<'a> {
    #[serde(flatten)]
    report: &'a Report,
    client: Vec<Finding>,
}

/// The report on all that arrived and on the client, as JSON, when nothing more can come.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn last_report(world: &World) -> Result<String, String> {
    report_text(world, true)
}

/// The report as JSON; at the `end` nothing more is waited for.
///
/// # Errors
/// When it cannot be written as JSON.
fn report_text(world: &World, end: bool) -> Result<String, String> {
    let (report, client) = {
        let ledger = world.ledger();
        (ledger.report(), ledger.grade.findings(unix_ms(), end))
    };
    let text = serde_json::to_string_pretty(&Live { report: &report, client });
    text.map(|text| text + "\n").map_err(|error| error.to_string())
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
    let labeled = |text: &mut String, name: &str, what: &str, values: &[(&str, &str, u64)]| {
        text.push_str(&format!("# HELP {name} {what}\n# TYPE {name} counter\n"));
        values.iter().for_each(|(label, key, value)| {
            text.push_str(&format!("{name}{{{label}=\"{key}\"}} {value}\n"))
        });
    };
    let mut struck: BTreeMap<&str, u64> = BTreeMap::new();
    for active in ledger.faults.active() {
        *struck.entry(active.rule.kind.name()).or_default() += active.hits;
    }
    let struck: Vec<_> = struck.into_iter().map(|(kind, hits)| ("fault", kind, hits)).collect();
    labeled(&mut text, "simlab_faults_total", "faults committed by the rules in force", &struck);
    let findings = ledger.grade.findings(unix_ms(), false);
    let found: Vec<_> =
        findings.iter().map(|finding| ("code", finding.code.name(), finding.count)).collect();
    labeled(&mut text, "simlab_client_findings_total", "what the client did wrong", &found);
    bytes_of(200, "text/plain; version=0.0.4", text.into_bytes())
}

/// Starts over.
pub async fn reset(State(world): State<Arc<World>>) -> Response {
    match world.reset().await {
        Ok(()) => json(204, &Value::Null),
        Err(error) => refusal(503, "service_unavailable", &error),
    }
}
