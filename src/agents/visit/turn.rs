//! An agent's turn: its model has replied, and the visit stays with it or goes on.
//!
//! Does not know: who asked the model.

use std::sync::Arc;

use smallvec::SmallVec;

use super::branch::Branch;
use super::{Fork, Visit};
use crate::agents::app::{App, Exchange};
use crate::agents::graph::{Edge, Handover, MAX_BRANCHES, NodeRole, TurnEnd, When};
use crate::agents::spec::AtBudget;
use crate::journal::{AgentId, Event, FailureKind};
use crate::judge::shown;
use crate::knowledge::tokens::{count, cut};
use crate::knowledge::{Answer, PiiSet, Route, detect_personal_data};
use crate::llm::model::{
    Body, CallFailure, Called, Completion, GuardReply, Handoff, MessageRole, ModelReply,
    PromptMessage, Routing, Said, Screened, TOKENS_PER_MESSAGE,
};
use crate::llm::tasks::Task;
use crate::random::Purpose;
use crate::time::Timestamp;

impl Visit {
    /// The model of the agent at work has replied.
    pub(super) fn turn(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        result: Result<Completion, CallFailure>,
        tell: &mut impl FnMut(Event),
    ) {
        let Some(branch) = self.branches.get_mut(at) else { return };
        let node = app.graph.node(branch.agent);
        let task = node.role.task();
        let (reply, kind, output_tokens) = match result {
            Ok(done) => {
                // What a model reasons is not sent again.
                let tokens = done.reply_tokens();
                (Some(done.reply), None, tokens)
            }
            Err(failure) => (None, Some(failure.kind), 0),
        };
        let why = kind.unwrap_or(FailureKind::Malformed);
        match (task, reply) {
            (Task::Prescreen, Some(ModelReply::Routing(Routing { route, note }))) => {
                self.routing = Some(note);
                let route = u16::from(route == Route::Support);
                self.routed(app, at, now, TurnEnd::Routed(route), None, tell);
            }
            (Task::Prescreen, _) => {
                // The tutorial tracks no error here: tokens and success go out even when the reply
                // could not be parsed.
                let tracked = Some(why).filter(|_| !branch.charged());
                self.routed(app, at, now, TurnEnd::Failed, tracked, tell);
            }
            (Task::Screen, Some(ModelReply::Screening(screened))) => {
                self.screened(app, at, now, Ok(screened), tell);
            }
            (Task::Screen, _) => {
                self.screened(app, at, now, Err(why), tell);
            }
            (Task::Guard, reply) => {
                let allowed = match reply {
                    Some(ModelReply::Guard(GuardReply { allowed, .. })) => Ok(allowed),
                    _ => Err(why),
                };
                self.guarded(app, at, now, allowed, tell);
            }
            (_, Some(ModelReply::ToolCall(call))) => {
                branch.calls += 1;
                self.calls_tool(app, at, now, (call, output_tokens), tell);
            }
            (Task::Route, Some(ModelReply::Handoff(Handoff { route, wrong }))) => {
                // Whoever is asked again, and sees it now, has made up for the wrong way before.
                let own = 1 << branch.agent.index();
                self.wrong_routes = (self.wrong_routes & !own) | (u64::from(wrong) * own);
                self.routed(app, at, now, TurnEnd::Routed(route), None, tell);
            }
            (Task::Route, _) if app.setup(branch.acting).fallback.is_none() => {
                self.routed(app, at, now, TurnEnd::Failed, Some(why), tell);
            }
            (Task::Plan, Some(ModelReply::Plan(plan))) => {
                self.subtasks = plan.count;
                self.instructions = plan.words;
                self.concludes(app, at, now, (plan.text, TurnEnd::Done), tell);
            }
            (Task::Critique, Some(ModelReply::Critique(critique))) => {
                let ended = if critique.revise { TurnEnd::Revise } else { TurnEnd::Done };
                self.concludes(app, at, now, (critique.text, ended), tell);
            }
            (_, Some(ModelReply::Answer(answer))) => {
                branch.calls += 1;
                if node.role == NodeRole::Answer {
                    let room = shown::room(branch.tool_characters, app.judge);
                    self.answer_shown = match &answer {
                        Said::Recipe(answer) => answer.leading(app.usage.base(), room).tokens,
                        Said::Words(text) => count(cut(text, room)),
                    };
                    self.answer = Some(Body::Answer(answer.clone()));
                    self.answered_by = branch.agent;
                }
                self.concludes(app, at, now, (answer, TurnEnd::Done), tell);
            }
            (_, reply) => {
                branch.calls += u16::from(reply.is_some());
                self.failed(app, at, now, why, tell);
            }
        }
    }

