//! A conversation as a model reads it: what is asked, what was called for it, and what came of that.
//!
//! Guarantees: any request is read as something. Results that a framework writes as words of the
//! user ("Observation: …") are results.
//!
//! Does not know: which tools there are.

use std::collections::BTreeMap;

use super::notes::without_notes;
use super::steps;
use crate::llm::chat::{ChatRequest, ContentPart, Message, Role};

/// A call that was made for the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCallRecord {
    /// The tool's name.
    pub tool: String,
    /// The arguments, as JSON.
    pub input: String,
    /// What came of it.
    pub result: String,
    /// Whether the result asks for the same call with other arguments.
    pub again: bool,
    /// The number of the message in which it was called.
    pub round: usize,
}

/// A conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Talk {
    /// What is asked last.
    pub question: String,
    /// What is to be done: the question without what a prompt puts around it.
    pub task: String,
    /// The calls that were made for the question, oldest first.
    pub done: Vec<ToolCallRecord>,
    /// The tool that was called last before the question.
    pub last_tool: Option<String>,
}

/// Beginnings of results that are written as words of the user.
const OBSERVED: [&str; 4] = ["Observation:", "Observations:", "Call id:", "Error:\n"];
/// Words with which frameworks ask for a corrected call.
const AGAIN: [&str; 6] = [
    "fix the errors and try again",
    "please fix your mistakes",
    "recall the function correctly",
    "validation error",
    "now let's retry",
    "invalid arguments",
];

