//! From a recorded answer to what the engine is told: structured answers are read, tool calls found
//! among the scenario's tools, and everything else is text.
//!
//! Promises: a pure function of the prompt and the answer, so a replay reads what the run read.
//! What cannot be read says why.
//!
//! Does not know: where the answer came from.

use std::sync::Arc;

use serde_json::Value;

use crate::journal::{Caller, FailureKind, Label};
use crate::knowledge::{Route, TopicId};
use crate::live::recording::Answered;
use crate::llm::model::{CallWords, Prompt, Reply, Routing, Said, Screened};
use crate::scenario::Scenario;

/// Why an answer is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Useless {
    /// What it counts as.
    pub kind: FailureKind,
    /// What is wrong with it; told to the model when it is asked again.
    pub reason: String,
}

impl Useless {
    fn malformed(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Malformed, reason: reason.into() }
    }
}

/// The object of a structured answer: the arguments of its tool call, or JSON in its words.
fn object(answered: &Answered) -> Result<Value, Useless> {
    let text = match answered.tools.first() {
        Some(call) => call.input.as_str(),
        // Some models wrap JSON in a fence.
        None => answered
            .text
            .find('{')
            .zip(answered.text.rfind('}'))
            .map_or("", |(from, to)| answered.text.get(from..=to).unwrap_or("")),
    };
    match serde_json::from_str::<Value>(text) {
        Ok(value) if value.is_object() => Ok(value),
        _ if answered.stop == "max_tokens" => {
            Err(Useless::malformed("it was cut off at the limit of its tokens"))
        }
        _ => Err(Useless::malformed("it is no JSON object")),
    }
}

/// A field's text, or that it is missing.
fn field<'a>(value: &'a Value, name: &str) -> Result<&'a str, Useless> {
    value
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| Useless::malformed(format!("the text `{name}` is missing")))
}

/// Reads an answer to `prompt`.
///
/// # Errors
/// When it refuses, or is not what was asked for.
pub fn read(
    scenario: &Scenario,
    prompt: &Prompt<'_>,
    answered: &Answered,
) -> Result<Reply, Useless> {
    if matches!(answered.stop.as_str(), "refusal" | "content_filter") {
        let reason = if answered.stop == "refusal" {
            "the model refused"
        } else {
            "the provider's filter cut it off"
        };
        return Err(Useless { kind: FailureKind::Refusal, reason: reason.to_owned() });
    }
    let text = answered.text.trim();
    let spoken = || {
        if text.is_empty() { Err(Useless::malformed("it is empty")) } else { Ok(Arc::from(text)) }
    };
    match prompt.caller {
        Caller::Topics => {
            let base = &scenario.knowledge;
            let mut topics: Vec<TopicId> = Vec::new();
            for line in text.lines() {
                let line = line.trim().trim_start_matches(|c: char| {
                    c.is_ascii_digit() || matches!(c, '.' | ')' | '-' | '*' | '•' | ' ')
                });
                let found = base.topic_titled(line).or_else(|| base.topic_mentioned(line));
                topics.extend(found.filter(|topic| !topics.contains(topic)));
            }
            if topics.is_empty() {
                Err(Useless::malformed("none of its lines names a topic of the knowledge base"))
            } else {
                Ok(Reply::Topics(topics))
            }
        }
        Caller::Writer => spoken().map(|words| Reply::Question(Said::Words(words))),
        Caller::Supervisor => {
            let value = object(answered)?;
            let route = match field(&value, "recommended_route")? {
                "security_agent" => Route::Security,
                "support_agent" => Route::Support,
                other => {
                    return Err(Useless::malformed(format!(
                        "`recommended_route` is `{other}`, not security_agent or support_agent"
                    )));
                }
            };
            if value.get("likely_contains_pii").and_then(Value::as_bool).is_none() {
                return Err(Useless::malformed("the boolean `likely_contains_pii` is missing"));
            }
            let reasoning = value.get("reasoning").and_then(Value::as_str).unwrap_or_default();
            Ok(Reply::Routing(Routing {
                route,
                note: Said::Words(Arc::from(format!("Routing decision: {reasoning}"))),
            }))
        }
        Caller::Security => {
            let value = object(answered)?;
            let Some(detected) = value.get("detected").and_then(Value::as_bool) else {
                return Err(Useless::malformed("the boolean `detected` is missing"));
            };
            let redacted = field(&value, "redacted")?;
            let types = value.get("types").and_then(Value::as_array);
            let types: Vec<String> = types
                .into_iter()
                .flatten()
                .filter_map(|kind| Some(format!("'{}'", kind.as_str()?)))
                .collect();
            let detected_word = if detected { "True" } else { "False" };
            let findings =
                format!("PII Analysis: detected={detected_word}, types=[{}]", types.join(", "));
            Ok(Reply::Screening(Said::Words(Arc::new(Screened {
                text: Arc::from(redacted),
                findings: Arc::from(findings),
            }))))
        }
        Caller::Support => match answered.tools.first() {
            Some(wish) if prompt.offers_tools => {
                let Some(at) = scenario.tools.iter().position(|tool| tool.key == wish.name) else {
                    return Err(Useless::malformed(format!("there is no tool `{}`", wish.name)));
                };
                let (id, name, input) = (wish.id.clone(), wish.name.clone(), wish.input.clone());
                Ok(Reply::ToolCall(Said::Words(Arc::new(CallWords {
                    tool: at as u16,
                    note: answered.text.clone(),
                    id,
                    name,
                    input,
                }))))
            }
            _ => spoken().map(|words| Reply::Answer(Said::Words(words))),
        },
        Caller::Judge => {
            let word: String = text
                .chars()
                .skip_while(|c| !c.is_alphabetic())
                .take_while(|c| c.is_alphabetic())
                .collect();
            match word.to_lowercase().as_str() {
                "positive" => Ok(Reply::Label(Label::Positive)),
                "negative" => Ok(Reply::Label(Label::Negative)),
                "none" => Ok(Reply::Label(Label::None)),
                _ => Err(Useless::malformed("it is not one of positive, negative, none")),
            }
        }
    }
}

/// What a tool call asks for: its query, and how many results.
#[must_use]
pub fn asked(input: &str) -> (String, Option<u32>) {
    let value: Value = serde_json::from_str(input).unwrap_or_default();
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let number = |name: &str| u32::try_from(value.get(name)?.as_u64()?).ok();
    let last = text("results").and_then(|words| words.rsplit(' ').next()?.parse().ok());
    (
        text("query").unwrap_or_default().to_owned(),
        number("top_k").or_else(|| number("max_results")).or(last),
    )
}
