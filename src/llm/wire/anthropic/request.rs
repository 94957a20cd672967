//! Anthropic's request, in both directions.

mod check;
mod model;
mod write;

pub use write::{DEFAULT_MAX_TOKENS, encode_request};

use std::collections::BTreeSet;

use serde::Deserialize;

use super::error::reject;
use crate::llm::chat::{ChatError, ChatRequest, OfferedTool, Output, ToolChoice};
use crate::llm::wire::body::{BodyProblem, Obj, Present, Problem, TextOrList, read, real, whole};
use crate::llm::wire::raw::RawObject;

/// The body as sent. Everything is optional here, so that what is missing is said in the service's
/// words.
#[derive(Default, Deserialize)]
#[serde(default)]
struct BodyIn {
    model: Option<String>,
    max_tokens: Option<i64>,
    messages: Option<Vec<Obj<MessageIn>>>,
    system: Option<TextOrList<Obj<BlockIn>>>,
    tools: Option<Vec<Obj<ToolIn>>>,
    tool_choice: Option<Obj<ChoiceIn>>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    top_k: Option<i64>,
    stop_sequences: Option<Vec<String>>,
    stream: Option<bool>,
    metadata: Option<Obj<MetadataIn>>,
    output_config: Option<Obj<OutputConfigIn>>,
    output_format: Option<Obj<FormatIn>>,
    thinking: Option<Obj<ThinkingIn>>,
    cache_control: Present,
    thread: Present,
    // Words of other providers.
    response_format: Present,
    max_completion_tokens: Present,
    n: Present,
    stop: Present,
    user: Present,
    seed: Present,
    functions: Present,
    function_call: Present,
    parallel_tool_calls: Present,
    presence_penalty: Present,
    frequency_penalty: Present,
    logit_bias: Present,
    logprobs: Present,
    stream_options: Present,
    extra_body: Present,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageIn {
    role: Option<String>,
    content: Option<TextOrList<Obj<BlockIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct BlockIn {
    r#type: Option<String>,
    text: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<RawObject>,
    tool_use_id: Option<String>,
    content: Option<TextOrList<Obj<BlockIn>>>,
    is_error: Option<bool>,
    source: Option<Obj<SourceIn>>,
    cache_control: Present,
}

/// Where an image or a document comes from.
#[derive(Default, Deserialize)]
#[serde(default)]
struct SourceIn {
    r#type: Option<String>,
    media_type: Option<String>,
    data: Option<String>,
    content: Option<TextOrList<Obj<BlockIn>>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ToolIn {
    r#type: Option<String>,
    name: Option<String>,
    description: Option<String>,
    input_schema: Option<RawObject>,
    cache_control: Present,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChoiceIn {
    r#type: Option<String>,
    name: Option<String>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MetadataIn {
    user_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OutputConfigIn {
    format: Option<Obj<FormatIn>>,
    effort: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ThinkingIn {
    r#type: Option<String>,
    budget_tokens: Option<i64>,
}

impl BodyIn {
    /// How many places are marked for the cache.
    fn marks(&self) -> usize {
        fn in_content(content: Option<&TextOrList<Obj<BlockIn>>>) -> usize {
            let Some(TextOrList::List(blocks)) = content else { return 0 };
            blocks
                .iter()
                .map(|Obj(block)| {
                    usize::from(block.cache_control.0) + in_content(block.content.as_ref())
                })
                .sum()
        }
        let messages =
            self.messages.iter().flatten().map(|Obj(message)| in_content(message.content.as_ref()));
        let tools = self.tools.iter().flatten().map(|Obj(tool)| usize::from(tool.cache_control.0));
        usize::from(self.cache_control.0)
            + in_content(self.system.as_ref())
            + messages.chain(tools).sum::<usize>()
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct FormatIn {
    r#type: Option<String>,
    schema: Option<RawObject>,
}

/// Reads the body of `POST /v1/messages`.
///
/// # Errors
/// `BadRequest` in the service's words, naming the field.
pub fn decode_request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    read::<Obj<BodyIn>>(body).and_then(|Obj(body)| request(body, true)).map_err(reject)
}

/// Reads the body of `POST /v1/messages/count_tokens`, which has no cap.
///
/// # Errors
/// As for a chat request.
pub fn decode_count_request(body: &[u8]) -> Result<ChatRequest, ChatError> {
    read::<Obj<BodyIn>>(body).and_then(|Obj(body)| request(body, false)).map_err(reject)
}

fn request(mut body: BodyIn, capped: bool) -> Result<ChatRequest, BodyProblem> {
    refuse_foreign_words(&body)?;
    if body.thread.0 {
        // The clients send the whole conversation instead when they read this code.
        let words = "threads are not supported here: send the full conversation without `thread`";
        return Err(BodyProblem::said("thread", words, Some("thread_unsupported_request")));
    }
    let rest = model::Rest::of(&mut body)?;
    let model = body.model.ok_or_else(|| BodyProblem::missing("model"))?;
    if model.is_empty() {
        return Err(BodyProblem::said("model", "String should have at least 1 character", None));
    }
    let max_tokens = whole("max_tokens", body.max_tokens, 0)?;
    if capped && max_tokens.is_none() {
        return Err(BodyProblem::missing("max_tokens"));
    }
    let ranged = |path: &str, value: Option<f64>| {
        real(path, value, 1.0).map_err(|_| BodyProblem::said(path, "range: 0..1", None))
    };
    let temperature = ranged("temperature", body.temperature)?;
    let top_p = ranged("top_p", body.top_p)?;
    whole("top_k", body.top_k, 0)?;
    let stop = body.stop_sequences.unwrap_or_default();
    if stop.iter().any(|text| text.trim().is_empty()) {
        return Err(BodyProblem::said(
            "stop_sequences",
            "each stop sequence must contain non-whitespace",
            None,
        ));
    }
    let check::MessagesRead { messages, mut system, media } =
        check::messages(body.messages.ok_or_else(|| BodyProblem::missing("messages"))?)?;
    if let Some(text) = body.system.map(|content| check::texts("system", content)).transpose()? {
        system.insert(0, text);
    }
    system.retain(|text| !text.is_empty());
    let tools = tools(body.tools.unwrap_or_default())?;
    let (tool_choice, parallel_tools) = choice(body.tool_choice, &tools)?;
    let (path, format) = match body.output_config.and_then(|Obj(config)| config.format) {
        Some(format) => ("output_config.format", Some(format)),
        None => ("output_format", body.output_format),
    };
    let output = format.map_or(Ok(Output::Text), |Obj(format)| output(path, format))?;
    let request = ChatRequest {
        system: (!system.is_empty()).then(|| system.join("\n\n")),
        messages,
        tools,
        tool_choice,
        parallel_tools,
        output,
        max_tokens,
        temperature,
        top_p,
        stop,
        media_tokens: media.tokens,
        user: body.metadata.and_then(|Obj(metadata)| metadata.user_id),
        stream: body.stream.unwrap_or_default(),
        include_usage: true,
        ..ChatRequest::new(model)
    };
    rest.check(&request, media.pdf.as_deref())?;
    Ok(request)
}

fn refuse_foreign_words(body: &BodyIn) -> Result<(), BodyProblem> {
    let words = [
        ("response_format", body.response_format),
        ("max_completion_tokens", body.max_completion_tokens),
        ("n", body.n),
        ("stop", body.stop),
        ("user", body.user),
        ("seed", body.seed),
        ("functions", body.functions),
        ("function_call", body.function_call),
        ("parallel_tool_calls", body.parallel_tool_calls),
        ("presence_penalty", body.presence_penalty),
        ("frequency_penalty", body.frequency_penalty),
        ("logit_bias", body.logit_bias),
        ("logprobs", body.logprobs),
        ("stream_options", body.stream_options),
        ("extra_body", body.extra_body),
    ];
    match words.iter().find(|(_, present)| present.0) {
        Some((word, _)) => Err(BodyProblem::new(*word, Problem::Forbidden)),
        None => Ok(()),
    }
}

fn tools(tools: Vec<Obj<ToolIn>>) -> Result<Vec<OfferedTool>, BodyProblem> {
    let mut all: Vec<OfferedTool> = Vec::with_capacity(tools.len());
    let mut names = BTreeSet::new();
    for (i, Obj(tool)) in tools.into_iter().enumerate() {
        if let Some(other) = tool.r#type.filter(|kind| kind != "custom") {
            return Err(BodyProblem::said(
                format!("tools.{i}"),
                format!("only custom tools are played here, found '{other}'"),
                None,
            ));
        }
        let name =
            tool.name.ok_or_else(|| BodyProblem::missing(format!("tools.{i}.custom.name")))?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
        if name.is_empty() || name.len() > 128 || !name.bytes().all(plain) {
            let words = "String should match pattern '^[a-zA-Z0-9_-]{1,128}$'";
            return Err(BodyProblem::said(format!("tools.{i}.custom.name"), words, None));
        }
        if !names.insert(name.clone()) {
            return Err(BodyProblem::said("tools", "Tool names must be unique.", None));
        }
        let schema = tool
            .input_schema
            .ok_or_else(|| BodyProblem::missing(format!("tools.{i}.custom.input_schema")))?;
        all.push(OfferedTool {
            name,
            description: tool.description.unwrap_or_default(),
            schema: schema.into_text(),
        });
    }
    Ok(all)
}

fn choice(
    choice: Option<Obj<ChoiceIn>>,
    tools: &[OfferedTool],
) -> Result<(ToolChoice, bool), BodyProblem> {
    let Some(Obj(choice)) = choice else { return Ok((ToolChoice::Auto, true)) };
    let kind = choice.r#type.ok_or_else(|| BodyProblem::missing("tool_choice.type"))?;
    let parallel = !choice.disable_parallel_tool_use.unwrap_or_default();
    let choice = match kind.as_str() {
        "auto" => ToolChoice::Auto,
        "any" => ToolChoice::Any,
        "none" => ToolChoice::None,
        "tool" => ToolChoice::Named(
            choice.name.ok_or_else(|| BodyProblem::missing("tool_choice.tool.name"))?,
        ),
        _ => {
            return Err(BodyProblem::new(
                "tool_choice.type",
                Problem::NotOneOf { found: kind, allowed: &["auto", "any", "tool", "none"] },
            ));
        }
    };
    if tools.is_empty() && choice != ToolChoice::None {
        return Err(BodyProblem::said(
            "tool_choice",
            "may only be specified while providing `tools`",
            None,
        ));
    }
    if let ToolChoice::Named(name) = &choice
        && !tools.iter().any(|tool| tool.name == *name)
    {
        return Err(BodyProblem::said(
            "tool_choice",
            format!("Tool '{name}' not found in provided tools"),
            None,
        ));
    }
    Ok((choice, parallel))
}

fn output(path: &str, format: FormatIn) -> Result<Output, BodyProblem> {
    match format.r#type.as_deref() {
        Some("json_schema") => {
            let schema =
                format.schema.ok_or_else(|| BodyProblem::missing(format!("{path}.schema")))?;
            Ok(Output::JsonSchema {
                name: "output".to_owned(),
                schema: schema.into_text(),
                strict: true,
            })
        }
        Some(other) => Err(BodyProblem::new(
            format!("{path}.type"),
            Problem::NotOneOf { found: other.to_owned(), allowed: &["json_schema"] },
        )),
        None => Err(BodyProblem::missing(format!("{path}.type"))),
    }
}

#[cfg(test)]
mod tests;
