//! Numbers that cannot be wrong: probabilities, shares, money, prices and tokens.
//!
//! Guarantees: a value of one of these types is inside its range, so no later line has to ask.
//! Money is whole nano-dollars and a price is whole pico-dollars per token, so sums are exact and
//! equal on every machine.
//!
//! Does not know: where a number comes from, or how a report prints it.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use serde::{Deserialize, Serialize};

/// Serde for a type that is written as text, by its `FromStr` and `Display`; and what the reference
/// says of it, with examples.
macro_rules! text_serde {
    ($name:ident, $says:literal, $($example:literal),+) => {
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $says, "examples": [$($example),+] })
            }
        }
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use text_serde;

mod lift;

pub use lift::{Lift, Lifts};

/// Whether a count is 0: serde leaves out such fields by it.
#[must_use]
pub fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// A probability, from 0 to 1 inclusive.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

impl Probability {
    /// Never.
    pub const ZERO: Self = Self(0.0);
    /// Always.
    pub const ONE: Self = Self(1.0);

    /// A probability, or the reason why `value` is none.
    ///
    /// # Errors
    /// When `value` is not a number from 0 to 1.
    pub fn new(value: f64) -> Result<Self, String> {
        if (0.0..=1.0).contains(&value) {
            Ok(Self(value))
        } else {
            Err(format!("a probability lies between 0 and 1, found {value}"))
        }
    }

    /// The nearest probability to `value`; not-a-number becomes 0.
    #[must_use]
    pub fn clamped(value: f64) -> Self {
        if value.is_nan() { Self(0.0) } else { Self(value.clamp(0.0, 1.0)) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> f64 {
        self.0
    }

    /// The chance that it does not happen.
    #[must_use]
    pub fn complement(self) -> Self {
        Self(1.0 - self.0)
    }
}

impl TryFrom<f64> for Probability {
    type Error = String;
    fn try_from(value: f64) -> Result<Self, String> {
        Self::new(value)
    }
}

impl From<Probability> for f64 {
    fn from(value: Probability) -> Self {
        value.0
    }
}

impl schemars::JsonSchema for Probability {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Probability".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let says = "A chance or a degree of certainty, from 0 (never) to 1 (always); a number without quotes.";
        schemars::json_schema!({ "type": "number", "minimum": 0, "maximum": 1, "description": says, "examples": [0.9, 0.004] })
    }
}

/// A part of a whole, in LaunchDarkly's own unit: thousandths of a percent, 0 to 100,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Share(u32);

impl Share {
    /// The whole.
    pub const WHOLE: Self = Self(100_000);

    /// A share of `weight` thousandths of a percent.
    ///
    /// # Errors
    /// When `weight` is over 100,000.
    pub fn new(weight: u32) -> Result<Self, String> {
        if weight <= 100_000 {
            Ok(Self(weight))
        } else {
            Err(format!("a share is at most 100%, found {}%", f64::from(weight) / 1e3))
        }
    }

    /// Thousandths of a percent.
    #[must_use]
    pub fn weight(self) -> u32 {
        self.0
    }

    /// As a fraction of one.
    #[must_use]
    pub fn fraction(self) -> f64 {
        f64::from(self.0) / 1e5
    }
}

impl std::str::FromStr for Share {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let complaint = || {
            format!(
                "expected a percentage such as \"50%\" or \"12.5%\" (0% to 100%), found \"{text}\""
            )
        };
        let digits = text.trim().strip_suffix('%').ok_or_else(complaint)?.trim();
        let thousandths = decimal(digits, 3).ok_or_else(complaint)?;
        u32::try_from(thousandths)
            .ok()
            .and_then(|weight| Self::new(weight).ok())
            .ok_or_else(complaint)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", trimmed(u128::from(self.0), 3))
    }
}

text_serde!(
    Share,
    "A part of a whole, from 0% to 100%, to the thousandth of a percent.",
    "50%",
    "12.5%"
);

/// An amount of money in whole nano-dollars; never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub struct Money(u64);

impl Money {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount in nano-dollars.
    #[must_use]
    pub const fn from_nano_dollars(nano: u64) -> Self {
        Self(nano)
    }

    /// Whole nano-dollars.
    #[must_use]
    pub const fn nano_dollars(self) -> u64 {
        self.0
    }

