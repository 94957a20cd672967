//! OpenAI's shapes, chunks and errors against the documentation.

use super::*;
use crate::llm::chat::{
    Block, ContentPart, Message, OfferedTool, Output, Role, Stop, ToolChoice, ToolResult, ToolUse,
    Usage,
};
use crate::time::Duration;

const FULL: &str = r#"{"model":"gpt-4o","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"What is q-learning?"},{"role":"assistant","content":null,"tool_calls":[{"id":"call_abc123","type":"function","function":{"name":"search_v1","arguments":"{\"query\": \"q-learning\"}"}}]},{"role":"tool","content":"found it","tool_call_id":"call_abc123"}],"tools":[{"type":"function","function":{"name":"search_v1","description":"Searches.","parameters":{"type":"object","properties":{},"required":[]}}}],"tool_choice":{"type":"function","function":{"name":"search_v1"}},"parallel_tool_calls":false,"response_format":{"type":"json_schema","json_schema":{"name":"PIIPreScreening","strict":true,"schema":{"type":"object","additionalProperties":false}}},"max_completion_tokens":500,"temperature":0.5,"top_p":0.9,"stop":["END"],"seed":7,"user":"user_7","stream":true,"stream_options":{"include_usage":true}}"#;

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
                content: vec![ContentPart::ToolUse(ToolUse {
                    id: "call_abc123".into(),
                    name: "search_v1".into(),
                    input: r#"{"query": "q-learning"}"#.into(),
                })],
            },
            Message {
                role: Role::User,
                content: vec![ContentPart::ToolResult(ToolResult {
                    id: "call_abc123".into(),
                    content: "found it".into(),
                    is_error: false,
                })],
            },
        ],
        tools: vec![OfferedTool {
            name: "search_v1".into(),
            description: "Searches.".into(),
            schema: r#"{"type":"object","properties":{},"required":[]}"#.into(),
        }],
        tool_choice: ToolChoice::Named("search_v1".into()),
        parallel_tools: false,
        output: Output::JsonSchema {
            name: "PIIPreScreening".into(),
            schema: r#"{"type":"object","additionalProperties":false}"#.into(),
            strict: true,
        },
        max_tokens: Some(500),
        temperature: Some(0.5),
        top_p: Some(0.9),
        stop: vec!["END".into()],
        seed: Some(7),
        user: Some("user_7".into()),
        stream: true,
        include_usage: true,
        ..ChatRequest::new("gpt-4o")
    }
}

fn answer(content: Vec<Block>, stop: Stop) -> ChatResponse {
    ChatResponse {
        logprobs: None,
        others: Vec::new(),
        id: "chatcmpl-1".into(),
        created: 1_760_000_000,
        model: "gpt-4o-2024-08-06".into(),
        content,
        stop,
        usage: Usage::uncached(812, 95),
        refusal: None,
    }
}

fn call(n: u8) -> Block {
    Block::ToolUse(ToolUse {
        id: format!("call_{n}"),
        name: "search_v1".into(),
        input: format!("{{\"n\": {n}}}"),
    })
}

fn encoded(response: &ChatResponse) -> String {
    let mut out = Vec::new();
    encode_response(response, &mut out);
    String::from_utf8(out).unwrap()
}

/// A small valid request with these messages and `more` at its top level.
fn with(messages: &str, more: &str) -> String {
    format!(r#"{{"model":"m","messages":{messages}{more}}}"#)
}

fn refusal_of(body: &str) -> ChatError {
    let error = decode_request(body.as_bytes()).expect_err(body);
    assert_eq!(error.kind, ErrorKind::BadRequest);
    error
}

#[test]
fn a_request_has_the_documented_shape_in_both_directions() {
    assert_eq!(decode_request(FULL.as_bytes()).unwrap(), full());
    let mut out = Vec::new();
    encode_request(&full(), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), FULL);
}

#[test]
fn what_the_clients_send_is_taken() {
    // A developer's message, parts, several results in a row, nulls, and fields that are newer than
    // this table.
    let body = with(
        r#"[{"role":"developer","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
            {"role":"user","content":[{"type":"text","text":"c"},{"type":"text","text":"d"}],"name":"ann"},
            {"role":"assistant","content":"","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"not json"}},{"id":"2","type":"function","function":{"name":"g","arguments":""}}]},
            {"role":"tool","tool_call_id":"2","content":"y"},{"role":"tool","tool_call_id":"1","content":[{"type":"text","text":"x"}]},
            {"role":"user","content":"e"},{"role":"user","content":"f"}]"#,
        r#","temperature":null,"max_tokens":12,"stop":"END","reasoning_effort":"low","hitherto_unknown":{"a":[1]},"n":1"#,
    );
    let request = decode_request(body.as_bytes()).unwrap();
    assert_eq!(request.system.as_deref(), Some("a\nb"));
    assert_eq!((request.max_tokens, &request.stop[..]), (Some(12), &["END".to_owned()][..]));
    let shape: Vec<(Role, usize)> =
        request.messages.iter().map(|m| (m.role, m.content.len())).collect();
    assert_eq!(
        shape,
        [(Role::User, 2), (Role::Assistant, 2), (Role::User, 2), (Role::User, 1), (Role::User, 1)]
    );
}

