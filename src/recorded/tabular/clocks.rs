//! Whether the clocks of two tables agree: times far from all others, and events before exposures.
//!
//! No clock is read here, so a report is the same tomorrow: what is too late is told by the other
//! times of the same tables.
//!
//! Does not know: rows.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use super::conclude::warning;
use crate::analysis::HealthCheck;
use crate::figure;
use crate::time::utc;

const DAY_MS: u64 = 86_400_000;
/// How far from the others a time has to be to be doubted.
const FAR_MS: u64 = 366 * DAY_MS;
/// Longest time before an exposure that is told apart, more than a century.
const LONGEST_MS: u64 = 1 << 42;
/// Fewest events before their exposure of which anything is said.
const FEWEST: u64 = 10;

/// When exposures happened, day by day, each day with its number of exposures and the line and time
/// of the first.
#[derive(Default)]
pub(super) struct ExposureDays {
    days: BTreeMap<u64, (u64, u64, u64)>,
    /// The last exposure.
    pub last_ms: u64,
}

impl ExposureDays {
    /// Counts an exposure.
    pub fn add(&mut self, at_ms: u64, line: u64) {
        let day = self.days.entry(at_ms / DAY_MS).or_insert((0, line, at_ms));
        day.0 += 1;
        self.last_ms = self.last_ms.max(at_ms);
    }

    /// The middle day's first exposure.
    fn median_ms(&self) -> u64 {
        let all: u64 = self.days.values().map(|(count, ..)| count).sum();
        let mut seen = 0;
        let middle = self.days.values().find(|(count, ..)| {
            seen += count;
            seen * 2 >= all
        });
        middle.map_or(0, |(_, _, at_ms)| *at_ms)
    }

    /// The check of exposures that are more than a year from the middle one.
    pub fn check(&self, shown: &str) -> Option<HealthCheck> {
        let median = self.median_ms();
        let far: Vec<_> =
            self.days.values().filter(|(_, _, at_ms)| at_ms.abs_diff(median) > FAR_MS).collect();
        let (_, line, at_ms) = far.iter().min_by_key(|(_, line, _)| *line)?;
        let count: u64 = far.iter().map(|(count, ..)| count).sum();
        Some(warning(
            "clock",
            format!(
                "{} exposures of `{shown}` are more than a year from the median exposure ({}); the first is in line {line}, at \
                 {}: are these times right? They count",
                figure::count(count),
                utc(median),
                utc(*at_ms)
            ),
        ))
    }
}

/// How the times of events stand to the exposures of their units.
pub(super) struct EventClock {
    /// Events of exposed units.
    events: u64,
    /// Those before the exposure: in the day before it, in the day before that, and all.
    last_day: u64,
    day_before: u64,
    before: u64,
    first_before: Option<u64>,
    gaps: Option<Histogram<u64>>,
    /// Those more than a year after the last exposure of anyone; the first with its line and time.
    late: u64,
    first_late: Option<(u64, u64)>,
}

impl Default for EventClock {
    fn default() -> Self {
        Self {
            events: 0,
            last_day: 0,
            day_before: 0,
            before: 0,
            first_before: None,
            gaps: Histogram::new_with_bounds(1, LONGEST_MS, 2).ok(),
            late: 0,
            first_late: None,
        }
    }
}

impl EventClock {
    /// Counts an event of a unit that was exposed at `exposed_ms`.
    pub fn add(&mut self, line: u64, at_ms: u64, exposed_ms: u64, last_exposure_ms: u64) {
        self.events += 1;
        if at_ms > last_exposure_ms.saturating_add(FAR_MS) {
            self.late += 1;
            self.first_late.get_or_insert((line, at_ms));
        }
        let Some(gap) = exposed_ms.checked_sub(at_ms).filter(|gap| *gap > 0) else { return };
        self.before += 1;
        self.first_before.get_or_insert(line);
        self.last_day += u64::from(gap <= DAY_MS);
        self.day_before += u64::from(gap > DAY_MS && gap <= 2 * DAY_MS);
        if let Some(gaps) = &mut self.gaps {
            gaps.saturating_record(gap);
        }
    }

