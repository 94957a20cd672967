//! The knowledge base: documents, the chunks that are searched, and the topics that users ask
//! about.
//!
//! Limits: 1,000 documents, 8 MiB of text together, 20,000 chunks, and 256 topics (the first ones
//! count).
//!
//! Guarantees: a base has at least one chunk and one topic; topics have different titles; the order
//! of documents decides every number in it, and nothing else does.
//!
//! Does not know: files, or what is asked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::detect;
use super::listed::{ListedQuestion, QuestionId};
use super::markdown::{self, ChunkSize};
use super::prose::Sentences;
use super::question::Clauses;
use super::ranking::Space;
use super::retrieval;
use super::tokens::{Phrase, TextSize};
use super::topic::TopicId;

/// Most documents of a base.
pub const MAX_DOCUMENTS: usize = 1_000;
/// Most bytes of all documents together.
pub const MAX_BYTES: usize = 8 << 20;
/// Most chunks.
pub const MAX_CHUNKS: usize = 20_000;
/// Most topics; further headings are no topics.
pub const MAX_TOPICS: usize = 256;
/// If the titles of documents give fewer topics than this, their other headings are topics too, the
/// higher levels first.
pub const ENOUGH_TOPICS: usize = 20;

/// Index of a chunk in its base.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ChunkId(pub u16);

/// Why documents make no knowledge base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KnowledgeError {
    /// There is no document.
    NoDocuments,
    /// No document has any words.
    NoText,
    /// No document has a heading or a name that could be a topic.
    NoTopics,
    /// More than [`MAX_DOCUMENTS`]; how many there are.
    TooManyDocuments(usize),
    /// More than [`MAX_BYTES`] of text; the document that goes beyond it.
    TooLarge(String),
    /// More than [`MAX_CHUNKS`]; how many there are.
    TooManyChunks(usize),
}

impl fmt::Display for KnowledgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoDocuments => f.write_str("the knowledge base has no documents"),
            Self::NoText => f.write_str("the documents of the knowledge base are empty"),
            Self::NoTopics => {
                f.write_str("the knowledge base has no headings, so there is no topic to ask about")
            }
            Self::TooManyDocuments(n) => {
                write!(f, "the knowledge base has {n} documents, at most {MAX_DOCUMENTS} are read")
            }
            Self::TooLarge(name) => {
                write!(f, "the knowledge base goes beyond {} MiB with {name}", MAX_BYTES >> 20)
            }
            Self::TooManyChunks(n) => {
                write!(f, "the knowledge base has {n} chunks, at most {MAX_CHUNKS} are searched")
            }
        }
    }
}

impl std::error::Error for KnowledgeError {}

/// A stretch of a document, as retrieval finds it.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Index of its document.
    pub document: u16,
    /// Its text and size.
    pub text: Phrase,
}

#[derive(Clone, Debug)]
struct Topic {
    title: Phrase,
    document: u16,
    lower: String,
    clauses: Clauses,
    queries: Vec<Phrase>,
}

/// Documents, read and counted.
#[derive(Clone, Debug)]
pub struct KnowledgeBase {
    names: Vec<String>,
    chunks: Vec<Chunk>,
    topics: Vec<Topic>,
    titles: BTreeMap<String, TopicId>,
    sentences: Sentences,
    lower_chunks: Vec<String>,
    space: Space,
    /// Questions in somebody's own words; empty where they are made up.
    listed: Arc<[ListedQuestion]>,
}

impl KnowledgeBase {
    /// Reads documents, given as name and Markdown text, with the default [`ChunkSize`].
    ///
    /// Topics are the titles of documents: the first heading of the first level, else the name of
    /// the file. While these are fewer than [`ENOUGH_TOPICS`], the other headings follow level by
    /// level, down to the sixth. A title that looks like personal data is no topic, and a title
    /// counts once.
    ///
    /// # Errors
    /// When there is nothing in them, or more than the limits allow.
    pub fn from_documents<N: AsRef<str>, T: AsRef<str>>(
        documents: &[(N, T)],
    ) -> Result<Self, KnowledgeError> {
        Self::with_chunking(documents, ChunkSize::default())
    }

