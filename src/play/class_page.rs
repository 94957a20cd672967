//! The pages of a class: the entrance, the students' page, the teacher's page, and the parts of both
//! that follow what happens.
//!
//! Guarantees: names, lessons and links are escaped; before the teacher reveals, no part that students
//! get has an answer or a count of one.
//!
//! Does not know: who may see which part, or how anything is run.

use maud::{Markup, PreEscaped, html};
use qrcodegen::{QrCode, QrCodeEcc};

use super::lesson_page::{introduction, prose};
use crate::course::{Course, CourseLesson};
use crate::figure;
use crate::report::escape::plain;
use crate::report::html_page;

/// What the pages' script does.
pub const SCRIPT: &str = include_str!("class.js");

/// How far a class is with a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClassStage {
    /// Students predict.
    Predicting,
    /// The answer is shown.
    Revealed,
    /// The knob is turned.
    Turned,
}

/// One side of a lesson as parts of a page, as far as they are there.
#[derive(Clone, Debug, Default)]
pub struct ClassSide {
    /// The scorecard.
    pub found: Option<String>,
    /// The same experiment many times.
    pub runs: Option<String>,
    /// Why there is none.
    pub problem: Option<String>,
}

/// A question, and what the class makes of it.
#[derive(Debug)]
pub struct ClassQuestion<'c> {
    pub lesson: &'c CourseLesson,
    pub stage: ClassStage,
    /// Which question it is, so that an answer to an older one is told from one to this.
    pub round: u64,
    /// Students for each answer.
    pub votes: Vec<usize>,
    /// What they predicted the first time, where the teacher has asked again.
    pub first: Option<Vec<usize>>,
    pub sides: &'c [ClassSide; 2],
}

/// A student as the teacher's page shows it.
#[derive(Debug)]
pub struct ClassSeat<'c> {
    pub name: &'c str,
    pub predicted: bool,
}

fn frame(title: &str, body: &Markup) -> String {
    let head = html! {
        title { (title) " · simlab" }
        link rel="icon" href="data:,";
        link rel="stylesheet" href="/play.css";
        script src="/class.js" defer {}
    };
    let body = html! {
        body.learn.class {
            a.skip href="#main" { "Skip to the question" }
            (body)
            noscript { p.bad { "A class needs JavaScript. Without it, use " code { "simlab play" } " or " code { "simlab learn" } "." } }
            footer { p.dim.small { "Every result is a run on the teacher's machine. Predictions are kept there until the class ends, and nowhere else." } }
        }
    };
    html_page(&head, &body)
}

/// Where somebody without a code comes in.
pub fn entrance(wrong: bool) -> String {
    let body = html! {
        header { h1 { "Join the class" } }
        main #main {
            @if wrong { p.bad role="alert" { "No class has this code. Look at the teacher's screen again." } }
            form action="/" method="get" {
                label for="code" { "Code of the class" } " "
                input #code.field type="text" name="code" maxlength="20" required autocomplete="off" autocapitalize="none" spellcheck="false";
                " " button.main type="submit" { "Go on" }
            }
        }
    };
    frame("Join the class", &body)
}

/// The students' page.
pub fn student(code: &str) -> String {
    let body = html! {
        header { h1 { "Your class" } }
        main #main data-role="student" data-code=(code) {
            p #said.small role="status" {}
            form #join hidden {
                p { "Predict what an experiment shows. The teacher sees how many have predicted, and everybody sees how often each answer was chosen, but not by whom." }
                label for="name" { "Your name, if you like" } " "
                input #name.field type="text" name="name" maxlength="40" autocomplete="off";
                " " button.main type="submit" { "Join" }
            }
            div #ask {}
            div #own {}
            div #result {}
        }
    };
    frame("Your class", &body)
}

