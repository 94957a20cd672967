//! Timestamps and durations in whole microseconds, and the clocks that wait for them.
//!
//! Guarantees: arithmetic saturates, so no duration of a scenario can overflow; a duration is
//! written with its unit (`"2000s"`, `"30s"`, `"250ms"`, `"20min"`, `"1h"`). This is the only file
//! that reads a clock.
//!
//! Does not know: what happens at a timestamp.

use std::fmt;
use std::ops::{Add, AddAssign};

use crate::quantity::{decimal, text_serde, trimmed};

/// The wall clock: milliseconds since 1970. For what meets the world; no simulation asks it.
#[must_use]
pub fn unix_ms() -> u64 {
    let since =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// The second in which a Unix time in milliseconds falls, as text: `2025-10-09T08:53:20Z`. A time
/// beyond the year 9999 stays a number.
#[must_use]
pub fn utc(at_ms: u64) -> String {
    let second = i64::try_from(at_ms / 1000).ok();
    let stamp = second.and_then(|second| jiff::Timestamp::from_second(second).ok());
    stamp.map_or_else(|| at_ms.to_string(), |stamp| stamp.to_string())
}

/// Measures how long something real takes. It goes by tokio's clock, which is the system's
/// monotonic one unless a test has paused it.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(tokio::time::Instant);

impl Stopwatch {
    /// Starts now.
    #[must_use]
    pub fn start() -> Self {
        Self(tokio::time::Instant::now())
    }

    /// The time since the start.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        Duration(u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX))
    }
}

/// A moment: microseconds since the scenario's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Timestamp(u64);

impl Timestamp {
    /// The scenario's start.
    pub const START: Self = Self(0);

    /// The moment `us` microseconds after the start.
    #[must_use]
    pub const fn from_us(us: u64) -> Self {
        Self(us)
    }

    /// Microseconds since the start.
    #[must_use]
    pub const fn us(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero if it was later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, by: Duration) -> Self {
        Self(self.0.saturating_add(by.0))
    }
}

/// A length of time in whole microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Duration(u64);

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);
    /// The longest duration that a scenario may name: 30 days.
    pub const LONGEST: Self = Self(30 * 86_400 * 1_000_000);

    /// A duration of `us` microseconds.
    #[must_use]
    pub const fn from_us(us: u64) -> Self {
        Self(us)
    }

    /// A duration of `seconds` seconds, to the nearest microsecond; negative and not-a-number
    /// become zero.
    #[must_use]
    pub fn from_seconds(seconds: f64) -> Self {
        Self((seconds * 1e6 + 0.5) as u64)
    }

    /// Whole microseconds.
    #[must_use]
    pub const fn us(self) -> u64 {
        self.0
    }

    /// As seconds.
    #[must_use]
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e6
    }

    /// As milliseconds.
    #[must_use]
    pub fn milliseconds(self) -> f64 {
        self.0 as f64 / 1e3
    }
}

impl Add for Duration {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Duration {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Units in which a duration may be written, longest suffix first.
const UNITS: [(&str, u128); 6] = [
    ("min", 60_000_000),
    ("ms", 1_000),
    ("us", 1),
    ("s", 1_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

impl std::str::FromStr for Duration {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let complaint = || {
            format!(
                "expected a duration such as \"2000s\", \"250ms\" or \"20min\", found \"{text}\""
            )
        };
        let trimmed = text.trim();
        if trimmed.starts_with('-') {
            return Err(format!("a duration cannot be negative, found \"{text}\""));
        }
        let (digits, unit) = UNITS
            .iter()
            .find_map(|(suffix, us)| Some((trimmed.strip_suffix(suffix)?, *us)))
            .ok_or_else(complaint)?;
        let us = decimal(digits.trim(), 6).ok_or_else(complaint)?.saturating_mul(unit) / 1_000_000;
        match u64::try_from(us) {
            Ok(us) if us <= Self::LONGEST.0 => Ok(Self(us)),
            _ => Err(format!("a duration is at most 30 days, found \"{text}\"")),
        }
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", trimmed(u128::from(self.0), 6))
    }
}

text_serde!(
    Duration,
    "A length of time with its unit, `us`, `ms`, `s`, `min`, `h` or `d`, to the microsecond; at most 30 days.",
    "2000s",
    "250ms",
    "1.5s",
    "20min"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_in_utc_to_the_second() {
        // `date -u -d @1760000000`.
        assert_eq!(utc(1_760_000_000_999), "2025-10-09T08:53:20Z");
        assert_eq!(utc(u64::MAX), u64::MAX.to_string());
    }

    #[test]
    fn durations_are_written_with_their_unit() {
        for (text, us) in [
            ("2000s", 2_000_000_000),
            ("1.5s", 1_500_000),
            ("250ms", 250_000),
            ("20min", 1_200_000_000),
            ("1h", 3_600_000_000),
        ] {
            assert_eq!(text.parse::<Duration>().unwrap().us(), us);
        }
        for bad in ["", "5", "-5s", "five s", "31d", "1e3s", "s"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad}");
        }
        assert_eq!("1.5s".parse::<Duration>().unwrap().to_string(), "1.5s");
    }
}
