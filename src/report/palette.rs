//! The styles of a text at a prompt, by what they mean.
//!
//! Does not know: what is shown.

use anstyle::{AnsiColor, Style};

/// What a piece of text means; a renderer chooses the color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Good news.
    Good,
    /// Bad news.
    Bad,
    /// Look here.
    Warn,
    /// Less important.
    Dim,
    /// More important.
    Strong,
}

/// A style for each meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    good: Style,
    bad: Style,
    warn: Style,
    dim: Style,
    strong: Style,
}

impl Palette {
    /// No styles at all: for pipes, files and tests.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// Green is good, red is bad, as on the result screens that the tutorial shows.
    #[must_use]
    pub fn color() -> Self {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        Self {
            good: color(AnsiColor::Green),
            bad: color(AnsiColor::Red),
            warn: color(AnsiColor::Yellow),
            dim: Style::new().dimmed(),
            strong: Style::new().bold(),
        }
    }

    /// `text` in the style of `tone`.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => self.good,
            Tone::Bad => self.bad,
            Tone::Warn => self.warn,
            Tone::Dim => self.dim,
            Tone::Strong => self.strong,
        };
        if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
    }
}
