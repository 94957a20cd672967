//! The same experiment many times, in the background: replications that fill in while somebody
//! looks.
//!
//! Guarantees: a page has one field of replications at most, and its next one ends the last; a field
//! that nobody looks at stops by itself, and so does one that takes too long; fields take turns, so
//! that any number of pages keeps two threads busy.
//!
//! Does not know: how a dot looks.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::state::PageState;
use crate::power::{AtSize, Design, PoolChoice, PowerRequest, Replication, conduct};
use crate::scenario::Scenario;
use crate::time::{Duration, Stopwatch};
use crate::verdict::Decision;

/// How many replications there are.
pub const REPLICATIONS: u64 = 200;
/// How many times a run is looked at while users arrive, the end included.
const LOOKS: u32 = 10;
/// How many run at once.
const JOBS: usize = 2;
/// How many run before another page's field has its turn.
const TURN: usize = 8;
/// A field that takes longer ends with what it has.
pub const LONGEST: Duration = Duration::from_us(60_000_000);
/// A field that nobody has looked at for this long ends.
const UNWATCHED: Duration = Duration::from_us(4_000_000);
/// Fields that are kept.
const KEPT: usize = 8;
/// Visits that the true effect is taken from, over all variations and both of its quantities.
const TRUTH_VISITS: usize = 100_000;
/// Users that a design without a wanted truth takes it from.
const NO_TRUTH: u32 = 100;

/// Users of each variation that the true effect is taken from.
pub fn truth_users(scenario: &Scenario) -> u32 {
    let arms: usize = scenario.studies.iter().map(|own| own.experiment.treatments.len()).sum();
    u32::try_from(TRUTH_VISITS / (2 * arms.max(1))).unwrap_or(NO_TRUTH).max(NO_TRUTH)
}

/// The fields of all pages.
#[derive(Debug, Default)]
pub struct Replications {
    fields: Mutex<Vec<Arc<Running>>>,
    turn: Arc<Mutex<()>>,
}

/// What is known of one field.
#[derive(Clone, Debug, Default)]
pub struct FieldSoFar {
    /// The replications that are done, by number.
    pub done: BTreeMap<u64, FieldRun>,
    /// The numbers of users at which a run is looked at, ascending; the last one is all.
    pub sizes: Vec<u32>,
    /// The experiments.
    pub experiments: Vec<FieldExperiment>,
    /// Whether no more will come.
    pub ended: bool,
    /// Why there are none.
    pub problem: Option<String>,
}

/// A replication of a field.
#[derive(Clone, Debug)]
pub struct FieldRun {
    /// Its seed.
    pub seed: u64,
    /// For each experiment the decision at each number of users.
    pub decisions: Vec<Vec<Decision>>,
}

/// An experiment of a field.
#[derive(Clone, Debug)]
pub struct FieldExperiment {
    /// Its name.
    pub name: String,
    /// Whether the scenario has a decision rule for it.
    pub rule_given: bool,
    /// What the rule decides on the true effect; `None` while that is hidden.
    pub at_truth: Option<Decision>,
}

/// A field and its thread.
#[derive(Debug)]
struct Running {
    tab: String,
    query: String,
    stop: AtomicBool,
    so_far: Mutex<FieldSoFar>,
    seen: Mutex<Stopwatch>,
}

/// What a thread that panicked left behind is as good as what others leave.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Replications {
    /// Ends the field of a page.
    pub fn stop(&self, tab: &str) {
        for field in held(&self.fields).iter().filter(|field| field.tab == tab) {
            field.stop.store(true, Ordering::Relaxed);
        }
    }

    /// What is known of the field of this state; begins it if there is none.
    pub fn of(&self, state: &PageState, scenario: Scenario) -> FieldSoFar {
        let query = state.query();
        let mut fields = held(&self.fields);
        let known = |field: &&Arc<Running>| {
            let goes_on = !field.stop.load(Ordering::Relaxed);
            field.tab == state.tab && field.query == query && goes_on
        };
        if let Some(field) = fields.iter().find(known) {
            *held(&field.seen) = Stopwatch::start();
            return held(&field.so_far).clone();
        }
        for field in fields.iter().filter(|field| field.tab == state.tab) {
            field.stop.store(true, Ordering::Relaxed);
        }
        fields.retain(|field| field.tab != state.tab);
        while fields.len() >= KEPT {
            fields.remove(0).stop.store(true, Ordering::Relaxed);
        }
        let field = Arc::new(Running {
            tab: state.tab.clone(),
            query,
            stop: AtomicBool::new(false),
            so_far: Mutex::default(),
            seen: Mutex::new(Stopwatch::start()),
        });
        fields.push(Arc::clone(&field));
        let (turn, truth) = (Arc::clone(&self.turn), state.truth);
        let own = Arc::clone(&field);
        thread::spawn(move || own.fill(&scenario, truth, &turn));
        held(&field.so_far).clone()
    }
}

impl Running {
    fn fill(&self, scenario: &Scenario, truth: bool, turn: &Mutex<()>) {
        if let Err(reason) = self.run(scenario, truth, turn) {
            held(&self.so_far).problem = Some(reason);
        }
        held(&self.so_far).ended = true;
    }

    fn run(&self, scenario: &Scenario, truth: bool, turn: &Mutex<()>) -> Result<(), String> {
        let users = scenario.traffic.queries;
        let looks = u64::from(LOOKS);
        let size = |nth: u64| (u64::from(users) * nth / looks) as u32;
        let mut sizes: Vec<u32> = (1..=looks).map(size).filter(|&size| size > 0).collect();
        sizes.dedup();
        let request = PowerRequest {
            replications: REPLICATIONS,
            sizes: sizes.clone(),
            looks: 1,
            truth_users: Some(if truth { truth_users(scenario) } else { NO_TRUTH }),
            // A dot leads to the run behind it.
            pool: PoolChoice::Full,
            ..PowerRequest::of(scenario)
        };
        let design = {
            let _turn = held(turn);
            Design::new(scenario, request, |_, _| {}).map_err(|error| error.to_string())?
        };
        let experiments = scenario.studies.iter().zip(&design.studies);
        held(&self.so_far).sizes = sizes;
        held(&self.so_far).experiments = experiments
            .map(|(study, studied)| FieldExperiment {
                name: study.experiment.name.clone(),
                rule_given: studied.given,
                at_truth: truth.then_some(studied.at_truth),
            })
            .collect();
        let all: Vec<u64> = (0..REPLICATIONS).collect();
        let watch = Stopwatch::start();
        for wanted in all.chunks(TURN) {
            let _turn = held(turn);
            if held(&self.seen).elapsed() > UNWATCHED {
                self.stop.store(true, Ordering::Relaxed);
            }
            if self.stop.load(Ordering::Relaxed) || watch.elapsed() > LONGEST {
                break;
            }
            let done = conduct(&design, wanted, JOBS, &self.stop, |_| {});
            let mut so_far = held(&self.so_far);
            for replication in done.map_err(|error| error.to_string())?.into_values() {
                let Replication { nth, studies, .. } = replication;
                let ends = |sizes: &Vec<AtSize>| {
                    sizes.iter().filter_map(AtSize::decision).collect::<Vec<Decision>>()
                };
                let decisions = studies.iter().map(ends).collect();
                let run = FieldRun { seed: design.seed_of(nth).0, decisions };
                so_far.done.insert(nth, run);
            }
        }
        Ok(())
    }
}
