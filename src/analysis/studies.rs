//! Studies of the methods themselves, on experiments whose truth is known: calibration, coverage,
//! error rates, peeking.
//!
//! Guarantees: seeded, so they pass or fail alike everywhere; bounds follow from the Monte Carlo
//! error of the study.
//!
//! Does not know: agents or traffic; users are draws from textbook distributions.

use crate::experiment::{Aggregation, Better, Experiment, Method, Statistic};
use crate::quantity::Probability;
use crate::random::{Owner, Purpose, Seed, Stage, normal_quantile};
use crate::statistic::percentile;

use super::beta::LogitBeta;
use super::compare::{Curve, duel};
use super::published::{experiment, metric, rate};
use super::{
    Interval, MetricAnalysis, MetricInput, Posterior, Summary, Tally, VariationAnalysis, analyze,
    treatment_prior,
};

/// Simulated experiments of each study.
const RUNS: usize = 2_000;

fn luck(study: u64) -> Stage {
    Seed(20_260).stage(Purpose::Replication, Owner::NOBODY, study)
}

fn draw(luck: &mut Stage, posterior: &Posterior) -> f64 {
    match *posterior {
        Posterior::Beta { a, b } => {
            let table = LogitBeta::new(a, b);
            table.value(table.quantile(luck.uniform()))
        }
        Posterior::Normal { mean, sd } | Posterior::Student { mean, sd, .. } => {
            mean + sd * luck.normal()
        }
    }
}

fn conversions(luck: &mut Stage, users: u64, rate: f64) -> u64 {
    (0..users).filter(|_| luck.chance(rate)).count() as u64
}

fn mean_tally(values: &[f64]) -> Tally {
    let n = values.len() as f64;
    let total: f64 = values.iter().sum();
    let squares: f64 = values.iter().map(|v| (v - total / n) * (v - total / n)).sum();
    Tally::Mean {
        units: values.len() as u64,
        total,
        standard_error: Some((squares / (n - 1.0) / n).sqrt()),
    }
}

fn numeric(tallies: [Tally; 2], statistic: Statistic) -> MetricInput {
    let metric = metric("latency", Aggregation::Sum, statistic, Better::Lower, "ms", None);
    MetricInput {
        metric,
        tallies: tallies.map(Some).to_vec(),
        responders: None,
        skewness: Vec::new(),
    }
}

fn study(experiment: &Experiment, exposures: [u64; 2], input: MetricInput) -> MetricAnalysis {
    let summary = Summary { exposures: exposures.to_vec(), shares: None, metrics: vec![input] };
    analyze(experiment, &summary).metrics.remove(0)
}

fn holds(interval: Interval, truth: f64) -> bool {
    interval.lower <= truth && truth <= interval.upper
}

/// Shares of a study that must lie between 88% and 92%: the standard error of 2,000 runs at 90% is
/// 0.7%.
fn assert_covers(what: &str, covered: &[bool]) {
    let share = covered.iter().filter(|c| **c).count() as f64 / covered.len() as f64;
    assert!(
        covered.len() > RUNS / 2 && (0.88..=0.92).contains(&share),
        "{what}: {share} of {}",
        covered.len()
    );
}

/// Whether values in [0, 1] look uniform: Pearson's chi-squared over ten cells stays below its
/// 99.9% point, 27.88 (Abramowitz & Stegun, table 26.8).
fn assert_uniform(what: &str, values: &[f64]) {
    let mut cells = [0_usize; 10];
    values.iter().for_each(|v| cells[((v * 10.0) as usize).min(9)] += 1);
    let expected = values.len() as f64 / 10.0;
    let statistic: f64 =
        cells.iter().map(|&n| (n as f64 - expected) * (n as f64 - expected) / expected).sum();
    assert!(statistic < 27.88, "{what}: chi-squared {statistic}, cells {cells:?}");
}

/// What a simulation-based calibration collects (Talts et al., arXiv 1804.06788): where the truth
/// lies in its posterior.
#[derive(Default)]
struct Calibration {
    ranks: [Vec<f64>; 2],
    covered: [Vec<bool>; 2],
    relative: Vec<bool>,
    claims: Vec<(f64, bool)>,
}

