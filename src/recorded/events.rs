//! Recorded events to the same report that a run has.
//!
//! Two passes over the file, since exposures may arrive after the events that follow them: first who was exposed to what and
//! when, then whose metric events count: those at or after the unit's first exposure in the experiment.
//!
//! Promises: every line is counted somewhere, malformed ones with line and reason; the order of lines does not matter; one
//! experiment's exposure never counts for another.
//!
//! Does not know: where the lines come from.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use super::lines::each_event;
use super::plan::{Found, Plan};
use crate::analysis::{HealthCheck, HealthStatus, analyze, summarize};
use crate::experiment::Aggregation;
use crate::flags::events::Recorded;
use crate::metrics::Observations;
use crate::report::{Extras, Fault, Mode, Ordered, RecordedData, Report, interactions};
use crate::verdict::decide;

/// Most faults that are shown one by one; all are counted.
const MOST_FAULTS: usize = 20;

/// A unit's exposures: for each experiment when it was first exposed and to which treatment.
#[derive(Clone, Debug, Default)]
struct Unit {
    first: Vec<Option<(u64, u8)>>,
    mixed: bool,
}

/// Which configs and events there are, for a plan without a scenario.
///
/// # Errors
/// When the reader fails.
pub fn look(lines: impl BufRead) -> io::Result<Found> {
    let mut found = Found::default();
    each_event(lines, |line, event| {
        match &event {
            Ok(_) => found.readable += 1,
            Err(reason) if found.faults.len() < MOST_FAULTS => found.faults.push((line, reason.clone())),
            Err(_) => {}
        }
        match event {
            Ok(Recorded::Exposure { config, variation, variation_key, .. }) => {
                let variations = found.exposed.entry(config.to_owned()).or_default();
                let key = variations.entry(variation).or_default();
                if key.is_none() {
                    *key = variation_key.map(str::to_owned);
                }
            }
            Ok(Recorded::Metric { event, .. }) => *found.events.entry(event.to_owned()).or_default() += 1,
            _ => {}
        }
    })?;
    Ok(found)
}

/// The report on recorded events; `open` begins the file anew.
///
/// # Errors
/// When the reader fails.
pub fn events_report<R: BufRead>(plan: &Plan, open: impl Fn() -> io::Result<R>) -> io::Result<Report> {
    let mut data = RecordedData::default();
    let mut units: BTreeMap<String, Unit> = BTreeMap::new();
    let mut digest = Digest::default();
    data.lines = each_event(Hashed { inner: open()?, digest: &mut digest }, |line, event| {
        data.events += 1;
        match event {
            Ok(Recorded::Exposure { at_ms, unit, config, variation, variation_key }) => {
                data.exposures += 1;
                expose(plan, &mut units, &mut data, (at_ms, unit), (config, variation, variation_key));
            }
            Ok(Recorded::Metric { .. }) => data.metric_events += 1,
            Ok(Recorded::Other { kind }) => {
                let text = if kind == "feature" { "evaluations outside of experiments".to_owned() } else { format!("`{kind}` events") };
                count(&mut data.unused, &text);
            }
            Err(reason) => {
                data.malformed += 1;
                if data.faults.len() < MOST_FAULTS {
                    data.faults.push(Fault { line, reason });
                }
            }
        }
    })?;
    let tables = collect(plan, &units, &mut data, open()?)?;
    data.units = units.len() as u64;
    let mixed = units.values().filter(|unit| unit.mixed).count();
    Ok(report(plan, data, &tables, mixed, digest.hex()))
}

fn count(counts: &mut Ordered<u64>, text: &str) {
    match counts.0.iter_mut().find(|(own, _)| own == text) {
        Some((_, count)) => *count += 1,
        None => counts.0.push((text.to_owned(), 1)),
    }
}

fn expose(
    plan: &Plan,
    units: &mut BTreeMap<String, Unit>,
    data: &mut RecordedData,
    (at_ms, unit): (u64, &str),
    (config, variation, key): (&str, usize, Option<&str>),
) {
    let mut used = false;
    for nth in 0..plan.experiments.len() {
        if plan.experiments[nth].config != config {
            continue;
        }
        let Some(treatment) = plan.treatment(nth, variation, key) else { continue };
        used = true;
        if !units.contains_key(unit) {
            units.insert(unit.to_owned(), Unit { first: vec![None; plan.experiments.len()], mixed: false });
        }
        let Some(known) = units.get_mut(unit) else { continue };
        let first = &mut known.first[nth];
        known.mixed |= first.is_some_and(|(_, other)| other != treatment);
        // At the same millisecond the lower treatment stays, so that the order of lines does not matter.
        let this = (at_ms, treatment);
        *first = Some(first.map_or(this, |other| other.min(this)));
    }
    if !used {
        count(&mut data.unused, "exposures to what no experiment compares");
    }
}

