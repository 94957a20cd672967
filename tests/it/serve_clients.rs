//! Client-side SDKs of LaunchDarkly at `simlab serve`, in browsers and on phones, and pages of
//! another origin.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::serve::{Answer, BEARER, Served, TOKEN};

const FLAGS: &str = "/api/v2/flags/multi-agent-chatbot";
const ORIGIN: (&str, &str) = ("origin", "https://app.example");

/// A server with a flag that browsers may have, one that phones may have, and the keys of its
/// environment.
fn served() -> (Served, String, String) {
    let served = Served::start(&["security"]);
    for (key, available) in [("web", "usingEnvironmentId"), ("phone", "usingMobileKey")] {
        let flag =
            json!({ "key": key, "name": key, "clientSideAvailability": { available: true } });
        assert_eq!(served.json("POST", FLAGS, &[TOKEN], &flag).status, 201);
    }
    let keys = served.status()["launchdarkly"]["keys"].clone();
    let production = keys.as_array().unwrap().iter().find(|own| own["environment"] == "production");
    let key = |name: &str| production.unwrap()[name].as_str().unwrap().to_owned();
    let (web, mobile) = (key("client_side_id"), key("mobile_key"));
    (served, web, mobile)
}

fn turn(served: &Served, flag: &str, on: bool) {
    let kind = if on { "turnFlagOn" } else { "turnFlagOff" };
    let change = json!({ "environmentKey": "production", "instructions": [{ "kind": kind }] });
    let kind = ("content-type", "application/json; domain-model=launchdarkly.semanticpatch");
    let path = format!("{FLAGS}/{flag}");
    let changed = served.send("PATCH", &path, &[TOKEN, kind], change.to_string().as_bytes());
    assert_eq!(changed.status, 200, "{changed:?}");
}

fn context() -> String {
    json!({ "kind": "user", "key": "ann?>" }).to_string()
}

#[test]
fn browsers_and_phones_get_the_flags_that_they_may_have() {
    let (served, web, mobile) = served();
    turn(&served, "web", true);
    let (encoded, other) = (URL_SAFE_NO_PAD.encode(context()), STANDARD.encode(context()));
    let get = |path: &str, headers: &[(&str, &str)]| served.send("GET", path, headers, b"");
    let flags = get(&format!("/sdk/evalx/{web}/contexts/{encoded}?withReasons=true"), &[ORIGIN]);
    assert_eq!(flags.status, 200, "{flags:?}");
    assert_eq!(flags.header("access-control-allow-origin"), Some("*"));
    let flags = flags.json();
    assert_eq!(flags.as_object().unwrap().keys().collect::<Vec<_>>(), ["web"]);
    let expected = json!({ "version": flags["web"]["version"], "flagVersion": flags["web"]["flagVersion"],
        "value": true, "variation": 0, "trackEvents": false, "reason": { "kind": "FALLTHROUGH" } });
    assert_eq!(flags["web"], expected);
    // The same by every other way.
    let report = |path: &str, headers: &[(&str, &str)]| {
        served.send("REPORT", path, headers, context().as_bytes())
    };
    let without = get(&format!("/sdk/evalx/{web}/users/{other}"), &[]);
    assert_eq!(without.json()["web"].get("reason"), None);
    let reported = report(&format!("/sdk/evalx/{web}/context"), &[]);
    assert_eq!(reported.json(), without.json());
    let tag = reported.header("etag").unwrap().to_owned();
    let same = get(&format!("/sdk/evalx/{web}/contexts/{encoded}"), &[("if-none-match", &tag)]);
    assert_eq!(same.status, 304);
    let phone = get(&format!("/msdk/evalx/contexts/{encoded}"), &[("authorization", &mobile)]);
    assert_eq!(phone.json().as_object().unwrap().keys().collect::<Vec<_>>(), ["phone"]);
    let phone = report("/msdk/evalx/context", &[("authorization", &mobile)]);
    assert_eq!(phone.json()["phone"]["value"], false, "it is off");
    assert_eq!(get(&format!("/sdk/goals/{web}"), &[]).json(), json!([]));
    for (refused, status) in [
        (get(&format!("/sdk/evalx/unknown/contexts/{encoded}"), &[]), 404),
        (get("/sdk/goals/unknown", &[]), 404),
        (get(&format!("/sdk/evalx/{mobile}/contexts/{encoded}"), &[]), 404),
        (get(&format!("/sdk/evalx/{web}/contexts/*"), &[]), 400),
        (get(&format!("/sdk/evalx/{web}/contexts/e30"), &[]), 400),
        (get(&format!("/sdk/evalx/{web}/context"), &[]), 405),
        (get(&format!("/msdk/evalx/contexts/{encoded}"), &[("authorization", &web)]), 401),
        (served.send("REPORT", &format!("/sdk/evalx/{web}/context"), &[], b"{"), 400),
        (served.send("PUT", &format!("/sdk/evalx/{web}/context"), &[], b"{}"), 405),
    ] {
        assert_eq!(refused.status, status, "{refused:?}");
        assert!(refused.json()["message"].is_string(), "{refused:?}");
    }
}

