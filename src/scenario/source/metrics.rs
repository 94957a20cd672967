//! Metrics as a file writes them.
//!
//! Does not know: which events there are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::spanned::Spanned;
use crate::experiment::{Aggregation, Better, Missing, PriorKind, Statistic};

/// What differs from the catalog's metric of this key. A new key needs `event`, and starts as a sum
/// whose mean is compared, missing events counting as zero and less being better.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[serde(rename = "Metric")]
pub struct WrittenMetric {
    /// Its name for people.
    pub name: Option<String>,
    /// The event that it counts, see "Events".
    pub event: Option<Spanned<String>>,
    /// How the events of one user become one value.
    pub aggregation: Option<Aggregation>,
    /// Makes it a ratio: the sum of all users' values over the number of another event, or over the
    /// sum of its values. Default: it is no ratio.
    pub per: Option<Spanned<WrittenDenominator>>,
    /// What of the users' values is compared.
    pub statistic: Option<Spanned<Statistic>>,
    /// What users without an event count as.
    pub missing: Option<Missing>,
    /// Which direction is good.
    pub better: Option<Better>,
    /// The unit of its values, for people: `"ms"`, `"$"`, `"tokens"`; a share of users has none.
    pub unit: Option<String>,
    /// The prior variance of relative differences: how large effects usually are, squared. Default:
    /// that of `prior`.
    #[schemars(range(min = 1e-9, max = 1e9))]
    pub prior_variance: Option<Spanned<f64>>,
    /// Whose effects its prior takes as usual. Default: `Rate` for a share of users, `Percentile`
    /// for a percentile, `Cost` for a mean of the event `ai_cost_per_request`, else `Mean`. The
    /// unit does not matter.
    pub prior: Option<PriorKind>,
    /// The smallest difference that matters, as a share of the control's value: 0.01 is 1%. A
    /// smaller one counts as none: in the truth, in regret, in `power`, and in the users needed.
    /// Default: 0.
    #[schemars(range(min = 0, max = 10))]
    pub smallest_effect: Option<Spanned<f64>>,
    /// How often the judge behind a rate is right: the corrected rate then stands beside the raw
    /// one. Default: not corrected.
    pub judge: Option<Spanned<Accuracy>>,
}

/// What a ratio divides by, over the same users.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Denominator")]
pub enum WrittenDenominator {
    /// By the number of events: `Events("request_duration")` makes a sum one per request.
    Events(Spanned<String>),
    /// By the sum of their values: `Values("$ld:ai:tokens:total")` makes it one per token.
    Values(Spanned<String>),
}

/// How often the judge behind a rate is right. Together the two shares have to be more than 1:
/// better than a coin.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Accuracy {
    /// Share of good answers that it calls good.
    #[schemars(range(min = 0, max = 1))]
    pub sensitivity: f64,
    /// How many good answers this was measured on. Default: known exactly.
    #[serde(default)]
    pub sensitivity_labels: Option<u64>,
    /// Share of bad answers that it calls bad.
    #[schemars(range(min = 0, max = 1))]
    pub specificity: f64,
    /// How many bad answers this was measured on. Default: known exactly.
    #[serde(default)]
    pub specificity_labels: Option<u64>,
}
