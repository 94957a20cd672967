//! From sufficient statistics to posteriors, intervals, probabilities, expected losses and health.
//!
//! Guarantees: pure; exact where exact is possible (closed form or quadrature), never sampling
//! noise; what cannot be said is `None` with a reason, never NaN.
//!
//! Does not know: the simulator, flags or models. Events recorded in production are analyzed by the
//! same code.

#[cfg(test)]
mod against_statrs;
mod analyze;
mod bandit;
mod beta;
mod cautions;
mod compare;
mod conflict;
mod correction;
mod cuped;
mod distribution;
mod effect;
#[cfg(test)]
mod error_rates;
mod exact;
mod frequentist;
mod guard;
mod health;
mod interaction;
mod judge;
mod moments;
mod needed;
mod paired;
mod paired_analysis;
mod paired_scores;
mod planned;
mod planned_paired;
mod posterior;
#[cfg(test)]
mod published;
mod observed;
mod over_time;
mod relative;
mod result;
mod score;
mod sequential;
mod silence;
mod simulated_power;
mod special;
mod student;
mod triggered;
#[cfg(test)]
mod studies;

pub use crate::experiment::JudgeAccuracy;
pub use analyze::analyze;
pub use bandit::{LookSchedule, Reallocation, WHOLE_WEIGHT, regret, thompson_weights};
pub use correction::{benjamini_hochberg, bonferroni};
pub use cuped::{AdjustedMetric, CupedArm, CupedEstimate, adjusted, cuped};
pub use distribution::{ArmDistribution, MetricDistribution, distributions, in_proportion};
pub use guard::{Ending, Look, Watched};
pub use health::{MAY_FAIL, health, ln_mismatch_odds};
pub use interaction::{
    InteractionEffects, MetricInteraction, interaction, interactions, interactions_between,
};
pub use judge::{CorrectedRate, JudgeCorrection, corrected, corrected_difference, corrected_rate};
pub use moments::{UnitNumbers, UnitSums, adjusted_by_sums};
pub use needed::{SizePlan, UsersNeeded};
pub use observed::{ArmMembers, ArrivedValues, summarize};
pub use over_time::{PrefixAnalysis, over_time};
pub use paired::{Influence, influence};
pub use paired_analysis::{analyze_paired, paired_reach};
pub use paired_scores::{
    PairedDifference, QuestionScores, VarianceComponent, VarianceSplit, paired_difference,
};
pub use planned::{PlannedArm, PlannedDecision, PlannedSpread, PlannedTest};
pub use planned_paired::{PairedCosts, PairedMix, PairedSpread, PairedTest};
pub use posterior::{data_weight, prior_variance, treatment_prior};
pub use result::{
    Analysis, Bound, Comparison, Corrects, Effect, FrequentistResult, HealthCheck, HealthStatus,
    Interval, MetricAnalysis, MetricInput, Posterior, Sequential, Summary, Tally, TestMethod,
    VariationAnalysis,
};
pub use simulated_power::simulated_power;
pub use triggered::{Triggered, TriggeredComparison, triggered};