/// One table for each experiment, filled with the events that count for it.
fn collect(plan: &Plan, units: &BTreeMap<String, Unit>, data: &mut RecordedData, lines: impl BufRead) -> io::Result<Vec<Observations>> {
    let empty = || Observations::new(units.len(), plan.experiments.len(), &plan.metrics, |_| 1.0);
    let mut tables: Vec<Observations> = plan.experiments.iter().map(|_| empty()).collect();
    let mut places: BTreeMap<&str, (usize, &Unit)> = BTreeMap::new();
    for (place, (key, unit)) in units.iter().enumerate() {
        places.insert(key, (place, unit));
        // Every table knows all exposures: two experiments may be looked at together.
        for table in &mut tables {
            for (nth, first) in unit.first.iter().enumerate() {
                if let Some((_, treatment)) = first {
                    table.expose(nth, place, *treatment);
                }
            }
        }
    }
    each_event(lines, |_, event| {
        let Ok(Recorded::Metric { at_ms, unit, event, value, .. }) = event else { return };
        let mut why = "metric events that no metric counts";
        let mut used = false;
        for (nth, (experiment, table)) in plan.experiments.iter().zip(&mut tables).enumerate() {
            let Some(column) = table.column(event) else { continue };
            let mut counting = experiment.metrics.iter().map(|&at| &plan.metrics[at]).filter(|metric| metric.event == event);
            let Some(metric) = counting.next() else { continue };
            let Some(&(place, known)) = places.get(unit) else {
                why = "metric events of users who were not exposed";
                continue;
            };
            let Some((exposed, _)) = known.first[nth] else {
                why = "metric events of users who were not exposed";
                continue;
            };
            let numeric =
                metric.aggregation != Aggregation::Occurrence || counting.any(|other| other.aggregation != Aggregation::Occurrence);
            if at_ms < exposed {
                why = "metric events before the user's exposure";
            } else if value.is_none() && numeric {
                why = "metric events without a `metricValue`";
            } else {
                table.add(column, place, value.unwrap_or(1.0));
                used = true;
            }
        }
        if used {
            data.used += 1;
        } else {
            count(&mut data.unused, why);
        }
    })?;
    Ok(tables)
}

fn report(plan: &Plan, data: RecordedData, tables: &[Observations], mixed: usize, fingerprint: String) -> Report {
    let mut report = Report::new(&plan.name, Mode::Data, None, fingerprint);
    report.assumptions.clone_from(&plan.assumptions);
    for (nth, (experiment, table)) in plan.experiments.iter().zip(tables).enumerate() {
        let mut summary = summarize(table, nth, experiment, &plan.metrics, 0..table.units());
        if experiment.treatments.iter().all(|treatment| treatment.share.weight() == 0) {
            summary.shares = None;
        }
        let analysis = analyze(experiment, &summary);
        let verdict = plan.rules[nth].as_ref().map(|rule| decide(rule, experiment, &analysis));
        let extras = Extras { health: health(&data, mixed), ..Extras::default() };
        let shown = Report::experiment(experiment, &analysis, verdict.as_ref(), extras);
        if let Some(expect) = &plan.expects[nth] {
            report.expectations.extend(expect.check(&shown));
        }
        report.experiments.push(shown);
    }
    if let Some(table) = tables.first() {
        report.interactions = interactions(table, &plan.experiments, &plan.metrics);
    }
    report.data = Some(data);
    report
}

/// What only a reader of events can check.
fn health(data: &RecordedData, mixed: usize) -> Vec<HealthCheck> {
    let mut checks = Vec::new();
    if mixed > 0 {
        let message = format!(
            "{mixed} {} exposed to more than one variation; the first exposure counts, so effects look smaller than they are",
            if mixed == 1 { "user was" } else { "users were" }
        );
        checks.push(HealthCheck { check: "mixed_exposures", status: HealthStatus::Warning, message });
    }
    if data.malformed > 0 {
        let (verb, them) = if data.malformed == 1 { ("event was", "it is") } else { ("events were", "they are") };
        let message = format!("{} {verb} not readable; {them} listed by line", data.malformed);
        checks.push(HealthCheck { check: "events", status: HealthStatus::Warning, message });
    }
    checks
}

/// A digest of what was read.
#[derive(Default)]
struct Digest(xxhash_rust::xxh3::Xxh3);

impl Digest {
    fn hex(&self) -> String {
        format!("{:032x}", self.0.digest128())
    }
}

/// A reader whose bytes are digested as they are consumed.
struct Hashed<'d, R> {
    inner: R,
    digest: &'d mut Digest,
}

impl<R: BufRead> io::Read for Hashed<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.digest.0.update(&buffer[..read]);
        Ok(read)
    }
}

impl<R: BufRead> BufRead for Hashed<'_, R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(bytes) = self.inner.fill_buf() {
            self.digest.0.update(&bytes[..amount.min(bytes.len())]);
        }
        self.inner.consume(amount);
    }
}
