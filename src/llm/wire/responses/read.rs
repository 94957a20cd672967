//! The request as a server reads it.

use serde_json::value::RawValue;

use super::items::{ConversationItem, conversation, items, within};
use super::sent::{
    ConversationIn, FlatChoiceIn, FlatToolIn, ResponsesBodyIn, TextFormatIn, TextOptionsIn,
};
use crate::llm::chat::{ChatRequest, ContentPart, OfferedTool, Output, ToolChoice};
use crate::llm::families::{Family, find};
use crate::llm::wire::body::{BodyProblem, Obj, Problem, TextOrObject, read, real, whole};

/// Smallest cap on the output, in tokens.
const MIN_OUTPUT_TOKENS: u32 = 16;
/// Most tools.
const MAX_TOOLS: usize = 128;
/// The schema of a tool that names none.
const NO_PARAMETERS: &str = r#"{"type":"object","properties":{}}"#;

/// A request, but for what was said before it.
#[derive(Debug)]
pub struct ResponsesRequest<'a> {
    /// The request as a chat. It has a conversation once `continue_after` has
    /// made one.
    pub chat: ChatRequest,
    /// The items that came with it.
    pub items: Vec<ConversationItem>,
    /// The id of the answer that it follows.
    pub previous: Option<String>,
    /// The id of the conversation that it belongs to.
    pub conversation: Option<String>,
    /// Whether the answer is kept.
    pub store: bool,
    /// Whether the answer is fetched later.
    pub background: bool,
    /// Whether the oldest turns are left out where the model's context is too short.
    pub truncates: bool,
    pub(super) instructions: Option<String>,
    pub(super) reasons: Option<ReasoningForm>,
    pub(super) echo: EchoedOptions<'a>,
}

/// How a model that reasons shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReasoningForm {
    /// With a summary.
    pub(super) summary: bool,
    /// With its notes, sealed.
    pub(super) sealed: bool,
}

/// What goes back in the answer as it came.
#[derive(Debug)]
pub(super) struct EchoedOptions<'a> {
    pub(super) tools: Option<&'a RawValue>,
    pub(super) tool_choice: Option<&'a RawValue>,
    pub(super) format: Option<&'a RawValue>,
    pub(super) verbosity: Option<&'a RawValue>,
    pub(super) effort: Option<String>,
    pub(super) summary: Option<&'a RawValue>,
    pub(super) metadata: Option<String>,
    pub(super) max_tool_calls: Option<i64>,
    pub(super) service_tier: Option<String>,
    pub(super) prompt_cache_key: Option<String>,
    pub(super) prompt_cache_retention: Option<String>,
    pub(super) safety_identifier: Option<String>,
    pub(super) user: Option<String>,
}

/// Numbers and words of a request that not every model takes.
#[derive(Clone, Debug)]
pub(in crate::llm::wire) struct ModelParameters {
    pub(in crate::llm::wire) effort: Option<String>,
    pub(in crate::llm::wire) temperature: Option<f64>,
    pub(in crate::llm::wire) top_p: Option<f64>,
    pub(in crate::llm::wire) top_logprobs: Option<i64>,
    pub(in crate::llm::wire) max_output_tokens: Option<i64>,
}

impl ResponsesRequest<'_> {
    /// Puts the conversation together from what was said `before` and from the request's own items.
    pub(super) fn follow(&mut self, before: Vec<ConversationItem>) -> Result<(), BodyProblem> {
        let own = std::mem::take(&mut self.items);
        let made = conversation(
            (&self.chat.model, self.instructions.as_deref()),
            before.into_iter().chain(own),
        )?;
        self.chat.system = made.system;
        self.chat.messages = made.messages;
        self.chat.media_tokens = made.media_tokens;
        if self.chat.output == Output::JsonObject && !mentions_json(&self.chat) {
            let words = "Response input messages must contain the word 'json' in some form to use 'text.format' of type 'json_object'.";
            return Err(BodyProblem::said("input", words, None));
        }
        Ok(())
    }
}

fn mentions_json(chat: &ChatRequest) -> bool {
    let says =
        |text: &str| text.as_bytes().windows(4).any(|word| word.eq_ignore_ascii_case(b"json"));
    let in_part = |part: &ContentPart| match part {
        ContentPart::Text(text) => says(text),
        ContentPart::ToolUse(call) => says(&call.input),
        ContentPart::ToolResult(result) => says(&result.content),
    };
    chat.system.as_deref().is_some_and(says)
        || chat.messages.iter().any(|message| message.content.iter().any(in_part))
}

