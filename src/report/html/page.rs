//! The page from top to bottom: the verdict, then why, then the evidence, then where all of it
//! comes from.
//!
//! Does not know: how a chart is drawn.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::parts::{badge, class, facts, figure, figures, table};
use super::{charts, flow};
use crate::analysis::HealthStatus;
use crate::figure as numbers;
use crate::report::beside;
use crate::report::charts::Distribution;
use crate::report::data::{Experiment, Metric, Report};
use crate::report::escape::plain;
use crate::report::format;
use crate::report::rollout::Rollout;
use crate::report::table::Tone;

/// The page's style; the page loads nothing.
pub(super) const STYLE: &str = include_str!("style.css");
/// Nothing may be loaded or run, whatever slips into the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The report as one self-contained HTML document.
#[must_use]
pub fn to_html(report: &Report) -> String {
    let several = report.experiments.len() > 1;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="generator" content={ "simlab " (plain(&report.version)) };
                title { (plain(&report.scenario)) " · simlab" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#main" { "Skip to the verdict" }
                header {
                    h1 { (plain(&report.scenario)) }
                    p.dim.small { (subtitle(report)) }
                }
                main #main {
                    @for (nth, experiment) in report.experiments.iter().enumerate() { (verdict(experiment, nth, several)) }
                    @for rollout in &report.rollouts { (ending(rollout)) }
                    @if report.experiments.is_empty() && report.rollouts.is_empty() { p { "There is no experiment in this report." } }
                    (contents(report))
                    @for (nth, experiment) in report.experiments.iter().enumerate() { (section(experiment, nth)) }
                    @for part in beside::of_report(report) { h2 { (part.title) } (beside_part(&part)) }
                    (expectations(report))
                    (provenance(report))
                }
                footer { p.dim.small { "Rendered by simlab " (plain(&report.version)) ". The page is complete in itself and runs no script; `simlab explain TERM` explains its words." } }
            }
        }
    };
    let mut text = page.into_string();
    text.push('\n');
    text
}

/// What this is, in one line.
fn subtitle(report: &Report) -> String {
    let mut parts = Vec::new();
    if let Some(traffic) = &report.traffic {
        parts.push(format!("{} queries", numbers::count(traffic.queries)));
    }
    let lines = format::provenance(report);
    parts.extend(lines.iter().filter(|(label, _)| *label == "mode").map(|(_, text)| text.clone()));
    parts.extend(report.seed.map(|seed| format!("seed {seed}")));
    plain(&parts.join(" · "))
}

/// The verdict in plain language.
fn verdict(experiment: &Experiment, nth: usize, several: bool) -> Markup {
    let Some(verdict) = &experiment.verdict else {
        return html! {
            section.verdict #{ "verdict-" (nth + 1) } aria-label={ "Verdict on " (plain(&experiment.name)) } {
                p.word.dim { "NO VERDICT" @if several { " · " (plain(&experiment.name)) } }
                p.headline { "No decision rule was given, so there is no verdict." }
            }
        };
    };
    let (word, tone) = format::verdict(verdict);
    let doubtful = verdict.doubtful(&experiment.health);
    html! {
        section #{ "verdict-" (nth + 1) } class={ "verdict " (class(tone)) } aria-label={ "Verdict on " (plain(&experiment.name)) } {
            p class={ "word " (class(tone)) } { (word) @if several { " · " (plain(&experiment.name)) } }
            p.headline { (plain(&verdict.headline)) }
            @if let Some(said) = verdict.would_have_been() { p { (plain(&said)) } }
            @if let Some(hindsight) = &verdict.hindsight { p class=(if hindsight.right == Some(false) { "bad" } else { "" }) { (plain(&hindsight.message)) } }
            @if !doubtful.is_empty() { p.warn { "Before you trust it, look at the health of: " (plain(&doubtful.join(", "))) "." } }
        }
    }
}

/// How a guarded rollout ended, as a verdict.
fn ending(rollout: &Rollout) -> Markup {
    let tone = class(rollout.outcome.tone());
    html! {
        section class={ "verdict " (tone) } aria-label={ "Rollout of " (plain(&rollout.to)) } {
            p class={ "word " (tone) } { (rollout.outcome.word()) }
            p.headline { (plain(&rollout.message)) }
        }
    }
}

/// Links to the parts.
fn contents(report: &Report) -> Markup {
    html! {
        nav aria-label="Contents" {
            ul {
                @for (nth, experiment) in report.experiments.iter().enumerate() { li { a href={ "#experiment-" (nth + 1) } { (plain(&experiment.name)) } } }
                @if !report.expectations.is_empty() { li { a href="#expected" { "Expected by the scenario" } } }
                li { a href="#provenance" { "Where this comes from" } }
            }
        }
    }
}

