//! The world: a stable queue, an engine that is asked, and the loops around it.

mod drive;
mod engine;
mod queue;

pub use drive::{drive, drive_live};
pub use engine::{Assign, Engine, EngineWorld, PairedVisits, Seat, Step};
pub use queue::Queue;
