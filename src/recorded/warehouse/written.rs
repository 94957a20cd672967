//! The rows of sufficient statistics as they are written: the schema between a warehouse and the
//! analysis.
//!
//! Does not know: what is analyzed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of the schema.
pub(super) const SCHEMA: &str = "simlab.statistics/1";

/// One row: a metric of a variation.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct StatisticsRow {
    /// The name of this schema: `simlab.statistics/1`.
    pub schema: String,
    /// The experiment.
    pub experiment: String,
    /// The control's variation; empty where the analysis is to choose it.
    pub control: Option<String>,
    /// The variation of this row.
    pub variation: String,
    /// Its planned share of the users, from 0 to 1; empty where no split is checked.
    pub planned_share: Option<f64>,
    /// Users of all variations, those with two variations included.
    pub all_users: Option<u64>,
    /// Users with two variations.
    pub crossed_users: Option<u64>,
    /// What became of them: `exclude` or `first`.
    pub crossed: Option<String>,
    /// Users of this variation that take part: the sample ratio is that of these.
    pub users: u64,
    /// Place of the metric, from 1; the first decides.
    pub place: u64,
    /// Key of the metric in the report.
    pub metric: String,
    /// What it compares: `rate`, `mean`, `average` (mean of the users' averages), `percentile` or
    /// `ratio`.
    pub kind: String,
    /// The event or the column that it counts.
    pub event: Option<String>,
    /// Of a ratio the event or the column that it divides by.
    pub per_event: Option<String>,
    /// Of a percentile which one, such as 0.95.
    pub percentile: Option<f64>,
    /// Which direction is good: `higher` or `lower`.
    pub better: String,
    /// Who said so: `option`, or the `name` of the metric.
    pub better_by: Option<String>,
    /// Unit of measure, such as `ms`.
    pub unit: Option<String>,
    /// What a user without a value counts as: `zero` or `exclude`.
    pub missing: Option<String>,
    /// What the metrics are adjusted for (CUPED), in words; empty where nothing is.
    pub covariate: Option<String>,
    /// Users that count under this metric: n in every formula.
    pub users_counted: u64,
    /// Those of them with a value: of a rate those for which it is true, of a ratio those with a
    /// denominator that is not 0.
    pub users_with_value: Option<u64>,
    /// Sum of the users' values: of a rate how many converted, of a ratio the numerators.
    pub sum_value: Option<f64>,
    /// Sum of the users' denominators; empty where there are none, which is a denominator of 1.
    pub sum_per: Option<f64>,
    /// Sum of the users' covariates, or of the numerators before the experiment.
    pub sum_before: Option<f64>,
    /// Sum of the denominators before the experiment; empty where these are 1.
    pub sum_before_per: Option<f64>,
    /// Sum of the squared distances of the users' values from the variation's mean value.
    pub dev_value_squared: Option<f64>,
    /// Sum of the products of two distances from the variation's means: of value and denominator.
    pub dev_value_per: Option<f64>,
    /// The same of value and covariate.
    pub dev_value_before: Option<f64>,
    /// The same of value and the covariate's denominator.
    pub dev_value_before_per: Option<f64>,
    /// The same of the denominator with itself.
    pub dev_per_squared: Option<f64>,
    /// The same of denominator and covariate.
    pub dev_per_before: Option<f64>,
    /// The same of denominator and the covariate's denominator.
    pub dev_per_before_per: Option<f64>,
    /// The same of the covariate with itself.
    pub dev_before_squared: Option<f64>,
    /// The same of the covariate and its denominator.
    pub dev_before_before_per: Option<f64>,
    /// The same of the covariate's denominator with itself.
    pub dev_before_per_squared: Option<f64>,
    /// Sum of the cubed distances of the values, for the skewness.
    pub dev_value_cubed: Option<f64>,
    /// The percentile: at rank `p (n - 1)` from 0, between two values in proportion.
    pub quantile: Option<f64>,
    /// The value at the rank that is `1.645 sqrt(n p (1 - p)) + 0.25` lower, at least 0.
    pub quantile_low: Option<f64>,
    /// The value at the rank that is as much higher, at most n - 1.
    pub quantile_high: Option<f64>,
    /// The largest value below the percentile, for its error where values are equal.
    pub quantile_below: Option<f64>,
    /// The smallest value above it.
    pub quantile_above: Option<f64>,
    /// The segment that the row is of; empty for all users.
    pub segment: Option<String>,
    /// The day up to the end of which exposures and events count, as its number since 1970-01-01
    /// (UTC): 20393 is 2025-11-01. Empty for all days.
    pub day: Option<u64>,
}

/// The columns in their order.
pub(super) const COLUMNS: &[&str] = &[
    "schema",
    "experiment",
    "control",
    "variation",
    "planned_share",
    "all_users",
    "crossed_users",
    "crossed",
    "users",
    "place",
    "metric",
    "kind",
    "event",
    "per_event",
    "percentile",
    "better",
    "better_by",
    "unit",
    "missing",
    "covariate",
    "users_counted",
    "users_with_value",
    "sum_value",
    "sum_per",
    "sum_before",
    "sum_before_per",
    "dev_value_squared",
    "dev_value_per",
    "dev_value_before",
    "dev_value_before_per",
    "dev_per_squared",
    "dev_per_before",
    "dev_per_before_per",
    "dev_before_squared",
    "dev_before_before_per",
    "dev_before_per_squared",
    "dev_value_cubed",
    "quantile",
    "quantile_low",
    "quantile_high",
    "quantile_below",
    "quantile_above",
    "segment",
    "day",
];

/// The columns that are text; the others are numbers.
pub(super) const TEXTS: &[&str] = &[
    "schema",
    "experiment",
    "control",
    "variation",
    "crossed",
    "metric",
    "kind",
    "event",
    "per_event",
    "better",
    "better_by",
    "unit",
    "missing",
    "covariate",
    "segment",
];

/// The columns that are whole numbers.
pub(super) const COUNTS: &[&str] =
    &["all_users", "crossed_users", "users", "place", "users_counted", "users_with_value", "day"];

/// The columns that every table of statistics has.
pub(super) const NEEDED: &[&str] =
    &["experiment", "variation", "users", "place", "metric", "kind", "better", "users_counted"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_columns_are_the_fields() {
        let row = serde_json::to_value(StatisticsRow::default()).unwrap();
        let fields: Vec<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, COLUMNS);
        assert!(TEXTS.iter().chain(COUNTS).chain(NEEDED).all(|own| COLUMNS.contains(own)));
    }
}
