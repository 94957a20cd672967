//! Live runs with `serve` (or a stand-in) as the other side.

pub mod program;
pub mod session;
