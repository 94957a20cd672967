//! What a mock model writes: answers and notes of an exact number of tokens.
//!
//! An answer opens with a sentence that shows its grade to a reader, goes on with sentences of the
//! knowledge base on its topic, and ends with sentences chosen by length, so that the sum is exact.
//! A weak answer talks about another document.
//!
//! Guarantees: the rendering has exactly the tokens that the recipe says; it is a pure function of
//! recipe and base; [`recognize_grade`] reads the grade as soon as [`Answer::grade_characters`]
//! characters are visible.
//!
//! Does not know: who judges, or how good a model is.

use std::ops::Range;

use super::base::KnowledgeBase;
use super::phrases::{ANSWERING, LONGEST, LONGEST_OPENING, MAX_OF_A_HEAD, NOTING, SHORTEST, Voice};
use super::tokens::{self, Phrase, TextSize};
use super::topic::TopicId;

/// How good an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// Right and complete.
    Strong,
    /// Right in outline.
    Fair,
    /// Beside the point.
    Weak,
}

impl Grade {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Strong, Self::Fair, Self::Weak];

    /// The next better one; the best is its own.
    #[must_use]
    pub fn better(self) -> Self {
        if self == Self::Weak { Self::Fair } else { Self::Strong }
    }

    /// The next worse one; the worst is its own.
    #[must_use]
    pub fn worse(self) -> Self {
        if self == Self::Strong { Self::Fair } else { Self::Weak }
    }
}

/// Fewest tokens of an answer that can show its grade. A shorter one is cut off before it has said
/// anything.
pub const MIN_TOKENS: u32 = LONGEST_OPENING + SHORTEST;

/// Longer sentences of a knowledge base are not quoted.
const MAX_OF_A_SENTENCE: u32 = 80;

/// An answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What it is about.
    pub topic: TopicId,
    /// How good it is.
    pub grade: Grade,
    /// How many tokens it has.
    pub tokens: u32,
    /// Bits that choose its words.
    pub wording: u64,
}

impl Answer {
    fn opening(self) -> Option<&'static Phrase> {
        let voice: &'static Voice = &ANSWERING;
        (self.tokens >= MIN_TOKENS)
            .then(|| voice.opening(self.grade as usize, mix(self.wording, 0)))
    }

    fn each<'a>(self, base: &'a KnowledgeBase, say: impl FnMut(&'a str, TextSize) -> bool) {
        let own = base.document_of(self.topic);
        let stock = base.sentences();
        let document =
            if self.grade == Grade::Weak { stock.another(own, mix(self.wording, 1)) } else { own };
        compose(
            &ANSWERING,
            self.opening(),
            stock.from(document, self.wording),
            self.tokens,
            self.wording,
            say,
        );
    }

    /// How many characters of it must be visible for its grade to show; `None` if it is too short
    /// to have one.
    #[must_use]
    pub fn grade_characters(self) -> Option<u32> {
        // The full stop is not needed.
        self.opening().map(|opening| opening.size().characters - 1)
    }

    /// How many characters it has; about 5 ns a sentence.
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

    /// Those sentences.
    #[must_use]
    pub fn render_leading(self, base: &KnowledgeBase, characters: u32) -> String {
        let (mut size, mut text) = (TextSize::ZERO, String::new());
        self.each(base, |words, part| {
            let fits = fits(&mut size, part, characters);
            if fits {
                text.push_str(words);
            }
            fits
        });
        text
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

/// Adds `part` to `size` if that stays within `characters`; tells whether it did.
pub(super) fn fits(size: &mut TextSize, part: TextSize, characters: u32) -> bool {
    let fits = size.characters.saturating_add(part.characters) <= characters;
    if fits {
        *size += part;
    }
    fits
}

/// The grade of the answer that `visible` text shows, if its opening is visible in full.
#[must_use]
pub fn recognize_grade(visible: &str) -> Option<Grade> {
    let place = |phrase: &Phrase| visible.find(phrase.text().trim_end_matches('.'));
    let voice: &'static Voice = &ANSWERING;
    let found = Grade::ALL.into_iter().zip(&voice.openings);
    found
        .filter_map(|(grade, openings)| {
            openings.iter().filter_map(place).min().map(|at| (at, grade))
        })
        .min()
        .map(|(_, grade)| grade)
}

/// The few words that a model writes beside a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReasoningNote {
    /// How many tokens they have.
    pub tokens: u32,
    /// Bits that choose them.
    pub wording: u64,
}

