//! The arguments of every command, with help that teaches.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::args_analyze::{ANALYZE_EXAMPLES, AnalyzeArgs};
use super::args_drive::{DRIVE_EXAMPLES, DriveArgs};
pub use super::args_format::Format;
use super::args_format::trace_format;
use super::args_journal::JournalCommand;
use super::args_live;
use super::args_mcp::McpArgs;
use super::args_number::whole;
use super::args_serve::ServeArgs;
use super::args_sql::{SQL_EXAMPLES, SqlArgs};
use super::plan::{PLAN_EXAMPLES, PlanArgs};
use super::play::{PLAY_EXAMPLES, PlayArgs};
use crate::quantity::Money;
use crate::traces::TraceFormat;

/// A flight simulator for AI experiments.
///
/// One scenario file is a whole A/B experiment on a multi-agent AI system: who comes, what they
/// ask, which models answer at which price, what is measured, and the rule that decides. `simlab
/// run` simulates all of it, from bootstrap to verdict, with seeded mocks, in seconds and at no
/// cost. The same scenario and seed give the same bytes on every machine.
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
  simlab new security my.ron              write a commented copy, to change it
  simlab check my.ron
  simlab run my.ron --out results         results/report.html is the report as a page

Exit codes: 0 the command ran, whatever the verdict and its health checks · 1 the scenario's `expect` was not met ·
2 bad usage · 3 bad scenario or data file · 4 a backend failed · 5 stopped at the budget · 130 interrupted";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole experiment, from bootstrap to verdict, and print the report.
    #[command(
        after_help = "Examples:\n  simlab run security --users 500 --format json\n  simlab run security --truth --out results\n  simlab run security --live --against serve --users 60     rehearse a live run"
    )]
    Run(RunArgs),
    /// Validate scenario files, and show every mistake with its line.
    #[command(after_help = "Example:\n  simlab check my.ron other.ron")]
    Check {
        /// Scenario files, or names of built-in scenarios.
        #[arg(required = true, value_name = "SCENARIO")]
        scenarios: Vec<String>,
    },
    /// List the built-in scenarios, one line each.
    #[command(after_help = "Example:\n  simlab list --format json")]
    List {
        /// How to print them.
        #[arg(long, value_enum, default_value_t = ContentsFormat::Text)]
        format: ContentsFormat,
    },
    /// Write a commented copy of a built-in scenario, as a starting point.
    #[command(
        after_help = "Examples:\n  simlab new security my.ron\n  simlab new security my.ron --models today     retired models replaced: for a live run"
    )]
    New(NewArgs),
    /// Analyze your own data: print statistics and a verdict for a table (CSV, TSV, JSON,
    /// Parquet), recorded events (JSONL) or summary statistics (RON).
    #[command(after_help = ANALYZE_EXAMPLES)]
    Analyze(Box<AnalyzeArgs>),
    /// Print the query that brings exposures and events in a warehouse down to sufficient
    /// statistics, which `simlab analyze` takes.
    ///
    /// The result is one row for each metric and variation, whatever the number of events: counts,
    /// sums, and sums of squares and products. The report on it is that on the raw events.
    #[command(after_help = SQL_EXAMPLES)]
    Sql(Box<SqlArgs>),
    /// Measure how often a decision rule ships falsely at a number of users, and what that costs.
    ///
    /// Simulates the scenario many times, each time with another seed, with the engine, the
    /// analysis and the decision rule of `run`, and compares every verdict with the effect on
    /// users: every user through every arm. A ship is false where the rule itself would not ship on
    /// the effect on users. The seed of replication n is the nth one derived from
    /// --seed. All sizes and looks reuse the same simulated users (common random numbers), so their
    /// differences are not noise. The output depends on neither --jobs nor --shard. Every number
    /// has its Monte Carlo standard error.
    #[command(after_help = POWER_EXAMPLES)]
    Power(PowerArgs),
    /// Compute how many users an experiment needs, what they cost and how long they take, in a
    /// second.
    ///
    /// From a few numbers, or from a scenario, it prints the users, dollars and days for an effect,
    /// and the smallest effect that other numbers of users find. It is the closed form of the
    /// analysis's own decision: the probability to beat the control. --check simulates experiments
    /// of that size and prints both.
    #[command(after_help = PLAN_EXAMPLES)]
    Plan(Box<PlanArgs>),
    /// Estimate what a run with real providers would cost, by provider, model and agent, without
    /// spending anything.
    #[command(after_help = "Example:\n  simlab estimate security --users 200")]
    Estimate(EstimateArgs),
    /// Run a scenario again from recorded completions, without network; the report is the same byte
    /// for byte.
    ///
    /// Every completion is found by user, caller, call and attempt, so identical prompts keep their
    /// own answers. A request that is not in the recording is an error that shows the nearest one.
    #[command(
        after_help = "Example:\n  simlab run my.ron --live --record traffic.jsonl\n  simlab replay traffic.jsonl --format markdown"
    )]
    Replay(ReplayArgs),
    /// Check or repair the journal of a live run.
    #[command(subcommand, after_help = "Example:\n  simlab journal check results/journal.jsonl")]
    Journal(JournalCommand),
    /// Write a scenario that simulates your system, from traces that you already have or from a
    /// recorded live run.
    ///
    /// From traces, the scenario has your agents, the shares of the ways between them, models,
    /// tokens, tool calls, latency, failures, scores, and users who come back. Every figure is
    /// printed with its 90% interval and the number of observations behind it; what traces cannot
    /// tell is listed as assumed. No prompt, answer, mail address or user id gets into the
    /// scenario. Files are read as streams, so they may be larger than the memory.
    ///
    /// From a recording, the models of its scenario are fitted: latency and failures from the
    /// calls, the rest by simulation.
    #[command(after_help = CALIBRATE_EXAMPLES)]
    Calibrate(CalibrateArgs),
    /// Print a saved run again, in any format.
    #[command(
        after_help = "Example:\n  simlab run security --out results\n  simlab report results --format markdown"
    )]
    Report {
        /// The folder that `simlab run --out` wrote, or a report.json.
        #[arg(value_name = "DIR")]
        saved: PathBuf,
        /// How to print the report.
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Take a lesson: predict a result, run the experiment, compare; then change one setting and run
    /// again.
    ///
    /// Without a name it lists the lessons. On a terminal it waits for your prediction; without a
    /// terminal it does not wait.
    #[command(after_help = "Examples:\n  simlab learn\n  simlab learn peeking")]
    Learn {
        /// Name or number of a lesson, see `simlab learn`.
        lesson: Option<String>,
    },
    /// Open a page to play with: change a scenario with sliders and watch its report change.
    ///
    /// The page is served on loopback and computed by the engine of `run`: users, split, decision rule,
    /// causes, prices and the judge's errors, the report, and the same experiment 200 times as a
    /// field of dots. The true effect is hidden until you ask for it. The address of the page
    /// restores its settings, and "Copy as scenario" gives the file that `simlab run` takes. The
    /// first line on standard output is {"listening": "http://127.0.0.1:PORT"}. With --class the line
    /// also has "teacher", the teacher's link, and "students", the links for students.
    #[command(after_help = PLAY_EXAMPLES)]
    Play(PlayArgs),
    /// Explain a term of the report: its meaning, its formula and the source of that.
    #[command(
        after_help = "Examples:\n  simlab explain\n  simlab explain credible interval\n  simlab explain SRM"
    )]
    Explain {
        /// The term, such as `credible interval`. Default: list all terms.
        #[arg(value_name = "TERM")]
        term: Vec<String>,
    },
    /// Print the reference of a scenario file, or of the JSON that a command prints: the meaning of
    /// every field, and for a scenario its range and default.
    #[command(
        after_help = "Examples:\n  simlab reference > scenario-reference.md\n  simlab reference --format json > scenario.schema.json\n  simlab reference report --format json > report.schema.json"
    )]
    Reference {
        /// What to describe.
        #[arg(value_enum, value_name = "WHAT", default_value_t = Described::Scenario)]
        what: Described,
        /// How to print it.
        #[arg(long, value_enum, default_value_t = ReferenceFormat::Markdown)]
        format: ReferenceFormat,
    },
    /// Serve the mock LaunchDarkly and the mock models over HTTP on loopback, for unmodified
    /// applications.
    ///
    /// The first line on standard output is {"listening": "http://127.0.0.1:PORT"}. GET
    /// /_simlab/status there shows the SDK key. A request that is repeated gets the next answer of
    /// a fixed sequence; with --repeat same it gets the same answer. Requests fail only if
    /// --faults, the scenario's own faults or --failures make them fail.
    #[command(after_help = "Example:\n  simlab serve security --port 8765")]
    Serve(ServeArgs),
    /// Send a scenario's users and questions to your app over HTTP, rate its answers, and report.
    ///
    /// Users, their attributes and their questions are those of a simulated run with the same seed.
    /// With --serve, the mock judge of `simlab serve` rates each answer as a user would, the rating
    /// goes to the app as feedback, and the report on the events that the app sent is printed. So
    /// `serve`, your app and `drive` are a whole experiment on your own code, offline.
    #[command(after_help = DRIVE_EXAMPLES)]
    Drive(DriveArgs),
    /// Serve a scenario's tool as an MCP server over standard input and output.
    ///
    /// The tool finds what it finds in a simulated run; with --time-scale 1 it takes as long and has
    /// the same rate limit. It speaks the Model Context Protocol in versions 2024-11-05 to
    /// 2025-11-25, one message a line.
    #[command(
        after_help = "Examples:\n  simlab mcp arxiv\n  simlab mcp semantic-scholar my.ron --time-scale 10\n  eval \"$(simlab mcp --write mcp)\"      for the tutorial's app"
    )]
    Mcp(McpArgs),
    /// Print what a scenario needs in LaunchDarkly; with --live, create it there.
    ///
    /// With --live it reads LD_API_KEY (and LD_BASE_URL), shows what is missing and what differs in
    /// the project, and asks before it creates anything. It creates only what is missing, changes
    /// what differs only with --yes, and never deletes anything. A second run finds nothing to
    /// do.
    #[command(
        after_help = "Examples:\n  simlab bootstrap security\n  simlab bootstrap security --live"
    )]
    Bootstrap(BootstrapArgs),
    /// Print the script that completes commands and options in a shell.
    #[command(
        after_help = "Example:\n  simlab completions bash > ~/.local/share/bash-completion/completions/simlab"
    )]
    Completions {
        /// Which shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Print a manual page in roff, for `man`.
    #[command(after_help = "Examples:\n  simlab man > simlab.1\n  simlab man run > simlab-run.1")]
    Man {
        /// A command; without one, the page of the program.
        command: Option<String>,
    },
}

