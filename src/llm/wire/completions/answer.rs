//! The answer as one JSON document, in both directions.

use serde::{Deserialize, Serialize, Serializer};

use super::dialect::{AnswerForm, Dialect};
use super::logprobs::{LogprobsOut, probabilities};
use super::write::CallOut;
use crate::llm::chat::{Block, Cached, ChatError, ChatResponse, ErrorKind, Stop, ToolUse, Usage};
use crate::llm::wire::body::{BodyProblem, Obj, TextOrList, read, tokens};
use crate::llm::wire::raw::Arguments;
use crate::llm::wire::sse::put;

/// What stands for the backend's build: this one has none to tell.
pub(super) const FINGERPRINT: &str = "fp_simlab";

#[derive(Serialize)]
struct CompletionOut<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<ChoiceOut<'a>>,
    usage: UsageOut,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_fingerprint: Option<&'static str>,
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    index: u32,
    message: MessageOut<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<ChoiceLogprobs<'a>>,
    finish_reason: &'static str,
}

/// The probabilities of an answer's tokens; `null` where nobody asked.
struct ChoiceLogprobs<'a>(&'a ChatResponse);

impl Serialize for ChoiceLogprobs<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(others) = self.0.logprobs.filter(|_| self.0.refusal.is_none()) else {
            return serializer.serialize_none();
        };
        let text = self.0.text();
        let told = probabilities(&self.0.id, &text, others);
        LogprobsOut::of(&told).serialize(serializer)
    }
}

#[derive(Serialize)]
struct MessageOut<'a> {
    role: &'static str,
    content: Option<Words<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<Calls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<[(); 0]>,
}

/// All texts of an answer, run together.
struct Words<'a>(&'a [Block], Option<&'a str>);

impl Serialize for Words<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut texts = texts(self.0).chain(self.1);
        match (texts.next(), texts.next()) {
            (None, _) => serializer.serialize_str(""),
            (Some(text), None) => serializer.serialize_str(text),
            (Some(first), Some(second)) => {
                let rest: String = texts.collect();
                serializer.collect_str(&format_args!("{first}{second}{rest}"))
            }
        }
    }
}

struct Calls<'a>(&'a [Block]);

impl Serialize for Calls<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(calls(self.0).map(CallOut::of))
    }
}

pub(super) fn texts(content: &[Block]) -> impl Iterator<Item = &str> {
    content
        .iter()
        .filter_map(|block| if let Block::Text(text) = block { Some(text.as_str()) } else { None })
}

pub(super) fn calls(content: &[Block]) -> impl Iterator<Item = &ToolUse> {
    content
        .iter()
        .filter_map(|block| if let Block::ToolUse(call) = block { Some(call) } else { None })
}

#[derive(Clone, Copy, Serialize)]
pub(super) struct UsageOut {
    prompt_tokens: u32,
    completion_tokens: u32,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<InputDetailsOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<OutputDetailsOut>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct InputDetailsOut {
    cached_tokens: u32,
    #[serde(skip_serializing_if = "crate::quantity::is_zero")]
    cache_write_tokens: u32,
    audio_tokens: u32,
}

#[derive(Clone, Copy, Default, Serialize)]
struct OutputDetailsOut {
    reasoning_tokens: u32,
    audio_tokens: u32,
    accepted_prediction_tokens: u32,
    rejected_prediction_tokens: u32,
}

impl UsageOut {
    pub(super) fn of(form: &AnswerForm, usage: Usage) -> Self {
        Self {
            prompt_tokens: usage.input,
            completion_tokens: usage.output,
            total_tokens: u64::from(usage.input) + u64::from(usage.output),
            prompt_tokens_details: form.all_fields.then_some(InputDetailsOut {
                cached_tokens: usage.cached.read,
                cache_write_tokens: usage.cached.written,
                audio_tokens: 0,
            }),
            completion_tokens_details: form.all_fields.then(|| OutputDetailsOut {
                reasoning_tokens: usage.reasoning,
                ..OutputDetailsOut::default()
            }),
        }
    }
}

/// The service's word for why an answer ended.
pub(super) fn stop_word(form: &AnswerForm, stop: &Stop) -> &'static str {
    match stop {
        Stop::EndTurn | Stop::StopSequence(_) | Stop::Refusal => "stop",
        Stop::MaxTokens => "length",
        Stop::ToolUse => "tool_calls",
        Stop::ContentFilter => form.filtered,
    }
}

/// Puts an answer together from what both forms, document and stream, tell.
pub(super) fn assemble(
    (id, created, model): (String, u64, String),
    text: String,
    calls: impl IntoIterator<Item = ToolUse>,
    refusal: Option<String>,
    reason: Option<&str>,
    usage: UsageIn,
) -> Result<ChatResponse, ChatError> {
    let mut content: Vec<Block> =
        if text.is_empty() { Vec::new() } else { vec![Block::Text(text)] };
    content.extend(calls.into_iter().map(Block::ToolUse));
    let refusal = refusal.filter(|words| !words.is_empty());
    let called = matches!(content.last(), Some(Block::ToolUse(_)));
    let stop = match reason {
        Some("error") => {
            return Err(ChatError::new(
                ErrorKind::Server,
                "the provider broke off with finish_reason 'error'",
            ));
        }
        Some("length" | "model_length") => Stop::MaxTokens,
        Some("content_filter") => Stop::ContentFilter,
        Some("tool_calls" | "function_call") => Stop::ToolUse,
        // A call that was forced by name ends with "stop" at OpenAI.
        _ if called => Stop::ToolUse,
        _ if refusal.is_some() => Stop::Refusal,
        _ => Stop::EndTurn,
    };
    if stop == Stop::Refusal {
        content.clear();
    }
    let details = usage.prompt_tokens_details.map(|Obj(details)| details).unwrap_or_default();
    let reasoned = usage.completion_tokens_details.map(|Obj(details)| details).unwrap_or_default();
    let usage = Usage {
        input: tokens(usage.prompt_tokens),
        output: tokens(usage.completion_tokens),
        reasoning: tokens(reasoned.reasoning_tokens),
        cached: Cached {
            read: tokens(details.cached_tokens),
            written: tokens(details.cache_write_tokens),
        },
    };
    Ok(ChatResponse {
        logprobs: None,
        others: Vec::new(),
        id,
        created,
        model,
        content,
        stop,
        usage,
        refusal,
    })
}

