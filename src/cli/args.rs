//! The arguments of every command, with help that teaches.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::args_journal::JournalCommand;
use super::args_live;
use super::args_serve::ServeArgs;
use super::plan::{PLAN_EXAMPLES, PlanArgs};
use crate::quantity::Money;

/// A flight simulator for AI experiments.
///
/// One scenario file is a whole A/B experiment on a multi-agent AI system: who comes, what they
/// ask, which models answer at which price, what is measured, and the rule that decides. `simlab
/// run` plays it from bootstrap to verdict against seeded mocks, in a second and for nothing. The
/// same scenario and seed give the same bytes on every machine.
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
  simlab run my.ron --out results         report.html in there is the report as a page

Exit codes: 0 ran, whatever the verdict, also one not to be trusted · 1 the scenario's `expect` was not met · 2 bad usage ·
3 bad scenario or data file · 4 a backend failed · 5 stopped at the budget · 130 interrupted";

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a whole experiment, from bootstrap to verdict, and print the report.
    #[command(
        after_help = "Examples:\n  simlab run security --users 500 --format json\n  simlab run security --truth --out results"
    )]
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
        #[arg(long, value_enum, default_value_t = ContentsFormat::Text)]
        format: ContentsFormat,
    },
    /// Write a built-in scenario out, commented, to start from.
    #[command(after_help = "Example:\n  simlab new security my.ron")]
    New {
        /// Name of a built-in scenario, see `simlab list`.
        name: String,
        /// Where to write it; standard output if left out. An existing file is not overwritten.
        file: Option<PathBuf>,
    },
    /// Statistics and verdict for given data: summary statistics (RON) or recorded events (JSONL);
    /// nothing is simulated.
    #[command(after_help = ANALYZE_EXAMPLES)]
    Analyze(AnalyzeArgs),
    /// How often does this decision rule, at this size, ship the wrong thing, and what does each
    /// answer cost?
    ///
    /// Runs the scenario many times, each time with another seed, through the same engine, analysis
    /// and decision rule, and compares every verdict with the effect on users: everybody through
    /// every arm, nobody lost. Replication n is the run whose seed is the nth of --seed; sizes and
    /// looks take the first users of the same runs, so what is compared shares its luck. The output
    /// depends on neither --jobs nor --shard. Every number comes with its Monte Carlo standard
    /// error.
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
    Plan(PlanArgs),
    /// What would a run with real providers cost? The simulator's answer, by provider, model and
    /// agent; nothing is spent.
    #[command(after_help = "Example:\n  simlab estimate security --users 200")]
    Estimate(EstimateArgs),
    /// Run a scenario again from recorded completions, without network: byte for byte the same
    /// report.
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
    /// Fit the models' profiles to recorded traffic and write a scenario: a simulator of your
    /// system.
    ///
    /// Latency and failures are read off the calls; lengths of answers, tool calls and feedback are
    /// matched by simulation. The scenario goes to standard output, or to --out; the fitted figures
    /// with their intervals beside it.
    #[command(
        after_help = "Example:\n  simlab run my.ron --live --record traffic.jsonl\n  simlab calibrate traffic.jsonl --out mine.ron\n  simlab power mine.ron"
    )]
    Calibrate(CalibrateArgs),
    /// Render a saved run again, in any format.
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
    /// The course: predict, run, reveal; then turn one knob and see what moves.
    ///
    /// Without a name it lists the lessons. On a terminal it waits for your prediction; elsewhere
    /// it goes on without.
    #[command(after_help = "Examples:\n  simlab learn\n  simlab learn peeking")]
    Learn {
        /// Name or number of a lesson, see `simlab learn`.
        lesson: Option<String>,
    },
    /// Explain a word of the report: what it means, the formula used, and where that comes from.
    #[command(
        after_help = "Examples:\n  simlab explain\n  simlab explain credible interval\n  simlab explain SRM"
    )]
    Explain {
        /// The word, such as `credible interval`; without one, all words are listed.
        #[arg(value_name = "TERM")]
        term: Vec<String>,
    },
    /// Print every field of a scenario file, or of the JSON that a command prints: what it means,
    /// and for a scenario its range and its default.
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
    /// /_simlab/status there shows the SDK key. The k-th time that the same request comes it gets
    /// the k-th answer of a fixed sequence; --repeat same gives one answer each time. Requests fail
    /// only where --faults, the scenario's own faults or --failures ask for it.
    #[command(after_help = "Example:\n  simlab serve security --port 8765")]
    Serve(ServeArgs),
    /// Print what a scenario needs in LaunchDarkly: what a bootstrap would create; with --live,
    /// create it there.
    ///
    /// With --live it reads LD_API_KEY (and LD_BASE_URL), shows what the project lacks and in what
    /// it differs, and asks. It creates only what is missing, changes what differs only with --yes,
    /// and never deletes anything. A second run finds nothing to do.
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

