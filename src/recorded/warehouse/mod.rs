//! Data that stay in a warehouse: the query that brings them down to sufficient statistics, and
//! the report on the rows that it returns.
//!
//! Guarantees: the same values as of the raw rows, to the precision of the warehouse's sums; the
//! text of a query follows from what is asked alone.
//!
//! Does not know: a warehouse; nothing here connects to one.

mod ask;
mod dialect;
mod layers;
mod query;
mod rows;
mod values;
mod written;

pub use ask::{
    EventsSource, QueryMetric, QueryParts, QueryRequest, QuerySource, TimeColumns, UnitsSource,
};
pub use dialect::WarehouseDialect;
pub use query::query;
pub use rows::{StatisticsOptions, is_statistics, statistics_rows_report};
pub use written::StatisticsRow;
