//! The pages of the course: predict, run, reveal, turn the knob, and an exercise that is checked.
//!
//! Guarantees: every step works as a link without a script; texts of lessons and links are escaped;
//! what a learner did is kept in the browser only.
//!
//! Does not know: how anything is run.

use maud::{Markup, PreEscaped, html};

use super::knob::Knob;
use super::lesson_runs::RunsSoFar;
use crate::course::{Course, CourseLesson, CoursePath, LessonSide};
use crate::explain::{Term, terms};
use crate::figure;
use crate::power::MonteCarloEstimate;
use crate::report::escape::plain;
use crate::report::{
    Histogram, Number, Report, histogram, html_page, middle, readable, scorecards_to_html,
};
use crate::scenario::{Exercise, Extreme, Lesson};
use crate::verdict::Decision;

/// What the pages' script does.
pub const SCRIPT: &str = include_str!("learn.js");

/// The lessons before and after this one, on the path that the learner took.
#[derive(Debug)]
pub struct LessonPlace {
    path: &'static CoursePath,
    before: Option<&'static str>,
    after: Option<&'static str>,
    /// Its number on the path, from 1, and how many there are.
    place: (usize, usize),
}

impl LessonPlace {
    /// The neighbours of a lesson on the path of this key; on the whole course where the path does
    /// not have it.
    pub fn of(lesson: &CourseLesson, path: Option<&str>) -> Self {
        let paths = Course::paths();
        let asked = paths.iter().find(|own| path == Some(own.key));
        let has = |own: &&CoursePath| own.lessons().any(|file| file.name == lesson.name);
        let path = asked.filter(has).unwrap_or_else(Course::whole_path);
        let names: Vec<&'static str> = path.lessons().map(|file| file.name).collect();
        let at = names.iter().position(|name| *name == lesson.name).unwrap_or(0);
        let before = at.checked_sub(1).and_then(|at| names.get(at)).copied();
        Self { path, before, after: names.get(at + 1).copied(), place: (at + 1, names.len()) }
    }

    fn link(&self, name: &str) -> String {
        format!("/learn/{name}?path={}", self.path.key)
    }
}

/// A slider over the range of a lesson's knob.
#[derive(Debug)]
pub struct LessonSlider {
    pub label: String,
    pub unit: String,
    /// From, to, step.
    pub range: [String; 3],
    pub value: String,
}

/// What of a lesson is shown.
#[derive(Debug)]
pub struct LessonSteps {
    /// The learner's answer, from 0.
    pub answered: Option<usize>,
    pub revealed: Option<String>,
    pub turned: Option<String>,
    pub exercise: Option<String>,
    pub slider: Option<LessonSlider>,
}

fn frame(title: &str, body: &Markup) -> String {
    let head = html! {
        title { (title) " · simlab" }
        link rel="icon" href="data:,";
        link rel="stylesheet" href="/play.css";
        script src="/learn.js" defer {}
    };
    let body = html! {
        body.learn {
            a.skip href="#main" { "Skip to the lesson" }
            (body)
            footer { p.dim.small { "Every result on this page is a run on this machine. Your progress is kept in this browser only. " a href="/" { "Play with a scenario" } } }
        }
    };
    html_page(&head, &body)
}

/// The lessons of a path.
pub fn contents(path: &CoursePath) -> String {
    let files = Course::files();
    let mut part = String::new();
    let body = html! {
        header { h1 { "Learn to read experiments" } p.dim { "Predict a result, run the experiment, compare. Then change one setting and see what it does." } }
        main #main {
            nav.paths aria-label="Paths" {
                @for own in Course::paths() {
                    a.button href={ "/learn?path=" (own.key) } aria-current=[(own.key == path.key).then_some("page")] { (own.title) }
                }
            }
            p { (path.purpose) " " (path.lessons().count()) " lessons, about " (path.minutes()) " minutes." }
            p #progress.small role="status" data-all=(path.lessons().count()) {}
            ol.lessons {
                @for file in path.lessons() {
                    @let number = files.iter().position(|own| own.name == file.name).unwrap_or(0) + 1;
                    @let shown = part != file.part();
                    @if shown { li.part { ({ part = file.part(); plain(&part) }) } }
                    li data-lesson=(file.name) {
                        span.number.dim { (number) }
                        a href={ "/learn/" (file.name) "?path=" (path.key) } { (plain(&file.title())) }
                        span.done.good hidden { "✓ done" }
                    }
                }
            }
            p.small { button #forget type="button" hidden { "Forget my progress" } }
        }
    };
    frame("The course", &body)
}

