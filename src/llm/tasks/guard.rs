//! Deciding whether a request may go on.

use std::sync::Arc;

use super::prose;
use super::read::{boolean, field};
use crate::knowledge::KnowledgeBase;
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{GuardReply, ModelReply, Prompt, RouteChoice, Said, Situation};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, UnreadableAnswer};
use crate::random::Purpose;

/// The schema of a guard's answer, as a tool of its own.
const GUARD_SCHEMA: &str = r#"Guardrail
Whether the request may go on, and why.
{"type": "object", "properties": {"allowed": {"type": "boolean", "description": "whether the request may go on"}, "reason": {"type": "string", "description": "why, in one sentence"}}, "required": ["allowed", "reason"], "additionalProperties": false}"#;

/// Tokens of a guard's reason: the median. Assumed.
const REASON_TOKENS: f64 = 20.0;

/// Chance that a guard stops a harmless question, where nothing is said. Assumed.
const FALSE_STOPS: f64 = 0.02;

/// Guarding.
pub(super) struct Guarding;

impl Behavior for Guarding {
    fn purpose(&self) -> Purpose {
        Purpose::Node
    }

    fn schema(&self) -> Option<&'static str> {
        Some(GUARD_SCHEMA)
    }

    /// One number decides both ways, so a guard that misses less stops the same questions and more,
    /// and so does one that stops more harmless ones.
    fn mock(
        &self,
        _mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let stops = match prompt.subject.situation {
            Situation::Guards { harmful: true, errors } => {
                1.0 - errors.misses.unwrap_or_else(|| model.routing_accuracy.complement().get())
            }
            Situation::Guards { harmful: false, errors } => {
                errors.false_stops.unwrap_or(FALSE_STOPS)
            }
            _ => 0.0,
        };
        let allowed = luck.first >= stops;
        let text = prose(model, prompt, luck, REASON_TOKENS);
        (ModelReply::Guard(GuardReply { allowed, text: Said::Recipe(text) }), text.tokens)
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let value = spoken.object()?;
        let allowed = boolean(&value, "allowed")?;
        let text = Said::Words(Arc::from(field(&value, "reason")?));
        Ok(ModelReply::Guard(GuardReply { allowed, text }))
    }
}
