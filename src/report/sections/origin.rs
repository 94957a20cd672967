//! Where the numbers come from: what was run, what went through it, what was read, and what was assumed.

use crate::figure;
use crate::report::data::{DataOrigin, Report, UnreadableLine};
use crate::report::document::{Element, Fact, Level, List, Medium, Section, Slot, Title};
use crate::report::live::LiveSummary;
use crate::report::table::Tone;

/// What the whole report is about.
pub(super) fn title(report: &Report) -> Title {
    let queries = report
        .traffic
        .as_ref()
        .map(|traffic| format!("{} queries", figure::count(traffic.queries)));
    let seed = report.seed.map(|seed| format!("seed {seed}"));
    let summary: Vec<String> = queries.into_iter().chain([mode(report)]).chain(seed).collect();
    Title {
        line: format!("simlab {}", report.version),
        subject: report.scenario.clone(),
        summary: summary.join(" · "),
    }
}

pub(super) fn sections(report: &Report) -> Vec<Section<'_>> {
    let mut parts = vec![Element::Facts(provenance(report))];
    let titled = |title: &str| Section::new(title, Level::Section);
    if report.traffic.is_some() {
        parts.push(titled("Traffic").with([Element::Facts(traffic(report))]).into());
    }
    if report.data.is_some() {
        parts.push(titled("Recorded events").with([Element::Facts(recorded(report))]).into());
    }
    if report.table.is_some() {
        parts.push(titled("Table").with([Element::Facts(table(report))]).into());
    }
    if !report.assumptions.is_empty() {
        let items =
            report.assumptions.iter().map(|own| (own.what.clone(), own.source.clone())).collect();
        let list = Element::List(List { items, tone: Tone::Plain, numbered: false });
        parts.push(titled("Assumed, not measured").with([list]).into());
    }
    let section = Section::new("Where this comes from", Level::Chapter)
        .slot(Slot::Origin)
        .anchor("provenance");
    let mut sections = vec![section.folded().with(parts)];
    if report.experiments.is_empty() && report.rollouts.is_empty() {
        let note = Element::Note("There is no experiment in this report.".to_owned(), Tone::Plain);
        let none =
            Section::untitled().slot(Slot::Decision).not_in(&[Medium::Terminal, Medium::Comment]);
        sections.push(none.with([note]));
    }
    sections
}

fn mode(report: &Report) -> String {
    let words = match (report.mode, &report.live) {
        (DataOrigin::Mock, _) => "mock: nothing left this machine, nothing was paid",
        (DataOrigin::Live, Some(live)) => return live.mode(),
        (DataOrigin::Live, None) => "live: real providers were called and paid",
        (DataOrigin::Replay, _) => "replay of recorded completions",
        (DataOrigin::Data, _) => "given data: nothing was run",
    };
    words.to_owned()
}

/// What was run.
fn provenance(report: &Report) -> Vec<Fact> {
    let mut facts = vec![Fact::new("scenario", &report.scenario), Fact::new("mode", mode(report))];
    if !report.backends.0.is_empty() {
        let backends: Vec<String> =
            report.backends.0.iter().map(|(what, which)| format!("{what}: {which}")).collect();
        facts.push(Fact::new("backends", backends.join(", ")));
    }
    facts.extend(report.seed.map(|seed| Fact::new("seed", seed.to_string())));
    facts.push(Fact::new("fingerprint", &report.fingerprint));
    if !report.bootstrap.is_empty() {
        facts.push(Fact::new("bootstrap", report.bootstrap.join(", ")));
    }
    // In a terminal the title has it.
    facts.push(
        Fact::new("version", format!("simlab {}", report.version)).not_in(&[Medium::Terminal]),
    );
    facts
}

/// What went through the system.
fn traffic(report: &Report) -> Vec<Fact> {
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
    let personal =
        format!("in {} queries{}", figure::count(traffic.pii_queries), share(traffic.pii_queries));
    let queries = figure::count(traffic.queries);
    let queries = match traffic.users {
        Some(users) => format!("{queries} by {} users", figure::count(users)),
        None => queries,
    };
    let mut facts = vec![
        Fact::new("queries", queries),
        Fact::new(
            "succeeded",
            format!("{}{}", figure::count(traffic.succeeded), share(traffic.succeeded)),
        ),
        Fact::new("failed", failed),
        Fact::new("personal data", personal),
    ];
    if let Some(seconds) = traffic.virtual_seconds {
        let clock = if report.mode == DataOrigin::Live { "" } else { " of virtual time" };
        facts.push(Fact::new("duration", format!("{}{clock}", figure::seconds(seconds.get()))));
    }
    if let Some(cost) = traffic.cost_usd {
        let cost = figure::money(cost.get());
        let cost = match report.mode {
            DataOrigin::Live => cost,
            _ => format!("{cost} with real providers, at list prices; nothing was spent"),
        };
        facts.push(Fact::new("cost", cost));
    }
    let live = report.live.iter().flat_map(LiveSummary::lines).enumerate();
    facts.extend(live.map(|(nth, line)| Fact::new(if nth == 0 { "live run" } else { "" }, line)));
    facts
}

/// What became of the rows of a table.
fn table(report: &Report) -> Vec<Fact> {
    let Some(table) = &report.table else { return Vec::new() };
    let count = figure::count;
    let mut facts = vec![Fact::new(
        "rows",
        format!(
            "{}; {} of them count, for {} units",
            count(table.rows),
            count(table.used),
            count(table.units)
        ),
    )];
    let each = |(nth, (what, cells)): (usize, &(String, u64)), label: &'static str| {
        let label = if nth == 0 { label } else { "" };
        (label, what.clone(), count(*cells))
    };
    for entry in table.left_out.0.iter().enumerate() {
        let (label, why, rows) = each(entry, "left out");
        facts.push(Fact::new(label, format!("{rows} {why}")));
    }
    for entry in table.missing.0.iter().enumerate() {
        let (label, column, cells) = each(entry, "empty cells");
        facts.push(Fact::new(label, format!("{cells} in {column}")));
    }
    facts.extend(faults(table.malformed, &table.faults));
    facts
}

/// What could not be read, line by line.
fn faults(malformed: u64, faults: &[UnreadableLine]) -> Vec<Fact> {
    if malformed == 0 {
        return Vec::new();
    }
    let mut facts = vec![Fact::new("malformed", figure::count(malformed))];
    facts.extend(
        faults.iter().map(|fault| Fact::new("", format!("line {}: {}", fault.line, fault.reason))),
    );
    let more = malformed.saturating_sub(faults.len() as u64);
    if more > 0 {
        facts.push(Fact::new("", format!("and {} more", figure::count(more))));
    }
    facts
}

/// What became of recorded events.
fn recorded(report: &Report) -> Vec<Fact> {
    let Some(data) = &report.data else { return Vec::new() };
    let count = figure::count;
    let mut facts = vec![
        Fact::new("events", format!("{} in {} lines", count(data.events), count(data.lines))),
        Fact::new("exposures", format!("{} of {} users", count(data.exposures), count(data.units))),
        Fact::new(
            "metric events",
            format!("{}; {} of them count", count(data.metric_events), count(data.used)),
        ),
    ];
    for (nth, (why, events)) in data.unused.0.iter().enumerate() {
        facts.push(Fact::new(
            if nth == 0 { "not used" } else { "" },
            format!("{} {why}", count(*events)),
        ));
    }
    if data.duplicates > 0 {
        let text =
            format!("{} metric events were recorded before and count once", count(data.duplicates));
        facts.push(Fact::new("duplicates", text));
    }
    facts.extend(faults(data.malformed, &data.faults));
    facts
}
