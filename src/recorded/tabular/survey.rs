//! What a table seems to be: its columns with what is in them, and the analysis that they suggest.
//!
//! Guarantees: looks at a bounded number of rows; proposes only what an analysis accepts.
//!
//! Does not know: what was asked.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;
use std::ops::ControlFlow;

use super::ask::{MetricRequest, TableStatistic};
use super::fold::MAX_VARIATIONS;
use super::read::each_row;
use super::roles::ColumnRole;
use super::rows::{NamedColumn, TableCell, TableColumns, TableFormat, TableRow, TableUnreadable};
use crate::experiment::Better;
use crate::figure;
use crate::flags::events::moment;
use crate::quantity::Probability;

/// Rows that are looked at.
const MAX_ROWS: u64 = 50_000;
/// Columns that are looked at.
const MAX_COLUMNS: usize = 200;
/// Different values of a column that are counted one by one.
const MAX_VALUES: usize = MAX_VARIATIONS;

/// What is in a column.
#[derive(Clone, Debug)]
pub struct SurveyedColumn {
    /// Its name.
    pub name: String,
    /// Cells with something in them.
    pub cells: u64,
    /// Cells with nothing in them.
    pub missing: u64,
    flags: u64,
    numbers: u64,
    times: u64,
    lowest: f64,
    highest: f64,
    different: BTreeSet<u64>,
    /// The values with their counts, as long as there are few.
    values: Option<BTreeMap<String, u64>>,
    example: Option<String>,
}

/// What a table seems to be.
#[derive(Clone, Debug)]
pub struct TableSurvey {
    /// How it is written.
    pub format: TableFormat,
    /// Its columns, in their order.
    pub columns: Vec<SurveyedColumn>,
    /// Rows that were looked at.
    pub rows: u64,
    /// Whether there are more rows.
    pub more: bool,
    /// Rows that cannot be read, and the first with its line.
    pub faulty: (u64, Option<(u64, String)>),
}

/// Looks at a table.
///
/// # Errors
/// When the reader fails, or with the reason why the text is no table.
pub fn survey(input: impl BufRead, format: TableFormat) -> Result<TableSurvey, TableUnreadable> {
    let columns = std::cell::RefCell::new(Vec::new());
    let (mut rows, mut more, mut faulty) = (0, false, (0, None));
    each_row(
        input,
        format,
        |names: &TableColumns| {
            columns.borrow_mut().extend(
                names.all().take(MAX_COLUMNS).map(|own| (SurveyedColumn::new(&own.name), own)),
            );
            ControlFlow::Continue(())
        },
        |line, row| {
            if rows == MAX_ROWS {
                more = true;
                return ControlFlow::Break(());
            }
            rows += 1;
            match row {
                Ok(row) => take(&mut columns.borrow_mut(), row),
                Err(reason) => {
                    faulty.0 += 1;
                    faulty.1.get_or_insert((line, reason));
                }
            }
            ControlFlow::Continue(())
        },
    )?;
    let mut columns: Vec<SurveyedColumn> =
        columns.into_inner().into_iter().map(|(column, _)| column).collect();
    let readable = rows - faulty.0;
    // A JSON row need not name every column.
    columns.iter_mut().for_each(|column| column.missing = readable - column.cells.min(readable));
    columns.retain(|column| !column.name.is_empty());
    Ok(TableSurvey { format, columns, rows, more, faulty })
}

fn take(columns: &mut Vec<(SurveyedColumn, NamedColumn)>, row: TableRow<'_>) {
    if let TableRow::Object(object) = row {
        let found = TableColumns::default();
        let nested = object.iter().flat_map(|(key, value)| {
            let inner = value.as_object().into_iter().flatten();
            let inner: Vec<String> = inner.map(|(own, _)| format!("{key}.{own}")).collect();
            if inner.is_empty() { vec![key.clone()] } else { inner }
        });
        for name in nested {
            if columns.len() < MAX_COLUMNS && !columns.iter().any(|(own, _)| own.name == name) {
                columns.extend(found.find(&name).map(|own| (SurveyedColumn::new(&name), own)));
            }
        }
    }
    for (column, place) in columns {
        column.take(row.cell(place));
    }
}

