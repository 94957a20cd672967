//! Standard output and standard error, and what they can take.

use std::io::{self, IsTerminal, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The width of a report where there is no terminal to ask.
const WIDTH_PIPED: usize = 80;

/// Writes the result. A reader that has gone away is no error.
///
/// # Errors
/// When standard output cannot be written for another reason.
pub fn result(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Writes a message for people to standard error.
pub fn message(text: &str) {
    // Nobody is left to be told when this fails.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether standard output shows color.
#[must_use]
pub fn color() -> bool {
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never && io::stdout().is_terminal()
}

/// Whether standard error shows color.
#[must_use]
pub fn message_color() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never && io::stderr().is_terminal()
}

/// The width that a report may take.
#[must_use]
pub fn width() -> usize {
    if !io::stdout().is_terminal() {
        return WIDTH_PIPED;
    }
    terminal_size::terminal_size().map_or(WIDTH_PIPED, |(width, _)| usize::from(width.0))
}

/// The width that standard error has.
#[must_use]
pub fn message_width() -> usize {
    terminal_size::terminal_size_of(io::stderr()).map_or(WIDTH_PIPED, |(width, _)| usize::from(width.0))
}

/// A progress bar over `total` on standard error; silent where that is no terminal or `quiet` is asked for.
#[must_use]
pub fn progress(what: &'static str, total: u64, quiet: bool) -> ProgressBar {
    let bar = bar(what, total);
    if !quiet && io::stderr().is_terminal() {
        bar.set_draw_target(ProgressDrawTarget::stderr());
    }
    bar
}

/// The same, before it is shown anywhere.
#[must_use]
pub fn bar(what: &'static str, total: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::hidden());
    if let Ok(style) = ProgressStyle::with_template("{msg} {bar:30} {human_pos}/{human_len} {percent:>3}%  {eta} left") {
        bar.set_style(style.progress_chars("━╸ "));
    }
    bar.set_message(what);
    bar
}

/// A sign on standard error that something is going on; silent where that is no terminal.
#[must_use]
pub fn busy(what: &'static str) -> ProgressBar {
    let sign = ProgressBar::new_spinner().with_message(what);
    if io::stderr().is_terminal() {
        sign.enable_steady_tick(std::time::Duration::from_millis(100));
    } else {
        sign.set_draw_target(ProgressDrawTarget::hidden());
    }
    sign
}
