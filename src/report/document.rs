//! A report as a document: elements that say what is shown, in which order and with which meaning,
//! and know no format.
//!
//! Guarantees: each renderer (text, Markdown, HTML) maps every kind of element, so a section that
//! is added shows in all of them.
//!
//! Does not know: what a report says (`sections` does), or how anything looks.

use super::charts::{Distribution, MetricOverTime};
use super::data::{ReportedExperiment, ReportedMetric};
use super::graph::DrawnGraph;
use super::table::{Cell, Table, Tone};

/// A piece of a document.
#[derive(Clone, Debug)]
pub(crate) enum Element<'r> {
    /// What the whole document is about; it comes first.
    Title(Title),
    /// Elements under a heading.
    Section(Section<'r>),
    /// A sentence or a paragraph.
    Note(String, Tone),
    /// Labels with their texts.
    Facts(Vec<Fact>),
    /// Rows and columns.
    Table(Table),
    /// What was checked and how that came out.
    Checklist(Checklist),
    /// Texts, one below the other.
    List(List),
    /// Lines that are shown as they are.
    Lines(Vec<String>),
    /// A decision, framed.
    Decision(DecisionBox),
    /// The results at a glance, for a page: text and Markdown have the same in tables.
    Scorecard(Scorecard<'r>),
    /// Charts side by side. Formats without drawings leave them out: their numbers are in tables.
    Gallery(Gallery<'r>),
    /// The graph of agents: a tree of text, or a drawing.
    Graph(&'r DrawnGraph),
}

/// What the whole document is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Title {
    /// The first line in a terminal: `simlab 0.1.0`.
    pub(crate) line: String,
    /// The heading of a page.
    pub(crate) subject: String,
    /// The line below it.
    pub(crate) summary: String,
}

/// Elements under a heading.
#[derive(Clone, Debug)]
pub(crate) struct Section<'r> {
    /// The heading; empty for none.
    pub(crate) title: String,
    /// How prominent the heading is.
    pub(crate) level: Level,
    /// Its place among the elements around it.
    pub(crate) slot: Slot,
    /// Whether a comment on a pull request folds it away.
    pub(crate) folded: bool,
    /// Where it is not shown.
    pub(crate) not_in: &'static [Medium],
    /// The target of a link to it, from the contents of a page.
    pub(crate) anchor: Option<String>,
    /// What it holds.
    pub(crate) elements: Vec<Element<'r>>,
}

/// How prominent a heading is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// An experiment.
    Experiment,
    /// A part of the document next to the experiments.
    Chapter,
    /// A part of an experiment or of a chapter.
    Section,
    /// One table of several that belong together.
    Detail,
}

/// What an element is for. A medium orders the elements of a section by it: a page begins with what
/// was decided, a terminal ends with it, because the end of the output is what it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// What was decided.
    Decision,
    /// What the numbers are about.
    Subject,
    /// Why it was decided.
    Reasons,
    /// What was found: most elements.
    Evidence,
    /// Where the numbers come from.
    Origin,
}

/// Where a document is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Medium {
    /// Text at a prompt.
    Terminal,
    /// Markdown in a comment on a pull request.
    Comment,
    /// HTML in a browser.
    Page,
}

impl Medium {
    /// The elements that are shown, in this medium's order.
    pub(crate) fn order<'e, 'r>(self, elements: &'e [Element<'r>]) -> Vec<&'e Element<'r>> {
        let order = match self {
            Self::Terminal => {
                [Slot::Origin, Slot::Subject, Slot::Evidence, Slot::Reasons, Slot::Decision]
            }
            Self::Comment | Self::Page => {
                [Slot::Decision, Slot::Subject, Slot::Reasons, Slot::Evidence, Slot::Origin]
            }
        };
        let within = |slot: Slot| {
            elements.iter().filter(move |element| match element {
                Element::Section(section) => {
                    section.slot == slot && !section.not_in.contains(&self)
                }
                _ => slot == Slot::Evidence,
            })
        };
        let (titles, rest): (Vec<_>, Vec<_>) = order
            .into_iter()
            .flat_map(within)
            .partition(|element| matches!(element, Element::Title(_)));
        titles.into_iter().chain(rest).collect()
    }
}

