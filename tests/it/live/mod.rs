//! Live runs with `serve` (or a stand-in) as the other side.

mod calibrate;
pub mod program;
pub mod session;
