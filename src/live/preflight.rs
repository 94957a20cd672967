//! What a scenario needs of the real world, before anything starts.
//!
//! Guarantees: only what the scenario can come to ask is asked for.
//!
//! Does not know: whether anybody answers.

use std::collections::BTreeSet;

use crate::agents::{AgentSetup, ConfigSetup, EffectTarget};
use crate::live::environment::is_official;
use crate::live::own_tools::OwnTools;
use crate::live::{embeddings, models};
use crate::llm::profile::ModelProfile;
use crate::llm::setup::{Setup, ToolKind, ToolSpec};
use crate::llm::wire::Provider;
use crate::run::PreparedScenario;
use crate::scenario::{Scenario, WatchedRollout};

/// The variations that some user of the run can get, each with its config, and those that take their place at a limit.
pub(super) fn reachable(scenario: &Scenario) -> Vec<(&ConfigSetup, &AgentSetup)> {
    let flags = PreparedScenario::new(scenario, scenario.seed)
        .and_then(|stage| stage.flags(scenario.seed))
        .ok();
    let mut all = Vec::new();
    for (at, config) in scenario.configs.iter().enumerate() {
        let served = flags.as_ref().and_then(|flags| flags.reachable(at));
        let mut served = served.unwrap_or_else(|| (0..config.variations.len()).collect());
        let mut next: Vec<usize> = served.iter().copied().collect();
        while let Some(variation) = next.pop().and_then(|at| config.variations.get(at)) {
            all.push((config, variation));
            next.extend(variation.fallback.filter(|fallback| served.insert(*fallback)));
        }
    }
    all
}

/// How agents, judge and traffic generator may ask their models.
pub(super) fn setups(scenario: &Scenario) -> impl Iterator<Item = &Setup> {
    let agents = reachable(scenario).into_iter().map(|(_, variation)| &variation.setup);
    agents.chain([&scenario.judge_setup, &scenario.writer_setup])
}

/// The models that agents, judge and traffic generator may ask.
fn asked(scenario: &Scenario) -> impl Iterator<Item = &ModelProfile> {
    let used: BTreeSet<u16> = setups(scenario).map(|setup| setup.model).collect();
    used.into_iter().filter_map(|model| scenario.models.get(usize::from(model)))
}

/// The tools that agents may use.
fn tools(scenario: &Scenario) -> impl Iterator<Item = &ToolSpec> {
    let agents = reachable(scenario).into_iter();
    let used: BTreeSet<u16> =
        agents.flat_map(|(_, variation)| variation.setup.tools.iter().copied()).collect();
    used.into_iter().filter_map(|tool| scenario.tools.get(usize::from(tool)))
}

/// The providers whose keys the scenario needs.
#[must_use]
pub fn providers(scenario: &Scenario) -> Vec<Provider> {
    let mut all: BTreeSet<Provider> = asked(scenario).map(|model| model.provider).collect();
    // Searches by meaning need vectors.
    if tools(scenario)
        .any(|tool| matches!(tool.kind, ToolKind::SemanticSearch { .. } | ToolKind::Rerank))
    {
        all.extend(embeddings::provider().map(|(provider, _)| provider));
    }
    all.into_iter().collect()
}

/// What the scenario has that is simulated alone, one sentence each: it stands in the way of a live
/// run, whatever the keys.
#[must_use]
pub fn simulated_alone(scenario: &Scenario) -> Vec<String> {
    let mut faults = Vec::new();
    let simulated = "which is supported only in simulation: leave it out of a live run";
    for variation in scenario.configs.iter().flat_map(|config| &config.variations) {
        for (what, there) in
            [("crash", variation.crash.is_some()), ("cold_start", variation.cold_start.is_some())]
        {
            if there {
                faults.push(format!(
                    "variation `{}` has a `{what}`, {simulated}",
                    variation.variation
                ));
            }
        }
    }
    for variation in scenario.configs.iter().flat_map(|config| &config.variations) {
        let feedback = [EffectTarget::PositiveFeedback, EffectTarget::NegativeFeedback];
        for effect in variation.effects.iter().filter(|effect| feedback.contains(&effect.on)) {
            faults.push(format!(
                "variation `{}` states an effect on `{}`, {simulated}",
                variation.variation, effect.metric
            ));
        }
    }
    if scenario.traffic.returns.is_some() {
        faults.push(format!("the users come back (`users`), {simulated}"));
    }
    for node in scenario.graph.nodes.iter().filter(|node| node.role.step().is_some()) {
        faults.push(format!("`{}` is a step without a model, {simulated}", node.name));
    }
    if scenario.traffic.conversation.is_some() {
        faults.push(format!("the users have a `conversation` of several turns, {simulated}"));
    }
    if scenario.traffic.harmful.get() > 0.0 {
        faults.push(format!("the traffic has a `harmful_percentage`, {simulated}"));
    }
    if !scenario.graph_variations.is_empty() {
        faults.push(format!("the graph has `variations`, {simulated}"));
    }
    for study in scenario.studies.iter().filter(|study| study.paired.is_some()) {
        faults.push(format!(
            "experiment `{}` has a paired design, {simulated}",
            study.experiment.key
        ));
    }
    for study in scenario.studies.iter().filter(|study| study.allocation.is_some()) {
        let experiment = &study.experiment;
        faults.push(format!(
            "experiment `{}` has the allocation of a bandit, {simulated}",
            experiment.key
        ));
    }
    for WatchedRollout { guard, .. } in &scenario.rollouts {
        faults.push(format!(
            "the guarded rollout of `{}` is watched by simlab, {simulated}",
            guard.study.key
        ));
    }
    faults
}

/// What stands in the way of a live run, one sentence each, whatever the keys. `variable` reads the
/// environment: a model that its provider has retired may be served at another address; `own` are
/// the tools that are asked at addresses of their own.
#[must_use]
pub fn faults(
    scenario: &Scenario,
    variable: impl Fn(&str) -> Option<String>,
    own: &OwnTools,
) -> Vec<String> {
    let official = |model: &ModelProfile| is_official(model.provider, &variable);
    let mut faults: Vec<String> =
        asked(scenario).flat_map(|model| models::faults(model, official(model))).collect();
    for tool in tools(scenario) {
        if matches!(tool.kind, ToolKind::Remote(_))
            && super::papers::SearchService::of(&tool.key).is_none()
            && !own.has(&tool.key)
        {
            faults.push(format!(
                "tool `{}` is a remote one that a live run does not know: arxiv_search and semantic_scholar are known",
                tool.key
            ));
        }
    }
    faults
}

/// What to know of the models before a run is agreed to, one sentence each: which are going to be
/// retired.
#[must_use]
pub fn warnings(scenario: &Scenario, variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let official = asked(scenario).filter(|model| is_official(model.provider, &variable));
    official.filter_map(|model| models::announced(&model.id)).collect()
}