impl SurveyedColumn {
    fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            cells: 0,
            missing: 0,
            flags: 0,
            numbers: 0,
            times: 0,
            lowest: f64::INFINITY,
            highest: f64::NEG_INFINITY,
            different: BTreeSet::new(),
            values: Some(BTreeMap::new()),
            example: None,
        }
    }

    fn take(&mut self, cell: TableCell<'_>) {
        let Some(text) = cell.name() else { return };
        self.cells += 1;
        self.different.insert(xxhash_rust::xxh3::xxh3_64(text.as_bytes()));
        self.example.get_or_insert_with(|| text.chars().take(24).collect());
        if let Some(values) = &mut self.values {
            *values.entry(text.chars().take(60).collect()).or_default() += 1;
        }
        if self.values.as_ref().is_some_and(|values| values.len() > MAX_VALUES) {
            self.values = None;
        }
        let number = cell.number();
        if cell.truth().is_ok_and(|truth| truth.is_some()) {
            self.flags += 1;
        }
        match number {
            Ok(Some(number)) => {
                self.numbers += 1;
                self.lowest = self.lowest.min(number);
                self.highest = self.highest.max(number);
            }
            Ok(None) => {}
            Err(_) if moment(&text).is_some() => self.times += 1,
            Err(_) => {}
        }
    }

    /// Whether every cell, but for 5%, is among so many.
    fn mostly(&self, of: u64) -> bool {
        self.cells > 0 && of * 20 >= self.cells * 19
    }

    fn is_flag(&self) -> bool {
        self.mostly(self.flags)
    }

    fn is_number(&self) -> bool {
        self.mostly(self.numbers)
    }

    /// What is in it, in a word.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        if self.cells == 0 {
            "empty"
        } else if self.is_flag() {
            "true or false"
        } else if self.is_number() {
            "number"
        } else if self.mostly(self.times) {
            "time"
        } else {
            "text"
        }
    }

    /// Its values: each with its count where they are few, else the range or an example.
    #[must_use]
    pub fn summary(&self) -> String {
        let different = figure::count(self.different.len() as u64);
        match &self.values {
            _ if self.cells == 0 => String::new(),
            Some(values) if values.len() <= 6 => values
                .iter()
                .map(|(value, count)| format!("{value} ({})", figure::count(*count)))
                .collect::<Vec<_>>()
                .join(", "),
            _ if self.is_number() => format!(
                "{} to {}, {different} different",
                figure::number(self.lowest),
                figure::number(self.highest)
            ),
            _ => format!(
                "{different} different, such as {}",
                self.example.as_deref().unwrap_or_default()
            ),
        }
    }

    /// How many variations it would have; `None` where it cannot be a column of variations.
    fn variations(&self) -> Option<Vec<&str>> {
        let values = self.values.as_ref()?;
        (values.len() >= 2).then(|| values.keys().map(String::as_str).collect())
    }

    fn words(&self) -> Vec<String> {
        let name = self.name.to_lowercase();
        name.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect()
    }

    /// Whether its name says that it is from before the experiment.
    fn is_before(&self) -> bool {
        const BEFORE: [&str; 6] = ["before", "pre", "prior", "baseline", "previous", "preperiod"];
        self.is_number() && self.words().iter().any(|word| BEFORE.contains(&word.as_str()))
    }
}

/// The analysis that a table suggests; what it leaves open is `None` or empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProposedAnalysis {
    /// The column of the units.
    pub unit: Option<String>,
    /// The column of the variations.
    pub variation: Option<String>,
    /// The control.
    pub control: Option<String>,
    /// The metrics, with their directions.
    pub metrics: Vec<MetricRequest>,
    /// A column from before the experiment.
    pub covariate: Option<String>,
}

/// What a row of a table is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TableShape {
    /// A unit, with what it did.
    Units,
    /// An exposure: unit, variation and time, as GrowthBook, Eppo, Statsig and LaunchDarkly's
    /// `evaluation_events` have it.
    Exposures,
    /// An event: unit, name and time.
    Events,
}

impl TableSurvey {
    /// What a row seems to be about.
    #[must_use]
    pub fn shape(&self) -> TableShape {
        let has = |role: ColumnRole| {
            role.find(self.columns.iter().map(|column| column.name.as_str())).is_some()
        };
        let timed = has(ColumnRole::Unit) && has(ColumnRole::Time);
        // The values of an event are not those of its unit.
        if timed && has(ColumnRole::Event) && !has(ColumnRole::Variation) {
            TableShape::Events
        } else if timed
            && has(ColumnRole::Variation)
            && !self.columns.iter().any(|column| metric(column).is_some())
        {
            TableShape::Exposures
        } else {
            TableShape::Units
        }
    }

