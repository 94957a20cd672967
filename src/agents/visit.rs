//! The way of one question through the graph of agents: written, handed from agent to agent,
//! answered with tools, judged.
//!
//! Guarantees: sans-I/O. A visit says what each of its branches needs next and is told what came of
//! it; every failure takes the graph's way for it and is an entry of the journal. Mock and live runs
//! go through these very lines.
//!
//! Does not know: queues, clocks, sockets, or whether anybody compares variations.

mod branch;
mod outcomes;
mod prompt;
mod step;
mod turn;

use std::sync::Arc;

use smallvec::SmallVec;

use crate::agents::app::{App, Assignment, Brief, CallTimes, Exchange};
pub use crate::agents::need::Need;
use crate::agents::need::Phase;
use crate::agents::outcome::VisitQuality;
use crate::journal::{AgentId, Caller, Event, FailureKind, Label, Served, VisitEnd};
use crate::judge::{Sees, shown};
use crate::knowledge::{
    Complexity, Grade, PersonalData, PiiKind, PiiSet, Prescreen, Question, Redaction, TopicId,
    detect_personal_data,
};
use crate::llm::model::{
    Body, CallFailure, Completion, Given, MessageRole, ModelReply, Passages, PromptMessage, Said,
};
use crate::llm::setup::Setup;
use crate::quantity::Money;
use crate::random::{Luck, Owner, Seed};
use crate::time::{Duration, Timestamp};
use branch::Branch;
pub use step::StepRun;

/// Parallel branches at work.
#[derive(Debug)]
struct Fork {
    /// Where they come together.
    joins_at: AgentId,
    /// How many there are, and how many are still at work.
    of: u8,
    left: u8,
    /// How many ended well and found nothing to hand on.
    silent: u8,
    /// Why the last that failed did.
    failed: Option<FailureKind>,
}

/// One visit.
#[derive(Debug)]
pub struct Visit {
    /// The user, counted from 1.
    pub user: u32,
    /// Whose luck it is: that of this visit of the user.
    pub owner: Owner,
    /// Which of the user's visits, from 0.
    pub nth: u32,
    /// Where that luck comes from.
    luck: Luck,
    /// The user's audience group.
    pub group: u16,
    /// Which form of the graph the user was served, once the request is sent: 0 is the usual one.
    pub form: u8,
    /// The user's earlier visits that are told, the oldest first.
    history: Box<[Exchange]>,
    brief: Brief,
    phase: Phase,
    /// What each agent's config served; `None` where it is disabled.
    served: SmallVec<[Option<Served>; 4]>,
    /// How often the visit came to each agent.
    entered: SmallVec<[u8; 4]>,
    branches: SmallVec<[Branch; 1]>,
    question: Option<Body>,
    question_tokens: u32,
    personal: PiiSet,
    /// The question as it stands, once something was redacted in it.
    text: Option<Body>,
    redacted: PiiSet,
    /// What a screening agent found; `None` where none has looked.
    findings: Option<Said<PiiSet>>,
    /// What a routing agent decided; `None` where a fallback did.
    routing: Option<Said<Prescreen>>,
    /// Whether it was told already what personal data reached an agent that answers.
    disclosed: bool,
    /// Whether a guard has ended the visit.
    stopped: bool,
    /// Whether the conversation ends with this visit.
    last: bool,
    /// When the models of agents that answer were called last, in the turn before and in this one.
    called_before: CallTimes,
    called: CallTimes,
    /// Whether the app crashed on the user, who is counted all the same.
    crashed: bool,
    /// When the request was sent.
    started: Timestamp,
    /// What was found out or answered last, and by whom.
    results: SmallVec<[(AgentId, Body); 1]>,
    /// Subtasks of the last plan, and their words if a real model wrote them.
    subtasks: u8,
    instructions: Vec<Arc<str>>,
    /// The parallel branches that are at work.
    fork: Option<Fork>,
    /// Branches that began and have not been seen to yet.
    begun: SmallVec<[u8; 2]>,
    /// The routing agents whose last choice was wrong: a bit for each.
    wrong_routes: u64,
    /// How often the visit took the edges that are bounded: the agent, its edge, the times.
    passed: SmallVec<[(AgentId, u8, u8); 2]>,
    /// Passages that agents found for others.
    found: Passages,
    /// Share of the last branches' results that are missing.
    missing: f64,
    /// The critic whose word the answer has to meet.
    revising: Option<AgentId>,
    answer: Option<Body>,
    /// Who gave it.
    answered_by: AgentId,
    /// Tokens of what a judge is shown of the answer.
    answer_shown: u32,
    spent: Money,
    /// How often the answer has been judged.
    judgings: u16,
    /// How good the visit was, once it is over.
    quality: Option<VisitQuality>,
}

