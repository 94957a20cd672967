//! LaunchDarkly as a session's flags.
//!
//! Does not know: who is assigned what, or what events say.

use serde_json::Value;

use crate::journal::Entry;
use crate::live::environment::FlagAccess;
use crate::live::launchdarkly::LiveFlags;
use crate::live::recording::Assigned;
use crate::live::session::Flags;
use crate::scenario::Scenario;

/// The official SDK, for one scenario.
pub struct Service<'a> {
    flags: LiveFlags,
    scenario: &'a Scenario,
}

impl<'a> Service<'a> {
    /// Connects, and waits until flags are there.
    ///
    /// # Errors
    /// One sentence, when they do not come.
    pub async fn start(
        access: &FlagAccess,
        scenario: &'a Scenario,
        users: u32,
    ) -> Result<Self, String> {
        let flags = LiveFlags::start(access, users).await.map_err(|error| error.to_string())?;
        Ok(Self { flags, scenario })
    }

    /// Disconnects.
    pub async fn close(self) {
        self.flags.close().await;
    }
}

impl Flags for Service<'_> {
    fn assign(&self, key: &str, group: u16) -> Result<Vec<Assigned>, String> {
        self.flags.assign(self.scenario, key, group).map_err(|error| error.to_string())
    }

    fn track(&self, key: &str, group: u16, entries: &[Entry]) {
        self.flags.track(self.scenario, key, group, entries);
    }

    async fn collect(&self, keys: &[String]) -> Result<Vec<Vec<Value>>, String> {
        self.flags.collect(keys).await.map_err(|error| error.to_string())
    }

    async fn send(&self, id: &str, events: &[Value]) -> Result<(), String> {
        self.flags.send(id, events).await
    }
}
