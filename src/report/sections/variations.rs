//! Every variation under every metric, and why numbers are missing.

use crate::experiment::MetricKind;
use crate::figure::{self, MISSING};
use crate::report::cells::{interval, shown};
use crate::report::data::{ReportedExperiment, ReportedMetric, Total};
use crate::report::document::{Element, Level, List, Section};
use crate::report::spark::with_posteriors;
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let table = Element::Table(with_posteriors(variations(experiment), experiment));
    let mut sections = vec![Section::new("Each variation", Level::Detail).folded().with([table])];
    let items: Vec<(String, String)> =
        reasons(experiment).into_iter().map(|reason| (reason, String::new())).collect();
    if !items.is_empty() {
        let list = List { items, tone: Tone::Warn, numbered: false };
        sections.push(Section::untitled().with([Element::List(list)]));
    }
    sections
}

/// Every variation under every metric.
fn variations(experiment: &ReportedExperiment) -> Table {
    let columns = vec![
        Column::words("metric, variation"),
        Column::number("users").optional(1),
        Column::number("converted\nor total"),
        Column::number("measured"),
        Column::number("estimate"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("prob.\nbest"),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        let unit = metric.measure();
        rows.push(Row::Group(metric.key.clone(), metric.remark()));
        for variation in &metric.variations {
            let total = match variation.total {
                Total::Conversions(conversions) => conversions.map_or_else(
                    || Cell::toned(MISSING, Tone::Dim),
                    |n| Cell::new(figure::count(n)),
                ),
                // A percentile times its users is nothing that anybody paid or waited.
                Total::TotalValue(_) if metric.kind == MetricKind::Percentile => {
                    Cell::toned(MISSING, Tone::Dim)
                }
                Total::TotalValue(total) => shown(total, |x| unit.total(x)),
            };
            rows.push(Row::Cells(vec![
                Cell::new(experiment.name_of(&variation.key)),
                Cell::new(match variation.users_with_value {
                    Some(units) => format!(
                        "{} of {}",
                        figure::count(units),
                        figure::count(variation.exposures)
                    ),
                    None => figure::count(variation.exposures),
                }),
                total,
                shown(variation.data_mean, |x| unit.value(x)),
                shown(variation.posterior_mean, |x| unit.value(x)),
                interval(variation.credible_interval, |x| unit.value(x)),
                shown(variation.probability_to_be_best, figure::probability),
            ]));
        }
    }
    Table { columns, rows }
}

/// Why numbers are missing, one line each.
fn reasons(experiment: &ReportedExperiment) -> Vec<String> {
    let of = |metric: &ReportedMetric| {
        let lines = metric.variations.iter().filter_map(|variation| {
            let reason = variation.reason.as_ref()?;
            Some(format!("{}, {}: {reason}", metric.key, experiment.name_of(&variation.key)))
        });
        lines.collect::<Vec<_>>()
    };
    experiment.metrics.iter().flat_map(of).collect()
}