impl Visit {
    /// A slot for visits; nothing happens in it before [`Visit::begin`].
    #[must_use]
    pub fn idle() -> Self {
        Self {
            user: 0,
            owner: Owner::NOBODY,
            luck: Luck::from(Seed(0)),
            nth: 0,
            group: 0,
            form: 0,
            history: Box::default(),
            brief: Brief {
                topic: crate::knowledge::TopicId(0),
                complexity: crate::knowledge::Complexity::Basic,
                personal: false,
                harmful: false,
                asks: None,
            },
            phase: Phase::Over,
            served: SmallVec::new(),
            entered: SmallVec::new(),
            branches: SmallVec::from_iter([Branch::idle(Vec::new())]),
            question: None,
            question_tokens: 0,
            personal: PiiSet::NONE,
            text: None,
            redacted: PiiSet::NONE,
            findings: None,
            routing: None,
            disclosed: false,
            stopped: false,
            last: true,
            called_before: CallTimes::new(),
            called: CallTimes::new(),
            crashed: false,
            started: Timestamp::START,
            results: SmallVec::new(),
            subtasks: 0,
            instructions: Vec::new(),
            fork: None,
            begun: SmallVec::new(),
            wrong_routes: 0,
            passed: SmallVec::new(),
            found: Passages::default(),
            missing: 0.0,
            revising: None,
            answer: None,
            answered_by: AgentId(0),
            answer_shown: 0,
            spent: Money::ZERO,
            judgings: 0,
            quality: None,
        }
    }

    /// Visit number `nth`, from 0, of a user: its question has to be written first, where it does not
    /// come from a list.
    pub fn begin(
        &mut self,
        app: &App<'_>,
        (user, nth): (u32, u32),
        (owner, luck): (Owner, Luck),
        group: u16,
        (brief, history): (Brief, Box<[Exchange]>),
    ) {
        // What was allocated for the visit before is used again.
        self.branches.truncate(1);
        self.branches.iter_mut().for_each(Branch::clear);
        self.served.clear();
        self.entered.clear();
        self.passed.clear();
        self.found = Passages::default();
        self.results.clear();
        self.instructions.clear();
        self.begun.clear();
        self.called_before.clear();
        self.called.clear();
        self.last = true;
        (self.user, self.owner, self.luck) = (user, owner.visit(nth), luck);
        (self.nth, self.history) = (nth, history);
        (self.group, self.brief) = (group, brief);
        self.form = 0;
        self.phase = Phase::Writing;
        (self.question, self.question_tokens, self.personal) = (None, 0, PiiSet::NONE);
        (self.text, self.redacted) = (None, PiiSet::NONE);
        (self.findings, self.routing) = (None, None);
        (self.disclosed, self.stopped, self.crashed) = (false, false, false);
        self.started = Timestamp::START;
        (self.subtasks, self.fork) = (0, None);
        (self.wrong_routes, self.missing, self.revising) = (0, 0.0, None);
        (self.answer, self.answered_by, self.answer_shown) = (None, AgentId(0), 0);
        (self.spent, self.judgings, self.quality) = (Money::ZERO, 0, None);
        if let Some(question) = brief.asks {
            self.asked(app, Said::Recipe(question));
        }
    }

    /// The last `most` of the user's visits that are to be told in the next, this one included if it
    /// was answered. Words of a real model are not told.
    #[must_use]
    pub fn remembered(&self, most: u32) -> Box<[Exchange]> {
        if most == 0 {
            return Box::default();
        }
        let own = match (&self.question, &self.answer, self.phase) {
            (
                Some(Body::Question(Said::Recipe(question))),
                Some(Body::Answer(Said::Recipe(answer))),
                Phase::Over,
            ) => Some(Exchange { question: *question, redacted: self.redacted, answer: *answer }),
            _ => None,
        };
        let all = self.history.len() + usize::from(own.is_some());
        let told = self.history.iter().copied().chain(own);
        told.skip(all.saturating_sub(most as usize)).collect()
    }

    /// Takes when agents were called in the turn before.
    pub fn follows(&mut self, called: CallTimes) {
        self.called_before = called;
    }

    /// When agents were called, where the conversation goes on.
    pub fn goes_on(&mut self) -> Option<CallTimes> {
        (!self.last).then(|| std::mem::take(&mut self.called))
    }

