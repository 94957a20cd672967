//! Fold exposures and metric events into one table of observations for each experiment, and for
//! each pair of experiments.
//!
//! Guarantees: only events at or after a unit's first exposure in an experiment count for it,
//! within the plan's window and before its end; for a pair of experiments only events after both
//! exposures; one experiment's exposure never counts for another; of two exposures the earlier one
//! stays, whichever arrives first.
//!
//! Does not know: files or lines, or what to do with an event that does not count.

use std::collections::BTreeMap;

use super::judged::{bandit, rollouts};
use super::plan::AnalysisPlan;
use super::replay::{FirstExposure, LoggedEvent, replay};
use crate::analysis::{
    Analysis, HealthCheck, HealthStatus, Summary, analyze, interactions_between, summarize,
};
use crate::experiment::{Aggregation, Metric, Missing};
use crate::figure;
use crate::metrics::Observations;
use crate::report::{DataOrigin, Interaction, Report, ReportSupplements};

/// Maximum number of experiments whose pairs are looked at for interactions: each pair has a table
/// of its own.
const MAX_PAIRED: usize = 6;

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
    /// It came after the window that follows its user's exposure.
    AfterWindow,
    /// It came after the end date.
    AfterEnd,
    /// It has no value, and a metric needs one.
    NoValue,
}

/// A metric event, as far as a table needs to know it.
#[derive(Clone, Copy, Debug)]
pub struct MetricEvent<'a> {
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// Key of the unit.
    pub unit: &'a str,
    /// Key of the event.
    pub event: &'a str,
    /// Its value, if it has one.
    pub value: Option<f64>,
    /// How many events it stands for: 1, or the sampling ratio.
    pub weight: u64,
}

/// A unit's first exposure in an experiment.
#[derive(Clone, Copy, Debug)]
struct First {
    at_ms: u64,
    treatment: u8,
    /// Whether the unit was exposed to another treatment, too.
    mixed: bool,
}

/// What is folded for one experiment, or for a pair.
#[derive(Clone, Debug)]
struct Slot {
    of: Vec<usize>,
    observations: Observations,
    /// The events that count, kept where a rule has to look at them in the order of their times.
    log: Option<Vec<LoggedEvent>>,
}

/// One table for each experiment and for each pair.
#[derive(Clone, Debug)]
pub struct UnitTable {
    units: BTreeMap<String, usize>,
    /// For each unit its first exposure in each experiment.
    first: Vec<Vec<Option<First>>>,
    experiments: usize,
    slots: Vec<Slot>,
    /// The largest sampling ratio of each event that was sampled.
    sampled: BTreeMap<String, u64>,
}

#[expect(
    clippy::indexing_slicing,
    reason = "experiments, metrics, units and tables are numbered by the plan that the table was made for"
)]
impl UnitTable {
    /// Empty tables for a plan.
    #[must_use]
    pub fn new(plan: &AnalysisPlan) -> Self {
        let count = plan.count();
        let mut of: Vec<Vec<usize>> = (0..count).map(|nth| vec![nth]).collect();
        if plan.studies.len() <= MAX_PAIRED {
            let studies = || plan.studies.iter().enumerate();
            for (i, one) in studies() {
                let others = studies()
                    .skip(i + 1)
                    .filter(|(_, other)| other.experiment.config != one.experiment.config);
                of.extend(others.map(|(j, _)| vec![i, j]));
            }
        }
        // What is sent is already in the metric's unit.
        let adapts =
            |nth: usize| plan.studies.get(nth).is_none_or(|study| study.allocation.is_some());
        let slots = of.into_iter().map(|of| Slot {
            log: matches!(of[..], [nth] if adapts(nth)).then(Vec::new),
            of,
            observations: Observations::new(0, count, &plan.metrics, |_| 1.0),
        });
        Self {
            units: BTreeMap::new(),
            first: Vec::new(),
            experiments: count,
            slots: slots.collect(),
            sampled: BTreeMap::new(),
        }
    }

