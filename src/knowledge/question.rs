//! What users ask, as a recipe; and reading the recipe back out of a text.
//!
//! Guarantees: a [`Question`] is `Copy`; its size comes from tables without allocation and is
//! exactly the size of its rendering, redacted or not; [`recognize`] gives back what the recipe
//! said, from the text alone. A rendered question holds no quotation mark, backslash or line break,
//! so it stands in JSON as it is. Questions of a list have its words, and none of these guarantees
//! but that of the size.
//!
//! Does not know: who asks, how often, or what will be answered.

use super::base::KnowledgeBase;
use super::detect;
use super::listed::{ListedQuestion, QuestionId};
use super::personal::{PersonalData, PiiSet, REQUEST, Redaction};
use super::tokens::{Phrase, TextSize};
use super::topic::{Complexity, TopicId};

/// How many ways there are to ask a question of one complexity.
pub const TEMPLATES: u8 = 6;

/// Words before and after the topic. None fits a grammatical number, and none names a topic.
const CLAUSES: [[(&str, &str); TEMPLATES as usize]; 3] = [
    [
        ("Can you explain", "?"),
        ("What is meant by", "?"),
        ("Could you give me a short overview of", "?"),
        ("In simple terms, what is the idea behind", "?"),
        ("What should a beginner know about", "?"),
        ("Is there an everyday example of", "?"),
    ],
    [
        ("How would one apply", " to a small problem, step by step?"),
        ("Which assumptions matter most for", ", and why?"),
        ("What are the main parts of", " and how do they work together?"),
        ("Which mistakes are common with", " in practice?"),
        ("How do I choose the important parameters for", "?"),
        ("When would you prefer", " over the alternatives?"),
    ],
    [
        ("What guarantees and known failure modes come with", "?"),
        ("How do bias and variance trade off in", ", and what controls them?"),
        ("Which open research questions remain around", "?"),
        ("What changes in", " when feedback is sparse and late?"),
        ("How far can", " be scaled up, and what breaks first?"),
        ("Which results qualify the textbook account of", "?"),
    ],
];

/// The clause about one topic, in every complexity and wording, counted at the start of a text and
/// within one.
#[derive(Clone, Debug)]
pub(super) struct Clauses(Vec<[Phrase; 2]>);

impl Clauses {
    /// Those about the topic of this title.
    pub(super) fn about(title: &str) -> Self {
        let clauses = CLAUSES.iter().flatten().map(|(before, after)| {
            let text = format!(" {before} {title}{after}");
            [Phrase::new(&text[1..]), Phrase::new(&text[..])]
        });
        Self(clauses.collect())
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "there is a clause for each wording of each complexity"
    )]
    fn get(&self, question: Question) -> &Phrase {
        let place = question.complexity as usize * TEMPLATES as usize
            + usize::from(question.template % TEMPLATES);
        let [first, within] = &self.0[place];
        if question.personal.is_some() { within } else { first }
    }
}

/// One question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    /// What it is about.
    pub topic: TopicId,
    /// How deep it goes.
    pub complexity: Complexity,
    /// Which wording, from 0 to [`TEMPLATES`] − 1 (taken modulo).
    pub template: u8,
    /// What the user tells of themselves, if anything.
    pub personal: Option<PersonalData>,
    /// Which question of the base's list it is, in the list's own words; `None`: in ours.
    pub listed: Option<QuestionId>,
}

impl Question {
    /// The recipe of question number `id` of a list, at this depth.
    #[must_use]
    pub fn of_list(id: QuestionId, listed: &ListedQuestion, complexity: Complexity) -> Self {
        let personal = PersonalData::new(listed.items(), 0);
        Self { topic: listed.topic(), complexity, template: 0, personal, listed: Some(id) }
    }

    /// What personal data it holds.
    #[must_use]
    pub fn items(self) -> PiiSet {
        self.personal.map_or(PiiSet::NONE, PersonalData::items)
    }

    /// What a security agent of this strictness redacts if it notices the items `noticed`.
    #[must_use]
    pub fn redacted_by(self, redaction: Redaction, noticed: PiiSet) -> PiiSet {
        self.items() & redaction.covers() & noticed
    }

    /// The question of the base's list that it is.
    fn in_list(self, base: &KnowledgeBase) -> Option<&ListedQuestion> {
        self.listed.and_then(|id| base.listed(id))
    }

