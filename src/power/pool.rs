//! Users to draw from, so that a replication need not simulate its own.
//!
//! The truth sends the same users through every variation. What is measured of them makes a pool:
//! the users of a replication are drawn from it with replacement, and split between the variations
//! by the experiment's shares. That is the bootstrap of B. Efron 1979 (*Annals of Statistics* 7,
//! 1-26), with two differences: the pool is much larger than a sample, and it holds what each user
//! does in every variation.
//!
//! All replications share the pool, so its own sampling error does not average out.
//! - **How far it moves an estimate.** The users of both variations are the same, so with `N` users in
//!   the pool the difference of a metric has the variance `(v1 + v0) (1 - rho) / N`, where an
//!   experiment with `n` users has `v1 / (n s1) + v0 / (n s0)`: `v` are the variances of a user, `s`
//!   the shares of the variations. The root of the ratio is the shift `r`, in standard errors of the
//!   experiment; for equal shares and variances it is `sqrt(n (1 - rho) / (2 N))`.
//! - **How far that moves a share.** For a normal estimate `z` with variance 1, moving its mean by
//!   `r` moves the share of a verdict by `r Cov(verdict, z)` (C. Stein 1981, *Annals of Statistics*
//!   9, 1135-1151, lemma 1). The covariances are measured on the first replications. Of the metrics
//!   that a rule asks about, the sizes of their moves are added up, which is the most that they can
//!   do together.
//!
//! The pool has so many users that no share of a verdict moves by more than its Monte Carlo standard
//! error.
//!
//! Guarantees: the pool depends on the question alone, a replication on the pool and its number.
//!
//! Does not know: how a rule decides.

use super::data::ShareErrors;
use crate::analysis::{ArmMembers, ArrivedValues};
use crate::llm::setup::ToolKind;
use crate::quantity::Money;
use crate::random::{Owner, Purpose, Seed, pick};
use crate::report::Number;
use crate::run::{ArmPopulation, Pair, PreparedScenario};
use crate::scenario::{Scenario, Study};
use crate::verdict::Decision;

/// Fewest visits of a question, over all of its replications, that a pool is made for: fewer are
/// simulated in a second.
const FEWEST_VISITS: u64 = 1_000_000;
/// A pool has at most this part of the visits that it saves.
const MOST_OF_SAVED: u64 = 3;
/// Most users of a pool, over all variations: some 200 MB.
const MOST_USERS: u64 = 3_000_000;
/// Replications on which is measured how shares depend on estimates.
pub(super) const PILOT: u64 = 400;

/// Why the users of a scenario cannot be drawn from a pool: what one of them does depends on the
/// others, or on the run.
#[must_use]
pub fn no_pool_because(scenario: &Scenario) -> Option<&'static str> {
    let [study] = scenario.studies.as_slice() else {
        return Some("the scenario has more than one experiment");
    };
    let variations = || scenario.configs.iter().flat_map(|config| &config.variations);
    let limited = |&tool: &u16| match scenario.tool(tool).kind {
        ToolKind::Remote(remote) => remote.one_request_per.is_some(),
        _ => false,
    };
    let reasons = [
        (study.paired.is_some(), "its design is paired"),
        (study.allocation.is_some(), "a bandit's split follows the results"),
        (!scenario.rollouts.is_empty(), "a guarded rollout may change what users get"),
        (
            variations().any(|own| own.crash.is_some() || own.cold_start.is_some()),
            "a variation has a `crash` or a `cold_start`",
        ),
        (
            variations().any(|own| own.setup.tools.iter().any(limited)),
            "users share a tool's rate limit",
        ),
        (
            scenario.ends_after.is_some() && !scenario.outcomes.is_empty(),
            "outcomes are lost that come after the experiment's end",
        ),
    ];
    reasons.into_iter().find(|(holds, _)| *holds).map(|(_, why)| why)
}

