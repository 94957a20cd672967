//! The command line: arguments, files, progress, and the documented exit codes.
//!
//! Guarantees: standard output carries the result alone; progress and messages go to standard
//! error; a closed pipe is no error; color appears on a terminal only and `NO_COLOR` is respected.
//!
//! Does not know: how anything is simulated or analyzed.

mod analyze;
mod analyze_table;
mod args;
mod args_analyze;
mod args_drive;
mod args_format;
mod args_journal;
mod args_live;
mod args_mcp;
mod args_number;
mod args_serve;
mod args_sql;
mod bootstrap;
mod bootstrap_document;
mod calibrate;
mod commands;
mod dispatch;
mod drive;
mod estimate;
mod exit;
mod export;
mod journal;
mod learn;
mod live;
mod mcp;
mod new;
mod opened;
mod other_side;
mod output;
mod plan;
mod play;
mod power;
mod progress;
mod reference;
mod save;
mod serve;
mod signals;
mod sql;
mod watch;
mod words;

pub use dispatch::main;
pub use exit::Exit;
