//! The graph of agents that a visit walks: nodes, each an AI config at work, and edges between them.
//! Plain data.
//!
//! Promises: a node's number is the number of its AI config. Where several edges could be taken,
//! the first that fits is.
//!
//! Does not know: how a visit walks, or what a model answers.

use crate::journal::{AgentId, Caller};
use crate::llm::tasks::Task;

/// Most agents of a graph.
pub const MAX_AGENTS: usize = 64;

/// Agents and the ways between them.
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    /// Its key in LaunchDarkly.
    pub key: String,
    /// Where a visit begins.
    pub root: AgentId,
    /// The agents, in the order of their AI configs.
    pub nodes: Vec<Node>,
}

/// An agent's place in the graph.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its name in reports.
    pub name: String,
    /// What it does.
    pub role: NodeRole,
    /// Where a visit goes on from it; none: it ends here.
    pub edges: Vec<Edge>,
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
    /// Answers, with tools where its variation has any.
    Answer,
}

impl NodeRole {
    /// What its model is asked to do.
    #[must_use]
    pub fn task(&self) -> Task {
        match self {
            Self::Prescreen => Task::Prescreen,
            Self::Screen => Task::Screen,
            Self::Answer => Task::Answer,
        }
    }

    /// Whether it only prepares the question: what it reads is not disclosed to anybody who
    /// answers, and it takes no fallback variation.
    #[must_use]
    pub fn prepares(&self) -> bool {
        matches!(self, Self::Prescreen | Self::Screen)
    }

    /// Whether a visit goes on as if it were not there when its config is disabled or it fails.
    #[must_use]
    pub fn optional(&self) -> bool {
        matches!(self, Self::Screen)
    }
}

/// A way from one agent to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Edge {
    /// Where it leads.
    pub to: AgentId,
    /// When it is taken.
    pub when: When,
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
    /// The agent failed.
    Failed,
}

/// What the next agent is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handover {
    /// The question as it stands: redacted where it was.
    Text,
    /// The question as it stands, then why it came this way and what was redacted, then the question
    /// again: the tutorial's way.
    Report,
}

/// How an agent's turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TurnEnd {
    /// It did what it does.
    Done,
    /// It chose this route.
    Routed(u16),
    /// It failed.
    Failed,
}

impl Node {
    /// The edge that is taken after this end.
    #[must_use]
    pub fn next(&self, ended: TurnEnd) -> Option<&Edge> {
        let fits = |when: When| match (when, ended) {
            (When::Failed, TurnEnd::Failed) => true,
            (When::Failed, _) | (_, TurnEnd::Failed) => false,
            (When::Always, _) => true,
            (When::Route(route), TurnEnd::Routed(chosen)) => route == chosen,
            (When::Route(_), TurnEnd::Done) => false,
        };
        let always = |edge: &&Edge| edge.when == When::Always;
        let goes_on = ended == TurnEnd::Failed && self.role.optional();
        let fitting = self.edges.iter().find(|edge| fits(edge.when));
        fitting.or_else(|| self.edges.iter().find(always).filter(|_| goes_on))
    }
}

impl Graph {
    /// The tutorial's three agents: a supervisor that sends questions with personal data by way of a
    /// security agent, and a support agent that answers.
    #[must_use]
    pub fn tutorial() -> Self {
        let [supervisor, security, support] = [0, 1, 2].map(AgentId);
        let edge = |to, when, hands_over| Edge { to, when, hands_over };
        let node = |name: &str, role, required, edges| Node {
            name: name.to_owned(),
            role,
            edges,
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
                let own = self.agents().find(|&agent| self.node(agent).role.task() == task);
                Caller::Agent(own.unwrap_or(self.root))
            }
        }
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
    pub fn node(&self, agent: AgentId) -> &Node {
        &self.nodes[agent.index()]
    }
}
