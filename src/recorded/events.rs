//! Recorded events to the same report that a run has.
//!
//! Two passes over the file, since exposures may arrive after the events that follow them: first
//! who was exposed to what and when, then whose metric events count: those at or after the unit's
//! first exposure in the experiment.
//!
//! Guarantees: every line is counted somewhere, malformed ones with line and reason; the order of
//! lines does not matter; one experiment's exposure never counts for another.
//!
//! Does not know: where the lines come from.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use super::hashed::Hashed;
use super::lines::each_event;
use super::plan::AnalysisPlan;
use super::repeats::Repeats;
use super::table::{Counted, MetricEvent, UnitTable};
use crate::analysis::HealthStatus;
use crate::figure;
use crate::flags::events::{Clock, Recorded, context_kinds, notes, read};
use crate::report::{Health, Ordered, RecordedData, Report, UnreadableLine};

/// Most faults that are shown one by one; all are counted.
const MAX_FAULTS: usize = 20;

/// Exposures by unit: experiment, time and treatment.
type Exposures = BTreeMap<String, Vec<(usize, u64, u8)>>;

/// The report on recorded events; `open` begins the file anew.
///
/// # Errors
/// When the reader fails.
pub fn events_report<R: BufRead>(
    plan: &AnalysisPlan,
    open: impl Fn() -> io::Result<R>,
) -> io::Result<Report> {
    let mut data = RecordedData::default();
    let mut exposures = Exposures::new();
    let mut unusual = Unusual::default();
    let mut hashed = Hashed::new(open()?);
    data.lines = each_event(&mut hashed, |line, event| {
        data.events += 1;
        let told = event.and_then(|event| {
            Ok((event, read(event, &plan.unit).map_err(|fault| fault.to_string())?))
        });
        if let Ok((event, recorded)) = &told {
            unusual.take(event, recorded);
        }
        match told.map(|(event, recorded)| (context_kinds(event), recorded)) {
            Ok((_, Recorded::Exposure { at_ms, .. }))
                if plan.until_ms.is_some_and(|until| at_ms >= until) =>
            {
                data.exposures += 1;
                count(&mut data.unused, "exposures after the end date");
            }
            Ok((
                _,
                Recorded::Exposure { at_ms, unit, config, variation, variation_key, value },
            )) => {
                data.exposures += 1;
                let mut used = false;
                for (nth, treatment) in plan.exposed(config, variation, variation_key, value) {
                    used = true;
                    exposures.entry(unit.to_owned()).or_default().push((nth, at_ms, treatment));
                }
                if !used {
                    count(&mut data.unused, "exposures to what no experiment compares");
                }
            }
            Ok((_, Recorded::Metric { .. })) => data.metric_events += 1,
            Ok((kinds, Recorded::Other { kind })) => {
                let elsewhere = kinds.iter().find(|kind| **kind != plan.unit);
                let text = match (kind, elsewhere) {
                    ("feature" | "custom", Some(other)) if !kinds.contains(&plan.unit.as_str()) => {
                        format!("events about contexts of kind `{other}`, not `{}`", plan.unit)
                    }
                    ("feature", _) => "evaluations outside of experiments".to_owned(),
                    ("custom", _) => "the AI SDK's events about itself".to_owned(),
                    _ => format!("`{kind}` events"),
                };
                count(&mut data.unused, &text);
            }
            Err(reason) => {
                data.malformed += 1;
                if data.faults.len() < MAX_FAULTS {
                    data.faults.push(UnreadableLine { line, reason, column: None, file: None });
                }
            }
        }
    })?;
    // In the order of their keys, so that the order of lines does not matter to the last bit.
    let mut table = UnitTable::new(plan);
    for (unit, exposures) in &exposures {
        exposures
            .iter()
            .for_each(|&(nth, at_ms, treatment)| table.expose(nth, at_ms, unit, treatment));
    }
    drop(exposures);
    let mut repeats = Repeats::default();
    let counted = |key: &str| plan.metrics.iter().any(|metric| metric.counts(key));
    each_event(open()?, |line, event| {
        let Ok(json) = event else { return };
        let Ok(Recorded::Metric { at_ms, unit, event, value, .. }) = read(json, &plan.unit) else {
            return;
        };
        if counted(event) && repeats.again(line, at_ms, unit, json) {
            data.duplicates += 1;
            count(&mut data.unused, "metric events that were recorded before");
            return;
        }
        let event = MetricEvent { at_ms, unit, event, value, weight: notes(json).sampling };
        let mut each: Vec<Counted> =
            (0..table.slots()).map(|slot| table.add(plan, slot, &event)).collect();
        // What a pair of experiments counts, one of them counts.
        each.truncate(plan.count());
        if each.contains(&Counted::Yes) {
            data.used += 1;
        } else {
            let why = each
                .into_iter()
                .find(|counted| *counted != Counted::NoMetric)
                .unwrap_or(Counted::NoMetric);
            count(&mut data.unused, unused(why));
        }
    })?;
    data.units = table.units() as u64;
    let mut report = table.report(plan, hashed.digest());
    for check in unusual.health() {
        report.experiments.iter_mut().for_each(|experiment| experiment.health.push(check.clone()));
    }
    if data.malformed > 0 {
        let (verb, them) =
            if data.malformed == 1 { ("event was", "it is") } else { ("events were", "they are") };
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

/// Why an event is not counted.
fn unused(why: Counted) -> &'static str {
    match why {
        Counted::Yes | Counted::NoMetric => "metric events that no metric counts",
        Counted::NotExposed => "metric events of users who were not exposed",
        Counted::Before => "metric events before the user's exposure",
        Counted::AfterWindow => "metric events after the window that follows the user's exposure",
        Counted::AfterEnd => "metric events after the end date",
        Counted::NoValue => "metric events without a `metricValue`",
    }
}

/// What is unusual about the events, as far as readers have to know it.
#[derive(Debug, Default)]
struct Unusual {
    seconds: u64,
    microseconds: u64,
    sampled_exposures: u64,
}

impl Unusual {
    fn take(&mut self, event: &serde_json::Value, recorded: &Recorded<'_>) {
        if matches!(recorded, Recorded::Other { .. }) {
            return;
        }
        let notes = notes(event);
        match notes.clock {
            Clock::Milliseconds => {}
            Clock::Seconds => self.seconds += 1,
            Clock::Microseconds => self.microseconds += 1,
        }
        self.sampled_exposures +=
            u64::from(notes.sampling > 1 && matches!(recorded, Recorded::Exposure { .. }));
    }

    fn health(&self) -> Vec<Health> {
        let warning = |check: &str, message: String| Health {
            check: check.to_owned(),
            status: HealthStatus::Warning,
            message,
        };
        let mut found = Vec::new();
        for (count, unit) in [(self.seconds, "seconds"), (self.microseconds, "microseconds")] {
            if count > 0 {
                let many = figure::count(count);
                let message = format!(
                    "{many} events give their time in {unit}, where milliseconds are expected; they were read in {unit}"
                );
                found.push(warning("event_times", message));
            }
        }
        if self.sampled_exposures > 0 {
            let many = figure::count(self.sampled_exposures);
            let message = format!(
                "{many} exposures were sampled (`samplingRatio`): users whose exposures were left out are not counted"
            );
            found.push(warning("sampled_exposures", message));
        }
        found
    }
}
