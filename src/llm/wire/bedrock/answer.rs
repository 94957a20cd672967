//! Converse's answer as one JSON document, in both directions. It has neither an id nor the model's
//! name, and does not tell how many tokens went into reasoning.

use serde::{Deserialize, Serialize, Serializer};

use crate::llm::chat::{Block, Cached, ChatError, ChatResponse, Stop, ToolUse, Usage};
use crate::llm::wire::body::{Obj, read, tokens};
use crate::llm::wire::headers::malformed;
use crate::llm::wire::raw::{ObjectOut, RawObject};
use crate::llm::wire::sse::put;
use crate::time::Duration;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DocumentOut<'a> {
    metrics: ConverseMetricsOut,
    output: OutputOut<'a>,
    stop_reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_model_response_fields: Option<FieldsOut<'a>>,
    usage: ConverseUsageOut,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConverseMetricsOut {
    latency_ms: u64,
}

impl ConverseMetricsOut {
    pub(super) fn of(took: Duration) -> Self {
        Self { latency_ms: took.us() / 1_000 }
    }
}

#[derive(Serialize)]
struct OutputOut<'a> {
    message: MessageOut<'a>,
}

#[derive(Serialize)]
struct MessageOut<'a> {
    content: Content<'a>,
    role: &'static str,
}

struct Content<'a>(&'a ChatResponse);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let blocks = self.0.content.iter().map(|block| match block {
            Block::Text(text) => BlockOut::Text(text),
            Block::ToolUse(call) => BlockOut::ToolUse(CallOut {
                input: ObjectOut(&call.input),
                name: &call.name,
                tool_use_id: &call.id,
            }),
        });
        serializer.collect_seq(blocks.chain(self.0.refusal.as_deref().map(BlockOut::Text)))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum BlockOut<'a> {
    Text(&'a str),
    ToolUse(CallOut<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallOut<'a> {
    input: ObjectOut<'a>,
    name: &'a str,
    tool_use_id: &'a str,
}

#[derive(Serialize)]
struct FieldsOut<'a> {
    stop_sequence: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ConverseUsageOut {
    input_tokens: u32,
    output_tokens: u32,
    total_tokens: u64,
    cache_read_input_tokens: u32,
    cache_write_input_tokens: u32,
}

impl ConverseUsageOut {
    /// Cached tokens are counted apart from the others.
    pub(super) fn of(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input.saturating_sub(usage.cached.sum()),
            output_tokens: usage.output,
            total_tokens: u64::from(usage.input) + u64::from(usage.output),
            cache_read_input_tokens: usage.cached.read,
            cache_write_input_tokens: usage.cached.written,
        }
    }
}

/// The service's word for why an answer ended.
pub(super) fn stop_reason(stop: &Stop) -> &'static str {
    match stop {
        Stop::EndTurn => "end_turn",
        Stop::MaxTokens => "max_tokens",
        Stop::StopSequence(_) => "stop_sequence",
        Stop::ToolUse => "tool_use",
        Stop::Refusal | Stop::ContentFilter => "content_filtered",
    }
}

