//! What the remote paper searches answer: invented papers, as a text of an exact number of tokens.
//!
//! Guarantees: the text has exactly the tokens of the recipe; its characters are known without
//! rendering. No such papers exist; the abstracts are sentences of the knowledge base.
//!
//! Does not know: rate limits, latency, or how long answers are.

use super::base::KnowledgeBase;
use super::phrases::{LISTING_ARXIV, LISTING_SCHOLAR, SHORTEST, Voice};
use super::prose::{compose, fits, mix};
use super::tokens::{Phrase, TextSize};
use super::topic::TopicId;

/// A remote paper search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PaperSource {
    /// arXiv.
    Arxiv,
    /// Semantic Scholar.
    SemanticScholar,
}

/// The answer of a remote paper search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaperList {
    /// Who answers.
    pub source: PaperSource,
    /// What was searched for.
    pub topic: TopicId,
    /// How many tokens the answer has.
    pub tokens: u32,
    /// Bits that choose its words.
    pub wording: u64,
}

impl PaperList {
    fn each<'a>(self, base: &'a KnowledgeBase, say: impl FnMut(&'a str, TextSize) -> bool) {
        let voice: &'static Voice = match self.source {
            PaperSource::Arxiv => &LISTING_ARXIV,
            PaperSource::SemanticScholar => &LISTING_SCHOLAR,
        };
        // The longest opening that leaves nothing or enough for a sentence: with a first paper, or
        // without one.
        let room = |opening: &&Phrase| {
            opening.tokens() == self.tokens || opening.tokens() + SHORTEST <= self.tokens
        };
        let choose = |group: &'static Vec<Phrase>| {
            Some(Voice::choose(group, mix(self.wording, 0))).filter(room)
        };
        let opening = voice.openings.iter().find_map(choose);
        let stock = base.sentences().from(base.document_of(self.topic), self.wording);
        compose(voice, opening, stock, self.tokens, self.wording, say);
    }

    /// How many characters it has.
    #[must_use]
    pub fn characters(self, base: &KnowledgeBase) -> u32 {
        self.leading(base, u32::MAX).characters
    }

    /// The size of the whole sentences that stand within its first `characters` characters.
    #[must_use]
    pub fn leading(self, base: &KnowledgeBase, characters: u32) -> TextSize {
        let mut size = TextSize::ZERO;
        self.each(base, |_, part| fits(&mut size, part, characters));
        size
    }

    /// Its text: exactly [`Self::tokens`] tokens.
    #[must_use]
    pub fn render(self, base: &KnowledgeBase) -> String {
        let mut text = String::with_capacity(self.tokens as usize * 6);
        self.each(base, |part, _| {
            text.push_str(part);
            true
        });
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{REINFORCEMENT_LEARNING, recognize_grade, tokens};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static BASE: LazyLock<KnowledgeBase> =
        LazyLock::new(|| KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap());

    proptest! {
        #[test]
        fn a_list_has_exactly_its_tokens_and_characters(tokens in 0_u32..3000, wording: u64, topic in 0_usize..28, scholar: bool) {
            let source = if scholar { PaperSource::SemanticScholar } else { PaperSource::Arxiv };
            let list = PaperList { source, topic: BASE.topic(topic), tokens, wording };
            let text = list.render(&BASE);
            prop_assert_eq!(tokens::count(&text), tokens, "{}", text);
            prop_assert_eq!(tokens::characters(&text), list.characters(&BASE));
            prop_assert_eq!(recognize_grade(&text), None);
        }
    }

    #[test]
    fn a_long_list_names_several_papers() {
        let list = PaperList {
            source: PaperSource::Arxiv,
            topic: BASE.topic(3),
            tokens: 1200,
            wording: 5,
        };
        let text = list.render(&BASE);
        assert!(text.starts_with("arXiv results:\n\n["), "{text}");
        assert!(text.matches("\n\n[").count() > 3, "{text}");
    }
}
