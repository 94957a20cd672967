//! Results as users arrived, as charts, and by day as a table.

use crate::figure;
use crate::report::cells::shown;
use crate::report::charts::{OverTime, VariationOverTime};
use crate::report::data::{ReportedExperiment, ReportedMetric};
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};
use crate::report::number::Number;
use crate::report::table::{Cell, Column, Row, Table};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(series) = &experiment.over_time else { return Vec::new() };
    let metric = |key: &str| experiment.metrics.iter().find(|metric| metric.key == key);
    let pictures = series.metrics.iter().enumerate().filter_map(|(at, own)| {
        let metric = metric(&own.key)?;
        Some(Picture {
            name: own.key.clone(),
            remark: metric.remark(),
            id: format!("time{at}"),
            chart: Chart::OverTime(metric, own, &series.users),
        })
    });
    let looks = if series.days.is_empty() { "looks at the data" } else { "days" };
    let lead = format!(
        "What each of {} {looks} would have shown; the verdict uses only the last, larger mark. Dashed lines: {} and its complement. A line that crosses one and comes back shows why stopping early misleads.",
        series.users.len(),
        experiment.mass()
    );
    let gallery = Gallery { lead, experiment, pictures: pictures.collect() };
    let days = table(experiment, series).map(Element::Table);
    let title = if series.days.is_empty() { "As users arrived" } else { "Day by day" };
    let section = Section::new(title, Level::Section);
    vec![section.with(days.into_iter().chain([Element::Gallery(gallery)]))]
}

/// The days with what was known at the end of each; `None` where the points are no days.
fn table(experiment: &ReportedExperiment, series: &OverTime) -> Option<Table> {
    if series.days.is_empty() {
        return None;
    }
    let columns = vec![
        Column::words("metric, day"),
        Column::number("users"),
        Column::number("measured\nchange"),
        Column::number("beats\ncontrol"),
    ];
    let mut rows = Vec::new();
    for metric in &series.metrics {
        let own = experiment.metrics.iter().find(|own| own.key == metric.key);
        let remark = own.map(ReportedMetric::remark).unwrap_or_default();
        let control = metric.variations.iter().find(|own| own.key == experiment.control);
        let treatments = metric.variations.iter().filter(|own| own.key != experiment.control);
        for arm in treatments {
            let several = experiment.treatments().count() > 1;
            let name = if several {
                format!("{}, {}", metric.key, experiment.name_of(&arm.key))
            } else {
                metric.key.clone()
            };
            rows.push(Row::Group(name, remark.clone()));
            for (at, (day, users)) in series.days.iter().zip(&series.users).enumerate() {
                let mean = |of: &VariationOverTime| Some(of.data_mean.get(at).copied()??.get());
                let change = control
                    .and_then(mean)
                    .zip(mean(arm))
                    .and_then(|(from, to)| Number::new((to - from) / from.abs()));
                rows.push(Row::Cells(vec![
                    Cell::new(day.clone()),
                    Cell::new(figure::count(*users)),
                    shown(change, figure::change),
                    shown(
                        arm.probability_to_beat_control.get(at).copied().flatten(),
                        figure::probability,
                    ),
                ]));
            }
        }
    }
    Some(Table { columns, rows })
}
