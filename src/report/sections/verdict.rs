//! The verdict in plain language.

use crate::report::data::{ReportedExperiment, ReportedVerdict};
use crate::report::document::{DecisionBox, Element, Section, Slot};
use crate::report::format;
use crate::report::table::Tone;
use crate::verdict::Decision;

pub(super) fn sections(experiment: &ReportedExperiment) -> Vec<Section<'_>> {
    let (name, label) = (experiment.name.clone(), "Verdict on ");
    let decision = match &experiment.verdict {
        None => {
            let headline = "No decision rule was given, so there is no verdict.".to_owned();
            DecisionBox {
                sign: None,
                word: "NO VERDICT",
                tone: Tone::Dim,
                name,
                label,
                headline,
                lines: Vec::new(),
            }
        }
        Some(verdict) => {
            let (word, tone) = format::verdict(verdict);
            let (headline, lines) = (verdict.headline.clone(), lines(experiment, verdict));
            DecisionBox { sign: Some(sign(verdict)), word, tone, name, label, headline, lines }
        }
    };
    vec![Section::untitled().slot(Slot::Decision).with([Element::Decision(decision)])]
}

fn sign(verdict: &ReportedVerdict) -> &'static str {
    match verdict.decision {
        _ if !verdict.trusted => "⛔",
        Decision::Ship => "🟢",
        Decision::Keep => "🔴",
        Decision::NeedMoreData => "🟡",
    }
}

/// What to know next to the headline.
fn lines(experiment: &ReportedExperiment, verdict: &ReportedVerdict) -> Vec<(String, Tone)> {
    let mut lines = Vec::new();
    lines.extend(verdict.would_have_been().map(|said| (said, Tone::Plain)));
    let doubtful = verdict.doubtful(&experiment.health);
    if !doubtful.is_empty() {
        lines.push((
            format!(
                "Before you trust the verdict, read these health warnings: {}.",
                doubtful.join(", ")
            ),
            Tone::Warn,
        ));
    }
    lines.extend(verdict.hindsight.as_ref().map(|hindsight| {
        let tone = match hindsight.right {
            Some(true) => Tone::Good,
            Some(false) => Tone::Bad,
            None => Tone::Warn,
        };
        (hindsight.message.clone(), tone)
    }));
    lines
}
