//! What models are asked to do: one file for each task, with the form of its answer, the request
//! to a real model, the reader of a real model's answer, and what the mock answers.
//!
//! Guarantees: the request, the reader and the mock of a task agree, so a live run against the mock
//! over HTTP gets the simulator's very answers (tested).
//!
//! Does not know: which agent has the task, or where its answer goes.

mod answer;
mod critique;
mod guard;
mod judge;
mod plan;
mod prescreen;
mod question;
mod read;
mod route;
mod screen;
mod topics;

pub use read::{ModelAnswer, UnreadableAnswer};
pub use route::{offer as handoff_offer, tool_name as handoff_tool};

use crate::knowledge::prose::MIN_TOKENS;
use crate::knowledge::{Answer, Grade, KnowledgeBase, PiiSet};
use crate::llm::chat::{ChatRequest, ContentPart, Message, Role, ToolResult, ToolUse};
use crate::llm::mock::{CallLuck, MockModels};
use crate::llm::model::{
    Body, MessageRole as Speaker, ModelReply, Prompt, PromptMessage as Turn, RouteChoice, Said,
};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::ToolSpec;
use crate::random::Purpose;

/// What a model is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Task {
    /// List the topics of the knowledge base.
    Topics,
    /// Write a user's question.
    Question,
    /// Look for personal data and choose who goes on.
    Prescreen,
    /// Redact personal data.
    Screen,
    /// Choose a way.
    Route,
    /// Split a question into subtasks.
    Plan,
    /// Answer, with tools where there are any.
    Answer,
    /// Look an answer over.
    Critique,
    /// Say whether a request may go on.
    Guard,
    /// Rate an answer.
    Judge,
}

/// What belongs to a task.
pub(super) trait Behavior: Sync {
    /// Whose luck its calls have.
    fn purpose(&self) -> Purpose;

    /// Another stage of luck that a call draws, and its number.
    fn besides(&self, _prompt: &Prompt<'_>) -> Option<(Purpose, u64)> {
        None
    }

    /// The structured output that it asks for: name, description and JSON schema, a line each.
    fn schema(&self) -> Option<&'static str> {
        None
    }

    /// Whether an answer has a form that it can fail to have.
    fn has_form(&self) -> bool {
        true
    }

    /// What the mock answers, and the tokens of the answer.
    fn mock(
        &self,
        mock: &MockModels<'_>,
        model: &ModelProfile,
        prompt: &Prompt<'_>,
        luck: &CallLuck,
    ) -> (ModelReply, u32);

    /// Completes the request to a real model, which has the variation's instructions and parameters
    /// already: with what was said before, and the structured output as the tool to call.
    fn request(&self, prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
        request.messages = prompt.thread.iter().map(|said| turn(said, words)).collect();
        if let Some(schema) = self.schema() {
            (request.tools, request.tool_choice) = read::forced(schema);
        }
    }

    /// Reads a real model's answer to a prompt in which tools were offered or not, and which had
    /// these routes.
    fn read(
        &self,
        prompt: (bool, &[RouteChoice]),
        spoken: &ModelAnswer<'_>,
        base: &KnowledgeBase,
        tools: &[ToolSpec],
    ) -> Result<ModelReply, UnreadableAnswer>;
}

impl Task {
    pub(super) fn behavior(self) -> &'static dyn Behavior {
        match self {
            Self::Topics => &topics::Topics,
            Self::Question => &question::WriteQuestion,
            Self::Prescreen => &prescreen::Prescreening,
            Self::Screen => &screen::Screening,
            Self::Route => &route::Routes,
            Self::Plan => &plan::Planning,
            Self::Answer => &answer::Answering,
            Self::Critique => &critique::Critiquing,
            Self::Guard => &guard::Guarding,
            Self::Judge => &judge::Judging,
        }
    }

    /// The structured output that it asks for: name, description and JSON schema, a line each.
    #[must_use]
    pub fn schema(self) -> Option<&'static str> {
        self.behavior().schema()
    }

    /// Whether an answer has a form that it can fail to have, so that a malformed one is asked for
    /// once more.
    #[must_use]
    pub fn has_form(self) -> bool {
        self.behavior().has_form()
    }

    /// Whether it is an agent's.
    #[must_use]
    pub fn is_agents(self) -> bool {
        !matches!(self, Self::Topics | Self::Question | Self::Judge)
    }

    /// Whether the words of a whole conversation stand in its prompt.
    #[must_use]
    pub fn converses(self) -> bool {
        matches!(self, Self::Plan | Self::Answer | Self::Critique | Self::Guard)
    }
}

