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

/// Most users of a run: more take longer than somebody who plays waits.
pub const MAX_USERS: u32 = 50_000;
/// With how many times the users the experiment runs too, in halves.
const MORE: [u32; 4] = [3, 4, 6, 8];

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
    /// Whether no more replications will come.
    pub complete: bool,
    /// Larger numbers of users, ascending.
    pub more_sizes: Vec<u32>,
    /// The replications with more users, by number: for each experiment the decision at each of those.
    pub more: BTreeMap<u64, Vec<Vec<Decision>>>,
    /// Whether nothing more will come.
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

    /// What is known of the field of this state; begins it if there is none. `at_truth`: what the rules
    /// decide on the true effect, where that is known already.
    pub fn of(
        &self,
        state: &PageState,
        scenario: Scenario,
        at_truth: Option<Vec<Decision>>,
    ) -> FieldSoFar {
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
        let truth = match at_truth {
            _ if !state.truth => FieldTruth::Hidden,
            Some(at_truth) => FieldTruth::Known(at_truth),
            None => FieldTruth::Wanted,
        };
        let turn = Arc::clone(&self.turn);
        let own = Arc::clone(&field);
        thread::spawn(move || own.fill(&scenario, &truth, &turn));
        held(&field.so_far).clone()
    }
}

/// What is known of the true effect when a field begins.
#[derive(Debug)]
enum FieldTruth {
    /// Nobody has asked for it.
    Hidden,
    /// What the rules decide on it.
    Known(Vec<Decision>),
    /// It has to be simulated.
    Wanted,
}

/// The decisions of a replication: for each experiment one at each number of users.
fn decisions(replication: &Replication) -> Vec<Vec<Decision>> {
    let of = |sizes: &Vec<AtSize>| sizes.iter().filter_map(AtSize::decision).collect();
    replication.studies.iter().map(of).collect()
}

impl Running {
    fn fill(&self, scenario: &Scenario, truth: &FieldTruth, turn: &Mutex<()>) {
        if let Err(reason) = self.run(scenario, truth, turn) {
            held(&self.so_far).problem = Some(reason);
        }
        let mut so_far = held(&self.so_far);
        (so_far.complete, so_far.ended) = (true, true);
    }

    fn run(&self, scenario: &Scenario, truth: &FieldTruth, turn: &Mutex<()>) -> Result<(), String> {
        let users = scenario.traffic.queries;
        let looks = u64::from(LOOKS);
        let size = |nth: u64| (u64::from(users) * nth / looks) as u32;
        let mut sizes: Vec<u32> = (1..=looks).map(size).filter(|&size| size > 0).collect();
        sizes.dedup();
        let wanted = matches!(truth, FieldTruth::Wanted);
        let truth_users = if wanted { truth_users(scenario) } else { NO_TRUTH };
        let design = design(scenario, sizes.clone(), truth_users, turn)?;
        let experiments = scenario.studies.iter().zip(&design.studies).enumerate();
        let experiments = experiments.map(|(nth, (study, studied))| FieldExperiment {
            name: study.experiment.name.clone(),
            rule_given: studied.given,
            at_truth: match truth {
                FieldTruth::Hidden => None,
                FieldTruth::Known(known) => known.get(nth).copied(),
                FieldTruth::Wanted => Some(studied.at_truth),
            },
        });
        let experiments = experiments.collect();
        held(&self.so_far).sizes = sizes;
        held(&self.so_far).experiments = experiments;
        let all = self.replicate(&design, turn, |so_far, replication| {
            let seed = design.seed_of(replication.nth).0;
            let run = FieldRun { seed, decisions: decisions(replication) };
            so_far.done.insert(replication.nth, run);
        })?;
        held(&self.so_far).complete = true;
        if !all {
            return Ok(());
        }
        // With more users than the experiment has: how many would it take?
        let larger = MORE.iter().map(|halves| u64::from(users) * u64::from(*halves) / 2);
        let larger = larger.filter_map(|size| u32::try_from(size).ok());
        let mut larger: Vec<u32> =
            larger.filter(|size| (users + 1..=MAX_USERS).contains(size)).collect();
        larger.dedup();
        if larger.is_empty() {
            return Ok(());
        }
        held(&self.so_far).more_sizes.clone_from(&larger);
        let design = self::design(scenario, larger, NO_TRUTH, turn)?;
        self.replicate(&design, turn, |so_far, replication| {
            so_far.more.insert(replication.nth, decisions(replication));
        })?;
        Ok(())
    }

    /// Runs the replications of a design; whether all were run.
    fn replicate(
        &self,
        design: &Design<'_>,
        turn: &Mutex<()>,
        put: impl Fn(&mut FieldSoFar, &Replication),
    ) -> Result<bool, String> {
        let all: Vec<u64> = (0..REPLICATIONS).collect();
        let watch = Stopwatch::start();
        for wanted in all.chunks(TURN) {
            let _turn = held(turn);
            if held(&self.seen).elapsed() > UNWATCHED {
                self.stop.store(true, Ordering::Relaxed);
            }
            if self.stop.load(Ordering::Relaxed) || watch.elapsed() > LONGEST {
                return Ok(false);
            }
            let done = conduct(design, wanted, JOBS, &self.stop, |_| {});
            let done = done.map_err(|error| error.to_string())?;
            let mut so_far = held(&self.so_far);
            done.values().for_each(|replication| put(&mut so_far, replication));
        }
        Ok(true)
    }
}

/// A design of replications that are looked at with these numbers of users.
fn design<'s>(
    scenario: &'s Scenario,
    sizes: Vec<u32>,
    truth_users: u32,
    turn: &Mutex<()>,
) -> Result<Design<'s>, String> {
    let request = PowerRequest {
        replications: REPLICATIONS,
        sizes,
        looks: 1,
        truth_users: Some(truth_users),
        // A dot leads to the run behind it.
        pool: PoolChoice::Full,
        ..PowerRequest::of(scenario)
    };
    let _turn = held(turn);
    Design::new(scenario, request, |_, _| {}).map_err(|error| error.to_string())
}
