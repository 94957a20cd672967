//! Exposures and metric events, folded into one table of observations for each experiment.
//!
//! Promises: only events at or after a unit's first exposure in an experiment count for it; one experiment's exposure never
//! counts for another; of two exposures the earlier one stays, whichever arrives first.
//!
//! Does not know: files or lines, or what to do with an event that does not count.

use std::collections::BTreeMap;

use super::plan::Plan;
use crate::analysis::{Analysis, HealthCheck, HealthStatus, Summary, analyze, summarize};
use crate::experiment::Aggregation;
use crate::metrics::Observations;
use crate::report::{Extras, Mode, Report, interactions};
use crate::verdict::decide;

/// What became of a metric event in one experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// It counts.
    Yes,
    /// No metric of the experiment counts it.
    NoMetric,
    /// Its user is not exposed, as far as is known.
    NotExposed,
    /// It came before its user's exposure.
    Before,
    /// It has no value, and a metric needs one.
    NoValue,
}

/// One table for each experiment.
#[derive(Clone, Debug)]
pub struct Table {
    units: BTreeMap<String, usize>,
    /// For each unit and experiment when it was first exposed and to which treatment.
    first: Vec<Vec<Option<(u64, u8)>>>,
    /// Units that were exposed to more than one treatment of an experiment.
    mixed: Vec<bool>,
    tables: Vec<Observations>,
}

impl Table {
    /// Empty tables for a plan.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        // What is sent is already in the metric's unit.
        let empty = |_| Observations::new(0, plan.experiments.len(), &plan.metrics, |_| 1.0);
        Self { units: BTreeMap::new(), first: Vec::new(), mixed: Vec::new(), tables: plan.experiments.iter().map(empty).collect() }
    }

    /// Units that were exposed to anything.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units.len()
    }

    /// A unit was exposed to treatment `treatment` of experiment number `nth`.
    pub fn expose(&mut self, nth: usize, at_ms: u64, unit: &str, treatment: u8) {
        let unit = self.unit(unit);
        let first = &mut self.first[unit][nth];
        self.mixed[unit] |= first.is_some_and(|(_, other)| other != treatment);
        // At the same millisecond the lower treatment stays, so that the order of arrival does not matter.
        let this = (at_ms, treatment);
        let earliest = first.map_or(this, |other| other.min(this));
        *first = Some(earliest);
        // Every table knows all exposures: two experiments may be looked at together.
        for table in &mut self.tables {
            table.assign(nth, unit, earliest.1);
        }
    }

    /// A metric event, for experiment number `nth`.
    pub fn add(&mut self, plan: &Plan, nth: usize, at_ms: u64, unit: &str, event: &str, value: Option<f64>) -> Counted {
        let (experiment, table) = (&plan.experiments[nth], &mut self.tables[nth]);
        let mut counting = experiment.metrics.iter().map(|&at| &plan.metrics[at]).filter(|metric| metric.event == event).peekable();
        let Some(column) = table.column(event).filter(|_| counting.peek().is_some()) else { return Counted::NoMetric };
        let known = self.units.get(unit).and_then(|&unit| Some((unit, self.first[unit][nth]?.0)));
        let Some((unit, exposed)) = known else { return Counted::NotExposed };
        if at_ms < exposed {
            return Counted::Before;
        }
        if value.is_none() && counting.any(|metric| metric.aggregation != Aggregation::Occurrence) {
            return Counted::NoValue;
        }
        table.add(column, unit, value.unwrap_or(1.0));
        Counted::Yes
    }

    fn unit(&mut self, key: &str) -> usize {
        if let Some(&unit) = self.units.get(key) {
            return unit;
        }
        let unit = self.units.len();
        self.units.insert(key.to_owned(), unit);
        self.first.push(vec![None; self.tables.len()]);
        self.mixed.push(false);
        for table in &mut self.tables {
            // Room is made in large steps, so that a unit costs the same however many there are.
            if unit >= table.units() {
                table.grow((unit + 1).next_power_of_two().max(1024));
            }
        }
        unit
    }

    /// What is summed up and analyzed so far of experiment number `nth`.
    #[must_use]
    pub fn analysis(&self, plan: &Plan, nth: usize) -> (Summary, Analysis) {
        let experiment = &plan.experiments[nth];
        let mut summary = summarize(&self.tables[nth], nth, experiment, &plan.metrics, 0..self.units());
        if experiment.treatments.iter().all(|treatment| treatment.share.weight() == 0) {
            summary.shares = None;
        }
        let analysis = analyze(experiment, &summary);
        (summary, analysis)
    }

    /// The report so far; `fingerprint` is a digest of the events.
    #[must_use]
    pub fn report(&self, plan: &Plan, fingerprint: String) -> Report {
        let mut report = Report::new(&plan.name, Mode::Data, None, fingerprint);
        report.assumptions.clone_from(&plan.assumptions);
        for (nth, experiment) in plan.experiments.iter().enumerate() {
            let (_, analysis) = self.analysis(plan, nth);
            let verdict = plan.rules[nth].as_ref().map(|rule| decide(rule, experiment, &analysis));
            let extras = Extras { health: self.health().into_iter().collect(), ..Extras::default() };
            let shown = Report::experiment(experiment, &analysis, verdict.as_ref(), extras);
            if let Some(expect) = &plan.expects[nth] {
                report.expectations.extend(expect.check(&shown));
            }
            report.experiments.push(shown);
        }
        if let Some(table) = self.tables.first() {
            report.interactions = interactions(table, &plan.experiments, &plan.metrics);
        }
        report
    }

    fn health(&self) -> Option<HealthCheck> {
        let mixed = self.mixed.iter().filter(|mixed| **mixed).count();
        let who = if mixed == 1 { "1 user was".to_owned() } else { format!("{mixed} users were") };
        let message = format!("{who} exposed to more than one variation; the first exposure counts, so effects look smaller than they are");
        (mixed > 0).then_some(HealthCheck { check: "mixed_exposures", status: HealthStatus::Warning, message })
    }
}
