//! What the server holds: the scenario, the LaunchDarkly account, and what has arrived.
//!
//! Guarantees: a change of the account reaches whoever waits for it; a lock is held for one answer
//! only and never while anything waits.
//!
//! Does not know: HTTP.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Mutex as OrderLock, OwnedMutexGuard, watch};

use crate::context::KEY_EPOCH;
use crate::flags::api::{ApiError, ApiReply, HttpMethod, Request};
use crate::flags::bootstrap::{BootstrapError, mock_account};
use crate::flags::client_side::ClientKind;
use crate::flags::mock::{Account, EnvironmentKeys};
use crate::flags::ruleset::Ruleset;
use crate::llm::chat::ChatRequest;
use crate::llm::wire::Provider;
use crate::random::Seed;
use crate::scenario::{AnswerScript, FaultRule, Scenario};
use crate::serve::answers::{Answers, AskedOf, Picked};
use crate::serve::batch_store::BatchStore;
use crate::serve::ledger::Ledger;
use crate::serve::recent_chats::RecentChats;
use crate::serve::recorder::Recorder;
use crate::serve::responder::ChatResponder;
use crate::serve::response_store::ResponseStore;
use crate::serve::served_tools::ServedTools;
use crate::serve::state::{State, StateEntry};
use crate::time::{Duration, unix_ms};

/// How it is served.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The seed of all random numbers.
    pub seed: Seed,
    /// Whether the scenario's project is there from the start; otherwise the account is empty.
    pub bootstrap: bool,
    /// How much faster than real time models answer; 0: at once.
    pub time_scale: f64,
    /// How long a client may take for a request's head, idle time included, and for its body.
    pub patience: Duration,
    /// How many chats are kept to be read.
    pub transcript: u32,
    /// Whether model calls fail at random, as often as the scenario's models do.
    pub failures: bool,
    /// What the same request gets when it comes again.
    pub repeat: Repeat,
}

impl Settings {
    /// The settings of a scenario whose project is set up and whose models answer at once.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        Self {
            seed: scenario.seed,
            bootstrap: true,
            time_scale: 0.0,
            patience: Duration::from_us(120_000_000),
            transcript: 0,
            failures: false,
            repeat: Repeat::Next,
        }
    }
}

/// What the same request gets when it comes again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The next answer: the k-th same request gets the k-th answer.
    Next,
    /// The same answer each time.
    Same,
}

/// Which SDK keys open the scenario's environment besides its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AcceptedKeys {
    /// None.
    #[default]
    Own,
    /// This one.
    Given(String),
    /// Any that opens no other environment.
    Any,
}

/// Everything that requests share.
#[derive(Debug)]
pub struct World {
    /// Whose models, tools and project these are. It lives as long as the process.
    pub scenario: &'static Scenario,
    /// How it is served.
    pub settings: Settings,
    providers: Vec<Provider>,
    /// What the models say.
    pub responder: ChatResponder,
    account: Mutex<Account>,
    ledger: Mutex<Ledger>,
    /// What was asked and answered.
    recent_chats: Mutex<RecentChats>,
    /// Answers that a client may come back to.
    response_store: Mutex<ResponseStore>,
    /// Batches and their files.
    batch_store: Mutex<BatchStore>,
    /// The scripted answers.
    answers: Mutex<Answers>,
    /// What becomes of an app's traffic, if the mocks do not answer it.
    pub recorder: Option<Recorder>,
    /// The tools over MCP.
    pub tools: ServedTools,
    /// What outlives a restart.
    state: Option<State>,
    /// Held while something is kept and then takes effect, so that the file has the order in which
    /// things took effect.
    order: Arc<OrderLock<()>>,
    /// The faults that are committed from the start.
    faults: Vec<FaultRule>,
    accepts: AcceptedKeys,
    revision: watch::Sender<u64>,
    stopping: watch::Sender<bool>,
}

