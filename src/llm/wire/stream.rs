//! A streamed answer put together again from bytes as they come, whichever provider sends them.
//!
//! Promises: any bytes, split anywhere, give an answer or an error; a stream that ended early is
//! told from a whole one ([`Cut`](crate::llm::chat::ErrorKind::Cut)), and an error that came after
//! the 200 is told from both. No more than [`MAX_STREAM_BYTES`] are taken.
//!
//! Does not know: how long anything took.

use super::completions;
use super::head::{Headers, malformed};
use super::sse::{MAX_EVENT_BYTES, Reader, TooLong};
use super::{anthropic, mistral, openai};
use crate::llm::chat::{ChatError, ChatResponse, Provider};

/// Most bytes of one streamed answer: far more than any model may write.
pub const MAX_STREAM_BYTES: usize = 64 << 20;

impl From<TooLong> for ChatError {
    fn from(_: TooLong) -> Self {
        malformed(format!("an event of the stream is larger than {MAX_EVENT_BYTES} bytes"))
    }
}

/// The answer as far as it has come.
pub struct StreamDecoder {
    reader: Reader,
    assembly: Assembly,
    taken: usize,
    failed: Option<ChatError>,
}

enum Assembly {
    Anthropic(anthropic::Assembly),
    Completions {
        assembly: completions::Assembly,
        error: fn(&[u8]) -> ChatError,
        expects_usage: bool,
    },
}

/// Reads an error that came inside a 200.
fn openai_error(data: &[u8]) -> ChatError {
    openai::decode_error(500, &Headers { pairs: &[], received_us: 0 }, data).bounded()
}

/// Reads an error that came inside a 200.
fn mistral_error(data: &[u8]) -> ChatError {
    mistral::decode_error(500, &Headers { pairs: &[], received_us: 0 }, data).bounded()
}

impl StreamDecoder {
    /// The start of a stream of this provider. `include_usage` says whether the request asked for
    /// usage, which OpenAI does not tell otherwise: without it, its answers count 0 tokens.
    #[must_use]
    pub fn new(provider: Provider, include_usage: bool) -> Self {
        let completions = |error, expects_usage| Assembly::Completions {
            assembly: completions::Assembly::default(),
            error,
            expects_usage,
        };
        let assembly = match provider {
            Provider::Anthropic => Assembly::Anthropic(anthropic::Assembly::default()),
            Provider::OpenAi => completions(openai_error, include_usage),
            Provider::Mistral => completions(mistral_error, true),
        };
        Self { reader: Reader::new(), assembly, taken: 0, failed: None }
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
            let assembly = &mut self.assembly;
            self.reader.push(bytes, |_, data| match assembly {
                Assembly::Anthropic(assembly) => assembly.event(data),
                Assembly::Completions { assembly, error, .. } => assembly.event(data, *error),
            })
        };
        let result = result.map_err(ChatError::bounded);
        self.failed = result.as_ref().err().cloned();
        result
    }

    /// Whether the last event has come; whatever follows does not matter.
    #[must_use]
    pub fn is_done(&self) -> bool {
        match &self.assembly {
            Assembly::Anthropic(assembly) => assembly.is_done(),
            Assembly::Completions { assembly, .. } => assembly.is_done(),
        }
    }

    /// The whole answer, now that no more bytes come.
    ///
    /// # Errors
    /// `Cut` when the last event has not come; what went wrong before, if anything did.
    pub fn finish(self) -> Result<ChatResponse, ChatError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        match self.assembly {
            Assembly::Anthropic(assembly) => assembly.finish(),
            Assembly::Completions { assembly, expects_usage, .. } => assembly.finish(expects_usage),
        }
    }
}

impl std::fmt::Debug for StreamDecoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StreamDecoder")
            .field("taken", &self.taken)
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
