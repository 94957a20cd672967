//! The answer as one JSON document.
//!
//! Guarantees: all fields that the service sends, in every state of an answer; the id of an item
//! says to which answer it belongs.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::read::ResponsesRequest;
use crate::llm::chat::{Block, ChatResponse, ContentPart, Role, Stop, Usage};
use crate::llm::wire::sse::put;

/// Most characters of a question that a summary repeats.
const MAX_SUMMARY: usize = 200;

/// The state of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResponseStatus {
    /// It waits to be made.
    Queued,
    /// It is being made.
    InProgress,
    /// It is whole.
    Completed,
    /// It ends before its end.
    Incomplete,
    /// Nobody waits for it any more.
    Cancelled,
}

impl ResponseStatus {
    /// The state in which an answer ends.
    pub(super) fn of(answer: &ChatResponse) -> Self {
        match answer.stop {
            Stop::MaxTokens | Stop::ContentFilter => Self::Incomplete,
            _ => Self::Completed,
        }
    }
}

#[derive(Clone, Copy, Serialize)]
struct ReasonOut {
    reason: &'static str,
}

#[derive(Serialize)]
struct DocumentOut<'a> {
    id: &'a str,
    object: &'static str,
    created_at: u64,
    completed_at: Option<u64>,
    status: ResponseStatus,
    background: bool,
    error: Option<()>,
    incomplete_details: Option<ReasonOut>,
    instructions: Option<&'a str>,
    max_output_tokens: Option<u32>,
    max_tool_calls: Option<i64>,
    model: &'a str,
    output: &'a [ResponseItemOut<'a>],
    parallel_tool_calls: bool,
    previous_response_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<ConversationOut<'a>>,
    prompt_cache_key: Option<&'a str>,
    prompt_cache_retention: Option<&'a str>,
    reasoning: ReasoningOut<'a>,
    safety_identifier: Option<&'a str>,
    service_tier: &'a str,
    store: bool,
    temperature: f64,
    text: TextOut<'a>,
    tool_choice: RawOr<'a>,
    tools: RawOr<'a>,
    top_logprobs: u32,
    top_p: f64,
    truncation: &'static str,
    usage: Option<ResponsesUsageOut>,
    user: Option<&'a str>,
    metadata: RawOr<'a>,
}

#[derive(Serialize)]
struct ConversationOut<'a> {
    id: &'a str,
}

#[derive(Serialize)]
struct ReasoningOut<'a> {
    effort: Option<&'a str>,
    summary: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct TextOut<'a> {
    format: RawOr<'a>,
    verbosity: RawOr<'a>,
}

/// JSON as it came, or else this JSON.
struct RawOr<'a>(Option<&'a RawValue>, &'static str);

impl Serialize for RawOr<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.filter(|raw| raw.get() != "null") {
            Some(raw) => raw.serialize(serializer),
            None => serde_json::from_str::<&RawValue>(self.1)
                .map_err(serde::ser::Error::custom)?
                .serialize(serializer),
        }
    }
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct ResponsesUsageOut {
    input_tokens: u32,
    input_tokens_details: InputDetailsOut,
    output_tokens: u32,
    output_tokens_details: OutputDetailsOut,
    total_tokens: u64,
}

#[derive(Clone, Copy, Serialize)]
struct InputDetailsOut {
    cached_tokens: u32,
    cache_write_tokens: u32,
}

#[derive(Clone, Copy, Serialize)]
struct OutputDetailsOut {
    reasoning_tokens: u32,
}

impl From<Usage> for ResponsesUsageOut {
    fn from(usage: Usage) -> Self {
        Self {
            input_tokens: usage.input,
            input_tokens_details: InputDetailsOut {
                cached_tokens: usage.cached.read,
                cache_write_tokens: usage.cached.written,
            },
            output_tokens: usage.output,
            output_tokens_details: OutputDetailsOut { reasoning_tokens: usage.reasoning },
            total_tokens: u64::from(usage.input) + u64::from(usage.output),
        }
    }
}

/// An item of an answer.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ResponseItemOut<'a> {
    Reasoning {
        id: String,
        summary: Vec<ItemPartOut<'a>>,
        encrypted_content: Option<String>,
    },
    Message {
        id: String,
        status: ResponseStatus,
        role: &'static str,
        content: Vec<ItemPartOut<'a>>,
    },
    FunctionCall {
        id: String,
        status: ResponseStatus,
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
}

