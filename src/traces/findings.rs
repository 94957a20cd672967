//! A calibration from traces: the scenario, and what is reported about it.
//!
//! Does not know: files and terminals.

use schemars::JsonSchema;
use serde::Serialize;

use super::draft::{FigureUnit, TraceFigure, drafted};
use super::format::TraceFormat;
use super::reader::{ReadCounts, TraceReader};
use super::simulate::matched;
use crate::diagnostic::Diagnostic;
use crate::figure::{self, count};
use crate::live::calibrate::LEAST;
use crate::report::document::{Element, Level, List, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::{Palette, document_to_text};

/// Name and version of the JSON.
const SCHEMA: &str = "simlab.calibrate-traces/1";

/// What was found in traces.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct TraceCalibration {
    /// `simlab.calibrate-traces/1`. It changes only if a field changes its meaning.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// Probability of each interval.
    pub interval_mass: f64,
    /// Traces with model calls.
    pub traces: u64,
    /// Model calls that count: leaves only, without judges, answer caches and calls that were tried again.
    pub model_calls: u64,
    /// What was read, and what of it does not count, in sentences.
    pub read: Vec<String>,
    /// What was measured.
    pub figures: Vec<MeasuredFigure>,
    /// What the written scenario does in simulation, next to what was measured.
    pub simulated: Vec<SimulatedFigure>,
    /// How the log's costs compare with the catalog's prices.
    pub prices: Vec<String>,
    /// What no trace tells, and the scenario assumes.
    pub assumed: Vec<String>,
    /// What the traces have and the scenario does not.
    pub left_out: Vec<String>,
    /// The scenario.
    #[serde(skip)]
    #[schemars(skip)]
    pub scenario: String,
}

/// A measured figure.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct MeasuredFigure {
    /// What it is about, such as `agent writer` or `model gpt-6-luna`.
    pub about: String,
    /// What was measured.
    pub what: String,
    /// Its value; times are in seconds, shares from 0 to 1.
    pub value: f64,
    /// Its interval.
    pub interval: [f64; 2],
    /// Observations behind it.
    pub observations: u64,
    /// What was observed, such as `calls`.
    pub of: String,
    #[serde(skip)]
    #[schemars(skip)]
    shown: [String; 3],
}

/// A mean that the scenario has in simulation.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct SimulatedFigure {
    /// The agent.
    pub agent: String,
    /// What it is.
    pub what: String,
    /// As measured.
    pub measured: f64,
    /// As simulated.
    pub simulated: f64,
}

/// Why no scenario came of traces.
#[derive(Debug)]
pub enum TraceFitError {
    /// There are too few model calls; how many.
    TooFew(u64),
    /// What was written cannot be read back.
    Written(Vec<Diagnostic>),
}