/// The arguments of `estimate`.
#[derive(Debug, Args)]
pub struct EstimateArgs {
    /// A scenario file, or the name of a built-in scenario.
    pub scenario: String,
    /// Number of users. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1..=10_000_000))]
    pub users: Option<u32>,
    /// Seed from which the seeds of the replications are derived. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// Do not report progress on standard error.
    #[arg(long)]
    pub quiet: bool,
}

/// The arguments of `bootstrap`.
#[derive(Debug, Args)]
pub struct BootstrapArgs {
    /// A scenario file, or the name of a built-in scenario.
    pub scenario: String,
    /// Use the real LaunchDarkly.
    #[arg(long)]
    pub live: bool,
    /// With --live: do not ask, and also change what differs.
    #[arg(long, requires = "live")]
    pub yes: bool,
}

/// The arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// Traces of your application (OpenTelemetry, OpenInference, OpenLLMetry, Langfuse, LangSmith,
    /// LiteLLM, Braintrust, promptfoo; JSON, JSON lines or CSV, also packed with gzip; `-` reads
    /// standard input), or one recording of `simlab run --live`.
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Read every file as this format. Default: each record's format is recognized by its fields.
    #[arg(long, value_name = "FORMAT", value_parser = trace_format())]
    pub from: Option<TraceFormat>,
    /// Where to write the scenario. Default: standard output. An existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What to print: the scenario (text), or the fitted values as one JSON document.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