    /// The same with a given chunking.
    ///
    /// # Errors
    /// As [`Self::from_documents`].
    pub fn with_chunking<N: AsRef<str>, T: AsRef<str>>(
        documents: &[(N, T)],
        chunking: ChunkSize,
    ) -> Result<Self, KnowledgeError> {
        if documents.is_empty() {
            return Err(KnowledgeError::NoDocuments);
        }
        if documents.len() > MAX_DOCUMENTS {
            return Err(KnowledgeError::TooManyDocuments(documents.len()));
        }
        let mut bytes = 0;
        let (mut names, mut chunks, mut sentences) = (Vec::new(), Vec::new(), Vec::new());
        // Candidates for topics: the titles of documents with level 0, and their headings.
        let mut candidates: Vec<(usize, u16, String)> = Vec::new();
        // The title of each document that has chunks.
        let mut document_titles = Vec::new();
        for (document, (name, text)) in (0_u16..).zip(documents) {
            let (name, text) = (name.as_ref(), text.as_ref().replace("\r\n", "\n"));
            bytes += text.len();
            if bytes > MAX_BYTES {
                return Err(KnowledgeError::TooLarge(name.to_owned()));
            }
            names.push(name.to_owned());
            let found = markdown::chunks(&text, chunking);
            if found.is_empty() {
                sentences.push(Vec::new());
                continue;
            }
            chunks.extend(
                found.into_iter().map(|chunk| Chunk { document, text: Phrase::new(chunk) }),
            );
            sentences.push(markdown::sentences(&text));
            let headings = markdown::headings(&text);
            let stem = name
                .rsplit(['/', '\\'])
                .next()
                .unwrap_or(name)
                .trim_end_matches(".md")
                .replace(['-', '_'], " ");
            let title = headings
                .iter()
                .find(|(level, _)| *level == 1)
                .map_or(markdown::title_of(&stem), |(_, title)| title.clone());
            document_titles.push(title.clone());
            candidates.push((0, document, title));
            candidates
                .extend(headings.into_iter().map(|(level, heading)| (level, document, heading)));
        }
        if chunks.is_empty() {
            return Err(KnowledgeError::NoText);
        }
        if chunks.len() > MAX_CHUNKS {
            return Err(KnowledgeError::TooManyChunks(chunks.len()));
        }
        let (mut topics, mut titles) = (Vec::new(), BTreeMap::new());
        // Stable, so that the order of documents stays within a level.
        candidates.sort_by_key(|(level, ..)| *level);
        for level in candidates.chunk_by(|(one, ..), (other, ..)| one == other) {
            if topics.len() >= ENOUGH_TOPICS {
                break;
            }
            for (_, document, title) in level.iter().cloned() {
                let personal = !detect::detect_personal_data(&title).is_empty()
                    || detect::count_redactions(&title) > 0;
                let lower = title.to_lowercase();
                if title.is_empty()
                    || personal
                    || titles.contains_key(&lower)
                    || topics.len() == MAX_TOPICS
                {
                    continue;
                }
                titles.insert(
                    lower.clone(),
                    TopicId(u16::try_from(topics.len()).unwrap_or(u16::MAX)),
                );
                let (clauses, queries) = (Clauses::about(&title), retrieval::queries(&title));
                topics.push(Topic { clauses, queries, title: Phrase::new(title), document, lower });
            }
        }
        if topics.is_empty() {
            return Err(KnowledgeError::NoTopics);
        }
        let lower_chunks = chunks.iter().map(|chunk| chunk.text.text().to_lowercase()).collect();
        let of_document =
            chunks.chunk_by(|one, other| one.document == other.document).zip(&document_titles);
        let space = Space::new(of_document.flat_map(|(own, title)| {
            own.iter().map(move |chunk| (title.as_str(), chunk.text.text()))
        }));
        Ok(Self {
            names,
            chunks,
            topics,
            titles,
            sentences: Sentences::new(&sentences),
            lower_chunks,
            space,
            listed: Arc::default(),
        })
    }

