//! From rows of sufficient statistics to the report that the raw rows would give.
//!
//! Guarantees: a cell that does not fit is named with its line and column; numbers that no data can
//! have, such as more conversions than users, are an error.
//!
//! Does not know: files, or the query that made the rows.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::BufRead;
use std::ops::ControlFlow;

use serde_json::{Map, Value, json};

use super::super::hashed::Hashed;
use super::super::tabular::{
    Adjusting, CrossedUnits, OptionFault, StudyRequest, TableColumns, TableFindings, TableFormat,
    TableRefusal, TableRow, TableUnreadable, crossed_check, each_row, study,
};
use super::written::{COLUMNS, COUNTS, NEEDED, SCHEMA, StatisticsRow, TEXTS};
use crate::analysis::{
    Analysis, HealthCheck, MetricInput, PrefixAnalysis, Summary, Tally, UnitSums, analyze,
};
use crate::diagnostic::Diagnostic;
use crate::experiment::{
    Aggregation, Better, Denominator, Experiment, Metric, MetricKind, Missing, Statistic,
};
use crate::figure;
use crate::quantity::Probability;
use crate::report::{DataOrigin, OverTime, Report, ReportSupplements, SegmentResult};
use crate::scenario::{Scenario, Study};
use crate::statistic::{PercentileRanks, RankValues};
use crate::time::utc;

/// Most rows: ten metrics of three variations on each day of a year, ten times.
const MAX_ROWS: usize = 100_000;
/// Largest number of users: sums of them stay exact as floating-point numbers.
const MAX_USERS: u64 = 1_000_000_000_000;

/// What the command line says of rows of statistics.
#[derive(Clone, Debug, Default)]
pub struct StatisticsOptions<'a> {
    /// The control, in the place of the rows' own.
    pub control: Option<&'a str>,
    /// The planned split, in the place of the rows' own.
    pub split: Option<&'a str>,
    /// The experiment, where the rows have several.
    pub experiment: Option<&'a str>,
    /// The scenario with the metrics, the decision rule and what is expected.
    pub scenario: Option<&'a Scenario>,
}

/// Whether a table begins with rows of statistics.
#[must_use]
pub fn is_statistics(head: &[u8]) -> bool {
    head.windows(SCHEMA.len()).any(|own| own == SCHEMA.as_bytes())
}

/// A row with its line.
type Placed = (u64, StatisticsRow);

/// The report on rows of statistics; `name` is the file's for messages.
///
/// # Errors
/// What is wrong with the rows, with line and column, or with the options.
pub fn statistics_rows_report(
    name: &str,
    format: TableFormat,
    input: impl BufRead,
    options: &StatisticsOptions<'_>,
) -> Result<Report, TableRefusal> {
    let mut input = Hashed::new(input);
    let rows = read(name, format, &mut input)?;
    let rows = of_experiment(name, rows, options)?;
    let fingerprint = input.digest();
    let PlacedParts { whole, segments, days } = in_parts(rows);
    if whole.is_empty() {
        return Err(fault(
            format!("`{name}` has rows of segments or days, and none of all users"),
            "a row of all users has nothing in the columns `segment` and `day`",
        ));
    }
    let given = Given::of(name, &whole)?;
    if let [only] = given.variations.as_slice() {
        return Err(fault(
            format!("every row of `{name}` has the variation `{only}`"),
            "a comparison needs a control and a treatment",
        ));
    }
    let segments = each_given(name, &segments)?;
    let days = each_given(name, &days)?;
    match options.scenario {
        Some(scenario) => given.by_scenario(scenario, options, fingerprint, (&segments, &days)),
        None => given.report(options, fingerprint, (&segments, &days)),
    }
}

/// The rows of all users, of each segment, and of each day.
#[derive(Default)]
struct PlacedParts {
    whole: Vec<Placed>,
    segments: BTreeMap<String, Vec<Placed>>,
    days: BTreeMap<u64, Vec<Placed>>,
}

fn in_parts(rows: Vec<Placed>) -> PlacedParts {
    let mut found = PlacedParts::default();
    for (line, row) in rows {
        let rows = match (&row.segment, row.day) {
            (Some(segment), _) => found.segments.entry(segment.clone()).or_default(),
            (None, Some(day)) => found.days.entry(day).or_default(),
            (None, None) => &mut found.whole,
        };
        rows.push((line, row));
    }
    found
}

