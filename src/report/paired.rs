//! A paired design in the reader's words: how exact it is, where the differences between scores come
//! from, and what more of anything buys.
//!
//! Does not know: how questions are sent or analyzed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::number::Number;

/// An offline evaluation: the same questions in every variation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedEvaluation {
    /// Questions that went through every variation.
    pub questions: u64,
    /// Answers of each variation to each question. Costs are per answer.
    pub repeats: u32,
    /// Judgings of each answer.
    pub judgings: u32,
    /// How many of the answers before the agents could read.
    pub remembers: u32,
    /// Dollars for one question to be written; `None` where a model has no price.
    pub question_cost_usd: Option<Number>,
    /// Dollars for one answer, the mean of all variations; `None` where a model has no price.
    pub answer_cost_usd: Option<Number>,
    /// Dollars for one judging; `None` where a model has no price.
    pub judging_cost_usd: Option<Number>,
    /// One entry for each metric and treatment that was compared.
    pub metrics: Vec<PairedMetric>,
    /// The cheapest mix for the primary metric and its first treatment; `None` where the data do not
    /// tell answers from questions, where nothing costs anything, or with more than two variations.
    pub cheapest: Option<CheapestMix>,
}

/// One treatment against the control under one metric. All numbers but `questions` are in the
/// metric's unit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PairedMetric {
    /// The metric's key.
    pub metric: String,
    /// The treatment.
    pub variation: String,
    /// Questions with a value in both variations.
    pub questions: u64,
    /// Mean difference of the questions' means, treatment less control.
    pub difference: Option<Number>,
    /// Its standard error.
    pub standard_error: Option<Number>,
    /// The standard error if each variation had questions of its own.
    pub unpaired_error: Option<Number>,
    /// Standard deviation of what a question adds in both variations: it cancels.
    pub question_standard_deviation: Option<Number>,
    /// Standard deviation of the true difference from question to question; with one answer each,
    /// what answers add is in it.
    pub effect_standard_deviation: Option<Number>,
    /// Standard deviation of answers of one variation to the same question; with one judging each,
    /// what judgings add is in it. `None` with one answer each.
    pub answer_standard_deviation: Option<Number>,
    /// Standard deviation of judgings of the same answer; `None` with one judging each.
    pub judging_standard_deviation: Option<Number>,
    /// Which of `question`, `effect`, `answer` and `judging` had a negative variance as their
    /// estimate, which counts as 0.
    pub truncated: Vec<String>,
    /// The standard error with one more question, by the estimated standard deviations.
    pub error_with_question: Option<Number>,
    /// The standard error with one more answer of each variation to every question.
    pub error_with_answer: Option<Number>,
    /// The standard error with one more judging of every answer.
    pub error_with_judging: Option<Number>,
}

/// The mix of questions, answers and judgings that finds the same difference as this design, for the
/// least money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CheapestMix {
    /// The smallest difference that this design finds with `power`, in the metric's unit, at the
    /// experiment's threshold.
    pub difference: Number,
    /// How often it finds it.
    pub power: Number,
    /// What this design costs, in dollars: all questions that were sent, also those without a value
    /// in one of the variations.
    pub cost_usd: Number,
    /// Questions that the cheapest mix sends.
    pub questions: u64,
    /// Its answers of each variation to each question.
    pub repeats: u32,
    /// Its judgings of each answer.
    pub judgings: u32,
    /// What it costs, in dollars.
    pub cheapest_cost_usd: Number,
}
