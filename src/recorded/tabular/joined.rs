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
use super::conclude::{
    Adjusting, OptionFault, StudyRequest, TableFindings, crossed_check, listed, study, warning,
};
use super::covariates::{Before, covariate_sums};
use super::fold::MAX_VARIATIONS;
use super::read::each_row;
use super::role_columns::RoleColumns;
use super::roles::ColumnRole;
use super::rows::{NamedColumn, TableColumns, TableFormat, TableRow, TableUnreadable};
use super::times::table_time;
use super::wide::TableRefusal;
use crate::analysis::summarize;
use crate::diagnostic::Diagnostic;
use crate::experiment::Missing;
use crate::figure;
use crate::metrics::Varies;
use crate::report::{Assumption, Ordered, RecordedData, Report, UnreadableLine};
use crate::scenario::Study;
use crate::time::Duration;

/// Most faults that are shown one by one; all are counted.
const MAX_FAULTS: usize = 20;
/// Most names of events that are counted for a proposal.
const MAX_NAMES: usize = 100;

/// A table that is open to be read once.
pub struct OpenTable<R> {
    /// The file's name for messages.
    pub shown: String,
    /// How it is written.
    pub format: TableFormat,
    /// Its text.
    pub input: R,
}

/// What is asked of exposures and events beyond the metrics.
#[derive(Clone, Debug, Default)]
pub struct JoinRequest {
    /// The experiment, where the exposures have several.
    pub experiment: Option<String>,
    /// Columns that are named, each with its role; the others are found by their names.
    pub columns: Vec<(ColumnRole, String)>,
    /// How long after its exposure a unit's events count, in milliseconds.
    pub window_ms: Option<u64>,
    /// Exposures and events from this Unix time in milliseconds on do not count.
    pub until_ms: Option<u64>,
    /// How long before its exposure a unit's events adjust the metrics, in milliseconds; they adjust
    /// nothing when `None`.
    pub pre_period_ms: Option<u64>,
}

/// What was read of both tables.
#[derive(Default)]
struct JoinedRows {
    data: RecordedData,
}

impl JoinedRows {
    fn unused(&mut self, why: &str) {
        match self.data.unused.0.iter_mut().find(|(own, _)| own == why) {
            Some((_, count)) => *count += 1,
            None => self.data.unused.0.push((why.to_owned(), 1)),
        }
    }

    fn fault(&mut self, shown: &str, line: u64, reason: &str) {
        self.data.malformed += 1;
        if self.data.faults.len() < MAX_FAULTS {
            self.data.faults.push(UnreadableLine { line, reason: format!("{shown}: {reason}") });
        }
    }
}

/// A unit's first exposure.
struct Exposed {
    at_ms: u64,
    arm: u8,
    crossed: bool,
}

