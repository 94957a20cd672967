//! A graph of agents, resolved: agents by number, edges that can be taken, branches that meet.
//!
//! Guarantees: every agent of a graph that it lets through can be reached, every visit ends, and
//! every end has an answer.
//!
//! Does not know: how a visit walks.

use std::collections::BTreeSet;

use super::catalog::{self, DraftConfig, DraftVariation};
use super::faults::Faults;
use super::source::{self, WrittenRole as Role};
use super::spanned::Spanned;
use super::steps;
use super::traffic::sum_to_whole;
use crate::agents::{
    AgentNode, AtBudget, Edge, Graph, GuardSpec, Handover, MAX_AGENTS, MAX_BRANCHES, NodeRole, When,
};
use crate::journal::AgentId;
use crate::knowledge::tokens::count;
use crate::llm::chat::Caching;
use crate::llm::model::{GuardErrors, RouteChoice};
use crate::llm::tasks::handoff_tool;

/// What a guard tells users where the file says nothing. Assumed.
const REFUSAL: &str = "I'm sorry, but I can't help with that request.";

/// The variation that a node gives right where it stands.
pub const OWN_VARIATION: &str = "default";

/// The AI configs of a graph's nodes, before `configs` changes them.
pub fn drafts(written: &source::WrittenGraph, faults: &mut Faults<'_>) -> Vec<DraftConfig> {
    faults.keys("agent", "", &written.nodes);
    if let Some(key) = &written.key {
        faults.key("agent graph", key);
    }
    let named = written.name();
    if let Some((agent, _)) = written.nodes.0.iter().find(|(agent, _)| agent.value == named) {
        let graph = written.key.as_ref().map_or(&(0..0), |key| &key.span);
        faults.add_pair(
            format!("the graph and one of its agents have the key `{named}`"),
            [(graph, "the graph"), (&agent.span, "an agent")],
            Some(
                "LaunchDarkly's SDKs receive both by key; give the graph another `key`".to_owned(),
            ),
        );
    }
    if let Some((key, _)) = written.nodes.0.get(MAX_AGENTS) {
        faults.add(
            format!("more than {MAX_AGENTS} agents"),
            &key.span,
            "the first one too many",
            None,
        );
    }
    let mut known = catalog::configs();
    let mut drafts: Vec<DraftConfig> = Vec::new();
    for (key, node) in written.nodes.0.iter().take(MAX_AGENTS) {
        if drafts.iter().any(|draft| draft.key == key.value) {
            continue;
        }
        let role = match steps::step(node, faults) {
            Some(step) => NodeRole::Step(step),
            None => role(node, faults),
        };
        let catalogued = known.iter().position(|config| config.key == key.value);
        let draft = match catalogued {
            Some(at) if node.model.is_none() && role.step().is_none() => {
                DraftConfig { role, ..known.swap_remove(at) }
            }
            _ => DraftConfig {
                key: key.value.clone(),
                variations: node
                    .model
                    .iter()
                    .filter(|_| role.step().is_none())
                    .map(|_| own(node, &role, faults))
                    .collect(),
                role,
                own: true,
                rules: Vec::new(),
                default: OWN_VARIATION.to_owned(),
            },
        };
        drafts.push(draft);
    }
    drafts
}

/// A variation that says nothing yet.
pub fn blank(key: &str, role: &NodeRole) -> DraftVariation {
    DraftVariation {
        key: key.to_owned(),
        name: catalog::title(key),
        model: String::new(),
        instructions: usual_instructions(role).to_owned(),
        tools: Vec::new(),
        max_tokens: None,
        temperature: None,
        answer_tokens: None,
        reasoning_tokens: None,
        max_tool_calls: 5,
        session_budget: None,
        at_budget: AtBudget::StopTools,
        caching: Caching::Off,
        fallback: None,
        crash: None,
        cold_start: None,
        guard: GuardErrors::default(),
        effects: Vec::new(),
    }
}

