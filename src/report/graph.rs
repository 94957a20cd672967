//! The graph of agents and what each agent did, in the reader's words: the drawing's data, and its
//! form as a tree of text.
//!
//! Does not know: agents or models; their names and roles are text in it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use unicode_width::UnicodeWidthStr;

use super::escape::plain;
use super::number::{Number, Ordered};
use super::table::wrap;
use crate::analysis::FrequentistResult;
use crate::figure;

/// The scenario's graph of agents, and how many users took which edge through it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnGraph {
    /// Its key.
    pub key: String,
    /// The agent that every request comes to first.
    pub root: String,
    /// Users with a request.
    pub users: u64,
    /// The agents, in the order of the scenario.
    pub nodes: Vec<DrawnNode>,
    /// The edges, in the order in which they are tried. Edges between the same two agents are one,
    /// but for those of failures.
    pub edges: Vec<DrawnEdge>,
}

/// An agent of the graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnNode {
    /// Its key.
    pub key: String,
    /// What it does: "answer", "route", "plan of 2 to 4 subtasks".
    pub role: String,
    /// The model of each variation that was served.
    pub models: Ordered<String>,
    /// Keys of the experiments on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<String>,
    /// Users with a request that came to it.
    pub users: u64,
    /// Requests that it ended, if it is a guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped: Option<u64>,
}

impl DrawnNode {
    /// How many requests it ended, in words, if it is a guard.
    #[must_use]
    pub(crate) fn stops(&self) -> Option<String> {
        let stopped = self.stopped?;
        let requests = if stopped == 1 { "request" } else { "requests" };
        Some(format!("stopped {} {requests}", figure::count(stopped)))
    }
}

/// An edge of the graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrawnEdge {
    /// The agent where it begins.
    pub from: String,
    /// The agent where it leads.
    pub to: String,
    /// When it is taken: "always", "intent billing", "on failure".
    pub condition: String,
    /// How often one request takes it at most; `None`: any number of times.
    pub at_most: Option<u8>,
    /// Whether parallel branches come together at its end.
    pub joins: bool,
    /// Users with a request that took it.
    pub users: u64,
    /// The variations of the graph that have it; empty where all of them do.
    #[serde(default)]
    pub variations: Vec<String>,
}

/// What one agent did for the users of one variation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NodeUse {
    /// The variation's key.
    pub variation: String,
    /// The agent.
    pub agent: String,
    /// Users with a request that came to it.
    pub users: u64,
    /// The same as a share of the exposed users.
    pub reached: Option<Number>,
    /// Requests that came to it.
    pub requests: u64,
    /// How often the agent was at work, each parallel branch by itself.
    pub runs: u64,
    /// How often a request that came to it came to it on average: above 1 where a critic sends it
    /// back. Parallel branches count once.
    pub iterations: Option<Number>,
    /// Runs that failed.
    pub failed_runs: u64,
    /// Answers of its model.
    pub calls: u64,
    /// Calls of its model that failed.
    pub failed_calls: u64,
    /// Tokens that its model read, per exposed user.
    pub input_tokens_per_user: Option<Number>,
    /// Tokens that its model wrote, per exposed user.
    pub output_tokens_per_user: Option<Number>,
    /// Tokens among those read that came from the provider's prompt cache, per exposed user.
    #[serde(default)]
    pub cached_tokens_per_user: Option<Number>,
    /// Tokens among those written that its model reasoned with, per exposed user.
    #[serde(default)]
    pub reasoning_tokens_per_user: Option<Number>,
    /// Dollars per exposed user; `None` where a model has no price.
    pub cost_per_user_usd: Option<Number>,
    /// Its standard error; `None` where users come more than once.
    pub cost_error_usd: Option<Number>,
    /// Mean duration of its runs, in milliseconds.
    pub mean_ms: Option<Number>,
    /// 95th percentile of the durations of its runs, in milliseconds, to 0.1%.
    pub p95_ms: Option<Number>,
    /// Milliseconds of a request's latency that passed because of this agent, on average over the
    /// variation's requests: its runs on the longest chain of runs. The agents' values add up to
    /// the mean latency.
    pub critical_ms: Option<Number>,
    /// The same as a share of the latency.
    pub critical_share: Option<Number>,
}

