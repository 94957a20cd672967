//! What the client did wrong, as far as a server can see it.
//!
//! Guarantees: bounded memory, however many requests come; a finding names requests that show it.
//! What a server cannot know is not graded: a client that gives up after a refusal does nothing
//! wrong.
//!
//! Does not know: HTTP, or a clock; times are Unix milliseconds that it is given.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Serialize;

use crate::flags::events::Recorded;
use crate::random::Owner;
use crate::serve::generational_map::GenerationalMap;

/// Shortest pause before a try again, in milliseconds: the SDKs wait 375 or more.
const MIN_PAUSE_MS: u64 = 100;
/// Clocks and timers may be off by this much, in milliseconds.
const TOLERANCE_MS: u64 = 20;
/// Most tries of one request: the SDKs stop after 3, patient ones after 6.
const MAX_TRIES: u32 = 8;
/// Time within which a broken-off answer is asked for again, in milliseconds: the longest backoff
/// of the SDKs is 8 s.
pub const CUT_GRACE_MS: u64 = 10_000;
/// The same for the stream of flags, whose SDKs wait up to 30 s.
pub const STREAM_GRACE_MS: u64 = 35_000;
/// Age at which an event is late, in milliseconds: SDKs flush every 5 s and try once again.
const LATE_MS: u64 = 60_000;
/// Time after a stream's end within which the last events arrive, in milliseconds.
const FLUSH_GRACE_MS: u64 = 2_000;
/// Time after an exposure within which some metric event follows, in milliseconds.
const METRIC_GRACE_MS: u64 = 30_000;
/// Time within which payloads overtake each other, in milliseconds: SDKs send several at once,
/// flush every 5 s, and try a payload again after 1 s.
const OVERTAKE_MS: u64 = 10_000;
/// Events that were made within this time of each other, in milliseconds, may be alike by chance on
/// both sides of a payload's end.
const TWINS_MS: u64 = 10;
/// Most requests that a finding names: the last ones.
const MAX_NUMBERS: usize = 20;
/// Most things of one kind that are remembered, for each of two generations.
const MAX_REMEMBERED: usize = 50_000;
/// Most broken-off answers that are waited for.
const MAX_CUTS: usize = 10_000;

/// What a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// A request came again without any pause.
    RetryTooSoon,
    /// A request came again and again.
    RetryTooOften,
    /// A request came again before the time that the client was told to wait.
    RetryAfterIgnored,
    /// An answer that broke off was not asked for again.
    CutTakenAsWhole,
    /// A payload that had been accepted came again.
    PayloadSentTwice,
    /// The same event came in two payloads.
    EventSentTwice,
    /// An event came long after it was made.
    EventLate,
    /// An exposure came after a metric event that follows it.
    ExposureAfterMetric,
    /// The client left, and what it did last was never reported.
    MissingFlush,
    /// There were exposures, but not one metric event.
    ExposuresWithoutMetrics,
}

impl Code {
    /// Its name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::RetryTooSoon => "retry_too_soon",
            Self::RetryTooOften => "retry_too_often",
            Self::RetryAfterIgnored => "retry_after_ignored",
            Self::CutTakenAsWhole => "cut_taken_as_whole",
            Self::PayloadSentTwice => "payload_sent_twice",
            Self::EventSentTwice => "event_sent_twice",
            Self::EventLate => "event_late",
            Self::ExposureAfterMetric => "exposure_after_metric",
            Self::MissingFlush => "missing_flush",
            Self::ExposuresWithoutMetrics => "exposures_without_metrics",
        }
    }

    /// What it means, in plain words.
    #[must_use]
    pub fn message(self) -> &'static str {
        match self {
            Self::RetryTooSoon => {
                "retry storm: a failed request came again within 100 ms; wait longer before each new try"
            }
            Self::RetryTooOften => {
                "retry storm: a request that failed each time was tried more than 8 times; give up sooner"
            }
            Self::RetryAfterIgnored => {
                "a request came again before the time that `retry-after` had asked to wait"
            }
            Self::CutTakenAsWhole => {
                "a stream that broke off was not asked for again: its beginning was taken as the whole answer, or given up"
            }
            Self::PayloadSentTwice => {
                "a payload of events that had been accepted was sent again under the same id; it was counted once"
            }
            Self::EventSentTwice => {
                "an event that had arrived came again in another payload; without the same payload id it counts twice"
            }
            Self::EventLate => {
                "an event arrived more than 60 s after it was made; flush more often"
            }
            Self::ExposureAfterMetric => {
                "an exposure arrived more than 10 s after a metric event of the same user that follows it; send both as they happen"
            }
            Self::MissingFlush => {
                "the SDK left without reporting what happened last: models had answered since its last events; flush before the end"
            }
            Self::ExposuresWithoutMetrics => {
                "users were exposed, but not one metric event arrived: is anything tracked, and flushed before the end?"
            }
        }
    }
}

