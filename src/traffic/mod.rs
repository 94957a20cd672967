//! Who comes, when, and with which question.

mod spec;

pub use spec::{AudienceGroup, Mode, TrafficSpec};
