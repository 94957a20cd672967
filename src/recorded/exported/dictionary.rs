//! What the columns of a run's tables mean, as a page.
//!
//! Does not know: the rows.

use super::columns::{TableColumn, TableKind};

/// A page with a table for each file: its name, what it holds, and its columns.
#[must_use]
pub fn data_dictionary(tables: &[(&str, &str, &[TableColumn])]) -> String {
    let mut page = "# Tables of this run\n\n\
        Parquet files, with Snappy. `analysis.ipynb` loads them and computes the report's figures again.\n"
        .to_owned();
    for (file, holds, columns) in tables {
        page += &format!("\n## {file}\n\n{holds}\n\n| column | type | meaning |\n|---|---|---|\n");
        for column in *columns {
            let kind = match column.kind {
                TableKind::Text => "text",
                TableKind::Number => "number",
                TableKind::Whole => "whole number",
                TableKind::Moment => "time (milliseconds, UTC)",
            };
            let empty = if column.always { "" } else { ", may be empty" };
            page += &format!("| `{}` | {kind}{empty} | {} |\n", column.name, column.means);
        }
    }
    page
}
