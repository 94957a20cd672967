//! The road: every stage once, in order.

mod conduct;
mod events;
mod flags;
mod setup;
mod stage;
mod tally;
mod truth;

pub use conduct::{Outcome, Wishes, conduct, conduct_with, met};
pub use events::EventWriter;
pub use setup::SetupError;
pub use stage::{Settings, Stage};
pub use tally::{ArmTally, Spending, TrafficTally};
pub use truth::{Truth, populations, truth, values};
