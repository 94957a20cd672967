//! What was found, in the reader's words, and the same for machines.
//!
//! `Report` is plain data in which everything is computed; `sections` make a document of it, and the
//! renderers only render that, so no two formats can disagree. A saved `report.json` reads back into
//! the same value, so any format can be rendered again later.
//!
//! Does not know: flags, models, agents or the simulator; where the data came from is text in it.

mod adaptive;
mod build;
mod cells;
mod charts;
mod data;
mod decided;
pub(crate) mod document;
pub(crate) mod escape;
mod expect;
mod format;
mod glance;
mod graph;
mod html;
mod json;
mod junit;
mod live;
mod markdown;
mod number;
mod page;
mod paired;
mod palette;
mod printed;
mod rollout;
mod spark;
mod schema;
mod adjusted;
mod sections;
pub(crate) mod table;
mod tested;
mod text;
mod truth;

#[cfg(test)]
mod tests;

pub use adaptive::{Arm, Bandit, SegmentChange, SegmentResult, Shares};
pub use build::ReportSupplements;
pub use charts::{Distribution, MetricOverTime, OverTime, Shape, Spread, VariationOverTime};
pub use data::{
    Adjusted, Assumption, Because, Corrected, Cost, CostTotal, DataOrigin, Failure, Frequentist,
    Health, Hindsight, Interaction, RecordedData, Report, ReportedExperiment, ReportedMetric,
    ReportedVariation, ReportedVerdict, SCHEMA, TableData, Total, TrafficSummary, UnreadableLine,
};
pub use expect::{CriterionOutcome, Expect, ExpectationResult, ExpectedFigure, Status, What};
pub(crate) use format::readable;
pub use glance::glance;
pub use graph::{
    CostChange, DrawnEdge, DrawnGraph, DrawnNode, GraphChange, GuardUse, NodeUse, PlainDifference,
    TriggeredMetric, TriggeredUsers,
};
pub(crate) use html::{
    Histogram, PowerCurve, counted, histogram, html_page, middle, power_curve, scorecards_to_html,
};
pub use html::{report_style, to_html, to_html_part};
pub use json::{from_json, to_json};
pub use junit::to_junit;
pub use live::{Counterpart, FLAG_SERVICE, LiveProblem, LiveSummary};
pub(crate) use markdown::document_to_markdown;
pub use markdown::to_markdown;
pub use number::{Number, Ordered};
pub use page::output_page;
pub use paired::{CheapestMix, PairedEvaluation, PairedMetric};
pub use palette::Palette;
pub use rollout::{
    ReportedRollout, RolloutLook, RolloutOutcome, RolloutReading, rollouts_as_expected,
};
pub use schema::{input_schema, output_schema};
pub(crate) use text::document_to_text;
pub use text::to_text;
pub use truth::{Bias, TrueMetric, TrueVariation, Truth, Truths, with_error};