/// The next event of a stream with its data.
fn event(lines: &mut impl Iterator<Item = String>) -> (String, Value) {
    let name = lines.find_map(|line| line.strip_prefix("event: ").map(str::to_owned)).unwrap();
    let data = lines.find_map(|line| line.strip_prefix("data: ").map(str::to_owned)).unwrap();
    (name, serde_json::from_str(&data).unwrap_or_default())
}

#[test]
fn a_stream_has_the_flags_and_what_changes() {
    let (served, web, mobile) = served();
    let open = |method: &str, path: &str, key: &str| {
        let mut stream = served.connect();
        let body = if method == "REPORT" { context() } else { String::new() };
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: {key}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        BufReader::new(stream).lines().map_while(Result::ok)
    };
    let encoded = URL_SAFE_NO_PAD.encode(context());
    let mut browser = open("GET", &format!("/eval/{web}/{encoded}"), "");
    let mut phone = open("REPORT", "/meval", &mobile);
    let mut ping = open("GET", &format!("/ping/{web}"), "");
    let (name, data) = event(&mut browser);
    assert_eq!((name.as_str(), &data["web"]["value"]), ("put", &json!(false)));
    assert_eq!(data.get("phone"), None);
    let (name, data) = event(&mut phone);
    assert_eq!((name.as_str(), &data["phone"]["value"]), ("put", &json!(false)));
    assert_eq!(event(&mut ping).0, "ping");
    // A change that is none to it does not reach a stream.
    turn(&served, "phone", true);
    turn(&served, "web", true);
    let (name, data) = event(&mut browser);
    assert_eq!(
        (name.as_str(), &data["key"], &data["value"]),
        ("patch", &json!("web"), &json!(true))
    );
    let (name, data) = event(&mut phone);
    assert_eq!(
        (name.as_str(), &data["key"], &data["value"]),
        ("patch", &json!("phone"), &json!(true))
    );
    assert_eq!(event(&mut ping).0, "ping");
    let deleted = served.send("DELETE", &format!("{FLAGS}/web"), &[TOKEN], b"");
    assert_eq!(deleted.status, 204);
    let (name, data) = event(&mut browser);
    assert_eq!((name.as_str(), &data["key"]), ("delete", &json!("web")));
}

#[test]
fn events_of_browsers_and_phones_are_counted() {
    let (served, web, mobile) = served();
    let custom = json!([{ "kind": "custom", "key": "clicked", "creationDate": 1_760_000_000_000_u64,
        "context": { "kind": "user", "key": "ann" }, "url": "https://app.example/" }]);
    let send = |path: &str, headers: &[(&str, &str)], body: &Value| {
        served.json("POST", path, headers, body).status
    };
    assert_eq!(send(&format!("/events/bulk/{web}"), &[ORIGIN], &custom), 202);
    let auth = [("authorization", mobile.as_str())];
    for path in ["/mobile", "/mobile/events", "/mobile/events/bulk"] {
        assert_eq!(send(path, &auth, &custom), 202, "{path}");
    }
    let diagnostic = json!({ "kind": "diagnostic-init" });
    assert_eq!(send(&format!("/events/diagnostic/{web}"), &[], &diagnostic), 202);
    assert_eq!(send("/mobile/events/diagnostic", &auth, &diagnostic), 202);
    let status = served.status();
    assert_eq!(
        (&status["events_by_kind"]["custom"], &status["diagnostics"]),
        (&json!(4), &json!(2))
    );
    assert_eq!(send("/events/bulk/unknown", &[], &custom), 404);
    assert_eq!(send("/mobile", &[], &custom), 401);
    assert_eq!(served.send("GET", &format!("/events/bulk/{web}"), &[], b"").status, 405);
}

#[test]
fn a_page_of_another_origin_may_use_the_mocks_but_not_the_control_pages() {
    let (served, web, _) = served();
    let preflight = |path: &str| {
        let asks = [
            ORIGIN,
            ("access-control-request-method", "REPORT"),
            ("access-control-request-headers", "content-type,x-launchdarkly-user-agent"),
            ("access-control-request-private-network", "true"),
        ];
        served.send("OPTIONS", path, &asks, b"")
    };
    let allowed = |answer: &Answer| answer.header("access-control-allow-origin").map(str::to_owned);
    for path in
        [&format!("/sdk/evalx/{web}/context"), "/v1/chat/completions", "/v1/messages", "/nowhere"]
    {
        let answer = preflight(path);
        assert_eq!((answer.status, allowed(&answer).as_deref()), (204, Some("*")), "{path}");
        let methods = answer.header("access-control-allow-methods");
        assert!(methods.is_some_and(|own| own.eq_ignore_ascii_case("REPORT")), "{methods:?}");
        assert_eq!(
            answer.header("access-control-allow-headers"),
            Some("content-type,x-launchdarkly-user-agent")
        );
        assert_eq!(answer.header("access-control-allow-private-network"), Some("true"));
    }
    let chat = json!({ "model": "gpt-4o", "messages": [{ "role": "user", "content": "Hello" }] });
    let asked =
        |headers: &[(&str, &str)]| served.json("POST", "/v1/chat/completions", headers, &chat);
    let answer = asked(&[BEARER, ORIGIN]);
    assert_eq!((answer.status, allowed(&answer).as_deref()), (200, Some("*")));
    let refused = asked(&[ORIGIN]);
    assert_eq!((refused.status, allowed(&refused).as_deref()), (401, Some("*")));
    assert_eq!(allowed(&asked(&[BEARER])), None, "who is no browser gets no header more");
    for answer in
        [preflight("/_simlab/status"), served.send("GET", "/_simlab/status", &[ORIGIN], b"")]
    {
        assert_eq!((answer.status, allowed(&answer)), (403, None));
    }
}

