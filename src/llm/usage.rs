//! How many tokens the small texts have: tables, so that a simulation counts without rendering.
//!
//! Guarantees: every number is the count of the text that `render` gives (tested over all recipes).
//!
//! Does not know: answers and questions; they count themselves.

use std::sync::OnceLock;

use crate::journal::Label;
use crate::knowledge::retrieval::QUERY_VARIANTS;
use crate::knowledge::structured::REASONS;
use crate::knowledge::tokens::count;
use crate::knowledge::{Detection, KnowledgeBase, PiiSet, Prescreen, Question, Route, TopicId};
use crate::llm::model::{Body, Said, ToolCall};
use crate::llm::render;
use crate::llm::setup::ToolSpec;

/// Sets of personal data: all subsets of six items.
const SETS: usize = 64;
/// Results that a tool may be asked for, 0 to 20.
const RESULTS: usize = 21;

/// The tables of one knowledge base and tool list.
#[derive(Clone, Debug)]
pub struct UsageTables<'k> {
    base: &'k KnowledgeBase,
    tools: &'k [ToolSpec],
    findings: [u32; SETS],
    routing_notes: Vec<[u32; REASONS]>,
    /// Of tool, topic, wording and number of results; counted when first wanted.
    calls: Vec<OnceLock<u32>>,
    labels: [u32; 3],
    topic_list: u32,
}

impl<'k> UsageTables<'k> {
    /// Counts everything once.
    #[must_use]
    pub fn new(base: &'k KnowledgeBase, tools: &'k [ToolSpec]) -> Self {
        let note = |seen: PiiSet, wording: u64| {
            let route = if seen.is_empty() { Route::Support } else { Route::Security };
            count(&render::routing_note(Prescreen { seen, confidence_percent: 90, route, wording }))
        };
        let sets = || (0..SETS as u8).map(PiiSet::from_bits);
        let cells = tools.len() * base.n_topics() * usize::from(QUERY_VARIANTS) * RESULTS;
        Self {
            base,
            tools,
            findings: std::array::from_fn(|bits| {
                count(&render::findings_note(PiiSet::from_bits(bits as u8)))
            }),
            routing_notes: sets()
                .map(|seen| std::array::from_fn(|wording| note(seen, wording as u64)))
                .collect(),
            calls: (0..cells).map(|_| OnceLock::new()).collect(),
            labels: [Label::None, Label::Positive, Label::Negative]
                .map(|label| count(render::label(label))),
            topic_list: count(&render::topic_list(base)),
        }
    }

    /// The knowledge base that is counted.
    #[must_use]
    pub fn base(&self) -> &'k KnowledgeBase {
        self.base
    }

    /// A list of all topics.
    #[must_use]
    pub fn topic_list(&self) -> u32 {
        self.topic_list
    }

    /// A question with some items redacted.
    #[must_use]
    pub fn question(&self, question: Question, redacted: PiiSet) -> u32 {
        question.size(self.base, redacted).tokens
    }

    /// The security agent's structured output.
    #[must_use]
    pub fn redaction(&self, question: Option<&Body>, redacted: PiiSet) -> u32 {
        match question {
            Some(Body::Question(Said::Recipe(question))) => {
                Detection { question: *question, hidden_before: PiiSet::NONE, found: redacted }
                    .size(self.base)
                    .tokens
            }
            other => other.map_or(0, |other| self.body(other)),
        }
    }

    /// A tool call: the words beside it, name and arguments.
    #[must_use]
    pub fn tool_call(&self, call: ToolCall) -> u32 {
        let TopicId(topic) = call.query.topic;
        let row = usize::from(call.tool) * self.base.n_topics() + usize::from(topic);
        let place = (row * usize::from(QUERY_VARIANTS) + usize::from(call.query.variant)) * RESULTS
            + usize::from(call.top_k);
        let (Some(cell), Some(tool)) =
            (self.calls.get(place), self.tools.get(usize::from(call.tool)))
        else {
            return 0;
        };
        u32::from(call.note_tokens)
            + *cell.get_or_init(|| count(&render::tool_call(call, tool, self.base)))
    }

    /// The judge's word.
    #[must_use]
    pub fn label(&self, label: Label) -> u32 {
        let [none, positive, negative] = self.labels;
        match label {
            Label::None => none,
            Label::Positive => positive,
            Label::Negative => negative,
        }
    }

    /// What stands in a message.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "both tables have a row for each set of items; a note's wording is taken modulo the row"
    )]
    pub fn body(&self, body: &Body) -> u32 {
        match body {
            Body::Question(Said::Recipe(question)) => self.question(*question, PiiSet::NONE),
            Body::Redacted(Said::Recipe((question, redacted))) => {
                self.question(*question, *redacted)
            }
            Body::RoutingNote(Said::Recipe(note)) => {
                self.routing_notes[usize::from(note.seen.bits())][note.wording as usize % REASONS]
            }
            Body::FindingsNote(Said::Recipe(redacted)) => {
                self.findings[usize::from(redacted.bits())]
            }
            Body::ToolCall(Said::Recipe(call)) => self.tool_call(*call),
            Body::ToolCall(Said::Words(call)) => {
                count(&call.note) + count(&format!("{} {}", call.name, call.input))
            }
            Body::ToolOutput(output) => output.size().0,
            Body::Answer(Said::Recipe(answer)) => answer.tokens,
            Body::Question(Said::Words(text))
            | Body::Redacted(Said::Words(text))
            | Body::RoutingNote(Said::Words(text))
            | Body::FindingsNote(Said::Words(text))
            | Body::Answer(Said::Words(text)) => count(text),
        }
    }
}
