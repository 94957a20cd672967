//! The report as one page for a browser, a phone or paper: nothing is loaded from elsewhere and
//! nothing runs.
//!
//! Guarantees: the same report gives the same bytes; whatever a scenario, a model or an event says
//! stays text; every chart has a text that says the same, and its numbers stand in a table.
//!
//! Does not know: what is printed in a terminal; the document is the same for both.

mod charts;
mod drawing;
mod flow;
mod frame;
mod graph;
mod histogram;
mod page;
mod parts;
mod power_curve;
mod scale;
mod scorecard;
#[cfg(test)]
pub(crate) mod tests;
mod words;

pub(crate) use frame::html_page;
pub(crate) use histogram::{Histogram, counted, histogram, middle};
pub(crate) use page::scorecards_to_html;
pub use page::{report_style, to_html, to_html_part};
pub(crate) use power_curve::{PowerCurve, power_curve};