    /// What the visit is about: topic and depth.
    #[must_use]
    pub fn about(&self) -> (TopicId, Complexity) {
        (self.brief.topic, self.brief.complexity)
    }

    /// What was asked, unless it is in a real model's words.
    #[must_use]
    pub fn question(&self) -> Option<Question> {
        match &self.question {
            Some(Body::Question(Said::Recipe(question))) => Some(*question),
            _ => None,
        }
    }

    /// Strong answers less weak ones among the visits that are told.
    fn remembered_quality(&self) -> i16 {
        let of = |told: &Exchange| match told.answer.grade {
            Grade::Strong => 1,
            Grade::Fair => 0,
            Grade::Weak => -1,
        };
        self.history.iter().map(of).sum()
    }

    fn branch(&self, at: usize) -> Option<&Branch> {
        self.branches.get(at)
    }

    /// Branches that began and have to be seen to, beside the one that something just came of.
    pub fn begun(&mut self) -> SmallVec<[u8; 2]> {
        std::mem::take(&mut self.begun)
    }

    /// What a branch needs next.
    #[must_use]
    pub fn need(&self, at: usize) -> Need {
        match (self.phase, self.branch(at)) {
            (Phase::Over, _) => Need::Nothing,
            (Phase::Written, _) => Need::Sending,
            (Phase::Writing | Phase::Judging, _) => Need::Model,
            (Phase::Working, Some(Branch { works: true, is_step: true, .. })) => Need::Step,
            (Phase::Working, Some(Branch { works: true, called, .. })) => {
                called.clone().map_or(Need::Model, Need::Tool)
            }
            (Phase::Working, _) => Need::Others,
        }
    }

    /// Whether the request has been sent and is not answered yet: then a deadline applies.
    #[must_use]
    pub fn deadline(&self, timeout: Duration) -> Option<Timestamp> {
        (self.phase == Phase::Working).then(|| self.started + timeout)
    }

    /// How much longer than the model takes the current answer is awaited, because the app's caches
    /// are cold.
    #[must_use]
    pub fn cold(&self, app: &App<'_>, at: usize) -> Duration {
        let working = self.branch(at).filter(|_| self.phase == Phase::Working);
        // When a user comes back, the caches are warm.
        let first = working.filter(|branch| branch.calls == 0 && self.nth == 0);
        let cold = first.and_then(|branch| app.setup(branch.acting).cold_start);
        cold.filter(|cold| self.user <= cold.users).map_or(Duration::ZERO, |cold| cold.delay)
    }

    /// The number of the next tool call of a branch, which no other tool call of the visit has: the
    /// agent's number in the upper 16 bits.
    #[must_use]
    pub fn tool_call(&self, app: &App<'_>, at: usize) -> (u64, u32) {
        let Some(branch) = self.branch(at) else { return (0, 0) };
        let nth = self.number(at, branch, branch.rounds);
        let tutorial = app.graph.node(branch.agent).place == 0;
        let agent = if tutorial { 0 } else { u32::from(branch.agent.0) };
        (app.graph.node(branch.agent).place | u64::from(nth), agent << 16 | u32::from(nth))
    }

    /// A number for the call or tool call `count` of a branch: how often the visit came to the agent
    /// before, in the upper four bits; the branch in the next four.
    fn number(&self, at: usize, branch: &Branch, count: u16) -> u16 {
        let before =
            self.entered.get(branch.agent.index()).map_or(0, |times| times.saturating_sub(1));
        u16::from(before & 15) << 12 | (at as u16 & 15) << 8 | count & 255
    }

