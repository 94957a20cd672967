//! The workflow of one question: written, routed, perhaps redacted, answered with tools, judged.
//!
//! Promises: sans-I/O. A visit says what it needs next and is told what came of it; every failure
//! takes the tutorial's fallback and is an entry of the journal. Mock and live runs go through
//! these very lines.
//!
//! Does not know: queues, clocks, sockets, or whether anybody compares variations.

mod prompt;

use std::sync::Arc;

use crate::agents::app::{App, Assignment, Brief};
pub use crate::agents::need::Need;
use crate::agents::need::Phase;
use crate::agents::spec::{Agent, AtBudget};
use crate::journal::{Event, FailureKind, Label, Outcome, Served};
use crate::judge::{Sees, shown};
use crate::knowledge::tokens::{count, cut};
use crate::knowledge::{
    Complexity, PersonalData, PiiKind, PiiSet, Prescreen, Question, Redaction, Route, TopicId,
    detect_personal_data,
};
use crate::llm::model::{
    Body, CallFailure, Called, Completion, Given, Message, Passages, Reply, Role, Routing, Said,
    TOKENS_PER_MESSAGE,
};
use crate::quantity::Money;
use crate::random::Owner;
use crate::time::{Duration, Timestamp};

/// One visit.
#[derive(Debug)]
pub struct Visit {
    /// The user, counted from 1.
    pub user: u32,
    /// Whose luck it is.
    pub owner: Owner,
    /// The user's audience group.
    pub group: u16,
    brief: Brief,
    phase: Phase,
    /// The tool call that is out.
    called: Option<Called>,
    /// What each agent's config served, in the order of [`Agent::ALL`].
    served: [Served; 3],
    enabled: [bool; 3],
    /// The variation that acts for each agent: what was served, or its fallback.
    acting: [Served; 3],
    question: Option<Body>,
    question_tokens: u32,
    personal: PiiSet,
    redacted: PiiSet,
    /// Whether the app crashed on the user, who is counted all the same.
    crashed: bool,
    /// What the supervisor decided; `None` where a fallback did.
    routing: Option<Said<Prescreen>>,
    /// When the request was sent.
    started: Timestamp,
    thread: Vec<Message>,
    thread_tokens: u32,
    /// Calls that the current agent has made.
    nth: u16,
    rounds: u16,
    passages: Passages,
    tool_characters: u32,
    /// Tokens of what a judge is shown: of tool output, and of the answer.
    tools_shown: u32,
    answer_shown: u32,
    answer: Option<Body>,
    agent_started: Timestamp,
    agent_input: u32,
    agent_output: u32,
    agent_cost: Option<Money>,
    spent: Money,
}

impl Visit {
    /// A slot for visits; nothing happens in it before [`Visit::begin`].
    #[must_use]
    pub fn idle() -> Self {
        let nothing = Served { config: 0, variation: 0 };
        Self {
            user: 0,
            owner: Owner::NOBODY,
            group: 0,
            brief: Brief { topic: TopicId(0), complexity: Complexity::Basic, personal: false },
            phase: Phase::Over,
            served: [nothing; 3],
            enabled: [true; 3],
            acting: [nothing; 3],
            question: None,
            question_tokens: 0,
            personal: PiiSet::NONE,
            redacted: PiiSet::NONE,
            crashed: false,
            routing: None,
            called: None,
            started: Timestamp::START,
            thread: Vec::new(),
            thread_tokens: 0,
            nth: 0,
            rounds: 0,
            passages: Passages::default(),
            tool_characters: 0,
            tools_shown: 0,
            answer_shown: 0,
            answer: None,
            agent_started: Timestamp::START,
            agent_input: 0,
            agent_output: 0,
            agent_cost: None,
            spent: Money::ZERO,
        }
    }

