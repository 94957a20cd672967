//! Amazon Bedrock's Converse API: `POST /model/{id}/converse` and `/converse-stream` (binary
//! messages), `/count-tokens`, vectors of Titan through `/invoke`, and the list of models.
//!
//! What is refused: fields of the wrong type or out of range, turns that make no conversation, tool
//! calls without their results, and what a model does not take. What is tolerated: any other field,
//! such as `guardrailConfig`, which the real service checks.
//!
//! Not simulated: guardrails, prompt routers, reasoning content, citations, `InvokeModel` for
//! chats. Read over: cache points, `additionalModelRequestFields`, and any signature: a request needs
//! one, or a bearer token, and which one does not matter.

mod answer;
mod embeddings;
mod error;
mod families;
mod models;
mod provider;
mod request;
mod stream;

pub use provider::BEDROCK;
use stream::ConverseAssembly;