/// How a guard decided for the users of one variation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GuardUse {
    /// The variation's key.
    pub variation: String,
    /// The guard.
    pub agent: String,
    /// How often a request came to it.
    pub requests: u64,
    /// Requests that it ended.
    pub stopped: u64,
    /// The harmful ones among those that came: it should have ended them. Known in simulation, and
    /// where the list of questions says so.
    pub harmful: u64,
    /// Harmful requests that it ended.
    pub harmful_stopped: u64,
    /// Harmless requests that it ended.
    pub harmless_stopped: u64,
    /// The share of the requests that it ended.
    pub stopped_share: Option<Number>,
    /// The share of the harmful requests that it let through.
    pub missed_share: Option<Number>,
    /// The share of the harmless requests that it ended.
    pub false_stop_share: Option<Number>,
    /// All requests of the variation's users.
    pub all_requests: u64,
    /// Those of them that any guard ended.
    pub all_stopped: u64,
    /// Those of them that were harmful and were answered.
    pub harmful_answered: u64,
}

/// What a variation of the graph itself has that the control has not, or the other way round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GraphChange {
    /// The treatment.
    pub variation: String,
    /// What is different: "without critic", "with an edge from writer to critic".
    pub change: String,
}

/// What one agent adds to the difference in cost between a variation and the control. The agents'
/// differences add up to that of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostChange {
    /// The treatment.
    pub variation: String,
    /// The agent.
    pub agent: String,
    /// Dollars per exposed user that the agent costs more than under the control.
    pub difference_usd: Option<Number>,
    /// Its interval at the experiment's threshold; `None` where users come more than once.
    pub interval_usd: Option<[Number; 2]>,
    /// The part of the difference that comes from more or fewer runs per user.
    pub from_runs_usd: Option<Number>,
    /// The part that comes from what a run costs: its model, its tokens, its tool calls. The two
    /// parts add up to the difference.
    pub from_cost_per_run_usd: Option<Number>,
}

/// Where the differences in cost come from. A cost per user is the runs per user times the cost of
/// a run: each part of the difference is the change of one, at the mean of the other in both
/// variations. `exposures` are the exposed users by variation, `mass` is that of the intervals.
pub(crate) fn cost_changes(
    agents: &[NodeUse],
    exposures: &Ordered<u64>,
    control: &str,
    mass: f64,
) -> Vec<CostChange> {
    let users = |variation: &str| exposures.get(variation).map_or(0.0, |&users| users as f64);
    let reach = two_sided_quantile(mass);
    let one = |own: &NodeUse| {
        let base =
            agents.iter().find(|other| other.variation == control && other.agent == own.agent)?;
        let per_user = |of: &NodeUse| {
            let cost = of.cost_per_user_usd?.get();
            let runs = of.runs as f64 / users(&of.variation);
            // Without a run there is no cost of a run: all of the difference is that of the runs.
            Some((cost, runs, (of.runs > 0).then(|| cost / runs)))
        };
        let parts = per_user(own).zip(per_user(base)).map(|(own, base)| {
            let difference = own.0 - base.0;
            let from_runs = match (own.2, base.2) {
                (Some(now), Some(before)) => (own.1 - base.1) * 0.5 * (now + before),
                _ => difference,
            };
            (difference, from_runs, difference - from_runs)
        });
        let error = own.cost_error_usd.zip(base.cost_error_usd);
        let interval = parts.zip(error).and_then(|((difference, ..), (error, base))| {
            let reach = reach * libm::hypot(error.get(), base.get());
            Some([Number::new(difference - reach)?, Number::new(difference + reach)?])
        });
        Some(CostChange {
            variation: own.variation.clone(),
            agent: own.agent.clone(),
            difference_usd: parts.and_then(|parts| Number::new(parts.0)),
            interval_usd: interval,
            from_runs_usd: parts.and_then(|parts| Number::new(parts.1)),
            from_cost_per_run_usd: parts.and_then(|parts| Number::new(parts.2)),
        })
    };
    agents.iter().filter(|own| own.variation != control).filter_map(one).collect()
}

