//! The body of a request as it was sent.
//!
//! Does not know: what a service makes of it.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::llm::wire::body::{Obj, Present, TextOrList};
use crate::llm::wire::raw::RawObject;

/// The body as sent. What goes back in the answer as it came is kept as it came.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ResponsesBodyIn<'a> {
    pub(super) model: Option<String>,
    #[serde(borrow)]
    pub(super) input: Option<TextOrList<Obj<ConversationItemIn<'a>>>>,
    pub(super) instructions: Option<String>,
    #[serde(borrow)]
    pub(super) tools: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) tool_choice: Option<&'a RawValue>,
    pub(super) parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    pub(super) text: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) reasoning: Option<Obj<ReasoningIn<'a>>>,
    pub(super) max_output_tokens: Option<i64>,
    pub(super) max_tool_calls: Option<i64>,
    pub(super) store: Option<bool>,
    pub(super) background: Option<bool>,
    pub(super) previous_response_id: Option<String>,
    #[serde(borrow)]
    pub(super) conversation: Option<&'a RawValue>,
    pub(super) include: Option<Vec<String>>,
    pub(super) truncation: Option<String>,
    pub(super) metadata: Option<RawObject>,
    pub(super) temperature: Option<f64>,
    pub(super) top_p: Option<f64>,
    pub(super) top_logprobs: Option<i64>,
    pub(super) service_tier: Option<String>,
    pub(super) prompt_cache_key: Option<String>,
    pub(super) prompt_cache_retention: Option<String>,
    pub(super) safety_identifier: Option<String>,
    pub(super) user: Option<String>,
    pub(super) stream: Option<bool>,
    // Words of chat completions, and what is not simulated.
    pub(super) messages: Present,
    pub(super) max_tokens: Present,
    pub(super) max_completion_tokens: Present,
    pub(super) response_format: Present,
    pub(super) reasoning_effort: Present,
    pub(super) functions: Present,
    pub(super) stop: Present,
    pub(super) n: Present,
    pub(super) seed: Present,
    pub(super) prompt: Present,
}

/// How the model shall reason.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ReasoningIn<'a> {
    pub(super) effort: Option<String>,
    #[serde(borrow)]
    pub(super) summary: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) generate_summary: Option<&'a RawValue>,
}

/// An item of a conversation.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ConversationItemIn<'a> {
    pub(super) r#type: Option<String>,
    pub(super) id: Option<String>,
    pub(super) role: Option<String>,
    #[serde(borrow)]
    pub(super) content: Option<&'a RawValue>,
    pub(super) call_id: Option<String>,
    pub(super) name: Option<String>,
    pub(super) arguments: Option<String>,
    #[serde(borrow)]
    pub(super) output: Option<&'a RawValue>,
    pub(super) encrypted_content: Option<String>,
}

/// A part of what an item holds.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemPartIn {
    pub(super) r#type: Option<String>,
    pub(super) text: Option<String>,
    pub(super) refusal: Option<String>,
    pub(super) detail: Option<String>,
    pub(super) image_url: Option<String>,
    pub(super) file_data: Option<String>,
    pub(super) input_audio: Option<Obj<ItemSoundIn>>,
}

/// A sound.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ItemSoundIn {
    pub(super) data: Option<String>,
}

/// A tool.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FlatToolIn {
    pub(super) r#type: Option<String>,
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<RawObject>,
}

/// The choice of a tool.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FlatChoiceIn {
    pub(super) r#type: Option<String>,
    pub(super) name: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) tools: Option<Vec<Obj<FlatToolIn>>>,
}

/// The form of the text.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TextOptionsIn<'a> {
    #[serde(borrow)]
    pub(super) format: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(super) verbosity: Option<&'a RawValue>,
}

/// The schema of the text.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TextFormatIn {
    pub(super) r#type: Option<String>,
    pub(super) name: Option<String>,
    pub(super) schema: Option<RawObject>,
    pub(super) strict: Option<bool>,
}

/// A conversation by its id, as an object.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ConversationIn {
    pub(super) id: Option<String>,
}