impl<'r> Section<'r> {
    /// A section of evidence under this heading.
    pub(crate) fn new(title: impl Into<String>, level: Level) -> Self {
        Self {
            title: title.into(),
            level,
            slot: Slot::Evidence,
            folded: false,
            not_in: &[],
            anchor: None,
            elements: Vec::new(),
        }
    }

    /// Elements without a heading, which continue what is above them.
    pub(crate) fn untitled() -> Self {
        Self::new("", Level::Detail)
    }

    pub(crate) fn slot(self, slot: Slot) -> Self {
        Self { slot, ..self }
    }

    pub(crate) fn folded(self) -> Self {
        Self { folded: true, ..self }
    }

    pub(crate) fn not_in(self, not_in: &'static [Medium]) -> Self {
        Self { not_in, ..self }
    }

    pub(crate) fn anchor(self, anchor: impl Into<String>) -> Self {
        Self { anchor: Some(anchor.into()), ..self }
    }

    /// The section with these elements at its end.
    pub(crate) fn with(mut self, elements: impl IntoIterator<Item = Element<'r>>) -> Self {
        self.elements.extend(elements);
        self
    }
}

impl<'r> From<Section<'r>> for Element<'r> {
    fn from(section: Section<'r>) -> Self {
        Self::Section(section)
    }
}

/// A label with its text. An empty label continues the one above.
#[derive(Clone, Debug)]
pub(crate) struct Fact {
    pub(crate) label: String,
    pub(crate) text: String,
    /// Where it is not shown.
    pub(crate) not_in: &'static [Medium],
}

impl Fact {
    pub(crate) fn new(label: impl Into<String>, text: impl Into<String>) -> Self {
        Self { label: label.into(), text: text.into(), not_in: &[] }
    }

    pub(crate) fn not_in(self, not_in: &'static [Medium]) -> Self {
        Self { not_in, ..self }
    }
}

/// How a check came out, in each medium's way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mark {
    /// One letter: `✓`.
    pub(crate) sign: &'static str,
    /// The same as a word: `held`.
    pub(crate) word: &'static str,
    /// What it means.
    pub(crate) tone: Tone,
    /// The same in Markdown.
    pub(crate) comment: &'static str,
}

/// What was checked.
#[derive(Clone, Debug)]
pub(crate) struct Checklist {
    /// The checks.
    pub(crate) rows: Vec<CheckRow>,
    /// Columns that the words of its marks may take.
    pub(crate) words: usize,
    /// Whether a name is enough for what is fine; comments then leave that out.
    pub(crate) brief: bool,
}

/// One check.
#[derive(Clone, Debug)]
pub(crate) struct CheckRow {
    pub(crate) mark: Mark,
    /// What was checked; empty for a warning about the checks themselves.
    pub(crate) name: String,
    /// What was found.
    pub(crate) detail: String,
    /// The same as columns, for media with room.
    pub(crate) compared: Option<Compared>,
    /// How many groups of checks it is in.
    pub(crate) depth: usize,
}

impl CheckRow {
    /// A warning about the checks.
    pub(crate) fn warning(word: &'static str, text: &str) -> Self {
        let mark = Mark { sign: "!", word, tone: Tone::Warn, comment: "⚠️" };
        Self { mark, name: String::new(), detail: text.to_owned(), compared: None, depth: 0 }
    }
}

/// What was found and what is required.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub(crate) found: String,
    pub(crate) required: String,
    /// A remark on the name.
    pub(crate) remark: &'static str,
}

