//! Ways through the course: the first lessons, a dozen, or all.
//!
//! Guarantees: a path has lessons of the course only, in the course's order.
//!
//! Does not know: what a lesson teaches.

use std::sync::OnceLock;

use super::lesson::Course;
use crate::scenario::BuiltIn;

/// A way through the course.
#[derive(Debug)]
pub struct CoursePath {
    /// Its name in a link.
    pub key: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// Whom it is for.
    pub purpose: &'static str,
    /// Its lessons by name; empty for all.
    names: &'static [&'static str],
}

/// The first five lessons, and the mistakes that most teams make.
const DOZEN: &[&str] = &[
    "security-level",
    "premium-model",
    "both-at-once",
    "cost-paradox",
    "a-a-test",
    "too-few-users",
    "peeking",
    "noisy-metric",
    "broken-rollout",
    "lenient-judge",
    "two-readings",
    "exposure-dilution",
];

const PATHS: [CoursePath; 3] = [
    CoursePath {
        key: "5",
        title: "First five",
        purpose: "For a first hour: what an experiment on an AI system shows, and how much of it is luck.",
        names: DOZEN.split_at(5).0,
    },
    CoursePath {
        key: "12",
        title: "A dozen",
        purpose: "For an afternoon: the first five, and the mistakes that most teams make.",
        names: DOZEN,
    },
    CoursePath {
        key: "all",
        title: "The whole course",
        purpose: "Every lesson, from the tutorial's own experiments to bandits and graphs of agents.",
        names: &[],
    },
];

impl CoursePath {
    /// Its lessons, in order.
    pub fn lessons(&self) -> impl Iterator<Item = &'static BuiltIn> + use<'_> {
        Course::files().iter().filter(|file| self.has(file))
    }

    /// How long its lessons take together. They are read once, because that takes longer than a page
    /// should.
    #[must_use]
    pub fn minutes(&self) -> u32 {
        static ALL: OnceLock<Vec<u32>> = OnceLock::new();
        let of = |file: &BuiltIn| Course::lesson(file.name).map_or(0, |own| own.minutes());
        let all = ALL.get_or_init(|| Course::files().iter().map(of).collect());
        let own = Course::files().iter().zip(all);
        own.filter(|(file, _)| self.has(file)).map(|(_, minutes)| minutes).sum()
    }

    fn has(&self, file: &BuiltIn) -> bool {
        self.names.is_empty() || self.names.contains(&file.name)
    }
}

impl Course {
    /// The ways through the course, the shortest first.
    #[must_use]
    pub fn paths() -> &'static [CoursePath] {
        &PATHS
    }

    /// The way that has every lesson.
    #[must_use]
    pub fn whole_path() -> &'static CoursePath {
        let [.., all] = &PATHS;
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_have_as_many_lessons_as_they_say_and_each_holds_the_one_before() {
        let counts: Vec<usize> =
            Course::paths().iter().map(|path| path.lessons().count()).collect();
        assert_eq!(counts, [5, 12, Course::files().len()]);
        for pair in Course::paths().windows(2) {
            let longer: Vec<&str> = pair[1].lessons().map(|file| file.name).collect();
            assert!(pair[0].lessons().all(|file| longer.contains(&file.name)));
        }
        // Every name of a path is a lesson.
        assert!(PATHS[..2].iter().all(|path| path.lessons().count() == path.names.len()));
    }
}
