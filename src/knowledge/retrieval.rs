//! The search tools over the knowledge base: by keyword, by meaning, and reranked.
//!
//! Each behaves as the tutorial's tool of that name, shortcomings included: keyword search takes
//! the first chunks that contain any word of the query and ignores how many were asked for.
//!
//! Guarantees: an answer is a pure function of base, settings and query; its size is that of its
//! text. [`RetrievalCache`] computes each answer once; afterwards it costs a table look-up.
//!
//! Does not know: who searches, or how long it takes.

use std::fmt::Write as _;
use std::sync::OnceLock;

use super::base::{ChunkId, KnowledgeBase};
use super::question;
use super::ranking;
use super::tokens::{self, Phrase, TextSize};
use super::topic::TopicId;

/// A search tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SearchTool {
    /// `search_v1`: any word of the query, first chunks first.
    Keyword,
    /// `search_v2`: cosine similarity.
    Semantic,
    /// `reranking`: what the semantic search finds, ordered by BM25.
    Reranked,
}

impl SearchTool {
    /// All, in order.
    pub const ALL: [Self; 3] = [Self::Keyword, Self::Semantic, Self::Reranked];
}

/// Most results that can be asked for.
pub const MAX_RESULTS: u32 = 20;
/// Chunks that keyword search returns.
pub const KEYWORD_RESULTS: usize = 5;

/// How searches are tuned.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetrievalSettings {
    /// Lowest similarity that counts, 0 to 1.
    pub score_threshold: f64,
    /// Characters of a chunk that semantic search and reranking show.
    pub snippet_characters: u32,
    /// Characters of a chunk that keyword search shows.
    pub excerpt_characters: u32,
    /// Whether reranking reorders; without, it hands on the order of the semantic search.
    pub rerank: bool,
}

impl Default for RetrievalSettings {
    /// As in the tutorial: threshold 0.20, snippets of 200 characters, excerpts of 500, reranking.
    fn default() -> Self {
        Self {
            score_threshold: 0.20,
            snippet_characters: 200,
            excerpt_characters: 500,
            rerank: true,
        }
    }
}

/// How many ways there are to search for a topic.
pub const QUERY_VARIANTS: u8 = 4;

/// Words before and after the topic in a query.
const QUERIES: [(&str, &str); QUERY_VARIANTS as usize] =
    [("", ""), ("", " explained with an example"), ("how does ", " work"), ("limits of ", "")];

/// A query that a model writes for a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// What it is about.
    pub topic: TopicId,
    /// Which wording, from 0 to [`QUERY_VARIANTS`] − 1 (taken modulo).
    pub variant: u8,
}

/// The queries about a topic, as written in the JSON of a tool call: `{"query": "…"}`.
pub(super) fn queries(title: &str) -> Vec<Phrase> {
    QUERIES
        .iter()
        .map(|(before, after)| Phrase::new(format!("{{\"query\": \"{before}{title}{after}\"}}")))
        .collect()
}

#[expect(
    clippy::indexing_slicing,
    reason = "a variant is taken modulo the number of wordings, and each topic has all of them"
)]
impl Query {
    /// The arguments of the tool call as JSON text, with their size.
    #[must_use]
    pub fn arguments(self, base: &KnowledgeBase) -> &Phrase {
        &base.queries(self.topic)[usize::from(self.variant % QUERY_VARIANTS)]
    }

    /// Its text.
    #[must_use]
    pub fn render(self, base: &KnowledgeBase) -> String {
        let (before, after) = QUERIES[usize::from(self.variant % QUERY_VARIANTS)];
        format!("{before}{}{after}", base.title(self.topic))
    }
}

/// One result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The chunk.
    pub chunk: ChunkId,
    /// Its score in thousandths: cosine, or BM25 after reranking; 0 for keyword search.
    pub score_milli: i32,
}

/// What a search found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retrieved {
    /// The results, best first.
    pub hits: Vec<Hit>,
    /// How many of them come from the document of the topic that was meant.
    pub on_topic: u32,
    /// The tool's output.
    pub text: Phrase,
}

impl Retrieved {
    /// The size of the tool's output.
    #[must_use]
    pub fn size(&self) -> TextSize {
        self.text.size()
    }
}

