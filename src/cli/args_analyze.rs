//! The arguments of `analyze`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args_format::Format;
use crate::recorded::{ColumnRole, MetricRequest};

pub(super) const ANALYZE_EXAMPLES: &str = "Examples:
  simlab analyze scenarios/published/security.ron      the tutorial's published table, recomputed
  simlab run security --out results
  simlab analyze results/events.jsonl                  uses results/scenario.ron for experiments and metrics
  simlab analyze events.jsonl --scenario my.ron
  simlab analyze checkout.jsonl --control false --split 50/50 --window 7d
  simlab analyze users.csv --unit user_id --variation arm --metric resolved:rate
  simlab analyze --exposures seen.csv --events orders.csv --metric order:rate --window 7d
  simlab analyze stats.csv                             the rows of the query that `simlab sql` prints

Tables are CSV, TSV, JSON lines, a JSON array of objects, Parquet or Arrow IPC; `-` reads standard
input, and gzip and zstd are unpacked. Run `simlab analyze users.csv` without options first: it
lists the columns and prints the command to paste. A metric is COLUMN:STATISTIC[:up|:down]:
  resolved:rate:up         share of units for which it is true (true/false or 1/0)
  cost_usd:mean:down       mean over the units of each unit's sum (`average`: of its average)
  latency_ms:p95:down      percentile of the units (p1 to p99.9, median)
  cost_usd/requests:ratio  one sum over all units by another, with the error of the delta method
The first metric decides: a treatment ships if it is better there, and not worse on the others,
each with a probability of 90%. A unit counts once, however many rows it has. The report counts
every row that is left out and every cell that cannot be read.

Recorded events are one JSON event per line, or one payload (an array of events) per line, as LaunchDarkly's SDKs send them. The
report lists lines that cannot be read, and counts events that are left out, by reason. Without a scenario, every flag or AI config
with users in two or more variations is compared on the tutorial's metrics and on each event of your own: whether it occurred, and the
sum of its values. A metric event that is recorded twice (same time, user, key, value and data) counts once, except inside one payload.";

