//! The model as judge.

mod spec;

pub use spec::{JudgeSpec, Sees};
