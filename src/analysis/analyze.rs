//! One experiment's data to its analysis: the table that a results page shows, and the questions
//! that a decision rule asks.
//!
//! Guarantees: every missing value has its reason beside it; the order of treatments and metrics is
//! the experiment's.
//!
//! Does not know: where the tallies come from, and what is decided.

use crate::experiment::{Correction, Experiment, Method, Metric};
use crate::figure::{self, Unit};

use super::compare::{Curve, comparison, probabilities_to_be_best, probability_within};
use super::correction::{self, correct};
use super::health::{health, name};
use super::judge::corrected;
use super::needed::SizePlan;
use super::posterior::{
    Estimate, control_posterior, estimate, prior_variance, treatment_posterior, treatment_prior,
};
use super::result::{
    Analysis, Bound, Comparison, Corrects, Effect, FrequentistResult, Interval, MetricAnalysis,
    MetricInput, Posterior, Sequential, Summary, Tally, VariationAnalysis,
};
use super::{cautions, frequentist, relative, sequential};

/// Analyzes one experiment from its sufficient statistics.
///
/// Method: LaunchDarkly docs, "Statistical methodology for Bayesian experiments" and "Analytic
/// formulas for Bayesian experiment variation means". Treatments and metrics beyond the shorter of
/// the lists in `summary` count as without data.
#[must_use]
pub fn analyze(experiment: &Experiment, summary: &Summary) -> Analysis {
    let mass = experiment.threshold.get();
    let mut metrics: Vec<MetricAnalysis> = summary
        .metrics
        .iter()
        .map(|input| analyze_metric(input, &summary.exposures, experiment))
        .collect();
    correct_tests(experiment, summary, &mut metrics);
    let names: Vec<String> = (0..summary.exposures.len()).map(|i| name(experiment, i)).collect();
    let mut health = health(experiment, summary, &metrics);
    health.extend(cautions::checks(&names, summary, &metrics, mass));
    let winner = metrics.first().and_then(|primary| winner(primary, mass));
    let plan = metrics.first().map_or_else(
        || SizePlan::none("there is no metric"),
        |primary| size_plan(primary, summary, experiment),
    );
    Analysis { exposures: summary.exposures.clone(), metrics, health, plan, winner }
}

/// What is known of each treatment under a metric.
fn estimates(input: &MetricInput, exposures: &[u64]) -> Vec<Result<Estimate, String>> {
    let declared = input.metric.declared();
    let each = exposures.iter().enumerate();
    each.map(|(i, &exposed)| estimate(declared, input.tallies.get(i).copied().flatten(), exposed))
        .collect()
}

/// A posterior with its curve.
type Known<'a> = (&'a Posterior, &'a Curve);

