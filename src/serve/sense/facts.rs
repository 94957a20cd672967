//! What a text states: names, numbers, dates, quotations, addresses, with their places.
//!
//! Guarantees: facts come in the order of the text and do not overlap within a kind; a long text is
//! read at its ends only.
//!
//! Does not know: what a fact is for.

use std::sync::LazyLock;

use fancy_regex::Regex;

use super::words;

/// Most bytes of a text that are read, half at each end.
const MAX_BYTES: usize = 8 << 10;
/// Most facts of a text.
const MAX_FACTS: usize = 200;

/// What a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FactKind {
    /// A passage in quotation marks.
    Quoted,
    /// An e-mail address.
    Email,
    /// A web address.
    Link,
    /// A telephone number.
    Phone,
    /// A day; in full it reads 2026-12-24.
    Day,
    /// A time of day; it reads 14:30:00.
    Clock,
    /// Numbers with operators between them.
    Expression,
    /// A name of something that has digits, such as `ORD-123` or `#77`.
    Code,
    /// A number, without its unit.
    Number,
    /// Capital letters, such as `USD`.
    Acronym,
    /// Words with capital letters.
    Name,
    /// What follows a preposition, in lower case.
    Phrase,
}

/// One fact.
#[derive(Clone, Debug, PartialEq)]
pub struct StatedFact {
    /// What it is.
    pub kind: FactKind,
    /// Its words, in one form for each kind.
    pub text: String,
    /// Where it begins, in bytes of the text.
    pub at: usize,
    /// Where it ends.
    pub end: usize,
    /// The word before it, in lower case.
    pub before: String,
    /// The word behind it, in lower case; `%` and signs of money are words here.
    pub after: String,
    /// Whether it may be no name: it begins a sentence.
    pub weak: bool,
}

impl StatedFact {
    /// The number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        self.text.parse::<f64>().ok().filter(|number| number.is_finite())
    }
}

fn regex(pattern: &str) -> Option<Regex> {
    Regex::new(pattern).ok()
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const MONTH: &str = r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\.?";

/// Patterns of what has a form of its own, the more telling first: what one has taken is left out by
/// those behind it.
static FORMS: LazyLock<Vec<(FactKind, Regex)>> = LazyLock::new(|| {
    let day = format!(
        r"(?i)\b(?:\d{{4}}-\d{{2}}-\d{{2}}|{MONTH}\s+\d{{1,2}}(?:st|nd|rd|th)?(?:,?\s+\d{{4}})?|\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{MONTH}(?:,?\s+\d{{4}})?|(?:next|this|last)\s+(?:monday|tuesday|wednesday|thursday|friday|saturday|sunday|week|month|weekend)|today|tonight|tomorrow|yesterday)\b"
    );
    let forms: [(FactKind, &str); 12] = [
        (
            FactKind::Quoted,
            r#""([^"\n]{1,400})"|“([^”\n]{1,400})”|«([^»\n]{1,400})»|`([^`\n]{1,400})`"#,
        ),
        (FactKind::Quoted, r"(?<![\w])'([^'\n]{1,400})'(?![\w])"),
        (FactKind::Email, r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"),
        (FactKind::Link, r"https?://[^\s<>()\x22']+[^\s<>()\x22'.,;:!?]"),
        (FactKind::Day, &day),
        (
            FactKind::Clock,
            r"(?i)\b(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?(?:\s*[ap]\.?m\b\.?)?|\b(?:1[0-2]|0?[1-9])\s*[ap]\.?m\b\.?",
        ),
        (FactKind::Phone, r"\+\d[\d\s().-]{6,18}\d|\(\d{3}\)\s*\d{3}-\d{4}|\b\d{3}-\d{3}-\d{4}\b"),
        (
            FactKind::Expression,
            r"\(*\s*-?\d[\d.,]*\s*\)*(?:\s*(?:\*\*|[-+*/^×÷]|(?<=[\d)]\s)x(?=\s*[\d(]))\s*\(*\s*-?\d[\d.,]*\s*\)*)+",
        ),
        (FactKind::Code, r"#\d[\w-]*|\b[A-Za-z]{1,8}[-_]?\d[\w-]*\b|\b\d+[-_][A-Za-z0-9][\w-]*\b"),
        (
            FactKind::Number,
            r"(?<![\w.])[-−]?\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w])|(?<![\w.])[-−]?\d+(?:\.\d+)?",
        ),
        (
            FactKind::Number,
            r"(?i)\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen)\b",
        ),
        (FactKind::Acronym, r"\b[A-Z]{2,5}\b"),
    ];
    forms.iter().filter_map(|(kind, pattern)| Some((*kind, regex(pattern)?))).collect()
});

/// Words with capital letters, with small words between them where they belong to a name.
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"\b\p{Lu}[\p{L}\p{M}’'-]*(?:(?:\s+(?:of|de|da|del|la|le|van|von|der|the)\s+|\s+|\s*&\s*)\p{Lu}[\p{L}\p{M}’'-]*)*",
    )
});

