//! How long a text is, in tokens and in characters.
//!
//! Tokens are those of `o200k_base`, the byte-pair table that OpenAI publishes for the GPT-4o
//! family; crate `simlab-tokens` has it in the binary. Anthropic publishes no table for its present models and
//! Mistral publishes another one: the same table is used for them too, as a stated assumption.
//!
//! Why counts may be added: the table is applied to each word on its own, after a fixed pattern has
//! cut the text into words (a word carries the space before it; a run of punctuation carries the
//! line breaks after it). A merge never crosses such a cut. So where [`joins`] holds between two
//! texts, the count of both together is the sum of their counts, and a long text can be counted by
//! adding table entries.
//!
//! Guarantees: [`count`] is the real count; [`joins`] is never true where the sum would be wrong.
//!
//! Does not know: what the texts say, or special tokens of a chat format (a provider's own overhead
//! per message).

use std::iter::Sum;
use std::ops::{Add, AddAssign};

/// The number of `o200k_base` tokens of a text.
#[must_use]
pub fn count(text: &str) -> u32 {
    u32::try_from(simlab_tokens::count(text)).unwrap_or(u32::MAX)
}

/// The words that the pattern cuts a text into, in order; together they are the text. A stream
/// sends them one by one.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    simlab_tokens::words(text)
}

/// The tokens of a text, in order. A token may hold a part of a character.
pub fn tokens(text: &str) -> impl Iterator<Item = &[u8]> {
    simlab_tokens::tokens(text)
}

/// Whether `left` and `right` can be counted apart: `count(left + right) == count(left) +
/// count(right)`.
///
/// A sufficient rule, read off the `o200k_base` pattern; `false` says only that the sum may be
/// wrong. It holds where
/// - `right` starts with a space and `left` ends in a character that is no space, or
/// - `right` starts with a line break and `left` ends in an ASCII letter or digit, or
/// - `left` ends in a line break and `right` starts with anything but a space, a line break or a
///   slash, or
/// - `left` ends in an ASCII letter or digit and `right` starts with ASCII punctuation other than
///   an apostrophe, or
/// - `left` ends in ASCII punctuation after a space or another such character (no slash), and
///   `right` starts with an ASCII letter or digit.
#[must_use]
pub fn joins(left: &str, right: &str) -> bool {
    let mut before = left.chars().rev();
    let (Some(last), Some(first)) = (before.next(), right.chars().next()) else { return true };
    let previous = before.next();
    // A run of punctuation swallows the line breaks and slashes behind it; a lone sign goes with
    // the word behind it.
    match (last, first) {
        (_, ' ') => !last.is_whitespace(),
        (_, '\n' | '\r') => last.is_ascii_alphanumeric(),
        ('\n', _) => !first.is_whitespace() && first != '/',
        _ if last.is_ascii_alphanumeric() => first.is_ascii_punctuation() && first != '\'',
        _ if last.is_ascii_punctuation() && first.is_ascii_alphanumeric() => {
            previous.is_some_and(|p| p == ' ' || (p.is_ascii_punctuation() && p != '/'))
        }
        _ => false,
    }
}

/// How long a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct TextSize {
    /// Tokens of `o200k_base`.
    pub tokens: u32,
    /// Unicode scalar values: what Python's `len` and slices count.
    pub characters: u32,
}

impl TextSize {
    /// Of nothing.
    pub const ZERO: Self = Self { tokens: 0, characters: 0 };

    /// Of this text, counted now.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self { tokens: count(text), characters: characters(text) }
    }
}

impl Add for TextSize {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { tokens: self.tokens + other.tokens, characters: self.characters + other.characters }
    }
}

impl AddAssign for TextSize {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for TextSize {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

/// The number of Unicode scalar values of a text.
#[must_use]
pub fn characters(text: &str) -> u32 {
    u32::try_from(text.chars().count()).unwrap_or(u32::MAX)
}

/// The first `characters` characters of a text: Python's `text[:characters]`.
#[must_use]
pub fn cut(text: &str, characters: u32) -> &str {
    text.char_indices().nth(characters as usize).map_or(text, |(at, _)| &text[..at])
}

/// A piece of text with its size, counted once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phrase {
    text: Box<str>,
    size: TextSize,
}

impl Phrase {
    /// This text, counted now.
    #[must_use]
    pub fn new(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        Self { size: TextSize::of(&text), text }
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its size.
    #[must_use]
    pub fn size(&self) -> TextSize {
        self.size
    }

    /// Its tokens.
    #[must_use]
    pub fn tokens(&self) -> u32 {
        self.size.tokens
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn counts_equal_the_published_tokenization() {
        // Lengths of the encodings that OpenAI's own tiktoken 0.14.0 gives with the published
        // table.
        assert_eq!(count(""), 0);
        assert_eq!(count("hello world"), 2);
        assert_eq!(count("tiktoken is great!"), 6);
        assert_eq!(count("antidisestablishmentarianism"), 6);
        assert_eq!(count("2 + 2 = 4"), 7);
        assert_eq!(count("The agent's value, 12345.67, isn't\n\n  final.   "), 17);
        assert_eq!(count("お誕生日おめでとう"), 8);
    }

    #[test]
    fn words_are_the_whole_text() {
        let text = "The Q-learning update, step by step:\n\n1. observe  2. act\n";
        assert_eq!(words(text).collect::<String>(), text);
        assert!(words(text).count() > 10);
    }

    #[test]
    fn a_full_stop_joins_a_space_but_not_a_line_break() {
        assert!(joins("It learns.", " It acts."));
        assert!(!joins("It learns.", "\n\nIt acts."));
        assert!(joins("It learns.\n\n", "It acts."));
        assert!(joins("learning", "?") && !joins("[REDACTED]", "?") && !joins("it", "'s"));
        assert!(joins("{\"reason\": \"", "the") && joins("a (", "b") && !joins("a)\n/(", "b"));
    }

    #[test]
    fn a_cut_counts_characters_not_bytes() {
        assert_eq!(cut("naïve café", 5), "naïve");
        assert_eq!(cut("ab", 5), "ab");
        assert_eq!(characters("naïve"), 5);
    }

    proptest! {
        #[test]
        fn joined_texts_count_as_the_sum(left in r#"[ -~\n]{0,24}|[\PC\s]{0,8}"#, right in r#"[ -~\n]{0,24}|[\PC\s]{0,8}"#) {
            if joins(&left, &right) {
                prop_assert_eq!(count(&format!("{left}{right}")), count(&left) + count(&right), "{:?} {:?}", left, right);
            }
        }

        #[test]
        fn a_chain_of_clean_joints_counts_as_the_sum(pieces in prop::collection::vec(r#"[ \n]?[a-zA-Z0-9.,;:?!()\[\]"'/@-]{1,8}[.?]?\n?"#, 1..12)) {
            if pieces.windows(2).all(|pair| joins(&pair[0], &pair[1])) {
                prop_assert_eq!(count(&pieces.concat()), pieces.iter().map(|piece| count(piece)).sum::<u32>());
            }
        }
    }
}
