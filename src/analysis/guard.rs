//! The stop rule of a guarded rollout: roll back as soon as a metric is worse for sure, release
//! after enough users.
//!
//! Each look reads the always-valid confidence sequence (`sequential`), so looking often does not
//! raise the chance of a false alarm beyond one minus the confidence, for each metric.
//!
//! Guarantees: pure; the same results give the same decision, in a run and for recorded events.
//!
//! Does not know: who serves the variations, or how a rollback is carried out.

use super::result::{Analysis, Interval, MetricAnalysis};
use crate::experiment::Guard;

/// One look at a guarded rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Look {
    /// Watched users by then.
    pub users: u32,
    /// For each metric the relative change and its always-valid interval; `None` where there is
    /// none yet.
    pub readings: Vec<Option<(f64, Interval)>>,
}

/// How a guarded rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The users ended first.
    Watching,
    /// A metric regressed: its index among the metrics that the experiment's numbers mean.
    RolledBack(usize),
    /// Nothing regressed.
    Released,
}

/// What came of a guarded rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// The looks, in order.
    pub looks: Vec<Look>,
    /// Its end.
    pub ending: Ending,
}

impl Default for Watched {
    /// Before the first look.
    fn default() -> Self {
        Self { looks: Vec::new(), ending: Ending::Watching }
    }
}

impl Watched {
    /// A look at the results of the first `users` watched users: whether the rollout goes on, is
    /// rolled back or released. After its end there is nothing to look at.
    pub fn look(&mut self, guard: &Guard, analysis: &Analysis, users: u32) -> Ending {
        if self.ending != Ending::Watching {
            return self.ending;
        }
        let readings: Vec<Option<(f64, Interval)>> = analysis.metrics.iter().map(reading).collect();
        let regressed = guard
            .study
            .metrics
            .iter()
            .zip(analysis.metrics.iter().zip(&readings))
            .find(|(_, (metric, reading))| {
                // The end of the interval that speaks best for the new variation is beyond the
                // margin.
                let best_case = reading.map(|(_, interval)| {
                    if metric.metric.better.sign() < 0.0 { interval.lower } else { -interval.upper }
                });
                best_case.is_some_and(|worse| worse > guard.worse_by)
            });
        self.ending = match regressed {
            Some((&metric, _)) => Ending::RolledBack(metric),
            None if users >= guard.users => Ending::Released,
            None => Ending::Watching,
        };
        self.looks.push(Look { users, readings });
        self.ending
    }
}

/// The relative change of the new variation, treatment 1, against what was, treatment 0, with its
/// always-valid interval: both over the absolute value of the control's mean.
fn reading(metric: &MetricAnalysis) -> Option<(f64, Interval)> {
    let base = metric.variations.first()?.data_mean.filter(|base| *base != 0.0)?.abs();
    let test = metric.variations.get(1)?.sequential?;
    Some((
        test.difference / base,
        Interval { lower: test.interval.lower / base, upper: test.interval.upper / base },
    ))
}

#[cfg(test)]
mod tests {
    use super::super::published::{experiment, metric};
    use super::super::{MetricInput, Summary, Tally, analyze};
    use super::*;
    use crate::experiment::{Aggregation, Better, Experiment, Method, Statistic};
    use crate::quantity::Probability;

    /// Watches one metric, number 7, at 95%, up to 400 users.
    fn guard(worse_by: f64) -> Guard {
        let study = Experiment {
            metrics: vec![7],
            threshold: Probability::clamped(0.95),
            method: Method::Sequential,
            ..experiment(&["old", "new"])
        };
        Guard { study, rule: 0, worse_by, every: 20, users: 400 }
    }

    /// A look at this many users in each arm, of whom these converted.
    fn look(guard: &Guard, better: Better, users: u64, converted: [u64; 2]) -> Watched {
        let metric = metric("m", Aggregation::Occurrence, Statistic::Mean, better, "", None);
        let tallies = converted.map(|conversions| Some(Tally::rate(conversions))).to_vec();
        let input = MetricInput { metric, tallies, responders: None, skewness: Vec::new() };
        let exposures = vec![users, users];
        let summary = Summary { exposures, shares: None, metrics: vec![input] };
        let mut watched = Watched::default();
        watched.look(guard, &analyze(&guard.study, &summary), 2 * users as u32);
        watched
    }

    #[test]
    fn a_metric_that_is_worse_for_sure_beyond_the_margin_rolls_back() {
        // By hand from equation 155 of arXiv 2103.06476: 3 and 29 of 30 differ by +867%, from +135% to
        // +1,598%; 2 and 19 of 20 by +850%, from -207% to +1,907%.
        let found = look(&guard(0.1), Better::Lower, 30, [3, 29]);
        assert_eq!(found.ending, Ending::RolledBack(7));
        let (change, interval) = found.looks[0].readings[0].unwrap();
        let near =
            |found: f64, right: f64| assert!((found - right).abs() < 1e-8, "{found}, {right}");
        near(change, 8.666_666_667);
        near(interval.lower, 1.349_574_069);
        near(interval.upper, 15.983_759_264);
        assert_eq!(look(&guard(0.1), Better::Lower, 20, [2, 19]).ending, Ending::Watching);
        // The margin is beyond the lower end; more is better.
        assert_eq!(look(&guard(1.4), Better::Lower, 30, [3, 29]).ending, Ending::Watching);
        assert_eq!(look(&guard(0.1), Better::Higher, 30, [3, 29]).ending, Ending::Watching);
        // Where more is better, less is a regression: -89.7%, and -14.0% at best.
        assert_eq!(look(&guard(0.1), Better::Higher, 30, [29, 3]).ending, Ending::RolledBack(7));
        assert_eq!(look(&guard(0.2), Better::Higher, 30, [29, 3]).ending, Ending::Watching);
    }

    #[test]
    fn what_does_not_regress_is_released_after_enough_users_and_then_nobody_looks() {
        let mut found = look(&guard(0.1), Better::Lower, 200, [20, 20]);
        assert_eq!((found.ending, found.looks.len()), (Ending::Released, 1));
        let worse = look(&guard(0.1), Better::Lower, 200, [20, 190]);
        assert_eq!(worse.ending, Ending::RolledBack(7), "a regression at the last look counts");
        let analysis = analyze(
            &guard(0.1).study,
            &Summary { exposures: vec![1, 1], shares: None, metrics: Vec::new() },
        );
        assert_eq!(found.look(&guard(0.1), &analysis, 500), Ending::Released);
        assert_eq!(found.looks.len(), 1);
    }

    #[test]
    fn without_a_control_to_compare_with_there_is_no_reading() {
        assert_eq!(look(&guard(0.1), Better::Lower, 30, [0, 29]).looks[0].readings, [None]);
    }
}