/// Parts by what they are called.
type Parts<'r, K> = Vec<(&'r K, Given<'r>)>;

fn each_given<'r, K>(
    name: &str,
    parts: &'r BTreeMap<K, Vec<Placed>>,
) -> Result<Parts<'r, K>, TableRefusal> {
    parts.iter().map(|(key, rows)| Ok((key, Given::of(name, rows)?))).collect()
}

fn fault(message: String, help: &str) -> TableRefusal {
    TableRefusal::Data(Diagnostic::new(message).help(help.to_owned()))
}

const WRITTEN_BY: &str = "such rows are the result of the query that `simlab sql` prints; `simlab reference sql` has the columns";

/// Reads the rows.
fn read(name: &str, format: TableFormat, input: impl BufRead) -> Result<Vec<Placed>, TableRefusal> {
    let columns = RefCell::new(TableColumns::default());
    let mut rows: Vec<Placed> = Vec::new();
    let mut wrong = None;
    each_row(
        input,
        format,
        |own| {
            *columns.borrow_mut() = own.clone();
            ControlFlow::Continue(())
        },
        |line, row| {
            let taken = row
                .and_then(|row| of_cells(&columns.borrow(), row))
                .and_then(|row| checked(&row).map(|()| row));
            match taken {
                _ if rows.len() == MAX_ROWS => {
                    wrong =
                        Some((line, format!("more than {} rows", figure::count(MAX_ROWS as u64))));
                }
                Ok(row) => rows.push((line, row)),
                Err(reason) => wrong = Some((line, reason)),
            }
            if wrong.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        },
    )
    .map_err(|error| match error {
        TableUnreadable::Io(error) => TableRefusal::Io(error),
        TableUnreadable::Text(reason) => {
            fault(format!("`{name}` cannot be read as {}: {reason}", format.noun()), WRITTEN_BY)
        }
    })?;
    if let Some((line, reason)) = wrong {
        return Err(fault(format!("`{name}`, line {line}: {reason}"), WRITTEN_BY));
    }
    Ok(rows)
}

/// A row from its cells. Some warehouses write the names of columns in capitals.
fn of_cells(columns: &TableColumns, row: TableRow<'_>) -> Result<StatisticsRow, String> {
    let mut found = Map::new();
    let names: Vec<String> = match row {
        TableRow::Record(_) => columns.names().to_vec(),
        TableRow::Object(object) => object.keys().cloned().collect(),
    };
    for wanted in COLUMNS {
        let Some(own) = names.iter().find(|own| own.eq_ignore_ascii_case(wanted)) else { continue };
        let Some(column) = columns.find(own) else { continue };
        let cell = row.cell(&column);
        if TEXTS.contains(wanted) {
            found.extend(cell.name().map(|text| ((*wanted).to_owned(), json!(text))));
            continue;
        }
        let number = cell.number().map_err(|reason| format!("column `{own}`: {reason}"))?;
        let Some(number) = number else { continue };
        if COUNTS.contains(wanted) {
            if number < 0.0 || number.fract() != 0.0 || number > MAX_USERS as f64 {
                return Err(format!(
                    "column `{own}`: expected a whole number of 0 or more, found `{number}`"
                ));
            }
            found.insert((*wanted).to_owned(), json!(number as u64));
        } else {
            found.insert((*wanted).to_owned(), json!(number));
        }
    }
    if let Some(missing) = NEEDED.iter().find(|own| !found.contains_key(**own)) {
        let has = names.iter().any(|own| own.eq_ignore_ascii_case(missing));
        return Err(if has {
            format!("the column `{missing}` is empty")
        } else {
            format!("there is no column `{missing}`")
        });
    }
    serde_json::from_value(Value::Object(found)).map_err(|error| error.to_string())
}

