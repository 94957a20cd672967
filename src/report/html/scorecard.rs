//! The scorecard: what the rule requires, a row for each metric with its interval drawn in line, and
//! health.
//!
//! Guarantees: a color never says anything that a word does not say: green is better than the
//! control or passed, red is worse or failed, grey is unclear. On a narrow screen a row becomes a
//! card, so nothing is cut.
//!
//! Does not know: how a verdict is drawn.

use maud::{Markup, PreEscaped, html};

use super::drawing::{Drawing, arrow, diamond};
use super::parts::{badge, checklist, class};
use super::scale::{Axis, Scale};
use super::words::PageWords;
use crate::experiment::{Better, Method};
use crate::report::data::ReportedExperiment;
use crate::report::document::{Checklist, Scorecard, ScoredMetric, ScoredTreatment};
use crate::report::escape::plain;
use crate::report::table::{Cell, Tone};

/// Width and height of an interval, in its own units.
const SIZE: (f64, f64) = (190.0, 26.0);

/// A scorecard; `id` is that of its health, unique in the page.
pub(super) fn scorecard(card: &Scorecard<'_>, id: &str, words: &PageWords) -> Markup {
    let name = plain(&card.experiment.name);
    html! {
        section.scorecard aria-label={ "Scorecard of " (name) } {
            @if let Some(criteria) = &card.criteria { (requirements(criteria, words)) }
            @for treatment in &card.treatments { (table(card.experiment, treatment, words)) }
            @if !card.treatments.is_empty() { (key(card, words)) }
            @for remark in &card.remarks { p.small.dim { (words.text(remark)) } }
            (health(card, id, words))
        }
    }
}

/// What the rule requires, a short line each.
fn requirements(criteria: &Checklist, words: &PageWords) -> Markup {
    html! {
        ul.criteria aria-label="Decision rule" {
            @for row in &criteria.rows {
                li class=[row.name.is_empty().then_some("wide")] style=[(row.depth > 0).then(|| format!("margin-left:{}rem", row.depth.min(8)))] {
                    (badge(row.mark))
                    span {
                        @if !row.name.is_empty() { strong.below { (words.text(&row.name)) } }
                        span.small.dim { (words.text(&row.detail)) }
                    }
                }
            }
        }
    }
}

fn table(
    experiment: &ReportedExperiment,
    treatment: &ScoredTreatment<'_>,
    words: &PageWords,
) -> Markup {
    let control = plain(experiment.name_of(&experiment.control));
    let (name, [of_control, of_treatment]) = (plain(&treatment.name), &treatment.users);
    let scale = scale(&treatment.rows);
    let interval = format!("{} interval", experiment.mass());
    let of_interval = match experiment.method {
        Method::Bayesian => "credible interval",
        Method::Frequentist | Method::Sequential => "",
    };
    html! {
        table.score role="table" {
            caption role="caption" { strong { (name) } " (" (of_treatment) ") against " strong { (control) } ", the " (words.explained("control", "control")) " (" (of_control) ")" }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Metric" }
                    th.number scope="col" role="columnheader" { (control) }
                    th.number scope="col" role="columnheader" { (name) }
                    th.number scope="col" role="columnheader" { (words.explained("Change", "change")) }
                    th.drawn scope="col" role="columnheader" {
                        (words.explained(&interval, of_interval))
                        @if let Some(scale) = &scale { (PreEscaped(axis(scale))) }
                    }
                    th.number scope="col" role="columnheader" { (words.explained("Chance to beat", "probability to beat control")) }
                    th scope="col" role="columnheader" { (words.explained("Reading", "threshold")) ", " (words.explained("expected loss", "expected loss")) }
                }
            }
            tbody role="rowgroup" {
                @for row in &treatment.rows { (metric(row, &control, &name, &interval, scale.as_ref(), words)) }
            }
        }
    }
}

fn metric(
    row: &ScoredMetric<'_>,
    control: &str,
    treatment: &str,
    interval: &str,
    scale: Option<&Scale>,
    words: &PageWords,
) -> Markup {
    let better = match row.metric.better {
        Better::Higher => "↑ higher is better",
        Better::Lower => "↓ lower is better",
    };
    let [of_control, of_treatment] = &row.values;
    let value = |label: &str, (cell, from): &(Cell, String)| {
        html! {
            td.number role="cell" data-label=(label) {
                span { (toned(cell)) @if !from.is_empty() { span.small.dim.below { (from) } } }
            }
        }
    };
    let drawing = scale.and_then(|scale| drawn(row, scale));
    html! {
        tr role="row" {
            th scope="row" role="rowheader" {
                span.metric { (words.text(&row.metric.key)) }
                @if row.metric.primary { " " span.badge { "primary" } }
                span.small.dim.below { (better) }
            }
            (value(control, of_control))
            (value(treatment, of_treatment))
            td.number role="cell" data-label="Change" {
                span {
                    strong { (toned(&row.change)) }
                    @if let Some(truth) = row.truth { span.small.dim.below { "truth " (crate::figure::change(truth)) } }
                }
            }
            td.drawn role="cell" data-label=(interval) {
                span {
                    @if let Some(drawing) = drawing { (PreEscaped(drawing)) }
                    span.small.dim.below { (plain(&row.interval.text)) }
                }
            }
            td.number role="cell" data-label="Chance to beat" { (toned(&row.beats)) }
            td role="cell" data-label="Reading" {
                span {
                    span class={ "reading " (class(row.reading.tone)) } { (sign(row.reading.tone)) (row.reading.text) }
                    span.small.dim.below { "expected loss " (plain(&row.loss.text)) }
                }
            }
        }
    }
}

