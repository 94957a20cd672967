//! The world of one seed: its dice, its steps, its clock, and the moment at which the process is
//! killed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

/// The wall clock when a run begins, in milliseconds since 1970.
const BEGAN_MS: u64 = 1_760_000_000_000;

/// What a seed decides once. Each seed has some kinds of faults and not others, so that rare
/// combinations come about.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// One in so many requests to a provider fails; 0: none.
    pub net: u64,
    /// Whether a provider may fail so often that a call is given up.
    pub harsh: bool,
    /// Whether answers state a usage that cannot be true.
    pub lies: bool,
    /// Whether every call costs as much as it can.
    pub greedy: bool,
    /// Whether a gateway honors idempotency keys: what comes twice is worked on and billed once.
    pub honors: bool,
    /// One in so many payloads of events fails; 0: none.
    pub events: u64,
    /// In how many seconds LaunchDarkly is out for a quarter; 0: never.
    pub outage: u64,
    /// One in so many operations of the disk fails; 0: none.
    pub disk: u64,
    /// Of how many steps the disk is full for a quarter; 0: never.
    pub full: u64,
    /// Whether a failed sync may lose pages for good, as Linux does.
    pub ghosts: bool,
    /// A process is killed after so many steps at most; 0: never.
    pub kill: u64,
    /// One in so many kills is a power loss; 0: none.
    pub power: u64,
    /// Whether the wall clock jumps.
    pub jumps: bool,
    /// Whether whoever started it interrupts it now and then.
    pub interrupts: bool,
}

/// A fault that is planted at a seam, to see that the simulation finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Planted {
    /// A connection that was closed after the request left counts as one that was never made.
    ClosedIsFree,
    /// What a resumed run has spent is forgotten.
    SpentIsForgotten,
    /// An answer that the journal has is forgotten when the run is taken up again.
    AnswerIsForgotten,
    /// Nobody waits for the disk.
    SyncIsSkipped,
    /// A write that was cut short counts as whole, so that the next line comes behind half a line.
    ShortWriteIsUnseen,
    /// A payload has another id whenever it is sent again.
    OtherIdOnRetry,
    /// A payload that was not taken counts as taken.
    RefusalIsUnseen,
    /// What was sent is not written down before.
    EventsAreDropped,
}

/// How often what came about, over all seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    pub seeds: u64,
    pub steps: u64,
    pub processes: u64,
    pub kills: u64,
    pub power_losses: u64,
    pub damaged: u64,
    pub torn: u64,
    pub disk_faults: u64,
    pub net_faults: u64,
    pub event_faults: u64,
    pub budgets: u64,
    pub interrupts: u64,
    pub simulated: Duration,
}

/// A request that a provider has worked on.
#[derive(Clone, Debug)]
pub struct Worked {
    /// The user and the digest of the request.
    pub call: (u32, String),
    /// What was billed for it, in nano-dollars.
    pub billed: u64,
    /// What it can cost at most, in nano-dollars.
    pub worst: u64,
    /// Whether the usage that the answer states is what was billed.
    pub honest: bool,
    /// Whether the whole answer has come back.
    pub came_back: bool,
}

/// Everything that changes.
#[derive(Debug)]
pub struct Inner {
    dice: u64,
    /// When the process is killed, as a number of steps.
    pub die_at: u64,
    pub dead: bool,
    /// From now on nothing fails and nobody is killed.
    pub healed: bool,
    jump_ms: i64,
    began: tokio::time::Instant,
    pub tally: Tally,
    /// The budget, and what providers have billed, in nano-dollars.
    pub most: u64,
    pub billed: u64,
    /// Requests that providers worked on.
    pub worked: Vec<Worked>,
    /// Calls that the journal has an answer to, by user and digest of the request.
    pub answered: BTreeSet<(u32, String)>,
    /// What each request was answered with.
    pub said: BTreeMap<String, String>,
    /// What LaunchDarkly has taken, by payload id.
    pub taken: BTreeMap<String, Vec<Value>>,
    /// Whether a repair has dropped lines.
    pub repaired: bool,
}

/// How the process is when a step comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The step happens.
    Alive,
    /// The process is killed in the middle of it.
    Dying,
    /// It was killed before: nothing happens.
    Dead,
}

/// The world of one seed.
#[derive(Debug)]
pub struct World {
    pub seed: u64,
    pub faults: Faults,
    pub planted: Option<Planted>,
    inner: Mutex<Inner>,
}

