//! A paired design: where differences between scores come from, and what more of anything buys.

use crate::figure;
use crate::report::cells::shown;
use crate::report::data::{ReportedExperiment, ReportedMetric};
use crate::report::document::{Element, Level, Section};
use crate::report::number::Number;
use crate::report::paired::{CheapestMix, PairedEvaluation, PairedMetric};
use crate::report::table::{Cell, Column, Row, Table, Tone};

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(paired) = &experiment.paired else { return Vec::new() };
    let mut elements = vec![Element::Note(design(paired), Tone::Plain)];
    if !paired.metrics.is_empty() {
        elements.push(Element::Table(split(experiment, paired)));
        elements.push(Element::Note(how(paired), Tone::Dim));
        elements.push(Element::Table(more(experiment, paired)));
    }
    let primary = experiment.metrics.first();
    let cheapest = paired.cheapest.as_ref().zip(primary);
    elements.extend(
        cheapest.map(|(mix, primary)| Element::Note(cheaper(mix, paired, primary), Tone::Plain)),
    );
    vec![Section::new("The same questions in every variation", Level::Section).with(elements)]
}

/// `1 answer`, `2 answers`.
fn counted(count: u64, one: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {one}{ending}", figure::count(count))
}

fn design(paired: &PairedEvaluation) -> String {
    let memory = match paired.remembers {
        0 => String::new(),
        _ => format!(
            " The agents could read up to {} of whichever variation: what one variation answered can change what the other one does.",
            counted(paired.remembers.into(), "earlier answer")
        ),
    };
    format!(
        "{}, each answered {} by every variation; {} of each answer. The analysis is by question.{memory}",
        counted(paired.questions, "question"),
        times(paired.repeats),
        counted(paired.judgings.into(), "judging"),
    )
}

/// `once`, `3 times`.
fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

fn split(experiment: &ReportedExperiment, paired: &PairedEvaluation) -> Table {
    let columns = vec![
        Column::words("standard deviation"),
        Column::number("question\n(cancels)"),
        Column::number("effect by\nquestion"),
        Column::number("answer"),
        Column::number("judging"),
        Column::number("pairing saves"),
    ];
    let row = |own: &PairedMetric, metric: &ReportedMetric| {
        let sd = |value: Option<Number>, name: &str| {
            let mut cell = shown(value, |x| metric.measure().value(x));
            if own.truncated.iter().any(|own| own == name) {
                cell.text.push('*');
            }
            cell
        };
        let saves = own.standard_error.zip(own.unpaired_error).and_then(|(own, other)| {
            Number::new(1.0 - (own.get() / other.get()) * (own.get() / other.get()))
        });
        Row::Cells(vec![
            Cell::new(label(experiment, own)),
            sd(own.question_standard_deviation, "question"),
            sd(own.effect_standard_deviation, "effect"),
            sd(own.answer_standard_deviation, "answer"),
            sd(own.judging_standard_deviation, "judging"),
            shown(saves, figure::percent),
        ])
    };
    Table { columns, rows: rows(experiment, paired, row) }
}

fn more(experiment: &ReportedExperiment, paired: &PairedEvaluation) -> Table {
    let columns = vec![
        Column::words("standard error of the difference"),
        Column::number("now"),
        Column::number("one more\nquestion"),
        Column::number("one more\nanswer"),
        Column::number("one more\njudging"),
    ];
    let row = |own: &PairedMetric, metric: &ReportedMetric| {
        let change = |value: Option<Number>| {
            let ratio = own.standard_error.zip(value);
            let ratio = ratio.and_then(|(now, then)| Number::new(then.get() / now.get() - 1.0));
            shown(ratio, figure::change)
        };
        let now = |x: f64| metric.measure().change(x).replace(" points", " pts").replace('+', "");
        Row::Cells(vec![
            Cell::new(label(experiment, own)),
            shown(own.standard_error, now),
            change(own.error_with_question),
            change(own.error_with_answer),
            change(own.error_with_judging),
        ])
    };
    Table { columns, rows: rows(experiment, paired, row) }
}

fn rows(
    experiment: &ReportedExperiment,
    paired: &PairedEvaluation,
    row: impl Fn(&PairedMetric, &ReportedMetric) -> Row,
) -> Vec<Row> {
    let metric =
        |own: &PairedMetric| experiment.metrics.iter().find(|metric| metric.key == own.metric);
    paired.metrics.iter().filter_map(|own| Some(row(own, metric(own)?))).collect()
}

fn label(experiment: &ReportedExperiment, own: &PairedMetric) -> String {
    if experiment.treatments().count() > 1 {
        format!("{}, {}", own.metric, experiment.name_of(&own.variation))
    } else {
        own.metric.clone()
    }
}

fn how(paired: &PairedEvaluation) -> String {
    let mut how = "Split by the method of moments. What a question adds in both variations cancels; \"pairing saves\" is the share of \
                   the variance that goes with it."
        .to_owned();
    if paired.metrics.iter().any(|own| !own.truncated.is_empty()) {
        how += " *: the estimate was negative, and counts as 0.";
    }
    if paired.repeats == 1 {
        how += " With one answer each, answers are not distinguishable from questions: what they add is in \"effect by question\".";
    }
    if paired.judgings == 1 {
        how += " With one judging each, what judgings add is in the column before.";
    }
    how
}

fn cheaper(mix: &CheapestMix, paired: &PairedEvaluation, primary: &ReportedMetric) -> String {
    let money = |value: Number| figure::money(value.get());
    let difference = primary.measure().change(mix.difference.get()).replace('+', "");
    let same = (mix.questions, mix.repeats, mix.judgings)
        == (paired.questions, paired.repeats, paired.judgings);
    let found = format!(
        "This design finds a difference of {difference} in {} in {} of evaluations and costs {}.",
        primary.key,
        figure::percent(mix.power.get()),
        money(mix.cost_usd)
    );
    let priced = "A price for collecting questions belongs to `simlab plan --paired`.";
    if same {
        return format!("{found} No mix finds it for less. {priced}");
    }
    format!(
        "{found} The cheapest mix that does: {}, {} of each variation, {} of each: {}. {priced}",
        counted(mix.questions, "question"),
        counted(mix.repeats.into(), "answer"),
        counted(mix.judgings.into(), "judging"),
        money(mix.cheapest_cost_usd)
    )
}
