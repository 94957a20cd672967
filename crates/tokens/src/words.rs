//! How a text is cut into words: the pattern of `o200k_base`, written by hand.
//!
//! Its alternatives, the first that fits from the left:
//!
//! 1. and 2. a sign or space at most, capital letters, small letters, and an ending such as `'s`;
//! 3. one to three digits;
//! 4. a space at most, signs, line breaks and slashes;
//! 5. white space up to its last line break;
//! 6. and 7. white space, but for the last one before a word.
//!
//! Guarantees: the words are those of tiktoken's regular expression; together they are the text.
//!
//! Does not know: tokens.

use unicode_general_category::{GeneralCategory, get_general_category};

/// What the pattern tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// `\p{Lu}`, `\p{Lt}`.
    Capital,
    /// `\p{Ll}`.
    Small,
    /// `\p{Lm}`, `\p{Lo}`: letters without case, which go with both.
    Caseless,
    /// `\p{M}`: goes with letters of both kinds, and is none.
    Mark,
    /// `\p{N}`.
    Number,
    /// A line feed or carriage return.
    Break,
    /// Other white space.
    Space,
    /// All else.
    Sign,
}

impl Kind {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' => Self::Small,
            ' ' | '\t' | '\x0b' | '\x0c' => Self::Space,
            '\n' | '\r' => Self::Break,
            'A'..='Z' => Self::Capital,
            '0'..='9' => Self::Number,
            '\0'..='\x7f' => Self::Sign,
            _ if c.is_whitespace() => Self::Space,
            _ => match get_general_category(c) {
                GeneralCategory::UppercaseLetter | GeneralCategory::TitlecaseLetter => {
                    Self::Capital
                }
                GeneralCategory::LowercaseLetter => Self::Small,
                GeneralCategory::ModifierLetter | GeneralCategory::OtherLetter => Self::Caseless,
                GeneralCategory::NonspacingMark
                | GeneralCategory::SpacingMark
                | GeneralCategory::EnclosingMark => Self::Mark,
                GeneralCategory::DecimalNumber
                | GeneralCategory::LetterNumber
                | GeneralCategory::OtherNumber => Self::Number,
                _ => Self::Sign,
            },
        }
    }

    fn is_white(self) -> bool {
        matches!(self, Self::Space | Self::Break)
    }

    fn in_head(self) -> bool {
        matches!(self, Self::Capital | Self::Caseless | Self::Mark)
    }

    fn in_tail(self) -> bool {
        matches!(self, Self::Small | Self::Caseless | Self::Mark)
    }

    /// What may stand before the letters of a word.
    fn is_prefix(self) -> bool {
        matches!(self, Self::Space | Self::Sign | Self::Mark)
    }
}

/// The words that the pattern cuts a text into, in order; together they are the text.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let (word, after) = rest.split_at_checked(length_of_first(rest))?;
        rest = after;
        (!word.is_empty()).then_some(word)
    })
}

/// How many bytes of `text`, from `at` on, are characters that `fits`.
fn run(text: &str, fits: impl Fn(char) -> bool) -> usize {
    text.find(|c| !fits(c)).unwrap_or(text.len())
}

/// The part of a text from this byte on.
fn from(text: &str, at: usize) -> &str {
    text.get(at..).unwrap_or_default()
}

/// The length of a text's first word, in bytes; 0 where there is no text.
fn length_of_first(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    let kind = Kind::of(first);
    let after_first = first.len_utf8();
    let second = || from(text, after_first).chars().next().map(Kind::of);
    let is_letter =
        |kind: Kind| matches!(kind, Kind::Capital | Kind::Small | Kind::Caseless | Kind::Mark);
    let starts = if kind.is_prefix() && second().is_some_and(is_letter) {
        Some(after_first)
    } else {
        is_letter(kind).then_some(0)
    };
    if let Some(letters) = starts {
        return letters_from(text, letters);
    }
    match kind {
        Kind::Number => {
            let numbers = text.chars().take(3).take_while(|&c| Kind::of(c) == Kind::Number);
            numbers.map(char::len_utf8).sum()
        }
        Kind::Sign => signs_from(text, 0),
        Kind::Space if first == ' ' && second() == Some(Kind::Sign) => {
            signs_from(text, after_first)
        }
        _ => white_space(text),
    }
}

/// Where signs, and the line breaks and slashes behind them, end.
fn signs_from(text: &str, start: usize) -> usize {
    let is_sign = |c| matches!(Kind::of(c), Kind::Sign | Kind::Mark);
    let end = start + run(from(text, start), is_sign);
    end + run(from(text, end), |c| matches!(c, '\r' | '\n' | '/'))
}

/// Where a word ends whose letters start at `start`, with what belongs to it behind.
fn letters_from(text: &str, start: usize) -> usize {
    let letters = from(text, start);
    let head = run(letters, |c| Kind::of(c).in_head());
    let tail = run(from(letters, head), |c| Kind::of(c).in_tail());
    let mut end = start + head + tail;
    if tail == 0 {
        // The first alternative wants a letter of the tail: it gives back what it took of the head
        // up to the last one that is also of the tail. Only if there is none, the second takes
        // all.
        let taken = letters.get(..head).unwrap_or_default();
        if let Some((at, last)) = taken.char_indices().rfind(|&(_, c)| Kind::of(c).in_tail()) {
            end = start + at + last.len_utf8();
        } else if start > 0
            && let Some(mark) = text.chars().next().filter(|&c| Kind::of(c) == Kind::Mark)
        {
            // A mark as prefix can also be the only letter.
            end = mark.len_utf8();
        }
    }
    end + ending(from(text, end))
}

/// The length of an ending such as `'s` or `'LL`.
fn ending(text: &str) -> usize {
    let mut next = text.chars();
    if next.next() != Some('\'') {
        return 0;
    }
    match (next.next(), next.next()) {
        (Some('s' | 'S' | 't' | 'T' | 'm' | 'M' | 'd' | 'D'), _) => 2,
        // The long s is an s where case does not matter.
        (Some('ſ'), _) => 1 + 'ſ'.len_utf8(),
        (Some('r' | 'R' | 'v' | 'V'), Some('e' | 'E')) | (Some('l' | 'L'), Some('l' | 'L')) => 3,
        _ => 0,
    }
}

/// The length of the word of white space that a text starts with.
fn white_space(text: &str) -> usize {
    let all = run(text, |c| Kind::of(c).is_white());
    let white = text.get(..all).unwrap_or_default();
    if let Some(last_break) = white.rfind(['\r', '\n']) {
        return last_break + 1;
    }
    let last = white.chars().next_back().map_or(0, char::len_utf8);
    // The last one goes with the word behind it.
    if all == text.len() || all == last { all } else { all - last }
}