impl Calibration {
    fn add(&mut self, found: &MetricAnalysis, truth: [f64; 2]) {
        for (v, truth) in truth.into_iter().enumerate() {
            let variation = &found.variations[v];
            self.ranks[v].push(match variation.posterior.unwrap() {
                Posterior::Beta { a, b } => {
                    let table = LogitBeta::new(a, b);
                    table.cdf(table.at_log_odds(libm::log(truth / (1.0 - truth))))
                }
                Posterior::Normal { mean, sd } | Posterior::Student { mean, sd, .. } => {
                    super::special::normal_cdf((truth - mean) / sd)
                }
            });
            self.covered[v].push(holds(variation.credible_interval.unwrap(), truth));
        }
        let compared = found.variations[1].comparison.unwrap();
        // The delta method needs some events on either side. What is calibrated is so given any
        // data, so the data may choose.
        let few = |v: &VariationAnalysis| v.conversions.is_some_and(|k| k.min(v.units - k) < 10);
        if !found.variations.iter().any(few) {
            self.relative
                .push(holds(compared.relative_interval.unwrap(), truth[1] / truth[0] - 1.0));
        }
        let better = (truth[1] - truth[0]) * found.metric.better.sign() > 0.0;
        self.claims.push((compared.probability_to_beat, better));
    }

    fn check(&self, what: &str) {
        for v in 0..2 {
            assert_uniform(&format!("{what}, rank of arm {v}"), &self.ranks[v]);
            assert_covers(&format!("{what}, credible interval of arm {v}"), &self.covered[v]);
        }
        assert_covers(&format!("{what}, relative interval"), &self.relative);
        // Of the claims "beats the control with p", a share of p is true.
        for fifth in 0..5 {
            let cell: Vec<_> =
                self.claims.iter().filter(|(p, _)| ((p * 5.0) as usize).min(4) == fifth).collect();
            let (n, claimed) = (cell.len() as f64, cell.iter().map(|c| c.0).sum::<f64>());
            let error = cell.iter().map(|c| c.0 * (1.0 - c.0)).sum::<f64>().sqrt();
            let held = cell.iter().filter(|c| c.1).count() as f64;
            assert!(
                (held - claimed).abs() < 3.3 * error + 1.0,
                "{what}: {held} of {n} held, {claimed} claimed"
            );
        }
    }
}

#[test]
fn posteriors_of_rates_are_calibrated_and_their_90_percent_intervals_cover_90_percent() {
    let mut luck = luck(1);
    let experiment = experiment(&["control", "treatment"]);
    let mut calibration = Calibration::default();
    for run in 0..RUNS {
        let users = [60, 150, 400, 800][run % 4];
        // The truth comes from the very priors of the analysis: flat for the control, then what its
        // posterior says.
        let control = luck.uniform();
        let k = conversions(&mut luck, users, control);
        let flat = Posterior::Beta { a: 1.0 + k as f64, b: 1.0 + (users - k) as f64 };
        let treatment = draw(&mut luck, &treatment_prior(&flat, 0.041).unwrap());
        let other = conversions(&mut luck, users, treatment);
        let found =
            study(&experiment, [users, users], rate("positive", Better::Higher, &[k, other]));
        calibration.add(&found, [control, treatment]);
    }
    calibration.check("rates");
}

#[test]
fn posteriors_of_means_are_calibrated_and_their_90_percent_intervals_cover_90_percent() {
    let mut luck = luck(2);
    let experiment = experiment(&["control", "treatment"]);
    let mut calibration = Calibration::default();
    for _ in 0..RUNS {
        // Log-normal users around `mean`, hardly skewed: the model takes means as normal and their
        // errors as known.
        let users = 400;
        let sigma: f64 = 0.15;
        let arm = |luck: &mut Stage, mean: f64| {
            let values: Vec<f64> = (0..users)
                .map(|_| luck.log_normal(mean * libm::exp(-0.5 * sigma * sigma), sigma))
                .collect();
            mean_tally(&values)
        };
        let control = 1000.0;
        let base = arm(&mut luck, control);
        let Tally::Mean { total, standard_error: Some(sd), .. } = base else { panic!("a mean") };
        let prior =
            treatment_prior(&Posterior::Normal { mean: total / users as f64, sd }, 0.04).unwrap();
        // A negative latency is five prior standard deviations out.
        let treatment = draw(&mut luck, &prior);
        let own = arm(&mut luck, treatment);
        let mut input = numeric([base, own], Statistic::Mean);
        input.metric.prior_variance = Some(0.04);
        let found = study(&experiment, [users, users], input);
        calibration.add(&found, [control, treatment]);
    }
    calibration.check("means");
}

