//! A verdict as the report has it: what the rule says, and whether that can be trusted at all.
//!
//! Guarantees: a health check that ended in an error outranks the rule. The headline then says not
//! to trust the result, in every format, and what the rule says is kept next to it. An experiment
//! can tolerate a check by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::data::Health;
use super::document::Mark;
use super::table::Tone;
use crate::analysis::HealthStatus;
use crate::verdict::Decision;

/// What the decision rule says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Verdict")]
pub struct ReportedVerdict {
    /// What is decided.
    pub decision: Decision,
    /// The variation to serve.
    pub variation: Option<String>,
    /// The decision in one plain sentence; where a health check failed, that the result is not to
    /// be trusted.
    pub headline: String,
    /// The rule, line by line.
    pub because: Vec<Because>,
    /// What is odd about the rule, whatever the data: one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rule_warnings: Vec<String>,
    /// Whether it was right, where the truth is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hindsight: Option<Hindsight>,
    /// Whether no health check failed, but for those that the experiment tolerates.
    #[serde(default = "yes")]
    pub trusted: bool,
    /// The health checks that failed, without those that the experiment tolerates.
    #[serde(default)]
    pub distrust: Vec<String>,
    /// What the headline would be if no health check had failed; `None` where it is the headline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub untrusted_headline: Option<String>,
    /// The health checks whose failure the experiment tolerates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tolerated: Vec<String>,
}

/// A report that was saved before trust was judged does not say it: [`ReportedVerdict::weigh`] makes up for
/// that.
fn yes() -> bool {
    true
}

impl ReportedVerdict {
    /// Sets trust and headline by these health checks; a second time changes nothing.
    pub fn weigh(&mut self, health: &[Health]) {
        let failed = health.iter().filter(|check| {
            check.status == HealthStatus::Error && !self.tolerated.contains(&check.check)
        });
        self.distrust = failed.map(|check| check.check.clone()).collect();
        self.trusted = self.distrust.is_empty();
        let said = self.untrusted_headline.take().unwrap_or_else(|| self.headline.clone());
        if self.trusted {
            self.headline = said;
            return;
        }
        let checks = if self.distrust.len() == 1 { "check" } else { "checks" };
        self.headline = format!(
            "Do not trust this result: the health {checks} {} failed.",
            self.distrust.join(" and ")
        );
        self.untrusted_headline = Some(said);
    }

    /// What the rule says, where that is not the headline: `Without that the rule would say SHIP:
    /// …`.
    #[must_use]
    pub fn would_have_been(&self) -> Option<String> {
        let said = self.untrusted_headline.as_ref()?;
        let (word, _) = super::format::decision(self.decision);
        Some(format!("Without that the rule would say {word}: {said}"))
    }

    /// Health checks to look at before the verdict is trusted: those that warn, and failed ones
    /// that are tolerated.
    pub(super) fn doubtful<'h>(&self, health: &'h [Health]) -> Vec<&'h str> {
        let doubtful = health.iter().filter(|check| match check.status {
            HealthStatus::Warning => true,
            HealthStatus::Error => !self.distrust.contains(&check.check),
            HealthStatus::Healthy | HealthStatus::Waiting => false,
        });
        doubtful.map(|check| check.check.as_str()).collect()
    }
}

/// Whether a verdict was right, where the truth is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hindsight {
    /// What the rule decides on the truth itself.
    pub decision: Decision,
    /// Whether the verdict agrees; `None` when it left open what the truth decides.
    pub right: Option<bool>,
    /// The same in one plain sentence.
    pub message: String,
}

/// One line of the decision rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Because {
    /// The criterion's name.
    pub criterion: String,
    /// What was found.
    pub found: String,
    /// What is required.
    pub required: String,
    /// Whether it held; `None` when data are missing.
    pub held: Option<bool>,
    /// Declared, not measured.
    #[serde(default)]
    pub declared: bool,
    /// How many groups it is inside of.
    #[serde(default)]
    pub depth: usize,
}

impl Because {
    /// How it came out.
    pub(super) fn mark(&self) -> Mark {
        match self.held {
            Some(true) => Mark { sign: "✓", word: "held", tone: Tone::Good, comment: "✅ held" },
            Some(false) => {
                Mark { sign: "✗", word: "not held", tone: Tone::Bad, comment: "❌ not held" }
            }
            None => Mark { sign: "?", word: "unknown", tone: Tone::Warn, comment: "❔ unknown" },
        }
    }
}