/// What follows a preposition, in lower case: up to three words.
static PHRASES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    regex(
        r"\b(?:in|for|near|from|to|of|about|on|named|called)\s+((?:\p{Ll}[\p{L}\p{M}-]*)(?:\s+\p{Ll}[\p{L}\p{M}-]*){0,2})",
    )
});

/// Words that begin sentences and are no names there.
const BEGINNERS: &str = "what which who whom whose when where why how is are was were do does did can could \
    will would shall should may might must have has had please find search look get give tell show book \
    reserve order buy send write read list compare calculate compute convert translate check create make add \
    remove delete update cancel play open close set turn call schedule remind explain describe summarize \
    extract classify rate grade grading answer question use using let and or but if then also hi hello hey dear \
    thanks thank yes no the a an this that these those it its my our your his her their there here i we you \
    he she they in on at to for from by with about as after before between during current today tomorrow \
    tonight yesterday now return respond reply provide generate plan evaluate transfer refund help need want \
    weather multiply subtract divide sum score say given consider identify name names solve fetch query run \
    input output user system assistant human context task note monday tuesday wednesday thursday friday \
    saturday sunday january february march april june july august september october november december \
    i'm i'd i've i'll what's where's who's how's it's don't can't let's";

fn is_beginner(word: &str) -> bool {
    let bare = word.to_lowercase().replace('’', "'");
    let bare = bare.trim_matches(|c: char| !c.is_alphanumeric());
    BEGINNERS.split_whitespace().any(|known| known == bare)
}

/// A text that is read: the ends of a long one.
#[must_use]
pub fn read_part(text: &str) -> String {
    if text.len() <= MAX_BYTES {
        return text.to_owned();
    }
    let head = text.get(..text.floor_char_boundary(MAX_BYTES / 2)).unwrap_or_default();
    let tail = text.get(text.ceil_char_boundary(text.len() - MAX_BYTES / 2)..).unwrap_or_default();
    format!("{head}\n{tail}")
}

/// The facts of a text.
#[must_use]
pub fn facts(text: &str) -> Vec<StatedFact> {
    let text = &read_part(text);
    let mut found: Vec<StatedFact> = Vec::new();
    let mut taken = vec![false; text.len()];
    let is_free = |taken: &[bool], at: usize, end: usize| {
        taken.get(at..end).is_some_and(|part| part.iter().all(|taken| !taken))
    };
    for (kind, form) in FORMS.iter() {
        for hit in form.captures_iter(text).filter_map(Result::ok) {
            let Some(whole) = hit.get(0) else { continue };
            let inside = (1..hit.len()).find_map(|nth| hit.get(nth)).unwrap_or(whole);
            if !is_free(&taken, whole.start(), whole.end()) || found.len() >= MAX_FACTS {
                continue;
            }
            let Some(written) = normal(*kind, inside.as_str()) else { continue };
            // A name in quotation marks stays one, so quotations take no place away.
            if *kind != FactKind::Quoted {
                let part = taken.get_mut(whole.start()..whole.end());
                part.into_iter().flatten().for_each(|taken| *taken = true);
            }
            found.push(fact(text, *kind, written, (inside.start(), inside.end()), false));
        }
    }
    for hit in NAMES.iter().flat_map(|names| names.find_iter(text)).filter_map(Result::ok) {
        if found.len() < MAX_FACTS {
            found.extend(name(text, hit.as_str(), hit.start(), &taken));
        }
    }
    for hit in PHRASES.iter().flat_map(|names| names.captures_iter(text)).filter_map(Result::ok) {
        let Some(phrase) = hit.get(1) else { continue };
        let words = phrase.as_str().split_whitespace();
        let kept: Vec<&str> = words.skip_while(|word| words::is_empty(word)).collect();
        let kept: Vec<&str> = kept.into_iter().take_while(|word| !words::is_empty(word)).collect();
        if kept.is_empty() || found.len() >= MAX_FACTS {
            continue;
        }
        let at = phrase.start();
        found.push(fact(text, FactKind::Phrase, kept.join(" "), (at, phrase.end()), true));
    }
    found.sort_by_key(|fact| (fact.at, fact.kind));
    found
}

