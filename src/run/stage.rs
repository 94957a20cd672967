//! A scenario made ready to run: flags compiled, texts counted, topics read. Then any number of
//! runs, each with its seed.
//!
//! Guarantees: a run is a pure function of the scenario, the seed and the users asked for; runs
//! share nothing that they change, so they may go side by side.
//!
//! Does not know: what is reported.

use std::collections::BTreeMap;

use crate::agents::{App, BusinessOutcome, Library, Texts};
use crate::flags::bootstrap::{Action, ActionKind, Resource};
use crate::flags::compiled::Compiled;
use crate::flags::mock::first_seed;
use crate::journal::{Caller, Entry, Event, Reader};
use crate::knowledge::{Complexity, TopicId};
use crate::llm::chat::Cached;
use crate::llm::mock::MockModels;
use crate::llm::model::{CallFailure, Completion, ModelReply, Prompt, Subject, TOKENS_PER_MESSAGE};
use crate::llm::tasks::Task;
use crate::llm::usage::UsageTables;
use crate::metrics::{JournalObserver, PairedObserver};
use crate::random::{Luck, Owner, Seed};
use crate::run::population::Population;
use crate::run::setup::{MAX_PAIRED_VALUES, SetupError, bootstrap};
use crate::scenario::Scenario;
use crate::time::Timestamp;

/// A scenario, ready to run.
#[derive(Debug)]
pub struct PreparedScenario<'s> {
    /// What is run.
    pub scenario: &'s Scenario,
    /// Sizes of small texts.
    pub usage: UsageTables<'s>,
    /// The tools' outputs.
    pub library: Library<'s>,
    /// The flags as users meet them.
    pub compiled: Compiled,
    /// What the bootstrap did.
    pub actions: Vec<Action>,
    /// The seed of the bootstrap.
    pub seed: Seed,
}

impl<'s> PreparedScenario<'s> {
    /// Bootstraps the mock LaunchDarkly and counts all texts.
    ///
    /// # Errors
    /// When the mock refuses what the scenario asks of it.
    pub fn new(scenario: &'s Scenario, seed: Seed) -> Result<Self, SetupError> {
        let (compiled, actions) = bootstrap(scenario, seed)?;
        Ok(Self {
            scenario,
            usage: UsageTables::new(&scenario.knowledge, &scenario.tools),
            library: Library::new(
                &scenario.knowledge,
                &scenario.tools,
                scenario.judge.answer_characters,
            ),
            compiled,
            actions,
            seed,
        })
    }

    /// A reader of the journal of so many users, for the scenario's experiments and metrics.
    #[must_use]
    pub fn observer(&self, users: usize) -> JournalObserver {
        JournalObserver::new(1, users, self.scenario.varies(), &self.scenario.metrics)
            .with_outcomes(self.scenario.outcome_keys())
    }

    /// A reader of the journal of so many questions of the scenario's paired design; `None` for a
    /// split test.
    #[must_use]
    pub fn paired_observer(&self, questions: usize) -> Option<PairedObserver> {
        let study = self.scenario.studies.first()?;
        let design = study.paired?;
        let arms = study.experiment.treatments.len();
        let scores = self.scenario.outcomes.iter().map(BusinessOutcome::scores).collect();
        let observer = self.observer(questions);
        Some(PairedObserver::new(design, arms, (&observer, scores), questions))
    }

    /// Checks that the values of so many users fit into memory. Only a paired design, which has
    /// values for each answer and judging, may ask for too many.
    ///
    /// # Errors
    /// When it has more answers and judgings than 20,000,000.
    pub fn holds(&self, users: u32) -> Result<(), SetupError> {
        for study in &self.scenario.studies {
            let Some(design) = study.paired else { continue };
            let each = design.cells(study.experiment.treatments.len()) as u64;
            if u64::from(users).saturating_mul(each) > MAX_PAIRED_VALUES {
                return Err(SetupError::TooLarge { questions: users, each });
            }
        }
        Ok(())
    }

    /// What the bootstrap did, in a few words for each kind of change.
    #[must_use]
    pub fn summary(&self) -> Vec<String> {
        let of_kind = |kind: ActionKind, word: &str| {
            let mut counts: BTreeMap<Resource, usize> = BTreeMap::new();
            for action in self.actions.iter().filter(|action| action.kind == kind) {
                *counts.entry(action.resource).or_default() += 1;
            }
            let part = |(resource, count): (&Resource, &usize)| match (count, resource) {
                (1, _) | (_, Resource::Targeting) => format!("{count} {}", resource.name()),
                _ => format!("{count} {}s", resource.name()),
            };
            (!counts.is_empty()).then(|| {
                format!("{word} {}", counts.iter().map(part).collect::<Vec<_>>().join(", "))
            })
        };
        [(ActionKind::Created, "created"), (ActionKind::Updated, "updated")]
            .into_iter()
            .filter_map(|(kind, word)| of_kind(kind, word))
            .collect()
    }

