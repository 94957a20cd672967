//! The banks of phrases that answers and notes are composed from.
//!
//! Guarantees: a closing bank has a sentence of every length from [`SHORTEST`] to [`LONGEST`]
//! tokens (tested), so any number of tokens from [`SHORTEST`] on can be written; an opening has at
//! most [`LONGEST_OPENING`] tokens.
//!
//! Does not know: who says these words, or when.

use std::sync::LazyLock;

use super::tokens::Phrase;

/// Fewest tokens of a closing sentence.
pub(super) const SHORTEST: u32 = 3;
/// Most tokens of a closing sentence that is filled in by length.
pub(super) const LONGEST: u32 = 16;
/// Most tokens of the head of a paragraph.
pub(super) const MAX_OF_A_HEAD: u32 = 24;
/// Most tokens of the opening of an answer or a note.
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
const ANSWER_STUB: [&str; 11] =
    ["In", " short", ",", " it", " depends", " on", " the", " case", " at", " hand", "."];
/// The same for notes.
const NOTE_STUB: [&str; 11] =
    ["Let", " me", " look", " this", " up", " in", " the", " knowledge", " base", " first", "."];

/// How a list of papers goes on after its first ones.
const REMARKS: [&str; 17] = [
    "No abstract.",
    "Preprint only.",
    "No code available.",
    "Peer reviewed version exists.",
    "Code and data are available.",
    "The full text is freely available.",
    "The appendix contains all of the proofs.",
    "A longer version appeared in a journal later.",
    "The experiments cover twelve tasks and three baselines.",
    "The authors also provide a tutorial with worked examples.",
    "A follow-up study repeats the experiments with more seeds.",
    "The main theorem is proved under weaker conditions in later work.",
    "The method is compared with four others on a set of small tasks.",
    "The results were confirmed on larger problems by two other groups in later years.",
    "Later the same method was used with success on real robots.",
    "Later the same method was also used with success on real robots.",
    "A survey lists this work among the most influential ones of its decade, too.",
];

/// Authors of invented papers.
const AUTHORS: [&str; 16] = [
    "L. Marchetti and O. Svensson",
    "T. Iwasaki",
    "R. Oyelaran, P. Dietrich and M. Cho",
    "A. Vasquez and H. Lindgren",
    "S. Banerjee",
    "C. Duval and E. Rasmussen",
    "N. Achterberg, F. Quist and J. Amari",
    "M. Tolland",
    "K. Yilmaz and G. Romero",
    "D. Halvorsen",
    "I. Petrenko and B. Sato",
    "W. Adeyemi and L. Fontaine",
    "Y. Karimi",
    "E. Strand, U. Mehta and V. Leclerc",
    "Z. Horvath",
    "P. Anselm and Q. Rowe",
];

/// Words of one token each, for lists too short for a sentence.
const LIST_STUB: [&str; 8] = ["No", " papers", " were", " found", " for", " this", " query", "."];

/// A way of speaking: openings, sentences by length, and words for the shortest texts.
pub(super) struct Voice {
    /// Openings, in groups.
    pub openings: Vec<Vec<Phrase>>,
    /// Sentences with a space before them; place n holds those of n tokens.
    pub closings: Vec<Vec<Phrase>>,
    /// What a new paragraph starts with; none: just its first sentence.
    pub heads: Vec<Phrase>,
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
            openings: openings
                .iter()
                .map(|group| group.iter().map(|&text| Phrase::new(text)).collect())
                .collect(),
            closings: by_length,
            heads: Vec::new(),
            stub: stub.iter().map(|&word| Phrase::new(word)).collect(),
        }
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "answers have openings for each grade and notes for one, every length up to the longest has a bank, none that is used is \
              empty (tested), and a remainder is below its divisor"
)]
impl Voice {
    /// An opening of a group; the bits choose which.
    pub fn opening(&self, group: usize, choice: u64) -> &Phrase {
        Self::choose(&self.openings[group], choice)
    }

    /// A sentence of so many tokens, [`SHORTEST`] to [`LONGEST`].
    pub fn closing(&self, tokens: u32, choice: u64) -> &Phrase {
        Self::choose(&self.closings[tokens as usize], choice)
    }

    /// One phrase of a bank.
    pub fn choose(bank: &[Phrase], choice: u64) -> &Phrase {
        &bank[choice as usize % bank.len()]
    }
}

/// How answers are written.
pub(super) static ANSWERING: LazyLock<Voice> =
    LazyLock::new(|| Voice::new(&OPENINGS, &CLOSINGS, &ANSWER_STUB));
/// How notes beside a tool call are written.
pub(super) static NOTING: LazyLock<Voice> =
    LazyLock::new(|| Voice::new(&[NOTES], &MUSINGS, &NOTE_STUB));

/// How arXiv answers.
pub(super) static LISTING_ARXIV: LazyLock<Voice> = LazyLock::new(|| listing("arXiv"));
/// How Semantic Scholar answers.
pub(super) static LISTING_SCHOLAR: LazyLock<Voice> = LazyLock::new(|| listing("Semantic Scholar"));

fn listing(source: &str) -> Voice {
    let mut voice = Voice::new(&[], &REMARKS, &LIST_STUB);
    let heads = AUTHORS
        .iter()
        .zip(0_u32..)
        .map(|(authors, n)| format!("[{}] {authors} ({}).", 11 + 53 * n, 1994 + n * 7 % 31));
    let heads: Vec<String> = heads.collect();
    voice.openings = vec![
        heads.iter().map(|head| Phrase::new(format!("{source} results:\n\n{head}"))).collect(),
        vec![Phrase::new("Few results.")],
    ];
    voice.heads = heads.into_iter().map(Phrase::new).collect();
    voice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::tokens::joins;

    #[test]
    fn every_length_can_be_written() {
        for voice in [&*ANSWERING, &*NOTING, &*LISTING_ARXIV, &*LISTING_SCHOLAR] {
            for length in SHORTEST..=LONGEST {
                assert!(
                    !voice.closings[length as usize].is_empty(),
                    "no sentence of {length} tokens"
                );
            }
            assert!(voice.stub.iter().all(|word| word.tokens() == 1));
            assert!(voice.stub.windows(2).all(|pair| joins(pair[0].text(), pair[1].text())));
            assert!(
                voice.heads.iter().all(|head| head.tokens() <= MAX_OF_A_HEAD),
                "{:?}",
                voice.heads
            );
        }
        for voice in [&*ANSWERING, &*NOTING] {
            assert!(
                voice.openings.iter().flatten().all(|opening| opening.tokens() <= LONGEST_OPENING),
                "{:?}",
                voice.openings
            );
            assert!(voice.stub.len() as u32 >= LONGEST_OPENING + SHORTEST - 1);
        }
    }

    #[test]
    fn the_banks_hold_no_phrase_in_vain() {
        let held = |voice: &Voice| voice.closings.iter().map(Vec::len).sum::<usize>();
        assert_eq!(
            [&ANSWERING, &NOTING, &LISTING_ARXIV].map(|voice| held(voice)),
            [CLOSINGS.len(), MUSINGS.len(), REMARKS.len()]
        );
    }
}
