//! Finding personal data in a text, and taking it out.
//!
//! A mock model that is asked over HTTP knows only the text. It has to see in it what the simulator
//! knows from the recipe, so these rules are exact on every text that [`super::personal`] can write
//! (tested), and sensible on others.
//!
//! Guarantees: spans do not overlap and come in the order of the text; [`redact`] changes nothing
//! else.
//!
//! Does not know: any particular name or company; and it is no privacy tool: it knows the ways of a
//! mock world.

use std::ops::Range;

use smallvec::SmallVec;

use super::personal::{PiiKind, PiiSet, REDACTED, cue};

/// One item that was found: what it is, and which bytes of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundPii {
    /// What it is.
    pub item: PiiKind,
    /// Where it is, in bytes.
    pub span: Range<usize>,
}

/// All that was found in a text.
pub type Finds = SmallVec<[FoundPii; 6]>;

/// Last words of a job title.
const ROLES: [&str; 18] = [
    "Administrator",
    "Analyst",
    "Architect",
    "Consultant",
    "Coordinator",
    "Designer",
    "Developer",
    "Director",
    "Engineer",
    "Lead",
    "Manager",
    "Officer",
    "President",
    "Professor",
    "Researcher",
    "Scientist",
    "Specialist",
    "Teacher",
];

/// Last words of a company's name.
const FIRMS: [&str; 30] = [
    "Airlines",
    "Analytics",
    "Bank",
    "Capital",
    "Corp",
    "Corporation",
    "Energy",
    "Foods",
    "Games",
    "GmbH",
    "Group",
    "Health",
    "Inc",
    "Industries",
    "Insurance",
    "LLC",
    "Labs",
    "Logistics",
    "Ltd",
    "Manufacturing",
    "Media",
    "Mobility",
    "Pharma",
    "Retail",
    "Robotics",
    "Shipping",
    "Software",
    "Systems",
    "Technologies",
    "Telecom",
];

/// Last words of a street's name.
const STREETS: [&str; 14] = [
    "Ave",
    "Avenue",
    "Boulevard",
    "Close",
    "Court",
    "Drive",
    "Lane",
    "Rd",
    "Road",
    "Square",
    "St",
    "Street",
    "Terrace",
    "Way",
];

/// What personal data a text holds.
#[must_use]
pub fn detect_personal_data(text: &str) -> PiiSet {
    find(text).iter().fold(PiiSet::NONE, |items, found| items.with(found.item))
}

/// Where a text holds personal data.
#[must_use]
pub fn find(text: &str) -> Finds {
    let mut finds = Finds::new();
    emails(text, &mut finds);
    phones(text, &mut finds);
    for (at, _) in text.match_indices(|c: char| c.is_ascii_digit()) {
        if fresh(text, at) {
            let digits = text[at..].bytes().take_while(u8::is_ascii_digit).count();
            let words = capitalized(text, at + digits + 1, 3);
            if digits <= 5
                && text[at + digits..].starts_with(' ')
                && let Some(end) = words
                    .iter()
                    .rev()
                    .find(|word| STREETS.contains(&&text[(*word).clone()]))
                    .map(|word| word.end)
            {
                add(&mut finds, PiiKind::Address, at..end);
            }
        }
    }
    // A title stands anywhere; it needs a word before the role, so that "Lead" alone is none.
    let mut at = 0;
    while let Some(step) = text[at..].find(|c: char| c.is_ascii_uppercase()) {
        let start = at + step;
        let words = if fresh(text, start) { capitalized(text, start, 4) } else { SmallVec::new() };
        if let Some((place, role)) =
            words.iter().enumerate().rfind(|(_, word)| ROLES.contains(&&text[(*word).clone()]))
            && place > 0
        {
            add(&mut finds, PiiKind::Title, start..role.end);
        }
        at = words.last().map_or(start + 1, |word| word.end);
    }
    for cue in ["I'm ", "I am ", "my name is ", "My name is ", "This is "] {
        for (place, _) in text.match_indices(cue) {
            let words = capitalized(text, place + cue.len(), 3);
            if let (Some(first), Some(last)) = (words.first(), words.last())
                && fresh(text, place)
            {
                add(&mut finds, PiiKind::Name, first.start..last.end);
            }
        }
    }
    for cue in ["at ", "from ", "for "] {
        for (place, _) in text.match_indices(cue).filter(|&(place, _)| fresh(text, place)) {
            let words = capitalized(text, place + cue.len(), 4);
            let titled = finds
                .iter()
                .any(|found| found.item == PiiKind::Title && found.span.end + 1 == place);
            let firm = words.iter().rev().find(|word| FIRMS.contains(&&text[(*word).clone()]));
            if let (Some(first), Some(last)) =
                (words.first(), firm.or(if titled { words.last() } else { None }))
            {
                add(&mut finds, PiiKind::Company, first.start..last.end);
            }
        }
    }
    finds.sort_by_key(|found| found.span.start);
    finds
}

