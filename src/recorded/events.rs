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
use super::table::{Counted, Table};
use crate::analysis::HealthStatus;
use crate::flags::events::Recorded;
use crate::report::{Fault, Health, Ordered, RecordedData, Report};

/// Most faults that are shown one by one; all are counted.
const MOST_FAULTS: usize = 20;

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

/// Exposures by unit: experiment, time and treatment.
type Exposures = BTreeMap<String, Vec<(usize, u64, u8)>>;

/// The report on recorded events; `open` begins the file anew.
///
/// # Errors
/// When the reader fails.
pub fn events_report<R: BufRead>(plan: &Plan, open: impl Fn() -> io::Result<R>) -> io::Result<Report> {
    let mut data = RecordedData::default();
    let mut exposures = Exposures::new();
    let mut digest = Digest::default();
    data.lines = each_event(Hashed { inner: open()?, digest: &mut digest }, |line, event| {
        data.events += 1;
        match event {
            Ok(Recorded::Exposure { at_ms, unit, config, variation, variation_key }) => {
                data.exposures += 1;
                let meant = |nth: usize| plan.experiments[nth].config == config;
                let mut used = false;
                for nth in (0..plan.experiments.len()).filter(|&nth| meant(nth)) {
                    if let Some(treatment) = plan.treatment(nth, variation, variation_key) {
                        used = true;
                        exposures.entry(unit.to_owned()).or_default().push((nth, at_ms, treatment));
                    }
                }
                if !used {
                    count(&mut data.unused, "exposures to what no experiment compares");
                }
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
    // In the order of their keys, so that the order of lines does not matter to the last bit.
    let mut table = Table::new(plan);
    for (unit, exposures) in &exposures {
        exposures.iter().for_each(|&(nth, at_ms, treatment)| table.expose(nth, at_ms, unit, treatment));
    }
    drop(exposures);
    each_event(open()?, |_, event| {
        let Ok(Recorded::Metric { at_ms, unit, event, value, .. }) = event else { return };
        let each: Vec<Counted> = (0..plan.experiments.len()).map(|nth| table.add(plan, nth, at_ms, unit, event, value)).collect();
        if each.contains(&Counted::Yes) {
            data.used += 1;
        } else {
            let why = each.into_iter().find(|counted| *counted != Counted::NoMetric).unwrap_or(Counted::NoMetric);
            count(&mut data.unused, unused(why));
        }
    })?;
    data.units = table.units() as u64;
    let mut report = table.report(plan, digest.hex());
    if data.malformed > 0 {
        let (verb, them) = if data.malformed == 1 { ("event was", "it is") } else { ("events were", "they are") };
        let message = format!("{} {verb} not readable; {them} listed by line", data.malformed);
        let check = Health { check: "events".to_owned(), status: HealthStatus::Warning, message };
        report.experiments.iter_mut().for_each(|experiment| experiment.health.push(check.clone()));
    }
    report.data = Some(data);
    Ok(report)
}

fn count(counts: &mut Ordered<u64>, text: &str) {
    match counts.0.iter_mut().find(|(own, _)| own == text) {
        Some((_, count)) => *count += 1,
        None => counts.0.push((text.to_owned(), 1)),
    }
}

/// Why an event counts for nothing.
fn unused(why: Counted) -> &'static str {
    match why {
        Counted::Yes | Counted::NoMetric => "metric events that no metric counts",
        Counted::NotExposed => "metric events of users who were not exposed",
        Counted::Before => "metric events before the user's exposure",
        Counted::NoValue => "metric events without a `metricValue`",
    }
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