/// Everything about one experiment.
fn section(experiment: &Experiment, nth: usize) -> Markup {
    let id = |part: &str, at: usize| format!("e{}-{part}{at}", nth + 1);
    html! {
        section #{ "experiment-" (nth + 1) } {
            h2 { (plain(&experiment.name)) }
            @if !experiment.hypothesis.is_empty() { p { span.dim { "Hypothesis: " } (plain(&experiment.hypothesis)) } }
            (rule(experiment))
            (health(experiment))
            (results(experiment, &id))
            (way(experiment, &id))
            (costs(experiment, &id))
            (spreads(experiment, &id))
            (failures(experiment, &id))
        }
    }
}

/// The decision rule as a checklist.
fn rule(experiment: &Experiment) -> Markup {
    html! {
        @if let Some(verdict) = &experiment.verdict {
            h3 { "Decision rule" }
            ul.checks {
                @for line in &verdict.because {
                    li style={ "margin-left:" (line.depth.min(8)) "rem" } {
                        (badge(format::held(line.held)))
                        div { strong { (plain(&line.criterion)) } div.dim.small { (plain(&format::finding(line))) } }
                    }
                }
                @for warning in &verdict.rule_warnings {
                    li.wide { (badge(("!", "warning", Tone::Warn))) div { (plain(warning)) } }
                }
            }
        }
    }
}

/// Health checks, the doubtful ones in full.
fn health(experiment: &Experiment) -> Markup {
    let mut checks: Vec<_> = experiment.health.iter().collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.status));
    html! {
        @if !checks.is_empty() {
            h3 { "Health" }
            ul.checks.many {
                @for check in checks {
                    li class=(if check.status > HealthStatus::Waiting { "wide" } else { "" }) { (badge(format::status(check.status))) div { strong { (plain(&check.check)) } div.dim.small { (plain(&check.message)) } } }
                }
            }
        }
    }
}

/// Relative differences and posteriors.
fn results(experiment: &Experiment, id: &dyn Fn(&str, usize) -> String) -> Markup {
    let mass = experiment.mass();
    let truth = experiment
        .metrics
        .iter()
        .flat_map(|metric| &metric.variations)
        .any(|own| own.truth.is_some());
    let diamonds = if truth {
        " A diamond is the effect on users: everybody through that variation."
    } else {
        ""
    };
    let difference = figure(
        &format!("Change against {}", experiment.name_of(&experiment.control)),
        &format!(
            "square: estimate; bar: {mass} interval; left of the zero line is less, right is more; arrows point at what lies further out.{diamonds}"
        ),
        charts::differences(experiment, &id("change", 0)),
    );
    let densities: Vec<Markup> = experiment
        .metrics
        .iter()
        .enumerate()
        .map(|(at, metric)| {
            figure(
                &metric.key,
                &metric.remark(),
                charts::densities(experiment, metric, &id("density", at)),
            )
        })
        .collect();
    let lead = format!(
        "How plausible each true value is after the data: the higher the curve, the more plausible. The filled part holds {mass}.{diamonds}"
    );
    html! {
        (figures("Differences", "What switching from the control changes, in percent of the control.", experiment, &[difference]))
        @for treatment in experiment.treatments() {
            @let title = format!("{} against {}", experiment.name_of(treatment), experiment.name_of(&experiment.control));
            h4 { (plain(&title)) }
            (table(&title, &format::changes(experiment, treatment)))
        }
        @if let Some(sentence) = format::users_needed(experiment) { p.dim.small { (plain(&sentence)) } }
        @if let Some((name, tests)) = format::tests(experiment) {
            h4 { (name) }
            (table(name, &tests))
            @if let Some(sentence) = format::correction(experiment) { p.dim.small { (plain(&sentence)) } }
        }
        (figures("Estimates", &lead, experiment, &densities))
        @for part in beside::of_experiment(experiment) { h4 { (part.title) } (beside_part(&part)) }
        h4 { "Each variation" }
        (table("Each variation", &format::variations(experiment)))
        @for reason in format::reasons(experiment) { p.warn.small { (plain(&reason)) } }
    }
}

/// A table and the sentence below it.
fn beside_part(part: &beside::Part) -> Markup {
    html! {
        @if !part.table.rows.is_empty() { (table(part.title, &part.table)) }
        @if let Some(note) = &part.note { p class={ "small " (class(part.tone)) } { (plain(note)) } }
    }
}

