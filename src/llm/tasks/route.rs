//! Choosing a way, by handoff tools as the frameworks' own runners offer them.

use super::read::UnreadableAnswer as Why;
use crate::knowledge::KnowledgeBase;
use crate::llm::chat::{ChatRequest, OfferedTool, ToolChoice};
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{Body, Handoff, ModelReply, Prompt, RouteChoice, Said, Situation};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::llm::tasks::{Behavior, ModelAnswer, RequestWords, UnreadableAnswer};
use crate::random::Purpose;

/// Choosing a way.
pub(super) struct Routes;

impl Behavior for Routes {
    fn purpose(&self) -> Purpose {
        Purpose::Node
    }

    /// What the user wants.
    fn besides(&self, prompt: &Prompt<'_>) -> Option<(Purpose, u64)> {
        Some((Purpose::Intent, prompt.place))
    }

    /// What the user wants is the user's luck, where the question does not say it; the model sees it as often as the node says, and
    /// takes any of the other ways where it does not.
    fn mock(
        &self,
        mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32) {
        let owner = (prompt.owner, prompt.visit);
        let [own, ..] = luck.besides;
        let [wanted] = mock.luck.persist(Purpose::Intent, owner, prompt.place, [own]);
        let last = prompt.routes.len().saturating_sub(1);
        let given = match prompt.question {
            Some(Body::Question(Said::Recipe(question))) => question.intent(mock.usage.base()),
            _ => None,
        };
        let named = |intent| prompt.routes.iter().position(|route| route.name == intent);
        let drawn = || prompt.routes.iter().position(|route| wanted < route.up_to);
        let right = given.and_then(named).or_else(drawn).unwrap_or(last);
        let accuracy = match prompt.subject.situation {
            Situation::Routes { accuracy } => accuracy,
            _ => None,
        };
        let accuracy = accuracy.unwrap_or_else(|| model.routing_accuracy.get());
        let wrong = luck.first >= accuracy && last > 0;
        let chosen = if wrong {
            let other = ((luck.second * last as f64) as usize).min(last.saturating_sub(1));
            other + usize::from(other >= right)
        } else {
            right
        };
        let tokens = prompt.routes.get(chosen).map_or(0, |route| route.tokens);
        (ModelReply::Handoff(Handoff { route: chosen as u16, wrong }), tokens)
    }

    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        request.messages = words.question(prompt);
        request.tools = prompt.routes.iter().map(tool).collect();
        request.tool_choice = ToolChoice::Any;
        request.parallel_tools = false;
    }

    fn read(
        &self,
        (_, routes): (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        _base: &KnowledgeBase,
        _tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer> {
        let called = spoken.call.map(|call| call.name.as_str()).unwrap_or_default();
        let at = routes.iter().position(|route| tool_name(&route.name) == called);
        let known: Vec<String> = routes.iter().map(|route| tool_name(&route.name)).collect();
        let at = at.ok_or_else(|| {
            Why::malformed(format!("it calls none of the tools {}", known.join(", ")))
        })?;
        Ok(ModelReply::Handoff(Handoff { route: at as u16, wrong: false }))
    }
}

/// The name of the tool that hands over to a route.
#[must_use]
pub fn tool_name(route: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("transfer_to_{}", route.chars().map(letter).collect::<String>())
}

/// The handoff tool of a route as a model is told of it.
#[must_use]
pub fn offer(route: &str) -> String {
    format!("{}\n{}\n{HANDOFF_SCHEMA}", tool_name(route), description(route))
}

fn description(route: &str) -> String {
    format!("Hand over to {route}.")
}

/// The tool that hands over to a route.
fn tool(route: &RouteChoice) -> OfferedTool {
    OfferedTool {
        name: tool_name(&route.name),
        description: description(&route.name),
        schema: HANDOFF_SCHEMA.to_owned(),
    }
}

/// The arguments of a handoff tool: none.
const HANDOFF_SCHEMA: &str =
    r#"{"type": "object", "properties": {}, "additionalProperties": false}"#;
