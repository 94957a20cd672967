//! The model calls of a run as a table, written as the run goes.
//!
//! Does not know: where the bytes go.

use std::io::{self, Write};

use crate::context::{KEY_EPOCH, user_key};
use crate::journal::{Caller, Entry, Event, Reader, Served};
use crate::recorded::{ParquetRows, RowCell, TableColumn, TableKind};
use crate::scenario::Scenario;

/// The columns of the calls.
pub const CALL_COLUMNS: &[TableColumn] = &[
    TableColumn {
        name: "user_id",
        kind: TableKind::Text,
        always: true,
        means: "key of the user whose visit made the call",
    },
    TableColumn {
        name: "timestamp",
        kind: TableKind::Moment,
        always: true,
        means: "when the call ended, UTC",
    },
    TableColumn {
        name: "caller",
        kind: TableKind::Text,
        always: true,
        means: "who called: the key of an agent, `judge`, or `traffic` for the questions of the users",
    },
    TableColumn {
        name: "flag_key",
        kind: TableKind::Text,
        always: false,
        means: "key of the AI config that set the agent up",
    },
    TableColumn {
        name: "variation_id",
        kind: TableKind::Text,
        always: false,
        means: "key of its variation",
    },
    TableColumn { name: "model", kind: TableKind::Text, always: true, means: "the model" },
    TableColumn {
        name: "input_tokens",
        kind: TableKind::Whole,
        always: false,
        means: "input tokens; empty where the call failed",
    },
    TableColumn {
        name: "output_tokens",
        kind: TableKind::Whole,
        always: false,
        means: "output tokens; empty where the call failed",
    },
    TableColumn {
        name: "latency_ms",
        kind: TableKind::Number,
        always: true,
        means: "how long the call took, in milliseconds",
    },
    TableColumn {
        name: "cost_usd",
        kind: TableKind::Number,
        always: false,
        means: "what it costs in dollars; empty where the call failed or the model has no price",
    },
    TableColumn {
        name: "failure",
        kind: TableKind::Text,
        always: false,
        means: "why the call failed, such as `timeout`; empty where it did not",
    },
];

/// Writes the calls of a run.
pub struct CallTable<'s, W: Write + Send> {
    scenario: &'s Scenario,
    rows: ParquetRows<W>,
    /// The first error of the writer; nothing is written after it.
    failed: Option<io::Error>,
}

impl<'s, W: Write + Send> CallTable<'s, W> {
    /// An empty table.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(scenario: &'s Scenario, out: W) -> io::Result<Self> {
        Ok(Self { scenario, rows: ParquetRows::new(CALL_COLUMNS, out)?, failed: None })
    }

    /// Ends the file.
    ///
    /// # Errors
    /// The first error of the writer.
    pub fn finish(self) -> io::Result<()> {
        match self.failed {
            Some(error) => Err(error),
            None => self.rows.finish(),
        }
    }

    fn caller(&self, caller: Caller) -> String {
        match caller {
            Caller::Topics | Caller::Writer => "traffic".to_owned(),
            Caller::Judge => "judge".to_owned(),
            Caller::Agent(agent) => {
                let node = self.scenario.graph.nodes.get(agent.index());
                node.map_or_else(|| format!("agent {}", agent.0), |node| node.name.clone())
            }
        }
    }

    /// The keys of an AI config and its variation.
    fn served(&self, served: Option<Served>) -> [RowCell; 2] {
        let Some(served) = served else { return [RowCell::Empty, RowCell::Empty] };
        let config = self.scenario.config(served.config);
        let variation = config.variations.get(usize::from(served.variation));
        let text = |text: &str| RowCell::Text(text.to_owned());
        [text(&config.key), variation.map_or(RowCell::Empty, |own| text(&own.variation))]
    }
}

impl<W: Write + Send> Reader for CallTable<'_, W> {
    fn entry(&mut self, entry: &Entry) {
        let (caller, served, model, latency) = match entry.event {
            Event::Completed { caller, served, model, latency, .. }
            | Event::CallFailed { caller, served, model, latency, .. } => {
                (caller, served, model, latency)
            }
            _ => return,
        };
        let whole = |number: u32| RowCell::Whole(i64::from(number));
        let (tokens, cost, failure) = match entry.event {
            Event::Completed { input_tokens, output_tokens, cost, .. } => (
                [whole(input_tokens), whole(output_tokens)],
                cost.map_or(RowCell::Empty, |cost| RowCell::Number(cost.dollars())),
                RowCell::Empty,
            ),
            Event::CallFailed { kind, .. } => (
                [RowCell::Empty, RowCell::Empty],
                RowCell::Empty,
                RowCell::Text(kind.name().to_owned()),
            ),
            _ => return,
        };
        let at_ms = u64::from(KEY_EPOCH) * 1000 + entry.at.us() / 1000;
        let name = self.scenario.models.get(usize::from(model)).map(|model| model.id.clone());
        let [flag, variation] = self.served(served);
        let [input, output] = tokens;
        let row = [
            RowCell::Text(user_key(entry.user).as_str().to_owned()),
            RowCell::Whole(i64::try_from(at_ms).unwrap_or(i64::MAX)),
            RowCell::Text(self.caller(caller)),
            flag,
            variation,
            RowCell::Text(name.unwrap_or_default()),
            input,
            output,
            RowCell::Number(latency.milliseconds()),
            cost,
            failure,
        ];
        if self.failed.is_none() {
            self.failed = self.rows.row(row).err();
        }
    }
}