/// The text with every one of `items` that is found in it replaced by `[REDACTED]`.
#[must_use]
pub fn redact(text: &str, items: PiiSet) -> String {
    without(text, &find(text), items)
}

/// The text with every one of `items` among these finds replaced by `[REDACTED]`.
pub(super) fn without(text: &str, finds: &[FoundPii], items: PiiSet) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut from = 0;
    for found in finds {
        if items.has(found.item) {
            out.push_str(&text[from..found.span.start]);
            out.push_str(REDACTED);
            from = found.span.end;
        }
    }
    out.push_str(&text[from..]);
    out
}

/// How often something was redacted in a text.
#[must_use]
pub fn count_redactions(text: &str) -> u32 {
    u32::try_from(text.matches(REDACTED).count()).unwrap_or(u32::MAX)
}

/// What was redacted, judged by the words before each `[REDACTED]`.
#[must_use]
pub fn redacted_items(text: &str) -> PiiSet {
    text.match_indices(REDACTED).fold(PiiSet::NONE, |items, (at, _)| {
        let before = &text[..at];
        let item = if before.ends_with(cue::NAME) {
            PiiKind::Name
        } else if before.ends_with(cue::EMAIL) {
            PiiKind::Email
        } else if before.ends_with(cue::PHONE) {
            PiiKind::Phone
        } else if before.ends_with(cue::ADDRESS) {
            PiiKind::Address
        } else if before.ends_with(cue::AT) || before.ends_with(cue::FROM) {
            PiiKind::Company
        } else {
            PiiKind::Title
        };
        items.with(item)
    })
}

/// Adds a find unless something there was found before: earlier rules are surer.
fn add(finds: &mut Finds, item: PiiKind, span: Range<usize>) {
    if finds.iter().all(|found| found.span.end <= span.start || span.end <= found.span.start) {
        finds.push(FoundPii { item, span });
    }
}

/// Whether a word starts here.
fn fresh(text: &str, at: usize) -> bool {
    text[..at]
        .chars()
        .next_back()
        .is_none_or(|before| !before.is_alphanumeric() && !matches!(before, '-' | '.' | '_' | '@'))
}

/// Up to `most` capitalized words from `at` on, with one space between.
fn capitalized(text: &str, mut at: usize, most: usize) -> SmallVec<[Range<usize>; 4]> {
    let mut words = SmallVec::new();
    while words.len() < most
        && text.get(at..).is_some_and(|rest| rest.starts_with(char::is_uppercase))
    {
        let length: usize = text[at..]
            .chars()
            .take_while(|&c| c.is_alphabetic() || c == '-')
            .map(char::len_utf8)
            .sum();
        words.push(at..at + length);
        at += length;
        if !text[at..].starts_with(' ') {
            break;
        }
        at += 1;
    }
    words
}

