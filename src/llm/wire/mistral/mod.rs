//! Mistral: its facts, and its chat completions.

mod chat;
mod dialect;
mod families;
mod models;
mod provider;

pub use provider::MISTRAL;