/// A sign next to the word, so that it is found without its color.
fn sign(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "✓ ",
        Tone::Bad => "✗ ",
        _ => "",
    }
}

fn toned(cell: &Cell) -> Markup {
    html! { @if cell.tone == Tone::Plain { (plain(&cell.text)) } @else { span class=(class(cell.tone)) { (plain(&cell.text)) } } }
}

/// The range that all intervals of a treatment share; `None` where there are none.
fn scale(rows: &[ScoredMetric<'_>]) -> Option<Scale> {
    let values = || rows.iter().filter_map(|row| row.drawn).flatten();
    let truths = || rows.iter().filter_map(|row| row.truth);
    // Far out, a change says no more than that it is large.
    let from = values().chain(truths()).reduce(f64::min)?.clamp(-1.5, 0.0);
    let to = values().chain(truths()).reduce(f64::max)?.clamp(0.0, 3.0);
    let slack = (to - from).max(0.02) * 0.05;
    Some(Scale::linear(from - slack, to + slack, (7.0, SIZE.0 - 7.0)))
}

/// The round changes of the scale.
fn axis(scale: &Scale) -> String {
    let mut drawing = Drawing::in_line(SIZE.0, 16.0);
    let mut last = f64::NEG_INFINITY;
    for (value, text) in scale.ticks(4, Axis::Change) {
        let place = scale.place(value);
        let half = text.chars().count() as f64 * 3.4;
        let middle = place.clamp(half, SIZE.0 - half);
        if middle - half > last {
            drawing.text("tick", "middle", (middle, 12.0), &text);
            last = middle + half + 4.0;
        }
    }
    drawing.finish()
}

/// The interval of a metric, with the line of no change.
fn drawn(row: &ScoredMetric<'_>, scale: &Scale) -> Option<String> {
    let [lower, change, upper] = row.drawn?;
    let mut drawing = Drawing::in_line(SIZE.0, SIZE.1);
    let (middle, bottom) = (SIZE.1 / 2.0, SIZE.1);
    let meaning = match row.reading.tone {
        Tone::Good => "means-good",
        Tone::Bad => "means-bad",
        _ => "means-unclear",
    };
    for (value, _) in scale.ticks(4, Axis::Change) {
        drawing.line("grid", (scale.place(value), 0.0), (scale.place(value), bottom));
    }
    drawing.line("zero", (scale.place(0.0), 0.0), (scale.place(0.0), bottom));
    let (left, right) = (scale.place(lower), scale.place(upper));
    drawing.line(&format!("interval {meaning}"), (left, middle), (right, middle));
    for (end, place) in [(lower, left), (upper, right)] {
        // An end that lies outside has no cap.
        if scale.holds(end) {
            drawing.line(&format!("cap {meaning}"), (place, middle - 5.0), (place, middle + 5.0));
        }
    }
    let place = scale.place(change);
    if scale.holds(change) {
        let class = format!("point {meaning}");
        drawing.rectangle(&class, (place - 4.0, middle - 4.0), (place + 4.0, middle + 4.0));
    } else {
        arrow(&mut drawing, &format!("point {meaning}"), (place, middle), change > 0.0);
    }
    if let Some(truth) = row.truth {
        let place = (scale.place(truth), middle);
        if scale.holds(truth) {
            diamond(&mut drawing, "truth plain", place);
        } else {
            arrow(&mut drawing, "truth plain", place, truth > 0.0);
        }
    }
    Some(drawing.finish())
}

/// How the table is to be read.
fn key(card: &Scorecard<'_>, words: &PageWords) -> Markup {
    let truth = card.treatments.iter().flat_map(|own| &own.rows).any(|row| row.truth.is_some());
    html! {
        p.small.dim {
            "Bar: interval of the change; square: estimate; upright line: no change. Green: better than the control. Red: worse. Grey: unclear. An arrow lies further out."
            // A narrow screen has no room for the headings that explain them.
            span.narrow {
                " Words: " (words.explained("change", "change")) ", " (words.explained("chance to beat", "probability to beat control")) ", "
                (words.explained("reading", "threshold")) ", " (words.explained("expected loss", "expected loss")) "."
            }
            @if truth { " Diamond: the " (words.explained("true effect", "truth")) " on users, every user in that variation." }
        }
    }
}

/// Health: a line where all is well, and what is not well in full.
fn health(card: &Scorecard<'_>, id: &str, words: &PageWords) -> Markup {
    let (doubts, passed) = (card.doubts.rows.len(), card.passed.rows.len());
    let checks = |n: usize| if n == 1 { "1 check".to_owned() } else { format!("{n} checks") };
    html! {
        @if doubts + passed > 0 {
            div.health id=(id) {
                @if doubts > 0 {
                    h3 { (words.explained("Health", "health checks")) }
                    (checklist(&card.doubts, words))
                }
                @if passed > 0 {
                    details {
                        summary {
                            span.good { "✓ " }
                            @if doubts > 0 { (checks(passed)) " passed" } @else { "Health: all " (checks(passed)) " passed" }
                        }
                        (checklist(&card.passed, words))
                    }
                }
            }
        }
    }
}
