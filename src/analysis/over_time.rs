//! The results that an analysis would have found on the way, had it looked.
//!
//! Guarantees: the last look is the analysis of all units; the number of looks is bounded, whatever
//! the number of units.
//!
//! No correction for looking often: the probabilities are those of a single look.

use super::{Analysis, ArrivedValues, analyze};
use crate::experiment::{Experiment, Metric};
use crate::metrics::Observations;

/// Maximum number of looks.
const MAX_LOOKS: usize = 30;

/// The analysis of the units that arrived first.
#[derive(Clone, Debug, PartialEq)]
pub struct PrefixAnalysis {
    /// How many units had arrived.
    pub units: u64,
    /// Their analysis.
    pub analysis: Analysis,
}

/// What experiment number `nth` would have shown at evenly spaced numbers of arrived units, the
/// last with all of `units`; empty without units.
///
/// Observation numbers follow arrival, so each look is the analysis of a prefix.
#[must_use]
pub fn over_time(
    observations: &Observations,
    nth: usize,
    experiment: &Experiment,
    metrics: &[Metric],
    units: usize,
) -> Vec<PrefixAnalysis> {
    let looks = MAX_LOOKS.min(units);
    let values = ArrivedValues::of(observations, nth, experiment, metrics, 0..units);
    let look = |look: usize| {
        let arrived = units * look / looks;
        let analysis = analyze(experiment, &values.first(arrived as u32));
        PrefixAnalysis { units: arrived as u64, analysis }
    };
    (1..=looks).map(look).collect()
}
