//! How many users until a verdict comes as often as wanted: by doubling, then on a finer scale.
//!
//! Promises: the same replications at every size (common random numbers), so the shares of neighboring sizes move together; it
//! says so when the share is not reached.
//!
//! Does not know: threads; the caller runs the replications.

use std::collections::BTreeMap;

use super::aggregate::aggregate;
use super::data::{Estimate, Power, Target};
use super::design::{Asked, Design};
use super::replicate::Replication;
use crate::report::Number;
use crate::run::SetupError;
use crate::verdict::Decision;

/// Sizes between one doubling and the next.
const STEPS: u32 = 8;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// The verdict.
    pub decision: Decision,
    /// How often.
    pub share: f64,
    /// Most users of a run.
    pub most_users: u32,
    /// Users to begin with.
    pub from: u32,
}

/// Sizes from above `low` to `high`, equally spaced on a logarithmic scale.
fn sizes(low: u32, high: u32) -> Vec<u32> {
    let ratio = libm::log(f64::from(high) / f64::from(low.max(1)));
    let mut sizes: Vec<u32> =
        (1..=STEPS).map(|step| (f64::from(low.max(1)) * libm::exp(ratio * f64::from(step) / f64::from(STEPS))).round() as u32).collect();
    sizes.dedup();
    sizes
}

/// Searches for the first experiment. `run` runs all replications of a question.
///
/// # Errors
/// Those of `run`.
pub fn search<'s>(
    search: Search,
    asked: &Asked,
    mut run: impl FnMut(Asked) -> Result<(Design<'s>, BTreeMap<u64, Replication>), SetupError>,
) -> Result<Target, SetupError> {
    let mut tried: BTreeMap<u32, Estimate> = BTreeMap::new();
    let mut key = String::new();
    let mut high = search.from.clamp(16, search.most_users.max(16));
    let mut low = (high / 16).max(1);
    loop {
        let (design, done) = run(Asked { sizes: sizes(low, high), looks: 1, ..asked.clone() })?;
        let found: Power = aggregate(&design.header(None), &done);
        let Some(study) = found.experiments.into_iter().next() else { break };
        tried.extend(study.sizes.iter().map(|size| (size.users, size.decisions.of(search.decision))));
        key = study.key;
        let reached = |share: &Estimate| share.value.get() >= search.share;
        let smallest = study.sizes.first().is_some_and(|size| reached(&size.decisions.of(search.decision)));
        if smallest && low > 16 {
            // Already enough at the smallest: look below.
            (low, high) = ((low / 16).max(1), low);
            continue;
        }
        if tried.values().any(reached) || high >= search.most_users || (found.replications as usize) < asked.replications as usize {
            break;
        }
        (low, high) = (high, high.saturating_mul(2).min(search.most_users));
    }
    let first = |shift: f64| {
        let at = |(_, share): &(&u32, &Estimate)| share.value.get() + shift * share.standard_error.map_or(0.0, Number::get) >= search.share;
        tried.iter().find(at).map(|(&users, _)| users)
    };
    Ok(Target {
        experiment: key,
        decision: search.decision,
        share: search.share,
        users: first(0.0),
        range: [first(2.0), first(-2.0)],
        tried: tried.into_iter().collect(),
    })
}
