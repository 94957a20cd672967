//! Which of the scenario's agents a request comes from: its instructions say it.
//!
//! Does not know: what is asked.

use crate::agents::Graph;
use crate::journal::AgentId;
use crate::llm::chat::ChatRequest;
use crate::llm::model::GuardErrors;
use crate::llm::setup::Setup;
use crate::scenario::Scenario;

/// Bytes of the shortest instructions that are looked for within longer ones.
const SHORTEST: usize = 20;

/// A variation of an agent.
#[derive(Clone, Copy, Debug)]
pub struct OwnSetup {
    /// The agent.
    pub agent: AgentId,
    /// How it is set up.
    pub setup: &'static Setup,
    /// How it errs as a guard, as far as it says.
    guard: GuardErrors,
    /// The model's id.
    model: &'static str,
}

/// The variations of all agents.
#[derive(Clone, Debug)]
pub struct OwnSetups(Vec<OwnSetup>);

impl OwnSetups {
    /// Those of a scenario whose instructions are long enough to be recognized, the longest first.
    #[must_use]
    pub fn of(scenario: &'static Scenario) -> Self {
        let graph: &Graph = &scenario.graph;
        let mut all = Vec::new();
        for (agent, config) in graph.agents().zip(&scenario.configs) {
            for variation in &config.variations {
                let setup = &variation.setup;
                if setup.instructions.trim().len() >= SHORTEST {
                    let model = scenario.models.get(usize::from(setup.model));
                    let model = model.map_or("", |model| model.id.as_str());
                    all.push(OwnSetup { agent, setup, guard: variation.guard, model });
                }
            }
        }
        all.sort_by_key(|own| std::cmp::Reverse(own.setup.instructions.trim().len()));
        Self(all)
    }

    /// The variation whose instructions a request has: of several with the same, the one of its
    /// model.
    #[must_use]
    pub fn of_request(&self, request: &ChatRequest) -> Option<OwnSetup> {
        let system = request.system.as_deref()?;
        let told = |own: &OwnSetup| system.contains(own.setup.instructions.trim());
        let first = self.0.iter().find(|own| told(own))?;
        let same = |own: &&OwnSetup| {
            own.setup.instructions.trim() == first.setup.instructions.trim()
                && own.model == request.model
        };
        Some(*self.0.iter().find(same).unwrap_or(first))
    }

    /// How a guard errs that sends this request; `None` where several of its variations have these
    /// instructions and this model, and err differently: the request does not say which one it is.
    #[must_use]
    pub fn guard(&self, agent: AgentId, request: &ChatRequest) -> Option<GuardErrors> {
        let system = request.system.as_deref()?;
        let told = |own: &&OwnSetup| {
            own.agent == agent
                && own.model == request.model
                && system.contains(own.setup.instructions.trim())
        };
        let first = self.0.iter().find(told)?;
        let same = |own: &&OwnSetup| {
            told(own) && own.setup.instructions.trim() == first.setup.instructions.trim()
        };
        self.0.iter().filter(same).all(|own| own.guard == first.guard).then_some(first.guard)
    }
}
