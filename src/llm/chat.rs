//! A chat with a model, in nobody's dialect: what is asked, what is answered, what went wrong; and
//! embeddings.
//!
//! Guarantees: plain data that each provider's wire can say. JSON that belongs to the caller or to
//! the model (a tool's schema, a tool call's arguments) stays text, byte for byte, so that nothing
//! is reordered or rounded on its way.
//!
//! Does not know: HTTP, any provider's field names, or which model answers.

use std::fmt;

use crate::diagnostic::shortened;
use crate::time::Duration;

/// Most bytes of an error's message, and of its field and code.
const MAX_MESSAGE: usize = 2000;
const MAX_NAME: usize = 300;

/// Whose turn a message is. A tool's result is part of the user's turn; a system prompt is no
/// message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The caller.
    User,
    /// The model.
    Assistant,
}

/// A tool call that a model made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolUse {
    /// The provider's id of the call; its result refers to it.
    pub id: String,
    /// The tool's name.
    pub name: String,
    /// The arguments as the model wrote them: a JSON object, unless the model failed at it.
    pub input: String,
}

/// What a tool call came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult {
    /// The id of the call.
    pub id: String,
    /// The result as text.
    pub content: String,
    /// Whether the tool failed. OpenAI and Mistral have no word for it: there it is lost.
    pub is_error: bool,
}

/// A piece of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContentPart {
    /// Words.
    Text(String),
    /// A tool call; in an assistant's message.
    ToolUse(ToolUse),
    /// A tool's result; in a user's message.
    ToolResult(ToolResult),
}

/// One turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Whose turn.
    pub role: Role,
    /// What it holds, in order.
    pub content: Vec<ContentPart>,
}

/// A tool that the model may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OfferedTool {
    /// Its name.
    pub name: String,
    /// What it does, in words; may be empty.
    pub description: String,
    /// JSON schema of its arguments, as text.
    pub schema: String,
}

/// Which tools the model may or must call.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// At least one, whichever.
    Any,
    /// None.
    None,
    /// This one.
    Named(String),
}

/// The form of the answer's text.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum Output {
    /// Free text.
    #[default]
    Text,
    /// Some JSON object. Anthropic has no word for it: there it is lost.
    JsonObject,
    /// JSON of this schema.
    JsonSchema {
        /// The schema's name; Anthropic does not carry it.
        name: String,
        /// The schema, as JSON text.
        schema: String,
        /// Whether the provider must hold the model to it. Anthropic always does.
        strict: bool,
    },
    /// One of these words and nothing else. Only Gemini has a word for it.
    OneOf(Vec<String>),
}

/// What is asked of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatRequest {
    /// The provider's model id.
    pub model: String,
    /// System prompt. Several system messages are joined with an empty line between them.
    pub system: Option<String>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// The tools on offer.
    pub tools: Vec<OfferedTool>,
    /// Which of them may or must be called.
    pub tool_choice: ToolChoice,
    /// Whether one answer may hold several tool calls.
    pub parallel_tools: bool,
    /// The form of the answer's text.
    pub output: Output,
    /// Most tokens that the answer may have.
    pub max_tokens: Option<u32>,
    /// Sampling temperature, 0 to 2 (Anthropic: to 1).
    pub temperature: Option<f64>,
    /// Nucleus sampling mass, 0 to 1.
    pub top_p: Option<f64>,
    /// Texts at which the answer stops.
    pub stop: Vec<String>,
    /// Sampling seed; Anthropic has no word for it.
    pub seed: Option<i64>,
    /// The caller's own id of the user behind the request.
    pub user: Option<String>,
    /// Whether the answer is wanted piece by piece.
    pub stream: bool,
    /// Whether a streamed answer shall tell its usage; only OpenAI asks, the others always tell.
    pub include_usage: bool,
    /// Input tokens of images and files, which no text here stands for.
    pub media_tokens: u32,
    /// What the provider is asked to keep in its prompt cache; only Anthropic has to be asked.
    pub caching: Caching,
    /// How many answers are wanted; Anthropic has no word for more than one.
    pub choices: u32,
    /// Whether the logarithms of the tokens' probabilities are wanted, with so many other tokens at
    /// each place.
    pub logprobs: Option<u8>,
}

