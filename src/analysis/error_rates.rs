//! How often tests and intervals err, measured with truths from outside the model: exactly, by
//! enumeration, where counts allow it, and by simulation elsewhere. `cargo test --lib
//! analysis::error_rates -- --nocapture` prints the tables.

use crate::experiment::{Aggregation, Better, Experiment, Method, Statistic};
use crate::random::{Owner, Purpose, Seed, Stage};

use super::exact::tails;
use super::published::{experiment, metric, rate};
use super::{Interval, MetricInput, Summary, Tally, analyze};

/// Binomial probabilities around the mean, all but about 1e-9 of them: (count, probability).
fn binomial(users: u64, rate: f64) -> Vec<(u64, f64)> {
    let (n, sd) = (users as f64, (users as f64 * rate * (1.0 - rate)).sqrt());
    let (from, to) =
        ((n * rate - 6.0 * sd - 8.0).max(0.0) as u64, (n * rate + 6.0 * sd + 8.0).min(n) as u64);
    let choose = |k: f64| libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let chance = |k: u64| {
        libm::exp(
            choose(k as f64) + k as f64 * libm::log(rate) + (n - k as f64) * libm::log1p(-rate),
        )
    };
    (from..=to).map(|k| (k, chance(k))).collect()
}

/// The chance of "the treatment is higher" and of "it is lower" at p <= 5%, when both rates are the
/// same.
fn sizes(users: [u64; 2], share: f64) -> [f64; 2] {
    let (control, treatment) = (binomial(users[0], share), binomial(users[1], share));
    let mut found = [0.0; 2];
    for &(base, chance) in &control {
        for &(own, weight) in &treatment {
            let tails = tails((own, users[1]), (base, users[0]));
            if tails.two_sided() <= 0.05 {
                found[usize::from(tails.below < tails.above)] += chance * weight;
            }
        }
    }
    found
}

#[test]
fn tests_of_equal_rates_err_at_most_in_2_5_percent_on_either_side() {
    // Known of mid-p: between discrete counts it may pass 2.5% by a little (Fagerland, Lydersen &
    // Laake 2013), here to 2.84% at 50 and 50 users of 50%. Few expected events cannot err that
    // often: at 0.1 events no table is far enough out.
    println!("{:>7} {:>7} {:>6} {:>8} {:>8}", "control", "treated", "rate", "higher", "lower");
    for users in [
        [50, 50],
        [90, 10],
        [200, 200],
        [500, 500],
        [900, 100],
        [2000, 2000],
        [5000, 5000],
        [50_000, 50_000],
    ] {
        for share in [0.001, 0.003, 0.01, 0.03, 0.1, 0.5] {
            // The grid grows with the counts.
            if users[0] as f64 * share > 600.0 && users[0] > 1000 {
                continue;
            }
            let [higher, lower] = sizes(users, share);
            println!(
                "{:>7} {:>7} {:>5.1}% {:>7.3}% {:>7.3}%",
                users[0],
                users[1],
                100.0 * share,
                100.0 * higher,
                100.0 * lower
            );
            assert!(
                higher <= 0.0285 && lower <= 0.0285,
                "{users:?} at {share}: {higher} and {lower}"
            );
            let few = users[0].min(users[1]) as f64 * share;
            if few >= 10.0 {
                assert!(
                    higher >= 0.0195 && lower >= 0.0195,
                    "{users:?} at {share}: {higher} and {lower}"
                );
            }
        }
    }
}

fn luck(study: u64) -> Stage {
    Seed(20_261).stage(Purpose::Replication, Owner::NOBODY, study)
}

fn holds(interval: Interval, truth: f64) -> bool {
    interval.lower <= truth && truth <= interval.upper
}

