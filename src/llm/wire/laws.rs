//! Laws that hold for all three wires, over random input.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::Value;

use super::anthropic::ANTHROPIC;
use super::bedrock::BEDROCK;
use super::google::GOOGLE;
use super::headers::Headers;
use super::mistral::MISTRAL;
use super::openai::OPENAI;
use super::sse::Chunking;
use super::{PROVIDERS, Provider};
use crate::llm::chat::*;

fn provider() -> impl Strategy<Value = Provider> {
    proptest::sample::select(PROVIDERS)
}

/// Words with quotes, line breaks, escapes and letters of several bytes; never blank.
fn words() -> impl Strategy<Value = String> {
    r#"[a-z][ a-z"\\/\n\r\t\u{0}-\u{1f}\u{7f}éß漢\u{2028}🦀{}:,\[\]]{0,24}"#
}

fn object() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("{}".to_owned()),
        Just("{\"b\":1.50,\n \"a\" : [null, \"x\\n\"]}".to_owned()),
        Just(r#"{"q":"é 漢"}"#.to_owned())
    ]
}

fn chunking() -> impl Strategy<Value = Chunking> {
    prop_oneof![
        Just(Chunking::Whole),
        (0u16..7).prop_map(Chunking::Characters),
        Just(Chunking::Words)
    ]
}

/// What the model may write as arguments: mostly objects, sometimes not even JSON.
fn arguments() -> impl Strategy<Value = String> {
    prop_oneof![3 => object(), 1 => words(), 1 => Just("{\"cut\": ".to_owned()), 1 => Just("[1]".to_owned())]
}

/// An answer that all three can say: at most one text, then calls.
fn response() -> impl Strategy<Value = ChatResponse> {
    let text = option::of(words());
    let calls = vec(("[a-zA-Z0-9]{9}", "[a-z_]{1,9}", arguments()), 0..3);
    (text, calls, any::<bool>(), any::<u32>(), any::<u32>(), 0u64..4_000_000_000).prop_map(
        |(text, calls, cut, input, output, created)| {
            let called = !calls.is_empty();
            let mut content: Vec<Block> = text.into_iter().map(Block::Text).collect();
            content.extend(calls.into_iter().enumerate().map(|(i, (mut id, name, input))| {
                id.replace_range(..1, &i.to_string());
                Block::ToolUse(ToolUse { id, name, input })
            }));
            let stop = if cut {
                Stop::MaxTokens
            } else if called {
                Stop::ToolUse
            } else {
                Stop::EndTurn
            };
            ChatResponse {
                logprobs: None,
                others: Vec::new(),
                id: "id1".into(),
                created,
                model: "m".into(),
                content,
                stop,
                usage: Usage {
                    input,
                    output,
                    reasoning: output / 4,
                    cached: Cached { read: input / 3, written: input / 5 },
                },
                refusal: None,
            }
        },
    )
}

/// Anthropic, Google and Bedrock do not tell when an answer was made, Mistral's answers here not what
/// was cached, Google's not what was written to a cache, and Bedrock's neither their id nor the model
/// nor what was thought.
fn as_told(provider: Provider, mut response: ChatResponse) -> ChatResponse {
    if provider == ANTHROPIC || provider == GOOGLE {
        response.created = 0;
    }
    if provider == GOOGLE {
        response.usage.cached.written = 0;
        // Its arguments are an object inside of an event, which is one line.
        for block in &mut response.content {
            if let Block::ToolUse(call) = block
                && serde_json::from_str::<Value>(&call.input).is_ok_and(|value| value.is_object())
            {
                call.input = call.input.replace(['\n', '\r'], " ");
            }
        }
    }
    if provider == BEDROCK {
        response.created = 0;
        response.id.clear();
        response.model.clear();
        response.usage.reasoning = 0;
    }
    if provider == MISTRAL {
        response.usage.cached = Cached::NONE;
        response.usage.reasoning = 0;
    }
    response
}