impl ReasoningNote {
    fn each(self, say: impl FnMut(&'static str, TextSize) -> bool) {
        let voice: &'static Voice = &NOTING;
        let opening = (self.tokens >= MIN_TOKENS).then(|| voice.opening(0, mix(self.wording, 0)));
        compose(voice, opening, std::iter::empty(), self.tokens, self.wording, say);
    }

    /// Their text: exactly [`Self::tokens`] tokens.
    #[must_use]
    pub fn render(self) -> String {
        let mut text = String::with_capacity(self.tokens as usize * 6);
        self.each(|part, _| {
            text.push_str(part);
            true
        });
        text
    }
}

/// Names the parts of a text of exactly `tokens` tokens, with their sizes, in order, as long as
/// `say` wants more. Without an opening it is a few words, at most as many as the voice's stub has.
pub(super) fn compose<'a>(
    voice: &'static Voice,
    opening: Option<&'static Phrase>,
    stock: impl Iterator<Item = &'a Sentence>,
    tokens: u32,
    wording: u64,
    mut say: impl FnMut(&'a str, TextSize) -> bool,
) {
    let Some(opening) = opening else {
        let _ = voice.stub.iter().take(tokens as usize).all(|word| say(word.text(), word.size()));
        return;
    };
    if !say(opening.text(), opening.size()) {
        return;
    }
    let mut left = tokens - opening.tokens();
    let (mut starts, mut refused, mut length) = (false, 0, 1 + mix(wording, 2) % 3);
    for sentence in stock {
        if left == 0 || refused == 4 {
            break;
        }
        // A paragraph of two to four sentences, if a head and one more sentence are sure to fit.
        let breaks = length >= 4 && left >= 2 * (MAX_OF_A_SENTENCE + SHORTEST) + MAX_OF_A_HEAD;
        let [within, first] = sentence.tokens;
        let [plain, broken] = if starts { first } else { within };
        let cost = if breaks { broken } else { plain };
        if cost != left && cost + SHORTEST > left {
            refused += 1;
            continue;
        }
        if !say(
            &sentence.text[usize::from(starts)..],
            TextSize { tokens: plain, characters: sentence.characters - u32::from(starts) },
        ) {
            return;
        }
        (left, starts, refused, length) = (left - cost, breaks, 0, length + 1);
        if breaks {
            if !say("\n\n", TextSize { tokens: broken.saturating_sub(plain), characters: 2 }) {
                return;
            }
            length = mix(wording, u64::from(left)) % 3;
            if !voice.heads.is_empty() {
                let head = Voice::choose(&voice.heads, mix(wording, u64::from(left) + 1));
                if !say(head.text(), head.size()) {
                    return;
                }
                (left, starts) = (left - head.tokens(), false);
            }
        }
    }
    let mut nth = 3;
    while left > 0 {
        let choice = mix(wording, nth);
        nth += 1;
        // Never leave less than the shortest sentence.
        let next = if left <= LONGEST {
            left
        } else {
            (LONGEST - SHORTEST - (choice >> 32) as u32 % 5).min(left - SHORTEST)
        };
        let phrase = voice.closing(next, choice);
        if !say(phrase.text(), phrase.size()) {
            return;
        }
        left -= next;
    }
}

/// A sentence of the knowledge base, with a space before it.
#[derive(Clone, Debug)]
pub(super) struct Sentence {
    text: Box<str>,
    characters: u32,
    /// Tokens: within a paragraph or at its start; and without or with a paragraph's end behind it.
    tokens: [[u32; 2]; 2],
}

/// All sentences of a knowledge base.
#[derive(Clone, Debug)]
pub(super) struct Sentences {
    all: Vec<Sentence>,
    by_document: Vec<Range<usize>>,
}

impl Sentences {
    /// The sentences of each document.
    pub fn new(documents: &[Vec<String>]) -> Self {
        let mut all = Vec::new();
        let by_document = documents.iter().map(|sentences| {
            let start = all.len();
            for sentence in sentences {
                let count = |text: String| tokens::count(&text);
                let cost = [
                    [count(format!(" {sentence}")), count(format!(" {sentence}\n\n"))],
                    [count(sentence.clone()), count(format!("{sentence}\n\n"))],
                ];
                if (SHORTEST..=MAX_OF_A_SENTENCE).contains(&cost[0][0]) {
                    let text: Box<str> = format!(" {sentence}").into();
                    all.push(Sentence {
                        characters: tokens::characters(&text),
                        text,
                        tokens: cost,
                    });
                }
            }
            start..all.len()
        });
        let by_document = by_document.collect();
        Self { all, by_document }
    }