/// What a lock guards stays usable after a panic elsewhere: every change is complete before
/// anything can fail.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The account as it is before the first request.
fn first_account(scenario: &Scenario, settings: Settings) -> Result<Account, BootstrapError> {
    if !settings.bootstrap {
        return Ok(Account::new(settings.seed));
    }
    Ok(mock_account(&scenario.project, settings.seed, u64::from(KEY_EPOCH) * 1000)?.0)
}

/// What has arrived before the first request: nothing.
fn first_ledger(scenario: &'static Scenario, settings: Settings, faults: &[FaultRule]) -> Ledger {
    let ledger = Ledger::new(scenario, settings.seed, faults);
    if settings.bootstrap { ledger } else { ledger.begun_empty() }
}

impl World {
    /// The world of a scenario.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it.
    pub fn new(scenario: &'static Scenario, settings: Settings) -> Result<Self, BootstrapError> {
        let account = first_account(scenario, settings)?;
        let revision = watch::Sender::new(account.revision());
        Ok(Self {
            scenario,
            settings,
            providers: scenario.providers(),
            responder: ChatResponder::new(scenario, settings.seed, settings.failures),
            account: Mutex::new(account),
            ledger: Mutex::new(first_ledger(scenario, settings, &scenario.faults)),
            recent_chats: Mutex::new(RecentChats::new(settings.transcript as usize)),
            response_store: Mutex::default(),
            batch_store: Mutex::default(),
            answers: Mutex::default(),
            recorder: None,
            tools: ServedTools::default(),
            state: None,
            order: Arc::default(),
            faults: scenario.faults.clone(),
            accepts: AcceptedKeys::Own,
            revision,
            stopping: watch::Sender::new(false),
        })
    }

    /// Every provider that is served: those of the table, then the scenario's own.
    #[must_use]
    pub fn providers(&self) -> &[Provider] {
        &self.providers
    }

    /// The same world, in which these faults are committed from the start, too.
    #[must_use]
    pub fn with_faults(mut self, rules: &[FaultRule]) -> Self {
        self.faults.extend_from_slice(rules);
        self.ledger().faults.add(rules);
        self
    }

    /// The same world with these scripted answers.
    #[must_use]
    pub fn with_answers(self, script: AnswerScript) -> Self {
        *self.answers() = Answers::new(script);
        self
    }