    /// As dollars, for analysis and display.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// What is left of `self` after `other`, nothing if that is more.
    #[must_use]
    pub fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Money {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Money {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.saturating_sub(other)
    }
}

impl AddAssign for Money {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Money {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

/// A sum of amounts of money that no number of amounts makes overflow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct MoneyTotal(u128);

impl MoneyTotal {
    /// As dollars, for analysis and display.
    #[must_use]
    pub fn dollars(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl AddAssign<Money> for MoneyTotal {
    fn add_assign(&mut self, other: Money) {
        self.0 += u128::from(other.0);
    }
}

impl AddAssign for MoneyTotal {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl std::str::FromStr for Money {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let complaint = || format!("expected an amount such as \"$0.10\", found \"{text}\"");
        let digits = text.trim().strip_prefix('$').ok_or_else(complaint)?;
        let nano = decimal(digits, 9).ok_or_else(complaint)?;
        u64::try_from(nano).map(Self).map_err(|_| complaint())
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = trimmed(u128::from(self.0), 9);
        match text.split_once('.') {
            None => write!(f, "${text}.00"),
            Some((whole, part)) if part.len() == 1 => write!(f, "${whole}.{part}0"),
            Some(_) => write!(f, "${text}"),
        }
    }
}

text_serde!(Money, "An amount of dollars, to the nano-dollar; never negative.", "$0.10", "$5");

/// A price per token in whole pico-dollars; written as dollars per million tokens (`"$2.50"`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Price(u64);

impl Price {
    /// Free of charge.
    pub const FREE: Self = Self(0);

    /// The price of `tokens` tokens, rounded half up to a nano-dollar.
    #[must_use]
    pub fn of(self, tokens: u64) -> Money {
        let pico = u128::from(self.0) * u128::from(tokens);
        Money(u64::try_from((pico + 500) / 1000).unwrap_or(u64::MAX))
    }

    /// So many percent of it, rounded half up to a pico-dollar a token.
    #[must_use]
    pub fn percent(self, percent: u32) -> Self {
        let hundredths = u128::from(self.0) * u128::from(percent);
        Self(u64::try_from((hundredths + 50) / 100).unwrap_or(u64::MAX))
    }

    /// Dollars per million tokens.
    #[must_use]
    pub fn dollars_per_million(self) -> f64 {
        self.0 as f64 / 1e6
    }
}

impl std::str::FromStr for Price {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let complaint =
            || format!("expected dollars per million tokens such as \"$2.50\", found \"{text}\"");
        let digits = text.trim().strip_prefix('$').ok_or_else(complaint)?;
        // A dollar a million tokens is a micro-dollar, a million pico-dollars, a token.
        let pico = decimal(digits, 6).ok_or_else(complaint)?;
        u64::try_from(pico).ok().filter(|&p| p <= 1_000_000_000_000).map(Self).ok_or_else(complaint)
    }
}

impl fmt::Display for Price {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The same digits as money of that many dollars.
        Money(self.0.saturating_mul(1000)).fmt(f)
    }
}

text_serde!(
    Price,
    "Dollars per million tokens, to the millionth; at most $1000000.",
    "$2.50",
    "$0.15",
    "$0"
);

/// Reads a plain decimal as an integer of `places` places: `decimal("2.5", 3)` is 2500. No sign, no
/// exponent.
pub(crate) fn decimal(text: &str, places: usize) -> Option<u128> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty()
        || whole.len() > 15
        || part.len() > places
        || !digits(whole)
        || !digits(part)
        || text.ends_with('.')
    {
        return None;
    }
    format!("{whole}{part:0<places$}").parse().ok()
}

/// Writes an integer of `places` places as a plain decimal without trailing zeros.
pub(crate) fn trimmed(value: u128, places: usize) -> String {
    let digits = format!("{value:0>width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    match part.trim_end_matches('0') {
        "" => whole.to_owned(),
        part => format!("{whole}.{part}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_number_agree() {
        assert_eq!("$0.10".parse::<Money>().unwrap().nano_dollars(), 100_000_000);
        assert_eq!("$2.50".parse::<Price>().unwrap().of(1_000_000).to_string(), "$2.50");
        assert_eq!("12.5%".parse::<Share>().unwrap().weight(), 12_500);
        assert_eq!(Share::WHOLE.to_string(), "100%");
        for bad in ["", "$", "1", "$-1", "$1e9", "$1.", "$.5", "$1.0000000001"] {
            assert!(bad.parse::<Money>().is_err(), "{bad}");
        }
        assert!("101%".parse::<Share>().is_err());
        assert!(Probability::new(f64::NAN).is_err());
    }

    #[test]
    fn a_total_goes_beyond_the_largest_amount() {
        // Ten million users at $5,000 each are $50 billion; one amount holds $18 billion at most.
        let mut total = MoneyTotal::default();
        (0..10_000).for_each(|_| total += Money::from_nano_dollars(5_000_000_000_000_000));
        assert_eq!(total.dollars(), 5e10);
    }

    #[test]
    fn a_price_is_exact_to_the_nano_dollar() {
        let mini: Price = "$0.15".parse().unwrap();
        assert_eq!(mini.of(7).nano_dollars(), 1050);
    }
}
