//! The arguments of `serve`, with help that teaches.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::llm::wire::PROVIDERS;
use crate::serve::Repeat;
use crate::time::Duration;

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// A scenario file, or the name of a built-in scenario: its project is set up first and its
    /// models answer. Without one, the LaunchDarkly account starts empty and the models of
    /// `security` answer.
    pub scenario: Option<String>,
    /// Port on loopback; 0 is any free one.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub port: u16,
    /// Seed of all luck, instead of the scenario's own.
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// How much faster than real time models answer: 1 real latencies, 60 an hour a minute, 0 at
    /// once.
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = time_scale)]
    pub time_scale: f64,
    /// Faults to commit: a RON list such as [(fault: "rate_limited", on: ["anthropic"], rate:
    /// 0.1)], besides the scenario's own.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// When told to stop, write the report on what arrived to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Keep the LaunchDarkly account and the events in this file: what was acknowledged is there
    /// again after a restart or a crash.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Make model calls fail at random, as often as the scenario's models do; without it only
    /// --faults and the scenario's own faults make them fail.
    #[arg(long)]
    pub failures: bool,
    /// What the same request gets when it comes again: the next answer (the k-th same request gets
    /// the k-th answer, the same sequence after each start), or the same answer each time.
    #[arg(long, value_enum, default_value_t = Repeated::Next)]
    pub repeat: Repeated,
    /// A port each for LaunchDarkly and the providers, beside the one for all.
    #[arg(long, help = split_help())]
    pub split: bool,
    /// Keep the last N chats, to be read at /_simlab/transcript.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub transcript: u32,
    /// How long a client may take to begin and send a request, or its connection stay idle; at
    /// least a minute for real clients.
    #[arg(long, value_name = "TIME", default_value = "2min", value_parser = patience)]
    pub patience: Duration,
    /// Also answer requests whose Host header has this name; loopback names are always answered.
    /// Give the option once for each name.
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
}

/// What the same request gets when it comes again.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Repeated {
    /// The next answer of its sequence.
    Next,
    /// The same answer each time.
    Same,
}

impl From<Repeated> for Repeat {
    fn from(repeated: Repeated) -> Self {
        match repeated {
            Repeated::Next => Self::Next,
            Repeated::Same => Self::Same,
        }
    }
}

/// What `--split` does.
fn split_help() -> String {
    let mut names = vec!["LaunchDarkly"];
    names.extend(PROVIDERS.iter().map(|provider| provider.name));
    let last = names.pop().unwrap_or_default();
    let names = names.join(", ");
    format!(
        "A port each for {names} and {last}, beside the one for all; the first line names them, and \
         lines for a shell follow"
    )
}

/// Reads how long a client may take.
fn patience(text: &str) -> Result<Duration, String> {
    let time: Duration = text.parse()?;
    let allowed = Duration::from_us(100_000)..=Duration::from_us(86_400_000_000);
    if allowed.contains(&time) {
        Ok(time)
    } else {
        Err(format!("expected a duration from 100ms to 1d, found {text}"))
    }
}

/// Reads a factor on time.
fn time_scale(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor >= 0.0);
    factor.ok_or_else(|| "expected a number of 0 or more".to_owned())
}
