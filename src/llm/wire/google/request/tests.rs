//! Requests that the service takes and refuses.

use serde_json::{Value, json};

use crate::llm::chat::{ChatError, ChatRequest, ContentPart, Output, ToolChoice};
use crate::llm::wire::google::GOOGLE;

fn read(model: &str, body: &Value) -> Result<ChatRequest, ChatError> {
    let target = format!("/v1beta/models/{model}:generateContent");
    GOOGLE.decode_request_to(&target, &serde_json::to_vec(body).unwrap())
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "parts": [{ "text": text }] })
}

fn with(more: &Value) -> Value {
    let mut body = json!({ "contents": [user("hi")] });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn names_are_taken_in_either_case() {
    // The first as google-genai 3.6.1 sends it, mixed; the second in snake case throughout.
    let mixed = with(
        &json!({ "systemInstruction": { "parts": [{ "text": "be brief" }], "role": "user" },
        "generationConfig": { "maxOutputTokens": 50, "stopSequences": ["x"], "seed": 3, "topP": 0.5, "thinkingConfig": { "include_thoughts": true, "thinking_level": "LOW" } },
        "tools": [{ "functionDeclarations": [{ "name": "f", "description": "d", "parameters_json_schema": { "type": "object" } }] }],
        "toolConfig": { "functionCallingConfig": { "mode": "ANY", "allowedFunctionNames": ["f"] } } }),
    );
    let snake = with(&json!({ "system_instruction": { "parts": [{ "text": "be brief" }] },
        "generation_config": { "max_output_tokens": 50, "stop_sequences": ["x"], "seed": 3, "top_p": 0.5, "thinking_config": { "thinking_budget": 100 } },
        "tools": [{ "function_declarations": [{ "name": "f", "description": "d", "parameters": { "type": "OBJECT" } }] }],
        "tool_config": { "function_calling_config": { "mode": "ANY", "allowed_function_names": ["f"] } },
        "safety_settings": [], "labels": { "unknown": "field" } }));
    let [mixed, snake] = [mixed, snake].map(|body| read("gemini-3.5-flash", &body).unwrap());
    assert_eq!(mixed, snake);
    assert_eq!(mixed.tool_choice, ToolChoice::Named("f".into()));
    assert_eq!((mixed.max_tokens, mixed.seed, mixed.top_p), (Some(50), Some(3), Some(0.5)));
    assert_eq!(mixed.system.as_deref(), Some("be brief"));
}

#[test]
fn what_is_refused_is_refused_in_the_services_words() {
    let tool = json!([{ "functionDeclarations": [{ "name": "f" }] }]);
    let config = |more: Value| json!({ "generationConfig": more });
    let calling = |mode: &str, names: Value| json!({ "tools": tool, "toolConfig": { "functionCallingConfig": { "mode": mode, "allowedFunctionNames": names } } });
    // Model, what is sent, and words of the refusal; none: it is taken.
    let cases = [
        ("gemini-2.5-pro", json!({ "contents": [] }), "contents is not specified"),
        (
            "gemini-2.5-pro",
            json!({ "contents": [{ "role": "user", "parts": [] }] }),
            "must not be empty",
        ),
        (
            "gemini-2.5-pro",
            json!({ "contents": [{ "parts": [{}] }] }),
            "must have one initialized field",
        ),
        (
            "gemini-2.5-pro",
            json!({ "contents": [{ "parts": [{ "text": 5 }] }] }),
            "Invalid value at 'contents[0].parts[0].text' (TYPE_STRING)",
        ),
        (
            "gemini-2.5-pro",
            json!({ "contents": [{ "role": "system", "parts": [{ "text": "x" }] }] }),
            "Please use a valid role: user, model.",
        ),
        (
            "gemini-2.5-pro",
            json!({ "contents": [{ "parts": [{ "inlineData": { "mimeType": "image/png", "data": "" } }, { "text": "what is it?" }] }] }),
            "",
        ),
        (
            "gemini-2.5-pro",
            config(json!({ "temperature": 2.5 })),
            "generation_config.temperature must be at most 2",
        ),
        (
            "gemini-2.5-pro",
            config(json!({ "maxOutputTokens": 65_537 })),
            "supported range is from 1 (inclusive) to 65537 (exclusive)",
        ),
        (
            "gemini-2.5-pro",
            config(json!({ "candidateCount": 9 })),
            "candidate_count must be in the range [1, 8]",
        ),
        (
            "gemini-2.5-pro",
            config(json!({ "stopSequences": ["a", "b", "c", "d", "e", "f"] })),
            "at most 5",
        ),
        (
            "gemini-2.5-pro",
            config(json!({ "thinkingConfig": { "thinkingBudget": 0 } })),
            "The thinking budget 0 is invalid. Please choose a value between 128 and 32768.",
        ),
        ("gemini-2.5-flash", config(json!({ "thinkingConfig": { "thinkingBudget": 0 } })), ""),
        ("gemini-2.5-pro", config(json!({ "thinkingConfig": { "thinkingBudget": -1 } })), ""),
        (
            "gemini-2.5-pro",
            config(json!({ "thinkingConfig": { "thinkingLevel": "LOW" } })),
            "Thinking level is not supported for this model.",
        ),
        (
            "gemini-3.5-flash",
            config(json!({ "thinkingConfig": { "thinkingLevel": "minimal" } })),
            "Thinking level MINIMAL is not supported",
        ),
        (
            "gemini-3.1-flash-lite",
            config(json!({ "thinkingConfig": { "thinkingLevel": "MINIMAL" } })),
            "",
        ),
        (
            "gemini-3.5-flash",
            config(json!({ "thinkingConfig": { "thinkingLevel": "LOW", "thinkingBudget": 5 } })),
            "only one of thinking budget and thinking level",
        ),
        (
            "gemini-2.5-pro",
            config(json!({ "responseSchema": { "type": "STRING" } })),
            "only supported with the response MIME type application/json",
        ),
        (
            "gemini-2.5-pro",
            config(json!({ "responseMimeType": "image/png" })),
            "allowed mimetypes are",
        ),
        (
            "gemini-2.5-pro",
            json!({ "tools": tool, "generationConfig": { "responseMimeType": "application/json" } }),
            "Function calling with a response mime type",
        ),
        (
            "gemini-3.5-flash",
            json!({ "tools": tool, "generationConfig": { "responseMimeType": "application/json" } }),
            "",
        ),
        ("gemini-2.5-pro", calling("AUTO", json!([])), ""),
        ("gemini-2.5-pro", calling("AUTO", json!(["f"])), "only when function calling mode is ANY"),
        ("gemini-2.5-pro", calling("ANY", json!(["g"])), "which is not declared"),
        (
            "gemini-2.5-pro",
            calling("SOME", json!([])),
            "expected one of AUTO, ANY, NONE, VALIDATED",
        ),
        (
            "gemini-2.5-pro",
            json!({ "tools": [{ "functionDeclarations": [{ "name": "1f" }] }] }),
            "Invalid function name",
        ),
        ("gemini-2.5-pro", json!({ "tools": [{ "googleSearch": {} }] }), ""),
    ];
    for (model, more, words) in cases {
        match read(model, &with(&more)) {
            Ok(_) => assert!(words.is_empty(), "{model} takes {more}"),
            Err(error) => assert!(
                !words.is_empty() && error.message.contains(words),
                "{model}, {more}: {error}"
            ),
        }
    }
}

#[test]
fn calls_are_answered_by_id_or_by_name_and_in_number() {
    let call = |id: Value, name: &str| json!({ "functionCall": { "id": id, "name": name, "args": { "q": 1 } }, "thoughtSignature": "cw==" });
    let told = |id: Value, name: &str| json!({ "functionResponse": { "id": id, "name": name, "response": { "result": name } } });
    let talk = |calls: Value, results: Value| {
        read(
            "gemini-3.5-flash",
            &json!({ "contents": [user("hi"), { "role": "model", "parts": calls }, { "role": "user", "parts": results }] }),
        )
    };
    let ids = |request: ChatRequest| -> Vec<String> {
        let parts = request.messages.into_iter().flat_map(|message| message.content);
        parts
            .filter_map(|part| match part {
                ContentPart::ToolResult(result) => {
                    Some(format!("{}={}", result.id, result.content))
                }
                _ => None,
            })
            .collect()
    };
    let null = Value::Null;
    // google-genai 3.6.1 leaves the id of a result out, and gives the id of the call back.
    let both = talk(
        json!([call(json!("a"), "f"), call(json!("b"), "g")]),
        json!([told(null.clone(), "g"), told(null.clone(), "f")]),
    );
    assert_eq!(ids(both.unwrap()), ["b=g", "a=f"]);
    let named = talk(
        json!([call(json!("a"), "f"), call(json!("b"), "f")]),
        json!([told(json!("b"), "f"), told(json!("a"), "f")]),
    );
    assert_eq!(ids(named.unwrap()), ["b=f", "a=f"]);
    let without = talk(
        json!([call(null.clone(), "f"), call(null.clone(), "f")]),
        json!([told(null.clone(), "f"), told(null.clone(), "f")]),
    );
    assert_eq!(ids(without.unwrap()), ["call_0=f", "call_1=f"]);
    let few =
        talk(json!([call(json!("a"), "f"), call(json!("b"), "g")]), json!([told(json!("a"), "f")]));
    assert!(few.unwrap_err().message.contains("number of function response parts is equal"));
    let unasked = talk(json!([{ "text": "well" }]), json!([told(null, "f")]));
    assert!(unasked.unwrap_err().message.contains("immediately after a function call turn"));
}

#[test]
fn a_call_of_the_current_turn_needs_its_signature_from_gemini_3_on() {
    let call =
        json!({ "role": "model", "parts": [{ "functionCall": { "name": "f", "args": {} } }] });
    let told = json!({ "role": "user", "parts": [{ "functionResponse": { "name": "f", "response": {} } }] });
    let current = json!({ "contents": [user("hi"), call, told] });
    let error = read("gemini-3.5-flash", &current).unwrap_err();
    assert!(
        error
            .message
            .starts_with("Function call is missing a thought_signature in functionCall parts.")
            && error.message.contains("`default_api:f` , position 2"),
        "{error}"
    );
    assert!(read("gemini-2.5-pro", &current).is_ok());
    let earlier = json!({ "contents": [user("hi"), call, told, { "role": "model", "parts": [{ "text": "so" }] }, user("and?")] });
    assert!(read("gemini-3.5-flash", &earlier).is_ok());
    // What the live client sends again is signed.
    let request = read("gemini-2.5-pro", &current).unwrap();
    let mut body = Vec::new();
    let again = ChatRequest { model: "gemini-3.5-flash".into(), ..request };
    GOOGLE.api.encode_request(&again, &mut body);
    assert_eq!(GOOGLE.decode_request_to(&GOOGLE.target(&again), &body), Ok(again));
}

#[test]
fn a_schema_of_either_form_is_that_of_the_answer() {
    let schema = |field: &str, schema: Value| {
        let config = json!({ "responseMimeType": "application/json", field: schema });
        read("gemini-3.5-flash", &with(&json!({ "generationConfig": config }))).unwrap().output
    };
    let expected = Output::JsonSchema {
        name: "output".into(),
        schema: r#"{"type":"object","properties":{"a":{"type":"string"}}}"#.into(),
        strict: true,
    };
    let own = json!({ "type": "OBJECT", "properties": { "a": { "type": "STRING" } } });
    let json = json!({ "type": "object", "properties": { "a": { "type": "string" } } });
    assert_eq!(schema("responseSchema", own.clone()), expected);
    assert_eq!(schema("response_schema", own), expected);
    assert_eq!(schema("responseJsonSchema", json), expected);
}