/// One of the answers.
fn choice<'a>(form: &AnswerForm, index: u32, response: &'a ChatResponse) -> ChoiceOut<'a> {
    let all = form.all_fields;
    let has_calls = calls(&response.content).next().is_some();
    let refusal = response.refusal.as_deref();
    let silent =
        all && (has_calls || refusal.is_some()) && texts(&response.content).next().is_none();
    // Without a field for a refusal its words are the answer.
    let words = Words(&response.content, refusal.filter(|_| !all));
    let message = MessageOut {
        role: "assistant",
        content: (!silent).then_some(words),
        tool_calls: has_calls.then_some(Calls(&response.content)),
        refusal: all.then_some(refusal),
        annotations: all.then_some([]),
    };
    ChoiceOut {
        index,
        message,
        logprobs: all.then_some(ChoiceLogprobs(response)),
        finish_reason: stop_word(form, &response.stop),
    }
}

/// Writes the body of a 200.
pub(in crate::llm::wire) fn encode_response(
    dialect: &Dialect,
    response: &ChatResponse,
    out: &mut Vec<u8>,
) {
    let form = &dialect.answer;
    let all = form.all_fields;
    let answers = std::iter::once(response).chain(&response.others);
    let choices = (0..).zip(answers).map(|(index, answer)| choice(form, index, answer)).collect();
    put(
        out,
        &CompletionOut {
            id: &response.id,
            object: "chat.completion",
            created: response.created,
            model: &response.model,
            choices,
            usage: UsageOut::of(form, response.usage),
            service_tier: all.then_some("default"),
            system_fingerprint: all.then_some(FINGERPRINT),
        },
    );
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct CompletionIn {
    id: String,
    created: u64,
    model: String,
    choices: Vec<Obj<ChoiceIn>>,
    usage: Option<UsageIn>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChoiceIn {
    message: Option<Obj<MessageIn>>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageIn {
    content: Option<TextOrList<Obj<PartIn>>>,
    tool_calls: Option<Vec<Obj<CallIn>>>,
    refusal: Option<String>,
}

/// A part of a content that comes as a list; only `text` is taken.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PartIn {
    pub(super) text: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct CallIn {
    pub(super) index: Option<u64>,
    pub(super) id: Option<String>,
    pub(super) function: Option<Obj<FunctionIn>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct FunctionIn {
    pub(super) name: Option<String>,
    pub(super) arguments: Option<Arguments>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct UsageIn {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    prompt_tokens_details: Option<Obj<InputDetailsIn>>,
    completion_tokens_details: Option<Obj<OutputDetailsIn>>,
}

/// Part of `completion_tokens`.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct OutputDetailsIn {
    reasoning_tokens: Option<u64>,
}

/// Both are part of `prompt_tokens`.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct InputDetailsIn {
    cached_tokens: Option<u64>,
    cache_write_tokens: Option<u64>,
}

/// The words of a content in either form.
pub(super) fn words(content: TextOrList<Obj<PartIn>>) -> String {
    match content {
        TextOrList::Text(text) => text,
        TextOrList::List(parts) => parts.into_iter().filter_map(|Obj(part)| part.text).collect(),
    }
}

/// The text of a call's arguments in either form.
pub(super) fn arguments(arguments: Arguments) -> String {
    match arguments {
        Arguments::Text(text) | Arguments::Object(text) => text,
    }
}

/// Reads the body of a 200. `reject` words a fault.
///
/// # Errors
/// `Malformed`, naming the field; `Server` when the answer itself says that it broke off.
pub(in crate::llm::wire) fn decode_response(
    body: &[u8],
    reject: fn(BodyProblem) -> ChatError,
) -> Result<ChatResponse, ChatError> {
    let malformed =
        |what: &str| ChatError::new(ErrorKind::Malformed, format!("chat completion: {what}"));
    let Obj(completion) =
        read::<Obj<CompletionIn>>(body).map_err(|fault| malformed(&reject(fault).to_string()))?;
    let usage = completion.usage.ok_or_else(|| malformed("no usage"))?;
    let Obj(choice) =
        completion.choices.into_iter().next().ok_or_else(|| malformed("no choices"))?;
    let Obj(message) = choice.message.ok_or_else(|| malformed("no choices.0.message"))?;
    let mut calls = Vec::new();
    for (i, Obj(call)) in message.tool_calls.unwrap_or_default().into_iter().enumerate() {
        let need = |field: &str| malformed(&format!("no choices.0.message.tool_calls.{i}.{field}"));
        let Obj(function) = call.function.ok_or_else(|| need("function"))?;
        calls.push(ToolUse {
            id: call.id.unwrap_or_default(),
            name: function.name.ok_or_else(|| need("function.name"))?,
            input: arguments(function.arguments.ok_or_else(|| need("function.arguments"))?),
        });
    }
    let text = message.content.map(words).unwrap_or_default();
    let head = (completion.id, completion.created, completion.model);
    assemble(head, text, calls, message.refusal, choice.finish_reason.as_deref(), usage)
}
