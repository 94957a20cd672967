//! Scenarios as tests need them: the text of one with parts written in another way, as a value or
//! as a file, and what comes of a run of it.

use std::fs;

use simlab::course::Course;
use simlab::diagnostic::{SourceText, render};
use simlab::journal::Entry;
use simlab::random::Seed;
use simlab::run::PreparedScenario;
use simlab::scenario::{Scenario, built_in, parse_kept};

use super::program::folder;

/// The text of a scenario, to be changed and then used.
#[derive(Clone)]
pub struct Lab {
    text: String,
}

impl Lab {
    /// A scenario that is built into the program.
    pub fn of(name: &str) -> Self {
        Self::text(built_in(name).unwrap().text)
    }

    /// A scenario of the test's own.
    pub fn text(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// With another text in place of one that has to be there, wherever it is.
    pub fn change(mut self, before: &str, after: &str) -> Self {
        assert!(self.text.contains(before), "{before}");
        self.text = self.text.replace(before, after);
        self
    }

    /// With several such changes, one after the other.
    pub fn changes(self, changes: &[(&str, &str)]) -> Self {
        changes.iter().fold(self, |lab, (before, after)| lab.change(before, after))
    }

    /// With one more block, before the experiments.
    pub fn block(self, block: &str) -> Self {
        let before = "    experiments: [";
        assert_eq!(self.text.matches(before).count(), 1, "one list of experiments");
        self.change(before, &format!("    {block},\n{before}"))
    }

    /// The text as it is now.
    pub fn into_text(self) -> String {
        self.text
    }

    /// What it means, without documents of its own.
    pub fn scenario(&self) -> Scenario {
        parse_kept("own", &self.text, &[])
            .unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, false)))
            .scenario
    }

    /// What is wrong with it, as the command line shows it; nothing where it is sound.
    pub fn mistakes(&self) -> String {
        let source = SourceText::new("own.ron", self.text.as_str());
        match simlab::scenario::parse("own", source, &|_| Err("there is no folder".to_owned())) {
            Ok(_) => String::new(),
            Err(mistakes) => render(&mistakes, false),
        }
    }

    /// The path of a file with it, in a folder that only this test has.
    pub fn file(&self, test: &str) -> String {
        let path = folder(test).join("my.ron");
        fs::write(&path, &self.text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// The scenario of a lesson, before and after its knob is turned.
pub fn lesson(name: &str) -> [Scenario; 2] {
    let lesson = Course::lesson(name).unwrap();
    [lesson.before.scenario, lesson.after.scenario]
}

/// Everything that happens in a run.
pub fn journal(scenario: &Scenario, seed: Seed, users: u32) -> Vec<Entry> {
    let stage = PreparedScenario::new(scenario, seed).unwrap();
    stage.population(seed, users).visit(Vec::new())
}

/// The names of the built-in scenarios with a graph of their own.
pub fn own_graphs() -> Vec<&'static str> {
    let own = simlab::scenario::LIBRARY.iter().filter(|own| own.text.contains("\n    graph: ("));
    let names: Vec<&str> = own.map(|own| own.name).collect();
    assert!(names.len() >= 8, "{names:?}");
    names
}
