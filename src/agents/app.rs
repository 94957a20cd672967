//! What visits share and are given: the app around the agents, a question's brief, what evaluation
//! served.
//!
//! Does not know: how a visit goes.

use smallvec::SmallVec;

use crate::agents::graph::Graph;
use crate::agents::library::Library;
use crate::agents::outcome::BusinessOutcome;
use crate::agents::spec::{AgentSetup, ConfigSetup};
use crate::journal::{AgentId, Served};
use crate::judge::JudgeSpec;
use crate::knowledge::{Answer, Complexity, PiiSet, Question, TopicId};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::Setup;
use crate::llm::usage::UsageTables;
use crate::time::{Duration, Timestamp};
use crate::traffic::ConversationSpec;

/// The app around the agents: everything that visits share and none of them changes.
#[derive(Clone, Copy, Debug)]
pub struct App<'a> {
    /// The models, by index.
    pub models: &'a [ModelProfile],
    /// How the agents work together.
    pub graph: &'a Graph,
    /// Other forms of it, in the order of the variations of its config after the first.
    pub graph_variations: &'a [Graph],
    /// Their AI configs, in the same order; then that of the graph itself, where it has variations.
    pub configs: &'a [ConfigSetup],
    /// The judge.
    pub judge: &'a JudgeSpec,
    /// What the judge's model is told.
    pub judge_setup: &'a Setup,
    /// What the writer's model is told.
    pub writer_setup: &'a Setup,
    /// Tokens of fixed texts.
    pub usage: &'a UsageTables<'a>,
    /// What tools give back.
    pub library: &'a Library<'a>,
    /// What may come of a visit for the business.
    pub outcomes: &'a [BusinessOutcome],
    /// How long after its last visit the experiment ends: later outcomes are not counted. `None`:
    /// it waits for all.
    pub ends_after: Option<Duration>,
    /// How many questions a user asks; `None`: one for each visit.
    pub conversation: Option<ConversationSpec>,
    /// How often each answer is judged: at least once.
    pub judgings: u16,
    /// Whether any variation has an effect that the scenario states.
    pub states_effects: bool,
}

#[expect(
    clippy::indexing_slicing,
    reason = "models, configs and variations are numbered by the scenario that these lists come from"
)]
impl<'a> App<'a> {
    /// What a variation tells its agent.
    pub(super) fn setup(&self, served: Served) -> &'a AgentSetup {
        &self.configs[usize::from(served.config)].variations[usize::from(served.variation)]
    }

    /// Which form of the graph was served: 0 is `graph` itself.
    #[must_use]
    pub fn form(&self, assigned: &[Assignment]) -> u8 {
        if self.graph_variations.is_empty() {
            return 0;
        }
        let own = assigned.get(self.graph.configs()).and_then(|own| own.served);
        own.map_or(0, |own| own.variation)
    }

    /// The app with each form of the graph.
    #[must_use]
    pub fn forms(self) -> Vec<Self> {
        let others = self.graph_variations.iter().map(|graph| Self { graph, ..self });
        std::iter::once(self).chain(others).collect()
    }

    /// The model with this index.
    pub(super) fn model(&self, model: u16) -> &ModelProfile {
        &self.models[usize::from(model)]
    }
}

/// What the traffic plan knows of a question before it is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Brief {
    /// What it is about.
    pub topic: TopicId,
    /// How deep it goes.
    pub complexity: Complexity,
    /// Whether it is to carry personal data.
    pub personal: bool,
    /// Whether a guard should stop it.
    pub harmful: bool,
    /// The question itself, where nobody has to write it.
    pub asks: Option<Question>,
}

/// An earlier visit of a user, as the agents that answer are told of it: what was asked, with what
/// was redacted in it, and what was answered.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exchange {
    /// The question.
    pub question: Question,
    /// Personal data that was redacted in it.
    pub redacted: PiiSet,
    /// The answer.
    pub answer: Answer,
}

/// When the model of each agent that answered in the turn before was called last.
pub type CallTimes = SmallVec<[(AgentId, Timestamp); 1]>;

/// What evaluation served of each agent's config, in the order of the agents.
pub type Assignments = SmallVec<[Assignment; 4]>;

/// What evaluation served of one config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Config and variation; `None` when the config is disabled for the user.
    pub served: Option<Served>,
    /// Whether that is an exposure.
    pub in_experiment: bool,
}
