//! How well intervals and probabilities keep what they say, where the truth comes from outside of
//! the model.
//!
//! `cargo run --release --example calibration` prints the tables of `docs/statistics.md`. Each row
//! draws experiments whose true effect is known, analyzes them as every report does, and counts.
//! The same program gives the same bytes on every machine.

use std::error::Error;
use std::fmt::Write as _;

use simlab::analysis::{MetricInput, Summary, Tally, analyze};
use simlab::diagnostic::render;
use simlab::experiment::{Aggregation, Experiment, Metric, Statistic};
use simlab::random::{Owner, Purpose, Seed, Stage};
use simlab::scenario::{default_metrics, load};

/// Variance of relative effects that LaunchDarkly's documentation gives for rates.
const VARIANCE: f64 = 0.041;

/// Where the true relative effect of an experiment comes from.
#[derive(Clone, Copy)]
enum Truth {
    Fixed(f64),
    /// Normal around 0 with variance [`VARIANCE`].
    Drawn,
}

/// What is measured: a rate of this control, or the mean of log-normal values of this sigma
/// around 1.
#[derive(Clone, Copy)]
enum Measured {
    Rate(f64),
    Mean(f64),
}

fn main() -> Result<(), Box<dyn Error>> {
    print!("{}", tables(4000)?);
    Ok(())
}

/// The tables, from so many experiments a row.
///
/// # Errors
/// When the built-in scenario cannot be read, or lacks a metric of a kind.
pub fn tables(experiments: u64) -> Result<String, Box<dyn Error>> {
    let study = Study::new()?;
    let designs = [
        ("rate of 34%", Measured::Rate(0.34)),
        ("rate of 5%", Measured::Rate(0.05)),
        ("mean, log-normal, sigma 1", Measured::Mean(1.0)),
    ];
    let truths = [("0%", Truth::Fixed(0.0)), ("+20%", Truth::Fixed(0.2)), ("drawn", Truth::Drawn)];
    let mut coverage = "| metric | true change | 50 users an arm | 200 | 1,000 | 5,000 |\n|---|---|---|---|---|---|\n".to_owned();
    let mut said =
        "| metric | users an arm | said 50–75% | said 75–90% | said 90–97.5% | said 97.5–100% |\n|---|---|---|---|---|---|\n".to_owned();
    let mut row = 0;
    for (name, measured) in designs {
        for (effect, truth) in truths {
            write!(coverage, "| {name} | {effect} |")?;
            for users in [50, 200, 1000, 5000] {
                row += 1;
                let found = study.run(measured, truth, users, experiments, Seed(row));
                write!(
                    coverage,
                    " {:.1}% |",
                    100.0 * found.covered as f64 / found.intervals.max(1) as f64
                )?;
                if matches!(truth, Truth::Drawn) {
                    write!(said, "| {name} | {users} |")?;
                    for bin in found.bins {
                        let share = |count: f64| 100.0 * count / bin.experiments.max(1) as f64;
                        write!(
                            said,
                            " {:.1}%, true {:.1}% |",
                            share(bin.said),
                            share(bin.right as f64)
                        )?;
                    }
                    said.push('\n');
                }
            }
            coverage.push('\n');
        }
    }
    Ok(format!("{coverage}\n{said}"))
}

/// Experiments whose probability to be right was said to lie in one range.
#[derive(Clone, Copy, Default)]
struct Bin {
    experiments: u64,
    /// Sum of the probabilities that were said.
    said: f64,
    /// How many were right.
    right: u64,
}

#[derive(Default)]
struct Found {
    intervals: u64,
    covered: u64,
    bins: [Bin; 4],
}

struct Study {
    experiment: Experiment,
    rate: Metric,
    mean: Metric,
}

impl Study {
    fn new() -> Result<Self, Box<dyn Error>> {
        let mut studies =
            load("security").map_err(|faults| render(&faults, false))?.scenario.studies;
        let pick = |wanted: fn(&Metric) -> bool| {
            default_metrics().into_iter().find(wanted).ok_or("no such metric")
        };
        Ok(Self {
            experiment: studies.swap_remove(0).experiment,
            rate: pick(|metric| metric.aggregation == Aggregation::Occurrence)?,
            mean: pick(|metric| {
                metric.aggregation != Aggregation::Occurrence && metric.statistic == Statistic::Mean
            })?,
        })
    }

    fn run(
        &self,
        measured: Measured,
        truth: Truth,
        users: u64,
        experiments: u64,
        seed: Seed,
    ) -> Found {
        let mut found = Found::default();
        for nth in 0..experiments {
            let mut luck = seed.stage(Purpose::Replication, Owner::NOBODY, nth);
            let effect = match truth {
                Truth::Fixed(effect) => effect,
                Truth::Drawn => luck.normal() * VARIANCE.sqrt(),
            };
            let (metric, tallies) = match measured {
                Measured::Rate(rate) => (
                    &self.rate,
                    [rate, rate * (1.0 + effect)].map(|p| counted(&mut luck, users, p)),
                ),
                Measured::Mean(sigma) => (
                    &self.mean,
                    [1.0, 1.0 + effect].map(|mean| summed(&mut luck, users, mean, sigma)),
                ),
            };
            let input = MetricInput {
                metric: metric.clone(),
                tallies: tallies.map(Some).to_vec(),
                responders: None,
                skewness: Vec::new(),
            };
            let analysis = analyze(
                &self.experiment,
                &Summary { exposures: vec![users; 2], shares: None, metrics: vec![input] },
            );
            let Some(compared) =
                analysis.metrics.first().and_then(|metric| metric.variations.get(1)?.comparison)
            else {
                continue;
            };
            if let Some(interval) = compared.relative_interval {
                found.intervals += 1;
                found.covered += u64::from(interval.lower <= effect && effect <= interval.upper);
            }
            let beats = compared.probability_to_beat;
            let better = effect * metric.better.sign() > 0.0;
            let (said, right) = if beats >= 0.5 { (beats, better) } else { (1.0 - beats, !better) };
            let [low, middle, high, highest] = &mut found.bins;
            let bin = match said {
                _ if said < 0.75 => low,
                _ if said < 0.9 => middle,
                _ if said < 0.975 => high,
                _ => highest,
            };
            bin.experiments += 1;
            bin.said += said;
            bin.right += u64::from(right);
        }
        found
    }
}

fn counted(luck: &mut Stage, users: u64, share: f64) -> Tally {
    Tally::rate((0..users).filter(|_| luck.chance(share)).count() as u64)
}

fn summed(luck: &mut Stage, users: u64, mean: f64, sigma: f64) -> Tally {
    // The mean of a log-normal value is its median times exp(sigma² / 2).
    let median = mean / libm::exp(sigma * sigma / 2.0);
    let values: Vec<f64> = (0..users).map(|_| luck.log_normal(median, sigma)).collect();
    let (n, total) = (users as f64, values.iter().sum::<f64>());
    let squares: f64 = values.iter().map(|value| (value - total / n).powi(2)).sum();
    Tally::Mean { units: users, total, standard_error: Some((squares / (n - 1.0) / n).sqrt()) }
}
