//! Every decoder against arbitrary input: whatever the bytes, an answer or a refusal in words,
//! never a panic.
//!
//! Bytes are drawn three ways: at random, as JSON at random, and as sound input with a few bytes
//! changed.

use proptest::prelude::*;
use serde_json::{Value, json};
use simlab::diagnostic::SourceText;
use simlab::flags::api::{HttpMethod, Request};
use simlab::flags::events::read;
use simlab::flags::mock::Account;
use simlab::llm::chat::{Block, ChatResponse, Stop, Usage};
use simlab::llm::wire::PROVIDERS;
use simlab::llm::wire::responses::with_ids;
use simlab::llm::wire::sse::Chunking;
use simlab::power::read_part;
use simlab::random::Seed;
use simlab::recorded::{each_event, statistics};
use simlab::report::from_json;
use simlab::scenario::parse;

/// A chat request with everything in it.
const CHAT: &str = r#"{"model":"gpt-4o","max_tokens":100,"stream":true,"temperature":0.5,"system":"be brief","stop":["x"],
"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t1",
"name":"f","input":{}}],"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool",
"tool_call_id":"t1","content":"b"}],"tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"type":"function",
"function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"auto","response_format":{"type":"json_object"}}"#;
/// The same in the Responses format.
const RESPONSE: &str = r#"{"model":"gpt-5","max_output_tokens":100,"stream":true,"instructions":"be brief","reasoning":{"effort":"low","summary":"auto"},
"include":["reasoning.encrypted_content"],"metadata":{"a":"b"},"store":false,"truncation":"auto","input":[{"role":"user","content":"json, please"},
{"type":"reasoning","id":"rs_1","summary":[]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"a"}]},
{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":[{"type":"input_image"}]}],
"tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"web_search"}],"tool_choice":{"type":"allowed_tools",
"mode":"auto","tools":[{"type":"function","name":"f"}]},"text":{"format":{"type":"json_object"},"verbosity":"low"}}"#;
/// An event with everything in it.
const EVENT: &str = concat!(
    r#"{"kind":"feature","key":"security-agent","creationDate":1,"variation":1,"value":{"_ldMeta":{"variationKey":"basic-security"}},"#,
    r#""context":{"kind":"multi","user":{"key":"u"},"org":{"key":"o"}},"reason":{"kind":"RULE_MATCH","inExperiment":true}}"#
);

/// Any JSON, not too deep.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_]{0,8}".prop_map(Value::from),
        Just(json!("user")),
        Just(json!("assistant")),
    ];
    let names = [
        "model",
        "messages",
        "role",
        "content",
        "type",
        "kind",
        "key",
        "tools",
        "context",
        "creationDate",
        "input",
        "instructions",
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((proptest::sample::select(names.to_vec()), inner), 0..5)
                .prop_map(|fields| fields
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()),
        ]
    })
}

/// Sound input with up to four bytes changed, cut or doubled.
fn damaged(sound: &'static str) -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec((0..sound.len(), any::<u8>(), 0..3_u8), 0..4).prop_map(
        move |changes| {
            let mut bytes = sound.as_bytes().to_vec();
            for (at, byte, how) in changes {
                let at = at.min(bytes.len().saturating_sub(1));
                match how {
                    0 => bytes[at] = byte,
                    1 => bytes.truncate(at.max(1)),
                    _ => bytes.insert(at, byte),
                }
            }
            bytes
        },
    )
}

fn input(sound: &'static str) -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        any_json().prop_map(|json| json.to_string().into_bytes()),
        damaged(sound),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn chat_requests(bytes in input(CHAT)) {
        for provider in PROVIDERS {
            if let Err(error) = provider.decode_request(&bytes) {
                let reply = provider.api.encode_error(&error, "req_1");
                prop_assert!((400..500).contains(&reply.status), "{reply:?}");
                prop_assert!(serde_json::from_slice::<Value>(&reply.body).is_ok());
            }
        }
    }

    #[test]
    fn requests_of_the_responses_format(bytes in input(RESPONSE)) {
        for api in PROVIDERS.iter().filter_map(|provider| provider.api.responses()) {
            let read = api.decode(&bytes).and_then(|mut request| {
                api.continue_after(&mut request, Vec::new()).map(|()| request)
            });
            if let Ok(request) = read {
                let answer = ChatResponse { logprobs: None, others: Vec::new(),
                    id: "chatcmpl-0".to_owned(),
                    created: 1,
                    model: request.chat.model.clone(),
                    content: vec![Block::Text("x".to_owned())],
                    stop: Stop::EndTurn,
                    usage: Usage::uncached(1, 1),
                    refusal: None,
                };
                let mut document = Vec::new();
                request.encode_document(&answer, None, &mut document);
                prop_assert!(serde_json::from_slice::<Value>(&document).is_ok());
                let stream = request.encode_stream(&answer, &document, Chunking::Words);
                prop_assert!(stream.len() > 8);
            }
            let items = serde_json::from_slice::<Value>(&bytes).unwrap_or_default();
            with_ids(&items, "resp_0", 0).iter().for_each(|item| assert!(item["id"].is_string()));
            let _ = api.decode_items(&bytes);
        }
    }

    #[test]
    fn embedding_requests(bytes in input(r#"{"model":"text-embedding-3-small","input":["a","b"],"dimensions":8,"encoding_format":"base64"}"#)) {
        for api in PROVIDERS.iter().filter_map(|provider| provider.api.embeddings()) {
            let _ = api.decode_request(&bytes);
        }
    }

    #[test]
    fn recorded_events(bytes in input(EVENT)) {
        let mut told = 0;
        each_event(bytes.as_slice(), |_, event| {
            told += 1;
            let event = event.and_then(|event| read(event, "user").map(|_| ()).map_err(|fault| fault.to_string()));
            assert!(event.err().is_none_or(|reason| !reason.is_empty()));
        })
        .unwrap();
        if let Ok(event) = serde_json::from_slice::<Value>(&bytes) {
            let _ = read(&event, "user");
            prop_assert!(told == 1 || event.is_array() || bytes.contains(&b'\n'));
        }
    }

    #[test]
    fn requests_of_the_rest_interface(
        body in any_json(),
        path in proptest::collection::vec(proptest::sample::select(vec![
            "projects", "default", "environments", "production", "segments", "ai-configs", "variations", "targeting", "metrics",
            "experiments", "iterations", "flags", "ai-tools", "model-configs", "", "..", "é",
        ]), 1..8),
        method in proptest::sample::select(vec![HttpMethod::Get, HttpMethod::Post, HttpMethod::Patch, HttpMethod::Delete]),
        semantic_patch in any::<bool>(),
    ) {
        let mut account = Account::new(Seed(1));
        let project = Request::post("projects", json!({ "key": "default", "name": "Default" }));
        prop_assert!(account.handle(&project, 1).is_ok());
        let request = Request { semantic_patch, ..Request::new(method, path.join("/"), body) };
        if let Err(error) = account.handle(&request, 2) {
            prop_assert!((400..500).contains(&error.status), "{error:?}");
        }
    }

    #[test]
    fn files(bytes in input("(experiments: [( key: \"a\", control: \"b\", metrics: { \"m\": ( kind: Conversion, better: Higher, variations: {} ) } )])")) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let _ = statistics(&SourceText::new("any.ron", text.clone()));
        let _ = parse("any", SourceText::new("any.ron", text.clone()), &|_| Err("no folder".to_owned()));
        let _ = read_part(&text);
        let _ = from_json(&text);
    }
}
