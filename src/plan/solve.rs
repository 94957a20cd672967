//! From inputs to a plan.
//!
//! Does not know: where the inputs come from.

use super::data::{PLAN_SCHEMA, PlanAnswer, PlanInput, PlanMetric, PlanRow};
use crate::analysis::{PlannedDecision, PlannedSpread, PlannedTest};
use crate::experiment::MetricKind;
use crate::figure;
use crate::report::{Number, Ordered};

/// Sizes of a table around the answer, as fractions of it.
const AROUND: [f64; 5] = [0.25, 0.5, 1.0, 2.0, 4.0];
/// Sizes of a table without an answer: users, and days where users per day are known.
const USERS: [u64; 6] = [500, 1_000, 2_000, 5_000, 10_000, 20_000];
const DAYS: [f64; 5] = [1.0, 7.0, 14.0, 28.0, 56.0];
/// Conversions, or their absences, below which a rate is far from normal; and users below which a
/// mean is.
const FEW_CONVERSIONS: f64 = 20.0;
const FEW_USERS: f64 = 50.0;

/// All that a plan follows from.
#[derive(Clone, Debug, PartialEq)]
pub struct PlanInputs {
    /// The scenario's name and the digest of its text.
    pub scenario: Option<(String, String)>,
    /// Seed of the simulated run, and of a check.
    pub seed: u64,
    /// Key of the experiment.
    pub experiment: Option<String>,
    /// Key of the metric.
    pub metric: Option<String>,
    /// Its kind.
    pub kind: MetricKind,
    /// Its unit; empty for a rate.
    pub unit: String,
    /// Key and share of each variation; the shares sum to 1.
    pub arms: Vec<(String, f64)>,
    /// Which one is the control.
    pub control: usize,
    /// Which one is compared with it.
    pub treatment: usize,
    /// The fewest users of a variation with which the metric's standard error is known.
    pub least: u64,
    /// The comparison; without a lift both have the same value.
    pub test: PlannedTest,
    /// Whether there is a lift.
    pub lift: bool,
    /// +1 where an increase is looked for, -1 for a decrease.
    pub sign: f64,
    /// How often it is to be found.
    pub power: f64,
    /// Dollars for a user, by variation.
    pub costs: Option<Vec<f64>>,
    /// Users that enter the experiment in a day.
    pub users_per_day: Option<f64>,
    /// Numbers of users to show; empty for sizes around the answer.
    pub sizes: Vec<u64>,
    /// The metrics of the experiment; their smallest effects are still open.
    pub metrics: Vec<(PlanMetric, Option<PlannedTest>, f64)>,
    /// Where each input comes from.
    pub inputs: Vec<PlanInput>,
    /// What to know.
    pub warnings: Vec<String>,
}

impl PlanInputs {
    /// At least this many users, as whole users of each variation.
    fn split(&self, users: f64) -> Vec<u64> {
        // Shares such as 0.1 are not exact, and 0.1 of 1,000 users are 100.
        self.arms.iter().map(|(_, share)| (users * share - 1e-6).ceil().max(1.0) as u64).collect()
    }

    fn dollars(&self, split: &[u64]) -> Option<Number> {
        let costs = self.costs.as_ref()?;
        Number::new(split.iter().zip(costs).map(|(&users, cost)| users as f64 * cost).sum())
    }

    fn days(&self, users: u64) -> Option<Number> {
        Number::new(users as f64 / self.users_per_day?)
    }

    fn row(&self, users: u64) -> PlanRow {
        let effect = self.test.smallest_effect(users as f64, self.power, self.sign);
        let effect = effect.map(|effect| self.sign * effect);
        PlanRow {
            users,
            smallest_effect: effect.and_then(Number::new),
            smallest_relative_effect: effect
                .and_then(|effect| relative(effect, self.test.control.mean)),
            power: Number::new(self.test.power(users as f64)).filter(|_| self.lift),
            dollars: self.dollars(&self.split(users as f64)),
            days: self.days(users),
        }
    }

