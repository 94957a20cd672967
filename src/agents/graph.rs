//! The graph of agents that a visit walks: nodes, each an AI config at work, and edges between them.
//! Plain data.
//!
//! Guarantees: a node's number is the number of its AI config; steps without a model, which have none,
//! come last. Where several edges could be taken,
//! the first that fits is.
//!
//! Does not know: how a visit walks, or what a model answers.

use std::sync::Arc;

use crate::journal::{AgentId, Caller};
use crate::llm::model::{GuardErrors, RouteChoice};
use crate::llm::tasks::Task;
use crate::quantity::Money;
use crate::time::Duration;

/// Most agents of a graph.
pub const MAX_AGENTS: usize = 64;
/// Most branches that run side by side, and most times that a visit comes to an agent.
pub const MAX_BRANCHES: u8 = 15;
// The number of a call has four bits for each of the two.
const _: () = assert!(MAX_BRANCHES < 16);

/// Agents and the edges between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Its key in LaunchDarkly.
    pub key: String,
    /// Where a visit begins.
    pub root: AgentId,
    /// The agents, in the order of their AI configs.
    pub nodes: Vec<AgentNode>,
}

/// An agent's place in the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentNode {
    /// Its name in reports.
    pub name: String,
    /// What it does.
    pub role: NodeRole,
    /// Where a visit goes on from it; none: it ends here.
    pub edges: Vec<Edge>,
    /// Where its parallel branches come together, if it has any.
    pub joins_at: Option<AgentId>,
    /// Whether every visit has to pass it: then a request is denied where its config is disabled.
    pub required: bool,
    /// Whose draws its calls have: 0 for the tutorial's agents, else a digest of its key in the bits
    /// from 16 on.
    pub place: u64,
}

/// What an agent does.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeRole {
    /// Looks for personal data, and sends a question to route 0 where there is any.
    Prescreen,
    /// Redacts personal data.
    Screen,
    /// Chooses an edge.
    Route {
        /// The edges, by number.
        routes: Vec<RouteChoice>,
        /// Chance that the model sees what the user wants; `None`: the model's own.
        accuracy: Option<f64>,
    },
    /// Splits the question into subtasks, at least and at most so many.
    Plan(u8, u8),
    /// Decides whether the visit goes on: one that it stops ends there, with a refusal.
    Guard(GuardSpec),
    /// Finds something out for others, with tools where its variation has any.
    Research,
    /// Answers, with tools where its variation has any.
    Answer,
    /// Works without a model and has no AI config: a retrieval, a rule, a call of a service.
    Step(StepSpec),
    /// Looks the answer over. The chances are assumed.
    Critique {
        /// That it sends a weak answer back; `None`: its model's chance of a strong answer.
        catches: Option<f64>,
        /// That it sends any other answer back; `None`: its model's chance of a weak answer.
        nags: Option<f64>,
        /// That a second answer is a grade better.
        mends: f64,
        /// That it is a grade worse.
        breaks: f64,
    },
}

/// How a guard errs, and what it says. The chances are assumed.
#[derive(Clone, Debug, PartialEq)]
pub struct GuardSpec {
    /// How it errs, where its variation says nothing else.
    pub errors: GuardErrors,
    /// What the user is told whose request it stops.
    pub refusal: Arc<str>,
}

/// What a step without a model takes, costs and gives.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepSpec {
    /// Median time of a run.
    pub latency: Duration,
    /// Standard deviation of its logarithm.
    pub latency_sigma: f64,
    /// What a run costs; one that fails costs nothing.
    pub cost: Money,
    /// Chance that it fails.
    pub fails: f64,
    /// Tokens of what it hands on; 0: nothing.
    pub tokens: u32,
}

impl NodeRole {
    /// What its model is asked to do.
    #[must_use]
    pub fn task(&self) -> Task {
        match self {
            Self::Prescreen => Task::Prescreen,
            Self::Screen => Task::Screen,
            Self::Route { .. } => Task::Route,
            Self::Plan(..) => Task::Plan,
            Self::Guard(_) => Task::Guard,
            // Nobody asks a model for a step.
            Self::Research | Self::Answer | Self::Step(_) => Task::Answer,
            Self::Critique { .. } => Task::Critique,
        }
    }

