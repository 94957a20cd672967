//! Anthropic's requests against the documented shapes and the service's own words.

use super::*;
use crate::llm::chat::{Caching, ContentPart, ErrorKind, Message, Role, ToolResult, ToolUse};

const FULL: &str = r#"{"model":"claude-opus-4-20250514","max_tokens":1024,"system":"Be brief.","messages":[{"role":"user","content":"What is q-learning?"},{"role":"assistant","content":[{"type":"text","text":"I look."},{"type":"tool_use","id":"toolu_01A","name":"search_v1","input":{"query":"q-learning", "top_k": 5}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_01A","content":"found nothing","is_error":true}]}],"tools":[{"name":"search_v1","description":"Searches.","input_schema":{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}}],"tool_choice":{"type":"tool","name":"search_v1"},"temperature":0.1,"top_p":1.0,"stop_sequences":["END"],"metadata":{"user_id":"user_7"},"stream":true}"#;

fn full() -> ChatRequest {
    ChatRequest {
        system: Some("Be brief.".into()),
        messages: vec![
            Message {
                role: Role::User,
                content: vec![ContentPart::Text("What is q-learning?".into())],
            },
            Message {
                role: Role::Assistant,
                content: vec![
                    ContentPart::Text("I look.".into()),
                    ContentPart::ToolUse(ToolUse {
                        id: "toolu_01A".into(),
                        name: "search_v1".into(),
                        input: r#"{"query":"q-learning", "top_k": 5}"#.into(),
                    }),
                ],
            },
            Message {
                role: Role::User,
                content: vec![ContentPart::ToolResult(ToolResult {
                    id: "toolu_01A".into(),
                    content: "found nothing".into(),
                    is_error: true,
                })],
            },
        ],
        tools: vec![OfferedTool {
            name: "search_v1".into(),
            description: "Searches.".into(),
            schema:
                r#"{"type":"object","properties":{"query":{"type":"string"}},"required":["query"]}"#
                    .into(),
        }],
        tool_choice: ToolChoice::Named("search_v1".into()),
        max_tokens: Some(1024),
        temperature: Some(0.1),
        top_p: Some(1.0),
        stop: vec!["END".into()],
        user: Some("user_7".into()),
        stream: true,
        include_usage: true,
        ..ChatRequest::new("claude-opus-4-20250514")
    }
}

fn encoded(request: &ChatRequest) -> String {
    let mut out = Vec::new();
    encode_request(request, &mut out);
    String::from_utf8(out).unwrap()
}