    /// How many topics there are; ids count from 0.
    #[must_use]
    pub fn n_topics(&self) -> usize {
        self.topics.len()
    }

    /// All topics.
    pub fn topics(&self) -> impl ExactSizeIterator<Item = TopicId> {
        (0..self.topics.len()).map(|n| TopicId(u16::try_from(n).unwrap_or(u16::MAX)))
    }

    /// The topic at `n`, taken modulo their number.
    #[must_use]
    pub fn topic(&self, n: usize) -> TopicId {
        TopicId(u16::try_from(n % self.topics.len()).unwrap_or(0))
    }

    /// A topic's title.
    #[must_use]
    pub fn title(&self, topic: TopicId) -> &str {
        self.entry(topic).title.text()
    }

    /// The size of a topic's title.
    #[must_use]
    pub fn title_size(&self, topic: TopicId) -> TextSize {
        self.entry(topic).title.size()
    }

    /// The document that a topic comes from.
    #[must_use]
    pub fn document_of(&self, topic: TopicId) -> u16 {
        self.entry(topic).document
    }

    /// The names of the documents, in order.
    #[must_use]
    pub fn document_names(&self) -> &[String] {
        &self.names
    }

    /// The chunks, in order.
    #[must_use]
    pub fn chunks(&self) -> &[Chunk] {
        &self.chunks
    }

    /// The ids of all chunks.
    pub(super) fn chunk_ids(&self) -> impl Iterator<Item = ChunkId> {
        (0..self.chunks.len()).map(|n| ChunkId(u16::try_from(n).unwrap_or(u16::MAX)))
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    pub(super) fn queries(&self, topic: TopicId) -> &[Phrase] {
        &self.entry(topic).queries
    }

    /// The same base with a list of questions in somebody's own words.
    #[must_use]
    pub fn with_questions(self, listed: Vec<ListedQuestion>) -> Self {
        Self { listed: listed.into(), ..self }
    }

    /// Its list of questions; empty where questions are made up.
    #[must_use]
    pub fn questions(&self) -> &[ListedQuestion] {
        &self.listed
    }

    /// The question of this number in its list.
    #[must_use]
    pub fn listed(&self, QuestionId(id): QuestionId) -> Option<&ListedQuestion> {
        self.listed.get(id as usize)
    }

    /// The topic that a text is about: one that it names, else that of the document with the most
    /// similar chunk, else the first.
    #[must_use]
    pub fn topic_of(&self, text: &str) -> TopicId {
        let similar = || {
            let scores = self.chunks.iter().zip(self.space.similarities(text));
            // The first of equals.
            let best = scores.rev().max_by(|one, other| one.1.total_cmp(&other.1));
            let document = best.filter(|(_, score)| *score > 0.0)?.0.document;
            self.topics().find(|&topic| self.entry(topic).document == document)
        };
        self.topic_mentioned(text).or_else(similar).unwrap_or(TopicId(0))
    }

    /// The topic of this title, upper or lower case.
    #[must_use]
    pub fn topic_titled(&self, title: &str) -> Option<TopicId> {
        self.titles.get(&title.to_lowercase()).copied()
    }

    /// The topic with the longest title that stands in `text` as whole words; the first of equals.
    #[must_use]
    pub fn topic_mentioned(&self, text: &str) -> Option<TopicId> {
        let text = text.to_lowercase();
        let stands = |title: &str| {
            text.match_indices(title).any(|(at, _)| {
                let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
                !word(text[..at].chars().next_back())
                    && !word(text[at + title.len()..].chars().next())
            })
        };
        self.topics()
            .filter(|&topic| stands(&self.entry(topic).lower))
            .max_by_key(|&topic| (self.entry(topic).lower.len(), std::cmp::Reverse(topic)))
    }

    pub(super) fn clauses(&self, topic: TopicId) -> &Clauses {
        &self.entry(topic).clauses
    }

    pub(super) fn sentences(&self) -> &Sentences {
        &self.sentences
    }
}

#[expect(
    clippy::indexing_slicing,
    reason = "a base has a topic and a chunk, a remainder is below its divisor, and documents are numbered by their names"
)]
impl KnowledgeBase {
    fn entry(&self, topic: TopicId) -> &Topic {
        &self.topics[usize::from(topic.0) % self.topics.len()]
    }