/// The variation that a node gives right where it stands.
fn own(node: &source::WrittenNode, role: &NodeRole, faults: &mut Faults<'_>) -> DraftVariation {
    let mut own = blank(OWN_VARIATION, role);
    own.model = node.model.as_ref().map(|model| model.value.clone()).unwrap_or_default();
    if let Some(instructions) = &node.instructions {
        own.instructions.clone_from(instructions);
    }
    if let Some(first) = node.tools.iter().flatten().next()
        && !matches!(role, NodeRole::Answer | NodeRole::Research)
    {
        faults.add(
            "an agent with this role uses no tools",
            &first.span,
            "nothing would call it",
            Some("give the tools to an agent that answers or researches".to_owned()),
        );
    }
    own.tools = node.tools.iter().flatten().map(|tool| tool.value.clone()).collect();
    if let Some(most) = &node.max_tool_calls {
        own.max_tool_calls = faults.whole("max_tool_calls", most, 0..=100);
    }
    if let Some(tokens) = &node.answer_tokens {
        own.answer_tokens = Some(faults.range("answer_tokens", tokens, 12.0, 100_000.0));
    }
    if let Some(tokens) = &node.reasoning_tokens {
        own.reasoning_tokens = Some(faults.range("reasoning_tokens", tokens, 0.0, 100_000.0));
    }
    if let Some(caching) = &node.prompt_caching {
        own.caching = caching.value.meaning();
    }
    own
}

/// What an agent is told where the file says nothing.
fn usual_instructions(role: &NodeRole) -> &'static str {
    match role {
        NodeRole::Prescreen => "Say whether the message has personal data, and where it goes.",
        NodeRole::Screen => catalog::BASIC,
        NodeRole::Step(_) => "",
        NodeRole::Guard(_) => "Say whether the request may be answered, and why.",
        NodeRole::Route { .. } => "Hand the message over to whoever can answer it best.",
        NodeRole::Plan(..) => "Split the question into subtasks that can be researched one by one.",
        NodeRole::Research => "Find out what the subtask asks for, and report it in short.",
        NodeRole::Answer => "You are a helpful assistant. Answer the user's question.",
        NodeRole::Critique { .. } => {
            "Look the answer over. Say whether it has to be written again, and what has to change."
        }
    }
}

fn role(node: &source::WrittenNode, faults: &mut Faults<'_>) -> NodeRole {
    let Some(written) = &node.role else { return NodeRole::Answer };
    match &written.value {
        Role::Answer => NodeRole::Answer,
        Role::Research => NodeRole::Research,
        Role::Screen => NodeRole::Screen,
        // What a step is stands in `steps`.
        Role::Step { .. } => NodeRole::Research,
        Role::Guard { misses, false_stops, refusal } => {
            if let Some(empty) = refusal.as_ref().filter(|text| text.value.trim().is_empty()) {
                let help = "write what the user is told, or leave `refusal` out".to_owned();
                faults.add("the refusal is empty", &empty.span, "it says nothing", Some(help));
            }
            let refusal = refusal.as_ref().map_or(REFUSAL, |text| text.value.as_str());
            let [misses, false_stops] = [misses, false_stops].map(|p| p.map(|p| p.get()));
            NodeRole::Guard(GuardSpec {
                errors: GuardErrors { misses, false_stops },
                refusal: refusal.into(),
            })
        }
        Role::Prescreen => NodeRole::Prescreen,
        Role::Plan { subtasks } => {
            let (least, most) = subtasks.value;
            if least == 0 || least > most || most > MAX_BRANCHES {
                let help = "write the fewest and the most, `subtasks: (2, 4)`".to_owned();
                faults.add(
                    "the number of subtasks is out of range",
                    &subtasks.span,
                    format!("expected two numbers from 1 to {MAX_BRANCHES}, the smaller one first"),
                    Some(help),
                );
            }
            NodeRole::Plan(least.clamp(1, MAX_BRANCHES), most.clamp(1, MAX_BRANCHES))
        }
        Role::Critique { catches, nags, mends, breaks } => {
            let [catches, nags] = [catches, nags].map(|p| p.map(|p| p.get()));
            let [mends, breaks] = [mends, breaks].map(|p| p.get());
            if mends + breaks > 1.0 {
                faults.add(
                    "`mends` and `breaks` are more than 1 together",
                    &written.span,
                    format!("{mends} and {breaks}"),
                    Some("a second answer is better, worse or as good".to_owned()),
                );
            }
            NodeRole::Critique { catches, nags, mends, breaks }
        }
        Role::Route { intents, accuracy } => {
            faults.keys("intent", "", &source_keys(intents));
            sum_to_whole(
                "the shares of the intents do",
                intents.value.0.iter().map(|(_, share)| *share),
                intents,
                faults,
            );
            let mut up_to = 0.0;
            let route = |(name, share): &(Spanned<String>, crate::quantity::Share)| {
                up_to += share.fraction();
                let call = format!("{} {{}}", handoff_tool(&name.value));
                let tokens = count(&call);
                RouteChoice { name: name.value.clone(), up_to, call, tokens }
            };
            let routes = intents.value.0.iter().map(route).collect();
            NodeRole::Route { routes, accuracy: accuracy.map(|p| p.get()) }
        }
    }
}

