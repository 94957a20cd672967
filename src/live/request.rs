//! From a prompt of the engine to the request that a provider gets: recipes become words, and what was said becomes what is
//! said again.
//!
//! Promises: the words of a simulated run, so a live run against the mock over HTTP gets its very answers; the output is always
//! capped, so its price is bounded.
//!
//! Does not know: HTTP, or whether anybody answers.

use std::sync::Arc;

use crate::agents::Texts;
use crate::journal::Caller;
use crate::judge::Sees;
use crate::knowledge::tokens::cut;
use crate::llm::chat::{ChatRequest, Message, Part, Role, Tool, ToolChoice, ToolResult, ToolUse};
use crate::llm::model::{Body, Message as Said, Prompt, Role as Speaker};
use crate::llm::render;
use crate::scenario::Scenario;

/// Most tokens of a list of topics.
const TOPIC_TOKENS: u32 = 800;

/// What was really said in one user's visit, where the engine keeps recipes alone.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// Why the supervisor routed as it did.
    pub reasoning: Option<Arc<str>>,
    /// What the security agent found, in its words.
    pub findings: Option<Arc<str>>,
    /// The tool calls: the words beside each, and the call.
    pub calls: Vec<(String, ToolUse)>,
    /// What each came to, and whether it failed.
    pub outputs: Vec<(String, bool)>,
    /// The final answer.
    pub answer: Option<Arc<str>>,
}

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
    pub fn request(&self, prompt: &Prompt<'_>, memory: &Memory, user: Option<&str>) -> ChatRequest {
        let setup = prompt.setup;
        let model = self.scenario.model(setup.model);
        let mut request = ChatRequest::new(&model.id);
        request.system = Some(setup.instructions.clone());
        request.max_tokens = Some(setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens));
        request.temperature = setup.temperature.filter(|_| model.takes_temperature);
        request.user = user.map(str::to_owned);
        let question = || vec![text(Role::User, self.body(prompt.question))];
        match prompt.caller {
            Caller::Topics => {
                request.system = None;
                request.max_tokens = Some(TOPIC_TOKENS.min(model.max_output_tokens));
                request.messages = vec![text(Role::User, self.topics())];
            }
            Caller::Writer => {
                let (title, depth) = (self.texts.base.title(prompt.subject.topic), prompt.subject.complexity.name());
                let personal = if prompt.subject.personal.is_empty() { "" } else { " Let it hold personal data." };
                request.messages = vec![text(Role::User, format!("The topic is \"{title}\", the depth {depth}.{personal}"))];
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
                request.messages = self.thread(prompt.thread, memory);
                let tools = setup.tools.iter().filter_map(|&tool| self.scenario.tools.get(usize::from(tool)));
                request.tools = tools
                    .map(|tool| Tool { name: tool.key.clone(), description: tool.description.clone(), schema: tool.schema.clone() })
                    .collect();
                request.tool_choice = if prompt.offers_tools { ToolChoice::Auto } else { ToolChoice::None };
                // A turn of the engine holds one call.
                request.parallel_tools = request.tools.is_empty();
            }
            Caller::Judge => request.messages = vec![self.shown(prompt, memory)],
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
    fn thread(&self, thread: &[Said], memory: &Memory) -> Vec<Message> {
        let (mut calls, mut outputs) = (memory.calls.iter(), memory.calls.iter().zip(&memory.outputs));
        let turn = |message: &Said| match (&message.body, message.role) {
            (Body::ToolCall(_), _) => {
                let (note, call) = calls.next()?;
                let note = Some(note).filter(|note| !note.is_empty()).cloned().map(Part::Text);
                Some(Message { role: Role::Assistant, content: note.into_iter().chain([Part::ToolUse(call.clone())]).collect() })
            }
            (Body::ToolOutput(_), _) => {
                let ((_, call), (content, failed)) = outputs.next()?;
                let result = ToolResult { id: call.id.clone(), content: content.clone(), is_error: *failed };
                Some(Message { role: Role::User, content: vec![Part::ToolResult(result)] })
            }
            (Body::RoutingNote(_), _) if memory.reasoning.is_some() => {
                memory.reasoning.as_ref().map(|reasoning| text(Role::Assistant, format!("Routing decision: {reasoning}")))
            }
            (Body::FindingsNote(_), _) if memory.findings.is_some() => {
                memory.findings.as_ref().map(|findings| text(Role::Assistant, &**findings))
            }
            (body, Speaker::Assistant) => Some(text(Role::Assistant, self.body(body))),
            (body, _) => Some(text(Role::User, self.body(body))),
        };
        thread.iter().filter_map(turn).collect()
    }

    /// What a judge is shown: the question, outputs of tools, the answer, as blocks of one message.
    fn shown(&self, prompt: &Prompt<'_>, memory: &Memory) -> Message {
        let judge = &self.scenario.judge;
        let mut blocks = vec![cut(&self.body(prompt.question), judge.question_characters).to_owned()];
        let mut room = judge.answer_characters;
        if judge.sees == Sees::ToolOutputFirst {
            for (output, _) in &memory.outputs {
                blocks.push(cut(output, room).to_owned());
                room = room.saturating_sub(u32::try_from(output.chars().count()).unwrap_or(u32::MAX).saturating_add(1));
            }
        }
        blocks.extend(memory.answer.as_ref().map(|answer| cut(answer, room).to_owned()));
        Message { role: Role::User, content: blocks.into_iter().filter(|block| !block.is_empty()).map(Part::Text).collect() }
    }
}

/// The request again, after an answer that could not be read for this `reason`.
#[must_use]
pub fn repair(request: &ChatRequest, reason: &str) -> ChatRequest {
    let mut again = request.clone();
    let how = format!("(Your last answer could not be read: {reason}. Answer again, in exactly the form that was asked for.)");
    match again.messages.last_mut() {
        Some(Message { role: Role::User, content }) => content.push(Part::Text(how)),
        _ => again.messages.push(text(Role::User, how)),
    }
    again
}
