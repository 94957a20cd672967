//! The query that brings the rows of a warehouse down to sufficient statistics: one row for each
//! metric and variation (and part, where parts are asked for), see [`StatisticsRow`](super::StatisticsRow) for the columns.
//!
//! Guarantees: every layer is read once, so no engine computes one twice; squares and products are
//! of distances from the means, in a second pass over the units, so nothing cancels.
//!
//! Does not know: how rows become the numbers of a unit (`values`), or which words a dialect has.

use super::super::tabular::{CrossedUnits, TableCap};
use super::ask::{PART, QueryMetric, QueryParts, QueryRequest, QuerySource};
use super::layers::{Layer, written};
use super::values::{divides_before, has_before, layers};
use super::written::{COLUMNS, SCHEMA};
use crate::experiment::{Aggregation, MetricKind, Missing, Statistic};
use crate::statistic::PercentileRanks;
use crate::time::Duration;

/// What is known of each unit beside its numbers.
fn of_unit(request: &QueryRequest) -> impl Iterator<Item = &'static str> {
    let part = request.parts.iter().map(|_| PART);
    ["unit_variation", "all_units_seen", "crossed_units_seen"].into_iter().chain(part)
}

/// The four numbers of a unit, by their names in the columns.
const NUMBERS: [&str; 4] = ["value", "per", "before", "before_per"];
/// The ranks that a percentile is read at.
const RANKS: [&str; 3] = ["at", "low", "high"];

/// The text of the query.
#[must_use]
pub fn query(request: &QueryRequest) -> String {
    let mut all = layers(request);
    let metrics: Vec<(usize, &QueryMetric)> = (1..).zip(&request.metrics).collect();
    entered(request, &metrics, &mut all);
    capped(request, &metrics, &mut all);
    let last = centered(request, &metrics, &mut all);
    all.push(by_variation(request, &metrics, last));
    all.push(result(request, &metrics));
    let head = format!(
        "Sufficient statistics of `{}`: one row for each metric and variation.\n\
         Save the rows with the names of their columns, as CSV, JSON or Parquet, and analyze them:\n\
         \x20 simlab analyze stats.csv",
        request.experiment.replace(['\n', '\r'], " ")
    );
    written(&head, &all, request.dialect.ending())
}

fn is_percentile(metric: &QueryMetric) -> bool {
    metric.metric.kind() == MetricKind::Percentile
}

/// A number as SQL: 0.95, not 9.5e-1.
fn literal(number: f64) -> String {
    let text = number.to_string();
    if text.contains('.') { text } else { text + ".0" }
}

/// Which of the four numbers a metric has.
fn numbers<'m>(
    request: &'m QueryRequest,
    metric: &'m QueryMetric,
) -> impl Iterator<Item = &'static str> + 'm {
    NUMBERS.into_iter().filter(move |number| match *number {
        "value" => true,
        "per" => metric.metric.per.is_some(),
        "before" => has_before(request) && !is_percentile(metric),
        _ => has_before(request) && !is_percentile(metric) && divides_before(request, metric),
    })
}

/// What a unit without events counts as.
fn entered(request: &QueryRequest, metrics: &[(usize, &QueryMetric)], all: &mut Vec<Layer>) {
    let mut layer =
        Layer::new("entered", "What each unit enters with. A unit without a value may count as 0.");
    layer.keep(of_unit(request));
    for (nth, metric) in metrics {
        let own = |number: &str| format!("m{nth}_{number}");
        layer.column(
            format!("m{nth}_has"),
            match (metric.metric.kind(), &metric.metric.per) {
                (_, Some(_)) => format!("CASE WHEN {} <> 0 THEN 1 ELSE 0 END", own("per")),
                (MetricKind::Conversion, None) => {
                    format!("CASE WHEN {} > 0 THEN 1 ELSE 0 END", own("value"))
                }
                _ => format!("CASE WHEN {} IS NOT NULL THEN 1 ELSE 0 END", own("value")),
            },
        );
        for number in numbers(request, metric) {
            let name = own(number);
            let entering = match number {
                "value" if !metric.counts_all() => name.clone(),
                // Averages have nothing to be 0 of: the mean of the others moves no estimate.
                "before" if metric.metric.aggregation == Aggregation::Average => {
                    format!("COALESCE({name}, AVG({name}) {}, 0)", request.window(None, None))
                }
                _ => format!("COALESCE({name}, 0)"),
            };
            let entering = match (number, metric.cap) {
                ("value", Some(TableCap::At(cap))) => {
                    let cap = literal(cap);
                    format!("CASE WHEN {entering} > {cap} THEN {cap} ELSE {entering} END")
                }
                _ => entering,
            };
            layer.column(format!("e{nth}_{number}"), entering);
        }
    }
    layer.from = "FROM numbers".to_owned();
    all.push(layer);
}

