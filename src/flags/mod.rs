//! A LaunchDarkly project: what it shall hold, a mock that holds it, and which variation a user
//! gets.
//!
//! The way of a value through this room: a [`spec::ProjectSpec`] says what shall be there;
//! [`bootstrap`] creates or updates it through the seam [`bootstrap::FlagAdmin`]; the [`mock`] (or
//! the real service) turns that into the SDK's flags and segments, a [`ruleset::Ruleset`]; and
//! [`compiled::Compiled`] answers, for a user, which variation. [`events`] builds and reads what an
//! SDK would send back.
//!
//! Evaluation is not behind the seam: the same flag JSON is evaluated in every mode, by the
//! official crate or by the compiled path that is tested to equal it.

#[cfg(test)]
mod agent;
pub mod api;
pub mod bootstrap;
pub mod bucket;
pub mod client_side;
pub mod compiled;
pub mod events;
mod members;
pub mod mock;
mod official;
pub mod ruleset;
pub mod spec;
