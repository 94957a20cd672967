//! Prior-data conflict: the data lie where the prior says they hardly can, and the prior still
//! outweighs them.
//!
//! Then the shrunken number of a results page is mostly prior. The check is a prior predictive tail
//! probability (Box 1980, *JRSS A* 143, 383-430; Evans & Moshonov 2006, *Bayesian Analysis* 1,
//! 893-914): how likely were data at least as far out?
//!
//! Guarantees: exact beta-binomial tails; a message with the raw and the shrunken number side by
//! side.
//!
//! Does not know: which of the two is right.

use crate::figure::{self, Unit};

use super::posterior::{data_weight, prior_variance, treatment_prior};
use super::result::{HealthCheck, HealthStatus, MetricAnalysis, Posterior, VariationAnalysis};
use super::special::normal_cdf;

/// One-sided prior predictive probability below which data conflict with the prior.
const IMPLAUSIBLE: f64 = 0.0005;
/// Weight of the data above which the prior no longer matters, so that a conflict is harmless.
const HARMLESS: f64 = 0.9;
/// Terms of a beta-binomial tail that are summed at most: beyond, the sum has long passed what is
/// implausible.
const TERMS: usize = 1_000_000;

/// All treatments under all metrics.
pub(super) fn check(names: &[String], metrics: &[MetricAnalysis]) -> HealthCheck {
    let pairs = metrics.iter().flat_map(|m| {
        m.variations.iter().enumerate().filter(|(v, _)| *v != m.control).map(move |own| (m, own))
    });
    let found: Vec<String> =
        pairs.filter_map(|(metric, own)| finding(names, metric, own)).collect();
    let (status, message) = if found.is_empty() {
        (
            HealthStatus::Healthy,
            "the data lie where the prior expects them, or outweigh it".to_owned(),
        )
    } else {
        let advice = "take the raw number first, and give the metric a wider prior (`prior_variance`) or more users";
        (HealthStatus::Warning, format!("{}; {advice}", found.join("; ")))
    };
    HealthCheck { check: "prior_data_conflict", status, message }
}

/// The conflict of one treatment with its prior under one metric, in words.
fn finding(
    names: &[String],
    metric: &MetricAnalysis,
    (v, own): (usize, &VariationAnalysis),
) -> Option<String> {
    let control = metric.variations.get(metric.control)?;
    let (posterior, base) = (own.posterior?, control.posterior?);
    let prior = treatment_prior(&base, prior_variance(&metric.metric))?;
    let weight = data_weight(&prior, &posterior);
    if weight > HARMLESS || predictive_tail(&prior, &posterior, own.data_mean?)? >= IMPLAUSIBLE {
        return None;
    }
    let unit = Unit::of(&metric.metric);
    let (raw, raw_base) = (own.data_mean?, control.data_mean?);
    let expects = prior.sd() / prior.mean().abs();
    let shrunken = figure::change((posterior.mean() - base.mean()) / base.mean().abs());
    Some(format!(
        "{}: in the data {} is at {} against {} for {} ({}), but the estimate says {shrunken}, because it starts from the \
         expectation that treatments differ by about ±{} and gives the data only {} of the weight",
        metric.metric.title(),
        names.get(v)?,
        unit.value(raw),
        unit.value(raw_base),
        names.get(metric.control)?,
        ratio(raw, raw_base),
        figure::percent(expects),
        figure::percent(weight),
    ))
}

/// `29.2 times`, or a change in percent where that reads better.
fn ratio(raw: f64, base: f64) -> String {
    match raw / base {
        times if times.is_finite() && times >= 2.0 => {
            format!("{} times as much", figure::number(times))
        }
        times if times.is_finite() => figure::change((raw - base) / base.abs()),
        _ => "from nothing".to_owned(),
    }
}

/// One-sided probability under the prior predictive of data at least as far out as `raw`; `None`
/// where it is unknown.
fn predictive_tail(prior: &Posterior, posterior: &Posterior, raw: f64) -> Option<f64> {
    match (prior, posterior) {
        (Posterior::Beta { a, b }, Posterior::Beta { a: c, b: d }) => {
            let (conversions, rest) = ((c - a).round(), (d - b).round());
            beta_binomial_tail(*a, *b, conversions, conversions + rest)
        }
        (
            Posterior::Normal { mean, sd },
            Posterior::Normal { sd: posterior_sd, .. }
            | Posterior::Student { sd: posterior_sd, .. },
        ) => {
            // 1 / posterior variance = 1 / prior variance + 1 / data variance.
            let (before, after) = (sd * sd, posterior_sd * posterior_sd);
            let data =
                if before > after { before * after / (before - after) } else { return None };
            let spread = (before + data).sqrt();
            (spread > 0.0).then(|| normal_cdf(-(raw - mean).abs() / spread))
        }
        _ => None,
    }
}

