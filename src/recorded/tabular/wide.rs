//! A table with the unit, the variation and the metrics in each row, to its report.
//!
//! Guarantees: one pass; every row is used or counted; what cannot be a metric, a unit or a
//! variation ends in an error that names line, column and what to do.
//!
//! Does not know: files.

use std::io::{self, BufRead};
use std::ops::ControlFlow;

use super::super::hashed::Hashed;
use super::ask::{TableRequest, TableStatistic};
use super::caps::cut;
use super::conclude::{
    Adjusting, OptionFault, StudyRequest, TableFindings, crossed_check, excludes, listed, per_unit,
    rates_of_known, study, warning,
};
use super::covariates::{Before, covariate_sums};
use super::fold::{CellTally, FoldedRows, MAX_VARIATIONS};
use super::places::CellPlace;
use super::read::each_row;
use super::rows::{TableFormat, TableUnreadable};
use crate::analysis::{HealthCheck, summarize};
use crate::diagnostic::{Diagnostic, nearest};
use crate::experiment::{Metric, Missing};
use crate::figure;
use crate::report::{Ordered, Report, TableData};

/// Why a table is not analyzed.
#[derive(Debug)]
pub enum TableRefusal {
    /// An option does not fit the data.
    Option(OptionFault),
    /// The data cannot be used.
    Data(Diagnostic),
    /// The data cannot be used because of what is in this place.
    Cell(Box<(Diagnostic, CellPlace)>),
    /// The reader failed.
    Io(io::Error),
}

impl TableRefusal {
    /// Data that cannot be used because of what is in this place.
    #[must_use]
    pub fn at(fault: Diagnostic, place: CellPlace) -> Self {
        Self::Cell(Box::new((fault, place)))
    }
}

impl From<OptionFault> for TableRefusal {
    fn from(fault: OptionFault) -> Self {
        Self::Option(fault)
    }
}

/// The report on a table of units; `shown` is the file's name for messages.
///
/// # Errors
/// What is wrong with the request or the data, with line and column.
pub fn table_report(
    request: &TableRequest,
    shown: &str,
    format: TableFormat,
    input: impl BufRead,
) -> Result<Report, TableRefusal> {
    let metrics: Vec<Metric> =
        request.metrics.iter().map(|asked| asked.metric(request.missing)).collect();
    let mut folded: Option<Result<FoldedRows, OptionFault>> = None;
    let folding = std::cell::RefCell::new(&mut folded);
    let mut input = Hashed::new(input);
    let read = each_row(
        &mut input,
        format,
        |columns| {
            let made = FoldedRows::new(request, &metrics, columns)
                .map_err(|name| no_column(request, &name, columns.names(), shown));
            let go_on =
                if made.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
            **folding.borrow_mut() = Some(made);
            go_on
        },
        |line, row| match &mut **folding.borrow_mut() {
            Some(Ok(folded)) => folded.take(line, row),
            _ => ControlFlow::Break(()),
        },
    );
    match read {
        Ok(_) => {}
        Err(TableUnreadable::Io(error)) => return Err(TableRefusal::Io(error)),
        Err(TableUnreadable::Text(reason)) => {
            return Err(TableRefusal::Data(Diagnostic::new(format!(
                "`{shown}` cannot be read as {}: {reason}",
                format.noun()
            ))));
        }
    }
    let mut folded = match folded {
        Some(Ok(folded)) => folded,
        Some(Err(fault)) => return Err(fault.into()),
        None => return Err(TableRefusal::Data(Diagnostic::new(format!("`{shown}` is empty")))),
    };
    usable(request, &folded, shown)?;
    let (mut study, place) = study(StudyRequest::of(request), &folded.variations)?;
    folded.assign(&place);
    study.assumptions.extend(cut(&mut folded.observations, &request.metrics, &metrics));
    study.assumptions.extend(per_unit(request, folded.used, folded.units() as u64));
    let arms = study.experiment.treatments.len();
    let known: Vec<Option<Vec<u64>>> = request
        .metrics
        .iter()
        .map(|asked| {
            let all = asked.statistic != TableStatistic::Rate || request.missing == Missing::Zero;
            (!all).then(|| folded.known(&asked.event(), arms))
        })
        .collect();
    let health = doubts(request, &folded, &metrics);
    let adjusting = request.covariate.as_ref().map(|column| {
        let (before, without) = folded.before();
        // Of a rate only the units count that have a value.
        let counts = |metric: usize, unit: usize| {
            let asked = request.metrics.get(metric);
            known.get(metric).is_none_or(Option::is_none)
                || asked.is_none_or(|asked| folded.is_known(&asked.event(), unit))
        };
        let before = Before::Column(&before);
        let sums = covariate_sums(&folded.observations, &metrics, arms, &before, counts);
        let (covariate, option) = (format!("`{column}`"), "--covariate");
        Adjusting { covariate, option, sums, without }
    });
    let units = 0..folded.observations.units();
    let mut summary = summarize(&folded.observations, 0, &study.experiment, &metrics, units);
    rates_of_known(&mut summary, &known);
    let findings = TableFindings {
        name: &request.name,
        study,
        summary,
        adjusting,
        health,
        fingerprint: input.digest(),
    };
    let mut report = findings.report();
    report.table = Some(TableData {
        rows: folded.rows,
        used: folded.used,
        units: folded.units() as u64,
        left_out: folded.left_out.clone(),
        missing: Ordered(
            folded
                .columns()
                .map(|(name, tally)| (name.to_owned(), tally.missing.iter().sum::<u64>()))
                .filter(|(_, cells)| *cells > 0)
                .collect(),
        ),
        malformed: folded.malformed,
        faults: folded.faults.clone(),
    });
    Ok(report)
}

