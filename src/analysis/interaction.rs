//! Do two experiments that run on the same users influence each other? The interaction of a 2x2
//! factorial design.
//!
//! G. E. P. Box, J. S. Hunter & W. G. Hunter, *Statistics for Experimenters*, 2nd ed., chapter 5:
//! the interaction contrast is how much the effect of one factor changes when the other is on.
//!
//! Guarantees: an estimate with interval and p-value, or the reason why there is none.
//!
//! Does not know: how users came into the four cells. Both experiments must assign independently.

use std::ops::Range;

use super::posterior::estimate;
use super::result::{Interval, Tally};
use super::special::{two_sided_p, two_sided_z};
use crate::experiment::{Aggregation, Experiment, Metric, Missing, Statistic};
use crate::metrics::Observations;
use crate::statistic::Declared;

/// Effects of two experiments on one metric, in the metric's unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InteractionEffects {
    /// Effect of the first experiment's treatment, averaged over both arms of the second.
    pub first_effect: f64,
    /// Effect of the second experiment's treatment, averaged over both arms of the first.
    pub second_effect: f64,
    /// Effect of the first where the second's treatment is on, less its effect where it is off: 0
    /// when they only add up.
    pub interaction: f64,
    /// Two-sided interval of the interaction.
    pub interval: Interval,
    /// Two-sided p-value of "no interaction".
    pub p_value: f64,
}

/// The interaction from the four cells: `cells[i][j]` holds exposures and tally of users in arm i
/// of the first experiment and arm j of the second (0 is the control); the interval holds `mass`.
/// Cells are independent, so variances add.
///
/// # Errors
/// When a cell has no data or no standard error, or when no cell has any spread.
pub fn interaction(
    cells: &[[(u64, Option<Tally>); 2]; 2],
    mass: f64,
) -> Result<InteractionEffects, String> {
    // A cell has a rate or a mean; what is declared decides how a missing error is explained.
    let declared = Declared::new(Aggregation::Sum, Statistic::Mean, Missing::Exclude);
    let mut means = [[0.0; 2]; 2];
    let mut variance = 0.0;
    for (i, (row, means)) in cells.iter().zip(&mut means).enumerate() {
        for (j, (&(exposures, tally), mean)) in row.iter().zip(means).enumerate() {
            let words = |arm: usize| if arm == 0 { "control" } else { "treatment" };
            let at = |reason| {
                format!(
                    "users in the first experiment's {} and the second's {}: {reason}",
                    words(i),
                    words(j)
                )
            };
            let found = estimate(declared, tally, exposures).map_err(at)?;
            let error =
                found.standard_error.ok_or_else(|| at("the standard error is not known".into()))?;
            *mean = found.mean;
            variance += error * error;
        }
    }
    if !(variance > 0.0 && variance.is_finite()) {
        return Err("the data show no spread to test an interaction against".into());
    }
    let [[neither, second], [first, both]] = means;
    let (with, without) = (both - second, first - neither);
    let (sd, interaction) = (variance.sqrt(), with - without);
    let reach = two_sided_z(mass) * sd;
    Ok(InteractionEffects {
        first_effect: 0.5 * (with + without),
        second_effect: 0.5 * ((both - first) + (second - neither)),
        interaction,
        interval: Interval { lower: interaction - reach, upper: interaction + reach },
        p_value: two_sided_p(interaction / sd),
    })
}

/// Whether two experiments on the same users influence each other, on one metric that both measure.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricInteraction {
    /// Numbers of the two experiments.
    pub pair: [usize; 2],
    /// Number of the metric.
    pub metric: usize,
    /// Users in both experiments.
    pub users: u64,
    /// Their effects, or why these are not known.
    pub result: Result<InteractionEffects, String>,
}

/// Whether experiments on the same users influence each other: each pair of two, on each mean or
/// rate that both measure.
#[must_use]
pub fn interactions(
    observations: &Observations,
    experiments: &[&Experiment],
    metrics: &[Metric],
) -> Vec<MetricInteraction> {
    let pairs =
        (0..experiments.len()).flat_map(|i| (i + 1..experiments.len()).map(move |j| [i, j]));
    pairs.flat_map(|pair| interactions_between(observations, pair, experiments, metrics)).collect()
}

