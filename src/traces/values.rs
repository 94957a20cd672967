//! RecordFields of JSON records, read leniently: a number may be a text, a time may be written in many ways.
//!
//! Does not know: what a field is for.

use serde_json::{Map, Value};

/// Why a record cannot be used: a field that is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RecordFault {
    /// The field.
    pub field: String,
    /// What was expected, such as `a number of tokens`.
    pub expected: &'static str,
    /// What is there, shortened.
    pub found: String,
}

impl RecordFault {
    fn new(field: &str, expected: &'static str, found: &Value) -> Self {
        let found: String = found.to_string().chars().take(60).collect();
        Self { field: field.to_owned(), expected, found }
    }
}

const NUMBER: &str = "a number that is not negative";
const TIME: &str = "a time such as \"2026-11-02T10:00:00Z\", or a number of seconds, milliseconds, microseconds or nanoseconds since 1970";

/// An object's fields.
#[derive(Clone, Copy)]
pub(super) struct RecordFields<'v>(pub &'v Map<String, Value>);

impl<'v> RecordFields<'v> {
    /// The fields of a value; `None` where it is no object.
    pub(super) fn of(value: &'v Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// The first field of these names that is there and not null.
    pub(super) fn first(self, names: &[&str]) -> Option<(&'v str, &'v Value)> {
        names
            .iter()
            .find_map(|name| self.0.get_key_value(*name).filter(|(_, value)| says_something(value)))
            .map(|(name, value)| (name.as_str(), value))
    }

    pub(super) fn value(self, names: &[&str]) -> Option<&'v Value> {
        self.first(names).map(|(_, value)| value)
    }

    pub(super) fn has(self, names: &[&str]) -> bool {
        names.iter().all(|name| self.0.contains_key(*name))
    }

    /// A text; numbers are no texts.
    pub(super) fn text(self, names: &[&str]) -> Option<&'v str> {
        self.value(names)?.as_str().map(str::trim).filter(|text| !text.is_empty())
    }

    /// An id: a text, or a number as text.
    pub(super) fn id(self, names: &[&str]) -> Option<String> {
        match self.value(names)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// A number that is not negative.
    pub(super) fn number(self, names: &[&str]) -> Result<Option<f64>, RecordFault> {
        let Some((name, value)) = self.first(names) else { return Ok(None) };
        let number = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().trim_start_matches('$').parse().ok(),
            _ => None,
        };
        match number.filter(|number: &f64| number.is_finite() && *number >= 0.0) {
            Some(number) => Ok(Some(number)),
            None => Err(RecordFault::new(name, NUMBER, value)),
        }
    }

    /// True where it says so in any way.
    pub(super) fn flag(self, names: &[&str]) -> bool {
        match self.value(names) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// A moment, in microseconds since 1970.
    pub(super) fn time(self, names: &[&str]) -> Result<Option<u64>, RecordFault> {
        let Some((name, value)) = self.first(names) else { return Ok(None) };
        let at = match value {
            Value::Number(number) => number.as_f64().and_then(of_number),
            Value::String(text) => of_text(text),
            _ => None,
        };
        at.map(Some).ok_or_else(|| RecordFault::new(name, TIME, value))
    }

    /// An object, also one that is written as a JSON text.
    pub(super) fn object(self, names: &[&str]) -> Option<Map<String, Value>> {
        match self.value(names)? {
            Value::Object(object) => Some(object.clone()),
            Value::String(text) => match serde_json::from_str(text).ok()? {
                Value::Object(object) => Some(object),
                _ => None,
            },
            _ => None,
        }
    }

    /// Texts of a list, of a JSON list in a text, or of one text.
    pub(super) fn texts(self, names: &[&str]) -> Vec<String> {
        let strings = |values: &[Value]| {
            values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        match self.value(names) {
            Some(Value::Array(values)) => strings(values),
            Some(Value::String(text)) => match serde_json::from_str::<Value>(text) {
                Ok(Value::Array(values)) => strings(&values),
                _ => vec![text.clone()],
            },
            _ => Vec::new(),
        }
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !matches!(text.trim(), "" | "null" | "None" | "NULL" | "\\N"),
        _ => true,
    }
}

/// A number of seconds, milliseconds, microseconds or nanoseconds, told by its size.
fn of_number(number: f64) -> Option<u64> {
    let us = match number {
        n if n.is_nan() || n <= 0.0 => return None,
        n if n < 1e11 => n * 1e6,
        n if n < 1e14 => n * 1e3,
        n if n < 1e17 => n,
        n if n < 1e20 => n / 1e3,
        _ => return None,
    };
    Some(us as u64)
}

fn of_text(text: &str) -> Option<u64> {
    let text = text.trim();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        // Nanoseconds are more than a float holds.
        return match text.parse::<u64>().ok()? {
            n if n >= 100_000_000_000_000_000 => Some(n / 1000),
            n => of_number(n as f64),
        };
    }
    if let Ok(number) = text.parse::<f64>() {
        return of_number(number);
    }
    let stamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let bare = text.strip_suffix(" UTC").or_else(|| text.strip_suffix("+00")).unwrap_or(text);
        let at: jiff::civil::DateTime = bare.trim().replacen(' ', "T", 1).parse().ok()?;
        jiff::tz::Offset::UTC.to_timestamp(at).ok()
    })?;
    u64::try_from(stamp.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_time_gives_the_same_microsecond() {
        // 1760000000 is 2025-10-09 08:53:20 UTC: `date -u -d @1760000000`.
        for (text, us) in [
            ("1760000000", 0),
            ("1760000000.25", 250_000),
            ("1760000000250", 250_000),
            ("1760000000000000007", 0),
            ("1760000000250000999", 250_000),
            ("2025-10-09T08:53:20.25Z", 250_000),
            ("2025-10-09T10:53:20+02:00", 0),
            ("2025-10-09 08:53:20.250 UTC", 250_000),
            ("2025-10-09T08:53:20.250000", 250_000),
        ] {
            assert_eq!(of_text(text), Some(1_760_000_000_000_000 + us), "{text}");
        }
        assert_eq!(of_text("yesterday"), None);
        assert_eq!(of_text("0"), None);
    }
}