/// The page of a lesson.
pub fn whole(
    lesson: &CourseLesson,
    around: &LessonPlace,
    knobs: &[Knob],
    shown: &LessonSteps,
) -> String {
    let text = &lesson.text;
    let (place, of) = around.place;
    let own = format!("/learn/{}", lesson.name);
    let title = plain(&lesson.before.scenario.title);
    let body = html! {
        header {
            p.small { a href={ "/learn?path=" (around.path.key) } { "The course" } span.dim { " · " (plain(&text.part)) " · lesson " (place) " of " (of) " · about " (lesson.minutes()) " minutes" } }
            h1 { (title) }
            @if !text.goal.is_empty() { p { strong { "Afterwards you can: " } (plain(&text.goal)) } }
        }
        main #main data-lesson=(lesson.name) {
            (introduction(lesson, lesson.number == 1))
            section aria-labelledby="predict" {
                h2 #predict { "1. Predict" }
                form action=(own) method="get" data-part={ (own) "/reveal" } data-into="reveal" {
                    input type="hidden" name="reveal" value="1";
                    input type="hidden" name="path" value=(around.path.key);
                    fieldset {
                        legend { (prose(&text.question, lesson)) }
                        @for (nth, answer) in text.answers.iter().enumerate() {
                            label.answer { input type="radio" name="answer" value=(nth + 1) required checked[shown.answered == Some(nth)]; span { (prose(answer, lesson)) } }
                        }
                    }
                    button.main type="submit" { "Predict and run" }
                }
            }
            section aria-labelledby="run" {
                h2 #run { "2. Run and compare" }
                p.small.dim.waits hidden[shown.revealed.is_some()] { "Predict first. The result comes here." }
                div #reveal aria-live="polite" { @if let Some(part) = &shown.revealed { (PreEscaped(part)) } }
            }
            section aria-labelledby="turn" {
                h2 #turn { "3. Turn the knob" }
                p { (prose(&text.knob, lesson)) }
                @if let Some(slider) = &shown.slider { (moving(slider, &own)) }
                form action=(own) method="get" data-part={ (own) "/turned" } data-into="turned" {
                    input type="hidden" name="turned" value="1";
                    input type="hidden" name="path" value=(around.path.key);
                    button type="submit" { "Turn the knob and run again" }
                }
                div #turned aria-live="polite" { @if let Some(part) = &shown.turned { (PreEscaped(part)) } }
            }
            @if let Some(exercise) = &text.exercise { (task(exercise, knobs, &own, around, shown)) }
            (words(text))
            nav.next aria-label="Lessons" {
                @if let Some(before) = around.before { a.button href=(around.link(before)) { "← Lesson before" } }
                @match around.after {
                    Some(after) => { a.button.main href=(around.link(after)) { "Next lesson →" } }
                    None => { a.button href="/learn" { "That was the last lesson of this path" } }
                }
            }
            p.small.dim {
                a href={ (own) "/notes" } { "Teacher's notes" } " · " a href={ (own) "/lesson.md" } download { "Markdown" } " · "
                a href={ (own) "/slides.html" } download { "Slides" } " · in a terminal: " code { "simlab learn " (lesson.name) }
            }
        }
    };
    frame(&title, &body)
}

/// A text whose metrics read as names, with their keys as tooltips.
pub(super) fn prose(text: &str, lesson: &CourseLesson) -> Markup {
    let keys: Vec<&str> =
        lesson.before.scenario.metrics.iter().map(|own| own.key.as_str()).collect();
    let text = plain(text);
    let inside = |c: char| c.is_alphanumeric() || c == '_';
    let mut pieces: Vec<Markup> = Vec::new();
    let mut from = 0;
    for word in
        text.split(|c: char| !inside(c)).filter(|word| word.contains('_') && keys.contains(word))
    {
        let at = word.as_ptr() as usize - text.as_ptr() as usize;
        pieces.push(html! { (text.get(from..at).unwrap_or_default()) span.named title=(word) { (readable(word)) } });
        from = at + word.len();
    }
    html! { @for piece in &pieces { (piece) } (text.get(from..).unwrap_or_default()) }
}

