//! From the rows of a warehouse to one row for each unit, with the numbers that it enters each
//! metric with.
//!
//! A metric's numbers are `mN_value`, `mN_per`, `mN_before` and `mN_before_per`, N being its place.
//!
//! Does not know: statistics.

use super::super::tabular::CrossedUnits;
use super::ask::{
    EventsSource, OfRows, QueryMetric, QueryRequest, QuerySource, TimeColumns, UnitsSource,
};
use super::dialect::WarehouseDialect;
use super::layers::Layer;

/// The layers up to that with a row for each unit.
pub(super) fn layers(request: &QueryRequest) -> Vec<Layer> {
    match &request.source {
        QuerySource::Events(source) => of_events(request, source),
        QuerySource::Units(source) => of_units(request, source),
    }
}

/// Whether a metric has numbers from before the experiment.
pub(super) fn has_before(request: &QueryRequest) -> bool {
    match &request.source {
        QuerySource::Events(source) => source.pre_period_ms.is_some(),
        QuerySource::Units(source) => source.covariate.is_some(),
    }
}

/// When, as a whole number of milliseconds.
fn moment(dialect: WarehouseDialect, times: TimeColumns, column: &str) -> String {
    match times {
        TimeColumns::Timestamp => dialect.milliseconds(column),
        TimeColumns::Milliseconds => dialect.whole(column),
        TimeColumns::Seconds => dialect.whole(&format!("FLOOR({column} * 1000)")),
    }
}

/// Texts as a list of literals.
fn list(dialect: WarehouseDialect, texts: impl Iterator<Item = String>) -> String {
    texts.map(|text| dialect.text(&text)).collect::<Vec<_>>().join(", ")
}

/// Units by their first exposure; crossed ones are counted, and left out where that is asked.
fn first_seen(request: &QueryRequest, layers: &mut Vec<Layer>, first: bool) {
    let mut units = Layer::new("first_seen", "One row for each unit, whatever it was exposed to.");
    units.keep(["unit_id"]);
    if first {
        units.column("first_ms", "MIN(at_ms)");
    }
    units.column("one_variation", "MIN(variation)");
    units.column("other_variation", "MAX(variation)");
    units.from = "FROM exposed\nGROUP BY unit_id".to_owned();
    layers.push(units);
    let mut counted = Layer::new("counted", "Units with two variations are counted.");
    counted.keep(["unit_id"]);
    if first {
        counted.keep(["first_ms"]);
    }
    counted.keep(["one_variation", "other_variation"]);
    counted.column("all_units", "COUNT(*) OVER ()");
    counted.column(
        "crossed_units",
        "SUM(CASE WHEN one_variation <> other_variation THEN 1 ELSE 0 END) OVER ()",
    );
    counted.from = "FROM first_seen".to_owned();
    layers.push(counted);
    let mut units = match request.crossed {
        CrossedUnits::Exclude => Layer::new("units", "They are left out."),
        CrossedUnits::First => Layer::new("units", "They count for the first."),
    };
    if request.crossed == CrossedUnits::First && first {
        units.column("unit_id", "counted.unit_id");
        units.column("variation", "MIN(exposed.variation)");
        for name in ["first_ms", "all_units", "crossed_units"] {
            units.column(name, format!("MIN(counted.{name})"));
        }
        units.from = "FROM counted\n\
             JOIN exposed ON exposed.unit_id = counted.unit_id AND exposed.at_ms = counted.first_ms\n\
             GROUP BY counted.unit_id"
            .to_owned();
    } else {
        units.keep(["unit_id"]);
        units.column("variation", "one_variation");
        if first {
            units.keep(["first_ms"]);
        }
        units.keep(["all_units", "crossed_units"]);
        units.from = "FROM counted\nWHERE one_variation = other_variation".to_owned();
    }
    layers.push(units);
}

/// The condition that a variation takes part.
fn takes_part(request: &QueryRequest, column: &str) -> String {
    if request.variations.is_empty() {
        return String::new();
    }
    let own = list(request.dialect, request.variations.iter().cloned());
    format!("\n  AND {} IN ({own})", request.dialect.as_text(column))
}

