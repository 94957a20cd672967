//! The request as the live client sends it.

use serde::{Serialize, Serializer};

use crate::llm::chat::{
    Caching, ChatRequest, ContentPart, Message, OfferedTool, Output, Role, ToolChoice,
};
use crate::llm::wire::raw::ObjectOut;
use crate::llm::wire::sse::put;

/// What is sent as `max_tokens`, which the service insists on, when a request has no cap:
/// langchain-anthropic's default.
pub const DEFAULT_MAX_TOKENS: u32 = 1024;

#[derive(Serialize)]
struct BodyOut<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<SystemOut<'a>>,
    messages: Messages<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChoiceOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<MetadataOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<ConfigOut<'a>>,
    /// The provider marks the last part of the prompt that can be cached by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
    stream: bool,
}

/// Five minutes, renewed by every use.
#[derive(Serialize)]
struct CacheControl {
    r#type: &'static str,
}

const EPHEMERAL: CacheControl = CacheControl { r#type: "ephemeral" };

/// The system prompt: a string, or a block that is kept for other conversations. Tools stand before
/// it in the provider's order, so they are kept with it.
#[derive(Serialize)]
#[serde(untagged)]
enum SystemOut<'a> {
    Text(&'a str),
    Kept([KeptText<'a>; 1]),
}

#[derive(Serialize)]
struct KeptText<'a> {
    r#type: &'static str,
    text: &'a str,
    cache_control: CacheControl,
}

struct Messages<'a>(&'a [Message]);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|message| MessageOut {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: ContentOut(&message.content),
        }))
    }
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: ContentOut<'a>,
}

/// Plain words as a string, anything else as blocks.
struct ContentOut<'a>(&'a [ContentPart]);

impl Serialize for ContentOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [] => serializer.serialize_str(""),
            [ContentPart::Text(text)] => serializer.serialize_str(text),
            parts => serializer.collect_seq(parts.iter().map(|part| match part {
                ContentPart::Text(text) => BlockOut::Text { text },
                ContentPart::ToolUse(call) => BlockOut::ToolUse {
                    id: &call.id,
                    name: &call.name,
                    input: ObjectOut(&call.input),
                },
                ContentPart::ToolResult(result) => BlockOut::ToolResult {
                    tool_use_id: &result.id,
                    content: &result.content,
                    is_error: result.is_error,
                },
            })),
        }
    }
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum BlockOut<'a> {
    Text {
        text: &'a str,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: ObjectOut<'a>,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a str,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
}

struct Tools<'a>(&'a [OfferedTool]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|tool| ToolOut {
            name: &tool.name,
            description: &tool.description,
            input_schema: ObjectOut(&tool.schema),
        }))
    }
}

#[derive(Serialize)]
struct ToolOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: ObjectOut<'a>,
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

#[derive(Serialize)]
struct MetadataOut<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct ConfigOut<'a> {
    format: FormatOut<'a>,
}

#[derive(Serialize)]
struct FormatOut<'a> {
    r#type: &'static str,
    schema: ObjectOut<'a>,
}

/// Writes the body of `POST /v1/messages`. What the service has no word for (a seed, a bare JSON
/// object as output) is left out; without a cap, [`DEFAULT_MAX_TOKENS`] is sent.
pub fn encode_request(request: &ChatRequest, out: &mut Vec<u8>) {
    let disable_parallel_tool_use =
        !request.parallel_tools && request.tool_choice != ToolChoice::None;
    let (kind, name) = match &request.tool_choice {
        ToolChoice::Auto => ("auto", None),
        ToolChoice::Any => ("any", None),
        ToolChoice::None => ("none", None),
        ToolChoice::Named(name) => ("tool", Some(name.as_str())),
    };
    let spoken = !request.tools.is_empty() && (kind != "auto" || disable_parallel_tool_use);
    let body = BodyOut {
        model: &request.model,
        max_tokens: request.max_tokens.unwrap_or(DEFAULT_MAX_TOKENS),
        system: request.system.as_deref().map(|text| match request.caching {
            // An empty block cannot be kept.
            Caching::Shared if !text.is_empty() => {
                SystemOut::Kept([KeptText { r#type: "text", text, cache_control: EPHEMERAL }])
            }
            _ => SystemOut::Text(text),
        }),
        messages: Messages(&request.messages),
        tools: (!request.tools.is_empty()).then_some(Tools(&request.tools)),
        tool_choice: spoken.then_some(ChoiceOut { r#type: kind, name, disable_parallel_tool_use }),
        temperature: request.temperature,
        top_p: request.top_p,
        stop_sequences: &request.stop,
        metadata: request.user.as_deref().map(|user_id| MetadataOut { user_id }),
        output_config: match &request.output {
            Output::JsonSchema { schema, .. } => Some(ConfigOut {
                format: FormatOut { r#type: "json_schema", schema: ObjectOut(schema) },
            }),
            Output::Text | Output::JsonObject | Output::OneOf(_) => None,
        },
        cache_control: (request.caching != Caching::Off).then_some(EPHEMERAL),
        stream: request.stream,
    };
    put(out, &body);
}
