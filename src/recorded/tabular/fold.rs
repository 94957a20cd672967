//! Fold the rows of a table into one observation for each unit.
//!
//! Guarantees: memory grows with the units, not with the rows; every row is used or counted by the
//! reason why not; every cell that cannot be read is counted and the first are kept with line and
//! column.
//!
//! Does not know: how the rows are written, or what is made of the observations.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use super::ask::{CrossedUnits, TableRequest, TableStatistic};
use super::magnitudes::Magnitudes;
use super::rows::{NamedColumn, TableCell, TableColumns, TableRow};
use crate::experiment::Metric;
use crate::metrics::Observations;
use crate::report::{Ordered, UnreadableLine};

/// Most variations: a column with more different values has data, not variations.
pub(super) const MAX_VARIATIONS: usize = 50;
/// Most faults that are shown one by one; all are counted.
const MAX_FAULTS: usize = 20;
/// Faulty cells of a column after which reading stops, if there are more of them than good ones.
const HOPELESS: u64 = 1_000;

/// What a column adds to the observations.
#[derive(Clone, Debug)]
struct Feed {
    column: NamedColumn,
    /// The number of its events' column.
    event: usize,
    /// Whether it is read as true or false.
    truth: bool,
    /// For each unit whether it has a value, where 0 and nothing differ.
    known: Vec<bool>,
    magnitudes: Magnitudes,
    tally: CellTally,
}

/// What was in the cells of a column.
#[derive(Clone, Debug, Default)]
pub(super) struct CellTally {
    /// Cells with a value that can be read.
    pub good: u64,
    /// Cells with nothing in them, for each variation in the order of its first row.
    pub missing: Vec<u64>,
    /// Cells that cannot be read.
    pub faulty: u64,
    /// The first of these, with its line.
    pub first: Option<(u64, String)>,
    /// Missing ones that say so with a word, such as `NaN`; the first word with its line.
    pub marked: u64,
    pub first_mark: Option<(u64, String)>,
}

/// The rows folded so far.
#[derive(Clone, Debug)]
pub(super) struct FoldedRows {
    unit: NamedColumn,
    variation: NamedColumn,
    covariate: Option<NamedColumn>,
    feeds: Vec<Feed>,
    first_wins: bool,
    units: BTreeMap<u128, u32>,
    /// For each unit the variation of its first row, and whether another row has another one.
    first: Vec<(u8, bool)>,
    /// For each unit a digest of its last row.
    last: Vec<u64>,
    /// For each unit its covariate; not-a-number where it has none.
    before: Vec<f64>,
    pub variations: Vec<String>,
    pub observations: Observations,
    pub rows: u64,
    pub used: u64,
    pub left_out: Ordered<u64>,
    pub malformed: u64,
    pub faults: Vec<UnreadableLine>,
    /// Rows that equal the row before of the same unit.
    pub repeated: u64,
    pub covariate_cells: CellTally,
    /// Rows whose covariate is not that of the unit's first row.
    pub covariates_differ: u64,
    /// The line at which there were too many variations.
    pub too_many: Option<u64>,
}

impl FoldedRows {
    /// An empty fold.
    ///
    /// # Errors
    /// The first column that the table does not have.
    pub fn new(
        request: &TableRequest,
        metrics: &[Metric],
        columns: &TableColumns,
    ) -> Result<Self, String> {
        let find = |name: &str| columns.find(name).ok_or_else(|| name.to_owned());
        let observations = Observations::new(0, 1, metrics, |_| 1.0);
        let mut feeds: Vec<Feed> = Vec::new();
        for asked in &request.metrics {
            let truth = asked.statistic == TableStatistic::Rate;
            for name in asked.columns() {
                let event = if name == asked.column { asked.event() } else { name.to_owned() };
                let column = find(name)?;
                let Some(event) = observations.column(&event) else { continue };
                if !feeds.iter().any(|feed| feed.event == event) {
                    let (known, magnitudes) = (Vec::new(), Magnitudes::default());
                    let tally = CellTally::default();
                    feeds.push(Feed { column, event, truth, known, magnitudes, tally });
                }
            }
        }
        Ok(Self {
            unit: find(&request.unit)?,
            variation: find(&request.variation)?,
            covariate: request.covariate.as_deref().map(find).transpose()?,
            feeds,
            first_wins: request.crossed == CrossedUnits::First,
            units: BTreeMap::new(),
            first: Vec::new(),
            last: Vec::new(),
            before: Vec::new(),
            variations: Vec::new(),
            observations,
            rows: 0,
            used: 0,
            left_out: Ordered::default(),
            malformed: 0,
            faults: Vec::new(),
            repeated: 0,
            covariate_cells: CellTally::default(),
            covariates_differ: 0,
            too_many: None,
        })
    }

