//! A scenario's tools over MCP by streamable HTTP, compared with what the two newest versions of
//! the protocol demand of a server. `.ci/clients` has the official clients of both.

use serde_json::{Value, json};

use super::mcp::said;
use super::serve::{Answer, Served};

const ARXIV: &str = "/mcp/arxiv";
const BOTH: (&str, &str) = ("accept", "application/json, text/event-stream");
const META: &str = "io.modelcontextprotocol";

fn asked(id: u32, method: &str, params: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

fn search(query: &str) -> Value {
    json!({ "name": "search_papers", "arguments": { "query": query, "max_results": 3 } })
}

/// A message of an older client.
fn post(served: &Served, headers: &[(&str, &str)], message: &Value) -> Answer {
    served.json("POST", ARXIV, &[&[BOTH], headers].concat(), message)
}

/// A message that stands for itself, as a client of the newest version sends it.
fn alone(served: &Served, method: &str, params: Value, name: Option<&str>) -> Answer {
    alone_to(served, ARXIV, method, params, name)
}

fn alone_to(
    served: &Served,
    path: &str,
    method: &str,
    mut params: Value,
    name: Option<&str>,
) -> Answer {
    params["_meta"] = json!({
        format!("{META}/protocolVersion"): "2026-07-28",
        format!("{META}/clientInfo"): { "name": "test", "version": "1" },
        format!("{META}/clientCapabilities"): {},
    });
    let mut headers = vec![BOTH, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
    headers.extend(name.map(|name| ("mcp-name", name)));
    served.json("POST", path, &headers, &asked(7, method, &params))
}

/// Begins a session; returns its id.
fn begin(served: &Served, version: &str) -> String {
    let params = json!({ "protocolVersion": version, "capabilities": {}, "clientInfo": { "name": "test", "version": "1" } });
    let answer = post(served, &[], &asked(0, "initialize", &params));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.json()["result"]["protocolVersion"], version);
    answer.header("mcp-session-id").unwrap().to_owned()
}

/// The message in a stream of one event.
fn event(answer: &Answer) -> Value {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let text = std::str::from_utf8(&answer.body).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    assert_eq!((lines.len(), lines[0]), (2, "event: message"), "{text}");
    serde_json::from_str(lines[1].strip_prefix("data: ").unwrap()).unwrap()
}

fn code(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["error"]["code"].clone())
}

#[test]
fn a_session_has_the_answers_of_the_server_on_standard_input() {
    let served = Served::start(&["security"]);
    let id = begin(&served, "2025-11-25");
    let headers = [("mcp-session-id", id.as_str()), ("mcp-protocol-version", "2025-11-25")];
    let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    let accepted = post(&served, &headers, &told);
    assert_eq!((accepted.status, accepted.body.len()), (202, 0));
    let messages = [
        asked(1, "tools/list", &json!({})),
        asked(2, "tools/call", &search("Q-Learning")),
        asked(3, "tools/call", &search("Q-Learning")),
        asked(4, "ping", &json!({})),
        asked(5, "tools/call", &json!({ "name": "other" })),
    ];
    let answers: Vec<Value> = messages
        .iter()
        .map(|message| {
            let answer = post(&served, &headers, message);
            let is_result = message["params"]["name"] == "search_papers";
            if is_result { event(&answer) } else { answer.json() }
        })
        .collect();
    let lines: Vec<String> = messages.iter().map(Value::to_string).collect();
    assert_eq!(answers, said(&["arxiv"], &lines));
    assert_eq!(served.status()["mcp"].as_array().unwrap().len(), 5);
    assert_eq!(served.status()["chats"], 0);

    let ended = served.send("DELETE", ARXIV, &headers, b"");
    assert_eq!((ended.status, ended.body.len()), (204, 0));
    assert_eq!(post(&served, &headers, &messages[0]).status, 404, "it has ended");
    assert_eq!(served.send("DELETE", ARXIV, &headers, b"").status, 404);
    // The next one is another one, and the first after a restart is the first one again.
    assert_ne!(begin(&served, "2025-06-18"), id);
    assert_eq!(begin(&Served::start(&["security"]), "2025-06-18"), id);
}

