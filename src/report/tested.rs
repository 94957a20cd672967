//! A test of a difference as the report shows it.
//!
//! Does not know: how it is computed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;
use crate::{analysis, experiment};

/// A test of the difference from the control.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Frequentist {
    /// Raw difference over |control|; `None` when the control's interval holds 0.
    pub relative_difference: Option<Number>,
    /// Its interval: relative for the fixed-horizon test, absolute (in the metric's unit) for the
    /// always-valid one.
    pub interval: Option<[Number; 2]>,
    /// Two-sided p-value.
    pub p_value: Number,
    /// Raw difference, variation less control, in the metric's unit: what the p-value is about.
    #[serde(default)]
    pub difference: Option<Number>,
    /// Its interval; it leaves out 0 exactly where the p-value is at most 1 less the threshold.
    #[serde(default)]
    pub difference_interval: Option<[Number; 2]>,
    /// How it was tested.
    #[serde(default)]
    pub method: Option<String>,
    /// The correction for many comparisons that p-value and intervals have; `None` where there is
    /// none.
    #[serde(default)]
    pub correction: Option<String>,
}

impl Frequentist {
    /// A fixed-horizon test.
    pub(super) fn fixed(test: analysis::FrequentistResult) -> Option<Self> {
        Some(Self {
            relative_difference: test.relative_difference.and_then(Number::new),
            interval: test.interval.and_then(Number::ends),
            p_value: Number::new(test.p_value)?,
            difference: Number::new(test.difference),
            difference_interval: Number::ends(test.difference_interval),
            method: Some(test.method.name().to_owned()),
            correction: test.correction.map(correction),
        })
    }

    /// An always-valid test.
    pub(super) fn always_valid(test: analysis::Sequential) -> Option<Self> {
        let interval = Number::ends(test.interval)?;
        Some(Self {
            relative_difference: test.relative_difference.and_then(Number::new),
            interval: Some(interval),
            p_value: Number::new(test.p_value)?,
            difference: Number::new(test.difference),
            difference_interval: Some(interval),
            method: Some(analysis::TestMethod::AlwaysValid.name().to_owned()),
            correction: test.correction.map(correction),
        })
    }
}

/// `Bonferroni over 6 comparisons`.
fn correction(corrects: analysis::Corrects) -> String {
    let name = match corrects.by {
        experiment::Correction::None => "none",
        experiment::Correction::Bonferroni => "Bonferroni",
        experiment::Correction::BenjaminiHochberg => "Benjamini-Hochberg",
    };
    let comparisons = if corrects.comparisons == 1 { "comparison" } else { "comparisons" };
    format!("{name} over {} {comparisons}", corrects.comparisons)
}
