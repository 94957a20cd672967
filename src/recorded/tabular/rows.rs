//! A table row by row: delimited text, JSON lines, or one JSON array of objects.
//!
//! Guarantees: whatever the bytes, every row is either passed on or told as faulty with its line;
//! memory is bounded by the longest row.
//!
//! Does not know: what a column means.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead};
use std::ops::ControlFlow;

use serde::Deserializer as _;
use serde::de::{SeqAccess, Visitor};
use serde_json::{Map, Value};

use super::super::lines::each_value;

/// How the rows of a table are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableFormat {
    /// Text with this character between the cells, the first line with the names of the columns.
    Delimited(u8),
    /// One JSON object a line.
    JsonLines,
    /// One JSON array of objects.
    JsonArray,
    /// Parquet, by columns.
    Parquet,
    /// Arrow IPC, a file or a stream.
    Arrow,
}

impl TableFormat {
    /// The format that the first bytes of a text show: JSON by its bracket, else the separator that
    /// is most frequent in the first line outside of quotes; a comma where there is none.
    #[must_use]
    pub fn of(head: &[u8]) -> Self {
        let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
        if head.starts_with(PARQUET) {
            return Self::Parquet;
        }
        if head.starts_with(ARROW_FILE) || head.starts_with(ARROW_STREAM) {
            return Self::Arrow;
        }
        match head.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => return Self::JsonLines,
            Some(b'[') => return Self::JsonArray,
            _ => {}
        }
        let mut counts = [(b',', 0_usize), (b'\t', 0), (b';', 0), (b'|', 0)];
        let mut quoted = false;
        for byte in head {
            match byte {
                b'"' => quoted = !quoted,
                b'\n' if !quoted => break,
                byte if !quoted => {
                    counts.iter_mut().filter(|(own, _)| own == byte).for_each(|(_, n)| *n += 1);
                }
                _ => {}
            }
        }
        // The first of equals: `max_by_key` would take the last.
        let most = counts.iter().map(|(_, n)| *n).max().unwrap_or_default();
        let found = counts.iter().find(|(_, n)| *n == most && most > 0);
        Self::Delimited(found.map_or(b',', |(byte, _)| *byte))
    }

    /// Its name for people.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Delimited(b',') => "CSV",
            Self::Delimited(b'\t') => "TSV",
            Self::Delimited(b';') => "CSV with semicolons",
            Self::Delimited(_) => "text with `|` between the columns",
            Self::JsonLines => "JSON, one object a line",
            Self::JsonArray => "a JSON array",
            Self::Parquet => "Parquet",
            Self::Arrow => "Arrow IPC",
        }
    }
}

/// What a Parquet file begins with.
const PARQUET: &[u8] = b"PAR1";
/// What an Arrow file begins with; its stream follows.
pub(super) const ARROW_FILE: &[u8] = b"ARROW1\0\0";
/// What an Arrow stream begins with: the mark of a message, whose length follows.
const ARROW_STREAM: &[u8] = &[0xff, 0xff, 0xff, 0xff];

/// A column by its name and, in delimited text, its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedColumn {
    /// Its name.
    pub name: String,
    at: Option<usize>,
}

/// The columns that the first line names; none for JSON, whose rows name their own.
#[derive(Clone, Debug, Default)]
pub struct TableColumns(Vec<String>);

impl TableColumns {
    /// Columns of these names.
    pub(super) fn of(names: Vec<String>) -> Self {
        Self(names)
    }