    /// A document other than this one, if there is one.
    fn another(&self, document: u16, choice: u64) -> u16 {
        let n = self.by_document.len() as u64;
        if n < 2 { document } else { ((u64::from(document) + 1 + choice % (n - 1)) % n) as u16 }
    }

    /// The sentences of a document from a chosen one on and around, then those of all documents,
    /// without end.
    pub fn from(&self, document: u16, wording: u64) -> impl Iterator<Item = &Sentence> {
        fn around(part: &[Sentence], choice: u64) -> impl Iterator<Item = &Sentence> + Clone {
            let start = if part.is_empty() { 0 } else { choice as usize % part.len() };
            let (before, after) = part.split_at(start);
            after.iter().chain(before)
        }
        around(self.of(document), mix(wording, 4)).chain(around(&self.all, mix(wording, 5)).cycle())
    }

    /// The sentences of a document; none where there is no such document.
    #[expect(clippy::indexing_slicing, reason = "a document's sentences are a part of all")]
    fn of(&self, document: u16) -> &[Sentence] {
        self.by_document.get(usize::from(document)).map_or(&[], |range| &self.all[range.clone()])
    }
}

/// Bits for the `nth` choice (`SplitMix64`, Steele et al. 2014).
pub(super) fn mix(bits: u64, nth: u64) -> u64 {
    let mut z = bits.wrapping_add((nth + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::REINFORCEMENT_LEARNING;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static BASE: LazyLock<KnowledgeBase> =
        LazyLock::new(|| KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap());

    proptest! {
        #[test]
        fn an_answer_has_exactly_its_tokens_and_characters(topic in 0_u16..28, grade in 0_usize..3, tokens in 0_u32..1500, wording: u64) {
            let answer = Answer { topic: TopicId(topic), grade: Grade::ALL[grade], tokens, wording };
            let text = answer.render(&BASE);
            prop_assert_eq!(tokens::count(&text), tokens, "{}", text);
            prop_assert_eq!(tokens::characters(&text), answer.characters(&BASE));
        }

        #[test]
        fn the_grade_shows_as_soon_as_the_opening_is_visible(topic in 0_u16..28, grade in 0_usize..3, tokens in 0_u32..200, wording: u64) {
            let answer = Answer { topic: TopicId(topic), grade: Grade::ALL[grade], tokens, wording };
            let text = answer.render(&BASE);
            for visible in 0..=tokens::characters(&text).min(80) {
                let expected = answer.grade_characters().filter(|&least| visible >= least).map(|_| answer.grade);
                prop_assert_eq!(recognize_grade(tokens::cut(&text, visible)), expected);
            }
        }

        #[test]
        fn a_note_has_exactly_its_tokens(tokens in 0_u32..300, wording: u64) {
            let note = ReasoningNote { tokens, wording };
            prop_assert_eq!(tokens::count(&note.render()), tokens);
        }
    }

    #[test]
    fn answers_talk_about_their_topic_and_weak_ones_do_not() {
        let topic = BASE.topic_titled("SARSA").unwrap();
        let mentions = |grade| {
            (0..40)
                .filter(|&wording| {
                    Answer { topic, grade, tokens: 150, wording }.render(&BASE).contains("SARSA")
                })
                .count()
        };
        assert!(
            mentions(Grade::Strong) > 25 && mentions(Grade::Weak) < 8,
            "{} {}",
            mentions(Grade::Strong),
            mentions(Grade::Weak)
        );
    }

    #[test]
    fn no_document_speaks_like_an_opening() {
        assert!(REINFORCEMENT_LEARNING.iter().all(|(_, text)| recognize_grade(text).is_none()));
        let closings = ANSWERING.closings.iter().chain(&NOTING.closings).flatten();
        assert!(
            closings
                .chain(NOTING.openings.iter().flatten())
                .all(|phrase| recognize_grade(phrase.text()).is_none())
        );
    }

    #[test]
    fn a_base_without_sentences_still_answers() {
        let base = KnowledgeBase::from_documents(&[("a.md", "# Words\n\nno sentence")]).unwrap();
        let answer = Answer { topic: TopicId(0), grade: Grade::Weak, tokens: 333, wording: 9 };
        assert_eq!(tokens::count(&answer.render(&base)), 333);
    }
}
