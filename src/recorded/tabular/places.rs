//! Find a row and a cell in the text of a table, to point at it.
//!
//! Guarantees: takes no more memory than the longest line; a place that cannot be found is `None`,
//! and the fault is told without it.
//!
//! Does not know: what is wrong there.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::ops::Range;

use serde_json::value::RawValue;

use super::super::lines::next_line;
use super::rows::TableFormat;
use crate::report::UnreadableLine;

/// Where in a table something is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CellPlace {
    /// The file, as messages name it.
    pub file: String,
    /// The line in which the row begins, counted from 1.
    pub line: u64,
    /// The column of the cell; `None`: the row.
    pub column: Option<String>,
    /// What is said there.
    pub label: String,
}

impl CellPlace {
    /// The place of a row or a cell that cannot be read, in the file `shown` unless it names one.
    #[must_use]
    pub fn of(fault: &UnreadableLine, shown: &str) -> Self {
        let file = fault.file.clone().unwrap_or_else(|| shown.to_owned());
        let reason = fault.reason.as_str();
        let reason = reason.strip_prefix(&format!("{file}: ")).unwrap_or(reason);
        let label = match &fault.column {
            Some(column) => reason.strip_prefix(&format!("column `{column}`: ")).unwrap_or(reason),
            None => reason,
        };
        Self { file, line: fault.line, column: fault.column.clone(), label: label.to_owned() }
    }
}

/// A row in the text of its table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlacedText {
    /// The text of the row.
    pub text: String,
    /// The line in which it begins, counted from 1.
    pub line: u64,
    /// What is meant, in bytes of the text.
    pub span: Range<usize>,
}

/// Most lines of a row in delimited text.
const MAX_LINES: usize = 100;

/// Finds the text of a place. Rows of a JSON array, of Parquet and of Arrow have no lines.
#[must_use]
pub fn text_at(input: impl BufRead, format: TableFormat, place: &CellPlace) -> Option<PlacedText> {
    match format {
        TableFormat::Delimited(separator) => delimited(input, separator, place),
        TableFormat::JsonLines => {
            let mut lines = NumberedLines { input, number: 0 };
            let text = lines.skip_to(place.line)?;
            let found = match &place.column {
                Some(column) => member(&text, column),
                None => serde_json::from_str::<&RawValue>(&text).err().map(|error| {
                    let at = error.column().saturating_sub(1);
                    let at = text.floor_char_boundary(at.min(text.len()));
                    at..text.ceil_char_boundary((at + 1).min(text.len()))
                }),
            };
            let span = found.unwrap_or(0..text.len());
            Some(PlacedText { text, line: place.line, span })
        }
        TableFormat::JsonArray | TableFormat::Parquet | TableFormat::Arrow => None,
    }
}

/// Lines with their numbers.
struct NumberedLines<R> {
    input: R,
    number: u64,
}

impl<R: BufRead> NumberedLines<R> {
    fn next(&mut self) -> Option<String> {
        let mut line = Vec::new();
        next_line(&mut self.input, &mut line).ok().flatten().filter(|whole| *whole)?;
        self.number += 1;
        let text = String::from_utf8_lossy(&line);
        let text = text.strip_suffix('\r').unwrap_or(&text);
        Some(if self.number == 1 { text.trim_start_matches('\u{feff}') } else { text }.to_owned())
    }

    fn skip_to(&mut self, number: u64) -> Option<String> {
        let mut line = Vec::new();
        while self.number + 1 < number {
            line.clear();
            next_line(&mut self.input, &mut line).ok().flatten()?;
            self.number += 1;
        }
        self.next()
    }

    /// The lines of a row of delimited text, the first of which is given.
    fn row(&mut self, first: String) -> String {
        let mut row = first;
        for _ in 0..MAX_LINES {
            if row.bytes().filter(|byte| *byte == b'"').count() % 2 == 0 {
                break;
            }
            let Some(line) = self.next() else { break };
            row.push('\n');
            row.push_str(&line);
        }
        row
    }
}

