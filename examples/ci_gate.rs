//! A gate for CI: `cargo run --example ci_gate -- FILE` ends with 0 if every experiment of the
//! scenario decides to ship and its data can be trusted, with 1 if not, and with 2 if that cannot
//! be found out. It prints what stands in the way.
//!
//! `simlab run FILE` does the same for what the file's `expect` says. This is for a gate of your
//! own.

use std::env;
use std::error::Error;
use std::process::ExitCode;

use simlab::diagnostic::render;
use simlab::report::Experiment;
use simlab::run::{RunOptions, run};
use simlab::scenario::load;
use simlab::verdict::Decision;

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

/// What stands in the way of shipping, a line each.
fn obstacles() -> Result<Vec<String>, Box<dyn Error>> {
    let file = env::args().nth(1).ok_or("usage: cargo run --example ci_gate -- FILE")?;
    let scenario = load(&file).map_err(|mistakes| render(&mistakes, false))?.scenario;
    let report = run(&scenario, RunOptions::default())?.report;
    Ok(report.experiments.iter().flat_map(of_experiment).collect())
}

fn of_experiment(experiment: &Experiment) -> Vec<String> {
    let Some(verdict) = &experiment.verdict else {
        return vec![format!("{}: there is no decision rule", experiment.name)];
    };
    if verdict.trusted && verdict.decision == Decision::Ship {
        return Vec::new();
    }
    let failed = verdict.because.iter().filter(|line| line.held != Some(true));
    let failed = failed.map(|line| {
        format!("  {}: found {}, required {}", line.criterion, line.found, line.required)
    });
    std::iter::once(format!("{}: {}", experiment.name, verdict.headline)).chain(failed).collect()
}
