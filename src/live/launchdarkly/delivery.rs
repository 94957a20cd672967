//! The events that the SDK sends: they are kept here, user by user, and sent by whoever has written
//! them down first.
//!
//! The SDK drops a payload after its second failure with no more than a line in a log, sends
//! payloads in no certain order, and splits a user's events between them. So its HTTP is answered
//! here, and [`Courier`] sends.
//!
//! Guarantees: nothing reaches LaunchDarkly but through [`Courier::send`]. A payload that a busy or
//! unreachable service did not take is sent again, under the same payload id, which LaunchDarkly
//! counts once.
//!
//! Does not know: what an event means.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flate2::read::GzDecoder;
use hyper::body::Bytes;
use launchdarkly_sdk_transport::{
    HttpTransport, HyperTransport, Request, Response, ResponseFuture, TransportError, Uri,
};
use serde_json::Value;

use crate::live::environment::FlagAccess;
use crate::live::tls;

/// Where events go, when the environment names no other address.
const OFFICIAL: &str = "https://events.launchdarkly.com";
/// The version of the events' format that the SDK writes.
const SCHEMA: &str = "4";
/// Waits before a payload is sent again.
const WAITS: [Duration; 4] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(4),
];
/// Longest wait that a service may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest that one attempt may take.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

/// How many events of the kinds that matter to an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Exposures: evaluations in full, in an experiment.
    pub exposures: u64,
    /// Metric events.
    pub metric_events: u64,
}

impl Counts {
    /// All of them.
    #[must_use]
    pub fn all(self) -> u64 {
        self.exposures + self.metric_events
    }

    /// These without those, kind by kind: what is left of one kind does not make up for another.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self {
            exposures: self.exposures.saturating_sub(other.exposures),
            metric_events: self.metric_events.saturating_sub(other.metric_events),
        }
    }

    /// Adds those.
    pub fn add(&mut self, other: Self) {
        self.exposures += other.exposures;
        self.metric_events += other.metric_events;
    }

    /// Those of one event.
    #[must_use]
    pub fn of(event: &Value) -> Self {
        match event["kind"].as_str() {
            Some("feature") => Self {
                exposures: u64::from(
                    event.pointer("/reason/inExperiment") == Some(&Value::Bool(true)),
                ),
                metric_events: 0,
            },
            Some("custom") => Self { exposures: 0, metric_events: 1 },
            _ => Self::default(),
        }
    }
}

/// One user's events.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Own {
    /// How many there are.
    pub counts: Counts,
    /// The events as the SDK wrote them.
    pub events: Vec<Value>,
}

/// What the SDK has sent so far and nobody has taken away.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Captured {
    /// By the user's key.
    pub users: BTreeMap<String, Own>,
    /// Events of no single user: summaries.
    pub others: Vec<Value>,
    /// How many came, taken away or not.
    pub counts: Counts,
}

/// The user of an event.
fn user(event: &Value) -> Option<&str> {
    ["/context/key", "/context/user/key", "/contextKeys/user"]
        .into_iter()
        .find_map(|path| event.pointer(path)?.as_str())
}

impl Captured {
    fn take(&mut self, event: Value) {
        let counts = Counts::of(&event);
        self.counts.add(counts);
        match user(&event).map(str::to_owned) {
            Some(key) => {
                let own = self.users.entry(key).or_default();
                own.counts.add(counts);
                own.events.push(event);
            }
            None => self.others.push(event),
        }
    }
}

/// The SDK's HTTP for events: everything is kept, and answered with 202.
#[derive(Clone, Debug, Default)]
pub struct Capture(pub Arc<Mutex<Captured>>);

impl HttpTransport for Capture {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let captured = Arc::clone(&self.0);
        Box::pin(async move {
            let compressed =
                request.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
            let body = request.into_body().unwrap_or_default();
            let mut plain = Vec::new();
            let bytes =
                if compressed && GzDecoder::new(body.as_ref()).read_to_end(&mut plain).is_ok() {
                    &plain
                } else {
                    body.as_ref()
                };
            let events: Vec<Value> = serde_json::from_slice(bytes).map_err(TransportError::new)?;
            let mut captured = locked(&captured);
            events.into_iter().for_each(|event| captured.take(event));
            let body: Body = Box::pin(futures_util::stream::empty());
            Response::builder().status(202).body(body).map_err(TransportError::new)
        })
    }
}

/// The state, whatever became of who held it last.
pub fn locked<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Any HTTP.
type Http = Arc<dyn Fn(Request<Option<Bytes>>) -> ResponseFuture + Send + Sync>;

fn erased<T: HttpTransport>(http: T) -> Http {
    Arc::new(move |request| http.request(request))
}

/// Sends payloads of events to LaunchDarkly.
#[derive(Clone)]
pub struct Courier {
    http: Http,
    address: Uri,
    access: FlagAccess,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("address", &self.address).finish_non_exhaustive()
    }
}

