//! Flags and events through LaunchDarkly's official SDK.
//!
//! Guarantees: users are assigned by LaunchDarkly's flags as its stream brings them; metric events
//! are those that a simulated run writes down. Every event that the SDK made is accounted for; none
//! leaves this process before somebody sends it.
//!
//! Does not know: who decides when a user comes.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use launchdarkly_sdk_transport::{HttpTransport, HyperTransport, Uri};
use launchdarkly_server_sdk::{
    Client, ConfigBuilder, Context, ContextBuilder, EvalError, EventProcessorBuilder, Reason,
    ServiceEndpointsBuilder, StreamingDataSourceBuilder,
};
use serde_json::{Value, json};
use xxhash_rust::xxh3::xxh3_128;

use super::delivery::{Capture, Captured, Counts, Courier, Listening, Met, locked, reason};
use crate::journal::Entry;
use crate::live::environment::FlagAccess;
use crate::live::recording::Assigned;
use crate::live::tls;
use crate::run::{Sent, VisitEvents};
use crate::scenario::Scenario;
use crate::time::{Stopwatch, unix_ms};

/// Most that one user causes: exposures, index and metric events.
const EVENTS_PER_USER: u32 = 70;
/// Bounds of the SDK's queue. It reserves room for all of it, several times.
const QUEUE: (u32, u32) = (1_000, 20_000);
/// Events that are sent off together. The service limits the size of a payload.
const BATCH: usize = 1_000;
/// Longest wait for the flags.
const PATIENCE: Duration = Duration::from_secs(15);
/// Longest wait for the SDK to give its events away: nothing of it goes over a network.
const FLUSH: Duration = Duration::from_secs(60);
/// How long nothing may happen until what the SDK did not give away counts as dropped.
const QUIET: Duration = Duration::from_secs(5);
/// Longest wait for room in the queue.
const FULL: Duration = Duration::from_secs(60);

/// What LaunchDarkly has taken so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    /// Exposures.
    pub exposures: u64,
    /// Metric events.
    pub metric_events: u64,
    /// The payloads that they were in.
    pub payloads: u64,
}

/// Why flags or events were not to be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LiveFlagsError {
    /// The key was not accepted, with this status.
    Key(u16),
    /// Nobody answered in time.
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        reason: String,
    },
    /// What answered is no LaunchDarkly, or its flags could not be read.
    Unreadable {
        /// Where.
        address: String,
        /// What came.
        reason: String,
    },
    /// The SDK could not be set up.
    Client(String),
    /// The environment does not hold what the scenario says.
    NotSetUp {
        /// What is there or missing.
        what: String,
        /// The scenario's name.
        scenario: String,
    },
    /// Events were refused or dropped.
    Events {
        /// How many were handed over.
        handed: u64,
        /// How many were taken.
        taken: u64,
        /// Why, as far as it is known.
        why: String,
    },
}

impl fmt::Display for LiveFlagsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(status) => write!(
                f,
                "LaunchDarkly does not accept LD_SDK_KEY (status {status}): it has to be the server-side SDK key of the scenario's environment"
            ),
            Self::Unreachable { address, reason } => {
                write!(f, "LaunchDarkly cannot be reached at {address}: {reason}")
            }
            Self::Unreadable { address, reason } => {
                write!(f, "what answers at {address} gives no flags: {reason}")
            }
            Self::Client(reason) => write!(f, "the LaunchDarkly SDK could not be set up: {reason}"),
            Self::NotSetUp { what, scenario } => {
                write!(
                    f,
                    "{what}: `simlab bootstrap {scenario} --live` shows what differs, and brings it there"
                )
            }
            Self::Events { handed, taken, why } => {
                write!(f, "LaunchDarkly has taken {taken} of {handed} events: {why}")
            }
        }
    }
}

impl std::error::Error for LiveFlagsError {}

/// The flags of one LaunchDarkly environment, and the way of events into it.
pub struct LiveFlags {
    client: Arc<Client>,
    captured: Arc<Mutex<Captured>>,
    /// What the SDK was given for each user, and has to come out of it again.
    expected: Mutex<BTreeMap<String, Counts>>,
    courier: Courier,
    /// Payloads of [`LiveFlags::flush`] that were not taken yet, with their ids.
    unsent: Mutex<VecDeque<(String, Vec<Value>)>>,
    taken: Mutex<Taken>,
    exposures: AtomicU64,
    metric_events: AtomicU64,
    /// What had been handed over when the SDK was last told to send.
    sent_off: AtomicU64,
    queue: u64,
    /// Whether the SDK has stopped to give anything away.
    hopeless: AtomicBool,
}