    /// The model of a branch has answered, or failed, at `now`. Appends what happened.
    pub fn replied(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        result: Result<Completion, CallFailure>,
        mut tell: impl FnMut(Event),
    ) {
        let served = self.branch(at).filter(|_| self.phase == Phase::Working);
        let served = served.map(|branch| branch.acting);
        let Some(branch) = self.branch(at) else { return };
        let caller = caller(self.phase, branch);
        let model = setup(app, caller, branch.acting).model;
        let (usage, latency) = match &result {
            Ok(done) => (Some(done.usage()), done.latency),
            Err(failure) => (failure.usage, failure.latency),
        };
        if let Some(usage) = usage {
            let (input_tokens, output_tokens) = (usage.input, usage.output);
            let cost = app.model(model).cost(usage);
            if app.conversation.is_some()
                && let Some(branch) = self.branches.get(at).filter(|_| served.is_some())
            {
                self.called.retain(|(agent, _)| *agent != branch.agent);
                self.called.push((branch.agent, now));
            }
            if let Some(branch) = self.branches.get_mut(at).filter(|_| served.is_some()) {
                branch.charge((input_tokens, output_tokens), cost);
                self.spent += cost.unwrap_or(Money::ZERO);
            }
            tell(Event::Completed {
                caller,
                served,
                model,
                input_tokens,
                output_tokens,
                cached_tokens: usage.cached.read,
                reasoning_tokens: usage.reasoning,
                latency,
                cost,
            });
        }
        if let Err(CallFailure { kind, latency, .. }) = result {
            tell(Event::CallFailed { caller, served, model, kind, latency });
        }
        match self.phase {
            Phase::Writing => self.written(app, result.ok().map(|done| done.reply)),
            Phase::Working => self.turn(app, at, now, result, &mut tell),
            Phase::Judging => {
                let (label, failed) = match result {
                    Ok(Completion { reply: ModelReply::Label(label), .. }) => (label, false),
                    _ => (Label::None, true),
                };
                tell(Event::Judged { agent: self.answered_by, label, failed });
                self.judged(label);
                self.judgings += 1;
                if self.judgings >= app.judgings {
                    self.phase = Phase::Over;
                }
            }
            Phase::Written | Phase::Over => {}
        }
    }

    /// The question is there (or its fallback): it waits for [`Visit::send`].
    fn written(&mut self, app: &App<'_>, reply: Option<ModelReply>) {
        let fallback = || {
            // The tutorial's fallback: a name and an e-mail address.
            let items = PiiSet::NONE.with(PiiKind::Name).with(PiiKind::Email);
            let personal = if self.brief.personal { PersonalData::new(items, 0) } else { None };
            let Brief { topic, complexity, .. } = self.brief;
            Said::Recipe(Question { topic, complexity, template: 0, personal, listed: None })
        };
        let question = match reply {
            Some(ModelReply::Question(question)) => question,
            _ => fallback(),
        };
        self.asked(app, question);
    }

    fn asked(&mut self, app: &App<'_>, question: Said<Question>) {
        self.personal = match &question {
            Said::Recipe(question) => question.items(),
            Said::Words(text) => detect_personal_data(text),
        };
        let question = Body::Question(question);
        self.question_tokens = app.usage.body(&question);
        self.question = Some(question);
        self.phase = Phase::Written;
    }

    /// The request goes out: the configs have been evaluated.
    ///
    /// With `luck` for each config's variation the app may crash on it: then nobody but the user
    /// learns of the visit.
    pub fn send(
        &mut self,
        app: &App<'_>,
        now: Timestamp,
        assigned: &[Assignment],
        luck: impl Fn(AgentId) -> f64,
        mut tell: impl FnMut(Event),
    ) {
        self.started = now;
        self.served.extend(assigned.iter().map(|assignment| assignment.served));
        self.entered.resize(app.graph.nodes.len(), 0);
        let personal = !self.personal.is_empty();
        tell(Event::Arrived { group: self.group, personal, visit: self.nth });
        let mut lost = false;
        for (agent, served) in app.graph.agents().zip(&self.served) {
            let crash = served.and_then(|served| app.setup(served).crash);
            let crash = crash.filter(|crash| {
                crash.only.is_none_or(|only| only == self.brief.complexity)
                    && luck(agent) < crash.chance.get()
            });
            self.crashed |= crash.is_some();
            lost |= crash.is_some_and(|crash| crash.lost);
        }
        if lost {
            self.over(app, now, Some(FailureKind::Crashed), &mut tell);
            self.quality = None;
            return;
        }
        for &Assignment { served, in_experiment } in assigned {
            if let Some(served) = served {
                tell(Event::Evaluated { served, in_experiment });
            }
        }
        let missing =
            |agent: AgentId| app.graph.node(agent).required && self.served_to(agent).is_none();
        if app.graph.agents().any(missing) {
            return self.over(app, now, Some(FailureKind::Disabled), &mut tell);
        }
        self.phase = Phase::Working;
        self.enter(app, 0, app.graph.root, crate::agents::graph::Handover::Text, now, &mut tell);
    }

    fn served_to(&self, agent: AgentId) -> Option<Served> {
        self.served.get(agent.index()).copied().flatten()
    }

