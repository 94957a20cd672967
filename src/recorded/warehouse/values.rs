//! From the rows of a warehouse to one row for each unit, with the numbers that it enters each
//! metric with.
//!
//! A metric's numbers are `mN_value`, `mN_per`, `mN_before` and `mN_before_per`, N being its place.
//!
//! Does not know: statistics.

use super::super::tabular::CrossedUnits;
use super::ask::{
    EventsSource, OfRows, PART, QueryMetric, QueryParts, QueryRequest, QuerySource, TimeColumns,
    UnitsSource,
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

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Later than any time.
const NEVER_MS: u64 = 9_000_000_000_000_000;

/// The column of the part that a row belongs to, where there are parts.
fn part(request: &QueryRequest) -> impl Iterator<Item = &'static str> {
    request.parts.iter().map(|_| PART)
}

/// The same, and the time at which the part ends, where it has one.
fn part_and_end(request: &QueryRequest) -> impl Iterator<Item = &'static str> {
    let end = (request.parts == Some(QueryParts::Days)).then_some("end_ms");
    part(request).chain(end)
}

/// The columns of a group of rows: these, and the part.
fn grouped(request: &QueryRequest, columns: &'static str) -> String {
    std::iter::once(columns).chain(part(request)).collect::<Vec<_>>().join(", ")
}

/// Repeats each exposure in the parts to which it belongs: in the whole, and in its segment or in each
/// day from its own on. Returns the name of the layer with the exposures.
fn parted(request: &QueryRequest, layers: &mut Vec<Layer>) -> &'static str {
    const EXPOSED: &str = "exposed";
    let dialect = request.dialect;
    let Some(parts) = &request.parts else { return EXPOSED };
    let kept: Vec<String> =
        layers.iter().find(|layer| layer.name == EXPOSED).map(Layer::names).unwrap_or_default();
    let kept = kept.iter().map(String::as_str).filter(|name| *name != "segment");
    let mut each = Layer::new("exposed_in_parts", "Each exposure in the parts that it belongs to.");
    match parts {
        QueryParts::Segments(_) => {
            for name in kept {
                each.column(name, format!("exposed.{name}"));
            }
            let own = format!(
                "CASE WHEN copies.copy = 0 THEN {} ELSE exposed.segment END",
                dialect.text("")
            );
            each.column(PART, own);
            each.from = format!(
                "FROM exposed\nCROSS JOIN (SELECT 0 AS copy UNION ALL SELECT 1) AS copies\nWHERE copies.copy = 0 OR exposed.segment <> {}",
                dialect.text("")
            );
        }
        QueryParts::Days => {
            let day = |at: &str| dialect.whole(&format!("FLOOR({at} / {DAY_MS}.0)"));
            let mut moments = Layer::new("moments", "The days on which something happened.");
            moments.column("day_number", day("at_ms"));
            moments.from =
                format!("FROM exposed\nUNION ALL\nSELECT {}\nFROM happened", day("at_ms"));
            layers.push(moments);
            let mut days =
                Layer::new("days", "From the first exposure on; the first of them is the whole.");
            days.column(PART, dialect.as_text("day_number"));
            days.column("end_ms", format!("(MIN(day_number) + 1) * {DAY_MS}"));
            days.from = format!(
                "FROM moments\nWHERE day_number >= (SELECT MIN({}) FROM exposed)\nGROUP BY day_number\nUNION ALL\nSELECT {}, {NEVER_MS}",
                day("at_ms"),
                dialect.as_text(&dialect.text(""))
            );
            layers.push(days);
            for name in kept {
                each.column(name, format!("exposed.{name}"));
            }
            each.column(PART, format!("days.{PART}"));
            each.column("end_ms", "days.end_ms");
            each.from =
                "FROM exposed\nCROSS JOIN days\nWHERE exposed.at_ms < days.end_ms".to_owned();
        }
    }
    let name = each.name;
    layers.push(each);
    name
}

