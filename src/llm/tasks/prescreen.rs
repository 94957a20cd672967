//! Looking for personal data, and choosing who goes on.

use std::sync::Arc;

use serde_json::Value;

use super::noticed;
use super::read::{boolean, field, forced};
use crate::knowledge::{KnowledgeBase, PiiKind, PiiSet, Prescreen, Route};
use crate::llm::chat::ChatRequest;
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{ModelReply, Prompt, RouteChoice, Routing, Said};
use crate::llm::profile::ModelProfile;
use crate::llm::render;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, UnreadableAnswer};
use crate::random::Purpose;

/// Looking for personal data before routing.
pub(super) struct Prescreening;

impl Behavior for Prescreening {
    fn purpose(&self) -> Purpose {
        Purpose::Supervisor
    }

    fn schema(&self) -> Option<&'static str> {
        Some(render::PRESCREEN_SCHEMA)
    }

    fn mock(
        &self,
        _mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let personal = prompt.subject.personal;
        let seen = if personal.is_empty() {
            // A false alarm takes something for a name.
            if luck.first < model.false_alarm.get() {
                PiiSet::NONE.with(PiiKind::Name)
            } else {
                PiiSet::NONE
            }
        } else {
            noticed(personal, model.personal_data_recall.get(), luck.wording)
        };
        let route = if seen.is_empty() { Route::Support } else { Route::Security };
        let confidence_percent = 80 + (luck.second * 20.0) as u8;
        let prescreen = Prescreen { seen, confidence_percent, route, wording: luck.wording >> 61 };
        (
            ModelReply::Routing(Routing { route, note: Said::Recipe(prescreen) }),
            prescreen.size().tokens,
        )
    }

    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        request.messages = words.question(prompt);
        (request.tools, request.tool_choice) = forced(render::PRESCREEN_SCHEMA);
    }

    fn read(
        &self,
        _prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let value = spoken.object()?;
        let route = match field(&value, "recommended_route")? {
            "security_agent" => Route::Security,
            "support_agent" => Route::Support,
            other => {
                return Err(UnreadableAnswer::malformed(format!(
                    "`recommended_route` is `{other}`, not security_agent or support_agent"
                )));
            }
        };
        boolean(&value, "likely_contains_pii")?;
        let reasoning = value.get("reasoning").and_then(Value::as_str).unwrap_or_default();
        Ok(ModelReply::Routing(Routing {
            route,
            note: Said::Words(Arc::from(format!("Routing decision: {reasoning}"))),
        }))
    }
}
