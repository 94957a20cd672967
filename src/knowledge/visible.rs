//! What a judge gets to see of a question and an answer.
//!
//! The tutorial's judge reads the first 200 characters of the question and the first 500 of the
//! answer, where the answer is everything the support agent's run produced, joined by spaces:
//! outputs of tools first, then the model's words. With tools the words often lie beyond the cut.
//!
//! Promises: [`left_for`] says from counts what [`answer_shown`] does with texts (tested).
//!
//! Does not know: what the judge makes of it.

use super::tokens;

/// Characters of a question that the tutorial's judge sees.
pub const QUESTION_CHARACTERS: u32 = 200;
/// Characters of an answer that the tutorial's judge sees.
pub const ANSWER_CHARACTERS: u32 = 500;

/// The part of a question that is shown.
#[must_use]
pub fn question_shown(question: &str, limit: u32) -> &str {
    tokens::cut(question, limit)
}

/// The parts of an answer in order (outputs of tools first), joined by spaces and cut.
#[must_use]
pub fn answer_shown<'a>(parts: impl IntoIterator<Item = &'a str>, limit: u32) -> String {
    let mut text = String::new();
    for (place, part) in parts.into_iter().enumerate() {
        if place > 0 {
            text.push(' ');
        }
        text.push_str(part);
        if text.len() > 4 * limit as usize {
            break;
        }
    }
    text.truncate(tokens::cut(&text, limit).len());
    text
}

/// How many characters of what comes next are shown at most, after parts of these many characters.
#[must_use]
pub fn left_for(parts_before: impl IntoIterator<Item = u32>, limit: u32) -> u32 {
    // Each part is followed by a space.
    parts_before
        .into_iter()
        .fold(limit, |left, characters| left.saturating_sub(characters.saturating_add(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::retrieval::{
        QUERY_VARIANTS, Query, RetrievalCache, RetrievalSettings, SearchTool,
    };
    use crate::knowledge::{Answer, Grade, KnowledgeBase, REINFORCEMENT_LEARNING, recognize_grade};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static BASE: LazyLock<KnowledgeBase> =
        LazyLock::new(|| KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap());
    static CACHE: LazyLock<RetrievalCache> = LazyLock::new(|| {
        RetrievalCache::new(
            &BASE,
            RetrievalSettings { snippet_characters: 60, ..RetrievalSettings::default() },
        )
    });

    proptest! {
        #[test]
        fn what_is_visible_by_count_is_visible_in_the_text(
            calls in prop::collection::vec((0_usize..3, 0_u8..QUERY_VARIANTS, 1_u32..4), 0..3), topic in 0_usize..28, grade in 0_usize..3, wording: u64,
        ) {
            let topic = BASE.topic(topic);
            let outputs: Vec<_> = calls.iter().map(|&(tool, variant, k)| CACHE.get(&BASE, SearchTool::ALL[tool], Query { topic, variant }, k)).collect();
            let answer = Answer { topic, grade: Grade::ALL[grade], tokens: 90, wording };
            let text = answer.render(&BASE);
            let parts = outputs.iter().map(|found| found.text.text()).chain([text.as_str()]);
            let shown = answer_shown(parts.clone(), ANSWER_CHARACTERS);
            let whole = parts.collect::<Vec<_>>().join(" ");
            prop_assert_eq!(&shown, &whole.chars().take(500).collect::<String>());
            let left = left_for(outputs.iter().map(|found| found.size().characters), ANSWER_CHARACTERS);
            let by_count = answer.grade_characters().filter(|&least| least <= left).map(|_| answer.grade);
            prop_assert_eq!(recognize_grade(&shown), by_count);
        }
    }

    #[test]
    fn a_part_uses_up_its_space_too() {
        assert_eq!(left_for([], 500), 500);
        assert_eq!(left_for([100, 99], 500), 299);
        assert_eq!(left_for([u32::MAX], 500), 0);
        assert_eq!(answer_shown(["ab", "", "cd"], 5), "ab  c");
        assert_eq!(question_shown("naïve", 3), "naï");
    }
}
