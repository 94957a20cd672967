//! The charts of one look at the data: posteriors, relative differences, distributions and
//! failures.
//!
//! Guarantees: `None` where there is nothing to draw, never an empty chart.
//!
//! Does not know: the page around them.

use super::drawing::{Drawing, WIDTH, arm, diamond};
use super::scale::{Axis, Scale};
use crate::analysis::Posterior;
use crate::figure::{self, MISSING, Unit};
use crate::report::charts::{Distribution, drawn};
use crate::report::data::{ReportedExperiment, ReportedMetric, ReportedVariation};
use crate::report::number::Number;

/// Pieces of a curve.
const PIECES: usize = 80;

/// What is drawn of one posterior.
struct Curve<'a> {
    variation: &'a ReportedVariation,
    posterior: Posterior,
    from: f64,
    to: f64,
}

impl<'a> Curve<'a> {
    fn of(variation: &'a ReportedVariation) -> Option<Self> {
        let posterior = variation.posterior?.posterior()?;
        let (from, to) = drawn(&posterior);
        Some(Self { variation, posterior, from, to })
    }

    /// The density at even steps between two values.
    fn points(&self, from: f64, to: f64) -> Vec<(f64, f64)> {
        let point = |nth: usize| {
            let x = from + (to - from) * nth as f64 / PIECES as f64;
            (x, self.posterior.density(x))
        };
        (0..=PIECES).map(point).filter(|(_, y)| y.is_finite()).collect()
    }
}

/// The posterior densities of one metric, with the credible interval filled, and the truth where it
/// is known.
pub(super) fn densities(
    experiment: &ReportedExperiment,
    metric: &ReportedMetric,
    id: &str,
) -> Option<String> {
    let curves: Vec<Curve<'_>> = metric.variations.iter().filter_map(Curve::of).collect();
    let truths: Vec<f64> =
        metric.variations.iter().filter_map(|own| Some(own.truth?.mean?.get())).collect();
    let from =
        curves.iter().map(|curve| curve.from).chain(truths.iter().copied()).reduce(f64::min)?;
    let to = curves.iter().map(|curve| curve.to).chain(truths.iter().copied()).reduce(f64::max)?;
    let unit = metric.measure();
    let describe = |curve: &Curve<'_>| {
        let own = curve.variation;
        let truth = own
            .truth
            .and_then(|truth| truth.mean)
            .map_or_else(String::new, |mean| format!(", truth {}", unit.value(mean.get())));
        format!(
            "{}: {}, {} interval {}{truth}",
            experiment.name_of(&own.key),
            text(own.posterior_mean, |x| unit.value(x)),
            experiment.mass(),
            ends(own.credible_interval, |x| unit.value(x)),
        )
    };
    let description = curves.iter().map(describe).collect::<Vec<_>>().join("; ");
    let (top, floor) = (8.0, 120.0);
    let mut drawing = Drawing::new(
        id,
        floor + 20.0,
        &format!("Posterior densities of {}", metric.title()),
        &description,
    );
    let x = Scale::linear(from, to, (4.0, WIDTH - 4.0));
    drawing.axis_below(&x, Axis::Value(Unit::new(metric.kind, &metric.unit)), top, floor);
    let shapes: Vec<Vec<(f64, f64)>> =
        curves.iter().map(|curve| curve.points(curve.from, curve.to)).collect();
    let peak = shapes.iter().flatten().map(|(_, density)| *density).fold(0.0, f64::max);
    let y = Scale::linear(0.0, if peak > 0.0 { peak } else { 1.0 }, (floor, top));
    for (curve, shape) in curves.iter().zip(&shapes) {
        let class = arm(experiment, &curve.variation.key);
        if shape.iter().all(|(_, density)| *density <= 0.0) {
            // A posterior without any spread is one value.
            let place = x.place(curve.posterior.mean());
            drawing.line(&format!("curve {class}"), (place, floor), (place, top));
            continue;
        }
        let place = |(value, density): &(f64, f64)| (x.place(*value), y.place(*density));
        if let Some([lower, upper]) = curve.variation.credible_interval {
            let inside = curve.points(lower.get().max(curve.from), upper.get().min(curve.to));
            drawing.area(
                &format!("area {class}"),
                &inside.iter().map(place).collect::<Vec<_>>(),
                floor,
            );
        }
        drawing.curve(
            &format!("curve {class}"),
            &shape.iter().map(|point| Some(place(point))).collect::<Vec<_>>(),
        );
        let mean = curve.posterior.mean();
        drawing.line(
            &format!("mean {class}"),
            (x.place(mean), floor),
            (x.place(mean), y.place(curve.posterior.density(mean))),
        );
    }
    for variation in &metric.variations {
        if let Some(truth) = variation.truth.and_then(|truth| truth.mean) {
            diamond(
                &mut drawing,
                &format!("truth {}", arm(experiment, &variation.key)),
                (x.place(truth.get()), floor),
            );
        }
    }
    Some(drawing.finish())
}

