//! The model as judge.

pub mod shown;
mod spec;

pub use spec::{JudgeSpec, Sees};
