//! Numbers within bounds, and exact questions about them.

use std::cmp::Ordering;

use serde_json::{Number, Value};

use super::make::{Maker, Set};

/// Candidates of which one is taken.
const MAX_CANDIDATES: i128 = 4_000;

/// A decimal number: `digits` × 10^`exponent`.
#[derive(Clone, Copy, Debug)]
struct Decimal {
    digits: i128,
    exponent: i32,
}

impl Decimal {
    /// The number as it is written; `None` beyond what 128 bits hold.
    fn of(value: &Value) -> Option<Self> {
        let number = value.as_number()?;
        if let Some(whole) = whole(number) {
            return Some(Self { digits: whole, exponent: 0 });
        }
        let text = format!("{:e}", number.as_f64()?);
        let (mantissa, exponent) = text.split_once('e')?;
        let places = mantissa.split_once('.').map_or(0, |(_, places)| places.len());
        let digits = mantissa.replace('.', "").parse().ok()?;
        Some(Self { digits, exponent: exponent.parse::<i32>().ok()? - i32::try_from(places).ok()? })
    }

    /// Both on the smaller of their exponents.
    fn aligned(self, other: Self) -> Option<(i128, i128, i32)> {
        let exponent = self.exponent.min(other.exponent);
        let scale = |number: Self| {
            let shift = u32::try_from(number.exponent - exponent).ok()?;
            number.digits.checked_mul(10_i128.checked_pow(shift)?)
        };
        Some((scale(self)?, scale(other)?, exponent))
    }

    fn value(self) -> f64 {
        format!("{}e{}", self.digits, self.exponent).parse().unwrap_or(f64::NAN)
    }
}

fn whole(number: &Number) -> Option<i128> {
    number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from))
}

/// Whether `value` is at least `bound`; both are numbers.
pub(super) fn at_least(value: &Value, bound: &Value) -> bool {
    match (value.as_number().and_then(whole), bound.as_number().and_then(whole)) {
        (Some(value), Some(bound)) => value >= bound,
        _ => value.as_f64().partial_cmp(&bound.as_f64()).is_some_and(Ordering::is_ge),
    }
}

/// Whether `value` is a multiple of `step`, in decimal digits and, as many validators compute it,
/// in binary ones.
pub(super) fn is_multiple(value: &Value, step: &Value) -> bool {
    let exact = || {
        let (value, step, _) = Decimal::of(value)?.aligned(Decimal::of(step)?)?;
        value.checked_rem(step)
    };
    let binary = || Some((value.as_f64()? / step.as_f64()?).fract() == 0.0);
    match exact() {
        Some(rest) => rest == 0 && (binary() == Some(true) || (value.is_i64() && step.is_i64())),
        None => binary().unwrap_or_default(),
    }
}

/// What the number is usually, before its bounds move it.
fn usual(integer: bool) -> f64 {
    if integer { 1.0 } else { 0.5 }
}

impl<'a> Maker<'a> {
    pub(super) fn a_number(&self, set: &Set<'a>, integer: bool, nth: usize) -> Option<Value> {
        let bounds = |words: [&str; 2]| -> Vec<&'a Value> {
            set.iter()
                .flat_map(|map| words.map(|word| map.get(word)))
                .flatten()
                .filter(|bound| bound.is_number())
                .collect()
        };
        let low = bounds(["minimum", "exclusiveMinimum"]).into_iter().max_by(|a, b| order(a, b));
        let high = bounds(["maximum", "exclusiveMaximum"]).into_iter().min_by(|a, b| order(a, b));
        let steps = bounds(["multipleOf", "multipleOf"]);
        let step = steps.iter().copied().max_by(|a, b| order(a, b));
        let grid = match step {
            Some(step) => Some(Decimal::of(step)?),
            None if integer => Some(Decimal { digits: 1, exponent: 0 }),
            None => None,
        };
        match grid {
            Some(grid) => on_grid(grid, (low, high), integer, &self.hints, nth, |value| {
                steps.iter().all(|step| is_multiple(value, step)) && within(set, value)
            }),
            None => between(low, high, &self.hints, nth, |value| within(set, value)),
        }
    }
}

/// Whether a number keeps the bounds of all.
fn within(set: &Set<'_>, value: &Value) -> bool {
    set.iter().all(|map| {
        let number = |word: &str| map.get(word).filter(|bound| bound.is_number());
        let flag = |word: &str| map.get(word) == Some(&Value::Bool(true));
        number("minimum").is_none_or(|bound| {
            at_least(value, bound) && !(flag("exclusiveMinimum") && at_least(bound, value))
        }) && number("maximum").is_none_or(|bound| {
            at_least(bound, value) && !(flag("exclusiveMaximum") && at_least(value, bound))
        }) && number("exclusiveMinimum").is_none_or(|bound| !at_least(bound, value))
            && number("exclusiveMaximum").is_none_or(|bound| !at_least(value, bound))
    })
}

fn order(one: &Value, other: &Value) -> Ordering {
    match (at_least(one, other), at_least(other, one)) {
        (true, true) => Ordering::Equal,
        (true, false) => Ordering::Greater,
        _ => Ordering::Less,
    }
}