/// The names in words with capital letters: a sentence's first word and a list are taken apart.
fn name(text: &str, written: &str, at: usize, taken: &[bool]) -> Vec<StatedFact> {
    let before = text.get(..at).unwrap_or_default().trim_end();
    let begins = before.is_empty() || before.ends_with(['.', '?', '!', ':', '\n', '-', '*']);
    let mut rest = written;
    let mut from = at;
    let mut weak = begins;
    // "Compare Paris" is a verb and a name.
    while let Some(first) = rest.split_whitespace().next() {
        if !is_beginner(first) {
            break;
        }
        let behind = rest.get(first.len()..).unwrap_or_default();
        let skipped = behind.len() - behind.trim_start().len();
        from += first.len() + skipped;
        rest = behind.trim_start();
        weak = false;
    }
    let whole = rest.trim_end_matches(['\'', '’', '-']);
    let bare = whole.strip_suffix("'s").or_else(|| whole.strip_suffix("’s")).unwrap_or(whole);
    let free =
        taken.get(from..from + bare.len()).is_some_and(|part| part.iter().all(|taken| !taken));
    if bare.chars().count() < 2 || !free {
        return Vec::new();
    }
    let own = fact(text, FactKind::Name, bare.to_owned(), (from, from + bare.len()), weak);
    // Several capital letters, or a verb behind it, make a name of a sentence's first word.
    const VERBS: [&str; 8] = ["is", "was", "has", "lives", "works", "wants", "said", "and"];
    let sure = bare.contains(' ') || VERBS.contains(&own.after.as_str());
    vec![StatedFact { weak: weak && !sure, ..own }]
}

fn fact(
    text: &str,
    kind: FactKind,
    written: String,
    (at, end): (usize, usize),
    weak: bool,
) -> StatedFact {
    let word = |word: Option<&str>| -> String {
        let bare = word
            .unwrap_or_default()
            .trim_matches(|c: char| !c.is_alphanumeric() && !"%$€£°".contains(c));
        bare.to_lowercase()
    };
    let before = text.get(..at).unwrap_or_default();
    let behind = text.get(end..).unwrap_or_default();
    let (before, after) =
        (word(before.split_whitespace().next_back()), word(behind.split_whitespace().next()));
    StatedFact { kind, text: written, at, end, before, after, weak }
}

/// A fact's words in the one form of its kind.
fn normal(kind: FactKind, written: &str) -> Option<String> {
    let written = written.trim();
    Some(match kind {
        FactKind::Number => number(written)?,
        FactKind::Day => day(written),
        FactKind::Clock => clock(written)?,
        FactKind::Code => written.trim_start_matches('#').to_owned(),
        FactKind::Acronym if is_beginner(written) || written == "I" => return None,
        _ => written.to_owned(),
    })
}