    /// Units that were exposed to anything.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units.len()
    }

    /// How many tables there are: the experiments' in their order, then those of pairs.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// The observations of table number `slot`.
    pub(super) fn observations(&self, slot: usize) -> Option<&Observations> {
        self.slots.get(slot).map(|slot| &slot.observations)
    }

    /// The observations of table number `slot`, to be changed.
    pub(super) fn observations_mut(&mut self, slot: usize) -> Option<&mut Observations> {
        self.slots.get_mut(slot).map(|slot| &mut slot.observations)
    }

    /// A unit was exposed to treatment `treatment` of experiment number `nth`.
    pub fn expose(&mut self, nth: usize, at_ms: u64, unit: &str, treatment: u8) {
        let unit = self.unit(unit);
        let first = &mut self.first[unit][nth];
        let mut earliest = First { at_ms, treatment, mixed: false };
        if let Some(other) = *first {
            earliest.mixed = other.mixed || other.treatment != treatment;
            // At the same millisecond the lower treatment stays, so that the order of arrival does
            // not matter.
            if (other.at_ms, other.treatment) < (at_ms, treatment) {
                (earliest.at_ms, earliest.treatment) = (other.at_ms, other.treatment);
            }
        }
        *first = Some(earliest);
        for slot in self.slots.iter_mut().filter(|slot| slot.of.contains(&nth)) {
            slot.observations.assign(nth, unit, earliest.treatment);
        }
    }

    /// A metric event, for table number `slot`.
    pub fn add(&mut self, plan: &AnalysisPlan, slot: usize, event: &MetricEvent<'_>) -> Counted {
        let Slot { of, observations, log } = &mut self.slots[slot];
        let metrics =
            plan.metrics.iter().enumerate().filter(|(_, metric)| metric.counts(event.event));
        let mut counting = metrics
            .filter(|(at, _)| {
                of.iter()
                    .all(|&nth| plan.experiment(nth).is_some_and(|own| own.metrics.contains(at)))
            })
            .map(|(_, metric)| metric)
            .peekable();
        let Some(column) = observations.column(event.event).filter(|_| counting.peek().is_some())
        else {
            return Counted::NoMetric;
        };
        let exposed = self.units.get(event.unit).and_then(|&unit| {
            let times: Option<Vec<u64>> =
                of.iter().map(|&nth| Some(self.first[unit][nth]?.at_ms)).collect();
            Some((unit, times?.into_iter().max()?))
        });
        let Some((unit, exposed)) = exposed else { return Counted::NotExposed };
        if event.at_ms < exposed {
            return Counted::Before;
        }
        if plan.until_ms.is_some_and(|until| event.at_ms >= until) {
            return Counted::AfterEnd;
        }
        if plan.window_ms.is_some_and(|window| event.at_ms - exposed > window) {
            return Counted::AfterWindow;
        }
        if event.weight > 1 {
            let ratio = self.sampled.entry(event.event.to_owned()).or_default();
            *ratio = event.weight.max(*ratio);
        }
        let value = event.value.map(|value| value * event.weight as f64);
        match value {
            Some(value) => observations.add(column, unit, value),
            None => observations.occur(column, unit),
        }
        if let Some(log) = log {
            log.push(LoggedEvent { at_ms: event.at_ms, unit, column, value });
        }
        let any_occurrence = counting.any(|metric| metric.aggregation == Aggregation::Occurrence);
        if event.value.is_none() && !any_occurrence { Counted::NoValue } else { Counted::Yes }
    }

    fn unit(&mut self, key: &str) -> usize {
        if let Some(&unit) = self.units.get(key) {
            return unit;
        }
        let unit = self.units.len();
        self.units.insert(key.to_owned(), unit);
        self.first.push(vec![None; self.experiments]);
        for Slot { observations, .. } in &mut self.slots {
            // Room is made in large steps, so that a unit costs the same however many there are.
            if unit >= observations.units() {
                observations.grow((unit + 1).next_power_of_two().max(1024));
            }
        }
        unit
    }

    /// What is summed up and analyzed so far of experiment number `nth`.
    #[must_use]
    pub fn analysis(&self, plan: &AnalysisPlan, nth: usize) -> (Summary, Analysis) {
        let study = &plan.studies[nth];
        let experiment = &study.experiment;
        let mut summary =
            study.summarize(&self.slots[nth].observations, &plan.metrics, 0..self.units());
        if experiment.treatments.iter().all(|treatment| treatment.share.weight() == 0) {
            summary.shares = None;
        }
        self.leave_out_sampled(&mut summary);
        study.conclude_from(summary)
    }

    /// Takes the results out of metrics whose events were sampled in a way that cannot be made up for.
    fn leave_out_sampled(&self, summary: &mut Summary) {
        for input in &mut summary.metrics {
            let sampled = self.sampled.keys().any(|event| input.metric.counts(event));
            if sampled && !survives_sampling(&input.metric) {
                input.tallies.iter_mut().for_each(|tally| *tally = None);
            }
        }
    }

    /// Looks at experiment number `nth` after every `every` exposed users, as if the events came now in
    /// the order of their times, until `look` says that it has seen enough: it gets the number of
    /// users, the Unix time in milliseconds, and the analysis.
    pub(super) fn look_back(
        &self,
        plan: &AnalysisPlan,
        nth: usize,
        every: u32,
        mut look: impl FnMut(u32, u64, &Analysis) -> bool,
    ) {
        let (Some(experiment), Some(log)) = (plan.experiment(nth), &self.slots[nth].log) else {
            return;
        };
        let arrivals = self.first.iter().enumerate().filter_map(|(unit, first)| {
            first[nth].map(|first| FirstExposure {
                at_ms: first.at_ms,
                unit,
                treatment: first.treatment,
            })
        });
        replay(
            arrivals.collect(),
            log.clone(),
            &plan.metrics,
            every,
            |users, at_ms, observations| {
                let mut summary =
                    summarize(observations, 0, experiment, &plan.metrics, 0..users as usize);
                self.leave_out_sampled(&mut summary);
                look(users, at_ms, &analyze(experiment, &summary))
            },
        );
    }

    /// How many users were exposed in experiment number `nth`.
    pub(super) fn exposed(&self, nth: usize) -> usize {
        self.first.iter().filter(|first| first[nth].is_some()).count()
    }

    /// The report so far; `fingerprint` is a digest of the events.
    #[must_use]
    pub fn report(&self, plan: &AnalysisPlan, fingerprint: String) -> Report {
        let mut report = Report::new(&plan.name, DataOrigin::Data, None, fingerprint);
        report.assumptions.clone_from(&plan.assumptions);
        for (nth, study) in plan.studies.iter().enumerate() {
            let (_, analysis) = self.analysis(plan, nth);
            let verdict = study.decide(&analysis);
            let health = self.health(plan, nth);
            let extras = ReportSupplements {
                health,
                bandit: bandit(self, plan, nth),
                ..ReportSupplements::default()
            };
            let shown = Report::experiment(&study.experiment, &analysis, verdict.as_ref(), extras);
            if let Some(expect) = &study.expect {
                report.expectations.extend(expect.check(&shown));
            }
            report.experiments.push(shown);
        }
        report.rollouts = rollouts(self, plan, &mut report.expectations);
        let experiments: Vec<_> = plan.studies.iter().map(|study| &study.experiment).collect();
        for slot in self.slots.iter().skip(self.experiments) {
            if let [i, j] = slot.of[..] {
                let found =
                    interactions_between(&slot.observations, [i, j], &experiments, &plan.metrics);
                report.interactions.extend(Interaction::rows(&experiments, &plan.metrics, found));
            }
        }
        report
    }

    fn health(&self, plan: &AnalysisPlan, nth: usize) -> Vec<HealthCheck> {
        let mut found = Vec::new();
        let mixed =
            self.first.iter().filter(|first| first[nth].is_some_and(|first| first.mixed)).count();
        if mixed > 0 {
            let unit = &plan.unit;
            let who = if mixed == 1 {
                format!("1 {unit} was")
            } else {
                format!("{} {unit}s were", figure::count(mixed as u64))
            };
            let message = format!(
                "{who} exposed to more than one variation; the first exposure counts, so effects look smaller than they are"
            );
            found.push(HealthCheck {
                check: "mixed_exposures",
                status: HealthStatus::Warning,
                message,
            });
        }
        found.extend(self.sampling(plan, nth));
        found
    }

    /// What the sampling of metric events does to an experiment's metrics.
    fn sampling(&self, plan: &AnalysisPlan, nth: usize) -> Option<HealthCheck> {
        let own = plan.studies[nth].experiment.metrics.iter().map(|&at| &plan.metrics[at]);
        let sampled: Vec<(&Metric, u64)> = own
            .filter_map(|metric| {
                let of = self.sampled.iter().filter(|(event, _)| metric.counts(event));
                Some((metric, of.map(|(_, ratio)| *ratio).max()?))
            })
            .collect();
        let ratio = sampled.iter().map(|(_, ratio)| *ratio).max()?;
        let names = |sound: bool| {
            let names = sampled.iter().filter(|(metric, _)| survives_sampling(metric) == sound);
            names.map(|(metric, _)| format!("`{}`", metric.key)).collect::<Vec<_>>().join(", ")
        };
        let (weighted, refused) = (names(true), names(false));
        let mut message = format!("metric events were sampled, `samplingRatio` up to {ratio}");
        if !weighted.is_empty() {
            message += &format!("; each stands for that many in the sum of {weighted}");
        }
        if !refused.is_empty() {
            message += &format!(
                "; no result for {refused}: sampling hides users whose events were all left out, so a conversion, an average \
                 per user or a percentile cannot be recovered; send these events unsampled"
            );
        }
        let status = if refused.is_empty() { HealthStatus::Warning } else { HealthStatus::Error };
        Some(HealthCheck { check: "sampling", status, message })
    }
}

/// Whether weighting sampled events gives an unbiased value: of a sum over all exposed units (D. G.
/// Horvitz & D. J. Thompson, "A generalization of sampling without replacement from a finite
/// universe", 1952). The spread of the weighted sums contains the sampling's own noise, so its
/// standard error is right, too.
fn survives_sampling(metric: &Metric) -> bool {
    let linear = metric.declared().definition().linear;
    metric.aggregation == Aggregation::Sum && linear && metric.missing == Missing::Zero
}
