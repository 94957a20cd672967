//! How a run comes to a stop before its end: nothing new is asked, what is out comes home,
//! everything else is dropped.
//!
//! Guarantees: the first reason is the one that is told. Whoever waits for the stop is woken when
//! the last call is home.
//!
//! Does not know: what a call is.

use std::cell::{Cell, RefCell};

use tokio::sync::Notify;

/// Why a run stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// The budget does not allow another call; what one may cost at most, in nano-dollars.
    Budget(u64),
    /// Somebody wanted it to.
    Interrupted,
    /// A backend failed in a way that would fail everybody.
    Failed(String),
    /// The journal cannot be written.
    Journal(String),
    /// A recording does not hold what is asked.
    NotRecorded(String),
}

/// The stop of a run.
#[derive(Debug, Default)]
pub struct StopSignal {
    why: RefCell<Option<Stopped>>,
    out: Cell<u32>,
    changed: Notify,
}

/// A call that is out; home when it is dropped.
#[derive(Debug)]
pub struct Out<'a>(&'a StopSignal);

impl Drop for Out<'_> {
    fn drop(&mut self) {
        self.0.out.set(self.0.out.get() - 1);
        self.0.changed.notify_waiters();
    }
}

impl StopSignal {
    /// Stops, unless it stops already.
    pub fn stop(&self, why: Stopped) {
        self.why.borrow_mut().get_or_insert(why);
        self.changed.notify_waiters();
    }

    /// Why it stops; `None` while it goes on.
    #[must_use]
    pub fn why(&self) -> Option<Stopped> {
        self.why.borrow().clone()
    }

    /// Whether it goes on.
    #[must_use]
    pub fn goes_on(&self) -> bool {
        self.why.borrow().is_none()
    }

    /// A call goes out.
    pub fn out(&self) -> Out<'_> {
        self.out.set(self.out.get() + 1);
        Out(self)
    }

    /// Returns when it has stopped and everything is home.
    pub async fn stopped(&self) {
        loop {
            let changed = self.changed.notified();
            if !self.goes_on() && self.out.get() == 0 {
                return;
            }
            changed.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_waits_for_what_is_out_and_keeps_its_first_reason() {
        let halt = StopSignal::default();
        let out = halt.out();
        halt.stop(Stopped::Interrupted);
        halt.stop(Stopped::Budget(1));
        let short = std::time::Duration::from_millis(10);
        assert!(tokio::time::timeout(short, halt.stopped()).await.is_err());
        drop(out);
        halt.stopped().await;
        assert_eq!(halt.why(), Some(Stopped::Interrupted));
    }
}