    /// The names in their order.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The column of this name; of JSON every name may be one. `None` where the first line does
    /// not have it.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<NamedColumn> {
        let at = self.0.iter().position(|own| own == name);
        (at.is_some() || self.0.is_empty()).then(|| NamedColumn { name: name.to_owned(), at })
    }

    /// Every column.
    pub fn all(&self) -> impl Iterator<Item = NamedColumn> {
        self.0.iter().enumerate().map(|(at, name)| NamedColumn { name: name.clone(), at: Some(at) })
    }
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub enum TableRow<'r> {
    /// Of delimited text.
    Record(&'r csv::ByteRecord),
    /// Of JSON.
    Object(&'r Map<String, Value>),
}

/// One cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TableCell<'r> {
    /// There is no such column in this row, or nothing in it.
    Missing,
    /// Text, without blanks around it.
    Text(&'r str),
    /// Text that is not UTF-8.
    NotText,
    /// A JSON value that is no text.
    Json(&'r Value),
}

impl<'r> TableRow<'r> {
    /// The cell of a column.
    #[must_use]
    pub fn cell(self, column: &NamedColumn) -> TableCell<'r> {
        match self {
            Self::Record(record) => match column.at.and_then(|at| record.get(at)) {
                None => TableCell::Missing,
                Some(bytes) => match std::str::from_utf8(bytes) {
                    Ok(text) => TableCell::of(text),
                    Err(_) => TableCell::NotText,
                },
            },
            Self::Object(object) => {
                let found = object.get(&column.name).or_else(|| nested(object, &column.name));
                match found {
                    None | Some(Value::Null) => TableCell::Missing,
                    Some(Value::String(text)) => TableCell::of(text),
                    Some(other) => TableCell::Json(other),
                }
            }
        }
    }

    /// A digest of the whole row.
    #[must_use]
    pub fn digest(self) -> u64 {
        match self {
            Self::Record(record) => {
                let mut hash = xxhash_rust::xxh3::Xxh3::new();
                for field in record {
                    hash.update(&(field.len() as u64).to_le_bytes());
                    hash.update(field);
                }
                hash.digest()
            }
            Self::Object(object) => {
                let text = serde_json::to_vec(object).unwrap_or_default();
                xxhash_rust::xxh3::xxh3_64(&text)
            }
        }
    }
}

/// A value inside of objects, by the path to it: `properties.value`.
fn nested<'r>(object: &'r Map<String, Value>, path: &str) -> Option<&'r Value> {
    let (first, rest) = path.split_once('.')?;
    let inner = object.get(first)?.as_object()?;
    inner.get(rest).or_else(|| nested(inner, rest))
}

impl<'r> TableCell<'r> {
    fn of(text: &'r str) -> Self {
        let text = text.trim();
        if text.is_empty() { Self::Missing } else { Self::Text(text) }
    }

    /// What it says as text: a name, a key. `None` where nothing is in it, and for the marks of
    /// databases for nothing.
    #[must_use]
    pub fn name(self) -> Option<Cow<'r, str>> {
        match self {
            Self::Missing | Self::NotText => None,
            Self::Text("\\N" | "NULL" | "null" | "NaN" | "nan" | "<NA>") => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Json(value) => Some(Cow::Owned(value.to_string())),
        }
    }

    /// What it says as a number; `None` where it says nothing.
    ///
    /// # Errors
    /// What is in it instead, and what to write.
    pub fn number(self) -> Result<Option<f64>, String> {
        match self {
            Self::Missing => Ok(None),
            Self::NotText => Err(NOT_UTF8.to_owned()),
            Self::Json(Value::Bool(flag)) => Ok(Some(f64::from(u8::from(*flag)))),
            Self::Json(value) => match value.as_f64() {
                Some(number) => Ok(Some(number)),
                None => Err(format!("expected a number, found {}", kind(value))),
            },
            Self::Text(text) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                Ok(number) if number.is_nan() => Ok(None),
                Ok(_) => Err(format!("expected a finite number, found `{text}`")),
                Err(_) if says_nothing(text) => Ok(None),
                Err(_) => match flag(text) {
                    Some(flag) => Ok(Some(f64::from(u8::from(flag)))),
                    None => Err(not_a_number(text)),
                },
            },
        }
    }

    /// What it says as true or false; `None` where it says nothing.
    ///
    /// # Errors
    /// What is in it instead, and what to write.
    pub fn truth(self) -> Result<Option<bool>, String> {
        let expected = |found: &str| {
            format!("expected true or false, or 1 or 0, found {found}; for amounts write `:mean`")
        };
        match self {
            Self::Missing => Ok(None),
            Self::NotText => Err(NOT_UTF8.to_owned()),
            Self::Json(Value::Bool(flag)) => Ok(Some(*flag)),
            Self::Json(value) => match value.as_f64() {
                Some(0.0) => Ok(Some(false)),
                Some(1.0) => Ok(Some(true)),
                Some(number) => Err(expected(&format!("`{number}`"))),
                None => Err(expected(kind(value))),
            },
            Self::Text(text) => match (flag(text), text.parse::<f64>()) {
                (Some(flag), _) => Ok(Some(flag)),
                (None, Ok(0.0)) => Ok(Some(false)),
                (None, Ok(1.0)) => Ok(Some(true)),
                (None, Ok(number)) if number.is_nan() => Ok(None),
                _ if says_nothing(text) => Ok(None),
                _ => Err(expected(&format!("`{}`", shown(text)))),
            },
        }
    }
}

const NOT_UTF8: &str =
    "the text is not UTF-8; save the file as UTF-8: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW";

