//! The mean of the unit values.
//!
//! Guarantees: two passes, so a variance does not cancel.
//!
//! Does not know: its posterior.

use super::{
    LaunchDarklyAnalysis, MetricKind, Missing, PriorKind, StatisticDefinition, Tally, UnknownError,
};

/// What a mean declares.
pub(super) static DEFINITION: StatisticDefinition = StatisticDefinition {
    name: "Mean",
    parameter: None,
    kind: MetricKind::Numeric,
    prior: PriorKind::Mean,
    linear: true,
    in_launchdarkly: LaunchDarklyAnalysis::Mean,
    entering: |value, missing| {
        if missing == Missing::Zero { Some(value.unwrap_or(0.0)) } else { value }
    },
    tally,
    unknown: |units, error, _| {
        let reason = if units == 1 { UnknownError::OneUnit } else { UnknownError::NotGiven };
        error.is_none().then_some(reason)
    },
    influence: |_, value, _| Some(Box::new(move |own| own - value)),
    words: None,
    explanation: None,
};

fn tally(values: &mut [f64], exposed: usize, missing: Missing, _: f64) -> Option<Tally> {
    // Zeros add to the count and to the squared deviations, not to the sum.
    let units = if missing == Missing::Zero { exposed } else { values.len() };
    if units == 0 {
        return None;
    }
    let (n, total) = (units as f64, values.iter().sum::<f64>());
    let mean = total / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let zeros = (units - values.len()) as f64 * mean * mean;
    let standard_error = (units > 1).then(|| ((squares + zeros) / (n - 1.0) / n).sqrt());
    Some(Tally::Mean { units: units as u64, total, standard_error })
}