    /// A new user's visit: its question has to be written first.
    pub fn begin(&mut self, user: u32, owner: Owner, group: u16, brief: Brief) {
        let mut thread = std::mem::take(&mut self.thread);
        thread.clear();
        *self = Self { user, owner, group, brief, phase: Phase::Writing, thread, ..Self::idle() };
    }

    /// What it needs next.
    #[must_use]
    pub fn need(&self) -> Need {
        match self.phase {
            Phase::Over => Need::Nothing,
            Phase::Written => Need::Sending,
            Phase::Tool => self.called.clone().map_or(Need::Nothing, Need::Tool),
            _ => Need::Model,
        }
    }

    /// Whether the request has been sent and is not answered yet: then a deadline applies.
    #[must_use]
    pub fn deadline(&self, timeout: Duration) -> Option<Timestamp> {
        self.phase.agent().map(|_| self.started + timeout)
    }

    /// How much longer than the model takes the current answer is awaited, because the app's caches
    /// are cold.
    #[must_use]
    pub fn cold(&self, app: &App<'_>) -> Duration {
        let cold = self.phase.agent().and_then(|agent| app.setup(agent.of(self.acting)).cold_start);
        cold.filter(|cold| self.nth == 0 && self.user <= cold.users)
            .map_or(Duration::ZERO, |cold| cold.delay)
    }

    /// Tool calls that it has made.
    #[must_use]
    pub fn tool_calls(&self) -> u16 {
        self.rounds
    }

    /// The question as it was asked.
    #[must_use]
    pub fn question(&self) -> Option<&Body> {
        self.question.as_ref()
    }

    /// The final answer, once there is one.
    #[must_use]
    pub fn answer(&self) -> Option<&Body> {
        self.answer.as_ref()
    }

    /// The model has answered, or failed, at `now`. Appends what happened.
    pub fn replied(
        &mut self,
        app: &App<'_>,
        now: Timestamp,
        result: Result<Completion, CallFailure>,
        mut tell: impl FnMut(Event),
    ) {
        let (caller, served, model) = {
            let prompt = self.prompt(app);
            (
                prompt.caller,
                self.phase.agent().map(|agent| agent.of(self.acting)),
                prompt.setup.model,
            )
        };
        let usage = match &result {
            Ok(done) => Some((done.input_tokens, done.output_tokens)),
            Err(failure) => failure.usage,
        };
        if let Some((input_tokens, output_tokens)) = usage {
            let cost = app.model(model).cost(input_tokens, output_tokens);
            let latency = match &result {
                Ok(done) => done.latency,
                Err(failure) => failure.latency,
            };
            // A provider can state any number.
            self.agent_input = self.agent_input.saturating_add(input_tokens);
            self.agent_output = self.agent_output.saturating_add(output_tokens);
            if let Some(cost) = cost {
                self.agent_cost = Some(self.agent_cost.unwrap_or(Money::ZERO) + cost);
                if served.is_some() {
                    self.spent += cost;
                }
            }
            tell(Event::Completed {
                caller,
                served,
                model,
                input_tokens,
                output_tokens,
                latency,
                cost,
            });
        }
        if let Err(failure) = &result {
            tell(Event::CallFailed {
                caller,
                served,
                model,
                kind: failure.kind,
                latency: failure.latency,
            });
        }
        match (self.phase, result) {
            (Phase::Writing, result) => self.written(app, result.ok().map(|done| done.reply)),
            (Phase::Supervisor, result) => self.routed(app, now, result, &mut tell),
            (Phase::Security, result) => self.screened(app, now, result, &mut tell),
            (Phase::Support, Ok(done)) => self.supported(app, now, done, &mut tell),
            (Phase::Support, Err(failure)) => {
                self.support_failed(app, now, failure.kind, &mut tell)
            }
            (Phase::Judge, result) => {
                let (label, failed) = match result {
                    Ok(Completion { reply: Reply::Label(label), .. }) => (label, false),
                    _ => (Label::None, true),
                };
                tell(Event::Judged { label, failed });
                self.phase = Phase::Over;
            }
            (Phase::Tool | Phase::Written | Phase::Over, _) => {}
        }
    }

