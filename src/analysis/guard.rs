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
