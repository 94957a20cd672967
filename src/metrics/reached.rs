//! Which units an agent was at work for, read from a journal as it is written.
//!
//! Does not know: what was measured of them.

use crate::journal::{AgentId, Caller, Entry, Event, Reader};

/// The units, counted from 0, whose requests came to an agent.
#[derive(Clone, Debug)]
pub struct ReachedUnits {
    agent: AgentId,
    reached: Vec<bool>,
}

impl ReachedUnits {
    /// Those of this agent, of none so far.
    #[must_use]
    pub fn new(agent: AgentId) -> Self {
        Self { agent, reached: Vec::new() }
    }

    /// Whether a request of the unit came to the agent.
    #[must_use]
    pub fn has(&self, unit: usize) -> bool {
        self.reached.get(unit).is_some_and(|own| *own)
    }
}

impl Reader for ReachedUnits {
    fn entry(&mut self, entry: &Entry) {
        if let Event::AgentFinished { caller: Caller::Agent(agent), .. } = entry.event
            && agent == self.agent
            && let Some(unit) = (entry.user as usize).checked_sub(1)
        {
            if self.reached.len() <= unit {
                self.reached.resize(unit + 1, false);
            }
            if let Some(own) = self.reached.get_mut(unit) {
                *own = true;
            }
        }
    }
}
