//! What an SDK sends: exposures, metric events and their summaries.
//!
//! Builders make the events of the newest server SDK and of the families of AI SDKs from plain
//! arguments; the reader takes them, and those of newer and other SDKs, back to what the analysis
//! needs.

mod build;
mod clock;
mod read;

pub use build::{
    FeatureEvent, GraphTrack, IndexEvent, SentMetric, Track, context, custom, custom_by_key,
    feature, index, reason, run_id, sdk_info,
};
pub use clock::{Clock, moment, stamp};
pub use read::{Malformed, Notes, Recorded, context_kinds, inner, is_disabled, notes, read};
