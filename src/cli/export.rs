//! The tables of a saved run: users, events and calls in Parquet, what their columns mean, and a
//! notebook that loads them.
//!
//! Does not know: what is in the rows.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use serde_json::{Value, json};

use crate::experiment::{Aggregation, Denominator, Metric, Missing, Statistic};
use crate::recorded::{EVENT_COLUMNS, EventTables, USER_COLUMNS, data_dictionary};
use crate::run::{CALL_COLUMNS, CallTable};
use crate::scenario::Scenario;

const USERS: &str = "users.parquet";
const EVENTS: &str = "events.parquet";
const CALLS: &str = "calls.parquet";
const DICTIONARY: &str = "tables.md";
const NOTEBOOK: &str = "analysis.ipynb";

/// What this file writes into a run's folder.
pub(super) const FILES: [&str; 5] = [USERS, EVENTS, CALLS, DICTIONARY, NOTEBOOK];

/// Opens the folder's table of calls.
///
/// # Errors
/// When it cannot be made.
pub(super) fn calls<'s>(
    folder: &Path,
    scenario: &'s Scenario,
) -> io::Result<CallTable<'s, BufWriter<File>>> {
    CallTable::new(scenario, BufWriter::new(File::create(folder.join(CALLS))?))
}

/// Opens the folder's tables of users and events.
///
/// # Errors
/// When they cannot be made.
pub(super) fn events(folder: &Path) -> io::Result<EventTables<BufWriter<File>>> {
    let open = |name: &str| Ok::<_, io::Error>(BufWriter::new(File::create(folder.join(name))?));
    EventTables::new(open(USERS)?, open(EVENTS)?)
}

/// Writes what goes with the tables.
///
/// # Errors
/// When a file cannot be written.
pub(super) fn beside(folder: &Path, scenario: &Scenario) -> io::Result<()> {
    let dictionary = data_dictionary(&[
        (
            USERS,
            "One row for each exposure of a user to a variation in an experiment.",
            USER_COLUMNS,
        ),
        (EVENTS, "One row for each event that a metric may count.", EVENT_COLUMNS),
        (CALLS, "One row for each call of a model.", CALL_COLUMNS),
    ]);
    fs::write(folder.join(DICTIONARY), dictionary)?;
    let notebook = serde_json::to_string_pretty(&notebook(scenario)?)? + "\n";
    fs::write(folder.join(NOTEBOOK), notebook)
}

/// A notebook that computes the headline figures from the tables, and compares them with the report.
fn notebook(scenario: &Scenario) -> serde_json::Result<Value> {
    let experiments = serde_json::to_string_pretty(&experiments(scenario))?;
    let text = include_str!("export/analysis.py").replace("SIMLAB_EXPERIMENTS", &experiments);
    let cell = |kind: &str, nth: usize, text: &str| {
        let lines: Vec<&str> = text.trim_matches('\n').split_inclusive('\n').collect();
        let mut cell = json!({ "cell_type": kind, "id": format!("cell-{nth}"), "metadata": {}, "source": lines });
        if kind == "code"
            && let Some(cell) = cell.as_object_mut()
        {
            cell.insert("execution_count".to_owned(), Value::Null);
            cell.insert("outputs".to_owned(), json!([]));
        }
        cell
    };
    let parts = text.split("# %% ").skip(1);
    let cells: Vec<Value> = parts
        .enumerate()
        .map(|(nth, part)| match part.strip_prefix("[markdown]\n") {
            Some(text) => {
                let text: String = text
                    .lines()
                    .map(|line| line.strip_prefix("# ").unwrap_or(line).to_owned() + "\n")
                    .collect();
                cell("markdown", nth, &text)
            }
            None => cell("code", nth, part.split_once('\n').map_or("", |(_, code)| code)),
        })
        .collect();
    Ok(json!({
        "cells": cells,
        "metadata": {
            "kernelspec": { "display_name": "Python 3", "language": "python", "name": "python3" },
            "language_info": { "name": "python" },
        },
        "nbformat": 4,
        "nbformat_minor": 5,
    }))
}

/// The experiments with what the notebook needs of their metrics. A paired design has no users of its
/// own variation.
fn experiments(scenario: &Scenario) -> Value {
    let studies = scenario.studies.iter().filter(|study| study.paired.is_none());
    let all = studies.map(|study| {
        let own = &study.experiment;
        let arms: Vec<&str> = own.treatments.iter().map(|own| own.variation.as_str()).collect();
        let metrics: Vec<Value> =
            own.metrics_in(&scenario.metrics).map(|(_, own)| metric(own)).collect();
        json!({ "key": own.key, "flag": own.config, "variations": arms, "metrics": metrics })
    });
    Value::Array(all.collect())
}

fn metric(metric: &Metric) -> Value {
    json!({
        "key": metric.key,
        "event": metric.event,
        "value": match metric.aggregation {
            Aggregation::Occurrence => "occurrence",
            Aggregation::Sum => "sum",
            Aggregation::Average => "average",
        },
        "statistic": match metric.statistic {
            Statistic::Mean => json!("mean"),
            Statistic::Percentile(p) => json!(p.get()),
        },
        "missing": match metric.missing {
            Missing::Zero => "zero",
            Missing::Exclude => "exclude",
        },
        "per": metric.per.as_ref().map(|per| match per {
            Denominator::Events(event) => json!({ "event": event, "value": "count" }),
            Denominator::Values(event) => json!({ "event": event, "value": "sum" }),
        }),
    })
}