    /// Whether it only prepares the question: what it reads is not disclosed to anybody who
    /// answers, and it takes no fallback variation.
    #[must_use]
    pub fn prepares(&self) -> bool {
        matches!(
            self,
            Self::Prescreen | Self::Screen | Self::Route { .. } | Self::Guard(_) | Self::Step(_)
        )
    }

    /// What a step without a model is; `None` for an agent.
    #[must_use]
    pub fn step(&self) -> Option<&StepSpec> {
        if let Self::Step(step) = self { Some(step) } else { None }
    }

    /// Whether a visit goes on as if it were not there when its config is disabled or it fails.
    #[must_use]
    pub fn optional(&self) -> bool {
        matches!(self, Self::Screen | Self::Critique { .. } | Self::Guard(_))
    }
}

/// An edge from one agent to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Where it leads.
    pub to: AgentId,
    /// When it is taken.
    pub when: When,
    /// How often one visit takes it at most; 0: any number of times.
    pub at_most: u8,
    /// Whether parallel branches come together at its end.
    pub joins: bool,
    /// What the next agent is told.
    pub hands_over: Handover,
}

/// When an edge is taken.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum When {
    /// Whenever no edge before it fits.
    Always,
    /// The agent chose this route.
    Route(u16),
    /// For this share of the visits, of those that no edge before it took.
    Share(f64),
    /// At once with all other edges like it, each in a branch of its own.
    Parallel,
    /// At once for each subtask of a plan, each in a branch of its own.
    Subtask,
    /// The agent sends the answer back.
    Revise,
    /// The agent failed.
    Failed,
}

/// What the next agent is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// The question as it stands: redacted where it was.
    Text,
    /// The question as the user wrote it, even where something was redacted in it.
    Original,
    /// The question as it stands, then what was found out or answered last.
    Results,
    /// The whole conversation of the agent before.
    Thread,
    /// The question as it stands, then why it came this way and what was redacted, then the question
    /// again: the tutorial's way.
    Report,
}

impl Handover {
    /// The same without a report on what did not happen.
    pub(super) fn unreported(self) -> Self {
        if self == Self::Report { Self::Text } else { self }
    }
}

/// How an agent's turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// It did what it does.
    Done,
    /// It chose this route.
    Routed(u16),
    /// It sends the answer back.
    Revise,
    /// It failed.
    Failed,
}

impl AgentNode {
    /// The edge that is taken after this end, with its place among the agent's. `free` says whether
    /// the visit may take an edge once more; `share` is a number from 0 to 1 that belongs to the
    /// visit and this agent.
    #[must_use]
    pub fn next(
        &self,
        ended: TurnEnd,
        free: impl Fn(usize, &Edge) -> bool,
        share: impl Fn() -> f64,
    ) -> Option<(usize, &Edge)> {
        let fits = |(_, edge): &(usize, &Edge)| match (edge.when, ended) {
            (When::Failed, TurnEnd::Failed) => true,
            (When::Failed, _) | (_, TurnEnd::Failed) => false,
            (When::Always | When::Parallel | When::Subtask, _) => true,
            (When::Share(up_to), _) => share() < up_to,
            (When::Route(route), TurnEnd::Routed(chosen)) => route == chosen,
            (When::Revise, ended) => ended == TurnEnd::Revise,
            (When::Route(_), _) => false,
        };
        let always = |(_, edge): &(usize, &Edge)| edge.when == When::Always;
        let goes_on = ended == TurnEnd::Failed && self.role.optional();
        let edges = || self.edges.iter().enumerate();
        let fitting = edges().filter(|(at, edge)| free(*at, edge)).find(fits);
        fitting.or_else(|| edges().filter(|_| goes_on).find(always))
    }
}

