//! A table of exposures and a table of events to one report: who got what and when, and which
//! events after it count.
//!
//! The exposures are read first, so one pass over each table is enough.
//!
//! Guarantees: every row is used or counted by the reason why not; an event counts at or after its
//! unit's first exposure, within the window; an event with an id counts once. Memory: the units,
//! and 16 bytes and a tree's overhead for each event with an id that a metric counts.
//!
//! Does not know: files.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::ops::ControlFlow;

use super::super::hashed::Hashed;
use super::super::plan::AnalysisPlan;
use super::super::table::{Counted, MetricEvent, UnitTable};
use super::ask::{CrossedUnits, MetricRequest, TableRequest, TableStatistic};
use super::caps::cut;
use super::clocks::EventClock;
use super::conclude::{Adjusting, StudyRequest, TableFindings, crossed_check, study, warning};
use super::covariates::{Before, covariate_sums};
use super::event_ids::EventIds;
use super::exposed::{Exposures, read_exposures};
use super::joined_rows::{CellFault, JoinRequest, JoinedRows, OpenTable, unreadable};
use super::magnitudes::Magnitudes;
use super::places::CellPlace;
use super::read::each_row;
use super::role_columns::RoleColumns;
use super::roles::ColumnRole;
use super::rows::{TableColumns, TableFormat, TableRow};
use super::times::table_time;
use super::wide::TableRefusal;
use crate::analysis::summarize;
use crate::diagnostic::Diagnostic;
use crate::experiment::Missing;
use crate::figure;
use crate::metrics::Varies;
use crate::report::{Assumption, Ordered, Report};
use crate::scenario::Study;
use crate::time::Duration;

/// Most names of events that are counted for a proposal.
const MAX_NAMES: usize = 100;

