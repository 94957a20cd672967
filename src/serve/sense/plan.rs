//! Which tools a question is for, with which arguments, in which order.
//!
//! Guarantees: a function of the question and the tools alone, so the plan is the same in every
//! round of a conversation, and ends.
//!
//! Does not know: what was called already.

use std::collections::BTreeSet;

use serde_json::Value;

use super::fill::{Statement, arguments};
use super::talk::Talk;
use super::tools::{FITS, Offer, ToolFit, ToolPurpose, asks_something, common};
use super::words::{split, stem};

/// Most different tools for one question.
const MAX_TOOLS: usize = 8;

/// A call that a question is for.
#[derive(Clone, Debug, PartialEq)]
pub struct Planned {
    /// Place of the tool among the request's.
    pub tool: usize,
    /// The arguments.
    pub input: Value,
}

/// Every stem of a text, of words that say nothing too.
fn all_stems(text: &str) -> BTreeSet<String> {
    split(text).into_iter().map(|(_, word)| stem(&word)).collect()
}

/// How well each tool fits.
#[must_use]
pub fn fits(offers: &[Offer], question: &Statement) -> Vec<ToolFit> {
    let (asked, common) = (all_stems(&question.text), common(offers));
    offers.iter().map(|offer| offer.fit(question, &asked, &common)).collect()
}

/// The tools of this purpose that fit, the best first, as long as each adds something that the
/// question names.
fn chosen(offers: &[Offer], fits: &[ToolFit], purpose: ToolPurpose) -> Vec<usize> {
    let mut order: Vec<(usize, &ToolFit)> = fits.iter().enumerate().collect();
    order.retain(|(at, fit)| {
        fit.score >= FITS && offers.get(*at).is_some_and(|offer| offer.purpose == purpose)
    });
    order.sort_by_key(|(at, fit)| (std::cmp::Reverse(fit.score), *at));
    let mut named: BTreeSet<&String> = BTreeSet::new();
    let mut tools = Vec::new();
    for (at, fit) in order {
        if tools.is_empty() || fit.named.iter().any(|stem| !named.contains(stem)) {
            named.extend(&fit.named);
            tools.push(at);
        }
        if tools.len() >= MAX_TOOLS {
            break;
        }
    }
    tools
}

/// The part of the question for each of several tools: each clause belongs to the tool that it
/// names, or to the one before it.
fn parts(question: &str, tools: &[usize], fits: &[ToolFit]) -> Vec<String> {
    if tools.len() < 2 {
        return vec![question.to_owned(); tools.len()];
    }
    let marks = [", and ", " and ", " then ", ", ", "; ", ". ", "? ", "! ", "\n"];
    let mut clauses = vec![question.to_owned()];
    for mark in marks {
        clauses = clauses
            .iter()
            .flat_map(|clause| clause.split(mark).map(str::to_owned).collect::<Vec<_>>())
            .filter(|clause| !clause.trim().is_empty())
            .collect();
    }
    let mut parts = vec![String::new(); tools.len()];
    let mut waiting = String::new();
    let mut current = None;
    for clause in clauses {
        let asked = all_stems(&clause);
        let own = tools.iter().position(|tool| {
            fits.get(*tool).is_some_and(|fit| fit.named.iter().any(|stem| asked.contains(stem)))
        });
        current = own.or(current);
        let place = current.and_then(|at| parts.get_mut(at));
        match place {
            Some(part) => {
                part.push_str(&std::mem::take(&mut waiting));
                part.push_str(&clause);
                part.push_str(", ");
            }
            None => waiting += &format!("{clause}, "),
        }
    }
    parts
}

/// The calls for one tool: with what its part of the question states, or else all of it.
fn calls(offer: &Offer, tool: usize, part: &str, whole: &Statement) -> Vec<Planned> {
    let own = Statement::of(part, None);
    let subject = if part == whole.text { whole.subject.clone() } else { own.subject.clone() };
    let own = Statement { subject, ..own };
    let enough = |statement: &Statement| {
        let (filled, required) = super::fill::evidence(&offer.schema, statement);
        filled >= required
    };
    let statement = if enough(&own) || !enough(whole) { &own } else { whole };
    // A schema that nothing satisfies binds no model: it calls with what it likes.
    let inputs = arguments(&offer.schema, statement)
        .unwrap_or_else(|_| vec![Value::Object(serde_json::Map::new())]);
    inputs.into_iter().map(|input| Planned { tool, input }).collect()
}

/// The calls of tools that do something which a question is for; none if no tool fits. `fits` says
/// how well each tool does.
#[must_use]
pub fn plan(offers: &[Offer], fits: &[ToolFit], talk: &Talk, question: &Statement) -> Vec<Planned> {
    let tools = chosen(offers, fits, ToolPurpose::Work);
    if !tools.is_empty() {
        let parts = parts(&question.text, &tools, fits);
        let each = tools.iter().zip(&parts).filter_map(|(tool, part)| {
            let part = if part.trim().is_empty() { &question.text } else { part };
            Some(calls(offers.get(*tool)?, *tool, part, question))
        });
        return each.flatten().collect();
    }
    // "And in London?" goes on with the tool of the question before.
    if let Some(last) = &talk.last_tool
        && let Some(at) = offers
            .iter()
            .position(|offer| offer.name == *last && offer.purpose == ToolPurpose::Work)
        && let Some(offer) = offers.get(at)
    {
        let (filled, required) = super::fill::evidence(&offer.schema, question);
        if required > 0 && filled == required {
            return calls(offer, at, &question.text, question);
        }
    }
    let searching =
        offers.iter().position(Offer::searches).filter(|_| asks_something(&question.text));
    match searching.and_then(|at| Some((at, offers.get(at)?))) {
        Some((at, offer)) => calls(offer, at, &question.text, question),
        None => Vec::new(),
    }
}

/// The call of one tool, whether it fits or not.
#[must_use]
pub fn one_call(offers: &[Offer], tool: usize, question: &Statement) -> Vec<Planned> {
    offers.get(tool).map(|offer| calls(offer, tool, &question.text, question)).unwrap_or_default()
}

/// The handoff that fits best.
#[must_use]
pub fn handoff(offers: &[Offer], fits: &[ToolFit]) -> Option<usize> {
    let best = offers
        .iter()
        .zip(fits)
        .enumerate()
        .filter(|(_, (offer, fit))| offer.purpose == ToolPurpose::Handoff && fit.score >= 2)
        .max_by_key(|(at, (_, fit))| (fit.score, std::cmp::Reverse(*at)));
    best.map(|(at, _)| at)
}
