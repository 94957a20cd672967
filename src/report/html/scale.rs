//! From values to places on a chart, and the round numbers that stand at an axis.
//!
//! Guarantees: ticks are round, rising, inside the range, and few; a range without width still has
//! one.
//!
//! Does not know: what is drawn.

use crate::analysis::in_proportion;
use crate::figure::{self, Unit};

/// A range of values on a range of places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Scale {
    from: f64,
    to: f64,
    /// Places of `from` and `to`.
    places: (f64, f64),
    /// Equal proportions take equal room.
    log: bool,
}

impl Scale {
    /// Equal differences take equal room.
    pub(super) fn linear(from: f64, to: f64, places: (f64, f64)) -> Self {
        // A range without width opens by a thousandth of its value.
        let half = if to > from { 0.0 } else { (from.abs() * 1e-3).max(1e-9) };
        Self { from: from - half, to: to.max(from) + half, places, log: false }
    }

    /// Equal proportions take equal room; linear where a distribution over this range has bins of
    /// equal width.
    pub(super) fn proportional(from: f64, to: f64, places: (f64, f64)) -> Self {
        Self { log: in_proportion(from, to), ..Self::linear(from, to, places) }
    }

    /// The place of `x`; values outside the range lie on its ends.
    pub(super) fn place(&self, x: f64) -> f64 {
        let x = x.clamp(self.from, self.to);
        let part = if self.log {
            (libm::log(x) - libm::log(self.from)) / (libm::log(self.to) - libm::log(self.from))
        } else {
            (x - self.from) / (self.to - self.from)
        };
        self.places.0 + part * (self.places.1 - self.places.0)
    }

    /// Whether `x` lies in the range.
    pub(super) fn holds(&self, x: f64) -> bool {
        (self.from..=self.to).contains(&x)
    }

    /// The ends of the range.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.from, self.to)
    }

    /// About `most` round values with their texts.
    pub(super) fn ticks(&self, most: usize, axis: Axis<'_>) -> Vec<(f64, String)> {
        // Over several powers of ten the middle says which unit fits.
        let typical = if self.log {
            (self.from * self.to).sqrt()
        } else {
            self.from.abs().max(self.to.abs())
        };
        let (factor, suffix) = axis.size(typical);
        let (from, to) = (self.from / factor, self.to / factor);
        let values = if self.log { proportions(from, to, most) } else { steps(from, to, most) };
        values.into_iter().map(|value| (value * factor, axis.text(value, suffix))).collect()
    }
}

/// Multiples of 1, 2 or 5 times a power of ten, `most` at most.
fn steps(from: f64, to: f64, most: usize) -> Vec<f64> {
    let rough = (to - from) / most.max(1) as f64;
    let power = power_of_ten(rough);
    let step = [1.0, 2.0, 5.0, 10.0]
        .map(|times| times * power)
        .into_iter()
        .find(|step| *step >= rough * 0.999_999)
        .unwrap_or(rough);
    let first = (from / step - 1e-9).ceil() as i64;
    let last = (to / step + 1e-9).floor() as i64;
    (first..=last).take(4 * most.max(1)).map(|n| n as f64 * step).collect()
}

/// Powers of ten, with their halves and fifths where there is room for them.
fn proportions(from: f64, to: f64, most: usize) -> Vec<f64> {
    let all = |times: &[f64]| {
        let mut values = Vec::new();
        let mut power = power_of_ten(from);
        while power <= to && values.len() < 1000 {
            values.extend(
                times
                    .iter()
                    .map(|times| times * power)
                    .filter(|value| *value >= from && *value <= to),
            );
            power *= 10.0;
        }
        values
    };
    let choices: [&[f64]; 3] = [&[1.0, 2.0, 5.0], &[1.0, 3.0], &[1.0]];
    let fitting = choices.iter().map(|times| all(times)).find(|values| values.len() <= most);
    fitting.unwrap_or_else(|| all(&[1.0]).into_iter().step_by(2).take(most).collect())
}

