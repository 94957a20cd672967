//! The arguments of `journal`.

use std::path::PathBuf;

use clap::Subcommand;

/// What to do with a journal.
#[derive(Debug, Subcommand)]
pub enum JournalCommand {
    /// Check every line of a journal and print what it holds. It changes nothing.
    ///
    /// Exit code 3: the journal is damaged in the middle, or is no journal. An end that broke off
    /// is reported and is no error: --resume cuts it away.
    #[command(after_help = "Example:\n  simlab journal check results/journal.jsonl")]
    Check {
        /// The file of --record, or journal.jsonl in the folder of a live run.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Take the damaged lines out of a journal, so that --resume and `replay` read it again.
    ///
    /// The damaged file is kept in FILE.damaged. Every lost line is charged to the budget at the
    /// largest maximum cost of a call.
    #[command(after_help = "Example:\n  simlab journal repair results/journal.jsonl")]
    Repair {
        /// The file of --record, or journal.jsonl in the folder of a live run.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Send the events that LaunchDarkly has not taken yet: those of an outage, or of a run that
    /// was killed.
    ///
    /// It reads LD_SDK_KEY (and LD_BASE_URL). Each user's events go out in one payload under the
    /// same id as before, so LaunchDarkly counts what it has taken already once. Exit code 4: some
    /// were not taken. Users whose events are not in the journal yet need `simlab run --live
    /// --resume`.
    #[command(after_help = "Example:\n  simlab journal deliver results/journal.jsonl")]
    Deliver {
        /// The file of --record, or journal.jsonl in the folder of a live run.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
