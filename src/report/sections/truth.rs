//! Estimates next to the effect on users, where every user went through every variation.

use crate::figure;
use crate::report::cells::{interval, shown};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Element, Level, Section};
use crate::report::number::Number;
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::with_error;

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let columns = vec![
        Column::words("metric, variation"),
        Column::number("change").optional(1),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("true change"),
        Column::number("bias"),
        Column::words("covered"),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        let unit = metric.measure();
        let control = metric
            .variations
            .iter()
            .find(|own| own.key == experiment.control)
            .and_then(|own| own.truth?.mean);
        let mut own = Vec::new();
        for variation in metric.variations.iter().filter(|own| own.key != experiment.control) {
            let Some(truth) = variation.truth else { continue };
            let covered = match (variation.relative_interval, truth.relative_difference) {
                (Some([lower, upper]), Some(x)) if lower <= x && x <= upper => {
                    Cell::toned("yes", Tone::Good)
                }
                (Some(_), Some(_)) => Cell::toned("no", Tone::Warn),
                _ => Cell::default(),
            };
            let bias = variation.bias.unwrap_or_default();
            let mut gap = shown(bias.relative_difference, |x| format!("{:+.1} pts", 100.0 * x));
            if bias.notable() {
                gap.tone = Tone::Warn;
            }
            own.push(Row::Cells(vec![
                Cell::new(experiment.name_of(&variation.key)),
                shown(variation.relative_difference, figure::change),
                interval(variation.relative_interval, figure::change),
                shown(truth.relative_difference, |x| {
                    with_error(x, truth.relative_error.map(Number::get))
                }),
                gap,
                covered,
            ]));
        }
        if !own.is_empty() {
            let remark = control.map(|mean| {
                format!(
                    "{}: true value {}",
                    experiment.name_of(&experiment.control),
                    unit.value(mean.get())
                )
            });
            rows.push(Row::Group(metric.key.clone(), remark.unwrap_or_default()));
            rows.append(&mut own);
        }
    }
    if rows.is_empty() {
        return Vec::new();
    }
    let users = experiment.truth_users.map_or_else(String::new, |users| {
        format!("{} users through every variation, ", figure::count(users.into()))
    });
    let mut note = format!(
        "True change: the effect on users ({users}± standard error). Bias: what this measurement would show with unlimited users, minus the true change."
    );
    let biases = experiment.biases();
    let tone = if biases.is_empty() { Tone::Dim } else { Tone::Warn };
    for bias in biases {
        note += &format!(" {bias}");
    }
    let title = "The effect on users: every user through every variation";
    let table = Element::Table(Table { columns, rows });
    let section = Section::new(title, Level::Detail).folded();
    vec![section.with([table, Element::Note(note, tone)])]
}
