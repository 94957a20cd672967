//! Experiments, treatments and metrics: the vocabulary of the study.
//!
//! A *variation* belongs to a flag or AI config; a *treatment* is that variation's part in one
//! experiment.
//!
//! Guarantees: plain data, resolved: indices are valid, shares sum, thresholds are probabilities.
//!
//! Does not know: where data comes from (a simulation, a live run or a file).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::quantity::{Probability, Share};
use crate::statistic::Declared;

pub use crate::statistic::{Aggregation, MetricKind, Missing, PriorKind, Statistic};

/// How sure a result has to be to count where nobody says (tutorial).
pub const THRESHOLD: f64 = 0.9;

/// Which direction of a metric is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Better {
    /// Higher is better.
    #[serde(alias = "Higher")]
    #[schemars(rename(serialize = "higher", deserialize = "Higher"))]
    Higher,
    /// Lower is better.
    #[serde(alias = "Lower")]
    #[schemars(rename(serialize = "lower", deserialize = "Lower"))]
    Lower,
}

impl Better {
    /// +1 when higher is better, -1 when lower is: multiplies a difference so that positive means
    /// good.
    #[must_use]
    pub fn sign(self) -> f64 {
        match self {
            Self::Higher => 1.0,
            Self::Lower => -1.0,
        }
    }
}

/// How often a judge is right, as measured on labeled answers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JudgeAccuracy {
    /// Share of good answers that it calls good, from 0 to 1.
    pub sensitivity: f64,
    /// Number of good answers that this was measured on; `None` when it is known exactly.
    pub sensitivity_labels: Option<u64>,
    /// Share of bad answers that it calls bad, from 0 to 1.
    pub specificity: f64,
    /// Number of bad answers that this was measured on; `None` when it is known exactly.
    pub specificity_labels: Option<u64>,
}

/// What a ratio metric divides by: a sum over the same units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denominator {
    /// The number of events with this key.
    Events(String),
    /// The sum of their values.
    Values(String),
}

impl Denominator {
    /// Key of the events.
    #[must_use]
    pub fn event(&self) -> &str {
        match self {
            Self::Events(event) | Self::Values(event) => event,
        }
    }
}

/// A metric's definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Unique key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// Key of the events that it counts.
    pub event: String,
    /// Events of one unit to one value.
    pub aggregation: Aggregation,
    /// What the sum of its values is divided by; `None`: by nothing.
    pub per: Option<Denominator>,
    /// Unit values to one number per treatment.
    pub statistic: Statistic,
    /// What units without events count as.
    pub missing: Missing,
    /// Which direction is good.
    pub better: Better,
    /// Unit of the value, for people ("ms", "$", "tokens"); empty for a rate.
    pub unit: String,
    /// Prior variance of relative differences; `None` takes the default of `prior`.
    pub prior_variance: Option<f64>,
    /// Whose effects the prior takes as usual; `None` goes by what the metric compares and which
    /// event it counts.
    pub prior: Option<PriorKind>,
    /// How often the judge behind a rate is right: then the corrected rate is shown beside the raw
    /// one.
    pub judge: Option<JudgeAccuracy>,
    /// The smallest difference that matters, as a fraction of the control's value, at least 0: less
    /// counts as none.
    pub smallest_effect: f64,
}

impl Metric {
    /// Its name for people: its key where it has no other.
    #[must_use]
    pub fn title(&self) -> &str {
        if self.name.is_empty() { &self.key } else { &self.name }
    }

    /// What it compares, with all that this declares: its sums, their error, its kind and its
    /// prior.
    #[must_use]
    pub fn declared(&self) -> Declared {
        match self.per {
            Some(_) => Declared::ratio(),
            None => Declared::new(self.aggregation, self.statistic, self.missing),
        }
    }

    /// The kind that follows from the definition.
    #[must_use]
    pub fn kind(&self) -> MetricKind {
        self.declared().definition().kind
    }

    /// Whether it counts events with this key, above or below the line.
    #[must_use]
    pub fn counts(&self, event: &str) -> bool {
        self.event == event || self.per.as_ref().is_some_and(|per| per.event() == event)
    }