#[test]
fn a_request_of_the_newest_version_needs_no_session() {
    let served = Served::start(&["security"]);
    let discovered = alone(&served, "server/discover", json!({}), None).json();
    let result = &discovered["result"];
    assert_eq!(result["supportedVersions"], json!(["2026-07-28"]));
    assert_eq!(
        (&result["resultType"], &result["cacheScope"]),
        (&json!("complete"), &json!("public"))
    );
    assert!(result["ttlMs"].is_u64() && result["capabilities"]["tools"].is_object());
    assert!(result["_meta"][format!("{META}/serverInfo")]["version"].is_string());
    let called = alone(&served, "tools/call", search("Q-Learning"), Some("search_papers"));
    assert!(called.header("mcp-session-id").is_none());
    let called = event(&called);
    assert_eq!(called["result"]["resultType"], "complete");
    // The same papers as in a session.
    let line = asked(7, "tools/call", &search("Q-Learning")).to_string();
    assert_eq!(called["result"]["content"], said(&["arxiv"], &[line])[0]["result"]["content"]);
    let wrapped =
        alone(&served, "tools/call", search("SARSA"), Some("=?base64?c2VhcmNoX3BhcGVycw==?="));
    assert_eq!(wrapped.status, 200, "a name may come in Base64");

    // Errors have the status that fits.
    let method = alone(&served, "tools/run", json!({}), None);
    assert_eq!(code(&method), (404, json!(-32601)));
    assert_eq!(code(&alone(&served, "ping", json!({}), None)), (404, json!(-32601)));
    let unknown = alone(&served, "tools/call", json!({ "name": "other" }), Some("other"));
    assert_eq!(code(&unknown), (400, json!(-32602)));
    let mismatch = alone(&served, "tools/call", search("Q-Learning"), Some("other"));
    assert_eq!(code(&mismatch), (400, json!(-32020)));
    assert_eq!(mismatch.json()["id"], 7);
    assert_eq!(
        code(&alone(&served, "tools/call", search("Q-Learning"), None)),
        (400, json!(-32020))
    );
    let newer = |sent: &str, stated: &str| {
        let params = json!({ "_meta": { (format!("{META}/protocolVersion")): stated, (format!("{META}/clientCapabilities")): {} } });
        let headers = [("mcp-protocol-version", sent), ("mcp-method", "tools/list")];
        post(&served, &headers, &asked(7, "tools/list", &params))
    };
    let unsupported = newer("2030-01-01", "2030-01-01");
    assert_eq!(code(&unsupported), (400, json!(-32022)));
    let data = unsupported.json()["error"]["data"].clone();
    assert_eq!(
        (&data["requested"], &data["supported"][0]),
        (&json!("2030-01-01"), &json!("2026-07-28"))
    );
    assert_eq!(code(&newer("2026-07-28", "2030-01-01")), (400, json!(-32020)));
    let bare = post(
        &served,
        &[("mcp-protocol-version", "2026-07-28")],
        &asked(7, "tools/list", &json!({})),
    );
    assert_eq!(code(&bare), (400, json!(-32602)));
}

