//! Users who visit a stage on the mock backends: how many, by which luck, and on which flags.
//!
//! Guarantees: what is read is a pure function of the stage and of what is set here.
//!
//! Does not know: what is measured, or why.

use crate::agents::MockTools;
use crate::flags::compiled::Compiled;
use crate::journal::{Reader, Served};
use crate::knowledge::TopicId;
use crate::llm::model::{CallFailure, Completion, Prompt};
use crate::random::{Luck, Seed};
use crate::run::adaptive::{Adapted, Adaptive, Assigner};
use crate::run::flags::FlagAssign;
use crate::run::stage::Stage;
use crate::sim::{Engine, World, drive};
use crate::traffic::Plan;

/// Users who are about to visit a stage.
#[derive(Clone, Debug)]
pub struct Population<'a> {
    pub(super) stage: &'a Stage<'a>,
    /// By which they come.
    pub(super) seed: Seed,
    /// By which everything else happens.
    pub(super) luck: Luck,
    pub(super) first: u32,
    pub(super) users: u32,
    pub(super) flags: &'a Compiled,
    pub(super) forced: Vec<Served>,
    pub(super) adapts: bool,
}

impl<'a> Population<'a> {
    /// On other flags than the stage's own.
    #[must_use]
    pub fn on(self, flags: &'a Compiled) -> Self {
        Self { flags, ..self }
    }

    /// On a split that stays as it is at the start, whatever the scenario says.
    #[must_use]
    pub fn fixed(self) -> Self {
        Self { adapts: false, ..self }
    }

    /// Everybody in the experiment of this variation's config gets this variation.
    #[must_use]
    pub fn forced(mut self, served: Served) -> Self {
        self.forced.push(served);
        self.fixed()
    }

    /// Without the users before number `first`.
    #[must_use]
    pub fn from_user(self, first: u32) -> Self {
        Self { first, ..self }
    }

    /// The same users before the experiments, when everybody got the controls: each comes with the
    /// same kind of question, and for all but the share that the scenario calls alike, models,
    /// tools and judge have other luck.
    #[must_use]
    pub fn before(self) -> Self {
        let scenario = self.stage.scenario;
        let controls = scenario.studies.iter().filter_map(|study| {
            Some(Served {
                config: study.varies.config,
                variation: study.varies.variation_of(study.experiment.control)?,
            })
        });
        let luck = Luck {
            seed: self.seed.before(),
            shared: Some((self.seed, scenario.traffic.pre_period.unwrap_or(0.0))),
            ..self.luck
        };
        Self { luck, ..controls.fold(self, Self::forced) }
    }

    /// Has them visit; `reader` sees every entry of the journal.
    pub fn visit<R: Reader>(self, reader: R) -> R {
        self.visit_heard(reader, |_, _| (), |_, _| ()).0
    }

    /// The same; `progress` hears, every so often, how many users have begun.
    pub fn visit_watched<R: Reader>(self, reader: R, mut progress: impl FnMut(u32)) -> R {
        self.visit_heard(reader, |_, _| (), |begun, _| progress(begun)).0
    }

    /// The same, with what was changed while users arrived. `heard` is told of every call of a
    /// model and what came of it; `progress` sees what `reader` holds so far.
    pub fn visit_heard<R: Reader>(
        self,
        mut reader: R,
        mut heard: impl FnMut(&Prompt<'_>, &Result<Completion, CallFailure>),
        progress: impl FnMut(u32, &R),
    ) -> (R, Adapted) {
        let Self { stage, seed, luck, first, users, flags, forced, adapts } = self;
        let scenario = stage.scenario;
        let all: Vec<TopicId> = scenario.knowledge.topics().collect();
        let mock = stage.mock(luck, &all);
        let mut answer = |prompt: &Prompt<'_>| {
            let result = mock.answer(prompt);
            heard(prompt, &result);
            result
        };
        let topics = if scenario.knowledge.questions().is_empty() {
            stage.topics(answer(&stage.topics_prompt()), &mut reader)
        } else {
            Vec::new()
        };
        let plan = Plan::new(seed, &scenario.traffic, &scenario.knowledge, topics);
        let world = World { app: stage.app(), plan: &plan, traffic: &scenario.traffic, luck };
        let adaptive = if adapts { Adaptive::new(stage, flags, users) } else { None };
        let fixed = FlagAssign { compiled: flags, forced: &forced };
        let assign = adaptive
            .map_or(Assigner::Fixed(fixed), |adaptive| Assigner::Adaptive(Box::new(adaptive)));
        let tools = MockTools::new(&mock, &stage.library);
        let mut engine = Engine::new(world, (assign, tools, reader), first, users);
        drive(&mut engine, answer, progress);
        let (assign, reader) = engine.finish();
        (reader, assign.finish())
    }
}
