//! From the file as written to its meaning: each block by its own file, then what only shows when
//! all are there.
//!
//! Guarantees: all faults are gathered, each with its place, the reason and a suggestion; what it
//! lets through has no dangling name and no share left over, and a bootstrap takes it.
//!
//! Does not know: RON's syntax, or files.

use super::catalog::{self, DraftConfig};
use super::experiments::{ExperimentWorld, experiments};
use super::faults::Faults;
use super::model::Scenario;
use super::outcomes::Stated;
use super::source::{self, WrittenScenario as Written};
use super::spanned::Entries;
use super::study::{Study, WatchedRollout};
use super::{
    adaptive, configs, graph, graph_variations, injected, lesson, outcomes, overrides, paired,
    project, traffic,
};
use crate::agents::{ConfigSetup, Graph};
use crate::experiment::Experiment;
use crate::flags::bootstrap::{Existing, verify};
use crate::judge::{JudgeSpec, Sees};
use crate::knowledge::KnowledgeBase;
use crate::llm::chat::Caching;
use crate::llm::input::fixed_tokens;
use crate::llm::profile::ModelProfile;
use crate::llm::setup::{InstructionTraits, Setup};
use crate::metrics::Varies;
use crate::random::Seed;

/// Resolves a file that was read; `None` after a fault. `knowledge` is asked for last, and not
/// after a fault.
pub fn resolve(
    name: &str,
    digest: String,
    written: &Written,
    knowledge: impl FnOnce() -> Option<KnowledgeBase>,
    faults: &mut Faults<'_>,
) -> Option<Scenario> {
    let models = overrides::models(&written.models, faults);
    let tools = overrides::tools(&written.tools, faults);
    let outcomes = outcomes::outcomes(&written.outcomes, faults);
    let metrics = overrides::metrics(&written.metrics, &written.outcomes, faults);
    let causes = overrides::causes(&written.causes, faults);
    let segments = overrides::segments(&written.segments, faults);
    let base = match &written.graph {
        Some(own) => graph::drafts(own, faults),
        None => catalog::configs(),
    };
    let mut drafts = configs::drafts(base, &written.configs, &segments, faults);
    let graph = match &written.graph {
        Some(own) => graph_variations::graphs(own, &drafts, faults),
        None => (Graph::tutorial(), Vec::new()),
    };
    drafts.extend(
        written.graph.as_ref().and_then(|own| graph_variations::draft(own, &drafts, faults)),
    );
    // What follows is about AI configs, which steps without a model are not.
    drafts.retain(|draft| draft.role.step().is_none());
    let none = Entries::default();
    let nodes = written.graph.as_ref().map_or(&none, |graph| &graph.nodes);
    let places = (&written.configs, nodes);
    let mut configs = configs::setups(&drafts, places, &models, &tools, faults);
    let (graph, graph_variations) = graph;
    unpriced(written, &drafts, &models, faults);
    let traffic = traffic::traffic(written, &models, faults);
    let world = ExperimentWorld {
        drafts: &drafts,
        metrics: &metrics,
        segments: &segments,
        audience: &traffic.audience,
    };
    let resolved = experiments(written, &world, faults);
    let guards = adaptive::guards(written, &world, faults);
    let judge = judge(&written.judge, written.graph.is_some(), &models, faults);
    let stated = Stated { metrics: &metrics, outcomes: &outcomes, judge: &judge };
    stated.apply(&drafts, &mut configs, faults);
    let judge_setup = setup(
        judge.model,
        &models,
        written.judge.instructions.as_deref().unwrap_or(catalog::JUDGE_INSTRUCTIONS),
        catalog::JUDGE_TOKENS,
    );
    let writer = written.traffic.instructions.as_deref().unwrap_or(catalog::WRITER_INSTRUCTIONS);
    let writer_setup = setup(traffic.writer as u16, &models, writer, catalog::WRITER_TOKENS);
    let specs = resolved.iter().map(|resolved| resolved.spec.clone()).collect();
    let project = project::project(
        &drafts,
        (&models, &tools),
        (&metrics, &outcomes),
        (&graph, &written.title),
        segments,
        specs,
        &written.guarded_rollouts,
    );
    let agents = configs.iter().flat_map(|config| &config.variations);
    let used = agents.map(|own| own.setup.model).chain([judge.model, writer_setup.model]);
    let models = paired::in_batch(written, models, used, faults);
    let committed = injected::rules(&written.faults, faults);
    let lesson =
        written.lesson.as_ref().map(|written| lesson::lesson(written, resolved.len(), faults));
    if faults.count() == 0 {
        // The bootstrap's own check comes last: what it refuses is a fault of the file, though
        // nobody knows where.
        for complaint in verify(&project, &Existing::default()) {
            faults.add(complaint, &(0..0), "", None);
        }
    }
    if faults.count() > 0 {
        return None;
    }
    let knowledge = knowledge()?;
    let mut studies = Vec::new();
    for (place, own) in resolved.into_iter().enumerate() {
        let varies = varies(&own.experiment, &configs)?;
        let (rule, expect) = (own.decision, own.expect);
        let (allocation, paired) = (own.bandit, own.paired);
        let (targeting, segments) = (own.rule, own.slices);
        studies.push(Study {
            experiment: own.experiment,
            place,
            varies,
            rule,
            expect,
            allocation,
            paired,
            targeting,
            segments,
        });
    }
    let rollouts: Option<Vec<WatchedRollout>> = guards
        .into_iter()
        .map(|(guard, expect)| {
            Some(WatchedRollout { varies: varies(&guard.study, &configs)?, guard, expect })
        })
        .collect();
    Some(Scenario {
        name: name.to_owned(),
        named_as: name.to_owned(),
        digest,
        title: written.title.clone(),
        seed: Seed(written.seed),
        knowledge,
        models,
        tools,
        graph,
        graph_variations,
        configs,
        outcomes,
        events: written.events.map(source::EventFamily::meaning).unwrap_or_default(),
        ends_after: written.ends_after,
        causes,
        judge,
        judge_setup,
        traffic,
        writer_setup,
        project,
        metrics,
        studies,
        rollouts: rollouts?,
        faults: committed,
        lesson,
    })
}