    /// The column of this name.
    fn column(&self, name: &str) -> Option<&SurveyedColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The analysis that the columns suggest; what is given stays.
    #[must_use]
    pub fn proposed(&self, given: &ProposedAnalysis) -> ProposedAnalysis {
        let unit = given.unit.clone().or_else(|| self.unit());
        let variation = given.variation.clone().or_else(|| self.variation(unit.as_deref()));
        let control = given.control.clone().or_else(|| {
            let arms = self.column(variation.as_deref()?)?.variations()?;
            let likely = super::conclude::CONTROLS
                .iter()
                .find_map(|likely| arms.iter().find(|own| own.eq_ignore_ascii_case(likely)));
            likely.or(arms.first()).map(|arm| (*arm).to_owned())
        });
        let covariate = given.covariate.clone().or_else(|| {
            self.columns.iter().find(|own| own.is_before()).map(|own| own.name.clone())
        });
        let taken = [&unit, &variation, &covariate];
        let free = self.columns.iter().filter(|own| !taken.contains(&&Some(own.name.clone())));
        let metrics = if given.metrics.is_empty() {
            free.filter_map(metric).take(8).collect()
        } else {
            given.metrics.clone()
        };
        ProposedAnalysis { unit, variation, control, metrics, covariate }
    }

    fn unit(&self) -> Option<String> {
        let many = |column: &&SurveyedColumn| {
            column.different.len() >= 4 && column.different.len() as u64 * 100 >= column.cells
        };
        let named = ColumnRole::Unit
            .find(self.columns.iter().filter(many).map(|column| column.name.as_str()));
        let most = || {
            self.columns
                .iter()
                .filter(|column| column.kind() == "text")
                .filter(many)
                .max_by_key(|column| column.different.len())
                .map(|column| column.name.as_str())
        };
        named.or_else(most).map(str::to_owned)
    }

    fn variation(&self, unit: Option<&str>) -> Option<String> {
        let few = |column: &&SurveyedColumn| {
            Some(column.name.as_str()) != unit && column.variations().is_some()
        };
        let named = ColumnRole::Variation
            .find(self.columns.iter().filter(few).map(|column| column.name.as_str()));
        let fewest = || {
            self.columns
                .iter()
                .filter(|column| column.kind() == "text")
                .filter(few)
                .min_by_key(|column| column.different.len())
                .map(|column| column.name.as_str())
        };
        named.or_else(fewest).map(str::to_owned)
    }

    /// How many units the proposed column has, as far as was looked.
    #[must_use]
    pub fn different(&self, column: &str) -> u64 {
        self.column(column).map_or(0, |column| column.different.len() as u64)
    }
}

/// The metric that a column suggests.
fn metric(column: &SurveyedColumn) -> Option<MetricRequest> {
    let words = column.words();
    let has = |names: &[&str]| words.iter().any(|word| names.contains(&word.as_str()));
    let other = [ColumnRole::Unit, ColumnRole::Experiment, ColumnRole::Time, ColumnRole::Id]
        .iter()
        .any(|role| role.rank(&column.name).is_some());
    if other || column.is_before() || has(&["id", "index", "row"]) || column.different.len() < 2 {
        return None;
    }
    let statistic = if column.is_flag() {
        TableStatistic::Rate
    } else if !column.is_number() {
        return None;
    } else if has(&["latency", "duration", "ms", "milliseconds"]) {
        TableStatistic::Percentile(Probability::clamped(0.95))
    } else {
        TableStatistic::Mean
    };
    let mut request = MetricRequest {
        column: column.name.clone(),
        per: None,
        statistic,
        better: None,
        cap: None,
    };
    request.better = Some(request.direction());
    Some(request)
}

/// A metric with its direction, as the command line takes it.
#[must_use]
pub fn written_metric(metric: &MetricRequest) -> String {
    let direction = match metric.better {
        None => "",
        Some(Better::Higher) => ":up",
        Some(Better::Lower) => ":down",
    };
    format!("{metric}{direction}")
}
