//! One seed: a run that is killed, loses power, meets every fault, and is taken up again until it
//! is over.

use std::collections::BTreeSet;
use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use simlab::context::KEY_EPOCH;
use simlab::diagnostic::SourceText;
use simlab::live::environment::{self, LiveEnvironment};
use simlab::live::journal::{Journal, OpenError, Opened};
use simlab::live::reading::repair;
use simlab::live::recording::{Call, CallOutcome, RecordedLine, Recording, Run, SCHEMA};
use simlab::live::{
    self, Budget, EmbeddingCache, LiveOutcome, PaperSearch, Providers, Session, Stopped, gather,
};
use simlab::llm::wire::PROVIDERS;
use simlab::run::PreparedScenario;
use simlab::scenario::{Loaded, load, parse};

use super::disk::Platter;
use super::launchdarkly::Sdk;
use super::provider::{Memory, Network};
use super::world::{Faults, Planted, Tally, Worked, World};

/// Most users of a run.
pub const MAX_USERS: u32 = 5;
/// Different traffics: each is compared with its own undisturbed run.
const TRAFFICS: u64 = 4;
/// Processes after which nothing fails any more.
const PATIENCE: u64 = 40;
/// Longest that a process may take, in simulated time.
const LONGEST: Duration = Duration::from_secs(10 * 86_400);
/// A world without faults.
const CALM: Faults = Faults {
    net: 0,
    harsh: false,
    lies: false,
    greedy: false,
    honors: false,
    events: 0,
    disk: 0,
    full: 0,
    ghosts: false,
    kill: 0,
    power: 0,
    jumps: false,
    interrupts: false,
    outage: 0,
};

/// What all seeds share.
pub struct Ground<'a> {
    loaded: &'a [Loaded],
    stages: Vec<PreparedScenario<'a>>,
    papers: Rc<PaperSearch>,
    environment: LiveEnvironment,
    /// The undisturbed run of each traffic, and what providers billed for it.
    undisturbed: Vec<(Rc<Recording>, u64)>,
}

/// Scenarios that differ in how many visits go on at once. The knowledge base is small, so that
/// steps are cheap.
pub fn scenarios() -> Vec<Loaded> {
    let original = load("security").unwrap().source.text.to_string();
    let documents: Vec<(String, String)> = (1..=4)
        .map(|n| {
            (
                format!("{n}.md"),
                (1..=6)
                    .map(|m| {
                        format!("## Topic {n} {m}\n\nThe value of state {m} under policy {n}.\n\n")
                    })
                    .collect(),
            )
        })
        .collect();
    let scenario = |workers: u32| {
        let text = original
            .replace("knowledge/reinforcement-learning", "knowledge/small")
            .replace("Concurrent(workers: 10)", &format!("Concurrent(workers: {workers})"))
            .replace("timeout: \"2000s\"", "timeout: \"20h\"")
            .replace(
                "[\"search_v1\", \"search_v2\", \"reranking\"]",
                "[\"search_v1\", \"search_v2\"]",
            );
        parse("security", SourceText::new("security.ron", text), &|_| Ok(documents.clone()))
            .unwrap()
    };
    [1, 2, 8].map(scenario).into()
}

impl<'a> Ground<'a> {
    pub fn new(loaded: &'a [Loaded]) -> Self {
        let stages = in_own_time(|| async {
            let mut stages = Vec::new();
            for loaded in loaded {
                stages.push(PreparedScenario::new(&loaded.scenario, loaded.scenario.seed).unwrap());
            }
            stages
        });
        let papers = Rc::new(PaperSearch::new(|_| None).unwrap());
        let mut ground =
            Self { loaded, stages, papers, environment: environment(), undisturbed: Vec::new() };
        ground.undisturbed = (0..TRAFFICS).map(|traffic| ground.undisturbed(traffic)).collect();
        ground
    }

