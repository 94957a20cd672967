//! A run on its way: how far it is, and what the data say so far.
//!
//! Guarantees: looking changes nothing, and whoever does not look pays nothing. Only the primary
//! metrics are analyzed.
//!
//! Does not know: when somebody looks, or how it is shown.

use crate::analysis::{Analysis, analyze, summarize};
use crate::experiment::Experiment;
use crate::metrics::Observations;
use crate::scenario::{Scenario, Study};

/// Where a run stands.
#[derive(Clone, Copy, Debug)]
pub struct SoFar<'a> {
    /// Users begun, those of every population together.
    pub begun: u64,
    /// Of how many.
    pub total: u64,
    /// What is run, and the table of its data; `None` while the truth is looked for.
    pub data: Option<(&'a Scenario, &'a Observations)>,
}

/// What the first `users` users say of each experiment's primary metric; an experiment's analysis
/// has this metric alone.
#[must_use]
pub fn glances(scenario: &Scenario, observations: &Observations, users: usize) -> Vec<Analysis> {
    let one = |study: &Study| {
        let metrics = study.experiment.metrics.iter().take(1).copied().collect();
        let primary = Experiment { metrics, ..study.experiment.clone() };
        analyze(
            &primary,
            &summarize(observations, study.place, &primary, &scenario.metrics, 0..users),
        )
    };
    scenario.studies.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use crate::run::PreparedScenario;
    use crate::scenario::load;

    #[test]
    fn a_glance_is_the_full_analysis_of_the_primary_metric() {
        let loaded = load("tutorial").unwrap();
        let scenario = &loaded.scenario;
        let stage = PreparedScenario::new(scenario, Seed(1)).unwrap();
        let table = stage.population(Seed(1), 120).visit(stage.observer(120)).finish();
        let glances = glances(scenario, &table, 100);
        assert_eq!(glances.len(), 2);
        for (study, glance) in scenario.studies.iter().zip(&glances) {
            let whole = study.analyze(&table, &scenario.metrics, 0..100);
            assert_eq!(
                (&glance.exposures, &glance.metrics[..]),
                (&whole.exposures, &whole.metrics[..1])
            );
        }
    }
}
