//! The engine: it is asked what has to happen next, and told what came of it. Synchronous,
//! single-threaded, no I/O.
//!
//! Guarantees: the order of everything follows from simulated time alone, ties in the order of
//! their cause. Workers take users in turn; a request that outlives its timeout is cut there.
//!
//! Does not know: who answers prompts, who uses tools, whose luck that is, or what is measured.

use std::sync::Arc;

use crate::agents::visit::{Need, Visit};
use crate::agents::{Agent, App, Assignment, Brief, ToolTried, ToolTry, Tools, given_up};
use crate::context::{UserKey, user_key};
use crate::journal::{Entry, Event, Reader};
use crate::llm::model::{
    CallFailure, CallWords, Called, Completion, Given, Prompt, Said, ToolUsed,
};
use crate::random::{Luck, Purpose};
use crate::sim::queue::Queue;
use crate::time::{Duration, Timestamp};
use crate::traffic::{Mode, Plan, TrafficSpec};

/// Who assigns variations to users.
pub trait Assign {
    /// What supervisor, security and support agent are served for this user of this audience group.
    fn assign(&mut self, key: &UserKey, group: u16) -> [Assignment; 3];

    /// Hears what happens, as it happens.
    fn hear(&mut self, _entry: &Entry) {}

    /// The next thing that it changed by itself and that has not been told yet.
    fn news(&mut self) -> Option<Event> {
        None
    }
}

/// What a run needs and never changes.
#[derive(Clone, Copy, Debug)]
pub struct World<'a> {
    /// The app.
    pub app: App<'a>,
    /// Who comes with what.
    pub plan: &'a Plan,
    /// How requests are sent.
    pub traffic: &'a TrafficSpec,
    /// Where luck comes from.
    pub luck: Luck,
}

/// What has to happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A model has to answer the prompt of this slot.
    Ask(usize),
    /// This slot's tool has to be used, where that is done outside of the engine.
    Use(usize, Arc<CallWords>),
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Everything is over.
    Done,
}

/// What a slot waits for.
#[derive(Debug)]
enum Pending {
    /// Its next user.
    User,
    /// A reply that has been given and arrives at the due time.
    Reply(Result<Completion, CallFailure>),
    /// A tool's output that arrives at the due time.
    Tool { output: Given, latency: Duration, refusals: u16 },
    /// The next try of a remote tool.
    Try { call: Called, since: Timestamp, refusals: u16 },
    /// The client's patience ends.
    TimeOut,
    /// An answer from outside.
    Nothing,
}

#[derive(Debug)]
struct Slot {
    visit: Visit,
    pending: Pending,
}

/// The slots by number.
#[derive(Debug)]
struct Slots(Vec<Slot>);

#[expect(
    clippy::indexing_slicing,
    reason = "the engine numbers its slots, and whoever answers for one gives back the number of its step"
)]
impl Slots {
    fn at(&self, slot: usize) -> &Slot {
        &self.0[slot]
    }

    fn at_mut(&mut self, slot: usize) -> &mut Slot {
        &mut self.0[slot]
    }
}

/// The engine.
#[derive(Debug)]
pub struct Engine<'a, A, T, R> {
    world: World<'a>,
    assign: A,
    tools: T,
    reader: R,
    queue: Queue<usize>,
    slots: Slots,
    now: Timestamp,
    next_user: u32,
    last_user: u32,
}

impl<'a, A: Assign, T: Tools, R: Reader> Engine<'a, A, T, R> {
    /// An engine at the start of the traffic: users `first..=last`.
    pub fn new(
        world: World<'a>,
        (assign, tools, reader): (A, T, R),
        first: u32,
        last: u32,
    ) -> Self {
        let workers = match world.traffic.mode {
            Mode::Concurrent { workers } => workers.max(1),
            Mode::Sequential { .. } => 1,
        };
        let mut queue = Queue::default();
        let slots = (0..workers as usize)
            .map(|slot| {
                queue.push(Timestamp::START, slot);
                Slot { visit: Visit::idle(), pending: Pending::User }
            })
            .collect();
        Self {
            world,
            assign,
            tools,
            reader,
            queue,
            slots: Slots(slots),
            now: Timestamp::START,
            next_user: first,
            last_user: last,
        }
    }

    /// The same engine, whose users come from `at` on.
    #[must_use]
    pub fn from(mut self, at: Timestamp) -> Self {
        self.now = at;
        self
    }

    /// What came of a slot's tool; it arrives after its latency. A tool that is not there gives up
    /// at once.
    pub fn used(&mut self, slot: usize, call: &CallWords, used: Option<ToolUsed>) {
        let (output, latency, refusals) = match used {
            Some(ToolUsed { output, latency, refusals }) => {
                (Said::Words(Arc::new(output)), latency, refusals)
            }
            None => (given_up(call), Duration::ZERO, 0),
        };
        self.schedule(slot, self.now + latency, Pending::Tool { output, latency, refusals });
    }

    /// Tool calls that a slot's user has made.
    #[must_use]
    pub fn tool_calls(&self, slot: usize) -> u16 {
        self.slots.at(slot).visit.tool_calls()
    }

    /// What has to happen next.
    pub fn poll(&mut self) -> Step {
        while let Some(slot) = self.queue.pop(self.now) {
            if let Some(step) = self.resume(slot) {
                return step;
            }
        }
        match self.queue.due() {
            Some(at) => Step::Wait(at),
            None => Step::Done,
        }
    }