impl fmt::Debug for LiveFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LiveFlags").field("handed", &self.handed()).finish_non_exhaustive()
    }
}

impl LiveFlags {
    /// Connects and waits for the flags, at most 15 seconds; for a run of so many users. Wants a
    /// tokio runtime around it.
    ///
    /// # Errors
    /// When the key is not accepted, nobody can be reached, or no flags come.
    pub async fn start(access: &FlagAccess, users: u32) -> Result<Self, LiveFlagsError> {
        Self::start_within(access, users, PATIENCE).await
    }

    async fn start_within(
        access: &FlagAccess,
        users: u32,
        patience: Duration,
    ) -> Result<Self, LiveFlagsError> {
        tls::prepare();
        let hidden = |text: String| access.hidden_in(&text);
        let failed = |error: std::io::Error| LiveFlagsError::Client(hidden(reason(&error)));
        let plain = access.base.as_deref().is_some_and(|base| base.starts_with("http://"));
        let http = || {
            let builder = HyperTransport::builder()
                .connect_timeout(Duration::from_secs(10))
                .write_timeout(Duration::from_secs(30));
            // Keys do not go through a proxy to this machine or unencrypted.
            if access.goes_direct() { builder.disable_proxy() } else { builder.auto_proxy() }
        };
        // The stream is silent for minutes; LaunchDarkly's own SDKs take five of them for its end.
        let stream = http().read_timeout(Duration::from_secs(300));
        if plain {
            Self::connect(access, users, patience, stream.build_http().map_err(failed)?).await
        } else {
            Self::connect(access, users, patience, stream.build_https().map_err(failed)?).await
        }
    }

    async fn connect<T>(
        access: &FlagAccess,
        users: u32,
        patience: Duration,
        stream: T,
    ) -> Result<Self, LiveFlagsError>
    where
        T: HttpTransport,
    {
        let hidden = |text: String| access.hidden_in(&text);
        let address = access.base.as_deref().unwrap_or("https://stream.launchdarkly.com");
        let mut endpoints = ServiceEndpointsBuilder::new();
        if let Some(base) = &access.base {
            // The SDK would not survive an address that is none.
            if let Err(error) = base.parse::<Uri>() {
                return Err(LiveFlagsError::Client(hidden(format!("{base}: {error}"))));
            }
            endpoints.relay_proxy(base);
        }
        let courier = Courier::new(access).map_err(LiveFlagsError::Client)?;
        let (captured, met) = (Arc::<Mutex<Captured>>::default(), Arc::<Mutex<Met>>::default());
        let queue = users.saturating_mul(EVENTS_PER_USER).clamp(QUEUE.0, QUEUE.1);
        let mut processor = EventProcessorBuilder::new();
        processor
            .transport(Capture(Arc::clone(&captured)))
            .capacity(queue as usize)
            .flush_interval(Duration::from_secs(5));
        // It goes no further than this process.
        processor.compress_events(false);
        let mut source = StreamingDataSourceBuilder::new();
        source.transport(Listening::new(stream, Arc::clone(&met)));
        let config = ConfigBuilder::new(access.sdk_key.reveal())
            .service_endpoints(&endpoints)
            .data_source(&source)
            .event_processor(&processor)
            .build()
            .map_err(|error| LiveFlagsError::Client(hidden(error.to_string())))?;
        let client = Client::build(config)
            .map_err(|error| LiveFlagsError::Client(hidden(error.to_string())))?;
        client.start_with_default_executor();
        let ready = client.wait_for_initialization(patience).await;
        let met = locked(&met).clone();
        let flags = Self {
            client: Arc::new(client),
            captured,
            expected: Mutex::default(),
            courier,
            unsent: Mutex::default(),
            taken: Mutex::default(),
            exposures: AtomicU64::new(0),
            metric_events: AtomicU64::new(0),
            sent_off: AtomicU64::new(0),
            queue: u64::from(queue),
            hopeless: AtomicBool::new(false),
        };
        if ready == Some(true) {
            return Ok(flags);
        }
        flags.close().await;
        let address = hidden(address.to_owned());
        Err(match met {
            Met { status: Some(status @ (401 | 403)), .. } => LiveFlagsError::Key(status),
            Met { broken: Some(reason), .. } => {
                LiveFlagsError::Unreachable { address, reason: hidden(reason) }
            }
            Met { status: Some(status @ 200..300), .. } => LiveFlagsError::Unreadable {
                address,
                reason: format!("status {status}, but nothing that the SDK takes for flags"),
            },
            Met { status: Some(status), .. } => {
                LiveFlagsError::Unreadable { address, reason: format!("status {status}") }
            }
            Met { status: None, broken: None } => LiveFlagsError::Unreachable {
                address,
                reason: format!("no answer within {} seconds", patience.as_secs()),
            },
        })
    }

