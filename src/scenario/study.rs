//! One experiment and all that belongs to it, and one watched rollout.
//!
//! Guarantees: a study knows its own place in a table of observations and which treatment each
//! variation is; nothing is looked up by name again.
//!
//! Does not know: where the observations come from.

use crate::analysis::{Analysis, Summary, analyze, analyze_paired, summarize};
use crate::experiment::{Experiment, Guard, Metric, PairedDesign, Thompson};
use crate::metrics::{Observations, PairedTable, Varies};
use crate::report::{Expect, RolloutOutcome};
use crate::verdict::{Rule, Verdict, decide};

/// The users of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Key of the segment.
    pub segment: String,
    /// For each audience group whether its users are in the segment.
    pub groups: Vec<bool>,
}

/// One experiment and all that belongs to it.
#[derive(Clone, Debug)]
pub struct Study {
    /// What is studied.
    pub experiment: Experiment,
    /// Its place among the experiments of a table of observations, from 0.
    pub place: usize,
    /// Which config it varies, and which treatment each variation is.
    pub varies: Varies,
    /// Its decision rule, if it has one.
    pub rule: Option<Rule>,
    /// What the scenario expects of its outcome.
    pub expect: Option<Expect>,
    /// The bandit that allocates its users; `None` where the split stays as it is.
    pub allocation: Option<Thompson>,
    /// The paired design that takes the place of a split; `None` in a split test.
    pub paired: Option<PairedDesign>,
    /// The rule of its config whose users take part, from 0; `None` is the default rule.
    pub targeting: Option<u32>,
    /// The parts of its users that are also looked at by themselves.
    pub segments: Vec<Slice>,
}

impl Study {
    /// A study of a fixed split, without a decision rule.
    #[must_use]
    pub fn new(experiment: Experiment, place: usize, varies: Varies) -> Self {
        Self {
            experiment,
            place,
            varies,
            rule: None,
            expect: None,
            allocation: None,
            paired: None,
            targeting: None,
            segments: Vec::new(),
        }
    }

    /// The sufficient statistics of some units; `metrics` are those that the experiment's numbers
    /// mean.
    #[must_use]
    pub fn summarize(
        &self,
        observations: &Observations,
        metrics: &[Metric],
        units: impl Iterator<Item = usize> + Clone,
    ) -> Summary {
        summarize(observations, self.place, &self.experiment, metrics, units)
    }

    /// The analysis of some units.
    #[must_use]
    pub fn analyze(
        &self,
        observations: &Observations,
        metrics: &[Metric],
        units: impl Iterator<Item = usize> + Clone,
    ) -> Analysis {
        analyze(&self.experiment, &self.summarize(observations, metrics, units))
    }

    /// The statistics and the analysis that a report shows. A bandit's split follows the results:
    /// no exposures were planned that these could be compared with.
    #[must_use]
    pub fn conclude(
        &self,
        observations: &Observations,
        metrics: &[Metric],
        units: impl Iterator<Item = usize> + Clone,
    ) -> (Summary, Analysis) {
        self.conclude_from(self.summarize(observations, metrics, units))
    }

    /// The same from statistics.
    #[must_use]
    pub fn conclude_from(&self, mut summary: Summary) -> (Summary, Analysis) {
        if self.allocation.is_some() {
            summary.shares = None;
        }
        let mut analysis = analyze(&self.experiment, &summary);
        let split = analysis.health.iter_mut().find(|check| check.check == "sample_ratio_mismatch");
        if let Some(check) = split.filter(|_| self.allocation.is_some()) {
            "the bandit's split follows the results, so there is no planned one to hold it against"
                .clone_into(&mut check.message);
        }
        (summary, analysis)
    }

    /// The same of some questions of a paired design.
    #[must_use]
    pub fn conclude_paired(
        &self,
        table: &PairedTable,
        metrics: &[Metric],
        questions: impl Iterator<Item = usize>,
    ) -> (Summary, Analysis) {
        analyze_paired(&self.experiment, metrics, table, questions)
    }

    /// What its rule decides; `None` without a rule.
    #[must_use]
    pub fn decide(&self, analysis: &Analysis) -> Option<Verdict> {
        self.rule.as_ref().map(|rule| decide(rule, &self.experiment, analysis))
    }
}

/// A guarded rollout that metrics watch over.
#[derive(Clone, Debug)]
pub struct WatchedRollout {
    /// What is watched, and when it is taken back.
    pub guard: Guard,
    /// Which config it changes; treatment 0 is what was, treatment 1 what comes.
    pub varies: Varies,
    /// How it is to end.
    pub expect: Option<RolloutOutcome>,
}
