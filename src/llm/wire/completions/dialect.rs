//! What sets the chat completions of one service apart from those of another, as a value.
//!
//! Each provider that speaks this format has such a value in its folder. The reader and the writer
//! beside this file go by it and name no provider.

use std::collections::BTreeSet;

use super::sent::BodyIn;
use crate::llm::families::Family;
use crate::llm::wire::body::BodyProblem;
use crate::llm::wire::media::SentMedium;

/// A word that a service refuses, and whether a body has it.
pub(in crate::llm::wire) type Refused = (&'static str, fn(&BodyIn) -> bool);

/// The chat completions of one service.
pub(in crate::llm::wire) struct Dialect {
    /// Words of the format, or of others, that the service refuses; each with whether a body has
    /// it.
    pub(in crate::llm::wire) refused: &'static [Refused],
    /// Words that the service takes and that are not simulated, each with what to write instead.
    pub(in crate::llm::wire) deprecated: &'static [Deprecated],
    /// What is wrong with a body without a model.
    pub(in crate::llm::wire) without_model: fn() -> BodyProblem,
    /// Whether a model takes the parameters of a body.
    pub(in crate::llm::wire) check_model: fn(&Family, &BodyIn) -> Result<(), BodyProblem>,
    /// Most stop texts.
    pub(in crate::llm::wire) max_stops: Option<usize>,
    /// Highest temperature.
    pub(in crate::llm::wire) max_temperature: f64,
    /// Smallest cap on the output, in tokens.
    pub(in crate::llm::wire) min_max_tokens: u32,
    /// Whether options without what they are for are refused: those of streams without `stream`,
    /// those of tools without tools.
    pub(in crate::llm::wire) refuses_idle_options: bool,
    /// Whether `json_object` needs the word "json" in the messages.
    pub(in crate::llm::wire) json_needs_its_word: bool,
    /// What the service asks of tools.
    pub(in crate::llm::wire) tools: ToolRules,
    /// What the service asks of a conversation.
    pub(in crate::llm::wire) turns: TurnRules,
    /// The words of a request.
    pub(in crate::llm::wire) words: CompletionWords,
    /// The form of an answer.
    pub(in crate::llm::wire) answer: AnswerForm,
}

/// A word that is not simulated.
pub(in crate::llm::wire) struct Deprecated {
    /// The word.
    pub(in crate::llm::wire) word: &'static str,
    /// Whether a body has it.
    pub(in crate::llm::wire) present: fn(&BodyIn) -> bool,
    /// What to write instead.
    pub(in crate::llm::wire) instead: &'static str,
}

/// What a service asks of tools.
pub(in crate::llm::wire) struct ToolRules {
    /// Most tools.
    pub(in crate::llm::wire) max: Option<usize>,
    /// Whether the list of tools may be empty.
    pub(in crate::llm::wire) may_be_empty: bool,
    /// Whether a tool has to say its type.
    pub(in crate::llm::wire) need_type: bool,
    /// Whether a tool has to give the schema of its arguments.
    pub(in crate::llm::wire) need_parameters: bool,
    /// What is said of a name that is none; `i` is the tool's place.
    pub(in crate::llm::wire) bad_name: fn(i: usize, name: &str) -> String,
    /// The words for the choice of a tool.
    pub(in crate::llm::wire) choices: &'static [&'static str],
    /// Whether the choice may be limited to some of the tools (`allowed_tools`).
    pub(in crate::llm::wire) allowed_tools: bool,
}