/// Results as users arrived.
fn way(experiment: &Experiment, id: &dyn Fn(&str, usize) -> String) -> Markup {
    let Some(series) = &experiment.over_time else { return html! {} };
    let metric = |key: &str| experiment.metrics.iter().find(|metric| metric.key == key);
    let all: Vec<Markup> = series
        .metrics
        .iter()
        .enumerate()
        .filter_map(|(at, own)| {
            let metric = metric(&own.key)?;
            Some(figure(
                &own.key,
                &metric.remark(),
                flow::over_time(experiment, metric, own, &series.users, &id("time", at)),
            ))
        })
        .collect();
    let lead = format!(
        "What each of {} looks at the data would have shown; the verdict rests on the last, larger mark alone. Dashed lines: {} and its complement. A line that crosses them and comes back is why peeking misleads.",
        series.users.len(),
        experiment.mass()
    );
    figures("As users arrived", &lead, experiment, &all)
}

/// What a user costs, agent by agent.
fn costs(experiment: &Experiment, id: &dyn Fn(&str, usize) -> String) -> Markup {
    let mut all: Vec<Markup> = experiment
        .cost_totals
        .iter()
        .enumerate()
        .map(|(at, total)| {
            figure(
                experiment.name_of(&total.variation),
                "dollars per exposed user",
                flow::costs(experiment, &total.variation, &id("cost", at)),
            )
        })
        .collect();
    all.extend(experiment.treatments().enumerate().map(|(at, treatment)| {
        let name = format!(
            "From {} to {}",
            experiment.name_of(&experiment.control),
            experiment.name_of(treatment)
        );
        figure(
            &name,
            "what each agent adds to the difference",
            flow::cost_changes(experiment, treatment, &id("bridge", at)),
        )
    }));
    html! {
        (figures("Cost by agent", "Where a saving in one place is paid in another.", experiment, &all))
        @if let Some(costs) = format::costs(experiment) { (table("Cost by agent", &costs)) }
    }
}

/// How values are spread, latencies first.
fn spreads(experiment: &Experiment, id: &dyn Fn(&str, usize) -> String) -> Markup {
    let metric = |key: &str| experiment.metrics.iter().find(|metric| metric.key == key);
    let own = experiment.distributions.iter().enumerate();
    let mut all: Vec<(usize, &Distribution, &Metric)> =
        own.filter_map(|(at, own)| Some((at, own, metric(&own.metric)?))).collect();
    all.sort_by_key(|(_, _, metric)| metric.unit != "ms");
    let all: Vec<Markup> = all
        .into_iter()
        .map(|(at, own, metric)| {
            let unit =
                if metric.unit == "ms" { "latency of each user" } else { "each user's value" };
            figure(
                &metric.key,
                unit,
                charts::distribution(experiment, metric, own, &id("spread", at)),
            )
        })
        .collect();
    let lead = "The share of users at each value; dotted lines are 95th percentiles. Where values are far apart, the axis grows in proportion.";
    figures("Latency and other distributions", lead, experiment, &all)
}

/// Failures by kind.
fn failures(experiment: &Experiment, id: &dyn Fn(&str, usize) -> String) -> Markup {
    let chart = figure(
        "Failed requests",
        "share of the exposed users, with counts",
        charts::failures(experiment, &id("failure", 0)),
    );
    html! {
        (figures("Failures", "Requests that got no answer count against the variation that the user was in.", experiment, &[chart]))
        @if let Some(failures) = format::failures(experiment) { (table("Failures", &failures)) }
    }
}

/// The scenario's expectations.
fn expectations(report: &Report) -> Markup {
    html! {
        @if !report.expectations.is_empty() {
            section #expected {
                h2 { "Expected by the scenario" }
                ul.checks {
                    @for own in &report.expectations {
                        li {
                            (badge(if own.passed { ("✓", "met", Tone::Good) } else { ("✗", "not met", Tone::Bad) }))
                            div { strong { (plain(&own.name)) } @if !own.passed { div.dim.small { (plain(&own.message)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// Where all of it comes from.
fn provenance(report: &Report) -> Markup {
    let mut lines = format::provenance(report);
    lines.push(("version", format!("simlab {}", report.version)));
    html! {
        section #provenance {
            h2 { "Where this comes from" }
            (facts(&lines))
            @if report.traffic.is_some() { h3 { "Traffic" } (facts(&format::traffic(report))) }
            @if report.data.is_some() { h3 { "Recorded data" } (facts(&format::recorded(report))) }
            @if !report.assumptions.is_empty() {
                h3 { "Assumed, not measured" }
                ul { @for own in &report.assumptions { li { (plain(&own.what)) span.dim { " (" (plain(&own.source)) ")" } } } }
            }
        }
    }
}
