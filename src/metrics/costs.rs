//! What each user costs, read from a journal as it is written.
//!
//! Does not know: what was measured of them.

use crate::journal::{Entry, Event, Reader};
use crate::quantity::Money;

/// What the calls of each user cost with real providers, at list prices.
#[derive(Clone, Debug, Default)]
pub struct UserCosts {
    /// By user, from number 1 on.
    of_users: Vec<Money>,
    /// Of calls that are nobody's, such as the one that lists the topics.
    of_nobody: Money,
}

impl UserCosts {
    /// The cost of a user, counted from 0.
    #[must_use]
    pub fn of(&self, unit: usize) -> Money {
        self.of_users.get(unit).copied().unwrap_or(Money::ZERO)
    }

    /// The cost of calls that are nobody's.
    #[must_use]
    pub fn of_nobody(&self) -> Money {
        self.of_nobody
    }

    /// More users come, in a run of their own: its calls that are nobody's are not added to those of
    /// the run before.
    pub fn next_run(&mut self) {
        self.of_nobody = Money::ZERO;
    }
}

impl Reader for UserCosts {
    fn entry(&mut self, entry: &Entry) {
        let Event::Completed { cost: Some(cost), .. } = entry.event else { return };
        let Some(unit) = (entry.user as usize).checked_sub(1) else {
            self.of_nobody += cost;
            return;
        };
        if self.of_users.len() <= unit {
            self.of_users.resize(unit + 1, Money::ZERO);
        }
        if let Some(own) = self.of_users.get_mut(unit) {
            *own += cost;
        }
    }
}