    /// What supervisor, security and support agent are served for this user of that audience group.
    /// Exposures are sent.
    ///
    /// # Errors
    /// When a config or what is served of it is not the scenario's, or the user could not be asked
    /// about.
    pub fn assign(
        &self,
        scenario: &Scenario,
        key: &str,
        group: u16,
    ) -> Result<Vec<Assigned>, LiveFlagsError> {
        let context = context(scenario, key, group)?;
        let nothing = Assigned { variation: None, in_experiment: false };
        let mut assigned = vec![nothing; scenario.configs.len()];
        for (slot, config) in assigned.iter_mut().zip(&scenario.configs) {
            let lacks =
                |what: String| LiveFlagsError::NotSetUp { what, scenario: scenario.name.clone() };
            self.make_room();
            let default = json!({ "_ldMeta": { "enabled": false } });
            let detail = self.client.json_variation_detail(&context, &config.key, default);
            let in_experiment = detail.reason.is_in_experiment();
            self.expect(key, Counts { exposures: u64::from(in_experiment), metric_events: 0 });
            let value = match (&detail.reason, detail.value) {
                (Reason::Error { error: EvalError::FlagNotFound }, _) => {
                    return Err(lacks(format!(
                        "the LaunchDarkly environment has no AI config `{}`",
                        config.key
                    )));
                }
                (Reason::Error { error }, _) => {
                    return Err(lacks(format!(
                        "LaunchDarkly cannot serve AI config `{}`: {error:?}",
                        config.key
                    )));
                }
                (_, value) => value.unwrap_or(Value::Null),
            };
            let meta = value.get("_ldMeta").unwrap_or(&Value::Null);
            if meta["enabled"] != true {
                *slot = Assigned { variation: None, in_experiment };
                continue;
            }
            let served = meta["variationKey"].as_str().unwrap_or_default();
            let at = config.variations.iter().position(|variation| variation.variation == served);
            let Some(at) = at.and_then(|at| u8::try_from(at).ok()) else {
                return Err(lacks(format!(
                    "LaunchDarkly serves variation `{served}` of AI config `{}`, which the scenario does not have",
                    config.key
                )));
            };
            *slot = Assigned { variation: Some(at), in_experiment };
        }
        Ok(assigned)
    }

    /// Hands over the metric events of a user whose visit is over: those that a simulated run
    /// writes down.
    pub fn track(&self, scenario: &Scenario, key: &str, group: u16, entries: &[Entry]) {
        // Who could be assigned has a context.
        let Ok(context) = context(scenario, key, group) else { return };
        let mut visit = VisitEvents::of(key);
        for entry in entries {
            // What comes of a visit stands behind its end.
            visit.entry(scenario, entry, |sent| {
                let (event, data, value) = match sent {
                    Sent::Exposure(_) => return,
                    Sent::Metric(event, data, value) => (event.key(), data, value),
                    Sent::Note(key, data, value) => (key, data, value),
                    Sent::Outcome(outcome, data, value) => {
                        match scenario.outcomes.get(usize::from(outcome)) {
                            Some(outcome) => (outcome.key.as_str(), data, value),
                            None => return,
                        }
                    }
                };
                self.make_room();
                let data = Arc::unwrap_or_clone(data);
                self.client.track_metric(context.clone(), event, value, data);
                self.expect(key, Counts { exposures: 0, metric_events: 1 });
            });
        }
    }

    fn expect(&self, key: &str, counts: Counts) {
        self.exposures.fetch_add(counts.exposures, Ordering::Relaxed);
        self.metric_events.fetch_add(counts.metric_events, Ordering::Relaxed);
        locked(&self.expected).entry(key.to_owned()).or_default().add(counts);
    }