/// Where one is: what runs, which variations are compared, and by what.
pub(super) fn introduction(lesson: &CourseLesson, open: bool) -> Markup {
    let scenario = &lesson.before.scenario;
    let first = lesson.number == 1;
    let setup = |config: &str, variation: &str| {
        let config = scenario.configs.iter().find(|own| own.key == config)?;
        let own = config.variations.iter().find(|own| own.variation == variation)?;
        Some(scenario.model(own.setup.model).id.clone())
    };
    html! {
        details open[open] {
            summary { "Where am I? The app, its variations and its metrics" }
            @if first {
                p { "You look at a chat app that answers questions about research papers. Three agents work on each question. A " strong { "supervisor" } " decides what to do. A " strong { "security agent" } " removes personal data. A " strong { "support agent" } " searches and writes the answer. A " strong { "judge" } ", a model too, then says whether a user would like the answer: that is the feedback." }
                p { "Nothing is real here, and nothing costs money: simlab simulates the app, its users and the service that splits them. That is why it knows the true effect, which no real experiment knows. Each lesson shows it after your prediction." }
            }
            p { strong { (figure::count(scenario.traffic.queries.into())) " users" } " ask a question each. An experiment splits them into variations: the control is what you have, a treatment is what you might ship." }
            @for study in &scenario.studies {
                @let experiment = &study.experiment;
                h3 { (plain(&experiment.name)) }
                ul {
                    @for (at, own) in experiment.treatments.iter().enumerate().filter(|(_, own)| own.share.weight() > 0) {
                        li {
                            strong { (plain(if own.name.is_empty() { &own.variation } else { &own.name })) }
                            @if at == experiment.control { ", the control" }
                            @if let Some(model) = setup(&experiment.config, &own.variation) { ": " (plain(&model)) }
                            span.dim { ", " (figure::percent(own.share.fraction())) " of the users" }
                        }
                    }
                }
                p.small {
                    "Compared by: "
                    @for (nth, (_, metric)) in experiment.metrics_in(&scenario.metrics).enumerate() {
                        @if nth > 0 { ", " }
                        span.named title=(plain(&metric.key)) { (plain(&if metric.name == metric.key { readable(&metric.key) } else { metric.title().to_owned() })) }
                        @if nth == 0 { span.dim { " (primary)" } }
                    }
                    "."
                }
            }
            @if lesson.number > 0 { p.small { "The whole experiment is a file: " code { "simlab new " (lesson.name) " my.ron" } "." } }
        }
    }
}

