//! What a run with real providers would cost, and which models it could ask. Nothing here meets a provider.
//!
//! Promises: the same agents, traffic and judge as in a run.
//!
//! Does not know: the terminal, or any socket.

pub mod environment;
pub mod estimate;
pub mod models;
pub mod recording;

pub use estimate::{Estimate, Spread, estimate};
