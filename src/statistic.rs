//! What of the users' values a metric compares: one file for each statistic, and the list of them.
//!
//! A statistic declares everything that differs between statistics: what a user enters with, which
//! sums it needs (its [`Tally`]), why these may have no standard error, what one user adds to the
//! error, its default prior, and its words. Whoever simulates, analyzes, reports or reads a file
//! asks the declaration; nobody matches on statistics.
//!
//! The ratio of two sums is the one that takes two numbers of each user: whoever has a table gives it
//! pairs ([`ratio_of_pairs`]).
//!
//! To add one: write its file beside `mean.rs`, and add here its `mod`, its variant of
//! [`Statistic`], and its rows in [`DEFINITIONS`] and `Statistic::declared`.
//!
//! Does not know: where values come from, or what a posterior is.

mod mean;
mod percentile;
mod rate;
mod ratio;
mod tally;

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::Probability;

pub use percentile::{PercentileEstimate, PercentileRanks, RankValues, percentile};
pub use ratio::{
    influences as ratio_influences, of_pairs as ratio_of_pairs, of_sums as ratio_of_sums,
};
pub use tally::{Tally, UnknownError};

/// How the events of one unit become one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Aggregation {
    /// 1 when there was any event, else 0: a conversion.
    Occurrence,
    /// The sum of the events' values.
    Sum,
    /// The mean of the events' values.
    Average,
}

/// What is compared between treatments.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Statistic {
    /// The mean of the unit values.
    Mean,
    /// A percentile of the unit values: a probability such as 0.95. Units without events are always
    /// excluded.
    Percentile(Probability),
}

/// What each statistic declares.
pub const DEFINITIONS: &[&StatisticDefinition] =
    &[&rate::DEFINITION, &mean::DEFINITION, &percentile::DEFINITION, &ratio::DEFINITION];

impl Statistic {
    /// What it declares, and its parameter; 0 where it has none.
    fn declared(self) -> (&'static StatisticDefinition, f64) {
        match self {
            Self::Mean => (&mean::DEFINITION, 0.0),
            Self::Percentile(p) => (&percentile::DEFINITION, p.get()),
        }
    }

    /// The fewest units of a variation with which its standard error can be known.
    #[must_use]
    pub fn fewest_units(self) -> u64 {
        let (definition, parameter) = self.declared();
        match (definition.unknown)(1, Some(1.0), parameter) {
            Some(UnknownError::TooFew { least, .. }) => least,
            _ => 2,
        }
    }

    /// Whether its parameter makes sense.
    ///
    /// # Errors
    /// What is out of range, and what is expected.
    pub fn check(self) -> Result<(), [String; 2]> {
        let (definition, value) = self.declared();
        match definition.parameter {
            Some((what, example)) if !(0.0 < value && value < 1.0) => Err([
                format!("the {what} is out of range"),
                format!(
                    "expected more than 0 and less than 1, such as {}({example})",
                    definition.name
                ),
            ]),
            _ => Ok(()),
        }
    }
}

/// As a scenario writes it: `Percentile(0.95)`.
impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.declared() {
            (StatisticDefinition { name, parameter: Some(_), .. }, value) => {
                write!(f, "{name}({value})")
            }
            (StatisticDefinition { name, .. }, _) => f.write_str(name),
        }
    }
}

/// What units without events count as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Missing {
    /// As the value 0.
    Zero,
    /// They are left out.
    Exclude,
}

/// The kind of a metric, as reports and summary statistics name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MetricKind {
    /// A share of units: beta-binomial.
    #[serde(alias = "Conversion")]
    Conversion,
    /// A mean of unit values: normal-normal.
    #[serde(alias = "Numeric")]
    Numeric,
    /// A percentile of unit values: normal-normal on the percentile.
    #[serde(alias = "Percentile")]
    Percentile,
}

/// Whose effects a metric's prior takes as usual: it decides the prior variance of relative
/// differences where none is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PriorKind {
    /// Shares of users: a variance of 0.041.
    Rate,
    /// Percentiles: 0.166.
    Percentile,
    /// Costs, in whatever currency: 0.155.
    Cost,
    /// Other means, such as tokens: 0.18.
    Mean,
}

/// What one unit adds to the error of a value, given what it enters with.
pub type UnitInfluence = Box<dyn Fn(f64) -> f64>;