/// What a service asks of a conversation. `i` is always the place of a message, from 0.
pub(in crate::llm::wire) struct TurnRules {
    /// The words for roles.
    pub(in crate::llm::wire) roles: &'static [&'static str],
    /// What is wrong with a conversation without messages.
    pub(in crate::llm::wire) empty: fn() -> BodyProblem,
    /// Whether a turn may come after the one before it, and may be the last one.
    pub(in crate::llm::wire) check_order: fn(TurnPlace) -> Result<(), BodyProblem>,
    /// Whether the old `function_call` of an assistant is refused.
    pub(in crate::llm::wire) refuses_function_call: bool,
    /// Whether an empty text beside no calls says nothing.
    pub(in crate::llm::wire) empty_text_is_silence: bool,
    /// What is wrong with an assistant that says nothing and calls nothing.
    pub(in crate::llm::wire) silent: fn(i: usize) -> BodyProblem,
    /// Tokens of what is no text, for this model.
    ///
    /// # Errors
    /// In the service's words, where the model takes none.
    pub(in crate::llm::wire) media: fn(model: &str, medium: &SentMedium) -> Result<u32, String>,
    /// What is wrong with a call without an id, at this path.
    pub(in crate::llm::wire) without_id: fn(path: String) -> BodyProblem,
    /// Whether an id of a call is one, at this path.
    pub(in crate::llm::wire) check_id: fn(path: &str, id: &str) -> Result<(), BodyProblem>,
    /// Whether the arguments of a call may be an object instead of its text.
    pub(in crate::llm::wire) object_arguments: bool,
    /// What is wrong with a result of a call that nobody made.
    pub(in crate::llm::wire) unexpected_result: fn(i: usize, id: &str) -> BodyProblem,
    /// What is wrong with calls, made in this message, that have no result.
    pub(in crate::llm::wire) without_results: fn(i: usize, open: &BTreeSet<String>) -> BodyProblem,
}

/// A role of the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm::wire) enum WireRole {
    System,
    User,
    Assistant,
    Tool,
}

impl WireRole {
    /// Its word on the wire.
    pub(in crate::llm::wire) fn word(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// A turn among the others.
#[derive(Clone, Copy)]
pub(in crate::llm::wire) struct TurnPlace {
    /// The place of its message, from 0.
    pub(in crate::llm::wire) i: usize,
    /// The turn.
    pub(in crate::llm::wire) turn: WireRole,
    /// The turn before it.
    pub(in crate::llm::wire) before: Option<WireRole>,
    /// Whether it is the last one.
    pub(in crate::llm::wire) is_last: bool,
    /// Whether it is the beginning of the answer.
    pub(in crate::llm::wire) prefix: bool,
}

/// The words of a request where services differ.
pub(in crate::llm::wire) struct CompletionWords {
    /// A choice of any tool.
    pub(in crate::llm::wire) any_tool: &'static str,
    /// Whether the cap on the output is `max_completion_tokens` instead of `max_tokens`.
    pub(in crate::llm::wire) completion_cap: bool,
    /// Whether the seed is `random_seed` instead of `seed`.
    pub(in crate::llm::wire) random_seed: bool,
    /// Whether the user is in `metadata` instead of `user`.
    pub(in crate::llm::wire) user_in_metadata: bool,
    /// Whether the result of a call names its tool.
    pub(in crate::llm::wire) results_name_tools: bool,
    /// Whether an assistant that only calls has an empty text instead of `null`.
    pub(in crate::llm::wire) text_beside_calls: bool,
}

/// The form of an answer where services differ.
pub(in crate::llm::wire) struct AnswerForm {
    /// Whether it has the fields that only the inventor of the format sends: a refusal, details of
    /// the usage, `service_tier`, `system_fingerprint`, `logprobs` and `annotations`. Without a
    /// field for it, a refusal is an answer.
    pub(in crate::llm::wire) all_fields: bool,
    /// Why an answer ended that a filter stopped.
    pub(in crate::llm::wire) filtered: &'static str,
    /// Whether a stream has the usage in a chunk of its own, and only where it was asked for;
    /// otherwise it is always in the last one.
    pub(in crate::llm::wire) usage_on_request: bool,
    /// Whether a stream has each call in one piece, in the last chunk.
    pub(in crate::llm::wire) whole_calls: bool,
}
