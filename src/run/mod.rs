//! The road: every stage once, in order.

mod conduct;
mod flags;
mod setup;
mod stage;
mod tally;
mod truth;

pub use conduct::{Outcome, Wishes, conduct, met};
pub use setup::SetupError;
pub use stage::{Settings, Stage};
pub use tally::{ArmTally, Spending, TrafficTally};
pub use truth::{Truth, truth};
