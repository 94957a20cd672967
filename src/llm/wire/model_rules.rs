//! Requests that a model takes and refuses, for all three wires.

use serde_json::{Value, json};

use super::Provider;
use super::anthropic::ANTHROPIC;
use super::mistral::MISTRAL;
use super::openai::OPENAI;
use crate::llm::chat::ChatRequest;

/// A request of `model`, with these fields besides.
fn body(provider: Provider, model: &str, more: &Value) -> Value {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "hi" }] });
    if provider == ANTHROPIC {
        body["max_tokens"] = json!(2_000);
    }
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn read(provider: Provider, body: &Value) -> Result<ChatRequest, String> {
    provider.decode_request(&serde_json::to_vec(body).unwrap()).map_err(|error| error.message)
}

fn ask(provider: Provider, model: &str, more: &Value) -> Result<ChatRequest, String> {
    read(provider, &body(provider, model, more))
}

#[test]
fn each_model_refuses_the_parameters_that_its_page_names() {
    let tool = json!([{ "name": "f", "input_schema": { "type": "object" } }]);
    // Provider, model, what is sent, and words of the refusal; none: it is taken.
    let cases = [
        (ANTHROPIC, "claude-haiku-4-5", json!({ "temperature": 0.2 }), ""),
        (
            ANTHROPIC,
            "claude-haiku-4-5",
            json!({ "temperature": 0.2, "top_p": 0.9 }),
            "cannot both be specified",
        ),
        (ANTHROPIC, "claude-3-haiku-20240307", json!({ "temperature": 0.2, "top_p": 0.9 }), ""),
        (
            ANTHROPIC,
            "claude-opus-4-7",
            json!({ "temperature": 0.2 }),
            "`temperature` is deprecated for this model.",
        ),
        (
            ANTHROPIC,
            "claude-opus-5-5",
            json!({ "top_p": 0.2 }),
            "`top_p` is deprecated for this model.",
        ),
        (ANTHROPIC, "claude-3-haiku-20240307", json!({ "max_tokens": 4_096 }), ""),
        (
            ANTHROPIC,
            "claude-3-haiku-20240307",
            json!({ "max_tokens": 4_097 }),
            "max_tokens: 4097 > 4096, which is the maximum allowed",
        ),
        (ANTHROPIC, "claude-opus-5", json!({ "max_tokens": 128_000 }), ""),
        (ANTHROPIC, "claude-opus-5", json!({ "max_tokens": 128_001 }), "128001 > 128000"),
        (
            ANTHROPIC,
            "claude-haiku-5-5",
            json!({ "tools": tool, "tool_choice": { "type": "any" } }),
            "",
        ),
        (
            ANTHROPIC,
            "claude-opus-5-5",
            json!({ "tools": tool, "tool_choice": { "type": "any" } }),
            "are not supported for this model",
        ),
        (
            ANTHROPIC,
            "claude-fable-5-1",
            json!({ "tools": tool, "tool_choice": { "type": "tool", "name": "f" } }),
            "are not supported for",
        ),
        (
            ANTHROPIC,
            "claude-opus-5-5",
            json!({ "tools": tool, "tool_choice": { "type": "auto" } }),
            "",
        ),
        (
            ANTHROPIC,
            "claude-sonnet-4-5",
            json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } }),
            "",
        ),
        (
            ANTHROPIC,
            "claude-sonnet-4-5",
            json!({ "thinking": { "type": "enabled", "budget_tokens": 1_023 } }),
            "greater than or equal to 1024",
        ),
        (
            ANTHROPIC,
            "claude-sonnet-4-5",
            json!({ "thinking": { "type": "enabled", "budget_tokens": 2_000 } }),
            "must be greater than",
        ),
        (
            ANTHROPIC,
            "claude-sonnet-4-5",
            json!({ "thinking": { "type": "adaptive" } }),
            "not supported on this model",
        ),
        (ANTHROPIC, "claude-opus-5", json!({ "thinking": { "type": "adaptive" } }), ""),
        (
            ANTHROPIC,
            "claude-opus-5",
            json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } }),
            "not supported for this model",
        ),
        (ANTHROPIC, "claude-haiku-5-5", json!({ "thinking": { "type": "disabled" } }), ""),
        (
            ANTHROPIC,
            "claude-sonnet-5-5",
            json!({ "thinking": { "type": "disabled" } }),
            "cannot be disabled",
        ),
        (
            ANTHROPIC,
            "claude-fable-5",
            json!({ "thinking": { "type": "adaptive" } }),
            "cannot be configured",
        ),
        (
            ANTHROPIC,
            "claude-3-haiku-20240307",
            json!({ "thinking": { "type": "enabled", "budget_tokens": 1_024 } }),
            "does not support",
        ),
        (ANTHROPIC, "claude-opus-5", json!({ "output_config": { "effort": "max" } }), ""),
        (
            ANTHROPIC,
            "claude-opus-5",
            json!({ "output_config": { "effort": "huge" } }),
            "output_config.effort: Input should be 'low'",
        ),
        (
            ANTHROPIC,
            "claude-haiku-4-5",
            json!({ "output_config": { "effort": "low" } }),
            "does not support the effort parameter",
        ),
        (
            ANTHROPIC,
            "claude-haiku-4-5",
            json!({ "thinking": null, "output_config": { "effort": null } }),
            "",
        ),
        (
            ANTHROPIC,
            "claude-haiku-4-5",
            json!({ "metadata": { "user_id": "u".repeat(257) } }),
            "at most 256 characters",
        ),
        (OPENAI, "gpt-4o", json!({ "temperature": 0.2, "max_tokens": 16_384 }), ""),
        (
            OPENAI,
            "gpt-4o",
            json!({ "max_tokens": 16_385 }),
            "This model supports at most 16384 completion tokens",
        ),
        (
            OPENAI,
            "gpt-4o",
            json!({ "reasoning_effort": "low" }),
            "Unrecognized request argument supplied: reasoning_effort",
        ),
        (OPENAI, "o3", json!({ "max_tokens": 50 }), "Use 'max_completion_tokens' instead."),
        (OPENAI, "o3", json!({ "max_completion_tokens": 50, "temperature": 1.0 }), ""),
        (
            OPENAI,
            "gpt-5",
            json!({ "temperature": 0.2 }),
            "'temperature' does not support 0.2 with this model. Only the default (1) value",
        ),
        (OPENAI, "gpt-5", json!({ "reasoning_effort": "minimal" }), ""),
        (
            OPENAI,
            "gpt-5",
            json!({ "reasoning_effort": "none" }),
            "'reasoning_effort' does not support 'none' with this model.",
        ),
        (OPENAI, "gpt-5.1", json!({ "temperature": 0.2 }), ""),
        (
            OPENAI,
            "gpt-5.1",
            json!({ "temperature": 0.2, "reasoning_effort": "low" }),
            "Only the default (1) value",
        ),
        (OPENAI, "gpt-5.5", json!({ "temperature": 0.2 }), "Only the default (1) value"),
        (OPENAI, "gpt-5.5", json!({ "temperature": 0.2, "reasoning_effort": "none" }), ""),
        (
            OPENAI,
            "gpt-5.5",
            json!({ "logprobs": true }),
            "'logprobs' is not supported with this model.",
        ),
        (
            OPENAI,
            "gpt-6.1-sol",
            json!({ "temperature": 1.0 }),
            "'temperature' is not supported with this model.",
        ),
        (OPENAI, "gpt-6.1-sol", json!({ "reasoning_effort": "none" }), "does not support 'none'"),
        (OPENAI, "gpt-6-sol", json!({ "reasoning_effort": "none" }), ""),
        (
            OPENAI,
            "gpt-6-sol",
            json!({ "reasoning_effort": "minimal" }),
            "does not support 'minimal'",
        ),
        (OPENAI, "gpt-4o", json!({ "stop": ["a", "b", "c", "d", "e"] }), "maximum length 4"),
        (MISTRAL, "mistral-large-4-0", json!({ "reasoning_effort": "high" }), ""),
        (
            MISTRAL,
            "mistral-large-4-0",
            json!({ "reasoning_effort": "low" }),
            "Input should be 'none' or 'high'",
        ),
        (MISTRAL, "mistral-small-latest", json!({ "temperature": 0.2, "max_tokens": 50 }), ""),
    ];
    for (provider, model, more, words) in cases {
        match ask(provider, model, &more) {
            Ok(_) => assert!(words.is_empty(), "{model} takes {more}"),
            Err(message) => {
                assert!(!words.is_empty() && message.contains(words), "{model}, {more}: {message}")
            }
        }
    }
}

