//! From a prompt of the engine to the request that a provider gets: recipes become words, and what
//! was said becomes what is said again.
//!
//! Guarantees: the words of a simulated run, so a live run against the mock over HTTP gets its very
//! answers; the output is always capped, so its price is bounded.
//!
//! Does not know: HTTP, or whether anybody answers.

use serde_json::Value;

use crate::agents::Texts;
use crate::judge::Sees;
use crate::llm::chat::{ChatRequest, ContentPart, Message, Output, Role, ToolChoice};
use crate::llm::model::Prompt;
use crate::llm::tasks::{self, RequestWords, message};
use crate::scenario::Scenario;

/// Turns prompts into requests.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// What is run.
    pub scenario: &'a Scenario,
    /// Recipes as text.
    pub texts: Texts<'a>,
}

impl Writer<'_> {
    /// The request of a prompt; `user` is the key of the user behind it.
    #[must_use]
    pub fn request(&self, prompt: &Prompt<'_>, user: Option<&str>) -> ChatRequest {
        let setup = prompt.setup;
        let model = self.scenario.model(setup.model);
        let mut request = ChatRequest::new(&model.id);
        request.system = Some(setup.instructions.clone());
        request.max_tokens =
            Some(setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens));
        request.temperature = setup.temperature.filter(|_| model.takes_temperature);
        request.user = user.map(str::to_owned);
        request.caching = setup.caching;
        let judge = &self.scenario.judge;
        let words = RequestWords {
            body: &|body| self.texts.parts(body).join("\n"),
            base: self.texts.base,
            tools: &self.scenario.tools,
            max_topics: self.scenario.traffic.topics,
            max_output_tokens: model.max_output_tokens,
            shown_characters: (judge.question_characters, judge.answer_characters),
            shows_tool_output: judge.sees == Sees::ToolOutputFirst,
        };
        tasks::request(prompt, &words, &mut request);
        let family = model.provider.family(&model.id);
        if family.is_some_and(|family| !family.forced_tools) {
            unforce(&mut request);
        }
        request
    }
}

/// The same request to a model that refuses to be held to a tool: the one tool that stands for a
/// structured answer becomes the schema of the answer, and a choice of tools is left to the model.
fn unforce(request: &mut ChatRequest) {
    match std::mem::replace(&mut request.tool_choice, ToolChoice::Auto) {
        ToolChoice::Named(name) => {
            let Some(tool) = request.tools.iter().find(|tool| tool.name == name) else { return };
            let mut schema: Value = serde_json::from_str(&tool.schema).unwrap_or_default();
            // Anthropic takes no schema that is open.
            if let Some(object) = schema.as_object_mut() {
                object.entry("additionalProperties").or_insert(Value::Bool(false));
            }
            let schema = schema.to_string();
            request.output = Output::JsonSchema { name, schema, strict: true };
            request.tools.clear();
        }
        ToolChoice::Any | ToolChoice::Auto => {}
        ToolChoice::None => request.tool_choice = ToolChoice::None,
    }
}

/// The request again, after an answer that could not be read for this `reason`.
#[must_use]
pub fn repair(request: &ChatRequest, reason: &str) -> ChatRequest {
    let mut again = request.clone();
    let how = format!(
        "(Your last answer could not be read: {reason}. Answer again, in exactly the form that was asked for.)"
    );
    match again.messages.last_mut() {
        Some(Message { role: Role::User, content }) => content.push(ContentPart::Text(how)),
        _ => again.messages.push(message(Role::User, how)),
    }
    again
}
