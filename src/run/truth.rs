//! The true effect: every user through every arm, with the same luck.
//!
//! Promises: the truth is that of the policy "everybody gets this arm", shared limits included, for the very users of the
//! run; nothing of it is estimated.
//!
//! Does not know: what was estimated.

use crate::analysis::Tally;
use crate::analysis::summarize;
use crate::journal::Served;
use crate::metrics::JournalObserver;
use crate::random::Seed;
use crate::run::stage::{Settings, Stage};

/// For one experiment: for each metric and treatment the true mean, rate or percentile; `None` where nobody has a value.
pub type Truth = Vec<Vec<Option<f64>>>;

/// The truth of every experiment of the stage.
pub async fn truth(stage: &Stage<'_>, seed: Seed, users: u32, mut progress: impl FnMut(u32)) -> Vec<Truth> {
    let scenario = stage.scenario;
    let mut truths = Vec::with_capacity(scenario.experiments.len());
    for (nth, (experiment, varies)) in scenario.experiments.iter().zip(&stage.varies).enumerate() {
        let mut truth: Truth = vec![Vec::new(); experiment.metrics.len()];
        for treatment in 0..experiment.treatments.len() {
            let variation = varies.treatment_of.iter().position(|&t| t == Some(treatment as u8)).unwrap_or_default();
            let forced = Some(Served { config: varies.config, variation: variation as u8 });
            let observer = JournalObserver::new(1, users as usize, stage.varies.clone(), &scenario.metrics);
            let observations = stage.simulate(Settings { seed, users, forced }, observer, &mut progress).await.finish();
            let summary = summarize(&observations, nth, experiment, &scenario.metrics, 0..users as usize);
            for (values, input) in truth.iter_mut().zip(&summary.metrics) {
                values.push(input.tallies[treatment].and_then(|tally| value(tally, summary.exposures[treatment])));
            }
        }
        truths.push(truth);
    }
    truths
}

/// The raw value of a tally.
fn value(tally: Tally, exposed: u64) -> Option<f64> {
    match tally {
        Tally::Conversion { conversions } => (exposed > 0).then(|| conversions as f64 / exposed as f64),
        Tally::Mean { units, total, .. } => (units > 0).then(|| total / units as f64),
        Tally::Percentile { value, .. } => Some(value),
    }
}
