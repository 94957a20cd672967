//! Who comes, when, and with which question.

mod conversation;
mod plan;
mod returns;
mod spec;

pub use conversation::{ConversationSpec, MAX_TURNS, TurnCount};
pub use plan::{TrafficPlan, Visitor};
pub use returns::{MAX_VISITS, ReturnSpec, VisitCount};
pub use spec::{AudienceGroup, TrafficMode, TrafficSpec};
