//! What comes over the network: requests to the mocks, replies of the providers, streams, events.

use serde_json::{Value, json};
use simlab::flags::events::read;
use simlab::llm::chat::ChatError;
use simlab::llm::wire::anthropic::ANTHROPIC;
use simlab::llm::wire::bedrock::BEDROCK;
use simlab::llm::wire::google::GOOGLE;
use simlab::llm::wire::headers::Headers;
use simlab::llm::wire::mistral::MISTRAL;
use simlab::llm::wire::openai::OPENAI;
use simlab::llm::wire::{PROVIDERS, Provider};
use simlab::scenario::faults_from_json;

use super::harness::{fuzz, one_at_a_time};

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Requests with everything in them.
pub const CHATS: [(Provider, &str); 5] = [
    (
        ANTHROPIC,
        r#"{"model":"claude-3-5-haiku-latest","max_tokens":100,"stream":false,"temperature":0.5,"top_p":0.9,"top_k":5,"system":[{"type":"text","text":"be brief"}],"stop_sequences":["x"],"messages":[{"role":"user","content":"hello"},{"role":"assistant","content":[{"type":"text","text":"a"},{"type":"tool_use","id":"t1","name":"f","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":"b"}]}],"tools":[{"name":"f","description":"d","input_schema":{"type":"object","properties":{"a":{"type":"integer","minimum":1,"maximum":5}},"required":["a"]}}],"tool_choice":{"type":"auto"}}"#,
    ),
    (
        OPENAI,
        r#"{"model":"gpt-4o","max_tokens":100,"n":1,"seed":3,"stream":false,"temperature":0.5,"stop":["x"],"messages":[{"role":"system","content":"be brief"},{"role":"user","content":[{"type":"text","text":"hello"}]},{"role":"assistant","content":null,"tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]},{"role":"tool","tool_call_id":"t1","content":"b"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"type":"number"}}}}}],"tool_choice":"auto","response_format":{"type":"json_schema","json_schema":{"name":"s","strict":true,"schema":{"type":"object","properties":{"a":{"type":"string","pattern":"^[a-z]{2,4}$"},"b":{"enum":[1,2]}},"required":["a","b"],"additionalProperties":false}}}}"#,
    ),
    (
        MISTRAL,
        r#"{"model":"mistral-small-latest","max_tokens":100,"random_seed":3,"stream":false,"temperature":0.5,"messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hello"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"}}}],"tool_choice":"any","response_format":{"type":"json_object"}}"#,
    ),
    (
        GOOGLE,
        r#"{"model":"models/gemini-3.5-flash","systemInstruction":{"parts":[{"text":"be brief"}]},"contents":[{"role":"user","parts":[{"text":"hello"},{"inlineData":{"mimeType":"image/png","data":""}}]},{"role":"model","parts":[{"thought":true,"text":"hm"},{"functionCall":{"id":"c1","name":"f","args":{"a":1}},"thoughtSignature":"cw=="}]},{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":"x"}}}]}],"tools":[{"functionDeclarations":[{"name":"f","description":"d","parameters":{"type":"OBJECT","nullable":true,"properties":{"a":{"type":"INTEGER","minItems":"1"}}}}]}],"tool_config":{"function_calling_config":{"mode":"ANY","allowed_function_names":["f"]}},"generationConfig":{"maxOutputTokens":100,"temperature":0.5,"topP":0.9,"stopSequences":["x"],"seed":3,"responseMimeType":"application/json","responseJsonSchema":{"type":"object"},"thinkingConfig":{"thinking_level":"LOW"}}}"#,
    ),
    (
        BEDROCK,
        r#"{"system":[{"text":"be brief"},{"cachePoint":{"type":"default"}}],"messages":[{"role":"user","content":[{"text":"hello"},{"image":{"format":"png","source":{"bytes":"iVBORw0KGgo="}}},{"document":{"format":"txt","name":"d","source":{"text":"a"}}}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"a"},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"b"},{"json":{"c":1}}],"status":"success"}}]}],"inferenceConfig":{"maxTokens":100,"temperature":0.5,"topP":0.9,"stopSequences":["x"]},"toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"d","inputSchema":{"json":{"type":"object"}}}}],"toolChoice":{"tool":{"name":"f"}}},"outputConfig":{"textFormat":{"type":"json_schema","structure":{"jsonSchema":{"schema":"{\"type\":\"object\"}","name":"s"}}}}}"#,
    ),
];