/// P(K as far out as `k`) for a beta-binomial K of `n` trials, on the side of the mean where `k`
/// lies: a sum over the ratios of neighboring terms (Johnson, Kemp & Kotz, *Univariate Discrete
/// Distributions*, section 6.2.2), until it passes what is implausible.
fn beta_binomial_tail(a: f64, b: f64, k: f64, n: f64) -> Option<f64> {
    let upward = k >= n * a / (a + b);
    let ln_beta = |x: f64, y: f64| libm::lgamma(x) + libm::lgamma(y) - libm::lgamma(x + y);
    let ln_choose = libm::lgamma(n + 1.0) - libm::lgamma(k + 1.0) - libm::lgamma(n - k + 1.0);
    let mut term = libm::exp(ln_choose + ln_beta(k + a, n - k + b) - ln_beta(a, b));
    let (mut sum, mut k) = (0.0, k);
    for _ in 0..TERMS {
        sum += term;
        if sum >= IMPLAUSIBLE || term <= 1e-12 * sum {
            break;
        }
        if upward {
            term *= (n - k) * (k + a) / ((k + 1.0) * (n - k - 1.0 + b));
            k += 1.0;
        } else {
            term *= k * (n - k + b) / ((n - k + 1.0) * (k - 1.0 + a));
            k -= 1.0;
        }
    }
    sum.is_finite().then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::published::{experiment, mean, premium, rate, security};
    use crate::analysis::{Summary, analyze};
    use crate::experiment::Better;

    #[test]
    fn a_beta_binomial_tail_equals_scipy_until_it_is_plausible() {
        // mpmath 1.4.1, 30 digits: sums of terms from 45 to 107 and from 0 to 5.
        let known = [
            (20.0, 120.0, 45.0, 107.0, 4.806_390_133_418_312e-7),
            (30.0, 50.0, 5.0, 50.0, 3.173_026_466_162_202e-4),
        ];
        for (a, b, k, n, expected) in known {
            let found = beta_binomial_tail(a, b, k, n).unwrap();
            assert!((found / expected - 1.0).abs() < 1e-9, "{found} is not {expected}");
        }
        assert!(beta_binomial_tail(2.0, 12.0, 30.0, 107.0).unwrap() >= IMPLAUSIBLE);
    }

    #[test]
    fn a_29_fold_cost_that_reads_33_percent_is_shown_side_by_side() {
        let analysis = premium();
        let check = analysis.health.iter().find(|h| h.check == "prior_data_conflict").unwrap();
        assert_eq!(check.status, HealthStatus::Warning);
        let cost = "AI cost: in the data Claude Opus 4 is at $0.349 against $0.0119 for Other Paid (GPT-4o) (29.2 times as much), but the \
                    estimate says +33.0%";
        assert!(check.message.contains(cost), "{}", check.message);
        assert!(!check.message.contains("latency"), "{}", check.message);
    }

    #[test]
    fn the_security_table_has_no_conflict() {
        let check =
            security(true).health.into_iter().find(|h| h.check == "prior_data_conflict").unwrap();
        assert_eq!(check.status, HealthStatus::Healthy, "{}", check.message);
    }

    #[test]
    fn data_that_outweigh_the_prior_make_a_conflict_harmless() {
        // Three times the cost with a standard error of 1%: the estimate is the data.
        let metrics =
            vec![mean("cost", "$", None, [(1_000_000, 1e4, 0.01), (1_000_000, 3e4, 0.01)])];
        let summary = Summary { exposures: vec![1_000_000; 2], shares: None, metrics };
        let analysis = analyze(&experiment(&["A", "B"]), &summary);
        assert_eq!(
            analysis.health[3].status,
            HealthStatus::Healthy,
            "{}",
            analysis.health[3].message
        );
    }

    #[test]
    fn rates_far_from_the_control_conflict_too() {
        let metrics = vec![rate("positive", Better::Higher, &[50, 40])];
        let summary = Summary { exposures: vec![1_000, 100], shares: None, metrics };
        let analysis = analyze(&experiment(&["A", "B"]), &summary);
        assert_eq!(
            analysis.health[3].status,
            HealthStatus::Warning,
            "{}",
            analysis.health[3].message
        );
    }
}
