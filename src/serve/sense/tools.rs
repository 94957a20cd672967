//! The tools of a request: what each is for, and how well it fits a question.
//!
//! Does not know: with which arguments a tool is called.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::fill::{Statement, evidence};
use super::slots::properties;
use super::words::{is_empty, split, stem, stems};
use crate::llm::chat::{ChatRequest, OfferedTool};

/// What a tool is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolPurpose {
    /// It does something or finds something out.
    Work,
    /// It hands the conversation over to another agent.
    Handoff,
    /// It takes the answer.
    Final,
}

/// A tool on offer.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: ToolPurpose,
    /// The schema of its arguments.
    pub schema: Value,
    /// Stems of its name; of a handoff's, those of the other agent.
    name_stems: BTreeSet<String>,
    /// Stems of its description and of the names of its arguments.
    other_stems: BTreeSet<String>,
    searches: bool,
}

/// How well a tool fits a question.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolFit {
    /// From [`FITS`] on, it does.
    pub score: u32,
    /// What of its name the question has.
    pub named: BTreeSet<String>,
}

/// From here on a tool fits.
pub const FITS: u32 = 6;

/// What stands behind the mark of a handoff in a tool's name.
#[must_use]
pub fn handed_to(name: &str) -> Option<&str> {
    const MARKS: [&str; 7] = [
        "transfer_to_",
        "transfer_back_to_",
        "handoff_to_",
        "hand_off_to_",
        "delegate_to_",
        "handover_to_",
        "handoff_",
    ];
    MARKS.iter().find_map(|mark| name.strip_prefix(mark)).filter(|to| !to.is_empty())
}

/// Whether a tool takes the answer: by its name, by what it says, or by being named like a type
/// where others are named like functions (`functions`).
fn is_final(tool: &OfferedTool, functions: bool) -> bool {
    const NAMES: [&str; 10] = [
        "final_result",
        "final_answer",
        "final_output",
        "final_response",
        "submit",
        "submit_answer",
        "respond",
        "structured_output",
        "output",
        "finish",
    ];
    const TOLD: [&str; 7] = [
        "final response",
        "final tool",
        "final answer",
        "final result",
        "structured output",
        "end this conversation",
        "response to the user",
    ];
    let name = tool.name.to_lowercase();
    let description = tool.description.to_lowercase();
    let typed = |name: &str| {
        name.starts_with(|c: char| c.is_ascii_uppercase())
            && name.contains(|c: char| c.is_ascii_lowercase())
    };
    NAMES.contains(&name.as_str())
        || name.starts_with("final_result")
        || TOLD.iter().any(|told| description.contains(told))
        || (typed(&tool.name) && functions)
}

/// The tools of a request, in its order.
#[must_use]
pub fn offers(request: &ChatRequest) -> Vec<Offer> {
    let function = |tool: &OfferedTool| tool.name.starts_with(|c: char| c.is_ascii_lowercase());
    let functions = request.tools.iter().any(function);
    let one = |tool: &OfferedTool| {
        let purpose = match (handed_to(&tool.name), is_final(tool, functions)) {
            (Some(_), _) => ToolPurpose::Handoff,
            (_, true) => ToolPurpose::Final,
            _ => ToolPurpose::Work,
        };
        let schema: Value = serde_json::from_str(&tool.schema).unwrap_or_default();
        let fields = properties(&schema);
        let arguments: Vec<&str> =
            fields.map(|fields| fields.keys().map(String::as_str).collect()).unwrap_or_default();
        let name = handed_to(&tool.name).unwrap_or(&tool.name);
        let mut name_stems = stems(name);
        if name_stems.is_empty() {
            name_stems = split(name).into_iter().map(|(_, word)| stem(&word)).collect();
        }
        // Every handoff says "agent", so the word tells none apart.
        name_stems.remove(&stem("agent"));
        let told = tool.description.split('.').take(4).collect::<Vec<_>>().join(".");
        let mut other_stems = stems(&format!("{told} {}", arguments.join(" ")));
        for word in ["agent", "handoff", "handle", "request", "assistant", "query", "transfer"] {
            other_stems.remove(&stem(word));
        }
        let lower = format!("{} {told}", tool.name).to_lowercase();
        let finds =
            ["search", "retriev", "lookup", "look up", "knowledge", "find ", "docs", "document"];
        let asks = [
            "query",
            "question",
            "q",
            "search_query",
            "input",
            "text",
            "search",
            "keywords",
            "topic",
        ];
        let searches = purpose == ToolPurpose::Work
            && finds.iter().any(|word| lower.contains(word))
            && arguments.iter().any(|name| asks.contains(name));
        Offer { name: tool.name.clone(), purpose, schema, name_stems, other_stems, searches }
    };
    request.tools.iter().map(one).collect()
}

impl Offer {
    /// How well it fits a question; `common` are the words that most tools have in their names.
    #[must_use]
    pub fn fit(
        &self,
        question: &Statement,
        asked: &BTreeSet<String>,
        common: &BTreeSet<String>,
    ) -> ToolFit {
        let named: BTreeSet<String> = self
            .name_stems
            .difference(common)
            .filter(|stem| asked.contains(*stem))
            .cloned()
            .collect();
        let others =
            self.other_stems.iter().filter(|stem| asked.contains(*stem) && !named.contains(*stem));
        let mut score = named.len() as u32 * 6 + others.count() as u32 * 2;
        if score > 0 || self.purpose == ToolPurpose::Work {
            let (filled, required) = evidence(&self.schema, question);
            // Arguments that stand in the question speak for a tool that something else speaks for.
            if required > 0 && filled == required {
                score += if score > 0 { 2 } else { 1 };
            }
        }
        let sums = ["calculate", "math"].iter().any(|word| self.name_stems.contains(&stem(word)))
            || self.other_stems.contains(&stem("expression"));
        let formula =
            question.facts.iter().any(|fact| fact.kind == super::facts::FactKind::Expression);
        if sums && formula {
            score += 6;
        }
        ToolFit { score, named }
    }

    /// Whether it searches for whatever it is asked.
    #[must_use]
    pub fn searches(&self) -> bool {
        self.searches
    }
}

/// The words that more than half of several tools have in their names.
#[must_use]
pub fn common(offers: &[Offer]) -> BTreeSet<String> {
    let mut counts: BTreeMap<&String, usize> = BTreeMap::new();
    for stem in offers.iter().flat_map(|offer| &offer.name_stems) {
        *counts.entry(stem).or_default() += 1;
    }
    counts.retain(|_, count| offers.len() > 2 && *count * 2 > offers.len());
    counts.into_keys().cloned().collect()
}

/// Whether a text asks something or tells somebody to do something, and is no mere greeting.
#[must_use]
pub fn asks_something(text: &str) -> bool {
    let said = split(text);
    let telling = said.iter().filter(|(_, word)| !is_empty(word)).count();
    text.contains('?') && said.len() > 2 || telling >= 2
}
