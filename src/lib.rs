//! simlab: a flight simulator for AI experiments.

pub mod quantity;
pub mod time;

pub mod context;
pub mod experiment;
pub mod figure;
pub mod random;
pub mod journal;

pub mod knowledge;
pub mod flags;
pub mod llm;

pub mod traffic;
pub mod agents;
pub mod judge;

pub mod analysis;
pub mod verdict;

pub mod report;