/// The teacher's page. It has nothing that students may not see: that comes with the secret.
pub fn teacher(own: Option<&CourseLesson>) -> String {
    let files = Course::files();
    let mut part = String::new();
    let mut parts: Vec<(String, Vec<usize>)> = Vec::new();
    for (nth, file) in files.iter().enumerate() {
        if part != file.part() || parts.is_empty() {
            part = file.part();
            parts.push((part.clone(), Vec::new()));
        }
        if let Some((_, own)) = parts.last_mut() {
            own.push(nth);
        }
    }
    let body = html! {
        header { h1 { "Teach a class" } }
        main #main data-role="teacher" {
            p #said.small role="status" {}
            p #stranger.warn hidden { "Open the teacher's link that " code { "simlab play --class" } " printed: it has the secret that this page needs." }
            div #ask { }
            div #controls.next {}
            form #choose hidden {
                label for="lesson" { "Lesson" } " "
                select #lesson.field name="lesson" {
                    @if let Some(own) = own { option value=(own.name) { (plain(&own.before.scenario.title)) } }
                    @for (part, own) in &parts {
                        optgroup label=(plain(part)) {
                            @for nth in own { @if let Some(file) = files.get(*nth) { option value=(file.name) { (nth + 1) ". " (plain(&file.title())) } } }
                        }
                    }
                }
                " " button type="submit" { "Ask this lesson's question" }
            }
            div #result {}
            div #people {}
            div #enter {}
        }
    };
    frame("Teach a class", &body)
}

/// Parts of a page, each with the id of where it belongs, and a digest of them all.
fn parts(all: &[(&str, Markup)]) -> String {
    let inside = html! { @for (id, part) in all { div data-into=(id) { (part) } } }.into_string();
    let digest = xxhash_rust::xxh3::xxh3_64(inside.as_bytes());
    format!("{inside}<i data-seen=\"{digest:016x}\"></i>")
}

/// What a student sees now; `own` is the prediction, from 0.
pub fn student_parts(question: Option<&ClassQuestion<'_>>, own: Option<usize>) -> String {
    let Some(question) = question else {
        let wait =
            html! { p { "You are in. The question comes here as soon as the teacher asks." } };
        let nothing = || html! {};
        return parts(&[
            ("said", html! { "Waiting for the teacher." }),
            ("ask", wait),
            ("own", nothing()),
            ("result", nothing()),
        ]);
    };
    let lesson = question.lesson;
    let answers = &lesson.text.answers;
    if question.stage == ClassStage::Predicting {
        let kept = html! {
            @match own.and_then(|nth| answers.get(nth).map(|text| (nth, text))) {
                Some((nth, text)) => p data-answer=(nth + 1) { strong { "Your prediction: " (nth + 1) ". " } (prose(text, lesson)) span.dim { " You can change it until the teacher reveals." } },
                None => p.dim { "You have not predicted yet." },
            }
            (introduction(lesson, false))
        };
        let again = question.first.is_some();
        let said = match (own, again) {
            (Some(_), _) => "Your prediction is in. Wait for the teacher.",
            (None, true) => "The teacher asks again: talk to your neighbors, then predict.",
            (None, false) => "The teacher asks: predict.",
        };
        return parts(&[
            ("said", html! { (said) }),
            ("ask", asked(question)),
            ("own", kept),
            ("result", html! {}),
        ]);
    }
    let (word, tone) = match own {
        Some(answer) if answer == lesson.text.right => ("You were right.", "good"),
        Some(_) => ("Not this time.", "warn"),
        None => ("You did not predict.", "dim"),
    };
    let said = if question.stage == ClassStage::Turned {
        "The teacher has turned the knob."
    } else {
        word
    };
    parts(&[
        ("said", html! { (said) }),
        (
            "ask",
            html! { h2 tabindex="-1" { (prose(&lesson.text.question, lesson)) } (votes(question, own)) },
        ),
        ("own", html! { p class={ "headline " (tone) } { (word) } }),
        ("result", result(question)),
    ])
}

/// The form of a question.
fn asked(question: &ClassQuestion<'_>) -> Markup {
    let lesson = question.lesson;
    html! {
        p.dim.small { (plain(&lesson.before.scenario.title)) }
        form data-round=(question.round) {
            fieldset {
                legend tabindex="-1" { (prose(&lesson.text.question, lesson)) }
                @for (nth, answer) in lesson.text.answers.iter().enumerate() {
                    label.answer { input type="radio" name="answer" value=(nth + 1) required; span { (nth + 1) ". " (prose(answer, lesson)) } }
                }
            }
            button.main type="submit" { "Predict" }
        }
    }
}

