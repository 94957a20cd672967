//! The signals that ask the program to stop.
//!
//! Guarantees: SIGTERM (a batch system, a container runtime, CI) counts as SIGINT (Ctrl-C) everywhere.
//!
//! Does not know: what is stopped.

use super::exit::Exit;
use super::output;

/// Waits for SIGINT or SIGTERM; with `hangup`, also for SIGHUP (the terminal was closed). Elsewhere than on Unix: for Ctrl-C. Never returns
/// where signals cannot be waited for.
#[cfg(unix)]
pub async fn told_to_stop(hangup: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let wait = async |kind: SignalKind, wanted: bool| match if wanted { signal(kind).ok() } else { None } {
        Some(mut signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt(), true) => {}
        () = wait(SignalKind::terminate(), true) => {}
        () = wait(SignalKind::hangup(), hangup) => {}
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
pub async fn told_to_stop_once(hangup: bool, words: &str) {
    told_to_stop(hangup).await;
    output::message(words);
    tokio::spawn(async move {
        told_to_stop(hangup).await;
        std::process::exit(Exit::Interrupted as i32);
    });
}
