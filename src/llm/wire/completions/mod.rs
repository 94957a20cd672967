//! Chat completions, the format that several providers share.
//!
//! Guarantees: what sets a provider apart is a field of its [`Dialect`], so another provider with
//! this format needs no change here.
//!
//! Does not know: any provider, or how one words an error.

mod answer;
mod dialect;
mod logprobs;
mod read;
mod sent;
mod stream;
mod turns;
mod write;

mod schema;

pub(super) use answer::{decode_response, encode_response};
pub(super) use dialect::{
    AnswerForm, CompletionWords, Deprecated, Dialect, ToolRules, TurnPlace, TurnRules, WireRole,
};
pub(super) use read::decode_request;
pub(super) use schema::unmet_schema;
pub(super) use sent::BodyIn;
pub(super) use stream::{CompletionsAssembly, encode_stream};
pub(super) use write::encode_request;
