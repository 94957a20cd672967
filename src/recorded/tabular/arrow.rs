//! The rows of Arrow IPC: a stream, or a file, which is a stream with a table of contents (Feather
//! version 2 is such a file).
//!
//! Guarantees: what is no number stays visible: NaN and infinity are passed on as text, so that they
//! are told. Memory: one batch of rows.
//!
//! Does not know: what a column means.

use std::io::{BufRead, Read};
use std::ops::ControlFlow;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_ipc::root_as_message;
use arrow_schema::{DataType, Fields, TimeUnit};
use serde_json::{Map, Value, json};

use super::damaged::guarded;
use super::rows::{ARROW_FILE, TableColumns, TableRow, TableUnreadable};

/// The most bytes of one column of a batch when it is unpacked. The library asks the system for what
/// the file says, and a damaged file may say anything.
const MAX_UNPACKED: u64 = 1 << 32;
/// The end of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];

/// Reads Arrow IPC like any other table; rows are numbered from 1.
///
/// # Errors
/// When the reader fails, or with the reason why the bytes are no such table.
pub(super) fn each_arrow_row(
    mut input: impl BufRead,
    begin: impl FnOnce(&TableColumns) -> ControlFlow<()>,
    mut tell: impl FnMut(u64, Result<TableRow<'_>, String>) -> ControlFlow<()>,
) -> Result<u64, TableUnreadable> {
    if input.fill_buf()?.starts_with(ARROW_FILE) {
        input.consume(ARROW_FILE.len());
    }
    let mut decoder = StreamDecoder::new();
    let mut begin = Some(begin);
    let (mut names, mut rows): (Vec<String>, u64) = (Vec::new(), 0);
    loop {
        let next = message(&mut input)?;
        let last = next.is_none();
        // Without bytes behind it, the library keeps a message that has no body.
        let mut bytes = Buffer::from(next.unwrap_or_else(|| END.to_vec()));
        while !bytes.is_empty() {
            let batch = guarded(|| decoder.decode(&mut bytes))?
                .map_err(|error| TableUnreadable::Text(error.to_string()))?;
            if let Some(schema) = decoder.schema()
                && let Some(begin) = begin.take()
            {
                names = schema.fields().iter().map(|field| field.name().clone()).collect();
                if begin(&TableColumns::of(columns(schema.fields()))).is_break() {
                    return Ok(0);
                }
            }
            let Some(batch) = batch else { continue };
            for at in 0..batch.num_rows() {
                rows += 1;
                let row = guarded(|| row(&names, &batch, at))?;
                if tell(rows, Ok(TableRow::Object(&row))).is_break() {
                    return Ok(rows);
                }
            }
        }
        if last {
            break;
        }
    }
    match begin {
        Some(_) => Err(cut()),
        None => Ok(rows),
    }
}

/// The names of the columns, and of what is inside of those that are objects, by the path to it.
fn columns(fields: &Fields) -> Vec<String> {
    let all = fields.iter().flat_map(|field| {
        let inner = match field.data_type() {
            DataType::Struct(inner) => inner.clone(),
            _ => Fields::empty(),
        };
        let name = field.name();
        let paths = inner.iter().map(|own| format!("{name}.{}", own.name())).collect::<Vec<_>>();
        std::iter::once(name.clone()).chain(paths)
    });
    all.collect()
}

/// The bytes of the next message with its body; `None` at the end. What comes behind the end of the
/// stream in a file, its table of contents, is not read.
fn message(input: &mut impl BufRead) -> Result<Option<Vec<u8>>, TableUnreadable> {
    let mut whole = Vec::new();
    if !take(input, 4, &mut whole)? {
        // A stream may end without a mark.
        return if whole.is_empty() { Ok(None) } else { Err(cut()) };
    }
    // Before 0.15 the length came first.
    if whole == [0xff; 4] && !take(input, 4, &mut whole)? {
        return Err(cut());
    }
    let start = whole.len();
    let length = whole.last_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    if length == 0 {
        return Ok(None);
    }
    if !take(input, u64::from(length), &mut whole)? {
        return Err(cut());
    }
    let described = whole.get(start..).unwrap_or_default();
    let message =
        root_as_message(described).map_err(|error| TableUnreadable::Text(error.to_string()))?;
    let body = u64::try_from(message.bodyLength()).map_err(|_| damaged())?;
    let batch = message
        .header_as_record_batch()
        .or_else(|| message.header_as_dictionary_batch().and_then(|dictionary| dictionary.data()));
    let packed: Vec<(usize, usize)> = batch
        .filter(|batch| batch.compression().is_some())
        .and_then(|batch| batch.buffers())
        .into_iter()
        .flatten()
        .filter_map(|own| Some((own.offset().try_into().ok()?, own.length().try_into().ok()?)))
        .collect();
    let start = whole.len();
    if !take(input, body, &mut whole)? {
        return Err(cut());
    }
    let body = whole.get(start..).unwrap_or_default();
    for (at, _) in packed.into_iter().filter(|(_, length)| *length >= 8) {
        // The length of what is packed stands before it; -1 says that it is not packed.
        let length = body.get(at..).and_then(<[u8]>::first_chunk).ok_or_else(damaged)?;
        let length = i64::from_le_bytes(*length);
        if length != -1 && u64::try_from(length).map_or(true, |length| length > MAX_UNPACKED) {
            return Err(damaged());
        }
    }
    Ok(Some(whole))
}

/// Reads this many bytes behind those that are there; `false` where the input ends before.
fn take(input: &mut impl Read, many: u64, into: &mut Vec<u8>) -> Result<bool, TableUnreadable> {
    // The memory grows with what is read, not with what a damaged length promises.
    Ok(input.take(many).read_to_end(into)? as u64 == many)
}

fn cut() -> TableUnreadable {
    TableUnreadable::Text("it ends too early".to_owned())
}

fn damaged() -> TableUnreadable {
    TableUnreadable::Text("it is damaged".to_owned())
}

fn row(names: &[String], batch: &RecordBatch, at: usize) -> Map<String, Value> {
    let cells = names.iter().zip(batch.columns());
    cells.map(|(name, column)| (name.clone(), cell(column.as_ref(), at))).collect()
}

fn cell(array: &dyn Array, at: usize) -> Value {
    if array.is_null(at) {
        return Value::Null;
    }
    let number = |own: f64| if own.is_finite() { json!(own) } else { json!(own.to_string()) };
    match array.data_type() {
        DataType::Null => Value::Null,
        DataType::Boolean => json!(array.as_boolean().value(at)),
        DataType::Int8 => json!(array.as_primitive::<Int8Type>().value(at)),
        DataType::Int16 => json!(array.as_primitive::<Int16Type>().value(at)),
        DataType::Int32 => json!(array.as_primitive::<Int32Type>().value(at)),
        DataType::Int64 => json!(array.as_primitive::<Int64Type>().value(at)),
        DataType::UInt8 => json!(array.as_primitive::<UInt8Type>().value(at)),
        DataType::UInt16 => json!(array.as_primitive::<UInt16Type>().value(at)),
        DataType::UInt32 => json!(array.as_primitive::<UInt32Type>().value(at)),
        DataType::UInt64 => json!(array.as_primitive::<UInt64Type>().value(at)),
        DataType::Float16 => number(array.as_primitive::<Float16Type>().value(at).to_f64()),
        DataType::Float32 => number(f64::from(array.as_primitive::<Float32Type>().value(at))),
        DataType::Float64 => number(array.as_primitive::<Float64Type>().value(at)),
        DataType::Utf8 => json!(array.as_string::<i32>().value(at)),
        DataType::LargeUtf8 => json!(array.as_string::<i64>().value(at)),
        DataType::Utf8View => json!(array.as_string_view().value(at)),
        DataType::Binary => text(array.as_binary::<i32>().value(at)),
        DataType::LargeBinary => text(array.as_binary::<i64>().value(at)),
        DataType::BinaryView => text(array.as_binary_view().value(at)),
        DataType::Date32 => {
            json!(i64::from(array.as_primitive::<Date32Type>().value(at)) * 86_400_000)
        }
        DataType::Date64 => json!(array.as_primitive::<Date64Type>().value(at)),
        DataType::Timestamp(unit, _) => json!(match unit {
            TimeUnit::Second =>
                array.as_primitive::<TimestampSecondType>().value(at).saturating_mul(1000),
            TimeUnit::Millisecond => array.as_primitive::<TimestampMillisecondType>().value(at),
            TimeUnit::Microsecond =>
                array.as_primitive::<TimestampMicrosecondType>().value(at) / 1000,
            TimeUnit::Nanosecond =>
                array.as_primitive::<TimestampNanosecondType>().value(at) / 1_000_000,
        }),
        DataType::Decimal32(..) => json!(array.as_primitive::<Decimal32Type>().value_as_string(at)),
        DataType::Decimal64(..) => json!(array.as_primitive::<Decimal64Type>().value_as_string(at)),
        DataType::Decimal128(..) => {
            json!(array.as_primitive::<Decimal128Type>().value_as_string(at))
        }
        DataType::Decimal256(..) => {
            json!(array.as_primitive::<Decimal256Type>().value_as_string(at))
        }
        // A category: the number of its value.
        DataType::Dictionary(..) => {
            let dictionary = array.as_any_dictionary();
            let key =
                cell(dictionary.keys(), at).as_u64().and_then(|key| usize::try_from(key).ok());
            let values = dictionary.values();
            key.filter(|key| *key < values.len()).map_or(Value::Null, |key| cell(values, key))
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let cells = fields.iter().zip(columns);
            Value::Object(cells.map(|(field, own)| (field.name().clone(), cell(own, at))).collect())
        }
        // Lengths and times of day are neither numbers nor moments: their type is told.
        other @ (DataType::Duration(_) | DataType::Time32(_) | DataType::Time64(_)) => {
            json!(format!("({other})"))
        }
        _ => json!([]),
    }
}

fn text(bytes: &[u8]) -> Value {
    json!(std::str::from_utf8(bytes).unwrap_or("(bytes)"))
}