impl World {
    pub fn new(seed: u64, faults: Option<Faults>, planted: Option<Planted>) -> Arc<Self> {
        let mut dice = seed ^ 0x5157_AB0D_0000_0001;
        let mut draw = |bound: u64| next(&mut dice) % bound;
        let drawn = Faults {
            net: [0, 3, 8, 20][draw(4) as usize],
            harsh: draw(4) == 0,
            lies: draw(2) == 0,
            greedy: draw(2) == 0,
            honors: draw(2) == 0,
            events: [0, 2, 5][draw(3) as usize],
            disk: [0, 0, 30, 100][draw(4) as usize],
            full: [0, 0, 40, 200][draw(4) as usize],
            ghosts: draw(4) == 0,
            kill: [0, 20, 60, 150, 150][draw(5) as usize],
            power: [0, 1, 2, 2][draw(4) as usize],
            jumps: draw(3) == 0,
            interrupts: draw(6) == 0,
            outage: [0, 0, 120, 4_000][draw(4) as usize],
        };
        let inner = Inner {
            dice,
            die_at: u64::MAX,
            dead: false,
            healed: faults.is_some(),
            jump_ms: 0,
            began: tokio::time::Instant::now(),
            tally: Tally { seeds: 1, ..Tally::default() },
            most: u64::MAX,
            billed: 0,
            worked: Vec::new(),
            answered: BTreeSet::new(),
            said: BTreeMap::new(),
            taken: BTreeMap::new(),
            repaired: false,
        };
        Arc::new(Self { seed, faults: faults.unwrap_or(drawn), planted, inner: Mutex::new(inner) })
    }

    pub fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// A number below `bound`.
    pub fn below(&self, bound: u64) -> u64 {
        next(&mut self.inner().dice) % bound.max(1)
    }

    /// Whether a fault comes about that one in `one_in` times does.
    pub fn strikes(&self, one_in: u64) -> bool {
        one_in > 0 && !self.inner().healed && self.below(one_in) == 0
    }

    /// One step: something outside of the process is about to happen.
    pub fn step(&self) -> Step {
        let mut inner = self.inner();
        if inner.dead {
            return Step::Dead;
        }
        inner.tally.steps += 1;
        if inner.tally.steps >= inner.die_at && !inner.healed {
            inner.dead = true;
            return Step::Dying;
        }
        let (billed, most) = (inner.billed, inner.most);
        drop(inner);
        self.hold(billed <= most, || format!("providers billed {billed} of a budget of {most}"));
        Step::Alive
    }

    /// Whether the disk is full at this step.
    pub fn is_full(&self) -> bool {
        let inner = self.inner();
        let full = self.faults.full;
        full > 0 && !inner.healed && inner.tally.steps % full < full / 4
    }

    /// Whether LaunchDarkly is out at this time.
    pub fn is_out(&self) -> bool {
        let (outage, now) = (self.faults.outage, self.true_ms() / 1000);
        outage > 0 && !self.inner().healed && now % outage < outage / 4
    }

    /// The wall clock, which may jump by days in either direction.
    pub fn unix_ms(&self) -> u64 {
        if self.faults.jumps && self.strikes(20) {
            let days = self.below(800) as i64 - 400;
            self.inner().jump_ms = days * 86_400_000;
        }
        let inner = self.inner();
        let now = BEGAN_MS + inner.began.elapsed().as_millis() as u64;
        now.saturating_add_signed(inner.jump_ms)
    }

    /// The time as everybody else has it.
    pub fn true_ms(&self) -> u64 {
        BEGAN_MS + self.inner().began.elapsed().as_millis() as u64
    }

    /// An invariant; when it does not hold, the message says how to see it again.
    #[track_caller]
    pub fn hold(&self, holds: bool, what: impl FnOnce() -> String) {
        if !holds {
            self.fail(&what());
        }
    }

    #[track_caller]
    pub fn fail(&self, what: &str) -> ! {
        let (seed, steps) = (self.seed, self.inner().tally.steps);
        panic!(
            "{what}\nseed {seed}, step {steps}, {:?}\nagain: SIMLAB_SEED={seed} cargo test --test simulation",
            self.faults
        )
    }
}

/// SplitMix64 (Steele, Lea & Flood 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

impl Tally {
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.steps += other.steps;
        self.processes += other.processes;
        self.kills += other.kills;
        self.power_losses += other.power_losses;
        self.damaged += other.damaged;
        self.torn += other.torn;
        self.disk_faults += other.disk_faults;
        self.net_faults += other.net_faults;
        self.event_faults += other.event_faults;
        self.budgets += other.budgets;
        self.interrupts += other.interrupts;
        self.simulated += other.simulated;
    }
}
