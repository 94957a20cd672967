//! `simlab calibrate`: a recording to a scenario.
//!
//! Does not know: how anything is fitted.

use std::fs;

use super::args::{CalibrateArgs, ListFormat};
use super::commands::{Ended, bad_file, pretty, print};
use super::exit::Exit;
use super::output;
use super::progress::Progress;
use crate::diagnostic::{Diagnostic, Wanted, mistaken};
use crate::live::calibrate::{SIMULATIONS, calibrate as fitted, put_into, to_output, to_text};
use crate::live::fits::misfit;
use crate::live::journal::bytes;
use crate::live::recording::Recording;
use crate::random::Seed;
use crate::scenario::parse_kept;

/// Fits model profiles to recorded traffic and writes a scenario.
pub fn calibrate(args: &CalibrateArgs) -> Ended {
    let unusable = |reason: String| {
        let help = "a recording is what `simlab run --live` wrote: --record FILE, or journal.jsonl in the run's folder";
        bad_file(&[Diagnostic::new(format!(
            "`{}` cannot be used: {reason}",
            args.recording.display()
        ))
        .help(help)])
    };
    let text = fs::File::open(&args.recording)
        .and_then(bytes)
        .map_err(|error| unusable(error.to_string()))?;
    let recording = Recording::read(&text).map_err(|error| {
        // A damaged recording is one, too.
        let whole = error.whole_before + error.whole_after;
        if let Some(fault) =
            mistaken(&args.recording.display().to_string(), &text, Wanted::Recording)
                .filter(|_| whole == 0)
        {
            return bad_file(&[fault]);
        }
        let message = format!("`{}` cannot be used: {error}", args.recording.display());
        bad_file(&[Diagnostic::new(message).help(super::journal::help(&error, &args.recording))])
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
    let made =
        fs::OpenOptions::new().write(true).create_new(true).open(out).and_then(|mut file| {
            use std::io::Write;
            file.write_all(written.as_bytes())
        });
    made.map_err(|error| {
        bad_file(&[Diagnostic::new(format!("`{}` cannot be written: {error}", out.display()))
            .help("an existing file is not overwritten")])
    })?;
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