fn analyze_metric(
    input: &MetricInput,
    exposures: &[u64],
    experiment: &Experiment,
) -> MetricAnalysis {
    let (control, mass) = (experiment.control, experiment.threshold.get());
    let metric = &input.metric;
    let data = estimates(input, exposures);
    let posteriors = posteriors(metric, &data, control);
    let curves: Vec<Option<Curve>> =
        posteriors.iter().map(|p| p.as_ref().ok().map(Curve::new)).collect();
    let known: Vec<Option<Known>> = posteriors
        .iter()
        .zip(&curves)
        .map(|(p, curve)| p.as_ref().ok().zip(curve.as_ref()))
        .collect();
    let base = known.get(control).copied().flatten();
    let pairs: Vec<Option<(Known, Known)>> =
        known.iter().enumerate().map(|(i, own)| own.zip(base).filter(|_| i != control)).collect();
    // Two points tell their distance, and nothing of how sure it is.
    let pointless = |pair: &Option<(Known, Known)>| {
        pair.is_some_and(|((_, own), (_, base))| own.is_point() && base.is_point())
    };
    let compare = |pair: &Option<(Known, Known)>| {
        pair.filter(|_| !pointless(pair))
            .map(|(own, base)| comparison(own, base, metric.better.sign(), mass))
    };
    let compared: Vec<Option<Comparison>> = pairs.iter().map(compare).collect();
    let points = curves.iter().all(|curve| curve.as_ref().is_some_and(Curve::is_point));
    let best = if points {
        vec![None; curves.len()]
    } else {
        best(&curves, &compared, metric.better.sign())
    };
    let arms = exposures
        .iter()
        .zip(&data)
        .zip(&posteriors)
        .zip(known.iter().zip(&pairs))
        .zip(compared.iter().zip(&best));
    let variations = arms.enumerate().map(
        |(i, ((((&exposed, found), reached), (own, pair)), (&compared, &best)))| {
            let posterior = reached.as_ref().ok();
            let found = found.as_ref().ok();
            let against =
                found.zip(data.get(control).and_then(|d| d.as_ref().ok())).filter(|_| i != control);
            let frequentist = against
                .map(|(own, base)| frequentist::compare(own, base, metric.better.sign(), mass));
            let sequential = against.filter(|_| experiment.method == Method::Sequential);
            let sequential =
                sequential.map(|(own, base)| sequential::compare(own, base, mass, mass));
            let untested = [
                frequentist.as_ref().and_then(|f| f.as_ref().err()),
                sequential.as_ref().and_then(|s| s.as_ref().err()),
            ];
            let reason = match reached {
                Err(reason) => Some(reason.clone()),
                Ok(_) if pointless(pair) => Some(frequentist::NO_SPREAD.to_owned()),
                Ok(_) => {
                    let no_ratio = compared.filter(|c| c.relative_difference.is_none()).and(base);
                    let no_ratio = no_ratio.map(|(control, _)| not_relative(metric, control, mass));
                    // The test is only missed where the experiment asks for one.
                    no_ratio.or_else(|| {
                        untested
                            .into_iter()
                            .flatten()
                            .next()
                            .filter(|_| experiment.method != Method::Bayesian)
                            .cloned()
                    })
                }
            };
            VariationAnalysis {
                exposures: exposed,
                units: found.map_or(0, |d| d.units),
                conversions: found.and_then(|d| d.conversions),
                total_value: found.and_then(|d| d.total),
                data_mean: found.map(|d| d.mean),
                posterior: posterior.copied(),
                posterior_mean: posterior.map(Posterior::mean),
                credible_interval: own.map(|(posterior, curve)| interval(posterior, curve, mass)),
                probability_to_be_best: best,
                comparison: compared,
                frequentist: frequentist.and_then(Result::ok),
                sequential: sequential.and_then(Result::ok),
                corrected: metric.judge.as_ref().and_then(|judge| {
                    let of = |at: usize| match input.tallies.get(at)? {
                        Some(Tally::Conversion { conversions, judged, .. }) => {
                            Some((*conversions, *judged))
                        }
                        _ => None,
                    };
                    Some(corrected(
                        of(i)?,
                        if i == control { None } else { Some(of(control)?) },
                        judge,
                    ))
                }),
                paired: None,
                reason,
            }
        },
    );
    MetricAnalysis { metric: metric.clone(), variations: variations.collect(), control }
}

/// Why there is no difference relative to this control.
fn not_relative(metric: &Metric, control: &Posterior, mass: f64) -> String {
    let unit = Unit::of(metric);
    match control {
        Posterior::Beta { .. } => {
            "no user of the control converted, so there is no relative difference".to_owned()
        }
        _ if control.mean() == 0.0 => {
            "the control's mean is 0, so there is no relative difference".to_owned()
        }
        _ => {
            let Interval { lower, upper } = control.highest_density_interval(mass);
            let ends = figure::interval(&unit.value(lower), &unit.value(upper));
            format!(
                "the interval of the control's mean holds 0 ({ends}), so there is no relative difference"
            )
        }
    }
}

