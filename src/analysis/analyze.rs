//! One experiment's data to its analysis: the table that a results page shows, and the questions that a decision rule asks.
//!
//! Promises: every missing value has its reason beside it; the order of treatments and metrics is the experiment's.
//!
//! Does not know: where the tallies come from, and what is decided.

use crate::experiment::{Correction, Experiment, Method, Metric};

use super::compare::{Curve, comparison, probabilities_to_be_best, probability_within};
use super::correction::correct;
use super::health::{health, name};
use super::judge::corrected;
use super::needed::SizePlan;
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
    let plan = metrics.first().map_or_else(|| SizePlan::none("there is no metric"), |primary| size_plan(primary, summary, experiment));
    Analysis { exposures: summary.exposures.clone(), metrics, health, plan, winner }
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
            // The z test is only missed where the experiment asks for one.
            Ok(_) => untested.into_iter().flatten().next().filter(|_| experiment.method != Method::Bayesian).cloned(),
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
            corrected: metric.judge.as_ref().and_then(|judge| {
                let of = |at: usize| Some((data.get(at)?.as_ref().ok()?.conversions?, exposures[at]));
                Some(corrected(of(i)?, if i == control { None } else { Some(of(control)?) }, judge))
            }),
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

/// What the number of further users follows from, on the primary metric.
fn size_plan(primary: &MetricAnalysis, summary: &Summary, experiment: &Experiment) -> SizePlan {
    let Some(input) = summary.metrics.first() else { return SizePlan::none("there is no metric") };
    let exposures = &summary.exposures;
    let data: Vec<Result<Estimate, String>> =
        exposures.iter().enumerate().map(|(i, &exposed)| estimate(input.tallies.get(i).copied().flatten(), exposed)).collect();
    let names: Vec<String> = (0..exposures.len()).map(|i| name(experiment, i)).collect();
    let posteriors: Vec<Option<Posterior>> = primary.variations.iter().map(|variation| variation.posterior).collect();
    let (exposed, threshold) = (exposures.iter().sum(), experiment.threshold.get());
    SizePlan::new(&primary.metric, &names, &data, &posteriors, experiment.control, exposed, threshold)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::published::{experiment, mean, percentile, rate};
    use super::*;
    use crate::analysis::{Interval, Tally};
    use crate::experiment::Better;

    /// Every number of an analysis.
    fn numbers(analysis: &Analysis) -> Vec<f64> {
        let ends = |i: Interval| [i.lower, i.upper];
        let mut all = Vec::new();
        for v in analysis.metrics.iter().flat_map(|m| &m.variations) {
            all.extend([v.total_value, v.data_mean, v.posterior_mean, v.probability_to_be_best].iter().flatten());
            all.extend(v.credible_interval.into_iter().flat_map(ends));
            if let Some(c) = v.comparison {
                all.extend([c.probability_to_beat, c.absolute_difference, c.expected_loss]);
                all.extend(c.relative_difference);
                all.extend(c.relative_interval.into_iter().flat_map(ends));
            }
            if let Some(f) = v.frequentist {
                all.extend([f.relative_difference, f.interval.lower, f.interval.upper, f.p_value, f.one_sided_p_value]);
            }
            if let Some(s) = v.sequential {
                all.extend([s.relative_difference, s.interval.lower, s.interval.upper, s.p_value]);
            }
        }
        all
    }

    /// What must hold for any data at all.
    fn check_sound(analysis: &Analysis) {
        assert!(numbers(analysis).iter().all(|x| x.is_finite()), "{analysis:#?}");
        for metric in &analysis.metrics {
            let best: Option<Vec<f64>> = metric.variations.iter().map(|v| v.probability_to_be_best).collect();
            if let Some(best) = best.filter(|best| !best.is_empty()) {
                assert!((best.iter().sum::<f64>() - 1.0).abs() < 1e-8, "{best:?} of {metric:#?}");
                assert!(best.iter().all(|p| (0.0..=1.0).contains(p)), "{best:?}");
            }
            for (i, v) in metric.variations.iter().enumerate() {
                let missing = v.posterior.is_none() || (i != metric.control && (v.comparison.is_none() || v.frequentist.is_none()));
                assert!(!missing || metric.reason(i).is_some(), "a missing value has a reason: {v:#?}");
                if let Some(c) = v.comparison {
                    assert!((0.0..=1.0).contains(&c.probability_to_beat) && c.expected_loss >= 0.0, "{c:?}");
                    for bound in [Bound::AtMost(0.15), Bound::AtLeast(-0.1)] {
                        let chance = metric.probability(i, Effect::Absolute, bound).unwrap();
                        assert!((0.0..=1.0).contains(&chance), "{chance} of {c:?}");
                    }
                }
                if let (Some(mean), Some(interval)) = (v.posterior_mean, v.credible_interval) {
                    assert!(interval.lower <= interval.upper && mean.is_finite(), "{v:#?}");
                }
            }
        }
    }

    fn run(exposures: &[u64], metrics: Vec<MetricInput>) -> Analysis {
        let names = ["control", "first", "second", "third"];
        let mut sequential = experiment(&names[..exposures.len()]);
        sequential.method = Method::Sequential;
        sequential.correction = Correction::BenjaminiHochberg;
        let analysis = analyze(&sequential, &Summary { exposures: exposures.to_vec(), shares: None, metrics });
        check_sound(&analysis);
        analysis
    }

    #[test]
    fn extreme_rates_have_values() {
        for n in [1, 2, 30, 1000, 1_000_000, 1_000_000_000] {
            for (k, l) in [(0, 0), (n, n), (0, n), (n, 0), (n / 2, n / 2), (n / 3, n), (0, n / 2)] {
                let analysis = run(&[n, n], vec![rate("positive", Better::Higher, &[k, l])]);
                let compared = analysis.metrics[0].variations[1].comparison.unwrap();
                if n >= 30 && k != l {
                    assert_eq!(compared.probability_to_beat > 0.5, l > k, "{k} and {l} of {n}: {compared:?}");
                }
            }
        }
        run(&[1_000_000, 3], vec![rate("positive", Better::Higher, &[300_000, 3])]);
        run(&[3, 1_000_000], vec![rate("positive", Better::Higher, &[0, 300_000])]);
    }

    #[test]
    fn an_empty_arm_or_control_gives_reasons() {
        let analysis = run(&[0, 50], vec![rate("positive", Better::Higher, &[0, 7])]);
        assert_eq!(analysis.metrics[0].reason(1).as_deref(), Some("the control gives no prior: no user was exposed yet"));
        assert_eq!(analysis.metrics[0].variations[1].data_mean, Some(0.14));
        let analysis = run(&[50, 0], vec![rate("positive", Better::Higher, &[7, 0])]);
        assert_eq!(analysis.metrics[0].reason(1).as_deref(), Some("no user was exposed yet"));
        assert_eq!(analysis.metrics[0].variations[0].posterior_mean, Some(8.0 / 52.0));
        assert_eq!((analysis.winner, analysis.plan.solve().more), (None, None));
        let nothing = run(&[], vec![rate("positive", Better::Higher, &[])]);
        assert!(nothing.metrics[0].variations.is_empty() && nothing.metrics[0].reason(1).is_some());
    }

    #[test]
    fn means_without_spread_or_of_zero_have_values_or_reasons() {
        let of = |rows| run(&[10, 10], vec![mean("cost", "$", None, rows)]).metrics.remove(0);
        // Nobody paid anything: equal points tie.
        let nothing = of([(10, 0.0, 0.0), (10, 0.0, 0.0)]);
        assert_eq!(nothing.variations[1].comparison.unwrap().probability_to_beat, 0.5);
        assert!(nothing.reason(1).unwrap().contains("control's mean is 0"));
        // A free control: the treatment costs more for sure.
        let free = of([(10, 0.0, 0.0), (10, 5.0, 0.1)]);
        assert!(free.variations[1].comparison.unwrap().probability_to_beat < 1e-9);
        let constant = of([(10, 20.0, 0.0), (10, 30.0, 0.0)]);
        let compared = constant.variations[1].comparison.unwrap();
        assert_eq!((compared.probability_to_beat, compared.relative_difference), (0.0, Some(0.5)));
        assert!(constant.reason(1).unwrap().contains("no spread"));
        let single = Tally::Mean { units: 1, total: 3.0, standard_error: None };
        let input = MetricInput { tallies: vec![Some(single); 2], ..mean("cost", "$", None, [(1, 3.0, 0.0), (1, 3.0, 0.0)]) };
        let alone = run(&[1, 1], vec![input]).metrics.remove(0);
        assert_eq!(alone.variations[0].reason.as_deref(), Some("one user is too few to know the spread"));
    }

    #[test]
    fn a_bayesian_experiment_does_not_miss_a_z_test_that_it_did_not_ask_for() {
        let summary = Summary { exposures: vec![100, 100], shares: None, metrics: vec![rate("negative", Better::Lower, &[4, 0])] };
        let reason = |method| {
            let analysis = analyze(&Experiment { method, ..experiment(&["control", "first"]) }, &summary);
            assert_eq!(analysis.metrics[0].variations[1].frequentist, None);
            analysis.metrics[0].reason(1)
        };
        assert_eq!(reason(Method::Bayesian), None);
        assert_eq!(reason(Method::Frequentist).as_deref(), Some("the data show no spread to test a difference against"));
    }

    #[test]
    fn broken_numbers_are_refused_in_words() {
        let broken = Tally::Mean { units: 5, total: f64::NAN, standard_error: Some(1.0) };
        let input = MetricInput { tallies: vec![Some(broken), None], ..mean("cost", "$", None, [(5, 3.0, 0.1), (5, 3.0, 0.1)]) };
        let analysis = run(&[5, 5], vec![input, rate("positive", Better::Higher, &[6, 2])]);
        assert_eq!(analysis.metrics[0].variations[0].reason.as_deref(), Some("the total is not a finite number"));
        assert_eq!(analysis.metrics[1].variations[0].reason.as_deref(), Some("more conversions (6) than exposed users (5)"));
    }

    #[test]
    fn the_best_of_many_treatments_wins_when_it_is_sure() {
        let analysis = run(&[1000, 1000, 1000, 1000], vec![rate("positive", Better::Higher, &[300, 310, 420, 305])]);
        assert_eq!(analysis.winner, Some(2));
        assert_eq!(analysis.plan.solve().more, None);
        let lower = run(&[1000, 1000, 1000], vec![rate("negative", Better::Lower, &[100, 180, 170])]);
        assert_eq!(lower.winner, Some(0));
    }

    #[test]
    fn corrections_raise_p_values_over_all_comparisons() {
        let data = Summary {
            exposures: vec![500; 3],
            shares: None,
            metrics: vec![rate("a", Better::Higher, &[100, 120, 150]), rate("b", Better::Lower, &[50, 60, 55])],
        };
        let p = |correction| {
            let asked = Experiment { correction, ..experiment(&["control", "first", "second"]) };
            let analysis = analyze(&asked, &data);
            let tests = analysis.metrics.iter().flat_map(|m| &m.variations).filter_map(|v| v.frequentist);
            tests.map(|f| f.p_value).collect::<Vec<f64>>()
        };
        let (raw, bonferroni, stepped) = (p(Correction::None), p(Correction::Bonferroni), p(Correction::BenjaminiHochberg));
        assert_eq!(raw.len(), 4);
        for i in 0..4 {
            assert!((bonferroni[i] - (4.0 * raw[i]).min(1.0)).abs() < 1e-15);
            assert!(raw[i] <= stepped[i] && stepped[i] <= bonferroni[i]);
        }
    }

    proptest! {
        #[test]
        fn any_data_give_values_or_reasons(
            exposures in proptest::collection::vec(0_u64..5_000_000, 2..4),
            shares in proptest::collection::vec(0.0_f64..=1.0, 4),
            totals in proptest::collection::vec(prop_oneof![Just(0.0), -1e6..1e6_f64], 2),
            errors in proptest::collection::vec(prop_oneof![Just(0.0), 0.0..10.0_f64], 2),
        ) {
            let counts: Vec<u64> = exposures.iter().zip(&shares).map(|(&n, share)| (n as f64 * share) as u64).collect();
            let rows = [(exposures[0], totals[0], errors[0].copysign(totals[0])), (exposures[1], totals[1], errors[1].copysign(totals[1]))];
            run(&exposures, vec![
                rate("positive", Better::Higher, &counts),
                mean("cost", "$", None, rows),
                percentile("latency", Some(0.3), rows),
            ]);
        }
    }
}
