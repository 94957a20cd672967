//! Who comes, when, and with which question.

mod plan;
mod spec;

pub use plan::{Plan, Visitor};
pub use spec::{AudienceGroup, Mode, TrafficSpec};
