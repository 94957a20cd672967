//! Speed of the statistics: one full analysis from sufficient statistics, and replications of a
//! whole experiment a second.
//!
//! `cargo bench --bench power` prints both; `-- USERS REPLICATIONS SCENARIO` takes other sizes and
//! another scenario: where its users do not depend on each other, also replications that draw their
//! users from a pool. The peers that it is held against are run by `benches/peers.py` on the same
//! machine.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what cannot go on here shall stop loudly"
)]

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use simlab::analysis::{MetricInput, Summary, Tally, analyze};
use simlab::experiment::{Aggregation, Experiment, Statistic};
use simlab::power::{Design, PoolChoice, PowerRequest, conduct, no_pool_because};
use simlab::scenario::{Scenario, default_metrics, load};

/// The scenario `security` with all five metrics of the tutorial.
fn five_metrics() -> Scenario {
    let mut scenario = load("security")
        // A benchmark without its scenario measures nothing.
        .unwrap_or_else(|faults| panic!("{}", simlab::diagnostic::render(&faults, false)))
        .scenario;
    scenario.studies[0].experiment.metrics = (0..default_metrics().len()).collect();
    scenario
}

/// Five metrics, 2,000 users in each of two variations.
fn summary() -> Summary {
    let tallies = |metric: &simlab::experiment::Metric| match (metric.aggregation, metric.statistic)
    {
        (_, Statistic::Percentile(_)) => [
            Tally::Value { units: 2000, value: 38_109.0, standard_error: Some(8_800.0) },
            Tally::Value { units: 2000, value: 23_254.0, standard_error: Some(4_600.0) },
        ],
        (Aggregation::Occurrence, _) => [Tally::rate(679), Tally::rate(687)],
        _ => [
            Tally::Mean { units: 2000, total: 49.1, standard_error: Some(0.0024) },
            Tally::Mean { units: 2000, total: 57.1, standard_error: Some(0.0029) },
        ],
    };
    let input = |metric: simlab::experiment::Metric| MetricInput {
        tallies: tallies(&metric).map(Some).to_vec(),
        metric,
        responders: None,
        skewness: Vec::new(),
    };
    Summary {
        exposures: vec![2000, 2000],
        shares: Some(vec![0.5, 0.5]),
        metrics: default_metrics().into_iter().map(input).collect(),
    }
}

fn main() {
    let numbers: Vec<u64> = std::env::args().filter_map(|arg| arg.parse().ok()).collect();
    let (users, replications) =
        (numbers.first().map_or(4000, |&n| n as u32), numbers.get(1).copied().unwrap_or(400));
    let named =
        std::env::args().skip(1).find(|arg| arg != "--bench" && arg.parse::<u64>().is_err());
    let scenario = named.map_or_else(five_metrics, |name| load(&name).unwrap().scenario);

    let (experiment, data) = (&scenario.studies[0].experiment, summary());
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        for _ in 0..2000 {
            std::hint::black_box(analyze(experiment, std::hint::black_box(&data)));
        }
        best = best.min(start.elapsed().as_secs_f64() / 2000.0);
    }
    println!(
        "full analysis, two variations, two rates, two means, one percentile   {:.1} us",
        best * 1e6
    );

    for arms in [4, 8, 16] {
        println!(
            "one rate of {arms} variations, with the probability of each to be best   {:.0} us",
            of_many(experiment, arms) * 1e6
        );
    }

    for pool in [PoolChoice::Full, PoolChoice::Users(100_000)] {
        speed(&scenario, users, replications, pool);
    }
}

/// Seconds for the analysis of one rate of so many variations.
fn of_many(experiment: &Experiment, arms: usize) -> f64 {
    let mut experiment = experiment.clone();
    let treatment = experiment.treatments[0].clone();
    experiment.treatments = vec![treatment; arms];
    let two = summary();
    let mut metric = two.metrics[0].clone();
    metric.tallies = (0..arms).map(|arm| Some(Tally::rate(660 + 3 * arm as u64))).collect();
    let data = Summary { exposures: vec![2000; arms], shares: None, metrics: vec![metric] };
    let best = (0..20).map(|_| {
        let start = Instant::now();
        for _ in 0..20 {
            std::hint::black_box(analyze(&experiment, std::hint::black_box(&data)));
        }
        start.elapsed().as_secs_f64() / 20.0
    });
    best.fold(f64::INFINITY, f64::min)
}

/// Prints how many replications a second there are, for each number of threads.
fn speed(scenario: &Scenario, users: u32, replications: u64, pool: PoolChoice) {
    let asked = PowerRequest {
        replications,
        sizes: vec![users],
        looks: 1,
        seed: 1,
        aa: false,
        truth_users: Some(1000),
        pool,
    };
    let mut clock = Instant::now();
    let design = Design::new(scenario, asked, |_, _| ()).unwrap();
    if pool != PoolChoice::Full {
        let why = no_pool_because(scenario).map_or(String::new(), |why| format!(": {why}"));
        if design.pool.is_none() {
            println!("no pool{why}");
            return;
        }
        println!(
            "a pool of 100,000 users in each variation   {:.2} s",
            clock.elapsed().as_secs_f64()
        );
    }
    let wanted: Vec<u64> = (0..replications).collect();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut one = 0.0;
    let mut jobs = 1;
    while jobs <= cores {
        clock = Instant::now();
        conduct(&design, &wanted, jobs, &AtomicBool::new(false), |_| ()).unwrap();
        let speed = replications as f64 / clock.elapsed().as_secs_f64();
        if jobs == 1 {
            one = speed;
        }
        println!(
            "{} replications of {users} users a second, {jobs} threads   {speed:.0} ({:.2} times one)",
            if pool == PoolChoice::Full { "simulated" } else { "drawn" },
            speed / one
        );
        jobs *= 2;
    }
}
