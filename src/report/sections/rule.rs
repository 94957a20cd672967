//! The decision rule, criterion by criterion.

use crate::report::data::{Because, ReportedExperiment};
use crate::report::document::{
    CheckRow, Checklist, Compared, Element, Level, Medium, Section, Slot,
};

/// Columns for the longest mark, `not held`, and a gap.
const WORDS: usize = 10;

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let Some(checks) = criteria(experiment) else { return Vec::new() };
    let checks = Element::Checklist(checks);
    let section = Section::new("Decision rule", Level::Section).slot(Slot::Reasons);
    // A page has them in its scorecard.
    vec![section.not_in(&[Medium::Page]).with([checks])]
}

/// The criteria and what is odd about them; `None` without a rule.
pub(super) fn criteria(experiment: &ReportedExperiment) -> Option<Checklist> {
    let verdict = experiment.verdict.as_ref()?;
    let mut rows: Vec<CheckRow> = verdict.because.iter().map(row).collect();
    rows.extend(verdict.rule_warnings.iter().map(|warning| CheckRow::warning("warning", warning)));
    Some(Checklist { rows, words: WORDS, brief: false })
}

fn row(line: &Because) -> CheckRow {
    let remark = if line.declared { " (declared, not measured)" } else { "" };
    let compared = Compared { found: line.found.clone(), required: line.required.clone(), remark };
    CheckRow {
        mark: line.mark(),
        name: line.criterion.clone(),
        detail: finding(line),
        compared: Some(compared),
        depth: line.depth,
    }
}

/// What was found and what was required, as one phrase.
fn finding(line: &Because) -> String {
    match line.held {
        _ if line.declared => format!("{}, not measured", line.found),
        None => format!("{}; required {}", line.found, line.required),
        Some(_) => format!("found {}; required {}", line.found, line.required),
    }
}
