//! How values are spread, latencies first, as charts.

use crate::report::charts::Distribution;
use crate::report::data::{ReportedExperiment, ReportedMetric};
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let metric = |key: &str| experiment.metrics.iter().find(|metric| metric.key == key);
    let own = experiment.distributions.iter().enumerate();
    let mut all: Vec<(usize, &Distribution, &ReportedMetric)> =
        own.filter_map(|(at, own)| Some((at, own, metric(&own.metric)?))).collect();
    all.sort_by_key(|(_, _, metric)| metric.unit != "ms");
    let pictures = all.into_iter().map(|(at, own, metric)| Picture {
        name: metric.key.clone(),
        remark: if metric.unit == "ms" { "latency of each user" } else { "each user's value" }
            .to_owned(),
        id: format!("spread{at}"),
        chart: Chart::Distribution(metric, own),
    });
    let lead = "The share of users at each value; dotted lines are 95th percentiles. Where values are far apart, the axis grows in proportion.";
    let gallery = Gallery { lead: lead.to_owned(), experiment, pictures: pictures.collect() };
    let section = Section::new("Latency and other distributions", Level::Section);
    vec![section.with([Element::Gallery(gallery)])]
}
