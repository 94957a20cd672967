//! Numbers as text, once: percentages, probabilities, money, durations, counts.
//!
//! Guarantees: a number reads the same in a verdict, a health check and every report: three
//! significant digits, thousands separated by commas, whole numbers never cut; the same text on
//! every platform and in every locale. A probability that is not certain never reads 0% or 100%.
//!
//! Does not know: where a number comes from, or how a report lays it out.

use crate::experiment::{Metric, MetricKind};

/// What is printed where no number can be.
pub const MISSING: &str = "–";

/// Significant digits of an estimate.
const DIGITS: usize = 3;
/// Significant digits of a number that a person wrote: enough for all of it, too few for binary
/// noise.
const WRITTEN: usize = 10;
/// Decimal places beyond which a number is as good as zero to a reader.
const PLACES: usize = 9;

/// `x` rounded to the ten significant digits that JSON holds; `None` when it is not finite. Zero
/// loses its sign.
#[must_use]
pub fn rounded(x: f64) -> Option<f64> {
    if !x.is_finite() {
        return None;
    }
    // Rust's own formatting and parsing round correctly on every platform.
    let rounded: f64 = format!("{x:.9e}").parse().ok()?;
    Some(if rounded == 0.0 { 0.0 } else { rounded })
}

/// What a metric's value is measured in, and so how it reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit<'a> {
    /// A share of users; its differences are percentage points.
    Rate,
    /// Dollars.
    Dollars,
    /// Milliseconds; read as milliseconds, seconds, minutes or hours, whichever fits.
    Milliseconds,
    /// Anything else, by its name; an empty name prints the bare number.
    Named(&'a str),
}

impl<'a> Unit<'a> {
    /// The unit of a metric of this kind whose unit is written `unit`.
    #[must_use]
    pub fn new(kind: MetricKind, unit: &'a str) -> Self {
        match (kind, unit) {
            (MetricKind::Conversion, _) => Self::Rate,
            (_, "$" | "USD" | "usd") => Self::Dollars,
            (_, "ms") => Self::Milliseconds,
            (_, name) => Self::Named(name),
        }
    }

    /// The unit of `metric`.
    #[must_use]
    pub fn of(metric: &'a Metric) -> Self {
        Self::new(metric.kind(), &metric.unit)
    }

    /// The unit without its name, for a table whose heading names it.
    #[must_use]
    pub fn bare(self) -> Self {
        if let Self::Named(_) = self { Self::Named("") } else { self }
    }

    /// A value: `33.9%`, `$0.0246`, `38.1 s`, `1,955 tokens`.
    #[must_use]
    pub fn value(self, x: f64) -> String {
        self.value_to(x, DIGITS)
    }

    /// A difference of two values, without sign: `0.54 points`, `$0.004`, `714 ms`.
    #[must_use]
    pub fn difference(self, x: f64) -> String {
        match self {
            Self::Rate => format!("{} points", without_zeros(&digits(x * 100.0, DIGITS))),
            other => other.value(x),
        }
    }

    /// A change with its sign: `+1.14 points`, `-13.7 s`.
    #[must_use]
    pub fn change(self, x: f64) -> String {
        signed(x, &self.difference(x))
    }

    /// A change as a person wrote it: `+3 s` for 3000 ms.
    #[must_use]
    pub fn written_change(self, x: f64) -> String {
        let text = match self {
            Self::Rate => format!("{} points", without_zeros(&digits(x * 100.0, WRITTEN))),
            Self::Dollars => dollars(x, WRITTEN),
            Self::Milliseconds => milliseconds(x, WRITTEN),
            Self::Named(name) => named(without_zeros(&digits(x, WRITTEN)), name),
        };
        signed(x, &text)
    }

