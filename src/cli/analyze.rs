//! `simlab analyze` and `simlab report`: given data to a report, and a saved report to another
//! format.
//!
//! Does not know: what the data mean; `recorded` does.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::args::{AnalyzeArgs, Format};
use super::commands::{Ended, bad_file, expected, print, read, rendered};
use super::exit::Exit;
use super::output;
use super::progress::Progress;
use crate::diagnostic::{Diagnostic, SourceText, Wanted, mistaken};
use crate::flags::events::moment;
use crate::recorded::{AnalysisPlan, events_report, look, statistics, statistics_report};
use crate::report::{Report, from_json};

/// Largest file of summary statistics, in bytes.
const MAX_STATISTICS: u64 = 1 << 20;
/// Largest saved report, in bytes.
const MAX_REPORT: u64 = 64 << 20;

/// Analyzes given data.
pub fn analyze(args: &AnalyzeArgs) -> Ended {
    let report = if are_events(&args.data)? { events(args)? } else { summary(args)? };
    print(&rendered(&report, args.format)?)?;
    Ok(expected(&report))
}

/// Whether a file holds recorded events: it opens with a JSON object or array.
fn are_events(path: &Path) -> Result<bool, Exit> {
    if path.is_dir() {
        return Ok(false);
    }
    let mut head = Vec::new();
    File::open(path)
        .and_then(|file| file.take(4096).read_to_end(&mut head))
        .map_err(|error| unreadable(path, &error))?;
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&head);
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    if let Some(fault) =
        binary(head).then(|| mistaken(&path.display().to_string(), head, Wanted::Data)).flatten()
    {
        return Err(bad_file(&[fault]));
    }
    let named = path
        .extension()
        .is_some_and(|ending| ending == "jsonl" || ending == "json" || ending == "ndjson");
    Ok(named || matches!(first, Some(b'{' | b'[')))
}

/// How many times the analysis reads a file of events.
const PASSES: u64 = 2;

/// A reader that says how much of it was read.
struct CountedReader<'p> {
    inner: File,
    progress: &'p Progress,
    done: &'p Cell<u64>,
}

impl Read for CountedReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(into)?;
        self.done.set(self.done.get() + read as u64);
        self.progress.done(self.done.get());
        Ok(read)
    }
}

/// Whether the head of a file is no text.
fn binary(head: &[u8]) -> bool {
    head.starts_with(b"%PDF")
        || head.contains(&0)
        || std::str::from_utf8(head).is_err_and(|error| error.error_len().is_some())
}

/// The report on recorded events.
fn events(args: &AnalyzeArgs) -> Result<Report, Exit> {
    let path = &args.data;
    let progress = Progress::new("bytes read", 1, 0, false);
    let done = Cell::new(0);
    let open = || {
        File::open(path)
            .map(|inner| BufReader::new(CountedReader { inner, progress: &progress, done: &done }))
    };
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    let beside = path.with_file_name("scenario.ron");
    let name = match &args.scenario {
        Some(name) => Some(name.clone()),
        None => beside.is_file().then(|| beside.display().to_string()),
    };
    let mut plan = match name {
        Some(name) => {
            progress.total(size * PASSES);
            let plan = AnalysisPlan::recorded(&read(&name)?.scenario);
            let mut plan = plan.map_err(|fault| bad_file(&[fault]))?;
            if let Some(unit) = &args.unit {
                plan.unit.clone_from(unit);
            }
            plan
        }
        None => {
            progress.total(size * (PASSES + 1));
            let found = open().and_then(look).map_err(|error| unreadable(path, &error))?;
            if found.readable == 0 {
                return Err(nothing_readable(path, &found.faults));
            }
            AnalysisPlan::inferred(&stem(path), &found, args.unit.as_deref()).map_err(|reason| {
                let message = format!("`{}` has no experiment to analyze: {reason}", path.display());
                let help = "an experiment needs exposures (`feature` events with `reason.inExperiment`) to two variations, and metric events (`custom`) of the same units; `--scenario` names experiments and metrics";
                bad_file(&[Diagnostic::new(message).help(help)])
            })?
        }
    };
    settings(&mut plan, args)?;
    let report = events_report(&plan, open).map_err(|error| unreadable(path, &error))?;
    progress.finish();
    let data = report.data.clone().unwrap_or_default();
    if data.events == data.malformed {
        let faults: Vec<(u64, String)> =
            data.faults.into_iter().map(|fault| (fault.line, fault.reason)).collect();
        return Err(nothing_readable(path, &faults));
    }
    if data.malformed > 0 {
        let them = if data.malformed == 1 { "event is" } else { "events are" };
        output::message(&format!(
            "warning: {} {them} not readable, see the report",
            data.malformed
        ));
    }
    Ok(report)
}

