//! Patterns of a schema (regular expressions as ECMA-262 has them): whether a text matches, and
//! texts that do.
//!
//! A pattern matches anywhere in a text unless it is anchored. Texts are written from the structure
//! of the pattern, with the length that is asked for shared among its repetitions, and checked by a
//! matcher that knows lookaround and back-references.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;

use fancy_regex::{Regex, RegexBuilder};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::texts::letters;

/// How many texts are written for one question.
const MAX_TEXTS: usize = 96;
/// Backtracking steps before a pattern counts as not matched.
const MAX_BACKTRACKING: usize = 200_000;
/// Longest text of a pattern, in characters.
const MAX_LENGTH: usize = 20_000;

/// Most work for the patterns of one schema, about in characters that are written and matched: a
/// second or so.
const MAX_WORK: usize = 20_000_000;
/// What a text costs besides its characters, and a match that was given up.
const TEXT_WORK: usize = 50;
const LOST_WORK: usize = 100_000;

/// A pattern, ready to match and to write.
struct Pattern {
    regex: Regex,
    shape: Option<Hir>,
    anchored: (bool, bool),
}

/// The patterns of a schema, each compiled once; one that cannot be compiled asks for nothing.
/// After [`MAX_WORK`] nothing matches and nothing is written any more, so that no schema keeps the
/// server busy.
#[derive(Default)]
pub(super) struct Patterns {
    compiled: RefCell<BTreeMap<String, Option<Rc<Pattern>>>>,
    work: Cell<usize>,
}

impl fmt::Debug for Patterns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.compiled.borrow().keys()).finish()
    }
}

impl Patterns {
    fn get(&self, pattern: &str) -> Option<Rc<Pattern>> {
        if let Some(known) = self.compiled.borrow().get(pattern) {
            return known.clone();
        }
        let compiled = compile(pattern).map(Rc::new);
        self.compiled.borrow_mut().insert(pattern.to_owned(), compiled.clone());
        compiled
    }

    /// Whether a text matches.
    pub(super) fn matches(&self, pattern: &str, text: &str) -> bool {
        self.get(pattern).is_none_or(|pattern| self.is_match(&pattern, text))
    }

    fn is_match(&self, pattern: &Pattern, text: &str) -> bool {
        if self.work.get() > MAX_WORK {
            return false;
        }
        let found = pattern.regex.is_match(text);
        self.work.set(
            self.work.get() + TEXT_WORK + text.len() + if found.is_err() { LOST_WORK } else { 0 },
        );
        found.unwrap_or(false)
    }

    /// The `nth` text that matches, with this number of characters at least and at most.
    pub(super) fn write(
        &self,
        pattern: &str,
        least: usize,
        most: usize,
        nth: usize,
    ) -> Option<String> {
        let pattern = self.get(pattern)?;
        let shape = pattern.shape.as_ref()?;
        let (shortest, longest) = length(shape);
        let bound = MAX_LENGTH.max(least).min(most);
        if shortest > bound {
            return None;
        }
        let (start, end) = pattern.anchored;
        let mut texts: Vec<String> = Vec::new();
        for variety in 0..MAX_TEXTS {
            if self.work.get() > MAX_WORK {
                break;
            }
            // First the usual length, then longer and longer ones.
            let usual = if longest > shortest { shortest.max(4).min(longest) } else { shortest };
            let wanted = (usual.max(least) + variety / 8).clamp(least.min(bound), bound);
            let mut text = String::new();
            Writer { variety: nth + variety, steps: 0 }.write(shape, wanted, &mut text);
            self.work.set(self.work.get() + TEXT_WORK + text.len());
            // Texts differ on a side that is not anchored, where the pattern itself leaves no
            // choice.
            if variety % 2 == 1 && !(start && end) {
                let mark = letters(variety / 2);
                text = if end { mark + &text } else { text + &mark };
            }
            let count = text.chars().count();
            // What is missing may stand beside the match, on a side that is not anchored.
            if count < least && !(start && end) {
                let more = "a".repeat(least - count);
                text = if end { more + &text } else { text + &more };
            }
            let count = text.chars().count();
            if (least..=most).contains(&count)
                && self.is_match(&pattern, &text)
                && !texts.contains(&text)
            {
                texts.push(text);
                if texts.len() > nth.min(8) {
                    break;
                }
            }
        }
        let at = nth.min(texts.len().saturating_sub(1));
        if texts.is_empty() { None } else { texts.into_iter().nth(at) }
    }
}

