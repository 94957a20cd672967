//! What the scenario expects of its outcome, and whether it came so.

use crate::report::data::Report;
use crate::report::document::{CheckRow, Checklist, Element, Level, Mark, Section};
use crate::report::table::Tone;

/// Columns for the longest mark, `not met`, and a gap.
const WORDS: usize = 10;
const MET: Mark = Mark { sign: "✓", word: "met", tone: Tone::Good, comment: "✅" };
const NOT_MET: Mark = Mark { sign: "✗", word: "not met", tone: Tone::Bad, comment: "❌" };

pub(super) fn sections(report: &Report) -> Vec<Section<'_>> {
    if report.expectations.is_empty() {
        return Vec::new();
    }
    let rows = report.expectations.iter().map(|own| CheckRow {
        mark: if own.passed { MET } else { NOT_MET },
        name: own.name.clone(),
        detail: if own.passed { String::new() } else { own.message.clone() },
        compared: None,
        depth: 0,
    });
    let checks = Checklist { rows: rows.collect(), words: WORDS, brief: false };
    let section = Section::new("Expected by the scenario", Level::Chapter).anchor("expected");
    vec![section.with([Element::Checklist(checks)])]
}