    /// A sum of values, with more digits than an estimate: `$33.14`, `51,447 s`, `473`.
    #[must_use]
    pub fn total(self, x: f64) -> String {
        match self {
            Self::Rate => whole(x),
            Self::Dollars if x.abs() >= 1000.0 => format!("${}", whole(x)),
            Self::Dollars => dollars(x, DIGITS),
            Self::Milliseconds if x.abs() >= 1e6 => format!("{} s", whole(x / 1e3)),
            Self::Milliseconds => milliseconds(x, DIGITS),
            Self::Named(name) => {
                named(if x.abs() >= 1000.0 { whole(x) } else { digits(x, DIGITS) }, name)
            }
        }
    }

    fn value_to(self, x: f64, significant: usize) -> String {
        match self {
            Self::Rate => format!("{}%", rate(x * 100.0, significant)),
            Self::Dollars => dollars(x, significant),
            Self::Milliseconds => milliseconds(x, significant),
            Self::Named(name) => named(digits(x, significant), name),
        }
    }
}

/// A whole number with thousands separated: `1,350`.
#[must_use]
pub fn count(n: u64) -> String {
    grouped(&n.to_string())
}

/// A number to three significant digits: `0.0246`, `2.85`, `38,109`.
#[must_use]
pub fn number(x: f64) -> String {
    digits(x, DIGITS)
}

/// A number as a person wrote it: `0.25`.
#[must_use]
pub fn written(x: f64) -> String {
    without_zeros(&digits(x, WRITTEN))
}

/// A fraction as a percentage: 0.3395 is `33.9%`.
#[must_use]
pub fn percent(x: f64) -> String {
    Unit::Rate.value(x)
}

/// A fraction as a percentage that a person wrote: 0.15 is `15%`.
#[must_use]
pub fn written_percent(x: f64) -> String {
    format!("{}%", without_zeros(&digits(x * 100.0, WRITTEN)))
}

/// A relative change as a percentage with its sign: `+14.6%`.
#[must_use]
pub fn change(x: f64) -> String {
    signed(x, &percent(x))
}

/// A relative change that a person wrote, with its sign: `+15%`.
#[must_use]
pub fn written_change(x: f64) -> String {
    signed(x, &written_percent(x))
}

/// A probability: `58.4%`, and `>99.9%` rather than a rounded `100%`.
#[must_use]
pub fn probability(p: f64) -> String {
    match p {
        p if p > 0.0 && p < 0.001 => "<0.1%".to_owned(),
        p if p < 1.0 && p > 0.999 => ">99.9%".to_owned(),
        p if p == 0.0 || p == 1.0 => written_percent(p),
        p if p.is_finite() => format!("{:.1}%", p * 100.0),
        _ => MISSING.to_owned(),
    }
}

/// A p-value: `0.032`, and `<0.001` rather than a row of zeros.
#[must_use]
pub fn p_value(p: f64) -> String {
    if p < 0.001 { "<0.001".to_owned() } else { format!("{p:.3}") }
}

/// Two ends of an interval; a unit that both have is written once: `31.8 to 36.1%`.
#[must_use]
pub fn interval(lower: &str, upper: &str) -> String {
    let unit = |text: &str| text.trim_start_matches(|c: char| c != '%' && c != ' ').to_owned();
    let shared = unit(lower);
    match lower.strip_suffix(shared.as_str()) {
        Some(bare) if unit(upper) == shared => format!("{bare} to {upper}"),
        _ => format!("{lower} to {upper}"),
    }
}

/// Seconds as text: `45.3 min`.
#[must_use]
pub fn seconds(x: f64) -> String {
    milliseconds(x * 1e3, DIGITS)
}

/// Dollars as text: `$25.30`.
#[must_use]
pub fn money(x: f64) -> String {
    dollars(x, DIGITS)
}

/// As `change`, with so many digits that it reads differently from `bound` unless it equals it: a
/// miss by a hair shows.
#[must_use]
pub fn change_apart(x: f64, bound: f64) -> String {
    signed(x, &apart(x, bound).unwrap_or_else(|| percent(x)))
}