/// A conversation that all three take: each round a question, and perhaps calls, all answered, and
/// words after them.
fn conversation() -> impl Strategy<Value = Vec<Message>> {
    let round =
        (words(), option::of((option::of(words()), vec((arguments(), words()), 1..3))), words());
    (vec(round, 0..3), words()).prop_map(|(rounds, last)| {
        let mut messages = Vec::new();
        let mut calls_made = 0;
        let say = |role, text| Message { role, content: vec![ContentPart::Text(text)] };
        for (question, calls, answer) in rounds {
            messages.push(say(Role::User, question));
            if let Some((text, calls)) = calls {
                let mut asked: Vec<ContentPart> = text.into_iter().map(ContentPart::Text).collect();
                let mut told = Vec::new();
                for (input, content) in calls {
                    calls_made += 1;
                    let id = format!("call{calls_made:05}");
                    asked.push(ContentPart::ToolUse(ToolUse {
                        id: id.clone(),
                        name: "f".into(),
                        input,
                    }));
                    told.push(ContentPart::ToolResult(ToolResult { id, content, is_error: false }));
                }
                messages.push(Message { role: Role::Assistant, content: asked });
                messages.push(Message { role: Role::User, content: told });
            }
            messages.push(say(Role::Assistant, answer));
        }
        messages.push(say(Role::User, last));
        messages
    })
}

fn request() -> impl Strategy<Value = ChatRequest> {
    let tools = vec(("[a-z]{1,8}", words(), object()), 0..3);
    let numbers = (0u32..100_000, option::of(0.0f64..1.0), option::of(0.0f64..1.0));
    (
        conversation(),
        option::of(words()),
        tools,
        0usize..5,
        numbers,
        vec(words(), 0..2),
        option::of("[a-z0-9]{1,9}"),
        any::<[bool; 2]>(),
    )
        .prop_map(
            |(
                messages,
                system,
                tools,
                choice,
                (max_tokens, temperature, top_p),
                stop,
                user,
                [stream, parallel],
            )| {
                let mut tools: Vec<OfferedTool> = tools
                    .into_iter()
                    .map(|(name, description, schema)| OfferedTool { name, description, schema })
                    .collect();
                tools.dedup_by(|a, b| a.name == b.name);
                tools.sort_by(|a, b| a.name.cmp(&b.name));
                tools.dedup_by(|a, b| a.name == b.name);
                let tool_choice = match (choice, tools.first()) {
                    (1, Some(_)) => ToolChoice::Any,
                    (2, Some(_)) => ToolChoice::None,
                    (3, Some(tool)) => ToolChoice::Named(tool.name.clone()),
                    _ => ToolChoice::Auto,
                };
                ChatRequest {
                    messages,
                    system,
                    parallel_tools: parallel || tools.is_empty() || tool_choice == ToolChoice::None,
                    tools,
                    tool_choice,
                    max_tokens: Some(max_tokens + 1),
                    temperature,
                    top_p,
                    stop,
                    user,
                    stream,
                    // OpenAI says it in streams only; the others always tell.
                    include_usage: true,
                    ..ChatRequest::new("m")
                }
            },
        )
}