/// Everything that differs between statistics. A function's last argument is the statistic's
/// parameter; 0 where it has none.
#[derive(Debug)]
pub struct StatisticDefinition {
    /// Its name in a scenario.
    pub name: &'static str,
    /// Its parameter, a fraction between 0 and 1: what it is, and an example; `None` without one.
    pub parameter: Option<(&'static str, f64)>,
    /// Its kind in reports.
    pub kind: MetricKind,
    /// Its default prior.
    pub prior: PriorKind,
    /// Whether it is a mean of what the units enter with, so that the variances of cells add, a
    /// covariate can be taken out, and sampled events can be weighted.
    pub linear: bool,
    /// What LaunchDarkly computes of the same events: itself, or what comes nearest.
    pub in_launchdarkly: LaunchDarklyAnalysis,
    /// What a unit enters with, from its value; `None` leaves it out.
    pub entering: fn(Option<f64>, Missing) -> Option<f64>,
    /// The sums of one arm of this many exposed units, from the values of those that have one; may
    /// reorder them. `None` where nothing has a value.
    pub tally: fn(&mut [f64], usize, Missing, f64) -> Option<Tally>,
    /// Why the standard error of a value of so many units cannot be used; `None` where it can.
    pub unknown: fn(u64, Option<f64>, f64) -> Option<UnknownError>,
    /// What one unit adds to the error of the value of a tally, times the number of units; `None`
    /// where that is not known.
    pub influence: fn(Tally, f64, f64) -> Option<UnitInfluence>,
    /// What reports call it; `None` where its kind says it.
    pub words: Option<fn(f64) -> String>,
    /// What `simlab explain` says of it; `None` where general words do.
    pub explanation: Option<Explanation>,
}

/// A statistic for people who meet it in a report.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// Its name in reports.
    pub name: &'static str,
    /// Other ways to write or to ask for it, in lower case.
    pub aliases: &'static [&'static str],
    /// What it means, what it is for, and what to beware of: a sentence each.
    pub says: [&'static str; 3],
    /// The formula, in plain text.
    pub formula: &'static str,
    /// Where it comes from.
    pub source: &'static str,
    /// Related terms of `simlab explain`.
    pub see: &'static [&'static str],
}

/// How LaunchDarkly analyzes a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LaunchDarklyAnalysis {
    /// The mean.
    Mean,
    /// The percentile that is the statistic's parameter.
    Percentile,
}

/// A statistic of a metric with all that it declares.
#[derive(Clone, Copy, Debug)]
pub struct Declared {
    definition: &'static StatisticDefinition,
    parameter: f64,
    missing: Missing,
}

impl Declared {
    /// What is compared of a metric; the mean of occurrences is a rate.
    #[must_use]
    pub fn new(aggregation: Aggregation, statistic: Statistic, missing: Missing) -> Self {
        let (definition, parameter) = match (aggregation, statistic) {
            (Aggregation::Occurrence, Statistic::Mean) => (&rate::DEFINITION, 0.0),
            (_, statistic) => statistic.declared(),
        };
        Self { definition, parameter, missing }
    }

    /// That of the ratio of two sums.
    #[must_use]
    pub fn ratio() -> Self {
        Self { definition: &ratio::DEFINITION, parameter: 0.0, missing: Missing::Zero }
    }

    /// The declaration.
    #[must_use]
    pub fn definition(&self) -> &'static StatisticDefinition {
        self.definition
    }

    /// The parameter, such as 0.95 of a percentile; 0 where it has none.
    #[must_use]
    pub fn parameter(&self) -> f64 {
        self.parameter
    }

    /// What a unit enters with, from its value; `None` leaves it out.
    #[must_use]
    pub fn entering(&self, value: Option<f64>) -> Option<f64> {
        (self.definition.entering)(value, self.missing)
    }

    /// The sums of one arm of `exposed` units, from the values of those that have one; may reorder
    /// them. `None` where nobody was exposed or nothing has a value.
    #[must_use]
    pub fn tally(&self, values: &mut [f64], exposed: usize) -> Option<Tally> {
        if exposed == 0 {
            None
        } else {
            (self.definition.tally)(values, exposed, self.missing, self.parameter)
        }
    }

    /// Why the standard error of a value of `units` units cannot be used; `None` where it can.
    #[must_use]
    pub fn unknown(&self, units: u64, standard_error: Option<f64>) -> Option<UnknownError> {
        (self.definition.unknown)(units, standard_error, self.parameter)
    }

    /// What one unit adds to the error of the value of this tally, times the number of units;
    /// `None` where that is not known.
    #[must_use]
    pub fn influence(&self, tally: Tally, value: f64) -> Option<UnitInfluence> {
        (self.definition.influence)(tally, value, self.parameter)
    }

    /// What reports call it; `None` where its kind says it.
    #[must_use]
    pub fn words(&self) -> Option<String> {
        self.definition.words.map(|words| words(self.parameter))
    }
}
