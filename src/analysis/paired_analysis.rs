//! The analysis of a paired design: by question, with the same questions in every variation.
//!
//! Every mean has a flat prior, so posteriors are Student's t distributions around the data, and the
//! joint posterior of treatment and control is that of correlated means.
//!
//! Guarantees: intervals, probabilities and p-values are those of the paired t test; every missing
//! value has its reason next to it.
//!
//! Does not know: how questions are sent, or what is decided.

use super::correction::{self, correct};
use super::frequentist::NO_SPREAD;
use super::health::{health, name};
use super::needed::SizePlan;
use super::paired_scores::{PairedDifference, QuestionScores, paired_difference};
use super::result::{
    Analysis, Comparison, Corrects, FrequentistResult, HealthCheck, HealthStatus, MetricAnalysis,
    MetricInput, Posterior, Summary, Tally, TestMethod, VariationAnalysis,
};
use super::student::two_sided_reach;
use crate::experiment::{Correction, Experiment, Metric};
use crate::figure;
use crate::metrics::PairedTable;

/// Fewer questions than this say little of how much questions differ.
const FEW: u64 = 10;

/// Analyzes a paired design over some of its questions, and gives its statistics by question.
#[must_use]
pub fn analyze_paired(
    experiment: &Experiment,
    metrics: &[Metric],
    table: &PairedTable,
    questions: impl Iterator<Item = usize>,
) -> (Summary, Analysis) {
    let questions: Vec<usize> = questions.filter(|&question| table.takes_part(question)).collect();
    let (arms, count) = (experiment.treatments.len(), questions.len() as u64);
    let mut inputs = Vec::new();
    let mut analyses = Vec::new();
    for (at, metric) in experiment.metrics_in(metrics) {
        let of_arm = |arm: usize| -> Vec<Option<QuestionScores>> {
            let of_question = |&question: &usize| {
                QuestionScores::of((0..table.repeats()).map(|repeat| {
                    let judgings = 0..table.judgings();
                    let value =
                        |judging| table.value((at, metric), question, (arm, repeat, judging));
                    judgings.filter_map(value).collect()
                }))
            };
            questions.iter().map(of_question).collect()
        };
        let scores: Vec<_> = (0..arms).map(of_arm).collect();
        let (input, analysis) = analyze_metric(experiment, metric, &scores, count);
        inputs.push(input);
        analyses.push(analysis);
    }
    correct_tests(experiment, &mut analyses);
    let summary = Summary { exposures: vec![count; arms], shares: None, metrics: inputs };
    let health = checks(experiment, &summary, &analyses, count);
    let mass = experiment.threshold.get();
    let winner = analyses.first().and_then(|primary| {
        let best = primary.variations.iter().enumerate();
        best.filter_map(|(arm, own)| Some((arm, own.probability_to_be_best?)))
            .find(|(_, best)| *best >= mass)
            .map(|(arm, _)| arm)
    });
    let plan = SizePlan::none("a paired design says what more questions, answers and judgings buy");
    let analysis =
        Analysis { exposures: summary.exposures.clone(), metrics: analyses, health, plan, winner };
    (summary, analysis)
}

fn analyze_metric(
    experiment: &Experiment,
    metric: &Metric,
    scores: &[Vec<Option<QuestionScores>>],
    questions: u64,
) -> (MetricInput, MetricAnalysis) {
    let (control, mass) = (experiment.control, experiment.threshold.get());
    let sign = metric.better.sign();
    let base = scores.get(control);
    let mut variations: Vec<VariationAnalysis> = scores
        .iter()
        .enumerate()
        .map(|(arm, own)| {
            let paired = base.filter(|_| arm != control).map(|base| paired_difference(own, base));
            variation(own, questions, paired, (sign, mass))
        })
        .collect();
    // Of two, whoever beats the other is best; of more, the pairs do not say it.
    if let [first, second] = variations.as_mut_slice() {
        let beats = |own: &VariationAnalysis| own.comparison.map(|own| own.probability_to_beat);
        let best = beats(first).or_else(|| beats(second).map(|other| 1.0 - other));
        first.probability_to_be_best = best;
        second.probability_to_be_best = best.map(|best| 1.0 - best);
    }
    let tally = |own: &VariationAnalysis| {
        let total = own.total_value?;
        let standard_error = own.posterior.as_ref().map(Posterior::sd);
        Some(Tally::Mean { units: own.units, total, standard_error })
    };
    let input = MetricInput {
        metric: metric.clone(),
        tallies: variations.iter().map(tally).collect(),
        responders: Some(variations.iter().map(|own| own.units).collect()),
        skewness: Vec::new(),
    };
    (input, MetricAnalysis { metric: metric.clone(), variations, control })
}

