//! Remote tools of one's own in a live run: servers of the Model Context Protocol that are asked
//! over streamable HTTP.
//!
//! Guarantees: a call ends within its time; a refusal is tried again a few times and then told to
//! the model as a failed search; what a tool says is bounded.
//!
//! Source: <https://modelcontextprotocol.io/specification/2025-06-18/basic/transports>.
//!
//! Does not know: how an answer is recorded.

use std::collections::BTreeMap;

use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::live::net::{Http, HttpResponse, Post};
use crate::live::papers::SearchOutcome;
use crate::time::Stopwatch;

/// Tries of one call.
const ATTEMPTS: u16 = 4;
/// Longest time of one try.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
/// The wait before the first retry where the server states none; it grows with each.
const WAIT: std::time::Duration = std::time::Duration::from_millis(200);
/// Longest wait that a server may ask for.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(30);
/// Most characters of an answer that are handed on.
const MAX_CHARACTERS: usize = 40_000;
/// The version that a session begins with.
const VERSION: &str = "2025-06-18";
/// The header with the session.
const SESSION: &str = "mcp-session-id";
/// The header with the version.
const VERSION_HEADER: &str = "mcp-protocol-version";

/// The tools that a run asks at addresses of their own, by key.
#[derive(Debug, Default)]
pub struct OwnTools {
    servers: BTreeMap<String, McpServer>,
}

/// A server of a tool.
#[derive(Debug)]
struct McpServer {
    http: Http,
    address: String,
    session: Mutex<Option<McpClient>>,
}

/// What is known of a server once it has been greeted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct McpClient {
    session: Option<String>,
    version: String,
    /// The name of the tool there.
    name: String,
    /// The argument for what is searched for, and that for the number of results.
    query: String,
    count: Option<String>,
}

/// Why a try came to nothing.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// It may go better after this time.
    Passing(String, std::time::Duration),
    /// The session has ended.
    Ended,
    /// It will not go better.
    Lasting(String),
}

impl OwnTools {
    /// Tools by key, each with the address of its server.
    ///
    /// # Errors
    /// When no HTTP client can be made here.
    pub fn new(addresses: impl IntoIterator<Item = (String, String)>) -> Result<Self, String> {
        let server = |(key, address)| {
            let server = McpServer { http: Http::new()?, address, session: Mutex::default() };
            Ok((key, server))
        };
        Ok(Self { servers: addresses.into_iter().map(server).collect::<Result<_, String>>()? })
    }

    /// Whether a tool is asked at an address of its own.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.servers.contains_key(key)
    }

    /// What a tool says to a query; `None` for a tool without an address of its own.
    pub async fn search(&self, key: &str, query: &str, most: u32) -> Option<SearchOutcome> {
        let server = self.servers.get(key)?;
        let (watch, mut refusals) = (Stopwatch::start(), 0);
        let (text, failed) = loop {
            let tried = tokio::time::timeout(PATIENCE, server.ask(key, query, most)).await;
            let tried = tried.unwrap_or_else(|_| {
                Err(Refusal::Passing(format!("no answer within {} s", PATIENCE.as_secs()), WAIT))
            });
            let (reason, wait) = match tried {
                Ok(told) => break told,
                Err(Refusal::Passing(reason, wait)) => (reason, Some(wait)),
                Err(Refusal::Ended) => ("its session has ended".to_owned(), Some(WAIT)),
                Err(Refusal::Lasting(reason)) => (reason, None),
            };
            let Some(wait) = wait.filter(|_| refusals + 1 < ATTEMPTS) else {
                break (format!("Search error: {key}: {reason}, no results."), true);
            };
            refusals += 1;
            tokio::time::sleep(wait * u32::from(refusals)).await;
        };
        let text = text.chars().take(MAX_CHARACTERS).collect();
        Some(SearchOutcome { text, latency: watch.elapsed(), refusals, failed })
    }
}

impl McpServer {
    /// One try: what the tool says, and whether it says that it failed.
    async fn ask(&self, key: &str, query: &str, most: u32) -> Result<(String, bool), Refusal> {
        let client = self.greeted(key).await?;
        let mut arguments = serde_json::Map::new();
        arguments.insert(client.query.clone(), query.into());
        if let Some(count) = &client.count {
            arguments.insert(count.clone(), most.into());
        }
        let params = json!({ "name": client.name, "arguments": arguments });
        let called = self.request(Some(&client), "tools/call", params).await;
        let (_, result) = match called {
            Err(Refusal::Ended) => {
                // The next try begins another session.
                *self.session.lock().await = None;
                return Err(Refusal::Ended);
            }
            other => other?,
        };
        let text = |part: &Value| part.get("text").and_then(Value::as_str).map(str::to_owned);
        let parts = listed(&result, "content");
        let texts: Vec<String> = parts.iter().filter_map(text).collect();
        let failed = result.get("isError").and_then(Value::as_bool).unwrap_or(false);
        Ok((texts.join("\n"), failed))
    }

