//! The engine: it is asked what has to happen next, and told what came of it. Synchronous,
//! single-threaded, no I/O.
//!
//! Guarantees: the order of everything follows from simulated time alone, ties in the order of
//! their cause. Workers take users in turn, those who come back first; a request that outlives its timeout is cut there.
//!
//! Does not know: who answers prompts, who uses tools, whose luck that is, or what is measured.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::agents::visit::{Need, StepRun, Visit};
use crate::agents::{
    App, Assignments, Brief, CallTimes, Exchange, ToolTried, ToolTry, Tools, given_up,
};
use crate::context::{UserKey, user_key};
use crate::journal::{AgentId, Entry, Event, Reader};
use crate::knowledge::{Complexity, Question, TopicId};
use crate::llm::model::{
    CallFailure, CallWords, Called, Completion, Given, Prompt, Said, ToolUsed,
};
use crate::random::{Luck, Purpose};
use crate::sim::queue::Queue;
use crate::time::{Duration, Timestamp};
use crate::traffic::{MAX_TURNS, TrafficMode, TrafficPlan, TrafficSpec};

/// Who assigns variations to users.
pub trait Assign {
    /// What each agent's config serves this user of this audience group.
    fn assign(&mut self, key: &UserKey, group: u16) -> Assignments;

    /// The same for visit number `nth`, from 0, of user number `user`, from 1: in a paired design,
    /// the visits of a question go through all variations.
    fn assign_visit(&mut self, key: &UserKey, group: u16, _: (u32, u32)) -> Assignments {
        self.assign(key, group)
    }

    /// Receives each entry of the journal as it is written.
    fn on_entry(&mut self, _entry: &Entry) {}

    /// An event that it caused by itself and that nobody has taken yet.
    fn take_event(&mut self) -> Option<Event> {
        None
    }
}

/// What a run needs and never changes.
#[derive(Clone, Copy, Debug)]
pub struct EngineWorld<'a> {
    /// The app.
    pub app: App<'a>,
    /// Who comes with what.
    pub plan: &'a TrafficPlan<'a>,
    /// How requests are sent.
    pub traffic: &'a TrafficSpec,
    /// Where luck comes from.
    pub luck: Luck,
}

/// A branch of the visit in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    slot: u32,
    branch: u32,
    /// Which visit of the slot: what was due for a branch of an earlier one is not due any more.
    visit: u32,
}

/// What has to happen next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A model has to answer the prompt of this seat.
    Ask(Seat),
    /// This seat's tool has to be used, where that is done outside of the engine.
    Use(Seat, Arc<CallWords>),
    /// Nothing before this moment.
    Wait(Timestamp),
    /// Everything is over.
    Done,
}

/// What a branch waits for.
#[derive(Debug)]
enum Pending {
    /// Its next user.
    User,
    /// A reply that has been given and arrives at the due time.
    Reply(Result<Completion, CallFailure>),
    /// A tool's output that arrives at the due time.
    Tool { output: Given, latency: Duration, refusals: u16 },
    /// A step without a model, which ends at the due time.
    Step(StepRun),
    /// The next try of a remote tool.
    Try { call: Called, since: Timestamp, refusals: u16 },
    /// The client's patience ends.
    TimeOut,
    /// An answer from outside.
    Nothing,
}

/// A user's next visit.
#[derive(Debug)]
struct Coming {
    user: u32,
    /// Which of the user's visits, from 0.
    nth: u32,
    /// Earlier visits that are told.
    history: Box<[Exchange]>,
    /// What is asked, where it is known before the visit.
    asks: Option<Question>,
    /// In a conversation, what a follow-up is about, and when agents were called in the turn before.
    about: Option<(TopicId, Complexity)>,
    called: CallTimes,
}

impl Coming {
    /// A user's first visit.
    fn new(user: u32) -> Self {
        let (history, called) = (Box::default(), CallTimes::new());
        Self { user, nth: 0, history, asks: None, about: None, called }
    }
}

