//! The arguments of `drive`, with help that teaches.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args_number::whole;
use crate::llm::wire::address::{is_address, is_loopback};
use crate::time::Duration;

/// Examples of `drive`, for its help.
pub const DRIVE_EXAMPLES: &str = "Examples:
  simlab serve security --port 18765 &                     the mocks that your app talks to
  simlab drive http://127.0.0.1:8000 security --serve http://127.0.0.1:18765
  simlab drive http://127.0.0.1:8000 my.ron --app app.ron --users 100 --max-failed 0

A file for --app says how your app is asked (`simlab reference app` has every field):
  (path: \"/ask\", body: {\"text\": \"{question}\", \"user\": \"{user}\"}, answer: \"/reply\")";

/// The arguments of `drive`.
#[derive(Debug, Args)]
pub struct DriveArgs {
    /// The app's address, such as http://127.0.0.1:8000.
    #[arg(value_name = "URL", value_parser = address)]
    pub app_address: String,
    /// A scenario file, or the name of a built-in scenario: whose users ask, and what.
    #[arg(default_value = "security")]
    pub scenario: String,
    /// How the app is asked: `tutorial`, `chat` (an address like OpenAI's chat completions), or a
    /// RON or JSON file.
    #[arg(long, value_name = "FORM", default_value = "tutorial")]
    pub app: String,
    /// Number of users. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u32>(1..=1_000_000))]
    pub users: Option<u32>,
    /// Seed of users and questions. Default: the scenario's.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = whole::<u64>(0..=u64::MAX))]
    pub seed: Option<u64>,
    /// Most users who ask at the same time.
    #[arg(long, value_name = "N", default_value_t = 10, allow_negative_numbers = true, value_parser = whole::<u32>(1..=1_000))]
    pub concurrency: u32,
    /// How long the app may take for an answer.
    #[arg(long, value_name = "TIME", default_value = "2min", value_parser = timeout)]
    pub timeout: Duration,
    /// The address of the `simlab serve` that the app talks to: its mock judge rates the answers,
    /// and its report is printed at the end. Without it nobody rates, and the app's events are
    /// where its LaunchDarkly SDK sends them.
    #[arg(long, value_name = "URL", value_parser = own_address)]
    pub serve: Option<String>,
    /// Do not rate answers.
    #[arg(long)]
    pub no_judge: bool,
    /// How long to wait for the app's last events: until none has come for this time. SDKs send
    /// them every 5 s by default.
    #[arg(long, value_name = "TIME", default_value = "7s", value_parser = timeout, requires = "serve")]
    pub wait: Duration,
    /// End with exit code 1 when more than this share of the questions has no answer, such as 0 or
    /// 2%.
    #[arg(long, value_name = "SHARE", default_value = "100%", value_parser = share)]
    pub max_failed: f64,
    /// Write each question with its answer, rating and latency to this file, one JSON object a line.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// How to print the result.
    #[arg(long, value_enum, default_value_t = DriveFormat::Text)]
    pub format: DriveFormat,
    /// No progress on standard error.
    #[arg(long, short)]
    pub quiet: bool,
}

/// How the result of `drive` is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DriveFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

fn address(text: &str) -> Result<String, String> {
    let text = text.trim_end_matches('/');
    if is_address(text) {
        Ok(text.to_owned())
    } else {
        Err("expected an address such as http://127.0.0.1:8000, without user, query or fragment"
            .to_owned())
    }
}

fn own_address(text: &str) -> Result<String, String> {
    let text = address(text)?;
    if is_loopback(&text) {
        Ok(text)
    } else {
        Err("expected an address of this machine, such as http://127.0.0.1:18765".to_owned())
    }
}

fn timeout(text: &str) -> Result<Duration, String> {
    let time: Duration = text.parse()?;
    if (Duration::from_us(1_000)..=Duration::from_us(86_400_000_000)).contains(&time) {
        Ok(time)
    } else {
        Err(format!("expected a duration from 1ms to 1d, found {text}"))
    }
}

fn share(text: &str) -> Result<f64, String> {
    let (number, unit) = text.strip_suffix('%').map_or((text, 1.0), |number| (number, 100.0));
    let share = number.trim().parse::<f64>().ok().map(|number| number / unit);
    share
        .filter(|share| (0.0..=1.0).contains(share))
        .ok_or_else(|| "expected a share from 0 to 1, such as 0.02 or 2%".to_owned())
}
