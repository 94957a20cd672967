//! The page: settings, the field of dots, the report.
//!
//! Guarantees: every setting has a label and works without a script; texts of scenarios and links
//! are escaped.
//!
//! Does not know: what a report says; `report` draws it.

use maud::{Markup, PreEscaped, html};

use super::knob::Knob;
use super::state::PageState;
use crate::diagnostic::{Diagnostic, render};
use crate::report::escape::plain;
use crate::report::{Report, ReportedExperiment, html_page, report_style, to_html_part};
use crate::scenario::Scenario;
use crate::time::Duration;
use crate::verdict::Decision;

/// What the page's script does.
pub const SCRIPT: &str = include_str!("play.js");

/// The page's style: that of reports, and its own.
#[must_use]
pub fn style() -> String {
    [report_style(), include_str!("play.css")].concat()
}

/// What the settings lead to.
#[derive(Debug)]
pub enum Shown {
    /// A report, and how long it took.
    Report(Box<Report>, Duration),
    /// What is wrong with the settings.
    Faults(Vec<Diagnostic>),
}

/// The part of the page that follows the settings. Its first element says it in a line.
#[must_use]
pub fn result(shown: &Shown) -> String {
    let part = match shown {
        Shown::Report(report, took) => {
            let verdicts = report.experiments.iter().filter_map(|own| own.verdict.as_ref());
            let headlines: Vec<String> = verdicts.clone().map(|own| plain(&own.headline)).collect();
            let decided = verdicts.map(|own| own.decision).next();
            let chance = report.experiments.first().and_then(chance);
            html! {
                p.said.small.dim data-said=(headlines.join(" ")) data-decided=[decided.map(class)] data-chance=[chance] { "Simulated in " (took.us() / 1000) " ms." }
                (PreEscaped(to_html_part(report)))
            }
        }
        Shown::Faults(faults) => html! {
            div.verdict.bad data-said="These settings cannot be run." {
                p.word.bad { "NOT RUN" }
                p.headline { "These settings cannot be run." }
                pre tabindex="0" role="region" aria-label="What is wrong with the settings" { (render(faults, false)) }
            }
        },
    };
    part.into_string()
}

/// The probability to beat the control on the primary metric, and how sure a result has to be.
fn chance(experiment: &ReportedExperiment) -> Option<String> {
    let mut treatments = experiment.metrics.first()?.variations.iter();
    let own = treatments.find(|own| own.key != experiment.control)?;
    let chance = own.probability_to_beat_control?.get();
    Some(format!("{chance:.4} {:.4}", experiment.threshold))
}

/// The class of a dot with this decision.
fn class(decision: Decision) -> &'static str {
    match decision {
        Decision::Ship => "ship",
        Decision::Keep => "keep",
        Decision::NeedMoreData => "open",
    }
}

/// The whole page.
#[must_use]
pub fn whole(scenario: &Scenario, knobs: &[Knob], state: &PageState, shown: &Shown) -> String {
    let query = state.query();
    let name = plain(&scenario.name);
    let head = html! {
        title { (name) " · simlab play" }
        link rel="icon" href="data:,";
        link rel="stylesheet" href="/play.css";
        script src="/play.js" defer {}
    };
    let body = html! {
        body.play {
            a.skip href="#results" { "Skip to the verdict" }
            header {
                h1 { (name) }
                p.dim { (plain(&scenario.title)) " · " a href="/learn" { "The course" } }
            }
            div.desk {
                form #knobs action="/" method="get" novalidate autocomplete="off" aria-label="Settings" {
                    (actions(&query, state))
                    (settings(knobs, state))
                }
                main #main {
                    p #status.small role="status" {}
                    // Its numbers are those of the status line, look after look.
                    svg #walk.chart hidden viewBox="0 0 320 112" aria-hidden="true" {
                        line.threshold.high x1="4" x2="316" {} line.threshold.low x1="4" x2="316" {}
                        polyline.thin.arm1 {} polyline.curve.arm1 {}
                        circle r="5" {}
                        text.tick x="4" y="110" { "Probability to beat the control, as users arrive" }
                    }
                    ol #line hidden aria-label="The verdict each time somebody looked" {}
                    section #dots aria-label="The same experiment many times" {
                        noscript { p.small.dim { "Without JavaScript the field of runs is not filled; " code { "simlab power" } " counts verdicts in a terminal." } }
                    }
                    div #results { (PreEscaped(result(shown))) }
                }
            }
            footer { p.dim.small { "Everything on this page is computed on this machine by " code { "simlab play" } ", with the engine of " code { "simlab run" } ". Nothing is sent anywhere." } }
        }
    };
    html_page(&head, &body)
}

/// What can be done with the settings as a whole.
fn actions(query: &str, state: &PageState) -> Markup {
    let file = if query.is_empty() {
        "/scenario.ron".to_owned()
    } else {
        format!("/scenario.ron?{query}")
    };
    html! {
        div.actions {
            label.toggle { input type="checkbox" name="truth" value="1" checked[state.truth]; " Show the true effect" }
            button type="submit" class="without-script" { "Run" }
            button #watch type="button" hidden { "Watch users arrive" }
            button #copy type="button" hidden { "Copy as scenario" }
            a.button #file href=(file) download { "Download" }
            a.button href="/" { "Reset" }
        }
        p.small.dim { "The address of this page restores these settings." }
    }
}

/// The settings in their groups; the first ones and those that differ are open.
fn settings(knobs: &[Knob], state: &PageState) -> Markup {
    let mut groups: Vec<(&str, Vec<&Knob>)> = Vec::new();
    for knob in knobs {
        match groups.iter_mut().find(|(name, _)| *name == knob.group) {
            Some((_, own)) => own.push(knob),
            None => groups.push((&knob.group, vec![knob])),
        }
    }
    let open = |nth: usize, own: &[&Knob]| {
        nth < 2 || own.iter().any(|knob| state.changed(&knob.id).is_some())
    };
    html! {
        @for (nth, (group, own)) in groups.iter().enumerate() {
            details open[open(nth, own)] {
                summary { (plain(group)) }
                @for knob in own { (setting(knob, state)) }
            }
        }
    }
}

fn setting(knob: &Knob, state: &PageState) -> Markup {
    let value = state.value(knob);
    let id = format!("k-{}", knob.id);
    let label = plain(&knob.label);
    html! {
        div.knob {
            label for=(id) { (label) }
            span.entry {
                input type="text" inputmode="decimal" id=(id) name=(knob.id) value=(value) data-own=(knob.value) maxlength="40" spellcheck="false";
                @if !knob.unit.is_empty() { span.dim.small { (knob.unit) } }
            }
            @if let Some([from, to, step]) = knob.range {
                input type="range" min=(from) max=(to) step=(step) value=(value) data-of=(id) aria-label=(label) hidden;
            }
        }
    }
}
