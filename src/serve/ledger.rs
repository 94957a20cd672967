//! What has arrived: requests and how often each came, payloads, each counted once, and the events
//! in them.
//!
//! Guarantees: a payload that is sent again counts once; what is kept is bounded, what is counted
//! is not. How often a request came is known as long as fewer than [`MAX_REQUESTS`] others came
//! since; after that it comes for the first time again.
//!
//! Does not know: HTTP.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use crate::flags::api::{ApiError, ApiReply};
use crate::flags::events::{Recorded, read};
use crate::flags::mock::{ConfigMetricsOf, ResultsOf, Started};
use crate::quantity::Money;
use crate::random::{Owner, Seed};
use crate::report::Report;
use crate::scenario::{Endpoint, FaultKind, FaultRule, Scenario};
use crate::serve::arrivals::Arrivals;
use crate::serve::config_usage::ConfigUsage;
use crate::serve::faults::InjectionPlan;
use crate::serve::generational_map::GenerationalMap;
use crate::serve::grade::ClientFindings;

/// Payload ids that are surely remembered; an SDK sends a payload again after a second.
const MAX_PAYLOADS: usize = 50_000;
/// Most events that are kept to be read back; older ones are forgotten, never uncounted.
const MAX_EVENTS: usize = 50_000;
/// Most bytes of them, as text.
const MAX_EVENT_BYTES: usize = 32 << 20;
/// Most flags whose last evaluation is kept.
const MAX_FLAGS: usize = 10_000;
/// Different requests that are surely remembered.
pub const MAX_REQUESTS: usize = 100_000;

/// A request that arrived, as far as it can be told before anything is answered.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where.
    pub endpoint: Endpoint,
    /// The model that it names.
    pub model: Option<&'a str>,
    /// All that makes it this request and no other.
    pub digest: Owner,
    /// Whether the client says that this is no try again.
    pub fresh: bool,
}

/// What is known of a request that arrived.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Its number, from 1.
    pub number: u64,
    /// When it arrived: Unix time in milliseconds.
    pub at_ms: u64,
    /// How often the same one came before.
    pub before: u64,
    /// Which try this is after failures, from 1.
    pub tries: u32,
    /// The fault that hits it.
    pub fault: Option<FaultKind>,
}

/// What the answered chats of batches used, at the price of batches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchedUsage {
    /// Chats.
    pub chats: u64,
    /// Input and output tokens.
    pub tokens: [u64; 2],
    /// What they cost, as far as their prices are known.
    pub cost: Money,
    /// Chats whose price is not known.
    pub without_price: u64,
}

impl BatchedUsage {
    /// Adds a chat.
    pub fn add(&mut self, input: u32, output: u32, cost: Option<Money>) {
        let [all_input, all_output] = &mut self.tokens;
        self.chats += 1;
        *all_input += u64::from(input);
        *all_output += u64::from(output);
        match cost {
            Some(cost) => self.cost += cost,
            None => self.without_price += 1,
        }
    }
}

/// An experiment that was made over REST.
#[derive(Clone, Debug)]
struct Made {
    iteration: String,
    number: usize,
    study: Arrivals,
}

/// What has arrived.
#[derive(Clone, Debug)]
pub struct Ledger {
    /// The scenario's experiments.
    study: Arrivals,
    /// Those that the account has, by key, where it began empty; otherwise it has them all.
    own: Option<BTreeSet<String>>,
    /// Experiments that were made over REST, by path, each with the id and number of its latest
    /// iteration.
    made: BTreeMap<String, Made>,
    /// Digest of all events, in the order of their arrival.
    fingerprint: u64,
    /// Payloads that came, by the digest of their id; and whether it is the server's own fault
    /// should they come again.
    seen: GenerationalMap<Owner, Option<bool>>,
    /// The last events as text, oldest first: an event as a value takes up to 16 times the memory.
    pub events: VecDeque<Box<str>>,
    /// How many bytes these have.
    bytes: usize,
    /// Events by kind.
    pub kinds: BTreeMap<String, u64>,
    /// When each flag was last evaluated, by the summaries: Unix time in milliseconds.
    pub evaluated: BTreeMap<String, u64>,
    /// What AI configs used.
    usage: ConfigUsage,
    /// How often each request came.
    asked: GenerationalMap<Owner, u64>,
    /// Requests that could be hit by a fault: those that name what they want and have a key.
    pub requests: u64,
    /// The faults that are committed.
    pub faults: InjectionPlan,
    /// What the client did wrong.
    pub grade: ClientFindings,
    /// Chat requests.
    pub chats: u64,
    /// What batches used.
    pub batched: BatchedUsage,
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
    pub fn new(scenario: &'static Scenario, seed: Seed, faults: &[FaultRule]) -> Self {
        Self {
            study: Arrivals::new(scenario),
            own: None,
            made: BTreeMap::new(),
            fingerprint: 0,
            seen: GenerationalMap::new(MAX_PAYLOADS),
            events: VecDeque::new(),
            bytes: 0,
            kinds: BTreeMap::new(),
            evaluated: BTreeMap::new(),
            usage: ConfigUsage::default(),
            asked: GenerationalMap::new(MAX_REQUESTS),
            requests: 0,
            faults: InjectionPlan::new(seed, faults),
            grade: ClientFindings::default(),
            chats: 0,
            batched: BatchedUsage::default(),
            payloads: 0,
            repeated_payloads: 0,
            diagnostics: 0,
            malformed: 0,
            last_fault: None,
        }
    }

