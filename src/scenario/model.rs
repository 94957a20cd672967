//! A scenario, resolved: each room's own specification. No names to look up and no numbers to
//! doubt.

use std::collections::BTreeSet;

use super::injected::FaultRule;
use super::lesson::Lesson;
use super::study::{Study, WatchedRollout};
use crate::agents::{BusinessOutcome, ConfigSetup, Graph};
use crate::diagnostic::shell_argument;
use crate::event::SdkFamily;
use crate::experiment::{Experiment, Metric};
use crate::flags::spec::ProjectSpec;
use crate::judge::JudgeSpec;
use crate::knowledge::KnowledgeBase;
use crate::llm::profile::ModelProfile;
use crate::llm::setup::{Causes, Setup, ToolSpec};
use crate::llm::wire::{PROVIDERS, Provider};
use crate::metrics::Varies;
use crate::random::Seed;
use crate::time::Duration;
use crate::traffic::{AudienceGroup, TrafficSpec};

/// One whole experiment, or several on the same traffic.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name: the file's, without folder and ending.
    pub name: String,
    /// What names it on the command line: its path as it was given, or the name of a built-in one.
    pub named_as: String,
    /// Digest of its file's text: XXH3, 128 bits, in hexadecimal.
    pub digest: String,
    /// Its title, one line.
    pub title: String,
    /// The seed of all random numbers.
    pub seed: Seed,
    /// What users ask about and tools search.
    pub knowledge: KnowledgeBase,
    /// The models; others refer to them by index.
    pub models: Vec<ModelProfile>,
    /// The tools; others refer to them by index.
    pub tools: Vec<ToolSpec>,
    /// How the agents work together.
    pub graph: Graph,
    /// Its other forms, with the same agents in other ways: what the second and later variations of
    /// its config serve.
    pub graph_variations: Vec<Graph>,
    /// The agents' AI configs, in the order of the graph's nodes; then that of the graph itself, where
    /// it has variations.
    pub configs: Vec<ConfigSetup>,
    /// What may come of a visit for the business.
    pub outcomes: Vec<BusinessOutcome>,
    /// How the app tells LaunchDarkly of its agents.
    pub events: SdkFamily,
    /// How long after its last visit the experiment ends; `None`: it waits for all outcomes.
    pub ends_after: Option<Duration>,
    /// The causes behind effects.
    pub causes: Causes,
    /// The judge.
    pub judge: JudgeSpec,
    /// What the judge's model is told.
    pub judge_setup: Setup,
    /// Who comes, how, and with what.
    pub traffic: TrafficSpec,
    /// What the writer's model is told.
    pub writer_setup: Setup,
    /// What LaunchDarkly has to hold.
    pub project: ProjectSpec,
    /// All metrics; experiments refer to them by index.
    pub metrics: Vec<Metric>,
    /// The experiments, each with all that belongs to it.
    pub studies: Vec<Study>,
    /// Guarded rollouts that metrics watch over.
    pub rollouts: Vec<WatchedRollout>,
    /// The faults that `serve` commits; a run has those of its models alone.
    pub faults: Vec<FaultRule>,
    /// What it teaches.
    pub lesson: Option<Lesson>,
}

#[expect(
    clippy::indexing_slicing,
    reason = "what a scenario refers to by index, loading it has resolved to a place in these lists"
)]
impl Scenario {
    /// The model with this index.
    #[must_use]
    pub fn model(&self, model: u16) -> &ModelProfile {
        &self.models[usize::from(model)]
    }

    /// The tool with this index.
    #[must_use]
    pub fn tool(&self, tool: u16) -> &ToolSpec {
        &self.tools[usize::from(tool)]
    }

    /// The AI config with this index, which is its agent's.
    #[must_use]
    pub fn config(&self, config: u8) -> &ConfigSetup {
        &self.configs[usize::from(config)]
    }

    /// The audience group with this index.
    #[must_use]
    pub fn group(&self, group: u16) -> &AudienceGroup {
        &self.traffic.audience[usize::from(group)]
    }

    /// The metric with this index.
    #[must_use]
    pub fn metric(&self, metric: usize) -> &Metric {
        &self.metrics[metric]
    }
}

impl Scenario {
    /// Every provider: those of the table, then those that the scenario names by their address.
    #[must_use]
    pub fn providers(&self) -> Vec<Provider> {
        let own: BTreeSet<Provider> = self
            .models
            .iter()
            .map(|model| model.provider)
            .filter(|provider| !PROVIDERS.contains(provider))
            .collect();
        PROVIDERS.iter().copied().chain(own).collect()
    }

    /// The experiments alone.
    #[must_use]
    pub fn experiments(&self) -> Vec<&Experiment> {
        self.studies.iter().map(|study| &study.experiment).collect()
    }

    /// The keys of the outcomes' events, in their order.
    pub fn outcome_keys(&self) -> impl Iterator<Item = &str> {
        self.outcomes.iter().map(|outcome| outcome.key.as_str())
    }

    /// What names it on the command line of a shell: in quotes where it has to be.
    #[must_use]
    pub fn as_argument(&self) -> String {
        shell_argument(&self.named_as)
    }

    /// Whether an experiment is one on the graph itself.
    #[must_use]
    pub fn varies_graph(&self, experiment: &Experiment) -> bool {
        !self.graph_variations.is_empty() && experiment.config == self.graph.key
    }

    /// Which form of the graph a variation of it serves: 0 is the graph as it stands.
    #[must_use]
    pub fn form_of_graph(&self, variation: &str) -> Option<usize> {
        let config = self.configs.get(self.graph.configs())?;
        config.variations.iter().position(|own| own.variation == variation)
    }

    /// A form of the graph.
    #[must_use]
    pub fn graph_form(&self, form: usize) -> Option<&Graph> {
        match form.checked_sub(1) {
            None => Some(&self.graph),
            Some(at) => self.graph_variations.get(at),
        }
    }

    /// What the experiments vary, for a reader of the journal.
    #[must_use]
    pub fn varies(&self) -> Vec<Varies> {
        self.studies.iter().map(|study| study.varies.clone()).collect()
    }
}
