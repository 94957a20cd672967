//! From the arguments to the command that they name.
//!
//! Does not know: what any command does.

use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue};

use super::args::{Cli, Command};
use super::{
    analyze, bootstrap, calibrate, commands, drive, estimate, journal, learn, live, mcp, new, plan,
    play, power, reference, serve, sql, words,
};
use crate::llm::wire::address::hidden;

/// An error about an argument, without what may be a key in an address.
fn without_keys(mut error: clap::Error) -> clap::Error {
    for kind in [ContextKind::InvalidValue, ContextKind::InvalidArg] {
        if let Some(ContextValue::String(text)) = error.get(kind) {
            let text = ContextValue::String(hidden(text));
            error.insert(kind, text);
        }
    }
    error
}

/// The program: reads the arguments, does what they say, tells how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::try_parse().unwrap_or_else(|error| without_keys(error).exit());
    let exit = match cli.command {
        Command::Run(args) if args.live => live::run(&args),
        Command::Run(args) => commands::run(&args),
        Command::Check { scenarios } => commands::check(&scenarios),
        Command::List { format } => commands::list(format),
        Command::New(args) => new::new(&args),
        Command::Analyze(args) => analyze::analyze(&args),
        Command::Sql(args) => sql::sql(&args),
        Command::Plan(args) => plan::plan(&args),
        Command::Play(args) => play::play(&args),
        Command::Power(args) => power::power(&args),
        Command::Estimate(args) => estimate::estimate(&args),
        Command::Calibrate(args) => calibrate::calibrate(&args),
        Command::Replay(args) => live::replay(&args),
        Command::Journal(command) => journal::journal(&command),
        Command::Report { saved, format } => analyze::report(&saved, format),
        Command::Serve(args) => serve::serve(&args),
        Command::Drive(args) => drive::drive(&args),
        Command::Mcp(args) => mcp::mcp(&args),
        Command::Bootstrap(args) => bootstrap::bootstrap(&args),
        Command::Learn { lesson } => learn::learn(lesson.as_deref()),
        Command::Explain { term } => words::explain(&term),
        Command::Reference { what, format } => reference::reference(what, format),
        Command::Completions { shell } => words::completions(shell),
        Command::Man { command } => words::man(command.as_deref()),
    };
    exit.unwrap_or_else(|exit| exit).into()
}