/// One thing that the client does wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Which.
    pub code: Code,
    /// In plain words.
    pub message: &'static str,
    /// How often.
    pub count: u64,
    /// The last requests that show it, by number (`x-simlab-request`).
    pub requests: Vec<u64>,
}

/// How often, and the last requests that show it.
#[derive(Clone, Debug, Default)]
struct Evidence {
    count: u64,
    requests: VecDeque<u64>,
}

/// A request whose last answer was no success.
#[derive(Clone, Copy, Debug, Default)]
struct Failure {
    tries: u32,
    /// When the refusal went out; `None` when there was no answer at all.
    at_ms: Option<u64>,
    retry_after_ms: Option<u64>,
}

/// An answer that broke off.
#[derive(Clone, Copy, Debug)]
struct Cut {
    request: u64,
    until_ms: u64,
}

/// What a user did before an exposure of theirs arrived.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    exposed: bool,
    /// When the last metric event was made.
    made_ms: u64,
    /// When the first metric event arrived; 0 if none has.
    arrived_ms: u64,
}

/// How much of a payload came in an earlier one.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    events: u64,
    again: u64,
    /// When the first and the last of those that came again were made.
    made_ms: Option<(u64, u64)>,
}

/// What has been seen of the client.
#[derive(Clone, Debug)]
pub struct ClientFindings {
    evidence: BTreeMap<Code, Evidence>,
    failures: GenerationalMap<Owner, Failure>,
    cuts: BTreeMap<Owner, Cut>,
    /// When each of these is over, the next one first.
    due: BTreeSet<(u64, Owner)>,
    /// The payload in which an event came, by the event's digest.
    events: GenerationalMap<u64, u64>,
    /// What came before in the payload that is being read.
    known: Known,
    /// Metric events of users without an exposure so far.
    waiting: GenerationalMap<u64, Waiting>,
    /// The last answer to an agent, and the last payload.
    last_answer: Option<(u64, u64)>,
    last_payload_ms: u64,
    /// Streams that are open now, and when the last one was closed by its client.
    streams: u64,
    stream_closed: Option<(u64, u64)>,
    last_exposure: Option<(u64, u64)>,
    metrics: u64,
}

impl Default for ClientFindings {
    fn default() -> Self {
        Self {
            evidence: BTreeMap::new(),
            failures: GenerationalMap::new(MAX_REMEMBERED),
            cuts: BTreeMap::new(),
            due: BTreeSet::new(),
            events: GenerationalMap::new(MAX_REMEMBERED),
            known: Known::default(),
            waiting: GenerationalMap::new(MAX_REMEMBERED),
            last_answer: None,
            last_payload_ms: 0,
            streams: 0,
            stream_closed: None,
            last_exposure: None,
            metrics: 0,
        }
    }
}

impl ClientFindings {
    fn found(&mut self, code: Code, request: u64) {
        let evidence = self.evidence.entry(code).or_default();
        evidence.count += 1;
        if evidence.requests.back() != Some(&request) {
            if evidence.requests.len() == MAX_NUMBERS {
                evidence.requests.pop_front();
            }
            evidence.requests.push_back(request);
        }
    }