    /// The checks: of events before the exposure, unless a pre-period asks for them, and of events
    /// long after everything else.
    pub fn checks(&self, shown: &str, pre_period: bool) -> Vec<HealthCheck> {
        let mut found = Vec::new();
        found.extend(self.skew(shown).filter(|_| !pre_period));
        if let Some((line, at_ms)) = self.first_late {
            found.push(warning(
                "clock",
                format!(
                    "{} events of `{shown}` are more than a year after the last exposure; the first is in line {line}, at {}: are \
                     these times right? They count (`--until DATE` and `--window` leave later ones out)",
                    figure::count(self.late),
                    utc(at_ms)
                ),
            ));
        }
        found
    }

    /// Users may well do things before an experiment reaches them. But most of them do not do it in
    /// the last day more than in the day before, and where most events come before the exposure,
    /// something else is wrong.
    fn skew(&self, shown: &str) -> Option<HealthCheck> {
        let most = self.before * 2 > self.events;
        let crowded = self.last_day * 20 >= self.events && self.last_day >= 3 * self.day_before;
        if self.before < FEWEST || !(most || crowded) {
            return None;
        }
        let median = self.gaps.as_ref().map_or(0, |gaps| gaps.value_at_quantile(0.5));
        let what = if crowded {
            format!(
                "{} of them in the day before it and {} in the day before that",
                figure::count(self.last_day),
                figure::count(self.day_before)
            )
        } else {
            "which is most of them".to_owned()
        };
        let line = self.first_before.unwrap_or_default();
        Some(warning(
            "clock_skew",
            format!(
                "{} of {} events of exposed units in `{shown}` are before the exposure, {what}; half are less than {} before it, and \
                 the first is in line {line}. They do not count: do the clocks or the time zones of the two tables differ?",
                figure::count(self.before),
                figure::count(self.events),
                span(median)
            ),
        ))
    }
}

/// A length of time in its largest unit.
fn span(ms: u64) -> String {
    let units = [(DAY_MS, "days"), (3_600_000, "hours"), (60_000, "minutes"), (1_000, "seconds")];
    let fitting = units.iter().find(|(size, _)| ms >= 2 * size);
    let (size, name) = fitting.copied().unwrap_or((1, "milliseconds"));
    format!("{} {name}", figure::count((ms + size / 2) / size))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    fn said(events: impl Iterator<Item = u64>) -> Option<String> {
        let mut clock = EventClock::default();
        let exposed = 1_000 * DAY_MS;
        events.enumerate().for_each(|(nth, at)| clock.add(nth as u64 + 2, at, exposed, exposed));
        clock.checks("e.csv", false).first().map(|check| check.message.clone())
    }

    #[test]
    fn a_time_zone_is_suspected_and_usual_traffic_before_the_exposure_is_not() {
        let exposed = 1_000 * DAY_MS;
        // Events up to 10 hours after the exposure, by a clock that is 5 hours late: half are before.
        let shifted = (0..100).map(|nth| exposed + nth * HOUR / 10 - 5 * HOUR);
        let found = said(shifted).unwrap();
        assert!(
            found.starts_with("50 of 100 events of exposed units in `e.csv` are before the exposure, 50 of them in the day before it and 0"),
            "{found}"
        );
        assert!(
            found.contains("half are less than 3 hours before it") && found.contains("line 2"),
            "{found}"
        );
        // An event an hour for 10 days before and 20 days after.
        assert_eq!(said((0..720).map(|nth| exposed - 240 * HOUR + nth * HOUR)), None);
        let found = said((0..20).map(|nth| exposed - 30 * DAY_MS + nth)).unwrap();
        assert!(found.contains("which is most of them; half are less than 30 days"), "{found}");
        let found = said([exposed + 400 * DAY_MS].into_iter()).unwrap();
        assert!(found.starts_with("1 events of `e.csv` are more than a year after"), "{found}");
    }

    #[test]
    fn exposures_far_from_the_others_are_told_with_their_line() {
        let mut days = ExposureDays::default();
        (0..50).for_each(|nth| days.add((20_000 + nth % 5) * DAY_MS, nth + 2));
        assert_eq!(days.check("x.csv"), None);
        days.add(5_000, 52);
        let found = days.check("x.csv").unwrap().message;
        assert!(
            found.contains("1 exposures") && found.contains("line 52, at 1970-01-01T00:00:05Z"),
            "{found}"
        );
    }
}
