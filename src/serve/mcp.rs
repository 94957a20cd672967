//! A tool of a scenario as a server of the Model Context Protocol: messages of JSON-RPC in, messages
//! out.
//!
//! It speaks both kinds of versions: those that begin with a handshake (`initialize`), and those in
//! which each request says by itself which version it has.
//!
//! Guarantees: any message is answered or, if it is a notification, passed over; never a panic. The
//! k-th call for the same words has the same answer each time that the server starts.
//!
//! Source: <https://modelcontextprotocol.io/specification>, versions 2024-11-05 to 2026-07-28.
//!
//! Does not know: where the messages come from, or how anybody waits.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_64;

use crate::agents::{MockTools, Texts, ToolTried, ToolTry, Tools};
use crate::knowledge::{Query, TopicId, recognize_topic};
use crate::llm::model::{Body, Said, ToolCall};
use crate::llm::setup::{ToolKind, ToolSpec};
use crate::random::Owner;
use crate::time::{Duration, Stopwatch, Timestamp};

/// Versions of the protocol that begin with a handshake, the newest last.
pub const HANDSHAKE_VERSIONS: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];
/// The version in which each request stands for itself.
pub const STATELESS_VERSION: &str = "2026-07-28";
/// Where such a request has its version, in `params._meta`.
const VERSION_KEY: &str = "io.modelcontextprotocol/protocolVersion";
/// Where it has what its client can do.
const CAPABILITIES_KEY: &str = "io.modelcontextprotocol/clientCapabilities";
/// Where the answer has who answers.
const SERVER_KEY: &str = "io.modelcontextprotocol/serverInfo";
/// For how long a client may keep a list, in milliseconds: the tools never change.
const LIST_TTL_MS: u32 = 3_600_000;
/// Simulated time between two messages where nobody waits: more than any limit.
const PAUSE: Duration = Duration::from_us(86_400_000_000);
/// Most bytes of a message.
pub const MAX_LINE: usize = 4 << 20;
/// Calls of which it is remembered how often they came.
const MAX_REMEMBERED: usize = 100_000;

/// What the server says to a line.
#[derive(Clone, Debug, PartialEq)]
pub enum ToolServerReply {
    /// Nothing: it was a notification.
    Nothing,
    /// This, after this time.
    Message(Value, Duration),
    /// The tool refused; the same message again after this time.
    Again(Duration),
}

/// The time in which a tool lives: real time, some times faster; or, where nobody waits, a day for
/// each message.
#[derive(Clone, Copy, Debug)]
pub struct ToolClock {
    watch: Stopwatch,
    scale: f64,
    messages: u64,
}

impl ToolClock {
    /// A clock that starts now; `scale` is how much faster than real time it goes, 0: nobody waits.
    #[must_use]
    pub fn new(scale: f64) -> Self {
        Self { watch: Stopwatch::start(), scale, messages: 0 }
    }

    /// Notes that a message came.
    pub fn message(&mut self) {
        self.messages += 1;
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let passed = if self.scale > 0.0 {
            Duration::from_seconds(self.watch.elapsed().seconds() * self.scale)
        } else {
            Duration::from_us(PAUSE.us().saturating_mul(self.messages))
        };
        Timestamp::START + passed
    }

    /// How long to wait in reality for this time to pass.
    #[must_use]
    pub fn wait(&self, time: Duration) -> std::time::Duration {
        if self.scale > 0.0 {
            let seconds = time.seconds() / self.scale;
            std::time::Duration::try_from_secs_f64(seconds).unwrap_or_default()
        } else {
            std::time::Duration::ZERO
        }
    }
}

/// What a server of a tool remembers from one message to the next.
#[derive(Clone, Debug, Default)]
pub struct ToolMemory {
    /// When each tool may be asked again.
    free_at: Vec<Timestamp>,
    /// How often each call came.
    came: BTreeMap<u64, u64>,
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

/// The services whose tools have a name of their own besides the key.
const SERVICES: [(&str, &str); 2] =
    [("arxiv", "arxiv_search"), ("semantic-scholar", "semantic_scholar")];

/// The index of a tool of these by its key, or by the name of its service.
#[must_use]
pub fn tool_named(tools: &[ToolSpec], name: &str) -> Option<u16> {
    let service = SERVICES.iter().find(|(service, _)| *service == name);
    let key = service.map_or(name, |(_, key)| *key);
    tools.iter().position(|tool| tool.key == key).and_then(|at| u16::try_from(at).ok())
}

/// The name of a tool's service, or its key.
#[must_use]
pub fn service_name(tool: &ToolSpec) -> &str {
    let service = SERVICES.iter().find(|(_, key)| *key == tool.key);
    service.map_or(tool.key.as_str(), |(service, _)| *service)
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
    failure_with(id, code, message, &Value::Null)
}

fn failure_with(id: &Value, code: i32, message: &str, data: &Value) -> ToolServerReply {
    ToolServerReply::Message(error(id, code, message, data), Duration::ZERO)
}

/// An error as JSON-RPC has it; a null `data` is left out.
#[must_use]
pub fn error(id: &Value, code: i32, message: &str, data: &Value) -> Value {
    let error = match data.is_null() {
        true => json!({ "code": code, "message": message }),
        false => json!({ "code": code, "message": message, "data": data }),
    };
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

/// What a message says about itself.
fn meta(message: &Value) -> &Value {
    let params = &message["params"];
    &params["_meta"]
}

/// Whether a message says by itself which version it has.
#[must_use]
pub fn is_stateless(message: &Value) -> bool {
    meta(message).get(VERSION_KEY).is_some()
}

/// The version that a message says it has.
#[must_use]
pub fn stated_version(message: &Value) -> Option<&str> {
    meta(message)[VERSION_KEY].as_str()
}

/// The error for a version that is not spoken.
#[must_use]
pub fn unsupported(id: &Value, requested: &Value) -> Value {
    let supported: Vec<&str> =
        std::iter::once(STATELESS_VERSION).chain(HANDSHAKE_VERSIONS.into_iter().rev()).collect();
    let data = json!({ "supported": supported, "requested": requested });
    error(id, -32022, "Unsupported protocol version", &data)
}

/// The version for a session in which a client asked for this one.
#[must_use]
pub fn negotiated(message: &Value) -> &'static str {
    let params = &message["params"];
    let wanted = params["protocolVersion"].as_str().unwrap_or_default();
    let spoken = HANDSHAKE_VERSIONS.iter().find(|version| **version == wanted);
    spoken.or(HANDSHAKE_VERSIONS.last()).copied().unwrap_or_default()
}

impl<'a> ToolServer<'a> {
    /// A server of the tool of this index.
    #[must_use]
    pub fn new(tools: MockTools<'a>, texts: Texts<'a>, tool: u16) -> Self {
        Self { tools, texts, tool, came: BTreeMap::new() }
    }

