//! Thompson sampling in batches: shares that follow the probabilities to be best on the primary
//! metric.
//!
//! W. R. Thompson 1933, *Biometrika* 25, 285-294; S. L. Scott 2010, "A modern Bayesian look at the
//! multi-armed bandit", *Applied Stochastic Models in Business and Industry* 26, 639-658.
//!
//! Guarantees: weights sum to the whole; none is below the floor, but for rounding.
//!
//! Does not know: who serves the shares. A run changes its flags by them; recorded events are only
//! judged.

use super::result::Analysis;
use crate::experiment::{Better, Metric};

/// The whole of a split, in the unit of weights: LaunchDarkly's thousandths of a percent.
pub const WHOLE_WEIGHT: u32 = 100_000;

/// A bandit's shares from a moment on.
#[derive(Clone, Debug, PartialEq)]
pub struct Reallocation {
    /// Exposed users by then.
    pub users: u32,
    /// The share of each treatment from then on, from 0 to 1.
    pub shares: Vec<f64>,
}

impl Reallocation {
    /// The shares that these weights are, out of [`WHOLE_WEIGHT`].
    #[must_use]
    pub fn of(users: u32, weights: &[u32]) -> Self {
        Self {
            users,
            shares: weights
                .iter()
                .map(|&weight| f64::from(weight) / f64::from(WHOLE_WEIGHT))
                .collect(),
        }
    }
}

/// The weight of each treatment after these results, out of [`WHOLE_WEIGHT`]: its probability to be
/// best on the primary metric, and at least `floor`, a fraction. `None` before every treatment has
/// results: nothing is known that could change a share.
#[must_use]
pub fn thompson_weights(analysis: &Analysis, floor: f64) -> Option<Vec<u32>> {
    let primary = analysis.metrics.first()?;
    let best: Option<Vec<f64>> =
        primary.variations.iter().map(|variation| variation.probability_to_be_best).collect();
    best.map(|best| weights(&best, floor))
}

/// Probabilities to be best as weights that sum to the whole, none below the floor.
fn weights(best: &[f64], floor: f64) -> Vec<u32> {
    let free = (1.0 - floor * best.len() as f64).max(0.0);
    let sum: f64 = best.iter().sum();
    let share = |p: f64| floor + free * if sum > 0.0 { p / sum } else { 1.0 / best.len() as f64 };
    let mut weights: Vec<u32> =
        best.iter().map(|&p| libm::round(share(p) * f64::from(WHOLE_WEIGHT)) as u32).collect();
    // The largest takes what rounding leaves over or has taken too much.
    let total: u32 = weights.iter().sum();
    if let Some(largest) = weights.iter_mut().max() {
        *largest = (*largest + WHOLE_WEIGHT).saturating_sub(total);
    }
    weights
}

/// How much the users lost because not all of them got the truly best treatment, in the metric's
/// unit, summed over users: `values` are the true values of the treatments, `users` their users. A
/// treatment that falls short of the best by less than what matters loses nothing. `None` without
/// values.
#[must_use]
pub fn regret(metric: &Metric, values: &[f64], users: &[u64]) -> Option<f64> {
    let better = if metric.better == Better::Higher { f64::max } else { f64::min };
    let best = values.iter().copied().reduce(better)?;
    let lost = |value: f64| if metric.tie(value, best) { 0.0 } else { (best - value).abs() };
    Some(values.iter().zip(users).map(|(&value, &users)| lost(value) * users as f64).sum())
}

/// When to look at data that grow: each time that so many more users have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookSchedule {
    every: u32,
    users: u32,
    next: u32,
}

impl LookSchedule {
    /// A look after every `every` users.
    #[must_use]
    pub fn new(every: u32) -> Self {
        Self { every, users: 0, next: every }
    }

    /// One more user.
    pub fn count(&mut self) {
        self.users = self.users.saturating_add(1);
    }

    /// How many users have come.
    #[must_use]
    pub fn users(&self) -> u32 {
        self.users
    }

    /// Whether it is time to look.
    #[must_use]
    pub fn due(&self) -> bool {
        self.users >= self.next
    }

    /// Somebody looked.
    pub fn looked(&mut self) {
        self.next = self.next.saturating_add(self.every);
    }
}

#[cfg(test)]
mod tests {
    use super::super::published::metric;
    use super::*;
    use crate::experiment::{Aggregation, Statistic};

    #[test]
    fn weights_follow_the_probabilities_down_to_the_floor_and_sum_to_the_whole() {
        assert_eq!(weights(&[0.5, 0.5], 0.05), [50_000, 50_000]);
        assert_eq!(weights(&[0.0, 1.0], 0.05), [5_000, 95_000]);
        // By hand: 5% each, and 85% of the free 85% to the first: 0.05 + 0.85 * 0.7 = 64.5%.
        assert_eq!(weights(&[0.7, 0.2, 0.1], 0.05), [64_500, 22_000, 13_500]);
        assert_eq!(weights(&[1.0 / 3.0; 3], 0.0).iter().sum::<u32>(), WHOLE_WEIGHT);
        assert_eq!(weights(&[0.0, 0.0], 0.1), [50_000, 50_000]);
    }

    #[test]
    fn regret_is_what_the_users_of_worse_treatments_lost() {
        let mut metric = metric("m", Aggregation::Sum, Statistic::Mean, Better::Lower, "$", None);
        // By hand: 100 users lost 0.5 each, 10 lost 2 each.
        assert_eq!(regret(&metric, &[1.5, 1.0, 3.0], &[100, 400, 10]), Some(70.0));
        metric.smallest_effect = 0.6;
        assert_eq!(regret(&metric, &[1.5, 1.0, 3.0], &[100, 400, 10]), Some(20.0));
        assert_eq!(regret(&metric, &[], &[]), None);
    }

    #[test]
    fn a_look_is_due_after_every_so_many_users() {
        let mut schedule = LookSchedule::new(2);
        let mut looks = Vec::new();
        for _ in 0..7 {
            if schedule.due() {
                looks.push(schedule.users());
                schedule.looked();
            }
            schedule.count();
        }
        assert_eq!(looks, [2, 4, 6]);
    }
}