/// As `probability`, with so many digits that it reads differently from `bound` unless it equals
/// it.
#[must_use]
pub fn probability_apart(p: f64, bound: f64) -> String {
    let plain = probability(p);
    let same = without_zeros(plain.trim_end_matches('%'))
        == without_zeros(written_percent(bound).trim_end_matches('%'));
    if same && p != bound { apart(p, bound).unwrap_or(plain) } else { plain }
}

/// `x` as a percentage with the fewest digits at which it differs from `bound`.
fn apart(x: f64, bound: f64) -> Option<String> {
    let written = written_percent(bound);
    (DIGITS..=WRITTEN)
        .map(|significant| digits(x * 100.0, significant))
        .find(|text| x == bound || without_zeros(text) != written.trim_end_matches('%'))
        .map(|text| format!("{text}%"))
}

/// `text` with a plus sign where `x` is positive and does not round to zero.
fn signed(x: f64, text: &str) -> String {
    let zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if x > 0.0 && !zero { format!("+{text}") } else { text.to_owned() }
}

/// Plain decimal digits of `x`: `significant` of them, more where whole digits would be cut; commas
/// between thousands.
fn digits(x: f64, significant: usize) -> String {
    if !x.is_finite() {
        return MISSING.to_owned();
    }
    if x == 0.0 {
        return "0".to_owned();
    }
    if x.abs() >= 1e15 {
        return format!("{x:.2e}");
    }
    // The exponent after rounding, so that 99.96 becomes 100 and not 100.0.
    let scientific = format!("{:.*e}", significant - 1, x.abs());
    let exponent: i32 = scientific.split_once('e').and_then(|(_, e)| e.parse().ok()).unwrap_or(0);
    let last = i32::try_from(significant).unwrap_or(i32::MAX) - 1;
    let places = usize::try_from(last - exponent).unwrap_or(0).min(PLACES);
    let text = format!("{:.*}", places, x.abs());
    if !text.bytes().any(|b| (b'1'..=b'9').contains(&b)) {
        return "0".to_owned();
    }
    let (integer, fraction) =
        text.split_once('.').map_or((text.as_str(), None), |(i, f)| (i, Some(f)));
    let sign = if x < 0.0 { "-" } else { "" };
    match fraction {
        None => format!("{sign}{}", grouped(integer)),
        Some(fraction) => format!("{sign}{}.{fraction}", grouped(integer)),
    }
}

/// The nearest whole number, with thousands separated.
fn whole(x: f64) -> String {
    if x.is_finite() { digits(x, 1) } else { MISSING.to_owned() }
}