fn moving(slider: &LessonSlider, own: &str) -> Markup {
    let [from, to, step] = &slider.range;
    html! {
        div.moving {
            label for="slider" { (plain(&slider.label)) ": " output #position for="slider" { (slider.value) } @if !slider.unit.is_empty() { " " (plain(&slider.unit)) } }
            input #slider type="range" min=(from) max=(to) step=(step) value=(slider.value) data-part={ (own) "/at" };
            p.small.dim { "From " (from) " to " (to) ". Each position is a run." }
            div #moved aria-live="polite" {}
        }
    }
}

/// What a run reveals.
pub fn revealed(lesson: &CourseLesson, side: &LessonSide, answered: Option<usize>) -> String {
    let text = &lesson.text;
    let right = text.answers.get(text.right).map_or("", String::as_str);
    let (word, tone) = match answered {
        Some(answer) if answer == text.right => ("You were right. ", "good"),
        Some(_) => ("Not this time. The answer: ", "warn"),
        None => ("", ""),
    };
    html! {
        div.answered data-done {
            p class={ "headline " (tone) } { (word) (prose(right, lesson)) }
            p { (prose(&text.claim, lesson)) }
        }
        p { strong { "Look at: " } (prose(&text.look_at, lesson)) }
        (found(side, "a-"))
        (running(lesson, false))
    }
    .into_string()
}

/// What the knob reveals.
pub fn turned(lesson: &CourseLesson, side: &LessonSide) -> String {
    html! {
        (found(side, "b-"))
        (running(lesson, true))
        p { strong { "What happened: " } (prose(&lesson.text.then, lesson)) }
    }
    .into_string()
}

/// A position of the slider.
pub fn moved(report: &Report) -> String {
    scorecards_to_html(report, "c-")
}

/// What a run of a side found: a scorecard for each experiment.
pub(super) fn found(side: &LessonSide, prefix: &str) -> Markup {
    html! {
        (PreEscaped(scorecards_to_html(&side.report, prefix)))
        @for rollout in &side.report.rollouts { p { (plain(&rollout.message)) } }
        (interactions(&side.report))
    }
}

/// Whether experiments on the same users influence each other.
fn interactions(report: &Report) -> Markup {
    html! {
        @if !report.interactions.is_empty() {
            h3 { "Do the experiments influence each other?" }
            ul {
                @for own in &report.interactions {
                    li {
                        (readable(&own.metric)) ": "
                        @match (own.p_value, &own.reason) {
                            (Some(p_value), _) => { "p-value " strong { (figure::number(p_value.get())) } }
                            (None, Some(reason)) => span.dim { (plain(reason)) },
                            (None, None) => span.dim { "not known" },
                        }
                    }
                }
            }
            p.small.dim { "The p-value of the same effect in both arms of the other experiment; a small one, such as 0.01, says that they do. `simlab run` has the table." }
        }
    }
}

/// Where the same experiment many times comes to stand.
fn running(lesson: &CourseLesson, turned: bool) -> Markup {
    let query = if turned { "?turned=1" } else { "" };
    html! {
        div.runs data-runs={ "/learn/" (lesson.name) "/runs" (query) } {
            noscript { p.small.dim { "Without JavaScript the same experiment is not repeated here; " code { "simlab power " (lesson.name) } " does that in a terminal." } }
        }
    }
}

/// A lesson without an experiment has nothing to repeat.
pub fn no_runs() -> String {
    html! { p.small.dim { "This lesson has no experiment whose change could be repeated." } }
        .into_string()
}

/// The same experiment many times.
pub fn runs(
    so_far: &RunsSoFar,
    side: &LessonSide,
    metric: &str,
    users: u32,
    turned: bool,
) -> String {
    let values: Vec<f64> = so_far.done.iter().filter_map(|run| run.change).collect();
    let own = side.report.experiments.first().and_then(|experiment| {
        let metric = experiment.metrics.iter().find(|own| own.key == metric)?;
        metric.variations.iter().find(|own| own.key != experiment.control)
    });
    let truth = own.and_then(|own| own.truth?.relative_difference).map(Number::get);
    let name = readable(metric);
    let of = Histogram {
        id: if turned { "runs-turned" } else { "runs-own" },
        title: &format!("Estimated change of {name} in many runs"),
        values: &values,
        own: own
            .and_then(|own| own.relative_difference)
            .map(Number::get)
            .filter(|_| side.ships.is_none()),
        truth,
        range: None,
    };
    html! {
        h3 { "The same experiment " (so_far.asked) " times" }
        @if let Some(problem) = &so_far.problem { p.bad { "These runs failed: " (plain(problem)) } }
        @if !so_far.ended { p.small.dim data-more { (so_far.done.len()) " of " (so_far.asked) " runs of " (figure::count(users.into())) " users …" } }
        @if let (Some([from, to]), Some(drawing)) = (middle(&values), histogram(&of)) {
            figure {
                figcaption { strong { "Estimated change of " (name) } span.dim { "a bar: how many runs" @if truth.is_some() { "; diamond: the true change" } } }
                (PreEscaped(drawing))
            }
            p.small { "Nearly all of these runs estimate a change between " strong { (figure::change(from)) } " and " strong { (figure::change(to)) } ". Each has other users, and the same truth." }
        }
        (decided(so_far))
        @if so_far.problem.is_none() { (cut_short(so_far)) }
    }
    .into_string()
}

/// Says where runs ended before all were done.
fn cut_short(so_far: &RunsSoFar) -> Markup {
    html! {
        @if so_far.ended && (so_far.done.len() as u64) < so_far.asked {
            p.small.warn { "Only " (so_far.done.len()) " of " (so_far.asked) " runs: the others would take too long." }
        }
    }
}

fn decided(so_far: &RunsSoFar) -> Markup {
    let decisions: Vec<Decision> = so_far.done.iter().filter_map(|run| run.decision).collect();
    let share = |decision: Decision| {
        MonteCarloEstimate::share(
            decisions.iter().filter(|own| **own == decision).count(),
            decisions.len(),
        )
        .percent()
    };
    html! {
        @if !decisions.is_empty() {
            ul.key {
                li { span.dot.ship aria-hidden="true" {} span { "ship: " strong { (share(Decision::Ship)) } } }
                li { span.dot.keep aria-hidden="true" {} span { "keep the control: " strong { (share(Decision::Keep)) } } }
                li { span.dot.open aria-hidden="true" {} span { "need more data: " strong { (share(Decision::NeedMoreData)) } } }
            }
        }
    }
}

fn task(
    exercise: &Exercise,
    knobs: &[Knob],
    own: &str,
    around: &LessonPlace,
    shown: &LessonSteps,
) -> Markup {
    let knob = knobs.iter().find(|knob| knob.id == exercise.setting);
    let label = knob.map_or_else(|| exercise.setting.clone(), |knob| knob.label.clone());
    html! {
        section aria-labelledby="exercise" {
            h2 #exercise { "4. Exercise" }
            p { (plain(&exercise.task)) }
            form action=(own) method="get" data-part={ (own) "/exercise" } data-into="checked" data-poll {
                input type="hidden" name="path" value=(around.path.key);
                label for="value" { (plain(&label)) " (" (range(exercise)) ")" }
                " " input #value type="text" inputmode="decimal" name="value" maxlength="12" required autocomplete="off";
                " " button type="submit" { "Check by running" }
            }
            div #checked role="status" { @if let Some(part) = &shown.exercise { (PreEscaped(part)) } }
        }
    }
}

fn range(exercise: &Exercise) -> String {
    format!(
        "{} to {}, in steps of {}",
        figure::written(exercise.from),
        figure::written(exercise.to),
        figure::written(exercise.step)
    )
}

/// A value that is none.
pub fn outside(exercise: &Exercise) -> String {
    html! { p.warn { "Expected a number: " (range(exercise)) "." } }.into_string()
}

/// How a value did.
pub fn exercise(
    lesson: &str,
    exercise: &Exercise,
    value: f64,
    found: &RunsSoFar,
    beside: Option<&(f64, RunsSoFar)>,
) -> String {
    let percent = |so_far: &RunsSoFar| figure::percent(so_far.share_met());
    let wanted = figure::percent(exercise.in_runs);
    let written = figure::written(value);
    let waits = !found.ended || beside.is_some_and(|(_, so_far)| !so_far.ended);
    let (extreme, further) = match exercise.extreme {
        Extreme::Smallest => ("smallest", "smaller"),
        Extreme::Largest => ("largest", "larger"),
    };
    html! {
        @if let Some(problem) = found.problem.as_ref().or(beside.and_then(|(_, own)| own.problem.as_ref())) {
            p.bad { "These runs failed: " (plain(problem)) }
        } @else if waits {
            @let now = beside.map_or(found, |(_, so_far)| so_far);
            p.dim data-more { "Running: " (now.done.len()) " of " (now.asked) " …" }
        } @else if found.share_met() < exercise.in_runs {
            p { strong.warn { "Not enough. " } "With " (written) " it holds in " strong { (percent(found)) } " of " (found.done.len()) " runs; wanted: " (wanted) "." }
        } @else {
            @match beside {
                Some((next, so_far)) if so_far.share_met() >= exercise.in_runs => {
                    p { strong.warn { "It holds, and it is not the " (extreme) ". " } "With " (written) " it holds in " strong { (percent(found)) } " of " (found.done.len()) " runs, and with " (figure::written(*next)) " in " strong { (percent(so_far)) } ". Try a " (further) " value." }
                }
                _ => {
                    p data-solved=(lesson) {
                        strong.good { "✓ Solved. " } "With " (written) " it holds in " strong { (percent(found)) } " of " (found.done.len()) " runs"
                        @if let Some((next, so_far)) = beside { ", with " (figure::written(*next)) " only in " strong { (percent(so_far)) } }
                        "; wanted: " (wanted) "."
                    }
                }
            }
        }
        @if !waits { (cut_short(found)) @if let Some((_, so_far)) = beside { (cut_short(so_far)) } }
    }
    .into_string()
}

/// The terms that the texts of a lesson use.
fn used(text: &Lesson) -> Vec<&'static Term> {
    let all = [&text.claim, &text.question, &text.look_at, &text.knob, &text.then, &text.goal];
    let all = all
        .into_iter()
        .chain(&text.answers)
        .map(|own| own.to_lowercase())
        .collect::<Vec<_>>()
        .join(" ");
    let is_word = |word: &str| {
        all.match_indices(word).any(|(at, _)| {
            let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let before = all.get(..at).and_then(|text| text.chars().next_back());
            let after = all.get(at + word.len()..).unwrap_or_default();
            !letter(before) && !letter(after.trim_start_matches('s').chars().next())
        })
    };
    terms().into_iter().filter(|term| is_word(&term.name.to_lowercase())).collect()
}

