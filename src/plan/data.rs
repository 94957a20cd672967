//! A plan as plain data: the JSON, in its order.
//!
//! Guarantees: rates, shares and relative differences are fractions; money is in dollars; what is
//! missing is `null`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::experiment::MetricKind;
use crate::power::MonteCarloEstimate;
use crate::report::{Number, Ordered};

/// Name and version of the JSON.
pub const PLAN_SCHEMA: &str = "simlab.plan/1";

/// A whole plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanAnswer {
    /// `simlab.plan/1`. It changes only if a field changes its meaning.
    #[schemars(extend("const" = PLAN_SCHEMA))]
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// The scenario's name; `None` where the numbers were given.
    pub scenario: Option<String>,
    /// Digest of the scenario's text.
    pub fingerprint: Option<String>,
    /// The seed of the simulated run behind the numbers, and of the check.
    pub seed: u64,
    /// Key of the experiment.
    pub experiment: Option<String>,
    /// Key of the metric.
    pub metric: Option<String>,
    /// What is compared.
    pub kind: MetricKind,
    /// Unit of the metric's values; empty for a rate.
    pub unit: String,
    /// Key of the control.
    pub control: String,
    /// Key of the treatment.
    pub treatment: String,
    /// The control's rate, mean or percentile.
    pub baseline: Number,
    /// The difference that is to be found: treatment less control; `None` where none is given.
    pub lift: Option<Number>,
    /// The same over the absolute value of the baseline.
    pub relative_lift: Option<Number>,
    /// How often the effect is to be found.
    pub power: Number,
    /// How often the decision finds an effect where there is none: in the one direction of a
    /// probability to beat, in both of a two-sided test.
    pub alpha: Number,
    /// Probability to beat the control at which an effect counts as found; `None` for a two-sided
    /// test.
    pub threshold: Option<Number>,
    /// Users that the power needs, in all variations together; `None` without a lift, or where no
    /// number of users is enough.
    pub users: Option<u64>,
    /// The same for each variation.
    pub users_per_variation: Option<Ordered<u64>>,
    /// What they cost; `None` where the cost of a user is not known.
    pub dollars: Option<Number>,
    /// How many days until they have come; `None` where users per day are not known.
    pub days: Option<Number>,
    /// What other numbers of users give.
    pub rows: Vec<PlanRow>,
    /// All metrics of the scenario's experiment; empty without a scenario.
    pub metrics: Vec<PlanMetric>,
    /// Where each input comes from.
    pub inputs: Vec<PlanInput>,
    /// The closed form next to simulated experiments, where that was asked for.
    pub check: Option<PlanCheck>,
    /// What to know before trusting the numbers.
    pub warnings: Vec<String>,
}

/// What one number of users gives.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanRow {
    /// Users, in all variations together.
    pub users: u64,
    /// The smallest difference that is found as often as `power` says, in the metric's unit and
    /// with its sign; `None` where none is found that often.
    pub smallest_effect: Option<Number>,
    /// The same over the absolute value of the baseline.
    pub smallest_relative_effect: Option<Number>,
    /// How often the lift is found; `None` without one.
    pub power: Option<Number>,
    /// What the users cost.
    pub dollars: Option<Number>,
    /// How many days until they have come.
    pub days: Option<Number>,
}

/// One metric of the scenario's experiment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanMetric {
    /// The metric's key.
    pub key: String,
    /// What is compared.
    pub kind: MetricKind,
    /// Unit of its values; empty for a rate.
    pub unit: String,
    /// The control's value.
    pub baseline: Option<Number>,
    /// The relative difference that the scenario has; `None` where it was not looked for.
    pub relative_lift: Option<Number>,
    /// Users that this metric needs for the power, in all variations together.
    pub users: Option<u64>,
    /// The smallest relative difference that the plan's users show, in the metric's good direction.
    pub smallest_relative_effect: Option<Number>,
    /// Why there are no numbers.
    pub reason: Option<String>,
}

/// An input and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanInput {
    /// What it is.
    pub what: String,
    /// Its value, for people.
    pub value: String,
    /// Where it comes from: an option, a default, or a simulation of the scenario.
    pub source: String,
}

/// The closed form next to simulated experiments of the same size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlanCheck {
    /// What simulated them: `power` (the whole scenario, many times), or `analysis` (the same
    /// analysis of random data with the same means and spreads).
    pub by: String,
    /// Users of each, in all variations together.
    pub users: u64,
    /// How many were simulated.
    pub replications: u64,
    /// How often the effect is found by the closed form.
    pub closed_form: Number,
    /// How often the simulated experiments found it.
    pub simulated: MonteCarloEstimate,
}