#[test]
fn what_no_server_may_take_is_refused() {
    let served = Served::start(&["security"]);
    let id = begin(&served, "2025-11-25");
    let list = asked(1, "tools/list", &json!({}));
    let session = ("mcp-session-id", id.as_str());
    let json_only = [("accept", "application/json"), session];
    assert_eq!(code(&served.json("POST", ARXIV, &json_only, &list)), (406, json!(-32600)));
    let text = [BOTH, session, ("content-type", "text/plain")];
    assert_eq!(served.send("POST", ARXIV, &text, list.to_string().as_bytes()).status, 415);
    let json = [BOTH, session, ("content-type", "application/json")];
    assert_eq!(code(&served.send("POST", ARXIV, &json, b"{")), (400, json!(-32700)));
    let long = format!("\"{}\"", "x".repeat(5 << 20));
    assert_eq!(served.send("POST", ARXIV, &json, long.as_bytes()).status, 413);
    assert_eq!(code(&post(&served, &[], &list)), (400, json!(-32600)), "no session");
    assert_eq!(code(&post(&served, &[("mcp-session-id", "other")], &list)), (404, json!(-32600)));
    let other = served.json("POST", "/mcp/semantic-scholar", &[BOTH, session], &list);
    assert_eq!(code(&other), (404, json!(-32600)), "a session is one tool's");
    let version = post(&served, &[session, ("mcp-protocol-version", "1999-01-01")], &list);
    assert_eq!(code(&version), (400, json!(-32600)));
    // Only the version of March 2025 has batches.
    let batch = json!([list, { "jsonrpc": "2.0", "method": "notifications/cancelled" }]);
    assert_eq!(code(&post(&served, &[session], &batch)), (400, json!(-32600)));
    let march = begin(&served, "2025-03-26");
    let told = post(&served, &[("mcp-session-id", march.as_str())], &batch).json();
    assert_eq!((told.as_array().unwrap().len(), &told[0]["id"]), (1, &json!(1)));
    let streamed = served.send("GET", ARXIV, &[("accept", "text/event-stream"), session], b"");
    assert_eq!((streamed.status, streamed.header("allow")), (405, Some("post, delete")));
    // A page of another origin is refused, one of this machine may read the answers.
    assert_eq!(post(&served, &[session, ("origin", "https://evil.example")], &list).status, 403);
    let page = post(&served, &[session, ("origin", "http://localhost:6274")], &list);
    assert_eq!((page.status, page.header("access-control-allow-origin")), (200, Some("*")));
    let unknown = served.json("POST", "/mcp/arxive", &[BOTH], &list);
    assert_eq!(unknown.status, 404);
    let message = unknown.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.contains("/mcp/arxiv`") && message.contains("/mcp/semantic-scholar`"),
        "{message}"
    );
}

#[test]
fn faults_strike_calls_alone() {
    let served = Served::start(&["security"]);
    let set = |fault: Value| {
        let body = json!({ "faults": [fault] });
        assert!(served.json("PUT", "/_simlab/faults", &[], &body).status < 300);
    };
    let id = begin(&served, "2025-11-25");
    let call = || {
        post(&served, &[("mcp-session-id", id.as_str())], &asked(1, "tools/call", &search("SARSA")))
    };
    set(json!({ "fault": "rate_limited", "next": 1, "on": ["mcp"], "retry_after": "2s" }));
    assert_eq!(
        post(&served, &[("mcp-session-id", id.as_str())], &asked(1, "tools/list", &json!({})))
            .status,
        200
    );
    let limited = call();
    assert_eq!((limited.status, limited.header("retry-after")), (429, Some("2")));
    assert_eq!(limited.json()["error"]["code"], -32603);
    let first = event(&call());
    set(json!({ "fault": "overloaded", "next": 1 }));
    assert_eq!(call().status, 503, "a rule for all endpoints is one for calls, too");
    assert_ne!(event(&call())["result"], first["result"], "a refused call is no search");
    set(json!({ "fault": "malformed", "next": 1, "on": ["mcp"], "after_events": 0 }));
    let broken = call();
    assert!(
        broken.status == 200
            && !String::from_utf8_lossy(&broken.body).contains("\"isError\":false}}")
    );
}

#[test]
fn a_rate_limit_is_kept_where_time_passes() {
    // Semantic Scholar takes a request each three seconds and refuses others for thirty, which are
    // 300 ms here; the answer itself takes about 15.
    let served = Served::start(&["security", "--time-scale", "100"]);
    let began = std::time::Instant::now();
    std::thread::scope(|scope| {
        for query in ["Q-Learning", "SARSA"] {
            let served = &served;
            scope.spawn(move || {
                let params =
                    json!({ "name": "search_semantic_scholar", "arguments": { "query": query } });
                let name = Some("search_semantic_scholar");
                let path = "/mcp/semantic-scholar";
                event(&alone_to(served, path, "tools/call", params, name));
            });
        }
    });
    assert!(began.elapsed() >= std::time::Duration::from_millis(300), "{:?}", began.elapsed());
}
