//! A difference as a person writes it.
//!
//! Does not know: of what, or whether it makes sense there.

use std::fmt;
use std::str::FromStr;

/// How a lift is written, for messages.
const LIFTS: &str =
    "expected a lift such as 3pt (percentage points), 5% (relative) or 20 (in the unit of a mean)";

/// A difference to a value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Lift {
    /// Percentage points, as a fraction: `3pt` is 0.03.
    Points(f64),
    /// Relative to the value, as a fraction: `5%` is 0.05.
    Relative(f64),
    /// In the value's unit.
    Amount(f64),
}

impl FromStr for Lift {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        // The sign is read first, so a second one is a mistake.
        let number = |digits: &str| {
            let digits = digits.trim();
            let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
            digits.parse::<f64>().ok().filter(|number| plain && number.is_finite())
        };
        let sign = if trimmed.starts_with(['-', '\u{2212}']) { -1.0 } else { 1.0 };
        let digits = trimmed.strip_prefix(['+', '-', '\u{2212}']).unwrap_or(trimmed);
        let points = ["points", "point", "pts", "pt", "pp"];
        let lift = if let Some(own) = points.iter().find_map(|end| digits.strip_suffix(end)) {
            number(own).map(|own| Self::Points(sign * own / 100.0))
        } else if let Some(own) = digits.strip_suffix('%') {
            number(own).map(|own| Self::Relative(sign * own / 100.0))
        } else {
            number(digits.strip_prefix('$').unwrap_or(digits)).map(|own| Self::Amount(sign * own))
        };
        lift.ok_or_else(|| LIFTS.to_owned())
    }
}

/// With its sign, and without the noise of the division by 100: `+3pt`, `-0.5%`, `+20`.
impl fmt::Display for Lift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) = match *self {
            Self::Points(own) => (own * 100.0, "pt"),
            Self::Relative(own) => (own * 100.0, "%"),
            Self::Amount(own) => (own, ""),
        };
        let rounded = libm::round(number * 1e9) / 1e9;
        // No minus before nothing.
        write!(f, "{:+}{unit}", if rounded == 0.0 { 0.0 } else { rounded })
    }
}

text_serde!(
    Lift,
    "A difference: percentage points (`pt`), relative to the value (`%`), or a number in the value's unit.",
    "+3pt",
    "-5%"
);

/// Lifts of one number, taken together: factors multiply, then points and amounts add up. So their
/// order does not matter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lifts {
    factor: f64,
    add: f64,
}

impl Lifts {
    /// Nothing changes.
    pub const NONE: Self = Self { factor: 1.0, add: 0.0 };

    /// With one more.
    #[must_use]
    pub fn and(self, lift: Lift) -> Self {
        match lift {
            Lift::Points(own) | Lift::Amount(own) => Self { add: self.add + own, ..self },
            Lift::Relative(own) => Self { factor: self.factor * (1.0 + own), ..self },
        }
    }

    /// The number after the lifts.
    #[must_use]
    pub fn of(self, number: f64) -> f64 {
        number * self.factor + self.add
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifts_are_points_shares_or_amounts() {
        let read = |text: &str| text.parse::<Lift>();
        for (text, lift, shown) in [
            ("3pt", Lift::Points(0.03), "+3pt"),
            ("+3 pts", Lift::Points(0.03), "+3pt"),
            ("-2.5pp", Lift::Points(-0.025), "-2.5pt"),
            ("7%", Lift::Relative(0.07), "+7%"),
            ("-5%", Lift::Relative(-0.05), "-5%"),
            ("-0%", Lift::Relative(0.0), "+0%"),
            ("20", Lift::Amount(20.0), "+20"),
            ("-$0.004", Lift::Amount(-0.004), "-0.004"),
        ] {
            assert_eq!(read(text), Ok(lift), "{text}");
            assert_eq!(lift.to_string(), shown);
        }
        for wrong in ["", "pt", "%", "x", "3 percent", "--3", "1e999", "nan"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