    /// Whether two values differ by less than what matters; equal ones do so in any case.
    #[must_use]
    pub fn tie(&self, value: f64, control: f64) -> bool {
        let gap = (value - control).abs();
        gap == 0.0 || gap < self.smallest_effect * control.abs()
    }
}

/// A variation's part in one experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Treatment {
    /// The variation's key.
    pub variation: String,
    /// The variation's name for people.
    pub name: String,
    /// Its share of the experiment's traffic.
    pub share: Share,
}

/// How the evidence is weighed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Method {
    /// Posteriors and probabilities to beat the control.
    #[default]
    Bayesian,
    /// A fixed-horizon z test beside them.
    Frequentist,
    /// An always-valid confidence sequence beside them.
    Sequential,
}

/// Which correction is made for many comparisons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Correction {
    /// None.
    #[default]
    None,
    /// Bonferroni: holds the family-wise error rate.
    Bonferroni,
    /// Benjamini and Hochberg: holds the false discovery rate.
    BenjaminiHochberg,
}

/// One experiment on one flag or AI config. Treatments of weight 0 take part in nothing and are not
/// listed.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Unique key.
    pub key: String,
    /// Name for people.
    pub name: String,
    /// What it is to show.
    pub hypothesis: String,
    /// Key of the AI config or flag that it varies.
    pub config: String,
    /// Treatments; the control is `treatments[control]`.
    pub treatments: Vec<Treatment>,
    /// Index of the control among the treatments.
    pub control: usize,
    /// Its metrics, as indices into the scenario's metrics; the first is the primary one.
    pub metrics: Vec<usize>,
    /// Probability at which a difference counts, and the mass of credible intervals.
    pub threshold: Probability,
    /// How the evidence is weighed.
    pub method: Method,
    /// Correction for many comparisons.
    pub correction: Correction,
    /// Names of health checks whose failure does not make the verdict untrusted.
    pub tolerate: Vec<String>,
}

#[expect(
    clippy::indexing_slicing,
    reason = "an experiment's numbers are places in its treatments and in its scenario's metrics"
)]
impl Experiment {
    /// The control.
    #[must_use]
    pub fn control_treatment(&self) -> &Treatment {
        &self.treatments[self.control]
    }

    /// Its metrics among the scenario's, each with its number there, the primary one first.
    pub fn metrics_in<'m>(
        &self,
        scenario: &'m [Metric],
    ) -> impl Iterator<Item = (usize, &'m Metric)> {
        self.metrics.iter().map(move |&at| (at, &scenario[at]))
    }
}

/// The same questions go through every variation, instead of a split of the users: a question takes
/// a user's place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairedDesign {
    /// Answers of each variation to each question, at least 1.
    pub repeats: u32,
    /// Judgings of each answer, at least 1.
    pub judgings: u32,
    /// Correlation, from 0 to 1, between the answers to a question of what is the question's own.
    pub alike: f64,
    /// How many of the answers before the app remembers; 0 where each is given afresh.
    pub remembers: u32,
    /// Whether calls are sent in batches, at the prices for that.
    pub batch: bool,
}

impl PairedDesign {
    /// How many values a question has: one for each variation, answer and judging.
    #[must_use]
    pub fn cells(&self, arms: usize) -> usize {
        arms * self.repeats as usize * self.judgings as usize
    }
}

/// A bandit instead of a fixed split: Thompson sampling in batches. At each reallocation a
/// treatment's share becomes its probability to be best on the primary metric, as far as the floor
/// allows (Thompson 1933; Scott 2010, "A modern Bayesian look at the multi-armed bandit").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Thompson {
    /// Exposed users between reallocations.
    pub every: u32,
    /// The least share that a treatment keeps, as a fraction.
    pub floor: f64,
}

/// A release that metrics watch over: some users get the new variation, as many are their control,
/// and a regression takes it back.
#[derive(Clone, Debug, PartialEq)]
pub struct Guard {
    /// The two groups as an experiment: what was is the control, what comes the treatment; its
    /// threshold is how sure a regression has to be, over all looks together.
    pub study: Experiment,
    /// The rule of the config whose users take part.
    pub rule: u32,
    /// How much worse, relative to the control, a metric may be.
    pub worse_by: f64,
    /// Watched users between looks.
    pub every: u32,
    /// Watched users after which everybody gets the new variation.
    pub users: u32,
}