/// What is said of a column that the table does not have.
fn no_column(request: &TableRequest, name: &str, columns: &[String], shown: &str) -> OptionFault {
    let option = if name == request.unit {
        "--unit"
    } else if name == request.variation {
        "--variation"
    } else if request.covariate.as_deref() == Some(name) {
        "--covariate"
    } else {
        "--metric"
    };
    let near = columns.iter().map(String::as_str);
    let near = near.clone().find(|own| own.eq_ignore_ascii_case(name)).or(nearest(name, near));
    let near = near.map_or_else(|| ".".to_owned(), |own| format!("; did you mean `{own}`?"));
    OptionFault {
        option,
        reason: format!(
            "`{shown}` has no column `{name}`{near} Its columns are {}",
            listed(columns)
        ),
    }
}

/// Whether the folded rows can be analyzed at all.
fn usable(request: &TableRequest, folded: &FoldedRows, shown: &str) -> Result<(), TableRefusal> {
    let fault =
        |message: String, help: &str| Err(TableRefusal::Data(Diagnostic::new(message).help(help)));
    let fault_at = |message: String, help: &str, line: u64, column: &str, label: String| {
        let place =
            CellPlace { file: shown.to_owned(), line, column: Some(column.to_owned()), label };
        Err(TableRefusal::at(Diagnostic::new(message).help(help), place))
    };
    if let Some(line) = folded.too_many {
        let examples = folded.variations.get(..5).unwrap_or_default();
        return fault_at(
            format!(
                "the column `{}` has more than {MAX_VARIATIONS} different values up to line {line} of `{shown}`, such as {}",
                request.variation,
                listed(examples)
            ),
            "a column of variations has a few: is `--variation` the right column? without options, `simlab analyze FILE` lists the columns",
            line,
            &request.variation,
            format!("the {}st different value", MAX_VARIATIONS + 1),
        );
    }
    if folded.rows == 0 {
        return fault(
            format!("`{shown}` has no rows"),
            "expected one row for each unit, or several rows for each unit",
        );
    }
    for (name, tally) in folded.columns() {
        if let Some((line, reason)) = tally.first.as_ref().filter(|_| tally.other_column()) {
            let all = tally.faulty + tally.good;
            let says = format!(
                "the column `{name}` of `{shown}` cannot be read in {} of {} cells; the first is in line {line}: {reason}",
                figure::count(tally.faulty),
                figure::count(all)
            );
            return fault_at(
                says,
                "a metric needs a column of numbers, and a rate one of true and false; name another column, or clean this one",
                *line,
                name,
                reason.clone(),
            );
        }
        let cells = tally.missing.iter().sum::<u64>();
        if tally.good + tally.faulty == 0 && cells > 0 {
            return fault(
                format!(
                    "the column `{name}` of `{shown}` is empty in all {} rows",
                    figure::count(cells)
                ),
                "is the name spelled as in the file? without options, `simlab analyze FILE` lists the columns",
            );
        }
    }
    if folded.used == 0 {
        let why: Vec<String> = folded
            .left_out
            .0
            .iter()
            .map(|(why, count)| format!("{} {why}", figure::count(*count)))
            .collect();
        let first = folded.faults.first();
        let said =
            first.map(|own| format!("; line {}: {}", own.line, own.reason)).unwrap_or_default();
        let said =
            Diagnostic::new(format!("no row of `{shown}` can be used: {}{said}", why.join(", ")))
                .help(
                    "without options, `simlab analyze FILE` lists the columns and what is in them",
                );
        return Err(match first {
            Some(first) => TableRefusal::at(said, CellPlace::of(first, shown)),
            None => TableRefusal::Data(said),
        });
    }
    if let [only] = folded.variations.as_slice() {
        return fault(
            format!(
                "every row of `{shown}` has the variation `{only}` in the column `{}`",
                request.variation
            ),
            "a comparison needs a control and a treatment: is `--variation` the right column, and is the file complete?",
        );
    }
    Ok(())
}

