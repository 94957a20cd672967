//! Tables of other tools: one row for each unit, several rows for each unit, or one table of
//! exposures and one of events.
//!
//! Guarantees: the same report as every other analysis, from the same statistics; nothing is
//! dropped silently.
//!
//! Does not know: files (bytes come in), or how a report is printed.

mod arrow;
mod ask;
mod caps;
mod clocks;
mod conclude;
mod covariates;
mod damaged;
mod event_ids;
mod exposed;
mod fold;
mod joined;
mod joined_rows;
mod magnitudes;
mod parquet;
mod places;
mod read;
mod role_columns;
mod roles;
mod rows;
mod survey;
mod times;
mod wide;

pub use ask::{CrossedUnits, MetricRequest, TableCap, TableRequest, TableStatistic};
pub use conclude::OptionFault;
pub(super) use conclude::{Adjusting, StudyRequest, TableFindings, crossed_check, study};
pub use joined::{event_names, joined_report};
pub use joined_rows::{JoinRequest, OpenTable};
pub use places::{CellPlace, PlacedText, text_at};
pub(super) use read::each_row;
pub use roles::ColumnRole;
pub(super) use rows::{TableColumns, TableRow};
pub use rows::{TableFormat, TableUnreadable};
pub use survey::{
    ProposedAnalysis, SurveyedColumn, TableShape, TableSurvey, survey, written_metric,
};
pub use wide::{TableRefusal, table_report};