/// What of a prompt goes through the provider's prompt cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Caching {
    /// Nothing.
    #[default]
    Off,
    /// What an agent sends again within one turn: its instructions and the conversation so far.
    Conversation,
    /// The same, and across users the instructions and tools.
    Shared,
}

impl ChatRequest {
    /// A request of `model` without any conversation yet, all else as the providers default it.
    #[must_use]
    pub fn new(model: impl Into<String>) -> Self {
        Self {
            model: model.into(),
            system: None,
            messages: Vec::new(),
            tools: Vec::new(),
            tool_choice: ToolChoice::Auto,
            parallel_tools: true,
            output: Output::Text,
            max_tokens: None,
            temperature: None,
            top_p: None,
            stop: Vec::new(),
            seed: None,
            user: None,
            stream: false,
            include_usage: false,
            media_tokens: 0,
            caching: Caching::Off,
            choices: 1,
            logprobs: None,
        }
    }
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// Words.
    Text(String),
    /// A tool call.
    ToolUse(ToolUse),
}

/// Why an answer ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The model was done.
    EndTurn,
    /// The cap on its tokens, or its context window, was reached.
    MaxTokens,
    /// A stop text came up; which one, where the provider tells (Anthropic). OpenAI and Mistral say
    /// the same as for [`Stop::EndTurn`].
    StopSequence(Option<String>),
    /// It waits for tool results.
    ToolUse,
    /// The model refused. Mistral has no word for it.
    Refusal,
    /// The provider's filter cut it off. Only OpenAI has a word of its own for it.
    ContentFilter,
}

impl Stop {
    /// Its word in recordings.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::EndTurn => "end_turn",
            Self::MaxTokens => "max_tokens",
            Self::StopSequence(_) => "stop_sequence",
            Self::ToolUse => "tool_use",
            Self::Refusal => "refusal",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// Tokens that were counted by whoever answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Usage {
    /// Input tokens, cached ones included.
    pub input: u32,
    /// Output tokens, those of reasoning among them.
    pub output: u32,
    /// Output tokens that the model reasoned with.
    pub reasoning: u32,
    /// Which of the input tokens went through the provider's prompt cache.
    pub cached: Cached,
}

impl Usage {
    /// So many tokens, none of them cached.
    #[must_use]
    pub fn uncached(input: u32, output: u32) -> Self {
        Self { input, output, reasoning: 0, cached: Cached::NONE }
    }
}

/// Input tokens that went through a provider's prompt cache. They have prices of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cached {
    /// Read from the cache.
    pub read: u32,
    /// Written to it.
    pub written: u32,
}

impl Cached {
    /// Nothing went through the cache.
    pub const NONE: Self = Self { read: 0, written: 0 };

    /// Both together.
    #[must_use]
    pub fn sum(self) -> u32 {
        self.read.saturating_add(self.written)
    }

    /// Both with more of each.
    #[must_use]
    pub fn and(self, more: Self) -> Self {
        Self {
            read: self.read.saturating_add(more.read),
            written: self.written.saturating_add(more.written),
        }
    }
}

/// What a model answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatResponse {
    /// The provider's id of the answer.
    pub id: String,
    /// When it was made, in seconds since 1970; 0 where the provider does not tell (Anthropic).
    pub created: u64,
    /// The model that answered.
    pub model: String,
    /// What it holds, in order. OpenAI and Mistral carry one text and then tool calls.
    pub content: Vec<Block>,
    /// Why it ended.
    pub stop: Stop,
    /// Tokens used.
    pub usage: Usage,
    /// The words of a refusal; the content is empty then.
    pub refusal: Option<String>,
    /// Further answers to the same request, each with its own words, calls and end. The usage of the
    /// first one is that of all.
    pub others: Vec<ChatResponse>,
    /// Whether it tells the logarithms of its tokens' probabilities, with so many other tokens at
    /// each place.
    pub logprobs: Option<u8>,
}