/// Whether the numbers of a row can be those of any data.
fn checked(row: &StatisticsRow) -> Result<(), String> {
    if row.schema != SCHEMA {
        return Err(format!("column `schema`: expected `{SCHEMA}`, found `{}`", row.schema));
    }
    let one_of = |column: &str, found: &str, allowed: &[&str]| {
        if allowed.contains(&found) {
            Ok(())
        } else {
            Err(format!("column `{column}`: expected {}, found `{found}`", allowed.join(", ")))
        }
    };
    one_of("kind", &row.kind, &["rate", "mean", "average", "percentile", "ratio"])?;
    one_of("better", &row.better, &["higher", "lower"])?;
    one_of("missing", row.missing.as_deref().unwrap_or("zero"), &["zero", "exclude"])?;
    one_of("crossed", row.crossed.as_deref().unwrap_or("exclude"), &["exclude", "first"])?;
    if row.users_counted > row.users {
        return Err(format!(
            "column `users_counted`: {} of {} `users`",
            figure::count(row.users_counted),
            figure::count(row.users)
        ));
    }
    let converted = row.sum_value.unwrap_or_default();
    if row.kind == "rate" && !(0.0..=row.users_counted as f64).contains(&converted) {
        return Err(format!(
            "column `sum_value`: a rate of {converted} of {} users",
            figure::count(row.users_counted)
        ));
    }
    let needs: &[(&str, Option<f64>)] = match row.kind.as_str() {
        _ if row.users_counted == 0 => &[],
        "rate" => &[("sum_value", row.sum_value)],
        "percentile" => &[
            ("percentile", row.percentile),
            ("quantile", row.quantile),
            ("quantile_low", row.quantile_low),
            ("quantile_high", row.quantile_high),
        ],
        "ratio" => &[
            ("sum_value", row.sum_value),
            ("sum_per", row.sum_per),
            ("dev_value_squared", row.dev_value_squared),
            ("dev_value_per", row.dev_value_per),
            ("dev_per_squared", row.dev_per_squared),
        ],
        _ => &[("sum_value", row.sum_value), ("dev_value_squared", row.dev_value_squared)],
    };
    if let Some((column, _)) = needs.iter().find(|(_, value)| value.is_none()) {
        return Err(format!("the column `{column}` is empty, and a {} needs it", row.kind));
    }
    let squares = [
        ("dev_value_squared", row.dev_value_squared),
        ("dev_per_squared", row.dev_per_squared),
        ("dev_before_squared", row.dev_before_squared),
        ("dev_before_per_squared", row.dev_before_per_squared),
    ];
    match squares.iter().find(|(_, sum)| sum.is_some_and(|sum| sum < 0.0)) {
        Some((column, _)) => Err(format!("column `{column}`: a sum of squares is not below 0")),
        None => Ok(()),
    }
}

/// The rows of one experiment.
fn of_experiment(
    name: &str,
    mut rows: Vec<Placed>,
    options: &StatisticsOptions<'_>,
) -> Result<Vec<Placed>, TableRefusal> {
    let mut keys: Vec<String> = rows.iter().map(|(_, row)| row.experiment.clone()).collect();
    keys.sort();
    keys.dedup();
    let listed = keys.iter().take(10).map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ");
    let option =
        |reason: String| TableRefusal::Option(OptionFault { option: "--experiment", reason });
    match options.experiment {
        Some(wanted) => {
            rows.retain(|(_, row)| row.experiment == wanted);
            if rows.is_empty() {
                return Err(option(format!(
                    "`{name}` has no experiment `{wanted}`; it has {listed}"
                )));
            }
        }
        None if keys.len() > 1 => {
            return Err(option(format!("`{name}` has several experiments, choose one: {listed}")));
        }
        None if rows.is_empty() => return Err(fault(format!("`{name}` has no rows"), WRITTEN_BY)),
        None => {}
    }
    Ok(rows)
}

/// Statistics that fit together.
struct Given<'r> {
    variations: Vec<String>,
    /// The rows of each metric, one for each variation in their order; `None` where it has none.
    metrics: Vec<Vec<Option<&'r StatisticsRow>>>,
    first: &'r StatisticsRow,
    users: Vec<u64>,
}

