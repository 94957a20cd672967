//! `simlab calibrate`: traces of other tools, or a recording, to a scenario.
//!
//! Does not know: how anything is fitted.

use std::cell::Cell;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;

use super::args::{CalibrateArgs, ListFormat};
use super::commands::{Ended, bad_file, pretty, print};
use super::exit::Exit;
use super::opened;
use super::output;
use super::progress::Progress;
use crate::diagnostic::{Diagnostic, Wanted, mistaken};
use crate::live::calibrate::{SIMULATIONS, calibrate as fitted, put_into, to_output, to_text};
use crate::live::fits::misfit;
use crate::live::journal::bytes;
use crate::live::recording::Recording;
use crate::random::Seed;
use crate::scenario::parse_kept;
use crate::traces::{
    TRACE_SIMULATIONS, TraceFitError, TraceReader, calibrate_traces, traces_to_text,
};

/// Writes a scenario from traces, or from a recording of a live run.
pub fn calibrate(args: &CalibrateArgs) -> Ended {
    match args.files.as_slice() {
        [only] if args.from.is_none() && is_recording(only) => from_recording(args, only),
        _ => from_traces(args),
    }
}

/// Whether a file is a recording of simlab, also a damaged one.
fn is_recording(path: &Path) -> bool {
    if opened::is_standard_input(path) {
        return false;
    }
    let mut head = Vec::new();
    let read = fs::File::open(path).and_then(|file| file.take(4096).read_to_end(&mut head));
    read.is_ok() && String::from_utf8_lossy(&head).contains("simlab.recording/")
}

/// Fits model profiles to recorded traffic and writes a scenario.
fn from_recording(args: &CalibrateArgs, path: &Path) -> Ended {
    let unusable = |reason: String| {
        let help = "a recording is what `simlab run --live` wrote: --record FILE, or journal.jsonl in the run's folder";
        bad_file(&[
            Diagnostic::new(format!("`{}` cannot be used: {reason}", path.display())).help(help)
        ])
    };
    let text = fs::File::open(path).and_then(bytes).map_err(|error| unusable(error.to_string()))?;
    let recording = Recording::read(&text).map_err(|error| {
        // A damaged recording is one, too.
        let whole = error.whole_before + error.whole_after;
        if let Some(fault) =
            mistaken(&path.display().to_string(), &text, Wanted::Recording).filter(|_| whole == 0)
        {
            return bad_file(&[fault]);
        }
        let message = format!("`{}` cannot be used: {error}", path.display());
        bad_file(&[Diagnostic::new(message).help(super::journal::help(&error, path))])
    })?;
    let Some(run) = recording.run.clone() else {
        return Err(unusable("it does not say what was run".to_owned()));
    };
    let loaded =
        parse_kept(&run.name, &run.scenario, &run.documents).map_err(|faults| bad_file(&faults))?;
    if let Some(fault) = misfit(&recording, &loaded.scenario) {
        return Err(unusable(fault));
    }
    // Other luck than the run's own: what is matched shall not be matched to its noise.
    let seed = Seed(run.seed).replication(1);
    let progress = Progress::new("simulations that match the recording", SIMULATIONS, 0, false);
    let fit =
        fitted(&recording, &loaded.scenario, seed, run.users, &mut |done| progress.done(done));
    progress.finish();
    let (found, _) = fit.map_err(|fault| unusable(fault.to_string()))?;
    if args.format == ListFormat::Json && args.out.is_none() {
        return print(&pretty(&to_output(&found))?);
    }
    let written = put_into(&run.scenario, &found).map_err(|block| {
        output::message(
            "the recorded scenario already has `models:`; merge these into it yourself:",
        );
        output::message(&block);
        Exit::BadFile
    })?;
    // What is written is read again, before anybody relies on it.
    parse_kept(&run.name, &written, &run.documents).map_err(|faults| bad_file(&faults))?;
    let Some(out) = &args.out else {
        let (width, palette) = (output::message_width(), output::message_palette());
        output::message(to_text(&found, width, &palette).trim_end());
        return print(&written);
    };
    write_new(out, &written)?;
    match args.format {
        ListFormat::Json => print(&pretty(&to_output(&found))?)?,
        ListFormat::Text => print(&to_text(&found, output::width(), &output::palette()))?,
    };
    if !run.documents.is_empty() {
        output::message(
            "the scenario has its own knowledge base: keep that folder next to the file",
        );
    }
    Ok(Exit::Ran)
}

