//! The charts in which one thing leads to the next: results as users arrive, and costs that add up.
//!
//! Guarantees: `None` where there is nothing to draw, never an empty chart.
//!
//! Does not know: the page around them.

use super::drawing::{Drawing, LETTER, WIDTH, arm, room_for};
use super::scale::{Axis, Scale};
use crate::figure::{self, Unit};
use crate::report::charts::MetricOverTime;
use crate::report::data::{Cost, ReportedExperiment, ReportedMetric};
use crate::report::number::Number;

/// The arms' averages of one metric and the probabilities to beat the control as users arrive,
/// every look marked.
pub(super) fn over_time(
    experiment: &ReportedExperiment,
    metric: &ReportedMetric,
    series: &MetricOverTime,
    users: &[u64],
    id: &str,
) -> Option<String> {
    let unit = metric.measure();
    let means = || {
        series
            .variations
            .iter()
            .flat_map(|own| own.data_mean.iter().flatten().map(|mean| mean.get()))
    };
    let (low, high) = (means().reduce(f64::min)?, means().reduce(f64::max)?);
    let last = *users.last()?;
    let describe = |own: &crate::report::charts::VariationOverTime| {
        let ends = |values: &[Option<Number>], show: &dyn Fn(f64) -> String| {
            let known: Vec<String> = [values.first(), values.last()]
                .into_iter()
                .flatten()
                .flatten()
                .map(|x| show(x.get()))
                .collect();
            known.join(" to ")
        };
        let beats = match own.probability_to_beat_control.is_empty() {
            true => String::new(),
            false => format!(
                ", probability to beat the control {}",
                ends(&own.probability_to_beat_control, &figure::probability)
            ),
        };
        format!(
            "{}: {}{beats}",
            experiment.name_of(&own.key),
            ends(&own.data_mean, &|x| unit.value(x))
        )
    };
    let description = series.variations.iter().map(describe).collect::<Vec<_>>().join("; ");
    let title = format!("{} as {} users arrive", metric.title(), figure::count(last));
    let compared = series
        .variations
        .iter()
        .any(|own| own.probability_to_beat_control.iter().any(Option::is_some));
    // Two panels above one axis: averages, and what they say.
    let (top, middle, second, floor) = (18.0, 118.0, 148.0, 228.0);
    let bottom = if compared { floor } else { middle };
    let mut drawing = Drawing::new(id, bottom + 34.0, &title, &description);
    let slack = ((high - low) * 0.06).max(high.abs() * 1e-3);
    let y = Scale::linear(low - slack, high + slack, (middle, top));
    let axis = Axis::Value(Unit::new(metric.kind, &metric.unit));
    let chances = Scale::linear(0.0, 1.0, (floor, second));
    let left = room_for(&y, axis).max(room_for(&chances, Axis::Share));
    let x = Scale::linear(0.0, last as f64, (left, WIDTH - 6.0));
    drawing.text("tick", "start", (0.0, 10.0), "average so far");
    drawing.axis_left(&y, axis, left, WIDTH - 6.0);
    drawing.axis_below(&x, Axis::Count, if compared { second } else { top }, bottom);
    drawing.text("tick", "middle", ((left + WIDTH - 6.0) / 2.0, bottom + 29.0), "users arrived");
    for own in &series.variations {
        let points = users
            .iter()
            .zip(&own.data_mean)
            .map(|(users, mean)| mean.map(|mean| (x.place(*users as f64), y.place(mean.get()))));
        drawing.curve(&format!("curve {}", arm(experiment, &own.key)), &points.collect::<Vec<_>>());
    }
    if compared {
        drawing.text("tick", "start", (0.0, second - 9.0), "probability to beat the control");
        drawing.axis_left(&chances, Axis::Share, left, WIDTH - 6.0);
        for threshold in [experiment.threshold, 1.0 - experiment.threshold] {
            let place = chances.place(threshold);
            drawing.line("threshold", (left, place), (WIDTH - 6.0, place));
        }
        for own in
            series.variations.iter().filter(|own| !own.probability_to_beat_control.is_empty())
        {
            let class = arm(experiment, &own.key);
            let points = users.iter().zip(&own.probability_to_beat_control);
            let points: Vec<Option<(f64, f64)>> = points
                .map(|(users, chance)| {
                    chance.map(|chance| (x.place(*users as f64), chances.place(chance.get())))
                })
                .collect();
            drawing.curve(&format!("thin {class}"), &points);
            for (nth, point) in points.iter().enumerate() {
                if let Some((x, y)) = point {
                    let size = if nth + 1 == points.len() { 3.5 } else { 1.6 };
                    drawing.rectangle(
                        &format!("point {class}"),
                        (x - size, y - size),
                        (x + size, y + size),
                    );
                }
            }
        }
    }
    Some(drawing.finish())
}

