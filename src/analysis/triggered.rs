//! The effect on the users who were reached by what an experiment varies, next to the effect on all
//! who were exposed to it.
//!
//! Who fetches a graph of agents is exposed to the experiment on every agent, and users whose
//! requests never come to the agent are in both arms alike: they add noise and no effect. To leave
//! them out is unbiased where being reached cannot depend on the arm. What an arm changes begins
//! when a request comes to the agent, so whether it comes there for the first time is decided
//! before. The data can contradict that, and two checks look: the arms keep their planned shares
//! among the users who were reached, and the users who were not do not differ.
//!
//! Source: R. Kohavi, D. Tang & Y. Xu 2020, *Trustworthy Online Controlled Experiments*, chapter
//! 20, "Triggering for improved sensitivity".
//!
//! Guarantees: the plain test of the difference, no prior: the same that [`analyze()`] gives for
//! all users.
//!
//! Does not know: agents; a unit was reached or it was not.

use super::result::{Analysis, FrequentistResult, HealthStatus, VariationAnalysis};
use crate::analysis::{Summary, analyze, summarize};
use crate::experiment::{Experiment, Metric};
use crate::metrics::Observations;

/// A difference between the users who were never reached that chance makes in one of a thousand
/// experiments, over all their comparisons.
const CHANCE: f64 = 1e-3;

/// The users who were reached, and the effects on them.
#[derive(Clone, Debug, PartialEq)]
pub struct Triggered {
    /// Exposed units of each treatment that were reached.
    pub reached: Vec<u64>,
    /// Exposed units that were not.
    pub never_reached: u64,
    /// The comparisons of each metric, treatments in order without the control; or why there are
    /// none.
    pub comparisons: Result<Vec<TriggeredComparison>, String>,
}

/// One treatment against the control under one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TriggeredComparison {
    /// Number of the metric in the experiment.
    pub metric: usize,
    /// Number of the treatment.
    pub treatment: usize,
    /// All exposed users; `None` where they cannot be compared.
    pub all: Option<FrequentistResult>,
    /// The users who were reached.
    pub reached: Option<FrequentistResult>,
    /// Share of the users that the comparison of those who were reached needs, for the power that
    /// the comparison of all has: about the squared ratio of the errors, on one scale. `None` for
    /// percentiles, whose difference does not scale with the share of users.
    pub sample_needed: Option<f64>,
}

/// The effect on the units of experiment number `nth` that were reached, next to `all`, its
/// analysis over `units`. `planned` says whether the split was a planned one.
#[must_use]
pub fn triggered(
    all: &Analysis,
    (observations, nth, planned): (&Observations, usize, bool),
    experiment: &Experiment,
    metrics: &[Metric],
    units: impl Iterator<Item = usize> + Clone,
    reached: impl Fn(usize) -> bool,
) -> Triggered {
    let of = |inside: bool| {
        let units = units.clone().filter(|&unit| reached(unit) == inside);
        let summary = summarize(observations, nth, experiment, metrics, units);
        let shares = summary.shares.clone().filter(|_| planned);
        analyze(experiment, &Summary { shares, ..summary })
    };
    let (inside, outside) = (of(true), of(false));
    let never_reached = outside.exposures.iter().sum();
    let comparisons = match contradiction(&inside, &outside, experiment) {
        Some(reason) => Err(reason),
        None => Ok(compare(all, &inside, experiment)),
    };
    Triggered { reached: inside.exposures, never_reached, comparisons }
}

fn compare(all: &Analysis, inside: &Analysis, experiment: &Experiment) -> Vec<TriggeredComparison> {
    let mut comparisons = Vec::new();
    for (metric, (all, inside)) in all.metrics.iter().zip(&inside.metrics).enumerate() {
        let linear = all.metric.declared().definition().linear;
        let control = experiment.control;
        let share = |at: usize| {
            let units = |of: &[VariationAnalysis]| of.get(at).map_or(0, |own| own.units) as f64;
            (units(&inside.variations), units(&all.variations))
        };
        let arms = all.variations.iter().zip(&inside.variations).enumerate();
        for (treatment, (all, inside)) in arms.filter(|(at, _)| *at != control) {
            // Users who were not reached have no effect: the effect on all is the share of those
            // who were, times theirs.
            let (own, base) = (share(treatment), share(control));
            let reached = (own.0 + base.0) / (own.1 + base.1).max(1.0);
            let width = |of: &FrequentistResult| {
                of.difference_interval.upper - of.difference_interval.lower
            };
            let both = all.frequentist.as_ref().zip(inside.frequentist.as_ref());
            let sample_needed = both.filter(|_| linear).and_then(|(all, inside)| {
                let ratio = reached * width(inside) / width(all);
                Some(ratio * ratio).filter(|needed| needed.is_finite() && *needed > 0.0)
            });
            comparisons.push(TriggeredComparison {
                metric,
                treatment,
                all: all.frequentist,
                reached: inside.frequentist,
                sample_needed,
            });
        }
    }
    comparisons
}

