//! Health checks, the doubtful ones in full.

use crate::analysis::HealthStatus;
use crate::report::data::{Health, ReportedExperiment};
use crate::report::document::{CheckRow, Checklist, Element, Level, Mark, Medium, Section};
use crate::report::table::Tone;

/// Columns for the longest mark, `healthy`, and a gap.
const WORDS: usize = 9;

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    if experiment.health.is_empty() {
        return Vec::new();
    }
    let checks = Element::Checklist(checks(experiment, |_| true));
    // A page has them in its scorecard.
    vec![Section::new("Health", Level::Section).not_in(&[Medium::Page]).with([checks])]
}

/// The checks that ended like this, the doubtful ones first.
pub(super) fn checks(
    experiment: &ReportedExperiment,
    which: impl Fn(HealthStatus) -> bool,
) -> Checklist {
    let mut checks: Vec<&Health> =
        experiment.health.iter().filter(|check| which(check.status)).collect();
    checks.sort_by_key(|check| std::cmp::Reverse(check.status));
    let rows = checks.into_iter().map(|check| CheckRow {
        mark: mark(check.status),
        name: check.check.clone(),
        detail: check.message.clone(),
        compared: None,
        depth: 0,
    });
    Checklist { rows: rows.collect(), words: WORDS, brief: true }
}

fn mark(status: HealthStatus) -> Mark {
    match status {
        HealthStatus::Healthy => {
            Mark { sign: "✓", word: "healthy", tone: Tone::Good, comment: "**healthy**" }
        }
        HealthStatus::Waiting => {
            Mark { sign: "…", word: "waiting", tone: Tone::Dim, comment: "**waiting**" }
        }
        HealthStatus::Warning => {
            Mark { sign: "!", word: "warning", tone: Tone::Warn, comment: "**warning**" }
        }
        HealthStatus::Error => {
            Mark { sign: "✗", word: "error", tone: Tone::Bad, comment: "**error**" }
        }
    }
}
