//! A calibration as a scenario's text, as a table and as JSON.
//!
//! Does not know: how it was fitted.

use schemars::JsonSchema;
use serde::Serialize;

use super::fit::{Calibration, FittedParameter};
use crate::figure;
use crate::report::document::{Element, Level, List, Section};
use crate::report::table::{Cell, Column, Row, Table, Tone};
use crate::report::{Palette, document_to_text};

/// A figure as a scenario writes it.
fn number(figure: &FittedParameter, value: f64) -> String {
    match figure.field {
        "latency.base" | "latency.per_token" => {
            format!("\"{}us\"", libm::round(value * 1e6) as u64)
        }
        "answer_tokens" => format!("{value:.1}"),
        _ => format!("{value:.5}"),
    }
}

/// A figure for people.
fn shown(figure: &FittedParameter, value: f64) -> String {
    match figure.field {
        "latency.base" => format!("{value:.3} s"),
        "latency.per_token" => format!("{:.3} ms", value * 1e3),
        "answer_tokens" => format!("{value:.0}"),
        _ => format!("{value:.4}"),
    }
}

/// The block of models, as a scenario writes it.
fn block(calibration: &Calibration) -> String {
    let mut text =
        "    // Fitted to recorded traffic by simlab calibrate; intervals of 90%.\n    models: {\n"
            .to_owned();
    let mut models: Vec<&str> =
        calibration.figures.iter().map(|figure| figure.model.as_str()).collect();
    models.dedup();
    for model in models {
        text += &format!("        \"{}\": (\n", model.escape_default());
        let own: Vec<&FittedParameter> =
            calibration.figures.iter().filter(|figure| figure.model == model).collect();
        for group in ["latency", "failures", ""] {
            let inside: Vec<&&FittedParameter> = own
                .iter()
                .filter(|figure| {
                    figure.field.split_once('.').map_or("", |(group, _)| group) == group
                })
                .collect();
            if inside.is_empty() {
                continue;
            }
            let indent = if group.is_empty() { "            " } else { "                " };
            if !group.is_empty() {
                text += &format!("            {group}: (\n");
            }
            for figure in inside {
                let field = figure.field.rsplit('.').next().unwrap_or_default();
                let line = format!("{indent}{field}: {},", number(figure, figure.value));
                let [low, high] = figure.interval.map(|bound| shown(figure, bound));
                text += &format!(
                    "{line:<48} // {low} to {high}, from {} {}\n",
                    figure.observations, figure.of
                );
            }
            if !group.is_empty() {
                text += "            ),\n";
            }
        }
        text += "        ),\n";
    }
    text + "    },\n"
}

/// The scenario's text with the fitted models in it.
///
/// # Errors
/// The block by itself, when the text has models of its own already.
pub fn put_into(scenario: &str, calibration: &Calibration) -> Result<String, String> {
    let block = block(calibration);
    let names_models = |line: &str| {
        let code = line.split("//").next().unwrap_or_default();
        code.match_indices("models").any(|(at, word)| {
            let before = code[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && c != '_' && c != '"')
                && code[at + word.len()..].trim_start().starts_with(':')
        })
    };
    if scenario.lines().any(names_models) {
        return Err(block);
    }
    // Behind the first parenthesis that stands in no comment.
    let mut at = 0;
    for line in scenario.split_inclusive('\n') {
        let code = line.split("//").next().unwrap_or_default();
        if let Some(open) = code.find('(') {
            let (head, tail) = scenario.split_at(at + open + 1);
            return Ok(format!("{head}\n{block}{}", tail.strip_prefix('\n').unwrap_or(tail)));
        }
        at += line.len();
    }
    Err(block)
}

/// The figures for people, at most `width` columns wide.
#[must_use]
pub fn to_text(calibration: &Calibration, width: usize, palette: &Palette) -> String {
    document_to_text(&document(calibration), width, palette)
}

/// A calibration as a document.
fn document(calibration: &Calibration) -> Vec<Element<'_>> {
    let row = |figure: &FittedParameter| {
        let [low, high] = figure.interval.map(|bound| shown(figure, bound));
        let cells = [
            figure.model.clone(),
            figure.field.to_owned(),
            shown(figure, figure.value),
            figure::interval(&low, &high),
            format!("{} {}", figure.observations, figure.of),
        ];
        Row::Cells(cells.map(Cell::new).into())
    };
    let columns = vec![
        Column::words("model"),
        Column::words("field"),
        Column::number("fitted"),
        Column::number("90% interval"),
        Column::number("from"),
    ];
    let table = Table { columns, rows: calibration.figures.iter().map(row).collect() };
    let items = calibration.kept.iter().map(|kept| (kept.clone(), String::new())).collect();
    let kept = Element::List(List { items, tone: Tone::Plain, numbered: false });
    let kept = Section::new("Kept as the scenario has it", Level::Section).with([kept]);
    vec![Element::Table(table), kept.into()]
}

/// Name and version of the JSON.
const SCHEMA: &str = "simlab.calibrate/1";

/// What was fitted to recorded traffic.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct CalibrationOutput {
    /// `simlab.calibrate/1`. It changes only if a field changes its meaning.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: String,
    /// Probability of each interval.
    pub interval_mass: f64,
    /// What was fitted, by model.
    pub figures: Vec<FittedFigure>,
    /// What was kept as the scenario has it, and why.
    pub kept: Vec<String>,
}

/// A value that was fitted.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct FittedFigure {
    /// The model's id.
    pub model: String,
    /// The field of a scenario's model: `latency.base`, `answer_tokens`.
    pub field: String,
    /// Its value, in seconds where it is a time.
    pub value: f64,
    /// Its interval.
    pub interval: [f64; 2],
    /// Observations behind it.
    pub observations: usize,
    /// What was observed, such as `calls`.
    pub of: String,
}

/// For programs.
#[must_use]
pub fn to_output(calibration: &Calibration) -> CalibrationOutput {
    let figure = |figure: &FittedParameter| FittedFigure {
        model: figure.model.clone(),
        field: figure.field.to_owned(),
        value: figure.value,
        interval: figure.interval,
        observations: figure.observations,
        of: figure.of.to_owned(),
    };
    CalibrationOutput {
        schema: SCHEMA.to_owned(),
        interval_mass: 0.9,
        figures: calibration.figures.iter().map(figure).collect(),
        kept: calibration.kept.clone(),
    }
}
