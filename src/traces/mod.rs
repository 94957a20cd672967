//! Traces that teams already have, to a scenario: agents, edges, models, tools, users, each figure with
//! its interval and the observations behind it.
//!
//! Formats: OpenTelemetry GenAI, OpenInference and OpenLLMetry as OTLP or as span objects; Langfuse,
//! LangSmith, LiteLLM, Braintrust, promptfoo.
//!
//! Guarantees: files are streams, and memory does not grow with them; nothing is dropped silently; no
//! content and no personal data reach the scenario; what traces cannot tell is listed as assumed.
//!
//! Does not know: files (readers come in) and terminals.

mod attributes;
mod draft;
mod estimates;
mod findings;
mod format;
mod names;
mod open;
mod otlp;
mod prices;
mod reader;
mod records;
mod scenario_text;
mod simulate;
mod span;
mod sums;
mod values;
mod vendors;
mod visitors;
mod walk;
mod ways;

pub use findings::{
    MeasuredFigure, SimulatedFigure, TraceCalibration, TraceFitError, calibrate_traces,
    traces_to_text,
};
pub use format::TraceFormat;
pub use reader::{ReadCounts, TraceReader};
pub use simulate::TRACE_SIMULATIONS;