/// Which config an experiment varies, and which treatment each of its variations is; `None` when
/// the config does not exist, which is a fault that has been told before.
fn varies(experiment: &Experiment, configs: &[ConfigSetup]) -> Option<Varies> {
    let at = configs.iter().position(|config| config.key == experiment.config)?;
    let treatment = |variation: &str| {
        experiment.treatments.iter().position(|treatment| treatment.variation == variation)
    };
    let treatment_of = configs
        .get(at)?
        .variations
        .iter()
        .map(|own| treatment(&own.variation).and_then(|at| u8::try_from(at).ok()));
    Some(Varies { config: u8::try_from(at).ok()?, treatment_of: treatment_of.collect() })
}

/// The judge, with the tutorial's numbers where the file has none.
fn judge(
    file: &source::Judge,
    own: bool,
    models: &[ModelProfile],
    faults: &mut Faults<'_>,
) -> JudgeSpec {
    let ids = || models.iter().map(|model| model.id.as_str());
    let usual = if own { catalog::OWN_JUDGE } else { catalog::JUDGE };
    let named = file.model.as_ref().and_then(|name| faults.look_up("model", name, ids()));
    let model = named.or_else(|| ids().position(|id| id == usual)).unwrap_or_default();
    let sees = match file.sees {
        Some(source::WrittenSees::AnswerOnly) => Sees::AnswerOnly,
        Some(source::WrittenSees::ToolOutputFirst) => Sees::ToolOutputFirst,
        // The tutorial's judge reads tool output first; a user reads the answer.
        None if own => Sees::AnswerOnly,
        None => Sees::ToolOutputFirst,
    };
    let mut characters = |what, number: &Option<_>, default| {
        number.as_ref().map_or(default, |number| faults.whole(what, number, 0..=100_000))
    };
    let question_characters =
        characters("question_characters", &file.question_characters, catalog::QUESTION_CHARACTERS);
    let answer_characters =
        characters("answer_characters", &file.answer_characters, catalog::ANSWER_CHARACTERS);
    JudgeSpec {
        model: model as u16,
        sees,
        question_characters,
        answer_characters,
        traits: overrides::judge(file, faults),
    }
}

/// What a model without tools is told.
fn setup(model: u16, models: &[ModelProfile], instructions: &str, max_tokens: u32) -> Setup {
    // A short reply of a model that reasons still needs room for the reasoning.
    let reasons = models.get(usize::from(model)).is_some_and(|model| model.reasoning_tokens > 0.0);
    Setup {
        model,
        instructions: instructions.to_owned(),
        reading: InstructionTraits::of(instructions),
        max_tokens: Some(max_tokens).filter(|_| !reasons),
        caching: Caching::Off,
        temperature: None,
        answer_tokens: None,
        reasoning_tokens: None,
        tools: Vec::new(),
        fixed_tokens: fixed_tokens(None, instructions, &[], None),
    }
}

/// A model that is used and has no price is a fault, unless the scenario says that it wants it so.
fn unpriced(
    written: &Written,
    drafts: &[DraftConfig],
    models: &[ModelProfile],
    faults: &mut Faults<'_>,
) {
    if written.prices_unknown {
        return;
    }
    for model in
        models.iter().filter(|model| model.input_price.is_none() || model.output_price.is_none())
    {
        let entry = written.models.0.iter().find(|(key, _)| key.value == model.id);
        let used = drafts
            .iter()
            .flat_map(|config| &config.variations)
            .any(|variation| variation.model == model.id);
        if let Some((key, _)) = entry
            && used
        {
            let help = "give `input_price` and `output_price` in dollars per million tokens, such as \"$2.50\"; or write \
                        `prices_unknown: true` to see what happens without";
            faults.add(
                format!("model `{}` has no price", key.value),
                &key.span,
                "its calls would send no cost event",
                Some(help.to_owned()),
            );
        }
    }
}
