//! The scenarios that are built into the program.
//!
//! Does not know: what they mean; they are read like any other file.

/// A scenario in the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

impl BuiltIn {
    /// Its title, one line.
    #[must_use]
    pub fn title(&self) -> String {
        self.line("title:")
    }

    /// The part of the course that a lesson belongs to; empty for a scenario that is no lesson.
    #[must_use]
    pub fn part(&self) -> String {
        self.line("part:")
    }

    /// The text of the first field of this name, where it is written on one line.
    fn line(&self, field: &str) -> String {
        let line = self.text.lines().find_map(|line| line.trim().strip_prefix(field));
        // The text is RON, so a quote in it is written with a backslash.
        line.and_then(|line| ron::from_str(line.trim().trim_end_matches(',')).ok())
            .unwrap_or_default()
    }
}

macro_rules! library {
    ($folder:literal, $($name:literal),* $(,)?) => {
        &[$(BuiltIn { name: $name, text: include_str!(concat!("../../scenarios/", $folder, $name, ".ron")) }),*]
    };
}

/// The scenarios.
pub const LIBRARY: &[BuiltIn] = library![
    "",
    "security",
    "security-literal",
    "premium",
    "tutorial",
    "chat",
    "rag",
    "router",
    "research",
    "guardrail",
    "moderation",
    "chatbot-flow",
    "tutorial-graph",
    "support-desk",
    "security-live",
];

/// The lessons, in the order of the course.
pub const LESSONS: &[BuiltIn] = library![
    "lessons/",
    "security-level",
    "premium-model",
    "both-at-once",
    "cost-paradox",
    "a-a-test",
    "too-few-users",
    "peeking",
    "noisy-metric",
    "alike-visits",
    "novelty",
    "broken-rollout",
    "silent-arm",
    "prior-data-conflict",
    "lenient-judge",
    "wordy-judge",
    "order-judge",
    "missing-cost",
    "shared-limit",
    "two-readings",
    "exposure-dilution",
    "confounded-arm",
    "fails-open",
    "failures-as-successes",
    "prompt",
    "parameters",
    "tool-bundle",
    "segments",
    "retrieval",
    "reranker",
    "fallback",
    "sensitivity",
    "session-budget",
    "targeting",
    "factorial",
    "sequential",
    "bandit",
    "guarded-rollout",
    "handed-over",
    "wrong-way",
    "prompt-cache",
    "carry-over",
    "refused",
];

/// The scenario or lesson of this name.
#[must_use]
pub fn built_in(name: &str) -> Option<&'static BuiltIn> {
    LIBRARY.iter().chain(LESSONS).find(|built_in| built_in.name == name)
}
