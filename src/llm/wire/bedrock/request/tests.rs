//! Requests as Bedrock documents them, read and written.

use serde_json::{Value, json};

use crate::llm::chat::*;
use crate::llm::wire::bedrock::BEDROCK;

const NOVA: &str = "amazon.nova-pro-v1:0";

fn ask(model: &str, body: &Value) -> Result<ChatRequest, ChatError> {
    let target = BEDROCK.target(&ChatRequest::new(model));
    BEDROCK.decode_request_to(&target, &serde_json::to_vec(body).unwrap())
}

fn said(text: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": [{ "text": text }] }] })
}

fn with(name: &str, value: Value) -> Value {
    let mut body = said("hi");
    body[name] = value;
    body
}

#[test]
fn a_request_of_the_vendors_client_is_read() {
    // As boto3 1.44.8 sends the documentation's example of a tool.
    let body = json!({
        "messages": [
            { "role": "user", "content": [{ "text": "What is the most popular song on WZPZ?" }] },
            { "role": "assistant", "content": [{ "toolUse": { "toolUseId": "tooluse_1", "name": "top_song", "input": { "sign": "WZPZ" } } }] },
            { "role": "user", "content": [{ "toolResult": { "toolUseId": "tooluse_1", "content": [{ "json": { "song": "Elemental Hotel" } }], "status": "success" } }] } ],
        "system": [{ "text": "Be brief." }, { "cachePoint": { "type": "default" } }],
        "inferenceConfig": { "maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"] },
        "toolConfig": { "tools": [{ "toolSpec": { "name": "top_song", "description": "d", "inputSchema": { "json": { "type": "object" } } } }], "toolChoice": { "any": {} } },
        "additionalModelRequestFields": { "top_k": 200 } });
    let request = ask(NOVA, &body).unwrap();
    assert_eq!((request.model.as_str(), request.system.as_deref()), (NOVA, Some("Be brief.")));
    assert_eq!((request.tools.len(), &request.tool_choice), (1, &ToolChoice::Any));
    assert_eq!((request.max_tokens, request.stop.as_slice()), (Some(100), &["END".to_owned()][..]));
    let ContentPart::ToolResult(result) = &request.messages[2].content[0] else { panic!() };
    assert_eq!(result.content, r#"{"song":"Elemental Hotel"}"#);
    let typed = with(
        "outputConfig",
        json!({ "textFormat": { "type": "json_schema", "structure": { "jsonSchema": { "schema": "{\"type\":\"object\"}", "name": "s" } } } }),
    );
    assert!(
        matches!(ask(NOVA, &typed).unwrap().output, Output::JsonSchema { name, .. } if name == "s")
    );
}

#[test]
fn what_makes_no_conversation_is_refused_in_the_services_words() {
    let messages = |all: Value| json!({ "messages": all });
    let turn = |role: &str, block: Value| json!({ "role": role, "content": [block] });
    let call =
        turn("assistant", json!({ "toolUse": { "toolUseId": "t1", "name": "f", "input": {} } }));
    let result =
        turn("user", json!({ "toolResult": { "toolUseId": "t1", "content": [{ "text": "x" }] } }));
    let hi = turn("user", json!({ "text": "hi" }));
    for (body, words) in [
        (json!({}), "must start with a user message"),
        (
            messages(json!([turn("assistant", json!({ "text": "a" }))])),
            "must start with a user message",
        ),
        (messages(json!([hi, hi])), "must alternate between user and assistant roles"),
        (messages(json!([turn("user", json!({ "text": " " }))])), "messages.0.content.0 is blank"),
        (
            messages(json!([hi, call, hi])),
            "Expected toolResult blocks at messages.2.content for the following Ids: t1",
        ),
        (
            messages(json!([hi, turn("assistant", json!({ "text": "a" })), result])),
            "exceeds the number of toolUse blocks of previous turn",
        ),
        (messages(json!([hi, call, result])), "The toolConfig field must be defined"),
        (messages(json!([turn("user", json!({}))])), "no known type"),
        (
            messages(json!([turn("clown", json!({ "text": "a" }))])),
            "enum value set: [user, assistant, system]",
        ),
        (with("inferenceConfig", json!({ "temperature": 1.5 })), "less than or equal to 1"),
        (with("inferenceConfig", json!({ "maxTokens": 0 })), "greater than or equal to 1"),
        (
            with("inferenceConfig", json!({ "maxTokens": 10_001 })),
            "exceeds the model limit of 10000",
        ),
        (with("toolConfig", json!({ "tools": [] })), "length greater than or equal to 1"),
        (
            with("toolConfig", json!({ "tools": [{ "toolSpec": { "name": "a b" } }] })),
            "[a-zA-Z0-9_-]",
        ),
        (with("system", json!("hi")), "Expected an array at 'system', found a string"),
    ] {
        let error = ask(NOVA, &body).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BadRequest);
        assert!(error.message.contains(words), "{body}: {error}");
    }
}

#[test]
fn each_model_refuses_what_it_does_not_take() {
    let forced = with(
        "toolConfig",
        json!({ "tools": [{ "toolSpec": { "name": "f", "inputSchema": { "json": {} } } }], "toolChoice": { "any": {} } }),
    );
    assert!(ask(NOVA, &forced).is_ok());
    let words = ask("meta.llama3-3-70b-instruct-v1:0", &forced).unwrap_err().message;
    assert!(words.contains("doesn't support the toolConfig.toolChoice.any field"), "{words}");
    let warm = with("inferenceConfig", json!({ "temperature": 0.5 }));
    assert!(ask("us.anthropic.claude-haiku-4-5-20251001-v1:0", &warm).is_ok());
    let words = ask("us.anthropic.claude-opus-5", &warm).unwrap_err().message;
    assert!(words.contains("`temperature` is deprecated for this model"), "{words}");
}

#[test]
fn images_and_documents_are_counted() {
    // A picture of one pixel, and a text in a document.
    let pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    let mut body = said("hi");
    let blocks = body["messages"][0]["content"].as_array_mut().unwrap();
    blocks.push(json!({ "image": { "format": "png", "source": { "bytes": pixel } } }));
    blocks.push(json!({ "document": { "format": "txt", "name": "d", "source": { "text": "one two three" } } }));
    let request = ask(NOVA, &body).unwrap();
    assert_eq!((request.media_tokens, request.messages[0].content.len()), (1 + 3, 1));
    body["messages"][0]["content"][1]["image"]["format"] = json!("bmp");
    assert!(
        ask(NOVA, &body).unwrap_err().message.contains("enum value set: [png, jpeg, gif, webp]")
    );
}