/// One bar of a waterfall.
struct Step {
    label: String,
    from: f64,
    to: f64,
    value: String,
    class: String,
}

/// The most that a user costs in any variation: the common scale of all waterfalls.
fn dearest(experiment: &ReportedExperiment) -> Option<f64> {
    experiment
        .cost_totals
        .iter()
        .filter_map(|total| total.cost_per_user_usd)
        .map(Number::get)
        .reduce(f64::max)
}

/// The cost of each agent in one variation, its models together, in order of appearance; `None`
/// where a price is missing.
fn agents<'a>(experiment: &'a ReportedExperiment, variation: &str) -> Vec<(&'a str, Option<f64>)> {
    let mut agents: Vec<(&str, Option<f64>)> = Vec::new();
    for Cost { agent, cost_per_user_usd, .. } in
        experiment.costs.iter().filter(|cost| cost.variation == variation)
    {
        let cost = cost_per_user_usd.map(Number::get);
        match agents.iter_mut().find(|(own, _)| own == agent) {
            Some((_, sum)) => *sum = sum.zip(cost).map(|(sum, cost)| sum + cost),
            None => agents.push((agent, cost)),
        }
    }
    agents
}

/// What each agent adds to the cost of a user of one variation.
pub(super) fn costs(experiment: &ReportedExperiment, variation: &str, id: &str) -> Option<String> {
    let most = dearest(experiment)?;
    let class = format!("bar {}", arm(experiment, variation));
    let mut steps = Vec::new();
    let mut sum = 0.0;
    for (agent, cost) in agents(experiment, variation) {
        let cost = cost?;
        let value = if cost == 0.0 { "free".to_owned() } else { figure::money(cost) };
        steps.push(Step {
            label: agent.to_owned(),
            from: sum,
            to: sum + cost,
            value,
            class: class.clone(),
        });
        sum += cost;
    }
    if steps.is_empty() {
        return None;
    }
    steps.push(Step {
        label: "total".to_owned(),
        from: 0.0,
        to: sum,
        value: figure::money(sum),
        class,
    });
    Some(waterfall(
        &format!("Cost of a user of {} by agent", experiment.name_of(variation)),
        &steps,
        Unit::Dollars,
        most,
        id,
    ))
}

