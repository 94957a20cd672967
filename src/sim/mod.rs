//! The world: a stable queue, an engine that is asked, and one loop that awaits.

mod drive;
mod engine;
mod queue;

pub use drive::{Virtual, Waits, drive};
pub use engine::{Assign, Engine, Step, World};
pub use queue::Queue;
