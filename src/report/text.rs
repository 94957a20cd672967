//! The report for people at a prompt: sections of aligned tables, the verdict last and framed,
//! since the end of the output is what a terminal shows.
//!
//! Promises: no line is wider than asked (80 to 120 columns); without color the text says
//! everything that the color says; no text from a scenario, a model or an event drives the
//! terminal.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::beside::{self, Part};
use super::data::{Experiment, Report};
use super::escape::plain;
use super::format;
use super::spark;
use super::table::{Table, Tone, wrap};
use crate::analysis::HealthStatus;

/// The narrowest and the widest text.
const WIDTHS: (usize, usize) = (80, 120);
/// How far the parts of a section are set in.
const INDENT: usize = 2;
/// Width of the labels at the top.
const LABELS: usize = 15;

/// A style for each meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Palette {
    good: Style,
    bad: Style,
    warn: Style,
    dim: Style,
    strong: Style,
}

impl Palette {
    /// No styles at all: for pipes, files and tests.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// Green is good, red is bad, as on the result screens that the tutorial shows.
    #[must_use]
    pub fn color() -> Self {
        let color = |color: AnsiColor| Style::new().fg_color(Some(color.into()));
        Self {
            good: color(AnsiColor::Green),
            bad: color(AnsiColor::Red),
            warn: color(AnsiColor::Yellow),
            dim: Style::new().dimmed(),
            strong: Style::new().bold(),
        }
    }

    /// `text` in the style of `tone`.
    pub(crate) fn paint(&self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Good => self.good,
            Tone::Bad => self.bad,
            Tone::Warn => self.warn,
            Tone::Dim => self.dim,
            Tone::Strong => self.strong,
        };
        if text.is_empty() { String::new() } else { format!("{style}{text}{style:#}") }
    }
}

/// The report as text at most `width` columns wide, which is taken as 80 at the least and 120 at
/// the most.
#[must_use]
pub fn to_text(report: &Report, width: usize, palette: &Palette) -> String {
    let mut page = Page { width: width.clamp(WIDTHS.0, WIDTHS.1), palette, lines: Vec::new() };
    page.top(report);
    for experiment in &report.experiments {
        page.experiment(experiment);
    }
    for part in beside::of_report(report) {
        page.part(&part);
    }
    page.expectations(report);
    let mut text = page.lines.join("\n");
    text.push('\n');
    text
}

/// Lines being written.
struct Page<'a> {
    width: usize,
    palette: &'a Palette,
    lines: Vec<String>,
}

