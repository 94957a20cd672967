//! A verdict in ten lines: `cargo run --example verdict`.

use simlab::{RunOptions, Scenario, run};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let report = run(&Scenario::load("security")?, RunOptions::default())?.report;
    for experiment in &report.experiments {
        let verdict = experiment.verdict.as_ref().ok_or("there is no decision rule")?;
        println!("{}: {}", experiment.name, verdict.headline);
    }
    Ok(())
}
