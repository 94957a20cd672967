//! The budget of a live run: reserved before each call from its worst case, settled when the call's
//! cost is known.
//!
//! Guarantees: what is spent and what is reserved never exceed the budget together, so neither do
//! concurrent calls. A call that only reservations stand in the way of waits until they are
//! settled; one that could not be paid any more ends the run.
//!
//! Does not know: prices, or what is asked.

use std::cell::Cell;

use tokio::sync::Notify;

/// The budget, in nano-dollars.
#[derive(Debug)]
pub struct Budget {
    most: u64,
    spent: Cell<u64>,
    reserved: Cell<u64>,
    settled: Notify,
}

/// There is not enough left for this call, whatever the calls in flight cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What the call may cost at most, in nano-dollars.
    pub worst: u64,
}

impl Budget {
    /// A budget of `most`, of which `spent` is gone.
    #[must_use]
    pub fn new(most: u64, spent: u64) -> Self {
        Self { most, spent: Cell::new(spent), reserved: Cell::new(0), settled: Notify::new() }
    }

    /// What is spent.
    #[must_use]
    pub fn spent(&self) -> u64 {
        self.spent.get()
    }

    /// Reserves `worst`, waiting for calls in flight where that may help.
    ///
    /// # Errors
    /// When too little is left even if every call in flight turned out to be for nothing.
    pub async fn reserve(&self, worst: u64) -> Result<(), Reached> {
        loop {
            let changed = self.settled.notified();
            let committed = self.spent.get().saturating_add(self.reserved.get());
            if committed.saturating_add(worst) <= self.most {
                self.reserved.set(self.reserved.get() + worst);
                return Ok(());
            }
            if self.spent.get().saturating_add(worst) > self.most {
                return Err(Reached { worst });
            }
            changed.await;
        }
    }

    /// Settles a reservation of `worst` with what the call did cost. A provider that charges more
    /// than the worst case is believed.
    pub fn settle(&self, worst: u64, cost: u64) {
        self.reserved.set(self.reserved.get().saturating_sub(worst));
        self.spent.set(self.spent.get().saturating_add(cost));
        self.settled.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use proptest::prelude::*;

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_call_waits_for_reservations_and_gives_up_for_what_is_spent() {
        let budget = Budget::new(100, 0);
        assert_eq!(poll(pin!(budget.reserve(60))), Poll::Ready(Ok(())));
        let mut second = pin!(budget.reserve(60));
        assert_eq!(poll(second.as_mut()), Poll::Pending);
        budget.settle(60, 10);
        assert_eq!(poll(second.as_mut()), Poll::Ready(Ok(())));
        assert_eq!(poll(pin!(budget.reserve(91))), Poll::Ready(Err(Reached { worst: 91 })));
        budget.settle(60, 60);
        assert_eq!((budget.spent(), budget.most), (70, 100));
    }

    proptest! {
        #[test]
        fn nothing_exceeds_the_budget(most in 0u64..1000, calls in proptest::collection::vec((0u64..300, 0.0f64..=1.0, any::<bool>()), 0..60)) {
            let budget = Budget::new(most, 0);
            let mut out: Vec<(u64, u64)> = Vec::new();
            for (worst, share, settle) in calls {
                if let Poll::Ready(Ok(())) = poll(pin!(budget.reserve(worst))) {
                    out.push((worst, (worst as f64 * share) as u64));
                }
                if settle && let Some((worst, cost)) = out.pop() {
                    budget.settle(worst, cost);
                }
                prop_assert!(budget.spent.get() + budget.reserved.get() <= most);
            }
        }
    }
}
