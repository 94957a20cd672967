//! Live runs in a seeded simulation: a clock that jumps ahead, a network that answers or breaks, a LaunchDarkly that is out now and then, and
//! kills at any moment. `SIMLAB_SEEDS=N` runs more seeds; the seed of a failure is in its message.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

use serde_json::{Value, json};
use simlab::flags::compiled::Compiled;
use simlab::journal::Entry;
use simlab::live::journal::{Journal, Resumed};
use simlab::live::recording::{Assigned, Line, Recording};
use simlab::live::{Budget, Flags, Gathered, Papers, Providers, Session, Shelf, World, gather};
use simlab::random::{Owner, Purpose, Seed};
use simlab::run::Stage;
use simlab::scenario::{Loaded, load};

use super::super::program::folder;
use super::money::{Billing, Way};
use super::session::{environment_of, run_of};

/// Draws of one seed.
#[derive(Debug)]
pub struct Dice {
    seed: u64,
    drawn: Cell<u64>,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self { seed, drawn: Cell::new(0) }
    }

    pub fn below(&self, bound: usize) -> usize {
        self.drawn.set(self.drawn.get() + 1);
        Seed(self.seed).stage(Purpose::Jitter, Owner::NOBODY, self.drawn.get()).below(bound)
    }
}

/// A LaunchDarkly that remembers every payload, and an SDK in front of it whose memory ends with the process.
pub struct Service<'a> {
    pub flags: &'a Compiled,
    pub dice: &'a Dice,
    /// One in so many payloads is not taken; 0: none. One half of these is taken, and the answer is lost.
    pub fails_one_in: usize,
    /// What the SDK holds.
    held: RefCell<BTreeMap<String, Vec<Value>>>,
    /// What was taken, by payload id.
    pub taken: &'a RefCell<BTreeMap<String, Vec<Value>>>,
}

impl<'a> Service<'a> {
    pub fn new(flags: &'a Compiled, dice: &'a Dice, fails_one_in: usize, taken: &'a RefCell<BTreeMap<String, Vec<Value>>>) -> Self {
        Self { flags, dice, fails_one_in, held: RefCell::default(), taken }
    }

    fn hold(&self, key: &str, event: Value) {
        self.held.borrow_mut().entry(key.to_owned()).or_default().push(event);
    }
}

impl Flags for Service<'_> {
    fn assign(&self, key: &str, group: u16) -> Result<[Assigned; 3], String> {
        Ok([0, 1, 2].map(|config| {
            let evaluation = self.flags.evaluate(config, usize::from(group), key);
            self.hold(key, json!({ "kind": "feature", "user": key, "config": config }));
            Assigned { variation: evaluation.variation.map(|at| at as u8), in_experiment: evaluation.in_experiment }
        }))
    }

    fn track(&self, key: &str, _group: u16, entries: &[Entry]) {
        self.hold(key, json!({ "kind": "custom", "user": key, "entries": entries.len() }));
    }

    async fn collect(&self, keys: &[String]) -> Result<Vec<Vec<Value>>, String> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        Ok(keys.iter().map(|key| self.held.borrow_mut().remove(key).unwrap_or_default()).collect())
    }

    async fn send(&self, id: &str, events: &[Value]) -> Result<(), String> {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let fails = self.fails_one_in > 0 && self.dice.below(self.fails_one_in) == 0;
        if !fails || self.dice.below(2) == 0 {
            // Under a known id nothing is counted again; the events have to be the same then.
            let known = self.taken.borrow_mut().insert(id.to_owned(), events.to_vec());
            assert!(known.is_none_or(|known| known == events), "seed {}: other events under the id {id}", self.dice.seed);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        if fails { Err("it answered with status 503".to_owned()) } else { Ok(()) }
    }
}

