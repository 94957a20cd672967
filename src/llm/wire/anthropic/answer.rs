//! Anthropic's answer as one JSON document, in both directions.

use serde::{Deserialize, Serialize, Serializer};

use crate::llm::chat::{Block, Cached, ChatError, ChatResponse, Stop, ToolUse, Usage};
use crate::llm::wire::body::{Obj, read, tokens};
use crate::llm::wire::headers::malformed;
use crate::llm::wire::raw::{ObjectOut, RawObject};
use crate::llm::wire::sse::put;

#[derive(Serialize)]
pub(super) struct MessageOut<'a> {
    pub(super) id: &'a str,
    pub(super) r#type: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: ContentBlocks<'a>,
    pub(super) stop_reason: Option<&'static str>,
    pub(super) stop_sequence: Option<&'a str>,
    pub(super) usage: AnthropicUsageOut,
}

/// All blocks of an answer; the words of a refusal are a text block of their own.
pub(super) struct ContentBlocks<'a>(pub(super) &'a [Block], pub(super) Option<&'a str>);

impl<'a> ContentBlocks<'a> {
    pub(super) fn blocks(&self) -> impl Iterator<Item = BlockOut<'a>> + use<'a> {
        let blocks = self.0.iter().map(|block| match block {
            Block::Text(text) => BlockOut::Text { text },
            Block::ToolUse(call) => {
                BlockOut::ToolUse { id: &call.id, name: &call.name, input: ObjectOut(&call.input) }
            }
        });
        blocks.chain(self.1.map(|text| BlockOut::Text { text }))
    }
}

impl Serialize for ContentBlocks<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.blocks())
    }
}

#[derive(Clone, Copy, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum BlockOut<'a> {
    Text { text: &'a str },
    ToolUse { id: &'a str, name: &'a str, input: ObjectOut<'a> },
}

#[derive(Serialize)]
pub(super) struct AnthropicUsageOut {
    pub(super) input_tokens: u32,
    pub(super) cache_creation_input_tokens: u32,
    pub(super) cache_read_input_tokens: u32,
    pub(super) output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) output_tokens_details: Option<ThinkingOut>,
    pub(super) service_tier: &'static str,
}

/// How many output tokens the model thought with; told where it did.
#[derive(Serialize)]
pub(super) struct ThinkingOut {
    thinking_tokens: u32,
}

impl ThinkingOut {
    pub(super) fn of(usage: Usage) -> Option<Self> {
        (usage.reasoning > 0).then_some(Self { thinking_tokens: usage.reasoning })
    }
}

impl AnthropicUsageOut {
    pub(super) fn of(usage: Usage) -> Self {
        Self {
            // The service counts cached input apart.
            input_tokens: usage.input.saturating_sub(usage.cached.sum()),
            cache_creation_input_tokens: usage.cached.written,
            cache_read_input_tokens: usage.cached.read,
            output_tokens: usage.output,
            output_tokens_details: ThinkingOut::of(usage),
            service_tier: "standard",
        }
    }
}

/// The service's word for why an answer ended, and the text it ended at.
pub(super) fn stop_words(stop: &Stop) -> (&'static str, Option<&str>) {
    match stop {
        Stop::EndTurn => ("end_turn", None),
        Stop::MaxTokens => ("max_tokens", None),
        Stop::StopSequence(text) => ("stop_sequence", text.as_deref()),
        Stop::ToolUse => ("tool_use", None),
        Stop::Refusal | Stop::ContentFilter => ("refusal", None),
    }
}

/// What such a word means. A paused turn and words still to be invented count as an end.
pub(super) fn stop_of(reason: Option<&str>, sequence: Option<String>) -> Stop {
    match reason {
        Some("max_tokens" | "model_context_window_exceeded") => Stop::MaxTokens,
        Some("stop_sequence") => Stop::StopSequence(sequence),
        Some("tool_use") => Stop::ToolUse,
        Some("refusal") => Stop::Refusal,
        _ => Stop::EndTurn,
    }
}

/// Moves the words of a refusal to where they belong.
pub(super) fn set_refusal_apart(response: &mut ChatResponse) {
    if response.stop == Stop::Refusal {
        let text = response.text();
        response.refusal = (!text.is_empty()).then_some(text);
        response.content.clear();
    }
}

/// Writes the body of a 200.
pub fn encode_response(response: &ChatResponse, out: &mut Vec<u8>) {
    let (stop_reason, stop_sequence) = stop_words(&response.stop);
    put(
        out,
        &MessageOut {
            id: &response.id,
            r#type: "message",
            role: "assistant",
            model: &response.model,
            content: ContentBlocks(&response.content, response.refusal.as_deref()),
            stop_reason: Some(stop_reason),
            stop_sequence,
            usage: AnthropicUsageOut::of(response.usage),
        },
    );
}

