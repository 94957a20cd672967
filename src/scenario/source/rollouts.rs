//! Splits that change while users arrive, as a file writes them: bandits and guarded rollouts.
//!
//! Does not know: when a split changes; a run does.

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::spanned::Spanned;
use crate::quantity::Share;
use crate::report::RolloutOutcome;

/// How an experiment gets its data.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Design")]
pub enum WrittenDesign {
    /// A split test: each user gets one of the variations.
    Split,
    /// An offline evaluation: the same questions go through every variation, and the analysis is by
    /// question. `traffic.queries` is the number of questions; shares of `split` have to be equal.
    /// A question's user has the attributes of `audience`, and is served by the rules of all other
    /// configs as in a split test. A live run has no such design.
    Paired {
        /// Answers of each variation to each question.
        #[schemars(range(min = 1, max = 100))]
        repeats: i64,
        /// Judgings of each answer: how often the judge rates it, and how many scores it gets.
        #[schemars(range(min = 1, max = 100))]
        judgings: i64,
        /// How alike the answers to one question are, in and between variations: the correlation of
        /// what is the question's own (difficulty, length and quality of the answers, wishes,
        /// ratings), on the normal scale. Models, tools and failures have their own draws for every
        /// answer. Assumed. Default: 0.5.
        #[serde(default = "half")]
        #[schemars(range(min = 0, max = 1))]
        alike: f64,
        /// How many of the answers before, of whichever variation, the agents that answer can read:
        /// a memory that is not cleared between answers. Two variations at most: with more in turn,
        /// each would always follow the same other one. Default: 0.
        #[serde(default)]
        #[schemars(range(min = 0, max = 20))]
        remembers: i64,
        /// Calls are sent in batches, at the models' batch prices (`batch` of a model): nobody waits
        /// for an offline evaluation. Latencies stay those of single calls. Default: `false`.
        #[serde(default)]
        batch: bool,
    },
}

/// What `alike` is where nothing is said.
fn half() -> f64 {
    0.5
}

/// A guarded rollout: a release watched by metrics. Not together with an experiment on the same
/// config.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GuardedRollout {
    /// The AI config that it releases in.
    pub config: Spanned<String>,
    /// The segment whose rule it runs on.
    pub segment: Spanned<String>,
    /// The variation that users have so far.
    pub from: Spanned<String>,
    /// The variation that is released.
    pub to: Spanned<String>,
    /// Share of the rule's users that get the new variation; at most 50%, because as many are its
    /// control.
    pub share: Spanned<Share>,
    /// Keys of the metrics that watch over it in a run. Default: none, and then it neither goes on
    /// nor back.
    #[serde(default)]
    pub watch: Vec<Spanned<String>>,
    /// How much worse than with `from` a metric may be, relative: 0.1 is 10%. Default: 0.
    #[serde(default)]
    #[schemars(range(min = 0, max = 10))]
    pub worse_by: Option<Spanned<f64>>,
    /// How sure a regression has to be, over all looks together. Default: 0.95.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0.5, "exclusiveMaximum" = 1))]
    pub confidence: Option<Spanned<f64>>,
    /// Watched users (those with the new variation, and their control) between looks. Default: 100.
    #[serde(default)]
    #[schemars(range(min = 10, max = 1_000_000))]
    pub every: Option<Spanned<i64>>,
    /// Watched users after which everybody gets the new variation, if nothing regressed. Default:
    /// 2,000.
    #[serde(default)]
    #[schemars(range(min = 10, max = 10_000_000))]
    pub users: Option<Spanned<i64>>,
    /// How it is expected to end; a run that ends otherwise has exit code 1. Default: nothing.
    #[serde(default)]
    pub expect: Option<RolloutOutcome>,
}

/// Whether the split of an experiment stays as it is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub enum Allocation {
    /// It does.
    Fixed,
    /// A bandit (Thompson sampling in batches): shares follow the probabilities to be best on the
    /// primary metric.
    Thompson {
        /// Exposed users between reallocations.
        #[schemars(range(min = 10, max = 1_000_000))]
        every: i64,
        /// The least share that a variation keeps.
        #[serde(default = "five_percent")]
        floor: Share,
    },
}

fn five_percent() -> Share {
    Share::new(5_000).unwrap_or(Share::WHOLE)
}
