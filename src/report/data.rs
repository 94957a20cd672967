//! The report as plain data: the JSON of a run, in its order and in the reader's words.
//!
//! Guarantees: what is missing is `None` (`null`), never NaN. Rates and relative differences are
//! fractions, probabilities lie in 0..1, latency is in milliseconds and money in dollars. Fields
//! are added at the end of their object and never change meaning: scripts depend on them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::adaptive::{Bandit, SegmentResult};
use super::charts::{Distribution, OverTime, Shape};
pub use super::decided::{Because, Hindsight, ReportedVerdict};
use super::expect::ExpectationResult;
use super::graph::{CostChange, DrawnGraph, GraphChange, GuardUse, NodeUse, TriggeredUsers};
use super::live::LiveSummary;
use super::number::{Number, Ordered};
use super::paired::PairedEvaluation;
pub use super::rollout::ReportedRollout;
pub use super::tested::Frequentist;
use super::truth::{Bias, Truth};
use crate::analysis::HealthStatus;
use crate::experiment::{Better, Method, MetricKind};

/// Name and version of the JSON.
pub const SCHEMA: &str = "simlab.report/1";

/// Everything that one run, one data file or one replay has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// `simlab.report/1`. It changes only if a field changes its meaning.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// The scenario's name, or the data file's.
    pub scenario: String,
    /// Where the data came from.
    pub mode: DataOrigin,
    /// The seed of all random numbers; `None` where there was none.
    pub seed: Option<u64>,
    /// Digest of the journal or of the data, in hexadecimal.
    pub fingerprint: String,
    /// The program's version.
    pub version: String,
    /// What went through the system; `None` for given data.
    pub traffic: Option<TrafficSummary>,
    /// One entry for each experiment.
    pub experiments: Vec<ReportedExperiment>,
    /// What stood for the flag service and the models: `("LaunchDarkly", "mock")`.
    #[serde(default)]
    pub backends: Ordered<String>,
    /// What the bootstrap did, one line each: "created 3 AI configs".
    #[serde(default)]
    pub bootstrap: Vec<String>,
    /// What was assumed rather than measured.
    #[serde(default)]
    pub assumptions: Vec<Assumption>,
    /// The scenario's `expect`, compared with the outcome.
    #[serde(default)]
    pub expectations: Vec<ExpectationResult>,
    /// What became of recorded events; `None` where none were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<RecordedData>,
    /// Whether experiments on the same users influence each other.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interactions: Vec<Interaction>,
    /// What real providers did and charged; `None` where none were asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<LiveSummary>,
    /// Guarded rollouts, as they went.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rollouts: Vec<ReportedRollout>,
    /// The scenario's own graph of agents; `None` for the tutorial's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub graph: Option<DrawnGraph>,
    /// What became of the rows of a table; `None` where none was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<TableData>,
}

impl Report {
    /// An empty report of this program's version.
    #[must_use]
    pub fn new(
        scenario: impl Into<String>,
        mode: DataOrigin,
        seed: Option<u64>,
        fingerprint: impl Into<String>,
    ) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            scenario: scenario.into(),
            mode,
            seed,
            fingerprint: fingerprint.into(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            traffic: None,
            experiments: Vec::new(),
            backends: Ordered::default(),
            bootstrap: Vec::new(),
            assumptions: Vec::new(),
            expectations: Vec::new(),
            data: None,
            interactions: Vec::new(),
            live: None,
            rollouts: Vec::new(),
            graph: None,
            table: None,
        }
    }
}

/// What became of the rows of a table: each is used, or left out for a reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TableData {
    /// Rows of the table, without the line with the names.
    pub rows: u64,
    /// Rows that count.
    pub used: u64,
    /// Units in them.
    pub units: u64,
    /// Rows that do not count, by reason.
    pub left_out: Ordered<u64>,
    /// Empty cells, by column, of the columns that are analyzed.
    pub missing: Ordered<u64>,
    /// Rows and cells that cannot be read.
    pub malformed: u64,
    /// The first of them.
    pub faults: Vec<UnreadableLine>,
}

