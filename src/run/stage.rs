//! A scenario made ready to run: flags compiled, texts counted, topics read. Then any number of runs, each with its seed.
//!
//! Promises: a run is a pure function of the scenario, the seed and the users asked for; runs share nothing that they
//! change, so they may go side by side.
//!
//! Does not know: what is reported.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::agents::{App, Library, Texts};

use crate::flags::bootstrap::{Action, ActionKind, Resource};
use crate::flags::compiled::Compiled;
use crate::flags::mock::first_seed;
use crate::journal::{Caller, Entry, Event, Reader, Served};
use crate::knowledge::{Complexity, Items, TopicId};
use crate::llm::mock::MockModels;
use crate::llm::model::{Body, CallFailure, ChatModel, Completion, Passages, Prompt, Reply, Subject, TOKENS_PER_MESSAGE, Visible};
use crate::llm::usage::Usage;
use crate::metrics::JournalObserver;
use crate::random::{Luck, Owner, Seed};
use crate::run::adaptive::{Adapted, Adaptive, Assigner};
use crate::run::flags::FlagAssign;
use crate::run::setup::{SetupError, bootstrap};
use crate::scenario::Scenario;
use crate::sim::{Engine, Virtual, World, drive};
use crate::time::Timestamp;
use crate::traffic::Plan;

/// A scenario, ready to run.
#[derive(Debug)]
pub struct Stage<'s> {
    /// What is run.
    pub scenario: &'s Scenario,
    /// Sizes of small texts.
    pub usage: Usage<'s>,
    /// The tools' outputs.
    pub library: Library<'s>,
    /// The flags as users meet them.
    pub compiled: Compiled,
    /// What the bootstrap did.
    pub actions: Vec<Action>,
    /// The seed of the bootstrap.
    pub seed: Seed,
}

/// The mock, and somebody who hears what it says.
struct Heard<'a, F> {
    mock: &'a MockModels<'a>,
    tell: RefCell<F>,
}

impl<F: FnMut(&Prompt<'_>, &Result<Completion, CallFailure>)> ChatModel for Heard<'_, F> {
    async fn complete(&self, prompt: &Prompt<'_>) -> Result<Completion, CallFailure> {
        let result = self.mock.answer(prompt);
        // Nothing is awaited while it is borrowed.
        (self.tell.borrow_mut())(prompt, &result);
        result
    }
}

/// One run's settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where luck comes from.
    pub seed: Seed,
    /// How many users come.
    pub users: u32,
    /// A variation that everybody in its config's experiment gets.
    pub forced: Option<Served>,
}

impl<'s> Stage<'s> {
    /// Bootstraps the mock LaunchDarkly and counts all texts.
    ///
    /// # Errors
    /// When the mock refuses what the scenario asks of it.
    pub async fn new(scenario: &'s Scenario, seed: Seed) -> Result<Self, SetupError> {
        let (compiled, actions) = bootstrap(scenario, seed).await?;
        Ok(Self {
            scenario,
            usage: Usage::new(&scenario.knowledge, &scenario.tools),
            library: Library::new(&scenario.knowledge, &scenario.tools, scenario.judge.answer_characters),
            compiled,
            actions,
            seed,
        })
    }