/// The names of intents, without their shares.
fn source_keys(
    intents: &Spanned<super::spanned::Entries<crate::quantity::Share>>,
) -> super::spanned::Entries<()> {
    super::spanned::Entries(intents.value.0.iter().map(|(key, _)| (key.clone(), ())).collect())
}

/// The written edges of a graph whose ends are known, with their agents.
struct WrittenEdges<'w> {
    edges: Vec<(usize, usize, &'w source::WrittenEdge)>,
    agents: usize,
}

/// The graph of these configs; the agents in `elsewhere` need not be reached in it.
pub(super) fn graph(
    written: &source::WrittenGraph,
    drafts: &[DraftConfig],
    elsewhere: &BTreeSet<String>,
    faults: &mut Faults<'_>,
) -> Graph {
    let keys = || drafts.iter().map(|draft| draft.key.as_str());
    let root = faults.look_up("agent", &written.root, keys());
    let mut leads = WrittenEdges { edges: Vec::new(), agents: drafts.len() };
    for edge in &written.edges {
        let from = faults.look_up("agent", &edge.from, keys());
        let to = faults.look_up("agent", &edge.to, keys());
        if let (Some(from), Some(to)) = (from, to) {
            leads.edges.push((from, to, edge));
        }
    }
    let complete = root.is_some() && leads.edges.len() == written.edges.len();
    let mut nodes: Vec<AgentNode> = drafts
        .iter()
        .map(|draft| AgentNode {
            name: draft.key.clone(),
            role: draft.role.clone(),
            edges: Vec::new(),
            joins_at: None,
            required: false,
            place: place(&draft.key),
        })
        .collect();
    for &(from, to, edge) in &leads.edges {
        let Some(draft) = drafts.get(from) else { continue };
        let when = when(edge, draft, faults);
        let at_most = edge
            .at_most
            .as_ref()
            .map_or(0, |most| faults.whole("at_most", most, 1..=u32::from(MAX_BRANCHES) - 1) as u8);
        let hands_over = match edge.hands_over {
            Some(source::WrittenHandover::Text) => Handover::Text,
            Some(source::WrittenHandover::Original) => Handover::Original,
            Some(source::WrittenHandover::Results) => Handover::Results,
            Some(source::WrittenHandover::Thread) => Handover::Thread,
            Some(source::WrittenHandover::Report) => Handover::Report,
            None if draft.role.prepares()
                && !matches!(draft.role, NodeRole::Guard(_) | NodeRole::Step(_)) =>
            {
                Handover::Text
            }
            None => Handover::Results,
        };
        let Some(node) = nodes.get_mut(from) else { continue };
        // A share is of those that no edge before it took.
        let before: f64 = node
            .edges
            .iter()
            .map(|edge| if let When::Share(up_to) = edge.when { up_to } else { 0.0 })
            .fold(0.0, f64::max);
        let when = match when {
            When::Share(share) => When::Share(before + share),
            when => when,
        };
        if let (When::Share(up_to), Some(written)) = (when, &edge.when)
            && up_to > 1.0 + 1e-9
        {
            faults.add(
                format!("the shares of the edges from `{}` are more than 100%", edge.from.value),
                &written.span,
                format!("{}% with those before it", up_to * 100.0),
                None,
            );
        }
        node.edges.push(Edge {
            to: AgentId(to as u8),
            when,
            at_most,
            joins: edge.join,
            hands_over,
        });
    }
    if complete && let Some(root) = root {
        leads.check(written, root, (&mut nodes, elsewhere), faults);
    }
    let root = AgentId(root.unwrap_or_default() as u8);
    let graph = Graph { key: written.name().to_owned(), root, nodes };
    if complete {
        steps::check_root(written, &graph, faults);
    }
    graph
}