    /// A request arrived; `fresh` when the client says that this is no try again. Tells which try
    /// it is, from 1.
    pub fn arrived(&mut self, now_ms: u64, request: u64, digest: Owner, fresh: bool) -> u32 {
        if let Some(cut) = self.cuts.remove(&digest) {
            self.due.remove(&(cut.until_ms, digest));
        }
        // Most of the time nothing has failed.
        if fresh || self.failures.is_empty() {
            return 1;
        }
        let Some(failure) = self.failures.remove(&digest) else { return 1 };
        let tries = failure.tries.saturating_add(1);
        if let Some(at_ms) = failure.at_ms {
            let paused = now_ms.saturating_sub(at_ms) + TOLERANCE_MS;
            match failure.retry_after_ms.filter(|wait| *wait > 0) {
                Some(wait) if paused < wait => self.found(Code::RetryAfterIgnored, request),
                None if paused < MIN_PAUSE_MS => self.found(Code::RetryTooSoon, request),
                _ => {}
            }
        }
        if tries > MAX_TRIES {
            self.found(Code::RetryTooOften, request);
        }
        tries
    }

    /// The request, in its `tries`th try, was refused; at `None` it gets no answer at all.
    pub fn refused(
        &mut self,
        at_ms: Option<u64>,
        digest: Owner,
        tries: u32,
        retry_after_ms: Option<u64>,
    ) {
        *self.failures.entry(&digest) = Failure { tries, at_ms, retry_after_ms };
    }

    /// The stream that answers the request broke off; it is asked for again within `grace_ms`, or
    /// else taken as whole.
    pub fn cut(&mut self, now_ms: u64, request: u64, digest: Owner, grace_ms: u64) {
        self.settle(now_ms);
        if self.cuts.len() >= MAX_CUTS
            && let Some((_, oldest)) = self.due.pop_first()
        {
            self.cuts.remove(&oldest);
        }
        let until_ms = now_ms.saturating_add(grace_ms);
        if let Some(other) = self.cuts.insert(digest, Cut { request, until_ms }) {
            self.due.remove(&(other.until_ms, digest));
        }
        self.due.insert((until_ms, digest));
    }

    /// Counts the broken-off answers whose time is over.
    fn settle(&mut self, now_ms: u64) {
        while let Some(&(until_ms, digest)) = self.due.first()
            && until_ms <= now_ms
        {
            self.due.pop_first();
            if let Some(cut) = self.cuts.remove(&digest) {
                self.found(Code::CutTakenAsWhole, cut.request);
            }
        }
    }

    /// An agent's question was answered.
    pub fn answered(&mut self, now_ms: u64, request: u64) {
        self.last_answer = Some((now_ms, request));
    }

    /// A payload arrived, for the first time or again.
    pub fn payload(&mut self, now_ms: u64, request: u64, again: bool) {
        self.last_payload_ms = now_ms;
        if again {
            self.found(Code::PayloadSentTwice, request);
        }
    }

    /// An event arrived in the payload of this request; `digest` is that of its text.
    pub fn event(&mut self, now_ms: u64, request: u64, digest: u64, event: &Recorded<'_>) {
        let first = self.events.entry(&digest);
        let again = *first != 0 && *first != request;
        if *first == 0 {
            *first = request;
        }
        self.known.events += 1;
        self.known.again += u64::from(again);
        let (made_ms, unit, exposure) = match *event {
            Recorded::Exposure { at_ms, unit, .. } => (at_ms, unit, true),
            Recorded::Metric { at_ms, unit, .. } => (at_ms, unit, false),
            Recorded::Other { .. } => return,
        };
        if again {
            let (first, last) = self.known.made_ms.unwrap_or((made_ms, made_ms));
            self.known.made_ms = Some((first.min(made_ms), last.max(made_ms)));
        }
        if now_ms > made_ms.saturating_add(LATE_MS) {
            self.found(Code::EventLate, request);
        }
        let unit = xxhash_rust::xxh3::xxh3_64(unit.as_bytes());
        let waiting = self.waiting.entry(&unit);
        if exposure {
            self.last_exposure = Some((now_ms, request));
            let before = *waiting;
            waiting.exposed = true;
            // Payloads overtake each other on their way: only an exposure that was held back is the
            // client's doing.
            let held_back =
                before.arrived_ms > 0 && now_ms > before.arrived_ms.saturating_add(OVERTAKE_MS);
            if !before.exposed && held_back && before.made_ms >= made_ms {
                self.found(Code::ExposureAfterMetric, request);
            }
        } else {
            self.metrics += 1;
            if !waiting.exposed {
                waiting.made_ms = waiting.made_ms.max(made_ms);
                if waiting.arrived_ms == 0 {
                    waiting.arrived_ms = now_ms;
                }
            }
        }
    }

