//! Moments and durations as the providers' headers write them.
//!
//! Guarantees: a text that is none of the known forms is `None`, never a guess. Formats: RFC 3339
//! (Anthropic), a duration such as `6m0s` or `12ms` (OpenAI), an HTTP date (proxies).
//!
//! Does not know: what time it is.

use crate::time::Duration;

const MICROSECONDS: u64 = 1_000_000;

/// Days since 1970-01-01 of a proleptic Gregorian date: H. Hinnant, "chrono-compatible low-level
/// date algorithms", `days_from_civil`, for years from 0 on.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let long = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let length = match month {
        2 => 28 + u64::from(long),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if day == 0 || day > length || !(1970..=9999).contains(&year) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    (365 * year + year / 4 - year / 100 + year / 400 + day_of_year).checked_sub(719_468)
}

/// Year, month and day of so many days since 1970-01-01 (`civil_from_days`, same source).
fn date(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// Seconds since 1970 as RFC 3339 in UTC: `2026-11-23T07:00:00Z`. Years after 9999 are written as
/// the end of 9999.
pub(crate) fn rfc3339(unix_seconds: u64) -> String {
    let seconds = unix_seconds.min(253_402_300_799);
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Reads exactly `text`'s digits.
fn digits(text: &str) -> Option<u64> {
    if text.is_empty() || text.len() > 18 || !text.bytes().all(|b| b.is_ascii_digit()) {
        None
    } else {
        text.parse().ok()
    }
}

/// `07:00:00` in seconds.
fn clock(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let (hour, minute, second) =
        (digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?);
    (parts.next().is_none() && hour < 24 && minute < 60 && second <= 60)
        .then_some(hour * 3600 + minute * 60 + second)
}

/// Microseconds since 1970 of an RFC 3339 text, any offset.
pub(crate) fn parse_rfc3339(text: &str) -> Option<u64> {
    let (day, rest) = text.trim().split_once(['T', 't', ' '])?;
    let mut parts = day.split('-');
    let days = days(digits(parts.next()?)?, digits(parts.next()?)?, digits(parts.next()?)?)?;
    if parts.next().is_some() {
        return None;
    }
    let at = rest.find(['Z', 'z', '+', '-'])?;
    let (time, offset) = rest.split_at(at);
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    digits(fraction)?;
    let fraction: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let seconds = days * 86_400 + clock(whole)?;
    let seconds = match offset.split_at(1) {
        ("Z" | "z", "") => seconds,
        (sign, offset) => {
            let offset = clock(&format!("{offset}:00"))?;
            if sign == "+" { seconds.checked_sub(offset)? } else { seconds + offset }
        }
    };
    Some(seconds * MICROSECONDS + digits(&fraction)?)
}

/// Microseconds since 1970 of an HTTP date (RFC 9110, 5.6.7, the preferred form): `Sun, 06 Nov 1994
/// 08:49:37 GMT`.
pub(crate) fn parse_http_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (_, rest) = text.trim().split_once(", ")?;
    let mut parts = rest.split(' ');
    let day = digits(parts.next()?)?;
    let name = parts.next()?;
    let month = MONTHS.iter().position(|&month| month == name)? as u64 + 1;
    let days = days(digits(parts.next()?)?, month, day)?;
    let seconds = days * 86_400 + clock(parts.next()?)?;
    (parts.next() == Some("GMT") && parts.next().is_none()).then_some(seconds * MICROSECONDS)
}

/// A duration as OpenAI writes it, in whole milliseconds: `12ms`, `1.5s`, `6m0s`, `1h0m0s`.
pub(crate) fn span(duration: Duration) -> String {
    let milliseconds = duration.us().div_ceil(1000);
    if milliseconds < 1000 {
        return format!("{milliseconds}ms");
    }
    let (minutes, rest) = (milliseconds / 60_000, milliseconds % 60_000);
    let fraction = format!(".{:03}", rest % 1000);
    let seconds =
        format!("{}{}s", rest / 1000, fraction.trim_end_matches('0').trim_end_matches('.'));
    match (minutes / 60, minutes % 60) {
        (0, 0) => seconds,
        (0, minutes) => format!("{minutes}m{seconds}"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// Reads what [`span`] writes, and days, microseconds and nanoseconds besides.
pub(crate) fn parse_span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = 0.0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, more) = rest.split_at(end);
        let number: f64 = if number.len() > 18 { return None } else { number.parse().ok()? };
        let end = more.find(|c: char| c.is_ascii_digit()).unwrap_or(more.len());
        let (unit, more) = more.split_at(end);
        total += number
            * match unit {
                "d" => 86_400.0,
                "h" => 3600.0,
                "m" => 60.0,
                "s" => 1.0,
                "ms" => 1e-3,
                "us" | "µs" => 1e-6,
                "ns" => 1e-9,
                _ => return None,
            };
        rest = more;
    }
    Some(Duration::from_seconds(total))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_moments_are_read_and_written() {
        // `date -u -d @…` of GNU coreutils.
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_760_000_000, "2025-10-09T08:53:20Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(rfc3339(seconds), text);
            assert_eq!(parse_rfc3339(text), Some(seconds * MICROSECONDS));
        }
        assert_eq!(parse_rfc3339("2025-10-09T10:53:20.25+02:00"), Some(1_760_000_000_250_000));
        // The example of RFC 9110.
        assert_eq!(
            parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(784_111_777 * MICROSECONDS)
        );
        for bad in [
            "",
            "now",
            "2025-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2025-01-01T24:00:00Z",
            "2025-01-01T00:00:00",
            "T",
            "--T::Z",
        ] {
            assert_eq!(parse_rfc3339(bad), None, "{bad}");
        }
    }

    #[test]
    fn spans_are_those_of_the_openai_documentation() {
        for (us, text) in [
            (12_000, "12ms"),
            (1_000_000, "1s"),
            (360_000_000, "6m0s"),
            (8_640_000, "8.64s"),
            (3_723_000_000, "1h2m3s"),
            (0, "0ms"),
        ] {
            assert_eq!(span(Duration::from_us(us)), text);
            assert_eq!(parse_span(text), Some(Duration::from_us(us)));
        }
        for bad in ["", "s", "5", "5x", "1..2s", "-1s"] {
            assert_eq!(parse_span(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,30}|[0-9TZ:+. -]{0,30}|[0-9hms.]{0,20}") {
            let _ = (parse_rfc3339(&text), parse_http_date(&text), parse_span(&text));
        }

        #[test]
        fn moments_come_back(seconds in 0u64..253_402_300_799, us in 0u64..400_000_000_000) {
            prop_assert_eq!(parse_rfc3339(&rfc3339(seconds)), Some(seconds * MICROSECONDS));
            let whole = Duration::from_us(us / 1000 * 1000);
            prop_assert_eq!(parse_span(&span(whole)), Some(whole));
        }
    }
}