/// The `nth` multiple of `grid` that is taken, counted from the usual number upwards and then from
/// the lower bound.
fn on_grid(
    grid: Decimal,
    (low, high): (Option<&Value>, Option<&Value>),
    integer: bool,
    hints: &[f64],
    nth: usize,
    taken: impl Fn(&Value) -> bool,
) -> Option<Value> {
    if grid.digits == 0 {
        return None;
    }
    let multiple = |k: i128| -> Option<Value> {
        let number = Decimal { digits: grid.digits.checked_mul(k)?, ..grid };
        let whole = if number.exponent >= 0 {
            number.digits.checked_mul(10_i128.checked_pow(u32::try_from(number.exponent).ok()?)?)
        } else {
            let scale = 10_i128.checked_pow(number.exponent.unsigned_abs())?;
            (number.digits % scale == 0).then_some(number.digits / scale)
        };
        match whole {
            Some(whole) => i64::try_from(whole)
                .map(Value::from)
                .or_else(|_| u64::try_from(whole).map(Value::from))
                .ok(),
            None if integer => Some(Value::Null),
            None => Number::from_f64(number.value()).map(Value::Number),
        }
    };
    // Which multiple a bound lies at; one more to either side, as the division may round.
    let at = |bound: &Value| -> Option<i128> {
        match Decimal::of(bound)?.aligned(grid) {
            Some((bound, step, _)) => Some(bound.div_euclid(step)),
            None => {
                let at = bound.as_f64()? / grid.value();
                (at.abs() < 1e36).then_some(at as i128)
            }
        }
    };
    let first = low.map(at).map_or(Some(i128::MIN), |at| at.map(|at| at - 1))?;
    let last = high.map(at).map_or(Some(i128::MAX), |at| at.map(|at| at + 1))?;
    if first > last {
        return None;
    }
    let start =
        ((usual(integer) / grid.value()).ceil().clamp(-1e18, 1e18) as i128).clamp(first, last);
    // Neighbours on both sides, what the schema speaks of, powers of two on both sides, and then
    // one by one.
    let both = |more: i128| [start.saturating_add(more), start.saturating_sub(more)];
    let told = hints
        .iter()
        .map(|hint| (hint / grid.value()).clamp(-1e30, 1e30) as i128)
        .flat_map(|k| [k, k + 1, k - 1]);
    let upwards =
        (0..MAX_CANDIDATES).map(|more| start.saturating_add(more)).take_while(|k| *k <= last);
    let back = if first == i128::MIN { start.saturating_sub(MAX_CANDIDATES) } else { first };
    let others =
        (0..MAX_CANDIDATES).map(|more| back.saturating_add(more)).take_while(|k| *k < start);
    let near = std::iter::once(start)
        .chain((1..5).flat_map(both))
        .chain(told)
        .chain((3..50).flat_map(|power| both(1 << power)));
    let candidates = near.filter(|k| (first..=last).contains(k)).chain(upwards).chain(others);
    nth_distinct(
        candidates.filter_map(multiple).filter(|value| value.is_number() && taken(value)),
        nth,
    )
}

/// The `nth` of the different values; where there are fewer, they come again from the first.
fn nth_distinct(values: impl Iterator<Item = Value>, nth: usize) -> Option<Value> {
    let mut seen = std::collections::BTreeSet::new();
    let mut distinct: Vec<Value> = Vec::new();
    for value in values {
        if seen.insert(value.to_string()) {
            distinct.push(value);
            if distinct.len() > nth {
                break;
            }
        }
    }
    let at = nth.checked_rem(distinct.len())?;
    distinct.into_iter().nth(at)
}

/// The `nth` number that is taken, the usual one first where it is.
fn between(
    low: Option<&Value>,
    high: Option<&Value>,
    hints: &[f64],
    nth: usize,
    taken: impl Fn(&Value) -> bool,
) -> Option<Value> {
    let (low, high) = (low.and_then(Value::as_f64), high.and_then(Value::as_f64));
    let (from, to) = match (low, high) {
        (Some(low), Some(high)) => (low, high),
        (Some(low), None) => (low, low.max(0.0) + low.abs().max(1.0)),
        (None, Some(high)) => (high.min(0.0) - high.abs().max(1.0), high),
        (None, None) => (0.0, 1.0),
    };
    let usual = usual(false).clamp(from.min(to), to.max(from));
    // Halves, quarters, eighths, … of the range: short numbers, as many as are asked for.
    let parts = (1..=40).flat_map(|power| {
        (1..(1_u64 << power).min(4_000))
            .step_by(2)
            .map(move |odd| odd as f64 / (1_u64 << power) as f64)
    });
    let parts = parts.map(|share| from + (to - from) * share);
    let told = hints.iter().flat_map(|hint| [*hint, hint + 0.5, hint - 0.5]);
    let far = (1..50).flat_map(|power| [(1_u64 << power) as f64, -((1_u64 << power) as f64)]);
    let numbers = [usual, from, to, -0.5]
        .into_iter()
        .chain(told)
        .chain(parts.clone().take(8))
        .chain(far)
        .chain(parts);
    nth_distinct(
        numbers.filter_map(|number| Number::from_f64(number).map(Value::Number)).filter(taken),
        nth,
    )
}