/// The interactions of two experiments, by their numbers, on each mean or rate that both measure;
/// none between experiments on the same config, which no user is in both of.
#[must_use]
pub fn interactions_between(
    observations: &Observations,
    pair: [usize; 2],
    experiments: &[&Experiment],
    metrics: &[Metric],
) -> Vec<MetricInteraction> {
    #[expect(clippy::indexing_slicing, reason = "the numbers are those of two of `experiments`")]
    let [first, second] = pair.map(|nth| experiments[nth]);
    if first.config == second.config {
        return Vec::new();
    }
    let arms = [first, second].map(|own| [own.control, usize::from(own.control == 0)]);
    let shared = first.metrics_in(metrics).filter(|(at, _)| second.metrics.contains(at));
    let counted = shared.filter(|(_, metric)| metric.declared().definition().linear);
    let found = counted.map(|(at, metric)| {
        let cells = cells(observations, pair, arms, (at, metric), 0..observations.units());
        let users = cells.iter().flatten().map(|(exposed, _)| exposed).sum();
        MetricInteraction {
            pair,
            metric: at,
            users,
            result: interaction(&cells, first.threshold.get()),
        }
    });
    found.collect()
}

/// The four cells of two experiments on the same units, for metric number `at`: exposures and tally
/// of units in arm i of the first and arm j of the second, 0 being the control and 1 the treatment.
/// `nth` are the experiments' numbers, `arms` the indices of control and treatment in each.
fn cells(
    observations: &Observations,
    nth: [usize; 2],
    arms: [[usize; 2]; 2],
    (at, metric): (usize, &Metric),
    units: Range<usize>,
) -> [[(u64, Option<Tally>); 2]; 2] {
    let mut members: [[(usize, Vec<f64>); 2]; 2] = Default::default();
    let ([first, second], [first_arms, second_arms]) = (nth, arms);
    for unit in units.start..units.end.min(observations.units()) {
        let arm = |experiment: usize, [control, treatment]: [usize; 2]| match observations
            .treatment(experiment, unit)?
        {
            own if own == control => Some(false),
            own if own == treatment => Some(true),
            _ => None,
        };
        let (Some(i), Some(j)) = (arm(first, first_arms), arm(second, second_arms)) else {
            continue;
        };
        let (exposed, values) = of_arm(of_arm(&mut members, i), j);
        *exposed += 1;
        values.extend(observations.value(at, metric.aggregation, unit));
    }
    let declared = metric.declared();
    members.map(|row| {
        row.map(|(exposed, mut values)| (exposed as u64, declared.tally(&mut values, exposed)))
    })
}

/// The control's part of a pair, or the treatment's.
fn of_arm<T>([control, treatment]: &mut [T; 2], treated: bool) -> &mut T {
    if treated { treatment } else { control }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(mean: f64) -> (u64, Option<Tally>) {
        (100, Some(Tally::Mean { units: 100, total: 100.0 * mean, standard_error: Some(0.5) }))
    }

    #[test]
    fn a_textbook_factorial_gives_its_effects() {
        // Box, Hunter & Hunter, pilot plant, temperature and catalyst at low concentration: yields
        // 60, 72, 52, 83 (section 5.3).
        let found =
            interaction(&[[cell(60.0), cell(52.0)], [cell(72.0), cell(83.0)]], 0.9).unwrap();
        assert_eq!((found.first_effect, found.second_effect, found.interaction), (21.5, 1.5, 19.0));
        // Four variances of 1/4 add to 1.
        assert!(
            (found.interval.upper - found.interval.lower - 2.0 * 1.644_853_626_951_472).abs()
                < 1e-12
        );
        assert!(found.p_value < 1e-50);
    }

    #[test]
    fn effects_that_only_add_up_do_not_interact() {
        let found = interaction(&[[cell(1.0), cell(3.0)], [cell(2.0), cell(4.0)]], 0.9).unwrap();
        assert_eq!((found.interaction, found.p_value), (0.0, 1.0));
    }

    #[test]
    fn an_empty_cell_is_named() {
        let reason =
            interaction(&[[cell(1.0), (0, None)], [cell(2.0), cell(4.0)]], 0.9).unwrap_err();
        assert!(
            reason
                .starts_with("users in the first experiment's control and the second's treatment"),
            "{reason}"
        );
        let flat = (10, Some(Tally::Mean { units: 10, total: 10.0, standard_error: Some(0.0) }));
        assert!(interaction(&[[flat; 2]; 2], 0.9).unwrap_err().contains("no spread"));
    }
}
