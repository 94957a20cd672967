//! The values that enter and leave the analysis: summaries in, posteriors and comparisons out.
//! Plain data.
//!
//! Does not know: how they are computed (the neighbors do that).

use super::judge::JudgeCorrection;
use super::needed::SizePlan;
use super::paired_scores::PairedDifference;
use crate::experiment::{Correction, Metric};

pub use super::effect::{Bound, Effect, Interval};
pub use crate::statistic::Tally;

/// One metric of one experiment, as data: a tally for each treatment, in the experiment's order.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricInput {
    /// The metric's definition.
    pub metric: Metric,
    /// One tally for each treatment; `None` where no unit of it was observed.
    pub tallies: Vec<Option<Tally>>,
    /// How many units had at least one event, for each treatment (for health checks); `None` when
    /// not recorded.
    pub responders: Option<Vec<u64>>,
    /// Skewness of the unit values of a mean, for each treatment; empty, or `None` for one, where
    /// the values are not known.
    pub skewness: Vec<Option<f64>>,
}

/// All data of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Exposed units of each treatment.
    pub exposures: Vec<u64>,
    /// Intended share of each treatment, summing to 1; `None` when unknown (then no sample-ratio
    /// check).
    pub shares: Option<Vec<f64>>,
    /// Its metrics, the primary one first.
    pub metrics: Vec<MetricInput>,
}

impl Summary {
    /// The same, where differences to the control that are smaller than what matters are none at
    /// all.
    #[must_use]
    pub fn with_ties(&self, control: usize) -> Self {
        let mut tied = self.clone();
        for input in &mut tied.metrics {
            let own =
                input.tallies.get(control).copied().flatten().zip(self.exposures.get(control));
            let Some(base) = own.and_then(|(tally, &exposed)| tally.value(exposed)) else {
                continue;
            };
            let metric = &input.metric;
            for (tally, &exposed) in input.tallies.iter_mut().zip(&self.exposures) {
                if tally
                    .and_then(|tally| tally.value(exposed))
                    .is_some_and(|own| metric.tie(own, base))
                {
                    *tally = tally.map(|tally| tally.at(base, exposed));
                }
            }
        }
        tied
    }

    /// The same rates, means and percentiles known all but exactly: as if each unit stood for so
    /// many that an arm has a billion. What a rule says of it, it says of the truth.
    #[must_use]
    pub fn known_exactly(&self) -> Self {
        let factor = |exposed: u64| (1_000_000_000 / exposed.max(1)).max(1);
        let metrics = self.metrics.iter().map(|input| MetricInput {
            metric: input.metric.clone(),
            tallies: input
                .tallies
                .iter()
                .zip(&self.exposures)
                .map(|(tally, &n)| tally.map(|tally| tally.times(factor(n))))
                .collect(),
            responders: None,
            skewness: Vec::new(),
        });
        Self {
            exposures: self.exposures.iter().map(|&n| n * factor(n)).collect(),
            shares: None,
            metrics: metrics.collect(),
        }
    }
}

/// A posterior distribution of a mean, a rate or a percentile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Posterior {
    /// Beta(a, b).
    Beta {
        /// First shape.
        a: f64,
        /// Second shape.
        b: f64,
    },
    /// Normal(mean, sd); `sd` may be 0.
    Normal {
        /// Mean.
        mean: f64,
        /// Standard deviation.
        sd: f64,
    },
    /// Student's t: a mean of so few units that their own spread is uncertain.
    Student {
        /// Center.
        mean: f64,
        /// Scale: the standard deviation of the normal distribution that it would be if the spread
        /// were known.
        sd: f64,
        /// Degrees of freedom, above 0.
        degrees: f64,
    },
}

/// A treatment against the control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// Probability that the treatment is better than the control.
    pub probability_to_beat: f64,
    /// Difference of the posterior means over the absolute value of the control's; `None` when the
    /// control's interval holds 0.
    pub relative_difference: Option<f64>,
    /// Its interval at the experiment's threshold.
    pub relative_interval: Option<Interval>,
    /// Absolute difference of the posterior means, in the metric's unit.
    pub absolute_difference: f64,
    /// Expected loss of shipping the treatment, in the metric's unit.
    pub expected_loss: f64,
}

/// How a difference was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestMethod {
    /// Mid-p of Fisher's exact test, with Miettinen and Nurminen's score intervals (rates).
    ExactMidP,
    /// Welch's t test, with Fieller's interval of the ratio (means).
    WelchT,
    /// The paired t test of the questions' means, with Fieller's interval of the ratio (paired
    /// designs).
    PairedT,
    /// The z test, with Fieller's interval of the ratio (percentiles).
    Normal,
    /// The asymptotic confidence sequence: valid at every look.
    AlwaysValid,
}