    /// The session; everybody waits for the first greeting.
    async fn greeted(&self, key: &str) -> Result<McpClient, Refusal> {
        let mut session = self.session.lock().await;
        if let Some(known) = session.as_ref() {
            return Ok(known.clone());
        }
        let hello = json!({
            "protocolVersion": VERSION, "capabilities": {},
            "clientInfo": { "name": "simlab", "version": env!("CARGO_PKG_VERSION") },
        });
        let (answer, result) = self.request(None, "initialize", hello).await?;
        let version =
            result.get("protocolVersion").and_then(Value::as_str).unwrap_or(VERSION).to_owned();
        let id = answer.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(SESSION));
        let begun = McpClient {
            session: id.map(|(_, value)| value.clone()),
            version,
            name: String::new(),
            query: String::new(),
            count: None,
        };
        self.send(
            Some(&begun),
            &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
        )
        .await?;
        let (_, list) = self.request(Some(&begun), "tools/list", json!({})).await?;
        let client = chosen(listed(&list, "tools"), key, begun).map_err(Refusal::Lasting)?;
        *session = Some(client.clone());
        Ok(client)
    }

    /// Sends a request, and takes its result.
    async fn request(
        &self,
        client: Option<&McpClient>,
        method: &str,
        params: Value,
    ) -> Result<(HttpResponse, Value), Refusal> {
        let message = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let answer = self.send(client, &message).await?;
        let message = messages(&answer.body)
            .into_iter()
            .find(|message| message.get("id").is_some_and(|id| !id.is_null()));
        let Some(mut message) = message else {
            return Err(Refusal::Lasting("it sent something else than a message".to_owned()));
        };
        if let Some(words) = message.pointer("/error/message").and_then(Value::as_str) {
            return Err(Refusal::Lasting(words.chars().take(300).collect()));
        }
        let result = message.get_mut("result").map(Value::take);
        Ok((answer, result.unwrap_or_default()))
    }

    /// Sends a message, and takes the answer of a success.
    async fn send(
        &self,
        client: Option<&McpClient>,
        message: &Value,
    ) -> Result<HttpResponse, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
        if let Some(client) = client {
            let version = Some((VERSION_HEADER, &client.version));
            let session = client.session.as_ref().map(|id| (SESSION, id));
            for (name, value) in version.into_iter().chain(session) {
                let value = HeaderValue::from_str(value).map_err(|_| {
                    Refusal::Lasting("its session is no text of a header".to_owned())
                })?;
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        let body = message.to_string().into_bytes();
        let post = Post { address: self.address.clone(), headers, body };
        let sent = self.http.send(post).await;
        let answer = sent.map_err(|broken| Refusal::Passing(broken.words, WAIT))?;
        match answer.status {
            200..300 => Ok(answer),
            404 if client.is_some_and(|client| client.session.is_some()) => Err(Refusal::Ended),
            status @ (408 | 429 | 500..) => {
                let asked = answer.headers.iter().find(|(name, _)| name == "retry-after");
                let asked = asked.and_then(|(_, value)| value.trim().parse::<f64>().ok());
                let wait = asked.and_then(|s| std::time::Duration::try_from_secs_f64(s).ok());
                let words = format!("it answered HTTP {status}");
                Err(Refusal::Passing(words, wait.unwrap_or(WAIT).min(LONGEST_WAIT)))
            }
            status => Err(Refusal::Lasting(format!("it answered HTTP {status}"))),
        }
    }
}

/// The messages of a body: one as JSON, or those of a stream of events.
fn messages(body: &[u8]) -> Vec<Value> {
    if let Ok(one) = serde_json::from_slice::<Value>(body) {
        return vec![one];
    }
    let text = String::from_utf8_lossy(body);
    let data = text.lines().filter_map(|line| line.strip_prefix("data:"));
    data.filter_map(|data| serde_json::from_str(data.trim_start()).ok()).collect()
}

/// The elements of a list in this field; none where it is missing.
fn listed<'v>(of: &'v Value, field: &str) -> &'v [Value] {
    of.get(field).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// The tool of this key among those that a server lists, or its only one; and which of its
/// arguments are the query and the number of results.
fn chosen(tools: &[Value], key: &str, begun: McpClient) -> Result<McpClient, String> {
    let named = |tool: &&Value| tool["name"] == key;
    let tool = tools.iter().find(named).or(match tools {
        [only] => Some(only),
        _ => None,
    });
    let Some(tool) = tool else {
        let names: Vec<&str> = tools.iter().filter_map(|tool| tool["name"].as_str()).collect();
        let names = if names.is_empty() { "no tool".to_owned() } else { names.join(", ") };
        return Err(format!("its server has no tool `{key}`; it has {names}"));
    };
    let properties = tool.pointer("/inputSchema/properties").and_then(Value::as_object);
    let of = |kinds: &[&str], wanted: &[&str]| {
        let fits = |value: &Value| value["type"].as_str().is_some_and(|own| kinds.contains(&own));
        let all: Vec<&String> = properties
            .into_iter()
            .flatten()
            .filter(|(_, own)| fits(own))
            .map(|(name, _)| name)
            .collect();
        let known = all.iter().find(|name| wanted.contains(&name.as_str()));
        known.or(all.first()).map(|name| (*name).clone())
    };
    let query = of(&["string"], &["query", "q", "question", "search", "text", "input"]);
    let count = of(
        &["integer", "number"],
        &["max_results", "num_results", "top_k", "limit", "count", "k", "n"],
    );
    Ok(McpClient {
        name: tool["name"].as_str().unwrap_or(key).to_owned(),
        query: query.ok_or("its tool takes no text")?,
        count,
        ..begun
    })
}

