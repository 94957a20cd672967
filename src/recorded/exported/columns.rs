//! Write rows as a Parquet file.
//!
//! Does not know: what is in the rows.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// Rows that are kept before they are written.
const GROUP: usize = 100_000;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableKind {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Whole,
    /// A time, in milliseconds since 1970.
    Moment,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct TableColumn {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: TableKind,
    /// Whether every row has a value.
    pub always: bool,
    /// What it means, with its unit of measure.
    pub means: &'static str,
}

/// A cell.
#[derive(Clone, Debug, PartialEq)]
pub enum RowCell {
    /// Nothing.
    Empty,
    /// A text.
    Text(String),
    /// A number.
    Number(f64),
    /// A whole number, or a time.
    Whole(i64),
}

/// A Parquet file that is being written.
pub struct ParquetRows<W: Write + Send> {
    columns: &'static [TableColumn],
    /// One for each column.
    cells: Vec<Vec<RowCell>>,
    writer: SerializedFileWriter<W>,
}

impl<W: Write + Send> ParquetRows<W> {
    /// An empty table.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn new(columns: &'static [TableColumn], out: W) -> io::Result<Self> {
        let fields: Vec<String> = columns
            .iter()
            .map(|column| {
                let has = if column.always { "required" } else { "optional" };
                let (kind, logical) = match column.kind {
                    TableKind::Text => ("binary", " (STRING)"),
                    TableKind::Number => ("double", ""),
                    TableKind::Whole => ("int64", ""),
                    TableKind::Moment => ("int64", " (TIMESTAMP(MILLIS,true))"),
                };
                format!("{has} {kind} {}{logical};", column.name)
            })
            .collect();
        let schema = parse_message_type(&format!("message table {{ {} }}", fields.join(" ")));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by("simlab".to_owned())
            .build();
        let schema = Arc::new(schema.map_err(failed)?);
        let writer =
            SerializedFileWriter::new(out, schema, Arc::new(properties)).map_err(failed)?;
        Ok(Self { columns, cells: vec![Vec::new(); columns.len()], writer })
    }

    /// One more row; cells beyond its columns are left out, and missing ones are empty.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn row(&mut self, cells: impl IntoIterator<Item = RowCell>) -> io::Result<()> {
        let mut cells = cells.into_iter();
        for column in &mut self.cells {
            column.push(cells.next().unwrap_or(RowCell::Empty));
        }
        if self.cells.first().is_some_and(|column| column.len() >= GROUP) {
            self.group()?;
        }
        Ok(())
    }

    /// Ends the file.
    ///
    /// # Errors
    /// When the writer fails.
    pub fn finish(mut self) -> io::Result<()> {
        if self.cells.first().is_some_and(|column| !column.is_empty()) {
            self.group()?;
        }
        self.writer.close().map(|_| ()).map_err(failed)
    }

    /// Writes what is kept as a group of rows.
    fn group(&mut self) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for (column, cells) in self.columns.iter().zip(&mut self.cells) {
            let Some(mut out) = group.next_column().map_err(failed)? else { break };
            let levels: Vec<i16> =
                cells.iter().map(|cell| i16::from(*cell != RowCell::Empty)).collect();
            let levels = (!column.always).then_some(levels.as_slice());
            // A column that every row has takes a default for a cell of another kind.
            let filled = |cell: &&RowCell| column.always || **cell != RowCell::Empty;
            let taken = cells.iter().filter(filled);
            match column.kind {
                TableKind::Text => {
                    let values: Vec<ByteArray> = taken
                        .map(|cell| match cell {
                            RowCell::Text(text) => ByteArray::from(text.as_str()),
                            _ => ByteArray::from(""),
                        })
                        .collect();
                    out.typed::<ByteArrayType>().write_batch(&values, levels, None)
                }
                TableKind::Number => {
                    let values: Vec<f64> = taken
                        .map(|cell| match cell {
                            RowCell::Number(number) => *number,
                            RowCell::Whole(number) => *number as f64,
                            _ => 0.0,
                        })
                        .collect();
                    out.typed::<DoubleType>().write_batch(&values, levels, None)
                }
                TableKind::Whole | TableKind::Moment => {
                    let values: Vec<i64> = taken
                        .map(|cell| if let RowCell::Whole(number) = cell { *number } else { 0 })
                        .collect();
                    out.typed::<Int64Type>().write_batch(&values, levels, None)
                }
            }
            .map_err(failed)?;
            out.close().map_err(failed)?;
            cells.clear();
        }
        group.close().map(|_| ()).map_err(failed)
    }
}

fn failed(error: ParquetError) -> io::Error {
    io::Error::other(error)
}
