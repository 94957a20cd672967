//! Data that nobody simulated: summary statistics, as somebody typed them in, and recorded events.
//!
//! Guarantees: the same report as a run, from the same analysis; a mistake is shown in the user's
//! own text; no event is silently dropped.
//!
//! Does not know: files (text and bytes come in), the simulator, or how a report is printed.

mod data;
mod events;
mod given;
mod infer;
mod judged;
mod lines;
mod outcome;
mod plan;
mod repeats;
mod replay;
mod split;
mod table;
mod written;

pub use data::analyze;
pub use events::events_report;
pub use given::{GivenStudy, Statistics, statistics};
pub use infer::{FirstLook, look};
pub use lines::each_event;
pub use outcome::statistics_report;
pub use plan::AnalysisPlan;
pub use split::set_split;
pub use table::{Counted, MetricEvent, UnitTable};
