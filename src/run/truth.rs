//! The true effect: every user through every arm, with the same luck.
//!
//! Promises: the truth is that of the policy "everybody gets this arm", shared limits included, for the very users of the
//! run; nothing of it is estimated.
//!
//! Does not know: what was estimated.

use crate::analysis::{MetricInput, Summary, summarize};
use crate::journal::Served;
use crate::metrics::JournalObserver;
use crate::random::Seed;
use crate::run::stage::{Settings, Stage};

/// For one experiment: for each metric and treatment the true mean, rate or percentile; `None` where nobody has a value.
pub type Truth = Vec<Vec<Option<f64>>>;

/// The truth of every experiment of the stage.
pub async fn truth(stage: &Stage<'_>, seed: Seed, users: u32, progress: impl FnMut(u32)) -> Vec<Truth> {
    populations(stage, seed, users, progress).await.iter().map(values).collect()
}

/// The true values in a population.
#[must_use]
pub fn values(population: &Summary) -> Truth {
    let of_metric = |input: &MetricInput| {
        let each = input.tallies.iter().zip(&population.exposures);
        each.map(|(tally, &exposed)| tally.and_then(|tally| tally.value(exposed))).collect()
    };
    population.metrics.iter().map(of_metric).collect()
}

/// For every experiment the statistics of populations in which everybody gets one treatment, side by side: as if each user
/// had been in every arm.
pub async fn populations(stage: &Stage<'_>, seed: Seed, users: u32, mut progress: impl FnMut(u32)) -> Vec<Summary> {
    let scenario = stage.scenario;
    let mut all = Vec::with_capacity(scenario.experiments.len());
    for (nth, (experiment, varies)) in scenario.experiments.iter().zip(&stage.varies).enumerate() {
        let mut joined: Option<Summary> = None;
        for treatment in 0..experiment.treatments.len() {
            let variation = varies.treatment_of.iter().position(|&t| t == Some(treatment as u8)).unwrap_or_default();
            let forced = Some(Served { config: varies.config, variation: variation as u8 });
            let observer = JournalObserver::new(1, users as usize, stage.varies.clone(), &scenario.metrics);
            let observations = stage.simulate(Settings { seed, users, forced }, observer, &mut progress).await.finish();
            let own = summarize(&observations, nth, experiment, &scenario.metrics, 0..users as usize);
            let Some(joined) = &mut joined else {
                joined = Some(Summary { shares: None, ..own });
                continue;
            };
            joined.exposures[treatment] = own.exposures[treatment];
            for (metric, own) in joined.metrics.iter_mut().zip(own.metrics) {
                metric.tallies[treatment] = own.tallies[treatment];
                if let (Some(responders), Some(own)) = (&mut metric.responders, own.responders) {
                    responders[treatment] = own[treatment];
                }
            }
        }
        all.extend(joined);
    }
    all
}
