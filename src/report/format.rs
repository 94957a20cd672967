//! The report's data as cells and tables: which numbers stand together, in which order, with which
//! meaning.
//!
//! Promises: text and Markdown (and whatever comes later) show the same tables. Nothing is escaped
//! here; renderers do.

use super::data::{
    Because, Experiment, Frequentist, Metric, Mode, Report, Total, Variation, Verdict,
};
use super::live::LiveSummary;
use super::number::Number;
use super::table::{Cell, Column, Row, Table, Tone};
use crate::analysis::HealthStatus;
use crate::experiment::{Better, Method, MetricKind};
use crate::figure::{self, MISSING, Unit};
use crate::verdict::Decision;

impl Experiment {
    /// The name of a variation for people.
    pub(super) fn name_of<'a>(&'a self, key: &'a str) -> &'a str {
        self.names.get(key).map_or(key, String::as_str)
    }

    /// The mass of every interval: `90%`.
    pub(super) fn mass(&self) -> String {
        figure::written_percent(self.threshold)
    }

    /// Keys of the treatments, without the control.
    pub(crate) fn treatments(&self) -> impl Iterator<Item = &str> {
        self.exposures.0.iter().map(|(key, _)| key.as_str()).filter(|key| *key != self.control)
    }
}

impl Metric {
    pub(super) fn measure(&self) -> Unit<'_> {
        Unit::new(self.kind, &self.unit).bare()
    }

    /// What a reader needs to know of it: `primary · conversion rate · higher is better`.
    pub(super) fn remark(&self) -> String {
        let what = match self.kind {
            MetricKind::Conversion => "share of users".to_owned(),
            kind => {
                let what = if kind == MetricKind::Percentile {
                    "percentile over users"
                } else {
                    "mean over users"
                };
                match Unit::new(kind, &self.unit) {
                    Unit::Named(name) if !name.is_empty() => format!("{what}, {name}"),
                    _ => what.to_owned(),
                }
            }
        };
        let better = match self.better {
            Better::Higher => "higher is better",
            Better::Lower => "lower is better",
        };
        let primary = if self.primary { "primary · " } else { "" };
        format!("{primary}{what} · {better}")
    }

    fn variation(&self, key: &str) -> Option<&Variation> {
        self.variations.iter().find(|variation| variation.key == key)
    }
}

/// A number's text, or the sign of a missing one.
fn shown(number: Option<Number>, text: impl Fn(f64) -> String) -> Cell {
    number.map_or_else(|| Cell::toned(MISSING, Tone::Dim), |number| Cell::new(text(number.get())))
}

fn interval(ends: Option<[Number; 2]>, text: impl Fn(f64) -> String) -> Cell {
    ends.map_or_else(
        || Cell::toned(MISSING, Tone::Dim),
        |[lower, upper]| Cell::new(figure::interval(&text(lower.get()), &text(upper.get()))),
    )
}