/// Searches for any text. `top_k` is brought into 1 to [`MAX_RESULTS`]; keyword search ignores it.
#[must_use]
pub fn search(
    base: &KnowledgeBase,
    settings: RetrievalSettings,
    tool: SearchTool,
    query: &str,
    top_k: u32,
) -> Retrieved {
    search_about(base, settings, tool, query, top_k, question::recognize_topic(query, base))
}

/// The same by meaning, with similarities of another's making: one for each chunk, in the order of
/// the base.
#[must_use]
pub fn search_by(
    base: &KnowledgeBase,
    settings: RetrievalSettings,
    tool: SearchTool,
    query: &str,
    top_k: u32,
    similarities: Vec<f64>,
) -> Retrieved {
    found(base, settings, tool, query, top_k, question::recognize_topic(query, base), similarities)
}

fn search_about(
    base: &KnowledgeBase,
    settings: RetrievalSettings,
    tool: SearchTool,
    query: &str,
    top_k: u32,
    topic: Option<TopicId>,
) -> Retrieved {
    let similarities =
        if tool == SearchTool::Keyword { Vec::new() } else { base.space().similarities(query) };
    found(base, settings, tool, query, top_k, topic, similarities)
}

fn found(
    base: &KnowledgeBase,
    settings: RetrievalSettings,
    tool: SearchTool,
    query: &str,
    top_k: u32,
    topic: Option<TopicId>,
    similarities: Vec<f64>,
) -> Retrieved {
    let top_k = top_k.clamp(1, MAX_RESULTS) as usize;
    let hits = match tool {
        SearchTool::Keyword => by_keyword(base, query),
        SearchTool::Semantic => by_meaning(base, settings.score_threshold, similarities, top_k),
        SearchTool::Reranked => {
            let mut hits = by_meaning(
                base,
                settings.score_threshold,
                similarities,
                (2 * top_k).min(MAX_RESULTS as usize),
            );
            if settings.rerank {
                rerank(base, query, &mut hits);
            }
            hits.truncate(top_k);
            hits
        }
    };
    let document = topic.map(|topic| base.document_of(topic));
    let on_topic =
        hits.iter().filter(|hit| Some(base.chunk(hit.chunk).document) == document).count();
    let text = Phrase::new(output(base, settings, tool, &hits));
    Retrieved { on_topic: u32::try_from(on_topic).unwrap_or(u32::MAX), hits, text }
}

fn by_keyword(base: &KnowledgeBase, query: &str) -> Vec<Hit> {
    let words: Vec<String> = query.split_whitespace().map(str::to_lowercase).collect();
    let found = base
        .chunk_ids()
        .filter(|&id| words.iter().any(|word| base.lower_chunk(id).contains(word.as_str())));
    found.take(KEYWORD_RESULTS).map(|chunk| Hit { chunk, score_milli: 0 }).collect()
}

fn by_meaning(
    base: &KnowledgeBase,
    threshold: f64,
    similarities: Vec<f64>,
    top_k: usize,
) -> Vec<Hit> {
    let mut scored: Vec<(ChunkId, f64)> = base.chunk_ids().zip(similarities).collect();
    // Stable, so that equal scores keep the order of the base.
    scored.sort_by(|a, b| b.1.total_cmp(&a.1));
    let good =
        scored.into_iter().take(top_k).filter(|&(_, score)| score >= threshold && score > 0.0);
    good.map(|(chunk, score)| Hit { chunk, score_milli: (score * 1000.0).round() as i32 }).collect()
}

fn rerank(base: &KnowledgeBase, query: &str, hits: &mut [Hit]) {
    let texts: Vec<Vec<String>> = hits
        .iter()
        .map(|hit| ranking::words(base.chunk(hit.chunk).text.text()).collect())
        .collect();
    let query: Vec<String> = ranking::words(query).collect();
    for (hit, score) in hits.iter_mut().zip(ranking::bm25(&query, &texts)) {
        hit.score_milli = (score * 1000.0).round() as i32;
    }
    hits.sort_by_key(|hit| std::cmp::Reverse(hit.score_milli));
}