impl ChatResponse {
    /// All words of the answer, run together.
    #[must_use]
    pub fn text(&self) -> String {
        self.content
            .iter()
            .filter_map(
                |block| if let Block::Text(text) = block { Some(text.as_str()) } else { None },
            )
            .collect()
    }

    /// The tool calls, in order.
    pub fn tool_uses(&self) -> impl Iterator<Item = &ToolUse> {
        self.content
            .iter()
            .filter_map(|block| if let Block::ToolUse(call) = block { Some(call) } else { None })
    }
}

/// What kind of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorKind {
    /// The request is not one that the provider accepts.
    BadRequest,
    /// The key is missing or wrong.
    Authentication,
    /// The key may not do this.
    Permission,
    /// No such model or path.
    NotFound,
    /// The request collides with another one.
    Conflict,
    /// The request is too large.
    TooLarge,
    /// Too many requests or tokens for now.
    RateLimited,
    /// The account is out of credit, or its spending limit is reached: no use trying again.
    OutOfCredit,
    /// The provider failed.
    Server,
    /// The provider has too much to do.
    Overloaded,
    /// The answer did not come in time.
    Timeout,
    /// No connection, or it broke before any answer.
    Connection,
    /// The answer broke off in the middle.
    Cut,
    /// The answer is not what the provider's format says.
    Malformed,
}

/// A request that came to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatError {
    /// What kind of thing went wrong.
    pub kind: ErrorKind,
    /// The provider's own words.
    pub message: String,
    /// The field at fault as a dotted path (`messages.0.content`), where one is known.
    pub field: Option<String>,
    /// The provider's own code (`model_not_found`, `3230`), where it has one.
    pub code: Option<String>,
    /// How long the provider asks to wait before the next try; any kind may carry it.
    pub retry_after: Option<Duration>,
    /// The provider's explicit word on trying again (`x-should-retry`).
    pub should_retry: Option<bool>,
}

impl ChatError {
    /// An error of this kind with this message, all else unknown.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            field: None,
            code: None,
            retry_after: None,
            should_retry: None,
        }
    }

    /// The same with texts of a bounded length: they quote what the other side sent.
    #[must_use]
    pub fn bounded(self) -> Self {
        let name = |text: String| shortened(&text, MAX_NAME).into_owned();
        Self {
            message: shortened(&self.message, MAX_MESSAGE).into_owned(),
            field: self.field.map(name),
            code: self.code.map(name),
            ..self
        }
    }
}

impl fmt::Display for ChatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) if !self.message.contains(field.as_str()) => {
                write!(f, "{field}: {}", self.message)
            }
            _ => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for ChatError {}

/// One text to embed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EmbeddingInput {
    /// As words.
    Text(String),
    /// As token ids of the model's own table.
    Tokens(Vec<u32>),
}

/// How a vector travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum VectorFormat {
    /// A list of numbers.
    #[default]
    Float,
    /// The bytes of little-endian `f32`, in base64.
    Base64,
}

/// Texts to embed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddingRequest {
    /// The provider's model id.
    pub model: String,
    /// The texts.
    pub input: Vec<EmbeddingInput>,
    /// How the vectors shall travel.
    pub format: VectorFormat,
    /// Length of the vectors, if not the model's own.
    pub dimensions: Option<u32>,
    /// The caller's own id of the user behind the request.
    pub user: Option<String>,
}

/// Their vectors.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbeddingResponse {
    /// The model that answered.
    pub model: String,
    /// One vector for each text, in the order of the texts.
    pub vectors: Vec<Vec<f32>>,
    /// Tokens of all texts.
    pub input_tokens: u32,
}

/// One model of a provider's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCard {
    /// The provider's model id.
    pub id: String,
    /// When it was released, in seconds since 1970; 0 where unknown.
    pub created: u64,
}
