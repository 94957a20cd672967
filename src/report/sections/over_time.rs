//! Results as users arrived, as charts.

use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};

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
    let lead = format!(
        "What each of {} looks at the data would have shown; the verdict uses only the last, larger mark. Dashed lines: {} and its complement. A line that crosses one and comes back shows why stopping early misleads.",
        series.users.len(),
        experiment.mass()
    );
    let gallery = Gallery { lead, experiment, pictures: pictures.collect() };
    vec![Section::new("As users arrived", Level::Section).with([Element::Gallery(gallery)])]
}