    /// The same server as it was when it remembered this.
    #[must_use]
    pub fn resumed(self, memory: ToolMemory) -> Self {
        Self { tools: self.tools.resumed(memory.free_at), came: memory.came, ..self }
    }

    /// What it remembers.
    #[must_use]
    pub fn memory(self) -> ToolMemory {
        ToolMemory { free_at: self.tools.into_free_at(), came: self.came }
    }

    /// What is said to a line that came now; `refusals` is how often the tool has refused it.
    pub fn answer(&mut self, line: &str, now: Timestamp, refusals: u16) -> ToolServerReply {
        if line.len() > MAX_LINE {
            return failure(&Value::Null, -32600, "the line is longer than 4 MiB");
        }
        match serde_json::from_str(line) {
            Ok(message) => self.answer_message(&message, now, refusals),
            Err(error) => failure(&Value::Null, -32700, &format!("Parse error: {error}")),
        }
    }

    /// What is said to a message.
    pub fn answer_message(
        &mut self,
        message: &Value,
        now: Timestamp,
        refusals: u16,
    ) -> ToolServerReply {
        let id = &message["id"];
        let Some(method) = message["method"].as_str() else {
            // An answer to nothing that was asked, or no message at all.
            return match message.is_object()
                && (message["result"] != Value::Null || message["error"] != Value::Null)
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
        let (params, stateless) = (&message["params"], is_stateless(message));
        if stateless {
            let meta = &params["_meta"];
            let Some(version) = meta[VERSION_KEY].as_str() else {
                return failure(id, -32602, &format!("Invalid params: `{VERSION_KEY}` is no text"));
            };
            if version != STATELESS_VERSION {
                return ToolServerReply::Message(
                    unsupported(id, &meta[VERSION_KEY]),
                    Duration::ZERO,
                );
            }
            if !meta[CAPABILITIES_KEY].is_object() {
                let words =
                    format!("Invalid params: `_meta` must have the object `{CAPABILITIES_KEY}`");
                return failure(id, -32602, &words);
            }
        }
        let mut result = match method {
            "initialize" if !stateless => json!({
                "protocolVersion": negotiated(message), "capabilities": capabilities(),
                "serverInfo": identity(spec),
            }),
            "ping" if !stateless => json!({}),
            "server/discover" if stateless => {
                json!({ "supportedVersions": [STATELESS_VERSION], "capabilities": capabilities() })
            }
            "tools/list" => json!({ "tools": [described(spec)] }),
            "tools/call" if params["name"].as_str() == Some(names(spec).0) => {
                return match self.call(id, &params["arguments"], now, refusals) {
                    ToolServerReply::Message(mut message, latency) if stateless => {
                        if let Some(result) = message.get_mut("result") {
                            complete(result, spec);
                        }
                        ToolServerReply::Message(message, latency)
                    }
                    other => other,
                };
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
        if stateless {
            complete(&mut result, spec);
            if let Some(fields) = result.as_object_mut() {
                fields.insert("ttlMs".to_owned(), LIST_TTL_MS.into());
                fields.insert("cacheScope".to_owned(), "public".into());
            }
        }
        let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        ToolServerReply::Message(message, Duration::ZERO)
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
        let message = json!({ "jsonrpc": "2.0", "id": id, "result": result });
        ToolServerReply::Message(message, latency)
    }
}

/// Adds what the result of a request that stands for itself has besides.
fn complete(result: &mut Value, tool: &ToolSpec) {
    if let Some(fields) = result.as_object_mut() {
        fields.insert("resultType".to_owned(), "complete".into());
        fields.insert("_meta".to_owned(), json!({ SERVER_KEY: identity(tool) }));
    }
}

fn capabilities() -> Value {
    json!({ "tools": { "listChanged": false } })
}

fn identity(tool: &ToolSpec) -> Value {
    json!({ "name": format!("simlab-{}", tool.key), "version": env!("CARGO_PKG_VERSION") })
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