/// The posterior of each treatment, or the reason why there is none.
fn posteriors(
    metric: &Metric,
    data: &[Result<Estimate, String>],
    control: usize,
) -> Vec<Result<Posterior, String>> {
    let base = match data.get(control) {
        Some(Ok(found)) => control_posterior(metric.kind(), found),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err("there is no control".to_owned()),
    };
    let of_treatment = |found: &Estimate| match &base {
        Ok(base) => treatment_posterior(treatment_prior(base, prior_variance(metric)), base, found),
        Err(reason) => Err(format!("the control gives no prior: {reason}")),
    };
    let each = data.iter().enumerate().map(|(i, found)| match found {
        _ if i == control => base.clone(),
        Ok(found) => of_treatment(found),
        Err(reason) => Err(reason.clone()),
    });
    each.collect()
}

/// Probability to be best among all treatments; `None` for all as long as one of them has no
/// posterior. Of two, whoever beats the other is best.
fn best(curves: &[Option<Curve>], compared: &[Option<Comparison>], sign: f64) -> Vec<Option<f64>> {
    if let [first, second] = compared {
        let beats = |own: &Option<Comparison>, other: &Option<Comparison>| {
            own.map(|c| c.probability_to_beat)
                .or_else(|| other.map(|c| 1.0 - c.probability_to_beat))
        };
        return vec![beats(first, second), beats(second, first)];
    }
    match curves.iter().cloned().collect::<Option<Vec<Curve>>>() {
        Some(all) => probabilities_to_be_best(&all, sign).into_iter().map(Some).collect(),
        None => vec![None; curves.len()],
    }
}

fn interval(posterior: &Posterior, curve: &Curve, mass: f64) -> Interval {
    match curve {
        Curve::Logit(table) => table.highest_density_interval(super::special::interval_mass(mass)),
        Curve::Located { .. } => posterior.highest_density_interval(mass),
    }
}

/// Corrects p-values and intervals of all comparisons of an experiment together, each kind of test
/// for itself. Posteriors are not corrected: they do not change with the number of comparisons.
fn correct_tests(experiment: &Experiment, summary: &Summary, metrics: &mut [MetricAnalysis]) {
    let (by, mass) = (experiment.correction, experiment.threshold.get());
    if by == Correction::None {
        return;
    }
    let mut tests: [Vec<&mut f64>; 3] = Default::default();
    for variation in metrics.iter_mut().flat_map(|m| &mut m.variations) {
        if let Some(test) = &mut variation.frequentist {
            tests[0].push(&mut test.p_value);
            tests[1].push(&mut test.one_sided_p_value);
        }
        if let Some(test) = &mut variation.sequential {
            tests[2].push(&mut test.p_value);
        }
    }
    let families = tests.map(|family| {
        let mut values: Vec<f64> = family.iter().map(|p| **p).collect();
        correct(by, &mut values);
        let level = correction::interval_mass(by, &values, mass);
        let comparisons = values.len();
        family.into_iter().zip(values).for_each(|(p, corrected)| *p = corrected);
        (level, Some(Corrects { by, comparisons }))
    });
    let ([fixed, _, always], control) = (families, experiment.control);
    for (metric, input) in metrics.iter_mut().zip(&summary.metrics) {
        let data = estimates(input, &summary.exposures);
        let Some(Ok(base)) = data.get(control) else { continue };
        for (variation, own) in metric.variations.iter_mut().zip(&data) {
            let Ok(own) = own else { continue };
            if let Some(test) = &mut variation.frequentist
                && let Ok(wider) =
                    frequentist::compare(own, base, input.metric.better.sign(), fixed.0)
            {
                // At a wider level the interval may be unbounded where the narrower one was not;
                // then there is none.
                *test = FrequentistResult {
                    p_value: test.p_value,
                    one_sided_p_value: test.one_sided_p_value,
                    correction: fixed.1,
                    ..wider
                };
            }
            if let Some(test) = &mut variation.sequential
                && let Ok(wider) = sequential::compare(own, base, mass, always.0)
            {
                *test = Sequential { p_value: test.p_value, correction: always.1, ..wider };
            }
        }
    }
}

