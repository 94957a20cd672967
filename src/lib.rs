//! simlab: a flight simulator for AI experiments.

pub mod quantity;
pub mod time;

pub mod context;
pub mod experiment;
pub mod random;

pub mod analysis;
