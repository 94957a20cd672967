//! Live runs with `serve` (or a stand-in) as the other side.

mod against;
mod calibrate;
mod compatible;
mod delivery;
pub mod money;
mod graphs;
pub mod program;
pub mod session;
