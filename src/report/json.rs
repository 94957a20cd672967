//! The report for machines: one JSON document, and back.

use super::data::{Report, SCHEMA};
use super::escape::json;
use crate::diagnostic::json_fault;

/// The report as indented JSON with a final newline.
///
/// # Errors
/// When the document cannot be written, which plain data never causes.
pub fn to_json(report: &Report) -> Result<String, String> {
    serde_json::to_string_pretty(report).map(|text| json(text + "\n")).map_err(|error| error.to_string())
}

/// Reads what `to_json` wrote.
///
/// # Errors
/// When `text` is not such a document; the message says where and why.
pub fn from_json(text: &str) -> Result<Report, String> {
    let mut report: Report = serde_json::from_str(text).map_err(|error| format!("not a report of simlab: {}", json_fault(&error)))?;
    for experiment in &mut report.experiments {
        // A report of version 0.1 does not say whether its verdict can be trusted.
        if let Some(verdict) = &mut experiment.verdict {
            verdict.weigh(&experiment.health);
        }
    }
    if report.schema == SCHEMA { Ok(report) } else { Err(format!("expected a report of schema \"{SCHEMA}\", found \"{}\"", report.schema)) }
}
