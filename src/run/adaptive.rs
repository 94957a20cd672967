//! Splits that change while users arrive: a bandit's shares, and a guarded rollout that goes on or
//! is taken back.
//!
//! Guarantees: what changes follows from what has been observed by then and nothing else, so a run
//! stays a pure function of scenario, seed and users. Where nothing adapts, nothing is kept.
//!
//! Does not know: how LaunchDarkly is told; a live run has no bandit and no watched release.

use std::collections::VecDeque;

use crate::agents::Assignments;
use crate::analysis::{
    Analysis, Ending, LookSchedule, Reallocation, WHOLE_WEIGHT, Watched, analyze, summarize,
    thompson_weights,
};
use crate::context::UserKey;
use crate::experiment::{Experiment, Guard, Thompson};
use crate::flags::compiled::Compiled;
use crate::journal::{Entry, Event, Reader, Served};
use crate::metrics::{JournalObserver, Varies};
use crate::run::flags::FlagAssign;
use crate::run::stage::PreparedScenario;
use crate::scenario::{Study, WatchedRollout};
use crate::sim::Assign;

/// What was changed while users arrived.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Adapted {
    /// For each experiment its bandit's reallocations; empty without one.
    pub bandits: Vec<Vec<Reallocation>>,
    /// What came of each guarded rollout that is watched.
    pub guards: Vec<Watched>,
}

/// What a bandit or a watched rollout varies, and when it looks next.
#[derive(Debug)]
struct Policy {
    /// The experiment's number; guarded rollouts come after the scenario's own.
    nth: usize,
    /// Which config it varies, and which treatment each variation is.
    varies: Varies,
    /// When it looks, by the exposed users that have come.
    schedule: LookSchedule,
}

impl Policy {
    fn new(nth: usize, varies: &Varies, every: u32) -> Self {
        Self { nth, varies: varies.clone(), schedule: LookSchedule::new(every) }
    }

    fn served(&self, treatment: usize) -> Option<Served> {
        Some(Served { config: self.varies.config, variation: self.varies.variation_of(treatment)? })
    }

    /// Counts the user if what was served is a part of it.
    fn count(&mut self, served: Served) {
        let treatment = self.varies.treatment_of.get(usize::from(served.variation));
        if self.varies.config == served.config && treatment.is_some_and(Option::is_some) {
            self.schedule.count();
        }
    }
}

/// A bandit, and what it has changed.
#[derive(Debug)]
struct Bandit<'a> {
    policy: Policy,
    study: &'a Study,
    settings: Thompson,
    reallocations: Vec<Reallocation>,
}

/// A rollout that is watched, and what was seen.
#[derive(Debug)]
struct Watch<'a> {
    policy: Policy,
    guard: &'a Guard,
    seen: Watched,
}

/// Assigns by flags that change as results come in.
#[derive(Debug)]
pub struct Adaptive<'a> {
    stage: &'a PreparedScenario<'a>,
    compiled: Compiled,
    observer: JournalObserver,
    last_user: u32,
    bandits: Vec<Bandit<'a>>,
    guards: Vec<Watch<'a>>,
    news: VecDeque<Event>,
}