fn emails(text: &str, finds: &mut Finds) {
    for (at, _) in text.match_indices('@') {
        let local = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '%' | '+' | '-');
        let host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let start = text[..at].trim_end_matches(local).len();
        let rest = &text[at + 1..];
        let domain = rest
            .split_once(|c| !host(c))
            .map_or(rest, |(domain, _)| domain)
            .trim_end_matches(['.', '-']);
        if start < at && domain.contains('.') && !domain.starts_with('.') {
            add(finds, PiiKind::Email, start..at + 1 + domain.len());
        }
    }
}

/// Phone numbers: seven to fifteen digits in two or more groups, such as `202-555-0142`, `(202)
/// 555-0142`, `+44 20 7946 0018`.
fn phones(text: &str, finds: &mut Finds) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&first) = bytes.get(at) {
        if !(first.is_ascii_digit() || matches!(first, b'+' | b'('))
            || (first != b'(' && !fresh(text, at))
        {
            at += 1;
            continue;
        }
        let (mut digits, mut groups, mut end, mut i) = (0, 0, at, at);
        let (mut dated, mut spaced) = (false, first.is_ascii_digit());
        while i < bytes.len() {
            let run = bytes.iter().skip(i).take_while(|b| b.is_ascii_digit()).count();
            if run > 0 {
                dated |= groups == 0 && run == 4;
                digits += run;
                groups += 1;
                i += run;
                end = i;
            }
            let gap = bytes
                .iter()
                .skip(i)
                .take_while(|b| matches!(b, b'-' | b'.' | b' ' | b'(' | b')' | b'+'))
                .count();
            if gap == 0 || gap > 2 || !bytes.get(i + gap).is_some_and(u8::is_ascii_digit) {
                break;
            }
            spaced &= bytes.iter().skip(i).take(gap).all(|&b| b == b' ');
            i += gap;
        }
        // Eight digits that start with four are a date such as 2025-10-09; with spaces alone it is
        // a large number.
        if (7..=15).contains(&digits)
            && groups >= 2
            && !(dated && digits == 8)
            && !spaced
            && bytes.get(end).is_none_or(|b| !b.is_ascii_alphabetic())
        {
            add(finds, PiiKind::Phone, at..end);
        }
        at = end.max(at + 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(PiiKind, &str)> {
        find(text).into_iter().map(|found| (found.item, &text[found.span])).collect()
    }

    #[test]
    fn people_are_found_in_words_of_their_own() {
        let text = "My name is Bob Stone, I work as Senior Engineer at Acme. Call (202) 555-0142 or write to bob+rl@stone.example.";
        assert_eq!(
            found(text),
            [
                (PiiKind::Name, "Bob Stone"),
                (PiiKind::Title, "Senior Engineer"),
                (PiiKind::Company, "Acme"),
                (PiiKind::Phone, "(202) 555-0142"),
                (PiiKind::Email, "bob+rl@stone.example"),
            ]
        );
        let tutorial = "Hi, I'm John Smith (john.smith@email.com) and I need help with Q-learning";
        assert_eq!(
            redact(tutorial, PiiSet::ALL),
            "Hi, I'm [REDACTED] ([REDACTED]) and I need help with Q-learning"
        );
        assert_eq!(
            found("My office is 221 Baker Street, London"),
            [(PiiKind::Address, "221 Baker Street")]
        );
    }

    #[test]
    fn the_subject_is_not_taken_for_a_person() {
        for text in [
            "I'm curious how TD(0) differs from Monte Carlo at 10 000 episodes; see 2013-12-19 and section 3.2.1.",
            "Does DQN learn from Atari frames at 60 Hz? It took 50 000 000 steps (about 38 days), not 1e9.",
            "Lead me through the Bellman equation @ home, from First Principles.",
        ] {
            assert_eq!(detect_personal_data(text), PiiSet::NONE, "{text}: {:?}", found(text));
        }
    }
}
