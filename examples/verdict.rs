//! A verdict in ten lines: `cargo run --example verdict`.

use std::error::Error;

use simlab::diagnostic::render;
use simlab::run::{RunOptions, run};
use simlab::scenario::load;

fn main() -> Result<(), Box<dyn Error>> {
    let scenario = load("security").map_err(|mistakes| render(&mistakes, false))?.scenario;
    let report = run(&scenario, RunOptions::default())?.report;
    for experiment in &report.experiments {
        if let Some(verdict) = &experiment.verdict {
            println!("{}: {}", experiment.name, verdict.headline);
        }
    }
    Ok(())
}