#[cfg(test)]
mod tests {
    use wiremock::matchers::{body_partial_json, header};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::*;

    fn result(result: Value) -> ResponseTemplate {
        ResponseTemplate::new(200)
            .set_body_json(json!({ "jsonrpc": "2.0", "id": 1, "result": result }))
    }

    async fn on(server: &MockServer, method: &str, answer: ResponseTemplate, times: u64) {
        Mock::given(body_partial_json(json!({ "method": method })))
            .respond_with(answer)
            .up_to_n_times(times)
            .mount(server)
            .await;
    }

    /// A server with one tool whose arguments have names of their own.
    async fn greeting() -> (MockServer, OwnTools) {
        let server = MockServer::start().await;
        let hello = result(json!({ "protocolVersion": "2025-03-26", "capabilities": {} }));
        on(&server, "initialize", hello.insert_header(SESSION, "s1"), 9).await;
        on(&server, "notifications/initialized", ResponseTemplate::new(202), 9).await;
        let schema = json!({ "type": "object", "properties": {
            "limit": { "type": "integer" }, "words": { "type": "string" } } });
        let tools = json!({ "tools": [{ "name": "find", "inputSchema": schema }] });
        on(&server, "tools/list", result(tools), 9).await;
        let tools = OwnTools::new([("my_search".to_owned(), server.uri())]).unwrap();
        (server, tools)
    }

    #[tokio::test]
    async fn a_tool_is_called_in_a_session_with_the_arguments_that_its_schema_has() {
        let (server, tools) = greeting().await;
        let said = json!({ "jsonrpc": "2.0", "id": 1, "result": { "content": [
            { "type": "text", "text": "one" }, { "type": "text", "text": "two" }] } });
        let stream = format!("event: message\ndata: {said}\n\n");
        let asked = json!({ "method": "tools/call", "params": {
            "name": "find", "arguments": { "words": "q", "limit": 3 } } });
        Mock::given(body_partial_json(asked))
            .and(header(SESSION, "s1"))
            .and(header(VERSION_HEADER, "2025-03-26"))
            .respond_with(ResponseTemplate::new(200).set_body_raw(stream, "text/event-stream"))
            .mount(&server)
            .await;
        for _ in 0..2 {
            let told = tools.search("my_search", "q", 3).await.unwrap();
            assert_eq!((told.text.as_str(), told.refusals, told.failed), ("one\ntwo", 0, false));
        }
        assert!(tools.search("other", "q", 3).await.is_none() && !tools.has("other"));
        let greetings = server.received_requests().await.unwrap();
        assert_eq!(greetings.len(), 5, "one greeting for two calls");
    }

    #[tokio::test]
    async fn refusals_are_tried_again_and_an_ended_session_begins_anew() {
        let (server, tools) = greeting().await;
        let refusal = ResponseTemplate::new(503).insert_header("retry-after", "0");
        on(&server, "tools/call", refusal, 1).await;
        on(&server, "tools/call", ResponseTemplate::new(404), 1).await;
        let sad = json!({ "content": [{ "type": "text", "text": "none" }], "isError": true });
        on(&server, "tools/call", result(sad), 1).await;
        let told = tools.search("my_search", "q", 3).await.unwrap();
        assert_eq!((told.text.as_str(), told.refusals, told.failed), ("none", 2, true));
        // The mock has no answer any more: a 404 for each try.
        let told = tools.search("my_search", "q", 3).await.unwrap();
        assert_eq!((told.refusals, told.failed), (3, true));
        assert_eq!(told.text, "Search error: my_search: its session has ended, no results.");
    }

    #[test]
    fn a_server_of_several_tools_must_have_the_one_of_the_key() {
        let tool = |name: &str| json!({ "name": name, "inputSchema": { "properties": { "query": { "type": "string" } } } });
        let begun = || McpClient {
            session: None,
            version: String::new(),
            name: String::new(),
            query: String::new(),
            count: None,
        };
        let two = [tool("a"), tool("b")];
        assert_eq!(chosen(&two, "b", begun()).unwrap().name, "b");
        assert_eq!(
            chosen(&two, "c", begun()).unwrap_err(),
            "its server has no tool `c`; it has a, b"
        );
        assert!(chosen(&[json!({ "name": "a" })], "a", begun()).is_err());
        assert_eq!(messages(b"nothing"), Vec::<Value>::new());
    }
}
