//! Messages and replies as the text that they stand for: what a real model would have read and
//! said.
//!
//! Guarantees: what is counted is exactly this text (tested on whole runs).
//!
//! Does not know: which provider's format it travels in.

use crate::agents::library::Library;
use crate::knowledge::{KnowledgeBase, PiiSet};
use crate::llm::model::{Body, ModelReply, Prompt, Said};
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
    /// The parts of a message: a tool call has the words beside it and the call itself, all others
    /// have one.
    #[must_use]
    pub fn parts(&self, body: &Body) -> Vec<String> {
        match body {
            Body::Question(Said::Recipe(question)) => {
                vec![question.render(self.base, PiiSet::NONE)]
            }
            Body::Redacted(Said::Recipe((question, redacted))) => {
                vec![question.render(self.base, *redacted)]
            }
            Body::RoutingNote(Said::Recipe(prescreen)) => vec![render::routing_note(*prescreen)],
            Body::FindingsNote(Said::Recipe(found)) => vec![render::findings_note(*found)],
            Body::ToolCall(call) => render::called(call, self.tools, self.base),
            Body::ToolOutput(Said::Recipe(output)) => vec![self.library.text(*output)],
            Body::ToolOutput(Said::Words(output)) => vec![output.text.clone()],
            Body::Answer(Said::Recipe(answer)) => vec![answer.render(self.base)],
            Body::Question(Said::Words(text))
            | Body::Redacted(Said::Words(text))
            | Body::RoutingNote(Said::Words(text))
            | Body::FindingsNote(Said::Words(text))
            | Body::Answer(Said::Words(text)) => vec![text.to_string()],
        }
    }

    /// The parts of a reply to a prompt.
    #[must_use]
    pub fn reply(&self, reply: &ModelReply, prompt: &Prompt<'_>) -> Vec<String> {
        render::reply(reply, prompt.question, prompt.routes, (self.tools, self.base))
    }
}
