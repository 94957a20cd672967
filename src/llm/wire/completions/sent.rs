//! The body of a request as it was sent.
//!
//! Does not know: what a service makes of it.

use serde::Deserialize;

use crate::llm::wire::body::{Obj, Present, TextOrList, TextOrObject};
use crate::llm::wire::raw::{Arguments, RawObject};

/// The body as sent, with the words of all services.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::llm::wire) struct BodyIn {
    pub(super) model: Option<String>,
    pub(super) messages: Option<Vec<Obj<MessageIn>>>,
    pub(super) tools: Option<Vec<Obj<ToolIn>>>,
    pub(super) tool_choice: Option<TextOrObject<ChoiceIn>>,
    pub(super) parallel_tool_calls: Option<bool>,
    pub(super) response_format: Option<Obj<FormatIn>>,
    pub(in crate::llm::wire) max_tokens: Option<i64>,
    pub(in crate::llm::wire) max_completion_tokens: Option<i64>,
    pub(in crate::llm::wire) temperature: Option<f64>,
    pub(in crate::llm::wire) top_p: Option<f64>,
    pub(in crate::llm::wire) presence_penalty: Option<f64>,
    pub(in crate::llm::wire) frequency_penalty: Option<f64>,
    pub(in crate::llm::wire) logprobs: Option<bool>,
    pub(in crate::llm::wire) top_logprobs: Option<i64>,
    pub(in crate::llm::wire) reasoning_effort: Option<String>,
    pub(super) stop: Option<TextOrList<String>>,
    pub(super) n: Option<i64>,
    pub(in crate::llm::wire) seed: Option<i64>,
    pub(in crate::llm::wire) random_seed: Option<i64>,
    pub(in crate::llm::wire) user: Option<String>,
    pub(super) safety_identifier: Option<String>,
    pub(super) metadata: Option<Obj<MetadataIn>>,
    pub(super) stream: Option<bool>,
    pub(super) stream_options: Option<Obj<StreamOptionsIn>>,
    // Words that some or all refuse.
    pub(in crate::llm::wire) functions: Present,
    pub(in crate::llm::wire) function_call: Present,
    pub(in crate::llm::wire) store: Present,
    pub(in crate::llm::wire) logit_bias: Present,
    pub(in crate::llm::wire) top_k: Present,
    pub(in crate::llm::wire) system: Present,
    pub(in crate::llm::wire) stop_sequences: Present,
    pub(in crate::llm::wire) thinking: Present,
    pub(in crate::llm::wire) safe_prompt: Present,
    pub(in crate::llm::wire) output_config: Present,
    pub(in crate::llm::wire) extra_body: Present,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ToolIn {
    pub(super) r#type: Option<String>,
    pub(super) function: Option<Obj<SentFunction>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SentFunction {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) parameters: Option<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChoiceIn {
    pub(super) r#type: Option<String>,
    pub(super) function: Option<Obj<NameIn>>,
    pub(super) allowed_tools: Option<Obj<AllowedToolsIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct AllowedToolsIn {
    pub(super) mode: Option<String>,
    pub(super) tools: Option<Vec<Obj<ChosenIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ChosenIn {
    pub(super) function: Option<Obj<NameIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NameIn {
    pub(super) name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FormatIn {
    pub(super) r#type: Option<String>,
    pub(super) json_schema: Option<Obj<SchemaIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SchemaIn {
    pub(super) name: Option<String>,
    pub(super) schema: Option<RawObject>,
    pub(super) strict: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MetadataIn {
    pub(super) user_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct StreamOptionsIn {
    pub(super) include_usage: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct MessageIn {
    pub(super) role: Option<String>,
    pub(super) content: Option<TextOrList<Obj<SentPart>>>,
    pub(super) refusal: Option<String>,
    pub(super) tool_calls: Option<Vec<Obj<SentCall>>>,
    pub(super) tool_call_id: Option<String>,
    pub(super) prefix: Option<bool>,
    pub(super) function_call: Present,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SentPart {
    pub(super) r#type: Option<String>,
    pub(super) text: Option<String>,
    pub(super) refusal: Option<String>,
    pub(super) image_url: Option<TextOrObject<ImageIn>>,
    pub(super) input_audio: Option<TextOrObject<SoundIn>>,
    pub(super) file: Option<Obj<FileIn>>,
    pub(super) document_url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ImageIn {
    pub(super) url: Option<String>,
    pub(super) detail: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SoundIn {
    pub(super) data: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FileIn {
    pub(super) file_data: Option<String>,
    pub(super) file_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SentCall {
    pub(super) id: Option<String>,
    pub(super) r#type: Option<String>,
    pub(super) function: Option<Obj<CalledIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CalledIn {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Arguments>,
}