    /// Time has come to `to`.
    pub fn advance(&mut self, to: Timestamp) {
        self.now = self.now.max(to);
    }

    /// The moment that the engine has come to.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Users that have begun.
    #[must_use]
    pub fn begun(&self) -> u32 {
        self.next_user.saturating_sub(1)
    }

    /// The prompt of a slot that has to be answered.
    #[must_use]
    pub fn prompt(&self, slot: usize) -> Prompt<'_> {
        self.slots.at(slot).visit.prompt(&self.world.app)
    }

    /// The model's answer to a slot's prompt; it arrives after its own latency.
    pub fn answer(&mut self, slot: usize, result: Result<Completion, CallFailure>) {
        let latency = match &result {
            Ok(done) => done.latency,
            Err(failure) => failure.latency,
        };
        let cold = self.slots.at(slot).visit.cold(&self.world.app);
        self.schedule(slot, self.now + latency + cold, Pending::Reply(result));
    }

    /// Whoever assigned, and the reader, once everything is over.
    pub fn finish(self) -> (A, R) {
        (self.assign, self.reader)
    }

    /// The reader, while it runs.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    fn schedule(&mut self, slot: usize, at: Timestamp, pending: Pending) {
        let deadline = self.slots.at(slot).visit.deadline(self.world.traffic.timeout);
        let (at, pending) = match deadline {
            Some(deadline) if deadline < at => (deadline, Pending::TimeOut),
            _ => (at, pending),
        };
        self.slots.at_mut(slot).pending = pending;
        self.queue.push(at, slot);
    }

    fn resume(&mut self, slot: usize) -> Option<Step> {
        let (now, assign, reader) = (self.now, &mut self.assign, &mut self.reader);
        let Slot { visit, pending } = self.slots.at_mut(slot);
        let pending = std::mem::replace(pending, Pending::Nothing);
        let user = visit.user;
        let tell = |event: Event| {
            let entry = Entry { at: now, user, event };
            assign.hear(&entry);
            reader.entry(&entry);
        };
        match pending {
            Pending::User => {
                if self.next_user > self.last_user {
                    return None;
                }
                let user = self.next_user;
                self.next_user += 1;
                let owner = user_key(user).owner();
                let visitor = self.world.plan.visitor(owner);
                let brief = Brief {
                    topic: visitor.topic,
                    complexity: visitor.complexity,
                    personal: visitor.personal,
                };
                visit.begin(user, owner, visitor.group, brief);
            }
            Pending::Reply(result) => visit.replied(&self.world.app, now, result, tell),
            Pending::Tool { output, latency, refusals } => {
                visit.tool_answered(&self.world.app, output, latency, refusals, tell)
            }
            Pending::Try { call, since, refusals } => {
                return self.try_tool(slot, call, since, refusals);
            }
            Pending::TimeOut => visit.time_out(now, tell),
            Pending::Nothing => return None,
        }
        self.proceed(slot)
    }

    /// Sees to what the slot's visit needs now.
    fn proceed(&mut self, slot: usize) -> Option<Step> {
        let visit = &mut self.slots.at_mut(slot).visit;
        match visit.need() {
            Need::Model => Some(Step::Ask(slot)),
            Need::Sending => {
                let assigned = self.assign.assign(&user_key(visit.user), visit.group);
                let (now, user, owner) = (self.now, visit.user, visit.owner);
                let (assign, reader) = (&mut self.assign, &mut self.reader);
                while let Some(event) = assign.news() {
                    reader.entry(&Entry { at: now, user: 0, event });
                }
                let crash = |agent: Agent| {
                    self.world.luck.of(owner).stage(Purpose::Crash, owner, agent as u64).uniform()
                };
                visit.send(&self.world.app, now, assigned, crash, |event| {
                    let entry = Entry { at: now, user, event };
                    assign.hear(&entry);
                    reader.entry(&entry);
                });
                self.proceed(slot)
            }
            Need::Tool(call) => self.try_tool(slot, call, self.now, 0),
            Need::Nothing => {
                let pause = match self.world.traffic.mode {
                    Mode::Concurrent { .. } => Duration::ZERO,
                    Mode::Sequential { delay } => delay,
                };
                self.slots.at_mut(slot).pending = Pending::User;
                self.queue.push(self.now + pause, slot);
                None
            }
        }
    }

    /// Tries a tool; one that refuses is tried again later.
    fn try_tool(
        &mut self,
        slot: usize,
        call: Called,
        since: Timestamp,
        refusals: u16,
    ) -> Option<Step> {
        let visit = &self.slots.at(slot).visit;
        let tried = ToolTry {
            call: call.clone(),
            owner: visit.owner,
            nth: visit.tool_calls(),
            now: self.now,
            refusals,
        };
        match self.tools.use_tool(tried) {
            ToolTried::Outside(call) => return Some(Step::Use(slot, call)),
            ToolTried::Arrives(output, latency) => {
                let at = self.now + latency;
                self.schedule(
                    slot,
                    at,
                    Pending::Tool { output, latency: at.since(since), refusals },
                );
            }
            ToolTried::Refused(wait) => {
                self.schedule(
                    slot,
                    self.now + wait,
                    Pending::Try { call, since, refusals: refusals + 1 },
                );
            }
            ToolTried::GivenUp(output) => {
                let latency = self.now.since(since);
                self.schedule(
                    slot,
                    self.now,
                    Pending::Tool { output, latency, refusals: refusals + 1 },
                );
            }
        }
        None
    }
}
