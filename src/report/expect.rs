//! What a scenario expects of its own outcome, and how that came: the value that CI looks at.
//!
//! ```ron
//! expect: (
//!   verdict: Ship,
//!   variation: "strict-security",
//!   criteria: [("cost increase at most 15%", Held), ("cost-value ratio", NotHeld)],
//! )
//! ```

use serde::{Deserialize, Serialize};

use super::data::Experiment;
use crate::verdict::{Decision, written_plain};

/// What is expected of one experiment. What is left out is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The decision.
    #[serde(default, deserialize_with = "written_plain")]
    pub verdict: Option<Decision>,
    /// The variation that the decision is to serve.
    #[serde(default, deserialize_with = "written_plain")]
    pub variation: Option<String>,
    /// Criteria by name, and how each is to come out.
    #[serde(default)]
    pub criteria: Vec<(String, Outcome)>,
}

/// How a criterion comes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It holds.
    Held,
    /// It does not.
    NotHeld,
    /// Data are missing.
    Unknown,
}

impl Outcome {
    fn of(held: Option<bool>) -> Self {
        match held {
            Some(true) => Self::Held,
            Some(false) => Self::NotHeld,
            None => Self::Unknown,
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::NotHeld => "not held",
            Self::Unknown => "unknown",
        }
    }
}

/// One expectation, and how it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExpectationResult {
    /// What is expected: "the verdict is ship".
    pub name: String,
    /// Whether it came so.
    pub passed: bool,
    /// What came instead; empty when it passed.
    pub message: String,
}

impl Expect {
    /// Holds the expectations against what `experiment` came to.
    #[must_use]
    pub fn check(&self, experiment: &Experiment) -> Vec<ExpectationResult> {
        let verdict = experiment.verdict.as_ref();
        let mut results = Vec::new();
        let mut push = |what: String, expected: &str, found: Option<&str>| {
            let passed = found == Some(expected);
            let message = if passed { String::new() } else { format!("it is {}", found.unwrap_or("missing")) };
            results.push(ExpectationResult { name: format!("{}: {what} is {expected}", experiment.name), passed, message });
        };
        if let Some(expected) = self.verdict {
            push("the verdict".to_owned(), decision(expected), verdict.map(|verdict| decision(verdict.decision)));
        }
        if let Some(expected) = &self.variation {
            push("the variation".to_owned(), expected, verdict.and_then(|verdict| verdict.variation.as_deref()));
        }
        for (criterion, expected) in &self.criteria {
            let line = verdict.and_then(|verdict| verdict.because.iter().find(|line| line.criterion == *criterion));
            push(format!("“{criterion}”"), expected.words(), line.map(|line| Outcome::of(line.held).words()));
        }
        results
    }
}

fn decision(decision: Decision) -> &'static str {
    match decision {
        Decision::Ship => "ship",
        Decision::Keep => "keep",
        Decision::NeedMoreData => "need more data",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expectations_are_held_against_the_outcome() {
        let expect: Expect = ron::from_str(
            r#"(verdict: Ship, variation: "strict-security", criteria: [
                ("latency increase at most 3 s", NotHeld), ("enhanced privacy protection", Held), ("no such thing", Held),
            ])"#,
        )
        .unwrap();
        let report = super::super::tests::published();
        let results: Vec<String> = expect
            .check(&report.experiments[0])
            .into_iter()
            .map(|result| format!("{} {} {}", if result.passed { "+" } else { "-" }, result.name, result.message))
            .collect();
        assert_eq!(
            results,
            [
                "+ Security Level: the verdict is ship ",
                "+ Security Level: the variation is strict-security ",
                "- Security Level: “latency increase at most 3 s” is not held it is held",
                "+ Security Level: “enhanced privacy protection” is held ",
                "- Security Level: “no such thing” is held it is missing",
            ]
        );
    }
}