    /// The same world, whose traffic is recorded or played back.
    #[must_use]
    pub fn with_recorder(self, recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), ..self }
    }

    /// The scripted answers, for one look or one request.
    pub fn answers(&self) -> MutexGuard<'_, Answers> {
        held(&self.answers)
    }

    /// The scripted answer for a request; counts it.
    #[must_use]
    pub fn pick(
        &self,
        provider: Provider,
        request: &ChatRequest,
        headers: &[(&str, &str)],
    ) -> Picked {
        if self.answers().is_idle() {
            return Picked::Simulated;
        }
        // What takes time is read before the lock.
        let asked = AskedOf::of(provider, request, headers);
        self.answers().pick(&asked)
    }

    /// The same world, whose environment these SDK keys open, too.
    #[must_use]
    pub fn accepting(self, accepts: AcceptedKeys) -> Self {
        Self { accepts, ..self }
    }

    /// The same world as it was left, and from now on kept in this file. The file belongs to one
    /// scenario and seed. Entries that cannot be read or done again are skipped and returned, a
    /// sentence each.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn with_state(mut self, file: &Path) -> Result<(Self, Vec<String>), String> {
        let start = if self.settings.bootstrap { "set up" } else { "empty" };
        let owner = format!(
            "{} {} {start} {}",
            self.scenario.digest,
            self.settings.seed.0,
            env!("CARGO_PKG_VERSION")
        );
        let first =
            first_account(self.scenario, self.settings).map_err(|error| error.to_string())?;
        let mut skipped = Vec::new();
        let state = State::open(file, &owner, |number, entry| {
            let done = entry.and_then(|entry| match &entry {
                StateEntry::Request { .. } => {
                    let (request, at_ms) = entry.request().ok_or("its method is unknown")?;
                    let done = held(&self.account)
                        .handle(&request, at_ms)
                        .map(|_| ())
                        .map_err(|error| error.message);
                    self.follow();
                    done
                }
                StateEntry::Payload { id, events } => {
                    self.ledger().recall(id.as_deref(), events.clone());
                    Ok(())
                }
                StateEntry::Reset => {
                    self.start_over(first.clone());
                    Ok(())
                }
            });
            if let Err(reason) = done {
                skipped.push(format!("entry {number} is skipped: {reason}"));
            }
        })?;
        self.state = Some(state);
        Ok((self, skipped))
    }

    /// Whether what is acknowledged has to be on disk first.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.state.is_some()
    }

    /// Waits until everything that began to be kept before has taken effect.
    pub async fn in_order(&self) -> OwnedMutexGuard<()> {
        Arc::clone(&self.order).lock_owned().await
    }

    /// Keeps what is about to be acknowledged, where anything is kept.
    ///
    /// # Errors
    /// When it cannot be written: then it must not be acknowledged.
    pub fn keep(&self, entry: impl FnOnce() -> StateEntry) -> Result<(), String> {
        self.state.as_ref().map_or(Ok(()), |state| state.keep(&entry()))
    }

    /// What was asked and answered, for one look or one line.
    pub fn recent_chats(&self) -> MutexGuard<'_, RecentChats> {
        held(&self.recent_chats)
    }

    /// The batches and their files.
    pub fn batch_store(&self) -> MutexGuard<'_, BatchStore> {
        held(&self.batch_store)
    }

    /// Answers that a client may come back to, for one look or one change.
    pub fn response_store(&self) -> MutexGuard<'_, ResponseStore> {
        held(&self.response_store)
    }

    /// Everything as it was at the start: the account bootstrapped anew, nothing arrived. Open
    /// streams are told.
    ///
    /// # Errors
    /// When the mock LaunchDarkly refuses what the scenario asks of it, or the reset cannot be
    /// kept; nothing is changed then.
    pub async fn reset(&self) -> Result<(), String> {
        let account =
            first_account(self.scenario, self.settings).map_err(|error| error.to_string())?;
        let _order = self.in_order().await;
        self.keep(|| StateEntry::Reset)?;
        self.start_over(account);
        Ok(())
    }

    fn start_over(&self, first: Account) {
        *held(&self.account) = first;
        self.recent_chats().clear();
        self.answers().start_over();
        if let Some(recorder) = &self.recorder {
            recorder.start_over();
        }
        *self.response_store() = ResponseStore::default();
        *self.batch_store() = BatchStore::default();
        self.tools.start_over();
        let mut ledger = held(&self.ledger);
        let streams = ledger.grade.streams();
        *ledger = first_ledger(self.scenario, self.settings, &self.faults);
        (0..streams).for_each(|_| ledger.grade.stream_opened());
        drop(ledger);
        self.revision.send_modify(|revision| *revision += 1);
    }

    /// Answers one request of LaunchDarkly's REST interface. Where changes are kept, the caller
    /// holds [`World::in_order`].
    ///
    /// # Errors
    /// What the interface refuses.
    pub fn handle(&self, request: &Request) -> Result<ApiReply, ApiError> {
        if request.path.starts_with("flag-status") {
            let evaluated = self.ledger().evaluated.clone();
            let last = |key: &str| evaluated.get(key).copied();
            if let Some(status) = held(&self.account).flag_status_of(request, last) {
                return status;
            }
        }
        let mut account = held(&self.account);
        if let Some(of) = account.results_of(request) {
            let of = of?;
            drop(account);
            return self.ledger().results(&of);
        }
        if let Some(of) = account.config_metrics_of(request) {
            let of = of?;
            drop(account);
            return Ok(self.ledger().config_metrics(&of));
        }
        let (before, now_ms) = (account.revision(), unix_ms());
        let reply = if self.state.is_none() || request.method == HttpMethod::Get {
            account.handle(request, now_ms)?
        } else {
            // What cannot be kept must not have happened. Others may read while it is written.
            let mut next = account.clone();
            drop(account);
            let reply = next.handle(request, now_ms)?;
            self.keep(|| StateEntry::of(request, now_ms))
                .map_err(|error| ApiError::new(503, "service_unavailable", error))?;
            account = held(&self.account);
            *account = next;
            reply
        };
        let changed = account.revision() != before;
        drop(account);
        if request.method != HttpMethod::Get {
            self.follow();
        }
        if changed {
            self.revision.send_modify(|revision| *revision += 1);
        }
        Ok(reply)
    }

    /// Lets the analysis know which experiments are started. Nobody holds both locks at once.
    fn follow(&self) {
        let started = held(&self.account).started();
        self.ledger().follow(&started);
    }

    /// Flags and segments of the environment that an SDK key opens.
    #[must_use]
    pub fn ruleset(&self, sdk_key: &str) -> Option<Ruleset> {
        let account = held(&self.account);
        let (project, environment) = self.opened(&account, sdk_key)?;
        account.ruleset(&project, &environment)
    }

    /// Flags and segments of the environment that a client-side SDK of this kind opens with its key.
    #[must_use]
    pub fn client_ruleset(&self, kind: ClientKind, key: &str) -> Option<Ruleset> {
        let account = held(&self.account);
        let (project, environment) = self.client_opened(&account, kind, key)?;
        account.ruleset(&project, &environment)
    }

    /// Whether a key is one of a client-side SDK of this kind.
    #[must_use]
    pub fn opens_to_client(&self, kind: ClientKind, key: &str) -> bool {
        self.client_opened(&held(&self.account), kind, key).is_some()
    }

    fn client_opened(
        &self,
        account: &Account,
        kind: ClientKind,
        key: &str,
    ) -> Option<(String, String)> {
        let own = account.keys().into_iter().find(|own| match kind {
            ClientKind::Web => own.client_side_id == key,
            ClientKind::Mobile => own.mobile_key == key,
        });
        let any = self.accepts == AcceptedKeys::Any && !key.is_empty();
        own.map(|own| (own.project, own.environment)).or_else(|| self.home(account).filter(|_| any))
    }

    /// Whether a key is one of a server-side SDK.
    #[must_use]
    pub fn opens(&self, sdk_key: &str) -> bool {
        self.opened(&held(&self.account), sdk_key).is_some()
    }

    /// The project and environment that an SDK key opens.
    fn opened(&self, account: &Account, sdk_key: &str) -> Option<(String, String)> {
        if let Some((project, environment)) = account.opened_by(sdk_key) {
            return Some((project.to_owned(), environment.to_owned()));
        }
        let accepted = match &self.accepts {
            AcceptedKeys::Own => false,
            AcceptedKeys::Given(key) => key == sdk_key,
            AcceptedKeys::Any => !sdk_key.is_empty(),
        };
        self.home(account).filter(|_| accepted)
    }

    /// The project and environment that a key opens which is accepted besides the account's own.
    fn home(&self, account: &Account) -> Option<(String, String)> {
        let project = &self.scenario.project;
        let keys = account.keys();
        // The scenario's environment, or where an app made another project the first `production`.
        let own = |own: &&EnvironmentKeys| {
            own.project == project.key && own.environment == project.environment
        };
        let production = |own: &&EnvironmentKeys| own.environment == "production";
        let home = keys.iter().find(own).or_else(|| keys.iter().find(production));
        let home = home.or(keys.first())?;
        Some((home.project.clone(), home.environment.clone()))
    }

    /// The SDK key of the scenario's environment, which it has already or will have once it is
    /// created; or the one that was given for it.
    #[must_use]
    pub fn sdk_key(&self) -> Option<String> {
        if let AcceptedKeys::Given(key) = &self.accepts {
            return Some(key.clone());
        }
        let project = &self.scenario.project;
        Some(held(&self.account).expected_sdk_key(&project.key, &project.environment))
    }

    /// The keys of every environment.
    #[must_use]
    pub fn keys(&self) -> Vec<EnvironmentKeys> {
        held(&self.account).keys()
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

    /// What has arrived, for one look or one entry.
    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        held(&self.ledger)
    }
}
