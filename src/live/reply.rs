//! From a recorded answer to what the engine is told: structured answers are read, tool calls found
//! among the scenario's tools, and everything else is text.
//!
//! Guarantees: a pure function of the task and the answer, so a replay reads what the run read.
//! What cannot be read says why.
//!
//! Does not know: where the answer came from.

use serde_json::Value;

use crate::live::recording::Answered;
use crate::llm::chat::ToolUse;
use crate::llm::model::{ModelReply, RouteChoice};
use crate::llm::tasks::{self, ModelAnswer, Task, UnreadableAnswer};
use crate::scenario::Scenario;

/// Reads an answer to a prompt with this task, in which tools were offered or not, and which had
/// these routes.
///
/// # Errors
/// When it refuses, or is not what was asked for.
pub fn read(
    scenario: &Scenario,
    task: Task,
    prompt: (bool, &[RouteChoice]),
    answered: &Answered,
) -> Result<ModelReply, UnreadableAnswer> {
    let call = answered.tools.first().map(|wish| ToolUse {
        id: wish.id.clone(),
        name: wish.name.clone(),
        input: wish.input.clone(),
    });
    let spoken = ModelAnswer { text: &answered.text, call: call.as_ref(), stop: &answered.stop };
    tasks::read(task, prompt, &spoken, &scenario.knowledge, &scenario.tools)
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
