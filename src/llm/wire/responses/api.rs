//! The Responses format of a provider, as a value.
//!
//! Does not know: any provider, or how one words an error.

use serde::Serialize;

use super::answer::{ResponseStatus, encode, items as items_of, response_id};
use super::items::ConversationItem;
use super::read::{ModelParameters, ResponsesRequest, decode};
use super::{kept, stream};
use crate::llm::chat::{ChatError, ChatResponse, ErrorKind};
use crate::llm::families::Family;
use crate::llm::wire::body::BodyProblem;
use crate::llm::wire::sse::{Chunking, Frames};

/// The Responses format of one provider.
#[derive(Debug)]
pub struct ResponsesApi {
    /// Path under the base address.
    pub path: &'static str,
    /// Path of conversations under the base address.
    pub conversations: &'static str,
    /// The chat models.
    pub(in crate::llm::wire) families: &'static [Family],
    /// Whether a model takes these parameters.
    pub(in crate::llm::wire) check_model: fn(&Family, ModelParameters) -> Result<(), BodyProblem>,
    /// Whether a model reasons unless a request says otherwise.
    pub(in crate::llm::wire) reasons_by_default: fn(&Family) -> bool,
    /// Words a fault.
    pub(in crate::llm::wire) reject: fn(BodyProblem) -> ChatError,
}

/// The last events of a stream, in which it shows how it ends: those that have the whole text.
pub const ENDING_EVENTS: usize = 4;

/// An error in a stream.
#[derive(Serialize)]
struct StreamErrorOut<'a> {
    r#type: &'static str,
    code: &'a str,
    message: &'a str,
    param: Option<&'a str>,
    sequence_number: u32,
}

impl<'a> StreamErrorOut<'a> {
    fn of(error: &'a ChatError, sent: u32) -> Self {
        let usual = match error.kind {
            ErrorKind::RateLimited => "rate_limit_exceeded",
            _ => "server_error",
        };
        Self {
            r#type: "error",
            code: error.code.as_deref().unwrap_or(usual),
            message: &error.message,
            param: error.field.as_deref(),
            sequence_number: sent,
        }
    }
}

impl ResponsesApi {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// `BadRequest` in the service's words, naming the field.
    pub fn decode<'a>(&self, body: &'a [u8]) -> Result<ResponsesRequest<'a>, ChatError> {
        decode((self.families, self.check_model, self.reasons_by_default), body)
            .map_err(self.reject)
            .map_err(ChatError::bounded)
    }

    /// Gives a request its conversation: what was said `before`, then its own items.
    ///
    /// # Errors
    /// `BadRequest` when a call of a tool has no result, or a result no call.
    pub fn continue_after(
        &self,
        request: &mut ResponsesRequest<'_>,
        before: Vec<ConversationItem>,
    ) -> Result<(), ChatError> {
        request.follow(before).map_err(self.reject).map_err(ChatError::bounded)
    }

    /// Reads items of a conversation that stand alone.
    ///
    /// # Errors
    /// `BadRequest` in the service's words, naming the field.
    pub fn decode_items(&self, json: &[u8]) -> Result<Vec<ConversationItem>, ChatError> {
        kept::read_items(json).map_err(self.reject).map_err(ChatError::bounded)
    }

    /// The error for an answer, an item or a conversation that is not kept; `field` is the
    /// parameter that names it.
    #[must_use]
    pub fn not_found(&self, what: &str, id: &str, field: Option<&str>) -> ChatError {
        let words = format!("{what} with id '{id}' not found.");
        // An answer that shall be continued is a parameter like others.
        let (kind, code) = match field {
            Some("previous_response_id") => {
                (ErrorKind::BadRequest, Some("previous_response_not_found"))
            }
            _ => (ErrorKind::NotFound, None),
        };
        let (field, code) = (field.map(str::to_owned), code.map(str::to_owned));
        ChatError { field, code, ..ChatError::new(kind, words) }.bounded()
    }

    /// The event that tells of an error in a stream, after so many other events.
    #[must_use]
    pub fn encode_stream_error(&self, error: &ChatError, sent: u32) -> Vec<u8> {
        let mut frames = Frames::default();
        frames.push(Some("error"), &StreamErrorOut::of(error, sent));
        frames.into_bytes()
    }

    /// An error of the core, with the names that fields have in this format.
    #[must_use]
    pub fn worded(&self, error: ChatError) -> ChatError {
        if error.code.as_deref() == Some("context_length_exceeded") {
            let words = "Your input exceeds the context window of this model. Please adjust your input and try again.";
            return ChatError { field: Some("input".into()), message: words.into(), ..error };
        }
        match error.field.as_deref() {
            Some("response_format") => {
                ChatError { field: Some("text.format.schema".to_owned()), ..error }
            }
            _ => error,
        }
    }
}

impl ResponsesRequest<'_> {
    /// The id of an answer to it.
    #[must_use]
    pub fn id(&self, answer: &ChatResponse) -> String {
        response_id(answer)
    }

    /// Writes an answer in a state; `None` is the state in which it ends.
    pub fn encode_document(
        &self,
        answer: &ChatResponse,
        status: Option<ResponseStatus>,
        out: &mut Vec<u8>,
    ) {
        let status = status.unwrap_or_else(|| ResponseStatus::of(answer));
        let items = items_of(self, answer);
        encode(self, answer, &response_id(answer), &items, status, out);
    }

    /// An answer of which only the document is left, as the stream that it would have been.
    #[must_use]
    pub fn encode_kept(&self, document: &[u8], chunking: Chunking) -> Frames {
        self.encode_stream(&kept::answer_of(document), document, chunking)
    }

    /// An answer as a stream; `document` is the answer as a document.
    #[must_use]
    pub fn encode_stream(
        &self,
        answer: &ChatResponse,
        document: &[u8],
        chunking: Chunking,
    ) -> Frames {
        let (items, id) = (items_of(self, answer), response_id(answer));
        let mut begun = Vec::new();
        encode(self, answer, &id, &items, ResponseStatus::InProgress, &mut begun);
        stream::encode(&items, [&begun, document], ResponseStatus::of(answer), chunking)
    }
}