/// How the users' values of one metric are spread in each variation, with the 95th percentile.
pub(super) fn distribution(
    experiment: &ReportedExperiment,
    metric: &ReportedMetric,
    spread: &Distribution,
    id: &str,
) -> Option<String> {
    let (from, to) = (spread.edges.first()?.get(), spread.edges.last()?.get());
    let shares = |counts: &[u64]| {
        let users = counts.iter().sum::<u64>();
        counts
            .iter()
            .map(|count| if users == 0 { 0.0 } else { *count as f64 / users as f64 })
            .collect::<Vec<f64>>()
    };
    let arms: Vec<(String, Vec<f64>)> = spread
        .variations
        .iter()
        .map(|own| (arm(experiment, &own.key), shares(&own.counts)))
        .filter(|(_, own)| own.iter().any(|share| *share > 0.0))
        .collect();
    let most = arms.iter().flat_map(|(_, own)| own.iter().copied()).reduce(f64::max)?;
    let unit = Unit::new(metric.kind, &metric.unit);
    let describe = |own: &crate::report::charts::Spread| {
        let [half, ninety, p95, p99] = own.percentiles?.map(|x| unit.value(x.get()));
        Some(format!(
            "{}: median {half}, 90th percentile {ninety}, 95th {p95}, 99th {p99}",
            experiment.name_of(&own.key)
        ))
    };
    let description = spread.variations.iter().filter_map(describe).collect::<Vec<_>>().join("; ");
    let (top, floor) = (8.0, 120.0);
    let mut drawing = Drawing::new(
        id,
        floor + 20.0,
        &format!("Distribution of {}", metric.title()),
        &description,
    );
    let x = Scale::proportional(from, to, (4.0, WIDTH - 4.0));
    let y = Scale::linear(0.0, most, (floor, top));
    drawing.axis_below(&x, Axis::Value(unit), top, floor);
    for (class, own) in &arms {
        let mut points = Vec::with_capacity(2 * own.len());
        for (share, edges) in own.iter().zip(spread.edges.windows(2)) {
            points.extend(edges.iter().map(|edge| (x.place(edge.get()), y.place(*share))));
        }
        drawing.area(&format!("area {class}"), &points, floor);
        drawing.curve(&format!("curve {class}"), &points.into_iter().map(Some).collect::<Vec<_>>());
    }
    for own in &spread.variations {
        if let Some([.., p95, _]) = own.percentiles {
            let place = x.place(p95.get());
            drawing.line(
                &format!("percentile {}", arm(experiment, &own.key)),
                (place, top),
                (place, floor),
            );
        }
    }
    Some(drawing.finish())
}

/// Failures by kind, a bar for each variation.
pub(super) fn failures(experiment: &ReportedExperiment, id: &str) -> Option<String> {
    let mut kinds: Vec<&str> = Vec::new();
    for failure in &experiment.failures {
        if !kinds.contains(&failure.kind.as_str()) {
            kinds.push(&failure.kind);
        }
    }
    let count = |kind: &str, key: &str| {
        let own = experiment
            .failures
            .iter()
            .filter(|failure| failure.kind == kind && failure.variation == key);
        own.map(|failure| failure.count).sum::<u64>()
    };
    let share = |count: u64, users: u64| if users == 0 { 0.0 } else { count as f64 / users as f64 };
    let arms = &experiment.exposures.0;
    let most = kinds
        .iter()
        .flat_map(|kind| arms.iter().map(|(key, users)| share(count(kind, key), *users)))
        .reduce(f64::max)?;
    let (label, line) = (17.0, 15.0);
    let floor = kinds.len() as f64 * (label + line * arms.len() as f64 + 6.0);
    let of_kind = |kind: &&str| {
        let own: Vec<String> = arms
            .iter()
            .map(|(key, _)| {
                format!("{} {}", experiment.name_of(key), figure::count(count(kind, key)))
            })
            .collect();
        format!("{kind}: {}", own.join(", "))
    };
    let description = kinds.iter().map(of_kind).collect::<Vec<_>>().join("; ");
    let mut drawing = Drawing::new(
        id,
        floor + 20.0,
        "Failed requests by kind, as a share of the exposed users",
        &description,
    );
    let x = Scale::linear(0.0, most, (4.0, WIDTH - 44.0));
    drawing.axis_below(&x, Axis::Share, 0.0, floor);
    let mut y = 0.0;
    for kind in kinds {
        y += label;
        drawing.label("name", (4.0, y - 4.0), WIDTH - 8.0, kind);
        for (key, users) in arms {
            let own = count(kind, key);
            drawing.rectangle(
                &format!("bar {}", arm(experiment, key)),
                (x.place(0.0), y + 2.0),
                (x.place(share(own, *users)), y + line - 2.0),
            );
            drawing.text("value", "end", (WIDTH, y + line - 3.5), &figure::count(own));
            y += line;
        }
        y += 6.0;
    }
    Some(drawing.finish())
}

/// A number's text, or the sign of a missing one.
fn text(number: Option<Number>, show: impl Fn(f64) -> String) -> String {
    number.map_or_else(|| MISSING.to_owned(), |number| show(number.get()))
}

fn ends(ends: Option<[Number; 2]>, show: impl Fn(f64) -> String) -> String {
    ends.map_or_else(
        || MISSING.to_owned(),
        |[lower, upper]| figure::interval(&show(lower.get()), &show(upper.get())),
    )
}
