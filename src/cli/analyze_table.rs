//! `simlab analyze` on tables: what the options ask, and where they are missing what the table seems
//! to be, with the command to paste.
//!
//! Does not know: what the data mean; `recorded` does.

use std::cell::Cell;
use std::path::Path;

use super::args_analyze::{AnalyzeArgs, MissingValues, UsersInTwoArms};
use super::commands::{bad_file, read};
use super::exit::Exit;
use super::opened::{self, OpenedData, is_standard_input, stem, unreadable};
use super::output;
use super::progress::Progress;
use crate::diagnostic::{Diagnostic, SourceText, Wanted, mistaken, nearest, shell_argument};
use crate::experiment::Missing;
use crate::figure;
use crate::flags::events::moment;
use crate::recorded::{
    CellPlace, ColumnRole, CrossedUnits, JoinRequest, MetricRequest, OpenTable, OptionFault,
    PlacedText, ProposedAnalysis, StatisticsOptions, TableFormat, TableRefusal, TableRequest,
    TableShape, TableSurvey, TableUnreadable, event_names, is_statistics, joined_report,
    statistics_rows_report, survey, table_report, text_at, written_metric,
};
use crate::report::{Ordered, Report};

/// Whether options are given that only tables have.
pub(super) fn asks_for_table(args: &AnalyzeArgs) -> bool {
    args.variation.is_some() || !args.metrics.is_empty() || args.covariate.is_some()
}

/// The report on a table, or what it seems to be and what to ask of it.
pub(super) fn table(
    args: &AnalyzeArgs,
    path: &Path,
    opened: OpenedData<'_>,
) -> Result<Report, Exit> {
    let format = TableFormat::of(&opened.head);
    if !asks_for_table(args) && is_statistics(&opened.head) {
        return statistics_rows(args, path, format, opened);
    }
    not_for_tables(args)?;
    let request = match (&args.unit, &args.variation, args.metrics.as_slice()) {
        (Some(unit), Some(variation), [_, ..]) => request(args, path, unit, variation),
        _ => return Err(proposal(args, path, format, opened)),
    };
    table_report(&request, &shown(path), format, opened.lines())
        .map_err(|refusal| refused(path, refusal))
}

/// The report on rows of sufficient statistics.
fn statistics_rows(
    args: &AnalyzeArgs,
    path: &Path,
    format: TableFormat,
    opened: OpenedData<'_>,
) -> Result<Report, Exit> {
    let given = [
        ("--unit", args.unit.is_some()),
        ("--window", args.window.is_some()),
        ("--until", args.until.is_some()),
        ("--missing", args.missing.is_some()),
    ];
    if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
        return Err(usage(
            option,
            "the rows are sums already; give the option to `simlab sql`, which makes the query",
        ));
    }
    let scenario = match &args.scenario {
        Some(name) => Some(read(name)?.scenario),
        None => None,
    };
    let options = StatisticsOptions {
        control: args.control.as_deref(),
        split: args.split.as_deref(),
        experiment: args.experiment.as_deref(),
        scenario: scenario.as_ref(),
    };
    statistics_rows_report(&shown(path), format, opened.lines(), &options)
        .map_err(|refusal| refused(path, refusal))
}

