//! `simlab mcp`: a scenario's tools over the Model Context Protocol.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use super::program::{folder, simlab};

/// What the server says to these lines.
pub(super) fn said(arguments: &[&str], lines: &[String]) -> Vec<Value> {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simlab"))
        .arg("mcp")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all((lines.join("\n") + "\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn asked(id: u32, method: &str, params: &Value) -> String {
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }).to_string()
}

fn call(id: u32, name: &str, arguments: &Value) -> String {
    asked(id, "tools/call", &json!({ "name": name, "arguments": arguments }))
}

#[test]
fn a_search_is_listed_called_and_gives_the_same_papers_again() {
    for (server, name, count) in [
        ("arxiv", "search_papers", "max_results"),
        ("semantic-scholar", "search_semantic_scholar", "num_results"),
    ] {
        let lines = [
            asked(0, "initialize", &json!({ "protocolVersion": "2025-06-18", "capabilities": {} })),
            json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string(),
            asked(1, "tools/list", &json!({})),
            call(2, name, &json!({ "query": "Q-Learning", (count): 3 })),
            call(3, name, &json!({ "query": "Q-Learning" })),
            asked(4, "ping", &json!({})),
        ];
        let all = said(&[server], &lines);
        let ids: Vec<&Value> = all.iter().map(|line| &line["id"]).collect();
        assert_eq!(ids, [0, 1, 2, 3, 4], "a notification has no answer");
        let first = &all[0]["result"];
        assert_eq!(first["protocolVersion"], "2025-06-18");
        assert!(
            first["capabilities"]["tools"].is_object() && first["serverInfo"]["name"].is_string()
        );
        let tool = &all[1]["result"]["tools"][0];
        assert_eq!(tool["name"], name);
        assert!(jsonschema::meta::is_valid(&tool["inputSchema"]), "{tool}");
        assert!(tool["inputSchema"]["properties"].get(count).is_some());
        let found = |at: usize| all[at]["result"]["content"][0]["text"].as_str().unwrap();
        assert_eq!(all[2]["result"]["isError"], false);
        assert!(found(2).contains("[1]") || found(2).len() > 100, "{}", found(2));
        assert_ne!(found(2), found(3), "a search again finds others, as in a run");
        assert_eq!(said(&[server], &lines), all);
    }
}

#[test]
fn anything_else_gets_the_protocols_error() {
    let lines = [
        "{".to_owned(),
        "[]".to_owned(),
        "7".to_owned(),
        json!({ "jsonrpc": "2.0", "id": "a" }).to_string(),
        asked(1, "tools/run", &json!({})),
        call(2, "other", &json!({})),
        call(3, "search_papers", &json!({ "query": 7 })),
        asked(4, "initialize", &json!({ "protocolVersion": "1999-01-01" })),
        json!({ "jsonrpc": "2.0", "id": 9, "result": {} }).to_string(),
    ];
    let all = said(&["arxiv"], &lines);
    let codes: Vec<i64> = all.iter().filter_map(|line| line["error"]["code"].as_i64()).collect();
    assert_eq!(codes, [-32700, -32600, -32600, -32600, -32601, -32602, -32602]);
    assert_eq!(all.len(), 8);
    assert_eq!(all[7]["result"]["protocolVersion"], "2025-11-25", "the newest for an unknown one");
    let unknown = simlab(&["mcp", "arxive"]);
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("has no tool `arxive`"), "{}", unknown.err);
    assert!(unknown.err.contains("did you mean `arxiv`?"), "{}", unknown.err);
    for (arguments, told) in [
        (["mcp", "arxiv", "--time-scale", "-1"], "expected a number of 0 or more"),
        (["serve", "security", "--time-scale", "-1"], "expected a number of 0 or more"),
        (["serve", "security", "--sdk-key", ""], "a value is required"),
        (["serve", "security", "--report", "/nowhere/report.json"], "name a file in a folder"),
    ] {
        let refused = simlab(&arguments);
        assert!(refused.code != 0 && refused.err.contains(told), "{arguments:?}: {}", refused.err);
    }
}

#[test]
fn the_files_for_the_tutorials_app_start_the_tools() {
    let place = folder("mcp-files");
    let made = simlab(&["mcp", "--write", place.to_str().unwrap()]);
    assert_eq!(made.code, 0, "{}", made.err);
    let line = asked(1, "tools/list", &json!({})) + "\n";
    for (variable, before, name) in [
        ("ARXIV_MCP_SERVER_PATH", None, "search_papers"),
        ("SEMANTIC_SCHOLAR_SERVER_PATH", Some("python3"), "search_semantic_scholar"),
    ] {
        let mark = format!("export {variable}=");
        let path = made.out.lines().find_map(|line| line.strip_prefix(&mark)).unwrap();
        assert!(fs::metadata(path).unwrap().is_file());
        let mut command = match before {
            Some(program) => Command::new(program),
            None => Command::new(path),
        };
        if before.is_some() {
            command.arg(path);
        } else {
            command.args(["--storage-path", "/nowhere"]);
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(answer["result"]["tools"][0]["name"], name);
    }
}
