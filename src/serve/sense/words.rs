//! Words of a text, as they are compared with each other: names of tools with questions.
//!
//! Guarantees: pure functions; no word of a bounded text takes long.
//!
//! Does not know: what is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Words that say nothing about what a text is about.
const EMPTY: &str = "a an the this that these those it its is are was were be been being am do does did done \
    have has had will would can could shall should may might must i me my we us our you your he him his she \
    her they them their what which who whom whose when where why how of in on at to for from by with about \
    into over under between and or but not no nor so if then than as also too very just please tell give \
    show let need want like know get gets getting got make there here any some all each every both one ones \
    use uses used using call tool tools function given provided now hi hello hey thanks thank out up off s t \
    re ve ll d m current currently return returns returned value values information user users string number \
    following based specific certain available";

/// Words that people use for the same thing; the first of a row stands for the others.
const ALIKE: [&str; 17] = [
    "weather forecast temperature rain rainy raining sunny snow snowing wind windy hot cold warm degrees climate humid umbrella",
    "calculate calculator compute math mathematics arithmetic evaluate expression formula",
    "add sum plus addition total",
    "subtract minus subtraction difference",
    "multiply times multiplied product multiplication",
    "divide divided quotient division",
    "time clock hour oclock timezone",
    "search find lookup look retrieve query google browse",
    "email mail message send",
    "stock share ticker quote",
    "price cost fee pricing",
    "flight fly plane airline airport",
    "hotel room stay lodging accommodation",
    "refund reimburse chargeback",
    "bill invoice payment charge billing paid pay",
    "book reserve reservation booking",
    "translate translation translator",
];

/// The words of a text in lower case, with the place of each. A name such as `getWeather` or
/// `get_weather` is two words.
#[must_use]
pub fn split(text: &str) -> Vec<(usize, String)> {
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut word = String::new();
    let (mut start, mut before) = (0, ' ');
    for (at, c) in text.char_indices() {
        let breaks = !c.is_alphanumeric() || (c.is_uppercase() && before.is_lowercase());
        if breaks && !word.is_empty() {
            found.push((start, std::mem::take(&mut word)));
        }
        if c.is_alphanumeric() {
            if word.is_empty() {
                start = at;
            }
            word.extend(c.to_lowercase());
        }
        before = c;
    }
    if !word.is_empty() {
        found.push((start, word));
    }
    found
}

/// The words that say nothing.
static EMPTY_WORDS: LazyLock<BTreeSet<&str>> = LazyLock::new(|| EMPTY.split_whitespace().collect());

/// The word that stands for each word of a row, with and without its ending.
static SAME: LazyLock<BTreeMap<&str, &str>> = LazyLock::new(|| {
    let mut same = BTreeMap::new();
    for row in ALIKE {
        let first = row.split_whitespace().next().unwrap_or_default();
        same.extend(row.split_whitespace().map(|word| (word, first)));
    }
    for row in ALIKE {
        let first = row.split_whitespace().next().unwrap_or_default();
        for word in row.split_whitespace() {
            same.entry(ending_off(word)).or_insert(first);
        }
    }
    same
});

/// Whether a word in lower case says nothing about what a text is about.
#[must_use]
pub fn is_empty(word: &str) -> bool {
    EMPTY_WORDS.contains(word)
}

/// A word without its ending, and the same for words that mean the same.
#[must_use]
pub fn stem(word: &str) -> String {
    let bare = ending_off(word);
    SAME.get(word).or_else(|| SAME.get(bare)).copied().unwrap_or(bare).to_owned()
}

/// A word without the commonest endings.
fn ending_off(word: &str) -> &str {
    let long = |rest: &&str| rest.chars().count() >= 3;
    ["ations", "ation", "ings", "ing", "ies", "ed", "es", "s", "e", "y"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending).filter(long))
        .unwrap_or(word)
}

/// The stems of the words that say something.
#[must_use]
pub fn stems(text: &str) -> BTreeSet<String> {
    split(text)
        .into_iter()
        .filter(|(_, word)| !is_empty(word))
        .map(|(_, word)| stem(&word))
        .collect()
}