/// The report on a table of exposures and a table of events.
///
/// # Errors
/// What is wrong with the request or the data.
pub fn joined_report<A: BufRead, B: BufRead>(
    request: &TableRequest,
    join: &JoinRequest,
    exposures: OpenTable<A>,
    events: OpenTable<B>,
) -> Result<Report, TableRefusal> {
    let mut rows = JoinedRows::default();
    let mut digest = Hashed::new(exposures.input);
    let found = read_exposures(join, &exposures.shown, exposures.format, &mut digest, &mut rows)?;
    let first_digest = digest.digest();
    let (mut study, place) = study(StudyRequest::of(request), &found.arms)?;
    study.assumptions.push(without_events(request.missing));
    let metrics = study.metrics.clone();
    let plan = AnalysisPlan {
        name: request.name.clone(),
        studies: vec![Study::new(
            study.experiment.clone(),
            0,
            Varies { config: 0, treatment_of: Vec::new() },
        )],
        rollouts: Vec::new(),
        metrics,
        assumptions: Vec::new(),
        unit: "unit".to_owned(),
        window_ms: join.window_ms,
        until_ms: join.until_ms,
    };
    let mut table = UnitTable::new(&plan);
    // The pre-period is an experiment of its own, that ends where the other one begins.
    let pre_plan = join.pre_period_ms.map(|length| AnalysisPlan {
        window_ms: Some(length.saturating_sub(1)),
        until_ms: None,
        ..plan.clone()
    });
    let mut before = pre_plan.as_ref().map(UnitTable::new);
    let mut crossed = BTreeSet::new();
    for (unit, exposed) in &found.units {
        if exposed.crossed && request.crossed == CrossedUnits::Exclude {
            crossed.insert(unit.as_str());
        } else if let Some(&treatment) = place.get(usize::from(exposed.arm)) {
            table.expose(0, exposed.at_ms, unit, treatment);
            if let (Some(before), Some(length)) = (&mut before, join.pre_period_ms) {
                before.expose(0, exposed.at_ms.saturating_sub(length), unit, treatment);
            }
        }
    }
    let mut digest = Hashed::new(events.input);
    let mut reader = EventRows {
        request,
        join,
        plan: &plan,
        table,
        before: pre_plan.as_ref().zip(before),
        crossed: &crossed,
        exposed: &found,
        ids: EventIds::default(),
        clock: EventClock::default(),
        columns: TableColumns::default(),
        roles: None,
        valued: vec![EventValues::default(); request.metrics.len()],
        rows,
        refused: None,
    };
    reader.read(&events.shown, events.format, &mut digest)?;
    let EventRows { mut table, before, mut rows, valued, ids, clock, .. } = reader;
    for (asked, values) in request.metrics.iter().zip(&valued) {
        usable(asked, values, &events.shown)?;
    }
    rows.data.units = found.units.len() as u64;
    let crossed = found.units.values().filter(|own| own.crossed).count() as u64;
    let mut health: Vec<_> =
        crossed_check(crossed, rows.data.units, request.crossed).into_iter().collect();
    if rows.data.malformed > 0 {
        let count = figure::count(rows.data.malformed);
        health.push(warning(
            "events",
            format!("{count} rows cannot be read; they are listed by line"),
        ));
    }
    health.extend(found.days.check(&exposures.shown));
    health.extend(clock.checks(&events.shown, join.pre_period_ms.is_some()));
    health.extend(ids.check(&events.shown));
    for (asked, values) in request.metrics.iter().zip(&valued) {
        let mixed = values.magnitudes.mixed_units();
        health.extend(mixed.map(|why| {
            warning("mixed_units", format!("the values of the events `{}`: {why}", asked.column))
        }));
    }
    if let Some(observations) = table.observations_mut(0) {
        study.assumptions.extend(cut(observations, &request.metrics, &plan.metrics));
    }
    let Some(observations) = table.observations(0) else {
        return Err(TableRefusal::Data(Diagnostic::new("there is no experiment in the tables")));
    };
    let before = before.as_ref().and_then(|(_, before)| before.observations(0));
    let adjusting = before.zip(join.pre_period_ms).map(|(before, length)| {
        let arms = study.experiment.treatments.len();
        let before = Before::Period(before);
        let sums = covariate_sums(observations, &plan.metrics, arms, &before, |_, _| true);
        let covariate =
            format!("the {} before the exposure", Duration::from_us(length.saturating_mul(1000)));
        Adjusting { covariate, option: "--pre-period", sums, without: 0 }
    });
    let units = 0..observations.units();
    let findings = TableFindings {
        name: &request.name,
        summary: summarize(observations, 0, &study.experiment, &plan.metrics, units),
        study,
        adjusting,
        health,
        fingerprint: format!(
            "{:032x}",
            xxhash_rust::xxh3::xxh3_128(format!("{first_digest}{}", digest.digest()).as_bytes())
        ),
    };
    let mut report = findings.report();
    report.data = Some(rows.data);
    Ok(report)
}

/// What units without an event count as.
fn without_events(missing: Missing) -> Assumption {
    let (what, source) = match missing {
        Missing::Zero => (
            "units without an event count as not converted, and as 0 in means and counts",
            "`--missing exclude` leaves them out of means and counts",
        ),
        Missing::Exclude => (
            "units without an event are left out of means and counts",
            "--missing exclude; rates are of all units",
        ),
    };
    Assumption { what: what.to_owned(), source: source.to_owned() }
}

/// Whether a metric needs a value of each event.
fn needs_values(asked: &MetricRequest) -> bool {
    match asked.statistic {
        TableStatistic::Mean | TableStatistic::Average | TableStatistic::Percentile(_) => true,
        TableStatistic::Rate | TableStatistic::Count | TableStatistic::Ratio => false,
    }
}

/// What values the events of a metric have.
#[derive(Clone, Default)]
struct EventValues {
    /// Its events.
    seen: u64,
    /// Those with a value.
    good: u64,
    /// Those with a value that cannot be read, and the first of them.
    faulty: u64,
    first: Option<(u64, String, String)>,
    magnitudes: Magnitudes,
}

