//! The report as GitHub's Markdown, for a comment on a pull request: verdict first, details folded
//! away.
//!
//! Promises: text from scenarios, models and events stays text: it opens no tag, leaves no cell and
//! calls nobody.

use super::beside;
use super::data::{Experiment, Report};
use super::escape::markdown;
use super::format;
use super::table::{Row, Table};
use crate::analysis::HealthStatus;
use crate::verdict::Decision;

/// The report as Markdown.
#[must_use]
pub fn to_markdown(report: &Report) -> String {
    let mut out = String::new();
    for experiment in &report.experiments {
        experiment_part(experiment, &mut out);
    }
    for part in beside::of_report(report) {
        out += &format!("### {}\n\n", part.title);
        if !part.table.rows.is_empty() {
            table(&part.table, &mut out);
        }
        out += &part.note.map(|note| format!("{}\n\n", markdown(&note))).unwrap_or_default();
    }
    if !report.expectations.is_empty() {
        out += "### Expected by the scenario\n\n";
        for expectation in &report.expectations {
            let mark = if expectation.passed { "✅" } else { "❌" };
            let message = if expectation.passed || expectation.message.is_empty() {
                String::new()
            } else {
                format!(": {}", markdown(&expectation.message))
            };
            out += &format!("- {mark} {}{message}\n", markdown(&expectation.name));
        }
        out.push('\n');
    }
    out += "<details><summary>What was run</summary>\n\n| | |\n|---|---|\n";
    for (label, text) in format::provenance(report)
        .into_iter()
        .chain(format::traffic(report))
        .chain(format::recorded(report))
    {
        out += &format!("| {label} | {} |\n", markdown(&text));
    }
    out += &format!("| version | simlab {} |\n", markdown(&report.version));
    for assumption in &report.assumptions {
        out += &format!(
            "| assumed | {} ({}) |\n",
            markdown(&assumption.what),
            markdown(&assumption.source)
        );
    }
    out += "\n</details>\n";
    out
}

fn experiment_part(experiment: &Experiment, out: &mut String) {
    *out += &format!("## {}\n\n", markdown(&experiment.name));
    match &experiment.verdict {
        Some(verdict) => {
            let sign = match verdict.decision {
                _ if !verdict.trusted => "⛔",
                Decision::Ship => "🟢",
                Decision::Keep => "🔴",
                Decision::NeedMoreData => "🟡",
            };
            *out += &format!("> {sign} **{}**\n\n", markdown(&verdict.headline));
            if let Some(said) = verdict.would_have_been() {
                *out += &format!("{}\n\n", markdown(&said));
            }
            if let Some(hindsight) = &verdict.hindsight {
                *out += &format!("{}\n\n", markdown(&hindsight.message));
            }
            *out += "| | criterion | found | required |\n|---|---|---|---|\n";
            for line in &verdict.because {
                let mark = match line.held {
                    Some(true) => "✅ held",
                    Some(false) => "❌ not held",
                    None => "❔ unknown",
                };
                let inset = "&nbsp;&nbsp;".repeat(line.depth.min(8));
                let declared = if line.declared { " (declared, not measured)" } else { "" };
                *out += &format!(
                    "| {mark} | {inset}{}{declared} | {} | {} |\n",
                    markdown(&line.criterion),
                    markdown(&line.found),
                    markdown(&line.required)
                );
            }
            out.push('\n');
            for warning in &verdict.rule_warnings {
                *out += &format!("⚠️ The rule: {}\n\n", markdown(warning));
            }
        }
        None => *out += "No decision rule was given, so there is no verdict.\n\n",
    }
    for check in experiment.health.iter().filter(|check| check.status != HealthStatus::Healthy) {
        let (_, word, _) = format::status(check.status);
        *out += &format!("- **{word}** {}: {}\n", markdown(&check.check), markdown(&check.message));
    }
    if experiment.health.iter().any(|check| check.status != HealthStatus::Healthy) {
        out.push('\n');
    }
    for treatment in experiment.treatments() {
        let (name, control) =
            (experiment.name_of(treatment), experiment.name_of(&experiment.control));
        *out += &format!("### {} against {}\n\n", markdown(name), markdown(control));
        table(&format::changes(experiment, treatment), out);
    }
    if let Some(sentence) = format::users_needed(experiment) {
        *out += &format!("_{}_\n\n", markdown(&sentence));
    }
    let mut fold_part = |title: &str, content: &Table, note: Option<&str>| {
        *out += &format!("<details><summary>{title}</summary>\n\n");
        if !content.rows.is_empty() {
            table(content, out);
        }
        *out += &note.map(|note| format!("{}\n\n", markdown(note))).unwrap_or_default();
        *out += "</details>\n\n";
    };
    for part in beside::of_experiment(experiment) {
        fold_part(part.title, &part.table, part.note.as_deref());
    }
    if let Some((name, tests)) = format::tests(experiment) {
        fold_part(name, &tests, format::correction(experiment).as_deref());
    }
    let mut fold = |title: &str, content: &Table| fold_part(title, content, None);
    fold("Each variation", &format::variations(experiment));
    if let Some(costs) = format::costs(experiment) {
        fold("Cost by agent", &costs);
    }
    if let Some(failures) = format::failures(experiment) {
        fold("Failures", &failures);
    }
    let reasons = format::reasons(experiment);
    for reason in &reasons {
        *out += &format!("- {}\n", markdown(reason));
    }
    if !reasons.is_empty() {
        out.push('\n');
    }
}

/// A table as Markdown.
pub(crate) fn table(table: &Table, out: &mut String) {
    let headings: Vec<String> =
        table.columns.iter().map(|column| markdown(&column.heading)).collect();
    let alignments: Vec<&str> =
        table.columns.iter().map(|column| if column.words { "---" } else { "--:" }).collect();
    *out += &format!("| {} |\n|{}|\n", headings.join(" | "), alignments.join("|"));
    for row in &table.rows {
        let mut cells: Vec<String> = match row {
            Row::Group(name, remark) if remark.is_empty() => {
                vec![format!("**{}**", markdown(name))]
            }
            Row::Group(name, remark) => {
                vec![format!("**{}** <br> {}", markdown(name), markdown(remark))]
            }
            Row::Cells(cells) => cells.iter().map(|cell| markdown(&cell.text)).collect(),
        };
        cells.resize(table.columns.len(), String::new());
        *out += &format!("| {} |\n", cells.join(" | "));
    }
    out.push('\n');
}