    /// The same, for an account that begins empty: the scenario's experiments are not there.
    #[must_use]
    pub fn begun_empty(self) -> Self {
        Self { own: Some(BTreeSet::new()), ..self }
    }

    /// The statistics of what has arrived so far.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = self.study.report(format!("{:016x}", self.fingerprint));
        if let Some(own) = &self.own {
            report.experiments.retain(|experiment| own.contains(&experiment.key));
        }
        for made in self.made.values() {
            for mut experiment in made.study.report(String::new()).experiments {
                // The scenario's experiment of this key has another design.
                if report.experiments.iter().any(|known| known.key == experiment.key) {
                    experiment.key += &format!(" (iteration {})", made.number);
                }
                report.experiments.push(experiment);
            }
        }
        report
    }

    /// Follows the experiments of the account: one that is started from now on, and that is not the
    /// scenario's, is analyzed with what arrives from now on. After its end nothing counts for it.
    pub fn follow(&mut self, started: &[Started]) {
        for one in started {
            let known = self.made.get_mut(&one.path).filter(|made| made.iteration == one.iteration);
            if let Some(known) = known {
                known.study.end(one.ended_ms);
            } else if let Some(key) = self.study.covers(one) {
                if let Some(own) = &mut self.own {
                    own.insert(key.to_owned());
                }
                self.made.remove(&one.path);
            } else {
                let made = Made {
                    iteration: one.iteration.clone(),
                    number: one.number,
                    study: Arrivals::made(one),
                };
                self.made.insert(one.path.clone(), made);
            }
        }
    }

    /// The results so far of one metric of an experiment, as LaunchDarkly's REST interface gave
    /// them.
    ///
    /// # Errors
    /// When it has no results: a variation or metric of it has been deleted.
    pub fn results(&self, of: &ResultsOf) -> Result<ApiReply, ApiError> {
        let none = || {
            format!(
                "there are no results of these treatments of `{}` and the metric `{}`",
                of.config, of.metric
            )
        };
        let made =
            self.made.values().find(|made| made.iteration == of.iteration).map(|made| &made.study);
        let body = made
            .unwrap_or(&self.study)
            .results(of)
            .ok_or_else(|| ApiError::new(404, "not_found", none()))?;
        Ok(ApiReply { status: 200, body })
    }

    /// What an AI config used, as LaunchDarkly's REST interface tells it.
    #[must_use]
    pub fn config_metrics(&self, of: &ConfigMetricsOf) -> ApiReply {
        ApiReply { status: 200, body: self.usage.answer(of) }
    }

    /// Whether a payload with this id came before. Counts it, and grades the client for it.
    pub fn comes_again(&mut self, arrival: Arrival, payload: Option<&str>) -> bool {
        let mut again = false;
        if let Some(id) = payload {
            let known = self.seen.entry(&Owner::of(id.as_bytes()));
            again = known.is_some();
            // A payload whose answer was lost has to come again.
            self.grade.payload(arrival.at_ms, arrival.number, *known == Some(false));
            *known = Some(arrival.fault.is_some());
        } else {
            self.grade.payload(arrival.at_ms, arrival.number, false);
        }
        if again {
            self.repeated_payloads += 1;
        } else {
            self.payloads += 1;
        }
        again
    }

    /// Counts events of a payload that did not come before.
    pub fn take(&mut self, arrival: Arrival, events: impl IntoIterator<Item = Value>) {
        events.into_iter().for_each(|event| self.event(Some(arrival), event));
        self.grade.payload_read(arrival.number);
    }

    /// Takes a payload that was acknowledged before a restart: it counts, and the client is not
    /// graded for it again.
    pub fn recall(&mut self, payload: Option<&str>, events: Vec<Value>) {
        if let Some(id) = payload {
            let known = self.seen.entry(&Owner::of(id.as_bytes()));
            if known.is_some() {
                return;
            }
            *known = Some(false);
        }
        self.payloads += 1;
        for event in events {
            self.event(None, event);
        }
    }

    /// Counts a request that arrived at this Unix time in milliseconds, and tells what becomes of
    /// it.
    pub fn arrive(&mut self, at_ms: u64, ask: &Ask<'_>) -> Arrival {
        self.requests += 1;
        if matches!(ask.endpoint, Endpoint::Chat(_)) {
            self.chats += 1;
        }
        let number = self.requests;
        let count = self.asked.entry(&ask.digest);
        let before = *count;
        *count += 1;
        let fault = self.faults.inject(ask.endpoint, ask.model, ask.digest, before);
        let tries = self.grade.arrived(at_ms, number, ask.digest, ask.fresh);
        if let Some(FaultKind::Timeout { .. }) = fault {
            self.grade.refused(None, ask.digest, tries, None);
        }
        Arrival { number, at_ms, before, tries, fault }
    }

    /// Requests that came so long ago that they count as new when they come again.
    #[must_use]
    pub fn forgotten_requests(&self) -> u64 {
        self.asked.forgotten()
    }

    fn event(&mut self, arrival: Option<Arrival>, event: Value) {
        let text = event.to_string();
        self.fingerprint = xxhash_rust::xxh3::xxh3_64_with_seed(text.as_bytes(), self.fingerprint);
        self.summary(&event);
        match read(&event, "user") {
            Ok(recorded) => {
                self.study.take(&recorded);
                self.usage.take(&recorded);
                self.made
                    .values_mut()
                    .filter(|made| made.study.unit() == "user")
                    .for_each(|made| made.study.take(&recorded));
                let digest = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
                if let Some(arrival) = arrival {
                    self.grade.event(arrival.at_ms, arrival.number, digest, &recorded);
                }
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
        for made in self.made.values_mut().filter(|made| made.study.unit() != "user") {
            if let Ok(recorded) = read(&event, made.study.unit()) {
                made.study.take(&recorded);
            }
        }
        self.bytes += text.len();
        self.events.push_back(text.into_boxed_str());
        while self.events.len() > MAX_EVENTS || self.bytes > MAX_EVENT_BYTES {
            self.bytes -= self.events.pop_front().map_or(self.bytes, |text| text.len());
        }
    }

    /// Notes which flags a summary says were evaluated.
    fn summary(&mut self, event: &Value) {
        if event.get("kind").and_then(Value::as_str) != Some("summary") {
            return;
        }
        let until = event.get("endDate").and_then(Value::as_u64).unwrap_or_default();
        let flags = event.get("features").and_then(Value::as_object);
        for key in flags.into_iter().flat_map(|flags| flags.keys()) {
            if self.evaluated.len() < MAX_FLAGS || self.evaluated.contains_key(key) {
                let last = self.evaluated.entry(key.clone()).or_default();
                *last = until.max(*last);
            }
        }
    }

    /// All events that were read.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.kinds.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::wire::openai::OPENAI;
    use crate::scenario::load;
    use serde_json::json;

    fn ledger() -> Ledger {
        let scenario: &'static Scenario = &Box::leak(Box::new(load("security").unwrap())).scenario;
        Ledger::new(scenario, Seed(1), &[])
    }

    fn ask(nth: u32) -> Ask<'static> {
        Ask {
            endpoint: Endpoint::Chat(OPENAI),
            model: Some("gpt-4o"),
            digest: Owner::of(&nth.to_le_bytes()),
            fresh: false,
        }
    }

    #[test]
    fn how_often_a_request_came_is_known_until_very_many_others_have_come() {
        let mut ledger = ledger();
        let before = |ledger: &mut Ledger, nth| ledger.arrive(1, &ask(nth)).before;
        assert_eq!([0, 0, 1, 0].map(|nth| before(&mut ledger, nth)), [0, 1, 0, 2]);
        let most = u32::try_from(MAX_REQUESTS).unwrap();
        (2..most).for_each(|nth| assert_eq!(before(&mut ledger, nth), 0));
        assert_eq!((before(&mut ledger, 0), ledger.forgotten_requests()), (3, 0));
        (most..4 * most).for_each(|nth| assert_eq!(before(&mut ledger, nth), 0));
        // As on its first day.
        assert_eq!(before(&mut ledger, 1), 0);
        assert!(ledger.asked.len() <= 2 * MAX_REQUESTS && ledger.forgotten_requests() > 0);
    }

    #[test]
    fn the_last_events_are_kept_within_their_bytes_and_all_are_counted() {
        let mut ledger = ledger();
        let arrival = ledger.arrive(1, &ask(0));
        let long = "x".repeat(1 << 20);
        for nth in 0..50 {
            let event = json!({ "kind": "index", "creationDate": nth, "context": { "kind": "user", "key": long } });
            assert!(!ledger.comes_again(arrival, Some(&nth.to_string())));
            ledger.take(arrival, [event]);
        }
        assert_eq!((ledger.total(), ledger.events.len()), (50, 31));
        assert!(ledger.events.back().unwrap().contains(r#""creationDate":49"#));
        assert!(ledger.bytes <= MAX_EVENT_BYTES);
        assert!(ledger.comes_again(arrival, Some("49")));
        assert_eq!((ledger.total(), ledger.repeated_payloads), (50, 1));
    }
}
