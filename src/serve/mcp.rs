//! A tool of a scenario as a server of the Model Context Protocol: lines of JSON-RPC in, lines out.
//!
//! Guarantees: any line is answered or, if it is a notification, passed over; never a panic. The k-th
//! call for the same words has the same answer each time that the server starts.
//!
//! Source: <https://modelcontextprotocol.io/specification>, versions 2024-11-05 to 2025-11-25.
//!
//! Does not know: where the lines come from, or how anybody waits.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::agents::{MockTools, Texts, ToolTried, ToolTry, Tools};
use crate::knowledge::{Query, TopicId, recognize_topic};
use crate::llm::model::{Body, Said, ToolCall};
use crate::llm::setup::{ToolKind, ToolSpec};
use crate::random::Owner;
use crate::time::{Duration, Timestamp};

/// Versions of the protocol that are spoken, the newest last.
const VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
/// Most bytes of a line.
const MAX_LINE: usize = 4 << 20;
/// Calls of which it is remembered how often they came.
const MAX_REMEMBERED: usize = 100_000;

/// What the server says to a line.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolServerReply {
    /// Nothing: it was a notification.
    Nothing,
    /// This, after this time.
    Line(Value, Duration),
    /// The tool refused; the same line again after this time.
    Again(Duration),
}

/// A server of one tool.
#[derive(Debug)]
pub struct ToolServer<'a> {
    tools: MockTools<'a>,
    texts: Texts<'a>,
    tool: u16,
    /// How often each call came.
    came: BTreeMap<u64, u64>,
}

/// The index of a tool of these by its key, or by the name of its service.
#[must_use]
pub fn tool_named(tools: &[ToolSpec], name: &str) -> Option<u16> {
    let key = match name {
        "arxiv" => "arxiv_search",
        "semantic-scholar" => "semantic_scholar",
        key => key,
    };
    tools.iter().position(|tool| tool.key == key).and_then(|at| u16::try_from(at).ok())
}

/// The name of a tool in the protocol, and of its number of results: as the servers that the
/// tutorial's app starts have them.
fn names(tool: &ToolSpec) -> (&str, &'static str) {
    match tool.key.as_str() {
        "arxiv_search" => ("search_papers", "max_results"),
        "semantic_scholar" => ("search_semantic_scholar", "num_results"),
        key => match tool.kind {
            ToolKind::Remote(_) => (key, "max_results"),
            _ => (key, "top_k"),
        },
    }
}

fn failure(id: &Value, code: i32, message: &str) -> ToolServerReply {
    let error = json!({ "code": code, "message": message });
    let line = json!({ "jsonrpc": "2.0", "id": id, "error": error });
    ToolServerReply::Line(line, Duration::ZERO)
}

impl<'a> ToolServer<'a> {
    /// A server of the tool of this index.
    #[must_use]
    pub fn new(tools: MockTools<'a>, texts: Texts<'a>, tool: u16) -> Self {
        Self { tools, texts, tool, came: BTreeMap::new() }
    }

