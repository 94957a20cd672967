//! What real providers did and charged, beside the results: how far the run came, what went wrong
//! on the way, what it cost.
//!
//! Does not know: who the providers are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::{Number, Ordered};
use crate::figure;

/// The name of the flag service among those of [`LiveSummary::other_side`].
pub const FLAG_SERVICE: &str = "LaunchDarkly";

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
    /// What stood at the address of each provider, and of LaunchDarkly.
    #[serde(default)]
    pub other_side: Ordered<Counterpart>,
    /// LaunchDarkly's page of each experiment.
    pub pages: Ordered<String>,
}

/// What stands at an address that a live run goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counterpart {
    /// The service itself, or another machine.
    #[default]
    Real,
    /// The mock of `simlab serve`.
    Mock,
    /// Something else on this machine: another mock, a local model, a gateway.
    ThisMachine,
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
    /// Whether every provider was a mock, so that nothing was paid.
    #[must_use]
    pub fn is_unpaid(&self) -> bool {
        let mut providers = self.providers().peekable();
        providers.peek().is_some() && providers.all(|(_, which)| which == Counterpart::Mock)
    }

    fn providers(&self) -> impl Iterator<Item = (&str, Counterpart)> {
        let all = self.other_side.0.iter().map(|(name, which)| (name.as_str(), *which));
        all.filter(|(name, _)| *name != FLAG_SERVICE)
    }

    /// Who was on the other side, in one sentence.
    #[must_use]
    pub fn mode(&self) -> String {
        let named = |wanted: fn(Counterpart) -> bool| {
            let all = self.providers().filter(|(_, which)| wanted(*which));
            all.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
        };
        let real = named(|which| which == Counterpart::Real);
        let others = named(|which| which != Counterpart::Real);
        let mut mode = if self.is_unpaid() {
            "live against simlab's mock: no real provider was called, nothing was paid".to_owned()
        } else if others.is_empty() {
            return "live: real providers were called and paid".to_owned();
        } else if real.is_empty() {
            format!(
                "live at addresses of this machine: {others} (a mock, a local model or a gateway)"
            )
        } else {
            format!("live: {real} really called and paid; {others} at addresses of this machine")
        };
        if self.other_side.get(FLAG_SERVICE) == Some(&Counterpart::Real) {
            mode += "; LaunchDarkly was the real one";
        }
        mode
    }

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
        let (users, wanted) = (figure::count(self.users), figure::count(self.users_wanted));
        let (calls, cost) = (figure::count(self.calls), money(self.spent_usd));
        lines.push(if self.is_unpaid() {
            format!("{users} of {wanted} users, {calls} calls, {cost}{budget} at the scenario's prices, not paid")
        } else {
            format!("{users} of {wanted} users, {calls} calls, {cost} spent{budget}")
        });
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
