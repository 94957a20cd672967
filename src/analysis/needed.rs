//! How many more users the primary metric needs until one of two treatments reaches the threshold.
//!
//! The answer is solved under the very posteriors of the analysis: the observed rates (or means
//! with their spread) stay, the number of users grows, and the smallest number is looked for at
//! which the probability to beat reaches the threshold. Shares of the treatments stay as they are.
//!
//! Guarantees: an answer or the reason why there is none; a bounded number of steps. The answer is
//! a plan with about even odds: if the observed difference is the true one, the estimate lies on
//! the far side of the threshold in half of the cases.
//!
//! Does not know: how the data were collected, or what a report prints.

use crate::experiment::Metric;
use crate::figure::{self, Unit};

use super::compare::{Curve, duel};
use super::posterior::{Estimate, prior_variance, treatment_prior};
use super::result::Posterior;

/// Users beyond which no experiment can go: about as many as there are people.
const MAX_USERS: f64 = 8e9;

/// What the question needs: kept with an analysis, because solving it takes as long as twenty
/// analyses.
#[derive(Clone, Debug, PartialEq)]
pub struct SizePlan(Result<Inputs, String>);

#[derive(Clone, Debug, PartialEq)]
struct Inputs {
    control: Arm,
    treatment: Arm,
    prior_variance: f64,
    better: f64,
    threshold: f64,
    exposed: u64,
    /// The smallest difference that matters, as a fraction of the control's mean.
    smallest: f64,
    /// A value of the metric for people.
    shown: [String; 2],
}

/// A treatment's raw data, as far as they scale with the number of users.
#[derive(Clone, Debug, PartialEq)]
struct Arm {
    name: String,
    mean: f64,
    data: Data,
    /// Variance of its posterior.
    variance: f64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Data {
    Rate { conversions: f64, rest: f64 },
    Mean { standard_error: f64 },
}

/// The answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsersNeeded {
    /// How many more users, in all treatments together; 0 when the threshold is reached, `None`
    /// when there is no number.
    pub more: Option<u64>,
    /// The same by LaunchDarkly's formula: the posterior variances shrink as 1 / N and the raw
    /// difference stays, so the threshold is reached at N z^2 (V_v + V_0) / d^2 users in all. Too
    /// low where few users converted, because it leaves out that the posterior means are shrunk
    /// toward each other.
    pub by_formula: Option<u64>,
    /// Why there is no number, or why the number is not that of a better treatment, as one plain
    /// sentence.
    pub reason: Option<String>,
}

impl SizePlan {
    /// A plan that cannot be made, and why.
    pub fn none(reason: impl Into<String>) -> Self {
        Self(Err(reason.into()))
    }

    /// The question for the treatments of a metric: their names, raw data and posteriors, in the
    /// order of the experiment.
    pub(super) fn new(
        metric: &Metric,
        names: &[String],
        data: &[Result<Estimate, String>],
        posteriors: &[Option<Posterior>],
        control: usize,
        exposed: u64,
        threshold: f64,
    ) -> Self {
        let (2, Some(treatment)) = (data.len(), 1_usize.checked_sub(control)) else {
            return Self::none("it is only computed for two variations");
        };
        let arm = |at: usize| -> Result<Arm, String> {
            let found = data.get(at).ok_or("an estimate is missing")?.clone()?;
            let posterior =
                posteriors.get(at).copied().flatten().ok_or("a posterior is missing")?;
            let scaled = match found.conversions {
                Some(conversions) => Data::Rate {
                    conversions: conversions as f64,
                    rest: (found.units - conversions) as f64,
                },
                None => Data::Mean {
                    standard_error: found.standard_error.ok_or("a standard error is missing")?,
                },
            };
            let name = names.get(at).cloned().unwrap_or_default();
            Ok(Arm { name, mean: found.mean, data: scaled, variance: posterior.variance() })
        };
        let inputs = || {
            let (control, treatment) = (arm(control)?, arm(treatment)?);
            let shown = [&control, &treatment].map(|arm| Unit::of(metric).value(arm.mean));
            let better = metric.better.sign();
            let (prior_variance, smallest) = (prior_variance(metric), metric.smallest_effect);
            Ok(Inputs {
                control,
                treatment,
                prior_variance,
                better,
                threshold,
                exposed,
                smallest,
                shown,
            })
        };
        Self(inputs().map_err(|reason: String| format!("there is too little data: {reason}")))
    }

    /// Solves it.
    #[must_use]
    pub fn solve(&self) -> UsersNeeded {
        match &self.0 {
            Ok(inputs) => inputs.solve(),
            Err(reason) => UsersNeeded { reason: Some(reason.clone()), ..UsersNeeded::default() },
        }
    }
}

