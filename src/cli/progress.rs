//! How far a command is and how long it will take: a bar on a terminal, else a line every few
//! seconds on standard error.
//!
//! Guarantees: a command that takes less than a second writes nothing, one with `--quiet` neither,
//! and standard output is never touched. The lines begin with `progress:`, so that a script can
//! drop them.
//!
//! Does not know: what is counted.

use std::io::{self, IsTerminal};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output;
use crate::figure;
use crate::time::Stopwatch;

/// When the first line is written where there is no terminal.
const FIRST: std::time::Duration = std::time::Duration::from_secs(1);
/// The time from one line to the next.
const PAUSE: std::time::Duration = std::time::Duration::from_secs(5);

/// What is counted, how much of it there is, and how much is done.
pub struct Progress {
    bar: ProgressBar,
    lines: Option<Lines>,
}

impl Progress {
    /// A view of work of which `done` of `total` is already done; a `total` of 0 is not known.
    #[must_use]
    pub fn new(what: &'static str, total: u64, done: u64, quiet: bool) -> Self {
        let bar = bar(what, total);
        bar.set_position(done);
        bar.reset_eta();
        let lines = if quiet {
            None
        } else if io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::stderr());
            if total == 0 {
                bar.enable_steady_tick(std::time::Duration::from_millis(100));
            }
            None
        } else {
            Some(Lines::start(&bar))
        };
        Self { bar, lines }
    }

    /// Says how much of it there is.
    pub fn total(&self, total: u64) {
        self.bar.set_length(total);
    }

    /// Says how much is done.
    pub fn done(&self, done: u64) {
        self.bar.set_position(done);
    }

    /// Takes it away.
    pub fn finish(self) {
        drop(self.lines);
        self.bar.finish_and_clear();
    }
}

/// A bar that is not shown yet.
#[must_use]
pub fn bar(what: &'static str, total: u64) -> ProgressBar {
    let length = (total > 0).then_some(total);
    let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::hidden());
    let known = "{msg} {bar:30} {human_pos}/{human_len} {percent:>3}%  {eta} left";
    let unknown = "{spinner} {msg}  {elapsed}";
    if let Ok(style) = ProgressStyle::with_template(if total > 0 { known } else { unknown }) {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    bar
}

/// Lines about a bar that nobody sees, from a thread of their own, until they are dropped.
pub struct Lines {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Lines {
    /// Begins; the first line comes after a second.
    #[must_use]
    pub fn start(bar: &ProgressBar) -> Self {
        let (stop, stopped) = channel::<()>();
        let (bar, before, clock) = (bar.clone(), bar.position(), Stopwatch::start());
        let thread = std::thread::spawn(move || {
            let mut wait = FIRST;
            while stopped.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                let seconds = clock.elapsed().seconds();
                output::message(&line(
                    &bar.message(),
                    before,
                    bar.position(),
                    bar.length(),
                    seconds,
                ));
                wait = PAUSE;
            }
        });
        Self { stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A line that is being written comes before what the command writes next.
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One line: how far it is after so many seconds, in which it went from `before` to `now`.
fn line(what: &str, before: u64, now: u64, total: Option<u64>, seconds: f64) -> String {
    let Some(total) = total.filter(|total| *total > 0) else {
        return format!("progress: {what}, {} so far", lasting(seconds));
    };
    let (now, left) = (now.min(total), total.saturating_sub(now));
    let percent = now as f64 / total as f64 * 100.0;
    let eta = match now.saturating_sub(before) {
        0 => "time left not known yet".to_owned(),
        new => format!("about {} left", lasting(seconds * left as f64 / new as f64)),
    };
    format!(
        "progress: {what}: {} of {} ({percent:.0}%), {eta}",
        figure::count(now),
        figure::count(total)
    )
}

/// A length of time for people.
#[must_use]
pub fn lasting(seconds: f64) -> String {
    match seconds {
        s if s < 1.0 => "1 s".to_owned(),
        s if s < 100.0 => format!("{s:.0} s"),
        s if s < 6_000.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.0} h", s / 3_600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_and_how_long_it_will_take() {
        assert_eq!(
            line("users", 0, 25_000, Some(100_000), 10.0),
            "progress: users: 25,000 of 100,000 (25%), about 30 s left"
        );
        // 100 were there before: 50 took 5 seconds, so 50 more take 5 seconds.
        assert_eq!(
            line("replications", 100, 150, Some(200), 5.0),
            "progress: replications: 150 of 200 (75%), about 5 s left"
        );
        assert_eq!(
            line("users", 0, 0, Some(10), 1.0),
            "progress: users: 0 of 10 (0%), time left not known yet"
        );
        assert_eq!(line("matching", 0, 0, None, 6.2), "progress: matching, 6 s so far");
        assert_eq!(
            (lasting(0.2), lasting(150.0), lasting(7_300.0)),
            ("1 s".to_owned(), "2 min".to_owned(), "2 h".to_owned())
        );
    }
}
