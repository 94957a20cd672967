//! Which of the two a chat completion belongs to.

/// Whose chat completions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::llm::wire) enum Dialect {
    OpenAi,
    Mistral,
}
