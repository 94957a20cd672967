//! Messages and replies as the text that they stand for: what a real model would have read and said.
//!
//! Promises: what is counted is exactly this text (tested on whole runs).
//!
//! Does not know: which provider's format it travels in.

use crate::agents::library::Library;
use crate::knowledge::{Detection, Items, KnowledgeBase};
use crate::llm::model::{Body, Reply};
use crate::llm::render;
use crate::llm::setup::ToolSpec;

/// What texts are made of.
#[derive(Clone, Copy, Debug)]
pub struct Texts<'a> {
    /// What users ask about.
    pub base: &'a KnowledgeBase,
    /// The tools, by index.
    pub tools: &'a [ToolSpec],
    /// What tools give back.
    pub library: &'a Library<'a>,
}

impl Texts<'_> {
    /// The parts of a message: a tool call has the words beside it and the call itself, all others have one.
    #[must_use]
    pub fn parts(&self, body: &Body) -> Vec<String> {
        match body {
            Body::Question(question) => vec![question.render(self.base, Items::NONE)],
            Body::Redacted(question, redacted) => vec![question.render(self.base, *redacted)],
            Body::RoutingNote(prescreen) => vec![render::routing_note(*prescreen)],
            Body::FindingsNote(found) => vec![render::findings_note(*found)],
            Body::ToolCall(call) => match self.tools.get(usize::from(call.tool)) {
                Some(tool) => vec![render::note(*call), render::tool_call(*call, tool, self.base)],
                None => vec![render::note(*call)],
            },
            Body::ToolOutput(output) => vec![self.library.text(*output)],
            Body::Answer(answer) => vec![answer.render(self.base)],
            Body::Text(text) => vec![text.to_string()],
        }
    }

    /// The parts of a reply to a prompt about `question`.
    #[must_use]
    pub fn reply(&self, reply: &Reply, question: &Body) -> Vec<String> {
        match reply {
            Reply::Routing(prescreen) => vec![prescreen.render()],
            Reply::Redaction(found) => match question {
                Body::Question(question) => {
                    vec![Detection { question: *question, hidden_before: Items::NONE, found: *found }.render(self.base)]
                }
                other => self.parts(other),
            },
            Reply::RedactedText { text, .. } | Reply::Text(text) => vec![text.to_string()],
            Reply::ToolCall(call) => self.parts(&Body::ToolCall(*call)),
            Reply::Answer(answer) => self.parts(&Body::Answer(*answer)),
            Reply::Label(label) => vec![render::label(*label).to_owned()],
            Reply::Question(question) => self.parts(&Body::Question(*question)),
            Reply::Topics(topics) => vec![topics.iter().map(|&topic| self.base.title(topic)).collect::<Vec<_>>().join("\n")],
        }
    }
}
