//! One experiment's data to its analysis: the table that a results page shows, and the questions that a decision rule asks.
//!
//! Promises: every missing value has its reason beside it; the order of treatments and metrics is the experiment's.
//!
//! Does not know: where the tallies come from, and what is decided.

use crate::experiment::{Correction, Experiment, Method, Metric};

use super::compare::{Curve, comparison, probabilities_to_be_best, probability_within};
use super::correction::correct;
use super::health::health;
use super::posterior::{Estimate, control_posterior, estimate, prior_variance, treatment_posterior, treatment_prior};
use super::result::{Analysis, Bound, Comparison, Effect, MetricAnalysis, MetricInput, Posterior, Summary, VariationAnalysis};
use super::{frequentist, sequential};

/// Analyzes one experiment from its sufficient statistics.
///
/// Method: LaunchDarkly docs, "Statistical methodology for Bayesian experiments" and "Analytic formulas for Bayesian
/// experiment variation means". Treatments and metrics beyond the shorter of the lists in `summary` count as without data.
#[must_use]
pub fn analyze(experiment: &Experiment, summary: &Summary) -> Analysis {
    let mass = experiment.threshold.get();
    let mut metrics: Vec<MetricAnalysis> =
        summary.metrics.iter().map(|input| analyze_metric(input, &summary.exposures, experiment)).collect();
    correct_p_values(experiment.correction, &mut metrics);
    let health = health(experiment, summary, &metrics);
    let winner = metrics.first().and_then(|primary| winner(primary, mass));
    let users_needed = metrics.first().and_then(|primary| users_needed(primary, &summary.exposures, mass));
    Analysis { exposures: summary.exposures.clone(), metrics, health, users_needed, winner }
}

fn analyze_metric(input: &MetricInput, exposures: &[u64], experiment: &Experiment) -> MetricAnalysis {
    let (control, mass) = (experiment.control, experiment.threshold.get());
    let metric = &input.metric;
    let data: Vec<Result<Estimate, String>> =
        exposures.iter().enumerate().map(|(i, &exposed)| estimate(input.tallies.get(i).copied().flatten(), exposed)).collect();
    let posteriors = posteriors(metric, &data, control);
    let curves: Vec<Option<Curve>> = posteriors.iter().map(|p| p.as_ref().ok().map(Curve::new)).collect();
    let base = posteriors.get(control).and_then(|p| p.as_ref().ok()).zip(curves.get(control).and_then(Option::as_ref));
    let compare = |i: usize| {
        let own = posteriors[i].as_ref().ok().zip(curves[i].as_ref());
        own.zip(base).filter(|_| i != control).map(|(own, base)| comparison(own, base, metric.better.sign(), mass))
    };
    let compared: Vec<Option<Comparison>> = (0..exposures.len()).map(compare).collect();
    let best = best(&curves, &compared, metric.better.sign());
    let variations = exposures.iter().enumerate().map(|(i, &exposed)| {
        let posterior = posteriors[i].as_ref().ok();
        let own = posterior.zip(curves[i].as_ref());
        let no_ratio = compared[i].is_some_and(|c| c.relative_difference.is_none());
        let found = data[i].as_ref().ok();
        let against = found.zip(data.get(control).and_then(|d| d.as_ref().ok())).filter(|_| i != control);
        let frequentist = against.map(|(own, base)| frequentist::compare(own, base, metric.better.sign(), mass));
        let sequential = against.filter(|_| experiment.method == Method::Sequential);
        let sequential = sequential.map(|(own, base)| sequential::compare(own, base, mass));
        let untested = [frequentist.as_ref().and_then(|f| f.as_ref().err()), sequential.as_ref().and_then(|s| s.as_ref().err())];
        let reason = match &posteriors[i] {
            Err(reason) => Some(reason.clone()),
            Ok(_) if no_ratio => Some("the control's mean is 0, so there is no relative difference".to_owned()),
            Ok(_) => untested.into_iter().flatten().next().cloned(),
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
            probability_to_be_best: best[i],
            comparison: compared[i],
            frequentist: frequentist.and_then(Result::ok),
            sequential: sequential.and_then(Result::ok),
            reason,
        }
    });
    MetricAnalysis { metric: metric.clone(), variations: variations.collect(), control }
}

/// The posterior of each treatment, or the reason why there is none.
fn posteriors(metric: &Metric, data: &[Result<Estimate, String>], control: usize) -> Vec<Result<Posterior, String>> {
    let base = match data.get(control) {
        Some(Ok(found)) => control_posterior(metric.kind(), found),
        Some(Err(reason)) => Err(reason.clone()),
        None => Err("there is no control".to_owned()),
    };
    let of_treatment = |found: &Estimate| match &base {
        Ok(base) => treatment_posterior(treatment_prior(base, prior_variance(metric)), found),
        Err(reason) => Err(format!("the control gives no prior: {reason}")),
    };
    let each = data.iter().enumerate().map(|(i, found)| match found {
        _ if i == control => base.clone(),
        Ok(found) => of_treatment(found),
        Err(reason) => Err(reason.clone()),
    });
    each.collect()
}

