//! Texts of a schema: the words, or what a pattern or a format asks for.

use serde_json::Value;

use super::formats;
use super::make::{Maker, Set};
use super::rules::count_of;

/// Longest text that is made for a schema's sake, in characters.
const MAX_CHARACTERS: u64 = 100_000;
/// How many texts of a format are tried where a pattern or a length must hold as well.
const MAX_OF_FORMAT: usize = 48;

impl<'a> Maker<'a> {
    pub(super) fn a_text(&self, set: &Set<'a>, nth: usize) -> Option<Value> {
        let least =
            set.iter().filter_map(|map| count_of(map.get("minLength")?)).max().unwrap_or_default();
        let most =
            set.iter().filter_map(|map| count_of(map.get("maxLength")?)).min().unwrap_or(u64::MAX);
        if least > MAX_CHARACTERS {
            self.give_up();
            return None;
        }
        let (least, most) = (least as usize, usize::try_from(most).unwrap_or(usize::MAX));
        let word =
            |word: &str| set.iter().filter_map(|map| map.get(word)?.as_str()).collect::<Vec<_>>();
        let (patterns, formats) = (word("pattern"), word("format"));
        let fits = |text: &String| {
            (least..=most).contains(&text.chars().count())
                && patterns.iter().all(|pattern| self.rules.patterns.matches(pattern, text))
                && formats.iter().all(|format| formats::fits(format, text))
        };
        for format in &formats {
            let texts = (0..MAX_OF_FORMAT)
                .filter_map(|more| formats::write(format, self.words, nth + more, least, most));
            if let Some(text) = texts.into_iter().find(fits) {
                return Some(text.into());
            }
        }
        if !patterns.is_empty() {
            let of = |more: usize| {
                let pattern = patterns.get(more % patterns.len())?;
                self.rules.patterns.write(pattern, least, most, nth + more / patterns.len())
            };
            return (0..MAX_OF_FORMAT).filter_map(of).find(fits).map(Value::from);
        }
        // Every other try has a length that the schema speaks of.
        let lengths: Vec<usize> =
            self.counts().map(|n| n as usize).filter(|n| (least..=most).contains(n)).collect();
        if nth % 2 == 1
            && let Some(length) = lengths.get(nth / 2)
        {
            return Some(fitted(self.words, nth, *length, *length).into());
        }
        Some(fitted(self.words, nth, least, most).into())
    }
}

/// The words, numbered from the second on, within these bounds in characters.
pub(super) fn fitted(words: &str, nth: usize, least: usize, most: usize) -> String {
    let mut text = if nth == 0 { words.to_owned() } else { format!("{words} {}", nth + 1) };
    if nth > 0 && text.chars().count() > most {
        // Cut words would be the same again: the number comes first.
        text = format!("{} {words}", letters(nth));
    }
    if text.trim().is_empty() && least > 0 {
        text = "text".to_owned();
    }
    let once = text.clone();
    while text.chars().count() < least {
        text.push(' ');
        text.push_str(&once);
    }
    let longest = if text.len() > once.len() { least.max(1) } else { most };
    text.chars().take(longest.min(most)).collect()
}

/// A number in letters: a, b, …, z, ba, …
pub(super) fn letters(mut number: usize) -> String {
    let mut text = Vec::new();
    loop {
        text.push(b'a' + (number % 26) as u8);
        number /= 26;
        if number == 0 {
            break;
        }
    }
    text.reverse();
    text.into_iter().map(char::from).collect()
}
