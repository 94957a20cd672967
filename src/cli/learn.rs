//! `simlab learn`: the course at the terminal.
//!
//! Guarantees: what is printed depends on the lesson alone, a prediction aside; without a terminal
//! nothing is asked.
//!
//! Does not know: what a lesson teaches.

use std::io::{self, BufRead, IsTerminal, Write};

use super::commands::{Ended, backend_failed, bad_file, print};
use super::exit::Exit;
use super::output;
use super::progress::Progress;
use crate::course::{Course, CourseLesson, LessonRuns, both, opening, revealed, turned};
use crate::diagnostic::{Diagnostic, nearest};
use crate::figure;
use crate::report::document::Element;
use crate::report::{counted, document_to_text, middle};

/// Most columns of a lesson.
const MAX_WIDTH: usize = 100;

/// Lists the lessons, or goes through one.
pub fn learn(lesson: Option<&str>) -> Ended {
    let Some(name) = lesson else { return print(&contents()) };
    let lesson = Course::lesson(name)
        .map_err(|faults| if faults.is_empty() { unknown(name) } else { bad_file(&faults) })?;
    print(&shown(&opening(&lesson)))?;
    let asked = io::stdin().is_terminal() && io::stdout().is_terminal();
    let predicted = if asked { predict(lesson.text.answers.len()) } else { None };
    let jobs = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let busy = Progress::new("running the lesson on both sides of its knob", 0, 0, false);
    let sides = both(&lesson, jobs);
    busy.finish();
    let sides = sides.map_err(|error| backend_failed(&error))?;
    print(&shown(&revealed(&lesson, &sides[0], predicted)))?;
    if asked {
        many(&lesson, jobs)?;
        let _ = write!(io::stderr(), "(Enter turns the knob) ").and_then(|()| io::stderr().flush());
        let _ = io::stdin().lock().read_line(&mut String::new());
    }
    print(&shown(&turned(&lesson, &sides[1])))?;
    print(&next(&lesson))?;
    let failed: Vec<String> = sides
        .iter()
        .flat_map(|side| &side.checks)
        .filter(|check| !check.passed)
        .map(|check| format!("{}: {}", check.name, check.message))
        .collect();
    for line in &failed {
        output::message(&format!("this lesson does not show what it claims: {line}"));
    }
    Ok(if failed.is_empty() { Exit::Ran } else { Exit::ExpectationFailed })
}

fn unknown(name: &str) -> Exit {
    let near = nearest(name, Course::files().iter().map(|file| file.name));
    let help = near.map_or_else(
        || "`simlab learn` lists them".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let fault = Diagnostic::new(format!("no lesson is called `{name}`")).help(help);
    output::message(fault.render(output::message_color()).trim_end());
    Exit::Usage
}

/// The course, a line for each lesson.
fn contents() -> String {
    let width = Course::files().iter().map(|file| file.name.len()).max().unwrap_or(0);
    let mut text =
        "The course: predict a result, run the experiment, compare; then change one setting.\n\n"
            .to_owned();
    for (nth, file) in Course::files().iter().enumerate() {
        text += &format!("{:>3}  {:width$}  {}\n", nth + 1, file.name, file.title());
    }
    let first = Course::files().first().map_or("", |file| file.name);
    text + &format!(
        "\nStart with: simlab learn {first}\nEach lesson is a scenario file: simlab new {first} my.ron writes a copy, to change other settings.\n"
    )
}

/// Runs that show how results are spread: more would keep a learner waiting.
const RUNS: u64 = 60;
/// Bars of their histogram, and the longest of them.
const BARS: usize = 12;
const LONGEST: usize = 40;

/// The same experiment many times, as bars; nothing without an experiment.
fn many(lesson: &CourseLesson, jobs: usize) -> Result<(), Exit> {
    let runs = LessonRuns::new(&lesson.before.scenario, &lesson.text);
    let Some(metric) = runs.metric.clone() else { return Ok(()) };
    let busy = Progress::new("running the same experiment many times", RUNS, 0, false);
    let mut found = Vec::new();
    let ran = runs.run(RUNS, jobs, || true, |run| found.extend(run.change));
    busy.finish();
    ran.map_err(|error| backend_failed(&error))?;
    print(&bars(&metric, &found)).map(|_| ())
}

/// Values as a small histogram.
fn bars(metric: &str, values: &[f64]) -> String {
    let Some([from, to]) = middle(values) else { return String::new() };
    let counts = counted(values, [from, to], BARS);
    let most = counts.iter().copied().max().unwrap_or(1).max(1);
    let width = (to - from) / BARS as f64;
    let mut text = format!("The estimated change of {metric} in {} runs:\n", values.len());
    for (nth, count) in counts.iter().enumerate() {
        let left = figure::change(from + width * nth as f64);
        text += &format!("{left:>9}  {} {count}\n", "█".repeat(count * LONGEST / most));
    }
    text + "\n"
}

/// How to go on.
fn next(lesson: &CourseLesson) -> String {
    match Course::files().get(lesson.number) {
        Some(next) => format!("Next: simlab learn {}\n", next.name),
        None => "That was the last lesson.\n".to_owned(),
    }
}

/// A part of the lesson as text, with an empty line after it.
fn shown(part: &[Element<'_>]) -> String {
    document_to_text(part, output::width().min(MAX_WIDTH), &output::palette()) + "\n"
}

/// Asks for a prediction until it is one of the answers; nothing is as good as none.
fn predict(answers: usize) -> Option<usize> {
    loop {
        let mut line = String::new();
        write!(io::stderr(), "Your prediction (1 to {answers}, Enter to skip): ")
            .and_then(|()| io::stderr().flush())
            .ok()?;
        if io::stdin().lock().read_line(&mut line).ok()? == 0 || line.trim().is_empty() {
            return None;
        }
        match line.trim().parse::<usize>() {
            Ok(answer) if (1..=answers).contains(&answer) => return Some(answer - 1),
            _ => output::message(&format!(
                "expected the number of an answer, 1 to {answers}; Enter shows the result without a prediction, Ctrl-C ends the lesson"
            )),
        }
    }
}