/// Takes over what the command line says about the plan.
fn settings(plan: &mut AnalysisPlan, args: &AnalyzeArgs) -> Result<(), Exit> {
    let usage = |option: &str, reason: String| {
        output::message(&format!("error: {option}: {reason}"));
        Exit::Usage
    };
    if let Some(arm) = &args.control {
        plan.control(arm).map_err(|reason| usage("--control", reason))?;
        plan.assumptions.retain(|assumption| !assumption.what.starts_with("control:"));
    }
    if let Some(split) = &args.split {
        plan.split(split).map_err(|reason| usage("--split", reason))?;
    }
    plan.window_ms = args.window.map(|window| window.us() / 1000);
    if let Some(text) = &args.until {
        let expected = || {
            format!(
                "expected a date such as 2026-11-01 or a time such as 2026-11-01T12:00:00Z, found `{text}`"
            )
        };
        plan.until_ms = Some(moment(text).ok_or_else(|| usage("--until", expected()))?);
    }
    Ok(())
}

/// Shows that a file holds no event, and why its first lines are none.
fn nothing_readable(path: &Path, faults: &[(u64, String)]) -> Exit {
    if let Some(fault) = other_file(path, Wanted::Data) {
        return bad_file(&[fault]);
    }
    let why = match faults {
        [] => "it is empty".to_owned(),
        faults => faults
            .iter()
            .take(3)
            .map(|(line, reason)| format!("line {line}: {reason}"))
            .collect::<Vec<_>>()
            .join("; "),
    };
    let message = format!("`{}` holds no event that can be read: {why}", path.display());
    bad_file(&[Diagnostic::new(message)
        .help("expected one JSON event a line, as `simlab run --out` writes them")])
}

/// The report on summary statistics.
fn summary(args: &AnalyzeArgs) -> Result<Report, Exit> {
    if args.scenario.is_some() {
        output::message(
            "error: `--scenario` goes with recorded events; summary statistics name their experiments themselves",
        );
        return Err(Exit::Usage);
    }
    let given = [
        ("--unit", args.unit.is_some()),
        ("--control", args.control.is_some()),
        ("--split", args.split.is_some()),
        ("--window", args.window.is_some()),
        ("--until", args.until.is_some()),
    ];
    if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
        output::message(&format!(
            "error: `{option}` goes with recorded events; summary statistics say it in the file"
        ));
        return Err(Exit::Usage);
    }
    let text = text(&args.data, MAX_STATISTICS, Wanted::Data)?;
    let source = SourceText::new(args.data.display().to_string(), text);
    let given = statistics(&source).map_err(|faults| {
        match mistaken(&source.name, source.text.as_bytes(), Wanted::Data) {
            Some(fault) => bad_file(&[fault]),
            None => bad_file(&faults),
        }
    })?;
    Ok(statistics_report(&stem(&args.data), &given))
}

/// Renders a saved run again.
pub fn report(saved: &Path, format: Format) -> Ended {
    let file = if saved.is_dir() { saved.join("report.json") } else { saved.to_owned() };
    let text = text(&file, MAX_REPORT, Wanted::Report)?;
    let report = from_json(&text).map_err(|reason| {
        if let Some(fault) = mistaken(&file.display().to_string(), text.as_bytes(), Wanted::Report)
        {
            return bad_file(&[fault]);
        }
        let message = format!("`{}` cannot be read: {reason}", file.display());
        bad_file(&[Diagnostic::new(message).help(
            "`simlab run SCENARIO --out DIR` writes it anew; DIR/scenario.ron has what was run",
        )])
    })?;
    print(&rendered(&report, format)?)
}

/// The name of a data file, without folder and ending.
fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

/// The fault of a file that is not `wanted` but something that can be named.
pub(super) fn other_file(path: &Path, wanted: Wanted) -> Option<Diagnostic> {
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_REPORT).read_to_end(&mut head)).ok()?;
    mistaken(&path.display().to_string(), &head, wanted)
}

/// The text of a file. A device may be endless, so no more than `most` bytes are taken.
pub(super) fn text(path: &Path, most: u64, wanted: Wanted) -> Result<String, Exit> {
    let shown = path.display();
    let fault = |message: String, help: &str| bad_file(&[Diagnostic::new(message).help(help)]);
    if path.is_dir() {
        return Err(fault(format!("`{shown}` is a folder"), "name a file in it"));
    }
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(most + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(path, &error))?;
    // A file that can be named is named, whatever else is wrong with it.
    let fault = |message: String, help: &str| match mistaken(&shown.to_string(), &bytes, wanted) {
        Some(named) => bad_file(&[named]),
        None => fault(message, help),
    };
    if bytes.len() as u64 > most {
        return Err(fault(
            format!("`{shown}` is longer than the {most} bytes of such a file"),
            "is this the right file?",
        ));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let at = error.valid_up_to();
        fault(
            format!("`{shown}` is not UTF-8 text: byte {at} is not part of a character"),
            "save the file as UTF-8",
        )
    })?;
    // Some editors open a file with a byte order mark.
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text).to_owned())
}

/// Shows that a file cannot be read.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Exit {
    let shown = path.display();
    let (message, help) = match error.kind() {
        io::ErrorKind::NotFound => (format!("there is no file `{shown}`"), "check the path"),
        _ => (format!("`{shown}` cannot be read: {error}"), "check the path and its permissions"),
    };
    bad_file(&[Diagnostic::new(message).help(help)])
}
