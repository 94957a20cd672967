//! What the support agent's tools give back: sizes from a cache, so that a simulation asks a
//! million times at the price of a look-up; and the texts themselves for whoever reads.
//!
//! Guarantees: the size is that of the text. A local tool's results depend on tool, query and
//! number of results alone.
//!
//! Does not know: rate limits and waiting times; the engine does.

use std::sync::{Arc, OnceLock};

use crate::knowledge::retrieval::{MAX_RESULTS, QUERY_VARIANTS};
use crate::knowledge::tokens::{count, cut};
use crate::knowledge::{
    KnowledgeBase, PaperList, PaperSource, RetrievalCache, RetrievalSettings, SearchTool, TextSize,
    TopicId,
};
use crate::llm::model::{CallWords, Given, OutputWords, Passages, Said, ToolCall, ToolOutput};
use crate::llm::setup::{ToolKind, ToolSpec};

/// What a remote tool says when it gives up.
const GIVEN_UP: &str = "Search error: rate limit exceeded (HTTP/1.1 429), no results.";

/// The output of a tool that has given up on a call in words.
#[must_use]
pub fn given_up(call: &CallWords) -> Given {
    Said::Words(Arc::new(OutputWords::new(call, GIVEN_UP.to_owned(), true)))
}

/// The outputs of a scenario's tools.
#[derive(Debug)]
pub struct Library<'k> {
    base: &'k KnowledgeBase,
    tools: &'k [ToolSpec],
    /// Of each tool its own settings' cache; remote tools have none.
    caches: Vec<Option<RetrievalCache>>,
    /// Characters that a judge is shown, and the tokens of so much of each output, counted when
    /// first wanted.
    shown_characters: u32,
    shown: Vec<OnceLock<u32>>,
    given_up: TextSize,
}

impl<'k> Library<'k> {
    /// The outputs of these tools over this base; a judge is shown `shown_characters` of them.
    #[must_use]
    pub fn new(base: &'k KnowledgeBase, tools: &'k [ToolSpec], shown_characters: u32) -> Self {
        let cache = |tool: &ToolSpec| {
            let usual = RetrievalSettings::default();
            let settings = match tool.kind {
                ToolKind::Remote(_) => return None,
                ToolKind::SemanticSearch { threshold } => {
                    RetrievalSettings { score_threshold: threshold, ..usual }
                }
                ToolKind::KeywordSearch | ToolKind::Rerank => usual,
            };
            Some(RetrievalCache::new(base, settings))
        };
        let cells =
            tools.len() * base.n_topics() * usize::from(QUERY_VARIANTS) * MAX_RESULTS as usize;
        Self {
            base,
            tools,
            caches: tools.iter().map(cache).collect(),
            shown_characters,
            shown: (0..cells).map(|_| OnceLock::new()).collect(),
            given_up: TextSize::of(GIVEN_UP),
        }
    }

    /// What a local tool finds; `None` for a remote one.
    fn found(&self, call: ToolCall) -> Option<&crate::knowledge::Retrieved> {
        let tool = usize::from(call.tool);
        let search = match self.tools.get(tool)?.kind {
            ToolKind::Remote(_) => return None,
            ToolKind::KeywordSearch => SearchTool::Keyword,
            ToolKind::SemanticSearch { .. } => SearchTool::Semantic,
            ToolKind::Rerank => SearchTool::Reranked,
        };
        Some(self.caches.get(tool)?.as_ref()?.get(
            self.base,
            search,
            call.query,
            u32::from(call.top_k),
        ))
    }

    /// A local tool's answer.
    #[must_use]
    pub fn local(&self, call: ToolCall) -> ToolOutput {
        let TextSize { tokens, characters } =
            self.found(call).map_or(TextSize::ZERO, crate::knowledge::Retrieved::size);
        ToolOutput { call, tokens, characters, wording: 0, failed: false }
    }

    /// The passages in an output: of a search by meaning alone, whose passages name their
    /// documents.
    #[must_use]
    pub fn passages(&self, output: &Given) -> Passages {
        // Who wrote words cites no documents that could be looked up.
        let Said::Recipe(output) = output else { return Passages::default() };
        let output = *output;
        let named = self
            .tools
            .get(usize::from(output.call.tool))
            .is_some_and(|tool| tool.kind.names_documents());
        let Some(found) = self.found(output.call).filter(|_| named && !output.failed) else {
            return Passages::default();
        };
        let (all, on_topic) = (
            u16::try_from(found.hits.len()).unwrap_or(u16::MAX),
            u16::try_from(found.on_topic).unwrap_or(u16::MAX),
        );
        Passages { on_topic, off_topic: all.saturating_sub(on_topic) }
    }

    /// A remote tool's answer of `tokens` tokens.
    #[must_use]
    pub fn remote(&self, call: ToolCall, tokens: u32, wording: u64) -> ToolOutput {
        let characters = self.papers(call, tokens, wording).characters(self.base);
        ToolOutput { call, tokens, characters, wording, failed: false }
    }

    fn papers(&self, call: ToolCall, tokens: u32, wording: u64) -> PaperList {
        let arxiv =
            self.tools.get(usize::from(call.tool)).is_some_and(|tool| tool.key.contains("arxiv"));
        let source = if arxiv { PaperSource::Arxiv } else { PaperSource::SemanticScholar };
        PaperList { source, topic: call.query.topic, tokens, wording }
    }

    /// A remote tool's answer when it has given up.
    #[must_use]
    pub fn given_up(&self, call: ToolCall) -> ToolOutput {
        let TextSize { tokens, characters } = self.given_up;
        ToolOutput { call, tokens, characters, wording: 0, failed: true }
    }

    /// The tokens of what a judge is shown of an output in `characters` characters: whole sentences
    /// of a paper list, the very characters of anything else.
    #[must_use]
    pub fn leading_tokens(&self, output: &Given, characters: u32) -> u32 {
        let (all_tokens, all_characters) = output.size();
        if all_characters <= characters {
            return all_tokens;
        }
        let output = match output {
            Said::Recipe(output) => *output,
            Said::Words(output) => return count(cut(&output.text, characters)),
        };
        let ToolOutput { call, tokens, wording, failed, .. } = output;
        let Some(found) = self.found(call).filter(|_| !failed) else {
            return if failed {
                count(cut(GIVEN_UP, characters))
            } else {
                self.papers(call, tokens, wording).leading(self.base, characters).tokens
            };
        };
        let text = || count(cut(found.text.text(), characters));
        if characters != self.shown_characters {
            return text();
        }
        let TopicId(topic) = call.query.topic;
        let row = usize::from(call.tool) * self.base.n_topics() + usize::from(topic);
        let row = row * usize::from(QUERY_VARIANTS) + usize::from(call.query.variant);
        let cell =
            self.shown.get(row * MAX_RESULTS as usize + usize::from(call.top_k).saturating_sub(1));
        cell.map_or_else(text, |cell| *cell.get_or_init(text))
    }

    /// The text of an output.
    #[must_use]
    pub fn text(&self, output: ToolOutput) -> String {
        if output.failed {
            return GIVEN_UP.to_owned();
        }
        match self.found(output.call) {
            Some(found) => found.text.text().to_owned(),
            None => self.papers(output.call, output.tokens, output.wording).render(self.base),
        }
    }
}
