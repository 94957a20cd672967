//! The records of a file: JSON lines, JSON documents of any layout, or delimited text.
//!
//! Guarantees: a document is read in pieces, so memory is bounded by the largest record, not by the
//! file; a line that is no record is passed on with its number and its reason.
//!
//! Does not know: what a record means.

use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Longest line, and largest record of delimited text, in bytes.
const MAX_LINE: usize = 64 << 20;
/// RecordFields whose lists hold records, in documents of every format.
const LISTS: [&str; 10] = [
    "resourceSpans",
    "resource_spans",
    "data",
    "results",
    "observations",
    "runs",
    "events",
    "rows",
    "spans",
    "items",
];

/// Why a piece of a file is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PieceFault {
    /// What is wrong.
    pub reason: String,
    /// The line, where it is known, and the byte at which the caret stands.
    pub line: Option<(String, usize)>,
}

/// A piece of a file: the number of its line, or of the record in a document, and the record.
pub(super) type Piece<'t> = (u64, Option<&'t str>, Result<&'t Value, PieceFault>);

/// Passes on every record. `None` in the first bytes of a table means JSON.
///
/// # Errors
/// When the reader fails.
pub(super) fn each_record(
    mut input: impl BufRead,
    head: &[u8],
    tell: &mut dyn FnMut(Piece<'_>),
) -> io::Result<()> {
    let start = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    if start.len() < head.len() {
        input.consume(head.len() - start.len());
    }
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{' | b'[') if !is_lines(start) => document(input, tell),
        Some(b'{' | b'[') => lines(input, tell),
        _ => table(input, start, tell),
    }
}

/// Whether the first line is a whole JSON value that is no list, and another one follows or nothing.
fn is_lines(head: &[u8]) -> bool {
    let mut lines = head.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
    let Some(first) = lines.next() else { return true };
    // A list in one line is a document, also where lines follow.
    first.trim_ascii_start().starts_with(b"{")
        && serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok()
}

fn lines(mut input: impl BufRead, tell: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let taken = input.by_ref().take(MAX_LINE as u64).read_until(b'\n', &mut line)?;
        if taken == 0 {
            return Ok(());
        }
        number += 1;
        if taken == MAX_LINE && !line.ends_with(b"\n") {
            skip_line(&mut input)?;
            let reason = format!("the line is longer than {} MiB", MAX_LINE >> 20);
            tell((number, None, Err(PieceFault { reason, line: None })));
            continue;
        }
        if line.trim_ascii().is_empty() {
            continue;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches(['\n', '\r']);
        match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(all)) => all.iter().for_each(|value| unfold(number, text, value, tell)),
            Ok(value) => unfold(number, text, &value, tell),
            Err(error) => {
                let at = error.column().saturating_sub(1);
                let fault = PieceFault {
                    reason: format!("not JSON: {}", reason(&error)),
                    line: Some((text.to_owned(), at)),
                };
                tell((number, Some(text), Err(fault)));
            }
        }
    }
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let bytes = input.fill_buf()?;
        if bytes.is_empty() {
            return Ok(());
        }
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(bytes.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// A line may hold a page of records: `{"data": […]}`.
fn unfold(number: u64, text: &str, value: &Value, tell: &mut dyn FnMut(Piece<'_>)) {
    if super::format::TraceFormat::of(value).is_none()
        && let Some(all) = listed(value)
    {
        for inner in all {
            tell((number, Some(text), Ok(inner)));
        }
        return;
    }
    tell((number, Some(text), Ok(value)));
}

/// The records of a page, also two levels down as in promptfoo's files.
fn listed(value: &Value) -> Option<&Vec<Value>> {
    let own = value.as_object()?;
    LISTS.iter().find_map(|name| match own.get(*name)? {
        Value::Array(all) if all.iter().any(Value::is_object) => Some(all),
        Value::Object(_) => listed(own.get(*name)?),
        _ => None,
    })
}

fn document(input: impl BufRead, tell: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
    let mut number = 0;
    let mut count = |value: &Value, tell: &mut dyn FnMut(Piece<'_>)| {
        number += 1;
        tell((number, None, Ok(value)));
    };
    let mut reader = serde_json::Deserializer::from_reader(input);
    loop {
        let mut walk = |value: &Value| count(value, tell);
        match (Walk { tell: &mut walk, resource: None }).deserialize(&mut reader) {
            Ok(()) => {}
            Err(error) if error.is_eof() && error.line() == 0 => return Ok(()),
            Err(error) if error.is_io() => return Err(error.into()),
            Err(error) => {
                let reason = format!(
                    "not JSON (line {}, column {}): {}",
                    error.line(),
                    error.column(),
                    reason(&error)
                );
                tell((error.line() as u64, None, Err(PieceFault { reason, line: None })));
                return Ok(());
            }
        }
        if reader.end().is_ok() {
            return Ok(());
        }
    }
}

/// What is wrong with a text that is not JSON, without the place.
fn reason(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "it ends too early".to_owned();
    }
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Walks a document, and passes on the elements of the lists that hold records.
struct Walk<'w> {
    tell: &'w mut dyn FnMut(&Value),
    /// The resource of OTLP spans below.
    resource: Option<Value>,
}

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object or a list of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut rest = Map::new();
        let mut descended = false;
        while let Some(key) = map.next_key::<String>()? {
            let scopes = ["scopeSpans", "scope_spans", "instrumentationLibrarySpans"];
            // A record by itself may have a list of such a name, too.
            let record = ["name", "context", "id", "traceId", "trace_id"];
            let inside =
                key == "observations" || !record.iter().any(|name| rest.contains_key(*name));
            if (LISTS.contains(&key.as_str()) && inside) || scopes.contains(&key.as_str()) {
                descended = true;
                let resource = rest.get("resource").cloned().or_else(|| self.resource.clone());
                let inner = Nested { key: &key, tell: &mut *self.tell, resource, rest: &rest };
                map.next_value_seed(inner)?;
            } else {
                let value = map.next_value()?;
                rest.insert(key, value);
            }
        }
        if !descended {
            (self.tell)(&Value::Object(rest));
        } else if let Some(Value::Array(scores)) = rest.get("scores") {
            scores.iter().for_each(&mut *self.tell);
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<Value>()? {
            if super::format::TraceFormat::of(&value).is_none()
                && let Some(all) = listed(&value)
            {
                all.iter().for_each(&mut *self.tell);
            } else {
                (self.tell)(&value);
            }
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        (self.tell)(&Value::Bool(value));
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        (self.tell)(&value.into());
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        (self.tell)(&value.into());
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        (self.tell)(&value.into());
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        (self.tell)(&value.into());
        Ok(())
    }
}

/// A value under a key that may hold records.
struct Nested<'w> {
    key: &'w str,
    tell: &'w mut dyn FnMut(&Value),
    resource: Option<Value>,
    /// What the object has before it.
    rest: &'w Map<String, Value>,
}

impl<'de> DeserializeSeed<'de> for Nested<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of records")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<(), A::Error> {
        Walk { tell: self.tell, resource: self.resource }.visit_map(map)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let inner = [
            "resourceSpans",
            "resource_spans",
            "scopeSpans",
            "scope_spans",
            "instrumentationLibrarySpans",
        ];
        if inner.contains(&self.key) {
            while seq
                .next_element_seed(Walk { tell: &mut *self.tell, resource: self.resource.clone() })?
                .is_some()
            {}
            return Ok(());
        }
        while let Some(mut value) = seq.next_element::<Value>()? {
            if let Some(own) = value.as_object_mut() {
                if let Some(resource) = &self.resource {
                    own.entry("resource").or_insert_with(|| resource.clone());
                }
                // An exported trace of Langfuse has user and session above its observations.
                if self.key == "observations" {
                    for name in ["userId", "sessionId"] {
                        if let Some(above) = self.rest.get(name) {
                            own.entry(name).or_insert_with(|| above.clone());
                        }
                    }
                }
            }
            (self.tell)(&value);
        }
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
}