impl Inputs {
    fn solve(&self) -> UsersNeeded {
        let now = self.probability_to_beat(1.0);
        let (ahead, behind) = (&self.treatment.name, &self.control.name);
        let mass = figure::written_percent(self.threshold);
        if now >= self.threshold {
            return UsersNeeded { more: Some(0), by_formula: Some(0), reason: None };
        }
        if 1.0 - now >= self.threshold {
            let sure = figure::probability_apart(1.0 - now, self.threshold);
            let reason = format!(
                "{behind} already beats {ahead} with {sure}, so more users would not make {ahead} the winner"
            );
            return UsersNeeded { more: Some(0), by_formula: Some(0), reason: Some(reason) };
        }
        let difference = self.better * (self.treatment.mean - self.control.mean);
        if difference == 0.0 || !difference.is_finite() {
            let reason = format!(
                "the data show no difference ({} in both variations), so no number of users with these values separates them",
                self.shown[0]
            );
            return UsersNeeded { reason: Some(reason), ..UsersNeeded::default() };
        }
        let matters = self.smallest * self.control.mean.abs();
        if difference.abs() < matters {
            let reason = format!(
                "the difference in the data ({} against {}) is below the smallest effect that matters ({} of the control's), so it counts as none",
                self.shown[1],
                self.shown[0],
                figure::written_percent(self.smallest)
            );
            return UsersNeeded { reason: Some(reason), ..UsersNeeded::default() };
        }
        // More users bring out the raw difference, whichever side is ahead.
        let reached = |users: f64| {
            let beats = self.probability_to_beat(users / self.exposed as f64);
            let leads = if difference > 0.0 { beats } else { 1.0 - beats };
            leads >= self.threshold
        };
        let by_formula = self.by_formula();
        let Some(users) = smallest(self.exposed as f64, reached) else {
            let reason = format!(
                "the difference in the data ({} against {}) is so small that it would need more users than there are people",
                self.shown[1], self.shown[0]
            );
            return UsersNeeded { more: None, by_formula, reason: Some(reason) };
        };
        let more = (users - self.exposed as f64) as u64;
        let wrong_way = || {
            format!(
                "{behind} is ahead ({} against {}): with {} more users it would reach {mass}, and {ahead} would lose",
                self.shown[0],
                self.shown[1],
                figure::count(more)
            )
        };
        UsersNeeded { more: Some(more), by_formula, reason: (difference < 0.0).then(wrong_way) }
    }

    /// The probability that the treatment beats the control with `factor` times the users and the
    /// same raw rates, means and spreads. At 1 it is the analysis's own.
    fn probability_to_beat(&self, factor: f64) -> f64 {
        let flat = |data: Data, mean: f64| match data {
            Data::Rate { conversions, rest } => {
                Posterior::Beta { a: 1.0 + factor * conversions, b: 1.0 + factor * rest }
            }
            Data::Mean { standard_error } => {
                Posterior::Normal { mean, sd: standard_error / factor.sqrt() }
            }
        };
        let control = flat(self.control.data, self.control.mean);
        let treatment = match (treatment_prior(&control, self.prior_variance), self.treatment.data)
        {
            (Some(Posterior::Beta { a, b }), Data::Rate { conversions, rest }) => {
                Posterior::Beta { a: a + factor * conversions, b: b + factor * rest }
            }
            (Some(Posterior::Normal { mean, sd }), Data::Mean { standard_error }) => {
                let (before, data) = (sd * sd, standard_error * standard_error / factor);
                let weight = if before + data > 0.0 { before / (before + data) } else { 1.0 };
                Posterior::Normal {
                    mean: mean + weight * (self.treatment.mean - mean),
                    sd: (weight * data).sqrt(),
                }
            }
            _ => flat(self.treatment.data, self.treatment.mean),
        };
        let above = duel(&Curve::new(&treatment), &Curve::new(&control)).probability_above;
        if self.better > 0.0 { above } else { 1.0 - above }
    }

    fn by_formula(&self) -> Option<u64> {
        let difference = self.treatment.mean - self.control.mean;
        let z = crate::random::normal_quantile(self.threshold);
        let variance = self.treatment.variance + self.control.variance;
        let more = self.exposed as f64 * (z * z * variance / (difference * difference) - 1.0);
        // A raw difference that would suffice without the prior gives no estimate by the formula.
        (more.is_finite() && more > 0.0 && more < 1e15).then(|| more.round() as u64)
    }
}

/// The smallest whole number of at least `from` at which `reached` holds, which it does from there
/// on; `None` beyond [`MAX_USERS`].
pub(super) fn smallest(from: f64, reached: impl Fn(f64) -> bool) -> Option<f64> {
    let (mut low, mut high) = (from, (2.0 * from).min(MAX_USERS));
    while !reached(high) {
        if high >= MAX_USERS {
            return None;
        }
        (low, high) = (high, (2.0 * high).min(MAX_USERS));
    }
    while high - low > 1.0 {
        let middle = (0.5 * (low + high)).floor();
        if reached(middle) { high = middle } else { low = middle }
    }
    Some(high)
}