/// What became of recorded events: each is used, unused for a reason, or malformed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedData {
    /// Lines of the file.
    pub lines: u64,
    /// Events in them, malformed ones included.
    pub events: u64,
    /// Users exposed to an experiment.
    pub units: u64,
    /// Exposures to experiments.
    pub exposures: u64,
    /// Metric events.
    pub metric_events: u64,
    /// Metric events that count for an experiment.
    pub used: u64,
    /// What was read and is not counted, by reason.
    pub unused: Ordered<u64>,
    /// Metric events that were recorded before and count once; they are among the unused.
    #[serde(default)]
    pub duplicates: u64,
    /// Events that cannot be read.
    pub malformed: u64,
    /// The first of them.
    pub faults: Vec<UnreadableLine>,
}

/// An event that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Fault")]
pub struct UnreadableLine {
    /// Its line, counted from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
    /// The column of the cell that cannot be read; none where it is the whole row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// The file, where there are two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
}

/// Where the data came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[serde(rename = "Mode")]
pub enum DataOrigin {
    /// The mock backends.
    Mock,
    /// Real providers.
    Live,
    /// Recorded completions.
    Replay,
    /// Given data; nothing was run.
    Data,
}

/// What went through the system.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Traffic")]
pub struct TrafficSummary {
    /// Queries sent.
    pub queries: u64,
    /// Queries answered.
    pub succeeded: u64,
    /// Queries that failed or timed out.
    pub failed: u64,
    /// The failed ones by kind.
    pub failures: Ordered<u64>,
    /// Queries with personal data in them.
    pub pii_queries: u64,
    /// Seconds from the first query to the last answer, on the scenario's clock.
    pub virtual_seconds: Option<Number>,
    /// What the models cost, or would have cost at their list prices.
    pub cost_usd: Option<Number>,
    /// Users who sent the queries, where users come back; otherwise each query has a user of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users: Option<u64>,
}

/// Something that was assumed, with the reason or the source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assumption {
    /// What is assumed.
    pub what: String,
    /// Where it comes from: "the tutorial", "a price list", "assumed".
    pub source: String,
}

/// One experiment with its results.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Experiment")]
pub struct ReportedExperiment {
    /// Unique key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What it is to show.
    pub hypothesis: String,
    /// Key of the control variation.
    pub control: String,
    /// Probability at which a difference counts, and the mass of every interval.
    pub threshold: f64,
    /// Exposed users by variation.
    pub exposures: Ordered<u64>,
    /// Health checks.
    pub health: Vec<Health>,
    /// How many more users the primary metric needs until one of two variations reaches the
    /// threshold, at the observed rates or means, under the analysis's own posterior; 0 when one
    /// has. `None` when there is no number, see `users_needed_reason`.
    pub users_needed: Option<u64>,
    /// Metrics, the primary one first.
    pub metrics: Vec<ReportedMetric>,
    /// Cost by variation and agent.
    pub costs: Vec<Cost>,
    /// What the decision rule says; `None` without a rule.
    pub verdict: Option<ReportedVerdict>,
    /// Names for people by variation.
    #[serde(default)]
    pub names: Ordered<String>,
    /// Cost of all agents by variation.
    #[serde(default)]
    pub cost_totals: Vec<CostTotal>,
    /// Failures by variation and kind.
    #[serde(default)]
    pub failures: Vec<Failure>,
    /// How the evidence is weighed.
    #[serde(default, with = "MethodName")]
    pub method: Method,
    /// Results adjusted for the users' pre-period, where they have one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adjusted: Vec<Adjusted>,
    /// The results as users arrived, where they were followed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_time: Option<OverTime>,
    /// How values are spread, where that was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub distributions: Vec<Distribution>,
    /// The results of parts of the users.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<SegmentResult>,
    /// What a bandit made of the split; `None` where it was fixed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bandit: Option<Bandit>,
    /// Why there is no number of further users, or why it would not make the treatment win.
    #[serde(default)]
    pub users_needed_reason: Option<String>,
    /// The number of further users by LaunchDarkly's formula, which leaves out shrinkage.
    #[serde(default)]
    pub users_needed_by_formula: Option<u64>,
    /// Users that went through every variation, for `truth` and `measured_limit`; `None` where that
    /// was not asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truth_users: Option<u32>,
    /// What each agent of the scenario's own graph did, by variation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub agents: Vec<NodeUse>,
    /// The users whose requests came to the experiment's agent; `None` where every exposed user's
    /// did, and without a graph of the scenario's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub triggered: Option<TriggeredUsers>,
    /// What each agent of the scenario's own graph adds to the differences in cost.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cost_changes: Vec<CostChange>,
    /// How the treatments differ from the control, in an experiment on the graph itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graph_changes: Vec<GraphChange>,
    /// How a paired design was sent, and where its differences come from; `None` for a split test.
    /// With it, every "user" is a question, and `conversions` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paired: Option<PairedEvaluation>,
    /// How the guards of the scenario's own graph decided, by variation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<GuardUse>,
}