/// Units by their first exposure; crossed ones are counted, and left out where that is asked.
fn first_seen(request: &QueryRequest, layers: &mut Vec<Layer>, exposed: &'static str, first: bool) {
    let mut units = Layer::new("first_seen", "One row for each unit, whatever it was exposed to.");
    units.keep(["unit_id"]);
    if first {
        units.column("first_ms", "MIN(at_ms)");
    }
    units.column("one_variation", "MIN(variation)");
    units.column("other_variation", "MAX(variation)");
    for name in part_and_end(request) {
        let own = if name == PART { name.to_owned() } else { format!("MIN({name})") };
        units.column(name, own);
    }
    units.from = format!("FROM {exposed}\nGROUP BY {}", grouped(request, "unit_id"));
    layers.push(units);
    let mut counted = Layer::new("counted", "Units with two variations are counted.");
    counted.keep(["unit_id"]);
    counted.keep(part_and_end(request));
    if first {
        counted.keep(["first_ms"]);
    }
    counted.keep(["one_variation", "other_variation"]);
    let over = request.window(None, None);
    counted.column("all_units", format!("COUNT(*) {over}"));
    counted.column(
        "crossed_units",
        format!("SUM(CASE WHEN one_variation <> other_variation THEN 1 ELSE 0 END) {over}"),
    );
    counted.from = "FROM first_seen".to_owned();
    layers.push(counted);
    let mut units = match request.crossed {
        CrossedUnits::Exclude => Layer::new("units", "They are left out."),
        CrossedUnits::First => Layer::new("units", "They count for the first."),
    };
    if request.crossed == CrossedUnits::First && first {
        units.column("unit_id", "counted.unit_id");
        units.column("variation", format!("MIN({exposed}.variation)"));
        for name in part(request) {
            units.column(name, format!("counted.{name}"));
        }
        let others = part_and_end(request).filter(|name| *name != PART);
        for name in others.chain(["first_ms", "all_units", "crossed_units"]) {
            units.column(name, format!("MIN(counted.{name})"));
        }
        let [mut on, mut by] =
            [format!("{exposed}.unit_id = counted.unit_id"), "counted.unit_id".to_owned()];
        for name in part(request) {
            on += &format!(" AND {exposed}.{name} = counted.{name}");
            by += &format!(", counted.{name}");
        }
        units.from = format!(
            "FROM counted\nJOIN {exposed} ON {on} AND {exposed}.at_ms = counted.first_ms\nGROUP BY {by}"
        );
    } else {
        units.keep(["unit_id"]);
        units.keep(part_and_end(request));
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
    if let Some(QueryParts::Segments(column)) = &request.parts {
        exposed.column("segment", dialect.as_text(&own("x", column)));
    }
    layers.push(exposed);
    let happened = happened(request, source);
    // The days are those of exposures and events.
    if request.parts == Some(QueryParts::Days) {
        layers.push(happened);
        let exposed = parted(request, &mut layers);
        first_seen(request, &mut layers, exposed, true);
    } else {
        let exposed = parted(request, &mut layers);
        first_seen(request, &mut layers, exposed, true);
        layers.push(happened);
    }
    joined(request, source, &mut layers);
    layers
}

/// The events that a metric counts.
fn happened(request: &QueryRequest, source: &EventsSource) -> Layer {
    let dialect = request.dialect;
    let own = |table: &str, column: &str| format!("{table}.{}", dialect.name(column));
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
    happened
}

/// Each unit with its events, and then with its numbers.
fn joined(request: &QueryRequest, source: &EventsSource, layers: &mut Vec<Layer>) {
    let dialect = request.dialect;
    let mut joined =
        Layer::new("joined", "Each unit with its events, and when they count: after, or before.");
    let own = ["unit_id", "variation", "all_units", "crossed_units"];
    for name in own.into_iter().chain(part(request)) {
        joined.column(name, format!("units.{name}"));
    }
    joined.column("event_name", "happened.event_name");
    joined.column("event_value", "happened.event_value");
    let mut after = "happened.at_ms >= units.first_ms".to_owned();
    if let Some(window) = source.window_ms {
        after += &format!(" AND happened.at_ms <= units.first_ms + {window}");
    }
    if request.parts == Some(QueryParts::Days) {
        after += " AND happened.at_ms < units.end_ms";
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
    numbers.keep(part(request));
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
    numbers.from = format!("FROM joined\nGROUP BY {}", grouped(request, "unit_id"));
    layers.push(numbers);
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
    if let Some(QueryParts::Segments(column)) = &request.parts {
        exposed.column("segment", dialect.as_text(&own(column)));
    }
    exposed.from = format!(
        "FROM {} AS x\nWHERE {unit} IS NOT NULL AND {variation} IS NOT NULL{}",
        dialect.table(&source.table),
        takes_part(request, &variation)
    );
    layers.push(exposed);
    let exposed = parted(request, &mut layers);

    let mut units = Layer::new("first_seen", "One row for each unit, with its numbers.");
    units.keep(["unit_id"]);
    units.keep(part(request));
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
    units.from = format!("FROM {exposed}\nGROUP BY {}", grouped(request, "unit_id"));
    let kept: Vec<String> =
        units.names().into_iter().filter(|name| name.starts_with('m')).collect();
    layers.push(units);

    let mut counted = Layer::new("counted", "Units with two variations are counted.");
    counted.keep(["unit_id"]);
    counted.keep(part(request));
    counted.keep(["one_variation", "other_variation"]);
    counted.keep(kept.iter().map(String::as_str));
    let over = request.window(None, None);
    counted.column("all_units_seen", format!("COUNT(*) {over}"));
    counted.column(
        "crossed_units_seen",
        format!("SUM(CASE WHEN one_variation <> other_variation THEN 1 ELSE 0 END) {over}"),
    );
    if source.covariate.is_some() {
        // A unit without a covariate has the mean of the others, which moves no estimate.
        counted
            .column("filled_before", format!("COALESCE(unit_before, AVG(unit_before) {over}, 0)"));
    }
    counted.from = "FROM first_seen".to_owned();
    layers.push(counted);

    let mut numbers = Layer::new("numbers", "Units with one variation.");
    numbers.keep(["unit_id"]);
    numbers.keep(part(request));
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