    /// The agent has said what it had to say.
    fn concludes(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        (said, ended): (Said<Answer>, TurnEnd),
        tell: &mut impl FnMut(Event),
    ) {
        let Some(branch) = self.branches.get(at) else { return };
        tell(branch.finished(now, None));
        if app.graph.node(branch.agent).role == NodeRole::Research {
            self.found = self.found.and(branch.passages);
        }
        // A critic's word goes on with the answer that it is about; all else takes the place of what
        // was said before, but for branches side by side.
        let critic = matches!(app.graph.node(branch.agent).role, NodeRole::Critique { .. });
        if !critic && self.fork.is_none() {
            self.results.clear();
        }
        if !critic || ended == TurnEnd::Revise {
            self.results.push((branch.agent, Body::Answer(said)));
        }
        self.revising = (ended == TurnEnd::Revise).then_some(branch.agent);
        self.leave(app, at, now, ended, None, tell);
    }

    /// A routing agent has chosen a way, or has failed to.
    fn routed(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        ended: TurnEnd,
        tracked: Option<FailureKind>,
        tell: &mut impl FnMut(Event),
    ) {
        let Some(branch) = self.branches.get(at) else { return };
        tell(branch.finished(now, tracked));
        let to = self.next(app, branch.agent, ended).map(|(_, edge)| edge.to);
        tell(Event::Routed { to, fallback: ended == TurnEnd::Failed });
        self.leave(app, at, now, ended, None, tell);
    }

    /// A screening agent is done; where it failed, the raw text goes on, as in the original.
    fn screened(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        result: Result<Said<PiiSet, Arc<Screened>>, FailureKind>,
        tell: &mut impl FnMut(Event),
    ) {
        let failed = result.as_ref().err().copied();
        let (text, found, findings) = match (&self.question, result) {
            (Some(Body::Question(Said::Recipe(question))), Ok(Said::Recipe(redacted))) => (
                Some(Body::Redacted(Said::Recipe((*question, redacted)))),
                redacted,
                Said::Recipe(redacted),
            ),
            (_, Ok(Said::Words(screened))) => (
                Some(Body::Redacted(Said::Words(Arc::clone(&screened.text)))),
                self.personal.without(detect_personal_data(&screened.text)),
                Said::Words(Arc::clone(&screened.findings)),
            ),
            _ => (None, PiiSet::NONE, Said::Recipe(PiiSet::NONE)),
        };
        if let Some(branch) = self.branches.get(at) {
            tell(branch.finished(now, failed));
        }
        self.redacted = found;
        self.text = text;
        self.findings = Some(findings);
        let leaked = self.personal.len() - found.len();
        tell(Event::Screened {
            redacted: found.len() as u8,
            leaked: leaked as u8,
            fail_open: failed.is_some(),
        });
        let ended = if failed.is_some() { TurnEnd::Failed } else { TurnEnd::Done };
        self.leave(app, at, now, ended, failed, tell);
    }

    /// A guard is done: where it stops the visit, the user gets its refusal and nobody else is
    /// called; where it failed, the visit goes on.
    fn guarded(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        allowed: Result<bool, FailureKind>,
        tell: &mut impl FnMut(Event),
    ) {
        let Some(branch) = self.branches.get(at) else { return };
        let (agent, failed) = (branch.agent, allowed.err());
        tell(branch.finished(now, failed));
        let stopped = allowed == Ok(false);
        let (harmful, fail_open) = (self.brief.harmful, failed.is_some());
        tell(Event::Guarded { agent, stopped, harmful, fail_open });
        if !stopped {
            let ended = if fail_open { TurnEnd::Failed } else { TurnEnd::Done };
            return self.leave(app, at, now, ended, failed, tell);
        }
        if let Some(branch) = self.branches.get_mut(at) {
            branch.works = false;
        }
        if let NodeRole::Guard(guard) = &app.graph.node(agent).role {
            let room = shown::room(0, app.judge);
            self.answer_shown = count(cut(&guard.refusal, room));
            self.answer = Some(Body::Answer(Said::Words(Arc::clone(&guard.refusal))));
        }
        (self.stopped, self.answered_by) = (true, agent);
        self.over(app, now, None, tell);
    }

