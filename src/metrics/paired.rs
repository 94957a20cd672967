//! The tables of a paired design: one for each variation, answer and judging, with a row for each
//! question.
//!
//! Guarantees: a question's value in a table is that of one answer and one judging. What is not
//! judged (cost, tokens, latency) is the same in the tables of all judgings of an answer.
//!
//! Does not know: how a question's values are compared.

use std::collections::BTreeMap;

use crate::experiment::{Metric, PairedDesign};
use crate::journal::{Entry, Event, Reader};
use crate::metrics::{JournalObserver, Observations};

/// Reads the journal of a paired design.
#[derive(Clone, Debug)]
pub struct PairedObserver {
    shape: PairedShape,
    /// An observer for each variation, answer and judging.
    cells: Vec<JournalObserver>,
    /// For each outcome of the scenario whether it is a judge's score.
    scores: Vec<bool>,
    /// The visit of each question that is under way, and what of it has been judged.
    visits: Vec<UnderWay>,
}

/// How many variations, answers and judgings there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct PairedShape {
    arms: usize,
    repeats: usize,
    judgings: usize,
}

impl PairedShape {
    /// Number of the table of the first judging of an answer.
    fn answer(self, arm: usize, repeat: usize) -> usize {
        (arm * self.repeats + repeat) * self.judgings
    }
}

/// The visit of a question that is under way.
#[derive(Clone, Debug, Default)]
struct UnderWay {
    /// Which visit, from 0.
    visit: u32,
    /// Number of the table of its first judging, once it is known which variation it is.
    answer: Option<usize>,
    /// How often the judge has rated it.
    ratings: usize,
    /// How many events there were of each outcome.
    outcomes: BTreeMap<u8, usize>,
}

impl PairedObserver {
    /// An observer of so many questions; `observer` reads the values of one answer each, and
    /// `scores` says for each outcome whether it is a judge's score.
    #[must_use]
    pub fn new(
        design: PairedDesign,
        arms: usize,
        (observer, scores): (&JournalObserver, Vec<bool>),
        questions: usize,
    ) -> Self {
        let shape = PairedShape {
            arms,
            repeats: design.repeats as usize,
            judgings: design.judgings as usize,
        };
        let visits = vec![UnderWay::default(); questions];
        Self { shape, cells: vec![observer.clone(); design.cells(arms)], scores, visits }
    }

    /// The finished tables.
    #[must_use]
    pub fn finish(self) -> PairedTable {
        let cells = self.cells.into_iter().map(JournalObserver::finish).collect();
        PairedTable { shape: self.shape, cells }
    }
}

impl Reader for PairedObserver {
    fn entry(&mut self, entry: &Entry) {
        let unit = (entry.user as usize).checked_sub(1);
        let Some(own) = unit.and_then(|unit| self.visits.get_mut(unit)) else { return };
        let (shape, varies) = (self.shape, self.cells.first());
        match entry.event {
            Event::Arrived { visit, .. } => *own = UnderWay { visit, ..UnderWay::default() },
            Event::Evaluated { served, in_experiment: true } => {
                // The variations take turns, so the visits before were one for each of them.
                let repeat = own.visit as usize / shape.arms.max(1);
                let arm = varies.and_then(|observer| observer.treatment_of(0, served));
                if let Some(arm) = arm {
                    own.answer = Some(shape.answer(arm, repeat));
                }
            }
            _ => {}
        }
        let Some(answer) = own.answer else { return };
        let every = 0..shape.judgings;
        let judgings = match entry.event {
            Event::Judged { .. } => {
                own.ratings += 1;
                own.ratings - 1..own.ratings
            }
            Event::Followed { outcome, .. } => {
                let before = own.outcomes.entry(outcome).or_default();
                *before += 1;
                // What is no judge's score comes once, of the answer itself.
                if self.scores.get(usize::from(outcome)) == Some(&true) {
                    *before - 1..*before
                } else {
                    every
                }
            }
            _ => every,
        };
        for judging in judgings.filter(|&judging| judging < shape.judgings) {
            if let Some(cell) = self.cells.get_mut(answer + judging) {
                cell.entry(entry);
            }
        }
    }
}

/// The values of a paired design.
#[derive(Clone, Debug)]
pub struct PairedTable {
    shape: PairedShape,
    /// One table for each variation, answer and judging.
    cells: Vec<Observations>,
}

impl PairedTable {
    /// Answers of each variation to each question.
    #[must_use]
    pub fn repeats(&self) -> usize {
        self.shape.repeats
    }

    /// Judgings of each answer.
    #[must_use]
    pub fn judgings(&self) -> usize {
        self.shape.judgings
    }

    /// Number of the questions.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.cells.first().map_or(0, Observations::units)
    }

    /// Whether a question went through the experiment at all.
    #[must_use]
    pub fn takes_part(&self, question: usize) -> bool {
        self.cells.iter().any(|cell| cell.treatment(0, question).is_some())
    }

    /// The value of one judging of one answer of variation number `arm` to a question, under metric
    /// number `at`; `None` where it has none.
    #[must_use]
    pub fn value(
        &self,
        (at, metric): (usize, &Metric),
        question: usize,
        (arm, repeat, judging): (usize, usize, usize),
    ) -> Option<f64> {
        let cell = self.cells.get(self.shape.answer(arm, repeat) + judging)?;
        (cell.treatment(0, question)? == arm).then_some(())?;
        metric.declared().entering(cell.value(at, metric.aggregation, question))
    }
}