fn number(written: &str) -> Option<String> {
    const WORDS: [&str; 11] = [
        "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ];
    let lower = written.to_lowercase();
    if lower == "dozen" {
        return Some("12".to_owned());
    }
    if let Some(at) = WORDS.iter().position(|word| *word == lower) {
        return Some((at + 2).to_string());
    }
    let plain = written.replace(',', "").replace('−', "-");
    plain.parse::<f64>().ok().filter(|number| number.is_finite()).map(|_| plain)
}

/// 2026-12-24 where the text has year, month and day; else as written.
fn day(written: &str) -> String {
    let lower = written.to_lowercase();
    let parts: Vec<&str> = lower.split([' ', ',', '.']).filter(|part| !part.is_empty()).collect();
    let month = parts.iter().find_map(|part| {
        let is = |month: &&str| part.len() >= 3 && month.starts_with(part.get(..3).unwrap_or("?"));
        Some(MONTHS.iter().position(is)? + 1)
    });
    let digits =
        |part: &&str| part.trim_end_matches(|c: char| c.is_alphabetic()).parse::<u32>().ok();
    let numbers: Vec<u32> = parts.iter().filter_map(digits).collect();
    let day = numbers.iter().find(|number| (1..=31).contains(*number));
    let year = numbers.iter().find(|number| (1000..=9999).contains(*number));
    match (year, month, day) {
        (Some(year), Some(month), Some(day)) => format!("{year:04}-{month:02}-{day:02}"),
        _ => written.to_owned(),
    }
}

/// 14:30:00.
fn clock(written: &str) -> Option<String> {
    let lower = written.to_lowercase().replace('.', "");
    let (time, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(time), _) => (time.trim(), Some(0)),
        (_, Some(time)) => (time.trim(), Some(12)),
        _ => (lower.trim(), None),
    };
    let mut parts = time.split(':').map(|part| part.trim().parse::<u32>().ok());
    let hour = parts.next()??;
    let hour = half.map_or(hour, |half| hour % 12 + half);
    let mut next = || parts.next().flatten().unwrap_or_default();
    let (minute, second) = (next(), next());
    Some(format!("{hour:02}:{minute:02}:{second:02}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: FactKind, text: &str) -> Vec<String> {
        facts(text).into_iter().filter(|fact| fact.kind == kind).map(|fact| fact.text).collect()
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(
            of(FactKind::Name, "Compare the weather in Paris, New York and Rio de Janeiro."),
            ["Paris", "New York", "Rio de Janeiro"]
        );
        assert_eq!(of(FactKind::Name, "Is Paris's mayor Anne Hidalgo?"), ["Paris", "Anne Hidalgo"]);
        assert_eq!(of(FactKind::Name, "Hello, I'm fine. Book a table."), Vec::<String>::new());
        assert_eq!(
            of(FactKind::Number, "Add 1,234.5 and -3, then two more, 15%"),
            ["1234.5", "-3", "2", "15"]
        );
        assert_eq!(of(FactKind::Expression, "What is (3 + 4) * 12?"), ["(3 + 4) * 12"]);
        assert_eq!(of(FactKind::Email, "Mail bob@example.com."), ["bob@example.com"]);
        assert_eq!(
            of(FactKind::Link, "See https://example.com/a?b=1."),
            ["https://example.com/a?b=1"]
        );
        assert_eq!(
            of(FactKind::Day, "From December 24, 2026 to 3 Jan 2027, or 2027-02-01, or tomorrow"),
            ["2026-12-24", "2027-01-03", "2027-02-01", "tomorrow"]
        );
        assert_eq!(
            of(FactKind::Clock, "at 3pm, 14:30 or 9:15 a.m."),
            ["15:00:00", "14:30:00", "09:15:00"]
        );
        assert_eq!(
            of(FactKind::Code, "Where is order ORD-123, #77 or A1B2?"),
            ["ORD-123", "77", "A1B2"]
        );
        assert_eq!(of(FactKind::Acronym, "Convert 100 USD to EUR"), ["USD", "EUR"]);
        assert_eq!(
            of(FactKind::Quoted, "Say \"hello there\" to 'Bob', it's fine"),
            ["hello there", "Bob"]
        );
        assert_eq!(of(FactKind::Phone, "Call +1 555 123-4567 now"), ["+1 555 123-4567"]);
        assert_eq!(of(FactKind::Phrase, "what is the weather in paris?"), ["paris"]);
    }

    #[test]
    fn any_text_is_read_in_bounded_time() {
        for text in
            ["(".repeat(50_000), "1 + ".repeat(20_000), "A ".repeat(50_000), "é'\"".repeat(20_000)]
        {
            assert!(facts(&text).len() <= MAX_FACTS);
        }
    }
}