fn json() -> impl Strategy<Value = Value> {
    let keys = "model|messages|role|content|type|text|tools|tool_calls|function|name|arguments|input|id|tool_use|tool_use_id|tool_result|user\
                |assistant|tool|system|max_tokens|stream|usage|choices|message|delta|index|error|finish_reason|content_block|stop_reason";
    let word = prop_oneof![2 => keys, 1 => ".{0,5}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        let item = prop_oneof![2 => keys, 1 => ".{0,5}"];
        prop_oneof![
            vec(inner.clone(), 0..5).prop_map(Value::from),
            vec((item, inner), 0..6).prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// Feeds `bytes` in pieces that end at `cuts`.
fn decode_in_pieces(
    provider: Provider,
    bytes: &[u8],
    cuts: &[usize],
) -> Result<ChatResponse, ChatError> {
    let mut decoder = provider.stream_decoder(true);
    let mut at: Vec<usize> =
        cuts.iter().map(|cut| cut % (bytes.len() + 1)).chain([bytes.len()]).collect();
    at.sort_unstable();
    let mut start = 0;
    for end in at {
        decoder.push(&bytes[start..end])?;
        start = end;
    }
    decoder.finish()
}

proptest! {
    #[test]
    fn an_answer_comes_back(provider in provider(), response in response()) {
        let mut out = Vec::new();
        provider.api.encode_response(&response, &mut out);
        prop_assert!(serde_json::from_slice::<Value>(&out).is_ok());
        prop_assert_eq!(provider.decode_response(&out).unwrap(), as_told(provider, response));
    }

    #[test]
    fn a_streamed_answer_comes_back_however_it_is_cut(
        provider in provider(), response in response(), chunking in chunking(), cuts in vec(any::<usize>(), 0..12),
    ) {
        let frames = provider.api.encode_stream(&response, chunking, true);
        let whole = decode_in_pieces(provider, frames.bytes(), &cuts).unwrap();
        prop_assert_eq!(&whole, &as_told(provider, response.clone()));
        // The same in a document: usage, stop and content agree.
        let mut document = Vec::new();
        provider.api.encode_response(&response, &mut document);
        prop_assert_eq!(provider.decode_response(&document).unwrap(), whole);
    }

    #[test]
    fn a_stream_that_ends_early_is_cut(provider in provider(), response in response(), chunking in chunking(), kept in any::<usize>()) {
        let frames = provider.api.encode_stream(&response, chunking, true);
        // The last event counts from its own empty line on: without the very last byte it has not
        // come.
        let kept = kept % frames.bytes().len();
        let error = decode_in_pieces(provider, &frames.bytes()[..kept], &[]).unwrap_err();
        prop_assert_eq!(error.kind, ErrorKind::Cut);
    }

    #[test]
    fn an_error_inside_a_stream_is_told(provider in provider(), response in response(), at in any::<usize>()) {
        let frames = provider.api.encode_stream(&response, Chunking::Words, true);
        let before = at % frames.len();
        let mut bytes: Vec<u8> = frames.iter().take(before).flatten().copied().collect();
        bytes.extend(provider.api.encode_stream_error(&ChatError::new(ErrorKind::Server, "It broke."), "req_1"));
        let error = decode_in_pieces(provider, &bytes, &[]).unwrap_err();
        prop_assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Server, "It broke."));
    }

    #[test]
    fn a_request_comes_back(provider in provider(), request in request()) {
        let mut request = request;
        if provider == OPENAI {
            request.include_usage = request.stream;
        }
        if provider == GOOGLE {
            // It has no words for these.
            (request.user, request.parallel_tools) = (None, true);
        }
        if provider == BEDROCK {
            (request.user, request.parallel_tools) = (None, true);
            if request.tool_choice == ToolChoice::None {
                request.tool_choice = ToolChoice::Auto;
            }
            // Calls in a conversation need tools.
            if request.tools.is_empty() {
                let (name, description) = ("f".to_owned(), "d".to_owned());
                request.tools.push(OfferedTool { name, description, schema: "{}".to_owned() });
            }
        }
        let mut out = Vec::new();
        provider.api.encode_request(&request, &mut out);
        let decoded = provider.decode_request_to(&provider.target(&request), &out);
        prop_assert_eq!(decoded.unwrap(), request);
    }

    #[test]
    fn an_error_comes_back(
        provider in provider(),
        kind in prop_oneof![
            Just(ErrorKind::RateLimited), Just(ErrorKind::Server), Just(ErrorKind::Overloaded), Just(ErrorKind::NotFound),
            Just(ErrorKind::Permission), Just(ErrorKind::OutOfCredit), Just(ErrorKind::Timeout), Just(ErrorKind::TooLarge), Just(ErrorKind::Conflict),
        ],
        message in words(), wait in option::of(1u64..100), should in option::of(any::<bool>()),
    ) {
        let sent = ChatError {
            retry_after: wait.map(|s| crate::time::Duration::from_us(s * 1_000_000)),
            should_retry: should,
            ..ChatError::new(kind, message)
        };
        let reply = provider.api.encode_error(&sent, "req_1");
        let pairs: Vec<(&str, &str)> = reply.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let read = provider.decode_error(reply.status, &Headers { pairs: &pairs, received_us: 0 }, &reply.body);
        prop_assert_eq!(
            (read.kind, read.message, read.retry_after, read.should_retry),
            (sent.kind, sent.message, sent.retry_after, sent.should_retry)
        );
    }

    #[test]
    fn any_json_is_survived_and_refused_by_name(provider in provider(), value in json(), status in 0u16..700) {
        let bytes = serde_json::to_vec(&value).unwrap();
        let none = Headers { pairs: &[], received_us: 0 };
        let _ = (provider.decode_response(&bytes), provider.decode_error(status, &none, &bytes));
        if let Err(error) = provider.decode_request(&bytes) {
            prop_assert_eq!(error.kind, ErrorKind::BadRequest);
            let reply = provider.api.encode_error(&error, "r");
            prop_assert!(serde_json::from_slice::<Value>(&reply.body).is_ok() && (400..=422).contains(&reply.status));
        }
        let framed = [b"data: ", &bytes[..], b"\n\n"].concat();
        let _ = decode_in_pieces(provider, &framed, &[]);
    }

    #[test]
    fn any_messages_are_survived(provider in provider(), messages in vec(json(), 0..4)) {
        let body = serde_json::json!({"model": "m", "max_tokens": 5, "messages": messages});
        let _ = provider.decode_request(&serde_json::to_vec(&body).unwrap());
    }

    #[test]
    fn any_bytes_are_survived(provider in provider(), bytes in vec(any::<u8>(), 0..300), cuts in vec(any::<usize>(), 0..5)) {
        let none = Headers { pairs: &[], received_us: 0 };
        let _ = (provider.decode_request(&bytes), provider.decode_response(&bytes), provider.decode_error(500, &none, &bytes));
        let _ = decode_in_pieces(provider, &bytes, &cuts);
    }

    #[test]
    fn a_spoiled_stream_is_survived(
        provider in provider(), response in response(), spoil in vec((any::<usize>(), any::<u8>()), 1..6), cuts in vec(any::<usize>(), 0..3),
    ) {
        let mut bytes = provider.api.encode_stream(&response, Chunking::Words, true).into_bytes();
        for (at, byte) in spoil {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        let _ = decode_in_pieces(provider, &bytes, &cuts);
    }
}

#[test]
fn a_huge_conversation_costs_no_more_than_its_size() {
    // Quadratic work would take minutes here: many system messages, calls that are answered in
    // reverse, many tools.
    let n = 30_000;
    let list = |item: &dyn Fn(usize) -> String| (0..n).map(item).collect::<Vec<_>>().join(",");
    let user = r#"{"role":"user","content":"hi"}"#;
    let system = list(&|_| r#"{"role":"system","content":"be brief"}"#.to_owned());
    let asked = list(&|i| {
        format!(
            r#"{{"id":"c{i:08}","type":"function","function":{{"name":"f","arguments":"{{}}"}}}}"#
        )
    });
    let told =
        list(&|i| format!(r#"{{"role":"tool","tool_call_id":"c{:08}","content":"x"}}"#, n - 1 - i));
    let calls = format!(r#"{{"role":"assistant","tool_calls":[{asked}]}}"#);
    let body = format!(r#"{{"model":"m","messages":[{system},{user},{calls},{told}]}}"#);
    for provider in [OPENAI, MISTRAL] {
        let request = provider.decode_request(body.as_bytes()).unwrap();
        assert_eq!(request.messages.last().unwrap().content.len(), n);
    }
    let asked = list(&|i| format!(r#"{{"type":"tool_use","id":"c{i}","name":"f","input":{{}}}}"#));
    let told = list(&|i| format!(r#"{{"type":"tool_result","tool_use_id":"c{}"}}"#, n - 1 - i));
    let tools = list(&|i| format!(r#"{{"name":"f{i}","input_schema":{{}}}}"#));
    let body = format!(
        r#"{{"model":"m","max_tokens":1,"tools":[{tools}],"messages":[{user},{{"role":"assistant","content":[{asked}]}},{{"role":"user","content":[{told}]}}]}}"#
    );
    assert_eq!(ANTHROPIC.decode_request(body.as_bytes()).unwrap().tools.len(), n);
}
