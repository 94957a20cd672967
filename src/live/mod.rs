//! The road on real providers: what it would cost, and the run itself.
//!
//! Promises: the same agents, traffic, judge and analysis as in the simulator; only who answers differs.
//!
//! Does not know: the terminal.

pub mod estimate;
pub mod models;

pub use estimate::{Estimate, Spread, estimate};