/// One variation, and its comparison with the control where there is one.
fn variation(
    scores: &[Option<QuestionScores>],
    questions: u64,
    paired: Option<Option<PairedDifference>>,
    (sign, mass): (f64, f64),
) -> VariationAnalysis {
    let means: Vec<f64> = scores.iter().flatten().map(QuestionScores::mean).collect();
    let n = means.len() as f64;
    let total: f64 = means.iter().sum();
    let mean = (n > 0.0).then(|| total / n);
    let posterior = mean.filter(|_| n > 1.0).map(|mean| {
        let squares: f64 = means.iter().map(|own| (own - mean) * (own - mean)).sum();
        let sd = (squares / (n - 1.0) / n).sqrt();
        Posterior::Student { mean, sd, degrees: n - 1.0 }
    });
    let found = paired.flatten();
    let known = found.filter(|own| own.error() > 0.0);
    let comparison = known.map(|own| {
        let relative = own.relative(mass);
        Comparison {
            probability_to_beat: own.beats(sign),
            relative_difference: relative.map(|(change, _)| change),
            relative_interval: relative.map(|(_, interval)| interval),
            absolute_difference: own.difference(),
            expected_loss: own.expected_loss(sign),
        }
    });
    let reason = match (paired, known) {
        _ if mean.is_none() => Some("no question has a value".to_owned()),
        _ if n < 2.0 => Some("one question has no spread: it needs two or more".to_owned()),
        (Some(_), Some(own)) if own.relative(mass).is_none() => Some(
            "the interval of the control's mean holds 0, so there is no relative difference"
                .to_owned(),
        ),
        (Some(Some(_)), None) => Some(NO_SPREAD.to_owned()),
        (Some(None), _) => {
            Some("fewer than two questions have a value in both variations".to_owned())
        }
        _ => None,
    };
    VariationAnalysis {
        exposures: questions,
        units: means.len() as u64,
        conversions: None,
        total_value: mean.map(|_| total),
        data_mean: mean,
        posterior,
        posterior_mean: posterior.as_ref().map(Posterior::mean),
        credible_interval: posterior.as_ref().map(|own| own.highest_density_interval(mass)),
        probability_to_be_best: None,
        comparison,
        frequentist: known.map(|own| tested(&own, sign, mass)),
        sequential: None,
        corrected: None,
        paired: found,
        reason,
    }
}

/// The paired t test; intervals hold `mass`.
fn tested(own: &PairedDifference, sign: f64, mass: f64) -> FrequentistResult {
    let relative = own.relative(mass);
    let (p_value, one_sided_p_value) = own.p_values(sign);
    FrequentistResult {
        relative_difference: relative.map(|(change, _)| change),
        interval: relative.map(|(_, interval)| interval),
        difference: own.difference(),
        difference_interval: own.interval(mass),
        p_value,
        one_sided_p_value,
        method: TestMethod::PairedT,
        correction: None,
    }
}

/// Corrects p-values and intervals of all comparisons of an experiment together.
fn correct_tests(experiment: &Experiment, metrics: &mut [MetricAnalysis]) {
    let (by, mass) = (experiment.correction, experiment.threshold.get());
    if by == Correction::None {
        return;
    }
    let tests = || metrics.iter().flat_map(|metric| &metric.variations);
    let of = |value: fn(&FrequentistResult) -> f64| -> Vec<f64> {
        tests().filter_map(|own| own.frequentist.as_ref()).map(value).collect()
    };
    let (mut both, mut one) = (of(|test| test.p_value), of(|test| test.one_sided_p_value));
    correct(by, &mut both);
    correct(by, &mut one);
    let level = correction::interval_mass(by, &both, mass);
    let comparisons = both.len();
    let mut corrected = both.into_iter().zip(one);
    for metric in metrics {
        let sign = metric.metric.better.sign();
        for own in &mut metric.variations {
            let Some((test, paired)) = own.frequentist.as_mut().zip(own.paired) else { continue };
            let Some((p_value, one_sided_p_value)) = corrected.next() else { continue };
            let correction = Some(Corrects { by, comparisons });
            *test = FrequentistResult {
                p_value,
                one_sided_p_value,
                correction,
                ..tested(&paired, sign, level)
            };
        }
    }
}

fn checks(
    experiment: &Experiment,
    summary: &Summary,
    metrics: &[MetricAnalysis],
    questions: u64,
) -> Vec<HealthCheck> {
    if questions == 0 {
        let message = "no question was sent yet".to_owned();
        return vec![HealthCheck { check: "questions", status: HealthStatus::Waiting, message }];
    }
    let mut checks = vec![sent(questions)];
    checks.extend(missing(experiment, metrics, questions));
    let others = health(experiment, summary, metrics);
    checks.extend(others.into_iter().filter(|own| own.check == "metrics"));
    checks
}

fn sent(questions: u64) -> HealthCheck {
    let counted = figure::count(questions);
    let (status, message) = if questions < FEW {
        let message = format!(
            "{counted} questions went through every variation; fewer than {FEW} say little of how much questions differ"
        );
        (HealthStatus::Warning, message)
    } else {
        (HealthStatus::Healthy, format!("{counted} questions went through every variation"))
    };
    HealthCheck { check: "questions", status, message }
}

/// Questions that have no value in a variation are left out of its comparisons.
fn missing(
    experiment: &Experiment,
    metrics: &[MetricAnalysis],
    questions: u64,
) -> Option<HealthCheck> {
    let fewest = |metric: &MetricAnalysis| {
        let arms = metric.variations.iter().enumerate();
        let (arm, own) = arms.min_by_key(|(_, own)| own.units)?;
        (own.units < questions)
            .then(|| (questions - own.units, arm, metric.metric.title().to_owned()))
    };
    let (left_out, arm, metric) =
        metrics.iter().filter_map(fewest).max_by_key(|(left_out, ..)| *left_out)?;
    let message = format!(
        "{metric}: {} of {} questions have no value with {}, and are left out; the others need not be like them",
        figure::count(left_out),
        figure::count(questions),
        name(experiment, arm)
    );
    Some(HealthCheck { check: "unpaired_questions", status: HealthStatus::Warning, message })
}

/// Half the width of the interval that holds `mass`, in errors, for so many questions.
#[must_use]
pub fn paired_reach(mass: f64, questions: u64) -> f64 {
    two_sided_reach(mass, questions.saturating_sub(1).max(1) as f64)
}