fn words(message: &Message) -> String {
    let texts = message.content.iter().filter_map(|part| match part {
        ContentPart::Text(text) => Some(without_notes(text)).filter(|text| !text.is_empty()),
        _ => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

fn is_observed(text: &str) -> bool {
    let text = text.trim_start();
    OBSERVED.iter().any(|mark| text.starts_with(mark))
}

/// Whether a user's message asks something, and does not only hand results over.
fn asks(message: &Message) -> bool {
    let results = message.content.iter().any(|part| matches!(part, ContentPart::ToolResult(_)));
    let text = words(message);
    message.role == Role::User && !results && !text.trim().is_empty() && !is_observed(&text)
}

/// Whether a result asks for the same call again.
#[must_use]
pub fn asks_again(result: &str) -> bool {
    let lower = result.to_lowercase();
    AGAIN.iter().any(|mark| lower.contains(mark))
}

impl Talk {
    /// Reads the conversation of a request.
    #[must_use]
    pub fn of(request: &ChatRequest) -> Self {
        let messages = &request.messages;
        match messages.iter().rposition(asks).or_else(|| messages.iter().rposition(says)) {
            Some(last) => read(messages, last),
            None => Self::default(),
        }
    }

    /// Reads it as a model works on it: who is told to put the last answer right, or into a form,
    /// still works on the question before; and steps that are written as words are calls.
    #[must_use]
    pub fn worked_on(request: &ChatRequest) -> Self {
        let messages = &request.messages;
        let Some(last) = messages.iter().rposition(asks) else { return Self::of(request) };
        let told = messages.get(last).map(words).unwrap_or_default();
        let before = messages.get(..last).unwrap_or_default();
        let question = |message: &Message| asks(message) && !points_back(&words(message));
        let meant = points_back(&told).then(|| before.iter().rposition(question)).flatten();
        let mut talk = read(messages, meant.unwrap_or(last));
        talk.task = steps::task(&talk.question).to_owned();
        let written = steps::steps(behind(&talk.question, &talk.task));
        let written = written.into_iter().filter_map(|step| {
            // The step that ends the work is none.
            let result = step.result.filter(|_| step.tool != "finish")?;
            let again = asks_again(&result);
            Some(ToolCallRecord { tool: step.tool, input: step.input, result, again, round: 0 })
        });
        talk.done.splice(0..0, written);
        if meant.is_some() {
            // The form may be told in either.
            talk.question = format!("{}\n\n{told}", talk.question);
        }
        talk
    }

    /// The calls whose results came last.
    pub fn last_results(&self) -> impl Iterator<Item = &ToolCallRecord> {
        let last = self.done.last().map(|done| done.round);
        self.done.iter().filter(move |done| Some(done.round) == last)
    }
}

/// Whether a user says something in a message.
fn says(message: &Message) -> bool {
    message.role == Role::User && !words(message).trim().is_empty()
}

/// Whether a text asks for the last answer once more: put right, or in another form.
fn points_back(text: &str) -> bool {
    const MOST: usize = 8 << 10;
    const BACK: [&str; 9] = [
        "fix the errors",
        "fix your mistakes",
        "fix your json",
        "correct your json",
        "correct the json",
        "recall the function correctly",
        "the previous response",
        "your previous response",
        "your last response",
    ];
    let lower = text.get(..text.floor_char_boundary(MOST.min(text.len()))).unwrap_or_default();
    let lower = lower.to_lowercase();
    BACK.iter().any(|mark| lower.contains(mark))
}

/// What stands behind a part of a text.
fn behind<'a>(text: &'a str, part: &str) -> &'a str {
    let at = text.rfind(part).map_or(0, |at| at + part.len());
    text.get(at..).unwrap_or_default()
}

/// The conversation about the question in this message.
fn read(messages: &[Message], last: usize) -> Talk {
    let task = |message: &Message| {
        let text = words(message);
        let text = text.trim();
        text.strip_prefix("New task:").map_or(text, str::trim).to_owned()
    };
    let before = messages.get(..last).unwrap_or_default();
    let called = |message: &Message| {
        message.content.iter().rev().find_map(|part| match part {
            ContentPart::ToolUse(call) => Some(call.name.clone()),
            _ => None,
        })
    };
    let question = messages.get(last).map(task).unwrap_or_default();
    Talk {
        task: question.clone(),
        question,
        done: done(messages.get(last + 1..).unwrap_or_default()),
        last_tool: before.iter().rev().find_map(called),
    }
}

/// The calls in these messages, with their results.
fn done(messages: &[Message]) -> Vec<ToolCallRecord> {
    let mut all: Vec<ToolCallRecord> = Vec::new();
    // The places of calls by id, and of those that are written as words and have no result yet.
    let (mut places, mut silent) = (BTreeMap::new(), Vec::new());
    for (round, role, part) in messages.iter().enumerate().flat_map(|(round, message)| {
        message.content.iter().map(move |part| (round, message.role, part))
    }) {
        match (role, part) {
            (_, ContentPart::ToolUse(call)) => {
                places.entry(call.id.as_str()).or_insert(all.len());
                all.push(ToolCallRecord {
                    tool: call.name.clone(),
                    input: call.input.clone(),
                    result: String::new(),
                    again: false,
                    round,
                });
            }
            (_, ContentPart::ToolResult(result)) => {
                let place = places.get(result.id.as_str());
                if let Some(done) = place.and_then(|at| all.get_mut(*at)) {
                    done.result = without_notes(&result.content).into_owned();
                    done.again = asks_again(&result.content);
                }
            }
            // Some frameworks write calls and results as words.
            (Role::Assistant, ContentPart::Text(text)) if text.contains("Action Input:") => {
                for step in steps::steps(text) {
                    if step.result.is_none() {
                        silent.push(all.len());
                    }
                    let result = step.result.unwrap_or_default();
                    let again = asks_again(&result);
                    let (tool, input) = (step.tool, step.input);
                    all.push(ToolCallRecord { tool, input, result, again, round });
                }
            }
            (Role::Assistant, ContentPart::Text(text)) if text.contains("Calling tools:") => {
                let names =
                    text.split("'name': '").skip(1).filter_map(|rest| rest.split('\'').next());
                for name in names {
                    silent.push(all.len());
                    all.push(ToolCallRecord {
                        tool: name.to_owned(),
                        input: String::new(),
                        result: String::new(),
                        again: false,
                        round,
                    });
                }
            }
            (Role::User, ContentPart::Text(text)) if is_observed(text) => {
                let result = text.trim().trim_start_matches("Observation:").trim();
                if result.is_empty() {
                    continue;
                }
                for at in silent.drain(..) {
                    let Some(done) = all.get_mut(at) else { continue };
                    result.clone_into(&mut done.result);
                    done.again = asks_again(result);
                }
            }
            _ => {}
        }
    }
    all
}