/// What the exposures say.
#[derive(Default)]
struct Exposures {
    units: BTreeMap<String, Exposed>,
    arms: Vec<String>,
    experiments: BTreeMap<String, u64>,
}

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
        ids: BTreeSet::new(),
        columns: TableColumns::default(),
        roles: None,
        valued: vec![(0, 0); request.metrics.len()],
        rows,
        refused: None,
    };
    reader.read(&events.shown, events.format, &mut digest)?;
    let EventRows { mut table, before, mut rows, valued, .. } = reader;
    for (asked, (seen, with_value)) in request.metrics.iter().zip(&valued) {
        usable(asked, *seen, *with_value, &events.shown).map_err(TableRefusal::Data)?;
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

/// Whether a metric has events, and values where it needs them.
fn usable(
    asked: &MetricRequest,
    seen: u64,
    with_value: u64,
    shown: &str,
) -> Result<(), Diagnostic> {
    let needs = matches!(
        asked.statistic,
        TableStatistic::Mean | TableStatistic::Average | TableStatistic::Percentile(_)
    );
    if seen == 0 {
        return Err(Diagnostic::new(format!(
            "`{shown}` has no event `{}`, which the metric {asked} counts",
            asked.column
        ))
        .help("without --metric, the events of the table are listed"));
    }
    if needs && with_value == 0 {
        return Err(Diagnostic::new(format!(
            "no event `{}` of `{shown}` has a value, which the metric {asked} needs",
            asked.column
        ))
        .help(format!(
            "count it with {0}:rate or {0}:count, or name the column of values: --columns value=COLUMN",
            asked.column
        )));
    }
    Ok(())
}

fn unreadable(shown: &str, format: TableFormat, error: TableUnreadable) -> TableRefusal {
    match error {
        TableUnreadable::Io(error) => TableRefusal::Io(error),
        TableUnreadable::Text(reason) => TableRefusal::Data(Diagnostic::new(format!(
            "`{shown}` cannot be read as {}: {reason}",
            format.noun()
        ))),
    }
}

/// Who was exposed to what, and when first.
fn read_exposures(
    join: &JoinRequest,
    shown: &str,
    format: TableFormat,
    input: impl BufRead,
    rows: &mut JoinedRows,
) -> Result<Exposures, TableRefusal> {
    const WANTED: [ColumnRole; 4] =
        [ColumnRole::Unit, ColumnRole::Variation, ColumnRole::Experiment, ColumnRole::Time];
    let columns = RefCell::new(TableColumns::default());
    let mut roles: Option<RoleColumns> = None;
    let mut found = Exposures::default();
    let mut refused = None;
    each_row(
        input,
        format,
        |own| {
            *columns.borrow_mut() = own.clone();
            ControlFlow::Continue(())
        },
        |line, row| {
            rows.data.lines += 1;
            rows.data.events += 1;
            let row = match row {
                Ok(row) => row,
                Err(reason) => {
                    rows.fault(shown, line, &reason);
                    return ControlFlow::Continue(());
                }
            };
            let columns = columns.borrow();
            let roles = roles
                .get_or_insert_with(|| RoleColumns::find(&WANTED, &join.columns, &columns, row));
            match exposure(join, shown, roles, columns.names(), row, &mut found) {
                Ok(Ok(())) => rows.data.exposures += 1,
                Ok(Err(NotExposed::Why(why))) => rows.unused(&why),
                Ok(Err(NotExposed::UnreadableLine(reason))) => rows.fault(shown, line, &reason),
                Err(fault) => {
                    refused = Some(fault);
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        },
    )
    .map_err(|error| unreadable(shown, format, error))?;
    if let Some(fault) = refused {
        return Err(TableRefusal::Data(fault));
    }
    if join.experiment.is_none() && found.experiments.len() > 1 {
        let each: Vec<String> = found
            .experiments
            .iter()
            .take(10)
            .map(|(key, count)| format!("`{key}` ({})", figure::count(*count)))
            .collect();
        return Err(OptionFault {
            option: "--experiment",
            reason: format!("`{shown}` has several experiments, choose one: {}", each.join(", ")),
        }
        .into());
    }
    if found.units.is_empty() {
        let why = rows.data.faults.first().map_or_else(
            || match (&join.experiment, found.experiments.is_empty()) {
                (Some(key), false) => format!(
                    "none of the experiment `{key}`; it has {}",
                    listed(&found.experiments.keys().cloned().collect::<Vec<_>>())
                ),
                _ => "it has no rows".to_owned(),
            },
            |first| format!("line {}: {}", first.line, first.reason),
        );
        return Err(TableRefusal::Data(
            Diagnostic::new(format!("`{shown}` has no exposure that can be read: {why}")).help(
                "expected one row for each exposure, with columns for unit, variation and time",
            ),
        ));
    }
    if let [only] = found.arms.as_slice() {
        return Err(TableRefusal::Data(
            Diagnostic::new(format!("every exposure of `{shown}` is to the variation `{only}`"))
                .help("a comparison needs a control and a treatment; `--columns variation=COLUMN` names the column"),
        ));
    }
    Ok(found)
}

/// Why a row is no exposure.
enum NotExposed {
    Why(String),
    UnreadableLine(String),
}

/// Takes one exposure.
fn exposure(
    join: &JoinRequest,
    shown: &str,
    roles: &RoleColumns,
    names: &[String],
    row: TableRow<'_>,
    found: &mut Exposures,
) -> Result<Result<(), NotExposed>, Diagnostic> {
    let unit = roles.need(ColumnRole::Unit, shown, names)?;
    let variation = roles.need(ColumnRole::Variation, shown, names)?;
    let time = roles.need(ColumnRole::Time, shown, names)?;
    if let Some(experiment) = roles.get(ColumnRole::Experiment) {
        let key = row.cell(experiment).name().unwrap_or_default().into_owned();
        let other = join.experiment.as_ref().is_some_and(|wanted| *wanted != key);
        if found.experiments.len() < MAX_NAMES || found.experiments.contains_key(&key) {
            *found.experiments.entry(key).or_default() += 1;
        }
        if other {
            return Ok(Err(NotExposed::Why("exposures to other experiments".to_owned())));
        }
    }
    if let Some(why) = roles.of_no_experiment(row) {
        return Ok(Err(NotExposed::Why(why.to_owned())));
    }
    let Some(unit) = row.cell(unit).name() else {
        return Ok(Err(NotExposed::Why("exposures without a unit".to_owned())));
    };
    let Some(name) = row.cell(variation).name() else {
        return Ok(Err(NotExposed::Why("exposures without a variation".to_owned())));
    };
    let at_ms = match table_time(row.cell(time)) {
        Ok(Some(at_ms)) => at_ms,
        Ok(None) => return Ok(Err(NotExposed::Why("exposures without a time".to_owned()))),
        Err(reason) => {
            return Ok(Err(NotExposed::UnreadableLine(format!(
                "column `{}`: {reason}",
                time.name
            ))));
        }
    };
    if join.until_ms.is_some_and(|until| at_ms >= until) {
        return Ok(Err(NotExposed::Why("exposures after the end date".to_owned())));
    }
    let arm = found.arms.iter().position(|own| *own == name).unwrap_or(found.arms.len());
    if arm == found.arms.len() {
        if arm == MAX_VARIATIONS {
            return Err(Diagnostic::new(format!(
                "the column `{}` of `{shown}` has more than {MAX_VARIATIONS} different values, such as {}",
                variation.name,
                listed(found.arms.get(..5).unwrap_or_default())
            ))
            .help("a column of variations has a few: name another one with `--columns variation=COLUMN`"));
        }
        found.arms.push(name.into_owned());
    }
    let arm = u8::try_from(arm).unwrap_or(u8::MAX);
    match found.units.get_mut(unit.as_ref()) {
        None => {
            found.units.insert(unit.into_owned(), Exposed { at_ms, arm, crossed: false });
        }
        Some(first) => {
            first.crossed |= first.arm != arm;
            // At the same millisecond the variation that the table named first stays.
            if (at_ms, arm) < (first.at_ms, first.arm) {
                (first.at_ms, first.arm) = (at_ms, arm);
            }
        }
    }
    Ok(Ok(()))
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
    ids: BTreeSet<u128>,
    columns: TableColumns,
    roles: Option<RoleColumns>,
    /// For each metric its events, and those of them with a value.
    valued: Vec<(u64, u64)>,
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
                let taken = row.and_then(|row| own.take(shown, row));
                if let Err(reason) = taken {
                    own.rows.fault(shown, line, &reason);
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

    fn take(&mut self, shown: &str, row: TableRow<'_>) -> Result<(), String> {
        let roles = match self.roles.take() {
            Some(roles) => roles,
            None => RoleColumns::find(&EVENT_ROLES, &self.join.columns, &self.columns, row),
        };
        let taken = self.count(shown, &roles, row);
        self.roles = Some(roles);
        taken
    }

    fn count(&mut self, shown: &str, roles: &RoleColumns, row: TableRow<'_>) -> Result<(), String> {
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
        let at =
            |column: &NamedColumn, reason: String| format!("column `{}`: {reason}", column.name);
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
        let Some(at_ms) = table_time(row.cell(time)).map_err(|reason| at(time, reason))? else {
            self.rows.unused("events without a time");
            return Ok(());
        };
        self.rows.data.metric_events += 1;
        let counts = |asked: &MetricRequest| asked.columns().any(|own| own == event.as_ref());
        if !self.request.metrics.iter().any(counts) {
            self.rows.unused("events that no metric counts");
            return Ok(());
        }
        let value = match roles.get(ColumnRole::Value) {
            Some(column) => row.cell(column).number().map_err(|reason| at(column, reason))?,
            None => None,
        };
        let id = roles.get(ColumnRole::Id).and_then(|column| row.cell(column).name());
        if let Some(id) = id
            && !self.ids.insert(xxhash_rust::xxh3::xxh3_128(id.as_bytes()))
        {
            self.rows.data.duplicates += 1;
            self.rows.unused("events whose id came before");
            return Ok(());
        }
        for (asked, (seen, with_value)) in self.request.metrics.iter().zip(&mut self.valued) {
            if asked.column == event.as_ref() {
                *seen += 1;
                *with_value += u64::from(value.is_some());
            }
        }
        if self.crossed.contains(unit.as_ref()) {
            self.rows.unused("events of units with two variations");
            return Ok(());
        }
        // One event may be an occurrence, a number to count and a value.
        let mut keys: Vec<(String, Option<f64>)> = Vec::new();
        for asked in self.request.metrics.iter().filter(|asked| counts(asked)) {
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
    ) -> Result<(), String> {
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