/// What words are made of in requests.
#[derive(Clone, Copy)]
pub struct RequestWords<'a> {
    /// What stands in a message, as text.
    pub body: &'a dyn Fn(&Body) -> String,
    /// What users ask about.
    pub base: &'a KnowledgeBase,
    /// The tools, by index.
    pub tools: &'a [ToolSpec],
    /// Most topics that are asked for.
    pub max_topics: u32,
    /// Most output tokens of the model.
    pub max_output_tokens: u32,
    /// Characters of the question and of the answer that a judge is shown.
    pub shown_characters: (u32, u32),
    /// Whether a judge is shown tool output before the answer.
    pub shows_tool_output: bool,
}

/// A message of one text.
#[must_use]
pub fn message(role: Role, text: impl Into<String>) -> Message {
    Message { role, content: vec![ContentPart::Text(text.into())] }
}

impl RequestWords<'_> {
    /// The question of a prompt as the only message.
    fn question(&self, prompt: &Prompt<'_>) -> Vec<Message> {
        let question = prompt.question.map(|question| message(Role::User, (self.body)(question)));
        question.into_iter().collect()
    }
}

/// Completes the request to a real model for this prompt.
pub fn request(prompt: &Prompt<'_>, words: &RequestWords<'_>, request: &mut ChatRequest) {
    prompt.task.behavior().request(prompt, words, request);
}

/// Reads a real model's answer to a prompt with this task.
///
/// # Errors
/// When it refuses, or is not what was asked for.
pub fn read(
    task: Task,
    prompt: (bool, &[RouteChoice]),
    spoken: &ModelAnswer<'_>,
    base: &KnowledgeBase,
    tools: &[ToolSpec],
) -> Result<ModelReply, UnreadableAnswer> {
    spoken.refused()?;
    task.behavior().read(prompt, spoken, base, tools)
}

/// A message of the conversation.
fn turn(said: &Turn, words: &RequestWords<'_>) -> Message {
    match (&said.body, said.role) {
        (Body::ToolCall(Said::Words(call)), _) => {
            let note =
                Some(&call.note).filter(|note| !note.is_empty()).cloned().map(ContentPart::Text);
            let used =
                ToolUse { id: call.id.clone(), name: call.name.clone(), input: call.input.clone() };
            Message {
                role: Role::Assistant,
                content: note.into_iter().chain([ContentPart::ToolUse(used)]).collect(),
            }
        }
        (Body::ToolOutput(Said::Words(output)), _) => {
            let result = ToolResult {
                id: output.id.clone(),
                content: output.text.clone(),
                is_error: output.failed,
            };
            Message { role: Role::User, content: vec![ContentPart::ToolResult(result)] }
        }
        (body, Speaker::Assistant) => message(Role::Assistant, (words.body)(body)),
        (body, _) => message(Role::User, (words.body)(body)),
    }
}

/// About `median` tokens of prose on the question's topic; the variation's own length takes the
/// median's place.
fn prose(model: &ModelProfile, prompt: &Prompt<'_>, luck: &CallLuck, median: f64) -> Answer {
    let median = prompt.setup.answer_tokens.unwrap_or(median);
    let spread = model.answer_sigma * crate::random::normal_quantile(luck.second);
    let tokens = (median * libm::exp(spread)) as u32;
    let most = prompt.setup.max_tokens.unwrap_or(u32::MAX).min(model.max_output_tokens);
    Answer {
        topic: prompt.subject.topic,
        grade: Grade::Fair,
        tokens: tokens.max(MIN_TOKENS).min(most),
        wording: luck.wording,
    }
}

/// The items that are noticed: ten bits decide each, so a better recall notices the same items and
/// more.
fn noticed(personal: PiiSet, recall: f64, bits: u64) -> PiiSet {
    let seen = personal
        .iter()
        .filter(|&item| (((bits >> (10 * item as u32)) & 1023) as f64 + 0.5) / 1024.0 < recall);
    seen.fold(PiiSet::NONE, PiiSet::with)
}

/// `p` with its log odds moved by `by`.
fn shift(p: f64, by: f64) -> f64 {
    if p <= 0.0 || p >= 1.0 {
        return p;
    }
    let odds = p / (1.0 - p) * libm::exp(by);
    odds / (1.0 + odds)
}
