//! The arguments of `mcp`.

use std::path::PathBuf;

use clap::Args;

use super::args_number::whole;

/// The arguments of `mcp`.
#[derive(Debug, Args)]
pub struct McpArgs {
    /// The tool: `arxiv`, `semantic-scholar`, or the key of one of the scenario's tools.
    #[arg(required_unless_present = "write")]
    pub tool: Option<String>,
    /// A scenario file, or the name of a built-in scenario, whose tool it is.
    #[arg(default_value = "security")]
    pub scenario: String,
    /// The seed of all random numbers. Default: the scenario's own.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// How much faster than in the scenario the tool answers; 0 answers at once and has no rate
    /// limit, 1 has the real waiting times.
    #[arg(long, value_name = "X", default_value = "0", value_parser = super::args_serve::time_scale, allow_negative_numbers = true)]
    pub time_scale: f64,
    /// Write two files into this folder that start the tools as the tutorial's app starts its own,
    /// and print the variables that name them.
    #[arg(long, value_name = "DIR")]
    pub write: Option<PathBuf>,
    /// What the client adds to the command of any such server; nothing is done with it.
    #[arg(last = true, hide = true)]
    pub rest: Vec<String>,
}
