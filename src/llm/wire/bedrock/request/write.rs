//! The request as the live client sends it; model and streaming are in the path.

use serde::{Serialize, Serializer};

use crate::llm::chat::{ChatRequest, ContentPart, Message, OfferedTool, Output, Role, ToolChoice};
use crate::llm::wire::raw::ObjectOut;
use crate::llm::wire::sse::put;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BodyOut<'a> {
    messages: Messages<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<[TextOut<'a>; 1]>,
    inference_config: InferenceOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<ToolConfigOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfigOut<'a>>,
}

#[derive(Serialize)]
struct TextOut<'a> {
    text: &'a str,
}

struct Messages<'a>(&'a [Message]);

impl Serialize for Messages<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|message| MessageOut {
            role: match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            },
            content: Content(&message.content),
        }))
    }
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: Content<'a>,
}

struct Content<'a>(&'a [ContentPart]);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|part| match part {
            ContentPart::Text(text) => BlockOut::Text(text),
            ContentPart::ToolUse(call) => BlockOut::ToolUse(CallOut {
                tool_use_id: &call.id,
                name: &call.name,
                input: ObjectOut(&call.input),
            }),
            ContentPart::ToolResult(result) => BlockOut::ToolResult(ResultOut {
                tool_use_id: &result.id,
                content: [TextOut { text: &result.content }],
                status: if result.is_error { "error" } else { "success" },
            }),
        }))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum BlockOut<'a> {
    Text(&'a str),
    ToolUse(CallOut<'a>),
    ToolResult(ResultOut<'a>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallOut<'a> {
    tool_use_id: &'a str,
    name: &'a str,
    input: ObjectOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOut<'a> {
    tool_use_id: &'a str,
    content: [TextOut<'a>; 1],
    status: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InferenceOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolConfigOut<'a> {
    tools: Tools<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChoiceOut<'a>>,
}

struct Tools<'a>(&'a [OfferedTool]);

impl Serialize for Tools<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|tool| ToolOut {
            tool_spec: SpecOut {
                name: &tool.name,
                description: &tool.description,
                input_schema: SchemaOut { json: ObjectOut(&tool.schema) },
            },
        }))
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolOut<'a> {
    tool_spec: SpecOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpecOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: SchemaOut<'a>,
}

#[derive(Serialize)]
struct SchemaOut<'a> {
    json: ObjectOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum ChoiceOut<'a> {
    Any {},
    Tool { name: &'a str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct OutputConfigOut<'a> {
    text_format: FormatOut<'a>,
}

#[derive(Serialize)]
struct FormatOut<'a> {
    r#type: &'static str,
    structure: StructureOut<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StructureOut<'a> {
    json_schema: JsonSchemaOut<'a>,
}

#[derive(Serialize)]
struct JsonSchemaOut<'a> {
    schema: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'a str,
}

/// Writes the body of `converse` and of its stream. What the service has no word for (a user, a seed,
/// one call at a time, tools that may not be called, any JSON object) is left out.
pub(in crate::llm::wire::bedrock) fn encode_request(request: &ChatRequest, out: &mut Vec<u8>) {
    let choice = match &request.tool_choice {
        ToolChoice::Auto | ToolChoice::None => None,
        ToolChoice::Any => Some(ChoiceOut::Any {}),
        ToolChoice::Named(name) => Some(ChoiceOut::Tool { name }),
    };
    let tool_config = (!request.tools.is_empty())
        .then_some(ToolConfigOut { tools: Tools(&request.tools), tool_choice: choice });
    let output_config = match &request.output {
        Output::JsonSchema { name, schema, .. } => Some(OutputConfigOut {
            text_format: FormatOut {
                r#type: "json_schema",
                structure: StructureOut { json_schema: JsonSchemaOut { schema, name } },
            },
        }),
        Output::Text | Output::JsonObject | Output::OneOf(_) => None,
    };
    let body = BodyOut {
        messages: Messages(&request.messages),
        system: request.system.as_deref().map(|text| [TextOut { text }]),
        inference_config: InferenceOut {
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            stop_sequences: &request.stop,
        },
        tool_config,
        output_config,
    };
    put(out, &body);
}
