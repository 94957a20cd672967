//! Cut values at a cap, so that a few large ones do not decide (winsorization).
//!
//! A cap by percentile is that of all units whatever their variation: a cap of each variation would
//! take out part of the effect.
//!
//! Does not know: rows.

use super::ask::{MetricRequest, TableCap};
use crate::experiment::{Metric, Missing};
use crate::figure;
use crate::metrics::Observations;
use crate::report::Assumption;
use crate::statistic::percentile;

/// Cuts the values of the metrics that ask for it, and says what became of them.
pub(super) fn cut(
    observations: &mut Observations,
    asked: &[MetricRequest],
    metrics: &[Metric],
) -> Vec<Assumption> {
    let mut said = Vec::new();
    for (at, (asked, metric)) in asked.iter().zip(metrics).enumerate() {
        let Some(cap) = asked.cap else { continue };
        let mut values: Vec<f64> = (0..observations.units())
            .filter(|&unit| observations.treatment(0, unit).is_some())
            .filter_map(|unit| {
                let value = observations.value(at, metric.aggregation, unit);
                value.or((metric.missing == Missing::Zero).then_some(0.0))
            })
            .collect();
        let most = match cap {
            TableCap::At(value) => value,
            TableCap::Percentile(p) => match percentile(&mut values, p) {
                Some(found) => found.value,
                None => continue,
            },
        };
        let above = values.iter().filter(|value| **value > most).count() as u64;
        observations.cut(at, most);
        said.push(Assumption {
            what: format!(
                "`{}`: values above {} count as {} ({} of {} units)",
                metric.key,
                figure::number(most),
                figure::number(most),
                figure::count(above),
                figure::count(values.len() as u64)
            ),
            source: match cap {
                TableCap::At(_) => "`cap` after the metric".to_owned(),
                TableCap::Percentile(_) => format!("`cap={cap}` after the metric, of all units"),
            },
        });
    }
    said
}