#[test]
fn each_fault_is_named_in_the_services_words() {
    let user = r#"[{"role":"user","content":"hi"}]"#;
    let cases: [(String, Option<&str>, Option<&str>, &str); 24] = [
        ("{}".into(), Some("model"), None, "you must provide a model parameter"),
        (
            r#"{"model":"m"}"#.into(),
            Some("messages"),
            Some("missing_required_parameter"),
            "Missing required parameter: 'messages'.",
        ),
        (
            with("[]", ""),
            Some("messages"),
            Some("empty_array"),
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (
            with("\"hi\"", ""),
            Some("messages"),
            Some("invalid_type"),
            "Invalid type for 'messages': expected an array, but got a string instead.",
        ),
        (
            with(r#"[{"content":"hi"}]"#, ""),
            Some("messages[0].role"),
            Some("missing_required_parameter"),
            "Missing required parameter: 'messages[0].role'.",
        ),
        (
            with(r#"[{"role":"user"}]"#, ""),
            Some("messages[0].content"),
            Some("missing_required_parameter"),
            "Missing required parameter: 'messages[0].content'.",
        ),
        (
            with(r#"[{"role":"user","content":5}]"#, ""),
            Some("messages[0].content"),
            Some("invalid_type"),
            "Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer instead.",
        ),
        (
            with(r#"[{"role":"ai","content":"x"}]"#, ""),
            Some("messages[0].role"),
            Some("invalid_value"),
            "Invalid value: 'ai'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.",
        ),
        (
            with(r#"[{"role":"function","name":"f","content":"x"}]"#, ""),
            Some("messages[0].role"),
            Some("unsupported_value"),
            "messages with role 'function' are deprecated and not played here: use role 'tool' instead",
        ),
        (
            with(r#"[{"role":"assistant","content":null}]"#, ""),
            Some("messages[0].content"),
            Some("invalid_value"),
            "Invalid value for 'content': expected a string, got null.",
        ),
        (
            with(r#"[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]"#, ""),
            Some("messages[0].content[0].image_url.url"),
            Some("missing_required_parameter"),
            "Missing required parameter: 'messages[0].content[0].image_url.url'.",
        ),
        (
            with(user, r#","max_tokens":-1"#),
            Some("max_tokens"),
            Some("integer_below_min_value"),
            "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got -1 instead.",
        ),
        (
            with(user, r#","max_tokens":1,"max_completion_tokens":1"#),
            Some("max_tokens"),
            Some("invalid_parameter_combination"),
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        ),
        (
            with(user, r#","temperature":3"#),
            Some("temperature"),
            Some("decimal_above_max_value"),
            "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead.",
        ),
        (
            with(user, r#","temperature":"hot""#),
            Some("temperature"),
            Some("invalid_type"),
            "Invalid type for 'temperature': expected a decimal, but got a string instead.",
        ),
        (
            with(user, r#","n":129"#),
            Some("n"),
            Some("integer_above_max_value"),
            "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead.",
        ),
        (
            with(user, r#","functions":[]"#),
            Some("functions"),
            Some("unsupported_parameter"),
            "'functions' is deprecated and not played here: use 'tools' instead",
        ),
        (
            with(user, r#","top_k":5"#),
            Some("top_k"),
            None,
            "Unrecognized request argument supplied: top_k",
        ),
        (
            with(user, r#","tool_choice":"auto""#),
            Some("tool_choice"),
            None,
            "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.",
        ),
        (
            with(user, r#","tools":[{"type":"function","function":{"name":"a b"}}]"#),
            Some("tools[0].function.name"),
            Some("invalid_value"),
            "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.",
        ),
        (
            with(user, r#","tools":[{"type":"function","function":{"name":"a","parameters":[]}}]"#),
            Some("tools[0].function.parameters"),
            Some("invalid_type"),
            "Invalid type for 'tools[0].function.parameters': expected an object, but got an array instead.",
        ),
        (
            with(user, r#","response_format":{"type":"json_object"}"#),
            Some("messages"),
            None,
            "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.",
        ),
        (
            with(user, r#","response_format":{"type":"json_schema","json_schema":{"schema":{}}}"#),
            Some("response_format.json_schema.name"),
            Some("missing_required_parameter"),
            "Missing required parameter: 'response_format.json_schema.name'.",
        ),
        (
            with(user, r#","stream_options":{"include_usage":true}"#),
            Some("stream_options"),
            None,
            "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
        ),
    ];
    for (body, field, code, words) in cases {
        let error = refusal_of(&body);
        assert_eq!((error.message.as_str(), error.code.as_deref()), (words, code), "{body}");
        let reply = encode_error(&error, "req_1");
        let value: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, value["error"]["param"].as_str()), (400, field));
        assert_eq!(value["error"]["type"], "invalid_request_error");
        // The live client gets back what the server meant.
        assert_eq!(decode_error(400, &Headers { pairs: &[], received_us: 0 }, &reply.body), error);
    }
    assert!(
        refusal_of("{").message.starts_with("We could not parse the JSON body of your request.")
    );
}

#[test]
fn tool_calls_and_results_must_pair() {
    let calls = r#"{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
    let result = r#"{"role":"tool","tool_call_id":"c1","content":"ok"}"#;
    let user = r#"{"role":"user","content":"hi"}"#;
    let conversation = |turns: &[&str]| with(&format!("[{}]", turns.join(",")), "");
    assert!(decode_request(conversation(&[user, calls, result, user]).as_bytes()).is_ok());
    let stray = "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
    for turns in [&[user, result][..], &[user, calls, result, result], &[result]] {
        assert_eq!(refusal_of(&conversation(turns)).message, stray);
    }
    for turns in [&[user, calls][..], &[user, calls, user], &[calls, user, result]] {
        let message = refusal_of(&conversation(turns)).message;
        assert!(
            message.ends_with("The following tool_call_ids did not have response messages: c1"),
            "{message}"
        );
    }
    let object = calls.replace(r#""{}""#, "{}");
    assert_eq!(
        refusal_of(&conversation(&[user, &object])).field.as_deref(),
        Some("messages.1.tool_calls.0.function.arguments")
    );
}

#[test]
fn an_answer_has_the_documented_shape() {
    let text = answer(vec![Block::Text("Hi \"there\"".into())], Stop::EndTurn);
    let expected = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"Hi \"there\"","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":812,"completion_tokens":95,"total_tokens":907,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":"fp_simlab"}"#;
    assert_eq!(encoded(&text), expected);
    assert_eq!(decode_response(expected.as_bytes()).unwrap(), text);
    let tools = answer(vec![call(1)], Stop::ToolUse);
    let message = r#""message":{"role":"assistant","content":null,"tool_calls":[{"id":"call_1","type":"function","function":{"name":"search_v1","arguments":"{\"n\": 1}"}}],"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"tool_calls""#;
    assert!(encoded(&tools).contains(message), "{}", encoded(&tools));
    let refused = ChatResponse { refusal: Some("No.".into()), ..answer(vec![], Stop::Refusal) };
    assert!(
        encoded(&refused).contains(r#""content":null,"refusal":"No.""#),
        "{}",
        encoded(&refused)
    );
    for response in [
        tools,
        refused,
        answer(vec![], Stop::ContentFilter),
        answer(vec![Block::Text("a".into()), call(1), call(2)], Stop::MaxTokens),
    ] {
        assert_eq!(decode_response(encoded(&response).as_bytes()).unwrap(), response);
    }
}

#[test]
fn an_answer_of_a_leaner_server_is_read() {
    let body = r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[]},{"type":"text","text":"yes"}],"tool_calls":null},"finish_reason":"model_length"}],"usage":{"prompt_tokens":1,"completion_tokens":99999999999}}"#;
    let response = decode_response(body.as_bytes()).unwrap();
    assert_eq!(
        (response.text().as_str(), &response.stop, response.usage),
        ("yes", &Stop::MaxTokens, Usage::uncached(1, u32::MAX))
    );
    let forced = r#"{"choices":[{"message":{"tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]},"finish_reason":"stop"}],"usage":{}}"#;
    let response = decode_response(forced.as_bytes()).unwrap();
    assert_eq!(
        (response.tool_uses().next().unwrap().input.as_str(), &response.stop),
        (r#"{"a":1}"#, &Stop::ToolUse)
    );
    for (body, word) in [
        ("{}", "usage"),
        (r#"{"usage":{}}"#, "choices"),
        (r#"{"usage":{},"choices":[{}]}"#, "choices.0.message"),
        (r#"{"usage":{},"choices":[{"message":{"content":5}}]}"#, "choices[0].message.content"),
        (
            r#"{"usage":{},"choices":[{"message":{"tool_calls":[{"function":{"name":"f"}}]}}]}"#,
            "tool_calls.0.function.arguments",
        ),
    ] {
        let error = decode_response(body.as_bytes()).unwrap_err();
        assert!(error.kind == ErrorKind::Malformed && error.message.contains(word), "{error}");
    }
}

#[test]
fn the_chunks_are_those_of_the_documentation() {
    let response = answer(vec![Block::Text("Hi there".into()), call(1)], Stop::ToolUse);
    let frames = encode_stream(&response, Chunking::Words, true);
    let lines: Vec<String> =
        frames.iter().map(|frame| String::from_utf8(frame.to_vec()).unwrap()).collect();
    let head = r#""id":"chatcmpl-1","object":"chat.completion.chunk","created":1760000000,"model":"gpt-4o-2024-08-06","service_tier":"default","system_fingerprint":"fp_simlab""#;
    let chunk = |delta: &str, finish: &str| {
        format!(
            "data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{delta},\"logprobs\":null,\"finish_reason\":{finish}}}],\"usage\":null}}\n\n"
        )
    };
    let expected = [
        chunk(r#"{"role":"assistant","content":"","refusal":null}"#, "null"),
        chunk(r#"{"content":"Hi "}"#, "null"),
        chunk(r#"{"content":"there"}"#, "null"),
        chunk(
            r#"{"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"search_v1","arguments":""}}]}"#,
            "null",
        ),
        chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"n\": "}}]}"#, "null"),
        chunk(r#"{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]}"#, "null"),
        chunk("{}", "\"tool_calls\""),
        format!(
            "data: {{{head},\"choices\":[],\"usage\":{{\"prompt_tokens\":812,\"completion_tokens\":95,\"total_tokens\":907,\"prompt_tokens_details\":{{\"cached_tokens\":0,\"audio_tokens\":0}},\"completion_tokens_details\":{{\"reasoning_tokens\":0,\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}}}}}}\n\n"
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(lines, expected);
    // Nobody asked: no usage anywhere, not even null.
    let silent =
        String::from_utf8(encode_stream(&response, Chunking::Whole, false).into_bytes()).unwrap();
    assert!(!silent.contains("usage") && silent.ends_with("data: [DONE]\n\n"));
}

#[test]
fn errors_are_sent_and_read_as_documented() {
    let none = Headers { pairs: &[], received_us: 0 };
    let limited = ChatError {
        retry_after: Some(Duration::from_us(1_500_000)),
        ..ChatError::new(ErrorKind::RateLimited, "Rate limit reached")
    };
    let reply = encode_error(&limited, "req_1");
    assert_eq!(
        std::str::from_utf8(&reply.body).unwrap(),
        r#"{"error":{"message":"Rate limit reached","type":"requests","param":null,"code":"rate_limit_exceeded"}}"#
    );
    assert!(
        reply.headers.contains(&("retry-after", "2".into()))
            && reply.headers.contains(&("retry-after-ms", "1500".into()))
    );
    for (status, body, kind) in [
        (
            401,
            r#"{"error":{"message":"Incorrect API key provided","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}"#,
            ErrorKind::Authentication,
        ),
        (
            404,
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            ErrorKind::NotFound,
        ),
        (
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            ErrorKind::OutOfCredit,
        ),
        (
            500,
            r#"{"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}"#,
            ErrorKind::Server,
        ),
        (503, "slow down", ErrorKind::Overloaded),
        (400, r#"{"error":"plain words"}"#, ErrorKind::BadRequest),
        (413, "", ErrorKind::TooLarge),
    ] {
        assert_eq!(decode_error(status, &none, body.as_bytes()).kind, kind, "{body}");
    }
    assert_eq!(decode_error(400, &none, br#"{"error":"plain words"}"#).message, "plain words");
    assert!(
        authenticate(&Headers { pairs: &[("Authorization", "bearer k")], received_us: 0 }).is_ok()
    );
    assert_eq!(authenticate(&none).unwrap_err().kind, ErrorKind::Authentication);
}

#[test]
fn cached_tokens_are_part_of_the_prompt() {
    let body = r#"{"choices":[{"message":{"content":"yes"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3000,"completion_tokens":4,"prompt_tokens_details":{"cached_tokens":2048,"cache_write_tokens":900}}}"#;
    let usage = decode_response(body.as_bytes()).unwrap().usage;
    let cached = crate::llm::chat::Cached { read: 2048, written: 900 };
    assert_eq!(usage, Usage { input: 3000, output: 4, reasoning: 0, cached });
}
