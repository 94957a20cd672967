//! The users and the events of a run, from the events that its app sends.
//!
//! Guarantees: every exposure and metric event of a user is a row, as the analysis of the events
//! reads it.
//!
//! Does not know: where the bytes go.

use std::io::{self, Write};

use super::super::plan::arm_name;
use super::columns::{ParquetRows, RowCell, TableColumn, TableKind};
use crate::flags::events::Recorded;

/// The columns of the exposures.
pub const USER_COLUMNS: &[TableColumn] = &[
    TableColumn {
        name: "user_id",
        kind: TableKind::Text,
        always: true,
        means: "key of the user, as in events.jsonl",
    },
    TableColumn {
        name: "flag_key",
        kind: TableKind::Text,
        always: true,
        means: "key of the AI config or flag whose variation the user got in an experiment",
    },
    TableColumn {
        name: "variation_id",
        kind: TableKind::Text,
        always: true,
        means: "key of the variation",
    },
    TableColumn {
        name: "timestamp",
        kind: TableKind::Moment,
        always: true,
        means: "time of the exposure, UTC; a user who comes back has a row for each visit, and the first one counts",
    },
];

/// The columns of the metric events.
pub const EVENT_COLUMNS: &[TableColumn] = &[
    TableColumn {
        name: "event_id",
        kind: TableKind::Whole,
        always: true,
        means: "number of the event in the run, from 1",
    },
    TableColumn { name: "user_id", kind: TableKind::Text, always: true, means: "key of the user" },
    TableColumn {
        name: "event",
        kind: TableKind::Text,
        always: true,
        means: "key of the event, as the scenario's metrics name it",
    },
    TableColumn {
        name: "value",
        kind: TableKind::Number,
        always: false,
        means: "its value in the metric's unit: latencies in milliseconds, costs in dollars; empty where it only occurs",
    },
    TableColumn {
        name: "timestamp",
        kind: TableKind::Moment,
        always: true,
        means: "time of the event, UTC",
    },
];

/// Two tables that are being written.
pub struct EventTables<W: Write + Send> {
    users: ParquetRows<W>,
    events: ParquetRows<W>,
    count: i64,
}

impl<W: Write + Send> EventTables<W> {
    /// Empty tables.
    ///
    /// # Errors
    /// When a writer fails.
    pub fn new(users: W, events: W) -> io::Result<Self> {
        Ok(Self {
            users: ParquetRows::new(USER_COLUMNS, users)?,
            events: ParquetRows::new(EVENT_COLUMNS, events)?,
            count: 0,
        })
    }

    /// Ends the files.
    ///
    /// # Errors
    /// When a writer fails.
    pub fn finish(self) -> io::Result<()> {
        self.users.finish()?;
        self.events.finish()
    }

    /// Takes an event.
    ///
    /// # Errors
    /// When a writer fails.
    pub fn event(&mut self, event: &Recorded<'_>) -> io::Result<()> {
        let moment = |at_ms: u64| RowCell::Whole(i64::try_from(at_ms).unwrap_or(i64::MAX));
        let text = |text: &str| RowCell::Text(text.to_owned());
        match *event {
            Recorded::Exposure { at_ms, unit, config, variation, variation_key, value } => {
                match arm_name(variation, variation_key, value) {
                    Some(arm) => self.users.row([
                        text(unit),
                        text(config),
                        RowCell::Text(arm),
                        moment(at_ms),
                    ]),
                    None => Ok(()),
                }
            }
            Recorded::Metric { at_ms, unit, event, value, .. } => {
                self.count += 1;
                self.events.row([
                    RowCell::Whole(self.count),
                    text(unit),
                    text(event),
                    value.map_or(RowCell::Empty, RowCell::Number),
                    moment(at_ms),
                ])
            }
            Recorded::Other { .. } => Ok(()),
        }
    }
}
