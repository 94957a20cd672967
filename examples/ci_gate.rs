//! A gate for CI: `cargo run --example ci_gate -- FILE` ends with 0 if every experiment of the
//! scenario decides to ship and its data can be trusted, with 1 if not, and with 2 if that cannot
//! be found out. It prints the reasons.
//!
//! `simlab run FILE` does the same for what the file's `expect` says. This is for a gate of your
//! own.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use simlab::{Decision, RunOptions, Scenario, run};

fn main() -> ExitCode {
    match obstacles() {
        Ok(obstacles) if obstacles.is_empty() => ExitCode::SUCCESS,
        Ok(obstacles) => {
            obstacles.iter().for_each(|obstacle| println!("{obstacle}"));
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Why an experiment is not to be shipped, one line per reason.
fn obstacles() -> Result<Vec<String>, Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("usage: cargo run --example ci_gate -- FILE")?;
    let report = run(&Scenario::load(&file)?, RunOptions::default())?.report;
    let mut obstacles = Vec::new();
    for experiment in &report.experiments {
        let Some(verdict) = &experiment.verdict else {
            obstacles.push(format!("{}: there is no decision rule", experiment.name));
            continue;
        };
        if verdict.trusted && verdict.decision == Decision::Ship {
            continue;
        }
        obstacles.push(format!("{}: {}", experiment.name, verdict.headline));
        let failed = verdict.because.iter().filter(|line| line.held != Some(true));
        obstacles.extend(failed.map(|line| {
            format!("  {}: found {}, required {}", line.criterion, line.found, line.required)
        }));
    }
    Ok(obstacles)
}
