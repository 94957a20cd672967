//! The page from top to bottom: the decisions, links to the parts, then the parts.
//!
//! Does not know: what a report says, or how a chart is drawn.

use maud::{Markup, PreEscaped, html};

use super::frame::html_page;
use super::graph;
use super::parts::{checklist, class, drawn, facts, figure, legend, table};
use super::scorecard::scorecard;
use super::words::PageWords;
use crate::report::data::Report;
use crate::report::document::{
    DecisionBox, Element, Gallery, Level, List, Medium, Section, Slot, Title,
};
use crate::report::escape::plain;
use crate::report::sections::document;

/// The page's style; the page loads nothing.
pub(super) const STYLE: &str = include_str!("style.css");
/// Nothing may be loaded or run, whatever slips into the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The report as one self-contained HTML document.
#[must_use]
pub fn to_html(report: &Report) -> String {
    document_to_html(&document(report))
}

/// The report without header and footer, as a part of another page that has the style.
#[must_use]
pub fn to_html_part(report: &Report) -> String {
    main_part(&document(report)).into_string()
}

/// What was decided, with its numbers, as a part of another page that has the style; `prefix` makes
/// its ids unique there.
#[must_use]
pub(crate) fn scorecards_to_html(report: &Report, prefix: &str) -> String {
    let document = document(report);
    let (mut builder, decided) = Builder::decided(&document, prefix);
    let decided: Vec<Markup> =
        decided.into_iter().map(|element| builder.element(element, "")).collect();
    html! { @for decision in &decided { (decision) } (builder.words.explanations()) }.into_string()
}

/// The style of a page with a report.
#[must_use]
pub fn report_style() -> &'static str {
    STYLE
}

