//! Counting the tokens of a chat before it is sent, at a path of its own.
//!
//! Does not know: how tokens are counted.

use crate::llm::chat::{ChatError, ChatRequest};

/// Counting as one provider has it.
#[derive(Clone, Copy, Debug)]
pub struct CountingApi {
    /// Path under the base address.
    pub path: &'static str,
    /// Reads the body of a request.
    pub(super) read: fn(&[u8]) -> Result<ChatRequest, ChatError>,
    /// Writes the body of a 200.
    pub(super) write: fn(u32, &mut Vec<u8>),
}

impl CountingApi {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    pub fn decode_request(&self, body: &[u8]) -> Result<ChatRequest, ChatError> {
        (self.read)(body).map_err(ChatError::bounded)
    }

    /// Writes the body of a 200.
    pub fn encode_count(&self, tokens: u32, out: &mut Vec<u8>) {
        (self.write)(tokens, out);
    }
}