impl<'r> Given<'r> {
    fn of(name: &str, rows: &'r [Placed]) -> Result<Self, TableRefusal> {
        let Some((_, first)) = rows.first() else {
            return Err(fault(format!("`{name}` has no rows"), WRITTEN_BY));
        };
        let mut variations: Vec<String> = Vec::new();
        let mut users: Vec<u64> = Vec::new();
        let mut places: Vec<(u64, &str)> = Vec::new();
        for (line, row) in rows {
            match variations.iter().position(|own| *own == row.variation) {
                None => {
                    variations.push(row.variation.clone());
                    users.push(row.users);
                }
                Some(at) if users.get(at) != Some(&row.users) => {
                    let other = users.get(at).copied().unwrap_or_default();
                    return Err(fault(
                        format!(
                            "`{name}`, line {line}: column `users`: {} of `{}`, and {} in an earlier line",
                            figure::count(row.users),
                            row.variation,
                            figure::count(other)
                        ),
                        "a variation has the same users under every metric; `users_counted` may differ",
                    ));
                }
                Some(_) => {}
            }
            if !places.contains(&(row.place, row.metric.as_str())) {
                places.push((row.place, &row.metric));
            }
        }
        places.sort_unstable();
        let mut metrics = Vec::new();
        for (place, key) in places {
            let mut arms: Vec<Option<&StatisticsRow>> = vec![None; variations.len()];
            for (line, row) in
                rows.iter().filter(|(_, row)| row.place == place && row.metric == key)
            {
                let at =
                    variations.iter().position(|own| *own == row.variation).unwrap_or_default();
                let Some(arm) = arms.get_mut(at) else { continue };
                if arm.replace(row).is_some() {
                    return Err(fault(
                        format!(
                            "`{name}`, line {line}: a second row of `{key}` for the variation `{}`",
                            row.variation
                        ),
                        "the statistics of one variation are one row for each metric; were two results joined?",
                    ));
                }
            }
            metrics.push(arms);
        }
        Ok(Self { variations, metrics, first, users })
    }

    /// The planned split that the rows have, as the command line would write it.
    fn split(&self) -> Option<String> {
        let all = self.metrics.first()?.iter().flatten();
        let shares: Vec<String> = all
            .filter_map(|row| Some(format!("{}={:.3}%", row.variation, row.planned_share? * 100.0)))
            .collect();
        (shares.len() == self.variations.len()).then(|| shares.join(","))
    }

    fn health(&self) -> Vec<HealthCheck> {
        let how = match self.first.crossed.as_deref() {
            Some("first") => CrossedUnits::First,
            _ => CrossedUnits::Exclude,
        };
        let (crossed, all) = (self.first.crossed_users, self.first.all_users);
        crossed_check(crossed.unwrap_or(0), all.unwrap_or(0), how).into_iter().collect()
    }

    /// The statistics in the order of an experiment's treatments; `metrics` are those of `rows`.
    fn summary(&self, experiment: &Experiment, metrics: &[(&Metric, usize)]) -> Summary {
        let place = |key: &str| self.variations.iter().position(|own| own == key);
        let places: Vec<Option<usize>> =
            experiment.treatments.iter().map(|own| place(&own.variation)).collect();
        let inputs = metrics.iter().map(|(metric, at)| {
            let row = |place: &Option<usize>| {
                self.metrics.get(*at).and_then(|arms| arms.get((*place)?).copied().flatten())
            };
            MetricInput {
                metric: (*metric).clone(),
                tallies: places.iter().map(|own| tally(row(own)?, metric)).collect(),
                responders: places
                    .iter()
                    .map(|own| row(own).map_or(Some(0), |row| row.users_with_value))
                    .collect(),
                skewness: places.iter().map(|own| moments(row(own)?).skewness(metric)).collect(),
            }
        });
        let whole: f64 = experiment.treatments.iter().map(|own| own.share.fraction()).sum();
        let shares = (whole > 0.0).then(|| {
            experiment.treatments.iter().map(|own| own.share.fraction() / whole).collect()
        });
        Summary {
            metrics: inputs.collect(),
            exposures: places
                .iter()
                .map(|own| own.and_then(|at| self.users.get(at).copied()).unwrap_or(0))
                .collect(),
            shares,
        }
    }

