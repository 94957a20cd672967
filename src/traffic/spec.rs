//! The specification of traffic: who comes, how often, and with which kind of question. Plain data.
//!
//! Does not know: how questions are worded (`knowledge`), or who answers.

use crate::context::Attributes;
use crate::quantity::Probability;
use crate::time::Duration;
use crate::traffic::conversation::ConversationSpec;
use crate::traffic::returns::ReturnSpec;

/// How requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficMode {
    /// So many workers, each sending its next request as soon as the last is answered.
    Concurrent {
        /// Requests in flight at once.
        workers: u32,
    },
    /// One request at a time, with a pause after each.
    Sequential {
        /// The pause.
        delay: Duration,
    },
}

/// Everything about traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct TrafficSpec {
    /// How many users come.
    pub queries: u32,
    /// How they are sent.
    pub mode: TrafficMode,
    /// When the client gives up on a request.
    pub timeout: Duration,
    /// Chance that a query carries personal data.
    pub personal_data: Probability,
    /// Chance that a query is one that a guard should stop.
    pub harmful: Probability,
    /// Relative weights of basic, intermediate and advanced questions; they sum to 1.
    pub complexity: [f64; 3],
    /// How many topics the topic call is asked for.
    pub topics: u32,
    /// The model that reads topics and writes questions; an index into the scenario's models.
    pub writer: usize,
    /// Distinct attribute sets and how often each comes; the weights sum to 1.
    pub audience: Vec<AudienceGroup>,
    /// The share of users, from 0 to 1, whose visit before the experiment went as it does in it
    /// under the control: they asked the same, and it took the same; the others only asked the same
    /// kind of question. `None`: nobody came before. CUPED needs it.
    pub pre_period: Option<f64>,
    /// How users come back; `None`: each comes once.
    pub returns: Option<ReturnSpec>,
    /// How many questions users ask in a visit; `None`: one. Where there are several, each is a visit
    /// to the engine, the turns of a user counted from 0.
    pub conversation: Option<ConversationSpec>,
}

/// Users with the same attributes.
#[derive(Clone, Debug, PartialEq)]
pub struct AudienceGroup {
    /// Share of all users, as a fraction.
    pub weight: f64,
    /// Their attributes.
    pub attributes: Attributes,
}
