//! `simlab analyze` and `simlab report`: given data to a report, and a saved report to another
//! format.
//!
//! Does not know: what the data mean; `recorded` does.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;

use serde_json::Value;

use super::analyze_table::{self, asks_for_table, shown, until};
use super::args::Format;
use super::args_analyze::AnalyzeArgs;
use super::commands::{Ended, bad_file, expected, print, read, rendered};
use super::exit::Exit;
use super::opened::{self, OpenedData, is_standard_input, stem, unreadable};
use super::output;
use super::progress::Progress;
use crate::diagnostic::{Diagnostic, SourceText, Wanted, is_table, mistaken};
use crate::recorded::{
    AnalysisPlan, CellPlace, TableFormat, events_report, is_foreign, look, statistics,
    statistics_report,
};
use crate::report::{Report, UnreadableLine, from_json};

/// Largest file of summary statistics, in bytes.
const MAX_STATISTICS: u64 = 1 << 20;
/// Largest saved report, in bytes.
const MAX_REPORT: u64 = 64 << 20;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Table,
    Events,
    Statistics,
}

/// Analyzes given data.
pub fn analyze(args: &AnalyzeArgs) -> Ended {
    let report = match (&args.data, &args.exposures, &args.events) {
        (Some(path), ..) => given(args, path)?,
        (None, Some(exposures), Some(events)) => {
            let report = named_split(analyze_table::joined(args, exposures, events)?);
            if let Some(data) = &report.data {
                let exposed = data.faults.first().and_then(|fault| fault.file.as_ref());
                let of_exposures = exposed == Some(&analyze_table::shown(exposures));
                let path = if of_exposures { exposures } else { events };
                warn_of_faults(path, data.malformed, data.faults.first(), ["row is", "rows are"]);
            }
            report
        }
        _ => return Err(Exit::Usage),
    };
    print(&rendered(&report, args.format)?)?;
    Ok(expected(&report))
}

/// The report whose warning about an unknown split names the option that gives one: a scenario has
/// the field `split` for it, and data have none.
fn named_split(mut report: Report) -> Report {
    let checks = report.experiments.iter_mut().flat_map(|experiment| &mut experiment.health);
    for check in checks.filter(|check| check.check == "sample_ratio_mismatch") {
        check.message = check.message.replace("(`split`)", "(`--split 50/50`)");
    }
    report
}

/// The report on one file.
fn given(args: &AnalyzeArgs, path: &Path) -> Result<Report, Exit> {
    if path.is_dir() {
        return summary(args, path, None);
    }
    let progress = Progress::new("bytes read", 1, 0, false);
    let done = Cell::new(0);
    let opened = opened::open(path, &progress, &done).map_err(|error| unreadable(path, &error))?;
    let size = std::fs::metadata(path).map_or(0, |file| file.len());
    let report = match holds(args, path, &opened.head)? {
        Holds::Table => {
            progress.total(size);
            let report = named_split(analyze_table::table(args, path, opened)?);
            if let Some(table) = &report.table {
                let words = ["row or cell is", "rows or cells are"];
                warn_of_faults(path, table.malformed, table.faults.first(), words);
            }
            report
        }
        Holds::Events => {
            // Events are read several times, standard input only once.
            let kept = if is_standard_input(path) {
                let mut bytes = Vec::new();
                io::Read::read_to_end(&mut opened.lines(), &mut bytes)
                    .map_err(|error| unreadable(path, &error))?;
                Some(bytes)
            } else {
                drop(opened);
                None
            };
            done.set(0);
            named_split(events(args, path, kept.as_deref(), &progress, &done)?)
        }
        Holds::Statistics if is_standard_input(path) => {
            let mut bytes = Vec::new();
            opened
                .lines()
                .take(MAX_STATISTICS)
                .read_to_end(&mut bytes)
                .map_err(|error| unreadable(path, &error))?;
            summary(args, path, Some(String::from_utf8_lossy(&bytes).into_owned()))?
        }
        Holds::Statistics => {
            drop(opened);
            summary(args, path, None)?
        }
    };
    progress.finish();
    Ok(report)
}

/// What a file holds: a table if the options or its shape say so; recorded events if it opens with a
/// JSON object or array; else summary statistics.
fn holds(args: &AnalyzeArgs, path: &Path, head: &[u8]) -> Result<Holds, Exit> {
    let head = head.strip_prefix("\u{feff}".as_bytes()).unwrap_or(head);
    if let Some(fault) =
        binary(head).then(|| mistaken(&path.display().to_string(), head, Wanted::Data)).flatten()
    {
        return Err(bad_file(&[fault]));
    }
    let ends = |endings: &[&str]| {
        let name =
            path.file_name().map(|name| name.to_string_lossy().to_lowercase()).unwrap_or_default();
        let packed = [".gz", ".zst"].iter().find_map(|ending| name.strip_suffix(ending));
        let name = packed.unwrap_or(&name);
        endings.iter().any(|ending| name.ends_with(ending))
    };
    let first = head.iter().find(|byte| !byte.is_ascii_whitespace());
    Ok(match first {
        _ if asks_for_table(args)
            || matches!(TableFormat::of(head), TableFormat::Parquet | TableFormat::Arrow) =>
        {
            Holds::Table
        }
        Some(b'{' | b'[') if args.scenario.is_none() && are_rows(path, head) => Holds::Table,
        Some(b'{' | b'[') => Holds::Events,
        _ if ends(&[".jsonl", ".json", ".ndjson"]) => Holds::Events,
        _ if ends(&[".csv", ".tsv", ".tab"]) || is_table(head) => Holds::Table,
        _ => Holds::Statistics,
    })
}