/// The treatment against the control, one row for each metric: the answer at a glance.
pub(super) fn changes(experiment: &Experiment, treatment: &str) -> Table {
    let columns = vec![
        Column::words("metric"),
        Column::number("change"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("beats\ncontrol"),
        Column::words("reads"),
        Column::number("expected\nloss"),
    ];
    let rows = experiment.metrics.iter().filter_map(|metric| {
        let variation = metric.variation(treatment)?;
        let (reading, tone) = reading(variation.probability_to_beat_control, experiment.threshold);
        let mut beats = shown(variation.probability_to_beat_control, figure::probability);
        beats.tone = if variation.probability_to_beat_control.is_some() { tone } else { Tone::Dim };
        // Without a relative difference the absolute one stands in its place.
        let absolute =
            variation.relative_difference.is_none() && variation.absolute_difference.is_some();
        let points = |x: f64| metric.measure().change(x).replace(" points", " pts");
        let (change, ends) = if absolute {
            (
                shown(variation.absolute_difference, points),
                interval(variation.absolute_interval, points),
            )
        } else {
            (
                shown(variation.relative_difference, figure::change),
                interval(variation.relative_interval, figure::change),
            )
        };
        Some(Row::Cells(vec![
            Cell::new(&metric.key),
            change,
            ends,
            beats,
            Cell::toned(reading, tone),
            shown(variation.expected_loss, |x| {
                metric.measure().difference(x).replace(" points", " pts")
            }),
        ]))
    });
    Table { columns, rows: rows.collect() }
}

/// What a probability to beat the control says, and whether it is good news.
pub(super) fn reading(beats: Option<Number>, threshold: f64) -> (&'static str, Tone) {
    // The thresholds of the result screens: green from the threshold on, red from its complement
    // down.
    match beats.map(Number::get) {
        None => ("no data", Tone::Dim),
        Some(p) if p >= threshold => ("better", Tone::Good),
        Some(p) if p <= 1.0 - threshold + 1e-12 => ("worse", Tone::Bad),
        Some(_) => ("unclear", Tone::Plain),
    }
}

/// Every variation under every metric.
pub(super) fn variations(experiment: &Experiment) -> Table {
    let columns = vec![
        Column::words("metric, variation"),
        Column::number("users").optional(1),
        Column::number("converted\nor total"),
        Column::number("measured"),
        Column::number("estimate"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("prob.\nbest"),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        let unit = metric.measure();
        rows.push(Row::Group(metric.key.clone(), metric.remark()));
        for variation in &metric.variations {
            let total = match variation.total {
                Total::Conversions(conversions) => conversions.map_or_else(
                    || Cell::toned(MISSING, Tone::Dim),
                    |n| Cell::new(figure::count(n)),
                ),
                // A percentile times its users is nothing that anybody paid or waited.
                Total::TotalValue(_) if metric.kind == MetricKind::Percentile => {
                    Cell::toned(MISSING, Tone::Dim)
                }
                Total::TotalValue(total) => shown(total, |x| unit.total(x)),
            };
            rows.push(Row::Cells(vec![
                Cell::new(experiment.name_of(&variation.key)),
                Cell::new(match variation.users_with_value {
                    Some(units) => format!(
                        "{} of {}",
                        figure::count(units),
                        figure::count(variation.exposures)
                    ),
                    None => figure::count(variation.exposures),
                }),
                total,
                shown(variation.data_mean, |x| unit.value(x)),
                shown(variation.posterior_mean, |x| unit.value(x)),
                interval(variation.credible_interval, |x| unit.value(x)),
                shown(variation.probability_to_be_best, figure::probability),
            ]));
        }
    }
    Table { columns, rows }
}

/// Why numbers are missing, one line each.
pub(super) fn reasons(experiment: &Experiment) -> Vec<String> {
    let of = |metric: &Metric| {
        let lines = metric.variations.iter().filter_map(|variation| {
            let reason = variation.reason.as_ref()?;
            Some(format!("{}, {}: {reason}", metric.key, experiment.name_of(&variation.key)))
        });
        lines.collect::<Vec<_>>()
    };
    experiment.metrics.iter().flat_map(of).collect()
}

/// The test that the experiment asks for beside the posteriors, if any: its name and its table.
pub(super) fn tests(experiment: &Experiment) -> Option<(&'static str, Table)> {
    let name = match experiment.method {
        Method::Bayesian => return None,
        Method::Frequentist => {
            "Fixed-horizon test of the difference (valid at one look, planned before)"
        }
        Method::Sequential => "Always-valid test of the difference (may be looked at any time)",
    };
    let columns = vec![
        Column::words("metric"),
        Column::words("variation"),
        Column::number("measured\nchange").optional(1),
        Column::number("measured\ndifference"),
        Column::number(format!("{} interval", experiment.mass())),
        Column::number("p-value"),
    ];
    let mut rows = Vec::new();
    for metric in &experiment.metrics {
        for variation in &metric.variations {
            let test = if experiment.method == Method::Sequential {
                &variation.sequential
            } else {
                &variation.frequentist
            };
            let Some(test) = test else { continue };
            let counts = test.p_value.get() <= 1.0 - experiment.threshold + 1e-12;
            let good = test.difference.is_some_and(|difference| {
                (difference.get() > 0.0) == (metric.better == Better::Higher)
            });
            let tone = if counts && good {
                Tone::Good
            } else if counts {
                Tone::Bad
            } else {
                Tone::Plain
            };
            let points = |x: f64| metric.measure().change(x).replace(" points", " pts");
            rows.push(Row::Cells(vec![
                Cell::new(&metric.key),
                Cell::new(experiment.name_of(&variation.key)),
                shown(test.relative_difference, figure::change),
                shown(test.difference, points),
                interval(test.difference_interval, points),
                Cell::toned(figure::p_value(test.p_value.get()), tone),
            ]));
        }
    }
    Some((name, Table { columns, rows }))
}

/// What is corrected for many comparisons and what is not; `None` where nothing is.
pub(super) fn correction(experiment: &Experiment) -> Option<String> {
    let variations = || experiment.metrics.iter().flat_map(|metric| &metric.variations);
    let by = |of: fn(&Variation) -> Option<&Frequentist>| {
        variations().filter_map(of).find_map(|test| test.correction.clone())
    };
    let by = if experiment.method == Method::Sequential {
        by(|v| v.sequential.as_ref())
    } else {
        by(|v| v.frequentist.as_ref())
    }?;
    Some(format!(
        "p-values and intervals of the tests are corrected: {by}; estimates, their intervals and probabilities are not"
    ))
}

/// What each agent costs in each variation, and what that comes to: where a saving in one place is
/// paid in another.
pub(super) fn costs(experiment: &Experiment) -> Option<Table> {
    if experiment.costs.is_empty() {
        return None;
    }
    let columns = vec![
        Column::words("variation, agent"),
        Column::words("model"),
        Column::number("calls").optional(1),
        Column::number("cost\nper user"),
        Column::number("against\ncontrol"),
    ];
    let mut rows = Vec::new();
    for total in &experiment.cost_totals {
        let control = total.variation == experiment.control;
        rows.push(Row::Group(
            experiment.name_of(&total.variation).to_owned(),
            if control { "control".to_owned() } else { String::new() },
        ));
        // Dearer is bad and cheaper is good, from half a percent on.
        let change = |number: Option<Number>| {
            let mut cell = if control { Cell::default() } else { shown(number, figure::change) };
            match number.map(Number::get) {
                Some(x) if x > 0.005 => cell.tone = Tone::Bad,
                Some(x) if x < -0.005 => cell.tone = Tone::Good,
                _ => {}
            }
            cell
        };
        for cost in experiment.costs.iter().filter(|cost| cost.variation == total.variation) {
            rows.push(Row::Cells(vec![
                Cell::new(&cost.agent),
                Cell::new(&cost.model),
                Cell::new(figure::count(cost.calls)),
                shown(cost.cost_per_user_usd, |x| {
                    if x == 0.0 { "free".to_owned() } else { figure::money(x) }
                }),
                change(cost.change),
            ]));
        }
        let mut sum = shown(total.cost_per_user_usd, figure::money);
        sum.tone = Tone::Strong;
        rows.push(Row::Cells(vec![
            Cell::toned("total", Tone::Strong),
            Cell::default(),
            Cell::default(),
            sum,
            change(total.change),
        ]));
    }
    Some(Table { columns, rows })
}

/// Failures by kind, a column for each variation.
pub(super) fn failures(experiment: &Experiment) -> Option<Table> {
    let mut kinds: Vec<&str> = Vec::new();
    for failure in &experiment.failures {
        if !kinds.contains(&failure.kind.as_str()) {
            kinds.push(&failure.kind);
        }
    }
    if kinds.is_empty() {
        return None;
    }
    let variations: Vec<&str> =
        experiment.exposures.0.iter().map(|(key, _)| key.as_str()).collect();
    let mut columns = vec![Column::words("failure")];
    columns.extend(variations.iter().map(|key| Column::number(experiment.name_of(key))));
    let rows = kinds.iter().map(|kind| {
        let mut cells = vec![Cell::new(*kind)];
        cells.extend(variations.iter().map(|variation| {
            let own = experiment
                .failures
                .iter()
                .filter(|failure| failure.kind == *kind && failure.variation == *variation);
            Cell::new(figure::count(own.map(|failure| failure.count).sum()))
        }));
        Row::Cells(cells)
    });
    Some(Table { columns, rows: rows.collect() })
}

/// A criterion's mark, word and meaning.
pub(super) fn held(held: Option<bool>) -> (&'static str, &'static str, Tone) {
    match held {
        Some(true) => ("✓", "held", Tone::Good),
        Some(false) => ("✗", "not held", Tone::Bad),
        None => ("?", "unknown", Tone::Warn),
    }
}

/// What was found and what was required, as one phrase.
pub(super) fn finding(line: &Because) -> String {
    match line.held {
        _ if line.declared => format!("{}, not measured", line.found),
        None => format!("{}; required {}", line.found, line.required),
        Some(_) => format!("found {}; required {}", line.found, line.required),
    }
}

/// A status's mark, word and meaning.
pub(super) fn status(status: HealthStatus) -> (&'static str, &'static str, Tone) {
    match status {
        HealthStatus::Healthy => ("✓", "healthy", Tone::Good),
        HealthStatus::Waiting => ("…", "waiting", Tone::Dim),
        HealthStatus::Warning => ("!", "warning", Tone::Warn),
        HealthStatus::Error => ("✗", "error", Tone::Bad),
    }
}

/// A verdict in capitals, and its meaning: a failed health check outranks the decision.
pub(super) fn verdict(verdict: &Verdict) -> (&'static str, Tone) {
    if verdict.trusted { decision(verdict.decision) } else { ("DO NOT TRUST", Tone::Bad) }
}

/// A decision in capitals, and its meaning.
pub(super) fn decision(decision: Decision) -> (&'static str, Tone) {
    match decision {
        Decision::Ship => ("SHIP", Tone::Good),
        Decision::Keep => ("KEEP", Tone::Bad),
        Decision::NeedMoreData => ("NEED MORE DATA", Tone::Warn),
    }
}

/// What was run, as labels and texts.
pub(super) fn provenance(report: &Report) -> Vec<(&'static str, String)> {
    let mode = match report.mode {
        Mode::Mock => "mock: nothing left this machine, nothing was paid",
        Mode::Live => "live: real providers were called and paid",
        Mode::Replay => "replay of recorded completions",
        Mode::Data => "given data: nothing was run",
    };
    let mut lines = vec![("scenario", report.scenario.clone()), ("mode", mode.to_owned())];
    if !report.backends.0.is_empty() {
        let backends: Vec<String> =
            report.backends.0.iter().map(|(what, which)| format!("{what}: {which}")).collect();
        lines.push(("backends", backends.join(", ")));
    }
    if let Some(seed) = report.seed {
        lines.push(("seed", seed.to_string()));
    }
    lines.push(("fingerprint", report.fingerprint.clone()));
    if !report.bootstrap.is_empty() {
        lines.push(("bootstrap", report.bootstrap.join(", ")));
    }
    lines
}

/// What went through the system, as labels and texts.
pub(super) fn traffic(report: &Report) -> Vec<(&'static str, String)> {
    let Some(traffic) = &report.traffic else { return Vec::new() };
    let share = |n: u64| {
        if traffic.queries == 0 {
            String::new()
        } else {
            format!(" ({})", figure::percent(n as f64 / traffic.queries as f64))
        }
    };
    let mut failed = format!("{}{}", figure::count(traffic.failed), share(traffic.failed));
    if !traffic.failures.0.is_empty() {
        let kinds: Vec<String> = traffic
            .failures
            .0
            .iter()
            .map(|(kind, n)| format!("{} {kind}", figure::count(*n)))
            .collect();
        failed += &format!(": {}", kinds.join(", "));
    }
    let mut lines = vec![
        ("queries", figure::count(traffic.queries)),
        ("succeeded", format!("{}{}", figure::count(traffic.succeeded), share(traffic.succeeded))),
        ("failed", failed),
        (
            "personal data",
            format!(
                "in {} queries{}",
                figure::count(traffic.pii_queries),
                share(traffic.pii_queries)
            ),
        ),
    ];
    if let Some(seconds) = traffic.virtual_seconds {
        let clock = if report.mode == Mode::Live { "" } else { " of virtual time" };
        lines.push(("duration", format!("{}{clock}", figure::seconds(seconds.get()))));
    }
    if let Some(cost) = traffic.cost_usd {
        let cost = figure::money(cost.get());
        lines.push(match report.mode {
            Mode::Live => ("cost", cost),
            _ => ("cost", format!("{cost} with real providers, at list prices; nothing was spent")),
        });
    }
    let live = report.live.iter().flat_map(LiveSummary::lines);
    lines
        .extend(live.enumerate().map(|(nth, line)| (if nth == 0 { "live run" } else { "" }, line)));
    lines
}

/// What became of recorded events, as labels and texts.
pub(super) fn recorded(report: &Report) -> Vec<(&'static str, String)> {
    let Some(data) = &report.data else { return Vec::new() };
    let mut lines = vec![
        (
            "events",
            format!("{} in {} lines", figure::count(data.events), figure::count(data.lines)),
        ),
        (
            "exposures",
            format!("{} of {} users", figure::count(data.exposures), figure::count(data.units)),
        ),
        (
            "metric events",
            format!(
                "{}, of which {} count",
                figure::count(data.metric_events),
                figure::count(data.used)
            ),
        ),
    ];
    for (nth, (why, count)) in data.unused.0.iter().enumerate() {
        lines.push((
            if nth == 0 { "not used" } else { "" },
            format!("{} {why}", figure::count(*count)),
        ));
    }
    if data.duplicates > 0 {
        lines.push((
            "duplicates",
            format!(
                "{} metric events were recorded before and count once",
                figure::count(data.duplicates)
            ),
        ));
    }
    if data.malformed > 0 {
        lines.push(("malformed", figure::count(data.malformed)));
        lines.extend(
            data.faults.iter().map(|fault| ("", format!("line {}: {}", fault.line, fault.reason))),
        );
        let more = data.malformed.saturating_sub(data.faults.len() as u64);
        if more > 0 {
            lines.push(("", format!("and {} more", figure::count(more))));
        }
    }
    lines
}

/// How many more users are needed, or why no number can be given; `None` when the treatment has
/// reached the threshold.
pub(super) fn users_needed(experiment: &Experiment) -> Option<String> {
    let primary = experiment.metrics.first()?;
    let (mass, reason) = (experiment.mass(), experiment.users_needed_reason.as_deref());
    match (experiment.users_needed, reason) {
        (Some(0), None) => None,
        (Some(_), Some(reason)) => Some(format!("On {}, {reason}.", primary.key)),
        (Some(users), None) => {
            let so_far: u64 = experiment.exposures.0.iter().map(|(_, users)| users).sum();
            let times = (users + so_far) as f64 / so_far.max(1) as f64;
            let times = if times >= 2.0 {
                format!(", {} times as many as so far in all,", figure::number(times))
            } else {
                String::new()
            };
            let formula = experiment.users_needed_by_formula.filter(|&other| other != users);
            let formula = formula
                .map(|other| format!(" LaunchDarkly's formula says {}.", figure::count(other)));
            Some(format!(
                "About {} more users{times} are needed before {} reaches {mass}, if the difference stays as observed. It may move: \
                 the odds of {mass} by then are about even.{}",
                figure::count(users),
                primary.key,
                formula.unwrap_or_default()
            ))
        }
        (None, reason) => {
            let reason = reason.unwrap_or("this file does not say why");
            Some(format!("How many more users {} needs cannot be said: {reason}.", primary.key))
        }
    }
}
