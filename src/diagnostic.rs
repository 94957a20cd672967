//! Errors that show the user's own text: the file, the line, the carets, what was expected, a
//! suggestion.
//!
//! Guarantees: all faults of a stage are shown, not the first alone; a text is drawn the same on
//! every terminal (fixed width, colors only when asked for); nothing in a text can steer the
//! terminal; a fault is short, however long the text.
//!
//! Does not know: what was wrong; whoever found it says so. Secrets never enter it.

mod excerpt;
mod recognize;
mod shell;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents,
    NamedSource, Severity, SourceCode, SourceSpan, SpanContents,
};

pub use excerpt::shortened;
pub use recognize::{Wanted, is_table, json_fault, mistaken};
pub use shell::shell_argument;

/// Width of the drawing, in columns.
const WIDTH: usize = 100;
/// Most bytes of a message or a help that are shown, and of a label.
const MAX_MESSAGE: usize = 1200;
const MAX_LABEL: usize = 300;

/// A text and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceText {
    /// The file's path as the user gave it.
    pub name: Arc<str>,
    /// Its text.
    pub text: Arc<str>,
    /// The line of the file in which the text begins, counted from 1.
    pub first_line: usize,
}

impl SourceText {
    /// A source.
    #[must_use]
    pub fn new(name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> Self {
        Self { name: name.into(), text: text.into(), first_line: 1 }
    }

    /// The same as a part of a file, which begins in this line.
    #[must_use]
    pub fn from_line(mut self, first_line: usize) -> Self {
        self.first_line = first_line.max(1);
        self
    }

    /// The line of a byte offset, counted from 1.
    #[must_use]
    pub fn line(&self, offset: usize) -> usize {
        self.text.as_bytes().iter().take(offset).filter(|&&b| b == b'\n').count() + self.first_line
    }
}

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// What is wrong, as a lower-case fragment.
    pub message: String,
    /// The text that it points into; `None` where there is none (a missing file).
    pub source: Option<SourceText>,
    /// Byte ranges of the text, each with what is to be said of it.
    pub labels: Vec<(Range<usize>, String)>,
    /// What to do about it.
    pub help: Option<String>,
    /// Whether it only warns.
    pub warns: bool,
}

impl Diagnostic {
    /// A fault without a place.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None, labels: Vec::new(), help: None, warns: false }
    }

    /// The same, pointing at a place of a text.
    #[must_use]
    pub fn at(mut self, source: &SourceText, span: Range<usize>, label: impl Into<String>) -> Self {
        let end = source.text.len();
        self.source = Some(source.clone());
        self.labels.push((span.start.min(end)..span.end.min(end), label.into()));
        self
    }

    /// The same, with a suggestion.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.warns = true;
        self
    }

    /// The fault, drawn.
    #[must_use]
    pub fn render(&self, color: bool) -> String {
        let theme =
            if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(WIDTH).with_links(false);
        let handler = handler.with_word_splitter(textwrap::WordSplitter::NoHyphenation);
        let mut drawn = String::new();
        let (text, labels) =
            excerpt::excerpt(self.source.as_ref().map_or("", |source| &source.text), &self.labels);
        let fault = &Self {
            message: printable(&shortened(&self.message, MAX_MESSAGE)),
            source: None,
            labels: labels
                .iter()
                .map(|(span, label)| (span.clone(), printable(&shortened(label, MAX_LABEL))))
                .collect(),
            help: self.help.as_deref().map(|help| printable(&shortened(help, MAX_MESSAGE))),
            warns: self.warns,
        };
        let source = self.source.as_ref().map(|source| PartOfFile {
            text: NamedSource::new(printable(&source.name), printable(&text)),
            first_line: source.first_line,
        });
        // A fault without a place shows no text at all, only the file's name.
        let shown = source.filter(|_| !fault.labels.is_empty());
        if handler.render_report(&mut drawn, &Drawable { fault, source: shown }).is_err() {
            drawn.clone_from(&fault.message);
        }
        match &self.source {
            Some(source) if fault.labels.is_empty() => {
                format!("{}    in {}\n", drawn, printable(&source.name))
            }
            _ => drawn,
        }
    }
}

/// The same text, as many bytes long, with control characters (but line ends and tabs) as blanks.
fn printable(text: &str) -> String {
    let blank = |c: char| c.is_control() && c != '\n' && c != '\t';
    if !text.contains(blank) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        let cells = if blank(c) { c.len_utf8() } else { 0 };
        shown.extend(std::iter::repeat_n(' ', cells));
        shown.extend(Some(c).filter(|_| cells == 0));
    }
    shown
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.render(false).trim_end())
    }
}

impl std::error::Error for Diagnostic {}