    /// What the user wants, where the base's list says it.
    #[must_use]
    pub fn intent(self, base: &KnowledgeBase) -> Option<&str> {
        self.in_list(base).and_then(ListedQuestion::intent)
    }

    /// What a judge reads about the expected answer, where the base's list has one.
    #[must_use]
    pub fn expected(self, base: &KnowledgeBase) -> Option<&Phrase> {
        self.in_list(base).and_then(ListedQuestion::expected)
    }

    /// Its phrases in order, with `redacted` items hidden.
    fn each<'a>(self, base: &'a KnowledgeBase, redacted: PiiSet, mut say: impl FnMut(&'a Phrase)) {
        if let Some(personal) = self.personal {
            personal.each(redacted, &mut say);
        }
        say(base.clauses(self.topic).get(self));
    }

    /// Its size with `redacted` items hidden ([`PiiSet::NONE`]: as it was asked). Some tens of
    /// nanoseconds.
    #[must_use]
    pub fn size(self, base: &KnowledgeBase, redacted: PiiSet) -> TextSize {
        if let Some(listed) = self.in_list(base) {
            return listed.size(redacted);
        }
        let mut size = TextSize::ZERO;
        self.each(base, redacted, |phrase| size += phrase.size());
        size
    }

    /// The size of the whole phrases that stand within its first `characters` characters, as it was
    /// asked; of the characters themselves where it is in a list's words.
    #[must_use]
    pub fn leading(self, base: &KnowledgeBase, characters: u32) -> TextSize {
        if let Some(listed) = self.in_list(base) {
            return listed.leading(characters);
        }
        let (mut size, mut room) = (TextSize::ZERO, true);
        self.each(base, PiiSet::NONE, |phrase| {
            room = room && size.characters + phrase.size().characters <= characters;
            if room {
                size += phrase.size();
            }
        });
        size
    }

    /// Its text with `redacted` items hidden ([`PiiSet::NONE`]: as it was asked).
    #[must_use]
    pub fn render(self, base: &KnowledgeBase, redacted: PiiSet) -> String {
        if let Some(listed) = self.in_list(base) {
            return listed.render(redacted);
        }
        let mut text = String::with_capacity(256);
        self.each(base, redacted, |phrase| text.push_str(phrase.text()));
        text
    }
}

/// What can be read out of the text of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recognized {
    /// Its topic.
    pub topic: Option<TopicId>,
    /// How deep it goes; `None` for a wording of its own.
    pub complexity: Option<Complexity>,
    /// Personal data in it.
    pub items: PiiSet,
    /// Personal data that was in it.
    pub redacted: PiiSet,
    /// How often something was redacted.
    pub redactions: u32,
}

/// Reads a question. For texts of [`Question::render`] it gives back the recipe's features; for
/// others its best guess: the longest title of a topic that is mentioned, the first of equals.
#[must_use]
pub fn recognize(text: &str, base: &KnowledgeBase) -> Recognized {
    let parsed = parse(text, base);
    Recognized {
        topic: parsed.map(|(topic, _)| topic).or_else(|| base.topic_mentioned(text)),
        complexity: parsed.map(|(_, complexity)| complexity),
        items: detect::detect_personal_data(text),
        redacted: detect::redacted_items(text),
        redactions: detect::count_redactions(text),
    }
}

/// The topic that a text is about.
#[must_use]
pub fn recognize_topic(text: &str, base: &KnowledgeBase) -> Option<TopicId> {
    parse(text, base).map(|(topic, _)| topic).or_else(|| base.topic_mentioned(text))
}

