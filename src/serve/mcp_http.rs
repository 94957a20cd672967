//! Tools over streamable HTTP, the transport of the Model Context Protocol: one address for each
//! tool, which takes messages by POST.
//!
//! A request that says its version by itself (from 2026-07-28 on) stands alone, and its headers must
//! say what its body says. Older clients begin a session with `initialize` and end it by DELETE.
//!
//! Guarantees: every refusal is an error of JSON-RPC with the status that the protocol demands; a
//! call is answered as a stream of one event, anything else as JSON. There is no stream of the
//! server's own messages: it has none.
//!
//! Source: <https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http>
//! and the same page of 2025-11-25.
//!
//! Does not know: what a tool answers.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Method, Request};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::random::CanonicalBytes;
use crate::scenario::Endpoint;
use crate::serve::faults_answer::Words;
use crate::serve::faults_gate::GatedRequest;
use crate::serve::http::{BodyError, bytes_of, discard, json, read_plain_body, refusal, set, text};
use crate::serve::ledger::Ask;
use crate::serve::mcp::{
    HANDSHAKE_VERSIONS, MAX_LINE, STATELESS_VERSION, ToolServerReply, error, is_stateless,
    negotiated, service_name, stated_version, tool_named, unsupported,
};
use crate::serve::served_tools::McpSession;
use crate::serve::stream::message as event;
use crate::serve::world::World;

/// The header with the version.
const VERSION: &str = "mcp-protocol-version";
/// The header with the session.
const SESSION: &str = "mcp-session-id";
/// The version whose clients may send several messages at once.
const BATCHES: &str = "2025-03-26";
/// Most messages of a batch.
const MAX_BATCH: usize = 100;

/// Answers whatever is asked of a tool.
pub async fn served(
    State(world): State<Arc<World>>,
    Path(name): Path<String>,
    request: Request<Body>,
) -> Response {
    let (head, body) = request.into_parts();
    let Some(tool) = tool_named(&world.scenario.tools, &name) else {
        discard(body).await;
        let tools = world.scenario.tools.iter();
        let known: Vec<_> = tools.map(|tool| format!("`/mcp/{}`", service_name(tool))).collect();
        let message =
            format!("`{}` has no tool `{name}`; it has {}", world.scenario.name, known.join(", "));
        return refusal(404, "not_found", &message);
    };
    let headers = &head.headers;
    let stateless = text(headers, VERSION) == Some(STATELESS_VERSION);
    match head.method {
        Method::POST => match read(headers, body).await {
            Ok(message) => post(&world, tool, headers, &message).await,
            Err(refused) => refused,
        },
        Method::DELETE if !stateless => {
            discard(body).await;
            match session(&world, tool, headers) {
                Ok((id, _)) => {
                    world.tools.end(id);
                    json(204, &Value::Null)
                }
                Err(refused) => *refused,
            }
        }
        _ => {
            discard(body).await;
            let words = "this server sends no messages of its own: send a POST";
            let mut response = refused(405, -32600, words);
            set(&mut response, "allow", if stateless { "POST" } else { "POST, DELETE" });
            response
        }
    }
}

/// An error that answers no message.
fn refused(status: u16, code: i32, words: &str) -> Response {
    json(status, &error(&Value::Null, code, words, &Value::Null))
}

/// The message of a POST, or messages.
async fn read(headers: &HeaderMap, body: Body) -> Result<Value, Response> {
    let accepted = text(headers, "accept").unwrap_or_default().to_ascii_lowercase();
    let takes = |kind: &str, all: &str| {
        let mut kinds = accepted.split(',').map(|one| one.split(';').next().unwrap_or(one).trim());
        kinds.any(|one| one == kind || one == all || one == "*/*")
    };
    let wrong = if !takes("application/json", "application/*")
        || !takes("text/event-stream", "text/*")
    {
        let words =
            "Not Acceptable: the header `accept` must have application/json and text/event-stream";
        Some((406, words))
    } else if !text(headers, "content-type").is_some_and(|kind| {
        kind.to_ascii_lowercase().split(';').next().unwrap_or_default().trim() == "application/json"
    }) {
        Some((415, "Unsupported Media Type: the header `content-type` must be application/json"))
    } else {
        None
    };
    if let Some((status, words)) = wrong {
        discard(body).await;
        return Err(refused(status, -32600, words));
    }
    let bytes = read_plain_body(headers, body, MAX_LINE).await.map_err(|reason| match reason {
        BodyError::TooLarge => refused(413, -32600, "the body is longer than 4 MiB"),
        BodyError::TooSlow => refused(408, -32600, "the body did not arrive in time"),
        BodyError::Unreadable => refused(400, -32600, "the body could not be read"),
    })?;
    serde_json::from_slice(&bytes)
        .map_err(|reason| refused(400, -32700, &format!("Parse error: {reason}")))
}

/// The session of a request, with its id.
fn session<'h>(
    world: &World,
    tool: u16,
    headers: &'h HeaderMap,
) -> Result<(&'h str, McpSession), Box<Response>> {
    let Some(id) = text(headers, SESSION) else {
        let words =
            "Bad Request: the header `mcp-session-id` is missing; `initialize` begins a session";
        return Err(Box::new(refused(400, -32600, words)));
    };
    let open = world.tools.session(id).filter(|session| session.tool == tool);
    let session = open.ok_or_else(|| {
        let words = "Session not found: it has ended; `initialize` begins another one";
        Box::new(refused(404, -32600, words))
    })?;
    Ok((id, session))
}

