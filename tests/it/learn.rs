//! The course in the browser: every lesson's page, its steps, and exercises that are checked by
//! running. What a page says is compared with the lesson's file and with `simlab learn`.

use std::thread::sleep;
use std::time::Duration;

use simlab::course::{Course, LessonRuns};
use simlab::play::Play;
use simlab::scenario::load;
use simlab::serve::{PageReply, PageRequest};

fn play() -> Play {
    Play::new(load("security").unwrap())
}

/// What a path with a query is answered with.
fn ask(play: &Play, address: &str) -> PageReply {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (name.to_owned(), value.to_owned())
    };
    let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
    play.answer(&PageRequest { path: path.to_owned(), parameters, ..PageRequest::default() })
}

fn shown(play: &Play, address: &str) -> String {
    let reply = ask(play, address);
    assert_eq!(reply.status, 200, "{address}: {}", reply.body);
    reply.body
}

/// A text as a page has it.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The first words of a text, up to the first key of a metric.
fn begins(text: &str) -> String {
    escaped(text.split(['_']).next().unwrap().rsplit_once(' ').map_or(text, |(words, _)| words))
}

#[test]
fn every_lesson_has_a_page_that_asks_first() {
    let play = play();
    let all = shown(&play, "/learn?path=all");
    for (nth, file) in Course::files().iter().enumerate() {
        let lesson = Course::lesson(file.name).unwrap();
        assert!(all.contains(&format!("href=\"/learn/{}?path=all\"", file.name)), "{}", file.name);
        let page = shown(&play, &format!("/learn/{}?path=all", file.name));
        let title = escaped(&lesson.before.scenario.title);
        assert!(page.contains(&title), "{}", file.name);
        assert!(page.contains(&format!("lesson {} of 42", nth + 1)), "{}", file.name);
        assert!(page.contains(&format!("about {} minutes", lesson.minutes())), "{}", file.name);
        assert!(!lesson.text.goal.is_empty() && page.contains(&escaped(&lesson.text.goal)));
        assert!(page.contains(&begins(&lesson.text.question)), "{}: {page}", file.name);
        let answers = page.matches("type=\"radio\" name=\"answer\"").count();
        assert_eq!(answers, lesson.text.answers.len(), "{}", file.name);
        // Whoever has not predicted sees neither the answer nor what the knob does.
        for hidden in [&lesson.text.claim, &lesson.text.then, &lesson.text.look_at] {
            assert!(!page.contains(&begins(hidden)), "{}: {hidden}", file.name);
        }
        assert!(page.contains("id=\"exercise\"") == lesson.text.exercise.is_some());
        for part in ["notes", "lesson.md", "slides.html"] {
            let told = shown(&play, &format!("/learn/{}/{part}", file.name));
            assert!(told.contains("minutes"), "{} {part}", file.name);
        }
    }
    // Three paths, of which the first is shown to whoever does not choose.
    let lessons = |page: &str| page.matches("<li data-lesson=").count();
    assert_eq!(lessons(&shown(&play, "/learn")), 5);
    assert_eq!(lessons(&shown(&play, "/learn?path=12")), 12);
    assert_eq!(lessons(&all), 42);
}

#[test]
fn a_lesson_reveals_what_its_run_found_and_turns_its_knob() {
    let play = play();
    let revealed = shown(&play, "/learn/too-few-users/reveal?answer=3");
    let wrong = shown(&play, "/learn/too-few-users/reveal?answer=1");
    let lesson = Course::lesson("too-few-users").unwrap();
    assert!(revealed.contains("You were right.") && wrong.contains("Not this time."));
    assert!(revealed.contains(&begins(&lesson.text.claim)), "{revealed}");
    // The scorecard is that of the same run in a terminal.
    let report = simlab::run(
        &lesson.before.scenario,
        simlab::RunOptions { truth: false, ..simlab::RunOptions::default() },
    );
    let report = report.unwrap().report;
    let cost = report.experiments[0].metrics.iter().find(|own| own.key == "ai_cost_per_request");
    let change = cost.unwrap().variations.iter().find_map(|own| own.relative_difference).unwrap();
    let text = simlab::figure::change(change.get());
    assert!(revealed.contains(&format!("<strong>{text}</strong>")), "{text}: {revealed}");
    assert!(revealed.contains("truth "), "{revealed}");
    let turned = shown(&play, "/learn/too-few-users/turned");
    assert!(turned.contains(&begins(&lesson.text.then)), "{turned}");
    assert!(turned.contains("8,000") || turned.contains("(4,0") || turned.contains("(3,9"));
    // Without a script the same comes as a page.
    let page = shown(&play, "/learn/too-few-users?reveal=1&answer=3&path=12");
    assert!(page.contains("You were right.") && page.contains("of 12"), "{page}");
    // The slider goes over the whole range, and a position is a run.
    assert!(page.contains("id=\"slider\" type=\"range\""), "{page}");
    let moved = shown(&play, "/learn/too-few-users/at?value=1000");
    assert!(moved.contains("class=\"scorecard\"") && !moved.contains("truth "), "{moved}");
}