#[test]
fn p_values_are_uniform_when_nothing_differs_and_intervals_cover_a_known_effect() {
    let mut luck = luck(3);
    let experiment = experiment(&["control", "treatment"]);
    let (mut rates, mut means, mut one_sided, mut covered) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        // Unequal arms and a rate of its own for each run: p-values of counts would else lie on a
        // coarse lattice.
        let (users, share) = ([500, 690], 0.2 + 0.3 * luck.uniform());
        let counts = users.map(|users| conversions(&mut luck, users, share));
        let test = study(&experiment, users, rate("positive", Better::Higher, &counts)).variations
            [1]
        .frequentist
        .unwrap();
        rates.push(test.p_value);
        one_sided.push(test.one_sided_p_value);
        let arm = |luck: &mut Stage, median| {
            mean_tally(&(0..300).map(|_| luck.log_normal(median, 0.5)).collect::<Vec<_>>())
        };
        let tallies = [arm(&mut luck, 1.0), arm(&mut luck, 1.0)];
        means.push(
            study(&experiment, [300; 2], numeric(tallies, Statistic::Mean)).variations[1]
                .frequentist
                .unwrap()
                .p_value,
        );
        let tallies = [arm(&mut luck, 1.0), arm(&mut luck, 1.2)];
        let test = study(&experiment, [300; 2], numeric(tallies, Statistic::Mean)).variations[1]
            .frequentist
            .unwrap();
        covered.push(holds(test.interval.unwrap(), 0.2));
    }
    assert_uniform("rates", &rates);
    // The test is of the difference, so it errs as often on either side. Counts leave mid-p values
    // a lattice: 10% within 2 points.
    for side in [0.1, 0.9] {
        let outside =
            one_sided.iter().filter(|p| if side < 0.5 { **p < side } else { **p > side }).count()
                as f64
                / RUNS as f64;
        assert!((0.08..=0.12).contains(&outside), "one-sided, beyond {side}: {outside}");
    }
    assert_uniform("means", &means);
    assert_covers("relative difference of means", &covered);
}

#[test]
fn intervals_for_the_difference_of_95th_percentiles_cover_a_known_effect() {
    let mut luck = luck(4);
    let experiment = experiment(&["control", "treatment"]);
    let p95 = Probability::clamped(0.95);
    let mut covered = Vec::new();
    for _ in 0..RUNS {
        let users = 400;
        let mut arm = |median: f64| {
            // Values below the median stay uniforms: the 95th percentile never looks there.
            let mut values: Vec<f64> = (0..users).map(|_| luck.uniform()).collect();
            values.iter_mut().for_each(|u| {
                *u = if *u > 0.5 {
                    median * libm::exp(0.5 * normal_quantile(*u))
                } else {
                    *u * median
                }
            });
            let found = percentile(&mut values, p95).unwrap();
            Tally::Value { units: users, value: found.value, standard_error: found.standard_error }
        };
        let tallies = [arm(1.0), arm(1.3)];
        let test = study(&experiment, [users; 2], numeric(tallies, Statistic::Percentile(p95)))
            .variations[1]
            .frequentist
            .unwrap();
        covered.push(holds(test.interval.unwrap(), 0.3));
    }
    assert_covers("relative difference of percentiles", &covered);
}