    /// The agent's model wants to use a tool.
    fn calls_tool(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        (call, tokens): (Called, u32),
        tell: &mut impl FnMut(Event),
    ) {
        let Some(branch) = self.branches.get_mut(at) else { return };
        let body = Body::ToolCall(call.clone());
        branch.push(PromptMessage { role: MessageRole::Assistant, body, tokens });
        let agent = app.setup(branch.acting);
        let spent = agent.session_budget.is_some_and(|most| self.spent >= most);
        if spent && agent.at_budget == AtBudget::Deny {
            return self.failed(app, at, now, FailureKind::OverBudget, tell);
        }
        if let (true, AtBudget::Degrade, Some(variation)) = (spent, agent.at_budget, agent.fallback)
        {
            branch.acting.variation = variation as u8;
        }
        branch.called = Some(call);
    }

    /// The agent's call has failed: its fallback variation takes over, or the agent has failed.
    fn failed(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        kind: FailureKind,
        tell: &mut impl FnMut(Event),
    ) {
        let Some(branch) = self.branches.get_mut(at) else { return };
        let fallback = app.setup(branch.acting).fallback;
        if let Some(variation) = fallback.filter(|_| branch.acting == branch.served) {
            branch.acting.variation = variation as u8;
            branch.calls += 1;
            return;
        }
        tell(branch.finished(now, Some(kind)));
        self.leave(app, at, now, TurnEnd::Failed, Some(kind), tell);
    }

