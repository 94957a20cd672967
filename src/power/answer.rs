//! A whole power analysis, from a scenario to its answer.
//!
//! Does not know: progress, parts, or how the answer is printed.

use std::sync::atomic::AtomicBool;
use std::thread;

use super::aggregate::aggregate;
use super::conduct::conduct;
use super::data::Power;
use super::design::{Design, PowerRequest, without_effect};
use crate::run::SetupError;
use crate::scenario::Scenario;

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
    // Without its effect it is another scenario, so it has no verdict of its own.
    let own = if design.asked.aa {
        None
    } else {
        design.decisions(scenario.seed, scenario.traffic.queries)?
    };
    let header = design.header(own.as_deref());
    let wanted: Vec<u64> = (0..design.asked.replications).collect();
    let jobs = thread::available_parallelism().map_or(1, usize::from);
    let done = conduct(&design, &wanted, jobs, &AtomicBool::new(false), |_| {})?;
    Ok(aggregate(&header, &done))
}