#[test]
fn the_table_of_clients_names_each_package_that_is_tried_and_no_other() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let page = read("docs/app.md");
    let table = page.split("<!-- clients -->").nth(1).unwrap().split("<!-- end").next().unwrap();
    let plain = |name: &str| name.split('[').next().unwrap().trim().to_owned();
    // What the checks need besides what they try.
    let tools = ["pytest", "vitest", "jsdom", "zod", "@libsql/linux-x64-gnu"];
    let mut tried: Vec<String> = Vec::new();
    for lock in ["clients", "frameworks", "rows", "apart"] {
        let lines = read(&format!(".ci/lock/{lock}.in"));
        tried.extend(lines.lines().filter(|line| !line.starts_with('#')).map(plain));
    }
    for folder in ["node", "promptfoo"] {
        let packages = read(&format!(".ci/clients/{folder}/package.json"));
        let packages: Value = serde_json::from_str(&packages).unwrap();
        tried.extend(packages["dependencies"].as_object().unwrap().keys().cloned());
    }
    tried.retain(|name| !tools.contains(&name.as_str()));
    let cells: String = table.lines().filter_map(|line| line.split('|').nth(1)).collect();
    let words: Vec<&str> =
        cells.split([' ', ',', '(', ')', ';']).filter(|word| !word.is_empty()).collect();
    // On Node the packages of a framework have its scope before their names.
    let known = |name: &String| {
        let scoped = name.strip_prefix("@langchain/").map(|own| format!("langchain-{own}"));
        words.contains(&scoped.as_deref().unwrap_or(name))
    };
    let missing: Vec<&String> = tried.iter().filter(|name| !known(name)).collect();
    assert!(missing.is_empty(), "the table of docs/app.md has no {missing:?}");
    let looks = |word: &&&str| **word != "---" && (word.contains('-') || word.starts_with('@'));
    let other: Vec<&&str> = words
        .iter()
        .filter(looks)
        .filter(|word| !tried.iter().any(|name| name == **word))
        .collect();
    assert!(other.is_empty(), "nothing tries {other:?}");
}

#[test]
fn models_answer_at_addresses_without_a_version() {
    let served = Served::start(&["security"]);
    let words = json!([{ "role": "user", "content": "Hello" }]);
    for (path, body) in [
        ("/chat/completions", json!({ "model": "gpt-4o", "messages": words })),
        (
            "/messages",
            json!({ "model": "claude-sonnet-4-5", "max_tokens": 100, "messages": words }),
        ),
        ("/messages/count_tokens", json!({ "model": "claude-sonnet-4-5", "messages": words })),
        ("/embeddings", json!({ "model": "text-embedding-3-small", "input": "Hello" })),
        ("/responses", json!({ "model": "gpt-4o", "input": "Hello" })),
    ] {
        let headers = [
            ("authorization", "Bearer any"),
            ("x-api-key", "any"),
            ("anthropic-version", "2023-06-01"),
        ];
        let answer = served.json("POST", path, &headers, &body);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
    assert_eq!(served.send("GET", "/models", &[("authorization", "Bearer any")], b"").status, 200);
}

#[test]
fn an_sdk_that_keeps_nothing_gets_one_flag_or_segment_at_a_time() {
    // The SDK for PHP asks so for each evaluation.
    let served = Served::start(&["security"]);
    let key = served.sdk_key();
    let get = |path: &str| served.send("GET", path, &[("authorization", &key)], b"");
    let all = get("/sdk/latest-all").json();
    for kind in ["flags", "segments"] {
        let own = all[kind].as_object().unwrap();
        assert!(!own.is_empty());
        for (name, value) in own {
            assert_eq!(&get(&format!("/sdk/{kind}/{name}")).json(), value);
        }
    }
    let flags = get("/sdk/flags");
    assert_eq!(flags.json(), all["flags"]);
    let tag = flags.header("etag").unwrap();
    let again =
        served.send("GET", "/sdk/flags", &[("authorization", &key), ("if-none-match", tag)], b"");
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(get("/sdk/flags/nowhere").status, 404);
    assert_eq!(served.send("GET", "/sdk/flags", &[("authorization", "x")], b"").status, 401);
}