/// The largest power of ten that is not above `x`; 1 where there is none.
fn power_of_ten(x: f64) -> f64 {
    if !(x.is_finite() && x > 0.0) {
        return 1.0;
    }
    // Decimal text knows the power exactly; a logarithm may be off at the powers themselves.
    let text = format!("{x:e}");
    let exponent = text.split_once('e').map_or("0", |(_, exponent)| exponent);
    format!("1e{exponent}").parse().unwrap_or(1.0)
}

/// How the numbers of an axis read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis<'a> {
    /// Values of a metric.
    Value(Unit<'a>),
    /// Fractions as percentages.
    Share,
    /// Relative changes: percentages with a sign.
    Change,
    /// Whole numbers.
    Count,
}

impl Axis<'_> {
    /// The size of the axis's own unit, so that all its numbers share it.
    fn size(self, largest: f64) -> (f64, &'static str) {
        match self {
            Self::Value(Unit::Milliseconds) => match largest {
                x if x < 2e3 => (1.0, " ms"),
                x if x < 300e3 => (1e3, " s"),
                x if x < 7200e3 => (60e3, " min"),
                _ => (3600e3, " h"),
            },
            Self::Value(Unit::Rate) | Self::Share | Self::Change => (0.01, "%"),
            _ => (1.0, ""),
        }
    }

    fn text(self, value: f64, suffix: &str) -> String {
        // Ten digits swallow the noise of multiplying.
        let minus = if value < 0.0 { "-" } else { "" };
        let number = figure::written(value.abs());
        match self {
            Self::Value(Unit::Dollars) => format!("{minus}${number}"),
            Self::Change if value > 0.0 => format!("+{number}{suffix}"),
            Self::Count => figure::count(value.max(0.0) as u64),
            _ => format!("{minus}{number}{suffix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(scale: Scale, axis: Axis<'_>) -> Vec<String> {
        scale.ticks(5, axis).into_iter().map(|(_, text)| text).collect()
    }

    #[test]
    fn ticks_are_round_and_share_a_unit() {
        let linear = |from, to| Scale::linear(from, to, (0.0, 300.0));
        assert_eq!(texts(linear(0.311, 0.362), Axis::Share), ["32%", "34%", "36%"]);
        assert_eq!(
            texts(linear(12_000.0, 61_000.0), Axis::Value(Unit::Milliseconds)),
            ["20 s", "30 s", "40 s", "50 s", "60 s"]
        );
        assert_eq!(texts(linear(0.0165, 0.0275), Axis::Value(Unit::Dollars)), ["$0.02", "$0.025"]);
        assert_eq!(texts(linear(-0.55, 0.33), Axis::Change), ["-40%", "-20%", "0%", "+20%"]);
        let log = Scale::proportional(900.0, 120_000.0, (0.0, 300.0));
        assert_eq!(
            texts(log, Axis::Value(Unit::Milliseconds)),
            ["1 s", "3 s", "10 s", "30 s", "100 s"]
        );
        assert!(
            (log.place(10_392.304_845_413_264) - 150.0).abs() < 1e-9,
            "the geometric mean is in the middle"
        );
    }

    proptest! {
        #[test]
        fn ticks_lie_in_the_range_and_rise(from in -1e6..1e6_f64, width in 0.0..1e7_f64, log in any::<bool>()) {
            let scale = if log { Scale::proportional(from, from + width, (0.0, 1.0)) } else { Scale::linear(from, from + width, (0.0, 1.0)) };
            let ticks = scale.ticks(5, Axis::Value(Unit::Named("")));
            prop_assert!(ticks.len() <= 8, "{ticks:?}");
            prop_assert!(ticks.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let slack = 1e-6 * (from.abs() + width + 1e-9);
            prop_assert!(ticks.iter().all(|(x, _)| *x >= scale.ends().0 - slack && *x <= scale.ends().1 + slack));
            prop_assert!((0.0..=1.0).contains(&scale.place(from + width / 2.0)));
        }
    }
}
