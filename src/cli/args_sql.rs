//! The arguments of `sql`, with help that teaches.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::args_analyze::{MissingValues, UsersInTwoArms, column_role};
use crate::recorded::{ColumnRole, MetricRequest, WarehouseDialect};
use crate::time::Duration;

/// Examples of `sql`, for its help.
pub(super) const SQL_EXAMPLES: &str = "Examples:
  simlab sql --dialect duckdb --exposures seen --events orders --metric order:rate
  simlab sql --dialect spark --table users --unit id --variation arm --metric paid:rate
  simlab sql security --dialect snowflake --exposures prod.seen --events prod.events
  simlab sql security --dialect duckdb > stats.sql

The last one goes on with `duckdb -csv < stats.sql > stats.csv`, and then
`simlab analyze stats.csv`. The query reads tables and writes none. A metric is
COLUMN:STATISTIC[:up|:down][:cap=VALUE|:cap=p99], as in `simlab analyze`: of
--events the column is the name of an event. A table may be named in any way
that the dialect reads, such as \"read_parquet('events/*.parquet')\" in DuckDB.
`simlab reference sql` has the columns of the result.";

/// The arguments of `sql`.
#[derive(Debug, Args)]
pub struct SqlArgs {
    /// A scenario file, or the name of a built-in scenario: whose experiment and metrics. Without
    /// one, --metric says what is measured.
    #[arg(conflicts_with_all = ["metrics", "table", "control", "split", "users_in_two_arms", "missing"])]
    pub scenario: Option<String>,
    /// The SQL to write.
    #[arg(long, value_name = "DIALECT", value_parser = dialect())]
    pub dialect: WarehouseDialect,
    /// The table of exposures: who got what, and when.
    #[arg(long, value_name = "TABLE", default_value = "exposures")]
    pub exposures: String,
    /// The table of events: who did what, and when.
    #[arg(long, value_name = "TABLE", default_value = "events")]
    pub events: String,
    /// One table with rows of units, in the place of exposures and events.
    #[arg(long, value_name = "TABLE", requires = "unit", requires = "variation", conflicts_with_all = ["exposures", "events", "columns", "window", "until", "pre_period", "times"])]
    pub table: Option<String>,
    /// The column that says which unit a row is about. Default with --exposures: `user_id`.
    #[arg(long, value_name = "COLUMN")]
    pub unit: Option<String>,
    /// The column that says which variation the unit got. Default with --exposures: `variation_id`.
    #[arg(long, value_name = "COLUMN")]
    pub variation: Option<String>,
    /// The columns of exposures and events, as ROLE=COLUMN. Default: unit=user_id,
    /// variation=variation_id, time=timestamp, event=event, value=value; an id and an experiment
    /// only where they are named: id=event_id, experiment=experiment_id.
    #[arg(long, value_name = "ROLE=COLUMN,…", value_delimiter = ',', value_parser = column_role)]
    pub columns: Vec<(ColumnRole, String)>,
    /// How the times are written.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = WrittenTimes::Timestamp)]
    pub times: WrittenTimes,
    /// The experiment: of a scenario with several, and of exposures with a column of experiments.
    #[arg(long, value_name = "KEY")]
    pub experiment: Option<String>,
    /// The arm that the others are compared with. Default: `simlab analyze` chooses.
    #[arg(long, value_name = "ARM")]
    pub control: Option<String>,
    /// The planned split, as a=50%,b=50%. Default: none, and the sample ratio is not checked.
    #[arg(long, value_name = "SHARES")]
    pub split: Option<String>,
    /// A metric; repeat it for several. The first decides.
    #[arg(long = "metric", value_name = "METRIC", required_unless_present = "scenario")]
    pub metrics: Vec<MetricRequest>,
    /// With --table: a column from before the experiment, to adjust means, rates and ratios (CUPED).
    #[arg(long, value_name = "COLUMN", requires = "table")]
    pub covariate: Option<String>,
    /// Adjust means, rates and ratios for the same metric in this long before the unit's first
    /// exposure, such as `14d` (CUPED). Default: no adjustment.
    #[arg(long, value_name = "DURATION", conflicts_with = "scenario")]
    pub pre_period: Option<Duration>,
    /// What becomes of units of two variations. Default: `exclude`, and `first` of a scenario.
    #[arg(long, value_name = "HOW", value_enum)]
    pub users_in_two_arms: Option<UsersInTwoArms>,
    /// What a unit without a value counts as in means. Default: `zero`, and `exclude` with --table.
    #[arg(long, value_name = "HOW", value_enum)]
    pub missing: Option<MissingValues>,
    /// Count events up to this long after the unit's first exposure, such as `7d`. Default: no limit.
    #[arg(long, value_name = "DURATION")]
    pub window: Option<Duration>,
    /// Leave out exposures and events from this time on, such as `2026-11-01` (UTC). Default: no limit.
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// Return further rows for each value of this column of --exposures or --table, which become the
    /// report's table of segments. Default: rows of all users only.
    #[arg(long, value_name = "COLUMN")]
    pub segment: Option<String>,
    /// Return further rows for each day (UTC), of exposures and events up to its end, which become the
    /// report's table over time. Needs as many times the work as there are days. Default: off.
    #[arg(long, conflicts_with_all = ["segment", "table"])]
    pub daily: bool,
}

/// Reads the name of a dialect.
fn dialect() -> impl TypedValueParser<Value = WarehouseDialect> {
    let names = WarehouseDialect::ALL.map(|(name, _)| name);
    PossibleValuesParser::new(names).try_map(|name| {
        let known = WarehouseDialect::ALL.into_iter().find(|(own, _)| *own == name);
        known.map(|(_, dialect)| dialect).ok_or("no dialect has this name")
    })
}

/// How a column says when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WrittenTimes {
    /// As a timestamp or a date and time of the warehouse, in UTC.
    Timestamp,
    /// As a number of milliseconds since 1970.
    Milliseconds,
    /// As a number of seconds since 1970.
    Seconds,
}