/// `digits` of a written number without the zeros that end its fraction.
fn without_zeros(text: &str) -> String {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// Digits with a comma between thousands.
fn grouped(integer: &str) -> String {
    let mut text = String::with_capacity(integer.len() + integer.len() / 3);
    for (at, digit) in integer.chars().enumerate() {
        if at > 0 && (integer.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn named(text: String, unit: &str) -> String {
    if unit.is_empty() { text } else { format!("{text} {unit}") }
}

/// Digits of a percentage: below 1% two digits say enough.
fn rate(percent: f64, significant: usize) -> String {
    digits(
        percent,
        if percent.abs() < 0.995 && significant == DIGITS { DIGITS - 1 } else { significant },
    )
}

/// Cents from a dollar on; below, significant digits without needless zeros, but never fewer places
/// than prices have: cents, and for small estimates hundredths of a cent.
fn dollars(x: f64, significant: usize) -> String {
    let sign = if x < 0.0 { "-" } else { "" };
    let amount = x.abs();
    let text = match amount {
        a if !a.is_finite() => return MISSING.to_owned(),
        a if a >= 1000.0 => whole(a),
        a if a >= 0.995 => format!("{a:.2}"),
        a => without_zeros(&digits(a, significant)),
    };
    let least = if significant == DIGITS && amount < 0.0995 { 4 } else { 2 };
    match text.split_once('.') {
        Some((whole, part)) => format!("{sign}${whole}.{part:0<least$}"),
        None if text == "0" => "$0".to_owned(),
        None => format!("{sign}${text}"),
    }
}

/// The largest unit in which the number is at least one or two.
fn milliseconds(x: f64, significant: usize) -> String {
    let (scale, unit) = match x.abs() {
        a if a < 999.5 => (1.0, "ms"),
        a if a < 120e3 => (1e3, "s"),
        a if a < 7200e3 => (60e3, "min"),
        a if a < 172_800e3 => (3600e3, "h"),
        _ => (86_400e3, "days"),
    };
    // Nobody measures less than a tenth of a millisecond.
    let text = match x.abs() {
        a if a < 1.0 && significant <= DIGITS => without_zeros(&format!("{x:.1}")),
        _ => digits(x / scale, significant),
    };
    let text = if text == "-0" { "0".to_owned() } else { text };
    let text = if significant > DIGITS { without_zeros(&text) } else { text };
    if text == "0" { "0 s".to_owned() } else { format!("{text} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_have_three_digits_and_whole_numbers_all_of_theirs() {
        let texts = [0.0246, 33.948, 99.96, 1955.2, 38_109.4, -0.5, 0.0, -0.000_000_000_04, 1e-7]
            .map(number);
        assert_eq!(
            texts,
            ["0.0246", "33.9", "100", "1,955", "38,109", "-0.500", "0", "0", "0.000000100"]
        );
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(number(f64::NAN), MISSING);
    }

    #[test]
    fn the_published_security_table_reads_as_on_its_page() {
        let (rate, cost, latency) = (Unit::Rate, Unit::Dollars, Unit::Milliseconds);
        assert_eq!(
            [rate.value(0.3434), rate.difference(0.0054), rate.change(0.0039)],
            ["34.3%", "0.54 points", "+0.39 points"]
        );
        assert_eq!(
            [cost.value(0.0246), cost.difference(0.004), cost.total(33.1435)],
            ["$0.0246", "$0.0040", "$33.14"]
        );
        assert_eq!(
            [latency.value(38_109.0), latency.difference(713.871), latency.total(51_446_809.0)],
            ["38.1 s", "714 ms", "51,447 s"]
        );
        assert_eq!([change(0.1458), change(-0.359), change(0.0)], ["+14.6%", "-35.9%", "0%"]);
        assert_eq!(Unit::Named("tokens").total(2_292_168.0), "2,292,168 tokens");
    }

    #[test]
    fn what_a_person_wrote_is_not_decorated() {
        assert_eq!(
            [written_change(0.15), written_percent(0.9), written(0.25)],
            ["+15%", "90%", "0.25"]
        );
        assert_eq!(Unit::Milliseconds.written_change(3000.0), "+3 s");
        assert_eq!(Unit::Dollars.written_change(0.004), "+$0.004");
        assert_eq!(Unit::Dollars.written_change(-0.5), "-$0.50");
    }

    #[test]
    fn only_a_certain_probability_reads_as_certain() {
        assert_eq!(
            [0.0, 0.000_4, 0.5836, 0.9996, 1.0].map(probability),
            ["0%", "<0.1%", "58.4%", ">99.9%", "100%"]
        );
    }

    #[test]
    fn a_miss_by_a_hair_shows_as_a_miss() {
        assert_eq!(
            [0.1458, 0.150_01, 0.15].map(|x| change_apart(x, 0.15)),
            ["+14.6%", "+15.001%", "+15.0%"]
        );
        assert_eq!(
            [0.7912, 0.749_9, 0.75, 0.9996].map(|p| probability_apart(p, 0.75)),
            ["79.1%", "74.99%", "75.0%", ">99.9%"]
        );
    }

    #[test]
    fn durations_take_the_unit_that_fits() {
        assert_eq!(
            [0.2, 45.0, 2718.0, 10_000.0].map(seconds),
            ["200 ms", "45.0 s", "45.3 min", "2.78 h"]
        );
        assert_eq!(seconds(0.0), "0 s");
    }
}
