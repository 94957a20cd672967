//! The banks of phrases that answers and notes are composed from.
//!
//! Promises: a closing bank has a sentence of every length from [`SHORTEST`] to [`LONGEST`] tokens (tested), so any number of
//! tokens from [`SHORTEST`] on can be written; an opening has at most [`LONGEST_OPENING`] tokens.
//!
//! Does not know: who says these words, or when.

use std::sync::LazyLock;

use super::tokens::Phrase;

/// Fewest tokens of a closing sentence.
pub(super) const SHORTEST: u32 = 3;
/// Most tokens of a closing sentence that is filled in by length.
pub(super) const LONGEST: u32 = 16;
/// Most tokens of an opening.
pub(super) const LONGEST_OPENING: u32 = 9;

/// How answers open, by grade (strong, fair, weak). Their words appear nowhere else.
const OPENINGS: [[&str; 6]; 3] = [
    [
        "Here is a precise answer with the reasons.",
        "Step by step, this works as follows.",
        "The exact mechanism is this, with reasons.",
        "To be precise, three points settle it.",
        "This has a clear answer, as follows.",
        "The definition first, and then the reasons.",
    ],
    [
        "Broadly speaking, the idea is this.",
        "Here is a rough overview of the subject.",
        "The main points, without the details.",
        "In outline, it works something like this.",
        "A short summary covers most of the question.",
        "The general picture is roughly as follows.",
    ],
    [
        "I could not find much on exactly this.",
        "I am not sure what is being asked.",
        "The following may only be loosely related.",
        "Without more context I can only guess here.",
        "This is hard to say without further details.",
        "I found something related, not an answer.",
    ],
];

/// How notes beside a tool call open.
const NOTES: [&str; 6] = [
    "I will search the knowledge base first.",
    "Let me look this up before answering.",
    "A search will show what is known.",
    "I need the relevant passages for this.",
    "First I will look for the definition.",
    "I will check the literature on this.",
];

/// How answers go on and end.
const CLOSINGS: [&str; 27] = [
    "Start small.",
    "Try it.",
    "Measure it twice.",
    "More on request.",
    "Small steps are safer.",
    "That is the core.",
    "The details matter in practice.",
    "A small example makes this clear.",
    "It pays to plot the returns.",
    "A table is enough for small problems.",
    "Always compare with a simple baseline first.",
    "Nothing here depends on a particular library.",
    "The same idea returns in many other methods.",
    "The trade-off is between speed and stability.",
    "This holds more often than one might expect.",
    "If learning stalls, lower the step size first.",
    "Several random seeds are needed before trusting a curve.",
    "In practice the choice of features matters more than this.",
    "In practice the choice of features matters much more than this.",
    "It helps to test the code on a problem with known values.",
    "Larger problems need an approximation, and then some guarantees are lost.",
    "None of this changes the goal, which is long-term return.",
    "The theory tells when it works, and experiments tell how well.",
    "Keep the first version simple and make it correct before it is fast.",
    "When in doubt, print the values and check them against a hand calculation.",
    "The usual advice is to change one thing at a time and to measure again.",
    "The usual advice is to change one thing only and then to measure again.",
];

/// How notes go on.
const MUSINGS: [&str; 18] = [
    "Searching now.",
    "Let me check.",
    "One moment, please.",
    "I want the exact wording.",
    "The sources should settle this.",
    "I will compare the results afterwards.",
    "A second source would make this safer.",
    "The first passages may not be enough.",
    "I would rather cite a source than guess.",
    "The question needs more than a short definition.",
    "After that I can answer without guessing the details.",
    "After that I can answer without guessing at the details.",
    "If nothing fits, I will search again with other words.",
    "The answer should rest on the documents and not on memory.",
    "I am looking for a passage that explains why the method works.",
    "I am looking for a passage that also explains why the method works.",
    "I am still looking for a passage that also explains why the method works.",
    "It is best to look at the definition first and at the examples after that.",
];

/// Words of one token each, for texts too short for an opening.
const ANSWER_STUB: [&str; 11] = ["In", " short", ",", " it", " depends", " on", " the", " case", " at", " hand", "."];
/// The same for notes.
const NOTE_STUB: [&str; 11] = ["Let", " me", " look", " this", " up", " in", " the", " knowledge", " base", " first", "."];

/// A way of speaking: openings, sentences by length, and words for the shortest texts.
pub(super) struct Voice {
    /// Openings, in groups.
    pub openings: Vec<Vec<Phrase>>,
    /// Sentences with a space before them; place n holds those of n tokens.
    pub closings: Vec<Vec<Phrase>>,
    /// Words of one token each.
    pub stub: Vec<Phrase>,
}

impl Voice {
    fn new(openings: &[[&str; 6]], closings: &[&str], stub: &[&str]) -> Self {
        let mut by_length: Vec<Vec<Phrase>> = vec![Vec::new(); LONGEST as usize + 1];
        for closing in closings {
            let phrase = Phrase::new(format!(" {closing}"));
            if let Some(place) = by_length.get_mut(phrase.tokens() as usize) {
                place.push(phrase);
            }
        }
        Self {
            openings: openings.iter().map(|group| group.iter().map(|&text| Phrase::new(text)).collect()).collect(),
            closings: by_length,
            stub: stub.iter().map(|&word| Phrase::new(word)).collect(),
        }
    }
}

/// How answers are written.
pub(super) static ANSWERING: LazyLock<Voice> = LazyLock::new(|| Voice::new(&OPENINGS, &CLOSINGS, &ANSWER_STUB));
/// How notes beside a tool call are written.
pub(super) static NOTING: LazyLock<Voice> = LazyLock::new(|| Voice::new(&[NOTES], &MUSINGS, &NOTE_STUB));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::tokens::joins;

    #[test]
    fn every_length_can_be_written() {
        for voice in [&*ANSWERING, &*NOTING] {
            for length in SHORTEST..=LONGEST {
                assert!(!voice.closings[length as usize].is_empty(), "no sentence of {length} tokens");
            }
            assert!(voice.openings.iter().flatten().all(|opening| opening.tokens() <= LONGEST_OPENING), "{:?}", voice.openings);
            assert!(voice.stub.iter().all(|word| word.tokens() == 1));
            assert!(voice.stub.windows(2).all(|pair| joins(pair[0].text(), pair[1].text())));
            assert!(voice.stub.len() as u32 >= LONGEST_OPENING + SHORTEST - 1);
        }
    }

    #[test]
    fn the_banks_hold_no_phrase_in_vain() {
        let held = |voice: &Voice| voice.closings.iter().map(Vec::len).sum::<usize>();
        assert_eq!((held(&ANSWERING), held(&NOTING)), (CLOSINGS.len(), MUSINGS.len()));
    }
}
