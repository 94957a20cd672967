//! A file of recorded events, line by line: one event a line, or one payload (an array of events) a
//! line.
//!
//! Guarantees: whatever the bytes, every line is either told event by event or told as faulty with
//! its reason; memory is bounded by the longest line that is taken.
//!
//! Does not know: what an event is for.

use std::io::{self, BufRead};

use serde_json::Value;

use super::foreign::translated;

/// Most bytes of a line: a payload of 10,000 events of 3 kB.
const MAX_LINE: usize = 32 << 20;

/// Reads lines and passes on each event, one of another tool as LaunchDarkly's, with the number of its line (from 1), or why the line
/// holds none. Returns the number of lines.
///
/// # Errors
/// When the reader fails.
pub fn each_event(
    lines: impl BufRead,
    mut tell: impl FnMut(u64, Result<&Value, String>),
) -> io::Result<u64> {
    each_value(lines, |line, value| match value {
        Ok(value) => tell(line, Ok(translated(value).as_ref().unwrap_or(value))),
        Err(reason) => tell(line, Err(reason)),
    })
}

/// The same for values of any shape.
///
/// # Errors
/// When the reader fails.
pub fn each_value(
    mut lines: impl BufRead,
    mut tell: impl FnMut(u64, Result<&Value, String>),
) -> io::Result<u64> {
    let mut line = Vec::new();
    let mut number = 0;
    loop {
        line.clear();
        let whole = next_line(&mut lines, &mut line)?;
        let Some(whole) = whole else { return Ok(number) };
        number += 1;
        let text = if number == 1 {
            line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&line)
        } else {
            &line
        };
        if !whole {
            tell(number, Err(format!("the line is longer than {} MiB", MAX_LINE >> 20)));
            continue;
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        match serde_json::from_slice::<Value>(text) {
            Ok(Value::Array(events)) => events.iter().for_each(|event| tell(number, Ok(event))),
            Ok(event) => tell(number, Ok(&event)),
            // The place is in the line; the line's own number is told beside it.
            Err(error) => tell(
                number,
                Err(format!("not JSON at column {}: {}", error.column(), reason(&error))),
            ),
        }
    }
}

/// What is wrong with a text that is not JSON, without the place.
fn reason(error: &serde_json::Error) -> String {
    if error.is_eof() {
        return "the line ends too early".to_owned();
    }
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or_default().to_owned()
}

/// Appends the next line to `line`, without its end; tells whether it was taken whole, `None` at
/// the end.
pub(super) fn next_line(lines: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<bool>> {
    let mut any = false;
    let mut whole = true;
    loop {
        let bytes = match lines.fill_buf() {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if bytes.is_empty() {
            return Ok(any.then_some(whole));
        }
        any = true;
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let part = end.and_then(|end| bytes.get(..end)).unwrap_or(bytes);
        if line.len() + part.len() > MAX_LINE {
            whole = false;
        } else if whole {
            line.extend_from_slice(part);
        }
        let used = end.map_or(bytes.len(), |end| end + 1);
        lines.consume(used);
        if end.is_some() {
            return Ok(Some(whole));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_told_of_or_told_why_not() {
        let metric =
            r#"{"kind":"custom","key":"e","creationDate":1,"context":{"kind":"user","key":"u"}}"#;
        let long = format!("\"{}\"", "x".repeat(MAX_LINE));
        let text =
            format!("\u{feff}{metric}\n\n[{metric},{metric}]\r\n{{oops\n\u{0}\n{long}\n{metric}");
        let mut told = Vec::new();
        let lines =
            each_event(text.as_bytes(), |line, event| told.push((line, event.is_ok()))).unwrap();
        assert_eq!(lines, 7);
        assert_eq!(
            told,
            [(1, true), (3, true), (3, true), (4, false), (5, false), (6, false), (7, true)]
        );
    }

    #[test]
    fn a_fault_names_the_column() {
        let mut faults = Vec::new();
        each_event(&b"{\"kind\": 1,}"[..], |_, event| faults.extend(event.err())).unwrap();
        assert_eq!(faults, ["not JSON at column 12: trailing comma"]);
    }
}
