//! A step without a model: how long it takes, and what comes of it.
//!
//! Guarantees: a step's run has draws of its own, by visit, node and run; a higher chance of failure
//! fails the same runs and more.
//!
//! Does not know: queues or clocks.

use super::Visit;
use crate::agents::app::App;
use crate::agents::graph::TurnEnd;
use crate::journal::{Event, FailureKind};
use crate::knowledge::prose::MIN_TOKENS;
use crate::knowledge::{Answer, Grade};
use crate::llm::model::{Body, Said};
use crate::random::Purpose;
use crate::time::{Duration, Timestamp};

/// How a step's run goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepRun {
    /// How long it takes.
    pub latency: Duration,
    /// Whether it fails.
    pub fails: bool,
    /// Which words it hands on.
    wording: u64,
}

impl Visit {
    /// How the run of the step goes that a branch is at; `None` where an agent is at work.
    #[must_use]
    pub fn step(&self, app: &App<'_>, at: usize) -> Option<StepRun> {
        let branch = self.branch(at)?;
        let node = app.graph.node(branch.agent);
        let step = node.role.step()?;
        let nth = node.place | u64::from(self.number(at, branch, branch.calls));
        let mut stage = self.luck.of(self.owner).stage(Purpose::Step, self.owner, nth);
        let fails = stage.chance(step.fails);
        let latency = stage.log_normal(step.latency.seconds(), step.latency_sigma);
        Some(StepRun { latency: Duration::from_seconds(latency), fails, wording: stage.bits() })
    }

    /// A step has ended: what it found is handed on, or the visit takes the way of a failure.
    pub fn stepped(
        &mut self,
        app: &App<'_>,
        at: usize,
        now: Timestamp,
        run: StepRun,
        mut tell: impl FnMut(Event),
    ) {
        let Some(branch) = self.branch(at) else { return };
        let agent = branch.agent;
        let Some(step) = app.graph.node(agent).role.step() else { return };
        if run.fails {
            tell(branch.step_finished(now, None));
            let why = Some(FailureKind::StepFailed);
            return self.leave(app, at, now, TurnEnd::Failed, why, &mut tell);
        }
        tell(branch.step_finished(now, Some(step.cost)));
        self.spent += step.cost;
        if step.tokens > 0 {
            let tokens = step.tokens.max(MIN_TOKENS);
            let (topic, grade, wording) = (self.brief.topic, Grade::Fair, run.wording);
            let found = Answer { topic, grade, tokens, wording };
            if self.fork.is_none() {
                self.results.retain(|(own, _)| *own != agent);
            }
            self.results.push((agent, Body::Answer(Said::Recipe(found))));
        } else if let Some(fork) = &mut self.fork {
            fork.silent += 1;
        }
        self.leave(app, at, now, TurnEnd::Done, None, &mut tell);
    }
}
