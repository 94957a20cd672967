//! Replications side by side, on as many threads as asked for.
//!
//! Guarantees: the result depends on the numbers of the replications alone, not on threads or on
//! their order; an interruption loses at most the replications that are under way.
//!
//! Does not know: what a replication is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;

use super::design::Design;
use super::replicate::Replication;
use crate::run::SetupError;

/// Runs the replications with these numbers on `jobs` threads, until `stop` is set. `progress`
/// receives all that are done, after each.
///
/// # Errors
/// When the mock LaunchDarkly refuses what the scenario asks of it.
pub fn conduct(
    design: &Design<'_>,
    wanted: &[u64],
    jobs: usize,
    stop: &AtomicBool,
    progress: impl FnMut(&BTreeMap<u64, Replication>),
) -> Result<BTreeMap<u64, Replication>, SetupError> {
    side_by_side(wanted, jobs, stop, |nth| design.replicate(nth), progress)
}

/// Does the work of each of these numbers on `jobs` threads, until `stop` is set or one fails.
/// `progress` receives all that is done, after each.
///
/// # Errors
/// The first error of the work.
pub fn side_by_side<T: Send, E: Send>(
    wanted: &[u64],
    jobs: usize,
    stop: &AtomicBool,
    work: impl Fn(u64) -> Result<T, E> + Sync,
    mut progress: impl FnMut(&BTreeMap<u64, T>),
) -> Result<BTreeMap<u64, T>, E> {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let worker = |send: mpsc::Sender<Result<(u64, T), E>>| {
        while !stop.load(Ordering::Relaxed) {
            let Some(&nth) = wanted.get(next.fetch_add(1, Ordering::Relaxed)) else { return };
            let done = work(nth).map(|done| (nth, done));
            let failed = done.is_err();
            if send.send(done).is_err() || failed {
                return;
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..jobs.clamp(1, wanted.len().max(1)) {
            let send = send.clone();
            scope.spawn(|| worker(send));
        }
        drop(send);
        let mut all = BTreeMap::new();
        let mut failed = None;
        for done in receive {
            match done {
                Ok((nth, done)) => {
                    all.insert(nth, done);
                    progress(&all);
                }
                Err(error) => {
                    stop.store(true, Ordering::Relaxed);
                    failed.get_or_insert(error);
                }
            }
        }
        failed.map_or(Ok(all), Err)
    })
}
