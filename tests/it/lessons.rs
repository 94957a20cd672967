//! The course: every lesson shows what it claims, on both sides of its knob.

use simlab::course::{Course, both};
use simlab::diagnostic;
use simlab::scenario::BuiltIn;

use super::claims;
use super::program::{folder, pinned, simlab, simlab_in};

/// What these lessons claim and do not show, on either side of the knob.
fn not_shown(files: &[&'static BuiltIn]) -> Vec<String> {
    let check = |files: &[&'static BuiltIn]| {
        let mut failed = Vec::new();
        for file in files {
            let lesson = Course::lesson(file.name).unwrap_or_else(|faults| {
                panic!("{}: {}", file.name, diagnostic::render(&faults, false))
            });
            let sides = both(&lesson, 1).unwrap();
            failed.extend(claims::that_fail(file.name, &lesson.before.source.text, &sides));
            for (side, when) in sides.iter().zip(["before", "after"]) {
                assert!(!side.checks.is_empty(), "nothing of {} is checked {when}", file.name);
                let wrong = side.checks.iter().filter(|check| !check.passed);
                failed.extend(wrong.map(|check| {
                    format!("{}, {when}: {}: {}", file.name, check.name, check.message)
                }));
            }
        }
        failed
    };
    let half = files.len().div_ceil(2);
    std::thread::scope(|scope| {
        let threads =
            [scope.spawn(|| check(&files[..half])), scope.spawn(|| check(&files[half..]))];
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_lesson_shows_what_it_claims_before_and_after_its_knob_is_turned() {
    let files: Vec<_> = Course::files().iter().step_by(5).collect();
    assert!(files.len() >= 7);
    assert_eq!(not_shown(&files), Vec::<String>::new());
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn every_lesson_shows_what_it_claims_before_and_after_its_knob_is_turned() {
    let files: Vec<_> = Course::files().iter().collect();
    assert_eq!(not_shown(&files), Vec::<String>::new());
}

#[test]
fn a_lesson_is_told_from_prediction_to_the_turned_knob() {
    pinned("learn-peeking", &simlab(&["learn", "peeking"]).well());
}

#[test]
fn the_course_lists_its_lessons_and_an_unknown_one_leads_to_the_nearest() {
    let contents = simlab(&["learn"]).well();
    let listed = simlab(&["list"]).well();
    for file in Course::files() {
        assert!(
            contents.contains(file.name)
                && contents.contains(&file.title())
                && listed.contains(file.name),
            "{}",
            file.name
        );
        assert!(!file.title().is_empty());
    }
    let unknown = simlab(&["learn", "peking"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("did you mean `peeking`?"), "{}", unknown.err);
    assert_eq!(simlab(&["learn", "99"]).code, 2);
}

/// The lessons of these files that do not run as told when they are written out.
fn written_out(place: &str, files: &'static [BuiltIn]) -> Vec<String> {
    let folder = folder(place);
    std::thread::scope(|scope| {
        let halves = [&files[..files.len() / 2], &files[files.len() / 2..]];
        let threads = halves.map(|files| {
            let folder = &folder;
            scope.spawn(move || {
                let run = |name: &str| {
                    let file = format!("{name}.ron");
                    assert_eq!(simlab_in(folder, &["new", name, &file]).code, 0, "{name}");
                    let ran = simlab_in(folder, &["run", &file, "--quiet"]);
                    (ran.code != 0).then(|| format!("{name}: exit code {}, {}", ran.code, ran.err))
                };
                files.iter().filter_map(|file| run(file.name)).collect::<Vec<_>>()
            })
        });
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

#[test]
fn a_lesson_that_is_written_out_runs_as_told() {
    assert_eq!(written_out("lessons-written-out", &Course::files()[..6]), Vec::<String>::new());
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn every_lesson_that_is_written_out_runs_as_told() {
    assert_eq!(written_out("lessons-all-written-out", Course::files()), Vec::<String>::new());
}
