//! The posteriors of each metric as charts.

use crate::report::data::ReportedExperiment;
use crate::report::document::{Chart, Element, Gallery, Level, Picture, Section};
use crate::report::format::diamonds;

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let lead = format!(
        "How plausible each true value is after the data: the higher the curve, the more plausible. The filled part holds {}.{}",
        experiment.mass(),
        diamonds(experiment)
    );
    let pictures = experiment.metrics.iter().enumerate().map(|(at, metric)| Picture {
        name: metric.key.clone(),
        remark: metric.remark(),
        id: format!("density{at}"),
        chart: Chart::Densities(metric),
    });
    let gallery = Gallery { lead, experiment, pictures: pictures.collect() };
    vec![Section::new("Estimates", Level::Section).with([Element::Gallery(gallery)])]
}
