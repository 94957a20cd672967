//! The Responses format: a conversation of items, answered with items, which the service keeps.
//!
//! Guarantees: a request becomes the `ChatRequest` that the same words in chat completions become,
//! and an answer is written from the same `ChatResponse`. So one core answers both.
//!
//! Does not know: where earlier answers are kept, any provider, or how one words an error.

mod answer;
mod api;
mod compaction;
mod items;
mod kept;
mod read;
mod sent;
mod stream;

pub use answer::ResponseStatus;
pub use api::{ENDING_EVENTS, ResponsesApi};
pub use items::ConversationItem;
pub use kept::{ListPage, answer_of_item, compacted, list_page, with_ids};
pub(super) use read::ModelParameters;
pub use read::ResponsesRequest;
