//! Summary statistics as they are written: one structure for each block.
//!
//! ```ron
//! (
//!     title: "Security Level, as published",
//!     experiments: [(
//!         key: "security-level",
//!         control: "basic-security",
//!         threshold: 0.9,
//!         metrics: {
//!             "positive_feedback_rate": (
//!                 kind: Conversion, better: Higher,
//!                 variations: {
//!                     "basic-security": ( exposures: 1350, conversions: 458 ),
//!                     "strict-security": ( exposures: 1377, conversions: 473 ),
//!                 },
//!             ),
//!             "ai_cost_per_request": (
//!                 kind: Numeric, better: Lower, unit: "$",
//!                 variations: {
//!                     "basic-security": ( exposures: 1350, total: 33.1435, standard_error: 0.002893 ),
//!                     "strict-security": ( exposures: 1377, total: 39.3298, standard_error: 0.003531 ),
//!                 },
//!             ),
//!         },
//!     )],
//! )
//! ```
//!
//! Guarantees: unknown fields are errors; a field that can be wrong carries its place.
//!
//! Does not know: whether a name exists or a number fits; `given` does.

use serde::Deserialize;

use crate::experiment::{Better, Correction, Method, MetricKind, PriorKind};
use crate::quantity::Share;
use crate::scenario::{Accuracy, Entries, Spanned, WrittenExpect, WrittenRule};

/// A whole file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Written")]
pub struct RecordedFile {
    #[serde(default)]
    pub title: String,
    #[serde(default)]
    pub assumptions: Vec<StatedAssumption>,
    pub experiments: Spanned<Vec<RecordedExperiment>>,
}

/// What is assumed about the data, and where that comes from; the report shows it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Assumption")]
pub struct StatedAssumption {
    pub what: String,
    pub source: String,
}

/// One experiment's statistics.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Experiment")]
pub struct RecordedExperiment {
    pub key: Spanned<String>,
    #[serde(default)]
    pub name: Option<String>,
    #[serde(default)]
    pub hypothesis: String,
    pub control: Spanned<String>,
    #[serde(default)]
    pub threshold: Option<Spanned<f64>>,
    #[serde(default)]
    pub method: Method,
    #[serde(default)]
    pub correction: Correction,
    /// Health checks whose failure does not make the verdict untrusted.
    #[serde(default)]
    pub tolerate: Vec<Spanned<String>>,
    /// Names of the variations for people.
    #[serde(default)]
    pub names: Entries<String>,
    /// The planned split; without it the sample ratio is not checked.
    #[serde(default)]
    pub split: Option<Spanned<Entries<Share>>>,
    pub metrics: Spanned<Entries<RecordedMetric>>,
    #[serde(default)]
    pub decision: Option<Spanned<WrittenRule>>,
    #[serde(default)]
    pub expect: Option<Spanned<WrittenExpect>>,
}

/// One metric: the first is the primary one.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Metric")]
pub struct RecordedMetric {
    pub kind: MetricKind,
    pub better: Better,
    #[serde(default)]
    pub unit: String,
    #[serde(default)]
    pub name: Option<String>,
    /// Which percentile; 0.95 where nothing is said.
    #[serde(default)]
    pub percentile: Option<Spanned<f64>>,
    #[serde(default)]
    pub prior_variance: Option<Spanned<f64>>,
    /// Whose effects the prior takes as usual; where nothing is said it goes by the kind, and
    /// `ai_cost_per_request` is a cost.
    #[serde(default)]
    pub prior: Option<PriorKind>,
    /// The smallest difference that matters, as a share of the control's value.
    #[serde(default)]
    pub smallest_effect: Option<Spanned<f64>>,
    /// How often the judge behind a conversion is right.
    #[serde(default)]
    pub judge: Option<Spanned<Accuracy>>,
    pub variations: Spanned<Entries<VariationStatistics>>,
}

/// What is known of one variation under one metric.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[serde(rename = "Row")]
pub struct VariationStatistics {
    /// Exposed users.
    pub exposures: Spanned<u64>,
    /// Users that converted.
    #[serde(default)]
    pub conversions: Option<Spanned<u64>>,
    /// Sum of the values over the users; of a percentile, the percentile times the exposures, as
    /// the results page has it.
    #[serde(default)]
    pub total: Option<Spanned<f64>>,
    /// The mean or percentile itself, in place of `total`.
    #[serde(default)]
    pub value: Option<Spanned<f64>>,
    /// Standard error of the mean or of the percentile.
    #[serde(default)]
    pub standard_error: Option<Spanned<f64>>,
    /// Users that have a value, or of a rate those who could convert (that a judge gave a verdict
    /// on), where not all exposed ones do.
    #[serde(default)]
    pub users: Option<Spanned<u64>>,
}
