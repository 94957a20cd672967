//! How exactly a mean, a rate or a percentile of simulated users is known, and a difference of two
//! that the same users went through.
//!
//! Each user's influence is what the user adds to the error of a value: the values' errors are sums
//! of influences, so the error of any smooth function of several values follows from the influences
//! of the same users (delta method). F. R. Hampel 1974, "The influence curve and its role in robust
//! estimation", *JASA* 69, 383-393. Because every user went through every arm with the same
//! pseudorandom draws, most of the noise cancels in a difference.
//!
//! Guarantees: two equal columns of values have a difference of exactly 0 with an error of
//! exactly 0.
//!
//! Users are taken as independent of each other. Where they share a limit (a queue before a tool),
//! the error is somewhat larger.

use super::result::Tally;
use crate::experiment::Metric;
use crate::metrics::Observations;
use crate::statistic::ratio_influences;

/// A value with every user's influence on it.
#[derive(Clone, Debug)]
pub struct Influence {
    /// The rate, mean or percentile.
    pub value: f64,
    /// What each unit adds to its error; 0 for a unit that takes no part.
    of_unit: Vec<f64>,
}

/// The influences on the value of treatment number `arm` of experiment number `nth` under metric
/// number `at`. `tally` is the same table's tally with its number of exposed units. `None` without
/// a value, and for a percentile without a standard error.
#[must_use]
pub fn influence(
    table: &Observations,
    (nth, arm): (usize, usize),
    (at, metric): (usize, &Metric),
    (tally, exposed): (Option<Tally>, u64),
) -> Option<Influence> {
    let tally = tally?;
    let value = tally.value(exposed)?;
    if metric.per.is_some() {
        return Some(of_ratio(table, (nth, arm), at, value));
    }
    let declared = metric.declared();
    let own = |unit: usize| declared.entering(table.value(at, metric.aggregation, unit));
    let mut of_unit = vec![0.0; table.units()];
    let units = tally.units(exposed);
    let part = declared.influence(tally, value)?;
    for (unit, influence) in of_unit.iter_mut().enumerate() {
        if table.treatment(nth, unit) == Some(arm)
            && let Some(own) = own(unit)
        {
            *influence = part(own) / units as f64;
        }
    }
    Some(Influence { value, of_unit })
}

/// The influences on a ratio.
fn of_ratio(table: &Observations, (nth, arm): (usize, usize), at: usize, value: f64) -> Influence {
    let own = |unit: usize| {
        if table.treatment(nth, unit) == Some(arm) { table.pair(at, unit) } else { None }
    };
    // Who takes no part adds nothing to either sum.
    let pairs: Vec<(f64, f64)> =
        (0..table.units()).map(|unit| own(unit).unwrap_or_default()).collect();
    Influence { value, of_unit: ratio_influences(&pairs, value) }
}

impl Influence {
    /// Standard error of the value.
    #[must_use]
    pub fn error(&self) -> f64 {
        self.of_unit.iter().map(|own| own * own).sum::<f64>().sqrt()
    }

    /// The difference to a control.
    #[must_use]
    pub fn minus(&self, control: &Self) -> Self {
        let of_unit = pairs(self, control).map(|(own, control)| own - control).collect();
        Self { value: self.value - control.value, of_unit }
    }

    /// The relative difference to a control, over the absolute value of the control's; `None` where
    /// that is 0.
    #[must_use]
    pub fn relative_to(&self, control: &Self) -> Option<Self> {
        if control.value == 0.0 {
            return None;
        }
        let ratio = self.value / control.value;
        let of_unit = pairs(self, control)
            .map(|(own, other)| (own - ratio * other) / control.value.abs())
            .collect();
        Some(Self { value: (self.value - control.value) / control.value.abs(), of_unit })
    }
}

