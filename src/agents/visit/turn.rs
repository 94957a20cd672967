//! An agent's turn: its model has replied, and the visit stays with it or goes on.
//!
//! Does not know: who asked the model.

use std::sync::Arc;

use super::Visit;
use crate::agents::app::App;
use crate::agents::graph::{Handover, TurnEnd};
use crate::agents::spec::AtBudget;
use crate::journal::{AgentId, Event, FailureKind};
use crate::judge::shown;
use crate::knowledge::tokens::{count, cut};
use crate::knowledge::{PiiSet, Route, detect_personal_data};
use crate::llm::model::{
    Body, CallFailure, Called, Completion, Message, Reply, Role, Routing, Said, Screened,
};
use crate::llm::tasks::Task;
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
            Ok(Completion { reply, output_tokens, .. }) => (Some(reply), None, output_tokens),
            Err(failure) => (None, Some(failure.kind), 0),
        };
        let why = kind.unwrap_or(FailureKind::Malformed);
        match (task, reply) {
            (Task::Prescreen, Some(Reply::Routing(Routing { route, note }))) => {
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
            (Task::Screen, Some(Reply::Screening(screened))) => {
                self.screened(app, at, now, Ok(screened), tell);
            }
            (Task::Screen, _) => {
                self.screened(app, at, now, Err(why), tell);
            }
            (_, Some(Reply::ToolCall(call))) => {
                branch.calls += 1;
                self.calls_tool(app, at, now, (call, output_tokens), tell);
            }
            (_, Some(Reply::Answer(answer))) => {
                branch.calls += 1;
                let room = shown::room(branch.tool_characters, app.judge);
                self.answer_shown = match &answer {
                    Said::Recipe(answer) => answer.leading(app.usage.base(), room).tokens,
                    Said::Words(text) => count(cut(text, room)),
                };
                self.answer = Some(Body::Answer(answer));
                self.answered_by = branch.agent;
                tell(branch.finished(now, None));
                self.leave(app, at, now, TurnEnd::Done, None, tell);
            }
            (_, reply) => {
                branch.calls += u16::from(reply.is_some());
                self.failed(app, at, now, why, tell);
            }
        }
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
        let to = app.graph.node(branch.agent).next(ended).map(|edge| edge.to);
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
        branch.push(Message { role: Role::Assistant, body, tokens });
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

    /// The agent's turn is over: the visit goes on to the next agent, or ends.
    fn leave(
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
        match app.graph.node(branch.agent).next(ended) {
            Some(edge) => self.enter(app, at, edge.to, edge.hands_over, now, tell),
            None => self.over(now, failed, tell),
        }
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
        let Some(served) = self.served_to(to) else {
            // A disabled agent that is optional lets the text through, as in the original.
            let ended = if node.role.optional() { TurnEnd::Done } else { TurnEnd::Failed };
            return match node.next(ended) {
                Some(edge) => self.enter(app, at, edge.to, Handover::Text, now, tell),
                None => self.over(now, Some(FailureKind::Disabled), tell),
            };
        };
        if !node.role.prepares() {
            self.disclose(tell);
        }
        if let Some(times) = self.entered.get_mut(to.index()) {
            *times = times.saturating_add(1);
        }
        if let Some(branch) = self.branches.get_mut(at) {
            branch.begin(to, served, now);
        }
        if node.role.task().converses() {
            self.tell_agent(app, at, hands_over);
        }
    }

    /// What the agent that begins is told.
    fn tell_agent(&mut self, app: &App<'_>, at: usize, hands_over: Handover) {
        let text = self.text.clone().or_else(|| self.question.clone());
        let mut told: Vec<(Role, Body)> = Vec::new();
        told.extend(text.clone().map(|text| (Role::User, text)));
        if hands_over == Handover::Report {
            let routing = self.routing.clone().map(Body::RoutingNote);
            let findings = self.findings.clone().map(Body::FindingsNote);
            told.extend(routing.into_iter().chain(findings).map(|note| (Role::Assistant, note)));
            told.extend(text.map(|text| (Role::User, text)));
        }
        let Some(branch) = self.branches.get_mut(at) else { return };
        for (role, body) in told {
            let tokens = app.usage.body(&body);
            branch.push(Message { role, body, tokens });
        }
    }
}