/// Whether JSON holds rows of a table rather than events: its first object has values of its own and
/// is no event, nor anything else that can be named.
fn are_rows(path: &Path, head: &[u8]) -> bool {
    let first = match serde_json::Deserializer::from_slice(head).into_iter::<Value>().next() {
        Some(Ok(Value::Array(all))) => all.into_iter().next(),
        Some(Ok(value)) => Some(value),
        // An array that goes on beyond the head: its first element is enough.
        _ => {
            let inside =
                head.iter().position(|byte| *byte == b'[').and_then(|at| head.get(at + 1..));
            inside.and_then(|rest| {
                serde_json::Deserializer::from_slice(rest).into_iter::<Value>().next()?.ok()
            })
        }
    };
    let Some(first) = first.filter(|first| !is_foreign(first)) else { return false };
    let Value::Object(row) = first else { return false };
    let event = ["kind", "creationDate", "event"].iter().any(|key| row.contains_key(*key));
    let plain = row.values().filter(|value| !value.is_object() && !value.is_array()).count();
    let known = mistaken(&path.display().to_string(), head, Wanted::Data).is_some();
    // A document over several lines is a file of settings, not a row.
    let line = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let rows =
        head.trim_ascii_start().starts_with(b"[") || serde_json::from_slice::<Value>(line).is_ok();
    !event && plain >= 2 && !known && rows
}

/// How many times the analysis reads a file of events.
const PASSES: u64 = 2;

/// Whether the head of a file is no text.
fn binary(head: &[u8]) -> bool {
    head.starts_with(b"%PDF")
        || head.contains(&0)
        || std::str::from_utf8(head).is_err_and(|error| error.error_len().is_some())
}

/// Says on standard error that something could not be read, and shows the first in its line.
fn warn_of_faults(path: &Path, count: u64, first: Option<&UnreadableLine>, words: [&str; 2]) {
    if count == 0 {
        return;
    }
    let [one, many] = words;
    let them = if count == 1 { one } else { many };
    output::message(&format!("warning: {count} {them} not readable, see the report"));
    let Some(first) = first else { return };
    let place = CellPlace::of(first, &analyze_table::shown(path));
    let shown =
        analyze_table::pointed(path, Diagnostic::new("the first of them").warning(), &place);
    if shown.source.is_some() {
        let drawn = shown.render(output::message_color());
        output::message(drawn.trim_end());
    }
}

/// The report on recorded events.
fn events(
    args: &AnalyzeArgs,
    path: &Path,
    kept: Option<&[u8]>,
    progress: &Progress,
    done: &Cell<u64>,
) -> Result<Report, Exit> {
    let open = || match kept {
        Some(bytes) => opened::decoded(Cursor::new(bytes)).map(OpenedData::lines),
        None => opened::open(path, progress, done).map(OpenedData::lines),
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
    let data = report.data.clone().unwrap_or_default();
    if data.events == data.malformed {
        let faults: Vec<(u64, String)> =
            data.faults.into_iter().map(|fault| (fault.line, fault.reason)).collect();
        return Err(nothing_readable(path, &faults));
    }
    warn_of_faults(path, data.malformed, data.faults.first(), ["event is", "events are"]);
    Ok(report)
}

/// Takes over what the command line says about the plan.
fn settings(plan: &mut AnalysisPlan, args: &AnalyzeArgs) -> Result<(), Exit> {
    let usage = |option: &str, reason: String| {
        output::message(&format!("error: {option}: {reason}"));
        Exit::Usage
    };
    if args.experiment.is_some() {
        return Err(usage(
                "--experiment",
                "recorded events are analyzed for every experiment; it goes with --exposures and with rows of `simlab sql`".to_owned(),
            ));
    }
    if let Some(arm) = &args.control {
        plan.control(arm).map_err(|reason| usage("--control", reason))?;
        plan.assumptions.retain(|assumption| !assumption.what.starts_with("control:"));
    }
    if let Some(split) = &args.split {
        plan.split(split).map_err(|reason| usage("--split", reason))?;
    }
    plan.window_ms = args.window.map(|window| window.us() / 1000);
    plan.until_ms = until(args.until.as_deref()).map_err(|reason| usage("--until", reason))?;
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

/// The report on summary statistics: of the file, or of what came over standard input.
fn summary(args: &AnalyzeArgs, path: &Path, piped: Option<String>) -> Result<Report, Exit> {
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
        ("--experiment", args.experiment.is_some()),
    ];
    if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
        output::message(&format!(
            "error: `{option}` goes with tables and recorded events; summary statistics say it in the file"
        ));
        return Err(Exit::Usage);
    }
    let text = match piped {
        Some(text) => text,
        None => text(path, MAX_STATISTICS, Wanted::Data)?,
    };
    let source = SourceText::new(shown(path), text);
    let given = statistics(&source).map_err(|faults| {
        match mistaken(&source.name, source.text.as_bytes(), Wanted::Data) {
            Some(fault) => bad_file(&[fault]),
            None => bad_file(&faults),
        }
    })?;
    Ok(statistics_report(&stem(path), &given))
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