    /// Where the rows of each metric are.
    fn places<'m>(&self, metrics: impl Iterator<Item = &'m Metric>) -> Vec<(&'m Metric, usize)> {
        let at = |metric: &Metric| {
            self.metrics.iter().position(|arms| {
                arms.iter().flatten().next().is_some_and(|row| row.metric == metric.key)
            })
        };
        metrics.map(|metric| (metric, at(metric).unwrap_or(usize::MAX))).collect()
    }

    /// The report without a scenario.
    fn report(
        &self,
        options: &StatisticsOptions<'_>,
        fingerprint: String,
        (segments, days): (&Parts<'_, String>, &Parts<'_, u64>),
    ) -> Result<Report, TableRefusal> {
        let rows: Vec<&StatisticsRow> =
            self.metrics.iter().filter_map(|arms| arms.iter().flatten().next().copied()).collect();
        let own_split = self.split();
        let request = StudyRequest {
            name: &self.first.experiment,
            control: options.control.or(self.first.control.as_deref()),
            split: options.split.or(own_split.as_deref()),
            metrics: rows
                .iter()
                .map(|row| (metric(row), row.better_by.as_deref() != Some("name")))
                .collect(),
        };
        let (study, _) = study(request, &self.variations)?;
        let metrics: Vec<(&Metric, usize)> = study.metrics.iter().zip(0..).collect();
        let summary = self.summary(&study.experiment, &metrics);
        let adjusting = self.first.covariate.clone().map(|covariate| {
            let of = |at: usize| -> Vec<UnitSums> {
                let arms = study.experiment.treatments.iter().filter_map(|own| {
                    let place = self.variations.iter().position(|key| *key == own.variation)?;
                    let row = self.metrics.get(at)?.get(place).copied().flatten()?;
                    row.sum_before.map(|_| moments(row))
                });
                let arms: Vec<UnitSums> = arms.collect();
                if arms.len() == study.experiment.treatments.len() { arms } else { Vec::new() }
            };
            let sums = (0..self.metrics.len()).map(of).collect();
            Adjusting { covariate, option: "simlab sql", sums, without: 0 }
        });
        let experiment = study.experiment.clone();
        let of_part = |part: &Given<'_>| {
            analyze(&experiment, &part.summary(&experiment, &part.places(study.metrics.iter())))
        };
        let segments = segment_results(segments, &experiment, &of_part);
        let over_time = by_day(days, &experiment, &of_part);
        let findings = TableFindings {
            name: &self.first.experiment,
            study,
            summary,
            adjusting,
            health: self.health(),
            fingerprint,
        };
        let mut report = findings.report();
        for own in &mut report.experiments {
            own.segments.clone_from(&segments);
            own.over_time.clone_from(&over_time);
        }
        Ok(report)
    }

    /// The report with a scenario's metrics, rule and expectations.
    fn by_scenario(
        &self,
        scenario: &Scenario,
        options: &StatisticsOptions<'_>,
        fingerprint: String,
        (segments, days): (&Parts<'_, String>, &Parts<'_, u64>),
    ) -> Result<Report, TableRefusal> {
        let key = &self.first.experiment;
        let keys = || {
            let all = scenario.studies.iter().map(|own| format!("`{}`", own.experiment.key));
            all.collect::<Vec<_>>().join(", ")
        };
        let mut study: Study = scenario
            .studies
            .iter()
            .find(|own| own.experiment.key == *key)
            .ok_or_else(|| OptionFault {
                option: "--scenario",
                reason: format!(
                    "`{}` has no experiment `{key}`, which the rows are of; its experiments are {}",
                    scenario.name,
                    keys()
                ),
            })?
            .clone();
        if let Some(split) = options.split {
            super::super::split::set_split(&mut study.experiment, split)
                .map_err(|reason| OptionFault { option: "--split", reason })?;
        }
        if let Some(arm) = options.control {
            let place = study.experiment.treatments.iter().position(|own| own.variation == arm);
            study.experiment.control = place.ok_or_else(|| OptionFault {
                option: "--control",
                reason: format!("the experiment `{key}` has no arm `{arm}`"),
            })?;
        }
        let metrics = || study.experiment.metrics_in(&scenario.metrics).map(|(_, metric)| metric);
        let summary = self.summary(&study.experiment, &self.places(metrics()));
        let of_part = |part: &Given<'_>| {
            let summary = part.summary(&study.experiment, &part.places(metrics()));
            study.conclude_from(summary).1
        };
        let segments = segment_results(segments, &study.experiment, &of_part);
        let over_time = by_day(days, &study.experiment, &of_part);
        let (_, analysis) = study.conclude_from(summary);
        let verdict = study.decide(&analysis);
        let health = self.health();
        let extras = ReportSupplements { health, segments, over_time, ..Default::default() };
        let mut report = Report::new(&scenario.name, DataOrigin::Data, None, fingerprint);
        let shown = Report::experiment(&study.experiment, &analysis, verdict.as_ref(), extras);
        if let Some(expect) = &study.expect {
            report.expectations.extend(expect.check(&shown));
        }
        report.experiments.push(shown);
        Ok(report)
    }
}