/// Writes the body of a 200 that took this long.
pub(super) fn encode_response(response: &ChatResponse, took: Duration, out: &mut Vec<u8>) {
    let stopped = match &response.stop {
        Stop::StopSequence(Some(text)) => Some(FieldsOut { stop_sequence: text }),
        _ => None,
    };
    let document = DocumentOut {
        metrics: ConverseMetricsOut::of(took),
        output: OutputOut { message: MessageOut { content: Content(response), role: "assistant" } },
        stop_reason: stop_reason(&response.stop),
        additional_model_response_fields: stopped,
        usage: ConverseUsageOut::of(response.usage),
    };
    put(out, &document);
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DocumentIn {
    output: Option<Obj<OutputIn>>,
    stop_reason: Option<String>,
    additional_model_response_fields: Option<Obj<StopFieldsIn>>,
    usage: Option<ConverseUsageIn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputIn {
    message: Option<Obj<MessageIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageIn {
    content: Option<Vec<Obj<BlockIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BlockIn {
    text: Option<String>,
    tool_use: Option<Obj<CallIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CallIn {
    tool_use_id: Option<String>,
    name: Option<String>,
    input: Option<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct StopFieldsIn {
    pub(super) stop_sequence: Option<String>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ConverseUsageIn {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

impl ConverseUsageIn {
    pub(super) fn usage(self) -> Usage {
        let cached = Cached {
            read: tokens(self.cache_read_input_tokens),
            written: tokens(self.cache_write_input_tokens),
        };
        Usage {
            input: tokens(self.input_tokens).saturating_add(cached.sum()),
            output: tokens(self.output_tokens),
            reasoning: 0,
            cached,
        }
    }
}

/// The whole answer, from its parts.
pub(super) fn response(
    mut content: Vec<Block>,
    reason: &str,
    stopped: Option<String>,
    usage: ConverseUsageIn,
) -> ChatResponse {
    let stop = match reason {
        "max_tokens" | "model_context_window_exceeded" => Stop::MaxTokens,
        "stop_sequence" => Stop::StopSequence(stopped),
        "tool_use" => Stop::ToolUse,
        "content_filtered" | "guardrail_intervened" => Stop::Refusal,
        _ => Stop::EndTurn,
    };
    let mut refusal = None;
    if stop == Stop::Refusal {
        let words = content.iter().filter_map(|block| match block {
            Block::Text(text) => Some(text.as_str()),
            Block::ToolUse(_) => None,
        });
        let words: String = words.collect();
        refusal = Some(words)
            .filter(|words| !words.is_empty())
            .or_else(|| Some(format!("no answer was given: {reason}")));
        content.clear();
    }
    ChatResponse {
        id: String::new(),
        created: 0,
        model: String::new(),
        content,
        stop,
        usage: usage.usage(),
        refusal,
        logprobs: None,
        others: Vec::new(),
    }
}

fn lacks(field: &str) -> ChatError {
    malformed(format!("answer of Bedrock: {field} is missing"))
}

/// Reads the body of a 200. Reasoning is read over.
///
/// # Errors
/// `Malformed`, naming the field, when the body is not such a document.
pub(super) fn decode_response(body: &[u8]) -> Result<ChatResponse, ChatError> {
    let Obj(document) = read::<Obj<DocumentIn>>(body).map_err(|fault| {
        malformed(format!("answer of Bedrock: {}", super::error::reject(fault)))
    })?;
    let message = document.output.and_then(|Obj(output)| output.message);
    let blocks = message.and_then(|Obj(message)| message.content);
    let mut content = Vec::new();
    for Obj(block) in blocks.ok_or_else(|| lacks("output.message.content"))? {
        if let Some(Obj(call)) = block.tool_use {
            content.push(Block::ToolUse(ToolUse {
                id: call.tool_use_id.ok_or_else(|| lacks("toolUse.toolUseId"))?,
                name: call.name.ok_or_else(|| lacks("toolUse.name"))?,
                input: call.input.ok_or_else(|| lacks("toolUse.input"))?.into_text(),
            }));
        } else if let Some(text) = block.text.filter(|text| !text.is_empty()) {
            content.push(Block::Text(text));
        }
    }
    let reason = document.stop_reason.ok_or_else(|| lacks("stopReason"))?;
    let usage = document.usage.ok_or_else(|| lacks("usage"))?;
    let fields = document.additional_model_response_fields;
    let stopped = fields.and_then(|Obj(fields)| fields.stop_sequence);
    Ok(response(content, &reason, stopped, usage))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::ErrorKind;

    fn answer() -> ChatResponse {
        let call =
            ToolUse { id: "tooluse_1".into(), name: "search".into(), input: r#"{"q":"x"}"#.into() };
        ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: String::new(),
            created: 0,
            model: String::new(),
            content: vec![Block::Text("Let me look.".into()), Block::ToolUse(call)],
            stop: Stop::ToolUse,
            usage: Usage {
                input: 812,
                output: 95,
                reasoning: 0,
                cached: Cached { read: 500, written: 100 },
            },
            refusal: None,
        }
    }

    #[test]
    fn an_answer_has_the_documented_shape() {
        let mut out = Vec::new();
        encode_response(&answer(), Duration::from_us(1_234_567), &mut out);
        let expected = r#"{"metrics":{"latencyMs":1234},"output":{"message":{"content":[{"text":"Let me look."},{"toolUse":{"input":{"q":"x"},"name":"search","toolUseId":"tooluse_1"}}],"role":"assistant"}},"stopReason":"tool_use","usage":{"inputTokens":212,"outputTokens":95,"totalTokens":907,"cacheReadInputTokens":500,"cacheWriteInputTokens":100}}"#;
        assert_eq!(std::str::from_utf8(&out).unwrap(), expected);
        assert_eq!(decode_response(&out).unwrap(), answer());
    }

    #[test]
    fn a_refusal_and_a_stop_text_come_back() {
        let refused = ChatResponse {
            content: vec![],
            stop: Stop::Refusal,
            refusal: Some("I can't help with that.".into()),
            ..answer()
        };
        let stopped = ChatResponse { stop: Stop::StopSequence(Some("END".into())), ..answer() };
        for response in [refused, stopped] {
            let mut out = Vec::new();
            encode_response(&response, Duration::ZERO, &mut out);
            assert_eq!(decode_response(&out).unwrap(), response);
        }
    }

    #[test]
    fn what_is_missing_is_named() {
        for (body, word) in [
            ("{}", "output.message.content"),
            (r#"{"output":{"message":{"content":[]}}}"#, "stopReason"),
            (r#"{"output":{"message":{"content":[]}},"stopReason":"end_turn"}"#, "usage"),
            (r#"{"output":{"message":{"content":[{"toolUse":{}}]}}}"#, "toolUseId"),
            (r#"{"output":{"message":{"content":[{"text":7}]}}}"#, "output.message.content.0.text"),
            ("<html>", "expected value"),
        ] {
            let error = decode_response(body.as_bytes()).unwrap_err();
            assert!(error.kind == ErrorKind::Malformed && error.message.contains(word), "{error}");
        }
    }
}
