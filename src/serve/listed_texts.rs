//! The questions of a knowledge base's list by their texts, as users send them and as an agent that
//! redacts hands them on.
//!
//! Guarantees: a text of the list is recognized in every redaction; any other text is not.
//!
//! Does not know: who asks.

use std::collections::BTreeMap;

use xxhash_rust::xxh3::xxh3_128;

use crate::knowledge::{KnowledgeBase, ListedQuestion, PiiSet, QuestionId};

/// The list, by digests of the texts.
#[derive(Clone, Debug, Default)]
pub struct ListedTexts(BTreeMap<u128, (QuestionId, PiiSet)>);

fn digest(text: &str) -> u128 {
    xxh3_128(text.trim().as_bytes())
}

impl ListedTexts {
    /// The list of this base; empty where questions are made up.
    #[must_use]
    pub fn of(base: &KnowledgeBase) -> Self {
        let mut all = BTreeMap::new();
        for (id, question) in (0..).map(QuestionId).zip(base.questions()) {
            let items = question.items().bits();
            // Every subset of what is in it, the whole text first.
            for redacted in (0..=items).filter(|redacted| redacted & items == *redacted) {
                let redacted = PiiSet::from_bits(redacted);
                let text = digest(&question.render(redacted));
                all.entry(text).or_insert((id, redacted));
            }
        }
        Self(all)
    }

    /// The question of this text, and what of it is redacted.
    #[must_use]
    pub fn find<'a>(
        &self,
        base: &'a KnowledgeBase,
        text: &str,
    ) -> Option<(QuestionId, &'a ListedQuestion, PiiSet)> {
        let (id, redacted) = *self.0.get(&digest(text))?;
        Some((id, base.listed(id)?, redacted))
    }
}
