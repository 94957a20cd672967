//! What an SDK sends: exposures, metric events and their summaries.
//!
//! Builders make the events of the newest Python SDK pair (server SDK 9, AI SDK 1.2.0) from plain
//! arguments; the reader takes them, and those of newer and other SDKs, back to what the analysis
//! needs.

mod build;
mod clock;
mod read;

pub use build::{
    FeatureEvent, Summary, Track, context, cost_dollars, custom, custom_by_key, feature, index,
    reason, run_id, sdk_info,
};
pub use clock::{Clock, moment};
pub use read::{Malformed, Notes, Recorded, context_kinds, inner, is_disabled, notes, read};