/// Replies with everything in them.
const REPLIES: [(Provider, &str); 5] = [
    (
        ANTHROPIC,
        r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-3-5-haiku-20241022","content":[{"type":"text","text":"hello"},{"type":"tool_use","id":"toolu_1","name":"f","input":{"a":1}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":5,"cache_read_input_tokens":0,"cache_creation_input_tokens":0}}"#,
    ),
    (
        OPENAI,
        r#"{"id":"chatcmpl-1","object":"chat.completion","created":1760000000,"model":"gpt-4o-2024-08-06","choices":[{"index":0,"message":{"role":"assistant","content":"hello","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0}}}"#,
    ),
    (
        MISTRAL,
        r#"{"id":"1","object":"chat.completion","created":1760000000,"model":"mistral-small-latest","choices":[{"index":0,"message":{"role":"assistant","content":"hello","tool_calls":null},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}"#,
    ),
    (
        GOOGLE,
        r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"hm","thought":true},{"text":"hello"},{"functionCall":{"id":"c1","name":"f","args":{"a":1}},"thoughtSignature":"cw=="}]},"finishReason":"STOP","safetyRatings":[],"index":0}],"promptFeedback":{},"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3,"thoughtsTokenCount":9,"cachedContentTokenCount":2,"totalTokenCount":17},"modelVersion":"gemini-3.5-flash","responseId":"r"}"#,
    ),
    (
        BEDROCK,
        r#"{"metrics":{"latencyMs":12},"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"text":"hello"},{"toolUse":{"toolUseId":"t1","name":"f","input":{"a":1}}}]}},"stopReason":"tool_use","usage":{"inputTokens":5,"outputTokens":3,"totalTokens":10,"cacheReadInputTokens":2,"cacheWriteInputTokens":0}}"#,
    ),
];

const EVENTS: [&str; 3] = [
    r#"{"kind":"feature","key":"security-agent","creationDate":1760000000000,"version":1,"variation":1,"value":{"_ldMeta":{"enabled":true,"variationKey":"basic-security"}},"default":null,"context":{"kind":"multi","user":{"key":"u1"},"org":{"key":"o"}},"reason":{"kind":"RULE_MATCH","ruleIndex":0,"ruleId":"r","inExperiment":true},"samplingRatio":2}"#,
    r#"{"kind":"custom","key":"ai_cost_per_request","creationDate":1760000000.5,"metricValue":0.25,"data":{"a":[1]},"contextKeys":{"user":"u1"},"samplingRatio":1}"#,
    r#"{"kind":"summary","startDate":1,"endDate":2,"features":{"f":{"default":null,"counters":[{"count":1,"value":true,"variation":0,"version":1}],"contextKinds":["user"]}}}"#,
];

fn refused(of: Provider, error: &ChatError) -> String {
    let reply = of.api.encode_error(error, "req_1");
    assert!((400..500).contains(&reply.status), "{reply:?}");
    assert!(serde_json::from_slice::<Value>(&reply.body).is_ok(), "{reply:?}");
    error.message.clone()
}

#[test]
fn chat_requests() {
    let _one = one_at_a_time();
    for (name, nth) in [
        ("chat-anthropic", 0),
        ("chat-openai", 1),
        ("chat-mistral", 2),
        ("chat-google", 3),
        ("chat-bedrock", 4),
    ] {
        let (of, text) = CHATS[nth];
        fuzz(name, 1500, &texts(&[text]), |bytes| {
            let request = of.decode_request(bytes).map_err(|error| refused(of, &error))?;
            // What is taken can be sent on.
            let mut out = Vec::new();
            of.api.encode_request(&request, &mut out);
            // A schema may hold numbers that only its owner can read: 1e999 is JSON.
            assert!(serde_json::from_slice::<serde::de::IgnoredAny>(&out).is_ok());
            Ok(())
        });
    }
}

#[test]
fn embedding_requests() {
    let _one = one_at_a_time();
    let sound = texts(&[
        r#"{"model":"text-embedding-3-small","input":["a","b"],"dimensions":8,"encoding_format":"base64"}"#,
        r#"{"model":"text-embedding-3-small","input":[[1,2,3],[4]],"user":"u"}"#,
    ]);
    fuzz("embeddings", 1500, &sound, |bytes| {
        OPENAI
            .api
            .embeddings()
            .unwrap()
            .decode_request(bytes)
            .map(drop)
            .map_err(|error| refused(OPENAI, &error))
    });
}