fn compile(pattern: &str) -> Option<Pattern> {
    let translated = translated(pattern);
    let regex = RegexBuilder::new(&translated).backtrack_limit(MAX_BACKTRACKING).build().ok()?;
    let plain = without_lookaround(&translated);
    let shape =
        regex_syntax::ParserBuilder::new().utf8(true).nest_limit(200).build().parse(&plain).ok();
    let body = plain.trim_start_matches("(?:");
    Some(Pattern { regex, shape, anchored: (body.starts_with('^'), body.ends_with('$')) })
}

/// The pattern with what ECMA-262 means by it: classes of ASCII digits and letters, brackets and
/// braces that stand for themselves.
fn translated(pattern: &str) -> String {
    let characters: Vec<char> = pattern.chars().collect();
    let mut text = String::with_capacity(pattern.len() + 8);
    let (mut at, mut in_class) = (0, false);
    while let Some(&c) = characters.get(at) {
        at += 1;
        match c {
            '\\' => {
                let next = characters.get(at).copied();
                at += 1;
                match (next, in_class) {
                    (Some('d'), false) => text.push_str("[0-9]"),
                    (Some('d'), true) => text.push_str("0-9"),
                    (Some('D'), false) => text.push_str("[^0-9]"),
                    (Some('w'), false) => text.push_str("[A-Za-z0-9_]"),
                    (Some('w'), true) => text.push_str("A-Za-z0-9_"),
                    (Some('W'), false) => text.push_str("[^A-Za-z0-9_]"),
                    (Some('/'), _) => text.push('/'),
                    (Some('Z'), false) => text.push('$'),
                    (Some('A'), false) => text.push('^'),
                    (Some(next), _) => text.extend(['\\', next]),
                    (None, _) => text.push('\\'),
                }
            }
            '[' if in_class => text.push_str("\\["),
            '[' => {
                in_class = true;
                text.push('[');
                if characters.get(at) == Some(&'^') {
                    text.push('^');
                    at += 1;
                }
            }
            ']' if in_class => {
                in_class = false;
                text.push(']');
            }
            '&' | '~' if in_class => text.extend(['\\', c]),
            '{' if !in_class
                && !characters.get(at..).is_some_and(is_count)
                && !text.ends_with("\\p")
                && !text.ends_with("\\P")
                && !text.ends_with("\\u") =>
            {
                text.push_str("\\{");
            }
            _ => text.push(c),
        }
    }
    text
}

/// Whether a brace opens a count, such as `3}`, `3,}` or `3,5}`.
fn is_count(after: &[char]) -> bool {
    let Some(end) = after.iter().position(|c| *c == '}') else { return false };
    after.first().is_some_and(char::is_ascii_digit)
        && after.iter().take(end).all(|c| c.is_ascii_digit() || *c == ',')
}

/// The pattern without the groups that look ahead or behind: the matcher checks what they say.
fn without_lookaround(pattern: &str) -> String {
    let mut text = String::new();
    let mut rest = pattern;
    while let Some(at) =
        ["(?=", "(?!", "(?<=", "(?<!"].iter().filter_map(|open| rest.find(open)).min()
    {
        text.push_str(&rest[..at]);
        let (mut depth, mut escaped, mut end) = (0_usize, false, rest.len());
        for (place, c) in rest[at..].char_indices() {
            match c {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                '(' => depth += 1,
                ')' => {
                    depth -= 1;
                    if depth == 0 {
                        end = at + place + 1;
                        break;
                    }
                }
                _ => {}
            }
        }
        rest = &rest[end..];
    }
    text + rest
}

/// Characters of the shortest and the longest text.
fn length(shape: &Hir) -> (usize, usize) {
    match shape.kind() {
        HirKind::Empty | HirKind::Look(_) => (0, 0),
        HirKind::Literal(literal) => {
            let count = String::from_utf8_lossy(&literal.0).chars().count();
            (count, count)
        }
        HirKind::Class(_) => (1, 1),
        HirKind::Repetition(again) => {
            let (shortest, longest) = length(&again.sub);
            let most = again.max.map_or(usize::MAX, |most| most as usize);
            let longest = if longest == 0 { 0 } else { longest.saturating_mul(most) };
            (shortest.saturating_mul(again.min as usize), longest)
        }
        HirKind::Capture(group) => length(&group.sub),
        HirKind::Concat(parts) => parts
            .iter()
            .map(length)
            .fold((0, 0), |(a, b), (c, d)| (a.saturating_add(c), b.saturating_add(d))),
        HirKind::Alternation(parts) => {
            let each = || parts.iter().map(length);
            (each().map(|(a, _)| a).min().unwrap_or(0), each().map(|(_, b)| b).max().unwrap_or(0))
        }
    }
}

/// Writes one text of a pattern.
struct Writer {
    variety: usize,
    steps: usize,
}

