//! The rows of a Parquet file.
//!
//! Guarantees: what is no number stays visible: NaN and infinity are passed on as text, so that they
//! are told. Memory: the file as it is, and one group of rows.
//!
//! Does not know: what a column means.

use std::io::Read;
use std::ops::ControlFlow;

use bytes::Bytes;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value, json};

use super::damaged::guarded;
use super::rows::{TableColumns, TableRow, TableUnreadable};

/// Reads a Parquet file like any other table; rows are numbered from 1.
///
/// # Errors
/// When the reader fails, or with the reason why the bytes are no such file.
pub(super) fn each_parquet_row(
    mut input: impl Read,
    begin: impl FnOnce(&TableColumns) -> ControlFlow<()>,
    mut tell: impl FnMut(u64, Result<TableRow<'_>, String>) -> ControlFlow<()>,
) -> Result<u64, TableUnreadable> {
    let unreadable =
        |error: parquet::errors::ParquetError| TableUnreadable::Text(error.to_string());
    // The list of what is in the file stands at its end.
    let mut whole = Vec::new();
    input.read_to_end(&mut whole)?;
    let reader = guarded(|| SerializedFileReader::new(Bytes::from(whole)))?.map_err(unreadable)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let names: Vec<String> =
        schema.root_schema().get_fields().iter().map(|field| field.name().to_owned()).collect();
    if begin(&TableColumns::of(names)).is_break() {
        return Ok(0);
    }
    let mut rows = 0;
    let mut each = guarded(|| reader.get_row_iter(None))?.map_err(unreadable)?;
    while let Some(row) = guarded(|| each.next())? {
        rows += 1;
        let told = match row {
            Ok(row) => {
                let cells: Map<String, Value> = row
                    .into_columns()
                    .into_iter()
                    .map(|(name, field)| (name, cell(&field)))
                    .collect();
                tell(rows, Ok(TableRow::Object(&cells)))
            }
            // A damaged page has no end from which to go on.
            Err(error) => return Err(unreadable(error)),
        };
        if told.is_break() {
            break;
        }
    }
    Ok(rows)
}

fn cell(field: &Field) -> Value {
    let number = |own: f64| match own {
        own if !own.is_finite() => json!(own.to_string()),
        own => json!(own),
    };
    match field {
        Field::Null => Value::Null,
        Field::Bool(own) => json!(own),
        Field::Byte(own) => json!(own),
        Field::Short(own) => json!(own),
        Field::Int(own) => json!(own),
        Field::Long(own) => json!(own),
        Field::UByte(own) => json!(own),
        Field::UShort(own) => json!(own),
        Field::UInt(own) => json!(own),
        Field::ULong(own) => json!(own),
        Field::Float16(own) => number(f64::from(f32::from(*own))),
        Field::Float(own) => number(f64::from(*own)),
        Field::Double(own) => number(*own),
        Field::Str(own) => json!(own),
        Field::Bytes(own) => json!(own.as_utf8().unwrap_or("(bytes)")),
        Field::TimestampMillis(at) => json!(at),
        Field::TimestampMicros(at) => json!(at / 1000),
        Field::Date(days) => json!(i64::from(*days) * 86_400_000),
        // Decimals and times of day print as what they say.
        Field::Decimal(_) | Field::TimeMillis(_) | Field::TimeMicros(_) => json!(field.to_string()),
        Field::Group(_) | Field::ListInternal(_) | Field::MapInternal(_) => json!([]),
    }
}
