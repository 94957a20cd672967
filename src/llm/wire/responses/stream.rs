//! The answer as a stream of events.
//!
//! Guarantees: the events of one answer have the service's order, numbers without a gap from 0, and
//! the ids and places of the items of the document.

use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{ItemPartOut, ResponseItemOut, ResponseStatus};
use crate::llm::wire::sse::{Chunking, Frames};

#[derive(Clone, Copy, Default, Serialize)]
struct EventOut<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<&'a ResponseItemOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    part: Option<&'a ItemPartOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arguments: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<[(); 0]>,
    sequence_number: u64,
}

/// The writer of one stream.
struct Events {
    frames: Frames,
    next: u64,
    chunking: Chunking,
}

impl Events {
    fn push(&mut self, r#type: &'static str, event: EventOut<'_>) {
        let event = EventOut { r#type, sequence_number: self.next, ..event };
        self.next += 1;
        self.frames.push(Some(r#type), &event);
    }

    /// An event for each piece of a text.
    fn pieces(&mut self, r#type: &'static str, text: &str, event: EventOut<'_>) {
        let event = EventOut { r#type, delta: Some(""), sequence_number: 0, ..event };
        let pieces = (self.chunking, text);
        self.frames.push_numbered_pieces(r#type, &event, "delta", pieces, &mut self.next);
    }

    fn document(&mut self, r#type: &'static str, response: Option<&RawValue>) {
        self.push(r#type, EventOut { response, ..EventOut::default() });
    }

    fn item(&mut self, output_index: usize, item: &ResponseItemOut<'_>) {
        let at = EventOut { output_index: Some(output_index), ..EventOut::default() };
        let begun = begun(item);
        self.push("response.output_item.added", EventOut { item: Some(&begun), ..at });
        match item {
            ResponseItemOut::Reasoning { id, summary, .. } => {
                for (i, part) in summary.iter().enumerate() {
                    let at = EventOut { item_id: Some(id), summary_index: Some(i), ..at };
                    self.summary(part, at);
                }
            }
            ResponseItemOut::Message { id, content, .. } => {
                for (i, part) in content.iter().enumerate() {
                    let at = EventOut { item_id: Some(id), content_index: Some(i), ..at };
                    self.part(part, at);
                }
            }
            ResponseItemOut::FunctionCall { id, name, arguments, .. } => {
                let at = EventOut { item_id: Some(id), ..at };
                self.pieces("response.function_call_arguments.delta", arguments, at);
                let whole = EventOut { name: Some(name), arguments: Some(arguments), ..at };
                self.push("response.function_call_arguments.done", whole);
            }
        }
        self.push("response.output_item.done", EventOut { item: Some(item), ..at });
    }

    fn summary(&mut self, part: &ItemPartOut<'_>, at: EventOut<'_>) {
        let ItemPartOut::SummaryText { text } = part else { return };
        let begun = ItemPartOut::SummaryText { text: "".into() };
        let added = EventOut { part: Some(&begun), ..at };
        self.push("response.reasoning_summary_part.added", added);
        self.pieces("response.reasoning_summary_text.delta", text, at);
        let whole = EventOut { text: Some(text), ..at };
        self.push("response.reasoning_summary_text.done", whole);
        let done = EventOut { part: Some(part), ..at };
        self.push("response.reasoning_summary_part.done", done);
    }

    fn part(&mut self, part: &ItemPartOut<'_>, at: EventOut<'_>) {
        let logprobs = Some([]);
        match part {
            ItemPartOut::OutputText { text, .. } => {
                let begun =
                    ItemPartOut::OutputText { text: "".into(), annotations: [], logprobs: [] };
                let added = EventOut { part: Some(&begun), ..at };
                self.push("response.content_part.added", added);
                let deltas = EventOut { logprobs, ..at };
                self.pieces("response.output_text.delta", text, deltas);
                let whole = EventOut { text: Some(text), logprobs, ..at };
                self.push("response.output_text.done", whole);
            }
            ItemPartOut::Refusal { refusal } => {
                let begun = ItemPartOut::Refusal { refusal: "" };
                let added = EventOut { part: Some(&begun), ..at };
                self.push("response.content_part.added", added);
                self.pieces("response.refusal.delta", refusal, at);
                let whole = EventOut { refusal: Some(refusal), ..at };
                self.push("response.refusal.done", whole);
            }
            ItemPartOut::SummaryText { .. } => return,
        }
        self.push("response.content_part.done", EventOut { part: Some(part), ..at });
    }
}

/// An item as it is when it begins.
fn begun<'a>(item: &ResponseItemOut<'a>) -> ResponseItemOut<'a> {
    let mut begun = item.clone();
    match &mut begun {
        ResponseItemOut::Reasoning { summary, .. } => summary.clear(),
        ResponseItemOut::Message { status, content, .. } => {
            *status = ResponseStatus::InProgress;
            content.clear();
        }
        ResponseItemOut::FunctionCall { status, arguments, .. } => {
            *status = ResponseStatus::InProgress;
            *arguments = "";
        }
    }
    begun
}

/// The stream of an answer with these items; `begun` and `ended` are its document at both ends.
pub(super) fn encode(
    items: &[ResponseItemOut<'_>],
    [begun, ended]: [&[u8]; 2],
    status: ResponseStatus,
    chunking: Chunking,
) -> Frames {
    let mut events = Events { frames: Frames::default(), next: 0, chunking };
    let begun = serde_json::from_slice(begun).ok();
    events.document("response.created", begun);
    events.document("response.in_progress", begun);
    for (i, item) in items.iter().enumerate() {
        events.item(i, item);
    }
    let last = match status {
        ResponseStatus::Incomplete => "response.incomplete",
        _ => "response.completed",
    };
    events.document(last, serde_json::from_slice(ended).ok());
    events.frames
}
