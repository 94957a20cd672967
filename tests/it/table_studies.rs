//! How often the intervals of `simlab analyze` on tables hold the truth: for capped means, adjusted
//! means, rates and ratios, ratios with weak denominators, and means and percentiles of users with
//! many rows. Users are drawn from distributions that the analysis does not assume, and the true
//! changes are formulas.
//!
//! `cargo test --test it table_studies -- --ignored --nocapture` prints the table of
//! docs/statistics.md.

use std::fmt::Write as _;

use serde_json::Value;
use simlab::experiment::Missing;
use simlab::random::{Owner, Purpose, Seed, Stage, normal_cdf};
use simlab::recorded::{CrossedUnits, TableFormat, TableRequest, table_report};

/// A user's rows: value, denominator, covariate.
type Rows = Vec<[f64; 3]>;

/// A made-up experiment.
struct Study {
    name: &'static str,
    metric: &'static str,
    covariate: bool,
    users: usize,
    /// The rows of a user, with the treatment or without.
    user: fn(&mut Stage, bool) -> Rows,
    /// The relative difference that a sample without end would show.
    truth: fn() -> f64,
}

/// How strong the treatment is in all studies.
const LIFT: f64 = 0.15;

fn factor(treated: bool) -> f64 {
    if treated { 1.0 + LIFT } else { 1.0 }
}

fn luck(study: u64) -> Stage {
    Seed(20_261_130).stage(Purpose::Replication, Owner::NOBODY, study)
}

fn one(value: f64) -> Rows {
    vec![[value, 1.0, 0.0]]
}

/// Heavy tails, and nothing for a third of the users.
fn heavy(luck: &mut Stage, treated: bool) -> Rows {
    one(if luck.chance(0.3) { 0.0 } else { factor(treated) * luck.log_normal(1.0, 1.5) })
}

/// Both arms' means cut at the 99th percentile of both together, as formulas: the mean of a log-normal
/// value cut at `c` is `exp(m + s^2/2) F((ln c - m - s^2)/s) + c (1 - F((ln c - m)/s))`.
fn heavy_truth() -> f64 {
    let (pays, sigma) = (0.7, 1.5);
    let above = |c: f64, m: f64| pays * (1.0 - normal_cdf((c.ln() - m) / sigma));
    let medians = [0.0, (1.0 + LIFT).ln()];
    let (mut low, mut high) = (1.0, 1_000.0);
    for _ in 0..200 {
        let c: f64 = f64::midpoint(low, high);
        let share = medians.iter().map(|m| above(c, *m)).sum::<f64>() / 2.0;
        if share > 0.01 { low = c } else { high = c }
    }
    let [control, treatment] = medians.map(|m| {
        let below = normal_cdf((low.ln() - m - sigma * sigma) / sigma);
        pays * (m + sigma * sigma / 2.0).exp() * below + low * above(low, m)
    });
    treatment / control - 1.0
}

/// Whether a user converts follows a covariate with a long tail, which is no line.
fn converts(luck: &mut Stage, treated: bool) -> Rows {
    let before = luck.log_normal(1.0, 1.0);
    let chance = 0.9 * before / (2.0 + before) * factor(treated);
    vec![[f64::from(u8::from(luck.chance(chance))), 1.0, before]]
}

fn converts_truth() -> f64 {
    // The chance is a constant times the factor.
    LIFT
}

/// Costs for each of some requests, both of which follow what the user did before.
fn requests(luck: &mut Stage, treated: bool) -> Rows {
    let before = luck.log_normal(1.0, 0.8);
    let requests = 1.0 + (before * luck.log_normal(2.0, 0.6)).floor();
    let cost = requests * (0.5 + before).sqrt() * factor(treated) * luck.log_normal(1.0, 0.4);
    vec![[cost, requests, before]]
}

fn requests_truth() -> f64 {
    // The requests are the same, the costs a constant times the factor.
    LIFT
}

/// Few users order at all, some of them twice.
fn orders(luck: &mut Stage, treated: bool) -> Rows {
    let own = luck.uniform();
    let mut amount = || factor(treated) * luck.log_normal(1.0, 0.5);
    vec![match own {
        own if own > 0.36 => [0.0, 0.0, 0.0],
        own if own > 0.12 => [amount(), 1.0, 0.0],
        _ => [amount() + amount(), 2.0, 0.0],
    }]
}

/// Users with 1 to 20 rows, of which the busy ones are the slow ones.
fn waits(luck: &mut Stage, treated: bool) -> Rows {
    let own = luck.log_normal(1.0, 0.6);
    let rows = (1.0 + own * 3.0).min(20.0) as usize;
    (0..rows).map(|_| [factor(treated) * own * luck.log_normal(1.0, 0.8), 1.0, 0.0]).collect()
}

fn lift() -> f64 {
    LIFT
}