/// Texts, one below the other.
#[derive(Clone, Debug)]
pub(crate) struct List {
    /// Each text with a remark on it, which may be empty.
    pub(crate) items: Vec<(String, String)>,
    /// What they mean.
    pub(crate) tone: Tone,
    /// Whether they have numbers, from 1.
    pub(crate) numbered: bool,
}

/// A decision, framed.
#[derive(Clone, Debug)]
pub(crate) struct DecisionBox {
    /// Its sign in Markdown; `None` where nothing was decided, so that there is no frame.
    pub(crate) sign: Option<&'static str>,
    /// The decision in capitals.
    pub(crate) word: &'static str,
    pub(crate) tone: Tone,
    /// What it is a decision on.
    pub(crate) name: String,
    /// What it is, for readers who cannot see the frame: `Verdict on `, before the name.
    pub(crate) label: &'static str,
    /// The decision as a sentence.
    pub(crate) headline: String,
    /// Sentences below it.
    pub(crate) lines: Vec<(String, Tone)>,
}

/// The results of an experiment at a glance.
#[derive(Clone, Debug)]
pub(crate) struct Scorecard<'r> {
    pub(crate) experiment: &'r ReportedExperiment,
    /// What the decision rule requires; `None` without a rule.
    pub(crate) criteria: Option<Checklist>,
    /// A table for each treatment.
    pub(crate) treatments: Vec<ScoredTreatment<'r>>,
    /// Health checks that found something.
    pub(crate) doubts: Checklist,
    /// Those that found nothing.
    pub(crate) passed: Checklist,
    /// Sentences below it.
    pub(crate) remarks: Vec<String>,
}

/// A treatment against the control, a row for each metric.
#[derive(Clone, Debug)]
pub(crate) struct ScoredTreatment<'r> {
    /// Its name for people.
    pub(crate) name: String,
    /// How many users it and the control have: `1,378 users`.
    pub(crate) users: [String; 2],
    pub(crate) rows: Vec<ScoredMetric<'r>>,
}

/// A metric of a scorecard.
#[derive(Clone, Debug)]
pub(crate) struct ScoredMetric<'r> {
    pub(crate) metric: &'r ReportedMetric,
    /// The estimate of the control and how it came about, then those of the treatment.
    pub(crate) values: [(Cell, String); 2],
    pub(crate) change: Cell,
    /// The true change, where it is known.
    pub(crate) truth: Option<f64>,
    /// The interval as text.
    pub(crate) interval: Cell,
    /// The relative change and the ends of its interval, for a drawing; `None` where there is none.
    pub(crate) drawn: Option<[f64; 3]>,
    /// Probability to beat the control.
    pub(crate) beats: Cell,
    /// The same as a word.
    pub(crate) reading: Cell,
    pub(crate) loss: Cell,
}

/// Charts side by side.
#[derive(Clone, Debug)]
pub(crate) struct Gallery<'r> {
    /// How to read them.
    pub(crate) lead: String,
    /// Whose variations they show.
    pub(crate) experiment: &'r ReportedExperiment,
    pub(crate) pictures: Vec<Picture<'r>>,
}

/// A chart with its name and a remark.
#[derive(Clone, Debug)]
pub(crate) struct Picture<'r> {
    pub(crate) name: String,
    pub(crate) remark: String,
    /// Unique in its experiment.
    pub(crate) id: String,
    pub(crate) chart: Chart<'r>,
}

/// What a chart shows; each kind has one drawing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chart<'r> {
    /// The posteriors of a metric.
    Densities(&'r ReportedMetric),
    /// A metric as users arrived, at these numbers of users.
    OverTime(&'r ReportedMetric, &'r MetricOverTime, &'r [u64]),
    /// The cost of each agent in a variation.
    Costs(&'r str),
    /// What each agent adds to the difference from the control.
    CostChanges(&'r str),
    /// What each agent adds to the latency of a request in a variation.
    Waits(&'r str),
    /// How the values of a metric are spread.
    Distribution(&'r ReportedMetric, &'r Distribution),
    /// Failed requests by kind.
    Failures,
}
