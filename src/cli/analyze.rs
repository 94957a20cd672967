//! `simlab analyze` and `simlab report`: given data to a report, and a saved report to another format.
//!
//! Does not know: what the data mean; `recorded` does.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use super::args::{AnalyzeArgs, Format};
use super::commands::{Ended, bad_file, expected, print, rendered};
use super::exit::Exit;
use crate::diagnostic::{Diagnostic, Source};
use crate::recorded::{statistics, statistics_report};
use crate::report::from_json;

/// Largest file of summary statistics, in bytes.
const MOST_STATISTICS: u64 = 1 << 20;
/// Largest saved report, in bytes.
const MOST_REPORT: u64 = 64 << 20;

/// Analyzes given data.
pub fn analyze(args: &AnalyzeArgs) -> Ended {
    let text = text(&args.data, MOST_STATISTICS)?;
    let source = Source::new(args.data.display().to_string(), text);
    let given = statistics(&source).map_err(|faults| bad_file(&faults))?;
    let report = statistics_report(&stem(&args.data), &given);
    print(&rendered(&report, args.format)?)?;
    Ok(expected(&report))
}

/// Renders a saved run again.
pub fn report(saved: &Path, format: Format) -> Ended {
    let file = if saved.is_dir() { saved.join("report.json") } else { saved.to_owned() };
    let text = text(&file, MOST_REPORT)?;
    let report = from_json(&text).map_err(|reason| {
        let message = format!("`{}` cannot be read: {reason}", file.display());
        bad_file(&[Diagnostic::new(message).help("`simlab run SCENARIO --out DIR` writes it anew; DIR/scenario.ron has what was run")])
    })?;
    print(&rendered(&report, format)?)
}

/// The name of a data file, without folder and ending.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The text of a file. A device may be endless, so no more than `most` bytes are taken.
fn text(path: &Path, most: u64) -> Result<String, Exit> {
    let shown = path.display();
    let fault = |message: String, help: &str| bad_file(&[Diagnostic::new(message).help(help)]);
    if path.is_dir() {
        return Err(fault(format!("`{shown}` is a folder"), "name a file in it"));
    }
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(most + 1).read_to_end(&mut bytes));
    read.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => fault(format!("there is no file `{shown}`"), "check the path"),
        _ => fault(format!("`{shown}` cannot be read: {error}"), "check the path and its permissions"),
    })?;
    if bytes.len() as u64 > most {
        return Err(fault(format!("`{shown}` is longer than the {most} bytes of such a file"), "is this the right file?"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        fault(format!("`{shown}` is not UTF-8 text: byte {at} is not part of a character"), "save the file as UTF-8")
    })?;
    // Some editors open a file with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}