#[test]
fn replies_of_providers() {
    let _one = one_at_a_time();
    for (name, nth) in [
        ("reply-anthropic", 0),
        ("reply-openai", 1),
        ("reply-mistral", 2),
        ("reply-google", 3),
        ("reply-bedrock", 4),
    ] {
        let (of, text) = REPLIES[nth];
        fuzz(name, 1500, &texts(&[text]), |bytes| {
            of.decode_response(bytes).map(drop).map_err(|error| error.message)
        });
    }
    let vectors = texts(&[
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-0.25]},{"object":"embedding","index":1,"embedding":"AAAAPwAAgL4="}],"model":"text-embedding-3-small","usage":{"prompt_tokens":2,"total_tokens":2}}"#,
    ]);
    fuzz("reply-embeddings", 1500, &vectors, |bytes| {
        OPENAI
            .api
            .embeddings()
            .unwrap()
            .decode_response(bytes)
            .map(drop)
            .map_err(|error| error.message)
    });
}

#[test]
fn errors_of_providers() {
    let _one = one_at_a_time();
    let sound = texts(&[
        r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#,
        r#"{"error":{"message":"slow down","type":"tokens","param":null,"code":"rate_limit_exceeded"}}"#,
        r#"{"object":"error","message":{"detail":[{"loc":["body"],"msg":"x"}]},"type":"invalid_request_error","param":null,"code":"1"}"#,
    ]);
    let waits = [
        "1",
        "-1",
        "1e308",
        "NaN",
        "99999999999999999999",
        "Wed, 21 Oct 1907 07:28:00 GMT",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "é",
    ];
    let mut nth = 0;
    fuzz("errors", 1500, &sound, |bytes| {
        nth += 1;
        let wait = waits[nth % waits.len()];
        let names = [
            "retry-after",
            "retry-after-ms",
            "x-ratelimit-reset-requests",
            "anthropic-ratelimit-requests-reset",
        ];
        let pairs = names.map(|name| (name, wait));
        for of in PROVIDERS {
            let headers = Headers { pairs: &pairs, received_us: 1_760_000_000_000_000 };
            let status = [400, 401, 429, 500, 529, 0, 999][nth % 7];
            assert!(!of.decode_error(status, &headers, bytes).message.is_empty());
        }
        Ok(())
    });
}

#[test]
fn streams_of_providers() {
    let _one = one_at_a_time();
    for (name, nth) in [
        ("stream-anthropic", 0),
        ("stream-openai", 1),
        ("stream-mistral", 2),
        ("stream-google", 3),
        ("stream-bedrock", 4),
    ] {
        let (of, text) = REPLIES[nth];
        let response = of.decode_response(text.as_bytes()).unwrap();
        let sound = [
            simlab::llm::wire::sse::Chunking::Words,
            simlab::llm::wire::sse::Chunking::Characters(3),
        ]
        .map(|chunking| of.api.encode_stream(&response, chunking, true).into_bytes());
        let mut size = 0;
        fuzz(name, 2000, &sound, |bytes| {
            // In pieces of another size each time.
            size = size % 97 + 1;
            let mut decoder = of.stream_decoder(true);
            for piece in bytes.chunks(size) {
                decoder.push(piece).map_err(|error| error.message)?;
            }
            decoder.finish().map(drop).map_err(|error| error.message)
        });
    }
}

#[test]
fn events_of_sdks() {
    let _one = one_at_a_time();
    fuzz("events", 5000, &texts(&EVENTS), |bytes| {
        let event: Value = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        read(&event, "user").map(drop).map_err(|fault| fault.to_string())
    });
}

#[test]
fn faults_over_http() {
    let _one = one_at_a_time();
    let sound = texts(&[
        r#"[{"fault":"rate_limited","on":["anthropic"],"models":["claude-*"],"rate":0.1,"burst":2,"retry_after":"2s"},{"fault":"cut","next":1}]"#,
    ]);
    fuzz("faults-json", 5000, &sound, |bytes| {
        faults_from_json(bytes).map(drop).map_err(|faults| faults.join("\n"))
    });
}

/// Bodies for the mock's own interfaces.
pub fn payload() -> Value {
    json!(EVENTS.map(|event| serde_json::from_str::<Value>(event).unwrap()))
}