/// The users of every variation of the first experiment.
#[derive(Debug)]
pub struct UserPool<'s> {
    arms: Vec<ArmPopulation<'s>>,
    users: u32,
    /// The experiment's shares, added up.
    shares: Vec<f64>,
}

/// One replication's users: who they are in each variation, and what they cost.
#[derive(Debug)]
pub struct DrawnUsers {
    members: Vec<ArmMembers>,
    /// For each size what the users above the size before it cost.
    pub costs: Vec<Money>,
}

impl<'s> UserPool<'s> {
    /// A pool of the truth's users, of whom so many have come in every variation.
    #[must_use]
    pub fn new(study: &Study, users: u32, populations: Vec<ArmPopulation<'s>>) -> Self {
        let mut arms: Vec<ArmPopulation<'s>> =
            populations.into_iter().filter(|own| own.measured().is_some()).collect();
        arms.sort_by_key(ArmPopulation::treatment);
        let mut sum = 0.0;
        let shares = study.experiment.treatments.iter().map(|treatment| {
            sum += treatment.share.fraction();
            sum
        });
        let shares: Vec<f64> = shares.collect();
        Self { arms, users, shares: shares.iter().map(|share| share / sum).collect() }
    }

    /// Has more users come, up to `users` in every variation. `progress` hears of how many of how
    /// many more have begun.
    pub fn grow(
        &mut self,
        (stage, seed): (&PreparedScenario<'_>, Seed),
        users: u32,
        mut progress: impl FnMut(u64, u64),
    ) {
        let known = self.users;
        let more = u64::from(users.saturating_sub(known));
        let (total, mut done) = (more * self.arms.len() as u64, 0);
        for population in self.arms.iter_mut().filter(|_| more > 0) {
            let begun = |begun: u32| progress(done + u64::from(begun.saturating_sub(known)), total);
            population.grow(stage, seed, (known, users), begun);
            done += more;
        }
        self.users = users.max(known);
    }

    /// How many users it has in every variation.
    #[must_use]
    pub fn users(&self) -> u32 {
        self.users
    }

    /// The users of a replication up to the last of `sizes`, which ascend.
    #[expect(
        clippy::indexing_slicing,
        reason = "an arm is a place in the shares, of which there is one for each table"
    )]
    #[must_use]
    pub fn draw(&self, seed: Seed, study: &Study, sizes: &[u32]) -> DrawnUsers {
        let mut luck = seed.stage(Purpose::Pool, Owner::NOBODY, 0);
        let arms: Vec<_> = self.arms.iter().filter_map(ArmPopulation::measured).collect();
        let mut members = vec![ArmMembers::default(); arms.len()];
        let mut costs = vec![Money::ZERO; sizes.len()];
        if let (Some(first), Some((_, of_arm))) = (costs.first_mut(), arms.first()) {
            *first += of_arm.of_nobody();
        }
        let mut begun = 0;
        for (&size, cost) in sizes.iter().zip(&mut costs) {
            for place in begun..size {
                let unit = luck.below(self.users as usize);
                let arm = pick(luck.uniform(), &self.shares);
                let (table, of_arm) = arms[arm];
                *cost += of_arm.of(unit);
                if table.treatment(study.place, unit).is_some() {
                    members[arm].push(place, unit as u32);
                }
            }
            begun = size;
        }
        DrawnUsers { members, costs }
    }

    /// What the users of a replication enter the metrics with.
    #[must_use]
    pub fn values<'e>(
        &self,
        drawn: DrawnUsers,
        study: &'e Study,
        scenario: &'e Scenario,
    ) -> ArrivedValues<'e> {
        let tables: Vec<_> = self.arms.iter().filter_map(|own| Some(own.measured()?.0)).collect();
        ArrivedValues::gathered(&study.experiment, &scenario.metrics, drawn.members, &tables)
    }
}

