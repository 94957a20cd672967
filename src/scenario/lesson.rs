//! What a scenario teaches: a claim, a question before the run, what to look at, one knob to turn,
//! and what happens then.
//!
//! Guarantees: a turn finds its text exactly once in the file, the list of turns aside; the turned
//! file is a scenario of its own.
//!
//! Does not know: how a lesson is told.

use std::ops::Range;

use schemars::JsonSchema;
use serde::Deserialize;

use super::faults::Faults;
use super::source::WrittenExpect;
use super::spanned::Spanned;
use crate::report::{Expect, RolloutOutcome};

/// A lesson: a question before the run, what to look at, and one knob to turn.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Lesson")]
#[serde(rename = "Lesson")]
pub struct WrittenLesson {
    /// The part of the course.
    pub part: String,
    /// What is to be learned, in a sentence or two.
    pub claim: String,
    /// What a learner can do afterwards, without the answer: "tell the price of a token from the
    /// price of an answer". Default: nothing is said.
    #[serde(default)]
    pub goal: String,
    /// The question before the run.
    pub question: String,
    /// Its possible answers, 2 to 5.
    pub answers: Spanned<Vec<String>>,
    /// Which of them is right, from 1.
    pub right: Spanned<i64>,
    /// What to look at in the result.
    pub look_at: String,
    /// What to change, in words.
    pub knob: String,
    /// Texts of this file, each standing there exactly once, and what stands there instead once the
    /// knob is turned.
    pub turn: Spanned<Vec<(Spanned<String>, String)>>,
    /// What happens then.
    pub then: String,
    /// What the turned run has to come to, for each experiment in order. Default: nothing.
    #[serde(default)]
    pub check: Vec<WrittenExpect>,
    /// How the guarded rollouts of the turned run have to end, in order. Default: nothing.
    #[serde(default)]
    pub check_rollouts: Vec<RolloutOutcome>,
    /// How often the rule ships, over many runs. Default: the lesson shows one run.
    #[serde(default)]
    pub rates: Option<Rates>,
    /// A task that is checked by running, in a browser. Default: none.
    #[serde(default)]
    pub exercise: Option<WrittenExercise>,
}

/// A task that is checked by running: find the smallest or the largest value of a setting with which
/// runs come to something.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Exercise")]
#[serde(rename = "Exercise")]
pub struct WrittenExercise {
    /// What is to be found, in a sentence.
    pub task: String,
    /// The setting, by its name in the address of `simlab play`: `traffic.queries`.
    pub setting: String,
    /// The lowest value.
    pub from: f64,
    /// The highest value.
    pub to: Spanned<f64>,
    /// How near the value has to be: the value one step further must not do.
    pub step: Spanned<f64>,
    /// Which of the values that do is wanted.
    pub extreme: Extreme,
    /// What a run has to come to, for the first experiment.
    pub wanted: WrittenExpect,
    /// In which share of the runs, from 0 to 1.
    pub in_runs: Spanned<f64>,
}

/// An end of the values that do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum Extreme {
    /// The smallest one.
    Smallest,
    /// The largest one.
    Largest,
}

/// A task that is checked by running.
#[derive(Clone, Debug, PartialEq)]
pub struct Exercise {
    /// What is to be found.
    pub task: String,
    /// The setting, by its name.
    pub setting: String,
    /// The lowest value.
    pub from: f64,
    /// The highest value.
    pub to: f64,
    /// How near the value has to be.
    pub step: f64,
    /// Which of the values that do is wanted.
    pub extreme: Extreme,
    /// What a run has to come to.
    pub wanted: Expect,
    /// In which share of the runs.
    pub in_runs: f64,
}

impl Exercise {
    /// The value a step further towards the wanted end, which must not do; `None` outside of the
    /// range.
    #[must_use]
    pub fn next_to(&self, value: f64) -> Option<f64> {
        let next = match self.extreme {
            Extreme::Smallest => value - self.step,
            Extreme::Largest => value + self.step,
        };
        Some(next).filter(|next| (self.from - 1e-9..=self.to + 1e-9).contains(next))
    }
}

/// How often the first experiment's rule ships, over many runs.
#[derive(Clone, Debug, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// How many runs.
    pub replications: u32,
    /// Of how many users each.
    pub users: u32,
    /// How often the data are looked at; a run stops at the first look with a verdict.
    #[serde(default = "once")]
    pub looks: u32,
    /// Whether the treatment is made identical to the control.
    #[serde(default)]
    pub aa: bool,
    /// The share that ships lies between these.
    pub ships: (f64, f64),
    /// And between these, once the knob is turned.
    pub ships_then: (f64, f64),
}

fn once() -> u32 {
    1
}