/// The models, whether one takes these parameters, and whether one reasons unless a request says
/// otherwise.
type ModelRules = (
    &'static [Family],
    fn(&Family, ModelParameters) -> Result<(), BodyProblem>,
    fn(&Family) -> bool,
);

/// Reads a body.
pub(super) fn decode<'a>(
    (families, check_model, reasons_by_default): ModelRules,
    body: &'a [u8],
) -> Result<ResponsesRequest<'a>, BodyProblem> {
    let Obj(mut body) = read::<Obj<ResponsesBodyIn<'a>>>(body)?;
    refuse_words(&body)?;
    let model = body.model.take().filter(|model| !model.is_empty());
    let model = model.ok_or_else(|| BodyProblem::missing("model"))?;
    let conversation = body.conversation.take().map(conversation_id).transpose()?;
    if conversation.is_some() && body.previous_response_id.is_some() {
        let words = "Mutually exclusive parameters. Ensure you are only providing one of: 'previous_response_id' or 'conversation'.";
        return Err(BodyProblem::said("", words, Some("mutually_exclusive_parameters")));
    }
    if body.input.is_none() && body.previous_response_id.is_none() && conversation.is_none() {
        let words = "One of \"input\" or \"previous_response_id\" or 'prompt' or 'conversation_id' must be provided.";
        return Err(BodyProblem::said("input", words, Some("missing_required_parameter")));
    }
    let reasoning = body.reasoning.take().map(|Obj(reasoning)| reasoning).unwrap_or_default();
    let family = find(families, &model);
    if let Some(family) = family {
        let parameters = ModelParameters {
            effort: reasoning.effort.clone(),
            temperature: body.temperature,
            top_p: body.top_p,
            top_logprobs: body.top_logprobs,
            max_output_tokens: body.max_output_tokens,
        };
        check_model(family, parameters)?;
    }
    let includes = |word: &str| body.include.iter().flatten().any(|known| known == word);
    let summary = reasoning.summary.or(reasoning.generate_summary);
    let thinks = family.is_some_and(|family| match &reasoning.effort {
        Some(effort) => effort != "none",
        None => reasons_by_default(family),
    });
    let reasons = thinks.then(|| ReasoningForm {
        summary: summary.is_some_and(|summary| summary.get() != "null"),
        sealed: includes("reasoning.encrypted_content"),
    });
    let (mut tools, other_tools) = tools(body.tools)?;
    let tool_choice = choice(body.tool_choice, &mut tools, other_tools)?;
    let text = body.text.map(|raw| within::<Obj<TextOptionsIn<'a>>>("text", raw)).transpose()?;
    let text = text.map(|Obj(text)| text).unwrap_or_default();
    let truncates = match body.truncation.as_deref() {
        None | Some("disabled") => false,
        Some("auto") => true,
        Some(other) => {
            let allowed = &["auto", "disabled"];
            let problem = Problem::NotOneOf { found: other.to_owned(), allowed };
            return Err(BodyProblem::new("truncation", problem));
        }
    };
    let chat = ChatRequest {
        tools,
        tool_choice,
        parallel_tools: body.parallel_tool_calls.unwrap_or(true),
        output: text.format.map_or(Ok(Output::Text), output)?,
        max_tokens: whole("max_output_tokens", body.max_output_tokens, MIN_OUTPUT_TOKENS)?,
        temperature: real("temperature", body.temperature, 2.0)?,
        top_p: real("top_p", body.top_p, 1.0)?,
        user: body.user.clone().or_else(|| body.safety_identifier.clone()),
        stream: body.stream.unwrap_or_default(),
        include_usage: true,
        ..ChatRequest::new(model)
    };
    Ok(ResponsesRequest {
        chat,
        items: body.input.map_or(Ok(Vec::new()), items)?,
        previous: body.previous_response_id,
        conversation,
        store: body.store.unwrap_or(true),
        background: body.background.unwrap_or_default(),
        truncates,
        instructions: body.instructions,
        reasons,
        echo: EchoedOptions {
            tools: body.tools,
            tool_choice: body.tool_choice,
            format: text.format,
            verbosity: text.verbosity,
            effort: reasoning.effort,
            summary,
            metadata: body.metadata.map(|metadata| metadata.0),
            max_tool_calls: body.max_tool_calls,
            service_tier: body.service_tier.filter(|tier| tier != "auto"),
            prompt_cache_key: body.prompt_cache_key,
            prompt_cache_retention: body.prompt_cache_retention,
            safety_identifier: body.safety_identifier,
            user: body.user,
        },
    })
}