#[test]
fn a_prefilled_answer_is_taken_up_to_claude_4_5() {
    let talk = json!({ "messages": [{ "role": "user", "content": "hi" }, { "role": "assistant", "content": "{" }] });
    assert!(ask(ANTHROPIC, "claude-sonnet-4-5", &talk).is_ok());
    assert!(
        ask(ANTHROPIC, "claude-sonnet-4-6", &talk)
            .unwrap_err()
            .contains("does not support assistant message prefill")
    );
}

#[test]
fn four_places_may_be_marked_for_the_cache() {
    let mark = json!({ "type": "ephemeral" });
    let block = json!({ "type": "text", "text": "x", "cache_control": mark });
    let marked = |n: usize| {
        json!({ "system": [block], "tools": [{ "name": "f", "input_schema": {}, "cache_control": mark }],
            "messages": [{ "role": "user", "content": vec![block.clone(); n] }] })
    };
    assert!(ask(ANTHROPIC, "claude-haiku-4-5", &marked(2)).is_ok());
    let message = ask(ANTHROPIC, "claude-haiku-4-5", &marked(3)).unwrap_err();
    assert_eq!(message, "A maximum of 4 blocks with cache_control may be provided. Found 5.");
}

#[test]
fn a_null_is_not_given_whichever_field_it_is() {
    const FIELDS: &str = "audio background cache_control container context_management extra_body frequency_penalty function_call functions \
        guardrails inference_geo logit_bias logprobs max_completion_tokens mcp_servers metadata modalities moderation n output_config \
        output_format parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_mode random_seed reasoning_effort \
        response_format safe_prompt safety_identifier seed service_tier speed stop stop_sequences store stream stream_options system \
        temperature thinking thread tool_choice tools top_k top_logprobs top_p user verbosity web_search_options";
    for (provider, model) in
        [(ANTHROPIC, "claude-haiku-4-5"), (OPENAI, "gpt-4o"), (MISTRAL, "mistral-small-latest")]
    {
        let plain = ask(provider, model, &json!({})).unwrap();
        for field in FIELDS.split_whitespace() {
            assert_eq!(ask(provider, model, &json!({ field: null })), Ok(plain.clone()), "{field}");
        }
    }
}

