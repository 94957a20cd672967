//! The road: every stage once, in order.

mod adaptive;
mod assumed;
mod calls;
mod conduct;
mod events;
mod flags;
mod graph;
mod paired;
mod parts;
mod population;
mod setup;
mod stage;
mod tally;
mod transcript;
mod transcript_line;
mod truth;
mod watch;
mod whole;

pub use adaptive::Adapted;
pub(crate) use assumed::stated;
pub use calls::{CALL_COLUMNS, CallTable};
pub use conduct::{CallObserver, Outcome, RunOptions, Simulation, met, run};
pub(crate) use conduct::{CompanionRuns, RunCollector};
pub use events::{EventWriter, Sent, VisitEvents};
pub use graph::graph_tally;
pub use population::Population;
pub use setup::SetupError;
pub use stage::PreparedScenario;
pub use tally::{ArmTally, Spending, TrafficTally};
pub use transcript::TranscriptWriter;
pub use transcript_line::{AskedText, ToolText, TranscriptLine, TranscriptOutcome};
pub use truth::{
    ArmPopulation, ExperimentTruth, Known, Pair, Size, Values, truth, truth_with_users,
};
pub use watch::{SoFar, glances};
pub use whole::{causes, whole};
