//! Anthropic's event stream, in both directions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::{
    AnthropicUsageIn, AnthropicUsageOut, BlockIn, BlockOut, ContentBlocks, MessageOut, ThinkingOut,
    set_refusal_apart, stop_of, stop_words,
};
use super::error::{body, decode_error};
use crate::llm::chat::{Block, ChatError, ChatResponse, ErrorKind, Stop, ToolUse, Usage};
use crate::llm::wire::headers::{Headers, malformed};
use crate::llm::wire::raw::{ObjectOut, RawObject};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::llm::wire::stream::StreamAssembly;

#[derive(Serialize)]
struct StartOut<'a> {
    r#type: &'static str,
    message: MessageOut<'a>,
}

#[derive(Serialize)]
struct BlockStartOut<'a> {
    r#type: &'static str,
    index: usize,
    content_block: BlockOut<'a>,
}

#[derive(Serialize)]
struct BlockDeltaOut<'a> {
    r#type: &'static str,
    index: usize,
    delta: DeltaOut<'a>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum DeltaOut<'a> {
    TextDelta { text: &'a str },
    InputJsonDelta { partial_json: &'a str },
}

#[derive(Serialize)]
struct BlockStopOut {
    r#type: &'static str,
    index: usize,
}

#[derive(Serialize)]
struct EndOut<'a> {
    r#type: &'static str,
    delta: EndDeltaOut<'a>,
    usage: EndUsageOut,
}

#[derive(Serialize)]
struct EndDeltaOut<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

/// Cumulative and complete: langchain-anthropic reads the whole usage here, and none of it at the
/// start.
#[derive(Serialize)]
struct EndUsageOut {
    input_tokens: u32,
    cache_creation_input_tokens: u32,
    cache_read_input_tokens: u32,
    output_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<ThinkingOut>,
}

#[derive(Serialize)]
struct BareOut {
    r#type: &'static str,
}

/// The answer as the service streams it. A tool call's arguments go out as they are, valid JSON or
/// not.
#[must_use]
pub fn encode_stream(response: &ChatResponse, chunking: Chunking) -> Frames {
    let mut frames = Frames::default();
    let content = ContentBlocks(&response.content, response.refusal.as_deref());
    let start = MessageOut {
        id: &response.id,
        r#type: "message",
        role: "assistant",
        model: &response.model,
        content: ContentBlocks(&[], None),
        stop_reason: None,
        stop_sequence: None,
        usage: AnthropicUsageOut::of(Usage {
            output: response.usage.output.min(1),
            reasoning: 0,
            ..response.usage
        }),
    };
    frames.push(Some("message_start"), &StartOut { r#type: "message_start", message: start });
    for (index, block) in content.blocks().enumerate() {
        let (empty, text) = match block {
            BlockOut::Text { text } => (BlockOut::Text { text: "" }, text),
            BlockOut::ToolUse { id, name, input } => {
                (BlockOut::ToolUse { id, name, input: ObjectOut("{}") }, input.0)
            }
        };
        frames.push(
            Some("content_block_start"),
            &BlockStartOut { r#type: "content_block_start", index, content_block: empty },
        );
        if index == 0 {
            frames.push(Some("ping"), &BareOut { r#type: "ping" });
        }
        let (delta, key) = match block {
            BlockOut::Text { .. } => (DeltaOut::TextDelta { text: "" }, "text"),
            BlockOut::ToolUse { .. } => {
                (DeltaOut::InputJsonDelta { partial_json: "" }, "partial_json")
            }
        };
        let delta = BlockDeltaOut { r#type: "content_block_delta", index, delta };
        frames.push_pieces(Some("content_block_delta"), &delta, key, chunking, text);
        frames.push(
            Some("content_block_stop"),
            &BlockStopOut { r#type: "content_block_stop", index },
        );
    }
    let (stop_reason, stop_sequence) = stop_words(&response.stop);
    let end = EndOut {
        r#type: "message_delta",
        delta: EndDeltaOut { stop_reason, stop_sequence },
        usage: EndUsageOut {
            input_tokens: response.usage.input.saturating_sub(response.usage.cached.sum()),
            cache_creation_input_tokens: response.usage.cached.written,
            cache_read_input_tokens: response.usage.cached.read,
            output_tokens: response.usage.output,
            output_tokens_details: ThinkingOut::of(response.usage),
        },
    };
    frames.push(Some("message_delta"), &end);
    frames.push(Some("message_stop"), &BareOut { r#type: "message_stop" });
    frames
}

/// The frame that tells of an error after the 200 has gone out.
#[must_use]
pub fn encode_stream_error(error: &ChatError, request_id: &str) -> Vec<u8> {
    let mut frame = b"event: error\ndata: ".to_vec();
    frame.extend(body(error, request_id).1);
    frame.extend(b"\n\n");
    frame
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EventIn {
    r#type: String,
    message: Option<StartIn>,
    index: u64,
    content_block: Option<BlockIn>,
    delta: Option<DeltaIn>,
    usage: Option<AnthropicUsageIn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct StartIn {
    id: String,
    model: String,
    usage: Option<AnthropicUsageIn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeltaIn {
    r#type: String,
    text: Option<String>,
    partial_json: Option<String>,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

/// A block as far as it has come.
enum Growing {
    Text(String),
    /// A tool call, and the arguments that its first event brought, in case no fragment follows.
    Call(ToolUse, String),
    /// Something that is read over.
    Other,
}

/// An answer as far as it has come.
#[derive(Default)]
pub(super) struct AnthropicAssembly {
    id: String,
    model: String,
    started: bool,
    blocks: BTreeMap<u64, Growing>,
    stop: Option<Stop>,
    usage: AnthropicUsageIn,
    counted: bool,
    done: bool,
}

impl StreamAssembly for AnthropicAssembly {
    // The name of an event is not needed: the data repeats it.
    fn event(&mut self, data: &[u8]) -> Result<(), ChatError> {
        let event: EventIn = serde_json::from_slice(data)
            .map_err(|error| malformed(format!("event of Anthropic: {error}")))?;
        match event.r#type.as_str() {
            "message_start" => {
                let start = event.message.ok_or_else(|| {
                    malformed("event of Anthropic: message_start without message")
                })?;
                self.id = start.id;
                self.model = start.model;
                self.usage = start.usage.unwrap_or_default();
                self.started = true;
            }
            "content_block_start" => {
                let block = event.content_block.ok_or_else(|| {
                    malformed("event of Anthropic: content_block_start without block")
                })?;
                let growing = match block.r#type.as_str() {
                    "text" => Growing::Text(block.text.unwrap_or_default()),
                    "tool_use" => {
                        let need = |field: &str| {
                            malformed(format!("event of Anthropic: tool_use without {field}"))
                        };
                        let (id, name) = (
                            block.id.ok_or_else(|| need("id"))?,
                            block.name.ok_or_else(|| need("name"))?,
                        );
                        let first = block.input.map(RawObject::into_text).unwrap_or_default();
                        Growing::Call(ToolUse { id, name, input: String::new() }, first)
                    }
                    _ => Growing::Other,
                };
                self.blocks.insert(event.index, growing);
            }
            "content_block_delta" => {
                let delta = event.delta.ok_or_else(|| {
                    malformed("event of Anthropic: content_block_delta without delta")
                })?;
                match (self.blocks.get_mut(&event.index), delta.r#type.as_str()) {
                    (None, _) => {
                        return Err(malformed(format!(
                            "event of Anthropic: delta for block {} that never began",
                            event.index
                        )));
                    }
                    (Some(Growing::Text(text)), "text_delta") => {
                        text.push_str(&delta.text.unwrap_or_default())
                    }
                    (Some(Growing::Call(call, _)), "input_json_delta") => {
                        call.input.push_str(&delta.partial_json.unwrap_or_default())
                    }
                    _ => {}
                }
            }
            "message_delta" => {
                if let Some(delta) = event.delta {
                    self.stop = Some(stop_of(delta.stop_reason.as_deref(), delta.stop_sequence));
                }
                if let Some(usage) = event.usage {
                    // Cumulative; what is not told again stays as the start told it.
                    self.counted |= usage.output_tokens.is_some();
                    self.usage.output_tokens = usage.output_tokens.or(self.usage.output_tokens);
                    self.usage.output_tokens_details =
                        usage.output_tokens_details.or(self.usage.output_tokens_details.take());
                    self.usage.input_tokens = usage.input_tokens.or(self.usage.input_tokens);
                    self.usage.cache_creation_input_tokens = usage
                        .cache_creation_input_tokens
                        .or(self.usage.cache_creation_input_tokens);
                    self.usage.cache_read_input_tokens =
                        usage.cache_read_input_tokens.or(self.usage.cache_read_input_tokens);
                }
            }
            "message_stop" => self.done = true,
            "error" => {
                return Err(decode_error(500, &Headers { pairs: &[], received_us: 0 }, data));
            }
            // Pings, the end of a block, and whatever is new.
            _ => {}
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn finish(self: Box<Self>) -> Result<ChatResponse, ChatError> {
        if !self.done {
            return Err(ChatError::new(
                ErrorKind::Cut,
                "the stream of Anthropic ended before message_stop",
            ));
        }
        let Some(stop) = self.stop.filter(|_| self.started && self.counted) else {
            return Err(malformed(
                "the stream of Anthropic lacks message_start, stop reason or usage",
            ));
        };
        let content = self.blocks.into_values().filter_map(|block| match block {
            Growing::Text(text) => (!text.is_empty()).then_some(Block::Text(text)),
            Growing::Call(call, first) => {
                let input = if call.input.is_empty() { first } else { call.input };
                Some(Block::ToolUse(ToolUse { input, ..call }))
            }
            Growing::Other => None,
        });
        let mut response = ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: self.id,
            created: 0,
            model: self.model,
            content: content.collect(),
            stop,
            usage: self.usage.usage(),
            refusal: None,
        };
        set_refusal_apart(&mut response);
        Ok(response)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer() -> ChatResponse {
        ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: "msg_1".into(),
            created: 0,
            model: "claude-x".into(),
            content: vec![
                Block::Text("Hi there".into()),
                Block::ToolUse(ToolUse {
                    id: "toolu_1".into(),
                    name: "find".into(),
                    input: "{\"q\": 1}".into(),
                }),
            ],
            stop: Stop::ToolUse,
            usage: Usage::uncached(25, 15),
            refusal: None,
        }
    }

    #[test]
    fn the_events_are_those_of_the_documentation_in_its_order() {
        let expected = r#"event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":1,"service_tier":"standard"}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: ping
data: {"type":"ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi "}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"there"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"toolu_1","name":"find","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\"q\": "}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":25,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

"#;
        let frames = encode_stream(&answer(), Chunking::Words);
        assert_eq!(std::str::from_utf8(frames.bytes()).unwrap(), expected);
        assert_eq!(frames.len(), 12);
        assert_eq!(frames.iter().collect::<Vec<_>>().concat(), frames.bytes());
    }

    #[test]
    fn a_cut_stream_is_told_from_a_whole_one_and_from_an_error() {
        let data: Vec<String> =
            String::from_utf8(encode_stream(&answer(), Chunking::Whole).into_bytes())
                .unwrap()
                .lines()
                .filter_map(|line| Some(line.strip_prefix("data: ")?.to_owned()))
                .collect();
        for kept in 0..=data.len() {
            let mut assembly = Box::new(AnthropicAssembly::default());
            data[..kept].iter().for_each(|event| assembly.event(event.as_bytes()).unwrap());
            match assembly.finish() {
                Ok(response) => assert!(kept == data.len() && response == answer()),
                Err(error) => assert!(kept < data.len() && error.kind == ErrorKind::Cut),
            }
        }
        let error =
            encode_stream_error(&ChatError::new(ErrorKind::Overloaded, "Overloaded"), "req_1");
        let text = String::from_utf8(error).unwrap();
        assert_eq!(
            text,
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"},\"request_id\":\"req_1\"}\n\n"
        );
        let data = text.lines().nth(1).unwrap().strip_prefix("data: ").unwrap();
        assert_eq!(
            AnthropicAssembly::default().event(data.as_bytes()).unwrap_err().kind,
            ErrorKind::Overloaded
        );
    }
}