impl Writer {
    /// A number below `n` that differs from place to place and from text to text; 0 everywhere in
    /// the first text.
    fn choose(&mut self, n: usize) -> usize {
        self.steps += 1;
        if self.variety == 0 || n < 2 {
            return 0;
        }
        if self.variety < n {
            return self.variety;
        }
        let seed = (self.variety as u64) << 32 | self.steps as u64;
        (xxhash_rust::xxh3::xxh3_64(&seed.to_le_bytes()) % n as u64) as usize
    }

    /// Appends a text of `shape` with about `wanted` characters. Returns how many it has.
    fn write(&mut self, shape: &Hir, wanted: usize, text: &mut String) -> usize {
        if self.steps > MAX_LENGTH * 4 {
            return 0;
        }
        match shape.kind() {
            HirKind::Empty | HirKind::Look(_) => 0,
            HirKind::Literal(literal) => {
                let literal = String::from_utf8_lossy(&literal.0);
                text.push_str(&literal);
                literal.chars().count()
            }
            HirKind::Class(class) => {
                let character = self.character(class);
                text.extend(character);
                usize::from(character.is_some())
            }
            HirKind::Capture(group) => self.write(&group.sub, wanted, text),
            HirKind::Alternation(parts) => {
                let fits = |part: &&Hir| {
                    let (shortest, longest) = length(part);
                    (shortest..=longest).contains(&wanted)
                };
                let fitting: Vec<&Hir> = parts.iter().filter(fits).collect();
                let among: Vec<&Hir> = if fitting.is_empty() || self.variety % 4 == 3 {
                    parts.iter().collect()
                } else {
                    fitting
                };
                let chosen = self.choose(among.len());
                among.get(chosen).map_or(0, |part| self.write(part, wanted, text))
            }
            HirKind::Concat(parts) => {
                let lengths: Vec<(usize, usize)> = parts.iter().map(length).collect();
                let mut spare = wanted.saturating_sub(
                    lengths
                        .iter()
                        .fold(0, |sum: usize, (shortest, _)| sum.saturating_add(*shortest)),
                );
                let mut all = 0;
                for (part, (shortest, longest)) in parts.iter().zip(lengths) {
                    let written =
                        self.write(part, shortest.saturating_add(spare).min(longest), text);
                    spare = spare.saturating_sub(written.saturating_sub(shortest));
                    all += written;
                }
                all
            }
            HirKind::Repetition(again) => {
                let (shortest, longest) = length(&again.sub);
                let (least, most) =
                    (again.min as usize, again.max.map_or(usize::MAX, |most| most as usize));
                // As few as reach the length, none of them longer than it can be.
                let needed =
                    if longest == 0 { 0 } else { wanted.div_ceil(longest.min(wanted.max(1))) };
                let possible = wanted.checked_div(shortest).unwrap_or(needed);
                let times = needed.clamp(least, most).max(least).min(possible.max(least));
                let mut left = wanted;
                let mut all = 0;
                for time in 0..times {
                    if self.steps > MAX_LENGTH * 4 {
                        break;
                    }
                    let others = (times - time - 1).saturating_mul(shortest);
                    let written =
                        self.write(&again.sub, left.saturating_sub(others).min(longest), text);
                    left = left.saturating_sub(written);
                    all += written;
                }
                all
            }
        }
    }

    /// A character of a class: a plain one if there is any.
    fn character(&mut self, class: &Class) -> Option<char> {
        const PLAIN: [(char, char); 5] =
            [('a', 'z'), ('A', 'Z'), ('0', '9'), (' ', '/'), (':', '~')];
        let ranges: Vec<(char, char)> = match class {
            Class::Unicode(class) => {
                class.iter().map(|range| (range.start(), range.end())).collect()
            }
            Class::Bytes(class) => class
                .iter()
                .map(|range| (char::from(range.start()), char::from(range.end())))
                .collect(),
        };
        // Texts of later tries mix the kinds of character.
        let turn = self.choose(PLAIN.len() - 1);
        let plain =
            PLAIN.iter().cycle().skip(if self.variety < 8 { 0 } else { turn }).take(PLAIN.len());
        for (low, high) in plain {
            let cut: Vec<(char, char)> = ranges
                .iter()
                .map(|(from, to)| (*from.max(low), *to.min(high)))
                .filter(|(from, to)| from <= to)
                .collect();
            let total: usize = cut.iter().map(|(from, to)| *to as usize - *from as usize + 1).sum();
            if total > 0 {
                let mut at = self.choose(total);
                for (from, to) in cut {
                    let count = to as usize - from as usize + 1;
                    if at < count {
                        return char::from_u32(from as u32 + at as u32);
                    }
                    at -= count;
                }
            }
        }
        ranges.first().map(|(from, _)| *from)
    }
}
