//! How many calls may be out to one provider at once, and when the next one may go: learned from
//! what it answers.
//!
//! Guarantees: a wait that the provider asked for holds for everybody who asks it; where it states
//! that little of a limit is left, calls go as fast as that fills again; being refused
//! halves the calls at once, being answered lets them grow again, one by one (additive increase,
//! multiplicative decrease: Chiu & Jain 1989).
//!
//! Does not know: what is asked.

use std::cell::Cell;

use tokio::sync::Notify;

use crate::time::{Duration, Stopwatch};

/// Furthest apart that calls are kept: a limit that fills more slowly refuses some.
const LONGEST_PACE: Duration = Duration::from_us(30_000_000);

/// The gate in front of one provider.
#[derive(Debug)]
pub struct Gate {
    most: f64,
    allowed: Cell<f64>,
    out: Cell<u32>,
    since: Stopwatch,
    /// Nobody goes before this moment of the stopwatch.
    closed_until: Cell<Duration>,
    /// How far apart those who go are, and when the next one may.
    pace: Cell<Duration>,
    next_at: Cell<Duration>,
    changed: Notify,
}

/// The right to one call; given back when it is dropped.
#[derive(Debug)]
pub struct Pass<'a>(&'a Gate);

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.out.set(self.0.out.get() - 1);
        self.0.changed.notify_waiters();
    }
}

impl Gate {
    /// A gate that lets through `most` calls at once.
    #[must_use]
    pub fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        Self {
            most,
            allowed: Cell::new(most),
            out: Cell::new(0),
            since: Stopwatch::start(),
            closed_until: Cell::new(Duration::ZERO),
            pace: Cell::new(Duration::ZERO),
            next_at: Cell::new(Duration::ZERO),
            changed: Notify::new(),
        }
    }

    /// Waits for the right to one call.
    pub async fn pass(&self) -> Pass<'_> {
        loop {
            let changed = self.changed.notified();
            let now = self.since.elapsed();
            let paced = self.pace.get() > Duration::ZERO;
            let until = self.closed_until.get();
            let until = if paced { until.max(self.next_at.get()) } else { until };
            if now < until {
                tokio::time::sleep(std::time::Duration::from_micros(until.us() - now.us())).await;
                continue;
            }
            if f64::from(self.out.get()) < self.allowed.get().max(1.0) {
                self.out.set(self.out.get() + 1);
                self.next_at.set(now + self.pace.get());
                return Pass(self);
            }
            changed.await;
        }
    }

    /// An answer came.
    pub fn answered(&self) {
        let allowed = self.allowed.get();
        self.allowed.set((allowed + 1.0 / allowed.max(1.0)).min(self.most));
    }

    /// The provider has too much to do.
    pub fn refused(&self) {
        self.allowed.set((self.allowed.get() / 2.0).max(1.0));
    }

    /// Those who go are at least this far apart from now on; zero: as they come.
    pub fn paced(&self, apart: Duration) {
        self.pace.set(apart.min(LONGEST_PACE));
    }

    /// Nobody goes for this long.
    pub fn close_for(&self, wait: Duration) {
        self.closed_until.set(self.closed_until.get().max(self.since.elapsed() + wait));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn refusals_narrow_it_and_answers_widen_it_again() {
        let gate = Gate::new(4);
        gate.refused();
        let passes = [gate.pass().await, gate.pass().await];
        let third = tokio::time::timeout(std::time::Duration::from_millis(20), gate.pass()).await;
        assert!(third.is_err());
        (0..20).for_each(|_| gate.answered());
        let more = [gate.pass().await, gate.pass().await];
        assert_eq!(gate.out.get(), 4);
        drop((passes, more));
        gate.close_for(Duration::from_us(30_000));
        let watch = Stopwatch::start();
        let _pass = gate.pass().await;
        assert!(watch.elapsed() >= Duration::from_us(29_000));
    }

    #[tokio::test]
    async fn calls_are_as_far_apart_as_the_provider_has_room_for() {
        let gate = Gate::new(8);
        gate.paced(Duration::from_us(20_000));
        drop(gate.pass().await);
        let watch = Stopwatch::start();
        futures_util::future::join_all((0..4).map(|_| async { drop(gate.pass().await) })).await;
        assert!(watch.elapsed() >= Duration::from_us(79_000), "{:?}", watch.elapsed());
        // There is room again.
        gate.paced(Duration::ZERO);
        let watch = Stopwatch::start();
        futures_util::future::join_all((0..4).map(|_| async { drop(gate.pass().await) })).await;
        assert!(watch.elapsed() < Duration::from_us(15_000), "{:?}", watch.elapsed());
    }
}
