//! What came of driven traffic: one result for each visit, and their sums.
//!
//! Does not know: how anything was sent.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// One visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VisitResult {
    /// The user's key.
    pub user: String,
    /// Which visit of the user, from 0.
    pub visit: u32,
    /// What was asked.
    pub question: String,
    /// From the first byte sent to the whole answer, in milliseconds.
    pub latency_ms: f64,
    /// What came of it.
    #[serde(flatten)]
    pub outcome: VisitOutcome,
}

/// What came of a visit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum VisitOutcome {
    /// The application answered.
    Answered {
        /// The answer's text.
        answer: String,
        /// The judge's rating: `positive`, `negative` or `none`; null without a judge.
        rating: Option<&'static str>,
        /// Whether the judge gave no rating.
        judge_failed: bool,
        /// Whether the application took the feedback; null where none was sent.
        feedback_taken: Option<bool>,
    },
    /// It did not.
    Failed {
        /// Why.
        reason: String,
        /// Whether the same would happen to every other question.
        #[serde(skip)]
        hopeless: bool,
    },
}

/// How often visits failed for the same reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FailureCount {
    /// The reason.
    pub reason: String,
    /// How often.
    pub count: u64,
}

/// The sums of all visits.
#[derive(Clone, Debug, Default, PartialEq, Serialize, JsonSchema)]
pub struct DriveSummary {
    /// The address that was asked.
    pub app: String,
    /// The scenario whose users asked.
    pub scenario: String,
    /// The seed of its users and questions.
    pub seed: u64,
    /// Users whose questions were sent.
    pub users: u64,
    /// Questions that were sent.
    pub visits: u64,
    /// Visits without a question, because the simulated writer of questions failed.
    pub without_question: u64,
    /// Questions with an answer.
    pub answered: u64,
    /// Questions without one.
    pub failed: u64,
    /// Why, most frequent first; at most ten reasons.
    pub failures: Vec<FailureCount>,
    /// How long the whole took, in seconds.
    pub seconds: f64,
    /// The median time of an answer, in milliseconds; null without an answer.
    pub median_latency_ms: Option<f64>,
    /// The 95th percentile of it.
    pub p95_latency_ms: Option<f64>,
    /// Answers that the judge rated positive; 0 without a judge.
    pub positive: u64,
    /// Answers that it rated negative.
    pub negative: u64,
    /// Answers that it did not rate.
    pub unrated: u64,
    /// Answers for which it failed.
    pub judge_failed: u64,
    /// Ratings that the application did not take.
    pub feedback_refused: u64,
}

/// Most reasons that are told.
const MAX_REASONS: usize = 10;

impl DriveSummary {
    /// Adds up results. Percentiles are the smallest value that so many percent do not exceed.
    #[must_use]
    pub fn with(mut self, results: &[VisitResult]) -> Self {
        let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
        let mut latencies = Vec::new();
        for result in results {
            self.visits += 1;
            match &result.outcome {
                VisitOutcome::Failed { reason, .. } => {
                    self.failed += 1;
                    *reasons.entry(reason).or_default() += 1;
                }
                VisitOutcome::Answered { rating, judge_failed, feedback_taken, .. } => {
                    self.answered += 1;
                    latencies.push(result.latency_ms);
                    match rating {
                        Some("positive") => self.positive += 1,
                        Some("negative") => self.negative += 1,
                        Some(_) => self.unrated += 1,
                        None => {}
                    }
                    self.judge_failed += u64::from(*judge_failed);
                    self.feedback_refused += u64::from(*feedback_taken == Some(false));
                }
            }
        }
        let mut failures: Vec<FailureCount> = reasons
            .into_iter()
            .map(|(reason, count)| FailureCount { reason: reason.to_owned(), count })
            .collect();
        failures.sort_by_key(|failure| std::cmp::Reverse(failure.count));
        failures.truncate(MAX_REASONS);
        self.failures = failures;
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let rank = (share * latencies.len() as f64).ceil() as usize;
            latencies.get(rank.max(1) - 1).copied()
        };
        (self.median_latency_ms, self.p95_latency_ms) = (at(0.5), at(0.95));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(latency_ms: f64, outcome: VisitOutcome) -> VisitResult {
        VisitResult {
            user: "u".to_owned(),
            visit: 0,
            question: "q".to_owned(),
            latency_ms,
            outcome,
        }
    }

    #[test]
    fn results_are_added_up() {
        let answered = |at: f64, rating| {
            let answer = String::new();
            result(
                at,
                VisitOutcome::Answered {
                    answer,
                    rating,
                    judge_failed: false,
                    feedback_taken: Some(false),
                },
            )
        };
        let failed = |reason: &str| {
            result(1.0, VisitOutcome::Failed { reason: reason.to_owned(), hopeless: false })
        };
        let mut results: Vec<_> =
            (1..=20).map(|at| answered(f64::from(at), Some("positive"))).collect();
        results.extend([failed("a"), failed("b"), failed("b")]);
        let sums = DriveSummary::default().with(&results);
        assert_eq!((sums.visits, sums.answered, sums.failed, sums.positive), (23, 20, 3, 20));
        // By the nearest-rank definition: of 20 values the 10th, and the 19th.
        assert_eq!((sums.median_latency_ms, sums.p95_latency_ms), (Some(10.0), Some(19.0)));
        assert_eq!(sums.feedback_refused, 20);
        let told: Vec<(&str, u64)> =
            sums.failures.iter().map(|own| (own.reason.as_str(), own.count)).collect();
        assert_eq!(told, [("b", 2), ("a", 1)]);
        assert_eq!(DriveSummary::default().with(&[]).median_latency_ms, None);
    }
}
