//! A document as GitHub's Markdown, for a comment on a pull request: the decision first, details
//! folded away.
//!
//! Guarantees: text from scenarios, models and events stays text: it opens no tag, leaves no cell
//! and mentions nobody.

use super::data::Report;
use super::document::{
    CheckRow, Checklist, DecisionBox, Element, Fact, Level, List, Medium, Section,
};
use super::escape::{markdown, plain};
use super::sections::document;
use super::table::{Row, Table, Tone};

/// The report as Markdown.
#[must_use]
pub fn to_markdown(report: &Report) -> String {
    document_to_markdown(&document(report))
}

/// A document as Markdown.
#[must_use]
pub(crate) fn document_to_markdown(document: &[Element<'_>]) -> String {
    let mut out = String::new();
    elements(document, false, &mut out);
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

/// The elements; without their facts where those are in a table of their own.
fn elements(all: &[Element<'_>], without_facts: bool, out: &mut String) {
    for element in Medium::Comment.order(all) {
        match element {
            Element::Title(_) | Element::Gallery(_) | Element::Scorecard(_) => {}
            Element::Section(own) => section(own, without_facts, out),
            Element::Note(text, Tone::Dim) => *out += &format!("_{}_\n\n", markdown(text)),
            Element::Note(text, _) => *out += &format!("{}\n\n", markdown(text)),
            Element::Facts(own) => {
                if !without_facts {
                    facts(own.iter(), out);
                }
            }
            Element::Table(own) => table(own, out),
            Element::Checklist(own) => checklist(own, out),
            Element::List(own) => list(own, out),
            Element::Graph(graph) => {
                // Indented lines are code: nothing in them has a meaning of its own.
                graph.tree(100).iter().for_each(|line| *out += &format!("    {line}\n"));
                out.push('\n');
            }
            Element::Lines(lines) => {
                lines.iter().for_each(|line| *out += &format!("    {}\n", plain(line)));
                out.push('\n');
            }
            Element::Decision(own) => decision(own, out),
        }
    }
}

/// A section with its heading; neither where it has nothing to show.
fn section(section: &Section<'_>, without_facts: bool, out: &mut String) {
    let mut inside = String::new();
    if section.folded && !without_facts {
        // One table for all facts in it: each of its own would have an empty heading.
        let mut all = Vec::new();
        collect(&section.elements, &mut all);
        if !all.is_empty() {
            facts(all.into_iter(), &mut inside);
        }
    }
    elements(&section.elements, without_facts || section.folded, &mut inside);
    if inside.is_empty() {
        return;
    }
    let title = markdown(&section.title);
    *out += &match section.level {
        _ if title.is_empty() => inside,
        _ if section.folded && !without_facts => {
            format!("<details><summary>{title}</summary>\n\n{inside}</details>\n\n")
        }
        _ if without_facts => format!("**{title}**\n\n{inside}"),
        Level::Experiment => format!("## {title}\n\n{inside}"),
        Level::Chapter | Level::Section | Level::Detail => format!("### {title}\n\n{inside}"),
    };
}

/// All facts in these elements and in their sections.
fn collect<'e>(elements: &'e [Element<'_>], all: &mut Vec<&'e Fact>) {
    for element in Medium::Comment.order(elements) {
        match element {
            Element::Facts(facts) => all.extend(facts),
            Element::Section(section) => collect(&section.elements, all),
            _ => {}
        }
    }
}

fn facts<'f>(facts: impl Iterator<Item = &'f Fact>, out: &mut String) {
    *out += "| | |\n|---|---|\n";
    for fact in facts.filter(|fact| !fact.not_in.contains(&Medium::Comment)) {
        *out += &format!("| {} | {} |\n", markdown(&fact.label), markdown(&fact.text));
    }
    out.push('\n');
}

fn checklist(list: &Checklist, out: &mut String) {
    let shown = list.rows.iter().filter(|row| !(list.brief && row.mark.tone == Tone::Good));
    let (named, warnings): (Vec<&CheckRow>, Vec<&CheckRow>) =
        shown.partition(|row| !row.name.is_empty());
    let columns = named.iter().any(|row| row.compared.is_some());
    if columns {
        *out += "| | criterion | found | required |\n|---|---|---|---|\n";
    }
    for row in &named {
        let (mark, name) = (row.mark.comment, markdown(&row.name));
        *out += &match &row.compared {
            Some(compared) => {
                let inset = "&nbsp;&nbsp;".repeat(row.depth.min(8));
                let (found, required) = (markdown(&compared.found), markdown(&compared.required));
                format!("| {mark} | {inset}{name}{} | {found} | {required} |\n", compared.remark)
            }
            None if row.detail.is_empty() => format!("- {mark} {name}\n"),
            None => format!("- {mark} {name}: {}\n", markdown(&row.detail)),
        };
    }
    if !named.is_empty() {
        out.push('\n');
    }
    for row in warnings {
        *out += &format!("> {} {}\n\n", row.mark.comment, markdown(&row.detail));
    }
}

fn list(list: &List, out: &mut String) {
    for (at, (text, remark)) in list.items.iter().enumerate() {
        let bullet = if list.numbered { format!("{}.", at + 1) } else { "-".to_owned() };
        let remark =
            if remark.is_empty() { String::new() } else { format!(" ({})", markdown(remark)) };
        *out += &format!("{bullet} {}{remark}\n", markdown(text));
    }
    if !list.items.is_empty() {
        out.push('\n');
    }
}

fn decision(decision: &DecisionBox, out: &mut String) {
    *out += &match decision.sign {
        Some(sign) => format!("> {sign} **{}**\n\n", markdown(&decision.headline)),
        None => format!("{}\n\n", markdown(&decision.headline)),
    };
    for (text, _) in &decision.lines {
        *out += &format!("{}\n\n", markdown(text));
    }
}

/// A table as Markdown.
fn table(table: &Table, out: &mut String) {
    let table = table.without_sketches();
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
