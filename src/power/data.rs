//! What a power analysis found, as plain data: the JSON, in its order.
//!
//! Guarantees: shares and relative differences are fractions; money is in dollars; what is missing
//! is `null`. Every estimate has its Monte Carlo standard error beside it: how far it would move
//! with other replications.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::experiment::{Better, MetricKind};
use crate::report::{Assumption, Bias, Number};
use crate::verdict::Decision;

/// Name and version of the JSON.
pub const SCHEMA: &str = "simlab.power/1";

/// A number that was estimated from replications.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Estimate")]
pub struct MonteCarloEstimate {
    /// The estimate.
    pub value: Number,
    /// Its Monte Carlo standard error; `None` from fewer than two replications.
    pub standard_error: Option<Number>,
}

impl MonteCarloEstimate {
    /// A share in percent with its Monte Carlo error: `4.8% ±0.7`.
    #[must_use]
    pub fn percent(self) -> String {
        let error = self.standard_error.map(|error| format!(" ±{:.1}", 100.0 * error.get()));
        format!("{:.1}%{}", 100.0 * self.value.get(), error.unwrap_or_default())
    }
}

/// A whole analysis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Power {
    /// `simlab.power/1`. It changes only if a field changes its meaning.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The scenario's name.
    pub scenario: String,
    /// What names the scenario on a shell's command line; left out where that is its name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub argument: String,
    /// Digest of the scenario's text.
    pub fingerprint: String,
    /// The program's version.
    pub version: String,
    /// The seed whose replications were run.
    pub seed: u64,
    /// Whether every treatment was made identical to its control.
    pub aa: bool,
    /// Replications done.
    pub replications: u64,
    /// Replications asked for.
    pub asked: u64,
    /// Equally spaced looks at the data.
    pub looks: u32,
    /// Users of the population that the effect on users is taken from, for each arm.
    pub truth_users: u32,
    /// The users whom the replications draw theirs from; left out where each replication is a
    /// simulated run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<PooledUsers>,
    /// One entry for each experiment.
    pub experiments: Vec<StudyPower>,
    /// What to know before trusting the numbers.
    pub warnings: Vec<String>,
    /// How many users are needed, where that was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// What the scenario states of outcomes and effects, instead of having it arise from what
    /// models do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumptions: Vec<Assumption>,
}

/// A pool of users, and what its own sampling error does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PooledUsers {
    /// Users, each simulated in every variation.
    pub users: u32,
    /// For each size by how much the pool's own error moves the shares of the verdicts, as standard
    /// deviations, beside their Monte Carlo errors.
    pub errors: Vec<ShareErrors>,
}

/// By how much something moves the shares of the verdicts, as standard deviations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShareErrors {
    /// The share of runs that ship.
    pub ship: Number,
    /// That of runs that keep the control.
    pub keep: Number,
    /// That of runs that need more data.
    pub need_more_data: Number,
}

impl ShareErrors {
    /// The largest of them.
    #[must_use]
    pub fn largest(self) -> f64 {
        self.ship.get().max(self.keep.get()).max(self.need_more_data.get())
    }
}

/// One experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StudyPower {
    /// Unique key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Key of the control.
    pub control: String,
    /// Name of the control.
    pub control_name: String,
    /// Key of the treatment that the rule would ship.
    pub treatment: String,
    /// Its name.
    pub treatment_name: String,
    /// Mass of the intervals.
    pub threshold: f64,
    /// Whether the scenario has a decision rule; without one: ship what beats the control on the
    /// primary metric.
    pub rule_given: bool,
    /// The effect on users: everybody through every arm with the same draws.
    pub truth: Vec<TrueEffect>,
    /// Key of the variation that is truly better on the primary metric; `None` when they are equal,
    /// see `tie`.
    pub truly_better: Option<String>,
    /// What the rule decides on the effect on users itself.
    pub decision_at_truth: Decision,
    /// The scenario's own run and how often its verdict comes out; `None` when its size was not
    /// asked for.
    pub own_run: Option<OwnRun>,
    /// What was found at each size.
    pub sizes: Vec<SizePower>,
    /// For verdicts at the largest size the seed of a run that ended so. Where replications draw from
    /// a pool, of a few runs that were simulated for it.
    pub examples: Vec<Example>,
    /// Why no variation is truly better: equal, closer than what matters, or closer than the
    /// truth's own error.
    #[serde(default)]
    pub tie: Option<String>,
}

impl StudyPower {
    /// Whether to ship is right: the rule itself ships on the effect on users. A rule may aim at
    /// "no worse and cheaper", so what is better on the primary metric does not decide it. Without
    /// a rule that is what decides.
    #[must_use]
    pub fn ship_is_right(&self) -> bool {
        if self.rule_given {
            self.decision_at_truth == Decision::Ship
        } else {
            self.truly_better.as_ref() == Some(&self.treatment)
        }
    }
}

