//! The Converse API of `serve`: the model in the path, binary streams, counts, vectors, keys, and
//! Bedrock's own errors. `.ci/clients` asks the same with the vendor's client.

use std::io::{Read, Write};

use serde_json::{Value, json};
use simlab::llm::wire::bedrock::BEDROCK;

use super::serve::Served;

const SIGNED: (&str, &str) = (
    "authorization",
    "AWS4-HMAC-SHA256 Credential=AKIAPLANTED4717/20261130/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=planted4718",
);
const MODEL: &str = "us.anthropic.claude-sonnet-4-5-20250929-v1:0";

fn asked(text: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": [{ "text": text }] }] })
}

/// As botocore writes it: `:` is percent-encoded.
fn path(model: &str, asked: &str) -> String {
    format!("/model/{}/{asked}", model.replace(':', "%3A"))
}

fn text(answer: &Value) -> String {
    let blocks = answer["output"]["message"]["content"].as_array().unwrap();
    blocks.iter().filter_map(|block| block["text"].as_str()).collect()
}

/// The body of an answer as far as it comes: its chunks put together.
fn as_far_as_it_comes(served: &Served, path: &str, body: &Value) -> Vec<u8> {
    let mut stream = served.connect();
    let body = body.to_string();
    let (name, key) = SIGNED;
    let length = body.len();
    write!(stream, "POST {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{name}: {key}\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut bytes = Vec::new();
    // A connection that is dropped may end with a reset.
    let _ = stream.read_to_end(&mut bytes);
    let line = |bytes: &[u8]| bytes.windows(2).position(|window| window == b"\r\n");
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let (mut rest, mut whole) = (&bytes[head + 4..], Vec::new());
    while let Some(end) = line(rest) {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        whole.extend_from_slice(&rest[..size]);
        rest = rest.get(size + 2..).unwrap_or_default();
        if size == 0 {
            break;
        }
    }
    whole
}

#[test]
fn an_answer_is_the_same_plain_and_streamed_and_counts_alike() {
    let served = Served::start(&["security", "--repeat", "same"]);
    let body = asked("What is a policy gradient?");
    let plain = served.json("POST", &path(MODEL, "converse"), &[SIGNED], &body);
    assert_eq!(plain.status, 200, "{plain:?}");
    assert!(plain.header("x-amzn-requestid").is_some_and(|id| id.len() == 36), "{plain:?}");
    let answer = plain.json();
    assert_eq!(answer["stopReason"], "end_turn");
    let usage = &answer["usage"];
    let counts =
        ["inputTokens", "outputTokens", "totalTokens"].map(|name| usage[name].as_u64().unwrap());
    assert!(counts[0] > 0 && counts[0] + counts[1] == counts[2], "{usage}");
    // A simulated answer takes a while, although it comes at once.
    assert!(answer["metrics"]["latencyMs"].as_u64().unwrap() > 0, "{answer}");
    let streamed = served.json("POST", &path(MODEL, "converse-stream"), &[SIGNED], &body);
    assert_eq!(streamed.header("content-type"), Some("application/vnd.amazon.eventstream"));
    let mut decoder = BEDROCK.stream_decoder(true);
    decoder.push(&streamed.body).unwrap();
    let whole = decoder.finish().unwrap();
    assert_eq!(whole.text(), text(&answer));
    assert_eq!(
        (u64::from(whole.usage.input), u64::from(whole.usage.output)),
        (counts[0], counts[1])
    );
    let count = json!({ "input": { "converse": body } });
    let count = served.json("POST", &path(MODEL, "count-tokens"), &[SIGNED], &count).json();
    assert_eq!(count["inputTokens"], counts[0]);
    // The same model by its ARN, whose slash is percent-encoded, too.
    let arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A%3Afoundation-model%2Famazon.nova-pro-v1%3A0";
    assert_eq!(served.json("POST", &path(arn, "converse"), &[SIGNED], &body).status, 200);
}

#[test]
fn tools_are_called_and_answered_and_structured_answers_keep_to_their_schema() {
    let served = Served::start(&["security"]);
    let ask = |body: &Value| {
        let answer = served.json("POST", &path(MODEL, "converse"), &[SIGNED], body);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    };
    let mut body = asked("What is the weather in Paris?");
    let schema = json!({ "type": "object", "properties": { "city": { "type": "string" } }, "required": ["city"] });
    let tool = |name: &str| json!({ "toolSpec": { "name": name, "description": "d", "inputSchema": { "json": schema } } });
    body["toolConfig"] = json!({ "tools": [tool("get_weather"), tool("get_time")], "toolChoice": { "tool": { "name": "get_weather" } } });
    let called = ask(&body);
    assert_eq!(called["stopReason"], "tool_use");
    let message = &called["output"]["message"];
    let call = &message["content"][0]["toolUse"];
    assert_eq!((&call["name"], &call["input"]["city"]), (&json!("get_weather"), &json!("Paris")));
    let result = json!({ "toolResult": { "toolUseId": call["toolUseId"], "content": [{ "json": { "degrees": 21 } }] } });
    let messages = body["messages"].as_array_mut().unwrap();
    messages.extend([message.clone(), json!({ "role": "user", "content": [result] })]);
    body["toolConfig"].as_object_mut().unwrap().remove("toolChoice");
    let after = ask(&body);
    assert_eq!(after["stopReason"], "end_turn");
    assert!(text(&after).contains("21"), "{after}");
    let mut typed = asked("Name a topic.");
    let schema = json!({ "type": "object", "properties": { "title": { "type": "string" }, "hard": { "type": "boolean" } }, "required": ["title", "hard"], "additionalProperties": false });
    typed["outputConfig"] = json!({ "textFormat": { "type": "json_schema", "structure": { "jsonSchema": { "schema": schema.to_string(), "name": "topic" } } } });
    let made: Value = serde_json::from_str(&text(&ask(&typed))).unwrap();
    assert!(jsonschema::is_valid(&schema, &made), "{made}");
}

#[test]
fn models_are_listed_and_a_text_becomes_a_vector() {
    let served = Served::start(&["security"]);
    let list = served.send("GET", "/foundation-models", &[SIGNED], b"").json();
    let ids: Vec<&str> = list["modelSummaries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|model| model["modelId"].as_str().unwrap())
        .collect();
    assert!(ids.contains(&"amazon.nova-pro-v1:0"), "{ids:?}");
    let one =
        served.send("GET", "/foundation-models/amazon.nova-pro-v1%3A0", &[SIGNED], b"").json();
    assert_eq!(one["modelDetails"]["providerName"], "amazon");
    let titan = path("amazon.titan-embed-text-v2:0", "invoke");
    let embed = |body: Value| served.json("POST", &titan, &[SIGNED], &body);
    assert_eq!(
        embed(json!({ "inputText": "a policy" })).json()["embedding"].as_array().unwrap().len(),
        1_024
    );
    let short = embed(json!({ "inputText": "a policy", "dimensions": 256 })).json();
    assert_eq!(
        (short["embedding"].as_array().unwrap().len(), short["inputTextTokenCount"].as_u64()),
        (256, Some(2))
    );
    assert_eq!(embed(json!({ "inputText": "a", "dimensions": 300 })).status, 400);
    let chat = served.json("POST", &path(MODEL, "invoke"), &[SIGNED], &json!({ "messages": [] }));
    assert!(chat.json()["message"].as_str().unwrap().contains("use Converse"), "{chat:?}");
}

#[test]
fn errors_are_in_bedrocks_form_and_a_signature_is_never_kept() {
    let served = Served::start(&["security", "--transcript", "9"]);
    let chat = path(MODEL, "converse");
    let error = |path: &str, headers: &[(&str, &str)], body: &Value| {
        let answer = served.json("POST", path, headers, body);
        let name = answer.header("x-amzn-errortype").unwrap().to_owned();
        (answer.status, name, answer.json()["message"].as_str().unwrap().to_owned())
    };
    let is = |answer: (u16, String, String), status, name: &str| {
        // The test's own client reads heads in small letters.
        let name = name.to_lowercase();
        assert_eq!((answer.0, answer.1), (status, name), "{}", answer.2);
    };
    let body = asked("hi");
    is(error(&chat, &[], &body), 403, "MissingAuthenticationTokenException");
    is(
        error(&path("amazon.nova-9-v1:0", "converse"), &[SIGNED], &body),
        400,
        "ValidationException",
    );
    is(error(&path(MODEL, "apply"), &[SIGNED], &body), 404, "UnknownOperationException");
    is(error(&chat, &[SIGNED], &json!({ "messages": "hi" })), 400, "SerializationException");
    is(error(&chat, &[SIGNED], &json!({})), 400, "ValidationException");
    is(
        error(&path("amazon.titan-embed-text-v2:0", "converse"), &[SIGNED], &body),
        400,
        "ValidationException",
    );
    let faults = |rules: Value| {
        let set = served.json("PUT", "/_simlab/faults", &[], &json!({ "faults": rules }));
        assert_eq!(set.status, 200, "{set:?}");
    };
    faults(json!([{ "fault": "rate_limited", "on": ["bedrock"], "next": 1, "retry_after": "7s" }]));
    is(error(&chat, &[SIGNED], &body), 429, "ThrottlingException");
    faults(json!([{ "fault": "overloaded", "on": ["bedrock"], "next": 1 }]));
    is(error(&chat, &[SIGNED], &body), 503, "ServiceUnavailableException");
    // Faults inside of a binary stream.
    let stream = path(MODEL, "converse-stream");
    for (fault, kind) in [("cut", "Cut"), ("malformed", "Malformed"), ("stream_error", "Server")] {
        faults(json!([{ "fault": fault, "on": ["bedrock"], "next": 1, "after_events": 2 }]));
        let bytes = as_far_as_it_comes(&served, &stream, &body);
        let mut decoder = BEDROCK.stream_decoder(true);
        let end = decoder.push(&bytes).and_then(|()| decoder.finish().map(drop));
        assert_eq!(format!("{:?}", end.unwrap_err().kind), kind, "{fault}");
    }
    faults(json!([]));
    assert_eq!(served.json("POST", &chat, &[SIGNED], &body).status, 200);
    for page in ["status", "transcript", "events", "report", "metrics", "faults"] {
        let page = served.send("GET", &format!("/_simlab/{page}"), &[], b"");
        let text = String::from_utf8_lossy(&page.body).into_owned();
        assert!(!text.to_lowercase().contains("planted"), "{text}");
    }
}