/// How often each question is asked in a paired design: a question takes a user's place, and each
/// time that it is asked is a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PairedVisits {
    /// How often, over all variations.
    pub visits: u32,
    /// How many of the answers before the app remembers.
    pub remembers: u32,
    /// Time from an answer to the next visit.
    pub gap: Duration,
}

#[derive(Debug)]
struct Slot {
    visit: Visit,
    /// Visits that were here before.
    earlier: u32,
    /// For each branch.
    pending: SmallVec<[Pending; 1]>,
}

impl Slot {
    fn take(&mut self, branch: usize) -> Pending {
        let pending = self.pending.get_mut(branch);
        pending.map_or(Pending::Nothing, |pending| std::mem::replace(pending, Pending::Nothing))
    }

    fn put(&mut self, branch: usize, pending: Pending) {
        if let Some(place) = self.pending.get_mut(branch) {
            *place = pending;
            return;
        }
        while self.pending.len() < branch {
            self.pending.push(Pending::Nothing);
        }
        self.pending.push(pending);
    }
}

/// The app with each form of its graph.
#[derive(Debug)]
struct Apps<'a>(App<'a>, Vec<App<'a>>);

impl<'a> Apps<'a> {
    /// The app of a visit.
    fn of(&self, visit: &Visit) -> &App<'a> {
        match visit.form {
            0 => &self.0,
            form => self.1.get(usize::from(form)).unwrap_or(&self.0),
        }
    }
}

/// The slots by number.
#[derive(Debug)]
struct Slots(Vec<Slot>);

#[expect(
    clippy::indexing_slicing,
    reason = "the engine numbers its slots, and whoever answers for one gives back the seat of its step"
)]
impl Slots {
    fn of(&self, seat: Seat) -> &Slot {
        &self.0[seat.slot as usize]
    }

    fn of_mut(&mut self, seat: Seat) -> &mut Slot {
        &mut self.0[seat.slot as usize]
    }
}

/// The engine.
#[derive(Debug)]
pub struct Engine<'a, A, T, R> {
    world: EngineWorld<'a>,
    /// The app, with each form of its graph.
    apps: Apps<'a>,
    assign: A,
    tools: T,
    reader: R,
    queue: Queue<Seat>,
    /// What comes of visits that are over.
    outcomes: Queue<(u32, Event)>,
    /// When the last visit ended.
    last_end: Timestamp,
    /// Users who come back.
    returns: Queue<Coming>,
    /// Workers who wait for a user to come back.
    idle: Vec<Seat>,
    slots: Slots,
    now: Timestamp,
    next_user: u32,
    last_user: u32,
    paired: Option<PairedVisits>,
}

impl<'a, A: Assign, T: Tools, R: Reader> Engine<'a, A, T, R> {
    /// An engine at the start of the traffic: users `first..=last`.
    pub fn new(
        world: EngineWorld<'a>,
        (assign, tools, reader): (A, T, R),
        first: u32,
        last: u32,
    ) -> Self {
        let workers = match world.traffic.mode {
            TrafficMode::Concurrent { workers } => workers.max(1),
            TrafficMode::Sequential { .. } => 1,
        };
        let mut queue = Queue::default();
        let slots = (0..workers)
            .map(|slot| {
                queue.push(Timestamp::START, Seat { slot, branch: 0, visit: 0 });
                let pending = SmallVec::from_iter([Pending::User]);
                Slot { visit: Visit::idle(), earlier: 0, pending }
            })
            .collect();
        let apps = Apps(world.app, world.app.forms());
        Self {
            world,
            apps,
            assign,
            tools,
            reader,
            queue,
            outcomes: Queue::default(),
            last_end: Timestamp::START,
            returns: Queue::default(),
            idle: Vec::new(),
            slots: Slots(slots),
            now: Timestamp::START,
            next_user: first,
            last_user: last,
            paired: None,
        }
    }

    /// The same engine for a paired design.
    #[must_use]
    pub fn pairing(self, paired: Option<PairedVisits>) -> Self {
        Self { paired, ..self }
    }

