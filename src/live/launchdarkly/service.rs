//! One scenario's flags at LaunchDarkly, as a sitting asks for them.
//!
//! Does not know: anything that [`LiveFlags`] does not.

use super::sdk::LiveFlags;
use crate::journal::Entry;
use crate::live::environment::FlagAccess;
use crate::live::recording::Assigned;
use crate::live::session::Flags;
use crate::scenario::Scenario;

/// LaunchDarkly, for one scenario.
#[derive(Debug)]
pub struct Service<'s> {
    flags: LiveFlags,
    scenario: &'s Scenario,
}

impl<'s> Service<'s> {
    /// Connects, for a run of so many users.
    ///
    /// # Errors
    /// As [`LiveFlags::start`], in one sentence.
    pub async fn start(access: &FlagAccess, scenario: &'s Scenario, users: u32) -> Result<Self, String> {
        let flags = LiveFlags::start(access, users).await.map_err(|error| error.to_string())?;
        Ok(Self { flags, scenario })
    }

    /// Sends what is left and disconnects.
    pub async fn close(self) {
        self.flags.close().await;
    }
}

impl Flags for Service<'_> {
    fn assign(&self, key: &str, group: u16) -> Result<[Assigned; 3], String> {
        self.flags.assign(self.scenario, key, group).map_err(|error| error.to_string())
    }

    fn track(&self, key: &str, group: u16, entries: &[Entry]) {
        self.flags.track(self.scenario, key, group, entries);
    }

    async fn flush(&self) -> Result<(), String> {
        self.flags.flush().await.map(drop).map_err(|error| error.to_string())
    }
}