const STUDIES: [Study; 12] = [
    Study {
        name: "mean capped at p99",
        metric: "value:mean:cap=p99",
        covariate: false,
        users: 200,
        user: heavy,
        truth: heavy_truth,
    },
    Study {
        name: "mean capped at p99",
        metric: "value:mean:cap=p99",
        covariate: false,
        users: 1_000,
        user: heavy,
        truth: heavy_truth,
    },
    Study {
        name: "rate, adjusted (CUPED)",
        metric: "value:rate",
        covariate: true,
        users: 200,
        user: converts,
        truth: converts_truth,
    },
    Study {
        name: "rate, adjusted (CUPED)",
        metric: "value:rate",
        covariate: true,
        users: 1_000,
        user: converts,
        truth: converts_truth,
    },
    Study {
        name: "ratio, adjusted (CUPED)",
        metric: "value/per:ratio",
        covariate: true,
        users: 200,
        user: requests,
        truth: requests_truth,
    },
    Study {
        name: "ratio, adjusted (CUPED)",
        metric: "value/per:ratio",
        covariate: true,
        users: 1_000,
        user: requests,
        truth: requests_truth,
    },
    Study {
        name: "the same ratio, not adjusted",
        metric: "value/per:ratio",
        covariate: false,
        users: 200,
        user: requests,
        truth: requests_truth,
    },
    Study {
        name: "ratio, weak denominator (Fieller)",
        metric: "value/per:ratio",
        covariate: false,
        users: 30,
        user: orders,
        truth: lift,
    },
    Study {
        name: "ratio, strong denominator (delta)",
        metric: "value/per:ratio",
        covariate: false,
        users: 400,
        user: orders,
        truth: lift,
    },
    Study {
        name: "mean, adjusted (CUPED)",
        metric: "value:mean",
        covariate: true,
        users: 200,
        user: requests,
        truth: lift,
    },
    Study {
        name: "mean of users with many rows",
        metric: "value:mean",
        covariate: false,
        users: 200,
        user: waits,
        truth: lift,
    },
    Study {
        name: "p95 of users with many rows",
        metric: "value:p95",
        covariate: false,
        users: 400,
        user: waits,
        truth: lift,
    },
];

/// What became of the experiments of a study: those whose interval holds the truth, and those with an
/// interval. With a covariate also the mean width of adjusted intervals by that of plain ones.
struct Coverage {
    held: usize,
    known: usize,
    width: f64,
}

impl Study {
    fn run(&self, at: u64, experiments: usize) -> Coverage {
        let truth = (self.truth)();
        let request = TableRequest {
            name: "study".to_owned(),
            unit: "user".to_owned(),
            variation: "arm".to_owned(),
            control: Some("a".to_owned()),
            split: None,
            metrics: vec![self.metric.parse().unwrap()],
            covariate: self.covariate.then(|| "before".to_owned()),
            crossed: CrossedUnits::Exclude,
            missing: Missing::Exclude,
        };
        let mut luck = luck(at);
        let (mut found, mut widths) = (Coverage { held: 0, known: 0, width: 1.0 }, [0.0, 0.0]);
        for _ in 0..experiments {
            let mut table = "user,arm,value,per,before\n".to_owned();
            for user in 0..2 * self.users {
                let treated = user % 2 == 1;
                for [value, per, before] in (self.user)(&mut luck, treated) {
                    let arm = if treated { "b" } else { "a" };
                    writeln!(table, "{user},{arm},{value},{per},{before}").unwrap();
                }
            }
            let report =
                table_report(&request, "t", TableFormat::Delimited(b','), table.as_bytes());
            let report = serde_json::to_value(report.unwrap()).unwrap();
            let experiment = &report["experiments"][0];
            let plain = &experiment["metrics"][0]["variations"][1]["relative_interval"];
            let interval = if self.covariate {
                let all = experiment["adjusted"].as_array().unwrap();
                &all.iter().find(|row| row["variation"] == "b").unwrap()["relative_interval"]
            } else {
                plain
            };
            let ends = |interval: &Value| [0, 1].map(|end| interval[end].as_f64());
            let ([Some(low), Some(high)], [Some(from), Some(to)]) = (ends(interval), ends(plain))
            else {
                continue;
            };
            found.known += 1;
            found.held += usize::from(low <= truth && truth <= high);
            widths[0] += high - low;
            widths[1] += to - from;
        }
        found.width = widths[0] / widths[1];
        found
    }
}

/// Runs all studies, and prints the rows of the table.
fn covered(experiments: usize, allowed: impl Fn(&Study) -> (f64, f64)) {
    println!(
        "| metric | users an arm | the 90% interval holds the true change | experiments without an interval | width by that of the plain interval |\n|---|---|---|---|---|"
    );
    let mut wrong = Vec::new();
    for (at, study) in STUDIES.iter().enumerate() {
        let found = study.run(at as u64, experiments);
        let share = found.held as f64 / found.known as f64;
        let width = if study.covariate { format!("{:.2}", found.width) } else { String::new() };
        println!(
            "| {} | {} | {:.1}% | {} of {experiments} | {width} |",
            study.name,
            study.users,
            100.0 * share,
            experiments - found.known
        );
        let (least, most) = allowed(study);
        if !(least..=most).contains(&share) || found.known * 2 < experiments {
            wrong.push(format!("{}, {}: {share}", study.name, study.users));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn intervals_of_tables_hold_the_truth_as_often_as_they_say() {
    // Of 120 experiments at 90% the standard error is 2.7 points.
    covered(120, |_| (0.80, 0.99));
}

#[test]
#[ignore = "some minutes"]
fn the_table_of_the_documentation() {
    covered(4_000, |_| (0.87, 0.97));
}