/// Whether a metric has events, and values where it needs them.
fn usable(asked: &MetricRequest, values: &EventValues, shown: &str) -> Result<(), TableRefusal> {
    let column = &asked.column;
    let fault = |fault: Diagnostic| Err(TableRefusal::Data(fault));
    if values.seen == 0 {
        return fault(
            Diagnostic::new(format!(
                "`{shown}` has no event `{column}`, which the metric {asked} counts"
            ))
            .help("without --metric, the events of the table are listed"),
        );
    }
    let other = format!(
        "count it with {column}:rate or {column}:count, or name the column of values: --columns value=COLUMN"
    );
    if let Some((line, name, reason)) = &values.first
        && values.faulty * 20 > values.faulty + values.good
    {
        let message = format!(
            "the values of {} of {} events `{column}` of `{shown}` cannot be read; the first is in line {line}: {reason}",
            figure::count(values.faulty),
            figure::count(values.faulty + values.good)
        );
        return Err(TableRefusal::at(
            Diagnostic::new(message).help(other),
            CellPlace {
                file: shown.to_owned(),
                line: *line,
                column: Some(name.clone()),
                label: reason.clone(),
            },
        ));
    }
    if needs_values(asked) && values.good == 0 {
        return fault(
            Diagnostic::new(format!(
                "no event `{column}` of `{shown}` has a value, which the metric {asked} needs"
            ))
            .help(other),
        );
    }
    Ok(())
}

/// The events as they are read.
struct EventRows<'a> {
    request: &'a TableRequest,
    join: &'a JoinRequest,
    plan: &'a AnalysisPlan,
    table: UnitTable,
    /// The same units in the time before their exposure.
    before: Option<(&'a AnalysisPlan, UnitTable)>,
    crossed: &'a BTreeSet<&'a str>,
    exposed: &'a Exposures,
    ids: EventIds,
    clock: EventClock,
    columns: TableColumns,
    roles: Option<RoleColumns>,
    /// What each metric's events have.
    valued: Vec<EventValues>,
    rows: JoinedRows,
    refused: Option<Diagnostic>,
}