/// Whether a name has one of these words.
#[must_use]
pub fn has_word(name: &[String], words: &[&str]) -> bool {
    name.iter().any(|own| words.contains(&own.as_str()))
}

/// What a text is about: its words without a question's beginning and end.
#[must_use]
pub fn subject(text: &str) -> String {
    const BEGINNINGS: &str = "what whats is are was were the a an please can could would you tell me us about \
        search find look up for give show get do does did how who which explain describe i need want to know \
        information on of define let check there any some hi hello hey";
    let mut words: Vec<&str> = telling(text).split_whitespace().collect();
    let bare = |word: &str| -> String {
        word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
    };
    while words.len() > 1
        && words.first().is_some_and(|word| {
            BEGINNINGS.split_whitespace().any(|beginning| beginning == bare(word))
        })
    {
        words.remove(0);
    }
    let subject = words.join(" ");
    let subject =
        subject.trim_matches(|c: char| !c.is_alphanumeric() && !"()[]\"'$€£+-".contains(c));
    if subject.is_empty() { text.trim().to_owned() } else { subject.to_owned() }
}

/// The sentence that says most of what a text is about: a question, or else the one with the most
/// words that say something, of the first few. What follows is often how to answer.
fn telling(text: &str) -> &str {
    const MOST: usize = 4;
    let said = |sentence: &str| split(sentence).iter().filter(|(_, word)| !is_empty(word)).count();
    let ends = |(at, _): &(usize, &str)| {
        text.get(at + 1..)
            .is_none_or(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    };
    let mut sentences: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, mark) in
        text.match_indices(['.', '?', '!', '\n']).filter(|hit| hit.1 == "\n" || ends(hit))
    {
        let sentence = text.get(start..at + mark.len()).unwrap_or_default().trim();
        start = at + mark.len();
        if !sentence.is_empty() {
            sentences.push(sentence);
        }
        if sentences.len() >= MOST {
            break;
        }
    }
    if sentences.len() < MOST {
        sentences.extend(text.get(start..).map(str::trim).filter(|rest| !rest.is_empty()));
    }
    let asks = sentences.iter().find(|sentence| sentence.ends_with('?') && said(sentence) >= 1);
    let most = || {
        let each = sentences.iter().take(2).enumerate();
        each.max_by_key(|(at, sentence)| (said(sentence) >= 1, std::cmp::Reverse(*at)))
            .map(|(_, one)| one)
    };
    asks.or_else(most).copied().unwrap_or(text)
}

/// The beginning of a text, up to so many characters, on one line.
#[must_use]
pub fn beginning(text: &str, most: usize) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(most) {
        Some((end, _)) => {
            let cut = line.get(..end).unwrap_or_default();
            let cut = cut.rsplit_once(' ').map_or(cut, |(head, _)| head);
            format!("{cut} …")
        }
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_sentences_have_the_same_words() {
        let words = |text: &str| split(text).into_iter().map(|(_, word)| word).collect::<Vec<_>>();
        assert_eq!(words("getWeatherNow"), ["get", "weather", "now"]);
        assert_eq!(words("get_weather-now 2"), ["get", "weather", "now", "2"]);
        assert_eq!(words("Ist's in Köln?"), ["ist", "s", "in", "köln"]);
    }

    #[test]
    fn words_that_mean_the_same_have_one_stem() {
        assert_eq!(stem("raining"), stem("weather"));
        assert_eq!(stem("orders"), stem("order"));
        assert_eq!(stem("cancelled"), stem("cancelled"));
        assert_ne!(stem("weather"), stem("order"));
    }

    #[test]
    fn a_text_is_about_what_is_left_of_it() {
        assert_eq!(subject("What is the capital of France?"), "capital of France");
        assert_eq!(subject("Tell me about large language models."), "large language models");
        assert_eq!(
            subject("Is Oslo at 4.5 degrees? Respond in JSON with the keys a and b."),
            "Oslo at 4.5 degrees"
        );
        assert_eq!(
            subject("Hi.\nSummarize large files.\n\nThe output should be short."),
            "Summarize large files"
        );
        assert_eq!(subject("?"), "?");
        assert_eq!(beginning("one two three", 8), "one two …");
    }
}