async fn post(world: &Arc<World>, tool: u16, headers: &HeaderMap, message: &Value) -> Response {
    if is_stateless(message) || text(headers, VERSION) == Some(STATELESS_VERSION) {
        return alone(world, tool, headers, message).await;
    }
    if let Some(version) = text(headers, VERSION).filter(|one| !HANDSHAKE_VERSIONS.contains(one)) {
        let words = format!(
            "Bad Request: Unsupported protocol version: {version} (supported versions: {})",
            HANDSHAKE_VERSIONS.join(", ")
        );
        return refused(400, -32600, &words);
    }
    let begins = message["method"] == "initialize" && !message["id"].is_null();
    if begins {
        let session = McpSession { tool, version: negotiated(message) };
        let mut response = answer(world, tool, message).await;
        set(&mut response, SESSION, &world.tools.begin(world.settings.seed, session));
        return response;
    }
    let session = match session(world, tool, headers) {
        Ok((_, session)) => session,
        Err(refused) => return *refused,
    };
    match message {
        Value::Array(all) if session.version == BATCHES && !all.is_empty() => {
            if all.len() > MAX_BATCH {
                return refused(400, -32600, &format!("a batch may have {MAX_BATCH} messages"));
            }
            let mut told = Vec::new();
            for one in all {
                told.extend(reply(world, tool, one).await);
            }
            if told.is_empty() { accepted() } else { json(200, &Value::Array(told)) }
        }
        Value::Object(_) => answer(world, tool, message).await,
        _ => refused(400, -32600, "Invalid Request: expected one message, an object"),
    }
}

/// Answers a request that stands for itself.
async fn alone(world: &Arc<World>, tool: u16, headers: &HeaderMap, message: &Value) -> Response {
    if !message.is_object() {
        return refused(400, -32600, "Invalid Request: expected one message, an object");
    }
    let (id, sent) = (&message["id"], text(headers, VERSION));
    if message.get("id").is_none() {
        // Such a client cancels by ending its connection, and notifies of nothing else.
        return match sent {
            Some(STATELESS_VERSION) => accepted(),
            other => json(400, &unsupported(&Value::Null, &other.into())),
        };
    }
    let mismatch = |words: &str| {
        json(400, &error(id, -32020, &format!("Header mismatch: {words}"), &Value::Null))
    };
    if is_stateless(message) {
        let (method, params) = (message["method"].as_str(), &message["params"]);
        if sent != stated_version(message) {
            return mismatch("`mcp-protocol-version` is not the version of the body");
        }
        if text(headers, "mcp-method") != method {
            return mismatch("`mcp-method` is not the method of the body");
        }
        let named = match method {
            Some("tools/call" | "prompts/get") => params["name"].as_str(),
            Some("resources/read") => params["uri"].as_str(),
            _ => None,
        };
        if named.is_some() && text(headers, "mcp-name").and_then(plain).as_deref() != named {
            return mismatch("`mcp-name` is not the name in the body");
        }
    } else {
        let words = "Invalid params: `_meta` must have the version and capabilities of the client";
        return json(400, &error(id, -32602, words, &Value::Null));
    }
    let mut response = answer(world, tool, message).await;
    // An error of a stateless version has the status that fits.
    if let Some(code) = response.extensions().get::<ErrorCode>() {
        *response.status_mut() = match code.0 {
            -32601 => axum::http::StatusCode::NOT_FOUND,
            -32603 => axum::http::StatusCode::INTERNAL_SERVER_ERROR,
            _ => axum::http::StatusCode::BAD_REQUEST,
        };
    }
    response
}

/// The code of an error that is the answer.
#[derive(Clone, Copy)]
struct ErrorCode(i64);

/// A header's value, which may be wrapped in Base64.
fn plain(value: &str) -> Option<String> {
    let wrapped = value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?="));
    match wrapped {
        Some(wrapped) => String::from_utf8(STANDARD.decode(wrapped).ok()?).ok(),
        None => Some(value.to_owned()),
    }
}

/// The answer to a message that needs none.
fn accepted() -> Response {
    json(202, &Value::Null)
}

/// Answers one message; a call of a tool passes the gate at which faults strike.
async fn answer(world: &Arc<World>, tool: u16, message: &Value) -> Response {
    let params = &message["params"];
    if message["method"] != "tools/call" || message["id"].is_null() {
        return told(reply(world, tool, message).await, false);
    }
    let digest = CanonicalBytes::default()
        .text("mcp")
        .number(tool.into())
        .text(&params["name"].to_string())
        .text(&params["arguments"].to_string())
        .owner();
    let ask = Ask { endpoint: Endpoint::Mcp, model: None, digest, fresh: false };
    let visit = GatedRequest::begin(world, &ask).ending(1);
    visit.answer(Words::Mcp, async { told(reply(world, tool, message).await, true) }).await
}

/// What the tool says to a message, when it says it.
async fn reply(world: &World, tool: u16, message: &Value) -> Option<Value> {
    let setting = (world.scenario, &world.responder, world.settings.time_scale);
    let mut refusals = 0;
    loop {
        let (reply, wait) = world.tools.answer(setting, tool, message, refusals);
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        match reply {
            ToolServerReply::Nothing => return None,
            ToolServerReply::Message(message, _) => return Some(message),
            ToolServerReply::Again(_) => refusals += 1,
        }
    }
}

/// A message as an answer: as a stream of one event where it is a result and `streams`.
fn told(message: Option<Value>, streams: bool) -> Response {
    let Some(message) = message else { return accepted() };
    if let Some(code) = message.pointer("/error/code").and_then(Value::as_i64) {
        let mut response = json(200, &message);
        response.extensions_mut().insert(ErrorCode(code));
        return response;
    }
    if !streams {
        return json(200, &message);
    }
    let mut response = bytes_of(200, "text/event-stream", event("message", &message));
    set(&mut response, "cache-control", "no-cache");
    set(&mut response, "x-accel-buffering", "no");
    response
}