    /// The edge that is to be taken from an agent, with its place among the agent's.
    fn next<'a>(&self, app: &App<'a>, agent: AgentId, ended: TurnEnd) -> Option<(usize, &'a Edge)> {
        let free = |at: usize, edge: &Edge| {
            let entered = self.entered.get(edge.to.index()).copied().unwrap_or(0);
            let bounded = edge.at_most > 0;
            // The number of a call has room for so many visits to an agent.
            entered < MAX_BRANCHES && !(bounded && self.taken(agent, at) >= edge.at_most)
        };
        let node = app.graph.node(agent);
        node.next(ended, free, || {
            let seed = self.luck.of(self.owner);
            seed.stage(Purpose::Share, self.owner, node.place).uniform()
        })
    }

    /// How often the visit took a bounded edge of an agent.
    fn taken(&self, agent: AgentId, at: usize) -> u8 {
        let known = self.passed.iter().find(|(of, edge, _)| (*of, *edge) == (agent, at as u8));
        known.map_or(0, |&(_, _, times)| times)
    }

    /// The edge that the visit takes from an agent now.
    fn take<'a>(&mut self, app: &App<'a>, agent: AgentId, ended: TurnEnd) -> Option<&'a Edge> {
        let (at, edge) = self.next(app, agent, ended)?;
        if edge.at_most > 0 {
            let own = (agent, at as u8);
            match self.passed.iter_mut().find(|(of, edge, _)| (*of, *edge) == own) {
                Some((_, _, times)) => *times = times.saturating_add(1),
                None => self.passed.push((own.0, own.1, 1)),
            }
        }
        Some(edge)
    }

    /// The agent's turn is over: the visit goes on to the next agent, or ends.
    pub(super) fn leave(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        ended: TurnEnd,
        failed: Option<FailureKind>,
        tell: &mut impl FnMut(Event),
    ) {
        let Some(branch) = self.branches.get_mut(at) else { return };
        branch.works = false;
        let agent = branch.agent;
        let edge = self.take(app, agent, ended);
        match (edge, &self.fork) {
            (Some(edge), Some(_)) if edge.joins => self.arrive(app, at, now, None, tell),
            (None, Some(_)) => self.arrive(app, at, now, failed, tell),
            (Some(edge), _) if matches!(edge.when, When::Parallel | When::Subtask) => {
                self.split(app, (at, agent), edge, now, tell);
            }
            (Some(edge), _) => self.enter(app, at, edge.to, edge.hands_over, now, tell),
            (None, None) => {
                let failed =
                    failed.or_else(|| self.answer.is_none().then_some(FailureKind::Malformed));
                self.over(app, now, failed, tell);
            }
        }
    }

    /// Branches begin side by side.
    fn split(
        &mut self,
        app: &App<'_>,
        (own, from): (usize, AgentId),
        edge: &Edge,
        now: Timestamp,
        tell: &mut impl FnMut(Event),
    ) {
        let node = app.graph.node(from);
        let ways: SmallVec<[&Edge; 4]> = match edge.when {
            When::Subtask => {
                std::iter::repeat_n(edge, usize::from(self.subtasks.clamp(1, MAX_BRANCHES)))
                    .collect()
            }
            _ => node.edges.iter().filter(|edge| edge.when == When::Parallel).collect(),
        };
        let of = ways.len() as u8;
        let joins_at = node.joins_at.unwrap_or(edge.to);
        self.fork = Some(Fork { joins_at, of, left: of, silent: 0, failed: None });
        let told = self.results.clone();
        self.results.clear();
        while self.branches.len() < ways.len() {
            self.branches.push(Branch::idle(Vec::new()));
        }
        for (at, way) in ways.into_iter().enumerate() {
            if at != own {
                self.begun.push(at as u8);
            }
            // All branches of one agent share the number of the time that the visit came there.
            let before = self.entered.get(way.to.index()).copied().unwrap_or(0);
            let found = std::mem::replace(&mut self.results, told.clone());
            self.enter(app, at, way.to, way.hands_over, now, tell);
            self.results = found;
            if let (true, Some(times)) =
                (edge.when == When::Subtask && at > 0, self.entered.get_mut(way.to.index()))
            {
                *times = before;
            }
        }
    }

    /// A branch has come to where it meets the others, or came to nothing.
    fn arrive(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        failed: Option<FailureKind>,
        tell: &mut impl FnMut(Event),
    ) {
        let Some(fork) = &mut self.fork else { return };
        fork.left = fork.left.saturating_sub(1);
        fork.failed = failed.or(fork.failed);
        if fork.left > 0 {
            return;
        }
        let Fork { joins_at, of, failed, silent, .. } = *fork;
        self.fork = None;
        let found = self.results.len() + usize::from(silent);
        if found == 0 {
            return self.over(app, now, failed.or(Some(FailureKind::Malformed)), tell);
        }
        self.missing = 1.0 - found as f64 / f64::from(of.max(1));
        if at != 0 {
            self.begun.push(0);
        }
        self.enter(app, 0, joins_at, Handover::Results, now, tell);
    }

    /// The next agent's turn begins.
    pub(super) fn enter(
        &mut self,
        app: &App<'_>,
        at: usize,
        to: AgentId,
        hands_over: Handover,
        now: Timestamp,
        tell: &mut impl FnMut(Event),
    ) {
        let node = app.graph.node(to);
        if node.role.step().is_some() {
            if let Some(times) = self.entered.get_mut(to.index()) {
                *times = times.saturating_add(1);
            }
            let Some(branch) = self.branches.get_mut(at) else { return };
            // A conversation that is handed on goes around the step.
            let kept = (std::mem::take(&mut branch.thread), branch.thread_tokens);
            branch.begin(to, branch.served, now);
            (branch.thread, branch.thread_tokens) = kept;
            branch.is_step = true;
            return;
        }
        let Some(served) = self.served_to(to) else {
            // A disabled agent that is optional lets the text through, as in the original.
            let ended = if node.role.optional() { TurnEnd::Done } else { TurnEnd::Failed };
            let kind = Some(FailureKind::Disabled);
            return match (self.take(app, to, ended), &self.fork) {
                (Some(edge), Some(_)) if edge.joins => self.arrive(app, at, now, kind, tell),
                (Some(edge), _) => self.enter(app, at, edge.to, hands_over.unreported(), now, tell),
                (None, Some(_)) => self.arrive(app, at, now, kind, tell),
                (None, None) if node.role.optional() && self.answer.is_some() => {
                    self.over(app, now, None, tell);
                }
                (None, None) => self.over(app, now, kind, tell),
            };
        };
        if !node.role.prepares() {
            self.disclose(hands_over == Handover::Original, tell);
        }
        if let Some(times) = self.entered.get_mut(to.index()) {
            *times = times.saturating_add(1);
        }
        let Some(branch) = self.branches.get_mut(at) else { return };
        let kept = (hands_over == Handover::Thread)
            .then(|| (std::mem::take(&mut branch.thread), branch.thread_tokens));
        branch.begin(to, served, now);
        if let Some((thread, tokens)) = kept {
            (branch.thread, branch.thread_tokens) = (thread, tokens);
        }
        branch.unredacted = hands_over == Handover::Original;
        if node.role.task().converses() {
            self.tell_agent(app, at, to, hands_over);
            if !self.called_before.is_empty() && hands_over != Handover::Thread {
                self.recall(app, at, now);
            }
        }
    }

    /// What the agent sends again that it sent in the turn before: instructions and conversation up to
    /// the question of that turn, whose answer was not input then.
    fn recall(&mut self, app: &App<'_>, at: usize, now: Timestamp) {
        let earlier = (2 * self.history.len()).saturating_sub(1);
        let Some(branch) = self.branches.get_mut(at).filter(|_| earlier > 0) else { return };
        let before = self.called_before.iter().find(|(agent, _)| *agent == branch.agent);
        if let (Some((_, called)), NodeRole::Answer) = (before, &app.graph.node(branch.agent).role)
        {
            let told = branch.thread.iter().take(earlier);
            let told: u32 = told.map(|own| own.tokens + TOKENS_PER_MESSAGE).sum();
            branch.sent = app.setup(branch.acting).setup.fixed_tokens + told;
            branch.idle = now.since(*called);
        }
    }

    /// What the agent that begins is told.
    fn tell_agent(&mut self, app: &App<'_>, at: usize, to: AgentId, hands_over: Handover) {
        let Some(branch) = self.branches.get_mut(at) else { return };
        let mut tell = |role: MessageRole, body: Body| {
            let tokens = app.usage.body(&body);
            branch.push(PromptMessage { role, body, tokens });
        };
        if hands_over == Handover::Thread {
            let last = self.results.last();
            return last
                .into_iter()
                .for_each(|(_, body)| tell(MessageRole::Assistant, body.clone()));
        }
        // A subtask in a real model's words takes the question's place.
        let subtask = self.fork.as_ref().and_then(|_| self.instructions.get(at));
        let subtask = subtask.map(|words| Body::Question(Said::Words(Arc::clone(words))));
        let redacted = self.text.clone().filter(|_| hands_over != Handover::Original);
        let text = subtask.or(redacted).or_else(|| self.question.clone());
        let Some(text) = text else { return };
        if app.graph.node(to).role == NodeRole::Answer {
            for &Exchange { question, redacted, answer } in &self.history {
                let question = if redacted.is_empty() {
                    Body::Question(Said::Recipe(question))
                } else {
                    Body::Redacted(Said::Recipe((question, redacted)))
                };
                tell(MessageRole::User, question);
                tell(MessageRole::Assistant, Body::Answer(Said::Recipe(answer)));
            }
        }
        match hands_over {
            Handover::Text | Handover::Original | Handover::Thread => tell(MessageRole::User, text),
            Handover::Report => {
                tell(MessageRole::User, text.clone());
                let routing = self.routing.clone().map(Body::RoutingNote);
                let findings = self.findings.clone().map(Body::FindingsNote);
                { routing }
                    .into_iter()
                    .chain(findings)
                    .for_each(|note| tell(MessageRole::Assistant, note));
                tell(MessageRole::User, text);
            }
            Handover::Results => {
                tell(MessageRole::User, text);
                for (agent, body) in &self.results {
                    // An agent's own words stay its own.
                    let own = *agent == to;
                    tell(
                        if own { MessageRole::Assistant } else { MessageRole::User },
                        body.clone(),
                    );
                }
            }
        }
    }
}