    fn run(&self, traffic: u64, users: u32) -> Run {
        Run {
            schema: SCHEMA.to_owned(),
            version: "test".to_owned(),
            scenario: self.loaded[0].source.text.to_string(),
            documents: Vec::new(),
            name: "security".to_owned(),
            seed: traffic,
            users,
            began_ms: 1,
            key_epoch: KEY_EPOCH,
        }
    }

    fn network(&self, world: &Arc<World>) -> Network {
        let scenario = &self.loaded[0].scenario;
        let titles = scenario
            .knowledge
            .topics()
            .map(|topic| scenario.knowledge.title(topic).to_owned())
            .collect();
        Network {
            world: Arc::clone(world),
            models: Arc::new(scenario.models.clone()),
            titles: Arc::new(titles),
            memory: Arc::<std::sync::Mutex<Memory>>::default(),
        }
    }

    /// What happens to this traffic when nothing fails, and what providers bill for it.
    fn undisturbed(&self, traffic: u64) -> (Rc<Recording>, u64) {
        let (world, recording) = in_own_time(|| async {
            let world = World::new(0, Some(CALM), None);
            let mut life = Life::new(self, &world, 0, traffic, MAX_USERS);
            let Ended::Over(over) = life.process(u64::MAX).await else {
                panic!("an undisturbed run ends early")
            };
            let (gathered, recording) = *over;
            assert_eq!(
                (&gathered.stopped, gathered.users.len(), recording.undelivered()),
                (&None, MAX_USERS as usize, 0)
            );
            (world, recording)
        });
        let billed = world.inner().billed;
        (Rc::new(recording), billed)
    }

    /// One seed from its start to its end.
    pub fn seed(&self, seed: u64, planted: Option<Planted>) -> Tally {
        let named = Named(seed);
        let tally = in_own_time(|| async {
            let world = World::new(seed, None, planted);
            let began = tokio::time::Instant::now();
            let (stage, traffic) =
                (world.below(self.stages.len() as u64) as usize, world.below(TRAFFICS));
            let users = 1 + world.below(u64::from(MAX_USERS)) as u32;
            Life::new(self, &world, stage, traffic, users).live().await;
            let mut tally = world.inner().tally;
            tally.simulated = began.elapsed();
            tally
        });
        drop(named);
        tally
    }
}

/// Keys and addresses of a stand-in on this machine.
fn environment() -> LiveEnvironment {
    let variable = |name: &str| {
        Some(
            if name.contains("_URL") { "http://127.0.0.1:1" } else { "a-key-that-is-none" }
                .to_owned(),
        )
    };
    environment::read(PROVIDERS, variable).unwrap()
}

/// Names the seed when something panics that does not know it.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}; again: SIMLAB_SEED={0} cargo test --test simulation", self.0);
        }
    }
}

/// Runs a future on a clock of its own, which jumps to whatever is waited for.
fn in_own_time<T, F: Future<Output = T>>(future: impl FnOnce() -> F) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async { future().await })
}

/// The calls that a journal has the answer to, by user and digest of the request.
fn answers(recording: &Recording) -> impl Iterator<Item = (u32, &str)> {
    let answered =
        recording.calls.iter().filter(|(_, outcome)| matches!(outcome, CallOutcome::Answered(_)));
    answered.map(|(call, outcome)| (call.user, outcome.request()))
}

/// How a process ended.
enum Ended {
    /// It was killed.
    Killed,
    /// It could not begin, or write its first line.
    Failed,
    /// By itself.
    Over(Box<(LiveOutcome, Recording)>),
}

/// One run and its journal.
struct Life<'g, 'a> {
    ground: &'g Ground<'a>,
    world: Arc<World>,
    stage: &'g PreparedScenario<'a>,
    traffic: u64,
    run: Run,
    platter: Platter,
    network: Network,
}

impl<'g, 'a> Life<'g, 'a> {
    fn new(
        ground: &'g Ground<'a>,
        world: &Arc<World>,
        stage: usize,
        traffic: u64,
        users: u32,
    ) -> Self {
        let run = ground.run(traffic, users);
        let (platter, network) = (Platter::new(world), ground.network(world));
        Self {
            ground,
            world: Arc::clone(world),
            stage: &ground.stages[stage],
            traffic,
            run,
            platter,
            network,
        }
    }

