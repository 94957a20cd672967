//! Users who visit a stage on the mock backends: how many, by which luck, and on which flags.
//!
//! Guarantees: what is read is a pure function of the stage and of what is set here.
//!
//! Does not know: what is measured, or why.

use crate::agents::{App, MockTools};
use crate::experiment::PairedDesign;
use crate::flags::compiled::Compiled;
use crate::journal::{Reader, Served};
use crate::knowledge::TopicId;
use crate::llm::model::{CallFailure, Completion, Prompt};
use crate::random::{Luck, Seed, StagesAhead};
use crate::run::adaptive::{Adapted, Adaptive, Assigner};
use crate::run::flags::FlagAssign;
use crate::run::stage::PreparedScenario;
use crate::scenario::Scenario;
use crate::sim::{Engine, EngineWorld, PairedVisits, drive};
use crate::traffic::TrafficPlan;

/// Users who are about to visit a stage.
#[derive(Clone, Debug)]
pub struct Population<'a> {
    pub(super) stage: &'a PreparedScenario<'a>,
    /// By which they come.
    pub(super) seed: Seed,
    /// By which everything else happens.
    pub(super) luck: Luck,
    pub(super) first: u32,
    pub(super) users: u32,
    pub(super) flags: &'a Compiled,
    pub(super) forced: Vec<Served>,
    /// The paired design, where the users are its questions.
    pub(super) paired: Option<Pairing>,
    pub(super) adapts: bool,
}

/// A paired design, ready to be sent.
#[derive(Clone, Debug)]
pub struct Pairing {
    design: PairedDesign,
    /// What the visits of a question are served in turn.
    in_turn: Vec<Served>,
}

impl Pairing {
    fn visits(&self, scenario: &Scenario) -> PairedVisits {
        // What comes of an answer comes before the next one, so that it is known whose it is.
        let gap = scenario.outcomes.iter().map(|own| own.after).max().unwrap_or_default();
        let visits = self.design.repeats * self.in_turn.len() as u32;
        PairedVisits { visits, remembers: self.design.remembers, gap }
    }
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

    /// As the scenario's paired design asks, if it has one: each user is a question, which goes
    /// through all variations.
    #[must_use]
    pub fn designed(self) -> Self {
        let scenario = self.stage.scenario;
        let paired = scenario.studies.first().and_then(|study| {
            let design = study.paired?;
            let of = |treatment| {
                let variation = study.varies.variation_of(treatment)?;
                Some(Served { config: study.varies.config, variation })
            };
            let arms = study.experiment.treatments.len();
            Some(Pairing { design, in_turn: (0..arms).filter_map(of).collect() })
        });
        let luck = match &paired {
            Some(pairing) => Luck { persistence: pairing.design.alike, ..self.luck },
            None => self.luck,
        };
        Self { paired, luck, ..self }
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
        self.visit_observed(reader, |_, _| (), |_, _| ()).0
    }

    /// The same; `progress` hears, every so often, how many users have begun.
    pub fn visit_watched<R: Reader>(self, reader: R, mut progress: impl FnMut(u32)) -> R {
        self.visit_observed(reader, |_, _| (), |begun, _| progress(begun)).0
    }

    /// The same, with what was changed while users arrived. `on_call` is told of every call of a
    /// model and what came of it; `progress` sees what `reader` holds so far.
    pub fn visit_observed<R: Reader>(
        self,
        mut reader: R,
        mut on_call: impl FnMut(&Prompt<'_>, &Result<Completion, CallFailure>),
        progress: impl FnMut(u32, &R),
    ) -> (R, Adapted) {
        let Self { stage, seed, luck, first, users, flags, forced, paired, adapts } = self;
        let scenario = stage.scenario;
        let all: Vec<TopicId> = scenario.knowledge.topics().collect();
        let mock = stage.mock(luck, &all);
        let mut ahead = StagesAhead::default();
        let mut answer = |prompt: &Prompt<'_>| {
            let result = mock.answer_ahead(prompt, &mut ahead);
            on_call(prompt, &result);
            result
        };
        let topics = if scenario.knowledge.questions().is_empty() {
            stage.topics(answer(&stage.topics_prompt()), &mut reader)
        } else {
            Vec::new()
        };
        let plan = TrafficPlan::new(seed, &scenario.traffic, &scenario.knowledge, topics);
        let judgings = paired.as_ref().map_or(1, |own| own.design.judgings as u16);
        let app = App { judgings, ..stage.app() };
        let world = EngineWorld { app, plan: &plan, traffic: &scenario.traffic, luck };
        let adaptive = if adapts { Adaptive::new(stage, flags, users) } else { None };
        let in_turn = paired.as_ref().map_or([].as_slice(), |own| &own.in_turn);
        let fixed = FlagAssign { compiled: flags, forced: &forced, in_turn };
        let assign = adaptive
            .map_or(Assigner::Fixed(fixed), |adaptive| Assigner::Adaptive(Box::new(adaptive)));
        let tools = MockTools::new(&mock, &stage.library);
        let visits = paired.as_ref().map(|own| own.visits(scenario));
        let mut engine = Engine::new(world, (assign, tools, reader), first, users).pairing(visits);
        drive(&mut engine, answer, progress);
        let (assign, reader) = engine.finish();
        (reader, assign.finish())
    }
}
