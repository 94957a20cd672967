//! A document for people at a prompt: sections of aligned tables, the decision last and framed,
//! since the end of the output is what a terminal shows.
//!
//! Guarantees: no line is wider than asked (80 to 120 columns); without color the text says
//! everything that the color says; no text from a scenario, a model or an event controls the
//! terminal.

use unicode_width::UnicodeWidthStr;

use super::data::Report;
use super::document::{
    CheckRow, Checklist, DecisionBox, Element, Level, List, Medium, Section, Slot,
};
use super::escape::plain;
use super::palette::Palette;
use super::sections::document;
use super::table::{Tone, wrap};

/// The narrowest and the widest text.
const WIDTHS: (usize, usize) = (80, 120);
/// How far the elements of a section are set in.
const INDENT: usize = 2;
/// Width of the labels of facts.
const LABELS: usize = 15;

/// The report as text at most `width` columns wide, which is taken as 80 at the least and 120 at
/// the most.
#[must_use]
pub fn to_text(report: &Report, width: usize, palette: &Palette) -> String {
    document_to_text(&document(report), width, palette)
}

/// A document as text at most `width` columns wide, which is taken as 80 at the least and 120 at
/// the most.
#[must_use]
pub(crate) fn document_to_text(
    document: &[Element<'_>],
    width: usize,
    palette: &Palette,
) -> String {
    let mut sheet = Sheet { width: width.clamp(WIDTHS.0, WIDTHS.1), palette, lines: Vec::new() };
    sheet.elements(document);
    let mut text = sheet.lines.join("\n");
    text.push('\n');
    text
}

/// Lines being written.
struct Sheet<'a> {
    width: usize,
    palette: &'a Palette,
    lines: Vec<String>,
}