/// A part of an item.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum ItemPartOut<'a> {
    OutputText { text: std::borrow::Cow<'a, str>, annotations: [(); 0], logprobs: [(); 0] },
    Refusal { refusal: &'a str },
    SummaryText { text: std::borrow::Cow<'a, str> },
}

/// The digits of an id, behind its kind.
pub(super) fn digits(id: &str) -> &str {
    id.rsplit(['_', '-']).next().unwrap_or_default()
}

/// The id of an answer.
pub(super) fn response_id(answer: &ChatResponse) -> String {
    format!("resp_{}", digits(&answer.id))
}

/// The items of an answer.
pub(super) fn items<'a>(
    request: &ResponsesRequest<'_>,
    answer: &'a ChatResponse,
) -> Vec<ResponseItemOut<'a>> {
    let digits = digits(&answer.id);
    let mut all = Vec::new();
    let id =
        |kind: &str, all: &Vec<ResponseItemOut<'_>>| format!("{kind}_{digits}{:02}", all.len());
    if let Some(reasons) = request.reasons {
        let summary = if reasons.summary { vec![summary(request)] } else { Vec::new() };
        let encrypted_content = reasons.sealed.then(|| super::compaction::seal(digits));
        all.push(ResponseItemOut::Reasoning { id: id("rs", &all), summary, encrypted_content });
    }
    let status = ResponseStatus::of(answer);
    let called = answer.tool_uses().next().is_some();
    let mut content = Vec::new();
    if let Some(refusal) = &answer.refusal {
        content.push(ItemPartOut::Refusal { refusal });
    } else {
        let text = text(answer);
        if !called || !text.is_empty() {
            content.push(ItemPartOut::OutputText { text, annotations: [], logprobs: [] });
        }
    }
    if !content.is_empty() {
        let id = id("msg", &all);
        all.push(ResponseItemOut::Message { id, status, role: "assistant", content });
    }
    for call in answer.tool_uses() {
        all.push(ResponseItemOut::FunctionCall {
            id: id("fc", &all),
            status,
            call_id: &call.id,
            name: &call.name,
            arguments: &call.input,
        });
    }
    all
}

/// All words of an answer.
fn text(answer: &ChatResponse) -> std::borrow::Cow<'_, str> {
    let mut texts = answer
        .content
        .iter()
        .filter_map(|block| if let Block::Text(text) = block { Some(text.as_str()) } else { None });
    match (texts.next(), texts.next()) {
        (None, _) => "".into(),
        (Some(text), None) => text.into(),
        _ => answer.text().into(),
    }
}

/// A summary of what was reasoned: what the question is.
fn summary(request: &ResponsesRequest<'_>) -> ItemPartOut<'static> {
    let asked = request.chat.messages.iter().rev().filter(|message| message.role == Role::User);
    let text = asked.flat_map(|message| &message.content).find_map(|part| match part {
        ContentPart::Text(text) => Some(text.as_str()),
        _ => None,
    });
    let shown: String = text.unwrap_or_default().chars().take(MAX_SUMMARY).collect();
    ItemPartOut::SummaryText {
        text: format!("**Reading the question**\n\nIt says: {shown}").into(),
    }
}

/// Writes the answer in a state.
pub(super) fn encode(
    request: &ResponsesRequest<'_>,
    answer: &ChatResponse,
    id: &str,
    items: &[ResponseItemOut<'_>],
    status: ResponseStatus,
    out: &mut Vec<u8>,
) {
    let (chat, echo) = (&request.chat, &request.echo);
    let ended = matches!(status, ResponseStatus::Completed | ResponseStatus::Incomplete);
    let reason = match answer.stop {
        Stop::MaxTokens => "max_output_tokens",
        _ => "content_filter",
    };
    let metadata = echo.metadata.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let document = DocumentOut {
        id,
        object: "response",
        created_at: answer.created,
        completed_at: (status == ResponseStatus::Completed).then_some(answer.created),
        status,
        background: request.background,
        error: None,
        incomplete_details: (status == ResponseStatus::Incomplete).then_some(ReasonOut { reason }),
        instructions: request.instructions.as_deref(),
        max_output_tokens: chat.max_tokens,
        max_tool_calls: echo.max_tool_calls,
        model: &answer.model,
        output: if ended { items } else { &[] },
        parallel_tool_calls: chat.parallel_tools,
        previous_response_id: request.previous.as_deref(),
        conversation: request.conversation.as_deref().map(|id| ConversationOut { id }),
        prompt_cache_key: echo.prompt_cache_key.as_deref(),
        prompt_cache_retention: echo.prompt_cache_retention.as_deref(),
        reasoning: ReasoningOut { effort: echo.effort.as_deref(), summary: echo.summary },
        safety_identifier: echo.safety_identifier.as_deref(),
        service_tier: echo.service_tier.as_deref().unwrap_or("default"),
        store: request.store,
        temperature: chat.temperature.unwrap_or(1.0),
        text: TextOut {
            format: RawOr(echo.format, r#"{"type":"text"}"#),
            verbosity: RawOr(echo.verbosity, r#""medium""#),
        },
        tool_choice: RawOr(echo.tool_choice, r#""auto""#),
        tools: RawOr(echo.tools, "[]"),
        top_logprobs: 0,
        top_p: chat.top_p.unwrap_or(1.0),
        truncation: if request.truncates { "auto" } else { "disabled" },
        usage: ended.then(|| answer.usage.into()),
        user: echo.user.as_deref(),
        metadata: RawOr(metadata, "{}"),
    };
    put(out, &document);
}
