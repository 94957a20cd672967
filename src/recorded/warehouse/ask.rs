//! What is asked of a warehouse: where the rows are, and what is measured of them.
//!
//! Does not know: SQL.

use super::super::tabular::{CrossedUnits, MetricRequest, TableCap, TableStatistic};
use super::dialect::WarehouseDialect;
use crate::diagnostic::Diagnostic;
use crate::experiment::{Aggregation, Denominator, Metric, MetricKind, Missing};
use crate::scenario::{Scenario, Study};

/// The name of the column with the part that a row belongs to: the segment, or the number of the
/// day; an empty text for the whole.
pub(super) const PART: &str = "part_key";

/// How a column says when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeColumns {
    /// As a timestamp of the warehouse.
    #[default]
    Timestamp,
    /// As a number of milliseconds since 1970.
    Milliseconds,
    /// As a number of seconds since 1970.
    Seconds,
}

/// A table of exposures and one of events.
#[derive(Clone, Debug)]
pub struct EventsSource {
    /// The table of exposures.
    pub exposures: String,
    /// The table of events.
    pub events: String,
    /// The columns: of both tables unit and time, of exposures variation, of events event and value.
    pub unit: String,
    /// Who got what.
    pub variation: String,
    /// When.
    pub time: String,
    /// What happened.
    pub event: String,
    /// How much.
    pub value: String,
    /// What an event is recognized by when it comes twice; without it no event does.
    pub id: Option<String>,
    /// The column of experiments, and the one that counts.
    pub experiment: Option<(String, String)>,
    /// How the times are written.
    pub times: TimeColumns,
    /// How long after its exposure a unit's events count, in milliseconds.
    pub window_ms: Option<u64>,
    /// Exposures and events from this Unix time in milliseconds on do not count.
    pub until_ms: Option<u64>,
    /// How long before its exposure a unit's events adjust the metrics, in milliseconds.
    pub pre_period_ms: Option<u64>,
}

/// A table with rows of units.
#[derive(Clone, Debug)]
pub struct UnitsSource {
    /// The table.
    pub table: String,
    /// The column of units.
    pub unit: String,
    /// The column of variations.
    pub variation: String,
    /// The column with what a unit did before.
    pub covariate: Option<String>,
}

/// Which parts of the rows have statistics of their own, beside those of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryParts {
    /// The exposures with each value of a column, with the events of their units.
    Segments(String),
    /// What was known at the end of each day (UTC): the exposures and events up to then.
    Days,
}

/// Where the rows are.
#[derive(Clone, Debug)]
pub enum QuerySource {
    /// Exposures and events.
    Events(EventsSource),
    /// One table of units.
    Units(UnitsSource),
}

/// What of the rows of a unit becomes its number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum OfRows {
    /// 1 where there is any such event, or any row in which it is true.
    Any(String),
    /// The sum of the values.
    Sum(String),
    /// Their mean.
    Average(String),
    /// The number of events.
    Count(String),
    /// The sum of the values, in which an event without one counts 1.
    SumOrCount(String),
}

impl OfRows {
    /// The event or the column.
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Any(key)
            | Self::Sum(key)
            | Self::Average(key)
            | Self::Count(key)
            | Self::SumOrCount(key) => key,
        }
    }
}

/// A metric, and what its numbers are made of.
#[derive(Clone, Debug)]
pub struct QueryMetric {
    /// The metric.
    pub metric: Metric,
    /// Whether its direction was given.
    pub directed: bool,
    /// Where its values are cut.
    pub cap: Option<TableCap>,
    pub(super) value: OfRows,
    pub(super) per: Option<OfRows>,
}

impl QueryMetric {
    /// What the command line asks, of tables of events or of one of units.
    #[must_use]
    pub fn of_request(asked: &MetricRequest, missing: Missing, events: bool) -> Self {
        let column = asked.column.clone();
        let sum = |key: String| if events { OfRows::SumOrCount(key) } else { OfRows::Sum(key) };
        let value = match asked.statistic {
            TableStatistic::Rate => OfRows::Any(column),
            TableStatistic::Mean => OfRows::Sum(column),
            TableStatistic::Count => OfRows::Count(column),
            TableStatistic::Average | TableStatistic::Percentile(_) => OfRows::Average(column),
            TableStatistic::Ratio => sum(column),
        };
        Self {
            metric: asked.metric(missing),
            directed: asked.better.is_some(),
            cap: asked.cap,
            value,
            per: asked.per.clone().map(sum),
        }
    }

    /// A metric of a scenario.
    fn of_scenario(metric: &Metric) -> Self {
        let event = metric.event.clone();
        let value = match metric.aggregation {
            Aggregation::Occurrence => OfRows::Any(event),
            Aggregation::Sum => OfRows::Sum(event),
            Aggregation::Average => OfRows::Average(event),
        };
        let per = metric.per.as_ref().map(|per| match per {
            Denominator::Events(event) => OfRows::Count(event.clone()),
            Denominator::Values(event) => OfRows::Sum(event.clone()),
        });
        Self { metric: metric.clone(), directed: true, cap: None, value, per }
    }

