//! The formats of a report, as an argument of every command that prints one.

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::traces::TraceFormat;

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

/// Reads the name of a format of traces, for `calibrate --from`.
pub(super) fn trace_format() -> impl TypedValueParser<Value = TraceFormat> {
    let values = TraceFormat::ALL
        .map(|format| PossibleValue::new(format.written()).help(format.description()));
    PossibleValuesParser::new(values).try_map(|name| {
        let known = TraceFormat::ALL.into_iter().find(|format| format.written() == name);
        known.ok_or("no format has this name")
    })
}
