//! Google's Gemini API, version v1beta (v1 is served alike): `POST
//! /v1beta/models/{model}:generateContent`, `:streamGenerateContent`, `:countTokens`,
//! `:embedContent`, `:batchEmbedContents`, and the list of models. Field names may be in camel case
//! or in snake case, as in JSON of protocol buffers.
//!
//! What is refused: fields of the wrong type or out of range, turns that make no conversation,
//! thinking that the model does not have, and a function call of Gemini 3 or newer without its
//! thought signature. What is tolerated: any other field it does not know. The real service refuses
//! those, but it learns new ones every month.
//!
//! Not simulated: thoughts; an answer has none, whatever `thinkingConfig` says. Read over: executable
//! code and the server's own tools. Images, documents, sounds and videos are counted by the
//! documentation's page on tokens; `mediaResolution` changes nothing.

mod answer;
mod embeddings;
mod error;
mod families;
mod models;
mod provider;
mod request;
mod schema;
mod stream;

pub use provider::GOOGLE;
use stream::GoogleAssembly;