    /// Opens the journal and holds it to what was promised before.
    fn open(&self) -> Result<Opened, Ended> {
        let (world, promised, bytes) = (&self.world, self.platter.promised(), self.platter.read());
        let opened = match Journal::open(Box::new(self.platter.clone()), &bytes, |_, _| Ok(())) {
            Ok(opened) => opened,
            Err(OpenError::Unreadable(unreadable)) => {
                world.hold(unreadable.whole_after > 0, || {
                    format!("the journal cannot be read: {unreadable}")
                });
                let whole: usize = bytes
                    .split_inclusive(|&byte| byte == b'\n')
                    .take(unreadable.whole_before)
                    .map(<[u8]>::len)
                    .sum();
                world.hold(whole >= promised, || {
                    format!("a line is damaged that was synced: {unreadable}")
                });
                // Whoever reads the message repairs it.
                let repaired = repair(&bytes)
                    .ok()
                    .flatten()
                    .unwrap_or_else(|| world.fail("a damaged journal cannot be repaired"));
                self.platter.replace(repaired.text);
                let mut inner = world.inner();
                inner.tally.damaged += 1;
                inner.repaired = true;
                return Err(Ended::Failed);
            }
            Err(OpenError::Io(_)) => {
                return Err(if world.inner().dead { Ended::Killed } else { Ended::Failed });
            }
            Err(error) => world.fail(&error.to_string()),
        };
        world.hold(opened.whole_bytes >= promised, || {
            format!(
                "{promised} bytes were synced, and after a restart {} are whole",
                opened.whole_bytes
            )
        });
        world.inner().tally.torn += u64::from(opened.cut_bytes > 0);
        self.known(&opened.recording);
        world.inner().answered =
            answers(&opened.recording).map(|(user, request)| (user, request.to_owned())).collect();
        Ok(opened)
    }

    /// What holds of a recording at every moment.
    fn known(&self, recording: &Recording) {
        let inner = self.world.inner();
        let answered: BTreeSet<(u32, &str)> = answers(recording).collect();
        // What a request was answered with is known once the journal has it; until then it counts
        // at its most.
        let least = |worked: &Worked| {
            let known =
                worked.came_back && answered.contains(&(worked.call.0, worked.call.1.as_str()));
            if known && worked.honest { worked.billed } else { worked.worst }
        };
        let (least, spent) =
            (inner.worked.iter().map(least).sum::<u64>(), recording.spent_nano_usd());
        let key = |user: u32| format!("user_{KEY_EPOCH}_{user}");
        let taken: BTreeSet<&str> =
            inner.taken.values().filter_map(|events| events.first()?["user"].as_str()).collect();
        let untaken =
            recording.sent.iter().find(|user| !taken.contains(key(**user).as_str())).copied();
        drop(inner);
        self.world.hold(least <= spent, || {
            format!("providers may have billed {least}, and the journal counts {spent}")
        });
        self.world.hold(untaken.is_none(), || {
            format!(
                "the journal has the events of user {untaken:?} as taken, LaunchDarkly does not"
            )
        });
    }