/// What the users of each segment show.
fn segment_results(
    parts: &Parts<'_, String>,
    experiment: &Experiment,
    analysis: &dyn Fn(&Given<'_>) -> Analysis,
) -> Vec<SegmentResult> {
    let each = parts.iter();
    each.map(|(key, part)| SegmentResult::of((*key).clone(), experiment, &analysis(part))).collect()
}

/// What was known at the end of each day.
fn by_day(
    parts: &Parts<'_, u64>,
    experiment: &Experiment,
    analysis: &dyn Fn(&Given<'_>) -> Analysis,
) -> Option<OverTime> {
    let looks: Vec<PrefixAnalysis> = parts
        .iter()
        .map(|(_, part)| PrefixAnalysis {
            units: part.users.iter().sum(),
            analysis: analysis(part),
        })
        .collect();
    let day = |number: &u64| {
        let written = utc(number.saturating_mul(86_400_000));
        written.split('T').next().unwrap_or_default().to_owned()
    };
    let mut found = OverTime::of(experiment, &looks)?;
    found.days = parts.iter().map(|(number, _)| day(number)).collect();
    Some(found)
}

/// The metric that a row is of.
fn metric(row: &StatisticsRow) -> Metric {
    let event = row.event.clone().unwrap_or_else(|| row.metric.clone());
    Metric {
        key: row.metric.clone(),
        name: String::new(),
        event: event.clone(),
        aggregation: match row.kind.as_str() {
            "rate" => Aggregation::Occurrence,
            "average" | "percentile" => Aggregation::Average,
            _ => Aggregation::Sum,
        },
        per: (row.kind == "ratio")
            .then(|| Denominator::Values(row.per_event.clone().unwrap_or(event))),
        statistic: match (row.kind.as_str(), row.percentile) {
            ("percentile", Some(p)) => Statistic::Percentile(Probability::clamped(p)),
            _ => Statistic::Mean,
        },
        missing: match row.missing.as_deref() {
            Some("exclude") => Missing::Exclude,
            _ => Missing::Zero,
        },
        better: if row.better == "lower" { Better::Lower } else { Better::Higher },
        unit: row.unit.clone().unwrap_or_default(),
        prior_variance: None,
        prior: None,
        judge: None,
        smallest_effect: 0.0,
    }
}

/// The sums of a row.
fn moments(row: &StatisticsRow) -> UnitSums {
    let units = row.users_counted;
    let sum = |own: Option<f64>| own.unwrap_or_default();
    let divisor = |own: Option<f64>| own.unwrap_or(units as f64);
    UnitSums {
        units,
        totals: [
            sum(row.sum_value),
            divisor(row.sum_per),
            sum(row.sum_before),
            divisor(row.sum_before_per),
        ],
        products: [
            if row.kind == "rate" {
                // Zeros and ones: their squares follow from how many there are.
                let (n, ones) = (units as f64, sum(row.sum_value));
                row.dev_value_squared.unwrap_or(ones * (n - ones) / n.max(1.0))
            } else {
                sum(row.dev_value_squared)
            },
            sum(row.dev_value_per),
            sum(row.dev_value_before),
            sum(row.dev_value_before_per),
            sum(row.dev_per_squared),
            sum(row.dev_per_before),
            sum(row.dev_per_before_per),
            sum(row.dev_before_squared),
            sum(row.dev_before_before_per),
            sum(row.dev_before_per_squared),
        ],
        cubes: sum(row.dev_value_cubed),
    }
}

/// A row as a tally of a metric.
fn tally(row: &StatisticsRow, metric: &Metric) -> Option<Tally> {
    if row.users_counted == 0 {
        return None;
    }
    if metric.kind() != MetricKind::Percentile {
        return match moments(row).tally(metric)? {
            // As of raw rows, where all units count.
            Tally::Conversion { judged, conversions, .. } if row.users_counted == row.users => {
                Some(Tally::Conversion { units: None, judged, conversions })
            }
            other => Some(other),
        };
    }
    let Statistic::Percentile(p) = metric.statistic else { return None };
    let found = PercentileRanks::of(p, row.users_counted)?.estimate(&RankValues {
        value: row.quantile?,
        lower: row.quantile_low?,
        upper: row.quantile_high?,
        below: row.quantile_below,
        above: row.quantile_above,
    });
    let (units, value) = (row.users_counted, found.value);
    Some(Tally::Value { units, value, standard_error: found.standard_error })
}