/// Refuses the words of chat completions as the service does, and what is not simulated.
fn refuse_words(body: &ResponsesBodyIn<'_>) -> Result<(), BodyProblem> {
    let moved = [
        ("messages", body.messages.0, "input"),
        ("max_tokens", body.max_tokens.0, "max_output_tokens"),
        ("max_completion_tokens", body.max_completion_tokens.0, "max_output_tokens"),
        ("response_format", body.response_format.0, "text.format"),
        ("reasoning_effort", body.reasoning_effort.0, "reasoning.effort"),
        ("functions", body.functions.0, "tools"),
    ];
    if let Some((word, _, instead)) = moved.into_iter().find(|(_, there, _)| *there) {
        let words = format!(
            "Unsupported parameter: '{word}'. In the Responses API, this parameter has moved to '{instead}'. Try again with the new parameter."
        );
        return Err(BodyProblem::said(word, words, Some("unsupported_parameter")));
    }
    let unknown = [("stop", body.stop.0), ("n", body.n.0), ("seed", body.seed.0)];
    if let Some((word, _)) = unknown.into_iter().find(|(_, there)| *there) {
        let words = format!("Unknown parameter: '{word}'.");
        return Err(BodyProblem::said(word, words, Some("unknown_parameter")));
    }
    if body.prompt.0 {
        let words = "stored prompts are not simulated: send 'instructions' and 'input' instead";
        return Err(BodyProblem::said("prompt", words, Some("unsupported_parameter")));
    }
    Ok(())
}

fn conversation_id(raw: &RawValue) -> Result<String, BodyProblem> {
    match within::<TextOrObject<ConversationIn>>("conversation", raw)? {
        TextOrObject::Text(id) => Ok(id),
        TextOrObject::Object(conversation) => {
            conversation.id.ok_or_else(|| BodyProblem::missing("conversation.id"))
        }
    }
}

/// Whether `name` is one that the service takes for a function.
fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !name.is_empty() && name.len() <= 64 && name.bytes().all(plain)
}

/// Types of tools that are taken, and that no model here calls.
fn is_other_tool(kind: &str) -> bool {
    const OTHERS: [&str; 10] = [
        "custom",
        "file_search",
        "code_interpreter",
        "image_generation",
        "mcp",
        "local_shell",
        "shell",
        "apply_patch",
        "tool_search",
        "namespace",
    ];
    OTHERS.contains(&kind) || kind.starts_with("web_search") || kind.starts_with("computer")
}

/// The functions on offer, and whether there are other tools.
fn tools(raw: Option<&RawValue>) -> Result<(Vec<OfferedTool>, bool), BodyProblem> {
    const TYPES: &[&str] =
        &["function", "custom", "web_search", "file_search", "code_interpreter", "mcp"];
    let Some(raw) = raw else { return Ok((Vec::new(), false)) };
    let sent = within::<Vec<Obj<FlatToolIn>>>("tools", raw)?;
    if sent.len() > MAX_TOOLS {
        let words = format!(
            "Invalid 'tools': array too long. Expected an array with maximum length {MAX_TOOLS}, but got an array with length {} instead.",
            sent.len()
        );
        return Err(BodyProblem::said("tools", words, Some("array_above_max_length")));
    }
    let (mut all, mut others) = (Vec::with_capacity(sent.len()), false);
    for (i, Obj(tool)) in sent.into_iter().enumerate() {
        let need = |field: &str| BodyProblem::missing(format!("tools.{i}.{field}"));
        let kind = tool.r#type.ok_or_else(|| need("type"))?;
        if is_other_tool(&kind) {
            others = true;
            continue;
        }
        if kind != "function" {
            let problem = Problem::NotOneOf { found: kind, allowed: TYPES };
            return Err(BodyProblem::new(format!("tools.{i}.type"), problem));
        }
        let name = tool.name.ok_or_else(|| need("name"))?;
        if !is_name(&name) {
            let words = format!(
                "Invalid 'tools[{i}].name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'."
            );
            return Err(BodyProblem::said(format!("tools.{i}.name"), words, Some("invalid_value")));
        }
        let schema =
            tool.parameters.map_or_else(|| NO_PARAMETERS.to_owned(), |json| json.into_text());
        all.push(OfferedTool { name, description: tool.description.unwrap_or_default(), schema });
    }
    Ok((all, others))
}