    /// One process: it goes on with the journal, and is killed when the world has done so many
    /// steps.
    async fn process(&mut self, most: u64) -> Ended {
        let world = &self.world;
        let Opened { mut journal, mut recording, .. } = match self.open() {
            Ok(opened) => opened,
            Err(ended) => return ended,
        };
        if world.planted == Some(Planted::AnswerIsForgotten) {
            recording.calls.pop_last();
        }
        let known = if world.planted == Some(Planted::SpentIsForgotten) {
            0
        } else {
            recording.spent_nano_usd()
        };
        let budget = Budget::new(most, known);
        let line = if recording.run.is_none() {
            RecordedLine::Run(self.run.clone())
        } else {
            RecordedLine::Resumed
        };
        if journal.write(&line).is_err() {
            return if world.inner().dead { Ended::Killed } else { Ended::Failed };
        }
        recording.take(line).unwrap_or_else(|reason| world.fail(&reason));
        let live = live::LiveServices {
            providers: Providers::over(Rc::new(self.network.clone()), &self.ground.environment, 4)
                .unwrap(),
            papers: Rc::clone(&self.ground.papers),
            tools: live::OwnTools::default(),
            shelf: EmbeddingCache::new(None, ""),
            embedding: tokio::sync::Mutex::default(),
            flags: Sdk::new(&self.stage.compiled, world),
            budget,
        };
        let session =
            Session::new(self.stage, self.run.clone(), Some(live), recording, Some(journal));
        let interrupt = async {
            if world.faults.interrupts && world.strikes(3) {
                tokio::time::sleep(Duration::from_millis(world.below(20_000))).await;
                world.inner().tally.interrupts += 1;
            } else {
                std::future::pending::<()>().await;
            }
        };
        let gathered = {
            let mut run = pin!(gather(&session, interrupt, |_, _| ()));
            // Nothing of a process that was killed goes on, whatever it was about to do.
            let alive = poll_fn(|context| match run.as_mut().poll(context) {
                _ if world.inner().dead => Poll::Ready(None),
                Poll::Ready(gathered) => Poll::Ready(Some(gathered)),
                Poll::Pending => Poll::Pending,
            });
            tokio::time::timeout(LONGEST, alive)
                .await
                .unwrap_or_else(|_| world.fail("the run hangs"))
        };
        let Some(gathered) = gathered else { return Ended::Killed };
        let recording = session.recording.borrow().clone();
        let (spent, counted) = (session.spent(), recording.spent_nano_usd());
        // A request that did not leave, since the disk failed after it was announced, is counted by
        // the journal alone.
        let same =
            spent == counted || (spent < counted && world.faults.disk + world.faults.full > 0);
        world.hold(same, || format!("the budget says {spent} nano-dollars, the journal {counted}"));
        self.known(&recording);
        Ended::Over(Box::new((gathered, recording)))
    }

    /// Processes until the run is over.
    async fn live(&mut self) {
        let (baseline, cost) = self.ground.undisturbed[self.traffic as usize].clone();
        let world = Arc::clone(&self.world);
        // Some runs have a budget that is too small. A call's maximum is some hundred times its
        // cost.
        let mut most =
            if world.below(3) > 0 { cost * 100_000 } else { cost * (1 + world.below(800)) / 4 };
        let mut processes = 0;
        let recording = loop {
            processes += 1;
            world.hold(processes < PATIENCE + 6, || {
                "the run does not end, though nothing fails any more".to_owned()
            });
            {
                let mut inner = world.inner();
                inner.tally.processes += 1;
                inner.healed = processes > PATIENCE;
                inner.dead = false;
                inner.most = most;
                inner.die_at = u64::MAX;
            }
            if world.faults.kill > 0 && world.below(8) > 0 {
                let lives = 1 + world.below(world.faults.kill + processes);
                let mut inner = world.inner();
                inner.die_at = inner.tally.steps + lives;
            }
            match self.process(most).await {
                Ended::Killed => world.inner().tally.kills += 1,
                Ended::Failed => {}
                Ended::Over(over) => {
                    let (gathered, recording) = *over;
                    self.reported(&gathered, &recording);
                    match gathered.stopped {
                        None if recording.undelivered() == 0 => break recording,
                        // A repair may have dropped answers of visits that are over: their events
                        // need more money.
                        Some(Stopped::Budget(_))
                            if recording.undelivered() == 0 || world.inner().repaired =>
                        {
                            world.inner().tally.budgets += 1;
                            // Some others go on with more money.
                            if recording.undelivered() == 0 && world.below(2) == 0 {
                                break recording;
                            }
                            most += cost * 100;
                        }
                        Some(Stopped::NotRecorded(what)) => world.fail(&what),
                        Some(Stopped::Failed(what)) if !what.contains("cannot be reached") => {
                            world.fail(&what)
                        }
                        _ => {}
                    }
                }
            }
            if world.strikes(world.faults.power) {
                self.platter.lose_power();
                world.inner().tally.power_losses += 1;
            }
            tokio::time::sleep(Duration::from_secs(1 + world.below(600))).await;
        };
        self.finally(&recording, &baseline);
    }

