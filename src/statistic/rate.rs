//! A rate: the share of the exposed units that have any event.
//!
//! Does not know: its posterior, a beta distribution.

use super::{LaunchDarklyAnalysis, MetricKind, PriorKind, StatisticDefinition, Tally};

/// What a rate declares.
pub(super) static DEFINITION: StatisticDefinition = StatisticDefinition {
    name: "Mean",
    parameter: None,
    kind: MetricKind::Conversion,
    prior: PriorKind::Rate,
    linear: true,
    in_launchdarkly: LaunchDarklyAnalysis::Mean,
    // A unit without an event did not convert, whatever else it did.
    entering: |value, _| Some(f64::from(u8::from(value.is_some()))),
    tally: |values, _, _, _| Some(Tally::rate(values.len() as u64)),
    unknown: |_, _, _| None,
    influence: |_, value, _| Some(Box::new(move |own| own - value)),
    words: None,
    explanation: None,
};