const ANALYZE_EXAMPLES: &str = "Examples:
  simlab analyze scenarios/published/security.ron      the tutorial's published table, recomputed
  simlab run security --out results
  simlab analyze results/events.jsonl                  uses results/scenario.ron for experiments and metrics
  simlab analyze events.jsonl --scenario my.ron
  simlab analyze checkout.jsonl --control false --split 50/50 --window 7d

Recorded events are one JSON event a line, or one payload (an array of events) a line, as LaunchDarkly's SDKs send them. What
cannot be read is listed by line; what does not count is counted by reason. Without a scenario, every flag or AI config with users in
two variations or more is compared on the tutorial's metrics and on each event of the app's own: whether it occurred, and the sum of
its values. A metric event that is recorded twice (same time, user, key, value and data) counts once, except inside one payload.";

/// The arguments of `estimate`.
#[derive(Debug, Args)]
pub struct EstimateArgs {
    /// A scenario file, or the name of a built-in scenario.
    pub scenario: String,
    /// How many users, instead of the scenario's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub users: Option<u32>,
    /// Seed whose replications are run, instead of the scenario's own.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// The arguments of `bootstrap`.
#[derive(Debug, Args)]
pub struct BootstrapArgs {
    /// A scenario file, or the name of a built-in scenario.
    pub scenario: String,
    /// In the real LaunchDarkly.
    #[arg(long)]
    pub live: bool,
    /// With --live: do it without asking, and change what differs, too.
    #[arg(long, requires = "live")]
    pub yes: bool,
}

/// The arguments of `calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArgs {
    /// What `simlab run --live` recorded: the file of --record, or journal.jsonl in the run's
    /// folder.
    pub recording: PathBuf,
    /// Where to write the scenario; an existing file is not overwritten.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// What to print: the scenario (text), or the fitted figures as one JSON document.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// The arguments of `replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// What `simlab run --live` recorded: the file of --record, or journal.jsonl in the run's
    /// folder.
    pub recording: PathBuf,
    /// Another scenario than the recorded one, that asks its models the same: another decision
    /// rule, other metrics.
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

/// The arguments of `analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// Summary statistics (RON) or recorded events (JSONL).
    #[arg(value_name = "FILE")]
    pub data: PathBuf,
    /// For recorded events: the scenario whose experiments, metrics and decision rules apply, and
    /// whose bandits and guarded rollouts are judged: which shares their rules would have set, and
    /// when they would have stopped. Without it, the scenario.ron beside the file.
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// For recorded events: the kind of context that is the unit, such as `organization`. Default:
    /// `user` if users were exposed, else the kind with the most exposures.
    #[arg(long, value_name = "KIND")]
    pub unit: Option<String>,
    /// For recorded events: the arm that the others are compared with. Default: the scenario's,
    /// else the variation with the lowest number.
    #[arg(long, value_name = "ARM")]
    pub control: Option<String>,
    /// For recorded events: the planned split, as `50/50` in the order of the arms or as
    /// `a=50%,b=50%`. Default: the scenario's; without one, the sample ratio is not checked.
    #[arg(long, value_name = "SHARES")]
    pub split: Option<String>,
    /// For recorded events: count events up to this long after the unit's first exposure, such as
    /// `7d` or `12h` (at most 30d). Default: without end.
    #[arg(long, value_name = "DURATION")]
    pub window: Option<crate::time::Duration>,
    /// For recorded events: leave out exposures and events from this time on, such as `2026-11-01`
    /// (UTC) or `2026-11-01T12:00:00Z`. Default: without end.
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

const POWER_EXAMPLES: &str = "Examples:
  simlab power security                                       how often each verdict comes out
  simlab power security --aa                                  the false-ship rate: treatment = control
  simlab power premium --users 100,200,400,800 --looks 20     and what peeking does
  simlab power security-literal --target 80% --verdict ship   how many users for 80%?
  simlab power security --replications 10000 --out all.json   save; add more later with --resume all.json

On a cluster, one shard a task (here a Slurm array of 50; a Kubernetes indexed job has JOB_COMPLETION_INDEX):
  sbatch --array=1-50 --wrap 'simlab power my.ron --replications 100000 --shard $SLURM_ARRAY_TASK_ID/50 --out part$SLURM_ARRAY_TASK_ID.json'
  simlab power --merge part*.json";

/// The arguments of `power`.
#[derive(Debug, Args)]
pub struct PowerArgs {
    /// A scenario file, or the name of a built-in scenario.
    #[arg(required_unless_present = "merge", conflicts_with = "merge")]
    pub scenario: Option<String>,
    /// How many runs.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=crate::power::MAX_REPLICATIONS))]
    pub replications: u64,
    /// Numbers of users, such as 500,1000,2000; a quarter, half, all and twice the scenario's if
    /// left out.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=10_000_000), conflicts_with = "target")]
    pub users: Vec<u32>,
    /// Seed whose replications are run, instead of the scenario's own.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Threads; all cores if left out. The output is the same with any number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub jobs: Option<u32>,
    /// Equally spaced looks at the data on the way to each number of users; 1 looks at the end
    /// only.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub looks: u32,
    /// Make every treatment identical to its control: every verdict to ship is then false.
    #[arg(long)]
    pub aa: bool,
    /// Users of the population that the effect on users is taken from, for each arm; by default as
    /// many as a standard error of 0.25% of each change needs, at most 400,000 visits in all.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub truth_users: Option<u32>,
    /// Search for the number of users at which the verdict comes out this often, such as 80% or
    /// 0.8.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub target: Option<f64>,
    /// The verdict that --target is about.
    #[arg(long, value_enum, requires = "target")]
    pub verdict: Option<Wanted>,
    /// Most users that --target tries; 64 times the scenario's, at most 200,000, if left out.
    #[arg(alias = "most-users", long, value_name = "N", requires = "target", value_parser = clap::value_parser!(u32).range(16..=10_000_000))]
    pub max_users: Option<u32>,
    /// Run every Nth replication only, from the Ith on, for a batch system; merge the parts with
    /// --merge.
    #[arg(long, value_name = "I/N", value_parser = shard, requires = "out", conflicts_with = "target")]
    pub shard: Option<Shard>,
    /// Save the replications in this file.
    #[arg(long, value_name = "FILE", conflicts_with = "target")]
    pub out: Option<PathBuf>,
    /// Go on from a saved file: only replications that it lacks are run, and it takes them up
    /// (unless --out names another).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["target", "merge"])]
    pub resume: Option<PathBuf>,
    /// Put saved parts together; nothing is run.
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

/// A verdict that is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Wanted {
    /// Ship the treatment.
    #[default]
    Ship,
    /// Keep the control.
    Keep,
}

impl From<Wanted> for crate::verdict::Decision {
    fn from(wanted: Wanted) -> Self {
        match wanted {
            Wanted::Ship => Self::Ship,
            Wanted::Keep => Self::Keep,
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
    /// Seed of all luck, instead of the scenario's own.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How many users, each with one query (or more, where users come back), instead of the
    /// scenario's number.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub users: Option<u32>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Save report.json, report.html, events.jsonl (as an AI SDK would send them), transcript.jsonl
    /// and scenario.ron in this folder. A simulated run in it is replaced; a live run in it, or a
    /// scenario.ron that no run saved, is not touched and is an error.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// How many users, from the first on, transcript.jsonl has: what they asked and what every
    /// model said.
    #[arg(long, value_name = "N", default_value_t = 200, requires = "out")]
    pub transcript: u32,
    /// Show the effect on users next to the estimate: simulate every user in every variation, with
    /// all real costs and nobody lost, and say whether the verdict is right by it and how far the
    /// measurement is from it.
    #[arg(long, conflicts_with = "live")]
    pub truth: bool,
    /// With --truth: how many users go through every variation; by default as many as a standard
    /// error of 0.25% of each change needs, at most 400,000 visits in all.
    #[arg(long, value_name = "N", requires = "truth", value_parser = clap::value_parser!(u32).range(100..=10_000_000))]
    pub truth_users: Option<u32>,
    /// Print nothing but the result.
    #[arg(long)]
    pub quiet: bool,
    /// Ask the real providers and the real LaunchDarkly.
    #[arg(long, help = args_live::help())]
    pub live: bool,
    /// With --live: never spend more than this, in dollars; reaching it ends the run with exit code
    /// 5 and a report.
    #[arg(long, value_name = "USD", default_value = "$5", value_parser = dollars)]
    pub max_cost: Money,
    /// With --live: go on without being asked.
    #[arg(long, requires = "live")]
    pub yes: bool,
    /// With --live: keep every completion in this file, for `simlab replay`.
    #[arg(long, value_name = "FILE", requires = "live")]
    pub record: Option<PathBuf>,
    /// With --live: go on with the run in this folder, paying nothing twice and counting nobody
    /// twice.
    #[arg(long, value_name = "DIR", requires = "live", conflicts_with = "out")]
    pub resume: Option<PathBuf>,
}

/// An amount of dollars, with or without its sign.
fn dollars(text: &str) -> Result<Money, String> {
    let amount =
        if text.trim_start().starts_with('$') { text.to_owned() } else { format!("${text}") };
    amount
        .parse()
        .map_err(|_| format!("expected an amount of dollars such as 5 or $0.50, found {text}"))
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people at a terminal.
    Text,
    /// One JSON document. Money is in dollars, latency in milliseconds, a share is a fraction.
    Json,
    /// For a pull request's comment.
    Markdown,
    /// For CI: each expectation a test case.
    Junit,
    /// One self-contained page with charts, light and dark, for a browser, a phone or paper.
    Html,
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
    /// The JSON of `estimate`.
    Estimate,
    /// The JSON of `calibrate`.
    Calibrate,
    /// The JSON of `list`.
    List,
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
