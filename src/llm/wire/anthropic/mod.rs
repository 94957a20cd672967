//! Anthropic's Messages API, version 2023-06-01: `POST /v1/messages`, plain and streaming.
//!
//! What is refused: fields of the wrong type or out of range, roles and blocks that make no
//! conversation, and the words of other providers (`response_format`, `stop`,
//! `max_completion_tokens` and the like), which the real service refuses too. What is tolerated:
//! any other field it does not know. The real service refuses those as well, but it learns new ones
//! every month, and an application should not fail here for being newer than this table.
//!
//! Not played, and refused in clear words: images, documents and the server's own tools. Read over:
//! thinking blocks.

mod answer;
mod error;
mod families;
mod models;
mod provider;
mod reasoning;
mod request;
mod stream;

pub use provider::ANTHROPIC;
use stream::AnthropicAssembly;