/// The effect on users under one metric, and what its measurement converges to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrueEffect {
    /// The metric's key.
    pub key: String,
    /// What is compared.
    pub kind: MetricKind,
    /// Which direction is good.
    pub better: Better,
    /// Unit of the values; empty for a rate.
    pub unit: String,
    /// True rate, mean or percentile of the control.
    pub control: Option<Number>,
    /// That of the treatment.
    pub treatment: Option<Number>,
    /// True relative difference.
    pub relative_difference: Option<Number>,
    /// Its standard error; `None` where it is unknown.
    #[serde(default)]
    pub relative_error: Option<Number>,
    /// The relative difference that this measurement converges to with unlimited users.
    #[serde(default)]
    pub measured_limit: Option<Number>,
    /// That less the true one.
    #[serde(default)]
    pub bias: Option<Bias>,
    /// What in the scenario can bias the measurement.
    #[serde(default)]
    pub bias_causes: Vec<String>,
}

/// The scenario's own run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OwnRun {
    /// Its seed.
    pub seed: u64,
    /// Its users.
    pub users: u32,
    /// Its verdict.
    pub decision: Decision,
    /// Share of the replications with this verdict.
    pub share: MonteCarloEstimate,
}

/// Seed of a run that ended with a verdict.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Example {
    /// The verdict.
    pub decision: Decision,
    /// The seed.
    pub seed: u64,
}

/// What was found at one size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SizePower {
    /// Users.
    pub users: u32,
    /// Share of each verdict.
    pub decisions: Decisions,
    /// Share of runs that ship where the rule itself would not ship on the effect on users.
    /// Without a rule: although the treatment is truly worse on the primary metric, or equal.
    pub false_ship: MonteCarloEstimate,
    /// Share of runs that end with the truly better variation: its treatment shipped, or its
    /// control not replaced; `None` when they are equal.
    pub best_served: Option<MonteCarloEstimate>,
    /// How much worse on the primary metric what is served afterwards is than the best, on average,
    /// in the metric's unit.
    pub regret: Option<MonteCarloEstimate>,
    /// Type M error: by which factor the estimated relative difference exceeds the true one in runs
    /// that ship.
    pub exaggeration: Option<MonteCarloEstimate>,
    /// How often intervals contain the effect on users.
    pub coverage: Vec<Coverage>,
    /// What a run costs with real providers.
    pub cost_usd: MonteCarloEstimate,
    /// Between these the cost of 90% of the runs lies.
    pub cost_range_usd: Option<[Number; 2]>,
    /// Looking more than once; `None` with one look.
    pub peeking: Option<Peeking>,
    /// Share of runs in which a health check fails that the experiment does not tolerate, so that
    /// the verdict is not to be trusted.
    #[serde(default)]
    pub untrusted: Option<MonteCarloEstimate>,
    /// Share of runs in which prior and data conflict.
    #[serde(default)]
    pub prior_conflict: Option<MonteCarloEstimate>,
}

/// Shares of the verdicts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Decisions {
    /// Ship the treatment.
    pub ship: MonteCarloEstimate,
    /// Keep the control.
    pub keep: MonteCarloEstimate,
    /// The data do not decide it.
    pub need_more_data: MonteCarloEstimate,
}

/// How often the intervals of one metric hold the effect on users, at the experiment's threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// The metric's key.
    pub metric: String,
    /// The interval of the relative difference.
    pub relative_difference: Option<MonteCarloEstimate>,
    /// The treatment's credible interval.
    pub treatment: Option<MonteCarloEstimate>,
    /// The control's credible interval.
    pub control: Option<MonteCarloEstimate>,
    /// How often the interval of the relative difference holds what the measurement converges to.
    #[serde(default)]
    pub measured_limit: Option<MonteCarloEstimate>,
}

/// What comes of stopping at the first look with a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Peeking {
    /// Shares of the verdicts.
    pub decisions: Decisions,
    /// Share of runs that ship falsely.
    pub false_ship: MonteCarloEstimate,
    /// Users at the stop.
    pub users: MonteCarloEstimate,
    /// How often the verdict changes from one look to the next, in one run.
    pub flips: MonteCarloEstimate,
    /// Share of runs in which it changes after there was a first verdict to ship or to keep.
    pub taken_back: MonteCarloEstimate,
    /// Share of runs in which the always-valid test finds a difference at any look; `None` when the
    /// scenario does not use it.
    pub always_valid: Option<MonteCarloEstimate>,
}

/// How many users are needed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Target {
    /// The experiment's key.
    pub experiment: String,
    /// The verdict that is wanted.
    pub decision: Decision,
    /// How often.
    pub share: f64,
    /// Users; `None` when the share is not reached.
    pub users: Option<u32>,
    /// Fewest and most users that two Monte Carlo standard errors allow.
    pub range: [Option<u32>; 2],
    /// What a run with these users costs with real providers, in dollars; `None` when the share is
    /// not reached.
    #[serde(default)]
    pub cost_usd: Option<MonteCarloEstimate>,
    /// The sizes that were tried, with the share of the verdict.
    pub tried: Vec<(u32, MonteCarloEstimate)>,
    /// What a run of each of these sizes costs, in dollars.
    #[serde(default)]
    pub tried_cost_usd: Vec<MonteCarloEstimate>,
}
