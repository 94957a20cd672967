//! What real providers did and charged, beside the results: how far the run came, what went wrong
//! on the way, what it cost.
//!
//! Does not know: who the providers are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{Number, Ordered};
use crate::figure;

/// A live run, or a replay of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LiveSummary {
    /// Users whose visits are over.
    pub users: u64,
    /// Users that were asked for.
    pub users_wanted: u64,
    /// Calls of models that came to an end.
    pub calls: u64,
    /// What was spent at most, in dollars: calls whose price is not known count at their worst.
    pub spent_usd: Option<Number>,
    /// The budget, in dollars.
    pub max_cost_usd: Option<Number>,
    /// Why it stopped before its end; `None`: it did not.
    pub stopped: Option<String>,
    /// Malformed answers that were asked for once more.
    pub repaired: u64,
    /// What went wrong in calls of models.
    pub problems: Vec<LiveProblem>,
    /// Users whose events may or may not have reached LaunchDarkly; they are not sent twice.
    pub events_in_doubt: u64,
    /// LaunchDarkly's page of each experiment.
    pub pages: Ordered<String>,
}

/// Failures of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveProblem {
    /// The variation that the users were in; `None` outside of experiments.
    pub variation: Option<String>,
    /// Whose calls.
    pub agent: String,
    /// What went wrong.
    pub kind: String,
    /// Tries that were made again.
    pub retried: u64,
    /// Calls that came to nothing.
    pub failed: u64,
}

impl LiveSummary {
    /// In a few lines, without mark-up.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        let money = |usd: Option<Number>| {
            usd.map_or_else(|| "unknown".to_owned(), |usd| figure::money(usd.get()))
        };
        let mut lines = Vec::new();
        let budget = self
            .max_cost_usd
            .map_or_else(String::new, |most| format!(" of at most {}", figure::money(most.get())));
        lines.push(format!(
            "{} of {} users, {} calls, {} spent{budget}",
            figure::count(self.users),
            figure::count(self.users_wanted),
            figure::count(self.calls),
            money(self.spent_usd)
        ));
        if let Some(stopped) = &self.stopped {
            lines.push(format!("stopped early: {stopped}"));
        }
        if self.repaired > 0 {
            let answers = if self.repaired == 1 { "answer" } else { "answers" };
            lines.push(format!(
                "{} malformed {answers} requested once more",
                figure::count(self.repaired)
            ));
        }
        for LiveProblem { variation, agent, kind, retried, failed } in &self.problems {
            let whose = variation
                .as_deref()
                .map_or_else(String::new, |variation| format!(" of {variation}"));
            lines.push(format!("{agent}{whose}: {kind}, {retried} retried, {failed} failed"));
        }
        if self.events_in_doubt > 0 {
            let users = figure::count(self.events_in_doubt);
            lines.push(format!(
                "events of {users} users may be missing in LaunchDarkly; this report has them"
            ));
        }
        for (experiment, page) in &self.pages.0 {
            lines.push(format!("{experiment} in LaunchDarkly: {page}"));
        }
        lines
    }
}
