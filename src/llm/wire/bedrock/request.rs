//! The Converse request, in both directions.

mod conversation;
mod model;
mod write;

pub(super) use write::encode_request;

use std::collections::BTreeSet;

use serde::Deserialize;

use super::error::reject;
use crate::llm::chat::{ChatError, ChatRequest, OfferedTool, Output, ToolChoice};
use crate::llm::wire::body::{BodyProblem, Obj, Present, Problem, read, real, whole};
use crate::llm::wire::raw::RawObject;

/// The body as sent. Everything is optional here, so that what is missing is said in the service's
/// words.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BodyIn {
    messages: Option<Vec<Obj<MessageIn>>>,
    system: Option<Vec<Obj<SystemIn>>>,
    inference_config: Option<Obj<InferenceIn>>,
    tool_config: Option<Obj<ToolConfigIn>>,
    output_config: Option<Obj<OutputConfigIn>>,
}

/// The body of a request for a count.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CountIn {
    input: Option<Obj<CountedIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CountedIn {
    converse: Option<Obj<BodyIn>>,
    invoke_model: Present,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageIn {
    role: Option<String>,
    content: Option<Vec<Obj<BlockIn>>>,
}

/// One of several kinds of content; each is a field.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BlockIn {
    text: Option<String>,
    tool_use: Option<Obj<CallIn>>,
    tool_result: Option<Obj<ResultIn>>,
    json: Option<RawObject>,
    image: Option<Obj<MediumIn>>,
    document: Option<Obj<MediumIn>>,
    audio: Option<Obj<MediumIn>>,
    video: Option<Obj<MediumIn>>,
    cache_point: Present,
    reasoning_content: Present,
    guard_content: Option<Obj<GuardIn>>,
    citations_content: Present,
    search_result: Present,
    tool_addition: Present,
    tool_removal: Present,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct GuardIn {
    text: Option<Obj<TextIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct TextIn {
    text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MediumIn {
    format: Option<String>,
    name: Option<String>,
    source: Option<Obj<SourceIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SourceIn {
    bytes: Option<String>,
    text: Option<String>,
    content: Option<Vec<Obj<TextIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CallIn {
    tool_use_id: Option<String>,
    name: Option<String>,
    input: Option<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ResultIn {
    tool_use_id: Option<String>,
    content: Option<Vec<Obj<BlockIn>>>,
    status: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SystemIn {
    text: Option<String>,
    cache_point: Present,
    guard_content: Option<Obj<GuardIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct InferenceIn {
    max_tokens: Option<i64>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    stop_sequences: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ToolConfigIn {
    tools: Option<Vec<Obj<ToolIn>>>,
    tool_choice: Option<Obj<ChoiceIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ToolIn {
    tool_spec: Option<Obj<SpecIn>>,
    system_tool: Present,
    cache_point: Present,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct SpecIn {
    name: Option<String>,
    description: Option<String>,
    input_schema: Option<Obj<SchemaIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct SchemaIn {
    json: Option<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChoiceIn {
    auto: Present,
    any: Present,
    tool: Option<Obj<NamedIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NamedIn {
    name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OutputConfigIn {
    text_format: Option<Obj<FormatIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FormatIn {
    r#type: Option<String>,
    structure: Option<Obj<StructureIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct StructureIn {
    json_schema: Option<Obj<JsonSchemaIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct JsonSchemaIn {
    schema: Option<String>,
    name: Option<String>,
}

/// Most texts at which an answer stops.
const MAX_STOPS: usize = 2_500;
/// The place of the schema of a structured answer.
const SCHEMA: &str = "outputConfig.textFormat.structure.jsonSchema.schema";

/// Reads the body of a chat with this model.
///
/// # Errors
/// `BadRequest` in the service's words, naming the field.
pub(super) fn decode_request(model: &str, body: &[u8]) -> Result<ChatRequest, ChatError> {
    read::<Obj<BodyIn>>(body).and_then(|Obj(body)| request(model, body)).map_err(reject)
}

/// Reads the body of a request for a count.
///
/// # Errors
/// As for a chat.
pub(super) fn decode_count(model: &str, body: &[u8]) -> Result<ChatRequest, ChatError> {
    let read = read::<Obj<CountIn>>(body).and_then(|Obj(body)| {
        let Obj(input) = body.input.ok_or_else(|| BodyProblem::missing("input"))?;
        if input.invoke_model.0 {
            let words = "counting the tokens of InvokeModel is not simulated: send `converse`";
            return Err(BodyProblem::said("input.invokeModel", words, None));
        }
        let Obj(body) = input.converse.ok_or_else(|| BodyProblem::missing("input.converse"))?;
        request(model, body)
    });
    read.map_err(reject)
}

fn request(model: &str, body: BodyIn) -> Result<ChatRequest, BodyProblem> {
    let messages = body.messages.unwrap_or_default();
    let (messages, media_tokens, mut system) = conversation::messages(messages)?;
    for (i, Obj(block)) in body.system.unwrap_or_default().into_iter().enumerate() {
        if block.cache_point.0 {
            continue;
        }
        let guarded = || block.guard_content.and_then(|Obj(guard)| guard.text?.0.text);
        let path = format!("system.{i}.text");
        let text = block.text.or_else(guarded).ok_or_else(|| BodyProblem::missing(&*path))?;
        if text.is_empty() {
            return Err(BodyProblem::new(path, Problem::Empty));
        }
        system.insert(i.min(system.len()), text);
    }
    let Obj(config) = body.inference_config.unwrap_or_default();
    let stop = config.stop_sequences.unwrap_or_default();
    if stop.len() > MAX_STOPS {
        let (most, found) = (MAX_STOPS.to_string(), stop.len().to_string());
        let problem = Problem::Above { most, found, whole: true };
        return Err(BodyProblem::new("inferenceConfig.stopSequences", problem));
    }
    let with_tools = body.tool_config.is_some();
    let (tools, tool_choice) = tools(body.tool_config)?;
    let format = body.output_config.and_then(|Obj(config)| config.text_format);
    let request = ChatRequest {
        system: (!system.is_empty()).then(|| system.join("\n\n")),
        messages,
        tools,
        tool_choice,
        output: format.map_or(Ok(Output::Text), |Obj(format)| output(format))?,
        max_tokens: whole("inferenceConfig.maxTokens", config.max_tokens, 1)?,
        temperature: real("inferenceConfig.temperature", config.temperature, 1.0)?,
        top_p: real("inferenceConfig.topP", config.top_p, 1.0)?,
        stop,
        media_tokens,
        include_usage: true,
        ..ChatRequest::new(model)
    };
    model::check(&request, with_tools)?;
    Ok(request)
}

/// Whether a text is a name of a tool.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-');
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain)
}

fn tools(config: Option<Obj<ToolConfigIn>>) -> Result<(Vec<OfferedTool>, ToolChoice), BodyProblem> {
    let Some(Obj(config)) = config else { return Ok((Vec::new(), ToolChoice::Auto)) };
    let given = config.tools.ok_or_else(|| BodyProblem::missing("toolConfig.tools"))?;
    if given.is_empty() {
        return Err(BodyProblem::new("toolConfig.tools", Problem::Empty));
    }
    let mut all: Vec<OfferedTool> = Vec::new();
    let mut names = BTreeSet::new();
    for (i, Obj(tool)) in given.into_iter().enumerate() {
        // The service's own tools are never called here.
        if tool.cache_point.0 || tool.system_tool.0 {
            continue;
        }
        let path = |field: &str| format!("toolConfig.tools.{i}.member.toolSpec{field}");
        let Obj(spec) = tool.tool_spec.ok_or_else(|| BodyProblem::missing(path("")))?;
        let name = spec.name.ok_or_else(|| BodyProblem::missing(path(".name")))?;
        if !is_name(&name) {
            let words = format!(
                "1 validation error detected: Value '{name}' at '{}' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_-]{{1,64}}",
                path(".name")
            );
            return Err(BodyProblem::said(path(".name"), words, None));
        }
        if !names.insert(name.clone()) {
            let words = format!(
                "The toolConfig.tools.{i}.toolSpec.name {name} is used more than once. Give each tool a name of its own and try again."
            );
            return Err(BodyProblem::said(path(".name"), words, None));
        }
        let schema = spec.input_schema.and_then(|Obj(schema)| schema.json);
        let schema = schema.ok_or_else(|| BodyProblem::missing(path(".inputSchema.json")))?;
        let description = spec.description.unwrap_or_default();
        all.push(OfferedTool { name, description, schema: schema.into_text() });
    }
    let choice = match config.tool_choice {
        None => ToolChoice::Auto,
        Some(Obj(choice)) => match choice {
            ChoiceIn { tool: Some(Obj(named)), .. } => {
                let path = "toolConfig.toolChoice.tool.name";
                let name = named.name.ok_or_else(|| BodyProblem::missing(path))?;
                if !names.contains(&name) {
                    let words = format!(
                        "The tool {name} in toolConfig.toolChoice is not in toolConfig.tools."
                    );
                    return Err(BodyProblem::said(path, words, None));
                }
                ToolChoice::Named(name)
            }
            ChoiceIn { any: Present(true), .. } => ToolChoice::Any,
            ChoiceIn { auto: Present(true), .. } => ToolChoice::Auto,
            ChoiceIn { .. } => return Err(BodyProblem::missing("toolConfig.toolChoice")),
        },
    };
    Ok((all, choice))
}

fn output(format: FormatIn) -> Result<Output, BodyProblem> {
    let path = "outputConfig.textFormat";
    match format.r#type.as_deref() {
        Some("json_schema") => {}
        Some(other) => {
            let problem = Problem::NotOneOf { found: other.to_owned(), allowed: &["json_schema"] };
            return Err(BodyProblem::new(format!("{path}.type"), problem));
        }
        None => return Err(BodyProblem::missing(format!("{path}.type"))),
    }
    let structure = format.structure.and_then(|Obj(structure)| structure.json_schema);
    let Obj(given) =
        structure.ok_or_else(|| BodyProblem::missing(format!("{path}.structure.jsonSchema")))?;
    let schema = given.schema.ok_or_else(|| BodyProblem::missing(SCHEMA))?;
    if serde_json::from_str::<RawObject>(&schema).is_err() {
        let words = format!("The value at {SCHEMA} is not a valid JSON schema.");
        return Err(BodyProblem::said(SCHEMA, words, None));
    }
    Ok(Output::JsonSchema { name: given.name.unwrap_or_default(), schema, strict: true })
}

#[cfg(test)]
mod tests;