/// For each metric that a rule asks about, the square of the shift of an experiment with as many
/// users as the pool; `None` where an error is not known. `pairs` are the truths of treatment number
/// `treatment` and of the control.
#[must_use]
pub fn squared_shifts(study: &Study, treatment: usize, pairs: &[[Pair; 2]]) -> Option<Vec<f64>> {
    let experiment = &study.experiment;
    let share = |arm: usize| Some(experiment.treatments.get(arm)?.share.fraction());
    let of_metric = |[own, control]: &[Pair; 2]| {
        let (of_own, of_control) = (own.limit?, control.limit?);
        let scale = of_control.value.abs();
        // The errors of independent arms, as parts of the control's value.
        let alone = [
            (of_own.error? / scale, share(treatment)?),
            (of_control.error? * of_own.value / (scale * scale), share(experiment.control)?),
        ];
        let split: f64 = alone.iter().map(|(error, share)| error * error / share).sum();
        let paired = own.limit_relative?.error?;
        // Without spread there is nothing that could move.
        let squared = if split > 0.0 { paired * paired / split } else { 0.0 };
        squared.is_finite().then_some(squared)
    };
    pairs.iter().map(of_metric).collect()
}

/// One replication at one size: its verdict, and the estimates of the metrics that the rule asks
/// about.
pub type Pilot = (Decision, Vec<Option<f64>>);

/// For one size how each share follows the estimates.
#[derive(Clone, Debug)]
pub struct Sensitivity {
    users: u32,
    /// For each verdict its share, and the covariances with the standardized estimates.
    verdicts: Vec<(f64, Vec<f64>)>,
}

impl Sensitivity {
    /// What replications at a size show.
    #[must_use]
    pub fn of(users: u32, pilots: &[Pilot]) -> Self {
        let n = pilots.len() as f64;
        let metrics = pilots.first().map_or(0, |(_, estimates)| estimates.len());
        let standardized: Vec<Vec<f64>> = (0..metrics)
            .map(|metric| {
                let of = |(_, own): &Pilot| own.get(metric).copied().flatten();
                let known: Vec<f64> = pilots.iter().filter_map(of).collect();
                let mean = known.iter().sum::<f64>() / known.len() as f64;
                let squares: f64 = known.iter().map(|own| (own - mean) * (own - mean)).sum();
                let deviation = (squares / known.len() as f64).sqrt();
                // An estimate that is missing or does not vary says nothing.
                let z = |own: &Pilot| of(own).map_or(0.0, |own| (own - mean) / deviation);
                pilots.iter().map(z).map(|z| if z.is_finite() { z } else { 0.0 }).collect()
            })
            .collect();
        let of_verdict = |verdict: &Decision| {
            let chosen = pilots.iter().map(|(own, _)| f64::from(u8::from(own == verdict)));
            let count: f64 = chosen.clone().sum();
            let share = count / n;
            let covariance = |z: &Vec<f64>| {
                chosen.clone().zip(z).map(|(chosen, z)| (chosen - share) * z).sum::<f64>() / n
            };
            // As that of the reported shares, so that none is known exactly.
            let adjusted = (count + 2.0) / (n + 4.0);
            (adjusted, standardized.iter().map(covariance).collect())
        };
        Self { users, verdicts: Decision::ALL.iter().map(of_verdict).collect() }
    }

    /// How many users the pool needs, so that no share moves by more than the Monte Carlo standard
    /// error of so many replications.
    #[must_use]
    pub fn users_needed(&self, squared_shifts: &[f64], replications: u64) -> f64 {
        let of_verdict = |(share, covariances): &(f64, Vec<f64>)| {
            let moved = moved(covariances, squared_shifts);
            let variance = share * (1.0 - share) / (replications as f64 + 4.0);
            f64::from(self.users) * moved * moved / variance
        };
        self.verdicts.iter().map(of_verdict).fold(0.0, f64::max)
    }