impl Graph {
    /// The tutorial's three agents: a supervisor that sends questions with personal data by way of a
    /// security agent, and a support agent that answers.
    #[must_use]
    pub fn tutorial() -> Self {
        let [supervisor, security, support] = [0, 1, 2].map(AgentId);
        let edge = |to, when, hands_over| Edge { to, when, at_most: 0, joins: false, hands_over };
        let node = |name: &str, role, required, edges| AgentNode {
            name: name.to_owned(),
            role,
            edges,
            joins_at: None,
            required,
            place: 0,
        };
        let to_security = |when| edge(security, when, Handover::Text);
        let to_support = |hands_over| edge(support, When::Always, hands_over);
        let nodes = vec![
            node(
                "supervisor",
                NodeRole::Prescreen,
                true,
                // The tutorial sends a question that nobody could read to the security agent.
                vec![
                    to_security(When::Failed),
                    to_security(When::Route(0)),
                    to_support(Handover::Text),
                ],
            ),
            node("security", NodeRole::Screen, false, vec![to_support(Handover::Report)]),
            node("support", NodeRole::Answer, true, Vec::new()),
        ];
        Self { key: "tutorial".to_owned(), root: supervisor, nodes }
    }

    /// The name of a caller in reports and transcripts.
    #[must_use]
    pub fn name(&self, caller: Caller) -> &str {
        match caller {
            Caller::Topics => "topics",
            Caller::Writer => "writer",
            Caller::Judge => "judge",
            Caller::Agent(agent) => {
                self.nodes.get(agent.index()).map_or("agent", |node| node.name.as_str())
            }
        }
    }

    /// Who would ask a model for this: the first agent with the task, if it is an agent's.
    #[must_use]
    pub fn caller_of(&self, task: Task) -> Caller {
        match task {
            Task::Topics => Caller::Topics,
            Task::Question => Caller::Writer,
            Task::Judge => Caller::Judge,
            task => {
                let is = |role: &NodeRole| role.step().is_none() && role.task() == task;
                let own = self.agents().find(|&agent| is(&self.node(agent).role));
                Caller::Agent(own.unwrap_or(self.root))
            }
        }
    }

    /// The agents that edges from the root lead to, and the root.
    #[must_use]
    pub fn reached(&self) -> Vec<AgentId> {
        let mut reached = vec![self.root];
        let mut at = 0;
        while let Some(&agent) = reached.get(at) {
            for edge in &self.node(agent).edges {
                if !reached.contains(&edge.to) {
                    reached.push(edge.to);
                }
            }
            at += 1;
        }
        reached
    }

    /// How many of its nodes have an AI config: the first so many. Steps without a model follow.
    #[must_use]
    pub fn configs(&self) -> usize {
        self.nodes.iter().filter(|node| node.role.step().is_none()).count()
    }

    /// The agents that a way to this node leads to: the node itself, or those after a step.
    #[must_use]
    pub fn agents_from(&self, to: AgentId) -> Vec<AgentId> {
        let (mut seen, mut at) = (vec![to], 0);
        while let Some(&node) = seen.get(at) {
            at += 1;
            let Some(node) = self.nodes.get(node.index()) else { continue };
            for edge in node.edges.iter().filter(|_| node.role.step().is_some()) {
                if !seen.contains(&edge.to) {
                    seen.push(edge.to);
                }
            }
        }
        let agent =
            |id: &AgentId| self.nodes.get(id.index()).is_some_and(|own| own.role.step().is_none());
        seen.retain(agent);
        seen
    }

    /// Whether a scenario wrote it; otherwise it is the tutorial's.
    #[must_use]
    pub fn is_written(&self) -> bool {
        self.nodes.iter().any(|node| node.place != 0)
    }

    /// The numbers of its agents.
    pub fn agents(&self) -> impl Iterator<Item = AgentId> + use<> {
        (0..self.nodes.len().min(MAX_AGENTS) as u8).map(AgentId)
    }

    /// The agent whose config has this number.
    ///
    /// # Panics
    /// When the graph has no such agent.
    #[must_use]
    #[expect(clippy::indexing_slicing, reason = "the scenario numbers agents by their places here")]
    pub fn node(&self, agent: AgentId) -> &AgentNode {
        &self.nodes[agent.index()]
    }
}