    /// The request is answered, or failed; an answer is judged.
    fn over(
        &mut self,
        app: &App<'_>,
        now: Timestamp,
        failed: Option<FailureKind>,
        tell: &mut impl FnMut(Event),
    ) {
        let failed = failed.or(self.crashed.then_some(FailureKind::Crashed));
        if self.brief.harmful && !self.stopped && failed.is_none() {
            tell(Event::HarmAnswered);
        }
        let outcome = failed.map_or(VisitEnd::Answered, VisitEnd::Failed);
        tell(Event::Finished { outcome, latency: now.since(self.started) });
        self.last = failed.is_some() || self.stopped || self.ends(app);
        // Whoever is stopped rightly does not rate it, and nothing comes of it for the business. Nor
        // does a user who goes on, where a conversation is rated as a whole.
        let rightly = failed.is_none() && self.stopped && self.brief.harmful;
        let later = !self.last && app.conversation.is_some_and(|talk| talk.rated_once);
        let unrated = rightly || later;
        self.quality = match failed {
            Some(_) => Some(VisitQuality::Failed),
            None if unrated => None,
            None => self.grade().map(VisitQuality::from),
        };
        self.phase = if failed.is_some() || unrated { Phase::Over } else { Phase::Judging };
        if unrated {
            tell(Event::Judged { agent: self.answered_by, label: Label::None, failed: false });
        }
        // Nobody got it.
        self.answer = self.answer.take().filter(|_| failed.is_none());
    }

    /// Whether the user asks nothing more after the answer.
    fn ends(&self, app: &App<'_>) -> bool {
        let Some(talk) = app.conversation else { return true };
        let [strong, fair, weak] = talk.stops;
        let satisfied = match self.grade() {
            Some(Grade::Strong) => strong,
            Some(Grade::Fair) | None => fair,
            Some(Grade::Weak) => weak,
        };
        let user = self.owner.visit(self.nth);
        talk.ends(self.luck, (user, self.nth), satisfied)
    }

    /// What of the user's personal data is left for an agent that answers to read; a company or a
    /// job title identifies nobody.
    fn disclose(&mut self, unredacted: bool, tell: &mut impl FnMut(Event)) {
        if !std::mem::replace(&mut self.disclosed, true) {
            let redacted = if unredacted { PiiSet::NONE } else { self.redacted };
            let direct = self.personal.without(redacted) & Redaction::Basic.covers();
            if !direct.is_empty() {
                tell(Event::Disclosed { items: direct.len() as u8 });
            }
        }
    }

    /// A tool has answered.
    pub fn tool_answered(
        &mut self,
        app: &App<'_>,
        at: usize,
        output: Given,
        latency: Duration,
        refusals: u16,
        mut tell: impl FnMut(Event),
    ) {
        let (tokens, characters) = output.size();
        let Some(branch) = self.branches.get_mut(at) else { return };
        tell(Event::ToolUsed {
            agent: branch.agent,
            tool: output.tool(),
            tokens,
            latency,
            refusals,
            failed: output.failed(),
        });
        branch.called = None;
        branch.idle = latency;
        branch.rounds += 1;
        branch.passages = branch.passages.and(app.library.passages(&output));
        let room = shown::room(branch.tool_characters, app.judge);
        if app.judge.sees == Sees::ToolOutputFirst && room > 0 {
            branch.tools_shown += app.library.leading_tokens(&output, room);
        }
        branch.tool_characters = branch.tool_characters.saturating_add(characters + 1);
        branch.push(PromptMessage {
            role: MessageRole::Tool,
            body: Body::ToolOutput(output),
            tokens,
        });
    }

    /// The client has given up at `now`.
    pub fn time_out(&mut self, now: Timestamp, mut tell: impl FnMut(Event)) {
        if self.phase == Phase::Working {
            for branch in self.branches.iter().filter(|branch| branch.works) {
                tell(if branch.is_step {
                    branch.step_finished(now, None)
                } else {
                    branch.finished(now, Some(FailureKind::Timeout))
                });
            }
            let latency = now.since(self.started);
            tell(Event::Finished { outcome: VisitEnd::Failed(FailureKind::Timeout), latency });
            self.quality = Some(VisitQuality::Failed);
            self.answer = None;
        }
        self.phase = Phase::Over;
    }
}

/// Who asks in a branch.
fn caller(phase: Phase, branch: &Branch) -> Caller {
    match phase {
        Phase::Writing | Phase::Written | Phase::Over => Caller::Writer,
        Phase::Judging => Caller::Judge,
        Phase::Working => Caller::Agent(branch.agent),
    }
}

/// What the model of whoever asks is told; `acting` is the variation of an agent's config.
fn setup<'a>(app: &App<'a>, caller: Caller, acting: Served) -> &'a Setup {
    match caller {
        Caller::Agent(_) => &app.setup(acting).setup,
        Caller::Judge => app.judge_setup,
        Caller::Topics | Caller::Writer => app.writer_setup,
    }
}