/// The arguments of `analyze`.
#[derive(Debug, Args)]
pub struct AnalyzeArgs {
    /// A table (CSV, TSV, JSON, Parquet, Arrow), rows of `simlab sql`, recorded events (JSONL) or
    /// summary statistics (RON); `-` is standard input.
    #[arg(value_name = "FILE", required_unless_present = "exposures")]
    pub data: Option<PathBuf>,
    /// A table of exposures, with columns for unit, variation and time, and one for the experiment
    /// where there are several. Use it with --events, instead of FILE.
    #[arg(long, value_name = "FILE", requires = "events", conflicts_with_all = ["data", "scenario", "covariate"])]
    pub exposures: Option<PathBuf>,
    /// A table of events, with columns for unit, event and time, and where there are such for value
    /// and id. An event counts from its unit's first exposure on; an id counts once.
    #[arg(long, value_name = "FILE", requires = "exposures")]
    pub events: Option<PathBuf>,
    /// With --exposures, or for rows of `simlab sql`: the experiment, where there are several.
    #[arg(long, value_name = "KEY")]
    pub experiment: Option<String>,
    /// With --exposures and --events: the columns of the two tables, as ROLE=COLUMN with the roles
    /// unit, variation, time, experiment, event, value and id. Default: by their usual names.
    #[arg(long, value_name = "ROLE=COLUMN,…", value_delimiter = ',', value_parser = column_role, requires = "exposures")]
    pub columns: Vec<(ColumnRole, String)>,
    /// For recorded events: the scenario whose experiments, metrics and decision rules apply, and
    /// whose bandits and guarded rollouts are judged: which shares their rules would have set, and
    /// when they would have stopped. Default: the scenario.ron in the folder of the file.
    #[arg(long, value_name = "SCENARIO")]
    pub scenario: Option<String>,
    /// For a table: the column that says which unit a row is about, such as `user_id`. For recorded
    /// events: the kind of context that is the unit, such as `organization`. Default for events:
    /// `user` if users were exposed, else the kind with the most exposures.
    #[arg(long, value_name = "COLUMN|KIND")]
    pub unit: Option<String>,
    /// For a table: the column that says which variation the unit got.
    #[arg(long, value_name = "COLUMN")]
    pub variation: Option<String>,
    /// The arm that the others are compared with. Default: the scenario's, else for recorded events
    /// the variation with the lowest number, and for a table the one named like a control, else the
    /// first in the alphabet.
    #[arg(long, value_name = "ARM")]
    pub control: Option<String>,
    /// The planned split, as `50/50` in the order of the arms (of a table: the alphabet's) or as
    /// `a=50%,b=50%`. Default: the scenario's; without one, the sample ratio is not checked.
    #[arg(long, value_name = "SHARES")]
    pub split: Option<String>,
    /// For a table: a metric, as COLUMN:STATISTIC[:up|:down], see below. Repeat it for several; the
    /// first decides. Default direction: by the column's name, and the report says so. `:cap=p99`
    /// or `:cap=250` after a mean cuts larger values.
    #[arg(long = "metric", value_name = "METRIC")]
    pub metrics: Vec<MetricRequest>,
    /// For a table: a column from before the experiment that explains part of the metrics. Means,
    /// rates and ratios are adjusted for it (CUPED), and the verdict uses the adjusted ones.
    #[arg(long, value_name = "COLUMN")]
    pub covariate: Option<String>,
    /// For a table: what becomes of units that have rows of two variations; they are counted either
    /// way.
    #[arg(long, value_name = "HOW", value_enum, default_value_t = UsersInTwoArms::Exclude)]
    pub users_in_two_arms: UsersInTwoArms,
    /// For a table: what a unit without a value counts as in rates and means. Default: `exclude`,
    /// and `zero` with --events.
    #[arg(long, value_name = "HOW", value_enum)]
    pub missing: Option<MissingValues>,
    /// For events: count them up to this long after the unit's first exposure, such as
    /// `7d` or `12h` (at most 30d). Default: no limit.
    #[arg(long, value_name = "DURATION")]
    pub window: Option<crate::time::Duration>,
    /// With --exposures and --events: adjust means, rates and ratios for the same metric in this long
    /// before the unit's first exposure, such as `14d` (CUPED); the verdict uses the adjusted ones.
    #[arg(long, value_name = "DURATION", requires = "exposures")]
    pub pre_period: Option<crate::time::Duration>,
    /// For events: leave out exposures and events from this time on, such as `2026-11-01`
    /// (UTC) or `2026-11-01T12:00:00Z`. Default: no limit.
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,
    /// How to print the report.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Reads `time=received_at`.
pub(super) fn column_role(text: &str) -> Result<(ColumnRole, String), String> {
    const ROLES: [ColumnRole; 7] = [
        ColumnRole::Unit,
        ColumnRole::Variation,
        ColumnRole::Time,
        ColumnRole::Experiment,
        ColumnRole::Event,
        ColumnRole::Value,
        ColumnRole::Id,
    ];
    let (role, column) = text.split_once('=').unwrap_or((text, ""));
    let found = ROLES.iter().find(|own| own.noun() == role.trim());
    match found {
        Some(role) if !column.trim().is_empty() => Ok((*role, column.trim().to_owned())),
        _ => {
            let roles = ROLES.map(ColumnRole::noun).join(", ");
            Err(format!("expected ROLE=COLUMN, such as time=received_at; the roles are {roles}"))
        }
    }
}

/// What becomes of units of two variations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum UsersInTwoArms {
    /// They are left out.
    Exclude,
    /// They count for the variation of their first row, or with --exposures of their first exposure.
    First,
}

/// What a unit without a value counts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MissingValues {
    /// It is left out of the metric.
    Exclude,
    /// As 0, or as not converted.
    Zero,
}
