//! Splitting a question into subtasks.

use std::sync::Arc;

use serde_json::Value;

use super::prose;
use crate::knowledge::KnowledgeBase;
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{ModelReply, Prompt, RouteChoice, Said, Situation, Subtasks};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, UnreadableAnswer};
use crate::random::Purpose;

/// The schema of a plan, as a tool of its own.
const PLAN_SCHEMA: &str = r#"Plan
The subtasks that answer the question together.
{"type": "object", "properties": {"subtasks": {"type": "array", "items": {"type": "string"}, "description": "one instruction for each subtask"}}, "required": ["subtasks"], "additionalProperties": false}"#;

/// Tokens of a plan beside its subtasks, and of each subtask: medians. Assumed.
const PLAN_TOKENS: f64 = 20.0;
const SUBTASK_TOKENS: f64 = 25.0;

/// Planning.
pub(super) struct Planning;

impl Behavior for Planning {
    fn purpose(&self) -> Purpose {
        Purpose::Node
    }

    fn schema(&self) -> Option<&'static str> {
        Some(PLAN_SCHEMA)
    }

    fn mock(
        &self,
        _mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let (least, most) = match prompt.subject.situation {
            Situation::Plans(least, most) => (least, most),
            _ => (1, 1),
        };
        let choices = f64::from(most.saturating_sub(least)) + 1.0;
        let count = least.saturating_add((luck.first * choices) as u8).min(most);
        let median = PLAN_TOKENS + SUBTASK_TOKENS * f64::from(count);
        let text = prose(model, prompt, luck, median);
        (
            ModelReply::Plan(Subtasks { count, text: Said::Recipe(text), words: Vec::new() }),
            text.tokens,
        )
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let value = spoken.object()?;
        let Some(subtasks) = value.get("subtasks").and_then(Value::as_array) else {
            return Err(UnreadableAnswer::malformed("the list `subtasks` is missing"));
        };
        let words: Vec<Arc<str>> =
            subtasks.iter().filter_map(Value::as_str).map(Arc::from).collect();
        if words.is_empty() {
            return Err(UnreadableAnswer::malformed("the list `subtasks` has no text"));
        }
        Ok(ModelReply::Plan(Subtasks {
            count: u8::try_from(words.len()).unwrap_or(u8::MAX),
            text: Said::Words(Arc::from(words.join("\n"))),
            words,
        }))
    }
}
