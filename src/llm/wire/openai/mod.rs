//! OpenAI: its facts, its chat completions and its Responses; providers that speak its chat
//! completions at other addresses.

mod chat;
mod compatible;
mod dialect;
mod families;
mod models;
mod provider;
mod responses;

pub use compatible::{compatible, variable as compatible_variable};
pub use provider::OPENAI;
