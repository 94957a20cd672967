//! The test of the difference that an experiment asks for.

use crate::experiment::{Better, Method};
use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::{Frequentist, ReportedExperiment, ReportedVariation};
use crate::report::document::{Element, Level, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some((title, table)) = tests(experiment) else { return Vec::new() };
    let correction = correction(experiment).map(|text| Element::Note(text, Tone::Dim));
    let section = Section::new(title, Level::Detail).folded();
    vec![section.with([Element::Table(table)]).with(correction)]
}

/// The test that the experiment asks for beside the posteriors, if any: its name and its table.
fn tests(experiment: &ReportedExperiment) -> Option<(&'static str, Table)> {
    let name = match experiment.method {
        Method::Bayesian => return None,
        Method::Frequentist => {
            "Fixed-horizon test of the difference (valid at one look, planned in advance)"
        }
        Method::Sequential => "Always-valid test of the difference (valid at every look)",
    };
    let columns = vec![
        Column::words("metric"),
        Column::words("variation"),
        Column::number("measured\nchange").optional(1),
        Column::number("measured\ndifference"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("p-value"),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        for variation in &metric.variations {
            let test = if experiment.method == Method::Sequential {
                &variation.sequential
            } else {
                &variation.frequentist
            };
            let Some(test) = test else { continue };
            let counts = test.p_value.get() <= 1.0 - experiment.threshold + 1e-12;
            let good = test.difference.is_some_and(|difference| {
                (difference.get() > 0.0) == (metric.better == Better::Higher)
            });
            let tone = if counts && good {
                Tone::Good
            } else if counts {
                Tone::Bad
            } else {
                Tone::Plain
            };
            let points = |x: f64| metric.measure().change(x).replace(" points", " pts");
            rows.push(Row::Cells(vec![
                Cell::new(&metric.key),
                Cell::new(experiment.name_of(&variation.key)),
                shown(test.relative_difference, figure::change),
                shown(test.difference, points),
                interval(test.difference_interval, points),
                Cell::toned(figure::p_value(test.p_value.get()), tone),
            ]));
        }
    }
    Some((name, Table { columns, rows }))
}

/// What is corrected for many comparisons and what is not; `None` where nothing is.
fn correction(experiment: &ReportedExperiment) -> Option<String> {
    let variations = || experiment.metrics.iter().flat_map(|metric| &metric.variations);
    let by = |of: fn(&ReportedVariation) -> Option<&Frequentist>| {
        variations().filter_map(of).find_map(|test| test.correction.clone())
    };
    let by = if experiment.method == Method::Sequential {
        by(|v| v.sequential.as_ref())
    } else {
        by(|v| v.frequentist.as_ref())
    }?;
    Some(format!(
        "p-values and intervals of the tests are corrected: {by}; estimates, their intervals and probabilities are not"
    ))
}