    /// The mock models with this luck.
    #[must_use]
    pub fn mock<'a>(&'a self, luck: impl Into<Luck>, topics: &'a [TopicId]) -> MockModels<'a> {
        MockModels {
            luck: luck.into(),
            models: &self.scenario.models,
            tools: &self.scenario.tools,
            causes: &self.scenario.causes,
            judge: &self.scenario.judge.traits,
            usage: &self.usage,
            topics,
        }
    }

    /// The app of this scenario.
    #[must_use]
    pub fn app(&self) -> App<'_> {
        App {
            models: &self.scenario.models,
            graph: &self.scenario.graph,
            graph_variations: &self.scenario.graph_variations,
            configs: &self.scenario.configs,
            judge: &self.scenario.judge,
            judge_setup: &self.scenario.judge_setup,
            writer_setup: &self.scenario.writer_setup,
            usage: &self.usage,
            library: &self.library,
            outcomes: &self.scenario.outcomes,
            ends_after: self.scenario.ends_after,
            conversation: self.scenario.traffic.conversation,
            judgings: 1,
            states_effects: self
                .scenario
                .configs
                .iter()
                .flat_map(|config| &config.variations)
                .any(|variation| !variation.effects.is_empty()),
        }
    }

    /// Messages and replies as text.
    #[must_use]
    pub fn texts(&self) -> Texts<'_> {
        Texts {
            base: &self.scenario.knowledge,
            tools: &self.scenario.tools,
            library: &self.library,
        }
    }

    /// The flags as a bootstrap with this seed leaves them: another seed splits the users in
    /// another way.
    ///
    /// # Errors
    /// When the mock refuses what the scenario asks of it.
    pub fn flags(&self, seed: Seed) -> Result<Compiled, SetupError> {
        let project = &self.scenario.project;
        let of = |seed: Seed, experiment: &str| {
            first_seed(seed, &project.key, &project.environment, experiment)
        };
        let seeds: Vec<(i64, i64)> = self
            .scenario
            .experiments()
            .into_iter()
            .map(|own| (of(self.seed, &own.key), of(seed, &own.key)))
            .collect();
        match self.compiled.reseeded(&seeds) {
            Some(compiled) => Ok(compiled),
            // Something else in the flags depends on the seed: bring an account there in full.
            None => bootstrap(self.scenario, seed).map(|(compiled, _)| compiled),
        }
    }

    /// So many users who come by this seed, on the stage's own flags.
    #[must_use]
    pub fn population(&self, seed: Seed, users: u32) -> Population<'_> {
        let returns = self.scenario.traffic.returns;
        let persistence = returns.map_or(0.0, |returns| returns.persistence);
        Population {
            stage: self,
            seed,
            luck: Luck { persistence, ..seed.into() },
            first: 1,
            users,
            flags: &self.compiled,
            forced: Vec::new(),
            paired: None,
            adapts: true,
        }
    }

    /// The prompt that has the topics read out of the knowledge base.
    pub(crate) fn topics_prompt(&self) -> Prompt<'_> {
        let setup = &self.scenario.writer_setup;
        let subject = Subject::about(TopicId(0), Complexity::Basic);
        let text: u32 =
            self.scenario.knowledge.chunks().iter().map(|chunk| chunk.text.tokens()).sum();
        Prompt {
            caller: Caller::Topics,
            task: Task::Topics,
            owner: Owner::NOBODY,
            visit: 0,
            place: 0,
            nth: 0,
            setup,
            offers_tools: false,
            routes: &[],
            input_tokens: setup.fixed_tokens + text + TOKENS_PER_MESSAGE,
            cached: Cached::NONE,
            subject,
            question: None,
            thread: &[],
            answer: None,
        }
    }

    /// The topics that a model read, told to `reader`; all headings where it failed.
    pub(crate) fn topics(
        &self,
        read: Result<Completion, CallFailure>,
        reader: &mut impl Reader,
    ) -> Vec<TopicId> {
        let model = self.scenario.writer_setup.model;
        let (caller, served) = (Caller::Topics, None);
        let mut tell = |event| reader.entry(&Entry { at: Timestamp::START, user: 0, event });
        let topics = match read {
            Ok(done) => {
                let usage = done.usage();
                let cost = self.scenario.model(model).cost(usage);
                let Completion { reply, input_tokens, output_tokens, latency, .. } = done;
                tell(Event::Completed {
                    caller,
                    served,
                    model,
                    input_tokens,
                    output_tokens,
                    cached_tokens: usage.cached.read,
                    reasoning_tokens: usage.reasoning,
                    latency,
                    cost,
                });
                if let ModelReply::Topics(topics) = reply { Some(topics) } else { None }
            }
            Err(CallFailure { kind, latency, .. }) => {
                tell(Event::CallFailed { caller, served, model, kind, latency });
                None
            }
        };
        match topics {
            Some(mut topics) => {
                topics.truncate(self.scenario.traffic.topics as usize);
                topics
            }
            None => self.scenario.knowledge.topics().collect(),
        }
    }
}