impl EventRows<'_> {
    fn read(
        &mut self,
        shown: &str,
        format: TableFormat,
        input: impl BufRead,
    ) -> Result<(), TableRefusal> {
        let own = RefCell::new(self);
        each_row(
            input,
            format,
            |columns| {
                own.borrow_mut().columns = columns.clone();
                ControlFlow::Continue(())
            },
            |line, row| {
                let mut own = own.borrow_mut();
                own.rows.data.lines += 1;
                own.rows.data.events += 1;
                let taken = row.map_err(CellFault::row).and_then(|row| own.take(shown, line, row));
                if let Err(fault) = taken {
                    own.rows.fault(shown, line, fault);
                }
                if own.refused.is_some() {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            },
        )
        .map_err(|error| unreadable(shown, format, error))?;
        match own.borrow_mut().refused.take() {
            Some(fault) => Err(TableRefusal::Data(fault)),
            None => Ok(()),
        }
    }

    fn take(&mut self, shown: &str, line: u64, row: TableRow<'_>) -> Result<(), CellFault> {
        let roles = match self.roles.take() {
            Some(roles) => roles,
            None => RoleColumns::find(&EVENT_ROLES, &self.join.columns, &self.columns, row),
        };
        let taken = self.count(shown, line, &roles, row);
        self.roles = Some(roles);
        taken
    }

    fn count(
        &mut self,
        shown: &str,
        line: u64,
        roles: &RoleColumns,
        row: TableRow<'_>,
    ) -> Result<(), CellFault> {
        let names = self.columns.names();
        let need = |role| roles.need(role, shown, names);
        let columns = need(ColumnRole::Unit)
            .and_then(|unit| Ok((unit, need(ColumnRole::Event)?, need(ColumnRole::Time)?)));
        let (unit, event, time) = match columns {
            Ok(columns) => columns,
            Err(fault) => {
                self.refused = Some(fault);
                return Ok(());
            }
        };
        if let Some(why) = roles.of_no_experiment(row) {
            self.rows.unused(why);
            return Ok(());
        }
        let Some(event) = row.cell(event).name() else {
            self.rows.unused("events without a name");
            return Ok(());
        };
        let Some(unit) = row.cell(unit).name() else {
            self.rows.unused("events without a unit");
            return Ok(());
        };
        let Some(at_ms) =
            table_time(row.cell(time)).map_err(|reason| CellFault::at(time, reason))?
        else {
            self.rows.unused("events without a time");
            return Ok(());
        };
        self.rows.data.metric_events += 1;
        let counts = |asked: &MetricRequest| asked.columns().any(|own| own == event.as_ref());
        if !self.request.metrics.iter().any(counts) {
            self.rows.unused("events that no metric counts");
            return Ok(());
        }
        // What only counts events does not look at their values.
        let valued = |asked: &MetricRequest| {
            counts(asked)
                && !matches!(asked.statistic, TableStatistic::Rate | TableStatistic::Count)
        };
        let (mut value, mut unread) = (None, None);
        if let Some(column) = roles.get(ColumnRole::Value)
            && self.request.metrics.iter().any(valued)
        {
            match row.cell(column).number() {
                Ok(found) => value = found,
                Err(reason) => unread = Some((column, reason)),
            }
        }
        if let Some(id) = roles.get(ColumnRole::Id).and_then(|column| row.cell(column).name()) {
            let content: [&[u8]; 4] = [
                unit.as_bytes(),
                event.as_bytes(),
                &at_ms.to_le_bytes(),
                &value.unwrap_or_default().to_bits().to_le_bytes(),
            ];
            if !self.ids.insert(&id, &content, line) {
                self.rows.data.duplicates += 1;
                self.rows.unused("events whose id came before");
                return Ok(());
            }
        }
        for (asked, values) in self.request.metrics.iter().zip(&mut self.valued) {
            if asked.columns().any(|own| own == event.as_ref()) {
                values.seen += u64::from(asked.column == event.as_ref());
                if let Some((column, reason)) = unread.as_ref().filter(|_| valued(asked)) {
                    values.faulty += 1;
                    values.first.get_or_insert_with(|| (line, column.name.clone(), reason.clone()));
                }
                if let Some(value) = value.filter(|_| valued(asked)) {
                    values.good += 1;
                    // Of a ratio there are two columns, which may well differ by a thousand.
                    if needs_values(asked) {
                        values.magnitudes.add(value);
                    }
                }
            }
        }
        if let Some((column, reason)) = &unread {
            self.rows.fault(shown, line, CellFault::at(column, reason.clone()));
        }
        if self.crossed.contains(unit.as_ref()) {
            self.rows.unused("events of units with two variations");
            return Ok(());
        }
        if let Some(first) = self.exposed.units.get(unit.as_ref()) {
            self.clock.add(line, at_ms, first.at_ms, self.exposed.days.last_ms);
        }
        // One event may be an occurrence, a number to count and a value. One whose value cannot be
        // read is told of already.
        let mut keys: Vec<(String, Option<f64>)> = Vec::new();
        let asked = self.request.metrics.iter().filter(|asked| counts(asked));
        for asked in asked.filter(|asked| unread.is_none() || !valued(asked)) {
            let own = match asked.statistic {
                TableStatistic::Rate => (asked.event(), None),
                TableStatistic::Count => (asked.event(), Some(1.0)),
                // In a ratio, an event without a value stands for one.
                TableStatistic::Ratio => (event.clone().into_owned(), value.or(Some(1.0))),
                _ => (asked.event(), value),
            };
            if !keys.iter().any(|(key, _)| *key == own.0) {
                keys.push(own);
            }
        }
        if let Some((plan, before)) = &mut self.before {
            let mut adjusts = false;
            for (key, value) in &keys {
                let event =
                    MetricEvent { at_ms, unit: &unit, event: key, value: *value, weight: 1 };
                adjusts |= before.add(plan, 0, &event) == Counted::Yes;
            }
            if adjusts {
                self.rows.unused("events of the pre-period, which adjust");
                return Ok(());
            }
        }
        if keys.is_empty() {
            self.rows.unused("events whose value cannot be read");
            return Ok(());
        }
        let mut why = Counted::NoMetric;
        for (key, value) in &keys {
            let event = MetricEvent { at_ms, unit: &unit, event: key, value: *value, weight: 1 };
            match self.table.add(self.plan, 0, &event) {
                Counted::Yes => {
                    self.rows.data.used += 1;
                    return self.rest(&keys, key, at_ms, &unit);
                }
                other => why = other,
            }
        }
        self.rows.unused(match why {
            Counted::NotExposed => "events of units without an exposure",
            Counted::Before => "events before the unit's exposure",
            Counted::AfterWindow => "events after the window that follows the unit's exposure",
            Counted::AfterEnd => "events after the end date",
            Counted::NoValue => "events without a value",
            Counted::NoMetric | Counted::Yes => "events that no metric counts",
        });
        Ok(())
    }

    /// Adds what follows the key that counted.
    fn rest(
        &mut self,
        keys: &[(String, Option<f64>)],
        after: &str,
        at_ms: u64,
        unit: &str,
    ) -> Result<(), CellFault> {
        for (key, value) in keys.iter().skip_while(|(key, _)| key != after).skip(1) {
            let event = MetricEvent { at_ms, unit, event: key, value: *value, weight: 1 };
            self.table.add(self.plan, 0, &event);
        }
        Ok(())
    }
}