/// One process: it goes on with the journal, and is killed after `lives`, if it is not over before.
pub async fn process(
    loaded: &Loaded,
    stage: &Stage<'_>,
    path: &Path,
    net: &Rc<Billing>,
    flags: Service<'_>,
    (users, most): (u32, u64),
    lives: Duration,
) -> Option<(Gathered, Recording)> {
    let Resumed { mut journal, mut recording, .. } = Journal::resume(path).unwrap();
    let budget = Budget::new(most, recording.spent_nano_usd());
    let line = if recording.run.is_none() { Line::Run(run_of(loaded, users)) } else { Line::Resumed };
    journal.write(&line).unwrap();
    recording.take(line).unwrap();
    let world = World {
        providers: Providers::over(Rc::<Billing>::clone(net), &environment_of("127.0.0.1:1"), 4).unwrap(),
        papers: Rc::new(Papers::new(|_| None).unwrap()),
        shelf: Shelf::new(None, ""),
        embedding: tokio::sync::Mutex::default(),
        flags,
        budget,
    };
    let session = Session::new(stage, run_of(loaded, users), Some(world), recording, Some(journal));
    let gathered = tokio::select! {
        biased;
        gathered = gather(&session, std::future::pending(), |_, _| ()) => Some(gathered),
        () = tokio::time::sleep(lives) => None,
    };
    gathered.map(|gathered| (gathered, session.recording.borrow().clone()))
}

/// How often each call is in the journal as answered.
fn answered(path: &Path) -> BTreeMap<String, u32> {
    let text = std::fs::read_to_string(path).unwrap();
    let mut times = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        if let Some(answered) = line.get("answered") {
            *times.entry(answered["call"].to_string()).or_default() += 1;
        }
    }
    times
}

#[tokio::test(start_paused = true)]
async fn whatever_is_killed_or_fails_every_user_is_delivered_once_and_no_answer_is_paid_twice() {
    const USERS: u32 = 8;
    let seeds = std::env::var("SIMLAB_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(12);
    let loaded = load("security").unwrap();
    let stage = Stage::new(&loaded.scenario, loaded.scenario.seed).await.unwrap();
    let folder = folder("live-simulated");
    let (mut kills, mut outages) = (0, 0);
    for seed in 0..seeds {
        let dice = Dice::new(seed);
        let path = folder.join(format!("{seed}.jsonl"));
        std::fs::write(&path, "").unwrap();
        let way = Way::Usage(Some((100_000, 100_000)));
        let net = Rc::new(Billing { way, billed: RefCell::default(), keys: RefCell::default(), takes: Duration::from_millis(700) });
        let most = 1_000_000_000_000;
        let taken = RefCell::default();
        let mut processes = 0;
        let recording = loop {
            processes += 1;
            assert!(processes < 500, "seed {seed}: it never ends");
            let fails_one_in = [0, 2, 5][dice.below(3)];
            let flags = Service::new(&stage.compiled, &dice, fails_one_in, &taken);
            let lives = Duration::from_millis(dice.below(4_000 + 500 * processes) as u64);
            match process(&loaded, &stage, &path, &net, flags, (USERS, most), lives).await {
                None => kills += 1,
                Some((gathered, recording)) => {
                    assert_eq!(gathered.stopped, None, "seed {seed}");
                    assert_eq!(gathered.undelivered.is_some(), recording.undelivered() > 0, "seed {seed}");
                    assert_eq!(gathered.users.len(), USERS as usize, "seed {seed}");
                    if recording.undelivered() == 0 {
                        break recording;
                    }
                    outages += 1;
                }
            }
        };
        // Every user's events are there once: one payload each, with all exposures and the metric events.
        let taken = taken.borrow();
        let users: Vec<&str> = taken.values().map(|events| events[0]["user"].as_str().unwrap()).collect();
        let different: std::collections::BTreeSet<&str> = users.iter().copied().collect();
        assert_eq!((users.len(), different.len()), (USERS as usize, USERS as usize), "seed {seed}: {users:?}");
        for events in taken.values() {
            let kinds: Vec<&str> = events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
            assert_eq!(kinds, ["feature", "feature", "feature", "custom"], "seed {seed}");
            assert!(events.iter().all(|event| event["user"] == events[0]["user"]), "seed {seed}");
        }
        assert!(answered(&path).values().all(|times| *times == 1), "seed {seed}: a call was paid twice");
        assert!(*net.billed.borrow() <= recording.spent_nano_usd(), "seed {seed}");
        std::fs::remove_file(&path).unwrap();
    }
    assert!(kills > seeds && outages > 0, "{kills} kills and {outages} outages");
}
