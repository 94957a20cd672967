//! Data that nobody simulated: summary statistics, as somebody typed them in.
//!
//! Promises: the same report as a run, from the same analysis; a mistake is shown in the user's own text.
//!
//! Does not know: files (text and bytes come in), the simulator, or how a report is printed.

mod given;
mod outcome;
mod written;

pub use given::{Statistics, Study, statistics};
pub use outcome::statistics_report;
