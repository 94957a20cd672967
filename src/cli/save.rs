//! Saving a run: report.json, report.html, events.jsonl, transcript.jsonl and scenario.ron in one
//! folder; the tables of `export` go with them.
//!
//! Guarantees: the same run gives the same bytes; `simlab run DIR/scenario.ron` with the report's
//! seed gives it again, with the knowledge base and the questions that stood beside the scenario. A folder never holds the files of two runs: a simulated run replaces an
//! earlier one whole, and leaves a live run alone.
//!
//! Does not know: what the events mean.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::Path;

use super::export;
use crate::diagnostic::Diagnostic;
use crate::report::{to_html, to_json};
use crate::run::{EventWriter, Outcome, PreparedScenario, TranscriptWriter};
use crate::scenario::Loaded;

/// The journal of a live run.
pub const JOURNAL: &str = "journal.jsonl";
/// What every saved run has.
pub const EVENTS: &str = "events.jsonl";

/// Makes the folder ready for a run: without the report of an earlier one, and with the scenario.
/// Other files stay.
///
/// # Errors
/// As [`free`]; or when the folder cannot be written.
pub fn prepare(folder: &Path, loaded: &Loaded) -> Result<(), Diagnostic> {
    free(folder, loaded)?;
    let unwritable = |error| format!("`{}` cannot be written: {error}", folder.display());
    begin(folder, loaded).map_err(|error| {
        Diagnostic::new(unwritable(error)).help("check the path and its permissions")
    })
}

/// Whether a run may be saved in the folder; nothing is written.
///
/// # Errors
/// When the folder holds a live run, or a scenario that no run saved.
pub fn free(folder: &Path, loaded: &Loaded) -> Result<(), Diagnostic> {
    let shown = folder.display();
    // An empty journal is a run that has not begun.
    if folder.join(JOURNAL).metadata().is_ok_and(|journal| journal.len() > 0) {
        let fault = format!("`{shown}` holds a live run, which a simulated run does not replace");
        return Err(Diagnostic::new(fault).help("name another folder with --out"));
    }
    let scenario = folder.join("scenario.ron");
    let text = loaded.source.text.as_bytes();
    let other = |kept: Vec<u8>| kept != text && !folder.join(EVENTS).exists();
    if fs::read(&scenario).is_ok_and(other) {
        let fault =
            format!("`{}` is another scenario, which no run saved there", scenario.display());
        return Err(
            Diagnostic::new(fault).help("name another folder with --out, or move the file away")
        );
    }
    Ok(())
}

/// The scenario comes first and the reports last, so that what an interruption leaves is of one
/// run.
fn begin(folder: &Path, loaded: &Loaded) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let reports = ["report.json", "report.html", EVENTS, "transcript.jsonl"];
    for name in reports.into_iter().chain(export::FILES) {
        match fs::remove_file(folder.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    scenario(folder, loaded)
}

/// Saves the scenario and the files of its own that it names.
fn scenario(folder: &Path, loaded: &Loaded) -> io::Result<()> {
    fs::write(folder.join("scenario.ron"), &*loaded.source.text)?;
    for (path, text) in loaded.files() {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    Ok(())
}

/// Makes the folder and opens its events.jsonl.
///
/// # Errors
/// When one of them cannot be made.
pub fn events<'s>(
    folder: &Path,
    stage: &'s PreparedScenario<'s>,
) -> io::Result<EventWriter<'s, BufWriter<File>>> {
    fs::create_dir_all(folder)?;
    Ok(EventWriter::new(stage, BufWriter::new(File::create(folder.join(EVENTS))?)))
}

/// Opens the folder's transcript.jsonl for the first `users` users.
///
/// # Errors
/// When it cannot be made.
pub fn transcript<'s>(
    folder: &Path,
    stage: &'s PreparedScenario<'s>,
    users: u32,
) -> io::Result<TranscriptWriter<'s, BufWriter<File>>> {
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
    scenario(folder, loaded)
}