impl Page<'_> {
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
    }

    fn heading(&mut self, text: &str) {
        self.blank();
        self.lines.push(self.palette.paint(Tone::Strong, text));
    }

    /// A paragraph: `first` before its first line, whose visible width the following lines are set
    /// in by.
    fn paragraph(&mut self, first: &str, first_tone: Tone, text: &str, tone: Tone) {
        let inset = INDENT + first.width();
        for (at, line) in wrap(&plain(text), self.width - inset).iter().enumerate() {
            let lead = if at == 0 {
                self.palette.paint(first_tone, first)
            } else {
                " ".repeat(first.width())
            };
            self.lines.push(format!("{:INDENT$}{lead}{}", "", self.palette.paint(tone, line)));
        }
    }

    fn labelled(&mut self, label: &str, text: &str) {
        self.paragraph(&format!("{label:LABELS$}"), Tone::Dim, text, Tone::Plain);
    }

    fn table(&mut self, table: &Table) {
        self.lines.extend(table.lines(INDENT, self.width, self.palette));
    }

    fn part(&mut self, part: &Part) {
        self.heading(part.title);
        if !part.table.rows.is_empty() {
            self.table(&part.table);
        }
        if let Some(note) = &part.note {
            self.paragraph("", Tone::Plain, note, part.tone);
        }
    }

    fn top(&mut self, report: &Report) {
        let title = format!("simlab {}", plain(&report.version));
        self.lines.push(self.palette.paint(Tone::Strong, &title));
        for (label, text) in format::provenance(report) {
            self.labelled(label, &text);
        }
        if report.traffic.is_some() {
            self.heading("Traffic");
            for (label, text) in format::traffic(report) {
                self.labelled(label, &text);
            }
        }
        if report.data.is_some() {
            self.heading("Recorded events");
            for (label, text) in format::recorded(report) {
                self.labelled(label, &text);
            }
        }
        if !report.assumptions.is_empty() {
            self.heading("Assumed, not measured");
            for assumption in &report.assumptions {
                self.paragraph(
                    "· ",
                    Tone::Dim,
                    &format!("{} ({})", assumption.what, assumption.source),
                    Tone::Plain,
                );
            }
        }
    }

    fn experiment(&mut self, experiment: &Experiment) {
        self.blank();
        let title = format!("━━ Experiment: {} ", plain(&experiment.name));
        for (at, line) in wrap(&title, self.width - 4).iter().enumerate() {
            let rule = if at == 0 { self.width.saturating_sub(line.width() + 1) } else { 0 };
            self.lines.push(
                self.palette.paint(Tone::Strong, format!("{line} {}", "━".repeat(rule)).trim_end()),
            );
        }
        if !experiment.hypothesis.is_empty() {
            self.labelled("hypothesis", &experiment.hypothesis);
        }
        for (at, (key, users)) in experiment.exposures.0.iter().enumerate() {
            let control = if *key == experiment.control { ", the control" } else { "" };
            let name = experiment.name_of(key);
            let alias = if name == key { String::new() } else { format!(" ({key})") };
            let label = if at == 0 { "users" } else { "" };
            self.labelled(
                label,
                &format!("{} {name}{alias}{control}", crate::figure::count(*users)),
            );
        }
        self.health(experiment);
        self.results(experiment);
        self.decision_rule(experiment);
        self.verdict(experiment);
    }

    fn health(&mut self, experiment: &Experiment) {
        let healthy: Vec<&str> = experiment
            .health
            .iter()
            .filter(|check| check.status == HealthStatus::Healthy)
            .map(|check| check.check.as_str())
            .collect();
        if experiment.health.is_empty() {
            return;
        }
        self.heading("Health");
        for check in experiment.health.iter().filter(|check| check.status != HealthStatus::Healthy)
        {
            let (mark, word, tone) = format::status(check.status);
            self.paragraph(
                &format!("{mark} {word:9}"),
                tone,
                &format!("{}: {}", check.check, check.message),
                Tone::Plain,
            );
        }
        if !healthy.is_empty() {
            let (mark, word, tone) = format::status(HealthStatus::Healthy);
            self.paragraph(&format!("{mark} {word:9}"), tone, &healthy.join(", "), Tone::Plain);
        }
    }

    fn results(&mut self, experiment: &Experiment) {
        for treatment in experiment.treatments() {
            let title = format!(
                "{} against {}",
                experiment.name_of(treatment),
                experiment.name_of(&experiment.control)
            );
            self.heading(&plain(&title));
            self.table(&format::changes(experiment, treatment));
        }
        if let Some(sentence) = format::users_needed(experiment) {
            self.paragraph("", Tone::Plain, &sentence, Tone::Dim);
        }
        if let Some((name, table)) = format::tests(experiment) {
            self.heading(name);
            self.table(&table);
            if let Some(sentence) = format::correction(experiment) {
                self.paragraph("", Tone::Plain, &sentence, Tone::Dim);
            }
        }
        for part in beside::of_experiment(experiment) {
            self.part(&part);
        }
        self.heading("Each variation");
        self.table(&spark::with_posteriors(format::variations(experiment), experiment));
        for reason in format::reasons(experiment) {
            self.paragraph("– ", Tone::Warn, &reason, Tone::Plain);
        }
        if let Some(table) = format::costs(experiment) {
            self.heading("Cost by agent");
            self.table(&table);
        }
        if let Some(table) = format::failures(experiment) {
            self.heading("Failures");
            self.table(&table);
        }
    }

    fn decision_rule(&mut self, experiment: &Experiment) {
        let Some(verdict) = &experiment.verdict else { return };
        self.heading("Decision rule");
        for line in &verdict.because {
            let (mark, word, tone) = format::held(line.held);
            let inset = "  ".repeat(line.depth.min(8));
            self.paragraph(
                &format!("{mark} {word:10}{inset}"),
                tone,
                &line.criterion,
                Tone::Strong,
            );
            self.paragraph(
                &format!("{:12}{inset}", ""),
                Tone::Plain,
                &format::finding(line),
                Tone::Plain,
            );
        }
        for warning in &verdict.rule_warnings {
            self.paragraph(&format!("{} {:10}", "!", "warning"), Tone::Warn, warning, Tone::Plain);
        }
    }

    fn verdict(&mut self, experiment: &Experiment) {
        self.blank();
        let Some(verdict) = &experiment.verdict else {
            self.paragraph(
                "",
                Tone::Plain,
                "No decision rule was given, so there is no verdict.",
                Tone::Dim,
            );
            return;
        };
        let (word, tone) = format::verdict(verdict);
        let room = self.width - 6;
        let mut inside: Vec<(String, Tone)> = wrap(&plain(&verdict.headline), room)
            .into_iter()
            .map(|line| (line, Tone::Strong))
            .collect();
        if let Some(said) = verdict.would_have_been() {
            inside.extend(wrap(&plain(&said), room).into_iter().map(|line| (line, Tone::Plain)));
        }
        let doubtful = verdict.doubtful(&experiment.health);
        if !doubtful.is_empty() {
            let caution =
                format!("Before you trust it, look at the health of: {}.", doubtful.join(", "));
            inside.extend(wrap(&plain(&caution), room).into_iter().map(|line| (line, Tone::Warn)));
        }
        if let Some(hindsight) = &verdict.hindsight {
            let own = match hindsight.right {
                Some(true) => Tone::Good,
                Some(false) => Tone::Bad,
                None => Tone::Warn,
            };
            inside
                .extend(wrap(&plain(&hindsight.message), room).into_iter().map(|line| (line, own)));
        }
        let side = self.palette.paint(tone, "┃");
        let top = format!("┏━━ {word} {}┓", "━".repeat(self.width - 6 - word.width()));
        let mut lines = vec![self.palette.paint(tone, &top)];
        for (text, own) in inside {
            let pad = room.saturating_sub(text.width());
            lines.push(format!("{side}  {}{:pad$}  {side}", self.palette.paint(own, &text), ""));
        }
        lines.push(self.palette.paint(tone, &format!("┗{}┛", "━".repeat(self.width - 2))));
        self.lines.append(&mut lines);
    }

    fn expectations(&mut self, report: &Report) {
        if report.expectations.is_empty() {
            return;
        }
        self.heading("Expected by the scenario");
        for expectation in &report.expectations {
            let (mark, word, tone) = if expectation.passed {
                ("✓", "met", Tone::Good)
            } else {
                ("✗", "not met", Tone::Bad)
            };
            self.paragraph(&format!("{mark} {word:10}"), tone, &expectation.name, Tone::Plain);
            if !expectation.passed && !expectation.message.is_empty() {
                self.paragraph(&format!("{:12}", ""), Tone::Plain, &expectation.message, Tone::Dim);
            }
        }
    }
}