impl TestMethod {
    /// The method's name in reports: what is tested, and how.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ExactMidP => "Fisher's exact test (mid-p), Miettinen-Nurminen score interval",
            Self::WelchT => "Welch's t test, Fieller interval of the ratio",
            Self::PairedT => "paired t test of the questions' means, Fieller interval of the ratio",
            Self::Normal => "z test, Fieller interval of the ratio",
            Self::AlwaysValid => "asymptotic confidence sequence",
        }
    }
}

/// How p-value and intervals were corrected for many comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Corrects {
    /// The correction.
    pub by: Correction,
    /// How many comparisons it counts.
    pub comparisons: usize,
}

/// A fixed-horizon test of the difference, no prior. p-value and intervals agree: p is at most 1 -
/// threshold exactly where the intervals leave out "no difference".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrequentistResult {
    /// Raw difference over the absolute value of the control's mean; `None` when the control's
    /// interval holds 0.
    pub relative_difference: Option<f64>,
    /// Its two-sided interval at the experiment's threshold; `None` where there is no relative
    /// difference.
    pub interval: Option<Interval>,
    /// Raw difference treatment - control, in the metric's unit.
    pub difference: f64,
    /// Its two-sided interval at the experiment's threshold.
    pub difference_interval: Interval,
    /// Two-sided p-value, corrected if the experiment asks for a correction.
    pub p_value: f64,
    /// One-sided p-value against "no better than the control", corrected likewise.
    pub one_sided_p_value: f64,
    /// How it was tested.
    pub method: TestMethod,
    /// The correction of p-values and intervals; `None` where none was asked for.
    pub correction: Option<Corrects>,
}

/// An always-valid interval for the raw absolute difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequential {
    /// Raw difference over the absolute value of the control's mean; `None` when the control's
    /// interval holds 0.
    pub relative_difference: Option<f64>,
    /// Raw difference treatment - control, in the metric's unit.
    pub difference: f64,
    /// Confidence sequence at this look, for treatment - control in the metric's unit, at the
    /// experiment's threshold.
    pub interval: Interval,
    /// Always-valid p-value, corrected if the experiment asks for a correction.
    pub p_value: f64,
    /// The correction of p-value and interval; `None` where none was asked for.
    pub correction: Option<Corrects>,
}

/// One treatment under one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct VariationAnalysis {
    /// Exposed units.
    pub exposures: u64,
    /// Units with a value.
    pub units: u64,
    /// Units that converted (conversion metrics).
    pub conversions: Option<u64>,
    /// Sum of the unit values; for a percentile the percentile times the exposures, as
    /// LaunchDarkly's page shows it.
    pub total_value: Option<f64>,
    /// Raw rate, mean or percentile.
    pub data_mean: Option<f64>,
    /// The posterior; `None` when there is too little data, see `reason`.
    pub posterior: Option<Posterior>,
    /// Posterior mean.
    pub posterior_mean: Option<f64>,
    /// Highest-density interval of the posterior at the experiment's threshold.
    pub credible_interval: Option<Interval>,
    /// Probability to be best of all treatments.
    pub probability_to_be_best: Option<f64>,
    /// Against the control; `None` for the control itself and where data is missing.
    pub comparison: Option<Comparison>,
    /// Frequentist comparison with the control.
    pub frequentist: Option<FrequentistResult>,
    /// Sequential comparison with the control, when the experiment asks for it.
    pub sequential: Option<Sequential>,
    /// The rate without the judge's errors, or why there is none; `None` when the metric tells of
    /// no judge.
    pub corrected: Option<Result<JudgeCorrection, String>>,
    /// The comparison with the control on the same questions, in a paired design.
    pub paired: Option<PairedDifference>,
    /// Why a value is missing, in plain words.
    pub reason: Option<String>,
}

/// One metric over all treatments.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricAnalysis {
    /// The metric's definition.
    pub metric: Metric,
    /// One entry for each treatment, in the experiment's order.
    pub variations: Vec<VariationAnalysis>,
    /// Index of the control among them.
    pub control: usize,
}

/// How a health check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HealthStatus {
    /// As it should be.
    Healthy,
    /// No data yet.
    Waiting,
    /// Look before you trust the numbers.
    Warning,
    /// Do not trust the numbers.
    Error,
}

/// One health check with its finding, in words a product manager understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// Which check: `exposures`, `sample_ratio_mismatch`, `metrics`, `prior_data_conflict`,
    /// `silent_arm`, …
    pub check: &'static str,
    /// How it ended.
    pub status: HealthStatus,
    /// What was found and what it means.
    pub message: String,
}

/// The analysis of one experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// Exposed units of each treatment.
    pub exposures: Vec<u64>,
    /// All metrics, the primary one first.
    pub metrics: Vec<MetricAnalysis>,
    /// Health checks, in a fixed order.
    pub health: Vec<HealthCheck>,
    /// From which follows how many more users the primary metric needs to reach the threshold; two
    /// treatments only.
    pub plan: SizePlan,
    /// The treatment whose probability to be best on the primary metric passes the threshold, if
    /// any.
    pub winner: Option<usize>,
}