/// The tool's output as text.
fn output(
    base: &KnowledgeBase,
    settings: RetrievalSettings,
    tool: SearchTool,
    hits: &[Hit],
) -> String {
    let n = hits.len();
    if n == 0 {
        return "No matching text chunks found.".to_owned();
    }
    let mut text = match tool {
        SearchTool::Keyword => format!("Found {n} matching text chunks:"),
        SearchTool::Semantic => format!("Found {n} relevant text chunks:"),
        SearchTool::Reranked => format!("Reranked {n} text chunks:"),
    };
    for (place, hit) in hits.iter().enumerate() {
        let chunk = base.chunk(hit.chunk);
        let (limit, whole) = match tool {
            SearchTool::Keyword => (settings.excerpt_characters, chunk.text.text().to_owned()),
            _ => (
                settings.snippet_characters,
                chunk.text.text().split_whitespace().collect::<Vec<_>>().join(" "),
            ),
        };
        let shown = tokens::cut(&whole, limit);
        let more = if shown.len() < whole.len() { "..." } else { "" };
        // Writing to a string cannot fail.
        let _ = match tool {
            SearchTool::Keyword => write!(text, "\n\n{}. {shown}{more}", place + 1),
            _ => {
                let sign = if hit.score_milli < 0 { "-" } else { "" };
                let (whole, part) = (hit.score_milli.abs() / 1000, hit.score_milli.abs() % 1000);
                let name = base.document_name(chunk.document);
                write!(
                    text,
                    "\n\n{}. {name} (score {sign}{whole}.{part:03}): {shown}{more}",
                    place + 1
                )
            }
        };
    }
    text
}

/// How many passages of a search's output name the topic's own document, and how many another one,
/// as the text tells.
#[must_use]
pub fn named(base: &KnowledgeBase, text: &str, topic: TopicId) -> (u16, u16) {
    let own = base.document_name(base.document_of(topic));
    let name = |line: &str| {
        let (place, rest) = line.split_once(". ")?;
        let (name, _) = rest.split_once(" (score ")?;
        place.parse::<u32>().is_ok().then(|| name == own)
    };
    let on_topic: Vec<bool> = text.lines().filter_map(name).collect();
    let own = on_topic.iter().filter(|&&own| own).count();
    let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    (count(own), count(on_topic.len() - own))
}

/// Every answer of every tool for every query, each computed when it is first wanted.
#[derive(Debug)]
pub struct RetrievalCache {
    settings: RetrievalSettings,
    n_topics: usize,
    cells: Vec<OnceLock<Retrieved>>,
}

impl RetrievalCache {
    /// A cache for this base and these settings.
    #[must_use]
    pub fn new(base: &KnowledgeBase, settings: RetrievalSettings) -> Self {
        let n_cells = SearchTool::ALL.len()
            * base.n_topics()
            * usize::from(QUERY_VARIANTS)
            * MAX_RESULTS as usize;
        Self {
            settings,
            n_topics: base.n_topics(),
            cells: (0..n_cells).map(|_| OnceLock::new()).collect(),
        }
    }

