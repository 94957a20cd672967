//! Operating characteristics of a decision rule: the scenario itself, run many times, through the
//! same engine, the same analysis and the same rule, and counted against the truth.
//!
//! Guarantees: in full simulation replication `n` is the run whose seed is the `n`th of the scenario's
//! seed, so any of them can be looked at with `simlab run`; where a pool of users answers sooner, the
//! users of a replication are drawn from it, and how far that moves the shares is told. The numbers
//! depend neither on threads nor on shards; every number has its Monte Carlo standard error; settings
//! that are compared share their luck.
//!
//! Does not know: files, arguments, terminals.

mod aggregate;
mod answer;
mod conduct;
mod coverage;
mod data;
mod design;
mod document;
mod part;
mod pool;
mod replicate;
mod search;

pub use aggregate::aggregate;
pub use answer::power;
pub use conduct::{conduct, side_by_side};
pub use data::{
    Coverage, Decisions, Example, MonteCarloEstimate, OwnRun, Peeking, PooledUsers, Power, SCHEMA,
    ShareErrors, SizePower, StudyPower, Target, TrueEffect,
};
pub use design::{Design, MAX_REPLICATIONS, PoolChoice, PowerRequest, without_effect};
pub use document::{to_markdown, to_text};
pub use part::{Header, PART_SCHEMA, PowerPart, merge, read_part};
pub use pool::{UserPool, no_pool_because, worth_a_pool};
pub use replicate::{AtSize, Replication};
pub use search::{Search, few, search};
