//! Standard output and standard error, and what they can take.

use std::io::{self, IsTerminal, Write};

use crate::report::Palette;

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
    anstream::AutoStream::choice(&io::stdout()) != anstream::ColorChoice::Never
        && io::stdout().is_terminal()
}

/// Whether standard error shows color.
#[must_use]
pub fn message_color() -> bool {
    anstream::AutoStream::choice(&io::stderr()) != anstream::ColorChoice::Never
        && io::stderr().is_terminal()
}

/// The styles of a report on standard output.
#[must_use]
pub fn palette() -> Palette {
    if color() { Palette::color() } else { Palette::plain() }
}

/// The styles of a report on standard error.
#[must_use]
pub fn message_palette() -> Palette {
    if message_color() { Palette::color() } else { Palette::plain() }
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
    terminal_size::terminal_size_of(io::stderr())
        .map_or(WIDTH_PIPED, |(width, _)| usize::from(width.0))
}