    /// What a process that ended by itself says of the events.
    fn reported(&self, gathered: &LiveOutcome, recording: &Recording) {
        let missing = recording.undelivered();
        let named = gathered.undelivered.is_some() || gathered.stopped.is_some();
        self.world.hold(missing == 0 || named, || {
            format!("the events of {missing} users are missing, and nobody is told")
        });
        if gathered.stopped.is_none() {
            let (users, all) = (gathered.users.len(), self.run.users);
            self.world.hold(users == all as usize, || {
                format!("{users} of {all} visits are over, and the run says it is done")
            });
        }
    }

    /// What holds at the end.
    fn finally(&self, recording: &Recording, baseline: &Recording) {
        let world = &self.world;
        self.known(recording);
        let inner = world.inner();
        let (taken, said, repaired) = (inner.taken.clone(), inner.said.clone(), inner.repaired);
        drop(inner);
        // Every user whose visit is over is at LaunchDarkly, once, with all of the events.
        let mut users: Vec<&str> =
            taken.values().map(|events| events[0]["user"].as_str().unwrap()).collect();
        users.sort_unstable();
        let mut over: Vec<String> =
            recording.over.iter().map(|user| format!("user_{KEY_EPOCH}_{user}")).collect();
        over.sort_unstable();
        world.hold(users == over, || {
            format!("LaunchDarkly has the events of {users:?}, and over are {over:?}")
        });
        for events in taken.values() {
            let kinds: Vec<&str> =
                events.iter().map(|event| event["kind"].as_str().unwrap()).collect();
            world.hold(kinds == ["feature", "feature", "feature", "custom"], || {
                format!("a user's events are {kinds:?}")
            });
            let own = events.iter().all(|event: &Value| event["user"] == events[0]["user"]);
            world.hold(own, || "events of two users are in one payload".to_owned());
        }
        // What users were answered is what they are answered when nothing happens.
        for (call, outcome) in &recording.calls {
            let CallOutcome::Answered(answered) = outcome else {
                world.hold(world.faults.harsh, || format!("a call is given up: {outcome:?}"));
                continue;
            };
            let text = said.get(&answered.request).map_or("null", String::as_str);
            let said: Value = serde_json::from_str(text).unwrap();
            // The words of a refusal are not kept.
            let own = said["text"] == answered.text.as_str() || answered.stop == "refusal";
            world.hold(own, || {
                format!("{call:?} has an answer that no provider gave to it ({text}): {answered:?}")
            });
            if world.faults.harsh {
                continue;
            }
            match baseline.calls.get(call) {
                Some(CallOutcome::Answered(known)) => {
                    let same = (&known.request, &known.text, &known.tools, &known.stop)
                        == (&answered.request, &answered.text, &answered.tools, &answered.stop);
                    world.hold(same, || format!("an undisturbed run has another answer to {call:?}: {known:?}, {answered:?}"));
                }
                known => {
                    world.fail(&format!("an undisturbed run has no answer to {call:?}: {known:?}"))
                }
            }
        }
        // A repair may have dropped answers of visits that are over, and the budget may end before
        // they are asked for again.
        if !world.faults.harsh && !repaired {
            for user in &recording.over {
                let of = |recording: &Recording| -> Vec<Call> {
                    recording.calls.keys().filter(|call| call.user == *user).copied().collect()
                };
                let (own, known) = (of(recording), of(baseline));
                world.hold(own == known, || {
                    format!(
                        "user {user} has other calls than in an undisturbed run: {own:?}, {known:?}"
                    )
                });
                world.hold(recording.assigned.get(user) == baseline.assigned.get(user), || {
                    format!("user {user} is in another arm")
                });
            }
        }
    }
}
