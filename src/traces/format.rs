//! The formats of traces: which one a record has, and what it says.
//!
//! Does not know: files.

use serde_json::Value;

use super::attributes::SpanVocabulary;
use super::otlp::{is_otlp, is_span_object, otlp_items, span_items};
use super::span::TraceItem;
use super::values::{RecordFault, RecordFields};
use super::vendors::{
    braintrust_items, is_braintrust, is_langfuse, is_langsmith, is_litellm, is_promptfoo,
    langfuse_items, langsmith_items, litellm_items, promptfoo_items,
};

/// A format of trace files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceFormat {
    /// OpenTelemetry spans as OTLP in JSON, with the attributes of GenAI, OpenInference or OpenLLMetry.
    Otlp,
    /// OpenTelemetry or Phoenix spans, one JSON object each.
    Spans,
    /// Langfuse's observations, traces and scores.
    Langfuse,
    /// LangSmith's runs.
    Langsmith,
    /// LiteLLM's spend logs.
    Litellm,
    /// Braintrust's log events.
    Braintrust,
    /// Results of promptfoo.
    Promptfoo,
}

impl TraceFormat {
    /// Every format.
    pub const ALL: [Self; 7] = [
        Self::Otlp,
        Self::Spans,
        Self::Langfuse,
        Self::Langsmith,
        Self::Litellm,
        Self::Braintrust,
        Self::Promptfoo,
    ];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Otlp => "OTLP",
            Self::Spans => "OpenTelemetry span objects",
            Self::Langfuse => "Langfuse",
            Self::Langsmith => "LangSmith",
            Self::Litellm => "LiteLLM spend logs",
            Self::Braintrust => "Braintrust",
            Self::Promptfoo => "promptfoo results",
        }
    }

    /// Its name as users write it.
    #[must_use]
    pub fn written(self) -> &'static str {
        match self {
            Self::Otlp => "otlp",
            Self::Spans => "spans",
            Self::Langfuse => "langfuse",
            Self::Langsmith => "langsmith",
            Self::Litellm => "litellm",
            Self::Braintrust => "braintrust",
            Self::Promptfoo => "promptfoo",
        }
    }

    /// What is in such a file.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::Otlp => {
                "OpenTelemetry spans as OTLP in JSON: GenAI, OpenInference or OpenLLMetry"
            }
            Self::Spans => "OpenTelemetry or Phoenix spans, one JSON object each",
            Self::Langfuse => "Langfuse observations, traces and scores",
            Self::Langsmith => "LangSmith runs",
            Self::Litellm => "LiteLLM spend logs",
            Self::Braintrust => "Braintrust log events",
            Self::Promptfoo => "promptfoo results",
        }
    }

    /// The format of a record, by its fields; `None` where they are of no format.
    pub(super) fn of(record: &Value) -> Option<Self> {
        let own = RecordFields::of(record)?;
        Self::ALL.into_iter().find(|format| match format {
            Self::Otlp => is_otlp(own) || own.has(&["traceId", "startTimeUnixNano"]),
            Self::Spans => is_span_object(own),
            Self::Langfuse => is_langfuse(own),
            Self::Langsmith => is_langsmith(own),
            Self::Litellm => is_litellm(own),
            Self::Braintrust => is_braintrust(own),
            Self::Promptfoo => is_promptfoo(own),
        })
    }

    /// What a record says.
    ///
    /// # Errors
    /// The field that is not what it should be.
    pub(super) fn items(
        self,
        record: &Value,
        tell: &mut dyn FnMut(SpanVocabulary, TraceItem),
    ) -> Result<(), RecordFault> {
        let Some(own) = RecordFields::of(record) else { return Ok(()) };
        let mut plain = |item| tell(SpanVocabulary::Plain, item);
        match self {
            Self::Otlp if is_otlp(own) => otlp_items(own, tell),
            Self::Otlp => span_items(own, None, tell),
            Self::Spans => span_items(own, None, tell),
            Self::Langfuse => langfuse_items(own, &mut plain),
            Self::Langsmith => langsmith_items(own, &mut plain),
            Self::Litellm => litellm_items(own, &mut plain),
            Self::Braintrust => braintrust_items(own, &mut plain),
            Self::Promptfoo => promptfoo_items(own, &mut plain),
        }
    }
}