#[test]
fn intervals_of_means_of_few_users_hold_the_mean_as_often_as_they_say_and_skewed_ones_are_told() {
    let runs = 4_000;
    println!("{:>6} {:>20} {:>9} {:>9} {:>9}", "users", "values", "plug-in z", "here", "told");
    for users in [2_usize, 5, 10, 20, 50, 200] {
        for (name, sigma) in [("normal", 0.0), ("lognormal 0.5", 0.5), ("lognormal 1.5", 1.5)] {
            let mut luck = luck(users as u64 * 10 + (10.0 * sigma) as u64);
            let (mut plain, mut here, mut told) = (0, 0, 0);
            for _ in 0..runs {
                let value = |luck: &mut Stage| {
                    if sigma > 0.0 { luck.log_normal(1.0, sigma) } else { 10.0 + luck.normal() }
                };
                let truth = if sigma > 0.0 { libm::exp(0.5 * sigma * sigma) } else { 10.0 };
                let values: Vec<f64> = (0..users).map(|_| value(&mut luck)).collect();
                let n = users as f64;
                let center = values.iter().sum::<f64>() / n;
                let power = |k: i32| values.iter().map(|v| (v - center).powi(k)).sum::<f64>();
                let error = (power(2) / (n - 1.0) / n).sqrt();
                let skewness = power(3) / n / (power(2) / n).powf(1.5);
                let tally = Some(Tally::Mean {
                    units: users as u64,
                    total: center * n,
                    standard_error: Some(error),
                });
                let metric =
                    metric("cost", Aggregation::Sum, Statistic::Mean, Better::Lower, "$", None);
                let skewness = vec![(users > 2).then_some(skewness); 2];
                let input =
                    MetricInput { metric, tallies: vec![tally; 2], responders: None, skewness };
                let summary = Summary {
                    exposures: vec![users as u64; 2],
                    shares: None,
                    metrics: vec![input],
                };
                let analysis = analyze(&experiment(&["control", "treatment"]), &summary);
                plain += usize::from((center - truth).abs() <= 1.644_853_627 * error);
                here += usize::from(holds(
                    analysis.metrics[0].variations[0].credible_interval.unwrap(),
                    truth,
                ));
                told +=
                    usize::from(analysis.health.iter().any(|check| check.check == "skewed_values"));
            }
            let share = |count: usize| count as f64 / f64::from(runs);
            println!(
                "{users:>6} {name:>20} {:>8.1}% {:>8.1}% {:>8.1}%",
                100.0 * share(plain),
                100.0 * share(here),
                100.0 * share(told)
            );
            if sigma == 0.0 {
                // Four standard errors of 4,000 runs.
                assert!((share(here) - 0.9).abs() < 0.02, "{users} normal users: {}", share(here));
            }
            // Measured: 76%, 83%, 82% and 64% of the runs. The skewness of a sample is bounded by
            // its size and mostly below the true one, so the warning is no guarantee: at 200 users
            // the interval holds 83%, and a third of the runs have no warning.
            let least = match users {
                10 => 0.7,
                20 | 50 => 0.8,
                200 => 0.6,
                _ => 0.0,
            };
            if sigma == 1.5 {
                assert!(share(told) >= least, "{users} skewed users: told in {}", share(told));
            }
        }
    }
}

#[test]
#[ignore = "a long study: `.ci/run` and `cargo test -- --ignored` run it"]
fn an_always_valid_test_of_rare_events_keeps_its_error_over_all_looks() {
    let runs = 250;
    println!("{:>6} {:>12} {:>8}", "rate", "split", "ever");
    for (study, (share, block)) in
        [(0.003, [100, 100]), (0.01, [100, 100]), (0.1, [100, 100]), (0.01, [180, 20])]
            .into_iter()
            .enumerate()
    {
        let mut luck = luck(1_000 + study as u64);
        let asked =
            Experiment { method: Method::Sequential, ..experiment(&["control", "treatment"]) };
        let mut ever = 0;
        for _ in 0..runs {
            let (mut counts, mut users, mut rejected) = ([0_u64; 2], [0_u64; 2], false);
            for _ in 0..20 {
                for arm in 0..2 {
                    counts[arm] += (0..block[arm]).filter(|_| luck.chance(share)).count() as u64;
                    users[arm] += block[arm];
                }
                let summary = Summary {
                    exposures: users.to_vec(),
                    shares: None,
                    metrics: vec![rate("positive", Better::Higher, &counts)],
                };
                let found =
                    analyze(&asked, &summary).metrics.remove(0).variations.remove(1).sequential;
                rejected |= found.is_some_and(|test| test.p_value <= 0.1);
            }
            ever += usize::from(rejected);
        }
        println!(
            "{:>5.1}% {:>12} {:>7.1}%",
            100.0 * share,
            format!("{}:{}", block[0], block[1]),
            100.0 * ever as f64 / f64::from(runs)
        );
        // 10% and three standard errors of 250 runs.
        assert!(
            ever as f64 <= f64::from(runs) * (0.1 + 0.057),
            "{share} at {block:?}: {ever} of {runs}"
        );
    }
}