    /// The question is there (or its fallback): it waits for [`Visit::send`].
    fn written(&mut self, app: &App<'_>, reply: Option<Reply>) {
        let fallback = || {
            // The tutorial's fallback: a name and an e-mail address.
            let items = PiiSet::NONE.with(PiiKind::Name).with(PiiKind::Email);
            let personal = if self.brief.personal { PersonalData::new(items, 0) } else { None };
            let Brief { topic, complexity, .. } = self.brief;
            Said::Recipe(Question { topic, complexity, template: 0, personal })
        };
        let question = match reply {
            Some(Reply::Question(question)) => question,
            _ => fallback(),
        };
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
        assigned: [Assignment; 3],
        luck: impl Fn(Agent) -> f64,
        mut tell: impl FnMut(Event),
    ) {
        self.started = now;
        self.enabled = assigned.map(|a| a.served.is_some());
        self.served = assigned.map(|a| a.served.unwrap_or(Served { config: 0, variation: 0 }));
        self.acting = self.served;
        tell(Event::Arrived { group: self.group, personal: !self.personal.is_empty() });
        let crashes = |agent: Agent| {
            let crash = agent.of(assigned).served.and_then(|served| app.setup(served).crash);
            crash.is_some_and(|crash| {
                crash.only.is_none_or(|only| only == self.brief.complexity)
                    && luck(agent) < crash.chance.get()
            })
        };
        let crashed = Agent::ALL.into_iter().filter(|&agent| crashes(agent));
        let lost = |agent: Agent| {
            agent
                .of(assigned)
                .served
                .and_then(|served| app.setup(served).crash)
                .is_some_and(|crash| crash.lost)
        };
        let (crashed, lost) =
            crashed.fold((false, false), |(_, any), agent| (true, any || lost(agent)));
        self.crashed = crashed;
        if lost {
            tell(Event::Finished {
                outcome: Outcome::Failed(FailureKind::Crashed),
                latency: Duration::ZERO,
            });
            self.phase = Phase::Over;
            return;
        }
        for Assignment { served, in_experiment } in assigned {
            if let Some(served) = served {
                tell(Event::Evaluated { served, in_experiment });
            }
        }
        if Agent::Supervisor.of(self.enabled) && Agent::Support.of(self.enabled) {
            self.enter(Phase::Supervisor, now);
        } else {
            tell(Event::Finished {
                outcome: Outcome::Failed(FailureKind::Disabled),
                latency: Duration::ZERO,
            });
            self.phase = Phase::Over;
        }
    }

    fn enter(&mut self, phase: Phase, now: Timestamp) {
        self.phase = phase;
        self.nth = 0;
        self.agent_started = now;
        self.agent_input = 0;
        self.agent_output = 0;
        self.agent_cost = None;
    }

    fn finish_agent(
        &mut self,
        agent: Agent,
        now: Timestamp,
        failed: Option<FailureKind>,
        tell: &mut impl FnMut(Event),
    ) {
        // A failed run tracks neither tokens nor cost, as the original does; what was really spent
        // stands in its calls.
        let (input_tokens, output_tokens, cost) = if failed.is_some() {
            (0, 0, None)
        } else {
            (self.agent_input, self.agent_output, self.agent_cost)
        };
        let served = agent.of(self.served);
        let duration = now.since(self.agent_started);
        tell(Event::AgentFinished {
            served,
            caller: agent.caller(),
            input_tokens,
            output_tokens,
            duration,
            cost,
            failed,
        });
    }

