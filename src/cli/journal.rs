//! `simlab journal`: checks and repairs the journal of a live run, and sends the events in it that
//! are missing in LaunchDarkly.
//!
//! Guarantees: `check` changes nothing; `repair` keeps the damaged file, and replaces it whole or
//! not at all; `deliver` writes down what was taken.
//!
//! Does not know: what makes a line whole.

use std::fs::{self, File};
use std::path::Path;

use super::args_journal::JournalCommand;
use super::commands::{Ended, bad_file, print};
use super::exit::Exit;
use super::live::wait;
use super::output;
use crate::diagnostic::Diagnostic;
use crate::figure;
use crate::live::disk::{wait_for_name, write_private};
use crate::live::environment;
use crate::live::journal::{Journal, OpenError, Resumed, beside, bytes, lock};
use crate::live::launchdarkly::Courier;
use crate::live::reading::{JournalReading, Repaired, UnreadableRecording, repair};
use crate::live::recording::{Payload, RecordedLine, Recording};

/// What a user can do about a journal that cannot be read.
pub(super) fn help(error: &UnreadableRecording, path: &Path) -> String {
    match error.whole_after {
        0 => "name the file of --record, or journal.jsonl in the folder of a live run".to_owned(),
        _ => format!(
            "`simlab journal repair {}` takes the damaged lines out and keeps the whole ones",
            path.display()
        ),
    }
}

fn unusable(path: &Path, error: &dyn std::fmt::Display, help: impl Into<String>) -> Exit {
    bad_file(&[
        Diagnostic::new(format!("`{}` cannot be used: {error}", path.display())).help(help.into())
    ])
}

/// Checks or repairs a journal.
pub fn journal(command: &JournalCommand) -> Ended {
    let path = match command {
        JournalCommand::Deliver { file } => return deliver(file),
        JournalCommand::Check { file } | JournalCommand::Repair { file } => file,
    };
    let paths = "check the path and its permissions";
    let file = File::open(path).map_err(|error| unusable(path, &error, paths))?;
    let text = bytes(&file).map_err(|error| unusable(path, &error, paths))?;
    match command {
        JournalCommand::Repair { .. } => {
            lock(&file).map_err(|error| unusable(path, &error, "wait until the run is over"))?;
            repaired(path, &text)
        }
        JournalCommand::Check { .. } | JournalCommand::Deliver { .. } => checked(path, &text),
    }
}

fn checked(path: &Path, text: &[u8]) -> Ended {
    let JournalReading { recording, lines, cut_bytes, .. } =
        JournalReading::of(text).map_err(|error| unusable(path, &error, help(&error, path)))?;
    let mut said = format!("{}: {} whole lines", path.display(), figure::count(lines));
    if cut_bytes > 0 {
        said +=
            &format!(", and {} bytes at the end that broke off", figure::count(cut_bytes as u64));
    }
    print(&format!("{said}\n{}", holds(&recording)))
}

/// What a journal holds, one fact a line.
fn holds(recording: &Recording) -> String {
    let Some(run) = &recording.run else {
        return "The run has not begun: nothing was asked and nothing was spent.\n".to_owned();
    };
    let count = |n: usize| figure::count(n as u64);
    let money = figure::money(recording.spent_nano_usd() as f64 / 1e9);
    let mut said = format!(
        "Scenario {}, seed {}, {} of {} visits over.\n",
        run.name,
        run.seed,
        count(recording.over.len()),
        run.users
    );
    said += &format!(
        "{} calls answered or failed, {} in flight at the end, at most {money} spent.\n",
        count(recording.calls.len()),
        count(recording.open.len() + recording.embedding.len())
    );
    let (pending, missing) = (count(recording.pending.len()), recording.undelivered());
    if missing > 0 {
        said += &format!(
            "LaunchDarkly has not taken the events of {} users; those of {pending} are in the journal.\n",
            figure::count(missing)
        );
    }
    if recording.missing_lines > 0 {
        said +=
            &format!("{} lines were lost and repaired.\n", figure::count(recording.missing_lines));
    }
    said
}

fn repaired(path: &Path, text: &[u8]) -> Ended {
    let found = repair(text)
        .map_err(|error| unusable(path, &error, "without that line it is unknown what was run"))?;
    let Some(Repaired { text: new, recording, kept, lost, nano_usd }) = found else {
        return checked(path, text);
    };
    let old = beside(path, "damaged");
    let fresh = beside(path, "repaired");
    // The damaged file and its name are on the disk before it is replaced: a power loss in between
    // loses neither.
    let on_disk = |path: &Path| File::open(path)?.sync_all();
    let replaced = write_private(&old, text)
        .and_then(|()| write_private(&fresh, &new))
        .and_then(|()| on_disk(&old))
        .and_then(|()| on_disk(&fresh))
        .inspect(|()| wait_for_name(path))
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

/// Sends what is pending.
fn deliver(path: &Path) -> Ended {
    let access = environment::read_events(|name| std::env::var(name).ok()).map_err(|faults| {
        faults.iter().for_each(|fault| output::message(&format!("error: {fault}")));
        Exit::Usage
    })?;
    let Resumed { mut journal, mut recording, .. } = Journal::resume(path).map_err(|error| {
        let help = match &error {
            OpenError::Locked => "wait until the run is over".to_owned(),
            OpenError::Unreadable(unreadable) => help(unreadable, path),
            OpenError::Io(_) | OpenError::Begun => "check the path and its permissions".to_owned(),
        };
        unusable(path, &error, help)
    })?;
    let pending: Vec<Payload> = recording.pending.values().cloned().collect();
    let all = pending.len();
    let sent = wait(async {
        let courier = Courier::new(&access)?;
        for payload in pending {
            courier.send(&payload.id, &payload.unpacked()?).await?;
            let line = RecordedLine::Sent { users: vec![payload.user] };
            journal
                .write(&line)
                .map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            recording.take(line)?;
        }
        journal.sync().map_err(|error| format!("{} cannot be written: {error}", path.display()))
    })?;
    let taken = figure::count((all - recording.pending.len()) as u64);
    print(&format!(
        "LaunchDarkly has taken the events of {taken} of {} users.\n",
        figure::count(all as u64)
    ))?;
    if let Err(why) = sent {
        output::message(&format!("error: {why}"));
        return Err(Exit::BackendFailed);
    }
    let missing = recording.undelivered();
    if missing > 0 {
        let users = figure::count(missing);
        output::message(&format!(
            "the events of {users} more users are not in the journal: `simlab run SCENARIO --live --resume` sends them"
        ));
        return Err(Exit::BackendFailed);
    }
    Ok(Exit::Ran)
}