/// A small valid request with `more` at its top level and these messages.
fn with(messages: &str, more: &str) -> String {
    format!(r#"{{"model":"m","max_tokens":9,"messages":{messages}{more}}}"#)
}

fn message_of(body: &str) -> String {
    let error = decode_request(body.as_bytes()).expect_err(body);
    assert_eq!(error.kind, ErrorKind::BadRequest);
    error.message
}

#[test]
fn a_request_has_the_documented_shape_in_both_directions() {
    assert_eq!(decode_request(FULL.as_bytes()).unwrap(), full());
    assert_eq!(encoded(&full()), FULL);
}

#[test]
fn structured_output_is_read_and_written() {
    let format = r#","output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}"#;
    let request =
        decode_request(with(r#"[{"role":"user","content":"hi"}]"#, format).as_bytes()).unwrap();
    assert_eq!(
        request.output,
        Output::JsonSchema {
            name: "output".into(),
            schema: r#"{"type":"object"}"#.into(),
            strict: true
        }
    );
    assert!(encoded(&request).contains(&format[1..]));
}

#[test]
fn what_the_tutorials_clients_send_is_taken() {
    // Two assistant messages in a row, string content, several system blocks, content blocks with
    // cache marks, and fields that are newer than this table.
    let body = with(
        r#"[{"role":"user","content":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}}]},{"role":"assistant","content":"b"},
            {"role":"assistant","content":"c"},{"role":"user","content":"d"}]"#,
        r#","system":[{"type":"text","text":"one"},{"type":"text","text":"two"}],"thinking":{"type":"adaptive"},"hitherto_unknown":[1]"#,
    );
    let request = decode_request(body.as_bytes()).unwrap();
    assert_eq!(request.system.as_deref(), Some("one\ntwo"));
    assert_eq!(
        request.messages.iter().map(|m| m.role).collect::<Vec<_>>(),
        [Role::User, Role::Assistant, Role::Assistant, Role::User]
    );
    let late = with(
        r#"[{"role":"user","content":"a"},{"role":"system","content":"late"}]"#,
        r#","system":"early""#,
    );
    assert_eq!(decode_request(late.as_bytes()).unwrap().system.as_deref(), Some("early\n\nlate"));
    let count = r#"{"model":"m","messages":[{"role":"user","content":"a"}]}"#;
    assert!(
        decode_count_request(count.as_bytes()).is_ok() && decode_request(count.as_bytes()).is_err()
    );
}

#[test]
fn each_fault_is_named_in_the_services_words() {
    let user = r#"[{"role":"user","content":"hi"}]"#;
    let cases = [
        ("{}".to_owned(), "model: Field required"),
        (r#"{"model":"m","messages":[]}"#.to_owned(), "max_tokens: Field required"),
        (r#"{"model":"m","max_tokens":9}"#.to_owned(), "messages: Field required"),
        (with("[]", ""), "messages: at least one message is required"),
        (with("{}", ""), "messages: Input should be a valid list"),
        (
            r#"{"model":"m","max_tokens":"9"}"#.to_owned(),
            "max_tokens: Input should be a valid integer",
        ),
        (
            r#"{"model":"m","max_tokens":-1,"messages":[]}"#.to_owned(),
            "max_tokens: Input should be greater than or equal to 0",
        ),
        (with(r#"[{"content":"hi"}]"#, ""), "messages.0.role: Field required"),
        (with(r#"[{"role":"user"}]"#, ""), "messages.0.content: Field required"),
        (
            with(r#"[{"role":"tool","content":"hi"}]"#, ""),
            "messages.0.role: Input should be 'user' or 'assistant'",
        ),
        (
            with(r#"[{"role":"user","content":5}]"#, ""),
            "messages.0.content: Input should be a valid string or list",
        ),
        (
            with(r#"[{"role":"user","content":[{"text":"x"}]}]"#, ""),
            "messages.0.content.0.type: Field required",
        ),
        (
            with(r#"[{"role":"user","content":""}]"#, ""),
            "messages.0: all messages must have non-empty content except for the optional final assistant message",
        ),
        (
            with(r#"[{"role":"user","content":[{"type":"text","text":""}]}]"#, ""),
            "messages.0.content.0: text content blocks must be non-empty",
        ),
        (
            with(r#"[{"role":"user","content":[{"type":"image","source":{}}]}]"#, ""),
            "messages.0.content.0.image.source.type: Field required",
        ),
        (with(user, r#","temperature":1.5"#), "temperature: range: 0..1"),
        (with(user, r#","top_p":-0.5"#), "top_p: range: 0..1"),
        (
            with(user, r#","tools":[{"name":"a b","input_schema":{}}]"#),
            "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'",
        ),
        (with(user, r#","tools":[{"name":"a"}]"#), "tools.0.custom.input_schema: Field required"),
        (
            with(user, r#","tools":[{"name":"a","input_schema":[]}]"#),
            "tools.0.input_schema: Input should be an object",
        ),
        (
            with(user, r#","tools":[{"type":"web_search_20250305","name":"a"}]"#),
            "tools.0: only custom tools are played here, found 'web_search_20250305'",
        ),
        (
            with(user, r#","tool_choice":{"type":"any"}"#),
            "tool_choice: may only be specified while providing `tools`",
        ),
        (
            with(
                user,
                r#","tools":[{"name":"a","input_schema":{}}],"tool_choice":{"type":"tool","name":"b"}"#,
            ),
            "tool_choice: Tool 'b' not found in provided tools",
        ),
        (
            with(user, r#","tool_choice":{"type":"required"}"#),
            "tool_choice.type: Input should be 'auto', 'any', 'tool' or 'none'",
        ),
        (
            with(user, r#","response_format":{"type":"json_object"}"#),
            "response_format: Extra inputs are not permitted",
        ),
        (with(user, r#","stream":"yes""#), "stream: Input should be a valid boolean"),
        (
            with(user, r#","metadata":{"user_id":5}"#),
            "metadata.user_id: Input should be a valid string",
        ),
    ];
    for (body, words) in cases {
        assert_eq!(message_of(&body), words, "{body}");
    }
    assert!(message_of("{\"model\"").starts_with("The request body is not valid JSON: "));
}

#[test]
fn tool_calls_and_results_must_pair() {
    let call =
        r#"{"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{}}]}"#;
    let result =
        r#"{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"ok"}]}"#;
    let user = r#"{"role":"user","content":"hi"}"#;
    let conversation = |turns: &[&str]| with(&format!("[{}]", turns.join(",")), "");
    assert!(decode_request(conversation(&[user, call, result]).as_bytes()).is_ok());
    // The turns of one role count as one.
    assert!(
        decode_request(
            conversation(&[user, call, r#"{"role":"assistant","content":"so"}"#, result, user])
                .as_bytes()
        )
        .is_ok()
    );
    let unasked = "unexpected `tool_use_id` found in `tool_result` blocks: t1. Each `tool_result` block must have a corresponding `tool_use` block in the previous message.";
    assert_eq!(
        message_of(&conversation(&[user, result])),
        format!("messages.1.content.0: {unasked}")
    );
    assert_eq!(
        message_of(&conversation(&[user, call, result, result])),
        format!("messages.3.content.0: {unasked}")
    );
    let open = "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1. Each `tool_use` block must have a corresponding `tool_result` block in the next message.";
    for turns in [
        &[user, call][..],
        &[user, call, user][..],
        &[user, call, user, r#"{"role":"assistant","content":"so"}"#, result][..],
    ] {
        assert_eq!(message_of(&conversation(turns)), open);
    }
    let late = r#"{"role":"user","content":[{"type":"text","text":"first"},{"type":"tool_result","tool_use_id":"t1"}]}"#;
    assert_eq!(message_of(&conversation(&[user, call, late])), open);
    assert!(
        message_of(&conversation(&[user, call, result, call]))
            .ends_with("`tool_use` ids must be unique")
    );
}

#[test]
fn what_is_to_be_cached_is_marked() {
    // By the documentation: at the root for the end of the conversation, at the system prompt for
    // what other conversations share.
    let mut request = ChatRequest::new("claude-sonnet-5-5");
    request.system = Some("Be brief.".into());
    request.max_tokens = Some(5);
    let sent = |request: &ChatRequest| {
        let mut body = Vec::new();
        encode_request(request, &mut body);
        String::from_utf8(body).unwrap()
    };
    let start = r#"{"model":"claude-sonnet-5-5","max_tokens":5,"system":"#;
    let root = r#","messages":[],"cache_control":{"type":"ephemeral"},"stream":false}"#;
    request.caching = Caching::Conversation;
    assert_eq!(sent(&request), format!(r#"{start}"Be brief."{root}"#));
    request.caching = Caching::Shared;
    let kept = r#"[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral"}}]"#;
    assert_eq!(sent(&request), format!("{start}{kept}{root}"));
    request.caching = Caching::Off;
    assert!(!sent(&request).contains("cache_control"));
}
