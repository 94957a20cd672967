//! A lesson's experiment many times, each time with other random numbers: what one run cannot show.
//!
//! Guarantees: a run depends on the scenario, the lesson and its number alone.
//!
//! Does not know: how runs are shown, or how many are asked for at a time.

use std::sync::atomic::AtomicBool;

use super::lesson::asked;
use crate::power::{AtSize, Design, conduct, side_by_side};
use crate::report::{Expect, Report};
use crate::run::{PreparedScenario, RunOptions, SetupError, Simulation};
use crate::scenario::{Lesson, Rates, Scenario};
use crate::verdict::Decision;

/// What one run of a lesson came to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LessonRun {
    /// The estimated change of the lesson's metric, relative to the control.
    pub change: Option<f64>,
    /// What the first experiment's rule decides; `None` without a rule.
    pub decision: Option<Decision>,
    /// Whether the run has what the exercise asks for; `None` without an exercise.
    pub met: Option<bool>,
}

/// A scenario to run many times.
#[derive(Debug)]
pub struct LessonRuns {
    scenario: Scenario,
    /// The metric whose change is kept; `None` without an experiment.
    pub metric: Option<String>,
    rates: Option<Rates>,
    wanted: Option<Expect>,
}

/// How many runs are asked of the power analysis at a time.
const TURN: u64 = 8;

impl LessonRuns {
    /// The runs of a scenario for a lesson: the lesson's own, or one with a setting changed.
    #[must_use]
    pub fn new(scenario: &Scenario, lesson: &Lesson) -> Self {
        let mut scenario = scenario.clone();
        // What a file expects holds of its own seed, and may need the truth, which takes long.
        let expected = scenario.studies.first().and_then(|study| study.expect.clone());
        scenario.studies.iter_mut().for_each(|study| study.expect = None);
        let rates = scenario.lesson.as_ref().and_then(|own| own.rates.clone());
        let rates = rates.or_else(|| lesson.rates.clone());
        let named = lesson.check.first().into_iter().chain(expected.as_ref());
        let figured = named.flat_map(|expect| &expect.figures).map(|figure| figure.metric.clone());
        let metric = scenario.studies.first().and_then(|study| {
            let experiment = &study.experiment;
            let own: Vec<&str> =
                experiment.metrics_in(&scenario.metrics).map(|(_, own)| own.key.as_str()).collect();
            let primary = own.first().map(|key| (*key).to_owned());
            // The power analysis knows the primary metric only.
            let mut figured = figured.filter(|key| rates.is_none() && own.contains(&key.as_str()));
            figured.next().or(primary)
        });
        let wanted = lesson.exercise.as_ref().map(|own| own.wanted.clone());
        Self { scenario, metric, rates, wanted }
    }

    /// Users of a run.
    #[must_use]
    pub fn users(&self) -> u32 {
        self.rates.as_ref().map_or(self.scenario.traffic.queries, |rates| rates.users)
    }

    /// Runs the first `count`, on `jobs` threads, until `go_on` says no; `found` receives each.
    ///
    /// # Errors
    /// When a mock refuses what the scenario asks of it.
    pub fn run(
        &self,
        count: u64,
        jobs: usize,
        mut go_on: impl FnMut() -> bool,
        mut found: impl FnMut(LessonRun),
    ) -> Result<(), SetupError> {
        let stop = AtomicBool::new(false);
        let design = match &self.rates {
            Some(rates) => {
                Some(Design::new(&self.scenario, asked(rates, &self.scenario), |_, _| {})?)
            }
            None => None,
        };
        let all: Vec<u64> = (0..count).collect();
        for wanted in all.chunks(TURN as usize) {
            if !go_on() {
                return Ok(());
            }
            match &design {
                Some(design) => {
                    let done = conduct(design, wanted, jobs, &stop, |_| {})?;
                    done.into_values().for_each(|run| found(self.of_power(run.studies.first())));
                }
                None => {
                    let done = side_by_side(wanted, jobs, &stop, |nth| self.one(nth), |_| {})?;
                    done.into_values().for_each(&mut found);
                }
            }
        }
        Ok(())
    }

    fn one(&self, nth: u64) -> Result<LessonRun, SetupError> {
        let seed = self.scenario.seed.replication(nth);
        let stage = PreparedScenario::new(&self.scenario, seed)?;
        let options = RunOptions { seed: Some(seed.0), ..RunOptions::default() };
        let report = Simulation::new(&stage, options).run()?.report;
        Ok(self.of_report(&report))
    }

    fn of_report(&self, report: &Report) -> LessonRun {
        let experiment = report.experiments.first();
        let metric = experiment.zip(self.metric.as_ref()).and_then(|(experiment, key)| {
            let metric = experiment.metrics.iter().find(|own| own.key == *key)?;
            metric.variations.iter().find(|own| own.key != experiment.control)
        });
        let verdict = experiment.and_then(|own| own.verdict.as_ref());
        let met = self.wanted.as_ref().zip(experiment);
        LessonRun {
            change: metric.and_then(|own| own.relative_difference).map(crate::report::Number::get),
            decision: verdict.map(|verdict| verdict.decision),
            met: met.map(|(wanted, own)| wanted.check(own).iter().all(|check| check.passed)),
        }
    }

    /// What a replication of the power analysis says: who looks often stops at the first verdict.
    fn of_power(&self, sizes: Option<&Vec<AtSize>>) -> LessonRun {
        let found = sizes.and_then(|sizes| sizes.last());
        let looks = found.map(|found| found.looks.as_str()).unwrap_or_default();
        let decision = match looks.chars().find(|letter| *letter != 'n') {
            Some('s') => Decision::Ship,
            Some(_) => Decision::Keep,
            None => Decision::NeedMoreData,
        };
        LessonRun {
            change: found.and_then(|found| found.estimate).map(crate::report::Number::get),
            decision: Some(decision),
            met: self.wanted.as_ref().map(|wanted| wanted.verdict == Some(decision)),
        }
    }
}