/// Cuts values at a percentile of those of all units.
fn capped(request: &QueryRequest, metrics: &[(usize, &QueryMetric)], all: &mut Vec<Layer>) {
    let caps: Vec<(usize, f64)> = metrics
        .iter()
        .filter_map(|(nth, metric)| match metric.cap {
            Some(TableCap::Percentile(p)) => Some((*nth, p.get())),
            _ => None,
        })
        .collect();
    if caps.is_empty() {
        return;
    }
    let kept = all.last().map(Layer::names).unwrap_or_default();
    let keep = |layer: &mut Layer| layer.keep(kept.iter().map(String::as_str));
    let mut ranked = Layer::new("ranked", "Where each value stands among those of all units.");
    keep(&mut ranked);
    for (nth, p) in &caps {
        let value = format!("e{nth}_value");
        let over = request.window(None, None);
        let count = request.dialect.number(&format!("COUNT({value}) {over}"));
        ranked.column(format!("c{nth}_rank"), format!("{} * ({count} - 1)", literal(*p)));
        ranked.column(
            format!("c{nth}_place"),
            format!("ROW_NUMBER() {} - 1", in_order(request, None, &value)),
        );
    }
    ranked.from = "FROM entered".to_owned();
    all.push(ranked);
    let mut found = Layer::new("caps", "The values on both sides of the percentile.");
    keep(&mut found);
    for (nth, _) in &caps {
        found.keep([format!("c{nth}_rank").as_str()]);
        for (side, beyond) in [("below", ""), ("above", " + 1")] {
            found.column(
                format!("c{nth}_{side}"),
                format!(
                    "MAX(CASE WHEN c{nth}_place = FLOOR(c{nth}_rank){beyond} THEN e{nth}_value END) {}",
                    request.window(None, None)
                ),
            );
        }
    }
    found.from = "FROM ranked".to_owned();
    all.push(found);
    let mut cut = Layer::new("cut", "Values above the cap count as the cap.");
    for name in &kept {
        let own = caps.iter().find(|(nth, _)| *name == format!("e{nth}_value"));
        match own {
            None => cut.column(name.clone(), name.clone()),
            Some((nth, _)) => {
                let (below, above, rank) =
                    (format!("c{nth}_below"), format!("c{nth}_above"), format!("c{nth}_rank"));
                let cap = format!(
                    "{below} + ({rank} - FLOOR({rank})) * (COALESCE({above}, {below}) - {below})"
                );
                // The name must be another one: ClickHouse would read it inside of the expression.
                cut.column(
                    format!("k{nth}_value"),
                    format!("CASE WHEN {name} > {cap} THEN {cap} ELSE {name} END"),
                );
            }
        }
    }
    cut.from = "FROM caps".to_owned();
    all.push(cut);
}

/// The name of a metric's number among the entered ones.
fn entered_name(nth: usize, metric: &QueryMetric, number: &str) -> String {
    let cut = number == "value" && matches!(metric.cap, Some(TableCap::Percentile(_)));
    format!("{}{nth}_{number}", if cut { 'k' } else { 'e' })
}

/// The window over rows in the order of a value, those without one last.
fn in_order(request: &QueryRequest, column: Option<&str>, value: &str) -> String {
    let order = format!("CASE WHEN {value} IS NULL THEN 1 ELSE 0 END, {value}");
    request.window(column, Some(&order))
}