    /// What is said to a line that came now; `refusals` is how often the tool has refused it.
    pub fn answer(&mut self, line: &str, now: Timestamp, refusals: u16) -> ToolServerReply {
        if line.len() > MAX_LINE {
            return failure(&Value::Null, -32600, "the line is longer than 4 MiB");
        }
        let request: Value = match serde_json::from_str(line) {
            Ok(request) => request,
            Err(error) => return failure(&Value::Null, -32700, &format!("Parse error: {error}")),
        };
        let request = &request;
        let id = &request["id"];
        let Some(method) = request["method"].as_str() else {
            // An answer to nothing that was asked, or no message at all.
            return match request.is_object()
                && (request["result"] != Value::Null || request["error"] != Value::Null)
            {
                true => ToolServerReply::Nothing,
                false => failure(id, -32600, "Invalid Request: `method` is missing"),
            };
        };
        if id.is_null() {
            return ToolServerReply::Nothing;
        }
        let Some(spec) = self.texts.tools.get(usize::from(self.tool)) else {
            return failure(id, -32603, "Internal error: the tool is gone");
        };
        let params = &request["params"];
        let result = match method {
            "initialize" => {
                let wanted = params["protocolVersion"].as_str().unwrap_or_default();
                let spoken = VERSIONS.iter().find(|version| **version == wanted);
                let version = spoken.or(VERSIONS.last()).copied().unwrap_or_default();
                json!({
                    "protocolVersion": version, "capabilities": { "tools": { "listChanged": false } },
                    "serverInfo": { "name": format!("simlab-{}", spec.key), "version": env!("CARGO_PKG_VERSION") },
                })
            }
            "ping" => json!({}),
            "tools/list" => json!({ "tools": [described(spec)] }),
            "tools/call" if params["name"].as_str() == Some(names(spec).0) => {
                return self.call(id, &params["arguments"], now, refusals);
            }
            "tools/call" => {
                let words = format!("Unknown tool: {}", params["name"]);
                return failure(id, -32602, &words);
            }
            // What clients ask of any server, whatever it says it has.
            "resources/list" => json!({ "resources": [] }),
            "resources/templates/list" => json!({ "resourceTemplates": [] }),
            "prompts/list" => json!({ "prompts": [] }),
            other => return failure(id, -32601, &format!("Method not found: {other}")),
        };
        let line = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        ToolServerReply::Line(line, Duration::ZERO)
    }

    fn call(
        &mut self,
        id: &Value,
        arguments: &Value,
        now: Timestamp,
        refusals: u16,
    ) -> ToolServerReply {
        let Some(spec) = self.texts.tools.get(usize::from(self.tool)) else {
            return failure(id, -32603, "Internal error: the tool is gone");
        };
        let (name, count) = names(spec);
        let Some(query) = arguments["query"].as_str() else {
            return failure(
                id,
                -32602,
                &format!("Invalid arguments of {name}: `query` must be a text"),
            );
        };
        let base = self.texts.base;
        let digest = xxh3_64(query.as_bytes());
        let topics = base.topics().count().max(1);
        // Words about nothing that is known still find papers: always the same.
        let other = || -> TopicId { base.topic((digest % topics as u64) as usize) };
        let most = arguments[count].as_u64().unwrap_or_else(|| u64::from(spec.top_k));
        let call = ToolCall {
            tool: self.tool,
            query: Query { topic: recognize_topic(query, base).unwrap_or_else(other), variant: 0 },
            top_k: most.clamp(1, 20) as u8,
            note_tokens: 0,
            note_wording: 0,
        };
        if self.came.len() >= MAX_REMEMBERED {
            self.came.clear();
        }
        let nth = self.came.entry(digest).or_default();
        let tried = ToolTry {
            call: Said::Recipe(call),
            owner: Owner::of(query.as_bytes()),
            nth: *nth,
            now,
            refusals,
        };
        let (output, latency) = match self.tools.use_tool(tried) {
            ToolTried::Arrives(output, latency) => (output, latency),
            ToolTried::GivenUp(output) => (output, Duration::ZERO),
            ToolTried::Refused(wait) => return ToolServerReply::Again(wait),
            ToolTried::Outside(_) => return failure(id, -32603, "Internal error: no such tool"),
        };
        *nth += 1;
        let failed = matches!(&output, Said::Recipe(output) if output.failed);
        let text = self.texts.parts(&Body::ToolOutput(output)).join("\n");
        let result = json!({ "content": [{ "type": "text", "text": text }], "isError": failed });
        let line = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        ToolServerReply::Line(line, latency)
    }
}

/// A tool as it is listed.
fn described(tool: &ToolSpec) -> Value {
    let (name, count) = names(tool);
    let properties = json!({
        "query": { "type": "string", "description": "What to search for." },
        count: { "type": "integer", "minimum": 1, "maximum": 20, "default": tool.top_k, "description": "Most results." },
    });
    json!({
        "name": name, "description": tool.description,
        "inputSchema": { "type": "object", "properties": properties, "required": ["query"] },
    })
}