/// Probability to be best among all treatments; `None` for all as long as one of them has no posterior. Of two, whoever
/// beats the other is best.
fn best(curves: &[Option<Curve>], compared: &[Option<Comparison>], sign: f64) -> Vec<Option<f64>> {
    if let [first, second] = compared {
        let beats = |own: &Option<Comparison>, other: &Option<Comparison>| {
            own.map(|c| c.probability_to_beat).or_else(|| other.map(|c| 1.0 - c.probability_to_beat))
        };
        return vec![beats(first, second), beats(second, first)];
    }
    match curves.iter().cloned().collect::<Option<Vec<Curve>>>() {
        Some(all) => probabilities_to_be_best(&all, sign).into_iter().map(Some).collect(),
        None => vec![None; curves.len()],
    }
}

fn interval(posterior: &Posterior, curve: &Curve, mass: f64) -> super::result::Interval {
    match curve {
        Curve::Logit(table) => table.highest_density_interval(super::special::interval_mass(mass)),
        Curve::Normal { .. } => posterior.highest_density_interval(mass),
    }
}

/// Corrects the p-values of all comparisons of an experiment together, each kind of test for itself.
fn correct_p_values(correction: Correction, metrics: &mut [MetricAnalysis]) {
    if correction == Correction::None {
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
    for family in &mut tests {
        let mut values: Vec<f64> = family.iter().map(|p| **p).collect();
        correct(correction, &mut values);
        family.iter_mut().zip(values).for_each(|(p, corrected)| **p = corrected);
    }
}

/// The treatment with the highest probability to be best, if that passes the threshold.
fn winner(primary: &MetricAnalysis, threshold: f64) -> Option<usize> {
    let ranked = primary.variations.iter().enumerate().filter_map(|(i, v)| v.probability_to_be_best.map(|p| (i, p)));
    ranked.filter(|&(_, p)| p >= threshold).max_by(|x, y| x.1.total_cmp(&y.1)).map(|(i, _)| i)
}

/// How many more users the primary metric needs: the posterior variances shrink as 1 / N and the raw difference stays, so
/// the one-sided threshold is reached at N z^2 (V_v + V_0) / d^2 users in all (the two-sample size formula of Chow, Shao &
/// Wang, *Sample Size Calculations in Clinical Research*, section 3.2, without its power term).
fn users_needed(primary: &MetricAnalysis, exposures: &[u64], threshold: f64) -> Option<u64> {
    let [first, second] = primary.variations.as_slice() else { return None };
    if winner(primary, threshold).is_some() {
        return Some(0);
    }
    let variance = first.posterior?.variance() + second.posterior?.variance();
    let difference = first.data_mean? - second.data_mean?;
    let z = crate::random::normal_quantile(threshold);
    let users = exposures.iter().sum::<u64>() as f64;
    let more = users * (z * z * variance / (difference * difference) - 1.0);
    // A raw difference that would suffice without the prior gives no estimate here.
    (more.is_finite() && more > 0.0 && z > 0.0 && more < 1e15).then(|| more.round() as u64)
}

impl MetricAnalysis {
    /// Probability that the effect of `treatment` against the control keeps within `bound`, under the joint posterior:
    /// exact (closed form or quadrature). `None` for the control itself and where data is missing, see [`Self::reason`].
    #[must_use]
    pub fn probability(&self, treatment: usize, effect: Effect, bound: Bound) -> Option<f64> {
        let (own, base) = self.pair(treatment)?;
        probability_within(&own, &base, effect, bound)
    }

    /// The effect of `treatment` against the control, from the posterior means: a fraction when relative, in the metric's
    /// unit when absolute. `None` for the control itself and where data is missing, see [`Self::reason`].
    #[must_use]
    pub fn effect(&self, treatment: usize, effect: Effect) -> Option<f64> {
        let compared = self.variations.get(treatment)?.comparison?;
        match effect {
            Effect::Relative => compared.relative_difference,
            Effect::Absolute => Some(compared.absolute_difference),
        }
    }

    /// Why a value of `treatment`, or of its comparison, is missing, in plain words; `None` when nothing is.
    #[must_use]
    pub fn reason(&self, treatment: usize) -> Option<String> {
        let Some(own) = self.variations.get(treatment) else { return Some("there is no such treatment".to_owned()) };
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
        Some((self.variations.get(treatment)?.posterior?, self.variations.get(self.control)?.posterior?))
    }
}
