//! Recorded exposures and events once more, in the order of their times.
//!
//! Guarantees: the order of lines does not matter; at a look nothing counts that was recorded after
//! it.
//!
//! Does not know: what is done at a look.

use crate::analysis::LookSchedule;
use crate::experiment::Metric;
use crate::metrics::Observations;

/// A unit's first exposure.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstExposure {
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// Number of the unit.
    pub unit: usize,
    /// Its treatment.
    pub treatment: u8,
}

/// An event that counts for its unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct LoggedEvent {
    /// Unix time in milliseconds.
    pub at_ms: u64,
    /// Number of the unit.
    pub unit: usize,
    /// Column of the table of observations.
    pub column: usize,
    /// Its value, if it has one.
    pub value: Option<f64>,
}

/// Looks at the moment at which every `every`-th unit is exposed, at what was recorded up to this
/// millisecond, until `look` says that it has seen enough. It gets the number of units, the Unix
/// time in milliseconds, and a table of one experiment in which the units are numbered by arrival.
pub(super) fn replay(
    mut arrivals: Vec<FirstExposure>,
    mut log: Vec<LoggedEvent>,
    metrics: &[Metric],
    every: u32,
    mut look: impl FnMut(u32, u64, &Observations) -> bool,
) {
    arrivals.sort_by_key(|arrival| (arrival.at_ms, arrival.unit));
    // Sums of equal events in any order are equal to the last bit.
    let order = |event: &LoggedEvent| (event.at_ms, event.unit, event.column);
    let value = |event: &LoggedEvent| event.value.unwrap_or(f64::NEG_INFINITY);
    log.sort_by(|a, b| order(a).cmp(&order(b)).then(value(a).total_cmp(&value(b))));
    let units = arrivals.iter().map(|arrival| arrival.unit + 1).max().unwrap_or(0);
    let mut place = vec![None; units];
    for (nth, arrival) in arrivals.iter().enumerate() {
        if let Some(place) = place.get_mut(arrival.unit) {
            *place = Some(nth);
        }
    }
    let mut table = Observations::new(arrivals.len(), 1, metrics, |_| 1.0);
    let mut events = log.into_iter().peekable();
    let mut schedule = LookSchedule::new(every);
    for (nth, arrival) in arrivals.iter().enumerate() {
        table.expose(0, nth, arrival.treatment);
        schedule.count();
        if !schedule.due() {
            continue;
        }
        schedule.looked();
        while let Some(event) = events.next_if(|event| event.at_ms <= arrival.at_ms) {
            let Some(unit) = place.get(event.unit).copied().flatten() else { continue };
            match event.value {
                Some(value) => table.add(event.column, unit, value),
                None => table.occur(event.column, unit),
            }
        }
        if !look(schedule.users(), arrival.at_ms, &table) {
            return;
        }
    }
}