/// The glossary in place.
fn words(text: &Lesson) -> Markup {
    let used = used(text);
    html! {
        @if !used.is_empty() {
            section.words aria-labelledby="words" {
                h2 #words { "Words of this lesson" }
                @for term in used { details { summary { (term.name) } p { (term.says.join(" ")) } p.small.dim { "Formula: " (term.formula) } } }
            }
        }
    }
}

/// What a teacher wants to know before the lesson.
pub fn notes(lesson: &CourseLesson, around: &LessonPlace) -> String {
    let text = &lesson.text;
    let wrong = text.answers.iter().enumerate().filter(|(nth, _)| *nth != text.right);
    let body = html! {
        header { p.small { a href=(around.link(&lesson.name)) { "Back to the lesson" } } h1 { "Teacher's notes: " (plain(&lesson.before.scenario.title)) } }
        main #main {
            dl {
                dt { "Time" } dd { "about " (lesson.minutes()) " minutes" }
                @if !text.goal.is_empty() { dt { "Goal" } dd { "Afterwards a learner can: " (plain(&text.goal)) } }
                dt { "The point" } dd { (prose(&text.claim, lesson)) }
                dt { "Question" } dd { (prose(&text.question, lesson)) }
                dt { "Right answer" } dd { (prose(text.answers.get(text.right).map_or("", String::as_str), lesson)) }
                dt { "Wrong answers" } dd { ul { @for (_, answer) in wrong { li { (prose(answer, lesson)) } } } }
                dt { "Point at" } dd { (prose(&text.look_at, lesson)) }
                dt { "Knob" } dd { (prose(&text.knob, lesson)) }
                dt { "Then" } dd { (prose(&text.then, lesson)) }
                @if let Some(exercise) = &text.exercise { dt { "Exercise" } dd { (plain(&exercise.task)) " (" (range(exercise)) ")" } }
            }
            p { a.button href={ "/learn/" (lesson.name) "/slides.html" } download { "Slides" } " " a.button href={ "/learn/" (lesson.name) "/lesson.md" } download { "Markdown" } }
        }
    };
    frame("Teacher's notes", &body)
}

