//! Google's request, in both directions.

mod contents;
mod model;
mod write;

pub(super) use contents::texts;
pub(super) use model::signs;
pub(super) use write::encode_request;

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::error::reject;
use super::schema::to_json_schema;
use crate::llm::chat::{ChatError, ChatRequest, OfferedTool, Output, ToolChoice};
use crate::llm::wire::body::{BodyProblem, Obj, Present, Problem, read, real, whole};
use crate::llm::wire::raw::RawObject;

/// The body as sent, in either case of names. Everything is optional here, so that what is missing
/// is said in the service's words.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BodyIn {
    model: Option<String>,
    contents: Option<Vec<Obj<ContentIn>>>,
    #[serde(alias = "system_instruction")]
    system_instruction: Option<Obj<ContentIn>>,
    tools: Option<Vec<Obj<ToolsIn>>>,
    #[serde(alias = "tool_config")]
    tool_config: Option<Obj<ToolConfigIn>>,
    #[serde(alias = "generation_config")]
    generation_config: Option<Obj<ConfigIn>>,
    /// In a request for a count, the whole request that is counted.
    #[serde(alias = "generate_content_request")]
    generate_content_request: Option<Box<Obj<BodyIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ContentIn {
    pub(super) role: Option<String>,
    pub(super) parts: Option<Vec<Obj<ContentPartIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ContentPartIn {
    pub(super) text: Option<String>,
    thought: Option<bool>,
    #[serde(alias = "thought_signature")]
    thought_signature: Option<String>,
    #[serde(alias = "function_call")]
    function_call: Option<Obj<CallIn>>,
    #[serde(alias = "function_response")]
    function_response: Option<Obj<AnsweredIn>>,
    #[serde(alias = "inline_data")]
    inline_data: Option<Obj<BlobIn>>,
    #[serde(alias = "file_data")]
    file_data: Option<Obj<BlobIn>>,
    #[serde(alias = "executable_code")]
    executable_code: Present,
    #[serde(alias = "code_execution_result")]
    code_execution_result: Present,
}

/// Bytes, or where they are.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct BlobIn {
    #[serde(alias = "mime_type")]
    mime_type: Option<String>,
    data: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CallIn {
    id: Option<String>,
    name: Option<String>,
    args: Option<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct AnsweredIn {
    id: Option<String>,
    name: Option<String>,
    response: Option<RawObject>,
}

/// Tools of one kind; those that are no functions are the server's own.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ToolsIn {
    #[serde(alias = "function_declarations")]
    function_declarations: Option<Vec<Obj<FunctionIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct FunctionIn {
    name: Option<String>,
    description: Option<String>,
    parameters: Option<Value>,
    #[serde(alias = "parameters_json_schema")]
    parameters_json_schema: Option<RawObject>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ToolConfigIn {
    #[serde(alias = "function_calling_config")]
    function_calling_config: Option<Obj<CallingIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct CallingIn {
    mode: Option<String>,
    #[serde(alias = "allowed_function_names")]
    allowed_function_names: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ConfigIn {
    temperature: Option<f64>,
    #[serde(alias = "top_p")]
    top_p: Option<f64>,
    #[serde(alias = "max_output_tokens")]
    max_output_tokens: Option<i64>,
    #[serde(alias = "stop_sequences")]
    stop_sequences: Option<Vec<String>>,
    seed: Option<i64>,
    #[serde(alias = "candidate_count")]
    candidate_count: Option<i64>,
    #[serde(alias = "response_mime_type")]
    response_mime_type: Option<String>,
    #[serde(alias = "response_schema")]
    response_schema: Option<Value>,
    #[serde(alias = "response_json_schema")]
    response_json_schema: Option<Value>,
    #[serde(alias = "thinking_config")]
    thinking_config: Option<Obj<ThinkingIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ThinkingIn {
    #[serde(alias = "thinking_budget")]
    thinking_budget: Option<i64>,
    #[serde(alias = "thinking_level")]
    thinking_level: Option<String>,
}

/// Most answers to one request.
const MAX_CANDIDATES: u32 = 8;
/// Most texts at which an answer stops.
const MAX_STOPS: usize = 5;

/// Reads the body of a chat. `model` is that of the path; without one, the body names it.
///
/// # Errors
/// `BadRequest` in the service's words, naming the field.
pub(super) fn decode_request(model: Option<&str>, body: &[u8]) -> Result<ChatRequest, ChatError> {
    read::<Obj<BodyIn>>(body).and_then(|Obj(body)| request(model, body)).map_err(reject)
}

/// Reads the body of a request for a count: contents, or a whole request.
///
/// # Errors
/// As for a chat.
pub(super) fn decode_count(model: &str, body: &[u8]) -> Result<ChatRequest, ChatError> {
    let read = read::<Obj<BodyIn>>(body).and_then(|Obj(mut body)| {
        match body.generate_content_request.take() {
            Some(whole) => request(Some(model), whole.0),
            None => request(Some(model), body),
        }
    });
    read.map_err(reject)
}

fn request(model: Option<&str>, body: BodyIn) -> Result<ChatRequest, BodyProblem> {
    let named = || body.model.as_deref().map(|name| name.strip_prefix("models/").unwrap_or(name));
    let model = model.or_else(named).filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| BodyProblem::missing("model"))?.to_owned();
    let contents = body.contents.unwrap_or_default();
    if contents.is_empty() {
        let words = "* GenerateContentRequest.contents: contents is not specified";
        return Err(BodyProblem::said("contents", words, None));
    }
    let (messages, media_tokens, unsigned) = contents::messages(contents)?;
    let system =
        body.system_instruction.map(|Obj(content)| contents::texts(content)).transpose()?;
    let tools = tools(body.tools.unwrap_or_default())?;
    let (tool_choice, tools) = choice(body.tool_config, tools)?;
    let Obj(mut config) = body.generation_config.unwrap_or_default();
    let choices = config.candidate_count.unwrap_or(1);
    let Some(choices) =
        u32::try_from(choices).ok().filter(|count| (1..=MAX_CANDIDATES).contains(count))
    else {
        let words = format!(
            "* GenerateContentRequest.generation_config.candidate_count: candidate_count must be in the range [1, {MAX_CANDIDATES}]"
        );
        return Err(BodyProblem::said("generationConfig.candidateCount", words, None));
    };
    let thinking = config.thinking_config.take().map(|Obj(thinking)| thinking);
    let stop = config.stop_sequences.take().unwrap_or_default();
    if stop.len() > MAX_STOPS {
        let words = format!(
            "* GenerateContentRequest.generation_config.stop_sequences: at most {MAX_STOPS} stop sequences are allowed"
        );
        return Err(BodyProblem::said("generationConfig.stopSequences", words, None));
    }
    let request = ChatRequest {
        system: system.filter(|text| !text.is_empty()),
        messages,
        tools,
        tool_choice,
        max_tokens: whole("generationConfig.maxOutputTokens", config.max_output_tokens, 1)?,
        temperature: real("generationConfig.temperature", config.temperature, 2.0)?,
        top_p: real("generationConfig.topP", config.top_p, 1.0)?,
        stop,
        seed: config.seed,
        output: output(config)?,
        choices,
        media_tokens,
        include_usage: true,
        ..ChatRequest::new(model)
    };
    model::check(&request, thinking.as_ref(), unsigned.as_ref())?;
    Ok(request)
}

fn tools(kinds: Vec<Obj<ToolsIn>>) -> Result<Vec<OfferedTool>, BodyProblem> {
    let mut all = Vec::new();
    let mut names = BTreeSet::new();
    for (i, Obj(kind)) in kinds.into_iter().enumerate() {
        for (j, Obj(tool)) in kind.function_declarations.into_iter().flatten().enumerate() {
            let path = |field: &str| format!("tools.{i}.functionDeclarations.{j}.{field}");
            let name = tool.name.ok_or_else(|| BodyProblem::missing(path("name")))?;
            let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.' | b':');
            let starts = name.bytes().next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
            if !starts || name.len() > 128 || !name.bytes().all(plain) {
                let words = format!(
                    "* GenerateContentRequest.tools[{i}].function_declarations[{j}].name: [Invalid function name. Must start with a letter or an underscore. Must be alphanumeric (a-z, A-Z, 0-9), underscores (_), dots (.), colons (:), or dashes (-), with a maximum length of 128.]"
                );
                return Err(BodyProblem::said(path("name"), words, None));
            }
            if !names.insert(name.clone()) {
                let words = format!("Duplicate function declaration found: {name}");
                return Err(BodyProblem::said(path("name"), words, None));
            }
            let schema = match (tool.parameters_json_schema, tool.parameters) {
                (Some(_), Some(_)) => {
                    let words = "parameters and parameters_json_schema must not both be set";
                    return Err(BodyProblem::said(path("parameters"), words, None));
                }
                (Some(schema), None) => schema.into_text(),
                (None, Some(schema)) => to_json_schema(&schema).to_string(),
                (None, None) => r#"{"type":"object","properties":{}}"#.to_owned(),
            };
            all.push(OfferedTool {
                name,
                description: tool.description.unwrap_or_default(),
                schema,
            });
        }
    }
    Ok(all)
}

/// Which tools may or must be called, and those that are left to choose from.
fn choice(
    config: Option<Obj<ToolConfigIn>>,
    mut tools: Vec<OfferedTool>,
) -> Result<(ToolChoice, Vec<OfferedTool>), BodyProblem> {
    const MODES: &[&str] = &["AUTO", "ANY", "NONE", "VALIDATED"];
    let calling = config.and_then(|Obj(config)| config.function_calling_config);
    let Some(Obj(calling)) = calling else { return Ok((ToolChoice::Auto, tools)) };
    let path = "toolConfig.functionCallingConfig";
    let mode = calling.mode.unwrap_or_default();
    let allowed = calling.allowed_function_names.unwrap_or_default();
    if !allowed.is_empty() && !matches!(mode.as_str(), "ANY" | "VALIDATED") {
        let words =
            "Please set allowed_function_names only when function calling mode is ANY or VALIDATED";
        return Err(BodyProblem::said(format!("{path}.allowedFunctionNames"), words, None));
    }
    let known: BTreeSet<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    for name in &allowed {
        if !known.contains(name.as_str()) {
            let words = format!("allowed_function_names contains `{name}`, which is not declared");
            return Err(BodyProblem::said(format!("{path}.allowedFunctionNames"), words, None));
        }
    }
    // One allowed function is a choice among all; of several, any may be called.
    if allowed.len() > 1 || mode == "VALIDATED" && !allowed.is_empty() {
        let allowed: BTreeSet<&String> = allowed.iter().collect();
        tools.retain(|tool| allowed.contains(&tool.name));
    }
    let choice = match (mode.as_str(), allowed.as_slice()) {
        ("" | "MODE_UNSPECIFIED" | "AUTO" | "VALIDATED", _) => ToolChoice::Auto,
        ("NONE", _) => ToolChoice::None,
        ("ANY", [only]) => ToolChoice::Named(only.clone()),
        ("ANY", _) => ToolChoice::Any,
        _ => {
            let problem = Problem::NotOneOf { found: mode, allowed: MODES };
            return Err(BodyProblem::new(format!("{path}.mode"), problem));
        }
    };
    if tools.is_empty() && choice == ToolChoice::Any {
        let words = "Function calling mode is set to ANY but no function declarations are provided";
        return Err(BodyProblem::said(path, words, None));
    }
    Ok((choice, tools))
}

fn output(config: ConfigIn) -> Result<Output, BodyProblem> {
    let path = "generationConfig.responseMimeType";
    let schema = match (config.response_json_schema, config.response_schema) {
        (Some(_), Some(_)) => {
            let words = "response_schema and response_json_schema must not both be set";
            return Err(BodyProblem::said("generationConfig.responseSchema", words, None));
        }
        (Some(schema), None) => Some(schema),
        (None, schema) => schema.map(|schema| to_json_schema(&schema)),
    };
    match (config.response_mime_type.as_deref(), schema) {
        (Some("application/json"), Some(schema)) => Ok(Output::JsonSchema {
            name: "output".to_owned(),
            schema: schema.to_string(),
            strict: true,
        }),
        (Some("application/json"), None) => Ok(Output::JsonObject),
        (None | Some("" | "text/plain"), None) => Ok(Output::Text),
        (None | Some("" | "text/plain"), Some(_)) => {
            let words =
                "A response schema is only supported with the response MIME type application/json";
            Err(BodyProblem::said(path, words, None))
        }
        (Some("text/x.enum"), schema) => {
            let listed = schema.as_ref().and_then(|schema| schema.get("enum")?.as_array());
            let words: Vec<String> = listed
                .into_iter()
                .flatten()
                .filter_map(|word| word.as_str().map(str::to_owned))
                .collect();
            if words.is_empty() {
                let words = "the response MIME type text/x.enum needs a response schema of type STRING with an enum";
                return Err(BodyProblem::said(path, words, None));
            }
            Ok(Output::OneOf(words))
        }
        (Some(other), _) => {
            let words = format!(
                "* GenerateContentRequest.generation_config.response_mime_type: allowed mimetypes are `text/plain`, `application/json`, `application/xml`, `application/yaml` and `text/x.enum`. Found: {other}"
            );
            Err(BodyProblem::said(path, words, None))
        }
    }
}

#[cfg(test)]
mod tests;
