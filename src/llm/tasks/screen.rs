//! Redacting personal data.

use std::sync::Arc;

use serde_json::Value;

use super::noticed;
use super::read::{boolean, field, forced};
use crate::knowledge::{KnowledgeBase, Redaction};
use crate::llm::chat::ChatRequest;
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{ModelReply, Prompt, RouteChoice, Said, Screened};
use crate::llm::profile::ModelProfile;
use crate::llm::render;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, UnreadableAnswer};
use crate::random::Purpose;

/// Redacting.
pub(super) struct Screening;

impl Behavior for Screening {
    fn purpose(&self) -> Purpose {
        Purpose::Security
    }

    fn schema(&self) -> Option<&'static str> {
        Some(render::DETECTION_SCHEMA)
    }

    fn mock(
        &self,
        mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let level = if prompt.setup.reading.strict { Redaction::Strict } else { Redaction::Basic };
        let redacted =
            noticed(prompt.subject.personal, model.personal_data_recall.get(), luck.wording)
                & level.covers();
        (
            ModelReply::Screening(Said::Recipe(redacted)),
            mock.usage.redaction(prompt.question, redacted),
        )
    }

    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        request.messages = words.question(prompt);
        (request.tools, request.tool_choice) = forced(render::DETECTION_SCHEMA);
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let value = spoken.object()?;
        let detected = boolean(&value, "detected")?;
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
        Ok(ModelReply::Screening(Said::Words(Arc::new(Screened {
            text: Arc::from(redacted),
            findings: Arc::from(findings),
        }))))
    }
}
