//! Formats that have the model, and what is asked of it, in the path of a request instead of its
//! body.
//!
//! Does not know: HTTP; a path and a query are texts here.

use crate::llm::chat::{ChatError, ChatRequest, EmbeddingRequest, EmbeddingResponse};

/// What a request asks of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// An answer.
    Chat,
    /// The number of tokens of its input.
    CountTokens,
    /// Vectors.
    Embed,
}

/// What the path and the query of a request say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathCall {
    /// The model's id.
    pub model: String,
    /// What is asked of it.
    pub operation: Operation,
    /// Whether the answer is wanted piece by piece.
    pub stream: bool,
    /// Whether the request is for a list: the pieces of an answer as one JSON array and not as
    /// events, or the vectors of several texts.
    pub list: bool,
}

/// The part of a format that has the model in the path. The path of chats is a pattern then: `{id}`
/// at its end, or `{*id}` for several segments, stands for the model and what is asked of it.
pub trait PathApi: Sync {
    /// Paths of the list of models in other versions of the interface, which are served alike.
    fn other_versions(&self) -> &'static [&'static str] {
        &[]
    }

    /// Path and query of a chat under the base address.
    fn target(&self, request: &ChatRequest) -> String;

    /// Reads what stands for the model in the path, percent-decoded, and the query.
    ///
    /// # Errors
    /// `NotFound` in the provider's words where nothing is asked that the format knows.
    fn call(&self, name: &str, query: &str) -> Result<PathCall, ChatError>;

    /// The key of the API in the query; none if it is not there.
    fn key_in<'a>(&self, query: &'a str) -> Option<&'a str> {
        let _ = query;
        None
    }

    /// Reads the body of a chat request.
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    fn read_chat(&self, call: &PathCall, body: &[u8]) -> Result<ChatRequest, ChatError>;

    /// Reads the body of a request for a count of tokens.
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    fn read_count(&self, call: &PathCall, body: &[u8]) -> Result<ChatRequest, ChatError>;

    /// Writes the body of a 200 to such a request.
    fn encode_count(&self, tokens: u32, out: &mut Vec<u8>);

    /// Where vectors are asked for, in words.
    fn embeds_at(&self) -> &'static str;

    /// Reads the body of a request for vectors.
    ///
    /// # Errors
    /// `BadRequest` in the provider's words, naming the field.
    fn read_texts(&self, call: &PathCall, body: &[u8]) -> Result<EmbeddingRequest, ChatError>;

    /// Writes the body of a 200 to such a request.
    fn encode_vectors(&self, call: &PathCall, response: &EmbeddingResponse, out: &mut Vec<u8>);
}
