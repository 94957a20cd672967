//! What a traffic summary and the cost table need, folded from the journal as it is written.
//!
//! Guarantees: constant memory, whatever the number of users.
//!
//! Does not know: experiments' metrics.

use std::collections::BTreeMap;

use crate::journal::{Caller, Entry, Event, FailureKind, Reader, Served, VisitEnd};
use crate::quantity::{Money, MoneyTotal};
use crate::time::Timestamp;

/// Calls of one agent with one model by the users of one variation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spending {
    /// Completed calls.
    pub calls: u64,
    /// What they cost; a model without a price adds nothing.
    pub cost: MoneyTotal,
}

/// The summary so far.
#[derive(Clone, Debug, Default)]
pub struct TrafficTally {
    /// Requests that were sent.
    pub queries: u64,
    /// Users who sent them.
    pub users: u64,
    /// Requests that were answered.
    pub succeeded: u64,
    /// Requests that were not, by why.
    pub failures: BTreeMap<FailureKind, u64>,
    /// Requests with personal data.
    pub personal: u64,
    /// Failed model calls, by caller and why.
    pub failed_calls: BTreeMap<(Caller, FailureKind), u64>,
    /// Requests whose raw text went on because the security agent failed.
    pub failed_open: u64,
    /// Judgments that failed and so gave no feedback.
    pub judge_failures: u64,
    /// Refusals of rate-limited tools.
    pub tool_refusals: u64,
    /// Everything that was spent, the traffic generator and the judge included.
    pub cost: MoneyTotal,
    /// The end of the last thing that happened.
    pub end: Timestamp,
}

impl Reader for TrafficTally {
    fn entry(&mut self, entry: &Entry) {
        // The traffic ends with its last visit, not with what follows days later.
        if !matches!(entry.event, Event::Followed { .. }) {
            self.end = self.end.max(entry.at);
        }
        match entry.event {
            Event::Arrived { personal, visit, .. } => {
                self.queries += 1;
                self.users += u64::from(visit == 0);
                self.personal += u64::from(personal);
            }
            Event::Completed { cost: Some(cost), .. } | Event::StepFinished { cost, .. } => {
                self.cost += cost;
            }
            Event::CallFailed { caller, kind, .. } => {
                *self.failed_calls.entry((caller, kind)).or_default() += 1
            }
            Event::Screened { fail_open, .. } => self.failed_open += u64::from(fail_open),
            Event::ToolUsed { refusals, .. } => self.tool_refusals += u64::from(refusals),
            Event::Finished { outcome: VisitEnd::Answered, .. } => self.succeeded += 1,
            Event::Finished { outcome: VisitEnd::Failed(kind), .. } => {
                *self.failures.entry(kind).or_default() += 1
            }
            Event::Judged { failed, .. } => self.judge_failures += u64::from(failed),
            _ => {}
        }
    }
}

/// Failures of requests by the variation that the user was in, and spending by agent, model and
/// variation: for one experiment, whose config is `config`.
#[derive(Clone, Debug)]
pub struct ArmTally {
    config: u8,
    /// The treatment of each of the config's variations.
    treatment_of: Vec<Option<u8>>,
    /// The treatment of each user in flight, by user; kept short by forgetting those that ended.
    current: BTreeMap<u32, u8>,
    /// Spending by treatment, caller and model; a step has no model.
    pub spending: BTreeMap<(u8, Caller, Option<u16>), Spending>,
    /// Failed requests by treatment and kind.
    pub failures: BTreeMap<(u8, FailureKind), u64>,
}

impl ArmTally {
    /// A tally for the experiment on `config` with these treatments.
    #[must_use]
    pub fn new(config: u8, treatment_of: Vec<Option<u8>>) -> Self {
        Self {
            config,
            treatment_of,
            current: BTreeMap::new(),
            spending: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    fn spend(&mut self, of: (u8, Caller, Option<u16>), cost: Money) {
        let spending = self.spending.entry(of).or_default();
        spending.calls += 1;
        spending.cost += cost;
    }

    fn treatment(&self, served: Served) -> Option<u8> {
        (served.config == self.config)
            .then(|| self.treatment_of.get(usize::from(served.variation)).copied().flatten())
            .flatten()
    }
}

impl Reader for ArmTally {
    fn entry(&mut self, entry: &Entry) {
        match entry.event {
            Event::Evaluated { served, in_experiment: true } => {
                if let Some(treatment) = self.treatment(served) {
                    self.current.insert(entry.user, treatment);
                }
            }
            Event::Completed { caller, served: Some(_), model, cost, .. } => {
                if let Some(&treatment) = self.current.get(&entry.user) {
                    self.spend((treatment, caller, Some(model)), cost.unwrap_or(Money::ZERO));
                }
            }
            Event::StepFinished { agent, cost, failed: false, .. } => {
                if let Some(&treatment) = self.current.get(&entry.user) {
                    self.spend((treatment, Caller::Agent(agent), None), cost);
                }
            }
            Event::Finished { outcome, .. } => {
                if let (Some(treatment), VisitEnd::Failed(kind)) =
                    (self.current.remove(&entry.user), outcome)
                {
                    *self.failures.entry((treatment, kind)).or_default() += 1;
                }
            }
            _ => {}
        }
    }
}

impl Reader for Vec<ArmTally> {
    fn entry(&mut self, entry: &Entry) {
        self.iter_mut().for_each(|tally| tally.entry(entry));
    }
}
