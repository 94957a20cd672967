//! A streamed answer put together again from bytes as they come, whichever provider sends them.
//!
//! Guarantees: any bytes, split anywhere, give an answer or an error; a stream that ended early is
//! told from a whole one ([`Cut`](crate::llm::chat::ErrorKind::Cut)), and an error that came after
//! the 200 is told from both. No more than [`MAX_STREAM_BYTES`] are taken.
//!
//! Does not know: how long anything took.

use super::event_stream::{BrokenMessage, MessageReader};
use super::framing::Framing;
use super::headers::malformed;
use super::sse::{MAX_EVENT_BYTES, SseReader, TooLong};
use crate::llm::chat::{ChatError, ChatResponse};

/// Most bytes of one streamed answer: far more than any model may write.
pub const MAX_STREAM_BYTES: usize = 64 << 20;

impl From<TooLong> for ChatError {
    fn from(_: TooLong) -> Self {
        malformed(format!("an event of the stream is larger than {MAX_EVENT_BYTES} bytes"))
    }
}

impl From<BrokenMessage> for ChatError {
    fn from(broken: BrokenMessage) -> Self {
        match broken {
            BrokenMessage::TooLong => TooLong.into(),
            BrokenMessage::Damaged => malformed("a message of the stream is damaged"),
        }
    }
}

/// An answer as far as its events have come, in one provider's format.
pub trait StreamAssembly: Send {
    /// Takes one event's data. The payload of a binary message comes as an object with one field, which
    /// has the type of the message for a name.
    ///
    /// # Errors
    /// The error that the event tells of; `Malformed` where it is no event of this format.
    fn event(&mut self, data: &[u8]) -> Result<(), ChatError>;

    /// Whether the last event has come.
    fn is_done(&self) -> bool;

    /// The whole answer, now that no more events come.
    ///
    /// # Errors
    /// `Cut` when the last event has not come; `Malformed` when something is missing.
    fn finish(self: Box<Self>) -> Result<ChatResponse, ChatError>;
}

/// Puts frames together.
enum FrameReader {
    Events(SseReader),
    Messages(MessageReader),
}

impl FrameReader {
    fn push(&mut self, bytes: &[u8], assembly: &mut dyn StreamAssembly) -> Result<(), ChatError> {
        match self {
            Self::Events(reader) => reader.push(bytes, |_, data| assembly.event(data)),
            Self::Messages(reader) => reader.push(bytes, |message| {
                let kind = message.header(":exception-type").or(message.header(":event-type"));
                let name = serde_json::Value::from(kind.unwrap_or_default()).to_string();
                let data = [b"{", name.as_bytes(), b":", &message.payload, b"}"].concat();
                assembly.event(&data)
            }),
        }
    }
}

/// The answer as far as its bytes have come.
pub struct StreamDecoder {
    reader: FrameReader,
    assembly: Box<dyn StreamAssembly>,
    taken: usize,
    failed: Option<ChatError>,
}

impl StreamDecoder {
    /// The start of a stream in this framing, whose events a provider's assembly takes.
    pub(super) fn new(framing: Framing, assembly: Box<dyn StreamAssembly>) -> Self {
        let reader = match framing {
            Framing::Events => FrameReader::Events(SseReader::new()),
            Framing::Messages => FrameReader::Messages(MessageReader::default()),
        };
        Self { reader, assembly, taken: 0, failed: None }
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// What the stream itself told; or `Malformed`. Once failed, it stays so.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), ChatError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        self.taken = self.taken.saturating_add(bytes.len());
        let result = if self.taken > MAX_STREAM_BYTES {
            Err(malformed(format!("the stream is larger than {MAX_STREAM_BYTES} bytes")))
        } else {
            self.reader.push(bytes, &mut *self.assembly)
        };
        let result = result.map_err(ChatError::bounded);
        self.failed = result.as_ref().err().cloned();
        result
    }

    /// Whether the last event has come; whatever follows does not matter.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.assembly.is_done()
    }

    /// The whole answer, now that no more bytes come.
    ///
    /// # Errors
    /// `Cut` when the last event has not come; what went wrong before, if anything did.
    pub fn finish(self) -> Result<ChatResponse, ChatError> {
        match self.failed {
            Some(error) => Err(error),
            None => self.assembly.finish(),
        }
    }
}

impl std::fmt::Debug for StreamDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (taken, failed) = (&self.taken, &self.failed);
        f.debug_struct("StreamDecoder")
            .field("taken", taken)
            .field("failed", failed)
            .finish_non_exhaustive()
    }
}
