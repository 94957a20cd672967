//! Outcomes and stated effects as a file writes them.
//!
//! Does not know: which metrics there are.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::spanned::Spanned;
use crate::quantity::{Lift, Probability};
use crate::time::Duration;

/// An event of your own that may follow a visit, such as a resolved ticket or an order. Its key is
/// the event's; it is also the key of a metric, unless `metrics` defines it otherwise: the share of
/// users with the event, or the mean of its value, and more is better. All of it is assumed: no mock
/// model knows your business.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "Outcome")]
pub struct WrittenOutcome {
    /// Chance of it after a fair answer. Default: 1 where it has a `value`; else it has to be there.
    pub baseline: Option<Probability>,
    /// What a strong answer adds to the chance. Default: nothing.
    pub strong: Option<Spanned<Lift>>,
    /// What a weak answer adds. Default: nothing.
    pub weak: Option<Spanned<Lift>>,
    /// What a request adds that gets no answer. Default: as much as a weak answer.
    pub failed: Option<Spanned<Lift>>,
    /// What it is worth: its value is then a number, such as an amount of dollars. Default: it only
    /// occurs.
    pub value: Option<WrittenValue>,
    /// How long after the visit it comes, at once if left out. See `ends_after`.
    pub after: Duration,
}

/// A positive number, log-normal from user to user.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "OutcomeValue")]
pub struct WrittenValue {
    /// Its mean after a fair answer.
    #[schemars(range(min = 1e-6, max = 1e9))]
    pub mean: Spanned<f64>,
    /// Its standard deviation from user to user after a fair answer.
    #[schemars(range(min = 0, max = 1e10))]
    pub sd: Spanned<f64>,
    /// Its unit, for people: `"$"`, `"min"`.
    pub unit: Spanned<String>,
    /// How much more it is after a strong answer, relative. Default: no more.
    #[serde(default)]
    pub strong: Option<Spanned<Lift>>,
    /// How much more after a weak answer. Default: no more.
    #[serde(default)]
    pub weak: Option<Spanned<Lift>>,
    /// How much more without an answer. Default: as after a weak answer.
    #[serde(default)]
    pub failed: Option<Spanned<Lift>>,
}

/// An effect of the variation that you state, for what no mock model derives from a prompt. It
/// concerns the users whose visit comes to the agent. It is marked as stated in every report.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "StatedEffect")]
pub struct WrittenEffect {
    /// Key of a metric: one on an outcome, or on positive or negative feedback.
    pub metric: Spanned<String>,
    /// By how much it differs from what it would be without: `"+3pt"` (percentage points of a rate)
    /// or `"+5%"` (relative).
    pub lift: Spanned<Lift>,
}
