//! How many users until a verdict comes as often as wanted: by doubling with few replications, then
//! between the sizes that come into question with all of them.
//!
//! Guarantees: the same replications at every size (common random numbers), so the shares of
//! neighboring sizes move together; the answer and its table come from the full number of
//! replications; it says so when the share is not reached.
//!
//! Does not know: threads; the caller runs the replications.

use std::collections::BTreeMap;

use super::aggregate::aggregate;
use super::data::{MonteCarloEstimate, Power, Target};
use super::design::{Design, PowerRequest};
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
    pub max_users: u32,
    /// Users to begin with.
    pub from: u32,
}

/// Sizes from above `low` to `high`, equally spaced on a logarithmic scale.
fn sizes(low: u32, high: u32) -> Vec<u32> {
    let ratio = libm::log(f64::from(high) / f64::from(low.max(1)));
    let mut sizes: Vec<u32> = (1..=STEPS)
        .map(|step| {
            (f64::from(low.max(1)) * libm::exp(ratio * f64::from(step) / f64::from(STEPS))).round()
                as u32
        })
        .collect();
    sizes.dedup();
    sizes
}

/// Fewest replications that a search begins with.
const FEWEST: u64 = 50;
/// Users of the truth while few replications are run: no share of a verdict depends on it.
const ROUGH_TRUTH: u32 = 1_000;

/// How many of so many replications a search begins with.
#[must_use]
pub fn few(replications: u64) -> u64 {
    (replications / 10).max(FEWEST).min(replications)
}

/// What was found at the sizes that were tried: the share of the verdict, and the cost of a run.
type Tried = BTreeMap<u32, (MonteCarloEstimate, MonteCarloEstimate)>;

/// Whether the share of a size reaches what is wanted, moved by so many of its standard errors.
fn reaches(share: &MonteCarloEstimate, wanted: f64, shift: f64) -> bool {
    share.value.get() + shift * share.standard_error.map_or(0.0, Number::get) >= wanted
}

/// The first size that reaches it.
fn first(tried: &Tried, wanted: f64, shift: f64) -> Option<u32> {
    tried.iter().find(|(_, (share, _))| reaches(share, wanted, shift)).map(|(&users, _)| users)
}

/// Sizes between which the answer lies, by what few replications show: the last one surely below
/// and the first one surely above.
fn between(rough: &Tried, wanted: f64, most: u32) -> (u32, u32) {
    let largest = rough.keys().next_back().copied().unwrap_or(most);
    let Some(possible) = first(rough, wanted, 2.0) else {
        return (largest.saturating_sub(1).max(1), largest);
    };
    let below = rough.range(..possible).next_back().map_or(possible / 2, |(&users, _)| users);
    let sure = rough
        .range(possible..)
        .find(|(_, (share, _))| reaches(share, wanted, -2.0))
        .map_or(largest, |(&users, _)| users);
    (below.max(1), sure)
}

/// Searches for the first experiment. `run` runs all replications of a question.
///
/// # Errors
/// Those of `run`.
pub fn search<'s>(
    search: Search,
    asked: &PowerRequest,
    mut run: impl FnMut(PowerRequest) -> Result<(Design<'s>, BTreeMap<u64, Replication>), SetupError>,
) -> Result<Target, SetupError> {
    let high = search.from.clamp(16, search.max_users.max(16));
    let full = asked.replications;
    let few = few(full);
    let rough = PowerRequest {
        replications: few,
        truth_users: asked.truth_users.or(Some(ROUGH_TRUTH)),
        ..asked.clone()
    };
    // Where few are all, they confirm themselves.
    let first_asked = if few == full { asked } else { &rough };
    let (mut key, mut tried, whole) =
        walk(search, first_asked, (high / 16).max(1), high, &mut run)?;
    if few < full && whole {
        let (low, high) = between(&tried, search.share, search.max_users);
        (key, tried, _) = walk(search, asked, low, high, &mut run)?;
    }
    let users = first(&tried, search.share, 0.0);
    Ok(Target {
        experiment: key,
        decision: search.decision,
        share: search.share,
        users,
        range: [first(&tried, search.share, 2.0), first(&tried, search.share, -2.0)],
        cost_usd: users.and_then(|users| tried.get(&users)).map(|(_, cost)| *cost),
        tried_cost_usd: tried.values().map(|(_, cost)| *cost).collect(),
        tried: tried.into_iter().map(|(users, (share, _))| (users, share)).collect(),
    })
}

/// Tries sizes from `low` to `high`, and goes on upward or downward until the share is reached
/// between two of them. Gives the experiment's key, what was tried, and whether all replications
/// were run.
fn walk<'s>(
    search: Search,
    asked: &PowerRequest,
    mut low: u32,
    mut high: u32,
    run: &mut impl FnMut(PowerRequest) -> Result<(Design<'s>, BTreeMap<u64, Replication>), SetupError>,
) -> Result<(String, Tried, bool), SetupError> {
    let mut tried = Tried::new();
    loop {
        let (design, done) =
            run(PowerRequest { sizes: sizes(low, high), looks: 1, ..asked.clone() })?;
        let found: Power = aggregate(&design.header(None), &done);
        let whole = found.replications >= asked.replications;
        let Some(study) = found.experiments.into_iter().next() else {
            return Ok((String::new(), tried, whole));
        };
        tried.extend(
            study
                .sizes
                .iter()
                .map(|size| (size.users, (size.decisions.of(search.decision), size.cost_usd))),
        );
        let reached = |share: &MonteCarloEstimate| reaches(share, search.share, 0.0);
        let smallest =
            study.sizes.first().is_some_and(|size| reached(&size.decisions.of(search.decision)));
        if smallest && low > 16 && whole {
            // Already enough at the smallest: look below.
            (low, high) = ((low / 16).max(1), low);
            continue;
        }
        if tried.values().any(|(share, _)| reached(share)) || high >= search.max_users || !whole {
            return Ok((study.key, tried, whole));
        }
        (low, high) = (high, high.saturating_mul(2).min(search.max_users));
    }
}
