//! What the server holds: the scenario, the LaunchDarkly account, and what has arrived.
//!
//! Promises: a change of the account reaches whoever waits for it; a lock is held for one answer only and never while
//! anything waits.
//!
//! Does not know: HTTP.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::context::KEY_EPOCH;
use crate::flags::api::{ApiError, Reply, Request};
use crate::flags::bootstrap::{BootstrapError, mock_account};
use crate::flags::mock::Account;
use crate::flags::ruleset::Ruleset;
use crate::random::Seed;
use crate::scenario::{FaultRule, Scenario};
use crate::serve::control::report_text;
use crate::serve::ledger::Ledger;
use crate::serve::voice::Voice;
use crate::time::{Duration, unix_ms};

/// How it is served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Where all luck comes from.
    pub seed: Seed,
    /// Whether the scenario's project is there from the start; otherwise the account is empty.
    pub bootstrap: bool,
    /// How much faster than real time models answer; 0: at once.
    pub time_scale: f64,
    /// How long a client may take for a request's head, idle time included, and for its body.
    pub patience: Duration,
}

/// Everything that requests share.
#[derive(Debug)]
pub struct World {
    /// Whose models, tools and project these are. It lives as long as the process.
    pub scenario: &'static Scenario,
    /// How it is served.
    pub settings: Settings,
    /// What the models say.
    pub voice: Voice,
    account: Mutex<Account>,
    ledger: Mutex<Ledger>,
    /// The faults that are committed from the start.
    faults: Vec<FaultRule>,
    revision: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

/// What a lock guards stays usable after a panic elsewhere: every change is complete before anything can fail.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The account as it is before the first request.
async fn first_account(scenario: &Scenario, settings: Settings) -> Result<Account, BootstrapError> {
    if !settings.bootstrap {
        return Ok(Account::new(settings.seed));
    }
    Ok(mock_account(&scenario.project, settings.seed, u64::from(KEY_EPOCH) * 1000).await?.0)
}

impl World {
    /// The world of a scenario.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it.
    pub async fn new(scenario: &'static Scenario, settings: Settings) -> Result<Self, BootstrapError> {
        let account = first_account(scenario, settings).await?;
        let revision = watch::Sender::new(account.revision());
        Ok(Self {
            scenario,
            settings,
            voice: Voice::new(scenario, settings.seed),
            account: Mutex::new(account),
            ledger: Mutex::new(Ledger::new(scenario, settings.seed, &scenario.faults)),
            faults: scenario.faults.clone(),
            revision,
            stopping: watch::Sender::new(false),
        })
    }

    /// The same world, in which these faults are committed from the start, too.
    #[must_use]
    pub fn with_faults(mut self, rules: &[FaultRule]) -> Self {
        self.faults.extend_from_slice(rules);
        self.ledger().faults.add(rules);
        self
    }

    /// Everything as it was at the start: the account bootstrapped anew, nothing arrived. Open streams are told.
    ///
    /// # Errors
    /// As [`World::new`].
    pub async fn reset(&self) -> Result<(), BootstrapError> {
        let account = first_account(self.scenario, self.settings).await?;
        *held(&self.account) = account;
        let mut ledger = held(&self.ledger);
        let streams = ledger.grade.streams();
        *ledger = Ledger::new(self.scenario, self.settings.seed, &self.faults);
        (0..streams).for_each(|_| ledger.grade.stream_opened());
        drop(ledger);
        self.revision.send_modify(|revision| *revision += 1);
        Ok(())
    }

    /// Answers one request of LaunchDarkly's REST interface.
    ///
    /// # Errors
    /// What the interface refuses.
    pub fn handle(&self, request: &Request) -> Result<Reply, ApiError> {
        let mut account = held(&self.account);
        let before = account.revision();
        let reply = account.handle(request, unix_ms());
        if account.revision() != before {
            self.revision.send_modify(|revision| *revision += 1);
        }
        reply
    }

    /// Flags and segments of the environment that an SDK key opens.
    #[must_use]
    pub fn ruleset(&self, sdk_key: &str) -> Option<Ruleset> {
        let account = held(&self.account);
        let (project, environment) = account.opened_by(sdk_key)?;
        account.ruleset(project, environment)
    }

    /// Whether a key is one of a server-side SDK.
    #[must_use]
    pub fn opens(&self, sdk_key: &str) -> bool {
        held(&self.account).opened_by(sdk_key).is_some()
    }

    /// The SDK key of the scenario's environment, once that exists.
    #[must_use]
    pub fn sdk_key(&self) -> Option<String> {
        let project = &self.scenario.project;
        held(&self.account).sdk_key(&project.key, &project.environment).map(str::to_owned)
    }

    /// Hears of every change of the account.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    /// Hears when the server stops.
    #[must_use]
    pub fn stops(&self) -> watch::Receiver<bool> {
        self.stopping.subscribe()
    }

    /// Ends all open streams.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// The report on all that arrived and on the client, as JSON, when nothing more can come.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn last_report(&self) -> Result<String, String> {
        report_text(self, true)
    }

    /// What has arrived, for one look or one entry.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        held(&self.ledger)
    }
}
