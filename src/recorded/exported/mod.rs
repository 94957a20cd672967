//! The tables of a saved run, for other tools: users, events and calls in Parquet, with what each
//! column means.
//!
//! Guarantees: the same rows give the same bytes; memory is bounded by a group of rows.
//!
//! Does not know: files (bytes go to a writer).

mod columns;
mod dictionary;
mod events;

pub use columns::{ParquetRows, RowCell, TableColumn, TableKind};
pub use dictionary::data_dictionary;
pub use events::{EVENT_COLUMNS, EventTables, USER_COLUMNS};
