//! What an SDK sends: exposures, metric events and their summaries.
//!
//! Builders make the events of the tutorial's SDK pair (server SDK 9, AI SDK 0.10.1) from plain arguments; the reader takes
//! them, and those of newer and other SDKs, back to what the analysis needs.

mod build;
mod clock;
mod keys;
mod read;

pub use build::{FeatureEvent, Summary, Track, context, cost_dollars, custom, feature, index, reason};
pub use clock::{Clock, moment};
pub use keys::{EventKey, UnknownEvent};
pub use read::{Malformed, Notes, Recorded, context_kinds, inner, is_disabled, notes, read};
