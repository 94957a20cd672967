//! The table of observations.
//!
//! Does not know: how a value is analyzed.

use crate::experiment::{Aggregation, Denominator, Metric};

/// The treatment of a unit that takes part in nothing.
const NOWHERE: u8 = u8::MAX;

/// All units' events of one kind, folded.
#[derive(Clone, Debug)]
pub struct EventColumn {
    /// Key of the events.
    pub event: String,
    /// Factor from the sums to the unit on the wire.
    pub scale: f64,
    /// Sums of values; not-a-number where a unit has no event.
    sums: Vec<f64>,
    /// Numbers of events, kept where an average needs them.
    counts: Option<Vec<u32>>,
    /// Units with an event that has no value; empty until there is one.
    valueless: Vec<bool>,
    /// Numbers of events with a value or without, kept where a ratio divides by them.
    events: Option<Vec<u32>>,
}

impl EventColumn {
    fn occurred(&self, unit: usize) -> bool {
        self.sums.get(unit).is_some_and(|sum| !sum.is_nan())
            || self.valueless.get(unit) == Some(&true)
    }
}

/// Observations of any number of units.
#[derive(Clone, Debug)]
pub struct Observations {
    units: usize,
    /// For each experiment, each unit's treatment.
    treatments: Vec<Vec<u8>>,
    columns: Vec<EventColumn>,
    /// For each metric, its column.
    column_of: Vec<usize>,
    /// For each metric, the column that it divides by, and whether by the number of events.
    divisor: Vec<Option<(usize, bool)>>,
    /// For each metric, the column of the judge's other verdict, where it is known.
    other_verdict: Vec<Option<usize>>,
}

/// The event of a judge's other verdict, where the two are named as LaunchDarkly names feedback:
/// `…positive` and `…negative`.
fn other_verdict(event: &str) -> Option<String> {
    let (good, bad) = ("positive", "negative");
    let swapped = |from, to| {
        event.rfind(from).map(|at| format!("{}{to}{}", &event[..at], &event[at + good.len()..]))
    };
    swapped(good, bad).or_else(|| swapped(bad, good))
}

impl Observations {
    /// An empty table of so many units and experiments, with a column for each distinct event of
    /// the metrics, and for the other verdict of each judge.
    #[must_use]
    pub fn new(
        units: usize,
        experiments: usize,
        metrics: &[Metric],
        scale: impl Fn(&str) -> f64,
    ) -> Self {
        let mut columns: Vec<EventColumn> = Vec::new();
        let mut column = |event: &str| {
            columns.iter().position(|column| column.event == event).unwrap_or_else(|| {
                columns.push(EventColumn {
                    event: event.to_owned(),
                    scale: scale(event),
                    sums: vec![f64::NAN; units],
                    counts: None,
                    valueless: Vec::new(),
                    events: None,
                });
                columns.len() - 1
            })
        };
        let column_of: Vec<usize> = metrics.iter().map(|metric| column(&metric.event)).collect();
        let divisor: Vec<Option<(usize, bool)>> = metrics
            .iter()
            .map(|metric| {
                let per = metric.per.as_ref()?;
                Some((column(per.event()), matches!(per, Denominator::Events(_))))
            })
            .collect();
        let other_verdict = metrics
            .iter()
            .map(|metric| metric.judge.as_ref().and_then(|_| other_verdict(&metric.event)));
        let other_verdict = other_verdict.map(|event| event.map(|event| column(&event))).collect();
        for (at, column) in columns.iter_mut().enumerate() {
            let averaged = metrics
                .iter()
                .zip(&column_of)
                .any(|(metric, &own)| own == at && metric.aggregation == Aggregation::Average);
            column.counts = averaged.then(|| vec![0; units]);
            let counted = divisor.iter().flatten().any(|&own| own == (at, true));
            column.events = counted.then(|| vec![0; units]);
        }
        Self {
            units,
            treatments: vec![vec![NOWHERE; units]; experiments],
            columns,
            column_of,
            divisor,
            other_verdict,
        }
    }

    /// How many units there are.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// Room for units up to `units`.
    pub fn grow(&mut self, units: usize) {
        if units > self.units {
            self.units = units;
            self.treatments.iter_mut().for_each(|treatments| treatments.resize(units, NOWHERE));
            for column in &mut self.columns {
                column.sums.resize(units, f64::NAN);
                for counts in [&mut column.counts, &mut column.events].into_iter().flatten() {
                    counts.resize(units, 0);
                }
            }
        }
    }

    /// The column of an event's key, if any metric counts it.
    #[must_use]
    pub fn column(&self, event: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.event == event)
    }
}