#[test]
fn the_sequential_method_keeps_its_error_over_all_looks_together() {
    let mut luck = luck(5);
    let experiment =
        Experiment { method: Method::Sequential, ..experiment(&["control", "treatment"]) };
    let (mut ever, mut fixed) = (0, 0);
    for _ in 0..RUNS {
        let mut counts = [0_u64; 2];
        let (mut sequential, mut peeking) = (false, false);
        for look in 1..=20 {
            for count in &mut counts {
                *count += conversions(&mut luck, 50, 0.3);
            }
            let users = 50 * look;
            let found = study(&experiment, [users; 2], rate("positive", Better::Higher, &counts));
            let variation = &found.variations[1];
            let interval = variation.sequential.unwrap().interval;
            assert_eq!(
                !holds(interval, 0.0),
                variation.sequential.unwrap().p_value < 0.1,
                "interval and p-value agree"
            );
            sequential |= !holds(interval, 0.0);
            peeking |= variation.frequentist.unwrap().p_value < 0.1;
        }
        ever += usize::from(sequential);
        fixed += usize::from(peeking);
    }
    // 10% is the bound; its standard error is 0.7%. A fixed-horizon test looked at 20 times errs
    // three times as often.
    assert!(ever as f64 <= 0.10 * RUNS as f64 + 40.0, "{ever} of {RUNS} ever excluded the truth");
    assert!(fixed as f64 > 0.3 * RUNS as f64, "{fixed} of {RUNS} ever rejected");
}

/// One A/A experiment of 1,000 users an arm at 25%, conversions of both arms after every 10 users.
fn a_a_run(luck: &mut Stage) -> Vec<[u64; 2]> {
    let mut counts = [0_u64; 2];
    let steps = (0..100).map(|_| {
        counts = counts.map(|count| count + conversions(luck, 10, 0.25));
        counts
    });
    steps.collect()
}

/// Whether B (1) or A (-1) passes `threshold` at this look under flat priors, or none (0). A normal
/// on the log-odds scale decides what is not close.
fn winner(counts: [u64; 2], users: u64, threshold: f64) -> i8 {
    let shapes = counts.map(|k| (1.0 + k as f64, 1.0 + (users - k) as f64));
    let [a, b] = shapes.map(|(a, b)| (libm::log(a / b), 1.0 / a + 1.0 / b));
    let z = (b.0 - a.0) / (a.1 + b.1).sqrt();
    let bound = normal_quantile(threshold);
    let side = if z > 0.0 { 1 } else { -1 };
    if (z.abs() - bound).abs() > 0.06 {
        return if z.abs() > bound { side } else { 0 };
    }
    let [a, b] = shapes.map(|(a, b)| Curve::new(&Posterior::Beta { a, b }));
    let above = duel(&b, &a).probability_above;
    if above.max(1.0 - above) >= threshold { side } else { 0 }
}

#[test]
fn the_peeking_table_comes_out_within_monte_carlo_error() {
    // Share of A/A experiments with any winner, and with the treatment shipped at some look (20,000
    // runs elsewhere, rounded to 1%). The second is the rule that only ever ships B: it does not
    // stop for A, so it is more than half of the first.
    let table = [
        (
            0.90,
            [
                (1, 0.20, Some(0.10)),
                (10, 0.58, Some(0.29)),
                (20, 0.69, Some(0.36)),
                (50, 0.79, Some(0.43)),
            ],
        ),
        (0.95, [(1, 0.10, None), (10, 0.34, None), (20, 0.43, None), (50, 0.53, None)]),
    ];
    let mut luck = luck(6);
    let runs: Vec<Vec<[u64; 2]>> = (0..4_000).map(|_| a_a_run(&mut luck)).collect();
    for (threshold, row) in table {
        for (looks, any, treatment) in row {
            let passes = |run: &Vec<[u64; 2]>| -> Vec<i8> {
                let steps = (1..=looks).map(|look| look * 100 / looks);
                steps.map(|step| winner(run[step - 1], 10 * step as u64, threshold)).collect()
            };
            let all: Vec<Vec<i8>> = runs.iter().map(passes).collect();
            let share = |f: &dyn Fn(i8) -> bool| {
                all.iter().filter(|looks| looks.iter().any(|&w| f(w))).count() as f64
                    / runs.len() as f64
            };
            // Three standard errors of 4,000 runs, and the table's own rounding.
            let slack = |p: f64| 3.0 * (p * (1.0 - p) / 4_000.0).sqrt() + 0.007;
            let found = share(&|w| w != 0);
            assert!(
                (found - any).abs() < slack(any),
                "{looks} looks at {threshold}: {found} is not {any}"
            );
            if let Some(expected) = treatment {
                let found = share(&|w| w > 0);
                assert!(
                    (found - expected).abs() < slack(expected),
                    "{looks} looks at {threshold}, shipped: {found} is not {expected}"
                );
            }
        }
    }
}