    fn routed(
        &mut self,
        app: &App<'_>,
        now: Timestamp,
        result: Result<Completion, CallFailure>,
        tell: &mut impl FnMut(Event),
    ) {
        let (to_security, failed) = match result {
            Ok(Completion { reply: Reply::Routing(Routing { route, note }), .. }) => {
                self.routing = Some(note);
                (route == Route::Security, None)
            }
            Ok(_) => (true, Some(FailureKind::Malformed)),
            Err(failure) => (true, Some(failure.kind)),
        };
        // The tutorial tracks no error here: tokens and success go out even when the reply could
        // not be parsed.
        let tracked = failed.filter(|_| self.agent_input == 0);
        self.finish_agent(Agent::Supervisor, now, tracked, tell);
        tell(Event::Routed { to_security, fallback: failed.is_some() });
        // A disabled security config passes the text through, as in the original.
        if to_security && Agent::Security.of(self.enabled) {
            self.enter(Phase::Security, now);
        } else {
            self.disclose(self.personal, tell);
            self.ask(app, self.question.clone());
            self.enter(Phase::Support, now);
        }
    }

    fn screened(
        &mut self,
        app: &App<'_>,
        now: Timestamp,
        result: Result<Completion, CallFailure>,
        tell: &mut impl FnMut(Event),
    ) {
        let (screened, failed) = match result {
            Ok(Completion { reply: Reply::Screening(screened), .. }) => (Some(screened), None),
            Ok(_) => (None, Some(FailureKind::Malformed)),
            Err(failure) => (None, Some(failure.kind)),
        };
        let (text, found, findings) = match (&self.question, screened) {
            (Some(Body::Question(Said::Recipe(question))), Some(Said::Recipe(redacted))) => (
                Some(Body::Redacted(Said::Recipe((*question, redacted)))),
                redacted,
                Said::Recipe(redacted),
            ),
            (_, Some(Said::Words(screened))) => {
                let found = self.personal.without(detect_personal_data(&screened.text));
                (
                    Some(Body::Redacted(Said::Words(Arc::clone(&screened.text)))),
                    found,
                    Said::Words(Arc::clone(&screened.findings)),
                )
            }
            // Fails open: the raw text goes on, as in the original.
            _ => (self.question.clone(), PiiSet::NONE, Said::Recipe(PiiSet::NONE)),
        };
        self.finish_agent(Agent::Security, now, failed, tell);
        self.redacted = found;
        let leaked = self.personal.len() - found.len();
        tell(Event::Screened {
            redacted: found.len() as u8,
            leaked: leaked as u8,
            fail_open: failed.is_some(),
        });
        self.disclose(self.personal.without(found), tell);
        self.ask(app, text.clone());
        if let Some(note) = self.routing.clone() {
            self.push(app, Role::Assistant, Body::RoutingNote(note));
        }
        self.push(app, Role::Assistant, Body::FindingsNote(findings));
        self.ask(app, text);
        self.enter(Phase::Support, now);
    }

    /// What of the user's personal data is left for the support agent to read; a company or a job
    /// title identifies nobody.
    fn disclose(&self, left: PiiSet, tell: &mut impl FnMut(Event)) {
        let direct = left & Redaction::Basic.covers();
        if !direct.is_empty() {
            tell(Event::Disclosed { items: direct.len() as u8 });
        }
    }

    fn supported(
        &mut self,
        app: &App<'_>,
        now: Timestamp,
        done: Completion,
        tell: &mut impl FnMut(Event),
    ) {
        self.nth += 1;
        match done.reply {
            Reply::ToolCall(call) => {
                self.thread.push(Message {
                    role: Role::Assistant,
                    body: Body::ToolCall(call.clone()),
                    tokens: done.output_tokens,
                });
                self.grow(done.output_tokens);
                let agent = app.setup(self.acting[2]);
                let spent = agent.session_budget.is_some_and(|most| self.spent >= most);
                if spent && agent.at_budget == AtBudget::Deny {
                    self.support_failed(app, now, FailureKind::OverBudget, tell);
                } else {
                    if let (true, AtBudget::Degrade, Some(variation)) =
                        (spent, agent.at_budget, agent.fallback)
                    {
                        self.acting[2].variation = variation as u8;
                    }
                    (self.phase, self.called) = (Phase::Tool, Some(call));
                }
            }
            Reply::Answer(answer) => {
                let room = shown::room(self.tool_characters, app.judge);
                self.answer_shown = match &answer {
                    Said::Recipe(answer) => answer.leading(app.usage.base(), room).tokens,
                    Said::Words(text) => count(cut(text, room)),
                };
                self.answered(now, Body::Answer(answer), tell);
            }
            _ => self.support_failed(app, now, FailureKind::Malformed, tell),
        }
    }

