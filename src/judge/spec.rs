//! The specification of the model as judge: which model, and what it is shown. Plain data.

use crate::llm::setup::JudgeTraits;

/// What the judge is shown of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Sees {
    /// Tool output first, then the model's words, cut: what the original does.
    #[default]
    ToolOutputFirst,
    /// The model's words alone, cut.
    AnswerOnly,
    /// How good the answer is, whatever of it can be shown: what a user knows who reads it all.
    Grade,
}

/// The judge.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeSpec {
    /// Its model; an index into the scenario's models.
    pub model: u16,
    /// What it is shown.
    pub sees: Sees,
    /// Characters of the question that it is shown.
    pub question_characters: u32,
    /// Characters of the answer that it is shown.
    pub answer_characters: u32,
    /// How it behaves.
    pub traits: JudgeTraits,
}
