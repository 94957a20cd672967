//! The request as the live client sends it.

use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};

use super::dialect::{CompletionWords, Dialect};
use crate::llm::chat::{ChatRequest, ContentPart, OfferedTool, Output, Role, ToolChoice, ToolUse};
use crate::llm::wire::raw::ObjectOut;
use crate::llm::wire::sse::put;

#[derive(Serialize)]
struct BodyOut<'a> {
    model: &'a str,
    messages: Messages<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChoiceOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<FormatOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    random_seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<MetadataOut<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptionsOut>,
}

#[derive(Serialize)]
struct MetadataOut<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct StreamOptionsOut {
    include_usage: bool,
}

/// The conversation as the wire has it: the system prompt first, and each tool result a message of
/// its own.
struct Messages<'a>(&'a CompletionWords, &'a ChatRequest);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(words, request) = *self;
        let mut list = serializer.serialize_seq(None)?;
        if let Some(system) = &request.system {
            list.serialize_element(&MessageOut {
                content: Some(ContentOut::Text(system)),
                ..MessageOut::of("system")
            })?;
        }
        for (i, message) in request.messages.iter().enumerate() {
            if message.role == Role::Assistant {
                list.serialize_element(&assistant(words, &message.content))?;
                continue;
            }
            // Results first: they must follow their calls directly.
            for part in &message.content {
                let ContentPart::ToolResult(result) = part else { continue };
                list.serialize_element(&MessageOut {
                    content: Some(ContentOut::Text(&result.content)),
                    tool_call_id: Some(&result.id),
                    name: if words.results_name_tools {
                        name_of(request, i, &result.id)
                    } else {
                        None
                    },
                    ..MessageOut::of("tool")
                })?;
            }
            if message.content.iter().any(|part| matches!(part, ContentPart::Text(_))) {
                list.serialize_element(&MessageOut {
                    content: Some(ContentOut::of(&message.content)),
                    ..MessageOut::of("user")
                })?;
            }
        }
        list.end()
    }
}

fn assistant<'a>(words: &CompletionWords, content: &'a [ContentPart]) -> MessageOut<'a> {
    let has_text = content.iter().any(|part| matches!(part, ContentPart::Text(_)));
    let has_calls = content.iter().any(|part| matches!(part, ContentPart::ToolUse(_)));
    MessageOut {
        content: if has_text || words.text_beside_calls || !has_calls {
            Some(ContentOut::of(content))
        } else {
            None
        },
        tool_calls: has_calls.then_some(Calls(content)),
        ..MessageOut::of("assistant")
    }
}

/// The tool that the call `id` was for, as the turns before `end` say.
fn name_of<'a>(request: &'a ChatRequest, end: usize, id: &str) -> Option<&'a str> {
    request.messages.iter().take(end).rev().flat_map(|message| &message.content).find_map(|part| {
        match part {
            ContentPart::ToolUse(call) if call.id == id => Some(call.name.as_str()),
            _ => None,
        }
    })
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    /// `null` when the model only called tools.
    content: Option<ContentOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Calls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

impl MessageOut<'_> {
    fn of(role: &'static str) -> Self {
        Self { role, content: None, name: None, tool_calls: None, tool_call_id: None }
    }
}

/// One text as a string, several as parts.
enum ContentOut<'a> {
    Text(&'a str),
    Parts(&'a [ContentPart]),
}

impl<'a> ContentOut<'a> {
    fn of(parts: &'a [ContentPart]) -> Self {
        let mut texts = parts.iter().filter_map(|part| {
            if let ContentPart::Text(text) = part { Some(text.as_str()) } else { None }
        });
        match (texts.next(), texts.next()) {
            (None, _) => Self::Text(""),
            (Some(text), None) => Self::Text(text),
            _ => Self::Parts(parts),
        }
    }
}

impl Serialize for ContentOut<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct PartOut<'a> {
            r#type: &'static str,
            text: &'a str,
        }
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Parts(parts) => serializer.collect_seq(parts.iter().filter_map(|part| {
                if let ContentPart::Text(text) = part {
                    Some(PartOut { r#type: "text", text })
                } else {
                    None
                }
            })),
        }
    }
}