#[cfg(test)]
mod tests {
    use super::super::published::{experiment, mean, rate};
    use super::super::{Analysis, MetricInput, Summary, analyze};
    use crate::experiment::Better;
    use crate::quantity::Probability;

    fn run(exposures: [u64; 2], metric: MetricInput, threshold: f64) -> Analysis {
        let mut experiment = experiment(&["control", "treatment"]);
        experiment.threshold = Probability::clamped(threshold);
        analyze(
            &experiment,
            &Summary { exposures: exposures.to_vec(), shares: None, metrics: vec![metric] },
        )
    }

    #[test]
    fn users_needed_for_rates_equal_scipy() {
        // scipy 1.17.1: Beta(1 + f k0, 1 + f (n0 - k0)) against Beta(a + f k, b + f (n - k)), a and
        // b from the control's mean m and variance V with w = m (1 - m) / (0.041 m^2 + V) - 1; P by
        // `integrate.quad` over 40 pieces, f = N / 400 by bisection.
        let known = [([4, 7], 0.9, 1262), ([4, 7], 0.95, 2014), ([7, 4], 0.9, 949)];
        for (conversions, threshold, expected) in known {
            let needed = run([200, 200], rate("positive", Better::Higher, &conversions), threshold)
                .plan
                .solve();
            assert_eq!(needed.more, Some(expected), "{conversions:?} at {threshold}");
        }
    }

    #[test]
    fn users_needed_for_means_equal_scipy() {
        // scipy 1.17.1 `norm.cdf` of the precision-weighted posterior, N by bisection: means 10 and
        // 11, each with a standard error of 1.
        let metric = || {
            mean("tokens", "tokens", Some(0.18), [(100, 1000.0, 0.1), (100, 1100.0, 1.0 / 11.0)])
        };
        let mut higher = metric();
        higher.metric.better = Better::Higher;
        assert_eq!(run([100, 100], higher, 0.9).plan.solve().more, Some(474));
    }

    #[test]
    fn a_control_that_is_ahead_is_named() {
        let needed = run([200, 200], rate("positive", Better::Higher, &[7, 4]), 0.9).plan.solve();
        let reason = needed.reason.unwrap();
        assert!(
            reason.starts_with("control is ahead (3.50% against 2.00%): with 949 more users"),
            "{reason}"
        );
        // Lower is better: the treatment leads.
        assert_eq!(
            run([200, 200], rate("negative", Better::Lower, &[7, 4]), 0.9).plan.solve().reason,
            None
        );
    }

    #[test]
    fn a_control_that_has_won_needs_no_more_users_and_says_so() {
        let needed =
            run([2000, 2000], rate("positive", Better::Higher, &[400, 200]), 0.9).plan.solve();
        assert_eq!(needed.more, Some(0));
        assert!(needed.reason.unwrap().contains("control already beats treatment"));
    }

    #[test]
    fn no_difference_and_a_tiny_one_have_a_reason_and_no_number() {
        let equal = run([200, 200], rate("positive", Better::Higher, &[20, 20]), 0.9).plan.solve();
        assert!(
            equal.more.is_none()
                && equal.reason.unwrap().contains("no difference (10.0% in both variations)")
        );
        let tiny = [(1000, 10_000.0, 5.0), (1000, 10_000.01, 5.0)];
        let tiny = run([1000, 1000], mean("tokens", "tokens", None, tiny), 0.9).plan.solve();
        assert!(
            tiny.more.is_none()
                && tiny.reason.unwrap().contains("more users than there are people")
        );
        let empty = run([0, 0], rate("positive", Better::Higher, &[0, 0]), 0.9).plan.solve();
        assert!(empty.more.is_none() && empty.reason.unwrap().contains("too little data"));
    }

    #[test]
    fn the_answer_is_the_first_size_that_reaches_the_threshold() {
        let plan = run([200, 200], rate("positive", Better::Higher, &[4, 7]), 0.9).plan;
        let inputs = plan.0.unwrap();
        assert!(
            inputs.probability_to_beat(1662.0 / 400.0) >= 0.9
                && inputs.probability_to_beat(1661.0 / 400.0) < 0.9
        );
        let own = run([200, 200], rate("positive", Better::Higher, &[4, 7]), 0.9);
        let now = own.metrics[0].variations[1].comparison.unwrap().probability_to_beat;
        assert!((inputs.probability_to_beat(1.0) - now).abs() < 1e-12);
    }
}