/// What in the data says that the experiment changed who was reached; `None` where nothing does.
fn contradiction(inside: &Analysis, outside: &Analysis, experiment: &Experiment) -> Option<String> {
    let split = inside.health.iter().find(|check| check.check == "sample_ratio_mismatch");
    if let Some(check) = split.filter(|check| check.status == HealthStatus::Error) {
        return Some(format!(
            "the users who were reached do not have the planned shares, so the experiment seems to change who is reached: {}",
            check.message
        ));
    }
    let tests = outside.metrics.iter().flat_map(|metric| {
        let arms = metric.variations.iter().enumerate();
        arms.filter_map(move |(at, own)| Some((metric, at, own.frequentist?.p_value)))
    });
    let tests: Vec<_> = tests.collect();
    let bound = CHANCE / tests.len().max(1) as f64;
    let (metric, at, p_value) =
        tests.into_iter().min_by(|a, b| a.2.total_cmp(&b.2)).filter(|test| test.2 < bound)?;
    let treatment = experiment.treatments.get(at).map_or("", |own| own.variation.as_str());
    Some(format!(
        "among the users who were never reached, {treatment} and the control differ in {} (p {}), so the experiment acts on them, too",
        metric.metric.key,
        crate::figure::p_value(p_value)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::published::{experiment, metric as defined};
    use crate::experiment::{Aggregation, Better, Statistic};

    /// Users in pairs, one in each arm, with a value for each; the first `reached` pairs were
    /// reached.
    struct Data {
        experiment: Experiment,
        metric: Metric,
        table: Observations,
        reached: Vec<bool>,
    }

    impl Data {
        fn new(units: &[(u8, f64, bool)]) -> Self {
            let metric =
                defined("cost", Aggregation::Sum, Statistic::Mean, Better::Lower, "$", None);
            let mut experiment = experiment(&["A", "B"]);
            experiment.metrics = vec![0];
            for own in &mut experiment.treatments {
                own.share = "50%".parse().unwrap();
            }
            let metrics = std::slice::from_ref(&metric);
            let mut table = Observations::new(units.len(), 1, metrics, |_| 1.0);
            for (unit, (arm, value, _)) in units.iter().enumerate() {
                table.expose(0, unit, *arm);
                table.add(0, unit, *value);
            }
            let reached = units.iter().map(|(.., reached)| *reached).collect();
            Self { experiment, metric, table, reached }
        }

        fn find(&self) -> Triggered {
            let metrics = std::slice::from_ref(&self.metric);
            let units = 0..self.reached.len();
            let all = summarize(&self.table, 0, &self.experiment, metrics, units.clone());
            let all = analyze(&self.experiment, &all);
            let table = (&self.table, 0, true);
            triggered(&all, table, &self.experiment, metrics, units, |unit| self.reached[unit])
        }
    }

    #[test]
    fn the_comparisons_are_those_of_welchs_test() {
        let reached =
            [[3.1, 4.0, 2.2, 5.3, 3.8, 4.4, 2.9, 3.5], [2.0, 3.1, 1.9, 2.8, 3.3, 1.2, 2.6, 2.4]];
        let never = [
            [1.0, 1.4, 0.8, 1.9, 2.1, 1.3, 0.7, 1.6, 1.2, 1.1, 1.7, 0.9],
            [1.1, 1.3, 0.9, 1.8, 2.0, 1.4, 0.8, 1.5, 1.0, 1.2, 1.6, 1.0],
        ];
        let units: Vec<(u8, f64, bool)> = (0..2_u8)
            .flat_map(|arm| {
                let at = usize::from(arm);
                let came = reached[at].iter().map(move |value| (arm, *value, true));
                came.chain(never[at].iter().map(move |value| (arm, *value, false)))
            })
            .collect();
        let found = Data::new(&units).find();
        assert_eq!((found.reached, found.never_reached), (vec![8, 8], 24));
        let comparisons = found.comparisons.unwrap();
        let [one] = comparisons.as_slice() else { panic!("{comparisons:?}") };
        // SciPy 1.17.1: stats.ttest_ind(treatment, control, equal_var=False), its p-value and
        // confidence_interval(0.9).
        let close = |found: FrequentistResult, right: [f64; 4]| {
            let ends = found.difference_interval;
            let found = [found.difference, found.p_value, ends.lower, ends.upper];
            for (found, right) in found.iter().zip(right) {
                assert!((found - right).abs() < 1e-7, "{found}, SciPy {right}");
            }
        };
        let right = [
            -1.2375,
            0.011_203_198_994_552_783,
            -1.978_305_535_583_750_4,
            -0.496_694_464_416_250_54,
        ];
        close(one.reached.unwrap(), right);
        let right =
            [-0.5, 0.159_893_451_494_197_12, -1.088_880_973_654_253_7, 0.088_880_973_654_253_07];
        close(one.all.unwrap(), right);
        // Two fifths were reached; the widths of SciPy's intervals give 0.2532.
        assert!((one.sample_needed.unwrap() - 0.253_205_639_878_621_2).abs() < 1e-7);
    }

    #[test]
    fn an_experiment_that_changes_who_is_reached_is_found_out() {
        // All of the treatment and half of the control are reached.
        let units: Vec<(u8, f64, bool)> = (0..800_u32)
            .map(|unit| {
                let arm = (unit % 2) as u8;
                (arm, f64::from(unit % 13), arm == 1 || unit % 4 == 0)
            })
            .collect();
        let reason = Data::new(&units).find().comparisons.unwrap_err();
        assert!(reason.contains("do not have the planned shares"), "{reason}");
        // The treatment also acts on users who were not reached.
        let units: Vec<(u8, f64, bool)> = (0..800_u32)
            .map(|unit| {
                let arm = (unit % 2) as u8;
                (arm, f64::from(unit / 2 % 13) + 3.0 * f64::from(arm), unit / 2 % 2 == 0)
            })
            .collect();
        let reason = Data::new(&units).find().comparisons.unwrap_err();
        assert!(reason.contains("who were never reached, B and the control differ"), "{reason}");
    }
}