/// Writes the body of a 200 to `POST /v1/messages/count_tokens`.
pub fn encode_count(input_tokens: u32, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    struct CountOut {
        input_tokens: u32,
    }
    put(out, &CountOut { input_tokens });
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageIn {
    id: String,
    model: String,
    content: Option<Vec<Obj<BlockIn>>>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
    usage: Option<AnthropicUsageIn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct BlockIn {
    pub(super) r#type: String,
    pub(super) text: Option<String>,
    pub(super) id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) input: Option<RawObject>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct AnthropicUsageIn {
    pub(super) input_tokens: Option<u64>,
    pub(super) cache_creation_input_tokens: Option<u64>,
    pub(super) cache_read_input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    pub(super) output_tokens_details: Option<ThinkingIn>,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct ThinkingIn {
    thinking_tokens: Option<u64>,
}

impl AnthropicUsageIn {
    /// Input tokens with the cached ones, which the service counts apart.
    pub(super) fn input(&self) -> u32 {
        let cached = self
            .cache_creation_input_tokens
            .unwrap_or_default()
            .saturating_add(self.cache_read_input_tokens.unwrap_or_default());
        tokens(Some(self.input_tokens.unwrap_or_default().saturating_add(cached)))
    }

    /// All that it counts.
    pub(super) fn usage(&self) -> Usage {
        let cached = Cached {
            read: tokens(self.cache_read_input_tokens),
            written: tokens(self.cache_creation_input_tokens),
        };
        let details = self.output_tokens_details.unwrap_or_default();
        Usage {
            input: self.input(),
            output: tokens(self.output_tokens),
            reasoning: tokens(details.thinking_tokens),
            cached,
        }
    }
}

/// Reads the body of a 200. Blocks other than text and tool calls (thinking, for one) are read
/// over, and so is an empty text.
///
/// # Errors
/// `Malformed`, naming the field, when the body is not such a message.
pub fn decode_response(body: &[u8]) -> Result<ChatResponse, ChatError> {
    let Obj(message) = read::<Obj<MessageIn>>(body).map_err(|fault| {
        malformed(format!("answer of Anthropic: {}", super::error::reject(fault)))
    })?;
    let usage = message.usage.ok_or_else(|| malformed("answer of Anthropic: no usage"))?;
    let mut content = Vec::new();
    for (i, Obj(block)) in message
        .content
        .ok_or_else(|| malformed("answer of Anthropic: no content"))?
        .into_iter()
        .enumerate()
    {
        let need = |field: &str| malformed(format!("answer of Anthropic: no content.{i}.{field}"));
        match block.r#type.as_str() {
            "text" => content.extend(block.text.filter(|text| !text.is_empty()).map(Block::Text)),
            "tool_use" => content.push(Block::ToolUse(ToolUse {
                id: block.id.ok_or_else(|| need("id"))?,
                name: block.name.ok_or_else(|| need("name"))?,
                input: block.input.ok_or_else(|| need("input"))?.into_text(),
            })),
            _ => {}
        }
    }
    let mut response = ChatResponse {
        logprobs: None,
        others: Vec::new(),
        id: message.id,
        created: 0,
        model: message.model,
        content,
        stop: stop_of(message.stop_reason.as_deref(), message.stop_sequence),
        usage: usage.usage(),
        refusal: None,
    };
    set_refusal_apart(&mut response);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::ErrorKind;

    fn answer() -> ChatResponse {
        ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: "msg_01A".into(),
            created: 0,
            model: "claude-opus-4-20250514".into(),
            content: vec![
                Block::Text("Let me look.".into()),
                Block::ToolUse(ToolUse {
                    id: "toolu_01B".into(),
                    name: "search_v1".into(),
                    input: r#"{"query":"q-learning"}"#.into(),
                }),
            ],
            stop: Stop::ToolUse,
            usage: Usage::uncached(812, 95),
            refusal: None,
        }
    }

    fn encoded(response: &ChatResponse) -> String {
        let mut out = Vec::new();
        encode_response(response, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn an_answer_has_the_documented_shape() {
        let expected = r#"{"id":"msg_01A","type":"message","role":"assistant","model":"claude-opus-4-20250514","content":[{"type":"text","text":"Let me look."},{"type":"tool_use","id":"toolu_01B","name":"search_v1","input":{"query":"q-learning"}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":812,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":95,"service_tier":"standard"}}"#;
        assert_eq!(encoded(&answer()), expected);
        assert_eq!(decode_response(expected.as_bytes()).unwrap(), answer());
    }

    #[test]
    fn a_refusal_is_a_text_with_a_reason() {
        let refused = ChatResponse {
            content: vec![],
            stop: Stop::Refusal,
            refusal: Some("I can't help with that.".into()),
            ..answer()
        };
        let json = encoded(&refused);
        assert!(json.contains(r#""content":[{"type":"text","text":"I can't help with that."}],"stop_reason":"refusal""#), "{json}");
        assert_eq!(decode_response(json.as_bytes()).unwrap(), refused);
    }

    #[test]
    fn arguments_that_are_no_json_are_wrapped_and_come_back() {
        let mut broken = answer();
        broken.content = vec![Block::ToolUse(ToolUse {
            id: "t".into(),
            name: "n".into(),
            input: "{\"query\": \"q".into(),
        })];
        let json = encoded(&broken);
        assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok());
        assert_eq!(decode_response(json.as_bytes()).unwrap(), broken);
    }

    #[test]
    fn newer_fields_and_blocks_are_read_over_and_cached_tokens_count() {
        let body = r#"{"id":"m","model":"x","container":null,"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"yes","citations":null}],
            "stop_reason":"model_context_window_exceeded","usage":{"input_tokens":1,"cache_read_input_tokens":20,"cache_creation_input_tokens":300,"output_tokens":4,"server_tool_use":null}}"#;
        let response = decode_response(body.as_bytes()).unwrap();
        assert_eq!(
            (response.text().as_str(), &response.stop, response.usage),
            (
                "yes",
                &Stop::MaxTokens,
                Usage {
                    input: 321,
                    output: 4,
                    reasoning: 0,
                    cached: Cached { read: 20, written: 300 }
                }
            )
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (body, word) in [
            ("{}", "usage"),
            (r#"{"usage":{}}"#, "content"),
            (
                r#"{"usage":{},"content":[{"type":"tool_use","id":"x","input":{}}]}"#,
                "content.0.name",
            ),
            (r#"{"usage":{},"content":[{"type":"text","text":7}]}"#, "content.0.text"),
            ("<html>", "JSON"),
        ] {
            let error = decode_response(body.as_bytes()).unwrap_err();
            assert!(error.kind == ErrorKind::Malformed && error.message.contains(word), "{error}");
        }
    }
}
