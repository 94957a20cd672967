//! Calibration: holds the two published experiments against what the simulator yields over many
//! seeds.
//!
//! `cargo bench --bench calibration` prints, for every published raw figure, the simulator's mean
//! and the central 95% of its values over 400 seeds, and whether the published figure lies inside.
//! Then how often the scenario's rule gives each verdict. `-- --seeds N FILE…` takes other seeds
//! and scenario files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot go on here shall stop loudly"
)]

#[path = "../tests/it/published.rs"]
mod published;

use published::{at, inside, over_seeds};
use simlab::scenario::load;

fn main() {
    let mut seeds = 400;
    let mut files = Vec::new();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--bench" => {}
            "--seeds" => seeds = args.next().and_then(|n| n.parse().ok()).unwrap_or(seeds),
            file => files.push(file.to_owned()),
        }
    }
    if files.is_empty() {
        files = vec!["security".to_owned(), "premium".to_owned()];
    }
    for file in files {
        calibrate(&file, seeds);
    }
}

/// Runs one scenario over `seeds` seeds and prints its table.
fn calibrate(file: &str, seeds: u64) {
    let loaded = match load(file) {
        Ok(loaded) => loaded,
        Err(faults) => {
            eprintln!("{}", simlab::diagnostic::render(&faults, false));
            return;
        }
    };
    let scenario = &loaded.scenario;
    let found = over_seeds(scenario, seeds);
    let experiment = &scenario.studies[0].experiment;
    println!("\n{} over {seeds} seeds", scenario.name);
    println!(
        "{:32} {:22} {:>12} {:>12} {:>27}  inside",
        "figure", "variation", "published", "mean", "central 95%"
    );
    for ((arm, name), values) in &found.figures {
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let (shown, verdict) = match inside(&experiment.key, *arm, name, values) {
            Some((value, inside)) => (figure(value), if inside { "yes" } else { "NO" }),
            None => (String::new(), ""),
        };
        let interval = format!("{} to {}", figure(at(values, 0.025)), figure(at(values, 0.975)));
        println!(
            "{name:32} {:22} {shown:>12} {:>12} {interval:>27}  {verdict}",
            experiment.treatments[*arm].variation,
            figure(mean)
        );
    }
    for (decision, of) in &found.verdicts {
        let share = of.len() as f64 / seeds as f64;
        println!(
            "{decision}: {:.1}% of seeds; first: {:?}",
            100.0 * share,
            &of[..of.len().min(12)]
        );
    }
}

/// Milliseconds and tokens whole, everything else to six places.
fn figure(x: f64) -> String {
    if x.abs() >= 100.0 { format!("{x:.0}") } else { format!("{x:.6}") }
}