const CALIBRATE_EXAMPLES: &str = "Examples:
  simlab calibrate spans.jsonl --out mine.ron              OTLP in JSON, as a file exporter writes it
  simlab calibrate export/*.json.gz --out mine.ron         several files, packed with gzip
  curl -s $LANGFUSE/api/public/observations -u $KEYS | simlab calibrate - --out mine.ron
  simlab calibrate spend.csv --from litellm --format json  the figures, as JSON
  simlab check mine.ron; simlab run mine.ron; simlab power mine.ron

  simlab run my.ron --live --record traffic.jsonl
  simlab calibrate traffic.jsonl --out mine.ron            from a recorded live run";

/// The arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// What `simlab run --live` recorded: the file of --record, or journal.jsonl in the run's
    /// folder.
    pub recording: PathBuf,
    /// A scenario to use instead of the recorded one, with the same requests to models but, for
    /// example, another decision rule or other metrics.
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Save report.json, report.html, events.jsonl, transcript.jsonl and scenario.ron in this
    /// folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

const POWER_EXAMPLES: &str = "Examples:
  simlab power security                                       how often each verdict comes out
  simlab power security --aa                                  the false-ship rate: treatment = control
  simlab power premium --users 100,200,400,800 --looks 20     with the effect of peeking
  simlab power security-literal --target 80% --verdict ship   how many users for 80%?
  simlab power security --replications 10000 --out all.json   save; add more later with --resume all.json

On a cluster, one shard per task (here a Slurm array of 50; a Kubernetes indexed job has JOB_COMPLETION_INDEX):
  sbatch --array=1-50 --wrap 'simlab power my.ron --replications 100000 --shard $SLURM_ARRAY_TASK_ID/50 --out part$SLURM_ARRAY_TASK_ID.json'
  simlab power --merge part*.json";

/// The arguments of `power`.
#[derive(Debug, Args)]
pub struct PowerArgs {
    /// A scenario file, or the name of a built-in scenario.
    #[arg(required_unless_present = "merge", conflicts_with = "merge")]
    pub scenario: Option<String>,
    /// Number of simulated runs.
    #[arg(long, value_name = "N", default_value_t = 1000, allow_negative_numbers = true, value_parser = whole::<u64>(1..=crate::power::MAX_REPLICATIONS))]
    pub replications: u64,
    /// Numbers of users, such as 500,1000,2000. Default: a quarter, half, all and twice the
    /// scenario's.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', allow_negative_numbers = true, value_parser = whole::<u32>(1..=10_000_000), conflicts_with = "target")]
    pub users: Vec<u32>,
    /// Seed from which the seeds of the replications are derived. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// Number of threads. Default: one for each core. The output does not depend on it.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1..=1024))]
    pub jobs: Option<u32>,
    /// Equally spaced looks at the data before each number of users is reached; 1 looks only at the
    /// end.
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true, value_parser = whole::<u32>(1..=1000))]
    pub looks: u32,
    /// Make every treatment identical to its control: every verdict to ship is then false.
    #[arg(long)]
    pub aa: bool,
    /// Simulate every replication as a run of its own. Otherwise the users of a replication are drawn
    /// from a pool of simulated users, where that is valid and saves much: see `simlab explain pool`.
    #[arg(long)]
    pub full: bool,
    /// Simulated users from which the effect on users is computed, in each arm. Default: as many as
    /// a standard error of 0.25% of each change needs, at most 400,000 visits in total.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(100..=10_000_000))]
    pub truth_users: Option<u32>,
    /// Search for the number of users at which this share of runs ends with the verdict, such as
    /// 80% or 0.8.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub target: Option<f64>,
    /// The verdict that --target is about.
    #[arg(long, value_enum, requires = "target")]
    pub verdict: Option<WantedVerdict>,
    /// Maximum number of users that --target tries. Default: 64 times the scenario's, at most
    /// 200,000.
    #[arg(alias = "most-users", long, value_name = "N", requires = "target", allow_negative_numbers = true, value_parser = whole::<u32>(16..=10_000_000))]
    pub max_users: Option<u32>,
    /// Run only every Nth replication, starting with the Ith, for a batch system; merge the parts
    /// with --merge.
    #[arg(long, value_name = "I/N", value_parser = shard, requires = "out", conflicts_with = "target")]
    pub shard: Option<Shard>,
    /// Save the replications in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    pub out: Option<PathBuf>,
    /// Continue from a saved file: run only the replications that it lacks, and add them to it (or
    /// save all to --out).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "merge"])]
    pub resume: Option<PathBuf>,
    /// Merge saved parts, without running anything.
    #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with_all = ["target", "shard", "aa", "users"])]
    pub merge: Vec<PathBuf>,
    /// How to print the answer.
    #[arg(long, value_enum, default_value_t = PowerFormat::Text)]
    pub format: PowerFormat,
    /// Print nothing but the result.
    #[arg(long)]
    pub quiet: bool,
}

/// One of several equal parts of the replications.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which one, from 1.
    pub nth: u64,
    /// How many there are.
    pub of: u64,
}

/// Reads `I/N`.
fn shard(text: &str) -> Result<Shard, String> {
    let parts =
        text.split_once('/').and_then(|(nth, of)| Some((nth.parse().ok()?, of.parse().ok()?)));
    let shard = parts
        .filter(|&(nth, of): &(u64, u64)| nth >= 1 && nth <= of)
        .map(|(nth, of)| Shard { nth, of });
    shard.ok_or_else(|| "expected I/N with I from 1 to N, such as 3/50".to_owned())
}

/// Reads `80%` or `0.8`.
fn share(text: &str) -> Result<f64, String> {
    let share = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse::<f64>().map(|percent| percent / 100.0),
        None => text.parse(),
    };
    share
        .ok()
        .filter(|share| *share > 0.0 && *share < 1.0)
        .ok_or_else(|| "expected a share between 0% and 100%, such as 80% or 0.8".to_owned())
}

/// `simlab new`.
#[derive(Args, Debug)]
pub struct NewArgs {
    /// Name of a built-in scenario, see `simlab list`.
    pub name: String,
    /// Where to write it. Default: standard output. An existing file is not overwritten.
    pub file: Option<PathBuf>,
    /// Replace models that their providers have retired by what the providers recommend, and say
    /// what that changes.
    #[arg(long, value_name = "WHICH")]
    pub models: Option<NewModels>,
}

/// Which models a new scenario has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum NewModels {
    /// Those that are served today.
    Today,
}

/// A verdict that `--target` is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum WantedVerdict {
    /// Ship the treatment.
    #[default]
    Ship,
    /// Keep the control.
    Keep,
}

impl From<WantedVerdict> for crate::verdict::Decision {
    fn from(wanted: WantedVerdict) -> Self {
        match wanted {
            WantedVerdict::Ship => Self::Ship,
            WantedVerdict::Keep => Self::Keep,
        }
    }
}

/// How a power analysis is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PowerFormat {
    /// For people at a terminal.
    Text,
    /// One JSON document.
    Json,
    /// For a pull request's comment.
    Markdown,
}

/// The arguments of `run`.
#[derive(Debug, Args)]
pub struct RunArgs {
    /// A scenario file, or the name of a built-in scenario.
    pub scenario: String,
    /// Seed of all random numbers. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// Number of users, each with one query, or more where users come back. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1..=10_000_000))]
    pub users: Option<u32>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Save report.json, report.html, events.jsonl (as an AI SDK would send them), transcript.jsonl
    /// and scenario.ron in this folder, and of a simulated run users, events and calls as Parquet
    /// tables with a notebook. A simulated run in the folder is replaced; if it holds a live
    /// run, or a scenario.ron that no run saved, simlab stops with an error and changes nothing.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Number of users in transcript.jsonl, from the first on: what they asked, and what every model
    /// replied.
    #[arg(long, value_name = "N", default_value_t = 200, requires = "out", allow_negative_numbers = true, value_parser = whole::<u32>(0..=u32::MAX.into()))]
    pub transcript: u32,
    /// Show the true effect next to the estimate: simulate every user in every variation, with all
    /// costs and without losing users, and say whether the verdict agrees with it and how far the
    /// measurement is from it.
    #[arg(long, conflicts_with = "live")]
    pub truth: bool,
    /// With --truth: number of users to simulate in every variation. Default: as many as a standard
    /// error of 0.25% of each change needs, at most 400,000 visits in total.
    #[arg(long, value_name = "N", requires = "truth", allow_negative_numbers = true, value_parser = whole::<u32>(100..=10_000_000))]
    pub truth_users: Option<u32>,
    /// Print nothing but the result.
    #[arg(long)]
    pub quiet: bool,
    /// Use the real providers and the real LaunchDarkly.
    #[arg(long, help = args_live::help())]
    pub live: bool,
    /// With --live: start simlab's own mock of the providers and of LaunchDarkly in this process, and
    /// run against it: every step of a live run, without keys, addresses or cost, and without being
    /// asked.
    #[arg(long, value_enum, value_name = "WHAT", requires = "live")]
    pub against: Option<Against>,
    /// With --against: faults that the mock injects, as `simlab serve --faults` takes them.
    #[arg(long, value_name = "FILE", requires = "against")]
    pub faults: Option<PathBuf>,
    /// With --live: ask a remote tool of the scenario at this MCP server (streamable HTTP), such as
    /// my_search=http://127.0.0.1:9000/mcp. Give the option once for each tool.
    #[arg(long, value_name = "KEY=URL", requires = "live", conflicts_with = "against", value_parser = args_live::tool)]
    pub tool: Vec<(String, String)>,
    /// With --live: print every request that the providers would get, one JSON document a line,
    /// without keys, and send none: simlab's own mock answers in their place.
    #[arg(long, requires = "live", conflicts_with_all = ["against", "out", "record", "resume", "tool"])]
    pub dry_run: bool,
    /// With --live: maximum to spend, in dollars; at this amount the run ends with exit code 5 and a
    /// report.
    #[arg(long, value_name = "USD", default_value = "$5", value_parser = dollars)]
    pub max_cost: Money,
    /// With --live: do not ask before starting.
    #[arg(long, requires = "live")]
    pub yes: bool,
    /// With --live: save every completion in this file, for `simlab replay`.
    #[arg(long, value_name = "FILE", requires = "live")]
    pub record: Option<PathBuf>,
    /// With --live: continue the run in this folder, without paying or counting anything twice.
    #[arg(long, value_name = "DIR", requires = "live", conflicts_with = "out")]
    pub resume: Option<PathBuf>,
}

/// What a live run may have on its other side, instead of the real services.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Against {
    /// The mock that `simlab serve` serves.
    Serve,
}

/// An amount of dollars, with or without its sign.
fn dollars(text: &str) -> Result<Money, String> {
    let amount =
        if text.trim_start().starts_with('$') { text.to_owned() } else { format!("${text}") };
    amount
        .parse()
        .map_err(|_| format!("expected an amount of dollars such as 5 or $0.50, found {text}"))
}

/// What `simlab reference` describes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Described {
    /// A scenario file.
    Scenario,
    /// The JSON of `run`, `analyze`, `report` and `replay`.
    #[value(aliases = ["run", "analyze", "replay"])]
    Report,
    /// The JSON of `power`.
    Power,
    /// The JSON of `plan`.
    Plan,
    /// The JSON of `plan --paired`.
    PairedPlan,
    /// The JSON of `estimate`.
    Estimate,
    /// The JSON of `calibrate` with a recording.
    Calibrate,
    /// The JSON of `calibrate` with traces.
    CalibrateTraces,
    /// The JSON of `list`.
    List,
    /// A file of scripted answers for `serve`.
    Answers,
    /// The JSON of `drive`.
    Drive,
    /// A file that says how `drive` asks an app.
    App,
    /// The columns of the result of the query that `sql` prints.
    Sql,
}

/// How a reference is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReferenceFormat {
    /// A page with a table for each block or object.
    Markdown,
    /// A JSON Schema (draft 2020-12).
    Json,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// One line each.
    Text,
    /// One JSON document.
    Json,
}

/// How the built-in scenarios are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ContentsFormat {
    /// One line each.
    Text,
    /// A table of the lessons and a table of the other scenarios.
    Markdown,
    /// One JSON document.
    Json,
}
