//! The closed form of a plan next to simulated experiments.
//!
//! Guarantees: both are of the same number of users; a share has its Monte Carlo standard error.
//!
//! Does not know: how an experiment is simulated.

use std::sync::atomic::AtomicBool;

use super::data::PlanCheck;
use super::measured::PlannedStudy;
use super::solve::PlanInputs;
use crate::analysis::simulated_power;
use crate::power::{Design, MonteCarloEstimate, PoolChoice, PowerRequest, aggregate, conduct};
use crate::quantity::Probability;
use crate::random::Seed;
use crate::report::Number;
use crate::run::SetupError;
use crate::scenario::Scenario;
use crate::verdict::{Criterion, Otherwise, Rule, Side};

/// Users of the truth: no share of a decision depends on it.
const ROUGH_TRUTH: u32 = 1_000;
/// Most users of a simulated experiment, and of all of them together.
const MAX_USERS: f64 = 200_000.0;
const MAX_VISITS: f64 = 20_000_000.0;
/// Replications without a wish: of whole scenarios, and of the analysis only.
const WHOLE: u64 = 1_000;
const DRAWN: u64 = 10_000;
/// Fewest replications.
const FEWEST: u64 = 50;

/// How a check is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckSettings {
    /// How many experiments are simulated; `None` for 10,000 of the analysis or 1,000 of a
    /// scenario, fewer where those take over 20 million users.
    pub replications: Option<u64>,
    /// Threads.
    pub jobs: usize,
}

/// Random data with the plan's means and spreads, decided by the analysis. `users` is the plan's
/// answer.
#[must_use]
pub fn check_by_simulation(
    inputs: &PlanInputs,
    users: u64,
    settings: CheckSettings,
) -> Option<PlanCheck> {
    let replications = settings.replications.unwrap_or(DRAWN);
    let found = simulated_power(&inputs.test, users, Seed(inputs.seed), replications);
    check("analysis", inputs, users, found as f64 / replications as f64, replications)
}

/// The whole scenario many times, with a rule that ships (or keeps) at the plan's threshold.
/// `exposed` is the share of the scenario's users that takes part. `progress` hears how many of how
/// many replications are done.
///
/// # Errors
/// When the mock LaunchDarkly refuses the scenario.
pub fn check_by_power(
    scenario: &Scenario,
    planned: PlannedStudy<'_>,
    inputs: &PlanInputs,
    (users, exposed): (u64, f64),
    settings: CheckSettings,
    mut progress: impl FnMut(u64, u64),
) -> Result<Option<PlanCheck>, SetupError> {
    let Some(threshold) = threshold(inputs) else { return Ok(None) };
    let all = (users as f64 / exposed.max(1e-9)).ceil().min(MAX_USERS);
    let users = (all * exposed).round() as u64;
    let affordable = ((MAX_VISITS / all) as u64).max(FEWEST);
    let replications = settings.replications.unwrap_or(WHOLE.min(affordable)).max(2);
    let mut simulated = scenario.clone();
    let Some(study) = simulated.studies.get_mut(planned.nth) else { return Ok(None) };
    let ships = (inputs.sign > 0.0) == (metric_is_better_up(scenario, planned));
    let (ship, metric) = (planned.treatment, planned.metric);
    let confident = |that: Side| Criterion::Confident {
        name: String::new(),
        metric,
        that,
        probability: threshold,
    };
    study.experiment.threshold = threshold;
    study.rule = Some(Rule {
        ship,
        when: confident(Side::TreatmentBetter),
        keep_when: Some(confident(Side::ControlBetter)),
        otherwise: Otherwise::NeedMoreData,
    });
    let asked = PowerRequest {
        replications,
        sizes: vec![all as u32],
        looks: 1,
        seed: inputs.seed,
        aa: false,
        truth_users: Some(ROUGH_TRUTH),
        pool: PoolChoice::Full,
    };
    let design = Design::new(&simulated, asked, |_, _| ())?;
    let wanted: Vec<u64> = (0..replications).collect();
    let done = conduct(&design, &wanted, settings.jobs, &AtomicBool::new(false), |done| {
        progress(done.len() as u64, replications);
    })?;
    let power = aggregate(&design.header(None), &done);
    let sizes = power.experiments.get(planned.nth).and_then(|own| own.sizes.first());
    let share = sizes.map(|own| if ships { own.decisions.ship } else { own.decisions.keep });
    Ok(share.and_then(|share| check("power", inputs, users, share.value.get(), replications)))
}

/// The plan's threshold; `None` for a two-sided test.
fn threshold(inputs: &PlanInputs) -> Option<Probability> {
    match inputs.test.decision {
        crate::analysis::PlannedDecision::ProbabilityToBeat { threshold, .. } => {
            Some(Probability::clamped(threshold))
        }
        crate::analysis::PlannedDecision::TwoSided { .. } => None,
    }
}

fn metric_is_better_up(scenario: &Scenario, planned: PlannedStudy<'_>) -> bool {
    let mut metrics = planned.study.experiment.metrics_in(&scenario.metrics);
    metrics.nth(planned.metric).is_none_or(|(_, metric)| metric.better.sign() > 0.0)
}

fn check(
    by: &str,
    inputs: &PlanInputs,
    users: u64,
    share: f64,
    replications: u64,
) -> Option<PlanCheck> {
    let error = (share * (1.0 - share) / replications as f64).sqrt();
    // A share of 0 or 1 is not known exactly either.
    let error = error.max(1.0 / replications as f64);
    Some(PlanCheck {
        by: by.to_owned(),
        users,
        replications,
        closed_form: Number::new(inputs.test.power(users as f64))?,
        simulated: MonteCarloEstimate {
            value: Number::new(share)?,
            standard_error: Number::new(error),
        },
    })
}