/// Topic and complexity, where the text is a clause of ours.
fn parse(text: &str, base: &KnowledgeBase) -> Option<(TopicId, Complexity)> {
    let clause = text.rfind(REQUEST).map_or(text, |at| &text[at + REQUEST.len()..]).trim();
    Complexity::ALL.into_iter().zip(&CLAUSES).find_map(|(complexity, clauses)| {
        clauses.iter().find_map(|(before, after)| {
            let title = clause.strip_prefix(before)?.strip_suffix(after)?.strip_prefix(' ')?;
            Some((base.topic_titled(title)?, complexity))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::{REINFORCEMENT_LEARNING, redact};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    static BASE: LazyLock<KnowledgeBase> =
        LazyLock::new(|| KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap());

    /// All that is promised of one question with these items hidden.
    fn check(question: Question, redacted: PiiSet) {
        let text = question.render(&BASE, redacted);
        assert_eq!(question.size(&BASE, redacted), TextSize::of(&text), "{text}");
        let hidden = question.items() & redacted;
        let expected = Recognized {
            topic: Some(question.topic),
            complexity: Some(question.complexity),
            items: PiiSet::from_bits(question.items().bits() & !redacted.bits()),
            redacted: hidden,
            redactions: hidden.len(),
        };
        assert_eq!(recognize(&text, &BASE), expected, "{text}");
        assert_eq!(redact(&question.render(&BASE, PiiSet::NONE), redacted), text);
        assert!(!text.contains(['"', '\\', '\n']));
    }

    #[test]
    fn every_clause_about_every_topic_is_read_back() {
        for topic in BASE.topics() {
            for complexity in Complexity::ALL {
                for template in 0..TEMPLATES {
                    check(
                        Question { topic, complexity, template, personal: None, listed: None },
                        PiiSet::ALL,
                    );
                }
            }
        }
    }

    #[test]
    fn every_set_of_items_is_read_back_under_every_redaction() {
        for items in 1..64_u8 {
            for redacted in 0..64_u8 {
                if redacted & !items == 0 {
                    let personal = PersonalData::new(
                        PiiSet::from_bits(items),
                        0x1234_5678_9abc_def0 >> (items % 8),
                    );
                    let topic = BASE.topic(usize::from(redacted));
                    check(
                        Question {
                            topic,
                            complexity: Complexity::Basic,
                            template: items % TEMPLATES,
                            personal,
                            listed: None,
                        },
                        PiiSet::from_bits(redacted),
                    );
                }
            }
        }
    }

    #[test]
    fn every_word_of_every_bank_is_read_back() {
        // Each field of the recipe runs through all its values.
        for (from, width) in
            [(0, 5), (5, 5), (10, 4), (14, 4), (18, 5), (23, 5), (28, 4), (32, 2), (34, 6)]
        {
            for value in 0..1_u64 << width {
                for items in [PiiSet::ALL.bits(), 0b01_0011, 0b10_0001, 0b00_1100] {
                    let personal = PersonalData::new(PiiSet::from_bits(items), value << from);
                    check(
                        Question {
                            topic: TopicId(5),
                            complexity: Complexity::Advanced,
                            template: 0,
                            personal,
                            listed: None,
                        },
                        PiiSet::NONE,
                    );
                }
            }
        }
    }

    proptest! {
        #[test]
        fn any_question_is_counted_as_rendered_and_read_back(topic in 0_usize..28, complexity in 0_usize..3, template: u8, items in 0_u8..64, bits: u64, redacted in 0_u8..64) {
            let personal = PersonalData::new(PiiSet::from_bits(items), bits);
            check(Question { topic: BASE.topic(topic), complexity: Complexity::ALL[complexity], template, personal, listed: None }, PiiSet::from_bits(redacted));
        }
    }

    #[test]
    fn a_question_reads_like_one() {
        let topic = BASE.topic_titled("q-learning").unwrap();
        let question = Question {
            topic,
            complexity: Complexity::Basic,
            template: 0,
            personal: PersonalData::new(PiiSet::ALL, 0),
            listed: None,
        };
        assert_eq!(
            question.render(&BASE, PiiSet::NONE),
            "Hi, I'm Maria Keller (maria.keller@example.com), Data Lead at Brightwater Robotics, writing from 3 Harbor Lane, \
             reachable on 202-555-0100, and I need help. Can you explain Q-Learning?"
        );
        let strict = question.redacted_by(Redaction::Strict, PiiSet::ALL);
        let basic = question.redacted_by(Redaction::Basic, PiiSet::ALL);
        assert_eq!((basic.len(), basic.context(), strict.len(), strict.context()), (4, 0, 6, 2));
        assert_eq!(
            question.render(&BASE, strict),
            "Hi, I'm [REDACTED] ([REDACTED]), [REDACTED] at [REDACTED], writing from [REDACTED], reachable on [REDACTED], \
             and I need help. Can you explain Q-Learning?"
        );
    }

    #[test]
    fn foreign_texts_are_read_as_well_as_can_be() {
        let read = recognize(
            "hello! please tell me how deep q-networks relate to q-learning, bob@stone.example",
            &BASE,
        );
        assert_eq!(read.topic, BASE.topic_titled("Deep Q-Networks"));
        assert_eq!((read.complexity, read.items), (None, PiiSet::from_bits(0b10)));
        assert_eq!(recognize_topic("what is the weather like", &BASE), None);
    }
}
