//! The texts that stand for recipes: structured outputs, notes, tool calls. What a real model would
//! have sent.
//!
//! Guarantees: pure functions of the recipe and the knowledge base; `usage` counts exactly these
//! texts.
//!
//! Does not know: which provider's format they travel in.

use crate::journal::Label;
use crate::knowledge::structured::detection;
use crate::knowledge::{Detection, KnowledgeBase, PiiSet, Prescreen, ReasoningNote};
use crate::llm::input;
use crate::llm::model::{
    Body, Called, Critique, GuardReply, ModelReply, RouteChoice, Routing, Said, Subtasks, ToolCall,
};
use crate::llm::setup::{ToolKind, ToolSpec};

/// The schema of the supervisor's structured output, as a tool of its own.
pub const PRESCREEN_SCHEMA: &str = r#"PIIPreScreening
Result of looking for personal data before routing.
{"type": "object", "properties": {"likely_contains_pii": {"type": "boolean", "description": "whether the message likely contains personal data"}, "confidence": {"type": "number", "description": "confidence from 0 to 1"}, "reasoning": {"type": "string", "description": "why, in one sentence"}, "recommended_route": {"type": "string", "description": "security_agent or support_agent"}}, "required": ["likely_contains_pii", "confidence", "reasoning", "recommended_route"]}"#;

/// The schema of the security agent's structured output, as a tool of its own.
pub const DETECTION_SCHEMA: &str = r#"PIIDetectionResponse
Result of looking for personal data and redacting it.
{"type": "object", "properties": {"detected": {"type": "boolean", "description": "whether personal data was found"}, "types": {"type": "array", "items": {"type": "string"}, "description": "the types that were found"}, "redacted": {"type": "string", "description": "the message with personal data replaced by [REDACTED]"}}, "required": ["detected", "types", "redacted"]}"#;

/// What the support agent is told of the routing.
#[must_use]
pub fn routing_note(prescreen: Prescreen) -> String {
    format!("Routing decision: {}", prescreen.reasoning().text())
}

/// What the support agent is told of the findings.
#[must_use]
pub fn findings_note(redacted: PiiSet) -> String {
    let types: Vec<String> =
        redacted.iter().map(|item| format!("'{}'", item.type_name())).collect();
    format!(
        "PII Analysis: detected={}, types=[{}]",
        if redacted.is_empty() { "False" } else { "True" },
        types.join(", ")
    )
}

/// The arguments of a tool call, as JSON.
#[must_use]
pub fn tool_arguments(call: ToolCall, tool: &ToolSpec, base: &KnowledgeBase) -> String {
    let query = call.query.render(base);
    match tool.kind {
        ToolKind::Rerank => format!(r#"{{"query": "{query}", "results": "last {}"}}"#, call.top_k),
        ToolKind::Remote(_) => format!(r#"{{"query": "{query}", "max_results": {}}}"#, call.top_k),
        ToolKind::KeywordSearch | ToolKind::SemanticSearch { .. } => {
            format!(r#"{{"query": "{query}", "top_k": {}}}"#, call.top_k)
        }
    }
}

/// The words that a model writes beside a tool call: a text block of their own.
#[must_use]
pub fn note(call: ToolCall) -> String {
    ReasoningNote { tokens: u32::from(call.note_tokens), wording: call.note_wording }.render()
}

/// A tool call as it counts: name and arguments.
#[must_use]
pub fn tool_call(call: ToolCall, tool: &ToolSpec, base: &KnowledgeBase) -> String {
    format!("{} {}", tool.key, tool_arguments(call, tool, base))
}

/// A tool as a model is told of it.
#[must_use]
pub fn tool_offer(tool: &ToolSpec) -> String {
    input::offer(&tool.key, &tool.description, &tool.schema)
}

/// The parts of a reply to a prompt about `question`: a tool call has the words beside it and the
/// call itself, all others have one.
#[must_use]
pub fn reply(
    reply: &ModelReply,
    question: Option<&Body>,
    routes: &[RouteChoice],
    (tools, base): (&[ToolSpec], &KnowledgeBase),
) -> Vec<String> {
    match reply {
        ModelReply::Routing(Routing { note: Said::Recipe(prescreen), .. }) => {
            vec![prescreen.render()]
        }
        ModelReply::Routing(Routing { note: Said::Words(text), .. }) => vec![text.to_string()],
        ModelReply::Screening(Said::Recipe(found)) => match question {
            Some(Body::Question(Said::Recipe(question))) => {
                vec![
                    Detection { question: *question, hidden_before: PiiSet::NONE, found: *found }
                        .render(base),
                ]
            }
            Some(Body::Question(Said::Words(text))) => vec![detection(text, *found)],
            _ => Vec::new(),
        },
        ModelReply::Screening(Said::Words(screened)) => vec![screened.text.to_string()],
        ModelReply::Handoff(handoff) => routes
            .get(usize::from(handoff.route))
            .map(|route| route.call.clone())
            .into_iter()
            .collect(),
        ModelReply::ToolCall(call) => called(call, tools, base),
        ModelReply::Answer(Said::Recipe(answer))
        | ModelReply::Plan(Subtasks { text: Said::Recipe(answer), .. })
        | ModelReply::Critique(Critique { text: Said::Recipe(answer), .. })
        | ModelReply::Guard(GuardReply { text: Said::Recipe(answer), .. }) => {
            vec![answer.render(base)]
        }
        ModelReply::Question(Said::Recipe(question)) => vec![question.render(base, PiiSet::NONE)],
        ModelReply::Answer(Said::Words(text))
        | ModelReply::Question(Said::Words(text))
        | ModelReply::Plan(Subtasks { text: Said::Words(text), .. })
        | ModelReply::Critique(Critique { text: Said::Words(text), .. })
        | ModelReply::Guard(GuardReply { text: Said::Words(text), .. }) => vec![text.to_string()],
        ModelReply::Label(word) => vec![label(*word).to_owned()],
        ModelReply::Topics(topics) => {
            vec![topics.iter().map(|&topic| base.title(topic)).collect::<Vec<_>>().join("\n")]
        }
    }
}

/// A tool call in two parts: the words beside it, then name and arguments.
#[must_use]
pub fn called(call: &Called, tools: &[ToolSpec], base: &KnowledgeBase) -> Vec<String> {
    match call {
        Said::Recipe(call) => {
            let spoken = tools.get(usize::from(call.tool)).map(|tool| tool_call(*call, tool, base));
            [note(*call)].into_iter().chain(spoken).collect()
        }
        Said::Words(call) => vec![call.note.clone(), format!("{} {}", call.name, call.input)],
    }
}

/// The judge's word.
#[must_use]
pub fn label(label: Label) -> &'static str {
    match label {
        Label::None => "none",
        Label::Positive => "positive",
        Label::Negative => "negative",
    }
}

/// The list of topics that the topic call answers.
#[must_use]
pub fn topic_list(base: &KnowledgeBase) -> String {
    base.topics().map(|topic| base.title(topic)).collect::<Vec<_>>().join("\n")
}
