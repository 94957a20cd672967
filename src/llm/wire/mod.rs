//! The providers' wire formats, written once: the live client speaks them as its peer's language,
//! and `serve` as its own. Pure functions from bytes to domain and back; no sockets, no clock, no
//! random numbers.
//!
//! Where to begin: [`Provider`] is a provider as a value, and [`PROVIDERS`] is the table of them.
//! Each provider has a folder ([`anthropic`], [`openai`], [`mistral`], [`google`],
//! [`bedrock`]), which says what
//! it refuses and what it tolerates; `completions` and `responses` are the formats that several of
//! them share.
//! [`stream::StreamDecoder`] puts a streamed answer together; [`limits`] and [`retry`] read what an
//! answer says about asking again.

mod body;
mod raw;
pub(crate) mod time_headers;
mod event_stream;
mod media;
pub mod framing;
pub mod headers;
pub mod sse;
pub mod limits;
pub mod retry;
pub mod address;
mod ids;
pub mod embeddings;
pub mod counting;
pub mod batches;
pub mod moderations;
pub mod stream;
pub mod path_api;
mod provider;
mod completions;
pub mod responses;

pub mod anthropic;
pub mod openai;
pub mod mistral;
pub mod google;
pub mod bedrock;

pub use openai::{compatible, compatible_variable};
pub use provider::{Api, Embedder, Provider, ProviderFacts, SchemaPlace};

/// Every provider, in the order of lists and messages. A new provider has a folder, its `pub mod`
/// above, and a row here.
pub static PROVIDERS: &[Provider] = &[
    // One row each.
    anthropic::ANTHROPIC,
    openai::OPENAI,
    mistral::MISTRAL,
    google::GOOGLE,
    bedrock::BEDROCK,
];

#[cfg(test)]
mod laws;
#[cfg(test)]
mod model_rules;
