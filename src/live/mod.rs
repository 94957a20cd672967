//! The real thing: what a run with real providers would cost, and such runs, with a budget that
//! holds and a journal from which they are taken up again or played back.
//!
//! Guarantees: the same agents, traffic and judge as in a simulated run.
//!
//! Does not know: the terminal.

mod budget;
pub mod calibrate;
mod charge;
mod conduct;
mod counterparts;
mod deliver;
pub mod disk;
pub mod driver;
mod dry_run;
mod embeddings;
pub mod environment;
pub mod estimate;
pub mod exchanges;
pub mod fits;
mod gate;
mod stop;
pub mod journal;
pub mod launchdarkly;
pub mod models;
mod names;
pub mod net;
mod own_tools;
mod papers;
mod preflight;
mod proof;
mod providers;
pub mod reading;
pub mod recording;
mod renew;
mod reply;
mod request;
mod run;
pub mod sealed;
mod search;
mod secrets;
mod service;
mod session;
pub mod tls;
mod transcript;
mod user;

pub use budget::Budget;
pub use conduct::{LiveContext, LiveOutcome, conclude, gather, told};
pub use dry_run::{ShownRequests, StandInAddress};
pub use embeddings::EmbeddingCache;
pub use estimate::{CostEstimate, CostSpread, estimate};
pub use own_tools::OwnTools;
pub use papers::PaperSearch;
pub use preflight::{faults, providers, simulated_alone, warnings};
pub use proof::proofs;
pub use providers::Providers;
pub use renew::renewed;
pub use run::{Limits, LiveError, LiveRun};
pub use service::Service;
pub use session::{Flags, LiveServices, Session};
pub use stop::Stopped;
pub use transcript::transcript;