/// Everything that is wrong with a file or a text.
///
/// It displays as the command line shows it, without color: each mistake with its line, what was
/// expected and how to fix it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(
    /// Each mistake; at least one.
    pub Vec<Diagnostic>,
);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(render(&self.0, false).trim_end())
    }
}

impl std::error::Error for Mistakes {}

impl From<Vec<Diagnostic>> for Mistakes {
    fn from(mistakes: Vec<Diagnostic>) -> Self {
        Self(mistakes)
    }
}

impl From<Diagnostic> for Mistakes {
    fn from(mistake: Diagnostic) -> Self {
        Self(vec![mistake])
    }
}

/// Draws several faults, one after the other.
#[must_use]
pub fn render(faults: &[Diagnostic], color: bool) -> String {
    faults.iter().map(|fault| fault.render(color)).collect()
}

/// The known word that `word` was most likely meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // What differs more in length cannot be near; to compare a word of a megabyte takes long.
    let length = word.chars().count();
    let near = |candidate: &&str| {
        let own = candidate.chars().count();
        length.abs_diff(own) <= 1 + own / 3
    };
    let close = known
        .into_iter()
        .filter(near)
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate));
    let (distance, candidate) = close.min_by_key(|(distance, _)| *distance)?;
    (distance <= 1 + candidate.chars().count() / 3).then_some(candidate)
}

/// What miette draws.
struct Drawable<'a> {
    fault: &'a Diagnostic,
    source: Option<PartOfFile>,
}

/// A text whose lines are counted as in its file.
#[derive(Debug)]
struct PartOfFile {
    text: NamedSource<String>,
    first_line: usize,
}

impl SourceCode for PartOfFile {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let found = self.text.read_span(span, before, after)?;
        let name = found.name().unwrap_or_default().to_owned();
        Ok(Box::new(MietteSpanContents::new_named(
            name,
            found.data(),
            *found.span(),
            found.line() + self.first_line.saturating_sub(1),
            found.column(),
            found.line_count(),
        )))
    }
}

impl fmt::Debug for Drawable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.fault.fmt(f)
    }
}

impl fmt::Display for Drawable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fault.message)
    }
}

impl std::error::Error for Drawable<'_> {}

impl miette::Diagnostic for Drawable<'_> {
    fn severity(&self) -> Option<Severity> {
        self.fault.warns.then_some(Severity::Warning)
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.fault.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.source.as_ref().map(|source| source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let labels = self.fault.labels.iter();
        Some(Box::new(
            labels
                .map(|(span, label)| LabeledSpan::new(Some(label.clone()), span.start, span.len())),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_suggested_only_when_it_is_near() {
        assert_eq!(
            nearest("cost_per_requst", ["latency", "cost_per_request"]),
            Some("cost_per_request")
        );
        assert_eq!(nearest("banana", ["latency", "cost_per_request"]), None);
    }

    #[test]
    fn a_text_cannot_steer_the_terminal_and_keeps_its_places() {
        let source = SourceText::new("a\u{1b}[2J.ron", "(\n  seed: \u{9b}x\u{7},\r\n)");
        let drawn =
            Diagnostic::new("no\u{1b}]0;number").at(&source, 12..13, "here\u{8}").render(false);
        assert!(!drawn.chars().any(|c| c.is_control() && c != '\n'), "{drawn:?}");
        assert!(drawn.contains(":2:"), "{drawn}");
    }

    #[test]
    fn a_fault_without_a_place_names_its_file() {
        let mut fault = Diagnostic::new("nothing is measured").help("list metrics");
        fault.source = Some(SourceText::new("a.ron", "()"));
        assert_eq!(
            fault.render(false),
            "  × nothing is measured\n  help: list metrics\n    in a.ron\n"
        );
    }

    #[test]
    fn a_part_of_a_file_has_the_lines_of_the_file() {
        let source = SourceText::new("a.csv", "b,12%,x").from_line(4711);
        assert_eq!(source.line(3), 4711);
        let drawn = Diagnostic::new("no number").at(&source, 2..5, "here").warning().render(false);
        assert!(
            drawn.contains("⚠ no number")
                && drawn.contains("a.csv:4711:3")
                && drawn.contains("4711 │ b,12%,x"),
            "{drawn}"
        );
    }

    #[test]
    fn a_fault_shows_the_line() {
        let source = SourceText::new("a.ron", "(\n  seed: x,\n)");
        let drawn =
            Diagnostic::new("no number").at(&source, 10..11, "here").help("write 1").render(false);
        assert!(
            drawn.contains("a.ron:2:9")
                && drawn.contains("seed: x")
                && drawn.contains("help: write 1"),
            "{drawn}"
        );
    }
}
