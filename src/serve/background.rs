//! The mocks in the background, for a test of an application.
//!
//! Guarantees: when the handle is dropped the server has stopped.
//!
//! Does not know: what is answered.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;

use super::door::Door;
use super::grade::Finding;
use super::server::Server;
use super::world::{Settings, World};
use crate::scenario::{FaultRule, Scenario};
use crate::time::unix_ms;

/// A server that runs in the background until this is dropped.
#[derive(Debug)]
pub struct Serving {
    address: SocketAddr,
    sdk_key: Option<String>,
    world: Arc<World>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Serving {
    /// Where it listens, on loopback.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base address of everything: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The SDK key of the scenario's environment.
    #[must_use]
    pub fn sdk_key(&self) -> Option<&str> {
        self.sdk_key.as_deref()
    }

    /// The variables that clients read for the addresses of the mocks and for their keys, by name.
    pub(crate) fn variables(&self) -> BTreeMap<&'static str, String> {
        let url = self.url();
        let providers = self.world.providers();
        let addresses = Door::all(providers).map(|door| door.variable(&url, true));
        let keys = providers.iter().map(|provider| provider.key_variable);
        let keys = keys.chain(["LD_API_KEY"]).map(|name| (name, "any".to_owned()));
        let sdk_key = self.sdk_key.clone().map(|key| ("LD_SDK_KEY", key));
        addresses.chain(keys).chain(sdk_key).collect()
    }

    /// How many requests came, and what the client did wrong, if nothing more comes.
    pub(crate) fn graded(&self) -> (u64, Vec<Finding>) {
        let ledger = self.world.ledger();
        (ledger.requests, ledger.grade.findings(unix_ms(), true))
    }

    fn end(&mut self) {
        if let Some(stop) = self.stop.take() {
            // An error says that the server has ended already.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.end();
    }
}

/// Starts the mock LaunchDarkly and the mock models of a scenario on a free port of loopback.
/// [`Settings::of`] makes the settings that `simlab serve` has without options.
///
/// The scenario stays in memory until the process ends.
///
/// # Errors
/// When no port is free, or the mock LaunchDarkly refuses what the scenario needs.
///
/// ```
/// use simlab::{Scenario, ServeSettings};
///
/// let scenario = Scenario::load("security")?;
/// let settings = ServeSettings::of(&scenario);
/// let mocks = simlab::serve(scenario, settings)?;
/// let variable = format!("OPENAI_BASE_URL={}/v1", mocks.url());
/// assert!(variable.starts_with("OPENAI_BASE_URL=http://127.0.0.1:"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn serve(scenario: Scenario, settings: Settings) -> io::Result<Serving> {
    serve_with(scenario, settings, &[])
}

/// The same with faults that strike from the start.
pub(crate) fn serve_with(
    scenario: Scenario,
    settings: Settings,
    faults: &[FaultRule],
) -> io::Result<Serving> {
    // The server's tasks share the scenario for as long as the process lives.
    let scenario = Box::leak(Box::new(scenario));
    let world = World::new(scenario, settings).map_err(io::Error::other)?.with_faults(faults);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let server = runtime.block_on(Server::bind(world, 0))?;
    let (address, world) = (server.address(), server.world());
    let (stop, stopped) = oneshot::channel();
    let thread = thread::spawn(move || {
        runtime.block_on(server.run(async {
            let _ = stopped.await;
        }))
    });
    let sdk_key = world.sdk_key();
    Ok(Serving { address, sdk_key, world, stop: Some(stop), thread: Some(thread) })
}