/// The treatment with the highest probability to be best, if that passes the threshold.
fn winner(primary: &MetricAnalysis, threshold: f64) -> Option<usize> {
    let ranked = primary
        .variations
        .iter()
        .enumerate()
        .filter_map(|(i, v)| v.probability_to_be_best.map(|p| (i, p)));
    ranked.filter(|&(_, p)| p >= threshold).max_by(|x, y| x.1.total_cmp(&y.1)).map(|(i, _)| i)
}

/// What the number of further users follows from, on the primary metric.
fn size_plan(primary: &MetricAnalysis, summary: &Summary, experiment: &Experiment) -> SizePlan {
    let Some(input) = summary.metrics.first() else { return SizePlan::none("there is no metric") };
    let exposures = &summary.exposures;
    let data: Vec<Result<Estimate, String>> = estimates(input, exposures);
    let names: Vec<String> = (0..exposures.len()).map(|i| name(experiment, i)).collect();
    let posteriors: Vec<Option<Posterior>> =
        primary.variations.iter().map(|variation| variation.posterior).collect();
    let (exposed, threshold) = (exposures.iter().sum(), experiment.threshold.get());
    SizePlan::new(
        &primary.metric,
        &names,
        &data,
        &posteriors,
        experiment.control,
        exposed,
        threshold,
    )
}

impl MetricAnalysis {
    /// Probability that the effect of `treatment` against the control keeps within `bound`, under
    /// the joint posterior: exact (closed form or quadrature). `None` for the control itself and
    /// where data is missing, see [`Self::reason`].
    #[must_use]
    pub fn probability(&self, treatment: usize, effect: Effect, bound: Bound) -> Option<f64> {
        let (own, base) = self.pair(treatment)?;
        if effect == Effect::Relative {
            self.variations.get(treatment)?.comparison?.relative_difference?;
        }
        if let Some(paired) = self.variations.get(treatment)?.paired {
            return Some(paired.within(effect, bound));
        }
        probability_within(&own, &base, effect, bound)
    }

    /// The interval of treatment - control under the joint posterior that holds `mass`, in the
    /// metric's unit, with equal chances beyond either end. `None` as for [`Self::probability`].
    #[must_use]
    pub fn absolute_interval(&self, treatment: usize, mass: f64) -> Option<Interval> {
        let (own, base) = self.pair(treatment)?;
        if let Some(paired) = self.variations.get(treatment)?.paired {
            return Some(paired.interval(mass));
        }
        relative::absolute(&own, &base, mass)
    }

    /// The effect of `treatment` against the control, from the posterior means: a fraction when
    /// relative, in the metric's unit when absolute. `None` for the control itself and where data
    /// is missing, see [`Self::reason`].
    #[must_use]
    pub fn effect(&self, treatment: usize, effect: Effect) -> Option<f64> {
        let compared = self.variations.get(treatment)?.comparison?;
        match effect {
            Effect::Relative => compared.relative_difference,
            Effect::Absolute => Some(compared.absolute_difference),
        }
    }

    /// Why a value of `treatment`, or of its comparison, is missing, in plain words; `None` when
    /// nothing is.
    #[must_use]
    pub fn reason(&self, treatment: usize) -> Option<String> {
        let Some(own) = self.variations.get(treatment) else {
            return Some("there is no such treatment".to_owned());
        };
        if own.reason.is_some() {
            return own.reason.clone();
        }
        if treatment == self.control {
            return Some("the control is not compared with itself".to_owned());
        }
        let control = self.variations.get(self.control).and_then(|c| c.reason.clone());
        control.map(|reason| format!("the control has no posterior: {reason}"))
    }

    fn pair(&self, treatment: usize) -> Option<(Posterior, Posterior)> {
        if treatment == self.control {
            return None;
        }
        self.variations.get(treatment)?.comparison?;
        Some((
            self.variations.get(treatment)?.posterior?,
            self.variations.get(self.control)?.posterior?,
        ))
    }
}

#[cfg(test)]
mod tests;
