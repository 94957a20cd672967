//! The sums of one treatment under one metric, and why they may not tell how exact they are.
//!
//! Does not know: how they are added up (each statistic's own file), or analyzed.

/// What is known of one treatment under one metric: a sufficient statistic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Tally {
    /// Units and how many of them converted.
    Conversion {
        /// Units that the rate is of; `None` for all exposed ones.
        units: Option<u64>,
        /// Units that a judge gave a verdict on; `None` where that is not known.
        judged: Option<u64>,
        /// Units that converted.
        conversions: u64,
    },
    /// A mean of unit values.
    Mean {
        /// Units that have a value (missing ones excluded or counted as 0, as the metric says).
        units: u64,
        /// Sum of the unit values.
        total: f64,
        /// Standard error of the mean; `None` when it cannot be known (fewer than two units).
        standard_error: Option<f64>,
    },
    /// Any other number that stands for the unit values, such as a percentile.
    Value {
        /// Units that have a value.
        units: u64,
        /// The number, in the metric's unit.
        value: f64,
        /// Its standard error; `None` when it cannot be known.
        standard_error: Option<f64>,
    },
}

/// Why a standard error is not known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum UnknownError {
    /// A mean of one unit.
    OneUnit,
    /// A percentile of fewer units than `least`: none is expected beyond it.
    TooFew {
        /// The percentile, from 0 to 1.
        percentile: f64,
        /// Units with a value.
        units: u64,
        /// The fewest that would do.
        least: u64,
    },
    /// A percentile whose standard error is given as 0: it falls on equal values.
    Ties,
    /// A ratio whose denominator is so uncertain that it may as well be 0.
    WeakDenominator,
    /// The data do not say.
    NotGiven,
}

impl Tally {
    /// The tally of a rate over all exposed units.
    #[must_use]
    pub fn rate(conversions: u64) -> Self {
        Self::Conversion { units: None, judged: None, conversions }
    }

    /// The same rate, with the number of units that a judge gave a verdict on.
    #[must_use]
    pub(crate) fn judged_of(self, judged: Option<u64>) -> Self {
        match self {
            Self::Conversion { units, conversions, .. } => {
                Self::Conversion { units, judged, conversions }
            }
            other => other,
        }
    }

    /// Units that take part, of `exposed` ones.
    #[must_use]
    pub fn units(self, exposed: u64) -> u64 {
        match self {
            Self::Conversion { units, .. } => units.unwrap_or(exposed),
            Self::Mean { units, .. } | Self::Value { units, .. } => units,
        }
    }

    /// The raw rate, mean or other value of a tally of `exposed` units; `None` when nobody has a
    /// value.
    #[must_use]
    pub fn value(self, exposed: u64) -> Option<f64> {
        match self {
            Self::Conversion { units, conversions, .. } => {
                let units = units.unwrap_or(exposed);
                (units > 0).then(|| conversions as f64 / units as f64)
            }
            Self::Mean { units, total, .. } => (units > 0).then(|| total / units as f64),
            Self::Value { value, .. } => Some(value),
        }
    }

    /// The same tally with this rate, mean or value, of this many exposed units.
    #[must_use]
    pub(crate) fn at(self, to: f64, exposed: u64) -> Self {
        match self {
            Self::Conversion { units, judged, .. } => {
                let conversions = (to * units.unwrap_or(exposed) as f64).round() as u64;
                Self::Conversion { units, judged, conversions }
            }
            Self::Mean { units, standard_error, .. } => {
                Self::Mean { units, total: to * units as f64, standard_error }
            }
            Self::Value { units, standard_error, .. } => {
                Self::Value { units, value: to, standard_error }
            }
        }
    }

    /// The same rate, mean or value as if each unit stood for `factor` units.
    #[must_use]
    pub(crate) fn times(self, factor: u64) -> Self {
        let sharper = |error: Option<f64>| error.map(|error| error / (factor as f64).sqrt());
        match self {
            Self::Conversion { units, judged, conversions } => {
                let times = |units: Option<u64>| units.map(|units| units * factor);
                Self::Conversion {
                    units: times(units),
                    judged: times(judged),
                    conversions: conversions * factor,
                }
            }
            Self::Mean { units, total, standard_error } => Self::Mean {
                units: units * factor,
                total: total * factor as f64,
                standard_error: sharper(standard_error),
            },
            Self::Value { units, value, standard_error } => Self::Value {
                units: units * factor,
                value,
                standard_error: sharper(standard_error),
            },
        }
    }
}
