//! `simlab journal`: checks and repairs the journal of a live run.
//!
//! Guarantees: `check` changes nothing; `repair` keeps the damaged file, and replaces it whole or not at all.
//!
//! Does not know: what makes a line whole.

use std::fs::{self, File};
use std::path::Path;

use super::args_journal::JournalCommand;
use super::commands::{Ended, bad_file, print};
use super::exit::Exit;
use crate::diagnostic::Diagnostic;
use crate::figure;
use crate::live::disk::write_private;
use crate::live::journal::{beside, bytes, lock};
use crate::live::reading::{Reading, Repaired, Unreadable, repair};
use crate::live::recording::Recording;

/// What a user can do about a journal that cannot be read.
pub(super) fn help(error: &Unreadable, path: &Path) -> String {
    match error.whole_after {
        0 => "name the file of --record, or journal.jsonl in the folder of a live run".to_owned(),
        _ => format!("`simlab journal repair {}` takes the damaged lines out and keeps the whole ones", path.display()),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display, help: impl Into<String>) -> Exit {
    bad_file(&[Diagnostic::new(format!("`{}` cannot be used: {error}", path.display())).help(help.into())])
}

/// Checks or repairs a journal.
pub fn journal(command: &JournalCommand) -> Ended {
    let path = match command {
        JournalCommand::Check { file } | JournalCommand::Repair { file } => file,
    };
    let paths = "check the path and its permissions";
    let file = File::open(path).map_err(|error| unusable(path, &error, paths))?;
    let text = bytes(&file).map_err(|error| unusable(path, &error, paths))?;
    match command {
        JournalCommand::Check { .. } => checked(path, &text),
        JournalCommand::Repair { .. } => {
            lock(&file).map_err(|error| unusable(path, &error, "wait until the run is over"))?;
            repaired(path, &text)
        }
    }
}

fn checked(path: &Path, text: &[u8]) -> Ended {
    let Reading { recording, lines, cut_bytes, .. } = Reading::of(text).map_err(|error| unusable(path, &error, help(&error, path)))?;
    let mut said = format!("{}: {} whole lines", path.display(), figure::count(lines));
    if cut_bytes > 0 {
        said += &format!(", and {} bytes at the end that broke off", figure::count(cut_bytes as u64));
    }
    print(&format!("{said}\n{}", holds(&recording)))
}

/// What a journal holds, one fact a line.
fn holds(recording: &Recording) -> String {
    let Some(run) = &recording.run else { return "The run has not begun: nothing was asked and nothing was spent.\n".to_owned() };
    let count = |n: usize| figure::count(n as u64);
    let money = figure::money(recording.spent_nano_usd() as f64 / 1e9);
    let mut said = format!("Scenario {}, seed {}, {} of {} visits over.\n", run.name, run.seed, count(recording.over.len()), run.users);
    said += &format!(
        "{} calls answered or failed, {} in flight at the end, at most {money} spent.\n",
        count(recording.calls.len()),
        count(recording.open.len() + recording.embedding.len())
    );
    if recording.missing_lines > 0 {
        said += &format!("{} lines were lost and repaired.\n", figure::count(recording.missing_lines));
    }
    said
}

fn repaired(path: &Path, text: &[u8]) -> Ended {
    let found = repair(text).map_err(|error| unusable(path, &error, "without that line nobody can tell what was run"))?;
    let Some(Repaired { text: new, recording, kept, lost, nano_usd }) = found else {
        return checked(path, text);
    };
    let old = beside(path, "damaged");
    let fresh = beside(path, "repaired");
    let replaced = write_private(&old, text)
        .and_then(|()| write_private(&fresh, &new))
        .and_then(|()| File::open(&fresh)?.sync_all())
        .and_then(|()| fs::rename(&fresh, path));
    replaced.map_err(|error| unusable(path, &error, "is the disk full?"))?;
    print(&format!(
        "{}: {} whole lines kept, at most {} lost; the damaged file is kept in {}\nThe lost lines are charged to the budget at {}. If users' events were sent in them, LaunchDarkly may count those users twice.\n{}",
        path.display(),
        figure::count(kept),
        figure::count(lost),
        old.display(),
        figure::money(nano_usd as f64 / 1e9),
        holds(&recording)
    ))
}