    /// Takes all events of these users out of the SDK, in the order of the keys. They are gone from
    /// here: whoever takes them sends them.
    ///
    /// # Errors
    /// When the SDK has dropped some. The events of these users stay here then.
    pub async fn collect(&self, keys: &[String]) -> Result<Vec<Vec<Value>>, LiveFlagsError> {
        self.sent_off.store(self.handed().all(), Ordering::Relaxed);
        self.client.flush_blocking(FLUSH).await;
        // That was one payload of the SDK; others may be on their way.
        let (mut last, mut still) = (None, Stopwatch::start());
        loop {
            let open = {
                let (captured, expected) = (locked(&self.captured), locked(&self.expected));
                let of = |key: &String| {
                    let there = captured.users.get(key).map(|own| own.counts).unwrap_or_default();
                    expected.get(key).copied().unwrap_or_default().without(there)
                };
                keys.iter().map(of).fold(Counts::default(), |mut sum, open| {
                    sum.add(open);
                    sum
                })
            };
            if open == Counts::default() {
                let (mut captured, mut expected) = (locked(&self.captured), locked(&self.expected));
                return Ok(keys
                    .iter()
                    .map(|key| {
                        expected.remove(key);
                        captured.users.remove(key).unwrap_or_default().events
                    })
                    .collect());
            }
            if last != Some(open) {
                still = Stopwatch::start();
            }
            if still.elapsed().seconds() > QUIET.as_secs_f64() {
                let handed = self.handed();
                let why = "the SDK dropped the others".to_owned();
                return Err(LiveFlagsError::Events {
                    handed: handed.all(),
                    taken: handed.without(open).all(),
                    why,
                });
            }
            last = Some(open);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Sends one payload of events; see [`Courier::send`].
    ///
    /// # Errors
    /// Why it was not taken.
    pub async fn send(&self, id: &str, events: &[Value]) -> Result<(), String> {
        self.courier.send(id, events).await
    }

    /// Sends all events that the SDK was given so far, some thousand at a time, and returns how
    /// many were taken since the start.
    ///
    /// # Errors
    /// When something was refused or dropped; what was refused is sent again by the next call,
    /// under the same payload ids.
    pub async fn flush(&self) -> Result<Taken, LiveFlagsError> {
        let keys: Vec<String> = locked(&self.expected).keys().cloned().collect();
        let events: Vec<Value> = self
            .collect(&keys)
            .await?
            .into_iter()
            .flatten()
            .chain(locked(&self.captured).others.drain(..))
            .collect();
        for events in events.chunks(BATCH) {
            let id = payload_id(&format!(
                "{} {} {}",
                std::process::id(),
                unix_ms(),
                serde_json::to_string(events).unwrap_or_default()
            ));
            locked(&self.unsent).push_back((id, events.to_vec()));
        }
        loop {
            let Some((id, events)) = locked(&self.unsent).front().cloned() else {
                return Ok(*locked(&self.taken));
            };
            if let Err(why) = self.send(&id, &events).await {
                let taken = *locked(&self.taken);
                return Err(LiveFlagsError::Events {
                    handed: self.handed().all(),
                    taken: taken.exposures + taken.metric_events,
                    why,
                });
            }
            locked(&self.unsent).pop_front();
            let Counts { exposures, metric_events } =
                events.iter().map(Counts::of).fold(Counts::default(), |mut sum, counts| {
                    sum.add(counts);
                    sum
                });
            let mut taken = locked(&self.taken);
            taken.exposures += exposures;
            taken.metric_events += metric_events;
            taken.payloads += 1;
        }
    }

    /// Disconnects. Events that nobody took away are dropped, but for the summaries, which belong
    /// to no user.
    pub async fn close(self) {
        let client = self.client;
        let closing = tokio::task::spawn_blocking(move || client.close());
        // What does not end by itself is left to the end of the process.
        let _ = tokio::time::timeout(FLUSH, closing).await;
        let others: Vec<Value> = locked(&self.captured).others.drain(..).collect();
        if !others.is_empty() {
            let id = payload_id(&format!("{} {}", std::process::id(), unix_ms()));
            // They say that a flag is in use; no experiment needs them.
            let _ = tokio::time::timeout(QUIET, self.courier.send(&id, &others)).await;
        }
    }

    fn handed(&self) -> Counts {
        Counts {
            exposures: self.exposures.load(Ordering::Relaxed),
            metric_events: self.metric_events.load(Ordering::Relaxed),
        }
    }

    /// Has the SDK send every so often, and waits while its queue could be full: it drops what does
    /// not fit.
    fn make_room(&self) {
        let all = self.handed();
        let handed = all.all();
        if handed >= self.sent_off.load(Ordering::Relaxed) + (BATCH as u64).min(self.queue / 4) {
            self.sent_off.store(handed, Ordering::Relaxed);
            self.client.flush();
        }
        let watch = Stopwatch::start();
        loop {
            let open = all.without(locked(&self.captured).counts).all();
            // Index events are not among those that are counted: half of the queue is for them.
            if open < self.queue / 2 || self.hopeless.load(Ordering::Relaxed) {
                return;
            }
            // What is dropped is reported when events are collected; nobody shall wait for it
            // before.
            if watch.elapsed().seconds() > FULL.as_secs_f64() {
                self.hopeless.store(true, Ordering::Relaxed);
            }
            // The SDK sends on threads of its own.
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A payload's id in the form of a UUID, the same for the same words.
#[must_use]
pub fn payload_id(words: &str) -> String {
    let hex = format!("{:032x}", xxh3_128(words.as_bytes()));
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-4{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

/// The user as LaunchDarkly meets it.
fn context(scenario: &Scenario, key: &str, group: u16) -> Result<Context, LiveFlagsError> {
    let mut builder = ContextBuilder::new(key);
    let group = scenario.traffic.audience.get(usize::from(group));
    for (name, value) in group.into_iter().flat_map(|group| &group.attributes.0) {
        if name != "kind" && name != "key" {
            builder.set_string(name, value.as_str());
        }
    }
    builder.build().map_err(|error| {
        LiveFlagsError::Client(format!("user {key} cannot be asked about: {error}"))
    })
}

/// LaunchDarkly's page of an experiment.
#[must_use]
pub fn experiment_page(
    base: Option<&str>,
    project: &str,
    environment: &str,
    experiment: &str,
) -> String {
    let base = base.unwrap_or("https://app.launchdarkly.com");
    format!(
        "{base}/projects/{project}/experiments/{experiment}/results?env={environment}&selected-env={environment}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::environment::Secret;

    fn access(base: &str) -> FlagAccess {
        FlagAccess {
            sdk_key: Secret::new("sdk-planted"),
            api_key: Secret::new(""),
            base: Some(base.to_owned()),
        }
    }

    #[tokio::test]
    async fn an_address_where_nobody_is_is_told_from_one_where_somebody_else_is() {
        // Port 1 is nobody's.
        let error =
            LiveFlags::start_within(&access("http://127.0.0.1:1"), 1, Duration::from_millis(300))
                .await
                .unwrap_err();
        let LiveFlagsError::Unreachable { address, reason } = &error else { panic!("{error}") };
        assert!(address == "http://127.0.0.1:1" && reason.contains("refused"), "{error}");
        let server = wiremock::MockServer::start().await;
        let error = LiveFlags::start_within(&access(&server.uri()), 1, Duration::from_millis(300))
            .await
            .unwrap_err();
        assert!(
            matches!(&error, LiveFlagsError::Unreadable { reason, .. } if reason == "status 404"),
            "{error}"
        );
        let error =
            LiveFlags::start_within(&access("http://exa mple"), 1, Duration::from_millis(300))
                .await
                .unwrap_err();
        assert!(matches!(error, LiveFlagsError::Client(_)), "{error}");
    }

    #[tokio::test]
    async fn encryption_is_ready_for_both_clients() {
        use crate::flags::api::Request;
        use crate::flags::bootstrap::FlagAdmin;
        let access = access("https://127.0.0.1:1");
        let error =
            LiveFlags::start_within(&access, 1, Duration::from_millis(300)).await.unwrap_err();
        // A machine without any certificates is told so; no machine gets a panic.
        assert!(
            matches!(error, LiveFlagsError::Unreachable { .. } | LiveFlagsError::Client(_)),
            "{error}"
        );
        let mut admin = super::super::RestAdmin::new(&access).unwrap();
        let error = tokio::time::timeout(
            Duration::from_millis(300),
            admin.call(Request::post("projects", Value::Null)),
        )
        .await;
        assert!(
            error.is_err()
                || error.is_ok_and(|result| result.is_err_and(|error| error.status == 0))
        );
    }

    #[test]
    fn the_page_of_an_experiment_is_in_its_project_and_environment() {
        assert_eq!(
            experiment_page(None, "multi-agent-chatbot", "production", "security-level"),
            "https://app.launchdarkly.com/projects/multi-agent-chatbot/experiments/security-level/results?env=production&selected-env=production"
        );
        assert!(
            experiment_page(Some("http://127.0.0.1:1"), "p", "e", "x")
                .starts_with("http://127.0.0.1:1/projects/p/")
        );
    }
}
