//! What the judge is shown: the start of the question, and the start of the answer with tool output
//! before it.
//!
//! Guarantees: the size is that of the text. Question and answer are cut after the last whole
//! sentence within their limits, tool output at the very character (the original cuts all at the
//! character; so few words more do not matter). The parts stand as text blocks of their own in one
//! message, so their tokens add up.
//!
//! Does not know: what the judge makes of it.

use crate::judge::{JudgeSpec, Sees};
use crate::knowledge::{Answer, KnowledgeBase, PiiSet, Question, TextSize};

/// The size of what is shown of a question.
#[must_use]
pub fn question(question: Question, base: &KnowledgeBase, judge: &JudgeSpec) -> TextSize {
    let whole = question.size(base, PiiSet::NONE);
    if whole.characters <= judge.question_characters {
        whole
    } else {
        question.leading(base, judge.question_characters)
    }
}

/// How many characters are left for the answer's own words behind `tool_characters` of tool output.
#[must_use]
pub fn room(tool_characters: u32, judge: &JudgeSpec) -> u32 {
    match judge.sees {
        Sees::AnswerOnly | Sees::Grade => judge.answer_characters,
        Sees::ToolOutputFirst => judge.answer_characters.saturating_sub(tool_characters),
    }
}

/// Whether the answer's grade can be read in the room that is left.
#[must_use]
pub fn readable(answer: Answer, tool_characters: u32, judge: &JudgeSpec) -> bool {
    judge.sees == Sees::Grade
        || answer.grade_characters().is_some_and(|needed| needed < room(tool_characters, judge))
}
