//! A table of exposures: who got what, and when first.
//!
//! Guarantees: every row is used or counted by the reason why not. Memory: the units.
//!
//! Does not know: events.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::ops::ControlFlow;

use super::clocks::ExposureDays;
use super::conclude::{OptionFault, listed};
use super::fold::MAX_VARIATIONS;
use super::joined_rows::{CellFault, JoinRequest, JoinedRows, unreadable};
use super::places::CellPlace;
use super::read::each_row;
use super::role_columns::RoleColumns;
use super::roles::ColumnRole;
use super::rows::{TableColumns, TableFormat, TableRow};
use super::times::table_time;
use super::wide::TableRefusal;
use crate::diagnostic::Diagnostic;
use crate::figure;

/// Most experiments that are counted for a message.
const MAX_NAMES: usize = 100;

/// A unit's first exposure.
pub(super) struct Exposed {
    pub at_ms: u64,
    pub arm: u8,
    pub crossed: bool,
}

/// What the exposures say.
#[derive(Default)]
pub(super) struct Exposures {
    pub units: BTreeMap<String, Exposed>,
    pub arms: Vec<String>,
    experiments: BTreeMap<String, u64>,
    pub days: ExposureDays,
    /// The first value of the variation's column that is one too many.
    too_many: Option<(String, String)>,
}

/// Who was exposed to what, and when first.
pub(super) fn read_exposures(
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
                    rows.fault(shown, line, CellFault::row(reason));
                    return ControlFlow::Continue(());
                }
            };
            let columns = columns.borrow();
            let roles = roles
                .get_or_insert_with(|| RoleColumns::find(&WANTED, &join.columns, &columns, row));
            match exposure(join, shown, roles, columns.names(), row, &mut found) {
                Ok(Ok(at_ms)) => {
                    rows.data.exposures += 1;
                    found.days.add(at_ms, line);
                }
                Ok(Err(NotExposed::Why(why))) => rows.unused(&why),
                Ok(Err(NotExposed::UnreadableLine(fault))) => rows.fault(shown, line, fault),
                Err(fault) => {
                    refused = Some((line, fault));
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        },
    )
    .map_err(|error| unreadable(shown, format, error))?;
    if let Some((line, fault)) = refused {
        return Err(match found.too_many.take() {
            Some((column, label)) => TableRefusal::at(
                fault,
                CellPlace { file: shown.to_owned(), line, column: Some(column), label },
            ),
            None => TableRefusal::Data(fault),
        });
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
        let first = rows.data.faults.first();
        let why = first.map_or_else(
            || match (&join.experiment, found.experiments.is_empty()) {
                (Some(key), false) => format!(
                    "none of the experiment `{key}`; it has {}",
                    listed(&found.experiments.keys().cloned().collect::<Vec<_>>())
                ),
                _ => "it has no rows".to_owned(),
            },
            |first| format!("line {}: {}", first.line, first.reason),
        );
        let fault = Diagnostic::new(format!("`{shown}` has no exposure that can be read: {why}"))
            .help("expected one row for each exposure, with columns for unit, variation and time");
        return Err(match first {
            Some(first) => TableRefusal::at(fault, CellPlace::of(first, shown)),
            None => TableRefusal::Data(fault),
        });
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
    UnreadableLine(CellFault),
}

/// Takes one exposure.
fn exposure(
    join: &JoinRequest,
    shown: &str,
    roles: &RoleColumns,
    names: &[String],
    row: TableRow<'_>,
    found: &mut Exposures,
) -> Result<Result<u64, NotExposed>, Diagnostic> {
    let unit = roles.need(ColumnRole::Unit, shown, names)?;
    let variation = roles.need(ColumnRole::Variation, shown, names).map_err(|fault| {
        match ColumnRole::Event.find(names.iter().map(String::as_str)) {
            Some(event) if !join.columns.iter().any(|(role, _)| *role == ColumnRole::Variation) => {
                fault.help(format!(
                    "it has a column `{event}`: is it the table of events? `--exposures` takes the table of variations and `--events` that of events; else name the column: --columns variation=COLUMN"
                ))
            }
            _ => fault,
        }
    })?;
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
            return Ok(Err(NotExposed::UnreadableLine(CellFault::at(time, reason))));
        }
    };
    if join.until_ms.is_some_and(|until| at_ms >= until) {
        return Ok(Err(NotExposed::Why("exposures after the end date".to_owned())));
    }
    let arm = found.arms.iter().position(|own| *own == name).unwrap_or(found.arms.len());
    if arm == found.arms.len() {
        if arm == MAX_VARIATIONS {
            let label = format!("the {}st different value", MAX_VARIATIONS + 1);
            found.too_many = Some((variation.name.clone(), label));
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
    Ok(Ok(at_ms))
}
