//! How many users an experiment needs, what they cost and how long they take, in about a second:
//! from a few numbers, or from a scenario.
//!
//! Guarantees: the closed form of the analysis's own decision, and where every input came from; the
//! same question has the same answer on every machine.
//!
//! Does not know: arguments, files or terminals.

mod ask;
mod check;
mod data;
mod document;
mod given;
mod measured;
mod solve;

pub use ask::{PlanFault, PlanRequest, PlannedMeasure, lift_to_find};
pub use check::{CheckSettings, check_by_power, check_by_simulation};
pub use data::{PLAN_SCHEMA, PlanAnswer, PlanCheck, PlanInput, PlanMetric, PlanRow};
pub use document::{plan_to_markdown, plan_to_text};
pub use given::given;
pub use measured::{MeasuredPlan, PlannedStudy, measured};
pub use solve::{PlanInputs, solve};