    /// By how much the error of a pool of so many users moves the shares, as standard deviations.
    #[must_use]
    pub fn errors(&self, squared_shifts: &[f64], pool: u32) -> ShareErrors {
        let scale = (f64::from(self.users) / f64::from(pool)).sqrt();
        let mut errors = self.verdicts.iter().map(|(_, covariances)| {
            Number::new(scale * moved(covariances, squared_shifts)).unwrap_or_default()
        });
        let mut next = || errors.next().unwrap_or_default();
        ShareErrors { ship: next(), keep: next(), need_more_data: next() }
    }
}

/// How far a share moves at the most, with as many users in the experiment as in the pool.
fn moved(covariances: &[f64], squared_shifts: &[f64]) -> f64 {
    covariances.iter().zip(squared_shifts).map(|(own, squared)| own.abs() * squared.sqrt()).sum()
}

/// Whether a question has so many visits that a pool may save some.
#[must_use]
pub fn worth_a_pool(replications: u64, most: u32) -> bool {
    replications.saturating_mul(most.into()) >= FEWEST_VISITS
}

/// The users of a pool that needs so many in every variation; `None` where it would save too little,
/// or takes too much memory.
#[must_use]
pub fn pool_size(needed: f64, arms: usize, (replications, most): (u64, u32)) -> Option<u32> {
    let saved = replications.saturating_mul(most.into());
    let most = MOST_USERS.min(saved / MOST_OF_SAVED) as f64;
    (needed * arms as f64 <= most).then_some(needed.ceil() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::normal_quantile;

    /// 20,000 evenly spread values of a standard normal distribution, and the verdict of a rule that
    /// ships above `bound`.
    fn normal(bound: f64) -> Vec<Pilot> {
        let n = 20_000;
        let z = (0..n).map(|nth| normal_quantile((f64::from(nth) + 0.5) / f64::from(n)));
        let verdict = |z: f64| if z > bound { Decision::Ship } else { Decision::NeedMoreData };
        z.map(|z| (verdict(z), vec![Some(3.0 + 2.0 * z), None])).collect()
    }

    #[test]
    fn a_share_moves_by_the_density_at_its_bound() {
        // Of the standard normal distribution: density at 0 and at 1, Abramowitz & Stegun, table 26.1.
        for (bound, density) in [(0.0, 0.398_942), (1.0, 0.241_971)] {
            let sensitivity = Sensitivity::of(1000, &normal(bound));
            // A pool of 100 times the users has a tenth of the shift.
            let errors = sensitivity.errors(&[1.0, 1.0], 100_000);
            assert!((errors.ship.get() - 0.1 * density).abs() < 1e-5, "{errors:?}");
            assert!((errors.need_more_data.get() - 0.1 * density).abs() < 1e-5, "{errors:?}");
            assert_eq!(errors.keep.get(), 0.0);
        }
    }

    #[test]
    fn the_pool_is_as_large_as_its_error_asks() {
        let sensitivity = Sensitivity::of(1000, &normal(0.0));
        let users = sensitivity.users_needed(&[0.25, 0.0], 1000);
        // sqrt(n k / N) phi(0) = sqrt(0.5 0.5 / 1004), which is the Monte Carlo error.
        let expected = 1000.0 * 0.25 * 0.398_942 * 0.398_942 / (0.25 / 1004.0);
        assert!((users / expected - 1.0).abs() < 1e-3, "{users} and {expected}");
        let errors = sensitivity.errors(&[0.25, 0.0], users as u32);
        assert!((errors.ship.get() / (0.25_f64 / 1004.0).sqrt() - 1.0).abs() < 1e-3);
    }

    #[test]
    fn a_pool_that_saves_too_little_is_none() {
        assert_eq!(pool_size(160_000.0, 2, (1000, 1000)), Some(160_000));
        assert_eq!(pool_size(170_000.0, 2, (1000, 1000)), None);
        assert_eq!(pool_size(1_600_000.0, 2, (1_000_000, 1_000_000)), None);
        assert!(!worth_a_pool(1000, 999) && worth_a_pool(1000, 1000));
    }
}
