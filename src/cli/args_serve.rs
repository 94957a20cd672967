//! The arguments of `serve`, with help that teaches.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args_number::whole;
use crate::llm::wire::PROVIDERS;
use crate::llm::wire::address::{is_address, is_loopback};
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
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u16>(0..=u16::MAX.into()))]
    pub port: u16,
    /// Seed of all random numbers. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// How much faster than in reality models answer: 1 for real latencies, 60 for an hour in a
    /// minute, 0 for answers at once.
    #[arg(long, value_name = "X", default_value_t = 0.0, value_parser = time_scale, allow_negative_numbers = true)]
    pub time_scale: f64,
    /// Errors to inject: a file with a RON list such as [(fault: "rate_limited", on: ["anthropic"],
    /// rate: 0.1)], in addition to the scenario's own.
    #[arg(long, value_name = "FILE")]
    pub faults: Option<PathBuf>,
    /// Scripted answers: a RON or JSON file such as [(when: (contains: "hello"), say: "Hi!")].
    /// `simlab reference answers` has every field.
    #[arg(long, value_name = "FILE")]
    pub answers: Option<PathBuf>,
    /// Pass model requests on to the real providers, and add each with its answer to this file,
    /// without keys. The app's own keys are used.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    pub record: Option<PathBuf>,
    /// Answer model requests from a file that --record wrote.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// With --record: the base address of a provider, such as openai=http://127.0.0.1:9000/v1.
    /// Default: the provider's own. Give the option once for each provider.
    #[arg(long, value_name = "PROVIDER=URL", requires = "record", value_parser = upstream)]
    pub upstream: Vec<(String, String)>,
    /// On SIGTERM or Ctrl-C, write the report on what arrived to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Keep the LaunchDarkly account and the events in this file. Acknowledged changes and events
    /// survive a restart or a crash.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Make model calls fail at random, as often as the scenario's models do. Default: only --faults
    /// and the scenario's own faults make them fail.
    #[arg(long)]
    pub failures: bool,
    /// The answer to a repeated request: the next one of a sequence that is the same after each
    /// start, or the same one each time.
    #[arg(long, value_enum, default_value_t = Repeated::Next)]
    pub repeat: Repeated,
    /// An SDK key that opens the scenario's environment besides its own, such as the one that your app
    /// has in its configuration; `any` takes every key. Default: only the key that
    /// `/_simlab/status` and `/_simlab/env` tell.
    #[arg(long, value_name = "KEY", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub sdk_key: Option<String>,
    /// Listen on an extra port for LaunchDarkly and for each provider.
    #[arg(long, help = split_help())]
    pub split: bool,
    /// Keep the last N chats, to be read at /_simlab/transcript.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true, value_parser = whole::<u32>(0..=u32::MAX.into()))]
    pub transcript: u32,
    /// How long a client may take to send a request, and how long a connection may stay idle; use at
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
        "Listen on an extra port for {names} and {last} each; the first line names the ports, and lines \
         for a shell follow"
    )
}

/// Reads the name of a provider and an address for it.
fn upstream(text: &str) -> Result<(String, String), String> {
    named_address(text, "PROVIDER=URL, such as openai=http://127.0.0.1:9000/v1")
}

/// Reads a name and an address for it; `form` is what is expected.
pub(super) fn named_address(text: &str, form: &str) -> Result<(String, String), String> {
    let (name, url) = text.split_once('=').ok_or_else(|| format!("expected {form}"))?;
    if !is_address(url) || !(url.starts_with("https://") || is_loopback(url)) {
        return Err(
            "expected an address with https://, or one of this machine, without user, query or fragment"
                .to_owned(),
        );
    }
    Ok((name.to_owned(), url.to_owned()))
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
pub(super) fn time_scale(text: &str) -> Result<f64, String> {
    let factor = text.parse::<f64>().ok().filter(|factor| factor.is_finite() && *factor >= 0.0);
    factor.ok_or_else(|| "expected a number of 0 or more".to_owned())
}