#[test]
fn wrong_links_get_a_reason() {
    let play = play();
    for (address, status, words) in [
        ("/learn/peking", 404, "did you mean `peeking`?"),
        ("/learn/peeking/everything", 404, "the course is at /learn"),
        ("/learn?path=7", 400, "expected 5, 12 or all"),
        ("/learn/peeking/reveal?answer=9", 400, "expected an `answer` from 1 to 3"),
        ("/learn/peeking/exercise?value=5", 400, "no exercise"),
        ("/learn/security-level/at?value=1", 400, "no slider"),
        ("/learn/too-few-users/at?value=-1", 400, "expected a `value` from"),
        ("/learn/too-few-users/at?value=NaN", 400, "expected a `value` from"),
        ("/learn/%3Cscript%3E", 404, "no lesson is called"),
    ] {
        let reply = ask(&play, address);
        assert_eq!(reply.status, status, "{address}: {}", reply.body);
        assert!(reply.body.contains(words), "{address}: {}", reply.body);
        assert!(reply.content_type.starts_with("text/plain"), "{address}");
    }
    let outside = shown(&play, "/learn/too-few-users/exercise?value=<b>");
    assert!(outside.contains("Expected a number: 200 to 4,000"), "{outside}");
}

#[test]
fn every_exercise_turns_a_setting_that_its_lesson_has() {
    let play = play();
    let mut exercises = 0;
    for file in Course::files() {
        let lesson = Course::lesson(file.name).unwrap();
        let Some(exercise) = &lesson.text.exercise else { continue };
        exercises += 1;
        assert!(!exercise.wanted.needs_truth(), "{}: runs do not know the truth", file.name);
        // The page names the setting by its label, which only a setting has.
        let page = shown(&play, &format!("/learn/{}", file.name));
        let label = page.split("<label for=\"value\">").nth(1).unwrap();
        assert!(
            !label.starts_with(&exercise.setting),
            "{}: no setting {}",
            file.name,
            exercise.setting
        );
    }
    assert!(exercises >= 5, "{exercises}");
}

/// Asks until all runs are there; a machine that is slow says so with fewer.
fn checked(play: &Play, address: &str) -> String {
    for _ in 0..900 {
        let page = shown(play, address);
        if !page.contains("data-more") {
            return page;
        }
        sleep(Duration::from_millis(200));
    }
    panic!("the runs do not come to an end");
}

#[test]
fn an_exercise_is_solved_by_the_smallest_value_only() {
    let play = play();
    let of = |value: u32| checked(&play, &format!("/learn/too-few-users/exercise?value={value}"));
    let few = of(200);
    assert!(few.contains("Not enough."), "{few}");
    let many = of(4000);
    assert!(many.contains("it is not the smallest"), "{many}");
}

#[test]
fn runs_of_a_lesson_are_its_scenario_with_other_seeds() {
    let lesson = Course::lesson("too-few-users").unwrap();
    let runs = LessonRuns::new(&lesson.before.scenario, &lesson.text);
    assert_eq!(runs.metric.as_deref(), Some("ai_cost_per_request"));
    let mut found = Vec::new();
    runs.run(3, 2, || true, |run| found.push(run)).unwrap();
    let mut again = Vec::new();
    runs.run(3, 1, || true, |run| again.push(run)).unwrap();
    assert_eq!(found, again);
    for (nth, run) in found.iter().enumerate() {
        let seed = lesson.before.scenario.seed.replication(nth as u64).0;
        let options = simlab::RunOptions { seed: Some(seed), ..simlab::RunOptions::default() };
        let report = simlab::run(&lesson.before.scenario, options).unwrap().report;
        let experiment = &report.experiments[0];
        let cost = experiment.metrics.iter().find(|own| own.key == "ai_cost_per_request").unwrap();
        let change = cost.variations.iter().find_map(|own| own.relative_difference).unwrap();
        assert_eq!(run.change, Some(change.get()), "run {nth}");
        assert_eq!(run.decision, experiment.verdict.as_ref().map(|own| own.decision));
    }
    let stopped = {
        let mut count = 0;
        runs.run(200, 1, || false, |_| count += 1).unwrap();
        count
    };
    assert_eq!(stopped, 0);
}