/// One health check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// Which check.
    pub check: String,
    /// How it ended.
    #[serde(with = "StatusName")]
    pub status: HealthStatus,
    /// What was found and what it means.
    pub message: String,
}

/// How a status is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "HealthStatus", rename_all = "lowercase")]
#[schemars(inline)]
enum StatusName {
    Healthy,
    Waiting,
    Warning,
    Error,
}

/// How a method is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(remote = "Method", rename_all = "lowercase")]
#[schemars(inline)]
enum MethodName {
    Bayesian,
    Frequentist,
    Sequential,
}

/// One metric over all variations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Metric")]
pub struct ReportedMetric {
    /// Unique key.
    pub key: String,
    /// What is compared.
    pub kind: MetricKind,
    /// Whether it is the primary one.
    pub primary: bool,
    /// Which direction is good.
    pub better: Better,
    /// Unit of the values; empty for a rate.
    pub unit: String,
    /// One entry for each variation, in the experiment's order.
    pub variations: Vec<ReportedVariation>,
    /// Why the measurement misses the effect on users, where it does.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bias_causes: Vec<String>,
    /// What is compared, in words, where `kind` does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<String>,
    /// Its name for people, where the scenario gives one that is not its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// One variation under one metric.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Variation")]
pub struct ReportedVariation {
    /// The variation's key.
    pub key: String,
    /// Exposed users.
    pub exposures: u64,
    /// Users that the rate is of, where they are fewer than the exposed ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub users_with_value: Option<u64>,
    /// Conversions, or the total of the values.
    #[serde(flatten)]
    pub total: Total,
    /// Raw rate, mean or percentile.
    pub data_mean: Option<Number>,
    /// Posterior mean.
    pub posterior_mean: Option<Number>,
    /// Highest-density interval of the posterior at the experiment's threshold.
    pub credible_interval: Option<[Number; 2]>,
    /// Probability to be best of all variations.
    pub probability_to_be_best: Option<Number>,
    /// Probability to beat the control; `None` for the control.
    pub probability_to_beat_control: Option<Number>,
    /// Relative difference to the control.
    pub relative_difference: Option<Number>,
    /// Its interval at the threshold.
    pub relative_interval: Option<[Number; 2]>,
    /// What shipping it is expected to lose, in the metric's unit.
    pub expected_loss: Option<Number>,
    /// A fixed-horizon test of the difference.
    pub frequentist: Option<Frequentist>,
    /// The effect on users, where every user went through every variation: answers as good as they
    /// are, all real costs, nobody lost.
    pub truth: Option<Truth>,
    /// An always-valid test of the difference, when the experiment asks for one.
    #[serde(default)]
    pub sequential: Option<Frequentist>,
    /// Why a value is missing.
    #[serde(default)]
    pub reason: Option<String>,
    /// The rate without the judge's errors, where the metric tells how often its judge is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corrected: Option<Corrected>,
    /// The posterior, for drawing it: `{"beta": [a, b]}`, `{"normal": [mean, standard
    /// deviation]}` or `{"student": [center, scale, degrees of freedom]}`.
    #[serde(default)]
    pub posterior: Option<Shape>,
    /// Difference of the posterior means, variation less control, in the metric's unit; `None` for
    /// the control.
    #[serde(default)]
    pub absolute_difference: Option<Number>,
    /// Its interval at the threshold.
    #[serde(default)]
    pub absolute_interval: Option<[Number; 2]>,
    /// What this measurement converges to with unlimited users; the gap to `truth` is its bias.
    #[serde(default)]
    pub measured_limit: Option<Truth>,
    /// That gap, for the relative difference; `None` for the control.
    #[serde(default)]
    pub bias: Option<Bias>,
}

/// A rate without the judge's errors (Rogan & Gladen); intervals at the experiment's threshold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Corrected {
    /// Users that the judge gave a verdict on.
    #[serde(default)]
    pub judged: Option<u64>,
    /// Share of them that it called good.
    #[serde(default)]
    pub judged_rate: Option<Number>,
    /// The rate; outside 0 to 1 when the judge's stated accuracy and its verdicts disagree.
    pub rate: Option<Number>,
    /// Its interval.
    pub interval: Option<[Number; 2]>,
    /// The rate less the control's; `None` for the control.
    pub difference: Option<Number>,
    /// Its interval.
    pub difference_interval: Option<[Number; 2]>,
    /// Why there is none, or why it is outside of 0 to 1.
    pub reason: Option<String>,
}