    /// The chunk with this id, taken modulo their number.
    #[must_use]
    pub fn chunk(&self, id: ChunkId) -> &Chunk {
        &self.chunks[usize::from(id.0) % self.chunks.len()]
    }

    /// A chunk's text in lower case; the id is taken modulo the number of chunks.
    pub(super) fn lower_chunk(&self, id: ChunkId) -> &str {
        &self.lower_chunks[usize::from(id.0) % self.lower_chunks.len()]
    }

    /// The name of a document of a chunk or a topic.
    pub(super) fn document_name(&self, document: u16) -> &str {
        &self.names[usize::from(document)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused<const N: usize>(documents: [(&str, &str); N]) -> String {
        KnowledgeBase::from_documents(&documents).unwrap_err().to_string()
    }

    #[test]
    fn what_makes_no_base_is_said_clearly() {
        assert_eq!(refused([]), "the knowledge base has no documents");
        assert_eq!(refused([("a.md", " \n\n")]), "the documents of the knowledge base are empty");
        assert_eq!(
            refused([("--.md", "???")]),
            "the knowledge base has no headings, so there is no topic to ask about"
        );
        let large = "word ".repeat(MAX_BYTES / 5 + 1);
        assert_eq!(
            refused([("a.md", "x"), ("big.md", &large)]),
            "the knowledge base goes beyond 8 MiB with big.md"
        );
        let many = vec![("a", "b"); MAX_DOCUMENTS + 1];
        assert_eq!(
            KnowledgeBase::from_documents(&many).unwrap_err(),
            KnowledgeError::TooManyDocuments(1001)
        );
    }

    #[test]
    fn topics_come_from_titles_then_sections_then_names() {
        let documents = [
            ("folder/deep-dive.md", "no heading here"),
            ("b.md", "# Policies\n\n## Kinds\n\ntext\n\n## policies\n"),
            ("c.md", "# Call 202-555-0100\n\n## Kinds\n\n## What *else*?\n"),
        ];
        let base = KnowledgeBase::from_documents(&documents).unwrap();
        let titles: Vec<&str> = base.topics().map(|topic| base.title(topic)).collect();
        assert_eq!(titles, ["deep dive", "Policies", "Kinds", "What else"]);
        assert_eq!(base.topic_titled("POLICIES"), Some(TopicId(1)));
        assert_eq!(base.topic_mentioned("kinds of policies?"), Some(TopicId(1)));
        assert_eq!(base.topic_mentioned("mankinds"), None);
    }

    #[test]
    fn headings_of_every_level_are_topics_until_there_are_enough() {
        let titles = |text: &str| {
            let base = KnowledgeBase::from_documents(&[("notes.md", text)]).unwrap();
            base.topics().map(|topic| base.title(topic).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(
            titles("### Deep\n\ntext\n\n# Top\n\ntext\n\n# Second top\n\n###### Deepest\n"),
            ["Top", "Second top", "Deep", "Deepest"]
        );
        assert_eq!(titles("#### Only deep\n\ntext\n"), ["notes", "Only deep"]);
        // Enough on one level: the next one gives none.
        let sections: String = (0..ENOUGH_TOPICS)
            .map(|n| format!("## Section {n}\n\ntext\n\n### Part {n}\n\ntext\n\n"))
            .collect();
        assert_eq!(titles(&format!("# Book\n\n{sections}")).len(), 1 + ENOUGH_TOPICS);
        // Titles that repeat do not count as enough.
        let same = "## Same\n\ntext\n\n".repeat(ENOUGH_TOPICS);
        assert_eq!(
            titles(&format!("# Book\n\n{same}### Part\n\ntext\n")),
            ["Book", "Same", "Part"]
        );
    }
}