/// The name of a file for messages.
pub(super) fn shown(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// What the options ask.
fn request(args: &AnalyzeArgs, path: &Path, unit: &str, variation: &str) -> TableRequest {
    TableRequest {
        name: stem(path),
        unit: unit.to_owned(),
        variation: variation.to_owned(),
        control: args.control.clone(),
        split: args.split.clone(),
        metrics: args.metrics.clone(),
        covariate: args.covariate.clone(),
        crossed: match args.users_in_two_arms {
            UsersInTwoArms::Exclude => CrossedUnits::Exclude,
            UsersInTwoArms::First => CrossedUnits::First,
        },
        missing: match args.missing {
            Some(MissingValues::Zero) => Missing::Zero,
            Some(MissingValues::Exclude) | None => Missing::Exclude,
        },
    }
}

/// Shows why a table is not analyzed.
pub(super) fn refused(path: &Path, refusal: TableRefusal) -> Exit {
    match refusal {
        TableRefusal::Option(OptionFault { option, reason }) => usage(option, &reason),
        TableRefusal::Data(fault) => bad_file(&[fault]),
        TableRefusal::Cell(found) => {
            let (fault, place) = *found;
            bad_file(&[pointed(path, fault, &place)])
        }
        TableRefusal::Io(error) => unreadable(path, &error),
    }
}

/// The fault with the text of its place, where that can be read again.
pub(super) fn pointed(path: &Path, fault: Diagnostic, place: &CellPlace) -> Diagnostic {
    if is_standard_input(path) {
        return fault;
    }
    let (progress, done) = (Progress::new("bytes read", 1, 0, true), Cell::new(0));
    let found = opened::open(path, &progress, &done).ok().and_then(|opened| {
        let format = TableFormat::of(&opened.head);
        text_at(opened.lines(), format, place)
    });
    match found {
        Some(PlacedText { text, line, span }) => {
            let line = usize::try_from(line).unwrap_or(1);
            let source = SourceText::new(place.file.as_str(), text).from_line(line);
            fault.at(&source, span, place.label.as_str())
        }
        None => fault,
    }
}

/// The end date as a Unix time in milliseconds.
pub(super) fn until(text: Option<&str>) -> Result<Option<u64>, String> {
    let Some(text) = text else { return Ok(None) };
    let expected = || {
        format!(
            "expected a date such as 2026-11-01 or a time such as 2026-11-01T12:00:00Z, found `{text}`"
        )
    };
    moment(text).map(Some).ok_or_else(expected)
}

/// The report on a table of exposures and a table of events.
pub(super) fn joined(args: &AnalyzeArgs, exposures: &Path, events: &Path) -> Result<Report, Exit> {
    if is_standard_input(exposures) && is_standard_input(events) {
        return Err(usage("--events", "standard input is read for --exposures already"));
    }
    let mut columns = args.columns.clone();
    columns.extend(args.unit.iter().map(|unit| (ColumnRole::Unit, unit.clone())));
    columns.extend(args.variation.iter().map(|name| (ColumnRole::Variation, name.clone())));
    let join = JoinRequest {
        experiment: args.experiment.clone(),
        columns,
        window_ms: args.window.map(|window| window.us() / 1000),
        until_ms: until(args.until.as_deref()).map_err(|reason| usage("--until", &reason))?,
        pre_period_ms: args.pre_period.map(|length| length.us() / 1000),
    };
    let progress = Progress::new("bytes read", 1, 0, false);
    let done = Cell::new(0);
    let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
    progress.total(size(exposures) + size(events));
    let open = |path: &Path| {
        opened::open(path, &progress, &done).map_err(|error| unreadable(path, &error))
    };
    let (first, second) = (open(exposures)?, open(events)?);
    for (path, opened) in [(exposures, &first), (events, &second)] {
        if let Some(fault) = mistaken(&shown(path), &opened.head, Wanted::Data) {
            return Err(bad_file(&[fault]));
        }
    }
    let events_table = OpenTable {
        shown: shown(events),
        format: TableFormat::of(&second.head),
        input: second.lines(),
    };
    if args.metrics.is_empty() {
        let found = event_names(&join, events_table).map_err(|refusal| refused(events, refusal))?;
        return Err(events_proposal(args, exposures, events, &found));
    }
    let mut request = request(args, exposures, "", "");
    request.missing = match args.missing {
        Some(MissingValues::Exclude) => Missing::Exclude,
        Some(MissingValues::Zero) | None => Missing::Zero,
    };
    request.name = args.experiment.clone().unwrap_or_else(|| stem(exposures));
    let exposures_table = OpenTable {
        shown: shown(exposures),
        format: TableFormat::of(&first.head),
        input: first.lines(),
    };
    let report =
        joined_report(&request, &join, exposures_table, events_table).map_err(|refusal| {
            let of_exposures =
                matches!(&refusal, TableRefusal::Cell(found) if found.1.file == shown(exposures));
            refused(if of_exposures { exposures } else { events }, refusal)
        })?;
    progress.finish();
    Ok(report)
}

/// Shows the events of a table, and the command that analyzes them.
fn events_proposal(
    args: &AnalyzeArgs,
    exposures: &Path,
    events: &Path,
    found: &Ordered<(u64, bool)>,
) -> Exit {
    let mut lines = vec![format!("`{}` has these events:", shown(events)), String::new()];
    lines.extend(found.0.iter().take(20).map(|(name, (count, vary))| {
        let values = if *vary { ", with values" } else { "" };
        format!("  {} ({}{values})", shortened(name), figure::count(*count))
    }));
    let path = |path: &Path| shell_argument(&path.display().to_string());
    let mut words = vec![
        "simlab analyze".to_owned(),
        format!("--exposures {}", path(exposures)),
        format!("--events {}", path(events)),
    ];
    for (name, (_, vary)) in found.0.iter().take(4) {
        words.push(format!("--metric {}", shell_argument(&format!("{name}:rate"))));
        if *vary {
            words.push(format!("--metric {}", shell_argument(&format!("{name}:mean"))));
        }
    }
    words.extend(args.window.map(|window| format!("--window {window}")));
    lines.push(String::new());
    lines.push("To analyze them, change what is wrong here and paste:".to_owned());
    lines.push(format!("  {}", words.join(" ")));
    lines.push(String::new());
    lines.push("error: nothing was analyzed, because --metric is not given".to_owned());
    output::message(&lines.join("\n"));
    Exit::Usage
}

/// Shows that an option does not fit.
pub(super) fn usage(option: &str, reason: &str) -> Exit {
    output::message(&format!("error: {option}: {reason}"));
    Exit::Usage
}

/// Refuses options that say nothing about a table of units.
fn not_for_tables(args: &AnalyzeArgs) -> Result<(), Exit> {
    let given = [
        ("--scenario", args.scenario.is_some()),
        ("--window", args.window.is_some()),
        ("--until", args.until.is_some()),
        ("--experiment", args.experiment.is_some()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(usage(
            option,
            "a table with a row for each unit has no events to choose from; it goes with recorded events, or with --exposures and --events",
        )),
        None => Ok(()),
    }
}

/// Shows what a table seems to be, and the command that analyzes it.
fn proposal(args: &AnalyzeArgs, path: &Path, format: TableFormat, opened: OpenedData<'_>) -> Exit {
    let name = shown(path);
    let found = match survey(opened.lines(), format) {
        Ok(found) => found,
        Err(TableUnreadable::Io(error)) => return unreadable(path, &error),
        Err(TableUnreadable::Text(reason)) => {
            return bad_file(&[Diagnostic::new(format!(
                "`{name}` cannot be read as {}: {reason}",
                format.noun()
            ))
            .help(
                "expected a table with the names of the columns in the first line, or JSON objects",
            )]);
        }
    };
    let given = ProposedAnalysis {
        unit: args.unit.clone(),
        variation: args.variation.clone(),
        control: args.control.clone(),
        metrics: args.metrics.clone(),
        covariate: args.covariate.clone(),
    };
    let proposed = found.proposed(&given);
    let mut lines = described(&name, &found);
    if found.rows == found.faulty.0 {
        let why = found.faulty.1.map_or_else(
            || "it has no rows".to_owned(),
            |(line, reason)| format!("line {line}: {reason}"),
        );
        return bad_file(&[Diagnostic::new(format!(
            "`{name}` has no row that can be read: {why}"
        ))
        .help("expected one row for each user, or several rows for each user")]);
    }
    let own = shell_argument(&path.display().to_string());
    let other = match found.shape() {
        TableShape::Units => None,
        TableShape::Exposures => Some((
            "a table of exposures (units, variations, times), without metrics",
            format!("--exposures {own} --events EVENTS.csv"),
        )),
        TableShape::Events => Some((
            "a table of events (units, names, times), without variations",
            format!("--exposures EXPOSURES.csv --events {own}"),
        )),
    };
    if let Some((what, options)) = other.filter(|_| args.metrics.is_empty()) {
        lines.push(String::new());
        lines.push(format!("Understood as: {what}. The other table has to come with it:"));
        lines.push(format!("  simlab analyze {options} --metric EVENT:rate"));
        lines.push(String::new());
        lines.push("error: nothing was analyzed, because the other table is not given".to_owned());
        output::message(&lines.join("\n"));
        return Exit::Usage;
    }
    lines.push(String::new());
    lines.push(understood(&found, &proposed));
    lines.push(String::new());
    lines.push("To analyze it, change what is wrong here and paste:".to_owned());
    lines.push(format!("  {}", command(args, path, &proposed)));
    let missing = [
        ("--unit", args.unit.is_none()),
        ("--variation", args.variation.is_none()),
        ("--metric", args.metrics.is_empty()),
    ];
    let missing: Vec<&str> =
        missing.iter().filter(|(_, missing)| *missing).map(|(option, _)| *option).collect();
    lines.push(String::new());
    lines.extend(strangers(args, &found));
    lines.push(format!("error: nothing was analyzed, because {} is not given", missing.join(", ")));
    output::message(&lines.join("\n"));
    Exit::Usage
}

/// Names in the options that no column has.
fn strangers(args: &AnalyzeArgs, found: &TableSurvey) -> Vec<String> {
    let given = args.unit.iter().chain(&args.variation).chain(&args.covariate).map(String::as_str);
    let given = given.chain(args.metrics.iter().flat_map(MetricRequest::columns));
    let columns = || found.columns.iter().map(|column| column.name.as_str());
    let strangers = given.filter(|name| columns().all(|own| own != *name));
    let told = strangers.map(|name| {
        let near = nearest(name, columns());
        let near = near.map(|own| format!("; did you mean `{own}`?")).unwrap_or_default();
        format!("error: no column has the name `{name}`{near}")
    });
    told.collect()
}

/// The columns as a table.
fn described(name: &str, found: &TableSurvey) -> Vec<String> {
    let rows = figure::count(found.rows);
    let rows = if found.more { format!("more than {rows} rows") } else { format!("{rows} rows") };
    let mut lines = vec![format!(
        "`{name}` is {}: {rows}, {} columns",
        found.format.noun(),
        found.columns.len()
    )];
    if let Some((line, reason)) = &found.faulty.1 {
        lines.push(format!(
            "{} rows cannot be read; the first is in line {line}: {reason}",
            figure::count(found.faulty.0)
        ));
    }
    lines.push(String::new());
    let head = ["column", "type", "empty", "values"].map(str::to_owned);
    let rows = found.columns.iter().map(|column| {
        let name = shortened(&column.name);
        [name, column.kind().to_owned(), figure::count(column.missing), column.summary()]
    });
    let table: Vec<[String; 4]> = std::iter::once(head).chain(rows).collect();
    let width = |at: usize| {
        table
            .iter()
            .filter_map(|row| row.get(at))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths = [width(0), width(1), width(2)];
    lines.extend(table.iter().map(|[name, kind, empty, values]| {
        let [first, second, third] = widths;
        format!("  {name:first$}  {kind:second$}  {empty:>third$}  {values}").trim_end().to_owned()
    }));
    lines
}

/// A name that leaves room for the rest of the line.
fn shortened(name: &str) -> String {
    match name.char_indices().nth(40) {
        Some((end, _)) => format!("{}…", name.get(..end).unwrap_or_default()),
        None => name.to_owned(),
    }
}

/// What the columns are taken for.
fn understood(found: &TableSurvey, proposed: &ProposedAnalysis) -> String {
    let mut parts = Vec::new();
    parts.push(match &proposed.unit {
        Some(unit) => {
            let units = found.different(unit);
            let each = if units == found.rows { "one row each" } else { "several rows each" };
            format!("unit `{unit}` ({} different, {each})", figure::count(units))
        }
        None => "no column that could be the unit: it needs many different values".to_owned(),
    });
    parts.push(match (&proposed.variation, &proposed.control) {
        (Some(variation), Some(control)) => {
            format!("variation `{variation}` (control `{control}`)")
        }
        (Some(variation), None) => format!("variation `{variation}`"),
        _ => "no column that could be the variation: it needs 2 to 50 different values".to_owned(),
    });
    parts.push(match proposed.metrics.len() {
        0 => "no column that could be a metric: it needs numbers, or true and false".to_owned(),
        1 => "1 metric".to_owned(),
        many => format!("{many} metrics, of which the first decides"),
    });
    if let Some(covariate) = &proposed.covariate {
        parts.push(format!("covariate `{covariate}`"));
    }
    format!("Understood as: {}.", parts.join("; "))
}

/// The command that analyzes it.
fn command(args: &AnalyzeArgs, path: &Path, proposed: &ProposedAnalysis) -> String {
    let mut words = vec!["simlab analyze".to_owned(), shell_argument(&path.display().to_string())];
    let mut option = |name: &str, value: Option<String>| {
        words.extend(value.map(|value| format!("{name} {}", shell_argument(&value))));
    };
    option("--unit", Some(proposed.unit.clone().unwrap_or_else(|| "COLUMN".to_owned())));
    option("--variation", Some(proposed.variation.clone().unwrap_or_else(|| "COLUMN".to_owned())));
    option("--control", proposed.control.clone());
    option("--split", args.split.clone());
    for metric in &proposed.metrics {
        option("--metric", Some(written_metric(metric)));
    }
    if proposed.metrics.is_empty() {
        option("--metric", Some("COLUMN:mean".to_owned()));
    }
    option("--covariate", proposed.covariate.clone());
    words.join(" ")
}
