//! Times as tables have them.
//!
//! Does not know: what happened then.

use serde_json::Value;

use super::rows::TableCell;
use crate::flags::events::moment;

/// The Unix time in milliseconds of a cell: a number of seconds, milliseconds, microseconds or
/// nanoseconds, told by its size, or an ISO 8601 text; without an offset it is UTC. `None` where
/// nothing is in it.
///
/// # Errors
/// What is in it instead, and what to write.
pub fn table_time(cell: TableCell<'_>) -> Result<Option<u64>, String> {
    match cell {
        TableCell::Missing => Ok(None),
        TableCell::Json(value @ Value::Number(_)) => match value.as_f64().and_then(of_number) {
            Some(at) => Ok(Some(at)),
            None => Err(expected(&value.to_string())),
        },
        TableCell::Text(text) => match text.parse::<f64>().ok().and_then(of_number) {
            Some(at) => Ok(Some(at)),
            None if cell.name().is_none() => Ok(None),
            None => moment(text).or_else(|| of_text(text)).map(Some).ok_or_else(|| expected(text)),
        },
        TableCell::Json(other) => Err(expected(&other.to_string())),
        TableCell::NotText => Err(expected("a text that is not UTF-8")),
    }
}

fn expected(found: &str) -> String {
    let found: String = found.chars().take(40).collect();
    format!(
        "expected a time such as 2026-11-02T10:00:00Z, or a number of seconds or milliseconds since 1970, found `{found}`"
    )
}

/// A time since 1970 whose unit its size tells: until the year 5138 seconds stay below 1e11.
fn of_number(number: f64) -> Option<u64> {
    let milliseconds = match number {
        n if n.is_nan() || n < 0.0 => return None,
        n if n < 1e11 => n * 1e3,
        n if n < 1e14 => n,
        n if n < 1e17 => n / 1e3,
        n if n < 1e20 => n / 1e6,
        _ => return None,
    };
    Some(milliseconds as u64)
}

/// A date and a time without an offset, or with the name of UTC, as databases print them.
fn of_text(text: &str) -> Option<u64> {
    let text = text.trim();
    let text =
        text.strip_suffix(" UTC").or_else(|| text.strip_suffix("+00")).unwrap_or(text).trim();
    let at: jiff::civil::DateTime = text.replacen(' ', "T", 1).parse().ok()?;
    let stamp = jiff::tz::Offset::UTC.to_timestamp(at).ok()?;
    u64::try_from(stamp.as_millisecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_a_time_gives_the_same_millisecond() {
        // 1760000000 is 2025-10-09 08:53:20 UTC: `date -u -d @1760000000`.
        for text in [
            "1760000000",
            "1760000000000",
            "1760000000000000",
            "1760000000000000000",
            "1.76e9",
            "2025-10-09T08:53:20Z",
            "2025-10-09T10:53:20+02:00",
            "2025-10-09 08:53:20",
            "2025-10-09 08:53:20.000",
            "2025-10-09 08:53:20 UTC",
            "2025-10-09 08:53:20+00",
        ] {
            assert_eq!(table_time(TableCell::Text(text)), Ok(Some(1_760_000_000_000)), "{text}");
        }
        assert_eq!(table_time(TableCell::Missing), Ok(None));
        assert_eq!(table_time(TableCell::Text("NULL")), Ok(None));
        for text in ["yesterday", "10:00", "-5", "09/10/2025"] {
            let reason = table_time(TableCell::Text(text)).unwrap_err();
            assert!(reason.contains("expected a time such as"), "{reason}");
        }
    }
}