/// The lesson as slides: one file, each part as high as the screen.
pub fn slides(lesson: &CourseLesson) -> String {
    let text = &lesson.text;
    let title = plain(&lesson.before.scenario.title);
    let slide = |heading: &str, inside: Markup| html! { section { h2 { (heading) } (inside) } };
    let right = text.answers.get(text.right).map_or("", String::as_str);
    let head = html! {
        meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
        title { (title) }
        style { (PreEscaped(SLIDES)) }
    };
    let body = html! {
        body {
            section { h1 { (title) } @if !text.goal.is_empty() { p { (plain(&text.goal)) } } p.dim { "About " (lesson.minutes()) " minutes · simlab learn " (lesson.name) } }
            (slide("Predict", html! { p { (prose(&text.question, lesson)) } ol { @for answer in &text.answers { li { (prose(answer, lesson)) } } } }))
            (slide("Run", html! { p { "Run: " code { "simlab learn " (lesson.name) } } p { "Look at: " (prose(&text.look_at, lesson)) } }))
            (slide("Answer", html! { p { strong { (text.right + 1) ". " (prose(right, lesson)) } } p { (prose(&text.claim, lesson)) } }))
            (slide("Turn the knob", html! { p { (prose(&text.knob, lesson)) } }))
            (slide("What happened", html! { p { (prose(&text.then, lesson)) } }))
            @if let Some(exercise) = &text.exercise { (slide("Exercise", html! { p { (plain(&exercise.task)) } p.dim { (range(exercise)) } })) }
        }
    };
    html_page(&head, &body)
}

/// The style of slides: a screen each, and a page each on paper.
const SLIDES: &str = "html{scroll-snap-type:y proximity}body{margin:0;font:min(3.2vw,2rem)/1.45 system-ui,sans-serif}\
section{min-height:100vh;box-sizing:border-box;padding:8vh 8vw;display:flex;flex-direction:column;justify-content:center;scroll-snap-align:start;break-after:page}\
h1{font-size:1.7em;line-height:1.2}h2{font-size:1.1em;opacity:.7;margin:0 0 .5em}p,ol{margin:.3em 0;max-width:46em}.dim{opacity:.7}";
