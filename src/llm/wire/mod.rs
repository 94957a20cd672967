//! The providers' wire formats, written once: the live client speaks them as its peer's language,
//! `serve` as its own. Pure functions from bytes to domain and back; no sockets, no clock, no luck.
//!
//! Where to begin: [`provider`] has one function for each thing that all three say;
//! [`stream::StreamDecoder`] puts a streamed answer together; [`limits`] and [`retry`] read what an
//! answer says about asking again. The providers themselves are [`anthropic`], [`openai`] and
//! [`mistral`]; each says what it refuses and what it tolerates.

mod body;
mod raw;
mod moment;
pub mod head;
pub mod sse;
pub mod limits;
pub mod retry;
pub mod ids;
pub mod anthropic;
mod completions;
pub mod openai;
pub mod mistral;
pub mod embeddings;
pub mod models;
pub mod stream;
pub mod provider;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod model_rules;