/// What the columns of events may be, in the order in which they are found.
const EVENT_ROLES: [ColumnRole; 5] =
    [ColumnRole::Unit, ColumnRole::Time, ColumnRole::Id, ColumnRole::Event, ColumnRole::Value];

/// The events of a table with their numbers, and whether they have values that differ.
///
/// # Errors
/// When the table cannot be read.
pub fn event_names<R: BufRead>(
    join: &JoinRequest,
    events: OpenTable<R>,
) -> Result<Ordered<(u64, bool)>, TableRefusal> {
    let OpenTable { shown, format, input } = events;
    let columns = RefCell::new(TableColumns::default());
    let mut roles: Option<RoleColumns> = None;
    let mut found: BTreeMap<String, (u64, Option<f64>, bool)> = BTreeMap::new();
    let mut refused = None;
    each_row(
        input,
        format,
        |own| {
            *columns.borrow_mut() = own.clone();
            ControlFlow::Continue(())
        },
        |_, row| {
            let Ok(row) = row else { return ControlFlow::Continue(()) };
            let columns = columns.borrow();
            let roles = roles.get_or_insert_with(|| {
                RoleColumns::find(&EVENT_ROLES, &join.columns, &columns, row)
            });
            let event = match roles.need(ColumnRole::Event, &shown, columns.names()) {
                Ok(event) => event,
                Err(fault) => {
                    refused = Some(fault);
                    return ControlFlow::Break(());
                }
            };
            let Some(name) = row.cell(event).name() else { return ControlFlow::Continue(()) };
            if found.len() < MAX_NAMES || found.contains_key(name.as_ref()) {
                let own = found.entry(name.into_owned()).or_default();
                own.0 += 1;
                let value = roles
                    .get(ColumnRole::Value)
                    .and_then(|column| row.cell(column).number().ok()?);
                own.2 |= value.is_some() && own.1.is_some() && value != own.1;
                own.1 = own.1.or(value);
            }
            ControlFlow::Continue(())
        },
    )
    .map_err(|error| unreadable(&shown, format, error))?;
    if let Some(fault) = refused {
        return Err(TableRefusal::Data(fault));
    }
    let mut names: Vec<(String, (u64, bool))> =
        found.into_iter().map(|(name, (count, _, vary))| (name, (count, vary))).collect();
    names.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    Ok(Ordered(names))
}
