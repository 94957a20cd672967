//! Read the time of an event, in whatever unit it is written.
//!
//! SDKs write Unix milliseconds. Hand-made exports also hold seconds, microseconds, floats and ISO
//! 8601 texts. A number is taken for another unit only where it would otherwise be a date before
//! 1971 or after 5138: no recording is that old or new.
//!
//! Guarantees: the unit that was assumed is reported, so that a report can say it.

use serde_json::Value;

/// In what an event's time is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Clock {
    /// Unix milliseconds, as SDKs write them, or a text with its own date.
    Milliseconds,
    /// Unix seconds.
    Seconds,
    /// Unix microseconds.
    Microseconds,
}

/// The years 2001 to 2286 in seconds. As milliseconds the same numbers are 12 January to 26
/// April 1970.
const SECONDS: std::ops::Range<f64> = 1e9..1e10;
/// The years 2001 to 2286 in microseconds. As milliseconds the same numbers lie 31,000 years ahead.
const MICROSECONDS: std::ops::Range<f64> = 1e15..1e16;

/// The Unix time in milliseconds that `value` says, and the unit in which it says so.
///
/// # Errors
/// When `value` is neither a number from 0 on nor an ISO 8601 time with its offset.
pub fn time(value: &Value) -> Result<(u64, Clock), String> {
    let complaint = || {
        "`creationDate` must be a Unix time in milliseconds, or a time such as \"2025-10-09T08:53:20Z\"".to_owned()
    };
    if let Value::String(text) = value {
        return moment(text).map(|at_ms| (at_ms, Clock::Milliseconds)).ok_or_else(complaint);
    }
    let number =
        value.as_f64().filter(|number| (0.0..1e18).contains(number)).ok_or_else(complaint)?;
    Ok(if SECONDS.contains(&number) {
        ((number * 1e3).round() as u64, Clock::Seconds)
    } else if MICROSECONDS.contains(&number) {
        ((number / 1e3).floor() as u64, Clock::Microseconds)
    } else {
        (value.as_u64().unwrap_or(number.floor() as u64), Clock::Milliseconds)
    })
}

/// The Unix time in milliseconds of an ISO 8601 time with its offset; a date alone is its first
/// moment in UTC. `None` for any other text and for times before 1970.
#[must_use]
pub fn moment(text: &str) -> Option<u64> {
    let text = text.trim();
    let stamp = text.parse::<jiff::Timestamp>().ok().or_else(|| {
        let date: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
        jiff::tz::Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()
    })?;
    u64::try_from(stamp.as_millisecond()).ok()
}

/// A Unix time in milliseconds as RFC 3339 text; nothing for a time beyond what it can say.
#[must_use]
pub fn stamp(at_ms: u64) -> Option<String> {
    let stamp = jiff::Timestamp::from_millisecond(i64::try_from(at_ms).ok()?).ok()?;
    Some(stamp.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_of_writing_a_time_gives_the_same_millisecond() {
        // 1760000000 is 2025-10-09 08:53:20 UTC: `date -u -d @1760000000`.
        for (value, clock) in [
            (json!(1_760_000_000_250_u64), Clock::Milliseconds),
            (json!(1.760_000_000_25e12), Clock::Milliseconds),
            (json!(1_760_000_000.25), Clock::Seconds),
            (json!(1_760_000_000_250_000_u64), Clock::Microseconds),
            (json!("2025-10-09T08:53:20.250Z"), Clock::Milliseconds),
            (json!("2025-10-09 10:53:20.25+02:00"), Clock::Milliseconds),
        ] {
            assert_eq!(time(&value), Ok((1_760_000_000_250, clock)), "{value}");
        }
        assert_eq!(moment("2025-10-09"), Some(1_759_968_000_000));
        for wrong in [
            json!(-1),
            json!("now"),
            json!(null),
            json!("2025-13-01"),
            json!("1969-01-01T00:00:00Z"),
            json!(1e300),
        ] {
            assert!(time(&wrong).is_err(), "{wrong}");
        }
    }
}