/// How many standard errors around an estimate hold this mass of a normal distribution.
fn two_sided_quantile(mass: f64) -> f64 {
    crate::random::normal_quantile(0.5 + 0.5 * mass)
}

/// The exposed users whose requests came to the experiment's agent, and the effect on them. Users
/// are exposed when the graph is fetched, whether or not their request comes to the agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TriggeredUsers {
    /// The experiment's agent.
    pub agent: String,
    /// Exposed users whose request came to it, by variation.
    pub reached: Ordered<u64>,
    /// Exposed users whose request never did.
    pub never_reached: u64,
    /// The same as a share of the exposed users.
    pub never_reached_share: Option<Number>,
    /// Why the users who were reached cannot be compared; `None` where they can.
    pub refused: Option<String>,
    /// Each metric of each treatment against the control, in both groups of users.
    pub metrics: Vec<TriggeredMetric>,
}

/// A treatment against the control under one metric: over all exposed users, and over those whose
/// request came to the experiment's agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TriggeredMetric {
    /// Key of the metric.
    pub metric: String,
    /// The treatment.
    pub variation: String,
    /// All exposed users: the effect is diluted by those whose request never came to the agent.
    pub exposed: Option<PlainDifference>,
    /// The users whose request came to it.
    pub reached: Option<PlainDifference>,
    /// The share of the users that the second comparison needs for the power of the first, as a
    /// fraction; `None` for percentiles.
    pub sample_needed: Option<Number>,
    /// The true difference among the users whose request came to it, in the metric's unit: every one
    /// of them in both variations; `None` without `--truth`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub true_difference: Option<Number>,
}

/// A difference without a prior.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlainDifference {
    /// Treatment less control, in the metric's unit.
    pub difference: Option<Number>,
    /// Its interval at the experiment's threshold.
    pub interval: Option<[Number; 2]>,
    /// Relative difference to the control.
    pub relative_difference: Option<Number>,
    /// Its interval at the experiment's threshold.
    pub relative_interval: Option<[Number; 2]>,
    /// Two-sided p-value.
    pub p_value: Option<Number>,
}

impl PlainDifference {
    /// The numbers of a test.
    #[must_use]
    pub fn of(test: &FrequentistResult) -> Self {
        Self {
            difference: Number::new(test.difference),
            interval: Number::ends(test.difference_interval),
            relative_difference: test.relative_difference.and_then(Number::new),
            relative_interval: test.interval.and_then(Number::ends),
            p_value: Number::new(test.p_value),
        }
    }
}

/// The models of a node as text: a model by itself, or each with the variations that have it.
#[must_use]
pub(crate) fn models(node: &DrawnNode) -> Vec<String> {
    let mut models: Vec<(&str, Vec<&str>)> = Vec::new();
    for (variation, model) in &node.models.0 {
        match models.iter_mut().find(|(own, _)| *own == model.as_str()) {
            Some((_, variations)) => variations.push(variation),
            None => models.push((model, vec![variation])),
        }
    }
    let bare = models.len() == 1 && node.experiments.is_empty();
    let text = |(model, variations): (&str, Vec<&str>)| {
        if bare { model.to_owned() } else { format!("{model} ({})", variations.join(", ")) }
    };
    models.into_iter().map(text).collect()
}

/// When an edge is taken, with its bound.
#[must_use]
pub(crate) fn condition(edge: &DrawnEdge) -> String {
    let when = match (edge.joins, edge.condition.as_str()) {
        (true, "always") => "when all branches are done".to_owned(),
        (true, other) => format!("{other}, when all branches are done"),
        (false, other) => other.to_owned(),
    };
    let bound = match edge.at_most {
        None => String::new(),
        Some(1) => ", at most once".to_owned(),
        Some(most) => format!(", at most {most} times"),
    };
    let forms = match edge.variations.as_slice() {
        [] => String::new(),
        forms => format!(", only in {}", forms.join(", ")),
    };
    format!("{when}{bound}{forms}")
}