    /// All events of a payload have been read. Two events that are alike to the millisecond may
    /// come from two calls; a payload that came before shows in all of its events, or in events of
    /// different times.
    pub fn payload_read(&mut self, request: u64) {
        let known = std::mem::take(&mut self.known);
        let far_apart = known.made_ms.is_some_and(|(first, last)| last - first > TWINS_MS);
        if known.again > 0 && (known.again == known.events || far_apart) {
            (0..known.again).for_each(|_| self.found(Code::EventSentTwice, request));
        }
    }

    /// When the last payload arrived: Unix time in milliseconds; 0 if none has.
    #[must_use]
    pub fn last_payload_ms(&self) -> u64 {
        self.last_payload_ms
    }

    /// An SDK opened the stream of flags.
    pub fn stream_opened(&mut self) {
        self.streams += 1;
    }

    /// How many streams are open.
    #[must_use]
    pub fn streams(&self) -> u64 {
        self.streams
    }

    /// A stream ended; `left` when it was the SDK that left.
    pub fn stream_ended(&mut self, now_ms: u64, request: u64, left: bool) {
        self.streams = self.streams.saturating_sub(1);
        if left {
            self.stream_closed = Some((now_ms, request));
        }
    }

    /// What was found so far; at the `end` nothing more can come, so nothing is waited for.
    #[must_use]
    pub fn findings(&self, now_ms: u64, end: bool) -> Vec<Finding> {
        let over =
            |since_ms: u64, grace_ms: u64| end || now_ms >= since_ms.saturating_add(grace_ms);
        let mut all = self.evidence.clone();
        let cuts = self.cuts.values().filter(|cut| over(cut.until_ms, 0)).map(|cut| cut.request);
        let mut requests: Vec<u64> = cuts.collect();
        requests.sort_unstable();
        if !requests.is_empty() {
            let evidence = all.entry(Code::CutTakenAsWhole).or_default();
            evidence.count += requests.len() as u64;
            evidence.requests.extend(requests);
        }
        let left = self
            .stream_closed
            .filter(|(at_ms, _)| self.streams == 0 && over(*at_ms, FLUSH_GRACE_MS));
        if let (Some((_, stream)), Some((answered_ms, answer))) = (left, self.last_answer)
            && answered_ms > self.last_payload_ms
        {
            all.insert(
                Code::MissingFlush,
                Evidence { count: 1, requests: VecDeque::from([answer, stream]) },
            );
        }
        if let Some((at_ms, request)) = self.last_exposure
            && self.metrics == 0
            && over(at_ms, METRIC_GRACE_MS)
        {
            all.insert(
                Code::ExposuresWithoutMetrics,
                Evidence { count: 1, requests: VecDeque::from([request]) },
            );
        }
        let last = |evidence: &Evidence| {
            let beyond = evidence.requests.len().saturating_sub(MAX_NUMBERS);
            evidence.requests.iter().copied().skip(beyond).collect()
        };
        let finding = |(&code, evidence): (&Code, &Evidence)| Finding {
            code,
            message: code.message(),
            count: evidence.count,
            requests: last(evidence),
        };
        all.iter().map(finding).collect()
    }
}

#[cfg(test)]
mod tests;
