//! How the results of many runs are spread, as bars.
//!
//! Guarantees: every value is in one bar; values far out are in the first and the last.
//!
//! Does not know: what was run.

use super::drawing::{Drawing, WIDTH, diamond};
use super::scale::{Axis, Scale};
use crate::figure;

/// Most bars.
const BARS: usize = 25;

/// What is drawn.
#[derive(Clone, Debug)]
pub(crate) struct Histogram<'t> {
    /// Unique in the page.
    pub(crate) id: &'t str,
    /// What the values are.
    pub(crate) title: &'t str,
    /// The values: relative changes.
    pub(crate) values: &'t [f64],
    /// The value of one run that is shown elsewhere.
    pub(crate) own: Option<f64>,
    /// The true value.
    pub(crate) truth: Option<f64>,
    /// The range of the axis, where several histograms are to share it.
    pub(crate) range: Option<[f64; 2]>,
}

/// The values between which nearly all others lie: the middle 98%.
#[must_use]
pub(crate) fn middle(values: &[f64]) -> Option<[f64; 2]> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| sorted.get((share * sorted.len().saturating_sub(1) as f64) as usize);
    Some([*at(0.01)?, *at(0.99)?])
}

/// How many values are in each of the bars between two ends; what lies further out is in the outer
/// ones.
#[must_use]
pub(crate) fn counted(values: &[f64], [from, to]: [f64; 2], bars: usize) -> Vec<usize> {
    let mut counts = vec![0; bars];
    for value in values {
        let part = (value - from) / (to - from).max(f64::MIN_POSITIVE);
        let bar = (part * bars as f64).clamp(0.0, bars.saturating_sub(1) as f64) as usize;
        if let Some(count) = counts.get_mut(bar) {
            *count += 1;
        }
    }
    counts
}

/// The drawing; `None` without values.
#[must_use]
pub(crate) fn histogram(of: &Histogram<'_>) -> Option<String> {
    let own = middle(of.values)?;
    let [from, to] = of.range.unwrap_or(own);
    let marks = [Some(0.0), of.own, of.truth];
    let from = marks.iter().flatten().copied().fold(from, f64::min);
    let to = marks.iter().flatten().copied().fold(to, f64::max);
    let slack = (to - from).max(0.01) * 0.03;
    let ends = [from - slack, to + slack];
    let counts = counted(of.values, ends, BARS);
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let words = format!(
        "{} runs, nearly all between {} and {}{}",
        of.values.len(),
        figure::change(own[0]),
        figure::change(own[1]),
        of.truth
            .map_or_else(String::new, |truth| format!("; true change {}", figure::change(truth)))
    );
    let (top, floor) = (14.0, 120.0);
    let mut drawing = Drawing::new(of.id, floor + 20.0, of.title, &words);
    let x = Scale::linear(ends[0], ends[1], (4.0, WIDTH - 4.0));
    let y = Scale::linear(0.0, most as f64, (floor, top));
    drawing.axis_below(&x, Axis::Change, top, floor);
    let width = (ends[1] - ends[0]) / BARS as f64;
    for (nth, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let left = x.place(ends[0] + width * nth as f64) + 0.6;
        let right = x.place(ends[0] + width * (nth + 1) as f64) - 0.6;
        drawing.rectangle("bar arm1", (left, floor), (right, y.place(*count as f64)));
    }
    drawing.line("zero", (x.place(0.0), top - 6.0), (x.place(0.0), floor));
    if let Some(value) = of.own {
        let place = x.place(value);
        drawing.line("own-run", (place, top), (place, floor));
        let anchor = if place > WIDTH / 2.0 { "end" } else { "start" };
        let beside = if place > WIDTH / 2.0 { -4.0 } else { 4.0 };
        drawing.text("value", anchor, (place + beside, top - 3.0), "the run above");
    }
    if let Some(truth) = of.truth {
        diamond(&mut drawing, "truth plain", (x.place(truth), floor));
    }
    Some(drawing.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_in_one_bar() {
        let values = [-9.0, 0.0, 0.1, 0.24, 0.26, 0.99, 1.0, 40.0];
        assert_eq!(counted(&values, [0.0, 1.0], 4), [4, 1, 0, 3]);
        assert_eq!(counted(&[0.5; 7], [0.5, 0.5], 3).iter().sum::<usize>(), 7);
        assert_eq!(middle(&[]), None);
        let drawn = |values: &[f64]| {
            let of = Histogram { id: "h", title: "t", values, own: None, truth: None, range: None };
            histogram(&of)
        };
        assert_eq!(drawn(&[]), None);
        let page = drawn(&values).unwrap();
        assert!(page.contains("8 runs, nearly all between") && !page.contains("NaN"), "{page}");
    }
}