    /// The same engine, whose users come from `at` on.
    #[must_use]
    pub fn from(mut self, at: Timestamp) -> Self {
        self.now = at;
        self
    }

    /// What came of a seat's tool; it arrives after its latency. A tool that is not there gives up
    /// at once.
    pub fn used(&mut self, seat: Seat, call: &CallWords, used: Option<ToolUsed>) {
        let (output, latency, refusals) = match used {
            Some(ToolUsed { output, latency, refusals }) => {
                (Said::Words(Arc::new(output)), latency, refusals)
            }
            None => (given_up(call), Duration::ZERO, 0),
        };
        self.schedule(seat, self.now + latency, Pending::Tool { output, latency, refusals });
    }

    /// The number of a seat's tool call, which no other tool call of its visit has.
    #[must_use]
    pub fn tool_call(&self, seat: Seat) -> u32 {
        let visit = &self.slots.of(seat).visit;
        visit.tool_call(self.apps.of(visit), seat.branch as usize).1
    }

    /// What has to happen next.
    pub fn poll(&mut self) -> Step {
        loop {
            self.tell_outcomes();
            let next = self.queue.pop(self.now).or_else(|| self.waiting());
            let Some(seat) = next else { break };
            if self.slots.of(seat).earlier == seat.visit
                && let Some(step) = self.resume(seat)
            {
                return step;
            }
        }
        let back = if self.idle.is_empty() { None } else { self.returns.due() };
        let visit = self.queue.due().into_iter().chain(back).min();
        match (visit, self.outcomes.due()) {
            (Some(visit), Some(outcome)) => Step::Wait(visit.min(outcome)),
            (Some(at), None) => Step::Wait(at),
            // The last visit is over: the experiment ends, and what comes later is not counted.
            (None, Some(at)) => match self.world.app.ends_after {
                Some(wait) if self.last_end + wait < at => Step::Done,
                _ => Step::Wait(at),
            },
            (None, None) => Step::Done,
        }
    }

    /// Tells the outcomes that are due.
    fn tell_outcomes(&mut self) {
        while let Some((user, event)) = self.outcomes.pop(self.now) {
            let entry = Entry { at: self.now, user, event };
            self.assign.on_entry(&entry);
            self.reader.entry(&entry);
        }
    }

    /// A worker who waits for a user who has come back by now.
    fn waiting(&mut self) -> Option<Seat> {
        if self.returns.due()? > self.now { None } else { self.idle.pop() }
    }

    /// The next user's visit: of those who have come back by now the first, else a new user's.
    fn next_visit(&mut self) -> Option<Coming> {
        let back = self.returns.pop(self.now);
        back.or_else(|| {
            let new = (self.next_user <= self.last_user).then_some(self.next_user)?;
            self.next_user += 1;
            Some(Coming::new(new))
        })
    }

    /// Time has come to `to`.
    pub fn advance(&mut self, to: Timestamp) {
        self.now = self.now.max(to);
    }

    /// Users that have begun.
    #[must_use]
    pub fn begun(&self) -> u32 {
        self.next_user.saturating_sub(1)
    }