/// The tool calls among these parts.
struct Calls<'a>(&'a [ContentPart]);

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().filter_map(|part| {
            if let ContentPart::ToolUse(call) = part { Some(CallOut::of(call)) } else { None }
        }))
    }
}

#[derive(Serialize)]
pub(super) struct CallOut<'a> {
    id: &'a str,
    r#type: &'static str,
    function: FunctionOut<'a>,
}

#[derive(Serialize)]
struct FunctionOut<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> CallOut<'a> {
    pub(super) fn of(call: &'a ToolUse) -> Self {
        Self {
            id: &call.id,
            r#type: "function",
            function: FunctionOut { name: &call.name, arguments: &call.input },
        }
    }
}

struct Tools<'a>(&'a [OfferedTool]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct ToolOut<'a> {
            r#type: &'static str,
            function: DeclarationOut<'a>,
        }
        #[derive(Serialize)]
        struct DeclarationOut<'a> {
            name: &'a str,
            #[serde(skip_serializing_if = "str::is_empty")]
            description: &'a str,
            parameters: ObjectOut<'a>,
        }
        serializer.collect_seq(self.0.iter().map(|tool| ToolOut {
            r#type: "function",
            function: DeclarationOut {
                name: &tool.name,
                description: &tool.description,
                parameters: ObjectOut(&tool.schema),
            },
        }))
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum ChoiceOut<'a> {
    Word(&'static str),
    Named { r#type: &'static str, function: NameOut<'a> },
}

#[derive(Serialize)]
struct NameOut<'a> {
    name: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum FormatOut<'a> {
    JsonObject,
    JsonSchema { json_schema: SchemaOut<'a> },
}

#[derive(Serialize)]
struct SchemaOut<'a> {
    name: &'a str,
    strict: bool,
    schema: ObjectOut<'a>,
}

/// Writes the body of `POST …/chat/completions`.
pub(in crate::llm::wire) fn encode_request(
    dialect: &Dialect,
    request: &ChatRequest,
    out: &mut Vec<u8>,
) {
    let words = &dialect.words;
    let offered = !request.tools.is_empty();
    let choice = match &request.tool_choice {
        ToolChoice::Auto => None,
        ToolChoice::Any => Some(ChoiceOut::Word(words.any_tool)),
        ToolChoice::None => Some(ChoiceOut::Word("none")),
        ToolChoice::Named(name) => {
            Some(ChoiceOut::Named { r#type: "function", function: NameOut { name } })
        }
    };
    let user = request.user.as_deref();
    let body = BodyOut {
        model: &request.model,
        messages: Messages(words, request),
        tools: offered.then_some(Tools(&request.tools)),
        tool_choice: choice.filter(|_| offered),
        parallel_tool_calls: (offered && !request.parallel_tools).then_some(false),
        response_format: match &request.output {
            Output::Text | Output::OneOf(_) => None,
            Output::JsonObject => Some(FormatOut::JsonObject),
            Output::JsonSchema { name, schema, strict } => Some(FormatOut::JsonSchema {
                json_schema: SchemaOut { name, strict: *strict, schema: ObjectOut(schema) },
            }),
        },
        max_tokens: request.max_tokens.filter(|_| !words.completion_cap),
        max_completion_tokens: request.max_tokens.filter(|_| words.completion_cap),
        temperature: request.temperature,
        top_p: request.top_p,
        stop: &request.stop,
        seed: request.seed.filter(|_| !words.random_seed),
        random_seed: request.seed.filter(|_| words.random_seed),
        user: user.filter(|_| !words.user_in_metadata),
        metadata: user.filter(|_| words.user_in_metadata).map(|user_id| MetadataOut { user_id }),
        stream: request.stream,
        stream_options: (dialect.answer.usage_on_request
            && request.stream
            && request.include_usage)
            .then_some(StreamOptionsOut { include_usage: true }),
    };
    put(out, &body);
}
