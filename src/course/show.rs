//! A lesson as documents: the question, what a run reveals, and the same with the knob turned.
//!
//! Does not know: terminals, or who predicts what.

use super::found::found;
use super::lesson::{Course, LessonSide};
use crate::figure;
use crate::report::document::{Element, Level, List, Section, Title};
use crate::report::table::Tone;
use crate::scenario::{LESSONS, LIBRARY, Lesson, Loaded, Rates};

fn note(text: impl Into<String>) -> Element<'static> {
    Element::Note(text.into(), Tone::Plain)
}

fn section<'r>(title: &str, elements: impl IntoIterator<Item = Element<'r>>) -> Element<'r> {
    Section::new(title, Level::Chapter).with(elements).into()
}

/// The lesson up to the question.
#[must_use]
pub(crate) fn opening(lesson: &super::CourseLesson) -> Vec<Element<'_>> {
    let all = Course::files().len();
    let line = format!("Lesson {} of {all} · {}", lesson.number, lesson.text.part);
    let answers = lesson.text.answers.iter().map(|answer| (answer.clone(), String::new()));
    let answers = List { items: answers.collect(), tone: Tone::Plain, numbered: true };
    vec![
        Element::Title(Title { line, ..Title::default() }),
        note(&lesson.before.scenario.title),
        section("Predict", [note(&lesson.text.question), Element::List(answers)]),
    ]
}

/// What the run finds, and which answer is right; `predicted` is the learner's answer, from 0.
#[must_use]
pub(crate) fn revealed<'r>(
    lesson: &super::CourseLesson,
    side: &'r LessonSide,
    predicted: Option<usize>,
) -> Vec<Element<'r>> {
    let text = &lesson.text;
    let right = text.answers.get(text.right).map_or("", String::as_str);
    let judged = match predicted {
        Some(answer) if answer == text.right => "You were right: ",
        Some(_) => "Not this time: ",
        None => "",
    };
    let answer = format!("{judged}{}) {right}", text.right + 1);
    vec![
        section("Run", found(side, text)),
        section("Look", [note(&text.look_at)]),
        section("Reveal", [note(answer), note(&text.claim)]),
    ]
}

/// What the knob changes, and what happens then.
#[must_use]
pub(crate) fn turned<'r>(lesson: &super::CourseLesson, side: &'r LessonSide) -> Vec<Element<'r>> {
    let text = &lesson.text;
    let after = lesson.after.scenario.lesson.as_ref().unwrap_or(text);
    vec![
        section("Turn the knob", [note(&text.knob), Element::Lines(knob(lesson))]),
        section("Run again", found(side, after)),
        section("What happened", [note(&text.then)]),
    ]
}

/// The lesson as Markdown, to hand out: without results, which come from running it.
#[must_use]
pub fn to_markdown(lesson: &super::CourseLesson) -> String {
    let text = &lesson.text;
    let mut all = opening(lesson);
    if !text.goal.is_empty() {
        all.insert(2, note(format!("Afterwards you can: {}.", text.goal)));
    }
    let right = text.answers.get(text.right).map_or("", String::as_str);
    all.extend([
        section(
            "Run",
            [
                note("Run the lesson, and compare:"),
                Element::Lines(vec![format!("simlab learn {}", lesson.name)]),
                note(&text.look_at),
            ],
        ),
        section("Turn the knob", [note(&text.knob), Element::Lines(knob(lesson))]),
    ]);
    if let Some(exercise) = &text.exercise {
        all.push(section("Exercise", [note(&exercise.task)]));
    }
    all.push(section(
        "For the teacher",
        [
            note(format!(
                "About {} minutes. The right answer: {}) {right}",
                lesson.minutes(),
                text.right + 1
            )),
            note(&text.claim),
            note(&text.then),
        ],
    ));
    crate::report::document_to_markdown(&all)
}

/// How often the rule ships, in words.
#[must_use]
pub(super) fn rates(lesson: &Lesson, ships: (f64, f64)) -> Option<String> {
    let rates = lesson.rates.as_ref()?;
    let equal = if rates.aa { ", although both arms are the same" } else { "" };
    let looks = match rates.looks {
        0 | 1 => "looking once, at the end".to_owned(),
        looks => format!("looking {looks} times and stopping at the first verdict"),
    };
    Some(format!(
        "Over {} runs of {} users, {looks}: {} ship{equal} (Monte Carlo error {})",
        rates.replications,
        figure::count(u64::from(rates.users)),
        figure::percent(ships.0),
        figure::percent(ships.1)
    ))
}

/// What the knob changes: the lines of the file that go and those that come, and the command where
/// it is the command that changes.
fn knob(lesson: &super::CourseLesson) -> Vec<String> {
    let scenario =
        |loaded: &Loaded| loaded.scenario.lesson.as_ref().and_then(|lesson| lesson.rates.clone());
    let (before, after) = (scenario(&lesson.before), scenario(&lesson.after));
    let mut lines = changed(&lesson.before.source.text, &lesson.after.source.text);
    if before != after {
        // What a lesson says of its own runs is no part of the experiment: a learner changes the
        // command.
        lines.retain(|line| !line.contains("rates: ("));
        let of = |sign: &str, rates: Option<Rates>| {
            rates.map(|rates| format!("{sign} {}", command(&lesson.name, &rates)))
        };
        lines.extend([of("-", before), of("+", after)].into_iter().flatten());
    }
    lines
}

/// The command that shows the same shares.
fn command(name: &str, rates: &Rates) -> String {
    let equal = if rates.aa { " --aa" } else { "" };
    format!(
        "simlab power {name}{equal} --users {} --looks {} --replications {}",
        rates.users,
        rates.looks.max(1),
        rates.replications
    )
}

/// The lines that the knob changes: what goes, and what comes.
fn changed(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let (mut gone, mut come) = (old.as_slice(), new.as_slice());
    while let ([one, old @ ..], [other, new @ ..]) = (gone, come)
        && one == other
    {
        (gone, come) = (old, new);
    }
    while let ([old @ .., one], [new @ .., other]) = (gone, come)
        && one == other
    {
        (gone, come) = (old, new);
    }
    // Several places may be turned; what stands between them stays out.
    let mut lines: Vec<String> = gone
        .iter()
        .filter(|line| !come.contains(line))
        .map(|line| format!("- {}", line.trim()))
        .collect();
    lines.extend(
        come.iter().filter(|line| !gone.contains(line)).map(|line| format!("+ {}", line.trim())),
    );
    lines
}

/// The lessons and the built-in scenarios, each as a Markdown table under a heading.
#[must_use]
pub fn tables() -> String {
    let cell = |text: &str| text.replace('|', "\\|");
    let mut text = "## The lessons\n\n| part | lesson | title |\n|---|---|---|\n".to_owned();
    let mut before = String::new();
    for file in LESSONS {
        let part = file.part();
        let shown = if part == before { "" } else { part.as_str() };
        text += &format!("| {} | `{}` | {} |\n", cell(shown), file.name, cell(&file.title()));
        before = part;
    }
    text += "\n## The built-in scenarios\n\n| name | title |\n|---|---|\n";
    for file in LIBRARY {
        text += &format!("| `{}` | {} |\n", file.name, cell(&file.title()));
    }
    text
}