/// Whose draws an agent's calls have: a digest of its key, so that other agents move none of them.
fn place(key: &str) -> u64 {
    (xxhash_rust::xxh3::xxh3_64(key.as_bytes()) & !0xffff) | 1 << 16
}

fn when(edge: &source::WrittenEdge, from: &DraftConfig, faults: &mut Faults<'_>) -> When {
    let Some(written) = &edge.when else { return When::Always };
    let mut wrong = |fits: bool, what: &str, role: &str| {
        if !fits {
            faults.add(
                format!("`{}` {what}", from.key),
                &written.span,
                format!("only an agent whose role is `{role}` does"),
                Some(format!("write `role: {role}` for `{}`, or another `when`", from.key)),
            );
        }
    };
    match &written.value {
        source::WrittenWhen::Always => When::Always,
        source::WrittenWhen::Share(share) => When::Share(share.fraction()),
        source::WrittenWhen::Parallel => When::Parallel,
        source::WrittenWhen::Failed => When::Failed,
        source::WrittenWhen::Subtask => {
            wrong(matches!(from.role, NodeRole::Plan(..)), "has no subtasks", "Plan(…)");
            When::Subtask
        }
        source::WrittenWhen::Revise => {
            wrong(
                matches!(from.role, NodeRole::Critique { .. }),
                "sends no answer back",
                "Critique()",
            );
            When::Revise
        }
        source::WrittenWhen::Intent(name) => match &from.role {
            NodeRole::Route { routes, .. } => {
                let known = routes.iter().map(|route| route.name.as_str());
                let at = faults.look_up_in("intent", &from.key, name, known);
                When::Route(at.unwrap_or_default() as u16)
            }
            NodeRole::Prescreen => {
                let at = faults.look_up_in("intent", &from.key, name, ["screen", "pass"]);
                When::Route(at.unwrap_or_default() as u16)
            }
            _ => {
                wrong(false, "chooses no intent", "Route(…)");
                When::Always
            }
        },
    }
}

