//! Mistral's shapes, order rules and errors against the documentation and reports.

use super::*;
use crate::llm::chat::{
    Block, ContentPart, Message, OfferedTool, Role, Stop, ToolChoice, ToolResult, ToolUse, Usage,
};

/// What langchain-mistralai sends for structured output, with a tool's result before it.
const FULL: &str = r#"{"model":"mistral-small-latest","messages":[{"role":"system","content":"Find personal data."},{"role":"user","content":"I am Ann."},{"role":"assistant","content":"","tool_calls":[{"id":"a1B2c3D4e","type":"function","function":{"name":"lookup","arguments":"{}"}}]},{"role":"tool","content":"ok","name":"lookup","tool_call_id":"a1B2c3D4e"}],"tools":[{"type":"function","function":{"name":"PIIDetectionResponse","description":"Result.","parameters":{"type":"object","properties":{}}}}],"tool_choice":"any","max_tokens":200,"temperature":0.0,"top_p":1.0,"random_seed":3,"metadata":{"user_id":"user_7"},"stream":false}"#;

fn full() -> ChatRequest {
    let text = |role, text: &str| Message { role, content: vec![ContentPart::Text(text.into())] };
    ChatRequest {
        system: Some("Find personal data.".into()),
        messages: vec![
            text(Role::User, "I am Ann."),
            Message {
                role: Role::Assistant,
                content: vec![ContentPart::ToolUse(ToolUse {
                    id: "a1B2c3D4e".into(),
                    name: "lookup".into(),
                    input: "{}".into(),
                })],
            },
            Message {
                role: Role::User,
                content: vec![ContentPart::ToolResult(ToolResult {
                    id: "a1B2c3D4e".into(),
                    content: "ok".into(),
                    is_error: false,
                })],
            },
        ],
        tools: vec![OfferedTool {
            name: "PIIDetectionResponse".into(),
            description: "Result.".into(),
            schema: r#"{"type":"object","properties":{}}"#.into(),
        }],
        tool_choice: ToolChoice::Any,
        max_tokens: Some(200),
        temperature: Some(0.0),
        top_p: Some(1.0),
        seed: Some(3),
        user: Some("user_7".into()),
        include_usage: true,
        ..ChatRequest::new("mistral-small-latest")
    }
}

fn answer(content: Vec<Block>, stop: Stop) -> ChatResponse {
    ChatResponse {
        logprobs: None,
        others: Vec::new(),
        id: "000000000000000000000000000000ab".into(),
        created: 1_760_000_000,
        model: "mistral-small-latest".into(),
        content,
        stop,
        usage: Usage::uncached(300, 60),
        refusal: None,
    }
}

fn call(id: &str) -> Block {
    Block::ToolUse(ToolUse {
        id: id.into(),
        name: "PIIDetectionResponse".into(),
        input: r#"{"detected":true}"#.into(),
    })
}

fn encoded(response: &ChatResponse) -> String {
    let mut out = Vec::new();
    encode_response(response, &mut out);
    String::from_utf8(out).unwrap()
}

fn reply_to(body: &str) -> (u16, String) {
    let reply = encode_error(&decode_request(body.as_bytes()).expect_err(body), "id");
    (reply.status, String::from_utf8(reply.body).unwrap())
}

#[test]
fn a_request_has_the_documented_shape_in_both_directions() {
    assert_eq!(decode_request(FULL.as_bytes()).unwrap(), full());
    let mut out = Vec::new();
    encode_request(&full(), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), FULL);
    // langchain-mistralai leaves out the type of a call; the vendor's own client may send the
    // arguments as an object.
    let lean = FULL.replace(
        r#""type":"function","function":{"name":"lookup","arguments":"{}"}"#,
        r#""function":{"name":"lookup","arguments":{}}"#,
    );
    assert_eq!(decode_request(lean.as_bytes()).unwrap(), full());
}

