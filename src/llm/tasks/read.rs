//! The words of a real model, and what is wrong with them.
//!
//! Does not know: where they came from.

use std::sync::Arc;

use serde_json::Value;

use crate::journal::FailureKind;
use crate::llm::chat::{OfferedTool, ToolChoice, ToolUse};

/// What a real model said.
#[derive(Clone, Copy, Debug)]
pub struct ModelAnswer<'a> {
    /// Its words.
    pub text: &'a str,
    /// Its first tool call, if it made one.
    pub call: Option<&'a ToolUse>,
    /// Why it ended: `end_turn`, `max_tokens`, `stop_sequence`, `tool_use`, `refusal` or
    /// `content_filter`.
    pub stop: &'a str,
}

/// Why an answer is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableAnswer {
    /// What it counts as.
    pub kind: FailureKind,
    /// What is wrong with it; told to the model when it is asked again.
    pub reason: String,
}

impl UnreadableAnswer {
    pub(super) fn malformed(reason: impl Into<String>) -> Self {
        Self { kind: FailureKind::Malformed, reason: reason.into() }
    }
}

impl ModelAnswer<'_> {
    /// Fails on a refusal.
    pub(super) fn refused(&self) -> Result<(), UnreadableAnswer> {
        let reason = match self.stop {
            "refusal" => "the model refused",
            "content_filter" => "the provider's filter cut it off",
            _ => return Ok(()),
        };
        Err(UnreadableAnswer { kind: FailureKind::Refusal, reason: reason.to_owned() })
    }

    /// The words without space around them.
    pub(super) fn words(&self) -> Result<Arc<str>, UnreadableAnswer> {
        match self.text.trim() {
            "" => Err(UnreadableAnswer::malformed("it is empty")),
            text => Ok(Arc::from(text)),
        }
    }

    /// The object of a structured answer: the arguments of its tool call, or JSON in its words.
    pub(super) fn object(&self) -> Result<Value, UnreadableAnswer> {
        let text = match self.call {
            Some(call) => call.input.as_str(),
            // Some models wrap JSON in a fence.
            None => self
                .text
                .find('{')
                .zip(self.text.rfind('}'))
                .map_or("", |(from, to)| self.text.get(from..=to).unwrap_or("")),
        };
        match serde_json::from_str::<Value>(text) {
            Ok(value) if value.is_object() => Ok(value),
            _ if self.stop == "max_tokens" => {
                Err(UnreadableAnswer::malformed("it was cut off at the limit of its tokens"))
            }
            _ => Err(UnreadableAnswer::malformed("it is no JSON object")),
        }
    }
}

/// A field that is true or false, or that it is missing.
pub(super) fn boolean(value: &Value, name: &str) -> Result<bool, UnreadableAnswer> {
    let found = value.get(name).and_then(Value::as_bool);
    found.ok_or_else(|| UnreadableAnswer::malformed(format!("the boolean `{name}` is missing")))
}

/// A field's text, or that it is missing.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> Result<&'a str, UnreadableAnswer> {
    value
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| UnreadableAnswer::malformed(format!("the text `{name}` is missing")))
}

/// The one tool that stands for a structured answer.
pub(super) fn forced(schema: &str) -> (Vec<OfferedTool>, ToolChoice) {
    let mut lines = schema.lines().map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let tool = OfferedTool { name: line(), description: line(), schema: line() };
    (vec![tool.clone()], ToolChoice::Named(tool.name))
}