    /// The prompt of a seat that has to be answered.
    #[must_use]
    pub fn prompt(&self, seat: Seat) -> Prompt<'_> {
        let visit = &self.slots.of(seat).visit;
        visit.prompt(self.apps.of(visit), seat.branch as usize)
    }

    /// The model's answer to a seat's prompt; it arrives after its own latency.
    pub fn answer(&mut self, seat: Seat, result: Result<Completion, CallFailure>) {
        let latency = match &result {
            Ok(done) => done.latency,
            Err(failure) => failure.latency,
        };
        let visit = &self.slots.of(seat).visit;
        let cold = visit.cold(self.apps.of(visit), seat.branch as usize);
        self.schedule(seat, self.now + latency + cold, Pending::Reply(result));
    }

    /// Whoever assigned, and the reader, once everything is over.
    pub fn finish(self) -> (A, R) {
        (self.assign, self.reader)
    }

    /// The reader, while it runs.
    pub fn reader(&self) -> &R {
        &self.reader
    }

    fn schedule(&mut self, seat: Seat, at: Timestamp, pending: Pending) {
        let slot = self.slots.of_mut(seat);
        if slot.earlier != seat.visit {
            return;
        }
        let (at, pending) = match slot.visit.deadline(self.world.traffic.timeout) {
            Some(deadline) if deadline < at => (deadline, Pending::TimeOut),
            _ => (at, pending),
        };
        slot.put(seat.branch as usize, pending);
        self.queue.push(at, seat);
    }

    fn resume(&mut self, seat: Seat) -> Option<Step> {
        if let Some(Pending::User) = self.slots.of(seat).pending.get(seat.branch as usize) {
            let Some(visit) = self.next_visit() else {
                self.idle.push(seat);
                return None;
            };
            self.begin(seat, visit);
            return self.proceed(seat);
        }
        let (now, assign, reader) = (self.now, &mut self.assign, &mut self.reader);
        let (slot, branch) = (self.slots.of_mut(seat), seat.branch as usize);
        let pending = slot.take(branch);
        let visit = &mut slot.visit;
        let (app, user) = (self.apps.of(visit), visit.user);
        let tell = |event: Event| {
            let entry = Entry { at: now, user, event };
            assign.on_entry(&entry);
            reader.entry(&entry);
        };
        match pending {
            Pending::User => return None,
            Pending::Reply(result) => visit.replied(app, branch, now, result, tell),
            Pending::Tool { output, latency, refusals } => {
                visit.tool_answered(app, branch, output, latency, refusals, tell)
            }
            Pending::Try { call, since, refusals } => {
                return self.try_tool(seat, call, since, refusals);
            }
            Pending::Step(run) => visit.stepped(app, branch, now, run, tell),
            Pending::TimeOut => visit.time_out(now, tell),
            Pending::Nothing => return self.proceed(seat),
        }
        // Branches that this began run side by side with it, from now on.
        for branch in visit.begun() {
            self.queue.push(now, Seat { branch: branch.into(), ..seat });
        }
        self.proceed(seat)
    }

    /// A visit begins in a seat.
    fn begin(&mut self, seat: Seat, coming: Coming) {
        let Coming { user, nth, history, asks, about, called } = coming;
        let owner = user_key(user).owner();
        let visitor = self.world.plan.visitor(owner, if self.paired.is_some() { 0 } else { nth });
        let (topic, complexity) = about.unwrap_or((visitor.topic, visitor.complexity));
        let brief = Brief {
            topic,
            complexity,
            personal: visitor.personal,
            harmful: visitor.harmful,
            asks: asks.or(visitor.asks),
        };
        let luck = (owner, self.world.luck);
        let slot = self.slots.of_mut(seat);
        slot.take(seat.branch as usize);
        slot.visit.begin(&self.world.app, (user, nth), luck, visitor.group, (brief, history));
        slot.visit.follows(called);
    }

    /// Sees to what the seat's branch needs now.
    fn proceed(&mut self, seat: Seat) -> Option<Step> {
        let slot = self.slots.of_mut(seat);
        let visit = &mut slot.visit;
        match visit.need(seat.branch as usize) {
            Need::Model => Some(Step::Ask(seat)),
            Need::Sending => {
                let assigned = {
                    let visit_number = (visit.user, visit.nth);
                    self.assign.assign_visit(&user_key(visit.user), visit.group, visit_number)
                };
                let (now, user, owner) = (self.now, visit.user, visit.owner);
                let (assign, reader) = (&mut self.assign, &mut self.reader);
                while let Some(event) = assign.take_event() {
                    reader.entry(&Entry { at: now, user: 0, event });
                }
                // The app crashes on a user at every visit or at none.
                let owner = owner.visit(visit.nth);
                visit.form = self.world.app.form(&assigned);
                let app = self.apps.of(visit);
                let crash = |AgentId(agent): AgentId| {
                    let stage =
                        self.world.luck.of(owner).stage(Purpose::Crash, owner, agent.into());
                    { stage }.uniform()
                };
                visit.send(app, now, &assigned, crash, |event| {
                    let entry = Entry { at: now, user, event };
                    assign.on_entry(&entry);
                    reader.entry(&entry);
                });
                self.proceed(seat)
            }
            Need::Step => {
                if let Some(run) = visit.step(self.apps.of(visit), seat.branch as usize) {
                    self.schedule(seat, self.now + run.latency, Pending::Step(run));
                }
                None
            }
            Need::Tool(call) => self.try_tool(seat, call, self.now, 0),
            Need::Others => None,
            Need::Nothing => {
                let pause = match self.world.traffic.mode {
                    TrafficMode::Concurrent { .. } => Duration::ZERO,
                    TrafficMode::Sequential { delay } => delay,
                };
                let app = self.apps.of(visit);
                if !app.outcomes.is_empty() {
                    let (user, group) = (visit.user, visit.group);
                    visit.outcomes(app, |outcome, value| {
                        let wait = app.outcomes.get(usize::from(outcome)).map(|own| own.after);
                        let event = Event::Followed { outcome, group, value };
                        self.outcomes.push(self.now + wait.unwrap_or_default(), (user, event));
                    });
                    self.last_end = self.now;
                }
                if let Some(paired) = self.paired {
                    let (user, next) = (visit.user, visit.nth + 1);
                    if next < paired.visits {
                        let history = visit.remembered(paired.remembers);
                        let asks = visit.question();
                        let coming = Coming { nth: next, history, asks, ..Coming::new(user) };
                        self.returns.push(self.now + paired.gap, coming);
                    }
                } else if let Some(talk) = self.world.traffic.conversation {
                    if let Some(called) = visit.goes_on() {
                        let (user, nth) = (visit.user, visit.nth + 1);
                        let owner = user_key(user).owner();
                        let (pause, follows_up) = talk.next(self.world.luck, owner, nth);
                        let (history, about) = (visit.remembered(MAX_TURNS), visit.about());
                        let about = follows_up.then_some(about);
                        let coming = Coming { nth, history, about, called, ..Coming::new(user) };
                        self.returns.push(self.now + pause, coming);
                    }
                } else if let Some(returns) = self.world.traffic.returns {
                    let (user, next) = (visit.user, visit.nth + 1);
                    let owner = user_key(user).owner();
                    if next < self.world.plan.visits(owner) {
                        let due = self.now + self.world.plan.gap(owner, next);
                        let history = visit.remembered(returns.remembers);
                        self.returns.push(due, Coming { nth: next, history, ..Coming::new(user) });
                    }
                }
                slot.earlier = slot.earlier.wrapping_add(1);
                slot.pending.truncate(1);
                slot.put(0, Pending::User);
                let next = Seat { branch: 0, visit: slot.earlier, ..seat };
                self.queue.push(self.now + pause, next);
                None
            }
        }
    }

    /// Tries a tool; one that refuses is tried again later.
    fn try_tool(
        &mut self,
        seat: Seat,
        call: Called,
        since: Timestamp,
        refusals: u16,
    ) -> Option<Step> {
        let visit = &self.slots.of(seat).visit;
        let tried = ToolTry {
            call: call.clone(),
            owner: visit.owner,
            nth: visit.tool_call(self.apps.of(visit), seat.branch as usize).0,
            now: self.now,
            refusals,
        };
        match self.tools.use_tool(tried) {
            ToolTried::Outside(call) => return Some(Step::Use(seat, call)),
            ToolTried::Arrives(output, latency) => {
                let at = self.now + latency;
                self.schedule(
                    seat,
                    at,
                    Pending::Tool { output, latency: at.since(since), refusals },
                );
            }
            ToolTried::Refused(wait) => {
                let refusals = refusals + 1;
                self.schedule(seat, self.now + wait, Pending::Try { call, since, refusals });
            }
            ToolTried::GivenUp(output) => {
                let (latency, refusals) = (self.now.since(since), refusals + 1);
                self.schedule(seat, self.now, Pending::Tool { output, latency, refusals });
            }
        }
        None
    }
}
