//! What has arrived, folded as it comes into the same tables that recorded events end in, and the
//! report on it so far.
//!
//! Guarantees: the statistics that `simlab analyze` gives of the same events: only what follows a
//! user's exposure counts, and an exposure may arrive after the events that follow it; a unit's
//! memory is its key, a few numbers, and its events as long as no exposure of it has arrived.
//!
//! Does not know: HTTP, or the mock world.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::experiment::{Experiment, Metric};
use crate::flags::events::Recorded;
use crate::flags::mock::{ResultsOf, Started};
use crate::metrics::Varies;
use crate::recorded::{AnalysisPlan, Counted, MetricEvent, UnitTable};
use crate::report::Report;
use crate::scenario::Scenario;
use crate::serve::results::results;

/// Most events that wait for the exposure of their user.
const MAX_WAITING: usize = 200_000;

/// A metric event that may yet count: for table number `slot`, should its user turn out to be
/// exposed.
#[derive(Clone, Debug)]
struct Waiting {
    slot: usize,
    at_ms: u64,
    event: String,
    value: Option<f64>,
}

/// The tables so far.
#[derive(Clone, Debug)]
pub struct Arrivals {
    plan: AnalysisPlan,
    table: UnitTable,
    waiting: BTreeMap<String, Vec<Waiting>>,
    waits: usize,
}

impl Arrivals {
    /// Empty tables for the scenario's experiments and metrics.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self::of(AnalysisPlan::of(scenario))
    }

    /// Empty tables for an experiment that was made over REST.
    #[must_use]
    pub fn made(started: &Started) -> Self {
        // Events number the automatic `disabled` variation first.
        let treatment = |key: &String| {
            started.design.treatments.iter().position(|treatment| treatment.variation == *key)
        };
        let own = started
            .variations
            .iter()
            .skip(1)
            .map(|key| treatment(key).and_then(|at| u8::try_from(at).ok()));
        let varies = Varies { config: 0, treatment_of: own.collect() };
        Self::of(AnalysisPlan {
            name: String::new(),
            studies: vec![crate::scenario::Study::new(started.design.clone(), 0, varies)],
            rollouts: Vec::new(),
            metrics: started.metrics.clone(),
            assumptions: Vec::new(),
            unit: started.unit.clone(),
            window_ms: None,
            until_ms: None,
        })
    }

    fn of(plan: AnalysisPlan) -> Self {
        let table = UnitTable::new(&plan);
        Self { plan, table, waiting: BTreeMap::new(), waits: 0 }
    }

    /// The kind of the contexts that are its units.
    #[must_use]
    pub fn unit(&self) -> &str {
        &self.plan.unit
    }

    /// The key of its experiment that has this design: the same treatments of the same config,
    /// compared on the same metrics.
    #[must_use]
    pub fn covers(&self, started: &Started) -> Option<&str> {
        let arms = |experiment: &Experiment| {
            let arms = experiment.treatments.iter().enumerate();
            arms.map(|(nth, arm)| (arm.variation.clone(), nth == experiment.control))
                .collect::<BTreeMap<_, _>>()
        };
        let counted = |metric: &Metric| {
            (
                metric.event.clone(),
                metric.per.clone(),
                metric.aggregation,
                metric.statistic,
                metric.missing,
                metric.better,
            )
        };
        let same = |experiment: &&Experiment| {
            self.plan.unit == started.unit
                && experiment.config == started.design.config
                && arms(experiment) == arms(&started.design)
                && started.metrics.iter().all(|metric| {
                    let own = experiment
                        .metrics
                        .iter()
                        .filter_map(|&own| self.plan.metrics.get(own))
                        .find(|own| own.key == metric.key);
                    own.is_some_and(|own| counted(own) == counted(metric))
                })
        };
        let mut own = self.plan.studies.iter().map(|study| &study.experiment);
        own.find(same).map(|experiment| experiment.key.as_str())
    }

    /// Events from this Unix time in milliseconds on do not count.
    pub fn end(&mut self, at_ms: Option<u64>) {
        self.plan.until_ms = at_ms;
    }

    /// Takes what one event says.
    pub fn take(&mut self, recorded: &Recorded<'_>) {
        match *recorded {
            Recorded::Exposure { at_ms, unit, config, variation, variation_key, value } => {
                for (nth, treatment) in self.plan.exposed(config, variation, variation_key, value) {
                    self.table.expose(nth, at_ms, unit, treatment);
                }
                let early = self.waiting.remove(unit).unwrap_or_default();
                self.waits -= early.len();
                early.into_iter().for_each(|waiting| self.metric(unit, waiting));
            }
            Recorded::Metric { at_ms, unit, event, value, .. } => {
                for slot in 0..self.table.slots() {
                    self.metric(unit, Waiting { slot, at_ms, event: event.to_owned(), value });
                }
            }
            Recorded::Other { .. } => {}
        }
    }

    fn metric(&mut self, unit: &str, event: Waiting) {
        let sent = MetricEvent {
            at_ms: event.at_ms,
            unit,
            event: &event.event,
            value: event.value,
            weight: 1,
        };
        let counted = self.table.add(&self.plan, event.slot, &sent);
        if matches!(counted, Counted::NotExposed | Counted::Before) && self.waits < MAX_WAITING {
            self.waits += 1;
            self.waiting.entry(unit.to_owned()).or_default().push(event);
        }
    }

    /// The results so far of one metric; `None` when no experiment of the scenario has this config,
    /// these treatments and this metric: only those are analyzed.
    #[must_use]
    pub fn results(&self, of: &ResultsOf) -> Option<Value> {
        let has = |experiment: &Experiment| {
            let counts = |&metric: &usize| {
                self.plan.metrics.get(metric).is_some_and(|own| own.key == of.metric)
            };
            let takes_part = |key: &str| {
                experiment.treatments.iter().any(|treatment| treatment.variation == key)
            };
            experiment.metrics.iter().any(counts)
                && of
                    .treatments
                    .iter()
                    .all(|treatment| !treatment.takes_part || takes_part(&treatment.variation))
        };
        let study = self
            .plan
            .studies
            .iter()
            .find(|study| study.experiment.config == of.config && has(&study.experiment))?;
        let (summary, analysis) = self.table.analysis(&self.plan, study.place);
        results(of, &study.experiment, (&summary, &analysis))
    }

    /// The report so far; `fingerprint` is a digest of the events.
    #[must_use]
    pub fn report(&self, fingerprint: String) -> Report {
        self.table.report(&self.plan, fingerprint)
    }
}
