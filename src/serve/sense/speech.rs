//! What a model says to a question that the scenario knows nothing about: a short answer in the
//! question's own words, or in those of the results.
//!
//! Guarantees: the same question and number give the same words; the answer is short however long
//! the texts.
//!
//! Does not know: the true answer to anything.

use serde_json::Value;

use super::talk::ToolCallRecord;
use super::words::beginning;

/// Most characters of a question's subject, and of a result.
const MAX_SUBJECT: usize = 80;
const MAX_RESULT: usize = 300;
/// Most results that are named.
const MAX_RESULTS: usize = 8;

/// Words that a model is going to say; which of several wordings follows from a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speech {
    /// About this subject.
    About(String),
    /// A greeting is answered.
    Greeting,
    /// What the calls gave.
    Results(Vec<(String, String)>),
    /// These words.
    Words(String),
    /// One of these.
    Choice(Vec<String>),
}

impl Speech {
    /// What calls gave, in the order of the calls.
    #[must_use]
    pub fn of_results(done: &[ToolCallRecord]) -> Self {
        let told = done.iter().filter(|done| !done.result.trim().is_empty());
        Self::Results(
            told.take(MAX_RESULTS).map(|done| (done.tool.clone(), told_by(&done.result))).collect(),
        )
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::About(text) | Self::Words(text) => text.len(),
            Self::Greeting => 0,
            Self::Results(all) => all.iter().map(|(tool, told)| tool.len() + told.len()).sum(),
            Self::Choice(all) => all.iter().map(String::len).sum(),
        }
    }

    /// About the subject of a question.
    #[must_use]
    pub fn about(subject: &str) -> Self {
        Self::About(beginning(subject, MAX_SUBJECT))
    }

    /// The words.
    #[must_use]
    pub fn text(&self, wording: u64) -> String {
        match self {
            Self::Words(text) => text.clone(),
            Self::Choice(options) => {
                let nth = wording.checked_rem(options.len() as u64).unwrap_or_default();
                options.get(nth as usize).cloned().unwrap_or_default()
            }
            Self::Greeting => {
                const HELLOS: [&str; 3] = [
                    "Hello! How can I help you?",
                    "Hi! What can I do for you?",
                    "Hello, what would you like to know?",
                ];
                HELLOS.get((wording % 3) as usize).copied().unwrap_or_default().to_owned()
            }
            Self::About(subject) => match wording % 4 {
                0 => format!("Here is a short answer about {subject}. This model is simulated."),
                1 => format!("In short: {subject}. This answer is simulated."),
                2 => format!("About {subject}: this is a simulated answer."),
                _ => format!("This is a simulated answer about {subject}."),
            },
            Self::Results(results) => results_text(results, wording),
        }
    }
}

fn results_text(results: &[(String, String)], wording: u64) -> String {
    match results {
        [] => "The tools gave no result.".to_owned(),
        [(_, result)] => match wording % 3 {
            0 => format!("{}{}", result, stop(result)),
            1 => format!("Here is what I found: {}{}", result, stop(result)),
            _ => format!("The result: {}{}", result, stop(result)),
        },
        several => {
            let lines: Vec<String> =
                several.iter().map(|(tool, result)| format!("- {tool}: {result}")).collect();
            format!("Here is what I found:\n{}", lines.join("\n"))
        }
    }
}

fn stop(text: &str) -> &'static str {
    if text.ends_with(['.', '!', '?', '…']) { "" } else { "." }
}

/// A result in words: the fields of a JSON object one after the other.
#[must_use]
pub fn told_by(result: &str) -> String {
    let told = match serde_json::from_str::<Value>(result) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => fields(&value),
        Ok(Value::String(text)) => text,
        _ => result.to_owned(),
    };
    beginning(&told, MAX_RESULT)
}

fn fields(value: &Value) -> String {
    match value {
        Value::Object(fields_) => {
            let each = fields_.iter().map(|(name, value)| format!("{name}: {}", fields(value)));
            each.collect::<Vec<_>>().join(", ")
        }
        Value::Array(items) => items.iter().map(fields).collect::<Vec<_>>().join("; "),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
