//! The signals that ask the program to stop.
//!
//! Guarantees: SIGTERM (a batch system, a container runtime, CI) counts as SIGINT (Ctrl-C)
//! everywhere.
//!
//! Does not know: what is stopped.

#[cfg(unix)]
use futures_util::future::select_all;

use super::exit::Exit;
use super::output;

/// Waits for SIGINT or SIGTERM; with `hangup`, also for SIGHUP (the terminal was closed). Elsewhere
/// than on Unix: for Ctrl-C. Signals are taken from this call on, not from the first moment that
/// somebody waits. Never ends where signals cannot be waited for.
#[cfg(unix)]
pub fn told_to_stop(hangup: bool) -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [SignalKind::interrupt(), SignalKind::terminate()]
        .into_iter()
        .chain(hangup.then(SignalKind::hangup));
    let mut signals: Vec<_> = kinds.filter_map(|kind| signal(kind).ok()).collect();
    async move {
        if signals.is_empty() {
            std::future::pending::<()>().await;
        }
        select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))).await;
    }
}

/// Waits for Ctrl-C. Never returns where that cannot be waited for.
#[cfg(not(unix))]
pub async fn told_to_stop(_hangup: bool) {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Waits for the first such signal, says `words`, and lets a second one end the program at once.
pub fn told_to_stop_once(hangup: bool, words: &str) -> impl Future<Output = ()> {
    let told = told_to_stop(hangup);
    async move {
        told.await;
        output::message(words);
        let again = told_to_stop(hangup);
        tokio::spawn(async move {
            again.await;
            std::process::exit(Exit::Interrupted as i32);
        });
    }
}
