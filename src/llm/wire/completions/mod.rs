//! Chat completions, the format that OpenAI and Mistral share, with what sets the two apart.
//!
//! Promises: a difference between the two is a match on [`Dialect`], visible where it matters.
//!
//! Does not know: how either words an error; that is with the provider.

mod answer;
mod dialect;
mod model;
mod read;
mod stream;
mod turns;
mod write;

mod schema;

pub(super) use answer::{decode_response, encode_response};
pub(super) use dialect::Dialect;
pub(super) use read::decode_request;
pub(super) use schema::unmet_schema;
pub(super) use stream::{Assembly, encode_stream};
pub(super) use write::encode_request;