/// One variation under one metric with what the users' pre-period explains taken out (CUPED).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Adjusted {
    /// The metric's key.
    pub metric: String,
    /// The variation's key.
    pub variation: String,
    /// Adjusted mean of the data.
    pub data_mean: Option<Number>,
    /// Share of the variance that the pre-period explains.
    pub explained: Option<Number>,
    /// Relative difference to the control, from the adjusted posteriors.
    pub relative_difference: Option<Number>,
    /// Its interval at the threshold.
    pub relative_interval: Option<[Number; 2]>,
    /// Probability to beat the control.
    pub probability_to_beat_control: Option<Number>,
}

/// Whether two experiments on the same users influence each other, on one metric (2 x 2 factorial
/// analysis).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interaction {
    /// Key of the first experiment.
    pub first: String,
    /// Key of the second.
    pub second: String,
    /// The metric's key.
    pub metric: String,
    /// What is compared.
    pub kind: MetricKind,
    /// Unit of the values.
    pub unit: String,
    /// Users in both experiments.
    pub users: u64,
    /// Effect of the first treatment, averaged over the arms of the second.
    pub first_effect: Option<Number>,
    /// Effect of the second treatment, averaged over the arms of the first.
    pub second_effect: Option<Number>,
    /// By how much the first effect changes where the second treatment is on.
    pub interaction: Option<Number>,
    /// Its interval, at the first experiment's threshold.
    pub interval: Option<[Number; 2]>,
    /// Two-sided p-value of "no interaction".
    pub p_value: Option<Number>,
    /// Why there is none.
    pub reason: Option<String>,
}

/// What the users of a variation add up to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Total {
    /// Of a rate: users that converted.
    Conversions(Option<u64>),
    /// Of a mean or a percentile: the sum of the values, in the metric's unit.
    TotalValue(Option<Number>),
}

/// What one agent costs in one variation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// The variation's key.
    pub variation: String,
    /// The agent.
    pub agent: String,
    /// Its model.
    pub model: String,
    /// Model calls.
    pub calls: u64,
    /// Dollars per exposed user.
    pub cost_per_user_usd: Option<Number>,
    /// Relative change against the same agent under the control; `None` for the control and where
    /// that costs nothing.
    #[serde(default)]
    pub change: Option<Number>,
}

/// What all agents together cost in one variation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostTotal {
    /// The variation's key.
    pub variation: String,
    /// Dollars per exposed user.
    pub cost_per_user_usd: Option<Number>,
    /// Relative change against the control.
    pub change: Option<Number>,
}

/// Failures of one kind in one variation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// The variation's key.
    pub variation: String,
    /// Kind of failure.
    pub kind: String,
    /// How many.
    pub count: u64,
}
