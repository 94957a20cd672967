//! ConverseStream, in both directions: binary messages, each with a piece of the answer; the last
//! two say why it ended and what was used.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer::{
    ConverseMetricsOut, ConverseUsageIn, ConverseUsageOut, StopFieldsIn, response, stop_reason,
};
use super::error::{in_stream, kind_named};
use crate::llm::chat::{Block, ChatError, ChatResponse, ErrorKind, Stop, ToolUse};
use crate::llm::wire::body::{Obj, read};
use crate::llm::wire::event_stream::push_message;
use crate::llm::wire::headers::malformed;
use crate::llm::wire::sse::{Chunking, Frames, put};
use crate::llm::wire::stream::StreamAssembly;
use crate::time::Duration;

/// A message with a payload of JSON.
fn message(kind: &str, name: &str, payload: &[u8]) -> Vec<u8> {
    let type_name = if kind == "event" { ":event-type" } else { ":exception-type" };
    let headers =
        [(type_name, name), (":content-type", "application/json"), (":message-type", kind)];
    let mut out = Vec::with_capacity(payload.len() + 128);
    push_message(&mut out, &headers, payload);
    out
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetadataOut {
    usage: ConverseUsageOut,
    metrics: ConverseMetricsOut,
}

/// The answer, which took this long, as the service streams it.
pub(super) fn encode_stream(response: &ChatResponse, took: Duration, chunking: Chunking) -> Frames {
    let mut frames = Frames::default();
    let mut push = |name: &str, payload: &Value| {
        frames.push_frame(&message("event", name, payload.to_string().as_bytes()));
    };
    push("messageStart", &json!({ "role": "assistant" }));
    let refused = response.refusal.clone().map(Block::Text);
    for (index, block) in response.content.iter().chain(&refused).enumerate() {
        let delta = |delta: Value| json!({ "contentBlockIndex": index, "delta": delta });
        match block {
            Block::Text(text) => {
                for piece in chunking.pieces(text) {
                    push("contentBlockDelta", &delta(json!({ "text": piece })));
                }
            }
            Block::ToolUse(call) => {
                let start = json!({ "toolUse": { "name": call.name, "toolUseId": call.id } });
                push("contentBlockStart", &json!({ "contentBlockIndex": index, "start": start }));
                for piece in chunking.pieces(&call.input) {
                    push("contentBlockDelta", &delta(json!({ "toolUse": { "input": piece } })));
                }
            }
        }
        push("contentBlockStop", &json!({ "contentBlockIndex": index }));
    }
    let reason = stop_reason(&response.stop);
    let stop = match &response.stop {
        Stop::StopSequence(Some(text)) => json!({
            "stopReason": reason, "additionalModelResponseFields": { "stop_sequence": text },
        }),
        _ => json!({ "stopReason": reason }),
    };
    push("messageStop", &stop);
    let mut payload = Vec::new();
    put(
        &mut payload,
        &MetadataOut {
            usage: ConverseUsageOut::of(response.usage),
            metrics: ConverseMetricsOut::of(took),
        },
    );
    frames.push_frame(&message("event", "metadata", &payload));
    frames
}

/// The message that tells of an error after the 200 has gone out.
pub(super) fn encode_stream_error(error: &ChatError) -> Vec<u8> {
    let (name, payload) = in_stream(error);
    message("exception", name, &payload)
}

/// One message: its type is the name of the field.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct EventIn {
    content_block_start: Option<Obj<StartIn>>,
    content_block_delta: Option<Obj<DeltaIn>>,
    message_stop: Option<Obj<StopIn>>,
    metadata: Option<Obj<MetadataIn>>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StartIn {
    content_block_index: u64,
    start: Option<Obj<BlockStartIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BlockStartIn {
    tool_use: Option<Obj<CallStartIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CallStartIn {
    tool_use_id: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct DeltaIn {
    content_block_index: u64,
    delta: Option<Obj<PieceIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PieceIn {
    text: Option<String>,
    tool_use: Option<Obj<InputIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct InputIn {
    input: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StopIn {
    stop_reason: Option<String>,
    additional_model_response_fields: Option<Obj<StopFieldsIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetadataIn {
    usage: Option<ConverseUsageIn>,
}

/// An answer as far as it has come.
#[derive(Default)]
pub(super) struct ConverseAssembly {
    blocks: BTreeMap<u64, Block>,
    stopped: Option<(String, Option<String>)>,
    usage: Option<ConverseUsageIn>,
}

impl StreamAssembly for ConverseAssembly {
    fn event(&mut self, data: &[u8]) -> Result<(), ChatError> {
        let Obj(event) = read::<Obj<EventIn>>(data).map_err(|fault| {
            malformed(format!("message of Bedrock: {}", super::error::reject(fault)))
        })?;
        let fault = event.other.iter().find(|(name, _)| name.ends_with("Exception"));
        if let Some((name, told)) = fault {
            let words = told.get("message").and_then(Value::as_str).unwrap_or(name);
            return Err(ChatError {
                code: Some(name.clone()),
                ..ChatError::new(kind_named(name).unwrap_or(ErrorKind::Server), words)
            });
        }
        if let Some(Obj(start)) = event.content_block_start
            && let Some(Obj(call)) = start.start.and_then(|Obj(block)| block.tool_use)
        {
            let (id, name, input) = (call.tool_use_id, call.name, String::new());
            let call = Block::ToolUse(ToolUse { id, name, input });
            self.blocks.insert(start.content_block_index, call);
        }
        if let Some(Obj(DeltaIn { content_block_index, delta: Some(Obj(piece)) })) =
            event.content_block_delta
        {
            let new = || Block::Text(String::new());
            match (piece.text, piece.tool_use) {
                (Some(text), _) => match self.blocks.entry(content_block_index).or_insert_with(new)
                {
                    Block::Text(all) => all.push_str(&text),
                    Block::ToolUse(_) => return Err(malformed("text inside of a tool call")),
                },
                (None, Some(Obj(input))) => match self.blocks.get_mut(&content_block_index) {
                    Some(Block::ToolUse(call)) => call.input.push_str(&input.input),
                    _ => return Err(malformed("a tool call of Bedrock has no beginning")),
                },
                // Reasoning is read over.
                (None, None) => {}
            }
        }
        if let Some(Obj(stop)) = event.message_stop {
            let reason = stop
                .stop_reason
                .ok_or_else(|| malformed("message of Bedrock: no messageStop.stopReason"))?;
            let fields = stop.additional_model_response_fields;
            self.stopped = Some((reason, fields.and_then(|Obj(fields)| fields.stop_sequence)));
        }
        if let Some(Obj(metadata)) = event.metadata {
            self.usage = Some(metadata.usage.unwrap_or_default());
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.usage.is_some()
    }

    fn finish(self: Box<Self>) -> Result<ChatResponse, ChatError> {
        let (Some(usage), Some((reason, stopped))) = (self.usage, self.stopped) else {
            let words = "the stream of Bedrock ended before its metadata";
            return Err(ChatError::new(ErrorKind::Cut, words));
        };
        Ok(response(self.blocks.into_values().collect(), &reason, stopped, usage))
    }
}