/// How often each answer was chosen, the right one marked.
fn votes(question: &ClassQuestion<'_>, own: Option<usize>) -> Markup {
    let text = &question.lesson.text;
    let all: usize = question.votes.iter().sum();
    let share = |count: usize, all: usize| count as f64 / all.max(1) as f64;
    let first_all = question.first.as_ref().map(|first| first.iter().sum::<usize>());
    html! {
        h3 { "What the class predicted" }
        ol.votes aria-label="How often each answer was chosen" {
            @for (nth, answer) in text.answers.iter().enumerate() {
                @let count = question.votes.get(nth).copied().unwrap_or(0);
                @let right = nth == text.right;
                li.right[right] {
                    p {
                        @if right { strong.good { "✓ Right: " } }
                        (prose(answer, question.lesson))
                        @if own == Some(nth) { span.badge { "your prediction" } }
                    }
                    div.vote {
                        div.track aria-hidden="true" { div style={ "width:" (format!("{:.1}", 100.0 * share(count, all))) "%" } {} }
                        span { strong { (figure::percent(share(count, all))) } " " span.dim { "(" (students(count)) ")" } }
                    }
                    @if let (Some(first), Some(all)) = (&question.first, first_all) {
                        @let before = first.get(nth).copied().unwrap_or(0);
                        p.small.dim { "The first time: " (figure::percent(share(before, all))) " (" (students(before)) ")" }
                    }
                }
            }
        }
    }
}

fn students(count: usize) -> String {
    if count == 1 {
        "1 student".to_owned()
    } else {
        format!("{} students", figure::count(count as u64))
    }
}

/// What the runs show, once it may be seen.
fn result(question: &ClassQuestion<'_>) -> Markup {
    let (lesson, [own, turned]) = (question.lesson, question.sides);
    let text = &lesson.text;
    html! {
        @if question.stage >= ClassStage::Revealed {
            div.answered { p { (prose(&text.claim, lesson)) } }
            h2 { "What the experiment shows" }
            p { strong { "Look at: " } (prose(&text.look_at, lesson)) }
            (side(own))
        }
        @if question.stage >= ClassStage::Turned {
            h2 { "Turn the knob" }
            p { (prose(&text.knob, lesson)) }
            (side(turned))
            p { strong { "What happened: " } (prose(&text.then, lesson)) }
        }
    }
}

fn side(side: &ClassSide) -> Markup {
    html! {
        @if let Some(problem) = &side.problem { p.bad { "This lesson could not be run: " (plain(problem)) } }
        @match &side.found {
            Some(found) => (PreEscaped(found)),
            None if side.problem.is_none() => p.dim { "Running the experiment …" },
            None => {}
        }
        @if let Some(runs) = &side.runs { div.runs { (PreEscaped(runs)) } }
    }
}

