//! Google's stream, in both directions: documents like that of a plain answer, each with a piece of
//! it; the last one says why the answer ended.

use serde_json::Value;

use super::answer::{
    CandidateOut, ContentOut, DocumentIn, DocumentOut, GoogleUsageOut, Growing, Parts, ending,
    signature,
};
use super::error::{body, decode_error};
use crate::llm::chat::{Block, ChatError, ChatResponse, ErrorKind};
use crate::llm::wire::body::{Obj, read};
use crate::llm::wire::headers::{Headers, malformed};
use crate::llm::wire::sse::{Chunking, Frames};
use crate::llm::wire::stream::StreamAssembly;

/// The answer as the service streams it, as events.
pub(super) fn encode_stream(response: &ChatResponse, chunking: Chunking) -> Frames {
    let mut frames = Frames::default();
    let document = |candidate| DocumentOut {
        candidates: vec![candidate],
        usage_metadata: GoogleUsageOut::of(response.usage),
        model_version: &response.model,
        response_id: &response.id,
    };
    let piece = |index, blocks, signature| CandidateOut {
        content: Some(ContentOut { parts: Parts { blocks, signature }, role: "model" }),
        finish_reason: None,
        finish_message: None,
        safety_ratings: &[],
        index,
    };
    let hole = [Block::Text(String::new())];
    for (index, answer) in (0..).zip(std::iter::once(response).chain(&response.others)) {
        let mut signed = signature(answer);
        for block in &answer.content {
            match block {
                Block::Text(text) => {
                    let document = document(piece(index, &hole, None));
                    frames.push_pieces(None, &document, "text", chunking, text);
                }
                Block::ToolUse(_) => {
                    let call = std::slice::from_ref(block);
                    frames.push(None, &document(piece(index, call, signed.take())));
                }
            }
        }
        let (reason, safety_ratings) = ending(&answer.stop);
        let last = CandidateOut {
            finish_reason: Some(reason),
            finish_message: answer.refusal.as_deref(),
            safety_ratings,
            ..piece(index, &hole, None)
        };
        frames.push(None, &document(last));
    }
    frames
}

/// The event that tells of an error after the 200 has gone out.
pub(super) fn encode_stream_error(error: &ChatError) -> Vec<u8> {
    [&b"data: "[..], &body(error).1, b"\n\n"].concat()
}

/// An answer as far as it has come.
#[derive(Default)]
pub(super) struct GoogleAssembly(Growing);

impl StreamAssembly for GoogleAssembly {
    fn event(&mut self, data: &[u8]) -> Result<(), ChatError> {
        // Looked for first: every event is read only once where there is none.
        if data.windows(7).take(64).any(|window| window == b"\"error\"")
            && serde_json::from_slice::<Value>(data).is_ok_and(|event| event.get("error").is_some())
        {
            return Err(decode_error(500, &Headers { pairs: &[], received_us: 0 }, data));
        }
        let Obj(document) = read::<Obj<DocumentIn>>(data).map_err(|fault| {
            malformed(format!("event of Gemini: {}", super::error::reject(fault)))
        })?;
        self.0.add(document)
    }

    fn is_done(&self) -> bool {
        self.0.is_done()
    }

    fn finish(self: Box<Self>) -> Result<ChatResponse, ChatError> {
        if !self.0.is_done() {
            return Err(ChatError::new(
                ErrorKind::Cut,
                "the stream of Gemini ended before a finishReason",
            ));
        }
        self.0.response().ok_or_else(|| malformed("the stream of Gemini has no usageMetadata"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::chat::{Stop, ToolUse, Usage};

    #[test]
    fn the_events_are_those_of_the_documentation() {
        let response = ChatResponse {
            logprobs: None,
            others: Vec::new(),
            id: "r".into(),
            created: 0,
            model: "gemini-2.5-flash".into(),
            content: vec![
                Block::Text("Hi there".into()),
                Block::ToolUse(ToolUse { id: "c".into(), name: "f".into(), input: "{}".into() }),
            ],
            stop: Stop::ToolUse,
            usage: Usage::uncached(3, 4),
            refusal: None,
        };
        let rest = r#""usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7,"promptTokensDetails":[{"modality":"TEXT","tokenCount":3}]},"modelVersion":"gemini-2.5-flash","responseId":"r"}"#;
        let event = |part: &str, end: &str| {
            format!(
                "data: {{\"candidates\":[{{\"content\":{{\"parts\":[{part}],\"role\":\"model\"}},{end}\"index\":0}}],{rest}\n\n"
            )
        };
        let expected = [
            event(r#"{"text":"Hi "}"#, ""),
            event(r#"{"text":"there"}"#, ""),
            event(r#"{"functionCall":{"id":"c","name":"f","args":{}}}"#, ""),
            event(r#"{"text":""}"#, "\"finishReason\":\"STOP\","),
        ];
        let frames = encode_stream(&response, Chunking::Words);
        assert_eq!(std::str::from_utf8(frames.bytes()).unwrap(), expected.concat());
        // Without alt=sse, the same documents are one JSON array.
        let list: Vec<Value> = serde_json::from_slice(&frames.into_list()).unwrap();
        assert_eq!(list.len(), 4);
        assert_eq!(list[3]["candidates"][0]["finishReason"], "STOP");
    }
}