/// Where payloads go.
fn address(access: &FlagAccess) -> Result<Uri, String> {
    let base = access.base.as_deref().unwrap_or(OFFICIAL);
    format!("{base}/bulk").parse().map_err(|error| access.hidden_in(&format!("{base}: {error}")))
}

impl Courier {
    /// A courier to the LaunchDarkly of this access; nothing is sent.
    ///
    /// # Errors
    /// One sentence, when the address is none or no HTTP client can be made here.
    pub fn new(access: &FlagAccess) -> Result<Self, String> {
        tls::prepare();
        let address = address(access)?;
        let builder = HyperTransport::builder()
            .connect_timeout(Duration::from_secs(10))
            .write_timeout(Duration::from_secs(30))
            .read_timeout(Duration::from_secs(30));
        // Keys do not go through a proxy to this machine or unencrypted.
        let builder =
            if access.goes_direct() { builder.disable_proxy() } else { builder.auto_proxy() };
        let failed = |error: std::io::Error| access.hidden_in(&reason(&error));
        let http = if address.scheme_str() == Some("http") {
            erased(builder.build_http().map_err(failed)?)
        } else {
            erased(builder.build_https().map_err(failed)?)
        };
        Ok(Self { http, address, access: access.clone() })
    }

    /// The same over any HTTP.
    ///
    /// # Errors
    /// One sentence, when the address is none.
    pub fn over(access: &FlagAccess, http: impl HttpTransport) -> Result<Self, String> {
        let address = address(access)?;
        Ok(Self { http: erased(http), address, access: access.clone() })
    }

    /// Sends a payload until it is taken, refused for good, or patience ends (after five tries).
    /// The same payload has to have the same `id` whenever it is sent: LaunchDarkly counts it once.
    ///
    /// # Errors
    /// Why it was not taken, in a few words.
    pub async fn send(&self, id: &str, events: &[Value]) -> Result<(), String> {
        let said = |error: &dyn std::error::Error| self.access.hidden_in(&reason(error));
        let body = Bytes::from(serde_json::to_vec(events).map_err(|error| said(&error))?);
        let request = Request::builder()
            .method("POST")
            .uri(self.address.clone())
            .header("content-type", "application/json")
            .header("authorization", self.access.sdk_key.reveal())
            .header("user-agent", concat!("simlab/", env!("CARGO_PKG_VERSION")))
            .header("x-launchdarkly-event-schema", SCHEMA)
            .header("x-launchdarkly-payload-id", id)
            .body(Some(body))
            .map_err(|error| said(&error))?;
        let answer = patiently(&self.http, &request).await.map_err(|error| said(&error))?;
        if answer.status().is_success() {
            Ok(())
        } else {
            Err(format!("it answered with status {}", answer.status().as_u16()))
        }
    }
}

/// One payload, sent until it is taken, refused for good, or patience ends.
async fn patiently(
    http: &Http,
    request: &Request<Option<Bytes>>,
) -> Result<Response<Body>, TransportError> {
    let mut waits = WAITS.into_iter();
    loop {
        let attempt = tokio::time::timeout(LONGEST_ATTEMPT, http(request.clone())).await;
        let result = attempt.unwrap_or_else(|_| {
            Err(TransportError::new(std::io::Error::from(std::io::ErrorKind::TimedOut)))
        });
        let asked = match &result {
            Ok(response) if matches!(response.status().as_u16(), 408 | 429 | 500..) => {
                let asked = response
                    .headers()
                    .get("retry-after")
                    .and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
                asked.map_or(Duration::ZERO, Duration::from_secs)
            }
            Ok(_) => return result,
            Err(_) => Duration::ZERO,
        };
        let Some(wait) = waits.next() else { return result };
        drop(result);
        tokio::time::sleep(wait.max(asked).min(LONGEST_WAIT)).await;
    }
}

/// An error's last cause, which says the most.
pub fn reason(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}

/// The body of an answer.
type Body = launchdarkly_sdk_transport::ByteStream;

/// What the SDK's stream of flags met last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Met {
    /// Status of the last answer.
    pub status: Option<u16>,
    /// Why there was no answer the last time.
    pub broken: Option<String>,
}

/// The SDK's HTTP for its stream of flags, watched.
#[derive(Clone, Debug)]
pub struct Listening<T> {
    http: T,
    met: Arc<Mutex<Met>>,
}

impl<T: HttpTransport> Listening<T> {
    /// Watches this HTTP and notes what it meets.
    pub fn new(http: T, met: Arc<Mutex<Met>>) -> Self {
        Self { http, met }
    }
}

impl<T: HttpTransport> HttpTransport for Listening<T> {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let (http, met) = (self.http.clone(), Arc::clone(&self.met));
        Box::pin(async move {
            let result = http.request(request).await;
            let mut met = locked(&met);
            match &result {
                Ok(response) => {
                    *met = Met { status: Some(response.status().as_u16()), broken: None }
                }
                Err(error) => met.broken = Some(reason(error)),
            }
            result
        })
    }
}