/// The means of the variations beside each unit's numbers, and the ranks of percentiles. Returns the
/// name of the last layer.
fn centered(
    request: &QueryRequest,
    metrics: &[(usize, &QueryMetric)],
    all: &mut Vec<Layer>,
) -> &'static str {
    let within = request.window(Some("unit_variation"), None);
    let from = all.last().map_or("entered", |layer| layer.name);
    let mut layer =
        Layer::new("centered", "The means of the variation beside the numbers of each unit.");
    layer.keep(of_unit(request));
    let mut percentiles: Vec<(usize, f64)> = Vec::new();
    for (nth, metric) in metrics {
        layer.keep([format!("m{nth}_has").as_str()]);
        let value = entered_name(*nth, metric, "value");
        layer.column(format!("v{nth}_value"), value.clone());
        if let (true, Statistic::Percentile(p)) = (is_percentile(metric), metric.metric.statistic) {
            percentiles.push((*nth, p.get()));
            let count = request.dialect.number(&format!("COUNT({value}) {within}"));
            layer.column(format!("v{nth}_count"), count);
            layer.column(
                format!("v{nth}_place"),
                format!("ROW_NUMBER() {} - 1", in_order(request, Some("unit_variation"), &value)),
            );
            continue;
        }
        layer.column(format!("v{nth}_value_mean"), format!("AVG({value}) {within}"));
        for number in numbers(request, metric).filter(|number| *number != "value") {
            let own = format!("CASE WHEN {value} IS NOT NULL THEN e{nth}_{number} END");
            layer.column(format!("v{nth}_{number}_mean"), format!("AVG({own}) {within}"));
            layer.column(format!("v{nth}_{number}"), own);
        }
    }
    layer.from = format!("FROM {from}");
    let kept = layer.names();
    all.push(layer);
    if percentiles.is_empty() {
        return "centered";
    }
    let keep = |layer: &mut Layer| layer.keep(kept.iter().map(String::as_str));
    let mut ranks = Layer::new(
        "ranks",
        "Where the percentiles stand, and both ends of their intervals (Deng, Knoblich & Lu 2018).",
    );
    keep(&mut ranks);
    for (nth, p) in &percentiles {
        let n = format!("v{nth}_count");
        let at = format!("{} * ({n} - 1)", literal(*p));
        let reach = format!(
            "({} * SQRT({n} * {}) + {})",
            literal(PercentileRanks::REACH),
            literal(p * (1.0 - p)),
            literal(PercentileRanks::CONTINUITY)
        );
        let (low, high) = (format!("{at} - {reach}"), format!("{at} + {reach}"));
        ranks.column(format!("q{nth}_at"), at);
        ranks.column(format!("q{nth}_low"), format!("CASE WHEN {low} < 0 THEN 0 ELSE {low} END"));
        ranks.column(
            format!("q{nth}_high"),
            format!("CASE WHEN {high} > {n} - 1 THEN {n} - 1 ELSE {high} END"),
        );
    }
    ranks.from = "FROM centered".to_owned();
    all.push(ranks);
    let mut beside = Layer::new("beside", "The values on both sides of each rank.");
    keep(&mut beside);
    for (nth, _) in &percentiles {
        for rank in RANKS {
            beside.keep([format!("q{nth}_{rank}").as_str()]);
            for (side, beyond) in [("0", ""), ("1", " + 1")] {
                beside.column(
                    format!("q{nth}_{rank}_{side}"),
                    format!(
                        "MAX(CASE WHEN v{nth}_place = FLOOR(q{nth}_{rank}){beyond} THEN v{nth}_value END) {within}"
                    ),
                );
            }
        }
    }
    beside.from = "FROM ranks".to_owned();
    all.push(beside);
    let mut read = Layer::new("read_off", "Between two values, in proportion.");
    keep(&mut read);
    for (nth, _) in &percentiles {
        for rank in RANKS {
            let (own, below, above) =
                (format!("q{nth}_{rank}"), format!("q{nth}_{rank}_0"), format!("q{nth}_{rank}_1"));
            read.column(
                format!("r{nth}_{rank}"),
                format!(
                    "{below} + ({own} - FLOOR({own})) * (COALESCE({above}, {below}) - {below})"
                ),
            );
        }
    }
    read.from = "FROM beside".to_owned();
    all.push(read);
    "read_off"
}