fn delimited(input: impl BufRead, separator: u8, place: &CellPlace) -> Option<PlacedText> {
    let mut lines = NumberedLines { input, number: 0 };
    let first = lines.next()?;
    let header = lines.row(first);
    let header =
        cells(&header, separator).into_iter().map(|cell| bare(&header, cell)).collect::<Vec<_>>();
    let text = lines.skip_to(place.line)?;
    let line = lines.number;
    let text = lines.row(text);
    let found = cells(&text, separator);
    let span = match &place.column {
        Some(column) => {
            let at = header.iter().position(|name| name == column)?;
            found.get(at).cloned()?
        }
        None => match (found.get(header.len()), found.last()) {
            (Some(beyond), Some(last)) => beyond.start..last.end,
            // Too few cells: where the next one would be.
            _ => text.len().saturating_sub(1)..text.len(),
        },
    };
    let span = text.floor_char_boundary(span.start)..span.end;
    Some(PlacedText { text, line, span })
}

/// Where the cells of a row are, without blanks around them.
fn cells(row: &str, separator: u8) -> Vec<Range<usize>> {
    let (mut all, mut start, mut quoted) = (Vec::new(), 0, false);
    let ends = row.bytes().enumerate().filter(|(_, byte)| {
        quoted ^= *byte == b'"';
        *byte == separator && !quoted
    });
    for end in ends.map(|(at, _)| at).chain([row.len()]) {
        let cell = row.get(start..end).unwrap_or_default();
        let inside = cell.trim();
        let begin = start + cell.len() - cell.trim_start().len();
        all.push(begin..begin + inside.len());
        start = end + 1;
    }
    all
}

/// The name in a cell.
fn bare(row: &str, cell: Range<usize>) -> String {
    let text = row.get(cell).unwrap_or_default();
    let inside = text.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    inside.map_or_else(|| text.to_owned(), |inside| inside.replace("\"\"", "\"")).trim().to_owned()
}

/// Where a value of a JSON object is, by the path to it.
fn member(text: &str, path: &str) -> Option<Range<usize>> {
    let value = value_at(text, path)?;
    let begin = (value.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    Some(begin..begin + value.len())
}

fn value_at<'t>(text: &'t str, path: &str) -> Option<&'t str> {
    let object: BTreeMap<Cow<'t, str>, &'t RawValue> = serde_json::from_str(text).ok()?;
    if let Some(value) = object.get(path) {
        return Some(value.get());
    }
    let (first, rest) = path.split_once('.')?;
    value_at(object.get(first)?.get(), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pointed(text: &str, line: u64, column: Option<&str>) -> Option<String> {
        let place = CellPlace {
            file: String::new(),
            line,
            column: column.map(str::to_owned),
            label: String::new(),
        };
        let found = text_at(text.as_bytes(), TableFormat::of(text.as_bytes()), &place)?;
        assert_eq!(found.line, line);
        found.text.get(found.span).map(str::to_owned)
    }

    #[test]
    fn a_cell_is_found_in_its_line() {
        let csv = "\u{feff}user,\"the, \"\"cost\"\"\",plan\r\na,1,x\r\nb, 12% ,\"free,\r\nor not\"\r\nc,3,z,4,5\r\nd,4\r\n";
        assert_eq!(pointed(csv, 3, Some("the, \"cost\"")).as_deref(), Some("12%"));
        assert_eq!(pointed(csv, 3, Some("plan")).as_deref(), Some("\"free,\nor not\""));
        assert_eq!(pointed(csv, 5, None).as_deref(), Some("4,5"));
        assert_eq!(pointed(csv, 6, None).as_deref(), Some("4"));
        assert_eq!(pointed(csv, 6, Some("plan")), None);
        assert_eq!(pointed(csv, 60, Some("plan")), None);
        let json = "{\"u\":1}\n{\"u\": 2, \"p\": {\"x\": \"é\", \"y\": [1]}}\n{\"u\": oops}\n[1]";
        assert_eq!(pointed(json, 2, Some("u")).as_deref(), Some("2"));
        assert_eq!(pointed(json, 2, Some("p.x")).as_deref(), Some("\"é\""));
        assert_eq!(pointed(json, 3, None).as_deref(), Some("o"));
        assert_eq!(pointed(json, 4, Some("u")).as_deref(), Some("[1]"));
        assert_eq!(pointed("[{\"u\": 1}]", 1, Some("u")), None);
    }
}
