//! The arguments of every command, with help that teaches.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// A flight simulator for AI experiments.
///
/// One scenario file is a whole A/B experiment on a multi-agent AI system: who comes, what they ask, which models answer at
/// which price, what is measured, and the rule that decides. `simlab run` plays it from bootstrap to verdict against seeded
/// mocks, in a second and for nothing. The same scenario and seed give the same bytes on every machine.
#[derive(Debug, Parser)]
#[command(name = "simlab", version, max_term_width = 100, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "Examples:
  simlab list                             the scenarios that are built in
  simlab run security                     the tutorial's first experiment
  simlab run security --seed 2 --users 500
  simlab new security my.ron              write it out, commented, to change it
  simlab check my.ron

Exit codes: 0 ran, whatever the verdict · 1 the scenario's `expect` was not met · 2 bad usage · 3 bad scenario or data file ·
4 a backend failed · 5 stopped at the budget · 130 interrupted";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole experiment, from bootstrap to verdict, and print the report.
    #[command(after_help = "Example:\n  simlab run security --users 500 --format json")]
    Run(RunArgs),
    /// Read and validate scenario files; every fault is shown with line and caret.
    #[command(after_help = "Example:\n  simlab check my.ron other.ron")]
    Check {
        /// Scenario files, or names of built-in scenarios.
        #[arg(required = true, value_name = "SCENARIO")]
        scenarios: Vec<String>,
    },
    /// List the scenarios that are built into the program, one line each.
    #[command(after_help = "Example:\n  simlab list --format json")]
    List {
        /// How to print them.
        #[arg(long, value_enum, default_value_t = ListFormat::Text)]
        format: ListFormat,
    },
    /// Write a built-in scenario out, commented, to start from.
    #[command(after_help = "Example:\n  simlab new security my.ron")]
    New {
        /// Name of a built-in scenario, see `simlab list`.
        name: String,
        /// Where to write it; standard output if left out. An existing file is not overwritten.
        file: Option<PathBuf>,
    },
    /// Statistics and verdict for given data: summary statistics (RON) or recorded events (JSONL); nothing is simulated.
    #[command(after_help = ANALYZE_EXAMPLES)]
    Analyze(AnalyzeArgs),
    /// Render a saved run again, in any format.
    #[command(after_help = "Example:\n  simlab run security --out results\n  simlab report results --format markdown")]
    Report {
        /// The folder that `simlab run --out` wrote, or a report.json.
        #[arg(value_name = "DIR")]
        saved: PathBuf,
        /// How to print the report.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Serve the mock LaunchDarkly and the mock models over HTTP on loopback, for unmodified applications.
    ///
    /// The first line on standard output is {"listening": "http://127.0.0.1:PORT"}. GET /_simlab/status there shows the SDK key.
    #[command(after_help = "Example:\n  simlab serve security --port 8765")]
    Serve(ServeArgs),
    /// Print what a scenario needs in LaunchDarkly: what a bootstrap would create.
    #[command(after_help = "Example:\n  simlab bootstrap security")]
    Bootstrap {
        /// A scenario file, or the name of a built-in scenario.
        scenario: String,
    },
}

const ANALYZE_EXAMPLES: &str = "Examples:
  simlab analyze scenarios/published/security.ron      the tutorial's published table, recomputed
  simlab run security --out results
  simlab analyze results/events.jsonl                  uses results/scenario.ron for experiments and metrics
  simlab analyze events.jsonl --scenario my.ron

Recorded events are one JSON event a line, or one payload (an array of events) a line, as LaunchDarkly's SDKs send them. What
cannot be read is listed by line; what does not count is counted by reason. Without a scenario, every config with users in two
variations or more is compared on the tutorial's metrics.";

/// The arguments of `analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Summary statistics (RON) or recorded events (JSONL).
    #[arg(value_name = "FILE")]
    pub data: PathBuf,
    /// For recorded events: the scenario whose experiments, metrics and decision rules apply; without it, the scenario.ron
    /// beside the file.
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// A scenario file, or the name of a built-in scenario: its project is set up first and its models answer. Without one,
    /// the LaunchDarkly account starts empty and the models of `security` answer.
    pub scenario: Option<String>,
    /// Port on loopback; 0 is any free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// Seed of all luck, instead of the scenario's own.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How much faster than real time models answer: 1 real latencies, 60 an hour a minute, 0 at once.
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = time_scale)]
    pub time_scale: f64,
}

/// Reads a factor on time.
fn time_scale(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor >= 0.0);
    factor.ok_or_else(|| "expected a number of 0 or more".to_owned())
}

/// The arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A scenario file, or the name of a built-in scenario.
    pub scenario: String,
    /// Seed of all luck, instead of the scenario's own.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many queries, each by a user of its own, instead of the scenario's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub users: Option<u32>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Save report.json, events.jsonl (as an AI SDK would send them) and scenario.ron in this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Run every user through every arm with the same luck, and show the true effect beside the estimate.
    #[arg(long)]
    pub truth: bool,
    /// Print nothing but the result.
    #[arg(long)]
    pub quiet: bool,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// One JSON document, see CONTRACT in the README.
    Json,
    /// For a pull request's comment.
    Markdown,
    /// For CI: each expectation a test case.
    Junit,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// One line each.
    Text,
    /// One JSON document.
    Json,
}