fn of_events(request: &QueryRequest, source: &EventsSource) -> Vec<Layer> {
    let dialect = request.dialect;
    let own = |table: &str, column: &str| format!("{table}.{}", dialect.name(column));
    let mut layers = Vec::new();

    let mut exposed = Layer::new("exposed", "Who got what, and when.");
    let (unit, variation, time) =
        (own("x", &source.unit), own("x", &source.variation), own("x", &source.time));
    let at = moment(dialect, source.times, &time);
    exposed.column("unit_id", unit.clone());
    exposed.column("variation", dialect.as_text(&variation));
    exposed.column("at_ms", at.clone());
    exposed.from = format!(
        "FROM {} AS x\nWHERE {unit} IS NOT NULL AND {variation} IS NOT NULL AND {time} IS NOT NULL",
        dialect.table(&source.exposures)
    );
    if let Some((column, key)) = &source.experiment {
        let column = dialect.as_text(&own("x", column));
        exposed.from += &format!("\n  AND {column} = {}", dialect.text(key));
    }
    exposed.from += &takes_part(request, &variation);
    if let Some(until) = source.until_ms {
        exposed.from += &format!("\n  AND {at} < {until}");
    }
    layers.push(exposed);
    first_seen(request, &mut layers, true);

    let names = || {
        let all =
            request.metrics.iter().flat_map(|own| std::iter::once(&own.value).chain(&own.per));
        let mut names: Vec<String> = Vec::new();
        for key in all.map(OfRows::key) {
            if !names.iter().any(|own| own == key) {
                names.push(key.to_owned());
            }
        }
        names
    };
    let mut happened = Layer::new("happened", "What happened, of the events that a metric counts.");
    let (unit, event, time) =
        (own("x", &source.unit), own("x", &source.event), own("x", &source.time));
    let at = moment(dialect, source.times, &time);
    happened.column("unit_id", unit.clone());
    happened.column("event_name", dialect.as_text(&event));
    happened.column("event_value", dialect.number(&own("x", &source.value)));
    happened.column("at_ms", at.clone());
    if let Some(id) = &source.id {
        let id = own("x", id);
        // Rows without an id are all different.
        happened.column(
            "nth",
            format!(
                "CASE WHEN {id} IS NULL THEN 1 ELSE ROW_NUMBER() OVER (PARTITION BY {id} ORDER BY {time}) END"
            ),
        );
    }
    happened.from = format!(
        "FROM {} AS x\nWHERE {unit} IS NOT NULL AND {time} IS NOT NULL\n  AND {} IN ({})",
        dialect.table(&source.events),
        dialect.as_text(&event),
        list(dialect, names().into_iter())
    );
    if let Some(until) = source.until_ms {
        happened.from += &format!("\n  AND {at} < {until}");
    }
    layers.push(happened);

    let mut joined =
        Layer::new("joined", "Each unit with its events, and when they count: after, or before.");
    for name in ["unit_id", "variation", "all_units", "crossed_units"] {
        joined.column(name, format!("units.{name}"));
    }
    joined.column("event_name", "happened.event_name");
    joined.column("event_value", "happened.event_value");
    let mut after = "happened.at_ms >= units.first_ms".to_owned();
    if let Some(window) = source.window_ms {
        after += &format!(" AND happened.at_ms <= units.first_ms + {window}");
    }
    let mut period = format!("CASE WHEN {after} THEN 1");
    if let Some(length) = source.pre_period_ms {
        period += &format!(
            " WHEN happened.at_ms < units.first_ms AND happened.at_ms >= units.first_ms - {length} THEN 0"
        );
    }
    joined.column("period", period + " END");
    joined.from = "FROM units\nLEFT JOIN happened ON happened.unit_id = units.unit_id".to_owned();
    if source.id.is_some() {
        joined.from += " AND happened.nth = 1";
    }
    layers.push(joined);

    let mut numbers = Layer::new("numbers", "One row for each unit, with its numbers.");
    numbers.keep(["unit_id"]);
    numbers.column("unit_variation", "MIN(variation)");
    numbers.column("all_units_seen", "MIN(all_units)");
    numbers.column("crossed_units_seen", "MIN(crossed_units)");
    for (nth, metric) in (1..).zip(&request.metrics) {
        let each = [("value", "per", 1), ("before", "before_per", 0)];
        for (value, per, period) in each.into_iter().take(if has_before(request) { 2 } else { 1 }) {
            numbers.column(format!("m{nth}_{value}"), of_joined(dialect, &metric.value, period));
            if let Some(of) = &metric.per {
                numbers.column(format!("m{nth}_{per}"), of_joined(dialect, of, period));
            }
        }
    }
    numbers.from = "FROM joined\nGROUP BY unit_id".to_owned();
    layers.push(numbers);
    layers
}

