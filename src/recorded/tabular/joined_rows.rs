//! A table of exposures and a table of events: what is asked of them, and what became of their rows.
//!
//! Does not know: what an exposure or an event is.

use super::roles::ColumnRole;
use super::rows::{NamedColumn, TableFormat, TableUnreadable};
use super::wide::TableRefusal;
use crate::diagnostic::Diagnostic;
use crate::report::{RecordedData, UnreadableLine};

/// Most faults that are shown one by one; all are counted.
const MAX_FAULTS: usize = 20;

/// A table that is open to be read once.
pub struct OpenTable<R> {
    /// The file's name for messages.
    pub shown: String,
    /// How it is written.
    pub format: TableFormat,
    /// Its text.
    pub input: R,
}

/// What is asked of exposures and events beyond the metrics.
#[derive(Clone, Debug, Default)]
pub struct JoinRequest {
    /// The experiment, where the exposures have several.
    pub experiment: Option<String>,
    /// Columns that are named, each with its role; the others are found by their names.
    pub columns: Vec<(ColumnRole, String)>,
    /// How long after its exposure a unit's events count, in milliseconds.
    pub window_ms: Option<u64>,
    /// Exposures and events from this Unix time in milliseconds on do not count.
    pub until_ms: Option<u64>,
    /// How long before its exposure a unit's events adjust the metrics, in milliseconds; they adjust
    /// nothing when `None`.
    pub pre_period_ms: Option<u64>,
}

/// What was read of both tables.
#[derive(Default)]
pub(super) struct JoinedRows {
    pub data: RecordedData,
}

impl JoinedRows {
    pub fn unused(&mut self, why: &str) {
        match self.data.unused.0.iter_mut().find(|(own, _)| own == why) {
            Some((_, count)) => *count += 1,
            None => self.data.unused.0.push((why.to_owned(), 1)),
        }
    }

    /// Notes a row that cannot be read, of a column if it is one cell.
    pub fn fault(&mut self, shown: &str, line: u64, fault: CellFault) {
        let CellFault { column, reason } = fault;
        self.data.malformed += 1;
        if self.data.faults.len() < MAX_FAULTS {
            let reason = match &column {
                Some(column) => format!("{shown}: column `{column}`: {reason}"),
                None => format!("{shown}: {reason}"),
            };
            let file = Some(shown.to_owned());
            self.data.faults.push(UnreadableLine { line, reason, column, file });
        }
    }
}

/// What is wrong with a row, or with one cell of it.
pub(super) struct CellFault {
    /// The column of the cell; `None`: the row.
    pub column: Option<String>,
    /// What is wrong.
    pub reason: String,
}

impl CellFault {
    /// Of the cell in this column.
    pub fn at(column: &NamedColumn, reason: String) -> Self {
        Self { column: Some(column.name.clone()), reason }
    }

    /// Of the row.
    pub fn row(reason: String) -> Self {
        Self { column: None, reason }
    }
}

/// Why a table cannot be read at all.
pub(super) fn unreadable(shown: &str, format: TableFormat, error: TableUnreadable) -> TableRefusal {
    match error {
        TableUnreadable::Io(error) => TableRefusal::Io(error),
        TableUnreadable::Text(reason) => TableRefusal::Data(Diagnostic::new(format!(
            "`{shown}` cannot be read as {}: {reason}",
            format.noun()
        ))),
    }
}