    /// The sizes of the table.
    fn sizes(&self, answer: Option<u64>) -> Vec<u64> {
        let mut sizes = match (self.sizes.as_slice(), answer, self.users_per_day) {
            ([], Some(users), _) => {
                AROUND.iter().map(|part| self.split(users as f64 * part).iter().sum()).collect()
            }
            ([], None, Some(daily)) => {
                DAYS.iter().map(|days| (days * daily).round() as u64).collect()
            }
            ([], None, None) => USERS.to_vec(),
            (sizes, ..) => sizes.to_vec(),
        };
        sizes.retain(|&users| self.is_enough(users));
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// Whether so many users have a result: with fewer there is no spread.
    fn is_enough(&self, users: u64) -> bool {
        self.arms.iter().all(|(_, share)| users as f64 * share + 1e-6 >= self.least as f64)
    }

    /// A warning about numbers of users that were asked for and have no result.
    fn too_few(&self) -> Option<String> {
        let few = self.sizes.iter().copied().filter(|&users| !self.is_enough(users));
        let few: Vec<String> = few.map(figure::count).collect();
        let least = figure::count(self.least);
        let fault =
            |few: String| format!("no result with {few} users: every variation needs {least}");
        (!few.is_empty()).then(|| fault(few.join(", ")))
    }

    /// A warning where the normal distribution is far from the data of this many users.
    fn rough(&self, users: u64) -> Option<String> {
        let least = |arm: &crate::analysis::PlannedArm| {
            let exposed = users as f64 * arm.share;
            match arm.spread {
                PlannedSpread::Rate { counted } => {
                    (exposed * counted * arm.mean.min(1.0 - arm.mean), FEW_CONVERSIONS)
                }
                PlannedSpread::Variance(_) => (exposed, FEW_USERS),
            }
        };
        let [control, treatment] = [&self.test.control, &self.test.treatment].map(least);
        let few = [control, treatment].into_iter().any(|(own, limit)| own < limit);
        few.then(|| {
            let what = match self.kind {
                MetricKind::Conversion => "fewer than 20 conversions (or users who do not convert)",
                MetricKind::Numeric | MetricKind::Percentile => "fewer than 50 users",
            };
            format!(
                "a variation has {what}, so the closed form is rough; `--check` simulates the analysis"
            )
        })
    }
}

/// A difference over the absolute value of what it is to.
fn relative(difference: f64, base: f64) -> Option<Number> {
    Number::new(difference / base.abs())
}

/// The plan for these inputs.
#[must_use]
pub fn solve(asked: &PlanInputs) -> PlanAnswer {
    let test = &asked.test;
    let fewest = if asked.lift { test.users(asked.power) } else { None };
    // A lift so large that a handful would show it: the metric itself needs more.
    let smallest = asked.arms.iter().map(|(_, share)| *share).fold(1.0, f64::min);
    let least = (asked.least as f64 / smallest - 1e-6).ceil() as u64;
    let fewest = fewest.map(|users| users.max(least));
    let split = fewest.map(|users| asked.split(users as f64));
    let users = split.as_ref().map(|split| split.iter().sum::<u64>());
    let keys = asked.arms.iter().map(|(key, _)| key.clone());
    let mut warnings = asked.warnings.clone();
    if asked.lift && users.is_none() {
        warnings.push("it would need more users than there are people".to_owned());
    }
    warnings.extend(asked.too_few());
    warnings.extend(users.and_then(|users| asked.rough(users)));
    let rows: Vec<PlanRow> = asked.sizes(users).into_iter().map(|users| asked.row(users)).collect();
    let metrics = asked.metrics.iter().map(|(metric, test, sign)| {
        let at = users.or_else(|| rows.last().map(|row| row.users));
        let smallest = test.as_ref().zip(at).and_then(|(test, users)| {
            let effect = test.smallest_effect(users as f64, asked.power, *sign)?;
            relative(sign * effect, test.control.mean)
        });
        PlanMetric { smallest_relative_effect: smallest, ..metric.clone() }
    });
    let key = |at: usize| asked.arms.get(at).map(|(key, _)| key.clone()).unwrap_or_default();
    let lift = Some(test.difference()).filter(|_| asked.lift);
    let threshold = match test.decision {
        PlannedDecision::ProbabilityToBeat { threshold, .. } => Number::new(threshold),
        PlannedDecision::TwoSided { .. } => None,
    };
    PlanAnswer {
        schema: PLAN_SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        scenario: asked.scenario.as_ref().map(|(name, _)| name.clone()),
        fingerprint: asked.scenario.as_ref().map(|(_, digest)| digest.clone()),
        seed: asked.seed,
        experiment: asked.experiment.clone(),
        metric: asked.metric.clone(),
        kind: asked.kind,
        unit: asked.unit.clone(),
        control: key(asked.control),
        treatment: key(asked.treatment),
        baseline: Number::new(test.control.mean).unwrap_or_default(),
        lift: lift.and_then(Number::new),
        relative_lift: lift.and_then(|lift| relative(lift, test.control.mean)),
        power: Number::new(asked.power).unwrap_or_default(),
        alpha: Number::new(test.decision.false_alarms()).unwrap_or_default(),
        threshold,
        users,
        users_per_variation: split
            .as_ref()
            .map(|split| Ordered(keys.zip(split.iter().copied()).collect())),
        dollars: split.as_ref().and_then(|split| asked.dollars(split)),
        days: users.and_then(|users| asked.days(users)),
        metrics: metrics.collect(),
        rows,
        inputs: asked.inputs.clone(),
        check: None,
        warnings,
    }
}