/// Cells by their numbers: of experiments and metrics those that the table was made for, of units
/// those below [`Observations::units`], of columns those that [`Observations::column`] gives.
#[expect(
    clippy::indexing_slicing,
    reason = "the numbers are the table's own, and a wrong one must not pass as a unit without data"
)]
impl Observations {
    /// Whether the event of the other verdict of metric number `metric`'s judge is known.
    #[must_use]
    pub fn knows_judged(&self, metric: usize) -> bool {
        self.other_verdict[metric].is_some()
    }

    /// Whether a unit has a verdict of metric number `metric`'s judge, good or bad.
    #[must_use]
    pub fn judged(&self, metric: usize, unit: u32) -> bool {
        let own = &self.columns[self.column_of[metric]];
        let other = self.other_verdict[metric].map(|other| &self.columns[other]);
        own.occurred(unit as usize) || other.is_some_and(|other| other.occurred(unit as usize))
    }

    /// `unit` is exposed to a treatment; the first exposure stays. Tells whether this one
    /// contradicts it.
    pub fn expose(&mut self, experiment: usize, unit: usize, treatment: u8) -> bool {
        let now = &mut self.treatments[experiment][unit];
        if *now == NOWHERE {
            *now = treatment;
        }
        *now != treatment
    }

    /// `unit` belongs to a treatment, whatever was said before.
    pub fn assign(&mut self, experiment: usize, unit: usize, treatment: u8) {
        self.treatments[experiment][unit] = treatment;
    }

    /// An event of `unit`.
    pub fn add(&mut self, column: usize, unit: usize, value: f64) {
        let column = &mut self.columns[column];
        let sum = &mut column.sums[unit];
        *sum = if sum.is_nan() { value } else { *sum + value };
        for counts in [&mut column.counts, &mut column.events].into_iter().flatten() {
            counts[unit] += 1;
        }
    }

    /// Values of metric number `metric` above `most` become `most`.
    pub fn cut(&mut self, metric: usize, most: f64) {
        let EventColumn { sums, counts, scale, .. } = &mut self.columns[self.column_of[metric]];
        for (unit, sum) in sums.iter_mut().enumerate() {
            let events = counts.as_ref().map_or(1.0, |counts| f64::from(counts[unit].max(1)));
            if *sum * *scale / events > most {
                *sum = most * events / *scale;
            }
        }
    }

    /// The value 0 for a unit that has no event so far; later events add to it.
    pub fn add_if_missing(&mut self, column: usize, unit: usize) {
        let column = &mut self.columns[column];
        if column.sums[unit].is_nan() {
            column.sums[unit] = 0.0;
        }
    }

    /// An event of `unit` that has no value: it occurred, and no sum or average knows of it.
    pub fn occur(&mut self, column: usize, unit: usize) {
        let units = self.units;
        let EventColumn { valueless, events, .. } = &mut self.columns[column];
        valueless.resize(units, false);
        valueless[unit] = true;
        if let Some(events) = events {
            events[unit] += 1;
        }
    }

    /// The treatment of a unit, if it takes part.
    #[must_use]
    pub fn treatment(&self, experiment: usize, unit: usize) -> Option<usize> {
        let treatment = self.treatments[experiment][unit];
        (treatment != NOWHERE).then_some(usize::from(treatment))
    }

    /// What a unit adds to numerator and denominator of a ratio; `None` for a metric that is none.
    #[must_use]
    pub fn pair(&self, metric: usize, unit: usize) -> Option<(f64, f64)> {
        let (divisor, by_number) = self.divisor[metric]?;
        let sum = |column: &EventColumn| {
            let sum = column.sums[unit];
            if sum.is_nan() { 0.0 } else { sum * column.scale }
        };
        let divisor = &self.columns[divisor];
        let under = match &divisor.events {
            Some(events) if by_number => f64::from(events[unit]),
            _ => sum(divisor),
        };
        Some((sum(&self.columns[self.column_of[metric]]), under))
    }

    /// The value of a unit under a metric; `None` without events.
    #[must_use]
    pub fn value(&self, metric: usize, aggregation: Aggregation, unit: usize) -> Option<f64> {
        let column = &self.columns[self.column_of[metric]];
        let sum = column.sums[unit];
        if sum.is_nan() {
            let occurred =
                aggregation == Aggregation::Occurrence && column.valueless.get(unit) == Some(&true);
            return occurred.then_some(1.0);
        }
        Some(match (aggregation, &column.counts) {
            (Aggregation::Occurrence, _) => 1.0,
            (Aggregation::Average, Some(counts)) => {
                sum * column.scale / f64::from(counts[unit].max(1))
            }
            _ => sum * column.scale,
        })
    }
}
