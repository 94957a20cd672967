//! A whole power analysis, from a scenario to its answer.
//!
//! Does not know: progress, parts, or how the answer is printed.

use std::sync::atomic::AtomicBool;
use std::thread;

use super::aggregate::aggregate;
use super::conduct::conduct;
use super::data::{Example, Power};
use super::design::{Design, PowerRequest, without_effect};
use super::part::Header;
use super::replicate::AtSize;
use crate::run::SetupError;
use crate::scenario::Scenario;
use crate::verdict::Decision;

/// Simulates a scenario many times and counts how often its decision rule gives each verdict, on
/// all cores. [`PowerRequest::of`] makes the request that `simlab power` makes without options.
///
/// The answer has an entry for each experiment of the scenario, so none without experiments.
///
/// # Errors
/// When the mock LaunchDarkly refuses what the scenario needs, or a paired design has more than
/// 20,000,000 answers and judgings at the largest size.
///
/// ```
/// use simlab::{PowerRequest, Scenario};
///
/// let scenario = Scenario::load("security")?;
/// let request = PowerRequest {
///     replications: 4,
///     sizes: vec![100],
///     truth_users: Some(200),
///     ..PowerRequest::of(&scenario)
/// };
/// let power = simlab::power(&scenario, request)?;
/// let shares = &power.experiments[0].sizes[0].decisions;
/// let ships = shares.ship.value.get() + shares.keep.value.get();
/// assert!(ships + shares.need_more_data.value.get() > 0.999);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn power(scenario: &Scenario, request: PowerRequest) -> Result<Power, SetupError> {
    let changed = request.aa.then(|| without_effect(scenario));
    let scenario = changed.as_ref().unwrap_or(scenario);
    let design = Design::new(scenario, request, |_, _| {})?;
    let header = design.header_with_runs()?;
    let wanted: Vec<u64> = (0..design.asked.replications).collect();
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let done = conduct(&design, &wanted, jobs, &AtomicBool::new(false), |_| {})?;
    Ok(aggregate(&header, &done))
}

/// Runs that are simulated for examples of verdicts, where replications draw from a pool.
const EXAMPLES: u64 = 8;

impl Design<'_> {
    /// What a report says beside the replications, with what takes simulated runs: the scenario's
    /// own verdict, where its size was asked for, and runs to look at, where no replication is one.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it.
    pub fn header_with_runs(&self) -> Result<Header, SetupError> {
        // Without its effect it is another scenario, so it has no verdict and no runs of its own.
        if self.asked.aa {
            return Ok(self.header(None));
        }
        let scenario = self.stage.scenario;
        let own = self.decisions(scenario.seed, scenario.traffic.queries)?;
        let mut header = self.header(own.as_deref());
        for nth in (0..EXAMPLES).filter(|_| self.pool.is_some()) {
            let seed = self.seed_of(nth);
            let run = self.run(nth, seed)?;
            for (study, sizes) in header.studies.iter_mut().zip(&run.studies) {
                let Some(decision) = sizes.last().and_then(AtSize::decision) else { continue };
                if study.examples.iter().all(|own| own.decision != decision) {
                    study.examples.push(Example { decision, seed: seed.0 });
                }
            }
        }
        let place = |own: &Example| Decision::ALL.iter().position(|all| *all == own.decision);
        header.studies.iter_mut().for_each(|study| study.examples.sort_by_key(place));
        Ok(header)
    }
}