#[test]
fn an_answer_with_tool_calls_has_an_empty_text() {
    let expected = r#"{"id":"000000000000000000000000000000ab","object":"chat.completion","created":1760000000,"model":"mistral-small-latest","choices":[{"index":0,"message":{"role":"assistant","content":"","tool_calls":[{"id":"a1B2c3D4e","type":"function","function":{"name":"PIIDetectionResponse","arguments":"{\"detected\":true}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":300,"completion_tokens":60,"total_tokens":360}}"#;
    let response = answer(vec![call("a1B2c3D4e")], Stop::ToolUse);
    assert_eq!(encoded(&response), expected);
    assert_eq!(decode_response(expected.as_bytes()).unwrap(), response);
    let refused = ChatResponse { refusal: Some("No.".into()), ..answer(vec![], Stop::Refusal) };
    assert!(
        encoded(&refused)
            .contains(r#""message":{"role":"assistant","content":"No."},"finish_reason":"stop""#),
        "{}",
        encoded(&refused)
    );
    let broken = expected.replace(r#""finish_reason":"tool_calls""#, r#""finish_reason":"error""#);
    assert_eq!(decode_response(broken.as_bytes()).unwrap_err().kind, ErrorKind::Server);
}

#[test]
fn each_chunk_says_whether_it_is_the_last_and_the_last_tells_the_usage() {
    let head = r#""id":"000000000000000000000000000000ab","object":"chat.completion.chunk","created":1760000000,"model":"mistral-small-latest""#;
    let usage = r#","usage":{"prompt_tokens":300,"completion_tokens":60,"total_tokens":360}"#;
    let chunk = |delta: &str, finish: &str, usage: &str| {
        format!(
            "data: {{{head},\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]{usage}}}\n\n"
        )
    };
    let lines = |response: &ChatResponse| -> Vec<String> {
        encode_stream(response, Chunking::Words)
            .iter()
            .map(|frame| String::from_utf8(frame.to_vec()).unwrap())
            .collect()
    };
    assert_eq!(
        lines(&answer(vec![Block::Text("Hi there".into())], Stop::EndTurn)),
        [
            chunk(r#"{"role":"assistant","content":""}"#, "null", ""),
            chunk(r#"{"content":"Hi "}"#, "null", ""),
            chunk(r#"{"content":"there"}"#, "null", ""),
            chunk(r#"{"content":""}"#, "\"stop\"", usage),
            "data: [DONE]\n\n".to_owned(),
        ]
    );
    let calls = r#"{"content":"","tool_calls":[{"index":0,"id":"a1B2c3D4e","type":"function","function":{"name":"PIIDetectionResponse","arguments":"{\"detected\":true}"}}]}"#;
    assert_eq!(
        lines(&answer(vec![call("a1B2c3D4e")], Stop::ToolUse))[1],
        chunk(calls, "\"tool_calls\"", usage)
    );
}

#[test]
fn fields_are_validated_with_a_422_that_names_them() {
    let user = r#"{"role":"user","content":"hi"}"#;
    let with =
        |messages: &str, more: &str| format!(r#"{{"model":"m","messages":[{messages}]{more}}}"#);
    for (body, detail) in [
        (
            r#"{"messages":[]}"#.to_owned(),
            r#"{"type":"missing","loc":["body","model"],"msg":"Field required"}"#,
        ),
        (
            r#"{"model":"m"}"#.to_owned(),
            r#"{"type":"missing","loc":["body","messages"],"msg":"Field required"}"#,
        ),
        (
            with(r#"{"role":5}"#, ""),
            r#"{"type":"string_type","loc":["body","messages",0,"role"],"msg":"Input should be a valid string"}"#,
        ),
        (
            with(r#"{"role":"developer","content":"x"}"#, ""),
            r#"{"type":"literal_error","loc":["body","messages",0,"role"],"msg":"Input should be 'system', 'user', 'assistant' or 'tool'"}"#,
        ),
        (
            with(user, r#","max_tokens":-1"#),
            r#"{"type":"greater_than_equal","loc":["body","max_tokens"],"msg":"Input should be greater than or equal to 0"}"#,
        ),
        (
            with(user, r#","temperature":2"#),
            r#"{"type":"less_than_equal","loc":["body","temperature"],"msg":"Input should be less than or equal to 1.5"}"#,
        ),
        (
            with(user, r#","max_completion_tokens":9"#),
            r#"{"type":"extra_forbidden","loc":["body","max_completion_tokens"],"msg":"Extra inputs are not permitted"}"#,
        ),
        (
            with(user, r#","store":false"#),
            r#"{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted"}"#,
        ),
        (
            with(user, r#","tools":[{"function":{"name":"f"}}]"#),
            r#"{"type":"missing","loc":["body","tools",0,"function","parameters"],"msg":"Field required"}"#,
        ),
    ] {
        assert_eq!(reply_to(&body), (422, format!("{{\"detail\":[{detail}]}}")), "{body}");
    }
    assert!(
        decode_request(with(user, r#","safe_prompt":true,"stream_options":{},"hitherto_unknown":1,"tool_choice":"auto""#).as_bytes())
            .is_ok()
    );
}

#[test]
fn the_order_of_messages_is_that_of_mistral_common() {
    let system = r#"{"role":"system","content":"s"}"#;
    let user = r#"{"role":"user","content":"hi"}"#;
    let said = r#"{"role":"assistant","content":"so"}"#;
    let calls = r#"{"role":"assistant","tool_calls":[{"id":"abcdefgh1","function":{"name":"f","arguments":"{}"}}]}"#;
    let result = r#"{"role":"tool","tool_call_id":"abcdefgh1","content":"ok"}"#;
    let conversation =
        |turns: &[&str]| format!(r#"{{"model":"m","messages":[{}]}}"#, turns.join(","));
    for turns in [
        &[system, user][..],
        &[user, user],
        &[user, calls, result],
        &[user, calls, result, said, user],
        &[said, user],
        &[system],
    ] {
        assert!(decode_request(conversation(turns).as_bytes()).is_ok(), "{turns:?}");
    }
    let prefix = said.replace('}', r#","prefix":true}"#);
    assert!(decode_request(conversation(&[user, &prefix]).as_bytes()).is_ok());
    for (turns, kind, code, words) in [
        (
            &[user, said][..],
            "invalid_request_message_order",
            "3230",
            "Expected last role User or Tool (or Assistant with prefix True) for serving but got assistant",
        ),
        (
            &[user, calls, result, user],
            "invalid_request_message_order",
            "3230",
            "Unexpected role 'user' after role 'tool'",
        ),
        (
            &[user, result],
            "invalid_request_message_order",
            "3230",
            "Unexpected role 'tool' after role 'user'",
        ),
        (
            &[said],
            "invalid_request_message_order",
            "3230",
            "Conversation must start with a user message or system message",
        ),
        (
            &[user, calls, user],
            "invalid_request_message_order",
            "3230",
            "Not the same number of function calls and responses",
        ),
        (
            &[],
            "invalid_request_message_order",
            "3230",
            "Conversation must have at least one message",
        ),
    ] {
        let expected = format!(
            r#"{{"object":"error","message":"{words}","type":"{kind}","param":null,"code":"{code}","raw_status_code":400}}"#
        );
        assert_eq!(reply_to(&conversation(turns)), (400, expected));
    }
    let foreign = conversation(&[user, calls, result]).replace("abcdefgh1", "call_0fypS1hVX");
    let words = "Tool call id was call_0fypS1hVX but must be a-z, A-Z, 0-9, with a length of 9.";
    let expected = format!(
        r#"{{"object":"error","message":"{words}","type":"invalid_function_call","param":null,"code":"3280","raw_status_code":400}}"#
    );
    assert_eq!(reply_to(&foreign), (400, expected));
}

#[test]
fn errors_are_read_in_every_form_that_was_seen() {
    let none = Headers { pairs: &[], received_us: 0 };
    for (status, body, kind, words) in [
        (
            429,
            r#"{"object":"error","message":"Rate limit exceeded","type":"rate_limited","param":null,"code":"1300","raw_status_code":429}"#,
            ErrorKind::RateLimited,
            "Rate limit exceeded",
        ),
        (
            429,
            r#"{"message":"Requests rate limit exceeded"}"#,
            ErrorKind::RateLimited,
            "Requests rate limit exceeded",
        ),
        (401, r#"{"detail":"Unauthorized"}"#, ErrorKind::Authentication, "Unauthorized"),
        (
            401,
            r#"{"message":"Unauthorized","request_id":"x"}"#,
            ErrorKind::Authentication,
            "Unauthorized",
        ),
        (
            422,
            r#"{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required"}]}"#,
            ErrorKind::BadRequest,
            "Field required",
        ),
        (
            422,
            r#"{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","n"],"msg":"Extra inputs are not permitted","input":1}]},"type":"invalid_request_error","param":null,"code":null}"#,
            ErrorKind::BadRequest,
            "Extra inputs are not permitted",
        ),
        (
            400,
            r#"{"object":"error","message":"Invalid model: x","type":"invalid_model","param":null,"code":"1500"}"#,
            ErrorKind::NotFound,
            "Invalid model: x",
        ),
        (500, "oops", ErrorKind::Server, "HTTP status 500: oops"),
    ] {
        let error = decode_error(status, &none, body.as_bytes());
        assert_eq!((error.kind, error.message.as_str()), (kind, words), "{body}");
    }
    let invalid = decode_error(422, &none, br#"{"detail":[{"type":"missing","loc":["body","messages",0,"role"],"msg":"Field required"}]}"#);
    assert_eq!(
        (invalid.field.as_deref(), invalid.to_string().as_str()),
        (Some("messages.0.role"), "messages.0.role: Field required")
    );
    let path = encode_unknown_path(&ChatError::new(ErrorKind::NotFound, "Invalid URL (GET /v1/x)"));
    assert_eq!(
        (path.status, &path.body[..]),
        (404, &br#"{"message":"Invalid URL (GET /v1/x)"}"#[..])
    );
    let error = decode_error(path.status, &none, &path.body);
    assert_eq!((error.kind, &error.message[..]), (ErrorKind::NotFound, "Invalid URL (GET /v1/x)"));
    assert_eq!(
        encode_error(&ChatError::new(ErrorKind::Authentication, "x"), "i").body,
        br#"{"detail":"Unauthorized"}"#
    );
}
