//! What a model does with a request that is not of the scenario's own agents: it calls the tools that
//! fit with arguments from the question, answers from their results, and keeps to the form that is
//! asked for.
//!
//! Guarantees: a pure function of the request; a conversation in which every call gets its result
//! ends, unless its requests demand a call. Nothing follows from the request's `user`.
//!
//! Does not know: HTTP, providers, or what the scenario's own agents answer.

mod facts;
mod fill;
mod marks;
mod notes;
mod plan;
mod prose;
mod slots;
mod speech;
mod steps;
mod talk;
mod tools;
mod turn;
mod worded;
mod words;

#[cfg(test)]
mod tests;

pub use notes::without_notes;
pub use slots::{meant, properties};
pub use talk::Talk;
pub use tools::handed_to;
pub use turn::{BYTES_OF_JSON, Setting, Turn, decide};
pub use words::split;