/// Fits what was read, and writes a scenario. `progress` hears how many of
/// [`TRACE_SIMULATIONS`](super::TRACE_SIMULATIONS) are done.
///
/// # Errors
/// When there is too little, or the scenario cannot be written.
pub fn calibrate_traces(
    reader: &TraceReader,
    progress: &mut dyn FnMut(u64),
) -> Result<TraceCalibration, TraceFitError> {
    let sums = &reader.sums;
    if sums.calls < LEAST as u64 {
        return Err(TraceFitError::TooFew(sums.calls));
    }
    let sources = sources(&reader.counts);
    // Branches that do not fit together are written one after the other.
    let mut draft = drafted(sums, true);
    let mut done = matched(&mut draft, &sources, progress);
    if done.is_err() {
        draft = drafted(sums, false);
        draft.left_out.push("agents that work at the same time: their branches do not start and meet in one place, so the scenario has one of them at a time".to_owned());
        for agent in draft.agents.iter_mut().filter(|agent| agent.plan.is_none()) {
            agent.answers = true;
        }
        done = matched(&mut draft, &sources, progress);
    }
    let (scenario, found) = done.map_err(TraceFitError::Written)?;
    let mut simulated = Vec::new();
    for agent in &draft.agents {
        let Some(own) = found.get(&agent.key).filter(|own| own.visits > 0.0) else { continue };
        let Some(measured) = sums.agents.get(&agent.name) else { continue };
        let kept = measured.latency.values().count() as f64;
        let seconds = measured.latency.values().sum::<f64>() / kept;
        let seconds = Some(seconds).filter(|_| kept >= LEAST as f64);
        let means = [
            ("model calls in a visit", agent.calls, own.calls / own.visits),
            ("input tokens of a call", measured.input.mean(), own.input / own.calls),
            ("output tokens of a call", measured.output.mean(), own.output / own.calls),
            ("seconds of a call", seconds, own.seconds / own.calls),
        ];
        simulated.extend(means.into_iter().filter_map(|(what, measured, simulated)| {
            let (agent, what) = (agent.key.clone(), what.to_owned());
            Some(SimulatedFigure { agent, what, measured: measured?, simulated })
        }));
    }
    draft.figures.extend(model_figures(&draft.models));
    Ok(TraceCalibration {
        schema: SCHEMA.to_owned(),
        interval_mass: 0.9,
        traces: sums.traces,
        model_calls: sums.calls,
        read: read(reader),
        figures: draft.figures.iter().map(measured).collect(),
        simulated,
        prices: draft.prices,
        assumed: draft.assumed,
        left_out: draft.left_out,
        scenario,
    })
}

fn model_figures(models: &[super::draft::DraftModel]) -> Vec<TraceFigure> {
    let mut found = Vec::new();
    for model in models {
        for (field, (value, interval), n, of) in model.fields.iter().filter(|(_, _, n, _)| *n > 0) {
            let unit = match *field {
                "latency.base" | "latency.per_token" | "latency.stall" => FigureUnit::Seconds,
                "answer_tokens" => FigureUnit::Tokens,
                "latency.stall_chance" => FigureUnit::Share,
                field if field.starts_with("failures.") => FigureUnit::Share,
                _ => FigureUnit::Plain,
            };
            let about = format!("model {}", model.id);
            found.push(TraceFigure {
                about,
                what: field,
                value: *value,
                interval: *interval,
                unit,
                n: *n,
                of,
            });
        }
    }
    found
}

fn measured(figure: &TraceFigure) -> MeasuredFigure {
    let show = |x: f64| match figure.unit {
        FigureUnit::Share => format!("{:.2}%", x * 100.0),
        FigureUnit::Seconds if figure.value < 0.1 => format!("{:.3} ms", x * 1e3),
        FigureUnit::Seconds if figure.value < 100.0 => format!("{x:.3} s"),
        FigureUnit::Seconds => format!("{} s", count(x as u64)),
        FigureUnit::Tokens => count(libm::round(x) as u64),
        FigureUnit::Plain => format!("{x:.3}"),
    };
    MeasuredFigure {
        about: figure.about.clone(),
        what: figure.what.to_owned(),
        value: figure.value,
        interval: figure.interval,
        observations: figure.n,
        of: figure.of.to_owned(),
        shown: {
            let [low, high] = figure.interval;
            [figure.value, low, high].map(show)
        },
    }
}

/// The formats that were read, as words.
fn sources(counts: &ReadCounts) -> String {
    let names: Vec<&str> = counts.items.keys().map(|format| TraceFormat::name(*format)).collect();
    names.join(" and ")
}