/// A lesson.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// The part of the course.
    pub part: String,
    /// What is to be learned.
    pub claim: String,
    /// What a learner can do afterwards; empty where nothing is said.
    pub goal: String,
    /// The question before the run.
    pub question: String,
    /// Its possible answers.
    pub answers: Vec<String>,
    /// The index of the right one.
    pub right: usize,
    /// What to look at in the result.
    pub look_at: String,
    /// What to change, in words.
    pub knob: String,
    /// Places of the file, ascending, and what stands there once the knob is turned.
    pub turn: Vec<(Range<usize>, String)>,
    /// What happens then.
    pub then: String,
    /// What the turned run has to come to, for each experiment.
    pub check: Vec<Expect>,
    /// How the guarded rollouts of the turned run have to end.
    pub check_rollouts: Vec<RolloutOutcome>,
    /// How often the rule ships, over many runs.
    pub rates: Option<Rates>,
    /// A task that is checked by running.
    pub exercise: Option<Exercise>,
}

impl Lesson {
    /// The file's text with the knob turned.
    #[must_use]
    pub fn turned(&self, text: &str) -> String {
        let mut turned = String::with_capacity(text.len());
        let mut from = 0;
        for (place, put) in &self.turn {
            turned.push_str(text.get(from..place.start).unwrap_or_default());
            turned.push_str(put);
            from = place.end;
        }
        turned.push_str(text.get(from..).unwrap_or_default());
        turned
    }
}

/// Gives a lesson its meaning.
pub fn lesson(written: &WrittenLesson, experiments: usize, faults: &mut Faults<'_>) -> Lesson {
    let answers = &written.answers;
    if !(2..=5).contains(&answers.value.len()) {
        faults.add(
            "a question has 2 to 5 answers",
            &answers.span,
            format!("found {}", answers.value.len()),
            None,
        );
    }
    let most = i64::try_from(answers.value.len()).unwrap_or(i64::MAX);
    if !(1..=most).contains(&written.right.value) {
        faults.add(
            "the right answer is one of the answers",
            &written.right.span,
            format!("expected 1 to {most}"),
            None,
        );
    }
    let mut turn = Vec::new();
    for (find, put) in &written.turn.value {
        let seen = |text: &str| place(text, &written.turn.span, faults.text());
        match (seen(&find.value), seen(put)) {
            (Ok(at), _) => turn.push((at, put.clone())),
            // Turned already: the same knob turns it back.
            (Err(0), Ok(at)) => turn.push((at, find.value.clone())),
            (Err(times), _) => {
                let label = format!("the text occurs {times} times there");
                faults.add(
                    "a turn finds its text exactly once in the file",
                    &find.span,
                    label,
                    Some("quote more of the line".to_owned()),
                );
            }
        }
    }
    turn.sort_by_key(|(place, _)| place.start);
    if written.turn.value.is_empty() {
        faults.add("a lesson turns a knob", &written.turn.span, "nothing is turned", None);
    }
    if written.check.len() > experiments {
        let help = format!("one for each experiment, in order; there are {experiments}");
        faults.add(
            "more checks than experiments",
            &written.turn.span,
            format!("{} checks", written.check.len()),
            Some(help),
        );
    }
    Lesson {
        part: written.part.clone(),
        claim: written.claim.clone(),
        goal: written.goal.clone(),
        question: written.question.clone(),
        answers: answers.value.clone(),
        right: usize::try_from(written.right.value.saturating_sub(1)).unwrap_or(0),
        look_at: written.look_at.clone(),
        knob: written.knob.clone(),
        turn,
        then: written.then.clone(),
        check: written.check.iter().map(|own| own.renamed(|name| name.value.clone())).collect(),
        check_rollouts: written.check_rollouts.clone(),
        rates: written.rates.clone(),
        exercise: written.exercise.as_ref().map(|written| exercise(written, faults)),
    }
}

/// Gives an exercise its meaning.
fn exercise(written: &WrittenExercise, faults: &mut Faults<'_>) -> Exercise {
    let (to, step, in_runs) = (&written.to, &written.step, &written.in_runs);
    if to.value <= written.from {
        let label = format!("expected more than {}", written.from);
        faults.add("an exercise has a range of values", &to.span, label, None);
    }
    if step.value <= 0.0 || step.value > to.value - written.from {
        let label = format!("expected more than 0, and at most {}", to.value - written.from);
        faults.add("the step of an exercise lies within its range", &step.span, label, None);
    }
    if !(0.0..=1.0).contains(&in_runs.value) {
        faults.add("a share of runs", &in_runs.span, "expected 0 to 1".to_owned(), None);
    }
    Exercise {
        task: written.task.clone(),
        setting: written.setting.clone(),
        from: written.from,
        to: to.value,
        step: step.value,
        extreme: written.extreme,
        wanted: written.wanted.renamed(|name| name.value.clone()),
        in_runs: in_runs.value,
    }
}

/// Where a text stands outside of `aside`; how often, unless that is once.
fn place(find: &str, aside: &Range<usize>, text: &str) -> Result<Range<usize>, usize> {
    let outside = |at: usize| at + find.len() <= aside.start || at >= aside.end;
    let mut all =
        text.match_indices(find).map(|(at, _)| at).filter(|&at| !find.is_empty() && outside(at));
    match (all.next(), all.count()) {
        (Some(at), 0) => Ok(at..at + find.len()),
        (Some(_), more) => Err(more + 1),
        (None, _) => Err(0),
    }
}