impl<'a> Adaptive<'a> {
    /// Whoever changes the splits of the stage's scenario over so many users; `None` where nothing
    /// adapts.
    #[must_use]
    pub fn new(stage: &'a PreparedScenario<'a>, compiled: &Compiled, users: u32) -> Option<Self> {
        let scenario = stage.scenario;
        let bandit = |study: &'a Study| {
            let settings = study.allocation?;
            let policy = Policy::new(study.place, &study.varies, settings.every);
            Some(Bandit { policy, study, settings, reallocations: Vec::new() })
        };
        let bandits: Vec<Bandit<'a>> = scenario.studies.iter().filter_map(bandit).collect();
        let watch = |(own, nth): (&'a WatchedRollout, usize)| Watch {
            policy: Policy::new(nth, &own.varies, own.guard.every),
            guard: &own.guard,
            seen: Watched::default(),
        };
        let guards: Vec<Watch<'a>> =
            scenario.rollouts.iter().zip(scenario.studies.len()..).map(watch).collect();
        if bandits.is_empty() && guards.is_empty() {
            return None;
        }
        let mut varies = scenario.varies();
        varies.extend(scenario.rollouts.iter().map(|rollout| rollout.varies.clone()));
        let observer = JournalObserver::new(1, users as usize, varies, &scenario.metrics)
            .with_outcomes(scenario.outcome_keys());
        let compiled = compiled.clone();
        Some(Self {
            stage,
            compiled,
            observer,
            last_user: 0,
            bandits,
            guards,
            news: VecDeque::new(),
        })
    }

    /// What was changed.
    #[must_use]
    pub fn finish(self) -> Adapted {
        let mut bandits = self.bandits.into_iter().peekable();
        let own = |study: &Study| {
            bandits
                .next_if(|bandit| bandit.policy.nth == study.place)
                .map(|bandit| bandit.reallocations)
        };
        Adapted {
            bandits: self
                .stage
                .scenario
                .studies
                .iter()
                .map(own)
                .map(Option::unwrap_or_default)
                .collect(),
            guards: self.guards.into_iter().map(|watch| watch.seen).collect(),
        }
    }

    fn analysis(&self, nth: usize, experiment: &Experiment) -> Analysis {
        let units = 0..self.last_user as usize;
        analyze(
            experiment,
            &summarize(
                self.observer.observations(),
                nth,
                experiment,
                &self.stage.scenario.metrics,
                units,
            ),
        )
    }

    fn emit(&mut self, policy: &Policy, weights: &[u32]) {
        for (treatment, &weight) in weights.iter().enumerate() {
            self.news.extend(
                policy.served(treatment).map(|served| Event::Reallocated { served, weight }),
            );
        }
    }

    /// Gives the treatments of a bandit their probabilities to be best as shares.
    fn reallocate(&mut self, bandit: &mut Bandit<'_>) {
        let Bandit { policy, study, settings, reallocations } = bandit;
        policy.schedule.looked();
        let analysis = self.analysis(policy.nth, &study.experiment);
        let Some(weights) = thompson_weights(&analysis, settings.floor) else { return };
        let own: Vec<(usize, u32)> = weights
            .iter()
            .enumerate()
            .filter_map(|(treatment, &weight)| {
                Some((usize::from(policy.served(treatment)?.variation), weight))
            })
            .collect();
        if self.compiled.reallocate(usize::from(policy.varies.config), study.targeting, &own) {
            reallocations.push(Reallocation::of(policy.schedule.users(), &weights));
            self.emit(policy, &weights);
        }
    }

    /// Looks at a guarded rollout, and takes it back or releases it.
    fn look(&mut self, watch: &mut Watch<'_>) {
        let Watch { policy, guard, seen } = watch;
        policy.schedule.looked();
        let analysis = self.analysis(policy.nth, &guard.study);
        let last = match seen.look(guard, &analysis, policy.schedule.users()) {
            Ending::Watching => return,
            Ending::RolledBack(_) => 0,
            Ending::Released => 1,
        };
        if let Some(served) = policy.served(last) {
            self.compiled.settle(
                usize::from(served.config),
                Some(guard.rule),
                usize::from(served.variation),
            );
        }
        self.emit(policy, &if last == 1 { [0, WHOLE_WEIGHT] } else { [WHOLE_WEIGHT, 0] });
    }
}

impl Assign for Adaptive<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> Assignments {
        let mut bandits = std::mem::take(&mut self.bandits);
        for bandit in bandits.iter_mut().filter(|bandit| bandit.policy.schedule.due()) {
            self.reallocate(bandit);
        }
        self.bandits = bandits;
        let mut guards = std::mem::take(&mut self.guards);
        let watching = |watch: &&mut Watch<'_>| {
            watch.seen.ending == Ending::Watching && watch.policy.schedule.due()
        };
        for watch in guards.iter_mut().filter(watching) {
            self.look(watch);
        }
        self.guards = guards;
        FlagAssign { compiled: &self.compiled, forced: &[], in_turn: &[] }.assign(key, group)
    }

    fn on_entry(&mut self, entry: &Entry) {
        self.last_user = self.last_user.max(entry.user);
        self.observer.entry(entry);
        if let Event::Evaluated { served, in_experiment: true } = entry.event {
            self.bandits.iter_mut().for_each(|bandit| bandit.policy.count(served));
            self.guards.iter_mut().for_each(|watch| watch.policy.count(served));
        }
    }

    fn take_event(&mut self) -> Option<Event> {
        self.news.pop_front()
    }
}

/// Whoever assigns in a run: the flags as they are, or as they become.
#[derive(Debug)]
pub enum Assigner<'a> {
    /// As they are.
    Fixed(FlagAssign<'a>),
    /// As they become.
    Adaptive(Box<Adaptive<'a>>),
}

impl Assigner<'_> {
    /// What was changed while users arrived.
    #[must_use]
    pub fn finish(self) -> Adapted {
        match self {
            Self::Fixed(_) => Adapted::default(),
            Self::Adaptive(adaptive) => adaptive.finish(),
        }
    }
}

impl Assign for Assigner<'_> {
    fn assign(&mut self, key: &UserKey, group: u16) -> Assignments {
        match self {
            Self::Fixed(flags) => flags.assign(key, group),
            Self::Adaptive(adaptive) => adaptive.assign(key, group),
        }
    }

    fn assign_visit(&mut self, key: &UserKey, group: u16, visit: (u32, u32)) -> Assignments {
        match self {
            Self::Fixed(flags) => flags.assign_visit(key, group, visit),
            Self::Adaptive(adaptive) => adaptive.assign_visit(key, group, visit),
        }
    }

    fn on_entry(&mut self, entry: &Entry) {
        if let Self::Adaptive(adaptive) = self {
            adaptive.on_entry(entry);
        }
    }

    fn take_event(&mut self) -> Option<Event> {
        match self {
            Self::Fixed(_) => None,
            Self::Adaptive(adaptive) => adaptive.take_event(),
        }
    }
}
