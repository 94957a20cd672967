//! Looking an answer over, and sending it back where it is not good enough.

use std::sync::Arc;

use super::prose;
use super::read::{boolean, field};
use crate::knowledge::{Grade, KnowledgeBase};
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{Critique, ModelReply, Prompt, RouteChoice, Said, Situation};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, UnreadableAnswer};
use crate::random::Purpose;

/// The schema of a critique, as a tool of its own.
const CRITIQUE_SCHEMA: &str = r#"Critique
Whether the answer is good enough, and what has to change.
{"type": "object", "properties": {"revise": {"type": "boolean", "description": "whether the answer has to be written again"}, "critique": {"type": "string", "description": "what has to change"}}, "required": ["revise", "critique"], "additionalProperties": false}"#;

/// Tokens of a critique: the median. Assumed.
const CRITIQUE_TOKENS: f64 = 60.0;

/// Critiquing.
pub(super) struct Critiquing;

impl Behavior for Critiquing {
    fn purpose(&self) -> Purpose {
        Purpose::Node
    }

    fn schema(&self) -> Option<&'static str> {
        Some(CRITIQUE_SCHEMA)
    }

    fn mock(
        &self,
        _mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let chance = match prompt.subject.situation {
            Situation::Critiques { grade: Some(Grade::Weak), catches, .. } => {
                catches.unwrap_or(model.quality.get())
            }
            Situation::Critiques { nags, .. } => nags.unwrap_or(model.weakness.get()),
            _ => 0.0,
        };
        let text = prose(model, prompt, luck, CRITIQUE_TOKENS);
        let revise = luck.first < chance;
        (ModelReply::Critique(Critique { revise, text: Said::Recipe(text) }), text.tokens)
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let value = spoken.object()?;
        let revise = boolean(&value, "revise")?;
        let text = Said::Words(Arc::from(field(&value, "critique")?));
        Ok(ModelReply::Critique(Critique { revise, text }))
    }
}
