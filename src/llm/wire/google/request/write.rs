//! The request as the live client sends it; model and streaming are in the path.

use std::collections::BTreeMap;

use serde::{Serialize, Serializer};

use super::model::signs;
use crate::llm::chat::{ChatRequest, ContentPart, Message, OfferedTool, Output, Role, ToolChoice};
use crate::llm::families::find;
use crate::llm::wire::google::families::FAMILIES;
use crate::llm::wire::raw::ObjectOut;
use crate::llm::wire::sse::put;

/// What stands for the signature of a call that was not kept, as the documentation's page on
/// thought signatures says.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BodyOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<SystemOut<'a>>,
    contents: Contents<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<[ToolsOut<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfigOut<'a>>,
    generation_config: ConfigOut<'a>,
}

#[derive(Serialize)]
struct SystemOut<'a> {
    parts: [PartOut<'a>; 1],
}

struct Contents<'a> {
    messages: &'a [Message],
    signs: bool,
}

impl Serialize for Contents<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let parts = self.messages.iter().flat_map(|message| &message.content);
        // A result names its function, which stands in the call.
        let names: BTreeMap<&str, &str> = parts
            .filter_map(|part| match part {
                ContentPart::ToolUse(call) => Some((call.id.as_str(), call.name.as_str())),
                _ => None,
            })
            .collect();
        serializer.collect_seq(self.messages.iter().map(|message| ContentOut {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "model",
            },
            parts: Parts { parts: &message.content, names: &names, signs: self.signs },
        }))
    }
}

#[derive(Serialize)]
struct ContentOut<'a> {
    role: &'static str,
    parts: Parts<'a>,
}

struct Parts<'a> {
    parts: &'a [ContentPart],
    names: &'a BTreeMap<&'a str, &'a str>,
    signs: bool,
}

impl Serialize for Parts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.parts.is_empty() {
            return serializer.collect_seq([PartOut::text("")]);
        }
        serializer.collect_seq(self.parts.iter().map(|part| match part {
            ContentPart::Text(text) => PartOut::text(text),
            ContentPart::ToolUse(call) => PartOut {
                function_call: Some(CallOut {
                    id: &call.id,
                    name: &call.name,
                    args: ObjectOut(&call.input),
                }),
                thought_signature: self.signs.then_some(NO_SIGNATURE),
                ..PartOut::default()
            },
            ContentPart::ToolResult(result) => {
                let text = Some(result.content.as_str());
                PartOut {
                    function_response: Some(AnsweredOut {
                        id: &result.id,
                        name: self.names.get(result.id.as_str()).copied().unwrap_or("unknown"),
                        response: ResponseOut {
                            output: text.filter(|_| !result.is_error),
                            error: text.filter(|_| result.is_error),
                        },
                    }),
                    ..PartOut::default()
                }
            }
        }))
    }
}

#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct PartOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<CallOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_response: Option<AnsweredOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thought_signature: Option<&'static str>,
}

impl<'a> PartOut<'a> {
    fn text(text: &'a str) -> Self {
        Self { text: Some(text), ..Self::default() }
    }
}

#[derive(Serialize)]
struct CallOut<'a> {
    id: &'a str,
    name: &'a str,
    args: ObjectOut<'a>,
}

#[derive(Serialize)]
struct AnsweredOut<'a> {
    id: &'a str,
    name: &'a str,
    response: ResponseOut<'a>,
}

#[derive(Serialize)]
struct ResponseOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolsOut<'a> {
    function_declarations: Functions<'a>,
}

struct Functions<'a>(&'a [OfferedTool]);

impl Serialize for Functions<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|tool| FunctionOut {
            name: &tool.name,
            description: &tool.description,
            parameters_json_schema: ObjectOut(&tool.schema),
        }))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FunctionOut<'a> {
    name: &'a str,
    description: &'a str,
    parameters_json_schema: ObjectOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfigOut<'a> {
    function_calling_config: CallingOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallingOut<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ConfigOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<ObjectOut<'a>>,
}

/// Writes the body of `generateContent` and of its stream. What the service has no word for (a user,
/// one call at a time, a cache that is asked for) is left out.
pub(in crate::llm::wire::google) fn encode_request(request: &ChatRequest, out: &mut Vec<u8>) {
    let (mode, name) = match &request.tool_choice {
        ToolChoice::Auto => (None, None),
        ToolChoice::Any => (Some("ANY"), None),
        ToolChoice::None => (Some("NONE"), None),
        ToolChoice::Named(name) => (Some("ANY"), Some([name.as_str()])),
    };
    let tools = !request.tools.is_empty();
    let one_of;
    let schema = match &request.output {
        Output::JsonSchema { schema, .. } => Some(ObjectOut(schema)),
        Output::OneOf(words) => {
            one_of = serde_json::json!({ "type": "string", "enum": words }).to_string();
            Some(ObjectOut(&one_of))
        }
        Output::Text | Output::JsonObject => None,
    };
    let body = BodyOut {
        system_instruction: request
            .system
            .as_deref()
            .map(|text| SystemOut { parts: [PartOut::text(text)] }),
        contents: Contents {
            messages: &request.messages,
            signs: find(FAMILIES, &request.model).is_some_and(signs),
        },
        tools: tools.then_some([ToolsOut { function_declarations: Functions(&request.tools) }]),
        tool_config: mode.filter(|_| tools).map(|mode| ToolConfigOut {
            function_calling_config: CallingOut { mode, allowed_function_names: name },
        }),
        generation_config: ConfigOut {
            max_output_tokens: request.max_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            stop_sequences: &request.stop,
            seed: request.seed,
            response_mime_type: match &request.output {
                Output::Text => None,
                Output::OneOf(_) => Some("text/x.enum"),
                Output::JsonObject | Output::JsonSchema { .. } => Some("application/json"),
            },
            response_json_schema: schema,
        },
    };
    put(out, &body);
}