    /// Units with a row that counts.
    pub fn units(&self) -> usize {
        self.first.len()
    }

    /// Units with rows of two variations.
    pub fn crossed(&self) -> u64 {
        self.first.iter().filter(|(_, crossed)| *crossed).count() as u64
    }

    fn fault(&mut self, line: u64, reason: String, column: Option<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(UnreadableLine { line, reason, column, file: None });
        }
    }

    fn leave_out(&mut self, why: &str) {
        match self.left_out.0.iter_mut().find(|(own, _)| own == why) {
            Some((_, count)) => *count += 1,
            None => self.left_out.0.push((why.to_owned(), 1)),
        }
    }

    /// Takes a row, or notes why it cannot be read.
    pub fn take(&mut self, line: u64, row: Result<TableRow<'_>, String>) -> ControlFlow<()> {
        self.rows += 1;
        let row = match row {
            Ok(row) => row,
            Err(reason) => {
                self.malformed += 1;
                self.leave_out("rows that cannot be read");
                self.fault(line, reason, None);
                return ControlFlow::Continue(());
            }
        };
        let unit_cell = row.cell(&self.unit);
        let Some(unit) = unit_cell.name() else {
            let why = format!("rows with nothing in the unit's column `{}`", self.unit.name);
            self.leave_out(&why);
            return ControlFlow::Continue(());
        };
        let Some(variation) = row.cell(&self.variation).name() else {
            let why =
                format!("rows with nothing in the variation's column `{}`", self.variation.name);
            self.leave_out(&why);
            return ControlFlow::Continue(());
        };
        let Some(arm) = self.arm(&variation) else {
            self.too_many = Some(line);
            return ControlFlow::Break(());
        };
        self.used += 1;
        let unit = self.unit(&unit, arm, row);
        self.cells(line, unit, arm, row)
    }

    /// The number of a variation; `None` where there are too many.
    fn arm(&mut self, name: &str) -> Option<u8> {
        let at = self.variations.iter().position(|own| own == name).or_else(|| {
            self.variations.push(name.to_owned());
            (self.variations.len() <= MAX_VARIATIONS).then(|| self.variations.len() - 1)
        });
        at.and_then(|at| u8::try_from(at).ok())
    }

    /// The number of a unit with a row of this variation.
    fn unit(&mut self, key: &str, arm: u8, row: TableRow<'_>) -> usize {
        // A digest in place of the key: two of a billion keys are alike with a chance of 1e-21.
        let digest = xxhash_rust::xxh3::xxh3_128(key.as_bytes());
        let own = row.digest();
        if let Some(&unit) = self.units.get(&digest) {
            let unit = unit as usize;
            if let Some((first, crossed)) = self.first.get_mut(unit) {
                *crossed |= *first != arm;
            }
            if let Some(last) = self.last.get_mut(unit) {
                self.repeated += u64::from(*last == own);
                *last = own;
            }
            return unit;
        }
        let unit = self.first.len();
        self.units.insert(digest, unit as u32);
        self.first.push((arm, false));
        self.last.push(own);
        if self.covariate.is_some() {
            self.before.push(f64::NAN);
        }
        if unit >= self.observations.units() {
            // Room is made in large steps, so that a unit costs the same however many there are.
            self.observations.grow((unit + 1).next_power_of_two().max(1024));
        }
        unit
    }

    /// Adds what is in the cells of a row.
    fn cells(&mut self, line: u64, unit: usize, arm: u8, row: TableRow<'_>) -> ControlFlow<()> {
        let mut found = Vec::new();
        let mut hopeless = false;
        for feed in &mut self.feeds {
            let cell = row.cell(&feed.column);
            let value = if feed.truth {
                cell.truth().map(|truth| truth.map(|truth| f64::from(u8::from(truth))))
            } else {
                cell.number()
            };
            match value {
                Ok(Some(value)) => {
                    feed.tally.good += 1;
                    if feed.truth {
                        feed.known.resize(feed.known.len().max(unit + 1), false);
                        feed.known.iter_mut().skip(unit).take(1).for_each(|known| *known = true);
                        if value > 0.0 {
                            self.observations.add(feed.event, unit, 1.0);
                        }
                    } else {
                        feed.magnitudes.add(value);
                        self.observations.add(feed.event, unit, value);
                    }
                }
                Ok(None) => feed.tally.miss(line, arm, cell),
                Err(reason) => {
                    found.push((
                        feed.column.name.clone(),
                        feed.tally.err(line, &feed.column, &reason),
                    ));
                    hopeless |= feed.tally.hopeless();
                }
            }
        }
        if let Some(column) = &self.covariate {
            let now = self.before.get_mut(unit);
            let cell = row.cell(column);
            match (cell.number(), now) {
                (Ok(Some(value)), Some(now)) => {
                    self.covariate_cells.good += 1;
                    self.covariates_differ += u64::from(!now.is_nan() && *now != value);
                    if now.is_nan() {
                        *now = value;
                    }
                }
                (Err(reason), _) => {
                    found.push((
                        column.name.clone(),
                        self.covariate_cells.err(line, column, &reason),
                    ));
                    hopeless |= self.covariate_cells.hopeless();
                }
                _ => self.covariate_cells.miss(line, arm, cell),
            }
        }
        for (column, reason) in found {
            self.malformed += 1;
            self.fault(line, reason, Some(column));
        }
        if hopeless { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The columns with what was in their cells, the covariate's last.
    pub fn columns(&self) -> impl Iterator<Item = (&str, &CellTally)> {
        let covariate =
            self.covariate.as_ref().map(|own| (own.name.as_str(), &self.covariate_cells));
        self.feeds.iter().map(|feed| (feed.column.name.as_str(), &feed.tally)).chain(covariate)
    }

    /// The columns in which two units of measure seem to be mixed, with why.
    pub fn mixed_units(&self) -> impl Iterator<Item = (&str, String)> {
        self.feeds
            .iter()
            .filter_map(|feed| Some((feed.column.name.as_str(), feed.magnitudes.mixed_units()?)))
    }

    /// Puts the units into their variations: `place` is the treatment of each variation, in the
    /// order of their first rows. Units of two variations are left out, unless the first counts.
    pub fn assign(&mut self, place: &[u8]) {
        for (unit, &(arm, crossed)) in self.first.iter().enumerate() {
            if let Some(&treatment) = place.get(usize::from(arm))
                && (self.first_wins || !crossed)
            {
                self.observations.assign(0, unit, treatment);
            }
        }
    }

    /// How many units of each of `arms` treatments have a value in the events' column of a rate.
    pub fn known(&self, event: &str, arms: usize) -> Vec<u64> {
        let mut counts = vec![0; arms];
        let column = self.observations.column(event);
        let feed = self.feeds.iter().find(|feed| Some(feed.event) == column);
        for (unit, _) in
            feed.iter().flat_map(|feed| feed.known.iter().enumerate()).filter(|(_, known)| **known)
        {
            let treatment = self.observations.treatment(0, unit);
            if let Some(count) = treatment.and_then(|treatment| counts.get_mut(treatment)) {
                *count += 1;
            }
        }
        counts
    }

    /// Whether a unit has a value in the events' column of a rate.
    pub fn is_known(&self, event: &str, unit: usize) -> bool {
        let column = self.observations.column(event);
        let feed = self.feeds.iter().find(|feed| Some(feed.event) == column);
        feed.is_some_and(|feed| feed.known.get(unit) == Some(&true))
    }

    /// The covariate of each unit, and how many have none: these get the mean of the others, which
    /// moves no estimate.
    pub fn before(&self) -> (Vec<f64>, u64) {
        let known = self.before.iter().filter(|value| !value.is_nan());
        let (sum, count) = known.fold((0.0, 0_u64), |(sum, count), value| (sum + value, count + 1));
        let mean = if count > 0 { sum / count as f64 } else { 0.0 };
        let filled = self.before.iter().map(|own| if own.is_nan() { mean } else { *own });
        (filled.collect(), self.units() as u64 - count)
    }
}

impl CellTally {
    fn miss(&mut self, line: u64, arm: u8, cell: TableCell<'_>) {
        if let TableCell::Text(word) = cell {
            self.marked += 1;
            self.first_mark.get_or_insert_with(|| (line, word.to_owned()));
        }
        let arm = usize::from(arm);
        self.missing.resize(self.missing.len().max(arm + 1), 0);
        self.missing.iter_mut().skip(arm).take(1).for_each(|count| *count += 1);
    }

    /// Counts a cell that cannot be read, and says so.
    fn err(&mut self, line: u64, column: &NamedColumn, reason: &str) -> String {
        self.faulty += 1;
        let said = format!("column `{}`: {reason}", column.name);
        self.first.get_or_insert_with(|| (line, reason.to_owned()));
        said
    }

    /// Whether it is no use to read on.
    fn hopeless(&self) -> bool {
        self.faulty >= HOPELESS && self.faulty > self.good
    }

    /// Whether so many cells cannot be read that the column is another than what is asked for.
    pub fn other_column(&self) -> bool {
        self.faulty * 20 > self.faulty + self.good
    }
}