    fn answered(&mut self, now: Timestamp, answer: Body, tell: &mut impl FnMut(Event)) {
        self.answer = Some(answer);
        self.finish_agent(Agent::Support, now, None, tell);
        let outcome =
            if self.crashed { Outcome::Failed(FailureKind::Crashed) } else { Outcome::Answered };
        tell(Event::Finished { outcome, latency: now.since(self.started) });
        self.phase = if self.crashed { Phase::Over } else { Phase::Judge };
        self.nth = 0;
    }

    fn support_failed(
        &mut self,
        app: &App<'_>,
        now: Timestamp,
        kind: FailureKind,
        tell: &mut impl FnMut(Event),
    ) {
        let fallback =
            app.setup(self.acting[2]).fallback.filter(|_| self.acting[2] == self.served[2]);
        if let Some(variation) = fallback {
            self.acting[2].variation = variation as u8;
            self.nth += 1;
            self.phase = Phase::Support;
            return;
        }
        self.finish_agent(Agent::Support, now, Some(kind), tell);
        tell(Event::Finished { outcome: Outcome::Failed(kind), latency: now.since(self.started) });
        self.phase = Phase::Over;
    }

    /// A tool has answered.
    pub fn tool_answered(
        &mut self,
        app: &App<'_>,
        output: Given,
        latency: Duration,
        refusals: u16,
        mut tell: impl FnMut(Event),
    ) {
        let (tokens, characters) = output.size();
        tell(Event::ToolUsed {
            tool: output.tool(),
            tokens,
            latency,
            refusals,
            failed: output.failed(),
        });
        self.called = None;
        self.rounds += 1;
        self.passages = self.passages.and(app.library.passages(&output));
        let room = shown::room(self.tool_characters, app.judge);
        if app.judge.sees == Sees::ToolOutputFirst && room > 0 {
            self.tools_shown += app.library.leading_tokens(&output, room);
        }
        self.tool_characters = self.tool_characters.saturating_add(characters + 1);
        self.thread.push(Message { role: Role::Tool, body: Body::ToolOutput(output), tokens });
        self.grow(tokens);
        self.phase = Phase::Support;
    }

    /// The client has given up at `now`.
    pub fn time_out(&mut self, now: Timestamp, mut tell: impl FnMut(Event)) {
        if let Some(agent) = self.phase.agent() {
            self.finish_agent(agent, now, Some(FailureKind::Timeout), &mut tell);
            tell(Event::Finished {
                outcome: Outcome::Failed(FailureKind::Timeout),
                latency: now.since(self.started),
            });
        }
        self.phase = Phase::Over;
    }

    /// A message of this many tokens joins the thread.
    fn grow(&mut self, tokens: u32) {
        self.thread_tokens =
            self.thread_tokens.saturating_add(tokens).saturating_add(TOKENS_PER_MESSAGE);
    }

    /// What the user asks joins the thread.
    fn ask(&mut self, app: &App<'_>, question: Option<Body>) {
        if let Some(question) = question {
            self.push(app, Role::User, question);
        }
    }

    fn push(&mut self, app: &App<'_>, role: Role, body: Body) {
        let tokens = app.usage.body(&body);
        self.grow(tokens);
        self.thread.push(Message { role, body, tokens });
    }
}
