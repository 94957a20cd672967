//! What the model that has to answer now is asked.
//!
//! Does not know: how the visit goes on.

use super::{Visit, caller};
use crate::agents::app::App;
use crate::agents::graph::NodeRole;
use crate::agents::outcome::EffectTarget;
use crate::agents::spec::AtBudget;
use crate::journal::{AgentId, Caller, Served};
use crate::judge::{JudgeSpec, Sees, shown};
use crate::knowledge::{Grade, PiiSet};
use crate::llm::chat::{Cached, Caching};
use crate::llm::model::{
    Body, Prompt, Revision, RouteChoice, Said, Situation, Subject, TOKENS_PER_MESSAGE, Visible,
};
use crate::llm::tasks::Task;
use crate::quantity::Lifts;

impl Visit {
    /// The question to the model that has to answer now in a branch.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "a visit has always a first branch")]
    pub fn prompt<'a>(&'a self, app: &'a App<'a>, at: usize) -> Prompt<'a> {
        let branch = self.branches.get(at).unwrap_or(&self.branches[0]);
        let caller = caller(self.phase, branch);
        let (task, setup, place, offers_tools) = match caller {
            Caller::Agent(agent) => {
                let node = app.graph.node(agent);
                let variation = app.setup(branch.acting);
                let frugal = variation.at_budget == AtBudget::StopTools
                    && variation.session_budget.is_some_and(|most| self.spent >= most);
                let task = node.role.task();
                let offers_tools = task == Task::Answer
                    && u32::from(branch.rounds) < variation.max_tool_calls
                    && !frugal;
                (task, &variation.setup, node.place, offers_tools)
            }
            Caller::Judge => (Task::Judge, app.judge_setup, 0, false),
            Caller::Topics | Caller::Writer => (Task::Question, app.writer_setup, 0, false),
        };
        let text = match task {
            Task::Judge => self.shown_tokens(app),
            Task::Question => TOKENS_PER_MESSAGE,
            task if task.converses() => branch.thread_tokens,
            _ => self.question_tokens + TOKENS_PER_MESSAGE,
        };
        let (situation, routes) = match caller {
            Caller::Agent(agent) => self.situation(app, agent, branch.acting),
            Caller::Judge if app.states_effects => (self.rating(app), [].as_slice()),
            _ => (Situation::Plain, [].as_slice()),
        };
        let subject = Subject {
            topic: self.brief.topic,
            complexity: self.brief.complexity,
            personal: if task == Task::Question && self.brief.personal {
                PiiSet::ALL
            } else {
                self.personal
            },
            redacted: if task.converses() && !branch.unredacted {
                self.redacted
            } else {
                PiiSet::NONE
            },
            rounds: branch.rounds,
            passages: self.found.and(branch.passages),
            remembered: if task == Task::Answer { self.remembered_quality() } else { 0 },
            visible: if task == Task::Judge { self.visible(app.judge) } else { Visible::default() },
            situation,
        };
        let nth = match caller {
            Caller::Agent(_) => self.number(at, branch, branch.calls),
            Caller::Judge => self.judgings,
            _ => 0,
        };
        let input_tokens = setup.fixed_tokens + text;
        let cached = match (setup.caching, app.model(setup.model).cache) {
            (Caching::Off, _) | (_, None) => Cached::NONE,
            (caching, Some(prices)) => {
                branch.cached(caching, prices.least, setup.fixed_tokens, input_tokens)
            }
        };
        Prompt {
            caller,
            task,
            owner: self.owner,
            visit: self.nth,
            place,
            nth,
            setup,
            offers_tools,
            routes,
            input_tokens,
            cached,
            subject,
            question: self.question.as_ref(),
            thread: &branch.thread,
            answer: self.answer.as_ref(),
        }
    }

    /// What an agent of a scenario's own graph goes by besides what it reads, and the ways that it
    /// can choose.
    fn situation<'a>(
        &self,
        app: &App<'a>,
        agent: AgentId,
        acting: Served,
    ) -> (Situation, &'a [RouteChoice]) {
        let situation = match &app.graph.node(agent).role {
            NodeRole::Route { routes, accuracy } => {
                return (Situation::Routes { accuracy: *accuracy }, routes);
            }
            NodeRole::Plan(least, most) => Situation::Plans(*least, *most),
            NodeRole::Critique { catches, nags, .. } => {
                let grade = self.grade();
                Situation::Critiques { grade, catches: *catches, nags: *nags }
            }
            NodeRole::Guard(guard) => {
                let errors = app.setup(acting).guard.or(guard.errors);
                Situation::Guards { harmful: self.brief.harmful, errors }
            }
            NodeRole::Answer | NodeRole::Research => {
                let critic = self.revising.map(|critic| &app.graph.node(critic).role);
                let revision = match (critic, self.grade()) {
                    (Some(NodeRole::Critique { mends, breaks, .. }), Some(from)) => {
                        Some(Revision { from, mends: *mends, breaks: *breaks })
                    }
                    _ => None,
                };
                let (wrong_routes, missing) = (self.wrong_routes.count_ones() as u8, self.missing);
                if wrong_routes == 0 && missing == 0.0 && revision.is_none() {
                    Situation::Plain
                } else {
                    Situation::Follows { wrong_routes, missing, revision }
                }
            }
            NodeRole::Prescreen | NodeRole::Screen | NodeRole::Step(_) => Situation::Plain,
        };
        (situation, &[])
    }

    /// What a scenario states of the feedback on what the visit came to.
    fn rating(&self, app: &App<'_>) -> Situation {
        let positive = self.stated(app, EffectTarget::PositiveFeedback);
        let negative = self.stated(app, EffectTarget::NegativeFeedback);
        if (positive, negative) == (Lifts::NONE, Lifts::NONE) {
            Situation::Plain
        } else {
            Situation::Rates { positive, negative }
        }
    }

    /// How good the answer so far is, as far as that is known.
    pub(super) fn grade(&self) -> Option<Grade> {
        match &self.answer {
            // A refusal is beside the point for whoever did not deserve it.
            _ if self.stopped => Some(Grade::Weak),
            Some(Body::Answer(Said::Recipe(answer))) => Some(answer.grade),
            _ => None,
        }
    }

    /// Tokens of the judge's message, its instructions aside.
    fn shown_tokens(&self, app: &App<'_>) -> u32 {
        let question = match &self.question {
            Some(Body::Question(Said::Recipe(question))) => {
                let base = app.usage.base();
                shown::question(*question, base, app.judge).tokens
                    + question.expected(base).map_or(0, crate::knowledge::Phrase::tokens)
            }
            _ => self.question_tokens,
        };
        let tools: u32 = self.branches.first().map_or(0, |branch| branch.tools_shown);
        question + tools + self.answer_shown + TOKENS_PER_MESSAGE
    }

    /// What a judge sees of the answer.
    fn visible(&self, judge: &JudgeSpec) -> Visible {
        let Some(Body::Answer(Said::Recipe(answer))) = &self.answer else {
            // Of a refusal everybody sees what it is; other words have no grade.
            let tokens = if self.stopped { self.answer_shown } else { 0 };
            return Visible { grade: self.grade(), tool_output_first: false, tokens };
        };
        let tools = self.branches.first().map_or(0, |branch| branch.tool_characters);
        Visible {
            grade: shown::readable(*answer, tools, judge).then_some(answer.grade),
            tool_output_first: judge.sees == Sees::ToolOutputFirst && tools > 0,
            tokens: self.answer_shown,
        }
    }
}