/// What was read, in sentences.
fn read(reader: &TraceReader) -> Vec<String> {
    let (counts, sums) = (&reader.counts, &reader.sums);
    let mut told = Vec::new();
    let formats: Vec<String> =
        counts.items.iter().map(|(format, n)| format!("{} {}", count(*n), format.name())).collect();
    let mixture = if counts.items.len() > 1 { "; the formats are mixed" } else { "" };
    told.push(format!("spans and scores: {}{mixture}", formats.join(", ")));
    let words = ["OpenTelemetry GenAI", "OpenInference", "OpenLLMetry", "Langfuse's exporter"];
    let spoken: Vec<String> = words
        .iter()
        .zip(counts.vocabularies)
        .filter(|(_, n)| *n > 0)
        .map(|(word, n)| format!("{} {word}", count(n)))
        .collect();
    if !spoken.is_empty() {
        told.push(format!("vocabularies: {}", spoken.join(", ")));
    }
    let notes = [
        (
            counts.plain_spans,
            "spans without an attribute of a model application: they only connect others",
        ),
        (counts.unknown, "records of no known format: not used"),
        (counts.bad, "lines or records that could not be read: not used"),
        (counts.repeated, "spans or scores that came again with the same id: the last one counts"),
        (
            counts.early,
            "traces that were closed before the end of the files, because 100,000 spans of others were open",
        ),
        (
            counts.late,
            "spans that came after their trace was closed: they count as traces of their own",
        ),
        (sums.empty, "traces without a model call: not used"),
        (sums.outer, "spans that repeat the usage of the calls inside of them: not counted twice"),
        (sums.judged, "model calls of judges and scorers: no part of the application"),
        (sums.retried, "calls that failed and were tried again: not counted"),
        (sums.replayed, "calls that an answer cache replied to: not counted"),
        (sums.uncounted, "calls without token counts: in calls and latency only"),
        (sums.timeless, "calls that end before they start: without latency"),
        (
            sums.nameless,
            "calls, visits or scores whose name did not fit: at most 200 of each kind are kept",
        ),
    ];
    told.extend(
        notes.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{} {what}", count(*n))),
    );
    told
}

/// A mean with the digits that tell something.
fn shown_mean(mean: f64) -> String {
    if mean < 10.0 { format!("{mean:.2}") } else { format!("{mean:.1}") }
}

/// The calibration for people, at most `width` columns wide.
#[must_use]
pub fn traces_to_text(found: &TraceCalibration, width: usize, palette: &Palette) -> String {
    let mut rows = Vec::new();
    let mut last = "";
    for figure in &found.figures {
        if figure.about != last {
            rows.push(Row::Group(figure.about.clone(), String::new()));
            last = &figure.about;
        }
        let [value, low, high] = &figure.shown;
        let cells = [
            figure.what.clone(),
            value.clone(),
            figure::interval(low, high),
            format!("{} {}", count(figure.observations), figure.of),
        ];
        rows.push(Row::Cells(cells.map(Cell::new).into()));
    }
    let columns = vec![
        Column::words("figure"),
        Column::number("measured"),
        Column::number("90% interval"),
        Column::number("from"),
    ];
    let mut simulated = Vec::new();
    for figure in &found.simulated {
        let cells = [
            figure.agent.clone(),
            figure.what.clone(),
            shown_mean(figure.measured),
            shown_mean(figure.simulated),
        ];
        simulated.push(Row::Cells(cells.map(Cell::new).into()));
    }
    let compared = vec![
        Column::words("agent"),
        Column::words("mean"),
        Column::number("measured"),
        Column::number("simulated"),
    ];
    let list = |title: &str, items: &[String]| {
        let items = items.iter().map(|item| (item.clone(), String::new())).collect();
        let list = Element::List(List { items, tone: Tone::Plain, numbered: false });
        Element::from(Section::new(title, Level::Section).with([list]))
    };
    let head =
        format!("{} model calls in {} traces", count(found.model_calls), count(found.traces));
    let mut document = vec![
        list(&head, &found.read),
        Element::Table(Table { columns, rows }),
        Section::new("The scenario in simulation", Level::Section)
            .with([Element::Table(Table { columns: compared, rows: simulated })])
            .into(),
        list("Prices", &found.prices),
        list("Assumed, because no trace tells it", &found.assumed),
    ];
    if !found.left_out.is_empty() {
        document.push(list("In the traces, and not in the scenario", &found.left_out));
    }
    document_to_text(&document, width, palette)
}
