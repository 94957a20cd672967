//! OpenAI: its facts, its chat completions and its Responses.

mod chat;
mod dialect;
mod families;
mod models;
mod provider;
mod responses;

pub use provider::OPENAI;