impl WrittenEdges<'_> {
    /// The agents that can be reached from `start` along edges that `open` lets through.
    fn reach(
        &self,
        start: impl IntoIterator<Item = usize>,
        open: impl Fn(usize, usize, &source::WrittenEdge) -> bool,
    ) -> BTreeSet<usize> {
        let mut seen: BTreeSet<usize> = start.into_iter().collect();
        let mut next: Vec<usize> = seen.iter().copied().collect();
        while let Some(at) = next.pop() {
            for &(from, to, edge) in &self.edges {
                if from == at && open(from, to, edge) && seen.insert(to) {
                    next.push(to);
                }
            }
        }
        seen
    }

    /// Checks that the edges make sense together, and notes where branches meet and which agents
    /// every visit has to pass.
    fn check(
        &self,
        written: &source::WrittenGraph,
        root: usize,
        (nodes, elsewhere): (&mut [AgentNode], &BTreeSet<String>),
        faults: &mut Faults<'_>,
    ) {
        let name = |at: usize| written.nodes.0.get(at).map(|(key, _)| key.clone());
        let reached = self.reach([root], |_, _, _| true);
        for at in (0..self.agents).filter(|at| !reached.contains(at)) {
            let Some(key) = name(at).filter(|key| !elsewhere.contains(&key.value)) else {
                continue;
            };
            let help = format!("add an edge, `(from: …, to: \"{}\")`, or remove it", key.value);
            faults.add(
                format!("no edge leads to agent `{}`", key.value),
                &key.span,
                format!("not to be reached from `{}`", written.root.value),
                Some(help),
            );
        }
        self.check_order(faults);
        self.check_loops(root, faults);
        for (at, node) in nodes.iter().enumerate() {
            let critic = matches!(node.role, NodeRole::Critique { .. });
            let critic = critic && reached.contains(&at);
            let Some(key) = name(at).filter(|_| critic) else { continue };
            if !node.edges.iter().any(|edge| edge.when == When::Revise) {
                let help = format!(
                    "add an edge back, `(from: \"{}\", to: …, when: Revise, at_most: 1)`",
                    key.value
                );
                faults.add(
                    format!("`{}` looks answers over, and no edge sends them back", key.value),
                    &key.span,
                    "it costs time and money and changes nothing",
                    Some(help),
                );
            }
        }
        self.check_branches(written, nodes, faults);
        self.check_ends(written, root, nodes, faults);
        let ends = |at: usize| self.can_end(at, nodes);
        let required: Vec<bool> = (0..self.agents)
            .map(|own| {
                let around = self
                    .reach([root].into_iter().filter(|&at| at != own), |_, to, edge| {
                        to != own && !fails(edge)
                    });
                own == root || !around.iter().any(|&at| ends(at))
            })
            .collect();
        for (node, required) in nodes.iter_mut().zip(required) {
            node.required = required && !node.role.optional() && node.role.step().is_none();
        }
    }

    /// No way comes after one that is always taken.
    fn check_order(&self, faults: &mut Faults<'_>) {
        for (nth, (from, _, edge)) in self.edges.iter().enumerate() {
            let always = self.edges.iter().take(nth).find(|(earlier, _, other)| {
                let alike = parallel(other) && parallel(edge);
                earlier == from && certain(other) && !alike
            });
            if let Some((_, _, first)) = always
                && !fails(edge)
            {
                let places = [(&first.to.span, "always taken"), (&edge.to.span, "never taken")];
                faults.add_pair(
                    format!("an edge from `{}` can never be taken", edge.from.value),
                    places,
                    Some("put the way that is always taken last".to_owned()),
                );
            }
            let again = self.edges.iter().take(nth).find(|(earlier, _, other)| {
                earlier == from
                    && parallel(other)
                    && parallel(edge)
                    && other.to.value == edge.to.value
            });
            if let Some((_, _, first)) = again {
                let places =
                    [(&first.to.span, "the first time"), (&edge.to.span, "the second time")];
                faults.add_pair(
                    format!("two branches from `{}` lead to the same agent", edge.from.value),
                    places,
                    Some("make a second agent, or let a planning agent have subtasks".to_owned()),
                );
            }
        }
    }

    /// Every way back is bounded.
    fn check_loops(&self, root: usize, faults: &mut Faults<'_>) {
        let free = |edge: &source::WrittenEdge| edge.at_most.is_none();
        // An edge back leads to an agent that a visit reaches without the agent that it comes from.
        let leads_back = |from: usize, to: usize| {
            from != root && self.reach([root], |_, next, _| next != from).contains(&to)
        };
        let in_loop = |&&(from, to, edge): &&(usize, usize, &source::WrittenEdge)| {
            free(edge) && self.reach([to], |_, _, other| free(other)).contains(&from)
        };
        let loops = || self.edges.iter().filter(in_loop);
        let back = loops().find(|(from, to, _)| leads_back(*from, *to));
        let Some(&(from, to, edge)) = back.or_else(|| loops().next()) else { return };
        let (what, label) = if from == to {
            (format!("`{}` can repeat forever", edge.from.value), "an edge back")
        } else {
            (
                format!("`{}` and `{}` can repeat forever", edge.to.value, edge.from.value),
                "an edge that comes back",
            )
        };
        let help = "write `at_most: 1` on the edge back, or more if it may be taken more often";
        faults.add(what, &edge.to.span, label, Some(help.to_owned()));
    }

    /// Branches meet, once, and no branch has branches of its own.
    fn check_branches(
        &self,
        written: &source::WrittenGraph,
        nodes: &mut [AgentNode],
        faults: &mut Faults<'_>,
    ) {
        let splits = |edge: &source::WrittenEdge| parallel(edge) || subtask(edge);
        let mut met: Vec<*const source::WrittenEdge> = Vec::new();
        for own in 0..self.agents {
            let starts: Vec<(usize, &source::WrittenEdge)> = self
                .edges
                .iter()
                .filter(|(from, _, edge)| *from == own && splits(edge))
                .map(|&(_, to, edge)| (to, edge))
                .collect();
            let Some(&(_, first)) = starts.first() else { continue };
            let at = starts.iter().filter(|(_, edge)| !edge.join).map(|(to, _)| *to);
            let inside = self.reach(at, |_, _, edge| !edge.join && !splits(edge));
            if let Some((_, _, edge)) =
                self.edges.iter().find(|(from, _, edge)| inside.contains(from) && splits(edge))
            {
                faults.add(
                    format!("`{}` has branches inside of a branch", edge.from.value),
                    &edge.to.span,
                    "only one level of branches can run side by side",
                    Some("let the branches meet before they split again".to_owned()),
                );
            }
            let guard = |&&at: &&usize| {
                nodes.get(at).is_some_and(|node| matches!(node.role, NodeRole::Guard(_)))
            };
            if let Some((key, _)) =
                inside.iter().find(guard).and_then(|&at| written.nodes.0.get(at))
            {
                let label = "the branches beside it would go on";
                let help = "put it before the branches begin, or after they meet".to_owned();
                let message = format!("`{}` guards one of several branches", key.value);
                faults.add(message, &key.span, label, Some(help));
            }
            let joins: Vec<&(usize, usize, &source::WrittenEdge)> = self
                .edges
                .iter()
                .filter(|(from, _, edge)| edge.join && inside.contains(from))
                .collect();
            met.extend(joins.iter().map(|(_, _, edge)| std::ptr::from_ref(*edge)));
            match joins.first() {
                None => {
                    let help = "write `join: true` on the edges that lead to the agent after them";
                    faults.add(
                        format!("the branches from `{}` never meet", first.from.value),
                        &first.to.span,
                        "a branch begins here",
                        Some(help.to_owned()),
                    );
                }
                Some((_, to, meets)) => {
                    if let Some((_, _, other)) = joins.iter().find(|(_, other, _)| other != to) {
                        let places =
                            [(&meets.to.span, "some meet here"), (&other.to.span, "others here")];
                        faults.add_pair(
                            format!("the branches from `{}` meet at two agents", first.from.value),
                            places,
                            Some("let all of them lead to one agent".to_owned()),
                        );
                    }
                    if let Some(node) = nodes.get_mut(own) {
                        node.joins_at = Some(AgentId(*to as u8));
                    }
                }
            }
        }
        for (_, _, edge) in &self.edges {
            if edge.join && !met.contains(&std::ptr::from_ref(*edge)) {
                faults.add(
                    format!("`{}` waits for branches that no agent starts", edge.to.value),
                    &edge.to.span,
                    "`join` without an edge `Parallel` or `Subtask` before it",
                    Some("remove `join: true`".to_owned()),
                );
            }
        }
    }

    /// Whether a visit can end at an agent that has done its work.
    fn can_end(&self, at: usize, nodes: &[AgentNode]) -> bool {
        let own: Vec<&source::WrittenEdge> = self
            .edges
            .iter()
            .filter(|(from, _, _)| *from == at)
            .map(|(_, _, edge)| *edge)
            .collect();
        if own.iter().any(|edge| certain(edge) || parallel(edge)) {
            return false;
        }
        let Some(node) = nodes.get(at) else { return true };
        let routes = match &node.role {
            NodeRole::Route { routes, .. } => routes.len(),
            NodeRole::Prescreen => 2,
            _ => return true,
        };
        let chosen =
            |route: usize| node.edges.iter().any(|edge| edge.when == When::Route(route as u16));
        !(0..routes).all(chosen)
    }

    /// Every end has an answer.
    fn check_ends(
        &self,
        written: &source::WrittenGraph,
        root: usize,
        nodes: &[AgentNode],
        faults: &mut Faults<'_>,
    ) {
        let answers = |at: usize| nodes.get(at).is_some_and(|node| node.role == NodeRole::Answer);
        let start = [root].into_iter().filter(|&at| !answers(at));
        let unanswered = self.reach(start, |_, to, edge| !answers(to) && !fails(edge));
        for at in unanswered.into_iter().filter(|&at| self.can_end(at, nodes)) {
            let Some((key, _)) = written.nodes.0.get(at) else { continue };
            if nodes.get(at).is_some_and(|node| matches!(node.role, NodeRole::Guard(_))) {
                let help = "add an edge from it to an agent that answers, or put it after one";
                faults.add(
                    format!("nobody answers the requests that `{}` lets through", key.value),
                    &key.span,
                    "a guard with nothing after it, and no answer before it",
                    Some(help.to_owned()),
                );
                continue;
            }
            let open = match nodes.get(at).map(|node| (&node.role, &node.edges)) {
                Some((NodeRole::Route { routes, .. }, edges)) => routes
                    .iter()
                    .enumerate()
                    .find(|(nth, _)| {
                        !edges.iter().any(|edge| edge.when == When::Route(*nth as u16))
                    })
                    .map(|(_, route)| format!("no agent answers the intent `{}`", route.name)),
                _ => None,
            };
            faults.add(
                format!("a visit can end at `{}` without an answer", key.value),
                &key.span,
                open.unwrap_or_else(|| "no agent before it answers".to_owned()),
                Some("add an edge from it to an agent whose role is `Answer`".to_owned()),
            );
        }
    }
}

fn parallel(edge: &source::WrittenEdge) -> bool {
    matches!(edge.when.as_ref().map(|when| &when.value), Some(source::WrittenWhen::Parallel))
}

fn subtask(edge: &source::WrittenEdge) -> bool {
    matches!(edge.when.as_ref().map(|when| &when.value), Some(source::WrittenWhen::Subtask))
}

fn fails(edge: &source::WrittenEdge) -> bool {
    matches!(edge.when.as_ref().map(|when| &when.value), Some(source::WrittenWhen::Failed))
}

/// Whether an edge is taken whenever it is looked at.
fn certain(edge: &source::WrittenEdge) -> bool {
    let always = matches!(
        edge.when.as_ref().map(|when| &when.value),
        None | Some(
            source::WrittenWhen::Always
                | source::WrittenWhen::Subtask
                | source::WrittenWhen::Parallel
        )
    );
    always && edge.at_most.is_none()
}
