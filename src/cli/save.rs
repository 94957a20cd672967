//! Saving a run: report.json, report.html, events.jsonl, transcript.jsonl and scenario.ron in one folder.
//!
//! Promises: the same run gives the same bytes; `simlab run DIR/scenario.ron` with the report's seed gives it again.
//!
//! Does not know: what the events mean.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use crate::report::{to_html, to_json};
use crate::run::{EventWriter, Outcome, Stage, TranscriptWriter};
use crate::scenario::Loaded;

/// Makes the folder and opens its events.jsonl.
///
/// # Errors
/// When one of them cannot be made.
pub fn events<'s>(folder: &Path, stage: &'s Stage<'s>) -> io::Result<EventWriter<'s, BufWriter<File>>> {
    fs::create_dir_all(folder)?;
    Ok(EventWriter::new(stage, BufWriter::new(File::create(folder.join("events.jsonl"))?)))
}

/// Opens the folder's transcript.jsonl for the first `users` users.
///
/// # Errors
/// When it cannot be made.
pub fn transcript<'s>(folder: &Path, stage: &'s Stage<'s>, users: u32) -> io::Result<TranscriptWriter<'s, BufWriter<File>>> {
    let file = File::create(folder.join("transcript.jsonl"))?;
    Ok(TranscriptWriter::new(stage.scenario, stage.texts(), users, BufWriter::new(file)))
}

/// Saves the report and the scenario beside them.
///
/// # Errors
/// When a file cannot be written.
pub fn report(folder: &Path, loaded: &Loaded, outcome: &Outcome) -> io::Result<()> {
    let json = to_json(&outcome.report).map_err(io::Error::other)?;
    fs::write(folder.join("report.json"), json)?;
    fs::write(folder.join("report.html"), to_html(&outcome.report))?;
    fs::write(folder.join("scenario.ron"), &*loaded.source.text)
}
