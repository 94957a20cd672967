//! `simlab sql`: the options to a query.
//!
//! Does not know: SQL; `recorded` does.

use super::analyze_table::{until, usage};
use super::args_analyze::{MissingValues, UsersInTwoArms};
use super::args_sql::{SqlArgs, WrittenTimes};
use super::commands::{Ended, bad_file, print, read};
use super::exit::Exit;
use crate::experiment::{Correction, Experiment, Method, Missing, THRESHOLD, Treatment};
use crate::quantity::{Probability, Share};
use crate::recorded::{
    ColumnRole, CrossedUnits, EventsSource, QueryMetric, QueryParts, QueryRequest, QuerySource,
    TableStatistic, TimeColumns, UnitsSource, query, set_split,
};

/// Prints the query.
pub fn sql(args: &SqlArgs) -> Ended {
    let source = source(args)?;
    let dialect = args.dialect;
    let mut request = match &args.scenario {
        Some(name) => {
            let scenario = read(name)?.scenario;
            QueryRequest::of_scenario(&scenario, args.experiment.as_deref(), dialect, source)
                .map_err(|fault| bad_file(&[fault]))?
        }
        None => QueryRequest {
            dialect,
            experiment: name(args),
            control: args.control.clone(),
            shares: shares(args)?,
            variations: Vec::new(),
            crossed: match args.users_in_two_arms {
                Some(UsersInTwoArms::First) if args.table.is_some() => {
                    return Err(usage(
                        "--users-in-two-arms",
                        "the rows of a table of units have no time, so none is the first; with --exposures there is one",
                    ));
                }
                Some(UsersInTwoArms::First) => CrossedUnits::First,
                Some(UsersInTwoArms::Exclude) | None => CrossedUnits::Exclude,
            },
            metrics: metrics(args, matches!(source, QuerySource::Events(_)))?,
            source,
            parts: None,
        },
    };
    request.parts = match &args.segment {
        Some(column) => Some(QueryParts::Segments(column.clone())),
        None => args.daily.then_some(QueryParts::Days),
    };
    print(&query(&request))
}

/// The experiment's name: the one that is given, else the table's.
fn name(args: &SqlArgs) -> String {
    let table = args.table.as_ref().unwrap_or(&args.exposures);
    let plain = table.rsplit(['.', '/']).next().unwrap_or(table);
    args.experiment.clone().unwrap_or_else(|| {
        if plain.contains(['(', '\'', '"', '`']) || table.contains('(') {
            "experiment".to_owned()
        } else {
            plain.to_owned()
        }
    })
}

fn metrics(args: &SqlArgs, events: bool) -> Result<Vec<QueryMetric>, Exit> {
    let missing = match args.missing {
        Some(MissingValues::Zero) => Missing::Zero,
        Some(MissingValues::Exclude) => Missing::Exclude,
        None if events => Missing::Zero,
        None => Missing::Exclude,
    };
    if let Some(asked) =
        args.metrics.iter().find(|own| own.statistic == TableStatistic::Count && !events)
    {
        return Err(usage(
            "--metric",
            &format!(
                "{asked} counts events, and a table of units has none; write `{}:mean`",
                asked.column
            ),
        ));
    }
    Ok(args.metrics.iter().map(|own| QueryMetric::of_request(own, missing, events)).collect())
}

/// The planned share of each variation. The query does not know the variations: the text has to name
/// them.
fn shares(args: &SqlArgs) -> Result<Vec<(String, f64)>, Exit> {
    let Some(text) = &args.split else { return Ok(Vec::new()) };
    let named = || text.split(',').filter_map(|part| part.rsplit_once('='));
    let treatments: Vec<Treatment> = named()
        .map(|(arm, _)| Treatment {
            variation: arm.trim().to_owned(),
            name: String::new(),
            share: Share::default(),
        })
        .collect();
    if treatments.is_empty() {
        return Err(usage(
            "--split",
            &format!(
                "expected the shares with their arms, such as a=50%,b=50%, found `{text}`; the query cannot look up the order of the arms"
            ),
        ));
    }
    let mut experiment = Experiment {
        key: name(args),
        name: String::new(),
        hypothesis: String::new(),
        config: String::new(),
        treatments,
        control: 0,
        metrics: Vec::new(),
        threshold: Probability::clamped(THRESHOLD),
        method: Method::Bayesian,
        correction: Correction::None,
        tolerate: Vec::new(),
    };
    set_split(&mut experiment, text).map_err(|reason| usage("--split", &reason))?;
    Ok(experiment.treatments.into_iter().map(|own| (own.variation, own.share.fraction())).collect())
}

/// Where the rows are.
fn source(args: &SqlArgs) -> Result<QuerySource, Exit> {
    if let (Some(table), Some(unit), Some(variation)) = (&args.table, &args.unit, &args.variation) {
        return Ok(QuerySource::Units(UnitsSource {
            table: table.clone(),
            unit: unit.clone(),
            variation: variation.clone(),
            covariate: args.covariate.clone(),
        }));
    }
    let given = |role: ColumnRole| {
        args.columns.iter().find(|(own, _)| *own == role).map(|(_, column)| column.clone())
    };
    let column = |role: ColumnRole, usual: &str| given(role).unwrap_or_else(|| usual.to_owned());
    let experiment = given(ColumnRole::Experiment);
    let key = args.experiment.clone();
    if let (Some(column), None) = (&experiment, &key) {
        return Err(usage(
            "--columns",
            &format!("`experiment={column}` needs the experiment to choose: --experiment KEY"),
        ));
    }
    Ok(QuerySource::Events(EventsSource {
        exposures: args.exposures.clone(),
        events: args.events.clone(),
        unit: args.unit.clone().unwrap_or_else(|| column(ColumnRole::Unit, "user_id")),
        variation: args
            .variation
            .clone()
            .unwrap_or_else(|| column(ColumnRole::Variation, "variation_id")),
        time: column(ColumnRole::Time, "timestamp"),
        event: column(ColumnRole::Event, "event"),
        value: column(ColumnRole::Value, "value"),
        id: given(ColumnRole::Id),
        experiment: experiment.zip(key),
        times: match args.times {
            WrittenTimes::Timestamp => TimeColumns::Timestamp,
            WrittenTimes::Milliseconds => TimeColumns::Milliseconds,
            WrittenTimes::Seconds => TimeColumns::Seconds,
        },
        window_ms: args.window.map(|window| window.us() / 1000),
        until_ms: until(args.until.as_deref()).map_err(|reason| usage("--until", &reason))?,
        pre_period_ms: args.pre_period.map(|length| length.us() / 1000),
    }))
}
