//! The operating characteristics as GitHub's Markdown, and the one way in which a share is written.
//!
//! Does not know: how anything was computed.

use super::data::{Estimate, Power};
use super::text::{answer, facts, sections, tried};
use crate::report::escape::markdown;
use crate::report::markdown::table;

/// A share in percent with its Monte Carlo error: `4.8% ±0.7`.
#[must_use]
pub(super) fn to_share(estimate: Estimate) -> String {
    let error = estimate
        .standard_error
        .map_or(String::new(), |error| format!(" ±{:.1}", 100.0 * error.get()));
    format!("{:.1}%{error}", 100.0 * estimate.value.get())
}

/// The analysis as Markdown.
#[must_use]
pub fn to_markdown(power: &Power) -> String {
    let mut out = String::new();
    for study in &power.experiments {
        out += &format!("## {}\n\n", markdown(&study.name));
        for (heading, sentences, content) in sections(study, power) {
            out += &format!("### {}\n\n", markdown(&heading));
            if let Some(content) = content {
                table(&content, &mut out);
            }
            for sentence in sentences {
                out += &format!("{}\n\n", markdown(&sentence));
            }
        }
    }
    if let Some(target) = &power.target {
        out += "### How many users\n\n";
        table(&tried(target), &mut out);
        out += &format!("{}\n\n", markdown(&answer(target)));
    }
    for warning in &power.warnings {
        out += &format!("> ⚠️ {}\n\n", markdown(warning));
    }
    out += "<details><summary>What was run</summary>\n\n| | |\n|---|---|\n";
    for (label, text) in facts(power) {
        out += &format!("| {label} | {} |\n", markdown(&text));
    }
    out += &format!("| version | simlab {} |\n\n</details>\n", markdown(&power.version));
    out
}
