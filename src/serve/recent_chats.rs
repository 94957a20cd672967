//! What was asked and answered, as long as somebody wants to read it.
//!
//! Guarantees: the last so many chats and no more than [`MAX_BYTES`] of them, each as a line of a
//! transcript with both bodies in its provider's own words.
//!
//! Does not know: HTTP.

use std::collections::VecDeque;

use serde_json::value::RawValue;

use crate::llm::chat::{ChatRequest, ChatResponse, ContentPart, Role};
use crate::run::{AskedText, ToolText, TranscriptLine, TranscriptOutcome};
use crate::time::Duration;

/// Most bytes that are kept.
const MAX_BYTES: usize = 64 << 20;

/// A body on one line: between the strings of JSON a line break means nothing.
fn one_line(body: &[u8]) -> Option<Box<RawValue>> {
    let bytes = body.iter().filter(|byte| !matches!(byte, b'\n' | b'\r'));
    RawValue::from_string(String::from_utf8(bytes.copied().collect()).ok()?).ok()
}

/// The line of a chat; who asked, and when, is for the caller to add. The bodies are the request as
/// it came, and the answer.
#[must_use]
pub fn line(
    request: &ChatRequest,
    answer: &ChatResponse,
    latency: Duration,
    [asked, answered]: [&[u8]; 2],
) -> TranscriptLine {
    let spoken = request.messages.iter().rposition(|message| message.role == Role::Assistant);
    let new = request.messages.iter().skip(spoken.map_or(0, |at| at + 1));
    let text = |part: &ContentPart| match part {
        ContentPart::Text(text) => Some(AskedText { role: "user", text: text.clone() }),
        ContentPart::ToolResult(result) => {
            Some(AskedText { role: "tool", text: result.content.clone() })
        }
        ContentPart::ToolUse(_) => None,
    };
    let words = answer.refusal.clone().unwrap_or_else(|| answer.text());
    let tools = answer
        .tool_uses()
        .map(|call| ToolText { name: call.name.clone(), input: call.input.clone() });
    TranscriptLine {
        request: None,
        at_ms: None,
        user: None,
        visit: None,
        key: None,
        caller: String::new(),
        call: 0,
        attempt: None,
        model: Some(request.model.clone()),
        asked: new.flat_map(|message| &message.content).filter_map(text).collect(),
        outcome: TranscriptOutcome::answered(
            Some(words.as_str()).filter(|words| !words.is_empty()),
            tools.collect(),
            (answer.usage.input, answer.usage.output),
            latency.us(),
        ),
        request_body: one_line(asked),
        answer_body: one_line(answered),
    }
}

/// The last chats, oldest first, one JSON document each.
#[derive(Clone, Debug, Default)]
pub struct RecentChats {
    most: usize,
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

impl RecentChats {
    /// Keeps the last `most` chats.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    /// Whether anything is kept at all.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.most > 0
    }

    /// One more chat.
    pub fn take(&mut self, line: &TranscriptLine) {
        let mut text = Vec::new();
        line.write(&mut text);
        let line = text;
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.lines.len() > self.most || self.bytes > MAX_BYTES {
            self.bytes -= self.lines.pop_front().map_or(self.bytes, |line| line.len());
        }
    }

    /// All lines, one after the other.
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        self.lines.iter().flatten().copied().collect()
    }

    /// Forgets all of them.
    pub fn clear(&mut self) {
        *self = Self::new(self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::{Block, Message, Stop, Usage};

    #[test]
    fn the_last_chats_are_kept_and_no_more() {
        let request = ChatRequest {
            messages: vec![Message {
                role: Role::User,
                content: vec![ContentPart::Text("hi".into())],
            }],
            ..ChatRequest::new("m")
        };
        let answer = ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: "id".into(),
            created: 0,
            model: "m".into(),
            content: vec![Block::Text("hello".into())],
            stop: Stop::EndTurn,
            usage: Usage::uncached(5, 1),
            refusal: None,
        };
        let line = |number: u64, asked: &[u8]| TranscriptLine {
            request: Some(number),
            ..line(&request, &answer, Duration::from_us(1_500), [asked, b"{}"])
        };
        let mut chats = RecentChats::new(2);
        for number in 1..=3 {
            chats.take(&line(number, b"{\n\"a\": 1}"));
        }
        let text = String::from_utf8(chats.text()).unwrap();
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            lines.iter().map(|line| line["request"].as_u64().unwrap()).collect::<Vec<_>>(),
            [2, 3]
        );
        assert_eq!(lines[0]["asked"], serde_json::json!([{ "role": "user", "text": "hi" }]));
        assert_eq!(
            (&lines[0]["answered"], &lines[0]["request_body"]["a"]),
            (&"hello".into(), &1.into())
        );
        let mut large = RecentChats::new(usize::MAX);
        for number in 0..4 {
            let blank = [b"[".as_slice(), &vec![b' '; MAX_BYTES / 2 - 1_000], b"]"].concat();
            large.take(&line(number, &blank));
        }
        assert!(
            large.bytes <= MAX_BYTES && large.lines.len() == 2,
            "{} of {}",
            large.lines.len(),
            large.bytes
        );
    }
}
