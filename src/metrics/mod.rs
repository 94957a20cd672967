//! From what happened to observations: one value for each unit and metric, one treatment for each
//! unit and experiment.
//!
//! Guarantees: a unit's first exposure decides its treatment, and all its events count: whoever
//! fills the table gives them from the exposure on, as a run does; a unit without events has no
//! value rather than a made-up one; a table of a million units costs nine bytes for each unit and
//! column.
//!
//! Does not know: the simulator. A journal and a file of recorded events end in the same table.

mod costs;
mod from_journal;
mod graph_tally;
mod observations;
mod paired;
mod reached;

pub use costs::UserCosts;
pub use from_journal::{JournalObserver, Varies};
pub use graph_tally::{GraphTally, GroupTally, NodeTally, TallyEdge};
pub use observations::{EventColumn, Observations};
pub use paired::{PairedObserver, PairedTable};
pub use reached::ReachedUnits;