/// Delimited text: each row as an object of texts.
fn table(input: impl BufRead, head: &[u8], tell: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
    let first = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let count = |mark: u8| first.iter().filter(|&&byte| byte == mark).count();
    let separator = [b'\t', b';', b'|'].into_iter().find(|&mark| count(mark) > count(b','));
    let mut reader = csv::ReaderBuilder::new()
        .delimiter(separator.unwrap_or(b','))
        .flexible(true)
        .from_reader(input);
    let names = match reader.headers() {
        Ok(names) => names.clone(),
        Err(error) => return unreadable(error, tell),
    };
    for row in reader.records() {
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                unreadable(error, tell)?;
                continue;
            }
        };
        let line = row.position().map_or(0, csv::Position::line);
        if row.len() != names.len() {
            let reason = format!("{} cells, the first line has {}", row.len(), names.len());
            tell((line, None, Err(PieceFault { reason, line: None })));
            continue;
        }
        let cells = names.iter().zip(row.iter());
        let record: Map<String, Value> =
            cells.map(|(name, cell)| (name.to_owned(), cell.into())).collect();
        tell((line, None, Ok(&Value::Object(record))));
    }
    Ok(())
}

fn unreadable(error: csv::Error, tell: &mut dyn FnMut(Piece<'_>)) -> io::Result<()> {
    let line = error.position().map_or(0, csv::Position::line);
    match error.into_kind() {
        csv::ErrorKind::Io(error) => Err(error),
        csv::ErrorKind::Utf8 { .. } => {
            let fault = PieceFault { reason: "it is not UTF-8".to_owned(), line: None };
            tell((line, None, Err(fault)));
            Ok(())
        }
        _ => {
            tell((
                line,
                None,
                Err(PieceFault { reason: "no row of a table".to_owned(), line: None }),
            ));
            Ok(())
        }
    }
}
