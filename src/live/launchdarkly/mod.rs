//! The real LaunchDarkly: its REST interface, and its official SDK for flags and events.
//!
//! Guarantees: no key is in any error; an event that was not taken is not passed over in silence.
//!
//! Does not know: what a run is.

mod delivery;
mod project;
mod rest;
mod sdk;

pub use delivery::{Counts, Courier};
pub use project::{ProjectPlan, apply, plan, unstarted};
pub use rest::RestAdmin;
pub use sdk::{LiveFlags, LiveFlagsError, Taken, experiment_page, payload_id};