    /// What a tool answers to a query. `base` is the one that the cache was made for.
    #[must_use]
    #[expect(
        clippy::indexing_slicing,
        reason = "there is a cell for each tool, topic, wording and number of results"
    )]
    pub fn get(
        &self,
        base: &KnowledgeBase,
        tool: SearchTool,
        query: Query,
        top_k: u32,
    ) -> &Retrieved {
        // Keyword search does not care how many are wanted: one cell.
        let top_k = if tool == SearchTool::Keyword { 1 } else { top_k.clamp(1, MAX_RESULTS) };
        let topic = usize::from(query.topic.0) % self.n_topics;
        let variant = usize::from(query.variant % QUERY_VARIANTS);
        let row = (tool as usize * self.n_topics + topic) * usize::from(QUERY_VARIANTS) + variant;
        let cell = &self.cells[row * MAX_RESULTS as usize + top_k as usize - 1];
        cell.get_or_init(|| {
            search_about(base, self.settings, tool, &query.render(base), top_k, Some(query.topic))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::knowledge::REINFORCEMENT_LEARNING;
    use std::sync::LazyLock;

    static BASE: LazyLock<KnowledgeBase> =
        LazyLock::new(|| KnowledgeBase::from_documents(&REINFORCEMENT_LEARNING).unwrap());

    #[test]
    fn keyword_search_takes_the_first_chunks_with_any_word() {
        let found =
            search(&BASE, RetrievalSettings::default(), SearchTool::Keyword, "bellman ZEBRA", 1);
        assert_eq!(found.hits.len(), 5);
        let first = BASE
            .chunk_ids()
            .filter(|&id| BASE.chunk(id).text.text().to_lowercase().contains("bellman"));
        assert!(first.take(5).eq(found.hits.iter().map(|hit| hit.chunk)));
        assert!(found.text.text().starts_with("Found 5 matching text chunks:\n\n1. "));
        let excerpt = found.text.text().split("\n\n1. ").nth(1).unwrap();
        assert_eq!(tokens::characters(&excerpt[..excerpt.find("...\n\n2. ").unwrap()]), 500);
        assert_eq!(
            search(&BASE, RetrievalSettings::default(), SearchTool::Keyword, "zebra", 3).hits,
            []
        );
    }

    #[test]
    fn semantic_search_finds_each_topic_in_its_own_document() {
        let cache = RetrievalCache::new(&BASE, RetrievalSettings::default());
        for topic in BASE.topics() {
            for variant in 0..QUERY_VARIANTS {
                let found = cache.get(&BASE, SearchTool::Semantic, Query { topic, variant }, 3);
                assert!(
                    found.on_topic >= 1,
                    "{}: {}",
                    Query { topic, variant }.render(&BASE),
                    found.text.text()
                );
                assert!(found.hits.iter().all(|hit| hit.score_milli >= 200));
                assert!(found.hits.is_sorted_by(|a, b| a.score_milli >= b.score_milli));
            }
        }
    }

    #[test]
    fn a_higher_threshold_and_a_smaller_top_k_find_less() {
        let find = |score_threshold, top_k| {
            let settings = RetrievalSettings { score_threshold, ..RetrievalSettings::default() };
            search(&BASE, settings, SearchTool::Semantic, "temporal difference learning", top_k)
                .hits
                .len()
        };
        assert_eq!((find(0.0, 0), find(0.0, 7), find(0.0, 99)), (1, 7, 20));
        assert!(find(0.30, 20) < find(0.10, 20));
        assert_eq!(find(1.0, 20), 0);
    }

    #[test]
    fn reranking_orders_by_its_own_score_and_can_be_turned_off() {
        let find = |rerank, tool| {
            search(
                &BASE,
                RetrievalSettings { rerank, ..RetrievalSettings::default() },
                tool,
                "experience replay buffer",
                5,
            )
        };
        let (on, off) = (find(true, SearchTool::Reranked), find(false, SearchTool::Reranked));
        assert!(on.hits.is_sorted_by(|a, b| a.score_milli >= b.score_milli));
        assert_eq!(off.hits, find(true, SearchTool::Semantic).hits);
        assert_ne!(on.hits, off.hits);
    }

    #[test]
    fn the_cache_gives_what_a_search_gives_and_counts_what_it_says() {
        let settings = RetrievalSettings { snippet_characters: 90, ..RetrievalSettings::default() };
        let cache = RetrievalCache::new(&BASE, settings);
        for (n, tool) in SearchTool::ALL.into_iter().enumerate() {
            for top_k in [1, 3, 20, 500] {
                let query = Query {
                    topic: BASE.topic(7 * n + top_k as usize),
                    variant: (n + top_k as usize) as u8,
                };
                let found = cache.get(&BASE, tool, query, top_k);
                assert_eq!(*found, search(&BASE, settings, tool, &query.render(&BASE), top_k));
                assert_eq!(found.size(), TextSize::of(found.text.text()));
            }
        }
    }

    #[test]
    fn a_query_is_the_json_of_its_text() {
        let query = Query { topic: BASE.topic(5), variant: 2 };
        assert_eq!(query.arguments(&BASE).text(), r#"{"query": "how does Q-Learning work"}"#);
        assert_eq!(question::recognize_topic(&query.render(&BASE), &BASE), Some(query.topic));
    }
}