/// The sums of each variation.
fn by_variation(
    request: &QueryRequest,
    metrics: &[(usize, &QueryMetric)],
    from: &'static str,
) -> Layer {
    let mut layer = Layer::new("by_variation", "The sums of each variation.");
    layer.keep(["unit_variation"]);
    layer.keep(request.parts.iter().map(|_| PART));
    layer.column("units_of_variation", "COUNT(*)");
    layer.column("all_units", "MIN(all_units_seen)");
    layer.column("crossed_units", "MIN(crossed_units_seen)");
    for (nth, metric) in metrics {
        let value = format!("v{nth}_value");
        layer.column(format!("s{nth}_counted"), format!("COUNT({value})"));
        layer.column(format!("s{nth}_has"), format!("SUM(m{nth}_has)"));
        if is_percentile(metric) {
            for (name, rank) in
                [("quantile", "at"), ("quantile_low", "low"), ("quantile_high", "high")]
            {
                layer.column(format!("s{nth}_{name}"), format!("MIN(r{nth}_{rank})"));
            }
            layer.column(
                format!("s{nth}_quantile_below"),
                format!("MAX(CASE WHEN {value} < r{nth}_at THEN {value} END)"),
            );
            layer.column(
                format!("s{nth}_quantile_above"),
                format!("MIN(CASE WHEN {value} > r{nth}_at THEN {value} END)"),
            );
            continue;
        }
        let own: Vec<&str> = numbers(request, metric).collect();
        let apart = |number: &str| format!("(v{nth}_{number} - v{nth}_{number}_mean)");
        for number in &own {
            layer.column(format!("s{nth}_sum_{number}"), format!("SUM(v{nth}_{number})"));
        }
        for (at, one) in own.iter().enumerate() {
            for other in own.iter().skip(at) {
                let name =
                    if one == other { format!("{one}_squared") } else { format!("{one}_{other}") };
                layer.column(
                    format!("s{nth}_dev_{name}"),
                    format!("SUM({} * {})", apart(one), apart(other)),
                );
            }
        }
        let value = apart("value");
        layer
            .column(format!("s{nth}_dev_value_cubed"), format!("SUM({value} * {value} * {value})"));
    }
    let by = request.parts.iter().map(|_| format!(", {PART}")).collect::<String>();
    layer.from = format!("FROM {from}\nGROUP BY unit_variation{by}");
    layer
}

