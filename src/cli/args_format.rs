//! The formats of a report, as an argument of every command that prints one.

use clap::ValueEnum;

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

/// A format of trace files, for `calibrate --from`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FromFormat {
    /// OpenTelemetry spans as OTLP in JSON: GenAI, OpenInference or OpenLLMetry.
    Otlp,
    /// OpenTelemetry or Phoenix spans, one JSON object each.
    Spans,
    /// Langfuse observations, traces and scores.
    Langfuse,
    /// LangSmith runs.
    Langsmith,
    /// LiteLLM spend logs.
    Litellm,
    /// Braintrust log events.
    Braintrust,
    /// promptfoo results.
    Promptfoo,
}

impl FromFormat {
    /// The format that it names.
    #[must_use]
    pub fn meant(self) -> TraceFormat {
        match self {
            Self::Otlp => TraceFormat::Otlp,
            Self::Spans => TraceFormat::Spans,
            Self::Langfuse => TraceFormat::Langfuse,
            Self::Langsmith => TraceFormat::Langsmith,
            Self::Litellm => TraceFormat::Litellm,
            Self::Braintrust => TraceFormat::Braintrust,
            Self::Promptfoo => TraceFormat::Promptfoo,
        }
    }
}