/// Whether a text is how people and databases write that there is nothing.
fn says_nothing(text: &str) -> bool {
    const MARKS: [&str; 9] = ["na", "n/a", "null", "none", "nil", "-", "\\n", "<na>", "#n/a"];
    text.len() <= 4 && MARKS.iter().any(|mark| text.eq_ignore_ascii_case(mark))
}

/// True or false in the words that tables have.
fn flag(text: &str) -> Option<bool> {
    let is = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    if is(&["true", "t", "yes", "y"]) {
        Some(true)
    } else if is(&["false", "f", "no", "n"]) {
        Some(false)
    } else {
        None
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A text for a message.
fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(40) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

/// What is wrong with a text where a number is expected, and what to write.
fn not_a_number(text: &str) -> String {
    let found = format!("expected a number, found the text `{}`", shown(text));
    let digits = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let fix = if let Some(percent) = text.strip_suffix('%').and_then(digits) {
        Some((percent / 100.0).to_string())
    } else if let Some(amount) = text.strip_prefix(['$', '€', '£', '¥']).and_then(digits) {
        Some(amount.to_string())
    } else if let Some(number) = digits(&text.replace(',', ".")).filter(|_| !in_thousands(text)) {
        Some(number.to_string())
    } else if let Some(number) = digits(&text.replace([',', '_', ' ', '\u{a0}', '\''], "")) {
        Some(number.to_string())
    } else {
        let end = text.find(|c: char| c.is_alphabetic() && c != 'e').unwrap_or(0);
        text.get(..end).and_then(digits).map(|number| number.to_string())
    };
    match fix {
        Some(fix) => format!("{found}; write {fix}"),
        None => found,
    }
}

/// Whether a comma stands before three digits: then it may separate thousands.
fn in_thousands(text: &str) -> bool {
    text.rsplit_once(',').is_some_and(|(_, after)| {
        after.len() == 3 && after.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// Reads one JSON object a line.
///
/// # Errors
/// When the reader fails.
pub(super) fn json_lines(
    input: impl BufRead,
    mut tell: impl FnMut(u64, Result<TableRow<'_>, String>) -> ControlFlow<()>,
) -> Result<u64, TableUnreadable> {
    let (mut rows, mut done) = (0, false);
    each_value(input, |line, value| {
        if done {
            return;
        }
        rows += 1;
        let row = value.and_then(object);
        done = tell(line, row.map(TableRow::Object)).is_break();
    })?;
    Ok(rows)
}

/// Reads one JSON array of objects.
///
/// # Errors
/// When the reader fails, or the text is no JSON array.
pub(super) fn json_array(
    input: impl BufRead,
    mut tell: impl FnMut(u64, Result<TableRow<'_>, String>) -> ControlFlow<()>,
) -> Result<u64, TableUnreadable> {
    let mut reader = serde_json::Deserializer::from_reader(input);
    let mut rows = Elements { tell: &mut tell, rows: 0, stopped: false };
    match reader.deserialize_seq(&mut rows) {
        Err(error) if !rows.stopped => Err(match error.classify() {
            serde_json::error::Category::Io => TableUnreadable::Io(error.into()),
            _ => TableUnreadable::Text(crate::diagnostic::json_fault(&error)),
        }),
        _ => Ok(rows.rows),
    }
}

/// Why a table cannot be read at all.
#[derive(Debug)]
pub enum TableUnreadable {
    /// The reader failed.
    Io(io::Error),
    /// The text is no such table.
    Text(String),
}

impl From<io::Error> for TableUnreadable {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

fn object(value: &Value) -> Result<&Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("expected an object with the columns, found {}", kind(value)))
}

/// Reads delimited text.
///
/// # Errors
/// When the reader fails, or the first line has no names.
pub(super) fn delimited(
    input: impl BufRead,
    separator: u8,
    begin: impl FnOnce(&TableColumns) -> ControlFlow<()>,
    mut tell: impl FnMut(u64, Result<TableRow<'_>, String>) -> ControlFlow<()>,
) -> Result<u64, TableUnreadable> {
    // Rows of another length are told as faults, not as errors of the reader.
    let mut reader =
        csv::ReaderBuilder::new().delimiter(separator).flexible(true).from_reader(input);
    let header = reader.byte_headers().map_err(unreadable)?;
    let inside = header.iter().flatten().filter(|byte| **byte == b'\n').count() as u64;
    let columns = columns(header)?;
    // After a line that ends in CR LF, the reader stands before the LF: one line less.
    let behind = u64::from(reader.position().line() == 1 + inside);
    let width = columns.0.len();
    let mut record = csv::ByteRecord::new();
    let mut more = reader.read_byte_record(&mut record).map_err(unreadable)?;
    // Rows that carry JSON name their columns inside of it, as rows of JSON do.
    let packed = packed(&columns, &record);
    let begun = if packed.is_empty() { begin(&columns) } else { begin(&TableColumns::default()) };
    if begun.is_break() {
        return Ok(0);
    }
    let mut rows = 0;
    while more {
        let line = record.position().map_or(0, csv::Position::line) + behind;
        rows += 1;
        // A separator at the end of a line adds an empty cell.
        let beyond = record.iter().skip(width).any(|cell| !cell.is_empty());
        let row = if record.len() < width || beyond {
            Err(format!(
                "{} cells, the first line has {width}; a cell with the separator in it needs quotes",
                record.len()
            ))
        } else {
            Ok(TableRow::Record(&record))
        };
        let told = match row {
            Ok(_) if !packed.is_empty() => match unpacked(&columns, &packed, &record) {
                Ok(object) => tell(line, Ok(TableRow::Object(&object))),
                Err(reason) => tell(line, Err(reason)),
            },
            row => tell(line, row),
        };
        if told.is_break() {
            break;
        }
        more = reader.read_byte_record(&mut record).map_err(unreadable)?;
    }
    Ok(rows)
}

/// The columns in which a row has a JSON object, such as the `properties` of PostHog's exports.
fn packed(columns: &TableColumns, record: &csv::ByteRecord) -> Vec<usize> {
    let named = |name: &str| name.rsplit('_').next().is_some_and(|own| own == "properties");
    let object = |at: usize| record.get(at).is_some_and(|cell| cell.trim_ascii().starts_with(b"{"));
    let all = columns.0.iter().enumerate();
    all.filter(|(at, name)| named(name) && object(*at)).map(|(at, _)| at).collect()
}

/// A row as an object whose packed cells are objects again.
fn unpacked(
    columns: &TableColumns,
    packed: &[usize],
    record: &csv::ByteRecord,
) -> Result<Map<String, Value>, String> {
    let mut object = Map::new();
    for (at, (name, cell)) in columns.0.iter().zip(record).enumerate() {
        let text = std::str::from_utf8(cell).map_err(|_| format!("column `{name}`: {NOT_UTF8}"))?;
        let value = if packed.contains(&at) && !text.trim().is_empty() {
            serde_json::from_str(text).map_err(|error| {
                format!("column `{name}`: {}", crate::diagnostic::json_fault(&error))
            })?
        } else {
            Value::String(text.to_owned())
        };
        object.insert(name.clone(), value);
    }
    Ok(object)
}

fn unreadable(error: csv::Error) -> TableUnreadable {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => TableUnreadable::Io(error),
        _ => TableUnreadable::Text("it is not delimited text".to_owned()),
    }
}

/// The names of the first line.
fn columns(header: &csv::ByteRecord) -> Result<TableColumns, TableUnreadable> {
    let fault = |reason: String| Err(TableUnreadable::Text(reason));
    let mut names: Vec<String> = Vec::new();
    for (nth, bytes) in header.iter().enumerate() {
        let Ok(name) = std::str::from_utf8(bytes) else {
            return fault(format!("the name of column {} in the first line: {NOT_UTF8}", nth + 1));
        };
        let name = name.trim().trim_start_matches('\u{feff}');
        if !name.is_empty() && names.iter().any(|own| own == name) {
            return fault(format!(
                "the first line names the column `{}` twice; give each column a name of its own",
                shown(name)
            ));
        }
        names.push(name.to_owned());
    }
    while names.last().is_some_and(String::is_empty) {
        names.pop();
    }
    if names.is_empty() {
        return fault(
            "it is empty; expected the names of the columns in the first line".to_owned(),
        );
    }
    let data = names.iter().all(|name| name.parse::<f64>().is_ok());
    if data {
        return fault(format!(
            "the first line has numbers (`{}`), not names; write the names of the columns there",
            names.join(", ")
        ));
    }
    Ok(TableColumns(names))
}

/// Passes on the elements of an array one by one.
struct Elements<'t, T> {
    tell: &'t mut T,
    rows: u64,
    stopped: bool,
}

impl<'de, T> Visitor<'de> for &mut Elements<'_, T>
where
    T: FnMut(u64, Result<TableRow<'_>, String>) -> ControlFlow<()>,
{
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(value) = elements.next_element::<Value>()? {
            self.rows += 1;
            if (self.tell)(self.rows, object(&value).map(TableRow::Object)).is_break() {
                // The rest is not looked at.
                self.stopped = true;
                return Err(serde::de::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}
