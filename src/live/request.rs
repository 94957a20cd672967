//! From a prompt of the engine to the request that a provider gets: recipes become words, and what
//! was said becomes what is said again.
//!
//! Promises: the words of a simulated run, so a live run against the mock over HTTP gets its very
//! answers; the output is always capped, so its price is bounded.
//!
//! Does not know: HTTP, or whether anybody answers.

use crate::agents::Texts;
use crate::journal::Caller;
use crate::judge::Sees;
use crate::knowledge::tokens::cut;
use crate::llm::chat::{ChatRequest, Message, Part, Role, Tool, ToolChoice, ToolResult, ToolUse};
use crate::llm::model::{Body, Message as Spoken, Prompt, Role as Speaker, Said};
use crate::llm::render;
use crate::scenario::Scenario;

/// Most tokens of a list of topics.
const TOPIC_TOKENS: u32 = 800;

/// Turns prompts into requests.
#[derive(Clone, Copy, Debug)]
pub struct Writer<'a> {
    /// What is run.
    pub scenario: &'a Scenario,
    /// Recipes as text.
    pub texts: Texts<'a>,
}

fn text(role: Role, text: impl Into<String>) -> Message {
    Message { role, content: vec![Part::Text(text.into())] }
}

/// The one tool that stands for a structured answer.
fn forced(schema: &str) -> (Vec<Tool>, ToolChoice) {
    let mut lines = schema.lines().map(str::to_owned);
    let mut line = || lines.next().unwrap_or_default();
    let tool = Tool { name: line(), description: line(), schema: line() };
    (vec![tool.clone()], ToolChoice::Named(tool.name))
}

impl Writer<'_> {
    fn body(&self, body: &Body) -> String {
        self.texts.parts(body).join("\n")
    }

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
        let question = || {
            prompt
                .question
                .map(|question| text(Role::User, self.body(question)))
                .into_iter()
                .collect()
        };
        match prompt.caller {
            Caller::Topics => {
                request.system = None;
                request.max_tokens = Some(TOPIC_TOKENS.min(model.max_output_tokens));
                request.messages = vec![text(Role::User, self.topics())];
            }
            Caller::Writer => {
                let (title, depth) =
                    (self.texts.base.title(prompt.subject.topic), prompt.subject.complexity.name());
                let personal = if prompt.subject.personal.is_empty() {
                    ""
                } else {
                    " Let it hold personal data."
                };
                request.messages = vec![text(
                    Role::User,
                    format!("The topic is \"{title}\", the depth {depth}.{personal}"),
                )];
            }
            Caller::Supervisor => {
                request.messages = question();
                (request.tools, request.tool_choice) = forced(render::PRESCREEN_SCHEMA);
            }
            Caller::Security => {
                request.messages = question();
                (request.tools, request.tool_choice) = forced(render::DETECTION_SCHEMA);
            }
            Caller::Support => {
                request.messages = self.thread(prompt.thread);
                let tools = setup
                    .tools
                    .iter()
                    .filter_map(|&tool| self.scenario.tools.get(usize::from(tool)));
                request.tools = tools
                    .map(|tool| Tool {
                        name: tool.key.clone(),
                        description: tool.description.clone(),
                        schema: tool.schema.clone(),
                    })
                    .collect();
                request.tool_choice =
                    if prompt.offers_tools { ToolChoice::Auto } else { ToolChoice::None };
                // A turn of the engine holds one call.
                request.parallel_tools = request.tools.is_empty();
            }
            Caller::Judge => request.messages = vec![self.shown(prompt)],
        }
        request
    }

    /// The whole knowledge base, and what to read out of it.
    fn topics(&self) -> String {
        let mut message = String::new();
        for chunk in self.texts.base.chunks() {
            message.push_str(chunk.text.text());
            message.push_str("\n\n");
        }
        let most = self.scenario.traffic.topics;
        message.push_str(&format!(
            "List the topics of the documentation above that users might ask about: at most {most}, one on each line, in the words of \
             its headings, and nothing else."
        ));
        message
    }

    /// The support agent's conversation.
    fn thread(&self, thread: &[Spoken]) -> Vec<Message> {
        let turn = |message: &Spoken| match (&message.body, message.role) {
            (Body::ToolCall(Said::Words(call)), _) => {
                let note =
                    Some(&call.note).filter(|note| !note.is_empty()).cloned().map(Part::Text);
                let used = ToolUse {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    input: call.input.clone(),
                };
                Message {
                    role: Role::Assistant,
                    content: note.into_iter().chain([Part::ToolUse(used)]).collect(),
                }
            }
            (Body::ToolOutput(Said::Words(output)), _) => {
                let result = ToolResult {
                    id: output.id.clone(),
                    content: output.text.clone(),
                    is_error: output.failed,
                };
                Message { role: Role::User, content: vec![Part::ToolResult(result)] }
            }
            (body, Speaker::Assistant) => text(Role::Assistant, self.body(body)),
            (body, _) => text(Role::User, self.body(body)),
        };
        thread.iter().map(turn).collect()
    }

    /// What a judge is shown: the question, outputs of tools, the answer, as blocks of one message.
    fn shown(&self, prompt: &Prompt<'_>) -> Message {
        let judge = &self.scenario.judge;
        let question = prompt.question.map(|question| self.body(question)).unwrap_or_default();
        let mut blocks = vec![cut(&question, judge.question_characters).to_owned()];
        let mut room = judge.answer_characters;
        if judge.sees == Sees::ToolOutputFirst {
            for output in
                prompt.thread.iter().filter(|message| matches!(message.body, Body::ToolOutput(_)))
            {
                let output = self.body(&output.body);
                blocks.push(cut(&output, room).to_owned());
                room = room.saturating_sub(
                    u32::try_from(output.chars().count()).unwrap_or(u32::MAX).saturating_add(1),
                );
            }
        }
        blocks.extend(prompt.answer.map(|answer| cut(&self.body(answer), room).to_owned()));
        Message {
            role: Role::User,
            content: blocks.into_iter().filter(|block| !block.is_empty()).map(Part::Text).collect(),
        }
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
        Some(Message { role: Role::User, content }) => content.push(Part::Text(how)),
        _ => again.messages.push(text(Role::User, how)),
    }
    again
}
