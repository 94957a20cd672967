//! Questions in somebody's own words: a list that belongs to a knowledge base.
//!
//! Guarantees: a text is kept once, however many users ask it; its size is that of the text, with
//! personal data redacted or not; a question whose topic nobody named is about the topic of the
//! document that matches it best.
//!
//! Does not know: files, or who asks which question.

use std::sync::OnceLock;

use super::detect::{self, Finds, FoundPii};
use super::personal::{PiiKind, PiiSet};
use super::tokens::{self, Phrase, TextSize};
use super::topic::{Complexity, TopicId};

/// Index of a question in the list of its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct QuestionId(pub u32);

/// What is known of a question besides its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QuestionNotes {
    /// How deep it goes; `None`: nobody said.
    pub depth: Option<Complexity>,
    /// What the user wants, by name; `None`: nobody said.
    pub intent: Option<String>,
    /// The personal data in it, each kind with the words that tell it; `None`: nobody said, so what
    /// [`detect::find`] finds.
    pub personal: Option<Vec<(PiiKind, String)>>,
    /// The answer that is expected.
    pub expected: Option<String>,
    /// Whether a guard should stop it; `None`: nobody said.
    pub harmful: Option<bool>,
}

/// One question of the list.
#[derive(Clone, Debug)]
pub struct ListedQuestion {
    text: Phrase,
    topic: TopicId,
    depth: Option<Complexity>,
    intent: Option<String>,
    expected: Option<Phrase>,
    harmful: Option<bool>,
    finds: Finds,
    /// Its size by the set of redacted items, counted when first wanted; empty without personal
    /// data.
    sizes: Vec<OnceLock<TextSize>>,
}

impl ListedQuestion {
    /// A question with this text, about this topic.
    #[must_use]
    pub fn new(text: &str, notes: QuestionNotes, topic: TopicId) -> Self {
        let finds = match &notes.personal {
            None => detect::find(text),
            Some(personal) => occurrences(text, personal),
        };
        let sets = if finds.is_empty() { 0 } else { usize::from(PiiSet::ALL.bits()) + 1 };
        let expected = notes.expected.map(|answer| Phrase::new(format!("{EXPECTED}{answer}")));
        Self {
            text: Phrase::new(text),
            topic,
            depth: notes.depth,
            intent: notes.intent,
            expected,
            harmful: notes.harmful,
            finds,
            sizes: (0..sets).map(|_| OnceLock::new()).collect(),
        }
    }

    /// How deep it goes, if that is known.
    #[must_use]
    pub fn depth(&self) -> Option<Complexity> {
        self.depth
    }

    /// What the user wants, if that is known.
    #[must_use]
    pub fn intent(&self) -> Option<&str> {
        self.intent.as_deref()
    }

    /// Whether a guard should stop it, if that is known.
    #[must_use]
    pub fn harmful(&self) -> Option<bool> {
        self.harmful
    }

    /// What a judge reads about the expected answer.
    #[must_use]
    pub fn expected(&self) -> Option<&Phrase> {
        self.expected.as_ref()
    }

    /// The personal data in it.
    #[must_use]
    pub fn items(&self) -> PiiSet {
        self.finds.iter().fold(PiiSet::NONE, |items, found| items.with(found.item))
    }

    /// What it is about.
    #[must_use]
    pub fn topic(&self) -> TopicId {
        self.topic
    }

    /// Its text with these items redacted.
    #[must_use]
    pub fn render(&self, redacted: PiiSet) -> String {
        detect::without(self.text.text(), &self.finds, redacted)
    }

    /// Its size with these items redacted.
    #[must_use]
    pub fn size(&self, redacted: PiiSet) -> TextSize {
        let hidden = self.items() & redacted;
        match self.sizes.get(usize::from(hidden.bits())).filter(|_| !hidden.is_empty()) {
            Some(cell) => *cell.get_or_init(|| TextSize::of(&self.render(hidden))),
            None => self.text.size(),
        }
    }

    /// The size of its first `characters` characters.
    #[must_use]
    pub fn leading(&self, characters: u32) -> TextSize {
        TextSize::of(tokens::cut(self.text.text(), characters))
    }
}

/// What stands before the expected answer.
const EXPECTED: &str = "The expected answer: ";

/// Where these words stand in a text, each kind with its words; an earlier and longer one first,
/// none within another.
fn occurrences(text: &str, personal: &[(PiiKind, String)]) -> Finds {
    let mut all: Vec<FoundPii> = personal
        .iter()
        .filter(|(_, words)| !words.is_empty())
        .flat_map(|(item, words)| {
            text.match_indices(words.as_str())
                .map(|(at, words)| FoundPii { item: *item, span: at..at + words.len() })
        })
        .collect();
    all.sort_by_key(|found| (found.span.start, std::cmp::Reverse(found.span.end)));
    let mut finds = Finds::new();
    for found in all {
        if finds.last().is_none_or(|last| last.span.end <= found.span.start) {
            finds.push(found);
        }
    }
    finds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{KnowledgeBase, Redaction};
    use proptest::prelude::*;

    fn base() -> KnowledgeBase {
        let documents = [
            ("refunds.md", "# Refunds\n\nMoney comes back within five days.\n"),
            (
                "login.md",
                "# Signing in\n\nReset a password by mail. Two factors protect accounts.\n",
            ),
        ];
        KnowledgeBase::from_documents(&documents).unwrap()
    }

    fn listed(text: &str, notes: QuestionNotes) -> ListedQuestion {
        ListedQuestion::new(text, notes, base().topic_of(text))
    }

    #[test]
    fn a_topic_is_named_or_that_of_the_best_document() {
        let topic = |text: &str| listed(text, QuestionNotes::default()).topic;
        assert_eq!(topic("How do REFUNDS work?"), TopicId(0));
        assert_eq!(topic("I forgot my password, how do I get a new one?"), TopicId(1));
        assert_eq!(topic("Hello?"), TopicId(0));
    }

    #[test]
    fn personal_data_is_what_is_given_or_what_is_found() {
        let text = "Ada here (ada@stone.example), \"order 7\" of Ada's is late.";
        let found = listed(text, QuestionNotes::default());
        assert_eq!(found.items(), PiiSet::NONE.with(PiiKind::Email));
        let given = |personal| {
            listed(text, QuestionNotes { personal: Some(personal), ..QuestionNotes::default() })
        };
        assert_eq!(given(Vec::new()).items(), PiiSet::NONE);
        let own = given(vec![(PiiKind::Name, "Ada".to_owned())]);
        assert_eq!(
            own.render(Redaction::Strict.covers()),
            "[REDACTED] here (ada@stone.example), \"order 7\" of [REDACTED]'s is late."
        );
        assert_eq!(own.render(PiiSet::NONE), text);
    }

    proptest! {
        #[test]
        fn a_listed_question_is_counted_as_rendered(text in r#"[ -~\n]{1,80}"#, words in prop::collection::vec("[a-c ]{0,3}", 0..4), redacted in 0_u8..64) {
            let personal: Vec<_> = PiiKind::ALL.into_iter().zip(words).collect();
            let own = listed(&text, QuestionNotes { personal: Some(personal), ..QuestionNotes::default() });
            let redacted = PiiSet::from_bits(redacted);
            for _ in 0..2 {
                prop_assert_eq!(own.size(redacted), TextSize::of(&own.render(redacted)));
            }
        }
    }
}
