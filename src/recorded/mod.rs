//! Data that nobody simulated: summary statistics, as somebody typed them in, recorded events, and
//! tables of other tools.
//!
//! Guarantees: the same report as a run, from the same analysis; a mistake is shown in the user's
//! own text; no event is silently dropped.
//!
//! Does not know: files (text and bytes come in), the simulator, or how a report is printed.

mod data;
mod events;
mod exported;
mod foreign;
mod given;
mod hashed;
mod infer;
mod judged;
mod lines;
mod outcome;
mod plan;
mod repeats;
mod replay;
mod split;
mod table;
mod tabular;
mod warehouse;
mod written;

pub use data::analyze;
pub use events::events_report;
pub use exported::{
    EVENT_COLUMNS, EventTables, ParquetRows, RowCell, TableColumn, TableKind, USER_COLUMNS,
    data_dictionary,
};
pub use foreign::is_foreign;
pub use given::{GivenStudy, Statistics, statistics};
pub use infer::{FirstLook, look};
pub use lines::each_event;
pub use outcome::statistics_report;
pub use plan::AnalysisPlan;
pub use split::set_split;
pub use table::{Counted, MetricEvent, UnitTable};
pub use tabular::{
    CellPlace, ColumnRole, CrossedUnits, JoinRequest, MetricRequest, OpenTable, OptionFault,
    PlacedText, ProposedAnalysis, SurveyedColumn, TableCap, TableFormat, TableRefusal,
    TableRequest, TableShape, TableStatistic, TableSurvey, TableUnreadable, event_names,
    joined_report, survey, table_report, text_at, written_metric,
};
pub use warehouse::{
    EventsSource, QueryMetric, QueryParts, QueryRequest, QuerySource, StatisticsOptions,
    StatisticsRow, TimeColumns, UnitsSource, WarehouseDialect, is_statistics, query,
    statistics_rows_report,
};