/// How the cost of a user of the control becomes that of a treatment, agent by agent.
pub(super) fn cost_changes(
    experiment: &ReportedExperiment,
    treatment: &str,
    id: &str,
) -> Option<String> {
    let most = dearest(experiment)?;
    let (before, after) = (agents(experiment, &experiment.control), agents(experiment, treatment));
    let start: f64 = before.iter().map(|(_, cost)| *cost).sum::<Option<f64>>()?;
    let bar = |key: &str| format!("bar {}", arm(experiment, key));
    let name = |key: &str| experiment.name_of(key).to_owned();
    let whole = |key: &str, to: f64| Step {
        label: name(key),
        from: 0.0,
        to,
        value: figure::money(to),
        class: bar(key),
    };
    let mut steps = vec![whole(&experiment.control, start)];
    let mut sum = start;
    let mut order: Vec<&str> = before.iter().map(|(agent, _)| *agent).collect();
    order.extend(
        after
            .iter()
            .map(|(agent, _)| *agent)
            .filter(|agent| !before.iter().any(|(own, _)| own == agent)),
    );
    for agent in order {
        let of = |all: &[(&str, Option<f64>)]| {
            all.iter().find(|(own, _)| *own == agent).map_or(Some(0.0), |(_, cost)| *cost)
        };
        let change = of(&after)? - of(&before)?;
        let class = if change > 0.0 { "bar costlier" } else { "bar cheaper" };
        let sign = if change > 0.0 {
            "+"
        } else if change < 0.0 {
            "-"
        } else {
            ""
        };
        // What no bar could show is called nothing.
        let value = if change.abs() < most * 5e-4 {
            "≈ $0".to_owned()
        } else {
            format!("{sign}{}", figure::money(change.abs()))
        };
        steps.push(Step {
            label: agent.to_owned(),
            from: sum,
            to: sum + change,
            value,
            class: class.to_owned(),
        });
        sum += change;
    }
    if after.is_empty() || steps.len() < 2 {
        return None;
    }
    steps.push(whole(treatment, sum));
    let title =
        format!("From the cost of {} to that of {}", name(&experiment.control), name(treatment));
    let highest = steps.iter().map(|step| step.from.max(step.to)).fold(most, f64::max);
    Some(waterfall(&title, &steps, Unit::Dollars, highest, id))
}

/// What each agent adds to the mean latency of a request of one variation.
pub(super) fn waits(experiment: &ReportedExperiment, variation: &str, id: &str) -> Option<String> {
    let own = |variation: &str| -> Option<Vec<(String, f64)>> {
        let all = experiment.agents.iter().filter(|own| own.variation == variation);
        all.map(|own| Some((own.agent.clone(), own.critical_ms?.get()))).collect()
    };
    let sum = |variation: &str| Some(own(variation)?.iter().map(|(_, ms)| ms).sum::<f64>());
    let variations = experiment.exposures.0.iter().map(|(key, _)| key.as_str());
    let most = variations.filter_map(sum).reduce(f64::max)?;
    let unit = Unit::Milliseconds;
    let class = format!("bar {}", arm(experiment, variation));
    let step = |label: String, from: f64, to: f64| {
        let value = unit.value(to - from);
        Step { label, from, to, value, class: class.clone() }
    };
    let mut steps = Vec::new();
    let mut so_far = 0.0;
    for (agent, ms) in own(variation)?.into_iter().filter(|(_, ms)| *ms > 0.0) {
        steps.push(step(agent, so_far, so_far + ms));
        so_far += ms;
    }
    if steps.is_empty() {
        return None;
    }
    steps.push(step("total".to_owned(), 0.0, so_far));
    let title = format!("Latency of a request of {} by agent", experiment.name_of(variation));
    Some(waterfall(&title, &steps, unit, most, id))
}

fn waterfall(title: &str, steps: &[Step], unit: Unit<'_>, most: f64, id: &str) -> String {
    let (line, value) = (22.0, 76.0);
    let longest = steps.iter().map(|step| step.label.chars().count()).max().unwrap_or(0);
    let label = (longest as f64 * LETTER + 8.0).clamp(60.0, 130.0);
    let floor = steps.len() as f64 * line + 4.0;
    let description = steps
        .iter()
        .map(|step| format!("{}: {}", step.label, step.value))
        .collect::<Vec<_>>()
        .join("; ");
    let mut drawing = Drawing::new(id, floor + 20.0, title, &description);
    let x = Scale::linear(0.0, most, (label, WIDTH - value));
    drawing.axis_below(&x, Axis::Value(unit), 0.0, floor);
    for (nth, step) in steps.iter().enumerate() {
        let y = nth as f64 * line;
        drawing.label("name", (0.0, y + 15.0), label - 6.0, &step.label);
        drawing.rectangle(
            &step.class,
            (x.place(step.from), y + 4.0),
            (x.place(step.to), y + line - 4.0),
        );
        if nth + 1 < steps.len() {
            drawing.line(
                "link",
                (x.place(step.to), y + line - 4.0),
                (x.place(step.to), y + line + 4.0),
            );
        }
        drawing.text("value", "end", (WIDTH, y + 15.0), &step.value);
    }
    drawing.finish()
}
