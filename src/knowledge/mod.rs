//! What people ask about and what is said: the knowledge base, retrieval over it, and every text
//! the mock models write.
//!
//! A simulation only counts; a transcript, `serve` and a judge read. So each text here is a small
//! recipe (a `Copy` value) with two readings: its size, from tables, without allocation; and its
//! rendering. Both walk the same phrases.
//!
//! Guarantees: what is counted is exactly what would be rendered, to the token and the character;
//! both are pure functions of the recipe and the knowledge base; the same bytes on every platform.
//!
//! Does not know: files (documents arrive as name and text), luck (choices arrive as bits), who
//! asks, or who answers.

pub mod tokens;
mod topic;

pub mod base;
pub mod detect;
mod embedding;
pub mod library;
pub mod listed;
pub mod papers;
pub mod markdown;
pub mod personal;
mod phrases;
pub mod prose;
pub mod question;
pub mod ranking;
pub mod retrieval;
pub mod structured;

pub use base::{Chunk, ChunkId, KnowledgeBase, KnowledgeError};
pub use detect::{count_redactions, detect_personal_data, redact, redacted_items};
pub use embedding::Embedding;
pub use library::REINFORCEMENT_LEARNING;
pub use listed::{ListedQuestion, QuestionId, QuestionNotes};
pub use markdown::ChunkSize;
pub use papers::{PaperList, PaperSource};
pub use personal::{PersonalData, PiiKind, PiiSet, REDACTED, Redaction};
pub use prose::{Answer, Grade, ReasoningNote, recognize_grade};
pub use question::{Question, Recognized, TEMPLATES, recognize, recognize_topic};
pub use retrieval::{Query, RetrievalCache, RetrievalSettings, Retrieved, SearchTool};
pub use structured::{Detection, Prescreen, Route};
pub use tokens::{Phrase, TextSize};
pub use topic::{Complexity, TopicId};
