//! A scenario, resolved: each room's own specification. No names to look up and no numbers to doubt.

use super::injected::FaultRule;
use super::lesson::Lesson;
use crate::agents::ConfigSetup;
use crate::experiment::{Experiment, Guard, Metric, Thompson};
use crate::flags::spec::ProjectSpec;
use crate::judge::JudgeSpec;
use crate::knowledge::KnowledgeBase;
use crate::llm::profile::ModelProfile;
use crate::llm::setup::{Causes, Setup, ToolSpec};
use crate::random::Seed;
use crate::report::{Expect, RolloutOutcome};
use crate::traffic::TrafficSpec;
use crate::verdict::Rule;

/// The users of one segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Key of the segment.
    pub segment: String,
    /// For each audience group whether its users are in the segment.
    pub groups: Vec<bool>,
}

/// One whole experiment, or several on the same traffic.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// Its name: the file's, without folder and ending.
    pub name: String,
    /// Digest of its file's text: XXH3, 128 bits, in hexadecimal.
    pub digest: String,
    /// Its title, one line.
    pub title: String,
    /// Where all luck comes from.
    pub seed: Seed,
    /// What users ask about and tools search.
    pub knowledge: KnowledgeBase,
    /// The models; others refer to them by index.
    pub models: Vec<ModelProfile>,
    /// The tools; others refer to them by index.
    pub tools: Vec<ToolSpec>,
    /// The AI configs of supervisor, security and support agent, in this order.
    pub configs: Vec<ConfigSetup>,
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
    /// The experiments.
    pub experiments: Vec<Experiment>,
    /// For each experiment its bandit; `None` where the split stays as it is.
    pub bandits: Vec<Option<Thompson>>,
    /// For each experiment the rule of its config whose users take part; `None` is the default rule.
    pub rule_of: Vec<Option<u32>>,
    /// For each experiment the parts of its users that are also looked at by themselves.
    pub slices: Vec<Vec<Slice>>,
    /// Guarded rollouts that metrics watch over.
    pub guards: Vec<Guard>,
    /// For each of them how it is to end.
    pub guards_expect: Vec<Option<RolloutOutcome>>,
    /// For each experiment its decision rule, if it has one.
    pub rules: Vec<Option<Rule>>,
    /// For each experiment what the scenario expects of its outcome.
    pub expects: Vec<Option<Expect>>,
    /// The faults that `serve` commits; a run has those of its models alone.
    pub faults: Vec<FaultRule>,
    /// What it teaches.
    pub lesson: Option<Lesson>,
}