    /// Whether every unit counts, with nothing as 0.
    pub(super) fn counts_all(&self) -> bool {
        let metric = &self.metric;
        metric.per.is_some()
            || (metric.missing == Missing::Zero
                && metric.kind() != MetricKind::Percentile
                && metric.aggregation != Aggregation::Average)
    }
}

/// What is asked of a warehouse.
#[derive(Clone, Debug)]
pub struct QueryRequest {
    /// The SQL to write.
    pub dialect: WarehouseDialect,
    /// The experiment's name in the rows.
    pub experiment: String,
    /// The control, where it is known.
    pub control: Option<String>,
    /// The planned share of each variation, as a fraction; empty where there is no plan.
    pub shares: Vec<(String, f64)>,
    /// The variations that take part; all where it is empty.
    pub variations: Vec<String>,
    /// What becomes of units with two variations.
    pub crossed: CrossedUnits,
    /// Where the rows are.
    pub source: QuerySource,
    /// What is measured, the primary metric first.
    pub metrics: Vec<QueryMetric>,
    /// The parts that have rows of their own.
    pub parts: Option<QueryParts>,
}

impl QueryRequest {
    /// The window of SQL over all rows, or over those of a part and a further column.
    pub(super) fn window(&self, column: Option<&str>, order: Option<&str>) -> String {
        let within = [column, self.parts.as_ref().map(|_| PART)];
        let within: Vec<&str> = within.into_iter().flatten().collect();
        let within = (!within.is_empty()).then(|| format!("PARTITION BY {}", within.join(", ")));
        let order = order.map(|order| format!("ORDER BY {order}"));
        let all: Vec<String> = within.into_iter().chain(order).collect();
        format!("OVER ({})", all.join(" "))
    }

    /// What a scenario's experiment asks: the one of this key, or the only one.
    ///
    /// # Errors
    /// When there is no such experiment, or one that a table of events does not tell.
    pub fn of_scenario(
        scenario: &Scenario,
        key: Option<&str>,
        dialect: WarehouseDialect,
        source: QuerySource,
    ) -> Result<Self, Diagnostic> {
        let study = chosen(scenario, key)?;
        let experiment = &study.experiment;
        let fault = |what: &str, help: &str| {
            Err(Diagnostic::new(format!(
                "experiment `{}` of `{}` {what}",
                experiment.key, scenario.name
            ))
            .help(help.to_owned()))
        };
        if study.paired.is_some() {
            return fault(
                "has a paired design, and a table of exposures is that of a split test",
                "write `design: Split` where each user met one variation",
            );
        }
        if experiment.metrics_in(&scenario.metrics).any(|(_, metric)| metric.judge.is_some()) {
            return fault(
                "corrects a rate for the errors of its judge, which the statistics of a query do not hold",
                "take `judge` out of the metric, or analyze the events themselves: simlab analyze EVENTS --scenario FILE",
            );
        }
        let shares: Vec<(String, f64)> = experiment
            .treatments
            .iter()
            .map(|own| (own.variation.clone(), own.share.fraction()))
            .collect();
        let whole: f64 = shares.iter().map(|(_, share)| share).sum();
        let planned = whole > 0.0 && study.allocation.is_none();
        let shares = shares.into_iter().map(|(own, share)| (own, share / whole));
        Ok(Self {
            dialect,
            experiment: experiment.key.clone(),
            control: Some(experiment.control_treatment().variation.clone()),
            shares: if planned { shares.collect() } else { Vec::new() },
            variations: experiment.treatments.iter().map(|own| own.variation.clone()).collect(),
            crossed: CrossedUnits::First,
            source,
            metrics: experiment
                .metrics_in(&scenario.metrics)
                .map(|(_, metric)| QueryMetric::of_scenario(metric))
                .collect(),
            parts: None,
        })
    }
}

/// The experiment of a scenario.
fn chosen<'s>(scenario: &'s Scenario, key: Option<&str>) -> Result<&'s Study, Diagnostic> {
    let keys = || {
        let all = scenario.studies.iter().map(|study| format!("`{}`", study.experiment.key));
        all.collect::<Vec<_>>().join(", ")
    };
    match (key, scenario.studies.as_slice()) {
        (_, []) => Err(Diagnostic::new(format!("`{}` has no experiment", scenario.name))
            .help("a query needs an experiment: variations to compare, and metrics")),
        (None, [only]) => Ok(only),
        (None, _) => {
            Err(Diagnostic::new(format!("`{}` has several experiments: {}", scenario.name, keys()))
                .help("choose one: --experiment KEY"))
        }
        (Some(key), all) => all.iter().find(|study| study.experiment.key == key).ok_or_else(|| {
            Diagnostic::new(format!(
                "`{}` has no experiment `{key}`; its experiments are {}",
                scenario.name,
                keys()
            ))
            .help("the key is that of `experiments` in the scenario")
        }),
    }
}