impl DrawnGraph {
    /// A number of users as a share of all.
    #[must_use]
    pub(crate) fn share(&self, users: u64) -> String {
        if self.users == 0 {
            return "none".to_owned();
        }
        figure::probability(users as f64 / self.users as f64)
    }

    fn node(&self, key: &str) -> Option<&DrawnNode> {
        self.nodes.iter().find(|node| node.key == key)
    }

    /// The graph as lines of at most `width` columns, from its root down. An agent that was shown
    /// before is named again where an edge leads to it.
    #[must_use]
    pub(crate) fn tree(&self, width: usize) -> Vec<String> {
        let mut tree = Tree { graph: self, width, lines: Vec::new(), shown: Vec::new() };
        let mut later = vec![self.root.as_str()];
        // Also agents to which no edge leads, in a file that somebody changed.
        later.extend(self.nodes.iter().map(|node| node.key.as_str()));
        for key in later {
            if !tree.shown.contains(&key) {
                tree.node(key, "");
            }
        }
        tree.lines
    }
}

/// Deeper branches are shown below, at the margin.
const DEEPEST: usize = 30;

struct Tree<'g> {
    graph: &'g DrawnGraph,
    width: usize,
    lines: Vec<String>,
    shown: Vec<&'g str>,
}

impl<'g> Tree<'g> {
    /// A text, with `lead` before its first line and `rest` before the others.
    fn push(&mut self, lead: &str, rest: &str, text: &str) {
        let room = self.width.saturating_sub(lead.width().max(rest.width())).max(16);
        for (nth, line) in wrap(&plain(text), room).iter().enumerate() {
            let lead = if nth == 0 { lead } else { rest };
            self.lines.push(format!("{lead}{line}"));
        }
    }

    /// An agent and what is behind it, each line after `inset`.
    fn node(&mut self, key: &'g str, inset: &str) {
        let graph = self.graph;
        let mut key = key;
        loop {
            self.shown.push(key);
            let Some(node) = graph.node(key) else { return };
            let about = [node.role.clone()]
                .into_iter()
                .chain([models(node).join(", ")])
                .filter(|part| !part.is_empty());
            let text = format!("{}: {}", node.key, about.collect::<Vec<_>>().join(", "));
            let edges: Vec<&DrawnEdge> =
                graph.edges.iter().filter(|edge| edge.from == key).collect();
            let below = if edges.is_empty() { "    " } else { "│   " };
            self.push(inset, &format!("{inset}{below}"), &text);
            if !node.experiments.is_empty() {
                let text = format!("experiment: {}", node.experiments.join(", "));
                self.push(&format!("{inset}{below}"), &format!("{inset}{below}"), &text);
            }
            if let Some(text) = node.stops() {
                self.push(&format!("{inset}{below}"), &format!("{inset}{below}"), &text);
            }
            let says = |edge: &DrawnEdge| {
                format!("{}: {} of users", condition(edge), graph.share(edge.users))
            };
            let open: Vec<&DrawnEdge> = edges
                .iter()
                .copied()
                .filter(|edge| {
                    !self.shown.contains(&edge.to.as_str()) && graph.node(&edge.to).is_some()
                })
                .collect();
            // One way on: the next agent stands below, at the same margin.
            if let ([edge], [_]) = (edges.as_slice(), open.as_slice()) {
                self.push(&format!("{inset}│ "), &format!("{inset}│ "), &says(edge));
                self.lines.push(format!("{inset}▼"));
                key = &edge.to;
                continue;
            }
            for (nth, edge) in edges.iter().enumerate() {
                let last = nth + 1 == edges.len();
                let (branch, inside) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
                let (lead, rest) = (format!("{inset}{branch}"), format!("{inset}{inside}"));
                let seen = self.shown.contains(&edge.to.as_str());
                if seen || graph.node(&edge.to).is_none() {
                    let text = format!("{} -> {} (above)", says(edge), edge.to);
                    self.push(&lead, &rest, &text);
                } else if rest.width() > DEEPEST {
                    let text = format!("{} -> {} (below)", says(edge), edge.to);
                    self.push(&lead, &rest, &text);
                } else {
                    self.push(&lead, &rest, &says(edge));
                    self.node(&edge.to, &rest);
                }
            }
            return;
        }
    }
}