/// One row for each metric and variation.
fn result(request: &QueryRequest, metrics: &[(usize, &QueryMetric)]) -> Layer {
    let dialect = request.dialect;
    let text = |text: &str| dialect.text(text);
    let no_text = || dialect.as_text("NULL");
    let no_number = || dialect.number("NULL");
    let by_metric = |of: &dyn Fn(usize, &QueryMetric) -> String| -> String {
        let each: Vec<(usize, String)> =
            metrics.iter().map(|(nth, metric)| (*nth, of(*nth, metric))).collect();
        match each.as_slice() {
            [(_, first), rest @ ..] if rest.iter().all(|(_, own)| own == first) => first.clone(),
            _ => {
                let when = each.iter().map(|(nth, own)| format!(" WHEN {nth} THEN {own}"));
                format!("CASE places.place{} END", when.collect::<String>())
            }
        }
    };
    let mut layer = Layer::new("", "");
    for column in COLUMNS {
        let expression = match *column {
            "segment" if !matches!(request.parts, Some(QueryParts::Segments(_))) => continue,
            "day" if request.parts != Some(QueryParts::Days) => continue,
            "segment" => format!("by_variation.{PART}"),
            "day" => dialect.number(&format!("NULLIF(by_variation.{PART}, {})", text(""))),
            "schema" => text(SCHEMA),
            "experiment" => text(&request.experiment),
            "control" => request.control.as_deref().map_or_else(no_text, text),
            "variation" => "by_variation.unit_variation".to_owned(),
            "planned_share" => match request.shares.as_slice() {
                [] => no_number(),
                shares => {
                    let when = shares.iter().map(|(own, share)| {
                        format!(" WHEN {} THEN {}", text(own), literal(*share))
                    });
                    format!("CASE by_variation.unit_variation{} END", when.collect::<String>())
                }
            },
            "all_users" => "by_variation.all_units".to_owned(),
            "crossed_users" => "by_variation.crossed_units".to_owned(),
            "crossed" => text(match request.crossed {
                CrossedUnits::Exclude => "exclude",
                CrossedUnits::First => "first",
            }),
            "users" => "by_variation.units_of_variation".to_owned(),
            "place" => "places.place".to_owned(),
            "metric" => by_metric(&|_, own| text(&own.metric.key)),
            "kind" => by_metric(&|_, own| text(kind(own))),
            "event" => by_metric(&|_, own| text(&own.metric.event)),
            "per_event" => by_metric(&|_, own| {
                own.metric.per.as_ref().map_or_else(no_text, |per| text(per.event()))
            }),
            "percentile" => by_metric(&|_, own| match own.metric.statistic {
                Statistic::Percentile(p) if is_percentile(own) => dialect.number(&literal(p.get())),
                _ => no_number(),
            }),
            "better" => by_metric(&|_, own| {
                text(if own.metric.better.sign() > 0.0 { "higher" } else { "lower" })
            }),
            "better_by" => by_metric(&|_, own| text(if own.directed { "option" } else { "name" })),
            "unit" => by_metric(&|_, own| text(&own.metric.unit)),
            "missing" => by_metric(&|_, own| {
                text(match own.metric.missing {
                    Missing::Zero => "zero",
                    Missing::Exclude => "exclude",
                })
            }),
            "covariate" => covariate(request).map_or_else(no_text, |own| text(&own)),
            "users_counted" => by_metric(&|nth, _| format!("s{nth}_counted")),
            "users_with_value" => by_metric(&|nth, _| format!("s{nth}_has")),
            other => by_metric(&|nth, own| {
                let has = if other.starts_with("quantile") {
                    is_percentile(own)
                } else {
                    !is_percentile(own)
                        && numbers_of(other)
                            .all(|wanted| numbers(request, own).any(|has| has == wanted))
                };
                if has { format!("s{nth}_{other}") } else { no_number() }
            }),
        };
        layer.column(*column, expression);
    }
    let places: Vec<String> = metrics
        .iter()
        .map(
            |(nth, _)| {
                if *nth == 1 { "SELECT 1 AS place".to_owned() } else { format!("SELECT {nth}") }
            },
        )
        .collect();
    layer.from = format!(
        "FROM by_variation\nCROSS JOIN ({}) AS places\nORDER BY {}place, variation",
        places.join(" UNION ALL "),
        match request.parts {
            None => "",
            Some(QueryParts::Segments(_)) => "segment, ",
            Some(QueryParts::Days) => "day, ",
        }
    );
    layer
}

/// Which of a unit's numbers a column is made of.
fn numbers_of(column: &str) -> impl Iterator<Item = &'static str> {
    let rest = column.trim_start_matches("sum_").trim_start_matches("dev_").to_owned();
    let (mut rest, mut found) = (rest, Vec::new());
    // The longest name first: `before_per` is not `before`.
    for number in ["before_per", "before", "value", "per"] {
        if let Some(at) = rest.find(number) {
            found.push(number);
            rest.replace_range(at..at + number.len(), "");
        }
    }
    found.into_iter()
}

/// What a metric compares, in a word.
fn kind(own: &QueryMetric) -> &'static str {
    let metric = &own.metric;
    match (metric.kind(), &metric.per, metric.aggregation) {
        (_, Some(_), _) => "ratio",
        (MetricKind::Conversion, ..) => "rate",
        (MetricKind::Percentile, ..) => "percentile",
        (_, _, Aggregation::Average) => "average",
        _ => "mean",
    }
}

/// What the metrics are adjusted for, in words.
fn covariate(request: &QueryRequest) -> Option<String> {
    match &request.source {
        QuerySource::Events(source) => {
            let length = Duration::from_us(source.pre_period_ms?.saturating_mul(1000));
            Some(format!("the {length} before the exposure"))
        }
        QuerySource::Units(source) => source.covariate.as_ref().map(|own| format!("`{own}`")),
    }
}