/// A unit's number from its events of a period: 1 is after the exposure, 0 before it.
fn of_joined(dialect: WarehouseDialect, of: &OfRows, period: u8) -> String {
    let own = format!("period = {period} AND event_name = {}", dialect.text(of.key()));
    match of {
        OfRows::Any(_) => dialect.number(&format!("MAX(CASE WHEN {own} THEN 1 ELSE 0 END)")),
        OfRows::Sum(_) => format!("SUM(CASE WHEN {own} THEN event_value END)"),
        OfRows::Average(_) => format!("AVG(CASE WHEN {own} THEN event_value END)"),
        OfRows::Count(_) => {
            dialect.number(&format!("NULLIF(SUM(CASE WHEN {own} THEN 1 ELSE 0 END), 0)"))
        }
        OfRows::SumOrCount(_) => format!("SUM(CASE WHEN {own} THEN COALESCE(event_value, 1) END)"),
    }
}

fn of_units(request: &QueryRequest, source: &UnitsSource) -> Vec<Layer> {
    let dialect = request.dialect;
    let own = |column: &str| format!("x.{}", dialect.name(column));
    let (unit, variation) = (own(&source.unit), own(&source.variation));
    let mut layers = Vec::new();
    let mut exposed = Layer::new("exposed", "The rows with a unit and a variation.");
    exposed.column("unit_id", unit.clone());
    exposed.column("variation", dialect.as_text(&variation));
    for (nth, metric) in (1..).zip(&request.metrics) {
        let number = |of: &OfRows| match of {
            OfRows::Any(column) => dialect.number(&dialect.flag(&own(column))),
            other => dialect.number(&own(other.key())),
        };
        exposed.column(format!("m{nth}_row"), number(&metric.value));
        if let Some(per) = &metric.per {
            exposed.column(format!("m{nth}_row_per"), number(per));
        }
    }
    if let Some(covariate) = &source.covariate {
        exposed.column("row_before", dialect.number(&own(covariate)));
    }
    exposed.from = format!(
        "FROM {} AS x\nWHERE {unit} IS NOT NULL AND {variation} IS NOT NULL{}",
        dialect.table(&source.table),
        takes_part(request, &variation)
    );
    layers.push(exposed);

    let mut units = Layer::new("first_seen", "One row for each unit, with its numbers.");
    units.keep(["unit_id"]);
    units.column("one_variation", "MIN(variation)");
    units.column("other_variation", "MAX(variation)");
    let folded = |of: &OfRows, column: String| match of {
        OfRows::Any(_) => format!("MAX({column})"),
        OfRows::Average(_) => format!("AVG({column})"),
        OfRows::Count(_) => format!("COUNT({column})"),
        OfRows::Sum(_) | OfRows::SumOrCount(_) => format!("SUM({column})"),
    };
    for (nth, metric) in (1..).zip(&request.metrics) {
        units.column(format!("m{nth}_value"), folded(&metric.value, format!("m{nth}_row")));
        if let Some(per) = &metric.per {
            units.column(format!("m{nth}_per"), folded(per, format!("m{nth}_row_per")));
        }
    }
    if source.covariate.is_some() {
        units.column("unit_before", "MIN(row_before)");
    }
    units.from = "FROM exposed\nGROUP BY unit_id".to_owned();
    let kept: Vec<String> =
        units.names().into_iter().filter(|name| name.starts_with('m')).collect();
    layers.push(units);

    let mut counted = Layer::new("counted", "Units with two variations are counted.");
    counted.keep(["unit_id", "one_variation", "other_variation"]);
    counted.keep(kept.iter().map(String::as_str));
    counted.column("all_units_seen", "COUNT(*) OVER ()");
    counted.column(
        "crossed_units_seen",
        "SUM(CASE WHEN one_variation <> other_variation THEN 1 ELSE 0 END) OVER ()",
    );
    if source.covariate.is_some() {
        // A unit without a covariate has the mean of the others, which moves no estimate.
        counted.column("filled_before", "COALESCE(unit_before, AVG(unit_before) OVER (), 0)");
    }
    counted.from = "FROM first_seen".to_owned();
    layers.push(counted);

    let mut numbers = Layer::new("numbers", "Units with one variation.");
    numbers.keep(["unit_id"]);
    numbers.column("unit_variation", "one_variation");
    numbers.keep(["all_units_seen", "crossed_units_seen"]);
    numbers.keep(kept.iter().map(String::as_str));
    if source.covariate.is_some() {
        for nth in 1..=request.metrics.len() {
            numbers.column(format!("m{nth}_before"), "filled_before");
        }
    }
    numbers.from = "FROM counted\nWHERE one_variation = other_variation".to_owned();
    layers.push(numbers);
    layers
}

/// Whether the number before the experiment has a divisor of its own.
pub(super) fn divides_before(request: &QueryRequest, metric: &QueryMetric) -> bool {
    metric.per.is_some() && matches!(request.source, QuerySource::Events(_))
}