/// What the teacher sees now.
pub fn teacher_parts(
    question: Option<&ClassQuestion<'_>>,
    seats: &[ClassSeat<'_>],
    links: &[String],
    code: &str,
) -> String {
    let predicted = seats.iter().filter(|own| own.predicted).count();
    let said = match question {
        None => html! { "In the class: " (students(seats.len())) "." },
        Some(_) => {
            html! { "Predictions: " strong { (predicted) " of " (students(seats.len())) } "." }
        }
    };
    parts(&[
        ("said", said),
        (
            "ask",
            html! { @if let Some(question) = question { (shown_question(question)) } @else { p { "Choose a lesson. Its question goes to every student at once." } } },
        ),
        ("controls", html! { @if let Some(question) = question { (controls(question)) } }),
        (
            "result",
            html! { @if let Some(question) = question { (result(question)) (notes(question)) } },
        ),
        ("people", people(seats)),
        ("enter", enter(links, code)),
    ])
}

fn shown_question(question: &ClassQuestion<'_>) -> Markup {
    let lesson = question.lesson;
    html! {
        p.dim.small { (plain(&lesson.before.scenario.title)) " · about " (lesson.minutes()) " minutes" }
        h2 tabindex="-1" { (prose(&lesson.text.question, lesson)) }
        @if question.stage == ClassStage::Predicting {
            ol.offered { @for answer in &lesson.text.answers { li { (prose(answer, lesson)) } } }
            (introduction(lesson, false))
        } @else { (votes(question, None)) }
    }
}

fn controls(question: &ClassQuestion<'_>) -> Markup {
    let lesson = question.lesson;
    let next = Course::files().get(lesson.number).filter(|_| lesson.number > 0);
    let running = |side: &ClassSide| side.found.is_none() && side.problem.is_none();
    html! {
        @match question.stage {
            ClassStage::Predicting => {
                button.main type="button" data-do="reveal" { "Reveal" }
                @if running(&question.sides[0]) { span.dim.small { "The runs are under way." } }
            }
            ClassStage::Revealed => button.main type="button" data-do="turn" { "Turn the knob" },
            ClassStage::Turned => {}
        }
        @if question.stage == ClassStage::Predicting && question.first.is_none() {
            button type="button" data-do="again" { "Let them talk, and ask again" }
        }
        @if let (Some(next), true) = (next, question.stage != ClassStage::Predicting) {
            button type="button" data-do="choose" data-lesson=(next.name) { "Next lesson: " (plain(&next.title())) }
        }
    }
}

fn notes(question: &ClassQuestion<'_>) -> Markup {
    let lesson = question.lesson;
    let text = &lesson.text;
    html! {
        details {
            summary { "Teacher's notes, with the answer" }
            dl {
                @if !text.goal.is_empty() { dt { "Goal" } dd { "Afterwards a learner can: " (plain(&text.goal)) } }
                dt { "Right answer" } dd { (text.right + 1) ". " (prose(text.answers.get(text.right).map_or("", String::as_str), lesson)) }
                dt { "The point" } dd { (prose(&text.claim, lesson)) }
                dt { "Point at" } dd { (prose(&text.look_at, lesson)) }
                dt { "Knob" } dd { (prose(&text.knob, lesson)) }
                dt { "Then" } dd { (prose(&text.then, lesson)) }
            }
        }
    }
}

/// Who is there, and who has predicted: never what.
fn people(seats: &[ClassSeat<'_>]) -> Markup {
    let named: Vec<&ClassSeat<'_>> = seats.iter().filter(|own| !own.name.is_empty()).collect();
    let nameless = seats.len() - named.len();
    html! {
        details {
            summary { "Who is here: " (students(seats.len())) }
            ul.people { @for own in &named { li { (plain(own.name)) @if own.predicted { " " span.good title="has predicted" { "✓" span.unseen { "has predicted" } } } } } }
            @if nameless > 0 { p.small.dim { "Without a name: " (nameless) } }
        }
    }
}

/// How students get in.
fn enter(links: &[String], code: &str) -> Markup {
    let local = links.iter().all(|link| link.contains("//127.0.0.1:") || link.contains("//[::1]:"));
    html! {
        h2 { "How students join" }
        div.enter {
            @if let Some(link) = links.first() { (drawn(link)) }
            div {
                p { "Open this link" @if !local { ", or point the camera of a phone at the square" } ":" }
                @for link in links { p.link { a href=(link) { (link) } } }
                @if let Some((address, _)) = links.first().and_then(|link| link.split_once("/class/")) {
                    p { "Or type " span.strong { (address) } " and enter the code " strong.code { (code) } "." }
                }
                @if local { p.warn { "Only this machine can open this link. For phones on the same network, start " code { "simlab play --class --listen 0.0.0.0" } "." } }
            }
        }
    }
}

/// Modules of white around a code, so that cameras find it.
const QUIET: i32 = 4;

/// A link for the camera of a phone.
fn drawn(link: &str) -> Markup {
    let Ok(code) = QrCode::encode_text(link, QrCodeEcc::Medium) else { return html! {} };
    let size = code.size();
    let all = (0..size).flat_map(|y| (0..size).map(move |x| (x, y)));
    let dark = all.filter(|(x, y)| code.get_module(*x, *y));
    let path: String = dark.map(|(x, y)| format!("M{} {}h1v1h-1z", x + QUIET, y + QUIET)).collect();
    let whole = size + 2 * QUIET;
    html! {
        svg.qr viewBox={ "0 0 " (whole) " " (whole) } role="img" aria-label="The link as a QR code" shape-rendering="crispEdges" {
            rect width=(whole) height=(whole) fill="#fff" {}
            path d=(path) fill="#000" {}
        }
    }
}
