//! A lesson run: its file as it is, and with the knob turned.
//!
//! Does not know: how anything is shown.

use std::sync::atomic::AtomicBool;

use crate::diagnostic::Diagnostic;
use crate::power::{self, Design, PoolChoice, PowerRequest};
use crate::report::{ExpectationResult, Report, rollouts_as_expected};
use crate::run::{self, RunOptions, SetupError, Size};
use crate::scenario::{self, BuiltIn, LESSONS, Loaded, Rates, Scenario, parse_kept};

/// A lesson in its place in the course.
#[derive(Debug)]
pub struct CourseLesson {
    /// Its number in the course, from 1; 0 for a lesson of somebody's own.
    pub number: usize,
    /// Its name.
    pub name: String,
    /// The scenario as it is.
    pub before: Loaded,
    /// The scenario with the knob turned.
    pub after: Loaded,
    /// What it teaches.
    pub text: scenario::Lesson,
}

/// The lessons, in order.
#[derive(Clone, Copy, Debug)]
pub struct Course;

impl Course {
    /// The built-in files.
    #[must_use]
    pub fn files() -> &'static [BuiltIn] {
        LESSONS
    }

    /// The lesson of this name or number.
    ///
    /// # Errors
    /// The faults of its file, or of the file with the knob turned; none when there is no such
    /// lesson.
    pub fn lesson(name: &str) -> Result<CourseLesson, Vec<Diagnostic>> {
        let numbered = name.parse().ok().and_then(|number: usize| number.checked_sub(1));
        let place = numbered.or_else(|| LESSONS.iter().position(|file| file.name == name));
        let Some((place, file)) = place.and_then(|place| Some((place, LESSONS.get(place)?))) else {
            return Err(Vec::new());
        };
        let lesson = CourseLesson::of(scenario::load(file.name)?)?;
        Ok(CourseLesson { number: place + 1, ..lesson })
    }
}

impl CourseLesson {
    /// The lesson that a scenario has.
    ///
    /// # Errors
    /// When it has none, or does not read with the knob turned.
    pub fn of(before: Loaded) -> Result<Self, Vec<Diagnostic>> {
        let name = before.scenario.name.clone();
        let Some(text) = before.scenario.lesson.clone() else {
            let fault = Diagnostic::new(format!("`{name}` has no lesson"));
            return Err(vec![fault.help("`simlab learn` lists the lessons of the course; a `lesson: ( … )` section makes a scenario one")]);
        };
        let after = parse_kept(&name, &text.turned(&before.source.text), &before.documents)?;
        Ok(Self { number: 0, name, before, after, text })
    }

    /// How long it takes, as far as its length tells: to read it at 120 words a minute, to play for
    /// two minutes, and four more for an exercise.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        let text = &self.text;
        let texts = [&text.claim, &text.question, &text.look_at, &text.knob, &text.then];
        let texts = texts.into_iter().chain(&text.answers);
        let words: usize = texts.map(|text| text.split_whitespace().count()).sum();
        let reading = u32::try_from(words.div_ceil(120)).unwrap_or(u32::MAX);
        reading.saturating_add(if text.exercise.is_some() { 6 } else { 2 })
    }
}

/// One side of the knob.
#[derive(Debug)]
pub struct LessonSide {
    /// The report, with the truth beside the estimates.
    pub report: Report,
    /// Share of runs that ship, with its Monte Carlo error, where the lesson asks for it.
    pub ships: Option<(f64, f64)>,
    /// What is checked about this side.
    pub checks: Vec<ExpectationResult>,
}

/// Runs both sides, first as it is.
///
/// # Errors
/// When a mock refuses what the scenario asks of it.
pub fn both(lesson: &CourseLesson, jobs: usize) -> Result<[LessonSide; 2], SetupError> {
    let mut before = side(&lesson.before, jobs)?;
    let mut after = side(&lesson.after, jobs)?;
    // What the file expects holds as it is; what its lesson checks holds once the knob is turned.
    before.checks.clone_from(&before.report.expectations);
    for (expect, experiment) in lesson.text.check.iter().zip(&after.report.experiments) {
        after.checks.extend(expect.check(experiment));
    }
    let rollouts: Vec<_> = lesson.text.check_rollouts.iter().copied().map(Some).collect();
    after.checks.extend(rollouts_as_expected(&after.report.rollouts, &rollouts));
    if let Some(Rates { ships, ships_then, .. }) = &lesson.text.rates {
        for (side, (least, most)) in [(&mut before, *ships), (&mut after, *ships_then)] {
            let share = side.ships.map_or(f64::NAN, |(share, _)| share);
            let passed = (least..=most).contains(&share);
            let message = if passed { String::new() } else { format!("it is {share}") };
            side.checks.push(ExpectationResult {
                name: format!("the share of runs that ship is {least} to {most}"),
                passed,
                message,
            });
        }
    }
    Ok([before, after])
}

/// Runs one side: with the knob turned, or as it is. Nothing is checked.
///
/// # Errors
/// When a mock refuses what the scenario asks of it.
pub fn one_side(
    lesson: &CourseLesson,
    turned: bool,
    jobs: usize,
) -> Result<LessonSide, SetupError> {
    side(if turned { &lesson.after } else { &lesson.before }, jobs)
}

/// What a lesson asks of the power analysis.
pub(super) fn asked(rates: &Rates, scenario: &Scenario) -> PowerRequest {
    PowerRequest {
        replications: u64::from(rates.replications),
        sizes: vec![rates.users],
        looks: rates.looks.max(1),
        seed: scenario.seed.0,
        aa: rates.aa,
        truth_users: Some(rates.users),
        pool: PoolChoice::Full,
    }
}

fn side(loaded: &Loaded, jobs: usize) -> Result<LessonSide, SetupError> {
    let scenario = &loaded.scenario;
    let report = run::run(
        scenario,
        RunOptions { truth: true, truth_size: Size::LESSON, ..RunOptions::default() },
    )?
    .report;
    let ships = match scenario.lesson.as_ref().and_then(|lesson| lesson.rates.clone()) {
        None => None,
        Some(rates) => {
            let design = Design::new(scenario, asked(&rates, scenario), |_, _| ())?;
            let wanted: Vec<u64> = (0..u64::from(rates.replications)).collect();
            let done = power::conduct(&design, &wanted, jobs, &AtomicBool::new(false), |_| ())?;
            let power = power::aggregate(&design.header(None), &done);
            let size = power.experiments.first().and_then(|study| study.sizes.first());
            size.map(|size| {
                let decisions =
                    size.peeking.as_ref().map_or(&size.decisions, |peeking| &peeking.decisions);
                (
                    decisions.ship.value.get(),
                    decisions.ship.standard_error.map_or(0.0, crate::report::Number::get),
                )
            })
        }
    };
    Ok(LessonSide { report, ships, checks: Vec::new() })
}