/// Writes a file that is not there yet.
fn write_new(path: &Path, text: &str) -> Result<(), Exit> {
    let made = fs::OpenOptions::new().write(true).create_new(true).open(path);
    made.and_then(|mut file| file.write_all(text.as_bytes())).map_err(|error| {
        bad_file(&[Diagnostic::new(format!("`{}` cannot be written: {error}", path.display()))
            .help("an existing file is not overwritten")])
    })
}

const KINDS: &str = "expected traces: OTLP in JSON, OpenTelemetry span objects, Langfuse, LangSmith, LiteLLM, Braintrust or promptfoo, or one recording of `simlab run --live`";

/// Writes a scenario from traces.
fn from_traces(args: &CalibrateArgs) -> Ended {
    let progress = Progress::new("bytes read", 1, 0, false);
    let size = |path: &Path| fs::metadata(path).map_or(0, |file| file.len());
    progress.total(args.files.iter().map(|path| size(path)).sum::<u64>().max(1));
    let done = Cell::new(0);
    let mut reader = TraceReader::default();
    for path in &args.files {
        let shown = path.display().to_string();
        let file = opened::open(path, &progress, &done)
            .map_err(|error| opened::unreadable(path, &error))?;
        let head = file.head.clone();
        let read = reader
            .read(&shown, file.lines(), &head, args.from)
            .map_err(|error| opened::unreadable(path, &error))?;
        if read == 0 {
            return Err(bad_file(&no_traces(&shown, &head, reader.faults())));
        }
    }
    progress.finish();
    reader.finish();
    let faults = reader.faults();
    if !faults.is_empty() {
        faults
            .iter()
            .for_each(|fault| output::message(fault.render(output::message_color()).trim_end()));
        let all = reader.counts().bad + reader.counts().unknown;
        if all > faults.len() as u64 {
            output::message(&format!("{all} records could not be read; the first ones are above"));
        }
    }
    let progress = Progress::new("simulations that match the traces", TRACE_SIMULATIONS, 0, false);
    let found = calibrate_traces(&reader, &mut |round| progress.done(round));
    progress.finish();
    let found = found.map_err(|error| match error {
        TraceFitError::TooFew(calls) => bad_file(&[Diagnostic::new(format!(
            "the traces hold {calls} model calls, and at least 20 are needed"
        ))
        .help(if calls == 0 {
            "a model call is a span with `gen_ai.operation.name`, `openinference.span.kind` or `llm.request.type`; instrument the client of the model, for example with opentelemetry-instrumentation-genai-openai"
        } else {
            "add traces of more requests; several files may be given"
        })]),
        TraceFitError::Written(faults) => bad_file(&faults),
    })?;
    if args.format == ListFormat::Json && args.out.is_none() {
        return print(&pretty(&found)?);
    }
    let Some(out) = &args.out else {
        let (width, palette) = (output::message_width(), output::message_palette());
        output::message(traces_to_text(&found, width, &palette).trim_end());
        return print(&found.scenario);
    };
    write_new(out, &found.scenario)?;
    match args.format {
        ListFormat::Json => print(&pretty(&found)?),
        ListFormat::Text => print(&traces_to_text(&found, output::width(), &output::palette())),
    }
}

/// Why a file holds no trace: it is of another kind, or its records are.
fn no_traces(shown: &str, head: &[u8], faults: &[Diagnostic]) -> Vec<Diagnostic> {
    if let Some(fault) = mistaken(shown, head, Wanted::Traces) {
        return vec![fault];
    }
    let fault = Diagnostic::new(format!("`{shown}` has no span and no score in it")).help(KINDS);
    std::iter::once(fault).chain(faults.iter().cloned()).collect()
}