impl Sheet<'_> {
    fn blank(&mut self) {
        if self.lines.last().is_some_and(|line| !line.is_empty()) {
            self.lines.push(String::new());
        }
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

    fn elements(&mut self, elements: &[Element<'_>]) {
        for element in Medium::Terminal.order(elements) {
            match element {
                Element::Title(title) => {
                    self.lines.push(self.palette.paint(Tone::Strong, &plain(&title.line)))
                }
                Element::Section(section) => self.section(section),
                Element::Note(text, tone) => self.paragraph("", Tone::Plain, text, *tone),
                Element::Facts(facts) => {
                    for fact in facts.iter().filter(|fact| !fact.not_in.contains(&Medium::Terminal))
                    {
                        self.paragraph(
                            &format!("{:LABELS$}", plain(&fact.label)),
                            Tone::Dim,
                            &fact.text,
                            Tone::Plain,
                        );
                    }
                }
                Element::Table(table) => {
                    self.lines.extend(table.lines(INDENT, self.width, self.palette))
                }
                Element::Checklist(list) if list.brief => self.brief(list),
                Element::Checklist(list) => {
                    list.rows.iter().for_each(|row| self.check(row, list.words))
                }
                Element::List(list) => self.list(list),
                Element::Lines(lines) => {
                    self.lines.extend(lines.iter().map(|line| format!("    {}", plain(line))))
                }
                Element::Decision(decision) => self.decision(decision),
                Element::Graph(graph) => {
                    let lines = graph.tree(self.width - INDENT).into_iter();
                    self.lines.extend(lines.map(|line| format!("{:INDENT$}{line}", "")));
                }
                // No drawings here.
                Element::Gallery(_) | Element::Scorecard(_) => {}
            }
        }
    }

    /// A section with its heading; neither where it has nothing to show.
    fn section(&mut self, section: &Section<'_>) {
        let before = self.lines.len();
        // Below the title of the document, its origin needs no heading.
        let at_top = section.slot == Slot::Origin && before <= 1;
        let titled = !section.title.is_empty() && !at_top;
        if titled || (section.level == Level::Chapter && !at_top) {
            self.blank();
        }
        match section.level {
            _ if !titled => {}
            Level::Experiment => {
                let title = format!("━━ Experiment: {} ", plain(&section.title));
                for (at, line) in wrap(&title, self.width - 4).iter().enumerate() {
                    let rule =
                        if at == 0 { self.width.saturating_sub(line.width() + 1) } else { 0 };
                    let line = format!("{line} {}", "━".repeat(rule));
                    self.lines.push(self.palette.paint(Tone::Strong, line.trim_end()));
                }
            }
            Level::Chapter | Level::Section | Level::Detail => {
                self.lines.push(self.palette.paint(Tone::Strong, &plain(&section.title)));
            }
        }
        let headed = self.lines.len();
        self.elements(&section.elements);
        if self.lines.len() == headed {
            self.lines.truncate(before);
        }
    }

    /// What needs attention in full, and the names of the rest.
    fn brief(&mut self, list: &Checklist) {
        let (fine, rest): (Vec<_>, Vec<_>) =
            list.rows.iter().partition(|row| row.mark.tone == Tone::Good);
        let lead = |row: &CheckRow| format!("{} {:2$}", row.mark.sign, row.mark.word, list.words);
        for row in rest {
            self.paragraph(
                &lead(row),
                row.mark.tone,
                &format!("{}: {}", row.name, row.detail),
                Tone::Plain,
            );
        }
        if let Some(first) = fine.first() {
            let names: Vec<&str> = fine.iter().map(|row| row.name.as_str()).collect();
            self.paragraph(&lead(first), first.mark.tone, &names.join(", "), Tone::Plain);
        }
    }

    fn check(&mut self, row: &CheckRow, words: usize) {
        let inset = "  ".repeat(row.depth.min(8));
        let mark = format!("{} {:words$}{inset}", row.mark.sign, row.mark.word);
        if row.name.is_empty() {
            self.paragraph(&mark, row.mark.tone, &row.detail, Tone::Plain);
            return;
        }
        self.paragraph(&mark, row.mark.tone, &row.name, Tone::Strong);
        if !row.detail.is_empty() {
            self.paragraph(&" ".repeat(mark.width()), Tone::Plain, &row.detail, Tone::Plain);
        }
    }

    fn list(&mut self, list: &List) {
        for (at, (text, remark)) in list.items.iter().enumerate() {
            let bullet = match list.tone {
                _ if list.numbered => format!("{}) ", at + 1),
                Tone::Warn => "– ".to_owned(),
                _ => "· ".to_owned(),
            };
            let text = if remark.is_empty() { text.clone() } else { format!("{text} ({remark})") };
            let tone = if list.tone == Tone::Plain { Tone::Dim } else { list.tone };
            self.paragraph(&bullet, tone, &text, Tone::Plain);
        }
    }

    fn decision(&mut self, decision: &DecisionBox) {
        self.blank();
        if decision.sign.is_none() {
            self.paragraph("", Tone::Plain, &decision.headline, Tone::Dim);
            return;
        }
        let room = self.width - 6;
        let headline = (&decision.headline, Tone::Strong);
        let sentences = std::iter::once(headline)
            .chain(decision.lines.iter().map(|(text, tone)| (text, *tone)));
        let inside: Vec<(String, Tone)> = sentences
            .flat_map(|(text, tone)| {
                wrap(&plain(text), room).into_iter().map(move |line| (line, tone))
            })
            .collect();
        let frame = |text: &str| self.palette.paint(decision.tone, text);
        let side = frame("┃");
        let mut lines = vec![frame(&format!(
            "┏━━ {} {}┓",
            decision.word,
            "━".repeat(room - decision.word.width())
        ))];
        for (text, tone) in inside {
            let pad = room.saturating_sub(text.width());
            lines.push(format!("{side}  {}{:pad$}  {side}", self.palette.paint(tone, &text), ""));
        }
        lines.push(frame(&format!("┗{}┛", "━".repeat(self.width - 2))));
        self.lines.append(&mut lines);
    }
}