/// The influences of the same units on two values.
fn pairs<'i>(one: &'i Influence, other: &'i Influence) -> impl Iterator<Item = (f64, f64)> + 'i {
    let length = one.of_unit.len().max(other.of_unit.len());
    let at = |own: &'i Influence, unit: usize| own.of_unit.get(unit).copied().unwrap_or(0.0);
    (0..length).map(move |unit| (at(one, unit), at(other, unit)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::published::{experiment, metric as defined};
    use crate::analysis::summarize;
    use crate::experiment::{Aggregation, Better, Missing, Statistic};
    use crate::quantity::Probability;

    fn mean() -> Metric {
        defined("cost", Aggregation::Sum, Statistic::Mean, Better::Lower, "$", None)
    }

    fn rate() -> Metric {
        defined("liked", Aggregation::Occurrence, Statistic::Mean, Better::Higher, "", None)
    }

    fn p95() -> Metric {
        defined(
            "slow",
            Aggregation::Sum,
            Statistic::Percentile(Probability::clamped(0.95)),
            Better::Lower,
            "ms",
            None,
        )
    }

    /// A table in which every unit got treatment `arm`, with these values; `None` is a unit without
    /// an event.
    fn table(metric: &Metric, arm: u8, values: &[Option<f64>]) -> Observations {
        let mut table = Observations::new(values.len(), 1, std::slice::from_ref(metric), |_| 1.0);
        for (unit, value) in values.iter().enumerate() {
            table.expose(0, unit, arm);
            if let Some(value) = value {
                table.add(0, unit, *value);
            }
        }
        table
    }

    fn of(metric: &Metric, arm: u8, values: &[Option<f64>]) -> Influence {
        let mut experiment = experiment(&["A", "B"]);
        experiment.metrics = vec![0];
        let table = table(metric, arm, values);
        let summary =
            summarize(&table, 0, &experiment, std::slice::from_ref(metric), 0..values.len());
        let at = usize::from(arm);
        influence(
            &table,
            (0, at),
            (0, metric),
            (summary.metrics[0].tallies[at], summary.exposures[at]),
        )
        .unwrap()
    }

    fn close(found: f64, right: f64) {
        assert!((found - right).abs() < 1e-12, "{found}, by hand {right}");
    }

    #[test]
    fn the_error_of_a_paired_difference_of_means_is_that_of_the_differences() {
        let metric = mean();
        let some = |values: [f64; 4]| values.map(Some);
        let (control, own) = (
            of(&metric, 0, &some([1.0, 2.0, 3.0, 4.0])),
            of(&metric, 1, &some([2.0, 2.0, 4.0, 5.0])),
        );
        close(control.value, 2.5);
        // Variance of 1, 2, 3, 4 over n: 1.25; of the differences 1, 0, 1, 1: 0.1875.
        close(control.error(), (1.25_f64 / 4.0).sqrt());
        close(own.minus(&control).value, 0.75);
        close(own.minus(&control).error(), (0.1875_f64 / 4.0).sqrt());
        // Delta method by hand: (y1 - 1.3 y0) / 2.5 for each user.
        let parts =
            [(2.0 - 1.3) / 2.5, (2.0 - 2.6) / 2.5, (4.0 - 3.9) / 2.5, (5.0 - 5.2) / 2.5_f64];
        let error = parts.iter().map(|part| part * part).sum::<f64>().sqrt() / 4.0;
        let relative = own.relative_to(&control).unwrap();
        close(relative.value, 0.3);
        close(relative.error(), error);
    }

    #[test]
    fn a_user_without_an_event_counts_as_the_metric_says() {
        let mut metric = mean();
        metric.missing = Missing::Exclude;
        let excluded = of(&metric, 0, &[Some(1.0), None, Some(3.0)]);
        close(excluded.value, 2.0);
        close(excluded.error(), (2.0_f64 / 4.0).sqrt());
        metric.missing = Missing::Zero;
        let zero = of(&metric, 0, &[Some(1.0), None, Some(3.0)]);
        close(zero.value, 4.0 / 3.0);
        let liked = of(&rate(), 0, &[Some(1.0), None, None, None]);
        close(liked.value, 0.25);
        close(liked.error(), (0.25 * 0.75 / 4.0_f64).sqrt());
    }

    #[test]
    fn equal_columns_differ_by_exactly_nothing() {
        let values: Vec<Option<f64>> =
            (0..500).map(|unit| (unit % 7 != 0).then_some(f64::from(unit % 50) * 0.1)).collect();
        for metric in [mean(), rate(), p95()] {
            let (control, own) = (of(&metric, 0, &values), of(&metric, 1, &values));
            assert_eq!(own.minus(&control).value, 0.0);
            assert_eq!(own.minus(&control).error(), 0.0);
            assert_eq!(
                own.relative_to(&control).map(|relative| (relative.value, relative.error())),
                Some((0.0, 0.0))
            );
        }
    }
}
