//! What has arrived from SDKs: payloads, each counted once, and the events in them.
//!
//! Promises: a payload that is sent again counts once; what is kept is bounded, what is counted is not.
//!
//! Does not know: HTTP.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::flags::events::{Recorded, read};
use crate::random::Owner;
use crate::report::Report;
use crate::scenario::Scenario;
use crate::serve::study::Study;

/// Most payload ids that are remembered; an SDK sends a payload again after a second.
const MOST_PAYLOADS: usize = 100_000;
/// Most events that are kept to be read back; older ones are forgotten, never uncounted.
const MOST_EVENTS: usize = 50_000;

/// What has arrived.
#[derive(Clone, Debug)]
pub struct Ledger {
    study: Study,
    /// Digest of all events, in the order of their arrival.
    fingerprint: u64,
    seen: BTreeSet<String>,
    order: VecDeque<String>,
    /// The last events, oldest first.
    pub events: VecDeque<Value>,
    /// Events by kind.
    pub kinds: BTreeMap<String, u64>,
    /// How often each chat request came.
    asked: BTreeMap<Owner, u64>,
    /// Chat requests.
    pub chats: u64,
    /// Payloads taken.
    pub payloads: u64,
    /// Payloads that came again.
    pub repeated_payloads: u64,
    /// Diagnostic messages.
    pub diagnostics: u64,
    /// Events that no SDK would send, and why the last of them was not read.
    pub malformed: u64,
    /// Why.
    pub last_fault: Option<String>,
}

impl Ledger {
    /// An empty one.
    #[must_use]
    pub fn new(scenario: &'static Scenario) -> Self {
        Self {
            study: Study::new(scenario),
            fingerprint: 0,
            seen: BTreeSet::new(),
            order: VecDeque::new(),
            events: VecDeque::new(),
            kinds: BTreeMap::new(),
            asked: BTreeMap::new(),
            chats: 0,
            payloads: 0,
            repeated_payloads: 0,
            diagnostics: 0,
            malformed: 0,
            last_fault: None,
        }
    }

    /// The statistics of what has arrived so far.
    #[must_use]
    pub fn report(&self) -> Report {
        self.study.report(format!("{:016x}", self.fingerprint))
    }

    /// Takes a payload, unless this id came before. Tells whether it was taken.
    pub fn take(&mut self, payload: Option<&str>, events: Vec<Value>) -> bool {
        if let Some(id) = payload {
            if !self.seen.insert(id.to_owned()) {
                self.repeated_payloads += 1;
                return false;
            }
            self.order.push_back(id.to_owned());
            if self.order.len() > MOST_PAYLOADS
                && let Some(oldest) = self.order.pop_front()
            {
                self.seen.remove(&oldest);
            }
        }
        self.payloads += 1;
        for event in events {
            self.event(event);
        }
        true
    }

    /// Counts a chat request; tells how often the same one came before.
    pub fn again(&mut self, digest: Owner) -> u64 {
        self.chats += 1;
        let count = self.asked.entry(digest).or_default();
        let before = *count;
        *count += 1;
        before
    }

    fn event(&mut self, event: Value) {
        self.fingerprint = xxhash_rust::xxh3::xxh3_64_with_seed(event.to_string().as_bytes(), self.fingerprint);
        match read(&event, "user") {
            Ok(recorded) => {
                self.study.take(&recorded);
                let kind = match recorded {
                    Recorded::Exposure { .. } => "feature",
                    Recorded::Metric { .. } => "custom",
                    Recorded::Other { kind } => kind,
                };
                *self.kinds.entry(kind.to_owned()).or_default() += 1;
            }
            Err(fault) => {
                self.malformed += 1;
                self.last_fault = Some(fault.to_string());
            }
        }
        if self.events.len() == MOST_EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }

    /// All events that were read.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kinds.values().sum()
    }
}