/// What is doubtful about the data.
fn doubts(request: &TableRequest, folded: &FoldedRows, metrics: &[Metric]) -> Vec<HealthCheck> {
    let units = folded.units() as u64;
    let mut found: Vec<HealthCheck> =
        crossed_check(folded.crossed(), units, request.crossed).into_iter().collect();
    let left_out: u64 = folded.left_out.0.iter().map(|(_, count)| count).sum();
    if left_out > 0 {
        let message = format!(
            "{} of {} rows are left out, by reason under \"Table\"",
            figure::count(left_out),
            figure::count(folded.rows)
        );
        found.push(warning("rows", message));
    }
    for (name, tally) in folded.columns() {
        let missing: u64 = tally.missing.iter().sum();
        if missing > 0 {
            found.push(warning(
                "missing_values",
                missing_values(request, name, folded, tally, metrics),
            ));
        }
        if let Some((line, reason)) = &tally.first {
            let message = format!(
                "{} cells of `{name}` cannot be read and count as empty; the first is in line {line}: {reason}",
                figure::count(tally.faulty)
            );
            found.push(warning("values", message));
        }
    }
    for (name, why) in folded.mixed_units() {
        found.push(warning("mixed_units", format!("`{name}`: {why}")));
    }
    if folded.repeated > 0 {
        let message = format!(
            "{} rows equal the row before of the same unit, and all count; if rows were exported twice, take them out first (sort -u)",
            figure::count(folded.repeated)
        );
        found.push(warning("repeated_rows", message));
    }
    if folded.covariates_differ > 0 {
        let message = format!(
            "{} rows have another `{}` than the first row of their unit, which counts",
            figure::count(folded.covariates_differ),
            request.covariate.as_deref().unwrap_or_default()
        );
        found.push(warning("covariate", message));
    }
    found
}

/// What is said of the empty cells of a column.
fn missing_values(
    request: &TableRequest,
    name: &str,
    folded: &FoldedRows,
    tally: &CellTally,
    metrics: &[Metric],
) -> String {
    let by_arm: Vec<String> = folded
        .variations
        .iter()
        .zip(tally.missing.iter().chain(std::iter::repeat(&0)))
        .map(|(arm, count)| format!("{} of `{arm}`", figure::count(*count)))
        .collect();
    let all: u64 = tally.missing.iter().sum();
    let asked = request
        .metrics
        .iter()
        .zip(metrics)
        .find(|(asked, _)| asked.columns().any(|column| column == name));
    let what = match asked {
        None => "the mean of the others stands there".to_owned(),
        Some((_, metric)) if metric.per.is_some() => "they add 0 to the ratio".to_owned(),
        Some((_, metric)) if excludes(metric) => {
            let other = if metric.kind() == crate::experiment::MetricKind::Percentile {
                ""
            } else {
                " (`--missing zero` counts them as 0)"
            };
            format!("units without a value are left out of `{}`{other}", metric.key)
        }
        Some(_) => {
            "units without a value count as 0 (`--missing exclude` leaves them out)".to_owned()
        }
    };
    let marked = tally.first_mark.as_ref().map_or_else(String::new, |(line, word)| {
        let many = figure::count(tally.marked);
        format!(
            " ({many} of them with a word for a missing value, the first in line {line}: `{word}`)"
        )
    });
    format!(
        "{} cells of `{name}` are empty{marked}, {}; {what}",
        figure::count(all),
        by_arm.join(", ")
    )
}