#[test]
fn messages_that_the_clients_hand_back_with_their_nulls_are_taken() {
    // `ChatCompletionMessage.model_dump()` of openai 3.57 and `AssistantMessage.model_dump()` of
    // mistralai 3.7.
    let openai = json!([{ "role": "user", "content": "hi" },
        { "content": "hello", "refusal": null, "role": "assistant", "annotations": [], "audio": null, "function_call": null, "tool_calls": null },
        { "role": "user", "content": "and?" },
        { "content": null, "refusal": null, "role": "assistant", "annotations": [], "audio": null, "function_call": null,
          "tool_calls": [{ "id": "abcdefghi", "function": { "arguments": "{}", "name": "f" }, "type": "function" }] },
        { "role": "tool", "tool_call_id": "abcdefghi", "content": "x", "name": null }]);
    for provider in [OPENAI, MISTRAL] {
        let model = if provider == OPENAI { "gpt-4o" } else { "mistral-small-latest" };
        let mut talk = openai.clone();
        if provider == MISTRAL {
            talk[1]["prefix"] = Value::Null;
        }
        assert_eq!(
            ask(provider, model, &json!({ "messages": talk }))
                .map(|request| request.messages.len()),
            Ok(5),
            "{provider:?}"
        );
    }
    // `Message.model_dump()` of anthropic 2.14.
    let anthropic = json!([{ "role": "user", "content": "hi" },
        { "role": "assistant", "content": [{ "citations": null, "text": "let me look", "type": "text" },
            { "id": "toolu_1", "caller": null, "input": {}, "name": "f", "type": "tool_use" }] },
        { "role": "user", "content": [{ "type": "tool_result", "tool_use_id": "toolu_1", "content": "x", "is_error": null, "cache_control": null }] }]);
    assert!(ask(ANTHROPIC, "claude-haiku-4-5", &json!({ "messages": anthropic })).is_ok());
}

#[test]
fn words_before_the_results_of_a_turn_are_refused_in_one_message_or_in_two() {
    let call = json!({ "role": "assistant", "content": [{ "type": "tool_use", "id": "t1", "name": "f", "input": {} }] });
    let result = json!({ "type": "tool_result", "tool_use_id": "t1", "content": "x" });
    let words = json!({ "type": "text", "text": "wait" });
    let talk = |after: &[Value]| {
        let mut all = vec![json!({ "role": "user", "content": "hi" }), call.clone()];
        all.extend(after.iter().map(|content| json!({ "role": "user", "content": content })));
        ask(ANTHROPIC, "claude-haiku-4-5", &json!({ "messages": all }))
    };
    assert!(talk(&[json!([result])]).is_ok());
    assert!(talk(&[json!([result, words])]).is_ok());
    assert!(talk(&[json!([result]), json!([words])]).is_ok());
    for refused in [
        vec![json!([words, result])],
        vec![json!([words]), json!([result])],
        vec![json!("wait"), json!([result])],
    ] {
        let message = talk(&refused).unwrap_err();
        assert!(
            message.starts_with("messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: t1."),
            "{message}"
        );
    }
}

#[test]
fn a_thread_is_refused_with_the_code_that_makes_the_client_go_on_without() {
    for thread in [json!({ "type": "create" }), json!({ "type": "continue", "id": "thread_1" })] {
        let body = body(ANTHROPIC, "claude-haiku-4-5", &json!({ "thread": thread }));
        let error = ANTHROPIC.decode_request(&serde_json::to_vec(&body).unwrap()).unwrap_err();
        let reply = ANTHROPIC.api.encode_error(&error, "req_1");
        let told: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!((reply.status, &told["error"]["type"]), (400, &json!("invalid_request_error")));
        assert_eq!(told["error"]["details"]["error_code"], json!("thread_unsupported_request"));
    }
}