/// What was decided, links to the parts, and the parts.
fn main_part(document: &[Element<'_>]) -> Markup {
    let (mut builder, decided) = Builder::decided(document, "");
    let decided: Vec<Markup> =
        decided.into_iter().map(|element| builder.element(element, "")).collect();
    let parts = builder.elements(document, "");
    html! {
        @for decision in &decided { (decision) }
        (contents(document))
        (parts)
        (builder.words.explanations())
    }
}

/// A document as one self-contained HTML document.
fn document_to_html(document: &[Element<'_>]) -> String {
    let title = document
        .iter()
        .find_map(|element| if let Element::Title(title) = element { Some(title) } else { None });
    let Title { line, subject, summary } = title.cloned().unwrap_or_default();
    let head = html! {
        meta name="referrer" content="no-referrer";
        meta http-equiv="Content-Security-Policy" content=(POLICY);
        meta name="generator" content=(plain(&line));
        title { (plain(&subject)) " · simlab" }
        style { (PreEscaped(STYLE)) }
    };
    let body = html! {
        body {
            a.skip href="#main" { "Skip to the verdict" }
            header {
                h1 { (plain(&subject)) }
                p.dim.small { (plain(&summary)) }
            }
            main #main { (main_part(document)) }
            footer { p.dim.small { "Rendered by " (plain(&line)) ". The page is complete in itself and runs no script. Dotted words open an explanation; " code { "simlab explain TERM" } " has the same in a terminal." } }
        }
    };
    let mut text = html_page(&head, &body);
    text.push('\n');
    text
}

/// What is decided in these elements and in their sections: it stands at the top of the page.
fn decisions<'e, 'r>(elements: &'e [Element<'r>]) -> Vec<&'e Element<'r>> {
    let mut found = Vec::new();
    for element in Medium::Page.order(elements) {
        match element {
            Element::Section(section) if section.slot == Slot::Decision => {
                found.extend(&section.elements)
            }
            Element::Section(section) => found.extend(decisions(&section.elements)),
            _ => {}
        }
    }
    found
}

/// Links to the parts.
fn contents(document: &[Element<'_>]) -> Markup {
    let sections = Medium::Page.order(document).into_iter();
    let links = sections.filter_map(|element| {
        let Element::Section(section) = element else { return None };
        Some((section.anchor.as_ref()?, &section.title))
    });
    html! {
        nav aria-label="Contents" {
            ul { @for (anchor, title) in links { li { a href={ "#" (anchor) } { (plain(title)) } } } }
        }
    }
}

/// Elements being written.
struct Builder {
    /// What ids begin with.
    prefix: String,
    /// Experiments so far.
    experiments: usize,
    /// Decisions so far.
    decisions: usize,
    /// Whether there are several decisions, so that each needs its name.
    several: bool,
    words: PageWords,
}

impl Builder {
    /// For a document, and what is decided in it.
    fn decided<'e, 'r>(document: &'e [Element<'r>], prefix: &str) -> (Self, Vec<&'e Element<'r>>) {
        let decided = decisions(document);
        let boxes = decided.iter().filter(|element| matches!(element, Element::Decision(_)));
        let builder = Self {
            prefix: prefix.to_owned(),
            experiments: 0,
            decisions: 0,
            several: boxes.count() > 1,
            words: PageWords::of(document, prefix),
        };
        (builder, decided)
    }

    /// The elements below this heading, without decisions.
    fn elements(&mut self, elements: &[Element<'_>], heading: &str) -> Markup {
        let shown = Medium::Page.order(elements).into_iter();
        let shown = shown.filter(
            |element| !matches!(element, Element::Section(own) if own.slot == Slot::Decision),
        );
        let all: Vec<Markup> = shown.map(|element| self.element(element, heading)).collect();
        html! { @for one in &all { (one) } }
    }

    fn element(&mut self, element: &Element<'_>, heading: &str) -> Markup {
        match element {
            Element::Title(_) => html! {},
            Element::Section(own) => self.section(own),
            Element::Note(text, tone) => {
                html! { p class={ "small " (class(*tone)) } { (self.words.text(text)) } }
            }
            Element::Facts(own) => facts(own),
            Element::Table(own) => table(heading, own, &self.words),
            Element::Checklist(own) => checklist(own, &self.words),
            Element::List(own) => list(own, &self.words),
            Element::Lines(lines) => html! { @for line in lines { p.small { (plain(line)) } } },
            Element::Decision(own) => self.decision(own),
            Element::Scorecard(own) => {
                let id = format!("{}health-{}", self.prefix, self.decisions);
                scorecard(own, &id, &self.words)
            }
            Element::Gallery(own) => self.gallery(own),
            Element::Graph(own) => html! { (PreEscaped(graph::drawing(own))) },
        }
    }

    /// A section with its heading; neither where it has nothing to show.
    fn section(&mut self, section: &Section<'_>) -> Markup {
        if section.level == Level::Experiment {
            self.experiments += 1;
        }
        let inside = self.elements(&section.elements, &section.title);
        if inside.0.is_empty() {
            return inside;
        }
        let title = plain(&section.title);
        let all = html! {
            @if !title.is_empty() {
                @match section.level {
                    Level::Experiment | Level::Chapter => h2 { (title) },
                    Level::Section => h3 { (title) },
                    Level::Detail => h4 { (title) },
                }
            }
            (inside)
        };
        match &section.anchor {
            Some(anchor) => html! { section id=(anchor) { (all) } },
            None => all,
        }
    }

    /// A decision in plain language.
    fn decision(&mut self, decision: &DecisionBox) -> Markup {
        self.decisions += 1;
        let (tone, name) = (class(decision.tone), plain(&decision.name));
        html! {
            section #{ (self.prefix) "verdict-" (self.decisions) } class={ "verdict " (tone) } aria-label={ (decision.label) (name) } {
                p class={ "word " (tone) } { (decision.word) @if self.several { " · " (name) } }
                p.headline { (self.words.text(&decision.headline)) }
                @for (text, tone) in &decision.lines { p class=[Some(class(*tone)).filter(|class| !class.is_empty())] { (self.words.text(text)) } }
            }
        }
    }

    /// Charts side by side; nothing where there are none.
    fn gallery(&mut self, gallery: &Gallery<'_>) -> Markup {
        let experiment = gallery.experiment;
        let charts = gallery.pictures.iter().map(|picture| {
            let chart =
                drawn(experiment, picture.chart, &format!("e{}-{}", self.experiments, picture.id));
            figure(&picture.name, &picture.remark, chart, &self.words)
        });
        let charts: Vec<Markup> = charts.filter(|chart| !chart.0.is_empty()).collect();
        html! {
            @if !charts.is_empty() {
                p.dim.small { (plain(&gallery.lead)) }
                (legend(experiment))
                div.charts { @for chart in &charts { (chart) } }
            }
        }
    }
}

fn list(list: &List, words: &PageWords) -> Markup {
    let bullets = |at: usize| if list.numbered { format!("{}) ", at + 1) } else { String::new() };
    let class = Some(class(list.tone)).filter(|class| !class.is_empty());
    html! {
        ul class=[class] {
            @for (at, (text, remark)) in list.items.iter().enumerate() {
                li { (bullets(at)) (words.text(text)) @if !remark.is_empty() { span.dim { " (" (plain(remark)) ")" } } }
            }
        }
    }
}