/// The choice of a tool. Functions that may not be called are taken out.
fn choice(
    raw: Option<&RawValue>,
    tools: &mut Vec<OfferedTool>,
    other_tools: bool,
) -> Result<ToolChoice, BodyProblem> {
    const WORDS: &[&str] = &["none", "auto", "required"];
    let Some(raw) = raw else { return Ok(ToolChoice::Auto) };
    let known = |name: &str| {
        let words = format!("Tool choice '{name}' not found in 'tools' parameter.");
        BodyProblem::said("tool_choice", words, None)
    };
    let mode = |word: String, path: &str| match word.as_str() {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Any),
        _ => Err(BodyProblem::new(path, Problem::NotOneOf { found: word, allowed: WORDS })),
    };
    let choice = match within::<TextOrObject<FlatChoiceIn>>("tool_choice", raw)? {
        TextOrObject::Text(word) => {
            let choice = mode(word, "tool_choice")?;
            if choice == ToolChoice::Any && tools.is_empty() && !other_tools {
                let words = "Tool choice 'required' must be specified with 'tools' parameter.";
                return Err(BodyProblem::said("tool_choice", words, None));
            }
            return Ok(choice);
        }
        TextOrObject::Object(choice) => choice,
    };
    match choice.r#type.as_deref().ok_or_else(|| BodyProblem::missing("tool_choice.type"))? {
        "function" => {
            let name = choice.name.ok_or_else(|| BodyProblem::missing("tool_choice.name"))?;
            if !tools.iter().any(|tool| tool.name == name) {
                return Err(known(&name));
            }
            Ok(ToolChoice::Named(name))
        }
        "allowed_tools" => {
            let sent = choice.tools.ok_or_else(|| BodyProblem::missing("tool_choice.tools"))?;
            let names: Vec<String> = sent.into_iter().filter_map(|Obj(tool)| tool.name).collect();
            let missing = names.iter().find(|name| !tools.iter().any(|tool| tool.name == **name));
            if let Some(name) = missing.filter(|_| !other_tools) {
                return Err(known(name));
            }
            tools.retain(|tool| names.contains(&tool.name));
            mode(choice.mode.unwrap_or_else(|| "auto".to_owned()), "tool_choice.mode")
        }
        kind if is_other_tool(kind) && other_tools => Ok(ToolChoice::None),
        kind if is_other_tool(kind) => Err(known(kind)),
        other => {
            let allowed = &["function", "allowed_tools", "custom", "mcp", "web_search"];
            let problem = Problem::NotOneOf { found: other.to_owned(), allowed };
            Err(BodyProblem::new("tool_choice.type", problem))
        }
    }
}

fn output(raw: &RawValue) -> Result<Output, BodyProblem> {
    if raw.get() == "null" {
        return Ok(Output::Text);
    }
    let Obj(format) = within::<Obj<TextFormatIn>>("text.format", raw)?;
    match format.r#type.as_deref() {
        Some("text") => Ok(Output::Text),
        Some("json_object") => Ok(Output::JsonObject),
        Some("json_schema") => {
            let need = |field: &str| BodyProblem::missing(format!("text.format.{field}"));
            Ok(Output::JsonSchema {
                name: format.name.ok_or_else(|| need("name"))?,
                schema: format.schema.ok_or_else(|| need("schema"))?.into_text(),
                strict: format.strict.unwrap_or_default(),
            })
        }
        Some(other) => {
            let allowed = &["json_object", "json_schema", "text"];
            let problem = Problem::NotOneOf { found: other.to_owned(), allowed };
            Err(BodyProblem::new("text.format.type", problem))
        }
        None => Err(BodyProblem::missing("text.format.type")),
    }
}
