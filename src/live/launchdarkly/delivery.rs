//! What becomes of the events that the SDK sends: it does not say, so its HTTP is watched.
//!
//! Promises: an event counts as taken when LaunchDarkly has acknowledged the payload that it was in, and once. A payload
//! that a busy or unreachable service did not take is sent again, under the same payload id, which LaunchDarkly counts
//! once.
//!
//! Does not know: what an event means.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use flate2::read::GzDecoder;
use hyper::body::Bytes;
use launchdarkly_sdk_transport::{HttpTransport, Request, Response, ResponseFuture, TransportError};
use serde::Deserialize;

/// Waits before a payload is sent again; the SDK itself then tries it all once more.
const WAITS: [Duration; 4] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(4)];
/// Longest wait that a service may ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest that one attempt may take.
const LONGEST_ATTEMPT: Duration = Duration::from_secs(30);

/// How many events of the kinds that matter to an experiment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Evaluations in full.
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

    fn add(&mut self, other: Self) {
        self.exposures += other.exposures;
        self.metric_events += other.metric_events;
    }

    /// Those of a payload, compressed or not.
    fn of(request: &Request<Option<Bytes>>) -> Self {
        #[derive(Deserialize)]
        struct Kind<'a> {
            kind: &'a str,
        }
        let Some(body) = request.body() else { return Self::default() };
        let mut plain = Vec::new();
        let compressed = request.headers().get("content-encoding").is_some_and(|coding| coding == "gzip");
        let bytes = if compressed && GzDecoder::new(body.as_ref()).read_to_end(&mut plain).is_ok() { &plain } else { body.as_ref() };
        let events: Vec<Kind<'_>> = serde_json::from_slice(bytes).unwrap_or_default();
        let count = |kind: &str| events.iter().filter(|event| event.kind == kind).count() as u64;
        Self { exposures: count("feature"), metric_events: count("custom") }
    }
}

/// What is known of the deliveries so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Events that were acknowledged.
    pub taken: Counts,
    /// Events that were given up.
    pub lost: Counts,
    /// Payloads that were acknowledged.
    pub payloads: u64,
    /// Why a payload was not taken the last time that happened.
    pub why: Option<String>,
    /// Payloads being sent.
    under_way: usize,
    /// Payloads that failed once, which the SDK tries again.
    again: BTreeMap<String, Counts>,
}

impl Delivered {
    /// Whether nothing is being sent or about to be sent again.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.under_way == 0 && self.again.is_empty()
    }
}

/// The SDK's HTTP for events, watched.
#[derive(Clone, Debug)]
pub struct Delivery<T> {
    http: T,
    seen: Arc<Mutex<Delivered>>,
}

impl<T: HttpTransport> Delivery<T> {
    /// Watches this HTTP and notes what it sees.
    pub fn new(http: T, seen: Arc<Mutex<Delivered>>) -> Self {
        Self { http, seen }
    }
}

/// The state, whatever became of who held it last.
pub fn locked<S>(state: &Mutex<S>) -> MutexGuard<'_, S> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether the SDK would send this again.
fn may_pass(status: u16) -> bool {
    !(400..500).contains(&status) || matches!(status, 400 | 408 | 429)
}

impl<T: HttpTransport> HttpTransport for Delivery<T> {
    fn request(&self, request: Request<Option<Bytes>>) -> ResponseFuture {
        let (http, seen) = (self.http.clone(), Arc::clone(&self.seen));
        Box::pin(async move {
            let counts = Counts::of(&request);
            let id = request.headers().get("x-launchdarkly-payload-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
            locked(&seen).under_way += 1;
            let result = patiently(&http, &request).await;
            let mut seen = locked(&seen);
            seen.under_way -= 1;
            let failed_before = seen.again.remove(&id).is_some();
            match &result {
                Ok(response) if response.status().is_success() => {
                    seen.taken.add(counts);
                    seen.payloads += 1;
                }
                Ok(response) => {
                    let status = response.status().as_u16();
                    seen.why = Some(format!("it answered with status {status}"));
                    seen.fail(id, counts, failed_before || !may_pass(status));
                }
                Err(error) => {
                    seen.why = Some(reason(error));
                    seen.fail(id, counts, failed_before);
                }
            }
            result
        })
    }
}

impl Delivered {
    fn fail(&mut self, id: String, counts: Counts, for_good: bool) {
        if for_good {
            self.lost.add(counts);
        } else {
            self.again.insert(id, counts);
        }
    }
}

/// One payload, sent until it is taken, refused for good, or patience ends.
async fn patiently<T: HttpTransport>(http: &T, request: &Request<Option<Bytes>>) -> Result<Response<Body>, TransportError> {
    let mut waits = WAITS.into_iter();
    loop {
        let attempt = tokio::time::timeout(LONGEST_ATTEMPT, http.request(request.clone())).await;
        let result = attempt.unwrap_or_else(|_| Err(TransportError::new(std::io::Error::from(std::io::ErrorKind::TimedOut))));
        let asked = match &result {
            Ok(response) if matches!(response.status().as_u16(), 408 | 429 | 500..) => {
                let asked = response.headers().get("retry-after").and_then(|seconds| seconds.to_str().ok()?.trim().parse().ok());
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
                Ok(response) => *met = Met { status: Some(response.status().as_u16()), broken: None },
                Err(error) => met.broken = Some(reason(error)),
            }
            result
        })
    }
}
