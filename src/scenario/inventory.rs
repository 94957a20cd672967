//! The catalog as tables for the scenario reference: what a scenario has when it says nothing else.
//!
//! Does not know: where its numbers come from; `catalog` and `provenance` say that.

use std::fmt::Write;

use serde_json::{Value, json};

use super::catalog;
use super::reference::ron;
use super::schema::{DefaultValue, model, tool};
use crate::event::AppEvent;

/// The heading of the chapter.
pub const TITLE: &str = "The catalog";
/// The blocks whose fields differ from entry to entry of the catalog.
pub const HAS: [&str; 7] =
    ["Model", "Latency", "Failures", "Tool", "Config", "Variation", "Metric"];

const EU: &str = "The EU of the segments is";

/// The chapter on what the catalog has.
pub fn tables() -> String {
    let mut text = format!(
        "\n## {TITLE}\n\nWhat a scenario has when it says nothing else: the tutorial's inventory.\n"
    );
    text.push_str("\n### Models\n\n");
    let models = catalog::models();
    let rows: Vec<(String, Vec<DefaultValue>)> =
        models.iter().map(|entry| (entry.id.clone(), model(entry))).collect();
    differing(&mut text, "model", &rows);
    text.push_str("\n### Tools\n\n");
    let tools = catalog::tools();
    let rows: Vec<(String, Vec<DefaultValue>)> =
        tools.iter().map(|entry| (entry.key.clone(), tool(entry))).collect();
    differing(&mut text, "tool", &rows);
    configs(&mut text);
    metrics(&mut text);
    text
}

/// A table of what differs between entries.
fn differing(text: &mut String, what: &str, rows: &[(String, Vec<DefaultValue>)]) {
    let Some((_, first)) = rows.first() else { return };
    let differs = |(nth, own): (usize, &DefaultValue)| {
        rows.iter().any(|(_, figures)| figures.get(nth) != Some(own))
    };
    let shows: Vec<bool> = first.iter().enumerate().map(differs).collect();
    let columns = |figures: &[DefaultValue]| -> Vec<DefaultValue> {
        figures
            .iter()
            .zip(&shows)
            .filter(|(_, shows)| **shows)
            .map(|(figure, _)| figure.clone())
            .collect()
    };
    let name = |figure: DefaultValue| match figure {
        ("Model" | "Tool", field, _) => format!("`{field}`"),
        (block, field, _) => format!("`{}.{field}`", block.to_lowercase()),
    };
    let names: Vec<String> = columns(first).into_iter().map(name).collect();
    let _ =
        writeln!(text, "| {what} | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for (name, figures) in rows {
        let cells: Vec<String> =
            columns(figures).iter().map(|(_, _, value)| shown(value)).collect();
        let _ = writeln!(text, "| `{name}` | {} |", cells.join(" | "));
    }
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        value => ron(value, true),
    }
}

fn configs(text: &mut String) {
    text.push_str(
        "\n### AI configs\n\n| config | variation | model | tools | `max_tool_calls` | `temperature` |\n|---|---|---|---|---|---|\n",
    );
    let configs = catalog::configs();
    for config in &configs {
        for variation in &config.variations {
            let temperature = shown(&json!(variation.temperature));
            let tools = if variation.tools.is_empty() {
                "–".to_owned()
            } else {
                variation.tools.join(", ")
            };
            let (key, model, calls) = (&variation.key, &variation.model, variation.max_tool_calls);
            let _ = writeln!(
                text,
                "| `{}` | `{key}` | {model} | {tools} | {calls} | {temperature} |",
                config.key
            );
        }
    }
    text.push_str("\n### Segments and rules\n\n| segment | users |");
    let ruled: Vec<_> = configs.iter().filter(|config| !config.rules.is_empty()).collect();
    ruled.iter().for_each(|config| text.push_str(&format!(" `{}` serves |", config.key)));
    let _ = writeln!(text, "\n|---|---|{}", "---|".repeat(ruled.len()));
    for segment in catalog::segments() {
        let clause = |clause: &crate::flags::spec::ClauseSpec| {
            let of_eu = clause.values.len() == catalog::EU.len();
            let values = if of_eu {
                "the EU".to_owned()
            } else {
                clause.values.iter().map(shown).collect::<Vec<_>>().join(", ")
            };
            let is = match (of_eu, clause.negate) {
                (true, false) => "in",
                (true, true) => "not in",
                (false, false) => "is",
                (false, true) => "is not",
            };
            format!("{} {is} {values}", clause.attribute)
        };
        let users = segment.clauses.iter().map(clause).collect::<Vec<_>>().join(", ");
        let _ = write!(text, "| `{}` | {users} |", segment.key);
        for config in &ruled {
            let served = config
                .rules
                .iter()
                .find(|(ruled, _)| *ruled == segment.key)
                .map_or("–", |(_, serve)| serve);
            let _ = write!(text, " `{served}` |");
        }
        text.push('\n');
    }
    let defaults: Vec<String> =
        configs.iter().map(|config| format!("`{}` of `{}`", config.default, config.key)).collect();
    let _ = writeln!(
        text,
        "\n{EU} {}. Users whom no rule fits get {}.",
        catalog::EU.join(", "),
        defaults.join(", ")
    );
}

fn metrics(text: &mut String) {
    text.push_str("\n### Metrics\n\n| metric | event | `aggregation` | `statistic` | `missing` | `better` | `unit` |\n|---|---|---|---|---|---|---|\n");
    for metric in catalog::metrics() {
        let statistic = metric.statistic;
        let unit = if metric.unit.is_empty() { "–" } else { &metric.unit };
        let (key, event, missing, better) =
            (&metric.key, &metric.event, metric.missing, metric.better);
        let _ = writeln!(
            text,
            "| `{key}` | `{event}` | {:?} | {statistic} | {missing:?} | {better:?} | {unit} |",
            metric.aggregation
        );
    }
    text.push_str("\n### Events\n\nWhat a metric may count:\n\n");
    for event in AppEvent::countable() {
        let _ = writeln!(text, "- `{}`", event.key());
    }
}
