//! The stream of chunks, in both directions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::answer::{
    CallIn, FINGERPRINT, PartIn, UsageIn, UsageOut, arguments, assemble, calls, stop_word, texts,
    words,
};
use super::dialect::{AnswerForm, Dialect};
use super::logprobs::{LogprobsOut, TokenOut, probabilities};
use crate::llm::chat::{ChatError, ChatResponse, ErrorKind, ToolUse};
use crate::llm::wire::body::{Obj, TextOrList};
use crate::llm::wire::headers::malformed;
use crate::llm::wire::sse::{Chunking, Frames};
use crate::llm::wire::stream::StreamAssembly;

#[derive(Clone, Copy, Serialize)]
struct ChunkOut<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    system_fingerprint: Option<&'static str>,
    choices: &'a [ChoiceOut<'a>],
    /// Absent, `null`, or told.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<UsageOut>>,
}

#[derive(Serialize)]
struct ChoiceOut<'a> {
    index: u32,
    delta: DeltaOut<'a>,
    /// Absent, `null`, or told.
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<Option<LogprobsOut<'a>>>,
    finish_reason: Option<&'static str>,
}

#[derive(Clone, Copy, Default, Serialize)]
struct DeltaOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_calls: Option<&'a [CallDeltaOut<'a>]>,
}

#[derive(Serialize)]
struct CallDeltaOut<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'static str>,
    function: FunctionDeltaOut<'a>,
}

#[derive(Serialize)]
struct FunctionDeltaOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// The writer of one stream: what all its chunks repeat.
struct Chunks<'a> {
    frames: Frames,
    head: ChunkOut<'a>,
    /// Whether there is a field for the probabilities of tokens.
    logprobs: bool,
    /// Which of the answers it is.
    index: u32,
}

impl Chunks<'_> {
    fn push(
        &mut self,
        delta: DeltaOut<'_>,
        finish_reason: Option<&'static str>,
        usage: Option<Option<UsageOut>>,
    ) {
        self.push_told(delta, None, finish_reason, usage);
    }

    /// A chunk with the probabilities of its tokens.
    fn push_told(
        &mut self,
        delta: DeltaOut<'_>,
        told: Option<LogprobsOut<'_>>,
        finish_reason: Option<&'static str>,
        usage: Option<Option<UsageOut>>,
    ) {
        let logprobs = self.logprobs.then_some(told);
        let choices = [ChoiceOut { index: self.index, delta, logprobs, finish_reason }];
        self.frames.push(None, &ChunkOut { choices: &choices, usage, ..self.head });
    }

    /// A chunk for each token of the text, or for several that share a character.
    fn push_tokens(&mut self, tokens: &[TokenOut<'_>], usage: Option<Option<UsageOut>>) {
        let (mut bytes, mut from) = (Vec::new(), 0);
        for (at, token) in tokens.iter().enumerate() {
            bytes.extend_from_slice(token.bytes());
            let Ok(text) = std::str::from_utf8(&bytes) else { continue };
            let told = tokens.get(from..=at).unwrap_or_default();
            let delta = DeltaOut { content: Some(Some(text)), ..DeltaOut::default() };
            self.push_told(delta, Some(LogprobsOut::of(told)), None, usage);
            bytes.clear();
            from = at + 1;
        }
    }

    /// A chunk for each piece of `text`, in place of the empty string that `delta` has under `key`.
    fn push_pieces(
        &mut self,
        delta: DeltaOut<'_>,
        key: &str,
        chunking: Chunking,
        text: &str,
        usage: Option<Option<UsageOut>>,
    ) {
        let logprobs = self.logprobs.then_some(None);
        let choices = [ChoiceOut { index: self.index, delta, logprobs, finish_reason: None }];
        self.frames.push_pieces(
            None,
            &ChunkOut { choices: &choices, usage, ..self.head },
            key,
            chunking,
            text,
        );
    }
}