    /// A reader of the journal of so many users, for the scenario's experiments and metrics.
    #[must_use]
    pub fn observer(&self, users: usize) -> JournalObserver {
        JournalObserver::new(1, users, self.scenario.varies(), &self.scenario.metrics)
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
            (!counts.is_empty()).then(|| format!("{word} {}", counts.iter().map(part).collect::<Vec<_>>().join(", ")))
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
            configs: &self.scenario.configs,
            judge: &self.scenario.judge,
            judge_setup: &self.scenario.judge_setup,
            writer_setup: &self.scenario.writer_setup,
            usage: &self.usage,
            library: &self.library,
        }
    }

    /// Runs it once on the mock backends; `reader` sees every entry, `progress` the number of users begun.
    pub async fn simulate<R: Reader>(&self, settings: Settings, reader: R, mut progress: impl FnMut(u32)) -> R {
        self.simulate_heard(settings, reader, |_, _| (), |begun, _| progress(begun)).await
    }

    /// The same, and `heard` is told of every call of a model and what came of it; `progress` sees what `reader` holds so far.
    pub async fn simulate_heard<R: Reader>(
        &self,
        settings: Settings,
        reader: R,
        heard: impl FnMut(&Prompt<'_>, &Result<Completion, CallFailure>),
        progress: impl FnMut(u32, &R),
    ) -> R {
        self.simulate_heard_on(&self.compiled, settings, reader, heard, progress).await.0
    }

    /// Messages and replies as text.
    #[must_use]
    pub fn texts(&self) -> Texts<'_> {
        Texts { base: &self.scenario.knowledge, tools: &self.scenario.tools, library: &self.library }
    }

    /// The flags as a bootstrap with this seed leaves them: another seed splits the users in another way.
    ///
    /// # Errors
    /// When the mock refuses what the scenario asks of it.
    pub async fn flags(&self, seed: Seed) -> Result<Compiled, SetupError> {
        let project = &self.scenario.project;
        let of = |seed: Seed, experiment: &str| first_seed(seed, &project.key, &project.environment, experiment);
        let seeds: Vec<(i64, i64)> =
            self.scenario.experiments().into_iter().map(|own| (of(self.seed, &own.key), of(seed, &own.key))).collect();
        match self.compiled.reseeded(&seeds) {
            Some(compiled) => Ok(compiled),
            // Something else in the flags depends on the seed: bring an account there in full.
            None => bootstrap(self.scenario, seed).await.map(|(compiled, _)| compiled),
        }
    }

    /// The same users' visits before the experiments, when everybody got the controls: each comes with the same kind of
    /// question, and for all but the share that the scenario calls alike, models, tools and judge have other luck.
    pub async fn simulate_before<R: Reader>(&self, settings: Settings, reader: R, mut progress: impl FnMut(u32)) -> R {
        let controls = self.scenario.studies.iter().filter_map(|study| {
            Some(Served { config: study.varies.config, variation: study.varies.variation_of(study.experiment.control)? })
        });
        let controls: Vec<Served> = controls.collect();
        let assign = Assigner::Fixed(FlagAssign { compiled: &self.compiled, forced: &controls });
        let luck = Luck { seed: settings.seed.before(), shared: Some((settings.seed, self.scenario.traffic.pre_period.unwrap_or(0.0))) };
        self.simulate_with(assign, settings, luck, reader, |_, _| (), |begun, _| progress(begun)).await.0
    }

    /// The same on other flags than the stage's own.
    pub async fn simulate_on<R: Reader>(&self, compiled: &Compiled, settings: Settings, reader: R, mut progress: impl FnMut(u32)) -> R {
        self.simulate_heard_on(compiled, settings, reader, |_, _| (), |begun, _| progress(begun)).await.0
    }

    /// The same with a split that stays as it is at the start, whatever the scenario says.
    pub async fn simulate_fixed<R: Reader>(&self, settings: Settings, reader: R, mut progress: impl FnMut(u32)) -> R {
        let assign = Assigner::Fixed(FlagAssign { compiled: &self.compiled, forced: settings.forced.as_slice() });
        self.simulate_with(assign, settings, settings.seed.into(), reader, |_, _| (), |begun, _| progress(begun)).await.0
    }

    /// The visits of the users from number `first` to the last of the settings, one of them forced on every user or not.
    pub async fn simulate_from<R: Reader>(&self, first: u32, settings: Settings, reader: R, mut progress: impl FnMut(u32)) -> R {
        let assign = Assigner::Fixed(FlagAssign { compiled: &self.compiled, forced: settings.forced.as_slice() });
        let luck = settings.seed.into();
        self.simulate_users(first, assign, settings, luck, reader, |_, _| (), |begun, _| progress(begun)).await.0
    }

    /// On these flags, all told: the reader, and what was changed while users arrived. `heard` is told of every call of a model.
    pub async fn simulate_heard_on<R: Reader>(
        &self,
        compiled: &Compiled,
        settings: Settings,
        reader: R,
        heard: impl FnMut(&Prompt<'_>, &Result<Completion, CallFailure>),
        progress: impl FnMut(u32, &R),
    ) -> (R, Adapted) {
        // Who gets what is not asked where it is forced: nothing adapts.
        let adaptive = if settings.forced.is_none() { Adaptive::new(self, compiled, settings.users) } else { None };
        let fixed = FlagAssign { compiled, forced: settings.forced.as_slice() };
        let assign = adaptive.map_or(Assigner::Fixed(fixed), |adaptive| Assigner::Adaptive(Box::new(adaptive)));
        self.simulate_with(assign, settings, settings.seed.into(), reader, heard, progress).await
    }

    /// Visitors come by the seed of the settings, everything else by `luck`.
    async fn simulate_with<R: Reader>(
        &self,
        assign: Assigner<'_>,
        settings: Settings,
        luck: Luck,
        reader: R,
        heard: impl FnMut(&Prompt<'_>, &Result<Completion, CallFailure>),
        progress: impl FnMut(u32, &R),
    ) -> (R, Adapted) {
        self.simulate_users(1, assign, settings, luck, reader, heard, progress).await
    }

    #[expect(clippy::too_many_arguments, reason = "private: the one place where all that a run depends on comes together")]
    async fn simulate_users<R: Reader>(
        &self,
        first: u32,
        assign: Assigner<'_>,
        settings: Settings,
        luck: Luck,
        mut reader: R,
        heard: impl FnMut(&Prompt<'_>, &Result<Completion, CallFailure>),
        progress: impl FnMut(u32, &R),
    ) -> (R, Adapted) {
        let all: Vec<TopicId> = self.scenario.knowledge.topics().collect();
        let mock = self.mock(luck, &all);
        let model = Heard { mock: &mock, tell: RefCell::new(heard) };
        let topics = self.read_topics(&model, &mut reader).await.unwrap_or_else(|| all.clone());
        let plan = Plan::new(settings.seed, &self.scenario.traffic, topics);
        let world = World { app: self.app(), plan: &plan, traffic: &self.scenario.traffic, mock: &mock };
        let mut engine = Engine::new(world, assign, reader, first, settings.users);
        drive(&mut engine, &model, &Virtual, progress).await;
        let (assign, reader) = engine.finish();
        (reader, assign.finish())
    }

    /// Has the topics read out of the knowledge base by a model; `None` when that failed: then all headings count.
    pub(crate) async fn read_topics(&self, model: &impl ChatModel, reader: &mut impl Reader) -> Option<Vec<TopicId>> {
        let setup = &self.scenario.writer_setup;
        let question = Body::FindingsNote(Items::NONE);
        let subject = Subject {
            topic: TopicId(0),
            complexity: Complexity::Basic,
            personal: Items::NONE,
            redacted: Items::NONE,
            rounds: 0,
            passages: Passages::default(),
            visible: Visible::default(),
        };
        let prompt = Prompt {
            caller: Caller::Topics,
            owner: Owner::NOBODY,
            nth: 0,
            setup,
            offers_tools: false,
            input_tokens: setup.fixed_tokens
                + self.scenario.knowledge.chunks().iter().map(|chunk| chunk.text.tokens()).sum::<u32>()
                + TOKENS_PER_MESSAGE,
            subject,
            question: &question,
            thread: &[],
        };
        let model_of = self.scenario.model(setup.model);
        let mut tell = |event| reader.entry(&Entry { at: Timestamp::START, user: 0, event });
        match model.complete(&prompt).await {
            Ok(done) => {
                let cost = model_of.cost(done.input_tokens, done.output_tokens);
                let (input_tokens, output_tokens, latency) = (done.input_tokens, done.output_tokens, done.latency);
                tell(Event::Completed {
                    caller: Caller::Topics,
                    served: None,
                    model: setup.model,
                    input_tokens,
                    output_tokens,
                    latency,
                    cost,
                });
                match done.reply {
                    Reply::Topics(mut topics) => {
                        topics.truncate(self.scenario.traffic.topics as usize);
                        Some(topics)
                    }
                    _ => None,
                }
            }
            Err(failure) => {
                tell(Event::CallFailed {
                    caller: Caller::Topics,
                    served: None,
                    model: setup.model,
                    kind: failure.kind,
                    latency: failure.latency,
                });
                None
            }
        }
    }
}
