//! Reads trace files into sums.
//!
//! Guarantees: whatever the bytes, every record is used or counted with its reason; files are streams.
//!
//! Does not know: files (readers come in), or what becomes of the sums.

use std::collections::BTreeMap;
use std::io::{self, BufRead};

use super::attributes::SpanVocabulary;
use super::format::TraceFormat;
use super::open::OpenTraces;
use super::records::{Piece, PieceFault, each_record};
use super::span::TraceItem;
use super::sums::TraceSums;
use super::values::RecordFault;
use super::walk::walked;
use crate::diagnostic::{Diagnostic, SourceText};

/// Most faults that are kept with their lines.
const MOST_SHOWN: usize = 5;

/// What was read so far.
#[derive(Debug, Default)]
pub struct TraceReader {
    open: OpenTraces,
    pub(super) sums: TraceSums,
    pub(super) counts: ReadCounts,
    faults: Vec<Diagnostic>,
}

/// How many records of each kind were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadCounts {
    /// Files.
    pub files: u64,
    /// Spans and scores by format.
    pub items: BTreeMap<TraceFormat, u64>,
    /// Spans by vocabulary: GenAI, OpenInference, OpenLLMetry, Langfuse's exporter.
    pub vocabularies: [u64; 4],
    /// Spans of OpenTelemetry without any attribute of a model application.
    pub plain_spans: u64,
    /// Records of no known format.
    pub unknown: u64,
    /// Lines and records that could not be read.
    pub bad: u64,
    /// Traces that were closed early, for want of room.
    pub early: u64,
    /// Spans that came after their trace was closed.
    pub late: u64,
    /// Spans that came again.
    pub repeated: u64,
}

impl TraceReader {
    /// Reads a file to its end. `head` is its beginning, `forced` the format that it is said to have.
    /// Returns how many spans and scores it had.
    ///
    /// # Errors
    /// When the reader fails.
    pub fn read(
        &mut self,
        shown: &str,
        input: impl BufRead,
        head: &[u8],
        forced: Option<TraceFormat>,
    ) -> io::Result<u64> {
        let before: u64 = self.counts.items.values().sum();
        self.counts.files += 1;
        each_record(input, head, &mut |piece| self.piece(shown, forced, piece))?;
        Ok(self.counts.items.values().sum::<u64>() - before)
    }

    /// Closes the traces that are still open.
    pub fn finish(&mut self) {
        while let Some(spans) = self.open.finish() {
            self.close(&spans);
        }
        self.counts.early = self.open.early;
        self.counts.late = self.open.late;
        self.counts.repeated = self.open.repeated + self.sums.repeated_scores;
    }

    /// How many records were read.
    #[must_use]
    pub fn counts(&self) -> &ReadCounts {
        &self.counts
    }

    /// How many model calls the traces hold, once they are closed.
    #[must_use]
    pub fn model_calls(&self) -> u64 {
        self.sums.calls
    }

    /// The first lines that could not be read or used.
    #[must_use]
    pub fn faults(&self) -> &[Diagnostic] {
        &self.faults
    }

    fn piece(
        &mut self,
        shown: &str,
        forced: Option<TraceFormat>,
        (number, line, piece): Piece<'_>,
    ) {
        let record = match piece {
            Ok(record) => record,
            Err(fault) => return self.unreadable(shown, number, fault),
        };
        let Some(format) = forced.or_else(|| TraceFormat::of(record)) else {
            self.counts.unknown += 1;
            if self.counts.unknown == 1 {
                let known = TraceFormat::ALL.map(TraceFormat::name).join(", ");
                let message =
                    format!("record {number} of `{shown}` has the fields of no known format");
                self.fault(Diagnostic::new(message).help(format!("known formats: {known}")));
            }
            return;
        };
        let mut told = Vec::new();
        let read = format.items(record, &mut |dialect, item| told.push((dialect, item)));
        for (dialect, item) in told {
            *self.counts.items.entry(format).or_default() += 1;
            let [genai, inference, llmetry, langfuse] = &mut self.counts.vocabularies;
            match dialect {
                SpanVocabulary::GenAi => *genai += 1,
                SpanVocabulary::OpenInference => *inference += 1,
                SpanVocabulary::OpenLlmetry => *llmetry += 1,
                SpanVocabulary::Langfuse => *langfuse += 1,
                SpanVocabulary::Plain
                    if matches!(format, TraceFormat::Otlp | TraceFormat::Spans) =>
                {
                    self.counts.plain_spans += 1;
                }
                SpanVocabulary::Plain => {}
            }
            self.item(item);
        }
        if let Err(fault) = read {
            self.unusable(shown, number, line, &fault);
        }
    }

    fn item(&mut self, item: TraceItem) {
        match item {
            TraceItem::Score(score) => self.sums.score(&score),
            TraceItem::Span(span) => {
                for score in &span.scores {
                    self.sums.score(score);
                }
                if let Some(spans) = self.open.take(*span) {
                    self.close(&spans);
                }
            }
        }
    }

    fn close(&mut self, spans: &[super::span::TraceSpan]) {
        let id = spans.first().map_or(0, |span| span.trace);
        self.sums.add(id, &walked(spans));
    }

    fn fault(&mut self, fault: Diagnostic) {
        if self.faults.len() < MOST_SHOWN {
            self.faults.push(fault);
        }
    }

    fn unreadable(&mut self, shown: &str, number: u64, fault: PieceFault) {
        self.counts.bad += 1;
        let message = format!("line {number} of `{shown}` cannot be read: {}", fault.reason);
        let drawn = Diagnostic::new(message);
        self.fault(match fault.line {
            Some((line, at)) => {
                let at = at.min(line.len());
                let name = format!("{shown}, line {number}");
                drawn.at(&SourceText::new(name, line), at..at, fault.reason)
            }
            None => drawn,
        });
    }

    fn unusable(&mut self, shown: &str, number: u64, line: Option<&str>, fault: &RecordFault) {
        self.counts.bad += 1;
        let message =
            format!("a record of line {number} of `{shown}` cannot be used: `{}`", fault.field);
        let label = format!("expected {}, found {}", fault.expected, fault.found);
        // The place of the field in the line; in OTLP the value stands behind it.
        let place = line.and_then(|line| {
            let field = line.find(&format!("\"{}\"", fault.field))?;
            let value = line.get(field..)?.find(&fault.found).map(|at| field + at);
            let at = value.unwrap_or(field);
            let width = if value.is_some() { fault.found.len() } else { fault.field.len() + 2 };
            Some((line, at..at + width))
        });
        self.fault(match place {
            Some((line, span)) => {
                let name = format!("{shown}, line {number}");
                Diagnostic::new(message).at(&SourceText::new(name, line), span, label)
            }
            None => Diagnostic::new(format!("{message}: {label}")),
        });
    }
}