/// The chunks of one of the answers, with this usage in all and in the last one.
fn push_answer(
    chunks: &mut Chunks<'_>,
    form: &AnswerForm,
    response: &ChatResponse,
    chunking: Chunking,
    (meantime, in_last): (Option<Option<UsageOut>>, Option<Option<UsageOut>>),
) {
    let all = form.all_fields;
    let silent = all
        && texts(&response.content).next().is_none()
        && (response.refusal.is_some() || !response.content.is_empty());
    let first = DeltaOut {
        role: Some("assistant"),
        content: Some(if silent { None } else { Some("") }),
        refusal: all.then_some(None),
        tool_calls: None,
    };
    chunks.push(first, None, meantime);
    for text in texts(&response.content).chain(response.refusal.as_deref().filter(|_| !all)) {
        if let Some(others) = response.logprobs.filter(|_| all) {
            chunks.push_tokens(&probabilities(&response.id, text, others), meantime);
            continue;
        }
        chunks.push_pieces(
            DeltaOut { content: Some(Some("")), ..DeltaOut::default() },
            "content",
            chunking,
            text,
            meantime,
        );
    }
    if let Some(text) = response.refusal.as_deref().filter(|_| all) {
        let delta = DeltaOut { refusal: Some(Some("")), ..DeltaOut::default() };
        chunks.push_pieces(delta, "refusal", chunking, text, meantime);
    }
    let mut last = DeltaOut::default();
    let whole: Vec<CallDeltaOut<'_>>;
    if form.whole_calls {
        whole = calls(&response.content)
            .enumerate()
            .map(|(index, call)| CallDeltaOut {
                index,
                id: Some(&call.id),
                r#type: Some("function"),
                function: FunctionDeltaOut { name: Some(&call.name), arguments: &call.input },
            })
            .collect();
        last.content = Some(Some(""));
        last.tool_calls = (!whole.is_empty()).then_some(&whole[..]);
    } else {
        for (index, call) in calls(&response.content).enumerate() {
            let function = FunctionDeltaOut { name: Some(&call.name), arguments: "" };
            let begin =
                [CallDeltaOut { index, id: Some(&call.id), r#type: Some("function"), function }];
            let delta = DeltaOut { tool_calls: Some(&begin), ..DeltaOut::default() };
            chunks.push(delta, None, meantime);
            let more = [CallDeltaOut {
                index,
                id: None,
                r#type: None,
                function: FunctionDeltaOut { name: None, arguments: "" },
            }];
            let delta = DeltaOut { tool_calls: Some(&more), ..DeltaOut::default() };
            chunks.push_pieces(delta, "arguments", chunking, &call.input, meantime);
        }
    }
    chunks.push(last, Some(stop_word(form, &response.stop)), in_last);
}

/// The answer as the service streams it. `include_usage` matters to a service that sends the usage
/// on request.
pub(in crate::llm::wire) fn encode_stream(
    dialect: &Dialect,
    response: &ChatResponse,
    chunking: Chunking,
    include_usage: bool,
) -> Frames {
    let form = &dialect.answer;
    let all = form.all_fields;
    let head = ChunkOut {
        id: &response.id,
        object: "chat.completion.chunk",
        created: response.created,
        model: &response.model,
        service_tier: all.then_some("default"),
        system_fingerprint: all.then_some(FINGERPRINT),
        choices: &[],
        usage: None,
    };
    let mut chunks = Chunks { frames: Frames::default(), head, logprobs: all, index: 0 };
    let usage = UsageOut::of(form, response.usage);
    // A service that sends the usage on request says `"usage": null` in the meantime to those who
    // asked.
    let own_chunk = form.usage_on_request && include_usage;
    let meantime = own_chunk.then_some(None);
    for (index, answer) in (0..).zip(std::iter::once(response).chain(&response.others)) {
        chunks.index = index;
        let last = index as usize == response.others.len();
        let in_last = if form.usage_on_request { meantime } else { last.then_some(Some(usage)) };
        push_answer(&mut chunks, form, answer, chunking, (meantime, in_last));
    }
    if own_chunk {
        let last = ChunkOut { usage: Some(Some(usage)), ..chunks.head };
        chunks.frames.push(None, &last);
    }
    chunks.frames.push_done();
    chunks.frames
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChunkIn<'a> {
    id: String,
    object: String,
    created: u64,
    model: String,
    choices: Vec<Obj<ChoiceIn>>,
    usage: Option<UsageIn>,
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ChoiceIn {
    index: u64,
    delta: Option<Obj<DeltaIn>>,
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct DeltaIn {
    content: Option<TextOrList<Obj<PartIn>>>,
    refusal: Option<String>,
    tool_calls: Option<Vec<Obj<CallIn>>>,
}

/// An answer as far as it has come.
pub(in crate::llm::wire) struct CompletionsAssembly {
    /// Reads an event that tells of an error.
    error: fn(&[u8]) -> ChatError,
    /// Whether the usage has to come.
    expects_usage: bool,
    head: Option<(String, u64, String)>,
    text: String,
    refusal: String,
    calls: BTreeMap<u64, ToolUse>,
    finish: Option<String>,
    usage: Option<UsageIn>,
    done: bool,
}

impl CompletionsAssembly {
    /// The start of an answer. `error` reads an event that tells of an error; with `expects_usage`,
    /// a stream without usage is malformed, and without it the usage counts 0.
    pub(in crate::llm::wire) fn new(error: fn(&[u8]) -> ChatError, expects_usage: bool) -> Self {
        Self {
            error,
            expects_usage,
            head: None,
            text: String::new(),
            refusal: String::new(),
            calls: BTreeMap::new(),
            finish: None,
            usage: None,
            done: false,
        }
    }

    /// Adds a piece of a call to the one it belongs to.
    fn grow(&mut self, piece: CallIn) {
        let mut index = piece.index.unwrap_or_default();
        let id = piece.id.unwrap_or_default();
        // Calls that come whole may all have index 0: another id is another call.
        let taken = |index: &u64| {
            self.calls
                .get(index)
                .is_some_and(|call| !id.is_empty() && !call.id.is_empty() && call.id != id)
        };
        if taken(&index) {
            index = self.calls.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
        }
        let call = self.calls.entry(index).or_insert_with(|| ToolUse {
            id: String::new(),
            name: String::new(),
            input: String::new(),
        });
        call.id.push_str(if call.id.is_empty() { &id } else { "" });
        if let Some(Obj(function)) = piece.function {
            call.name.push_str(&function.name.unwrap_or_default());
            call.input.extend(function.arguments.map(arguments));
        }
    }
}

impl StreamAssembly for CompletionsAssembly {
    fn event(&mut self, data: &[u8]) -> Result<(), ChatError> {
        if data == b"[DONE]" {
            self.done = true;
            return Ok(());
        }
        let chunk: ChunkIn<'_> = serde_json::from_slice(data)
            .map_err(|fault| malformed(format!("chunk of a chat completion: {fault}")))?;
        if chunk.error.is_some() || chunk.object == "error" {
            return Err((self.error)(data));
        }
        self.head.get_or_insert((chunk.id, chunk.created, chunk.model));
        self.usage = chunk.usage.or(self.usage.take());
        for Obj(choice) in chunk.choices {
            if choice.index != 0 {
                continue;
            }
            self.finish = choice.finish_reason.or_else(|| self.finish.take());
            let Some(Obj(delta)) = choice.delta else { continue };
            self.text.extend(delta.content.map(words));
            self.refusal.extend(delta.refusal);
            for Obj(call) in delta.tool_calls.unwrap_or_default() {
                self.grow(call);
            }
        }
        Ok(())
    }

    fn is_done(&self) -> bool {
        self.done
    }

    fn finish(self: Box<Self>) -> Result<ChatResponse, ChatError> {
        if !self.done {
            return Err(ChatError::new(
                ErrorKind::Cut,
                "the stream of the chat completion ended before [DONE]",
            ));
        }
        let (Some(head), Some(reason)) = (self.head, self.finish) else {
            return Err(malformed("the stream of the chat completion has no finish_reason"));
        };
        if self.expects_usage && self.usage.is_none() {
            return Err(malformed("the stream of the chat completion has no usage"));
        }
        let refusal = (!self.refusal.is_empty()).then_some(self.refusal);
        assemble(
            head,
            self.text,
            self.calls.into_values(),
            refusal,
            Some(&reason),
            self.usage.unwrap_or_default(),
        )
    }
}
