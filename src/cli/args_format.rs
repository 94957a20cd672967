//! The formats of a report, as an argument of every command that prints one.

use clap::ValueEnum;

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// One JSON document. Money is in dollars, latency in milliseconds, a share is a fraction.
    Json,
    /// For a pull request's comment.
    Markdown,
    /// For CI: each expectation a test case.
    Junit,
    /// One self-contained page with charts, light and dark, for a browser, a phone or paper.
    Html,
}
